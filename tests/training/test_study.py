"""What training must show, on the embedded model and a CPU: the recipes at its size, minutes each. See README.md."""

import csv
import json
import re
from itertools import islice

import pytest
import yaml

from lm_eval_mathtasks import cli, embedded
from lm_eval_mathtasks.embedded.recipe.exercises import held_out_set, stream
from lm_eval_mathtasks.numbers.intervals import of_mean
from lm_eval_mathtasks.runs.reading import read_run
from lm_eval_mathtasks.training.data import Problem, training_rows, write_data
from lm_eval_mathtasks.training.own_tasks import write_tasks
from lm_eval_mathtasks.training.record import ROLLOUTS
from lm_eval_mathtasks.training.steps import hard
from tests.conftest import read_jsonl

pytest.importorskip("trl")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:.*deprecated.*:FutureWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]
CPU = {"use_cpu": True, "bf16": False, "gradient_checkpointing": False, "report_to": "none", "disable_tqdm": True,
       "dtype": "float32", "save_strategy": "no"}  # fmt: skip
LORA = {"use_peft": True, "lora_r": 16, "lora_alpha": 32, "lora_target_modules": "all-linear"}
EVALUATE = {
    "model_args": {"dtype": "float32"},
    "gen_kwargs": {"max_gen_toks": 112},
    "batch_size": 200,
    "device": "cpu",
}
HELD_OUT = 400
ARITHMETIC = re.compile(r"\s*(\d+)\s*([-+*/])\s*(\d+)\s*=\s*(\d+)\s*")


def problems(found):
    return [
        Problem(n, one.question, one.answer, "\n".join(one.steps) + f"\n#### {one.answer}")
        for n, one in enumerate(found)
    ]


def distinct(seed, count):
    found = {}
    for one in islice(stream(seed), 20 * count):
        found.setdefault(one.question, one)
        if len(found) == count:
            break
    return list(found.values())


def written(folder, form, train, held_out=HELD_OUT):
    """Training data, and held-out problems as its dev split."""
    splits = {"train": problems(train), "dev": problems(held_out_set(held_out, seed=1))}
    rows = {split: training_rows(own, form, number=False, messages=True) for split, own in splits.items()}
    write_data(folder, rows, {"format": form, "contaminated": []})
    write_tasks(folder, rows, form, number=False)
    return folder


def train(tmp_path, stage, **config):
    path = tmp_path / f"{stage}.yaml"
    path.write_text(yaml.safe_dump({"stage": stage, **config}))
    assert cli.main(["train", stage, str(path)]) == 0
    return path


def before_and_after(config_path, capsys):
    """The runs on the held-out problems, and what `train evaluate` printed."""
    capsys.readouterr()
    assert cli.main(["train", "evaluate", str(config_path)]) == 0
    shown = capsys.readouterr().out
    folder = yaml.safe_load(config_path.read_text())["output"]
    runs = [read_run(f"{folder}/evaluation/{name}/dev") for name in ("baseline", "final")]
    with capsys.disabled():
        print(shown[shown.index("Accuracy on dev") :])
    return runs


def share(run, metric="exact_match"):
    return sum(marks(run, metric)) / len(run.rows)


def marks(run, metric="exact_match"):
    return [next(v for k, v in row.metrics.items() if k.startswith(f"{metric},")) for row in run.rows]


def compared(first, second, capsys):
    """What `mathtasks compare` says of two runs: McNemar's p."""
    capsys.readouterr()
    assert cli.main(["compare", first.provenance.path, second.provenance.path, "--format", "json"]) == 0
    shown = capsys.readouterr().out
    rows = [row for table in json.loads(shown) for row in table["rows"]]
    with capsys.disabled():
        print(json.loads(shown)[-1]["sentence"])
    return next(float(row["value"]) for row in rows if str(row.get("what")).startswith("McNemar")), shown


def test_grpo_with_lora_wins(tmp_path, capsys):
    data = written(tmp_path / "boxed", "boxed", distinct(3, 960))
    config = train(
        tmp_path, "grpo", model=str(embedded.path("base")), output=str(tmp_path / "out"),
        data={"train": str(data / "train.jsonl"), "dev": str(data / "dev.jsonl")}, format="boxed",
        rewards={"accuracy": 1.0}, evaluate=EVALUATE,
        trl={**CPU, **LORA, "per_device_train_batch_size": 128, "num_generations": 8, "max_completion_length": 112,
             "max_steps": 60, "learning_rate": 2e-4, "lr_scheduler_type": "constant_with_warmup", "warmup_steps": 5},
    )  # fmt: skip
    before, after = before_and_after(config, capsys)
    p_value, shown = compared(after, before, capsys)
    assert share(after) > share(before)
    assert p_value < 0.05
    assert str(tmp_path / "out") in shown


def test_fine_tuning_then_grpo_in_tags(tmp_path, capsys):
    data = written(tmp_path / "tags", "tags", distinct(11, 256))
    common = {
        "data": {"train": str(data / "train.jsonl"), "dev": str(data / "dev.jsonl")},
        "format": "tags",
        "evaluate": EVALUATE,
    }
    sft = train(
        tmp_path, "sft", model=str(embedded.path("base")), output=str(tmp_path / "sft"), **common,
        trl={**CPU, "per_device_train_batch_size": 8, "num_train_epochs": 6, "learning_rate": 2e-4, "warmup_steps": 3,
             "lr_scheduler_type": "cosine", "max_length": 256},
    )  # fmt: skip
    before, after = before_and_after(sft, capsys)
    assert share(after) >= share(before) + 0.10
    assert of_mean(marks(before)).high < of_mean(marks(after)).low
    assert share(after, "thinking_proportion") >= 0.99
    assert share(after, "answer_proportion") >= 0.99
    grpo = train(
        tmp_path, "grpo", model=str(tmp_path / "sft"), output=str(tmp_path / "grpo"), **common,
        rewards={"accuracy": 1.0, "tags_format": 0.5, "tags_count": 0.25},
        trl={**CPU, **LORA, "per_device_train_batch_size": 128, "num_generations": 8, "max_completion_length": 112,
             "max_steps": 30, "learning_rate": 1e-4, "lr_scheduler_type": "constant_with_warmup", "warmup_steps": 5},
    )  # fmt: skip
    fine_tuned, reinforced = before_and_after(grpo, capsys)
    assert share(reinforced, "thinking_proportion") >= 0.99
    assert share(reinforced, "answer_proportion") >= 0.99
    p_value, _ = compared(reinforced, fine_tuned, capsys)
    assert share(reinforced) >= share(fine_tuned) or p_value > 0.05
    with (tmp_path / "grpo" / ROLLOUTS).open(newline="", encoding="utf-8") as file:
        assert len(list(csv.DictReader(file))) == 30 * 128


def sampled(tmp_path, data, split):
    out = tmp_path / f"samples-{split}"
    words = {
        "--model": "hf",
        "--model_args": f"pretrained={embedded.path('sft')},dtype=float32",
        "--include_path": data / "tasks",
        "--tasks": f"{data.name}-{split}",
        "--repeats": 8,
        "--batch_size": 240,
        "--device": "cpu",
        "--gen_kwargs": "max_gen_toks=80,do_sample=True,temperature=1.0",
        "--output_path": out,
    }
    assert cli.main(["run", "--apply_chat_template", *flags(words)]) == 0
    return out


def flags(words):
    return [str(word) for pair in words.items() for word in pair]


def step_is_true(step):
    found = ARITHMETIC.fullmatch(step)
    if not found:
        return None
    a, sign, b, c = int(found[1]), found[2], int(found[3]), int(found[4])
    return {"+": a + b, "-": a - b, "*": a * b, "/": a / b if b else None}[sign] == c


def verifier_options():
    return {**CPU, "per_device_train_batch_size": 32, "num_train_epochs": 3, "learning_rate": 5e-4, "warmup_steps": 10,
            "lr_scheduler_type": "cosine"}  # fmt: skip


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    """Eight responses of the fine-tuned model to each of 800 problems, and to each of 600 held-out ones."""
    folder = tmp_path_factory.mktemp("verifiers")
    data = written(folder / "problems", "boxed", distinct(21, 800), held_out=600)
    return [sampled(folder, data, split) for split in ("train", "dev")]


def what_choosing_gives(capsys):
    """The table that a verifier's training printed; the lower end of the area within a doc, in percent."""
    shown = capsys.readouterr().out
    with capsys.disabled():
        print(shown[shown.index("What choosing") :])
    for name in ("majority (maj@8)", "oracle (pass@8)", "best-of-8"):
        assert name in shown
    return float(re.search(r"outscores a wrong one in [\d.]+ \[([\d.]+),", shown)[1])


def test_a_verifier_of_responses(samples, tmp_path, capsys):
    """Of four times as many problems: from 800 it learns their texts by heart, and tells no others apart."""
    _, dev_samples = samples
    more = sampled(tmp_path, written(tmp_path / "more", "boxed", distinct(21, 3200)), "train")
    train(tmp_path, "orm", model=str(embedded.path("sft")), output=str(tmp_path / "orm"),
          data={"train": str(more), "dev": str(dev_samples)}, pairs=16,
          trl={**verifier_options(), "num_train_epochs": 2, "learning_rate": 4e-4, "max_length": 512,
               "center_rewards_coefficient": 0.01})  # fmt: skip
    low = what_choosing_gives(capsys)
    assert cli.main(["choose", str(dev_samples), "--scorer", f"orm:{tmp_path / 'orm'}"]) == 0
    assert low > 50


def test_a_verifier_of_steps(samples, tmp_path, capsys):
    train_samples, dev_samples = samples
    steps = tmp_path / "steps.jsonl"
    words = {
        "--samples": train_samples,
        "--model": embedded.path("sft"),
        "--rollouts": 8,
        "--responses": 4,
        "--batch-size": 60,
        "--max-tokens": 64,
        "--out": steps,
    }
    assert cli.main(["shepherd", *flags(words)]) == 0
    counts = {(true, good): 0 for true in (True, False) for good in (True, False)}
    for row in read_jsonl(steps):
        for step, label in zip(row["steps"][:-1], row["labels"][:-1], strict=True):
            if (true := step_is_true(step)) is not None:
                counts[true, bool(hard(label))] += 1
    with capsys.disabled():
        print("(step is true, labelled good)", counts)
    assert counts[False, True] <= 0.10 * (counts[False, True] + counts[False, False])
    assert counts[True, True] >= 0.75 * (counts[True, True] + counts[True, False])
    capsys.readouterr()
    train(tmp_path, "prm", model=str(embedded.path("sft")), output=str(tmp_path / "prm"), labels="soft",
          data={"train": str(steps), "dev": str(dev_samples)}, trl=verifier_options())  # fmt: skip
    what_choosing_gives(capsys)
    assert cli.main(["choose", str(dev_samples), "--scorer", f"prm-tokens:{tmp_path / 'prm'}"]) == 0
