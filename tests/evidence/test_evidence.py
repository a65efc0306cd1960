"""Evidence: what a pack holds and what it does not, and that `verify` finds every way to spoil one."""

import gzip
import json
import logging
import shutil
import socket
from dataclasses import replace

import pytest

from lm_eval_mathtasks import embedded
from lm_eval_mathtasks.cli import main
from lm_eval_mathtasks.errors import EvidenceError
from lm_eval_mathtasks.evidence import pack as packing
from lm_eval_mathtasks.evidence.manifest import FILE, command_of, hardware_of, packages_of, sealed
from lm_eval_mathtasks.evidence.pack import Choices, prepare, write
from lm_eval_mathtasks.evidence.verify import Report, verify, verify_pack
from lm_eval_mathtasks.files import file_sha256, sha256
from lm_eval_mathtasks.grading import Status, Verdict
from lm_eval_mathtasks.journal.schema import Answer
from lm_eval_mathtasks.journal.store import Journal
from lm_eval_mathtasks.problems.rows import SAMPLES
from lm_eval_mathtasks.problems.sets import known_sets
from lm_eval_mathtasks.runs.judged import judge_run
from lm_eval_mathtasks.runs.reading import read_run
from tests.conftest import read_jsonl
from tests.evidence.real_lm_eval import run_lm_eval

DOCS = read_jsonl(SAMPLES / "gsm8k.jsonl")
LONG = "1" * 300
MAIL = "ada" + "@" + "analytical-engine.org"
KEY = "sk" + "-" + "A1b2C3d4E5" * 4


def response(number, doc):
    """Right in two docs of three; then wrong, too long to repeat, or none."""
    if number % 3 < 2:
        return f"Working {number}: \\boxed{{{doc['answer'].rsplit('#### ', 1)[1]}}}"
    return {2: "so \\boxed{-7}", 5: f"\\boxed{{{LONG}}}"}.get(number, "I do not know, and nobody does.")


def replayed(folder, answers):
    """The logs of a replay on the bundled sample."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "responses.jsonl"
    rows = [{"doc_id": number, "response": text} for number, text in enumerate(answers)]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    logging.root.handlers = []  # lm-eval's would keep the stream of an earlier test
    words = ["--model", "replay", "--model_args", f"path={file},model=acme/toy", "--tasks", "sample-gsm8k"]
    assert main(["run", *words, "--output_path", str(folder / "out")]) == 0
    return folder / "out"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return replayed(tmp_path_factory.mktemp("run"), [response(n, doc) for n, doc in enumerate(DOCS)])


def packed(run, out, **choices):
    write(prepare(run, out, Choices(**choices)))
    (folder,) = (path.parent for path in out.rglob(FILE))
    return folder


@pytest.fixture(scope="module")
def full(run, tmp_path_factory):
    return packed(run, tmp_path_factory.mktemp("full") / "logs")


@pytest.fixture(scope="module")
def textless(run, tmp_path_factory):
    return packed(run, tmp_path_factory.mktemp("none") / "logs", text="none")


@pytest.fixture
def copy(full, tmp_path):
    return shutil.copytree(full, tmp_path / "logs" / "pack")


def everything(folder):
    """All text of a pack."""
    raw = [gzip.decompress(p.read_bytes()) if p.suffix == ".gz" else p.read_bytes() for p in folder.iterdir()]
    return b"\n".join(raw).decode()


def lines_of(folder):
    (file,) = folder.glob("samples_*")
    return [json.loads(line) for line in gzip.decompress(file.read_bytes()).splitlines()]


def manifest_of(folder):
    return json.loads((folder / FILE).read_text())


# --- what a pack holds


def test_where_it_lies_and_what_is_in_it(full, run):
    (results,) = run.rglob("results_*.json")
    date = results.stem.removeprefix("results_").split(".")[0]
    assert full.parts[-3:] == ("acme__toy", "sample-gsm8k", date)
    assert sorted(path.name.split("_")[0] for path in full.iterdir()) == [
        "manifest.json",
        "results",
        "samples",
    ]
    manifest = manifest_of(full)
    assert manifest["score"] == {"metric": "exact_match,none", "value": 0.67, "docs": 100}
    assert manifest["dataset"]["is_published_set"] is True
    assert manifest["generation"]["max_gen_toks"] == 256
    assert manifest["command"] == (
        "mathtasks run --model replay --model_args path=responses.jsonl,model=acme/toy --tasks sample-gsm8k "
        "--output_path out"
    )
    assert manifest["command_from"] == "noted by the run"
    assert {"lm-eval", "lm-eval-mathtasks", "python", "torch"} <= set(manifest["packages"])
    assert set(manifest["hardware"]) >= {"cpu", "os"}
    assert len(manifest["prompts"]["sha256"]) == 64
    assert {"commit", "dirty", "journal", "weights", "taken_out", "seal"} <= set(manifest)
    assert all(file_sha256(full / name) == stated["sha256"] for name, stated in manifest["files"].items())
    assert len(lines_of(full)) == 100


def test_nothing_of_the_machine_is_in_it(full, run):
    text = everything(full)
    for word in (str(run), str(run.parent), socket.gethostname() + ".", "/tmp/", "pretty_env_info", " at 0x"):
        assert word not in text
    assert manifest_of(full)["taken_out"].keys() >= {"path", "address"}


def test_a_pack_reads_as_the_run_it_was(full, run):
    ours, theirs = read_run(full), read_run(run)
    assert ours.rows == theirs.rows
    assert (ours.model, ours.protocol, ours.metric) == (theirs.model, theirs.protocol, theirs.metric)


def test_the_same_run_gives_the_same_bytes(full, run, tmp_path):
    again = packed(run, tmp_path / "logs")
    assert {p.name: p.read_bytes() for p in again.iterdir()} == {
        p.name: p.read_bytes() for p in full.iterdir()
    }


def test_a_log_of_plain_lm_eval_gets_its_command_from_its_configuration(run, tmp_path):
    copied = shutil.copytree(run, tmp_path / "run")
    edit_json(copied / "acme__toy", "results_*", lambda results: results.pop("mathtasks"))
    manifest = manifest_of(packed(copied, tmp_path / "logs"))
    assert manifest["command_from"] == "the configuration in the results"
    assert manifest["command"].startswith(
        "mathtasks run --model replay --model_args path=responses.jsonl,model=acme/toy --tasks sample-gsm8k"
    )
    assert manifest["command_from"] == "the configuration in the results"


def test_the_size_is_said_and_a_dry_run_writes_nothing(run, tmp_path, capsys):
    assert main(["evidence", "pack", str(run), "--out", str(tmp_path / "logs"), "--dry-run"]) == 0
    assert "100 docs, " in (out := capsys.readouterr().out)
    assert " kB (results_" in out
    assert not (tmp_path / "logs").exists()


def test_too_large_and_there_already(run, tmp_path, capsys):
    command = ["evidence", "pack", str(run), "--out", str(tmp_path / "logs")]
    assert main([*command, "--max-mb", "0.01"]) == 2
    assert "at most 0.01 MB" in capsys.readouterr().err
    assert main(command) == 0
    assert main(command) == 2
    assert "Evidence is not overwritten" in capsys.readouterr().err


@pytest.mark.parametrize("trouble", [OSError("disk full"), KeyboardInterrupt(), "doc 3: graded otherwise"])
def test_a_pack_that_fails_leaves_nothing(run, tmp_path, monkeypatch, trouble):
    packs = prepare(run, tmp_path / "logs", Choices())

    def fail(folder):
        if isinstance(trouble, str):
            return Report(folder, findings=[trouble])
        raise trouble

    monkeypatch.setattr(packing, "verify_pack", fail)
    with pytest.raises(KeyboardInterrupt if isinstance(trouble, KeyboardInterrupt) else EvidenceError):
        write(packs)
    assert list((tmp_path / "logs").rglob("*")) == []


def test_what_a_killed_pack_left_is_no_pack_and_is_removed(run, tmp_path, capsys):
    logs = tmp_path / "logs"
    (pack,) = packs = prepare(run, logs, Choices())
    left = pack.folder.with_name(f".{pack.folder.name}.1.part")
    left.mkdir(parents=True)
    for name, content in pack.files.items():
        (left / name).write_bytes(content)
    assert main(["evidence", "verify", str(logs)]) == 1
    assert "is what a killed pack left" in capsys.readouterr().out
    write(packs)
    assert main(["evidence", "verify", str(logs)]) == 0
    assert not left.exists()


def test_packs_of_one_run_appear_together(run, tmp_path, monkeypatch):
    """Killed between two tasks, a run would have some of its packs, and a second try would be refused."""
    (first,) = prepare(run, tmp_path / "logs", Choices())
    packs = [first, replace(first, folder=first.folder.parent / "another")]
    seen = []

    def look(folder):
        seen.append(first.folder.exists())
        return Report(folder)

    monkeypatch.setattr(packing, "verify_pack", look)
    write(packs)
    assert seen == [False, False]
    assert all(pack.folder.is_dir() for pack in packs)


def test_what_is_no_run_of_lm_eval(full, tmp_path, capsys):
    (tmp_path / "answers.jsonl").write_text('{"id": 1, "gold": "1", "response": "1"}\n')
    wrongs = {
        tmp_path / "answers.jsonl": "lm-eval's logs",
        full: "a pack already",
        tmp_path / "no": "no such file",
    }
    for wrong, said in wrongs.items():
        assert main(["evidence", "pack", str(wrong), "--out", str(tmp_path / "logs")]) == 2
        assert said in capsys.readouterr().err


def test_a_line_a_doc_where_lm_eval_has_one_a_filter(tmp_path):
    run_lm_eval(tmp_path)
    write(prepare(tmp_path / "out", tmp_path / "logs", Choices()))
    for task, k in (("two-filters", 1), ("three-repeats", 3)):
        folder = folder_of(tmp_path / "logs", task)
        lines = lines_of(folder)
        assert len(lines) == 6
        assert [len(line["verdicts"]) for line in lines] == [k] * 6
        before, after = read_run(tmp_path / "out", task=task), read_run(folder)
        assert after.rows == before.rows
        assert verify_pack(folder).findings == []
    strict = read_run(folder_of(tmp_path / "logs", "two-filters"), metric="exact_match,strict-match")
    lenient = read_run(folder_of(tmp_path / "logs", "two-filters"))
    assert [row.score for row in strict.rows] == [
        row.metrics["exact_match,strict-match"] for row in lenient.rows
    ]
    assert [row.score for row in strict.rows] != [row.score for row in lenient.rows]


def folder_of(logs, task):
    (folder,) = (path.parent for path in logs.rglob(FILE) if task in path.parts)
    return folder


def test_repeats_with_a_response_that_never_came(tmp_path):
    """What an API error took has no verdict, and the others of its doc count."""
    rows = [{"doc_id": n, "responses": [response(n, doc), "\\boxed{-7}"]} for n, doc in enumerate(DOCS) if n]
    rows += [
        {"doc_id": 0, "repeat": 0, "response": response(0, DOCS[0])},
        {"doc_id": 0, "repeat": 1, "error": "503"},
    ]
    (tmp_path / "r.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    logging.root.handlers = []
    words = ["--model", "replay", "--model_args", f"path={tmp_path / 'r.jsonl'},model=toy"]
    words += ["--tasks", "sample-gsm8k@2", "--gen_kwargs", "do_sample=true,temperature=0.6"]
    assert main(["run", *words, "--output_path", str(tmp_path / "out")]) == 1
    for text, again in (("full", 199), ("none", 198)):  # a long answer is kept by its hash
        folder = packed(tmp_path / "out", tmp_path / text, text=text)
        line = lines_of(folder)[0]
        assert [verdict and verdict["status"] for verdict in line["verdicts"]] == ["correct", None]
        assert line["finish_reasons"] == [[None, "api_error"]]
        assert manifest_of(folder)["responses"] == 199
        report, _ = verify(tmp_path / text, data=[SAMPLES])
        assert (report.findings, report.regraded) == ([], again)


def test_what_the_journal_says(tmp_path, monkeypatch):
    """An API run: finish reasons go into the samples, counts into the manifest, and the journal is not needed again."""
    journal = tmp_path / "j.sqlite"
    out = replayed(tmp_path, ["It is \\boxed{3", *(response(n, d) for n, d in enumerate(DOCS) if n)])
    (results,) = out.rglob("results_*.json")
    content = json.loads(results.read_text())
    content["config"] |= {
        "model": "mathtasks-chat",
        "model_args": {"model": "acme/toy", "journal": str(journal), "base_url": "http://node-7:8000/v1"},
    }
    results.write_text(json.dumps(content))
    kept = Journal(journal)
    counts = {"usage": {"prompt_tokens": 10, "completion_tokens": 5}, "latency_s": 0.5, "attempts": 3}
    more = {"finish_reason": "length", "served_model": "toy-0101", "sent_at": 1.0, "finished_at": 2.0}
    kept.put(Answer("k0", "u", "acme/toy", {}, "p", "It is \\boxed{3", **counts, **more))
    kept.note_docs([("k0", "sample-gsm8k", 0, 0)])
    kept.fail("k0", "transient", "server_error", "HTTP 500", 2)
    kept.close()
    folder = packed(out, tmp_path / "logs")
    assert manifest_of(folder)["journal"] == {
        "answers": 1,
        "finish_reasons": {"length": 1},
        "prompt_tokens": 10,
        "completion_tokens": 5,
        "mean_latency_s": 0.5,
        "span_s": 1.0,
        "extra_attempts": 2,
        "served_models": ["toy-0101"],
        "fingerprints": [],
        "failures": {"server_error": 1},
    }
    journal.unlink()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mathtasks-journal.sqlite").write_bytes(b"of another run")
    assert read_run(folder).rows[0].finish == ("length",)
    assert "private-host:8000" in everything(folder)
    assert verify_pack(folder).findings == []


def test_the_weights_of_a_local_model_are_named_by_checksum(run, tmp_path):
    folder = packed(run, tmp_path / "logs", weights=embedded.path("grpo"))
    weights = manifest_of(folder)["weights"]
    assert weights["model.safetensors"] == file_sha256(embedded.path("grpo") / "model.safetensors")
    with pytest.raises(EvidenceError, match="weights"):
        prepare(run, tmp_path / "other", Choices(weights=tmp_path))


ENVIRONMENT = """\
PyTorch version: 2.9.0
CUDA used to build PyTorch: 12.8
OS: Ubuntu 24.04 (x86_64)
Python version: 3.12.3 (main) [GCC 13] (64-bit runtime)
GPU models and configuration: GPU 0: NVIDIA H100 80GB HBM3
GPU 1: NVIDIA H100 80GB HBM3
Nvidia driver version: 570.1
CPU(s):                   64
Model name:               AMD EPYC 9654
[pip3] numpy==2.1.0
[pip3] torch==2.9.0
[pip3] mypy==1.0
"""


def test_hardware_and_packages_of_another_machine():
    results = {"pretty_env_info": ENVIRONMENT, "lm_eval_version": "0.4.9", "transformers_version": "4.50"}
    assert hardware_of(results) == {
        "cpu": "AMD EPYC 9654", "cpus": "64", "gpu": "GPU 0: NVIDIA H100 80GB HBM3; NVIDIA H100 80GB HBM3",
        "driver": "570.1", "cuda": "12.8", "os": "Ubuntu 24.04 (x86_64)",
    }  # fmt: skip
    assert packages_of(results) == {
        "lm-eval": "0.4.9", "numpy": "2.1.0", "python": "3.12.3", "torch": "2.9.0", "transformers": "4.50",
    }  # fmt: skip


def test_the_command_is_made_from_the_configuration():
    config = {
        "model": "hf",
        "model_args": {"pretrained": "a/b", "dtype": "float32"},
        "limit": 5,
        "device": "cpu",
    }
    results = {"config": {**config, "gen_kwargs": {"max_gen_toks": 9}}, "chat_template": "{{ x }}"}
    assert command_of(results, "math500") == (
        "mathtasks run --model hf --model_args pretrained=a/b,dtype=float32 --tasks math500 --device cpu --limit 5 "
        "--gen_kwargs max_gen_toks=9 --apply_chat_template"
    )


# --- secrets


@pytest.fixture(scope="module")
def leaking(tmp_path_factory):
    answers = [response(n, doc) for n, doc in enumerate(DOCS)]
    answers[17] = f"Write to {MAIL}. {answers[17]}"
    answers[20] = f"{KEY} {answers[20]}"
    answers[23] = f"\\boxed{{\\text{{{KEY}}}}}"
    return replayed(tmp_path_factory.mktemp("leaking"), answers)


def test_a_secret_stops_the_pack_and_is_not_repeated(leaking, tmp_path, capsys):
    command = ["evidence", "pack", str(leaking), "--out", str(tmp_path / "logs")]
    assert main(command) == 2
    error = capsys.readouterr().err
    assert ".jsonl.gz:18: e-mail of 25 characters at resps[0][0]" in error
    assert ".jsonl.gz:21: openai of 43 characters at filtered_resps[0]" in error
    assert MAIL not in error
    assert KEY not in error
    assert not (tmp_path / "logs").exists()
    assert main([*command, "--allow", "e-mail:18"]) == 2
    assert main([*command, "--allow", "e-mail:18", "--allow", "openai:21", "--allow", "openai:24"]) == 0
    assert main([*command, "--allow", "e-mail"]) == 2
    assert "--allow KIND:LINE, got e-mail" in capsys.readouterr().err


def test_redaction_is_counted_and_the_pack_verifies(leaking, tmp_path):
    folder = packed(leaking, tmp_path / "logs", redact=True)
    assert MAIL not in everything(folder)
    assert KEY not in everything(folder)
    assert "[redacted e-mail]" in lines_of(folder)[17]["resps"][0][0]
    assert {k: v for k, v in manifest_of(folder)["taken_out"].items() if k in ("e-mail", "openai")} == {
        "e-mail": 2,  # in the response, and in the filtered one
        "openai": 5,  # and once more in the answer
    }
    # A redacted answer is graded as it now stands.
    assert lines_of(folder)[23]["verdicts"][0]["answer"] == "\\text{[redacted openai]}"
    assert verify_pack(folder).findings == []


@pytest.mark.parametrize("place", ["model_args", "command"])
def test_a_key_in_the_settings(run, tmp_path, place):
    copied = shutil.copytree(run, tmp_path / "run")
    (results,) = copied.rglob("results_*.json")
    content = json.loads(results.read_text())
    if place == "model_args":
        content["config"]["model_args"]["api_key"] = "correct horse"
    results.write_text(json.dumps(content))
    command = f"OPENAI_API_KEY={KEY} mathtasks run" if place == "command" else None
    with pytest.raises(
        EvidenceError, match=r"results_.*config.model_args.api_key|manifest.json:1: \w+ .* command"
    ):
        prepare(copied, tmp_path / "logs", Choices(command=command))


# --- without text


def test_without_text_there_is_no_text(textless, run):
    text = everything(textless)
    for number, doc in enumerate(DOCS):
        assert doc["question"][:40] not in text
        assert doc["answer"][:40] not in text
        assert response(number, doc)[:30] not in text
    lines = lines_of(textless)
    assert lines[0]["verdicts"][0] == {
        "answer": DOCS[0]["answer"].rsplit("#### ", 1)[1], "rule": "box", "status": "correct", "tier": "number",
        "cut_off": None,
    }  # fmt: skip
    assert lines[2]["verdicts"][0]["answer"] == "-7"
    assert lines[5]["verdicts"][0]["answer_sha256"] == sha256(LONG)
    assert lines[8]["verdicts"][0]["answer"] is None
    assert lines[8]["response_sha256"] == [sha256(response(8, DOCS[8]))]
    assert lines[8]["gold_sha256"] == sha256(DOCS[8]["answer"])
    assert LONG not in text


def test_without_text_nothing_stays_that_nobody_foresaw(run, tmp_path):
    """A rescored log says what was extracted, at any length; other tools add columns of their own."""
    assert main(["rescore", str(run), "-o", str(tmp_path / "again"), "--workers", "1"]) == 0
    (samples,) = (tmp_path / "again").rglob("samples_*")
    lines = [{**line, "note": "what the model said"} for line in read_jsonl(samples)]
    assert any(line["judged"][0]["answer"] == LONG for line in lines)
    samples.write_text("".join(json.dumps(line) + "\n" for line in lines))
    folder = packed(tmp_path / "again", tmp_path / "logs", text="none")
    assert LONG not in everything(folder)
    assert "what the model said" not in everything(folder)
    report, _ = verify(tmp_path / "logs", data=[SAMPLES])
    assert (report.findings, report.score) == ([], 0.67)


def test_without_text_it_reads_as_a_scored_run(textless, run):
    ours, theirs = read_run(textless), read_run(run)
    assert [row.score for row in ours.rows] == [row.score for row in theirs.rows]
    assert ours.protocol == theirs.protocol
    with pytest.raises(EvidenceError, match="a pack without text"):
        judge_run(ours)


def test_without_text_it_is_judged_from_what_is_at_hand(textless, run):
    assert verify_pack(textless).regraded == 0
    logs = textless.parents[2]
    by_answers, whole = verify(logs, data=[SAMPLES])
    assert (by_answers.regraded, by_answers.findings, whole.findings) == (99, [], [])  # all but the long one
    with_texts, _ = verify(logs, data=[SAMPLES, run.parent / "responses.jsonl"])
    assert (with_texts.regraded, with_texts.findings) == (100, [])


def test_a_wrong_verdict_without_text_is_found_from_the_reference(textless, tmp_path):
    folder = shutil.copytree(textless, tmp_path / "logs" / "p")

    def spoil(lines):
        lines[2]["verdicts"][0]["answer"] = lines[2]["verdicts"][0]["answer"].replace("-7", "-8")
        lines[0]["verdicts"][0]["status"] = "incorrect"
        lines[0]["exact_match"] = 0.0

    edit_lines(folder, spoil)
    report, _ = verify(tmp_path / "logs", data=[SAMPLES])
    assert any(
        text.startswith("doc 0: graded incorrect then, correct now: number: ") for text in report.findings
    )


# --- how it can be spoilt


def reseal(folder):
    """Make the manifest fit whatever the files are now, as a forger would."""
    manifest = manifest_of(folder)
    for name in manifest["files"]:
        path = folder / name
        manifest["files"][name] = {"sha256": file_sha256(path), "bytes": path.stat().st_size}
    (folder / FILE).write_text(json.dumps(sealed(manifest)))


def edit_lines(folder, change):
    (file,) = folder.glob("samples_*")
    lines = lines_of(folder)
    change(lines)
    file.write_bytes(gzip.compress("".join(json.dumps(line) + "\n" for line in lines).encode()))
    reseal(folder)


def edit_json(folder, pattern, change):
    (file,) = folder.glob(pattern)
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content))


def findings(folder):
    return verify_pack(folder).findings


def test_a_changed_byte(copy):
    (file,) = copy.glob("results_*")
    file.write_bytes(file.read_bytes() + b" ")
    assert findings(copy) == [f"{file.name} was changed: its SHA-256 is not the manifest's"]


def test_a_damaged_file(copy):
    (file,) = copy.glob("samples_*")
    file.write_bytes(file.read_bytes()[:-200])
    assert any("the file is damaged" in text for text in findings(copy))


def test_missing_and_extra_files(copy):
    (copy / "more.txt").write_text("x")
    assert findings(copy) == ["more.txt is not in the manifest"]
    (file,) = copy.glob("samples_*")
    file.unlink()
    assert f"{file.name} is missing" in findings(copy)


def test_an_edited_manifest(copy):
    edit_json(copy, FILE, lambda manifest: manifest.update(command="another"))
    assert findings(copy) == ["manifest.json was edited: its seal does not fit"]
    edit_json(copy, FILE, lambda manifest: manifest.update(model="better/model"))
    reseal(copy)
    assert findings(copy) == ["model: the manifest says better/model, the files acme/toy"]


def test_an_unreadable_manifest(copy):
    (copy / FILE).write_text('{"format": 99}')
    assert any("a manifest of format 1" in text for text in findings(copy))
    (copy / FILE).write_text("{")
    assert any("a readable" in text for text in findings(copy))


def test_an_edited_score(copy):
    edit_json(copy, "results_*", lambda r: r["results"]["sample-gsm8k"].update({"exact_match,none": 0.97}))
    reseal(copy)
    assert findings(copy) == ["exact_match,none is 0.97 in the results, 0.67 by the samples"]


@pytest.mark.parametrize(("score", "said"), [(float("nan"), "nan"), ("0.97", "0.97"), (None, "None")])
def test_a_score_that_is_no_number(copy, score, said):
    edit_json(copy, "results_*", lambda r: r["results"]["sample-gsm8k"].update({"exact_match,none": score}))
    reseal(copy)
    assert findings(copy) == [f"exact_match,none is {said} in the results, 0.67 by the samples"]


def test_a_score_from_nowhere(copy):
    edit_json(copy, "results_*", lambda r: r["results"]["sample-gsm8k"].update({"pass@8,none": 0.99}))
    reseal(copy)
    assert findings(copy) == ["pass@8,none is in the results, and no doc has it"]


def test_text_that_was_taken_out_later(copy):
    def change(lines):
        for line in lines:
            del line["resps"]

    edit_lines(copy, change)
    assert findings(copy)


@pytest.mark.parametrize(
    "change",
    [
        lambda manifest: manifest.update(files={}),
        lambda manifest: manifest.update(files={"results_x": 1}),
        lambda manifest: manifest.update(files=3),
        lambda manifest: manifest.update(files={"../../../x": {"sha256": "0"}}),
        lambda manifest: manifest.clear(),
    ],
)
def test_a_manifest_of_nonsense_is_a_finding(copy, change):
    edit_json(copy, FILE, change)
    assert findings(copy)
    assert not any("Error(" in text or "StopIteration" in text for text in findings(copy))


@pytest.mark.parametrize(
    "change",
    [
        lambda line: line.update(verdicts=7),
        lambda line: line.update(verdicts=[None]),
        lambda line: line.update(metrics=None),
        lambda line: line.update(other_filters=[1]),
        lambda line: line.pop("doc_id"),
    ],
)
def test_a_line_of_nonsense_is_a_finding(copy, change):
    edit_lines(copy, lambda lines: change(lines[8]))
    assert findings(copy)


def test_lines_without_verdicts_are_counted(copy):
    edit_lines(copy, lambda lines: lines[8].pop("verdicts"))
    assert any("got 1 without, the first with doc_id 8" in text for text in findings(copy))


def test_an_edited_error_bar(copy):
    edit_json(
        copy, "results_*", lambda r: r["results"]["sample-gsm8k"].update({"exact_match_stderr,none": 0.001})
    )
    reseal(copy)
    assert [text[:31] for text in findings(copy)] == ["exact_match_stderr,none is 0.00"]


def test_an_edited_doc_score(copy):
    edit_lines(copy, lambda lines: lines[8].update(exact_match=1.0))
    found = findings(copy)
    assert "exact_match,none is 0.67 in the results, 0.68 by the samples" in found
    assert any(text.startswith("doc 8: scored 1 then, 0 now: no_answer") for text in found)
    assert any(text.startswith("score: the manifest says") for text in found)


def test_an_edited_response(copy):
    edit_lines(copy, lambda lines: lines[8].update(resps=[[response(0, DOCS[8])]]))
    assert findings(copy)[0].startswith("doc 8: graded no_answer then, correct now: number: ")


def test_an_edited_problem_prompt_or_reference(copy):
    def change(lines):
        lines[3]["doc"]["question"] += "!"
        lines[4]["target"] = "12345"
        lines[5]["arguments"]["gen_args_0"]["arg_0"] = "Be lucky."

    edit_lines(copy, change)
    found = findings(copy)
    for doc, part in ((3, "doc"), (4, "target"), (5, "prompt")):
        assert f"doc {doc}: its {part} is not the one that was hashed" in found
    assert any(text.startswith("dataset: ") for text in found), "no longer the published set"


def test_a_secret_that_came_in_later(copy):
    edit_lines(copy, lambda lines: lines[8].update(note=f"mail {MAIL}"))
    assert findings(copy) == ["samples:9: e-mail of 25 characters at note"]


def test_a_metric_that_is_no_mean_is_left_alone(copy):
    def change(results):
        results["results"]["sample-gsm8k"]["extracted,none"] = 0.5
        for entry in results["configs"]["sample-gsm8k"]["metric_list"]:
            entry["aggregation"] = "median" if entry["metric"] == "extracted" else "mean"

    edit_json(copy, "results_*", change)
    reseal(copy)
    assert not [text for text in findings(copy) if "extracted" in text]


def test_a_catalogue_that_changed_does_not_make_an_old_pack_wrong(copy, monkeypatch):
    changed = replace(known_sets()["sample-gsm8k"], checksum="0" * 64, docs=7, revision="new")
    monkeypatch.setitem(known_sets(), "sample-gsm8k", changed)
    assert findings(copy) == []


def test_a_doc_left_out(copy):
    edit_lines(copy, lambda lines: lines.pop(8))
    assert any("belong to its results" in text for text in findings(copy))


def test_a_grader_that_changed_its_mind_is_named_doc_by_doc(copy, monkeypatch, capsys):
    """The current grader decides, and says what it decided before."""
    from lm_eval_mathtasks.grading import judge as judging

    real = judging._graded

    def stricter(gold, pred):
        if pred == "-7":
            return Verdict(Status.CORRECT, "lucky", "whim")
        return real(gold, pred)

    monkeypatch.setattr(judging, "_graded", stricter)
    assert main(["evidence", "verify", str(copy.parent)]) == 1
    out = capsys.readouterr().out
    assert "  doc 2: graded incorrect then, correct now: whim: lucky\n" in out
    assert "1 packs, 100 responses, 100 of them graded again, 1 findings" in out


def test_a_run_scored_otherwise_must_be_rescored_first(run, tmp_path, monkeypatch):
    from lm_eval_mathtasks.grading import judge as judging

    monkeypatch.setattr(judging, "_graded", lambda gold, pred: Verdict(Status.INCORRECT, "no", "whim"))
    with pytest.raises(EvidenceError, match=r"67 docs that differ: doc 0: scored 1 then, 0 now: .*rescore"):
        prepare(run, tmp_path / "logs", Choices())


# --- a folder of packs, and the page made from it

HEAD = "| model | score | docs | log | seal |\n|---|---|---|---|---|\n"


@pytest.fixture
def house(full, tmp_path):
    """A folder of logs beside the page that cites it; returns the row and a function that verifies another one."""
    folder = shutil.copytree(full, tmp_path / "logs" / "toy" / "sample-gsm8k" / "day")
    page = tmp_path / "leaderboards" / "MEASURED.md"
    page.parent.mkdir()
    name = next(folder.glob("results_*")).name
    link = f"[day](../logs/toy/sample-gsm8k/day/{name})"
    row = f"| toy | 67.00 [57.3, 75.4] | 100 × 1 | {link} | {manifest_of(folder)['seal'][:12]} |"

    def check(*rows):
        page.write_text("# Measured\n\n" + HEAD + "".join(f"{text}\n" for text in rows))
        return main(["evidence", "verify", str(tmp_path / "logs")])

    return row, check


def test_every_row_of_the_page_is_traced_to_a_log(house, capsys):
    row, check = house
    assert check(row) == 0
    for wrong, said in (
        (row.replace("67.00", "76.00"), "MEASURED.md:5: its score is 76.00 [57.3, 75.4], the log's 67.00"),
        (row.replace("100 ×", "1319 ×"), "MEASURED.md:5: its docs is 1319 × 1, the log's 100"),
        (row.replace("/day/", "/night/"), "no pack at ../logs/toy/sample-gsm8k/night/"),
        (row[: row.rindex(")") + 4] + "0123456789ab |", "its seal is 0123456789ab, the log's "),
        ("| toy | 67.00 | 100 | none | |", "no pack at any link"),
        ("", "MEASURED.md has no row for "),
    ):
        capsys.readouterr()
        assert check(*filter(None, [wrong])) == 1, said
        assert said in capsys.readouterr().out
    assert check(row, row) == 1, "two rows for one log"


def test_a_file_that_belongs_to_no_pack(house, tmp_path, capsys):
    row, check = house
    (tmp_path / "logs" / "README.md").write_text("about")
    assert check(row) == 0
    (tmp_path / "logs" / "toy" / "samples.jsonl").write_text("{}")
    assert check(row) == 1
    assert "samples.jsonl belongs to no pack" in capsys.readouterr().out


def test_nothing_to_verify(tmp_path, capsys):
    assert main(["evidence", "verify", str(tmp_path)]) == 2
    assert "packs to verify, got no manifest.json" in capsys.readouterr().err
    assert main(["evidence", "verify", str(tmp_path / "nowhere")]) == 2
    assert "a file or folder that exists" in capsys.readouterr().err
