"""Logs and packs that come from anyone: names that lead elsewhere, links, and files made to fill a memory."""

import gzip
import json
import shutil
import zipfile

import pytest

from lm_eval_mathtasks.errors import EvidenceError
from lm_eval_mathtasks.evidence.manifest import FILE
from lm_eval_mathtasks.evidence.pack import Choices, prepare, write
from lm_eval_mathtasks.files import read_json_lines
from lm_eval_mathtasks.runs.records import Choice, Source
from lm_eval_mathtasks.runs.registry import find_sources
from tests.evidence.test_evidence import copy, edit_json, findings, full, run  # noqa: F401

NAMES = ["..", "../../up", "/etc/mathtasks", ".", "", "~", "a/../..", "-rf", "..\\..\\up", "x\x00y"]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_in_a_log_never_leads_out_of_the_folder(run, tmp_path, name):  # noqa: F811
    logs = shutil.copytree(run, tmp_path / "logs")
    edit_json(logs, "**/results_*.json", lambda content: content.update(model_name=name))
    out = tmp_path / "deep" / "er" / "packs"
    before = {p for p in tmp_path.rglob("*") if out not in p.parents}
    (pack,) = prepare(logs, out, Choices())
    write([pack])
    assert len(pack.folder.relative_to(out).parts) == 3
    assert {p for p in tmp_path.rglob("*") if out not in p.parents} - before <= {out, *out.parents}


def test_a_link_out_of_the_folder_of_packs_is_refused(run, tmp_path):  # noqa: F811
    out = tmp_path / "packs"
    (pack,) = prepare(run, out, Choices())
    out.mkdir()
    (tmp_path / "elsewhere").mkdir()
    (out / pack.folder.relative_to(out).parts[0]).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(EvidenceError, match="elsewhere"):
        prepare(run, out, Choices())
    (tmp_path / "other name").symlink_to(out)
    (out / pack.folder.relative_to(out).parts[0]).unlink()
    assert prepare(run, tmp_path / "other name", Choices()), "a link to the folder itself leads nowhere else"


@pytest.mark.parametrize("which", [FILE, "samples_*", "results_*", "more.txt"])
def test_a_link_in_a_pack_is_found(copy, tmp_path, which):  # noqa: F811
    (file,) = copy.glob(which) if which != "more.txt" else (copy / which,)
    target = tmp_path / "target"
    target.write_bytes(file.read_bytes() if file.exists() else b"x")
    file.unlink(missing_ok=True)
    file.symlink_to(target)
    (said,) = findings(copy)
    assert file.name in said
    assert "links" in said


def test_a_file_outside_that_a_manifest_names_is_not_read(copy):  # noqa: F811
    (file,) = copy.glob("samples_*")
    (copy / "samples_x").mkdir()
    file.rename(copy.parent / file.name)
    edit_json(
        copy,
        FILE,
        lambda content: content["files"].update(
            {f"samples_x/../../{file.name}": content["files"].pop(file.name)}
        ),
    )
    assert any("one file samples_*" in said for said in findings(copy))


def test_a_file_packed_to_fill_a_memory_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("lm_eval_mathtasks.files.UNPACKED", 1 << 16)
    bomb, honest = tmp_path / "bomb.jsonl.gz", tmp_path / "honest.jsonl.gz"
    bomb.write_bytes(gzip.compress(b'{"a": "' + b"0" * (1 << 23) + b'"}\n'))
    with pytest.raises(EvidenceError, match=r"readable.*packed file"):
        read_json_lines(bomb, EvidenceError)
    rows = [{"doc_id": n, "response": f"{n * n} " * 40} for n in range(2000)]
    honest.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode()))
    assert read_json_lines(honest, EvidenceError) == rows


def test_a_log_zipped_to_fill_a_memory_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("lm_eval_mathtasks.files.UNPACKED", 1 << 16)
    log = tmp_path / "log.eval"
    with zipfile.ZipFile(log, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("header.json", json.dumps({"eval": {"model": "m", "task": "t"}, "status": "success"}))
        out.writestr("samples/1.json", b'{"a": "' + b"0" * (1 << 23) + b'"}')
    (source,) = find_sources(log)
    assert isinstance(source, Source)
    with pytest.raises(EvidenceError, match=r"readable.*packed file"):
        list(source.read(source, Choice()))
