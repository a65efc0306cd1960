"""Runs of TRL's trainers on the embedded model: a few steps each, and what stops or interrupts them."""

import csv
import errno
import json
import shutil
import signal
from itertools import islice

import pytest
import yaml

from lm_eval_mathtasks import cli, embedded
from lm_eval_mathtasks.embedded.recipe.exercises import stream
from lm_eval_mathtasks.problems import sources
from lm_eval_mathtasks.runs.training_curves import CURVE
from lm_eval_mathtasks.training import record, running
from lm_eval_mathtasks.training.data import Problem, training_rows, write_data

pytest.importorskip("trl")
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*deprecated.*:FutureWarning"),
    pytest.mark.xdist_group("training"),
]
CPU = {
    "use_cpu": True, "bf16": False, "gradient_checkpointing": False, "report_to": "none", "disable_tqdm": True,
    "dtype": "float32", "logging_steps": 1, "save_strategy": "no",
}  # fmt: skip
LORA = {
    "use_peft": True,
    "lora_r": 4,
    "lora_alpha": 8,
    "lora_target_modules": "all-linear",
    "learning_rate": 2e-4,
}
GRPO = {**CPU, **LORA, "per_device_train_batch_size": 8, "num_generations": 4, "max_steps": 2}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Training data in tags and in boxes, as `mathtasks train data` writes them."""
    problems = [
        Problem(number, one.question, one.answer, "\n".join(one.steps) + f"\n#### {one.answer}")
        for number, one in enumerate(islice(stream(3), 24))
    ]
    folders = {}
    for form in ("tags", "boxed"):
        folders[form] = tmp_path_factory.mktemp(form)
        rows = training_rows(problems, form, number=False, messages=True)
        write_data(folders[form], {"train": rows}, {"format": form, "contaminated": []})
    return folders


@pytest.fixture
def run(tmp_path, data, capsys):
    """Run `mathtasks train STAGE` on a configuration; returns status, output and errors."""

    def go(stage, *flags, trl=None, form="boxed", model="sft", **changes):
        config = {
            "stage": stage,
            "model": str(embedded.path(model)) if model in embedded.STAGES else str(model),
            "output": str(tmp_path / "out"),
            "data": {"train": str(data[form] / "train.jsonl")},
            "format": form,
            "preflight": {"sample": 0},
            "trl": {
                **(GRPO if stage == "grpo" else {**CPU, "max_steps": 2, "max_length": 256}),
                **(trl or {}),
            },
            **({"rewards": {"accuracy": 1.0}} if stage == "grpo" else {}),
            **changes,
        }
        path = tmp_path / "config.yaml"
        path.write_text(yaml.safe_dump({key: value for key, value in config.items() if value is not None}))
        capsys.readouterr()
        status = cli.main(["train", stage, str(path), *flags])
        shown = capsys.readouterr()
        return status, shown.out, shown.err

    return go


def rollouts(folder):
    with (folder / record.ROLLOUTS).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_fine_tuning_learns_and_leaves_a_record(run, tmp_path):
    trl = {
        "max_steps": 6,
        "learning_rate": 1e-3,
        "per_device_train_batch_size": 8,
        "lr_scheduler_type": "constant",
    }
    status, out, _ = run("sft", form="tags", model="base", trl=trl)
    assert status == 0
    assert "6 steps" in out
    assert "loss" in out
    with (tmp_path / "out" / CURVE).open() as file:
        losses = [float(row["loss"]) for row in csv.DictReader(file) if row["loss"]]
    assert losses[-1] < losses[0]
    used = yaml.safe_load((tmp_path / "out" / record.USED).read_text())
    assert used["config"]["format"] == "tags"
    assert used["trl"]["max_steps"] == 6
    assert used["versions"]["trl"]
    assert used["data"]["manifest"]["format"] == "tags"
    assert (tmp_path / "out/model.safetensors").exists()


def test_a_template_without_an_end_is_refused(run, tmp_path):
    model = tmp_path / "model"
    shutil.copytree(embedded.path("base"), model)
    about = json.loads((model / "tokenizer_config.json").read_text())
    cut = about["chat_template"].replace("{% if m['role'] == 'assistant' %}<eos>{% endif %}", "")
    assert cut != about["chat_template"]
    (model / "tokenizer_config.json").write_text(json.dumps({**about, "chat_template": cut}))
    status, _, err = run("sft", model=model)
    assert status == 2
    assert "[eos]: 24 of 24 rows" in err
    assert not (tmp_path / "out" / record.USED).exists()
    none = {key: value for key, value in about.items() if key != "chat_template"}
    (model / "tokenizer_config.json").write_text(json.dumps(none))
    status, _, err = run("sft", model=model)
    assert (status, "[template]" in err) == (2, True)


def test_long_rows_are_refused(run):
    status, _, err = run("sft", trl={"max_length": 20})
    assert status == 2
    assert "max_length 20" in err or "it is 20" in err


def test_grpo_with_an_adapter_records_every_rollout_and_goes_on(run, tmp_path):
    rewards = {"accuracy": 1.0, "tags_format": 0.2, "tests.training.mine.brevity": 0.1}
    trl = {"save_strategy": "steps", "save_steps": 1, "save_total_limit": 1}
    status, out, err = run("grpo", form="tags", rewards=rewards, trl=trl, preflight={"sample": 2})
    assert status == 0, err
    assert "Values after normalisation" in out
    assert "sampled before the first step: 2 prompts, 4 responses each" in out
    assert "warning [bonus]" in out
    rows = rollouts(tmp_path / "out")
    assert [row["step"] for row in rows] == ["0"] * 8 + ["1"] * 8
    assert {
        "prompt",
        "response",
        "extracted",
        "verdict",
        "reason",
        "accuracy",
        "tags_format",
        "brevity",
        "advantage",
    } <= (rows[0].keys())
    assert all(row["accuracy"] == ("1.0" if row["verdict"] == "right" else "0.0") for row in rows)
    assert (tmp_path / "out/adapter_model.safetensors").exists()
    assert [path.name for path in (tmp_path / "out").glob("checkpoint-*")] == ["checkpoint-2"]
    status, _, err = run("grpo", form="tags", rewards=rewards, trl=trl)
    assert (status, "an earlier run up to checkpoint-2" in err) == (2, True)
    status, out, err = run("grpo", "--resume", form="tags", rewards=rewards, trl={**trl, "max_steps": 3})
    assert status == 0, err
    again = rollouts(tmp_path / "out")
    assert again[:16] == rows
    assert [row["step"] for row in again[16:]] == ["2"] * 8
    # The adapter is gone on with by a run that starts from its folder.
    before = tmp_path / "out"
    before.rename(tmp_path / "first")
    status, out, err = run(
        "grpo", form="tags", model=tmp_path / "first", rewards=rewards, trl={"max_steps": 1}
    )
    assert status == 0, err
    about = json.loads((tmp_path / "out/adapter_config.json").read_text())
    assert (about["r"], about["base_model_name_or_path"]) == (4, str(embedded.path("sft")))


def test_nothing_unfinished_is_rewarded_by_trl(run, tmp_path):
    """Responses cut at 12 tokens: those that ended by themselves may be right, the others are not even where they had
    boxed the answer."""
    trl = {"max_completion_length": 12, "max_steps": 3, "per_device_train_batch_size": 24}
    status, _, err = run("grpo", trl=trl, rewards={"accuracy": 1.0, "boxed_format": 0.1, "staged": 0.1})
    assert status == 0, err
    rows = rollouts(tmp_path / "out")
    with (tmp_path / "out" / CURVE).open() as file:
        clipped = [float(row["completions/clipped_ratio"]) for row in csv.DictReader(file) if row["loss"]]
    unfinished = [row for row in rows if row["reason"] == "the response is not finished"]
    assert len(unfinished) >= round(sum(clipped) * 24) > 10
    assert {row["accuracy"] for row in unfinished} == {row["boxed_format"] for row in unfinished} == {"0.0"}
    assert {row["staged"] for row in unfinished} == {"-1.0"}
    assert {row["staged_verdict"] for row in unfinished} == {"unreadable"}


def test_only_the_preflight(run, tmp_path):
    status, out, err = run("grpo", "--preflight", preflight={"sample": 2})
    assert status == 0, err
    assert "nothing that stops the run" in out
    assert not (tmp_path / "out" / record.USED).exists()
    status, _, err = run("grpo", "--preflight", trl={"epsilon_high": 0.28})
    assert (status, "[epsilon_high]" in err) == (2, True)
    status, _, _ = run(
        "grpo", "--preflight", trl={"epsilon_high": 0.28}, preflight={"allow": ["epsilon_high"], "sample": 0}
    )
    assert status == 0


def test_nothing_to_learn_is_refused(run):
    """Responses that are cut after two tokens are all alike to the reward."""
    status, _, err = run("grpo", trl={"max_completion_length": 2}, preflight={"sample": 4})
    assert (status, "[groups]: no group of the 4 sampled prompts" in err) == (2, True)


def test_an_interrupted_run_keeps_its_checkpoints(run, tmp_path):
    rewards = {"tests.training.mine.interrupting": 1.0}
    trl = {"save_strategy": "steps", "save_steps": 1, "max_steps": 4}
    status, out, _ = run("grpo", rewards=rewards, trl=trl)
    assert status == cli.EXIT_INTERRUPTED
    assert "interrupted at step 2; --resume goes on from checkpoint-2" in out
    assert (tmp_path / "out/checkpoint-2/adapter_model.safetensors").exists()
    assert len(rollouts(tmp_path / "out")) == 16


def test_a_terminated_run_keeps_its_curve_and_goes_on(run, tmp_path, capsys):
    """A queue of jobs ends one by SIGTERM: the same as Ctrl-C, with another status."""
    rewards = {"tests.training.mine.terminated": 1.0}
    trl = {"save_strategy": "steps", "save_steps": 1, "max_steps": 3}
    handler = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as ended:
        run("grpo", rewards=rewards, trl=trl)
    assert ended.value.code == 128 + signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) == handler
    assert "interrupted at step 2; --resume goes on from checkpoint-2" in capsys.readouterr().out
    with (tmp_path / "out" / CURVE).open() as file:
        assert [row["step"] for row in csv.DictReader(file)] == ["1", "2"]
    # Another stage or model would take these weights for its own; other settings are said and kept.
    status, _, err = run("sft", "--resume")
    assert (status, "stage: sft after grpo" in " ".join(err.split())) == (2, True), err
    status, _, err = run("grpo", "--resume", model="base", rewards=rewards, trl=trl)
    assert (status, "that configuration" in err) == (2, True), err
    rewards = {"accuracy": 1.0}
    status, out, err = run("grpo", "--resume", "--preflight", rewards=rewards, trl=trl)
    assert (status, "goes on with rewards.accuracy changed: not set -> 1.0" in out) == (0, True), err
    assert "resumed" in (before := (tmp_path / "out" / record.USED).read_text())
    status, out, err = run("grpo", "--resume", rewards=rewards, trl=trl)
    assert (status, "3 steps" in out) == (0, True), err
    assert (tmp_path / "out" / record.USED).read_text() != before
    (resumed,) = yaml.safe_load((tmp_path / "out" / record.USED).read_text())["resumed"]
    assert resumed["from"] == "checkpoint-2"
    assert resumed["changed"] == {
        "rewards.accuracy": "not set -> 1.0",
        "rewards.tests.training.mine.terminated": "1.0 -> not set",
    }


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        # As safetensors and torch say it.
        Exception("Error while serializing: I/O error: No space left on device (os error 28)"),
        RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 73600 vs 73488"),
    ],
)
def test_a_full_disk_is_said(run, monkeypatch, tmp_path, error):
    """In the second batch: the first checkpoint is whole, the one that was being written is none."""
    added = record.Rollouts.add

    def full(self, rows):
        added(self, rows)
        if (tmp_path / "out/checkpoint-1").exists():
            (tmp_path / "out/checkpoint-2").mkdir()
            raise error

    monkeypatch.setattr(record.Rollouts, "add", full)
    monkeypatch.setattr(running.shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(9, 9, 0))
    status, _, err = run("grpo", trl={"save_strategy": "steps", "save_steps": 1})
    assert (status, "room on the disk" in err, "goes on from checkpoint-1" in err) == (2, True, True), err


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": "/no/such/model"}, "a model with a tokenizer at /no/such/model"),
        ({"data": {"train": "/no/such/file.jsonl"}}, "a data file, got /no/such/file.jsonl"),
        ({"format": "tags"}, r"[format]: the data are in the format boxed"),
        ({"trl": {"eval_strateg": "no"}}, "eval_strategy?"),
    ],
)
def test_what_a_user_can_change_is_said(run, changes, message):
    status, _, err = run("grpo", **changes)
    assert status == 2
    assert message in err


def test_data_without_gold_or_prompt(run, tmp_path):
    path = tmp_path / "bad.jsonl"
    path.write_text('{"prompt": [{"role": "user", "content": "a"}], "label": "7"}\n')
    status, _, err = run("grpo", data={"train": str(path)})
    assert (status, "[gold]: the data have no reference answer" in err) == (2, True)
    path.write_text('{"question": "a", "answer": "7"}\n')
    status, _, err = run("grpo", data={"train": str(path)})
    assert (status, f"`mathtasks train data --source {path}` makes it" in err) == (2, True)
    path.write_text('{"prompt": [{"role": "user", "content": "a"}], "gold": "7"}\n')
    status, _, err = run("sft", data={"train": str(path)})
    assert (status, "[completion]" in err) == (2, True)
    good = {
        "prompt": [{"role": "user", "content": "a"}],
        "completion": [{"role": "assistant", "content": "7"}],
        "gold": 7,
    }
    for other, said in (
        ({**good, "prompt": "a"}, "a list as `prompt` in row 2 of"),
        ({"prompt": good["prompt"], "gold": "7"}, "a list as `completion` in row 2 of"),
        ({**good, "text": "a"}, "a nothing as `text` in row 2 of"),
        ({**good, "prompt": []}, "as `prompt` in row 2 of"),
        ({**good, "prompt": [{"role": "user", "content": None}]}, "as `prompt` in row 2 of"),
        ({**good, "prompt": [{"from": "user", "value": "a"}]}, "as `prompt` in row 2 of"),
    ):
        path.write_text(f"{json.dumps(good)}\n{json.dumps(other)}\n")
        for stage in ("sft", "grpo"):
            status, _, err = run(stage, data={"train": str(path)})
            assert (status, said in err) == (2, True), err
    for stage, other, said in (
        (
            "sft",
            {**good, "completion": [{"role": "assistant", "content": " "}]},
            "as `completion` in row 1 of",
        ),
        ("sft", {**good, "completion": "7"}, "`prompt` and `completion` as two texts or two lists in row 1"),
        ("grpo", {"messages": good["prompt"], "gold": 7}, "a column `prompt` in"),
        (
            "grpo",
            {**good, "completions": "a"},
            "a column `prompt`, and none called prompts or completions, in",
        ),
    ):
        path.write_text(f"{json.dumps(other)}\n")
        status, _, err = run(stage, data={"train": str(path)})
        assert (status, said in " ".join(err.split())) == (2, True), err
    allowed = {"data": {"train": str(path)}, "preflight": {"allow": ["tests"], "sample": 0}}
    path.write_text(f"{json.dumps(good)}\n{json.dumps({**good, 'gold': None})}\n")
    status, out, _ = run("grpo", "--preflight", **allowed)
    assert (status, "warning [gold]: 1 of 2 rows" in out) == (0, True)
    path.write_text(f"{json.dumps(good)}\n{json.dumps({**good, 'gold': 'seven'})}\n")
    status, _, err = run("grpo", "--preflight", **allowed)
    assert (status, "columns of one type each in" in err) == (2, True)
    path.write_text(f"{json.dumps(good)}\n" * 3)
    status, out, _ = run("sft", "--preflight", **allowed)
    assert (status, "warning [twice]: 2 of 3 rows" in out) == (0, True)
    path.write_text(f"{json.dumps({**good, 'gold': ''})}\n" * 2)
    status, _, err = run("grpo", "--preflight", **allowed)
    assert (status, "error [gold]: 2 of 2 rows" in err) == (2, True)
    path.write_text("")
    status, _, err = run("sft", data={"train": str(path)})
    assert (status, "an empty file" in err) == (2, True)


def test_what_packages_refuse_is_said(run, tmp_path):
    """Values that torch, transformers or TRL refuse late, packages that are not there, models that are broken."""
    file = tmp_path / "file"
    file.write_text("")
    status, _, err = run("sft", output=str(file))
    assert (status, "a folder to write to as output:" in err) == (2, True)
    for stage, trl, said in (
        ("sft", {"per_device_train_batch_size": 0}, "got batch_size should be a positive integer"),
        ("sft", {"max_steps": -1, "num_train_epochs": -1}, "at least one step of training, got none"),
        ("grpo", {"loss_type": "grop"}, "got Unknown loss type: grop"),
        ("sft", {"attn_implementation": "flash_attention_2"}, "what the configuration needs, got"),
    ):
        shutil.rmtree(tmp_path / "out", ignore_errors=True)
        status, _, err = run(stage, trl=trl)
        assert (status, said in " ".join(err.split())) == (2, True), err
    for name, change, stage, said in (
        ("template", {"chat_template": "{% for m in messages %}"}, "sft", "Unexpected end of template"),
        ("weights", {}, "sft", "deserializing header"),
        ("endless", {"eos_token": None}, "grpo", "[eos]: the tokenizer names no token"),
    ):
        model = tmp_path / name
        shutil.copytree(embedded.path("sft"), model)
        about = json.loads((model / "tokenizer_config.json").read_text())
        (model / "tokenizer_config.json").write_text(json.dumps({**about, **change}))
        if name == "weights":
            (model / "model.safetensors").write_bytes(b"nothing")
        shutil.rmtree(tmp_path / "out", ignore_errors=True)
        status, _, err = run(stage, model=model)
        assert (status, said in " ".join(err.split())) == (2, True), err


def _weights(folder):
    from safetensors.torch import load_file

    (file,) = folder.glob("*.safetensors")
    return load_file(file)


def test_an_adapter_is_merged_and_trained_whole(run, tmp_path, capsys):
    status, _, err = run("sft", trl=LORA, output=str(tmp_path / "adapter"))
    assert status == 0, err
    status, out, err = run("sft", model=tmp_path / "adapter")
    assert (status, "2 steps" in out) == (0, True), err
    assert (tmp_path / "out" / "model.safetensors").exists()
    about = tmp_path / "adapter" / "adapter_config.json"
    merge = ["train", "merge", "--out", str(tmp_path / "whole")]
    assert cli.main([*merge, str(about.parent)]) == 0
    parts = {name: _weights(tmp_path / name) for name in ("adapter", "whole")}
    base, scale = _weights(embedded.path("sft")), json.loads(about.read_text())["lora_alpha"] / 4
    name = "model.layers.0.mlp.up_proj"
    low, high = (parts["adapter"][f"base_model.model.{name}.lora_{one}.weight"] for one in "AB")
    assert high.abs().sum() > 0
    summed = base[f"{name}.weight"].float() + scale * high @ low
    assert (parts["whole"][f"{name}.weight"].float() - summed).abs().max() < 1e-6
    capsys.readouterr()
    # Never over another model, and of an adapter only.
    for given, said in ((about.parent, "an empty folder as --out"), (tmp_path, "no adapter_config.json in")):
        target = tmp_path / ("whole" if given == about.parent else "other")
        assert cli.main([*merge[:-1], str(target), str(given)]) == 2
        assert said in " ".join(capsys.readouterr().err.split())
    outer = tmp_path / "outer"
    shutil.copytree(about.parent, outer)
    named = {**json.loads(about.read_text()), "base_model_name_or_path": str(about.parent)}
    (outer / about.name).write_text(json.dumps(named))
    shutil.rmtree(tmp_path / "out")
    status, _, err = run("sft", model=outer)
    assert (status, "an adapter of a whole model, got one of the adapter" in " ".join(err.split())) == (
        2,
        True,
    ), err


def test_a_fault_of_a_reward_keeps_its_traceback(run):
    with pytest.raises(ValueError, match="of the user's own"):
        run("grpo", rewards={"tests.training.mine.faulty": 1.0})


def test_without_the_extra(run, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "trl", None)
    status, _, err = run("grpo")
    assert (status, "Run pip install 'lm-eval-mathtasks[train]'" in err) == (2, True)


def test_a_file_without_a_manifest_is_compared_with_the_test_sets(run, data, tmp_path, monkeypatch):
    """Refused where a test question is among its rows, or no test set is at hand."""
    rows = (data["boxed"] / "train.jsonl").read_text().splitlines()
    path = tmp_path / "mine.jsonl"
    path.write_text("\n".join(rows) + "\n")
    sets = tmp_path / "sets"
    sets.mkdir()
    monkeypatch.setenv(sources.DATA_DIR_VARIABLE, str(sets))
    monkeypatch.setenv(sources.CHECKSUM_VARIABLE, "warn")
    given = {"data": {"train": str(path)}, "trl": {"max_steps": 1}}
    status, _, err = run("grpo", "--preflight", **given)
    assert (status, "[tests]: the training data were not compared with any test set" in err) == (2, True)
    other = [{"question": "How many are two and two?", "answer": "#### 4"}]
    known = sets / "gsm8k_test.jsonl"
    known.write_text(json.dumps(other[0]) + "\n")
    status, out, err = run("grpo", "--preflight", **given)
    assert (status, "warning [tests]" in out, "gsm8k," in out) == (0, True, False), err
    asked = json.loads(rows[5])["question"]
    known.write_text(
        "".join(json.dumps(row) + "\n" for row in (*other, {"question": asked, "answer": "#### 1"}))
    )
    status, _, err = run("grpo", "--preflight", **given)
    assert (status, "hold questions of the test set gsm8k" in err) == (2, True)
    # A prompt alone says what is asked.
    bare = [{k: v for k, v in json.loads(row).items() if k in ("prompt", "gold")} for row in rows]
    bare[5]["prompt"][0]["content"] = asked
    path.write_text("".join(json.dumps(row) + "\n" for row in bare))
    status, _, err = run("grpo", "--preflight", **given)
    assert (status, "hold questions of the test set gsm8k" in err) == (2, True)
    status, out, err = run("grpo", "--preflight", **given, preflight={"allow": ["tests"], "sample": 0})
    assert (status, "error [tests]" in out) == (0, True), err
    path.unlink()
    about = {"format": "boxed", "contaminated": ["gsm8k"], "unchecked": {"math500": "ConnectionError"}}
    write_data(tmp_path, {"mine": bare}, about)
    status, out, err = run("grpo", "--preflight", **given)
    assert (status, out.count("warning [tests]"), "1 test sets (math500)" in out) == (0, 2, True), err
