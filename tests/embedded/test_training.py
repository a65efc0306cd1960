"""Training at tiny scale: the generator is right, nothing held out leaks, and every stage runs and is saved."""

from itertools import islice, pairwise
from random import Random

import pytest

from lm_eval_mathtasks.embedded import STAGES
from lm_eval_mathtasks.embedded.recipe.evaluation import NO_ANSWER, RIGHT, WRONG, graded_reward, reward
from lm_eval_mathtasks.embedded.recipe.exercises import (
    FAMILIES,
    HELD_OUT_SHARE,
    KINDS,
    Problem,
    held_out_set,
    key_of,
    make,
    stream,
)
from lm_eval_mathtasks.embedded.recipe.hyperparameters import TINY, Settings
from lm_eval_mathtasks.embedded.recipe.prompts import FRAMES, STYLES, pose, pose_any, several, worked_answer
from lm_eval_mathtasks.errors import DataError
from tests.cases import generator_rules
from tests.conftest import read_jsonl

PROBLEM = Problem("sum", "What is 2+3?", ("2+3=5",), "5", "sum:a=2,b=3")
# TRL still names an option by the word that transformers 5 warns about.
RENAMED = "ignore:.*gradient_checkpointing.*:FutureWarning"


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_the_generator_says_what_its_wording_means(kind):
    """Kind, numbers and answer of 200 problems, read back from the question alone."""
    rng = Random(kind)
    for _ in range(200):
        problem = make(kind, rng)
        read_kind, numbers, answer = generator_rules.read(problem.question)
        assert (key_of(read_kind, numbers), answer) == (problem.key, problem.answer)


def test_every_wording_is_known_to_the_rules():
    assert len(generator_rules.PATTERNS) == sum(len(kind.wordings) for kind in KINDS.values())


def test_the_stream_is_endless_varied_and_repeatable():
    problems = list(islice(stream(5), 3000))
    assert problems == list(islice(stream(5), 3000))
    assert problems[:50] != list(islice(stream(6), 50))
    assert {problem.kind for problem in problems} == set(KINDS)
    assert 0.55 < sum(p.kind in FAMILIES["grade_school"] for p in problems) / 3000 < 0.65


def test_held_out_numbers_are_never_trained_on():
    held_out = held_out_set(500)
    assert all(problem.held_out for problem in held_out)
    assert len({problem.question for problem in held_out}) == 500
    keys, questions = {p.key for p in held_out}, {p.question for p in held_out}
    for problem in islice(stream(0), 20_000):
        assert problem.key not in keys
        assert problem.question not in questions


def test_about_an_eighth_is_held_out():
    rng = Random(0)
    share = sum(make("complex_sum", rng).held_out for _ in range(4000)) / 4000
    assert abs(share - 1 / HELD_OUT_SHARE) < 0.03


@pytest.mark.parametrize("style", STYLES)
def test_every_worked_answer_is_graded_right(style):
    for problem in islice(stream(7), 300):
        assert reward(worked_answer(problem, style), problem.answer) == RIGHT, worked_answer(problem, style)


def test_rewards():
    assert reward(r"2+2=4 \boxed{4}", "5") == WRONG
    assert reward("", "5") == NO_ANSWER
    assert graded_reward([r"\boxed{5}", ""], gold=["5", "5"], prompts=["", ""]) == [RIGHT, NO_ANSWER]
    with pytest.raises(ValueError, match="shorter"):
        graded_reward(["5", "5"], gold=["5"])


def test_prompts():
    assert pose(PROBLEM, Random(0), frame="question").prompt == "Question: What is 2+3?\nAnswer:"
    assert pose(PROBLEM, Random(0), frame="chat").prompt == "<|user|>What is 2+3?<|assistant|>"
    boxed = pose(PROBLEM, Random(0), frame="chat", style="boxed")
    assert r"\boxed{" in boxed.prompt
    assert boxed.response == "2+3=5\n\\boxed{5}"
    shots, chat = (
        "".join(p + r for p, r in several([PROBLEM] * 2, Random(0), frame=f)) for f in ("q", "chat")
    )
    assert shots == "\n\n".join(["Q: What is 2+3?\nA: 2+3=5\nThe answer is 5."] * 2)
    assert chat == "<eos>".join(["<|user|>What is 2+3?<|assistant|>2+3=5\n\\boxed{5}"] * 2)


def test_instructions_vary_and_keep_the_question():
    prompts = {pose_any(PROBLEM, Random(seed)).prompt for seed in range(300)}
    assert len(prompts) > 200
    assert all(PROBLEM.question in prompt for prompt in prompts)
    assert set(FRAMES) == {"chat", "question", "q", "problem", "bare"}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A model of 10,000 parameters taken through all three stages."""
    from lm_eval_mathtasks.embedded.recipe.pipeline import train_stages

    out = tmp_path_factory.mktemp("trained")
    with pytest.warns(FutureWarning, match="gradient_checkpointing"):
        train_stages(STAGES, out, TINY)
    return out


def weights(folder):
    from lm_eval_mathtasks.embedded.recipe.checkpoint import load_stage

    model, _ = load_stage(folder)
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def test_every_stage_is_saved_and_changes_the_model(trained):
    import torch

    stages = [weights(trained / stage) for stage in STAGES]
    for before, after in pairwise(stages):
        assert before.keys() == after.keys()
        assert any(not torch.equal(before[name], after[name]) for name in before)


def test_the_log_has_a_line_for_each_stage(trained):
    lines = read_jsonl(trained / "training_log.jsonl")
    assert [line["stage"] for line in lines] == list(STAGES)
    for line in lines:
        assert {"step", "loss", "accuracy_question", "accuracy_chat", "cpu_seconds"} <= line.keys()


def test_a_saved_stage_loads_in_full_precision_and_speaks(trained):
    import torch

    from lm_eval_mathtasks.embedded.recipe.checkpoint import load_stage
    from lm_eval_mathtasks.embedded.recipe.evaluation import respond

    model, tokenizer = load_stage(trained / "grpo")
    assert model.dtype == torch.float32
    assert model.generation_config.eos_token_id == tokenizer.eos_token_id == 2
    assert tokenizer.padding_side == "left"
    alone = respond(model, tokenizer, ["Question: a\nAnswer:"])
    together = respond(model, tokenizer, ["Question: a\nAnswer:", "Question: a much longer one\nAnswer:"])
    assert alone == together[:1]


@pytest.mark.filterwarnings(RENAMED)
def test_a_stage_continues_from_the_one_before(trained, tmp_path):
    import shutil

    from lm_eval_mathtasks.embedded.recipe.pipeline import train_stages

    shutil.copytree(trained / "base", tmp_path / "base")
    train_stages(("sft",), tmp_path, TINY)
    assert (tmp_path / "sft" / "model.safetensors").exists()
    with pytest.raises(DataError, match="Train that stage first"):
        train_stages(("sft",), tmp_path / "empty", TINY)


def test_the_base_stage_learns():
    """A hundred steps of a tiny model bring the loss well below that of guessing among all tokens."""
    import math

    from lm_eval_mathtasks.embedded.recipe import base
    from lm_eval_mathtasks.embedded.recipe.tokenizer import build

    class Losses(list):
        def step(self, stage, step, loss, model, *, last=False):
            self.append(loss)

    tokenizer, log = build(0, count=500), Losses()
    base.train_base(tokenizer, TINY._replace(base_steps=100), log)
    assert log[0] > 0.9 * math.log(len(tokenizer))
    assert sum(log[-5:]) / 5 < 0.75 * log[0]


def test_batches_are_packed_and_weighted():
    from lm_eval_mathtasks.embedded.recipe.base import LONG_EVERY, PROMPT_WEIGHT, batches, weighted_tokens
    from lm_eval_mathtasks.embedded.recipe.tokenizer import build

    tokenizer = build(0, count=300)
    shapes = [tuple(tokens.shape) for tokens, _ in islice(batches(tokenizer, TINY), LONG_EVERY)]
    assert shapes == [(4, 65)] * (LONG_EVERY - 1) + [(1, 257)]
    ids, loss_weights = zip(*weighted_tokens(tokenizer, [pose(PROBLEM, Random(0), frame="q")]), strict=True)
    assert tokenizer.decode(ids) == "Q: What is 2+3?\nA: 2+3=5\nThe answer is 5.<eos>"
    assert set(loss_weights) == {PROMPT_WEIGHT, 1.0}
    assert loss_weights[-1] == 1.0


def test_the_tokenizer_reads_every_text():
    from lm_eval_mathtasks.embedded.recipe.tokenizer import build

    tokenizer = build(0, count=300)
    for text in ("12345", "naïve \U0001f642\n\t", r"\frac{1}{2}", "<|user|>x<eos>"):
        assert tokenizer.decode(tokenizer(text)["input_ids"]) == text
    assert len(tokenizer("12345")["input_ids"]) == 5


def test_the_learning_rate_rises_and_falls():
    from lm_eval_mathtasks.embedded.recipe.base import WARMUP_STEPS, schedule

    settings = Settings()
    rates = [schedule(step, settings) for step in range(1, settings.base_steps + 1)]
    assert rates[0] < rates[WARMUP_STEPS - 1] > rates[-1]
    assert rates[-1] == pytest.approx(0.05)


def test_command_line(tmp_path, capsys):
    from lm_eval_mathtasks.embedded.recipe.__main__ import main

    with pytest.raises(SystemExit):
        main(["--stage", "unknown", "--out", str(tmp_path)])
    assert "base" in capsys.readouterr().err
    with pytest.raises(DataError):
        main(["--tiny", "--stage", "grpo", "--out", str(tmp_path)])


def test_the_table_of_a_model(trained, tmp_path):
    """One row a stage, from a file in either benchmark's columns."""
    import json

    from lm_eval_mathtasks.embedded.recipe.evaluation import read_problems, table

    rows = [
        {"question": "What is 2+3?", "answer": "2+3=5\n#### 5"},
        {"problem": "Add.", "answer": r"\frac{1}{2}"},
    ]
    file = tmp_path / "few.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert [(p.question, p.answer) for p in read_problems(file)] == [
        ("What is 2+3?", "5"),
        ("Add.", r"\frac{1}{2}"),
    ]
    head, line, *stages = table(trained, [file], count=3)
    assert head == "| stage | held-out, plain | held-out, chat | the same, sampled | few |"
    assert line == "|---|---|---|---|---|"
    assert [row.split(" | ")[0] for row in stages] == ["| base", "| sft", "| grpo"]
