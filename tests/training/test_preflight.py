"""What would go wrong without a word is found before the first step, and what is right is left alone."""

import statistics
from pathlib import Path

import pytest

from lm_eval_mathtasks.errors import TrainingError
from lm_eval_mathtasks.training import groups, preflight
from lm_eval_mathtasks.training.config import Config
from lm_eval_mathtasks.training.named import named_rewards

pytest.importorskip("trl")
pytestmark = pytest.mark.filterwarnings("ignore:.*deprecated.*:FutureWarning")
CPU = {"use_cpu": True, "bf16": False, "gradient_checkpointing": False, "report_to": "none"}


def findings(stage="grpo", rewards=None, form=None, **trl):
    from lm_eval_mathtasks.training.options import trl_options

    config = Config(
        stage=stage, model="m", output=Path("out"), train=Path("t"), format=form, trl={**CPU, **trl}
    )
    named = named_rewards(rewards or {"accuracy": 1.0}) if stage == "grpo" else []
    options = trl_options(config, [one.weight for one in named] if named else None)
    return [(one.severity, one.code) for one in preflight.of_options(config, options, named)]


LORA = {"use_peft": True, "lora_r": 8}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, []),
        # LoRA at a rate made for whole models.
        (LORA, [("error", "learning_rate")]),
        ({**LORA, "learning_rate": 1e-4}, []),
        ({**LORA, "learning_rate": "1e-6"}, []),  # asked for, so meant
        ({**LORA, "stage": "orm", "lora_modules_to_save": ["score"], "lora_task_type": "SEQ_CLS"}, []),
        ({**LORA, "stage": "orm"}, [("error", "reward_head")]),
        ({**LORA, "stage": "orm", "lora_modules_to_save": ["score"]}, [("error", "reward_head")]),
        ({**LORA, "stage": "prm", "lora_modules_to_save": ["score"], "lora_task_type": "TOKEN_CLS"}, []),
        ({"stage": "orm"}, []),
        # Clipping that nothing is ever clipped by.
        ({"epsilon_high": 0.28}, [("error", "epsilon_high")]),
        ({"epsilon_high": 0.2}, []),
        ({"epsilon_high": 0.28, "num_iterations": 2}, []),
        ({"epsilon_high": 0.28, "steps_per_generation": 4}, []),
        ({"epsilon_high": 0.28, "gradient_accumulation_steps": 4}, [("error", "epsilon_high")]),
        ({"epsilon_high": 0.28, "gradient_accumulation_steps": 4, "num_iterations": 2}, []),
        ({"epsilon_high": 0.28, "num_iterations": 2, "loss_type": "sapo"}, [("error", "epsilon_high")]),
        # A bonus that becomes the whole signal.
        ({"rewards": {"accuracy": 1, "length_bonus": 0.1}}, [("warning", "bonus")]),
        ({"rewards": {"accuracy": 1, "length_bonus": 0.1}, "scale_rewards": "none"}, []),
        ({"rewards": {"accuracy": 1, "length_bonus": 0.0}}, []),
        ({"rewards": {"staged": 1}}, []),
        ({"rewards": {"tags_format": 1}}, []),
        # A format that the prompts do not ask for.
        ({"rewards": {"tags_format": 1}, "form": "boxed"}, [("error", "format")]),
        ({"rewards": {"tags_format": 1, "tags_count": 1}, "form": "tags"}, []),
        # Nothing is learned, or the contrary.
        ({"learning_rate": 0.0}, [("error", "learning_rate")]),
        ({"stage": "sft", "learning_rate": "-1"}, [("error", "learning_rate")]),
        ({"rewards": {"accuracy": -1}}, [("error", "weight")]),
        ({"rewards": {"accuracy": 1, "no_repetition": -1}, "scale_rewards": "none"}, [("error", "weight")]),
        ({"rewards": {"tests.training.mine.brevity": -1}}, []),
        ({"stage": "sft"}, []),
        ({**LORA, "stage": "sft"}, []),
    ],
)  # fmt: skip
def test_of_options(given, expected):
    assert findings(**given) == expected


@pytest.mark.parametrize(
    ("trl", "message"),
    [
        (
            {"per_device_train_batch_size": 6},
            r"generation_batch_size \(6\) must be divisible by num_generations",
        ),
        ({"learning_rat": 1}, r"got learning_rat\. .*learning_rate\?"),
        ({"learning_rate": "fast"}, "invalid float value: 'fast'"),
        ({"output_dir": "x"}, "output: for what TRL calls output_dir"),
        ({"reward_weights": [1]}, "rewards: for what TRL calls"),
        ({"max_length": 5}, "got max_length"),
        ({"max_steps": None}, "int for max_steps under trl:, got None"),
        ({"per_device_train_batch_size": 8.0}, "int for per_device_train_batch_size under trl:, got 8.0"),
        ({"learning_rate": [1e-4]}, r"float for learning_rate under trl:, got \[0.0001\]"),
        ({"learning_rate": True}, "float for learning_rate under trl:, got True"),
        ({"num_generations": 0}, "settings that TRL accepts, got integer modulo by zero"),
    ],
)
def test_options_that_trl_does_not_take(trl, message):
    with pytest.raises(TrainingError, match=message):
        findings(**trl)


END, N = 2, -100


@pytest.mark.parametrize(
    ("labels", "limit", "given", "expected"),
    [
        ([[N, N, 5, END]] * 10, 8, 10, []),
        ([[N, N, 5, 6]] * 10, 8, 10, [("error", "eos")]),
        ([[N, N, 5, 6]] * 2 + [[N, 5, END]] * 8, 8, 10, [("warning", "eos")]),
        ([[N, 5, 6, 7]] * 10, 4, 10, [("error", "truncated")]),
        ([[N, 5, 6, 7]] + [[N, 5, END]] * 29, 4, 30, [("warning", "truncated")]),
        ([[N, 5, END]] * 9, 4, 10, [("error", "masked")]),
        ([[N, 5, END]] * 29 + [[N, N]], 4, 30, [("warning", "masked")]),
        ([[N, 5, END]] * 10, None, 10, []),
    ],
)
def test_of_labels(labels, limit, given, expected):
    assert [(one.severity, one.code) for one in preflight.of_labels(labels, [END], limit, given)] == expected


def test_every_error_is_named_at_once_and_can_be_allowed():
    found = [preflight.Finding("error", code, "something", "another thing") for code in ("eos", "gold")]
    with pytest.raises(TrainingError, match=r"(?s)\[eos\].*\[gold\].*allow: \[eos, gold\]"):
        preflight.refuse(found, ())
    with pytest.raises(TrainingError, match=r"(?s)allow: \[gold\]"):
        preflight.refuse(found, ("eos",))
    preflight.refuse(found, ("eos", "gold"))
    preflight.refuse([preflight.Finding("warning", "eos", "a", "b")], ())


def test_values_after_normalisation_are_those_of_trl():
    """The study's numbers for -1/0/100 (notes on staged rewards), and TRL's own deviation with n - 1."""
    values = groups.advantages([100, *[0] * 6, -1], "group")
    assert [round(value, 2) for value in (values[0], values[1], values[-1])] == [2.47, -0.35, -0.38]
    assert round(groups.advantages([0] * 7 + [-1], "group")[-1], 2) == -2.47
    assert groups.advantages([1, 0, 0, 0], "none") == [0.75, -0.25, -0.25, -0.25]
    import torch
    from trl.trainer.utils import nanstd

    rewards = torch.tensor([3.0, 1.0, 1.0, 0.5])
    theirs = (rewards - rewards.mean()) / (nanstd(rewards) + 1e-4)
    assert groups.advantages(rewards.tolist(), "group") == pytest.approx(theirs.tolist(), abs=1e-5)


def test_the_table_of_values():
    rewards = named_rewards(
        {"staged": {"weight": 1, "unreadable": -10}, "length_bonus": {"weight": 1, "most": 10}}
    )
    table = groups.normalised(rewards, 8, "group")
    rows = {row[0]: row[1:] for row in table.rows}
    assert rows["one right, one unreadable, the others wrong"] == ("+2.46", "-0.31", "-0.59")
    assert rows["all right, bonuses from least to most"][0] == "-1.43 to +1.43"
    plain = groups.normalised(named_rewards({"accuracy": 1.0}), 8, "group")
    assert "all right, bonuses from least to most" not in {row[0] for row in plain.rows}
    mine = groups.normalised(named_rewards({"accuracy": 1.0, "tests.training.mine.brevity": 1.0}), 4, "batch")
    assert "brevity" in mine.notes[-1]


def rows(count):
    return [{"prompt": [{"role": "user", "content": f"q{i}"}], "gold": "7", "id": i} for i in range(count)]


def test_sampled_groups():
    texts = {
        "q0": [r"\boxed{7}"] * 4,
        "q1": [r"\boxed{8}"] * 4,
        "q2": [r"\boxed{7}", r"\boxed{8}", "", "7"],
        "q3": [r"\boxed{7}", r"\boxed{7}", r"\boxed{8}", r"\boxed{8}"],
    }

    def generate(prompts, count):
        return [(text, text != "7") for prompt in prompts for text in texts[prompt[0]["content"]][:count]]

    found = groups.sampled_groups(rows(4), named_rewards({"accuracy": 1.0}), 4, generate)
    assert (found.right, found.wrong, found.mixed, found.with_signal, found.unfinished) == (1, 1, 2, 2, 1)
    assert found.mean == pytest.approx(statistics.fmean([1, 0, 0.25, 0.5]))
    assert "50 % of the groups mixed" in found.line
    assert not list(groups.of_groups(found))
    none = groups.sampled_groups(rows(2), named_rewards({"accuracy_async": 1.0}), 4, generate)
    assert [(one.severity, one.code) for one in groups.of_groups(none)] == [("error", "groups")]
    # The same groups do differ where the format is paid for, or length.
    other = groups.sampled_groups(rows(3), named_rewards({"tests.training.mine.brevity": 1.0}), 4, generate)
    assert other.with_signal == 1
    few = found._replace(prompts=40, mixed=2, with_signal=5, unfinished=100)
    assert [one.code for one in groups.of_groups(few)] == ["groups", "unfinished"]
