"""Before and after on the embedded model: baseline and checkpoints through `run`, the choice on dev, the test once."""

import csv
import json
import os
import shutil
import signal
from itertools import islice

import pytest
import yaml

from lm_eval_mathtasks import cli, embedded
from lm_eval_mathtasks.embedded.recipe.exercises import stream
from lm_eval_mathtasks.errors import TrainingError
from lm_eval_mathtasks.host.keeper import Keeper
from lm_eval_mathtasks.problems.sources import load_set
from lm_eval_mathtasks.runs.lm_eval_facts import model_name
from lm_eval_mathtasks.training.config import read_config
from lm_eval_mathtasks.training.data import MANIFEST, Problem, data_facts, training_rows, write_data
from lm_eval_mathtasks.training.own_tasks import write_tasks
from lm_eval_mathtasks.training.selection import Model, models_of, run_arguments

pytest.importorskip("trl")
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*deprecated.*:FutureWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.xdist_group("training"),
]


@pytest.fixture
def config_file(tmp_path):
    """A configuration over data with a dev task, its run's folder holding two checkpoints that are the later stages."""
    problems = [
        Problem(number, one.question, one.answer, "\n".join(one.steps) + f"\n#### {one.answer}")
        for number, one in enumerate(islice(stream(3), 12))
    ]
    folder = tmp_path / "mine"
    splits = {"train": problems[:4], "dev": problems[4:]}
    rows = {split: training_rows(own, "boxed", number=False, messages=True) for split, own in splits.items()}
    write_data(folder, rows, {"format": "boxed", "contaminated": []})
    assert write_tasks(folder, rows, "boxed", number=False) == ["mine-train", "mine-dev"]
    out = tmp_path / "out"
    for name, stage in (("checkpoint-2", "sft"), ("checkpoint-10", "grpo")):
        shutil.copytree(embedded.path(stage), out / name)
        (out / name / "trainer_state.json").write_text("{}")
    config = {
        "stage": "sft",
        "model": str(embedded.path("base")),
        "output": str(out),
        "data": {"train": str(folder / "train.jsonl"), "dev": str(folder / "dev.jsonl")},
        "evaluate": {"tasks": ["sample-gsm8k"], "model_args": {"dtype": "float32"}, "gen_kwargs": {"max_gen_toks": 48},
                     "batch_size": 16, "device": "cpu", "limit": 6},
    }  # fmt: skip
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


def test_models_of_a_run(config_file, tmp_path):
    """In the order of their steps; a final model that is the last checkpoint is not evaluated twice."""
    config = read_config(config_file)
    assert [model.name for model in models_of(config)] == ["baseline", "checkpoint-2", "checkpoint-10"]
    for file in embedded.path("grpo").iterdir():
        shutil.copy(file, tmp_path / "out")
    assert [model.name for model in models_of(config)] == ["baseline", "checkpoint-2", "checkpoint-10"]
    shutil.copy(embedded.path("base") / "model.safetensors", tmp_path / "out")
    assert models_of(config)[-1].name == "final"
    adapter = tmp_path / "out/checkpoint-11"
    adapter.mkdir()
    (adapter / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "some/base"}))
    # Half of one, as a full disk leaves it.
    assert "checkpoint-11" not in [model.name for model in models_of(config)]
    (adapter / "trainer_state.json").write_text("{}")
    assert models_of(config)[3] == ("checkpoint-11", "some/base", str(adapter))
    with pytest.raises(TrainingError, match=r"checkpoints or a model.*mathtasks train sft first"):
        models_of(config._replace(output=tmp_path / "nothing"))


def test_a_log_names_the_adapter():
    arguments = {"pretrained": "some/base", "peft": "out/checkpoint-2"}
    assert model_name({"config": {"model_args": arguments}}) == "some/base + out/checkpoint-2"
    assert model_name({"config": {"model_args": {"pretrained": "some/base"}}}) == "some/base"
    assert model_name({"config": {}}) is None


def test_a_checkpoint_is_chosen_on_dev_and_confirmed_once(config_file, tmp_path, capsys):
    assert cli.main(["train", "evaluate", str(config_file)]) == 0
    out = capsys.readouterr().out
    assert "Accuracy on dev" in out
    assert "Choice on dev" in out
    assert "the best of 2 checkpoints as good as the baseline would have" in out
    assert "McNemar" in out
    folder = tmp_path / "out/evaluation"
    with (folder / "evaluated.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    dev = [row for row in rows if row["task"] == "mine-dev"]
    assert len(dev) == 3 * 6
    assert {row["model"] for row in dev} == {
        f"{name} (dev)" for name in ("baseline", "checkpoint-2", "checkpoint-10")
    }
    assert len([row for row in rows if row["task"] == "sample-gsm8k"]) == 2 * 6
    # What was asked is what is trained on, through the model's own template.
    asked = {
        json.loads(line)["prompt"][0]["content"]
        for line in (tmp_path / "mine/dev.jsonl").read_text().splitlines()
    }
    assert all(any(text in row["prompt"] for text in asked) for row in dev)
    confirmed = json.loads((folder / "chosen.json").read_text())["confirmed"]
    assert len(confirmed) == 1
    # Again: nothing is run anew.
    (folder / "chosen.json").write_text(json.dumps({"confirmed": ["checkpoint-7"]}))
    assert cli.main(["train", "evaluate", str(config_file)]) == 0
    again = capsys.readouterr().out
    assert "evaluating" not in again
    assert "the test was looked at before, for checkpoint-7" in again
    # A trial of a few docs is not taken for the evaluation of all, nor another baseline's for this one's.
    config = yaml.safe_load(config_file.read_text())
    config["evaluate"]["limit"] = 7
    config_file.write_text(yaml.safe_dump(config))
    assert cli.main(["train", "evaluate", str(config_file)]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert f"the settings that {folder / 'baseline/dev'} was evaluated with, got 7" in said


@pytest.mark.parametrize("ended", ["Ctrl-C", "SIGTERM"])
def test_an_interrupted_evaluation_goes_on(config_file, tmp_path, capsys, monkeypatch, ended):
    """What was answered is kept, and not asked again."""
    shutil.rmtree(tmp_path / "out/checkpoint-2")
    write = Keeper.add_partial

    def interrupted(keeper, *args):
        write(keeper, *args)
        if keeper.kept < 4:
            return
        if ended == "Ctrl-C":
            raise KeyboardInterrupt
        os.kill(os.getpid(), signal.SIGTERM)

    with monkeypatch.context() as patch:
        patch.setattr(Keeper, "add_partial", interrupted)
        if ended == "SIGTERM":
            with pytest.raises(SystemExit, match="143"):
                cli.main(["train", "evaluate", str(config_file)])
        else:
            assert cli.main(["train", "evaluate", str(config_file)]) == cli.EXIT_INTERRUPTED
    assert "the same command goes on from the responses that are kept" in capsys.readouterr().out
    assert cli.main(["train", "evaluate", str(config_file)]) == 0
    assert "4 of 6 responses are kept" in capsys.readouterr().out


def test_logs_stand_for_the_baseline(config_file, tmp_path, capsys):
    """Those of a `mathtasks run`; a model's folder that holds the logs of its evaluation is still a model."""
    config = yaml.safe_load(config_file.read_text())
    config["evaluate"]["checkpoint"] = "checkpoint-10"
    config_file.write_text(yaml.safe_dump(config))
    assert cli.main(["train", "evaluate", str(config_file)]) == 0
    first = capsys.readouterr().out
    logs = (tmp_path / "out/evaluation/baseline").rename(tmp_path / "logs")
    config["evaluate"]["baseline"] = str(logs)
    config_file.write_text(yaml.safe_dump(config))
    assert cli.main(["train", "evaluate", str(config_file)]) == 0
    again = capsys.readouterr().out
    assert "evaluating" not in again
    assert (
        again[again.index("Accuracy on test") :].splitlines()[:5]
        == first[first.index("Accuracy on test") :].splitlines()[:5]
    )
    shutil.copytree(logs, tmp_path / "out/checkpoint-2/evaluation")
    config["evaluate"]["baseline"] = str(tmp_path / "out/checkpoint-2")
    config_file.write_text(yaml.safe_dump(config))
    assert cli.main(["train", "evaluate", str(config_file)]) == 0
    assert "evaluating baseline on sample-gsm8k" in capsys.readouterr().out
    config["evaluate"] |= {"baseline": str(logs), "tasks": ["gsm8k-cot"]}
    config_file.write_text(yaml.safe_dump(config))
    assert cli.main(["train", "evaluate", str(config_file)]) == 2
    assert "got nothing of gsm8k-cot" in " ".join(capsys.readouterr().err.split())


def test_one_named_checkpoint_is_confirmed_alone(config_file, tmp_path, capsys):
    """Without a dev task either; a name that is none of the run's is refused with the nearest."""
    shutil.rmtree(tmp_path / "mine/tasks")
    config = yaml.safe_load(config_file.read_text())
    config["evaluate"]["checkpoint"] = "checkpoint-2"
    config_file.write_text(yaml.safe_dump(config))
    assert cli.main(["train", "evaluate", str(config_file)]) == 0
    assert "on dev" not in capsys.readouterr().out
    assert not (tmp_path / "out/evaluation/checkpoint-10").exists()
    config["evaluate"]["checkpoint"] = "checkpoint-1"
    config_file.write_text(yaml.safe_dump(config))
    assert cli.main(["train", "evaluate", str(config_file)]) == 2
    assert "checkpoint-10?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("about", "rank"),
    [
        ({"r": 4}, None),
        ({"r": 16}, None),
        ({"r": 17}, 32),
        ({"r": 8, "rank_pattern": {"q_proj": 64}}, 64),
        ({}, None),
    ],
)
def test_an_adapter_is_named_to_each_kind_of_model(config_file, tmp_path, about, rank):
    """vLLM takes it without merged weights; above a rank of 16 it has to be told."""
    (tmp_path / "adapter_config.json").write_text(json.dumps(about))
    config, model = read_config(config_file), Model("checkpoint-1", "some/base", str(tmp_path))
    said = {}
    for kind in ("hf", "vllm"):
        evaluate = {**config.evaluate, "model": kind, "chat": False}
        words = run_arguments(config._replace(evaluate=evaluate), model, ["a"], tmp_path)
        said[kind] = dict(pair.split("=") for pair in words[words.index("--model_args") + 1].split(","))
    assert said["hf"] == {"pretrained": "some/base", "dtype": "float32", "peft": str(tmp_path)}
    alike = {"pretrained": "some/base", "dtype": "float32", "lora_local_path": str(tmp_path)}
    assert said["vllm"] == {**alike, **({"max_lora_rank": str(rank)} if rank else {})}


def test_one_model_is_confirmed_without_a_choice(config_file, tmp_path, capsys):
    """Nothing is asked on dev, where a weak baseline may have nothing right."""
    shutil.rmtree(tmp_path / "out/checkpoint-2")
    assert cli.main(["train", "evaluate", str(config_file)]) == 0
    out = capsys.readouterr().out
    assert "on dev" not in out
    assert "McNemar" in out
    parts = (path for path in (tmp_path / "out/evaluation").glob("*/*") if path.is_dir())
    assert [path.name for path in parts] == ["test", "test"]
    confirmed = json.loads((tmp_path / "out/evaluation/chosen.json").read_text())["confirmed"]
    assert confirmed == ["checkpoint-10"]


def test_tasks_on_training_questions_are_refused(config_file, tmp_path, capsys):
    manifest = tmp_path / "mine" / MANIFEST
    about = json.loads(manifest.read_text())
    assert data_facts(tmp_path / "mine/train.jsonl")["manifest"] == about
    manifest.write_text(json.dumps({**about, "contaminated": ["sample-gsm8k"]}))
    assert cli.main(["train", "evaluate", str(config_file)]) == 2
    assert "training data with questions of sample-gsm8k" in capsys.readouterr().err
    # Without a manifest, and for a set that it compared nothing with, the rows themselves are asked.
    train = tmp_path / "mine/train.jsonl"
    first = load_set("sample-gsm8k", {})["test"][3]["question"]
    spoilt = [*train.read_text().splitlines(), json.dumps({"prompt": first, "gold": "1"})]
    train.write_text("\n".join(spoilt) + "\n")
    manifest.unlink()
    assert cli.main(["train", "evaluate", str(config_file)]) == 2
    assert "training data with questions of sample-gsm8k" in capsys.readouterr().err
    assert not (tmp_path / "out/evaluation").exists()


@pytest.mark.parametrize(
    ("evaluate", "message"),
    [
        (
            {"dev": ["sample-gsm8k"], "tasks": ["sample-gsm8k"]},
            "other tasks for the choice than to confirm it",
        ),
        ({"tasks": ["no-such-task"]}, "no-such-task"),
    ],
)
def test_tasks_that_cannot_be(config_file, capsys, evaluate, message):
    config = yaml.safe_load(config_file.read_text())
    config_file.write_text(yaml.safe_dump({**config, "evaluate": evaluate}))
    assert cli.main(["train", "evaluate", str(config_file)]) == 2
    assert message in capsys.readouterr().err


def test_without_a_task_to_choose_by(config_file, tmp_path, capsys):
    shutil.rmtree(tmp_path / "mine/tasks")
    assert cli.main(["train", "evaluate", str(config_file)]) == 2
    assert "tasks to choose a checkpoint by" in capsys.readouterr().err


@pytest.mark.parametrize("stage", ["orm", "prm"])
def test_a_verifier_answers_nothing(config_file, capsys, stage):
    config = yaml.safe_load(config_file.read_text())
    config_file.write_text(yaml.safe_dump({**config, "stage": stage}))
    assert cli.main(["train", "evaluate", str(config_file)]) == 2
    assert (
        f"got one of the stage {stage}. Measure it by `mathtasks choose RUN --scorer {stage}"
        in capsys.readouterr().err
    )
