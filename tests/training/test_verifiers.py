"""Verifiers: what they are trained on, that what is trained opens in `choose`, and what is said of its worth."""

import json
import math
import random

import pytest
import yaml

from lm_eval_mathtasks import cli, embedded
from lm_eval_mathtasks.choosing.scorer import Settings
from lm_eval_mathtasks.choosing.scorers import make_scorer
from lm_eval_mathtasks.errors import DataError, TrainingError
from lm_eval_mathtasks.numbers.estimators import Votes
from lm_eval_mathtasks.training.pairs import pairs_in
from lm_eval_mathtasks.training.prm import SILENT, encoded
from lm_eval_mathtasks.training.steps import Stepwise, hard, holds_math_tests, read_steps
from lm_eval_mathtasks.training.verifier_report import best_distinct, first_errors, overall_area
from tests.conftest import shared_path

pytest.importorskip("trl")
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*deprecated.*:FutureWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.xdist_group("training"),
]
CPU = {
    "use_cpu": True,
    "report_to": "none",
    "disable_tqdm": True,
    "dtype": "float32",
    "save_strategy": "no",
    "logging_steps": 5,
}


def lines(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def sampled(tmp_path):
    """Four responses to each of 12 docs; the wrong ones say so, so that a verifier can learn it."""
    rng, rows = random.Random(0), []
    for doc in range(12):
        a, b = rng.randint(2, 9), rng.randint(2, 9)
        for repeat in range(4):
            right = repeat < 1 + doc % 3
            text = f"{a}+{b}={a + b}\n\\boxed{{{a + b}}}" if right else f"oh no\n\\boxed{{{a + b + repeat}}}"
            rows.append({"question": f"What is {a}+{b}? ({doc})", "gold": str(a + b), "response": text})
    return lines(tmp_path / "sampled.jsonl", rows)


def test_pairs_are_of_one_question_and_stand_once(sampled):
    found = pairs_in(sampled, per_doc=4, seed=0)
    asked = [row["prompt"][0]["content"] for row in found]
    # The right responses to a question are one text, the wrong ones several: each pair of texts stands once.
    assert len(set(asked)) == 12
    assert len({json.dumps(row) for row in found}) == len(found) > 12
    assert max(asked.count(question) for question in asked) <= 4
    # One pair a doc is of texts that the others begin with: no text is used again before all were.
    assert len(pairs_in(sampled, per_doc=1, seed=0)) == 12
    assert all("oh no" in row["rejected"][0]["content"] for row in found)
    assert not any("oh no" in row["chosen"][0]["content"] for row in found)
    assert found == pairs_in(sampled, per_doc=4, seed=0)
    assert found != pairs_in(sampled, per_doc=4, seed=1)


def test_no_pairs(tmp_path):
    rows = [{"question": "a", "gold": "1", "response": text} for text in (r"\boxed{1}", r"\boxed{1} ")]
    with pytest.raises(TrainingError, match="docs with a right and a wrong response"):
        pairs_in(lines(tmp_path / "a.jsonl", rows), 4, 0)


PRM800K = {
    "question": {"problem": "P"},
    "label": {
        "steps": [
            {"completions": [{"text": "a", "rating": 1}, {"text": "b", "rating": -1}], "chosen_completion": 0},
            {"completions": [{"text": "c", "rating": -1}, {"text": "d", "rating": 0}], "chosen_completion": None,
             "human_completion": {"text": "h", "rating": None}},
            {"completions": [{"text": "e", "rating": -1}, {"text": "f", "rating": 1}], "chosen_completion": None,
             "human_completion": None},
            {"completions": [{"text": "g", "rating": 1}], "chosen_completion": 0},
        ]
    },
}  # fmt: skip


def test_prm800k_by_one_path_or_all(tmp_path):
    path = lines(tmp_path / "a.jsonl", [PRM800K])
    assert read_steps(path) == [Stepwise("P", ("a", "h", "e"), (1.0, None, 0.0))]
    assert read_steps(path, "all") == [
        Stepwise("P", ("b",), (0.0,)),
        Stepwise("P", ("a", "c"), (None, 0.0)),
        Stepwise("P", ("a", "d"), (None, 1.0)),
        Stepwise("P", ("a", "h", "f"), (None, None, 1.0)),
        Stepwise("P", ("a", "h", "e"), (1.0, None, 0.0)),
    ]
    assert holds_math_tests(path)


def test_math_shepherd_and_stepwise_files(tmp_path):
    shepherd = {
        "input": "Q? Step 1: a ки\nStep 2: b ки",
        "label": "Q? Step 1: a +\nStep 2: b -",
        "task": "GSM8K",
    }
    assert read_steps(lines(tmp_path / "a.jsonl", [shepherd])) == [
        Stepwise("Q?", ("Step 1: a", "Step 2: b"), (1.0, 0.0))
    ]
    rows = [
        {"question": "Q", "steps": ["a", "b"], "labels": [0.25, 0.0]},
        {"prompt": "Q", "completions": ["a"], "labels": [True]},
    ]
    found = read_steps(lines(tmp_path / "b.jsonl", rows))
    assert [row.labels for row in found] == [(0.25, 0.0), (1.0,)]
    assert [hard(label) for label in (0.25, 0.125, 0.0, None)] == [1.0, 0.0, 0.0, None]
    assert not holds_math_tests(tmp_path / "b.jsonl")


def test_the_published_samples_are_read():
    prm = read_steps(shared_path("data/sample_prm800k.jsonl"))
    assert len(prm) == 6
    assert [row.labels[-1] for row in prm].count(0.0) == 1
    assert len(read_steps(shared_path("data/sample_prm800k.jsonl"), "all")) == 36
    shepherd = read_steps(shared_path("data/sample_math_shepherd.jsonl"))
    assert (len(shepherd), sum(len(row.labels) for row in shepherd)) == (7, 25)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"question": "Q", "steps": ["a", "b"], "labels": [1]}, "as many labels in row 1"),
        ({"question": "Q", "steps": ["a"], "labels": [2]}, "labels from 0 to 1.*got 2"),
        ({"question": "Q", "answer": "1"}, "a question, steps"),
        ({"input": "Q? no steps ки", "label": "Q? no steps +"}, "Step 1:"),
        (
            {"input": "Q Step 1: a ки\nStep 2: b ки", "label": "Q Step 1: a +"},
            "text of `input` in `label` of row 1",
        ),
        (
            {"question": {"text": "Q"}, "label": {"steps": []}},
            "as in PRM800K in row 1 .*got KeyError: 'problem'",
        ),
        (
            {"question": {"problem": "Q"}, "label": {"steps": [{"completions": [], "chosen_completion": 3}]}},
            "as in PRM800K in row 1 .*got IndexError",
        ),
        ({"question": "Q", "steps": ["a"], "labels": [None]}, "labelled steps in .*got none"),
    ],
)
def test_files_without_labelled_steps(tmp_path, row, message):
    with pytest.raises(DataError, match=message):
        read_steps(lines(tmp_path / "a.jsonl", [row]))


def test_an_orm_learns_what_choose_reads(sampled, tmp_path):
    """Token by token, end token included, whose state bears the score."""
    import trl
    from datasets import Dataset
    from transformers import AutoTokenizer

    rows = pairs_in(sampled, per_doc=2, seed=0)
    arguments = trl.RewardConfig(str(tmp_path), use_cpu=True, bf16=False, report_to="none")
    tokenizer = AutoTokenizer.from_pretrained(embedded.path("sft"), padding_side="left")
    model = str(embedded.path("sft"))
    data = Dataset.from_list(rows)
    trainer = trl.RewardTrainer(model=model, args=arguments, train_dataset=data, processing_class=tokenizer)
    trainer.save_model(str(tmp_path / "orm"))
    scorer = make_scorer(f"orm:{tmp_path / 'orm'}", Settings())
    for row, learned in zip(rows, trainer.train_dataset, strict=True):
        for side in ("chosen", "rejected"):
            read = scorer.encode(row["prompt"][0]["content"], row[side][0]["content"])
            assert read.ids == learned[f"{side}_ids"]
            assert read.ids[-1] == tokenizer.eos_token_id


def test_a_prm_learns_at_the_places_that_choose_reads(tmp_path):
    from tests.choosing.tiny_verifiers import save

    scorer = make_scorer(f"prm-tokens:{save(tmp_path / 'prm', 'prm-tokens')}")
    row = Stepwise("What is 1+2?", ("1+2=3", "so 3", r"\boxed{3}"), (1.0, None, 0.25))
    read = scorer.encode(row.question, "\n".join(row.steps))
    (soft,) = encoded([row], scorer.tokenizer, "soft", None)
    (hard_one,) = encoded([row], scorer.tokenizer, "hard", None)
    assert soft["input_ids"] == read.ids
    assert [soft["labels"][place] for place in read.places] == [1.0, SILENT, 0.25]
    assert [hard_one["labels"][place] for place in read.places] == [1.0, SILENT, 1.0]
    assert sum(label != SILENT for label in soft["labels"]) == 2
    assert encoded([row], scorer.tokenizer, "soft", len(read.ids) - 1) == []


def test_the_best_of_the_distinct_answers():
    """A wrong answer with one lucky score loses to a right one that has a good mean; ties share."""
    votes = Votes("d", (True, True, True, False, False), (0, 0, 0, 1, None))
    assert best_distinct(votes, [0.9, 0.9, 0.9, 0.8, 5.0]) == 1.0
    assert best_distinct(votes, [0.1, 0.9, 0.1, 0.8, 0.0]) == 0.0
    assert best_distinct(votes, [0.5, 0.5, 0.5, 0.5, 0.5]) == 0.5
    assert best_distinct(Votes("d", (False,), (None,)), [1.0]) == 0.0


def test_the_area_over_all_responses():
    rng = random.Random(0)
    votes, scores = [], {}
    for doc in range(20):
        right = tuple(rng.random() < 0.5 for _ in range(5))
        votes.append(Votes(str(doc), right, (0,) * 5))
        scores[str(doc)] = [rng.choice([0, 1, 2, 3]) + own for own in right]
    flat = [(s, r) for v in votes for r, s in zip(v.correct, scores[v.doc_id], strict=True)]
    won = [(a > b) + (a == b) / 2 for a, x in flat if x for b, y in flat if not y]
    assert overall_area(votes, scores) == pytest.approx(sum(won) / len(won))
    assert overall_area([Votes("0", (True,), (0,))], {"0": [1.0]}) is None


class Steady:
    """Scores steps by whether they say "wrong"."""

    of_prompt = False

    def score(self, question, responses):
        return [tuple(0.1 if "wrong" in step else 0.9 for step in text.split("\n")) for text in responses]


def test_first_errors_of_processbench(tmp_path):
    rows = [
        {"question": "q", "steps": ["a", "wrong\nhere", "wrong"], "label": 1},
        {"question": "q", "steps": ["wrong", "a"], "label": 1},
        {"question": "q", "steps": ["a", ""], "label": -1},
        {"question": "q", "steps": ["a", "wrong"], "label": -1},
        {"question": "q", "steps": ["a", "b"], "label": 0},
    ]
    found = first_errors(lines(tmp_path / "gsm8k.jsonl", rows), Steady())
    assert found[1:] == (1, 3, 1, 2)
    assert found.f1 == pytest.approx(2 / (3 + 2))
    # Where every row has an error, a score of 0 would be none that was measured.
    assert math.isnan(first_errors(lines(tmp_path / "math.jsonl", rows[:2]), Steady()).f1)
    with pytest.raises(DataError, match="line 1"):
        first_errors(lines(tmp_path / "x.jsonl", [{"question": "q"}]), Steady())


@pytest.fixture
def run(tmp_path, capsys):
    def go(stage, data, trl, **changes):
        config = {"stage": stage, "model": str(embedded.path("sft")), "output": str(tmp_path / "out"),
                  "data": data, "trl": {**CPU, **trl}, **changes}  # fmt: skip
        path = tmp_path / "config.yaml"
        path.write_text(yaml.safe_dump(config))
        capsys.readouterr()
        status = cli.main(["train", stage, str(path)])
        shown = capsys.readouterr()
        return status, shown.out, shown.err

    return go


def test_an_outcome_verifier_with_lora_learns_and_opens_in_choose(run, sampled, tmp_path, capsys):
    lora = {"use_peft": True, "lora_r": 8, "lora_alpha": 16, "lora_target_modules": "all-linear",
            "lora_modules_to_save": ["score"], "lora_task_type": "SEQ_CLS"}  # fmt: skip
    trl = {**lora, "bf16": False, "gradient_checkpointing": False, "learning_rate": 5e-3, "max_steps": 12,
           "per_device_train_batch_size": 12, "max_length": 128}  # fmt: skip
    data = {"train": str(sampled), "dev": str(sampled)}
    status, out, err = run("orm", data, trl)
    assert status == 0, err
    for line in (
        "oracle (pass@4)",
        "majority (maj@4)",
        "best-of-4",
        "best of the distinct answers among 4",
        "mean (avg@4)",
    ):
        assert line in out
    assert "over all responses in" in out
    within = float(out.split("outscores a wrong one in ")[1].split(" ")[0])
    assert within > 90
    assert not (tmp_path / "out/config.json").exists()
    assert cli.main(["choose", str(sampled), "--scorer", f"orm:{tmp_path / 'out'}"]) == 0
    shown = capsys.readouterr().out
    assert f"{within:.1f} % of pairs" in shown
    status, _, err = run("orm", data, {**trl, "lora_modules_to_save": None}, output=str(tmp_path / "other"))
    assert (status, "[reward_head]" in err) == (2, True)


def test_a_process_verifier_learns_which_step_is_bad(run, sampled, tmp_path):
    said = ("so it is", "oh no")
    steps = [
        {
            "question": f"What is {n}+1?",
            "steps": [f"{n}+1={n + 1}", said[n % 2]],
            "labels": [1.0, 1.0 - n % 2],
        }
        for n in range(24)
    ]
    bench = [{"question": "What is 5+1?", "steps": ["5+1=6", "oh no", "so it is"], "label": 1},
             {"question": "What is 5+1?", "steps": ["5+1=6", "so it is"], "label": -1}]  # fmt: skip
    data = {
        "train": str(lines(tmp_path / "steps.jsonl", steps)),
        "dev": str(sampled),
        "processbench": [str(lines(tmp_path / "toy.jsonl", bench))],
    }
    trl = {"learning_rate": 2e-3, "max_steps": 16, "per_device_train_batch_size": 12}
    status, out, err = run("prm", data, trl, labels="soft")
    assert status == 0, err
    assert "ProcessBench" in out
    assert "toy" in out
    scorer = make_scorer(f"prm-tokens:{tmp_path / 'out'}", Settings())
    ((good, bad),) = scorer.score("What is 7+1?", ["7+1=8\noh no"])
    assert good > 0.5 > bad
    status, _, err = run("prm", {"train": str(sampled)}, trl, output=str(tmp_path / "other"))
    assert (status, "a question, steps and as many labels" in err) == (2, True)
