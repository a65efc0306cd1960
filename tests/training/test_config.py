"""A configuration is read whole: every mistake is named, with what to write instead."""

import pytest

from lm_eval_mathtasks.errors import TrainingError
from lm_eval_mathtasks.rewards import accuracy, staged
from lm_eval_mathtasks.training.config import Preflight, read_config
from lm_eval_mathtasks.training.named import OURS, check_calls, named_rewards

WHOLE = """
stage: grpo
model: models/mine
output: out/grpo
data: {train: a/train.jsonl, dev: a/dev.jsonl}
format: tags
rewards: {accuracy: 1.0, staged: {weight: 2, unreadable: -10}}
preflight: {sample: 4, allow: [bonus]}
evaluate: {tasks: [sample-gsm8k]}
trl: {learning_rate: 1e-4}
"""


def config(tmp_path, text, stage="grpo"):
    path = tmp_path / "config.yaml"
    path.write_text(text)
    return read_config(path, stage)


def test_a_whole_configuration(tmp_path):
    read = config(tmp_path, WHOLE)
    assert (read.stage, read.model, str(read.train), str(read.dev)) == (
        "grpo",
        "models/mine",
        "a/train.jsonl",
        "a/dev.jsonl",
    )
    assert read.preflight == Preflight(4, ("bonus",))
    assert read.trl == {"learning_rate": "1e-4"}
    assert read.evaluate == {"tasks": ["sample-gsm8k"]}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("format: tags", "formt: tags", r"got formt\. .*format\?"),
        ("train: a/", "trian: a/", r"under data:.*got trian\. .*train\?"),
        ("sample: 4", "samples: 4", r"under preflight:.*got samples\. .*sample\?"),
        ("tasks: [sample-gsm8k]", "task: [sample-gsm8k]", r"under evaluate:.*got task\. .*tasks\?"),
        ("stage: grpo", "stage: grop", r"got 'grop'\. .*grpo\?"),
        ("stage: grpo", "stage: sft", r"configuration of the stage grpo, got stage: sft .*mathtasks train sft"),
        ("stage: grpo\n", "", r"stage in .*got nothing"),
        ("model: models/mine", "model:", r"model in .*got nothing"),
        ("{train: a/train.jsonl, dev: a/dev.jsonl}", "{dev: a/dev.jsonl}", r"train: FILE"),
        ("{train: a/train.jsonl, dev: a/dev.jsonl}", "a/train.jsonl", r"keys and values under data:"),
        ("format: tags", "format: tag", r"got 'tag'\. .*tags\?"),
        ("format: tags", "pairs: 4", r"keys of the stage grpo .*got pairs\. .*belongs to orm"),
        ("sample: 4", "sample: -1", r"whole number of at least 0 for preflight: sample.*got -1"),
        ("allow: [bonus]", "allow: bonus", r"a list under preflight: allow"),
        ("stage: grpo", "stage: [grpo", r"YAML in"),
        # YAML takes the last of two in silence.
        ("format: tags", "format: tags\nmodel: b", r"each key once .*got model in line 7 again"),
        ("1e-4}", "1e-4, learning_rate: 1e-5}", r"got learning_rate in line 10 again"),
        ("model: models/mine", "model: 7", r"a text, a path or name, for model .*got 7"),
        ("output: out/grpo", "output: [out]", r"for output .*got \['out'\]"),
        ("train: a/train.jsonl", "train: [a.jsonl]", r"for data: train .*got \['a.jsonl'\]"),
        ("allow: [bonus]", "allow: [bonuss]", r"under preflight: allow: .*got bonuss\. .*bonus\?"),
    ],
)  # fmt: skip
def test_mistakes_are_named(tmp_path, old, new, message):
    assert old in WHOLE
    with pytest.raises(TrainingError, match=message):
        config(tmp_path, WHOLE.replace(old, new))


def test_no_file_and_no_mapping(tmp_path):
    with pytest.raises(TrainingError, match="No such file"):
        read_config(tmp_path / "none.yaml")
    with pytest.raises(TrainingError, match=r"keys and values in .*got list"):
        config(tmp_path, "- a\n- b\n")
    (tmp_path / "latin.yaml").write_bytes(b"model: caf\xe9")
    with pytest.raises(TrainingError, match=r"YAML in .*can't decode"):
        read_config(tmp_path / "latin.yaml")


def test_rewards_by_name_with_weights_and_parameters():
    rewards = named_rewards(
        {"accuracy": 1, "staged": {"weight": 0.5, "unreadable": -10}, "tests.training.mine.brevity": 2}
    )
    assert [(one.name, one.weight, one.ours, one.of_correctness) for one in rewards] == [
        ("accuracy", 1.0, True, True), ("staged", 0.5, True, True), ("brevity", 2.0, False, False)
    ]  # fmt: skip
    assert rewards[0].function is accuracy
    assert rewards[1].function([""], gold=["7"]) == [-10.0] == staged([""], gold=["7"], unreadable=-10.0)
    assert named_rewards(dict.fromkeys(OURS, 1.0))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "at least one reward"),
        ({"acuracy": 1.0}, r"got acuracy\. .*accuracy\?"),
        ({"accuracy": "much"}, r"number as the weight of the reward accuracy, got 'much'"),
        ({"accuracy": True}, "number as the weight"),
        ({"staged": {"unreadabel": -1}}, r"parameter of the reward staged, got unreadabel\. .*unreadable\?"),
        ({"accuracy": {"right": 2}}, r"parameter of the reward accuracy, got right"),
        ({"no.such.module": 1.0}, "a function at the path no.such.module"),
        ({"tests.training.mine.nothing": 1.0}, "has no attribute 'nothing'"),
        ({"math.pi": 1.0}, r"a function .* at math.pi"),
        ({1: 1.0}, "got 1. Use one of"),
        ({"accuracy": float("nan")}, "number as the weight of the reward accuracy, got nan"),
        ({"accuracy": 0, "tags_format": 0.0}, "a weight other than 0"),
        ({"staged": {"right": "much"}}, "a number as right of the reward staged, got 'much'"),
    ],
)
def test_rewards_that_are_none(given, message):
    with pytest.raises(TrainingError, match=message):
        named_rewards(given)


def test_a_reward_that_trl_cannot_call():
    """Those of other trainers, of other data, and what is no reward; ours and a user's own take what comes."""
    check_calls(
        named_rewards({**dict.fromkeys(OURS, 1.0), "tests.training.mine.brevity": 1}), ["prompt", "gold"]
    )
    solved = named_rewards({"tests.training.mine.of_solutions": 1})
    check_calls(solved, ["prompt", "solution", "completion"])
    for found, message in (
        (solved, "of_solutions, got missing a required argument: 'solution'"),
        (named_rewards({"lm_eval_mathtasks.rewards.verl.compute_score": 1}), "compute_score, got missing"),
        (named_rewards({"lm_eval_mathtasks.rewards.openrlhf.reward_func": 1}), "reward_func, got missing"),
        (named_rewards({"lm_eval_mathtasks.rewards.ruling": 1}), "ruling, got missing"),
        (named_rewards({"builtins.len": 1}), "len, got missing"),
    ):
        with pytest.raises(TrainingError, match=message):
            check_calls(found, ["prompt", "gold"])
