"""The bundled samples and the bundled model: their answers are computed, not believed."""

import re
from fractions import Fraction
from itertools import islice
from pathlib import Path

import pytest

from lm_eval_mathtasks import embedded, extract_answer, grade
from tests.cases import generator_rules
from tests.cases.sample_checks import GSM8K, MATH
from tests.conftest import read_jsonl, shared_rows

FOLDER = Path(embedded.__file__).parent
GRADE_SCHOOL = read_jsonl(FOLDER / "sample" / "gsm8k.jsonl")
COMPETITION = read_jsonl(FOLDER / "sample" / "math.jsonl")
QUESTIONS = [row["question"] for row in GRADE_SCHOOL] + [row["problem"] for row in COMPETITION]
SUBJECTS = {
    "Algebra",
    "Counting & Probability",
    "Geometry",
    "Intermediate Algebra",
    "Number Theory",
    "Prealgebra",
    "Precalculus",
}
# What "LaTeX answers of every kind" means, each as a pattern that some answer must match in full.
ANSWER_KINDS = {
    "integer": r"\d+",
    "decimal": r"\d+\.\d+",
    "fraction": r"\\frac\{\d+\}\{\d+\}",
    "root": r"\d*\\sqrt\{\d+\}",
    "interval": r"[\[(]-?\d+,-?\d+[\])]",
    "unbounded interval": r"\(-\\infty,-?\d+\)",
    "union": r".*\\cup.*",
    "point": r"\(-?\d+,-?\d+\)",
    "triple": r"\(\d+,\d+,\d+\)",
    "set": r"\\\{.*\\\}",
    "empty set": r"\\emptyset",
    "matrix": r"\\begin\{pmatrix\}.*&.*\\end\{pmatrix\}",
    "vector": r"\\begin\{pmatrix\}[^&]*\\end\{pmatrix\}",
    "polynomial": r"x\^2[+-].*\d",
    "equation": r"y=.*",
    "text": r"\\text\{[a-zA-Z]+\}",
    "choice": r"\\text\{\([A-E]\)\}",
    "degrees": r"\d+\^\\circ",
    "money": r"\\\$\d+(\.\d\d)?",
    "percent": r"\d+\\%",
    "base": r"\d+_\d",
    "complex": r"\d+\+\d+i",
    "multiple of pi": r"\d+\\pi",
    "several": r"-3,-2,2,3",
    "plus-minus": r".*\\pm.*",
    "variables": r"2a\^5b",
    "scientific": r".*\\times10\^3",
    "unit": r"49\\text\{ cm\}\^2",
}


def last_box(solution: str) -> str:
    """Content of the last box, braces counted; apart from the package's own extraction."""
    start = solution.rindex(r"\boxed{") + len(r"\boxed{")
    depth, end = 1, start
    while depth:
        depth += {"{": 1, "}": -1}.get(solution[end], 0)
        end += 1
    return solution[start : end - 1]


def test_columns_and_counts():
    assert len(GRADE_SCHOOL) == len(COMPETITION) == 100
    assert {tuple(row) for row in GRADE_SCHOOL} == {("question", "answer")}
    assert {tuple(row) for row in COMPETITION} == {
        ("problem", "solution", "answer", "subject", "level", "unique_id")
    }
    assert {row["subject"] for row in COMPETITION} == SUBJECTS
    assert {row["level"] for row in COMPETITION} == {1, 2, 3, 4, 5}
    assert len({row["unique_id"] for row in COMPETITION}) == 100
    assert len(set(QUESTIONS)) == 200


@pytest.mark.parametrize("line", range(1, 101))
def test_grade_school_answer(line):
    """By the hand-written check of that line or, for a generated problem, by what its wording means."""
    row = GRADE_SCHOOL[line - 1]
    given = row["answer"].split("\n#### ")[1].replace(",", "")
    rule = generator_rules.read(row["question"])
    assert (line in GSM8K) != (rule is not None), "checked by exactly one of the two"
    assert int(given) == (GSM8K[line]() if line in GSM8K else int(rule[2]))


@pytest.mark.parametrize("row", COMPETITION, ids=lambda row: row["unique_id"])
def test_competition_answer(row):
    rule = generator_rules.read(row["problem"])
    assert (row["unique_id"] in MATH) != (rule is not None), "checked by exactly one of the two"
    computed = MATH[row["unique_id"]]() if row["unique_id"] in MATH else rule[2]
    assert row["answer"].replace(" ", "") == computed.replace(" ", "")
    assert last_box(row["solution"]) == row["answer"]


def test_no_check_is_without_its_problem():
    assert set(GSM8K) <= set(range(1, 101))
    assert set(MATH) <= {row["unique_id"] for row in COMPETITION}


@pytest.mark.parametrize("kind", ANSWER_KINDS)
def test_answers_of_every_kind(kind):
    assert any(re.fullmatch(ANSWER_KINDS[kind], row["answer"]) for row in COMPETITION)


@pytest.mark.parametrize("row", GRADE_SCHOOL + COMPETITION, ids=range(200))
def test_the_solution_as_a_response_is_graded_correct(row):
    gold = row["answer"].rpartition("#### ")[2]
    assert grade(gold=gold, pred=extract_answer(row.get("solution", row["answer"])).answer).correct


def steps_of(text: str) -> list[tuple[str, str]]:
    """(left side, right side) of every plain equation of numbers in a worked solution."""
    return re.findall(
        r"(?<![\w.%/*+-])([\d.]+(?:[-+*/][\d.]+)+)=([\d.]*\d(?:/\d+)?)(?![\w.]*\d|[-+*/]\d)", text
    )


def test_worked_steps_are_true():
    """Every `a+b*c=d` in a grade-school solution holds; there are enough of them for this to mean something."""
    steps = [step for row in GRADE_SCHOOL for step in steps_of(row["answer"])]
    assert len(steps) > 150
    for left, right in steps:
        value, claimed = (
            eval(re.sub(r"[\d.]+", r"Fraction('\g<0>')", side), {"Fraction": Fraction})
            for side in (left, right)
        )
        assert value == claimed, (left, right)


def words(text: str) -> list[str]:
    """Lower-case words, formulas and numbers left out: those are common property."""
    return re.findall(r"[a-z]+", re.sub(r"\$[^$]*\$", " ", text.lower()))


def test_no_problem_is_a_copy():
    """No sample problem shares eight words in a row with a problem of the published sets."""
    published = set()
    for name in ("gsm8k_test", "gsm8k_train", "math500", "math_test", "amc23", "aime24", "olympiadbench"):
        for row in shared_rows(f"data/{name}.jsonl"):
            read = words(row.get("question") or row["problem"])
            published.update(tuple(read[i : i + 8]) for i in range(len(read) - 7))
    for question in QUESTIONS:
        read = words(question)
        assert not published & {tuple(read[i : i + 8]) for i in range(len(read) - 7)}, question


def test_generated_problems_are_held_out():
    """Their numbers are kept from training in any wording, and no training problem has their text."""
    from lm_eval_mathtasks.embedded.recipe.exercises import Problem, key_of, stream

    generated = {question: rule for question in QUESTIONS if (rule := generator_rules.read(question))}
    assert len(generated) == 80
    for question, (kind, numbers, answer) in generated.items():
        assert Problem(kind, question, (), answer, key_of(kind, numbers)).held_out
    for seed in (0, 2, 3):  # base, SFT and GRPO draw from these streams when the seed is 0
        assert not any(problem.question in generated for problem in islice(stream(seed), 20_000))


@pytest.fixture(scope="module", params=embedded.STAGES)
def stage(request):
    from lm_eval_mathtasks.embedded.recipe.checkpoint import load_stage

    return request.param, *load_stage(embedded.path(request.param))


def test_model_is_small_and_fits_serving_engines(stage):
    name, model, _ = stage
    assert sum(file.stat().st_size for file in embedded.path(name).iterdir()) <= 4 * 2**20
    assert 0.8e6 < model.num_parameters() < 1.3e6
    assert model.config.head_dim in (32, 64)
    assert model.config.max_position_embeddings == 4096
    assert str(model.dtype) == "torch.float32"


def test_tokenizer(stage):
    _, model, tokenizer = stage
    assert (tokenizer.pad_token, tokenizer.bos_token, tokenizer.eos_token) == ("<pad>", "<bos>", "<eos>")
    assert model.generation_config.eos_token_id == tokenizer.eos_token_id
    text = "Ünïcode 1234, \\frac{1}{2}\n\t\U0001f642"
    assert tokenizer.decode(tokenizer(text)["input_ids"]) == text
    chat = [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}]
    shown = tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
    assert shown == "<|system|>s<|user|>u<|assistant|>"
    with pytest.raises(ValueError, match="base, sft, grpo"):
        embedded.path("rlhf")


def test_an_eight_shot_prompt_fits(stage):
    _, model, tokenizer = stage
    shots = "\n\n".join(f"Q: {row['question']}\nA: {row['answer']}" for row in GRADE_SCHOOL[1:34:2])
    assert len(shots) > 3500
    assert len(tokenizer(shots)["input_ids"]) + 512 < model.config.max_position_embeddings


def stated() -> dict[str, list[float]]:
    """Stage -> [plain, chat, sampled, gsm8k sample, math sample], in percent, from the README's table."""
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (base|sft|grpo) \|" + 5 * r" ([\d.]+) \|" + "$", readme, re.M)
    return {row[0]: [float(value) for value in row[1:]] for row in rows}


def test_accuracy_rises_from_stage_to_stage():
    """Fine-tuning raises all of it; the reward then raises what sampling gets right, and keeps the greedy answers."""
    base, sft, grpo = (stated()[name] for name in embedded.STAGES)
    assert all(before < after for before, after in zip(base, sft, strict=True))
    assert sft[2] < grpo[2]
    assert min(grpo[:2]) >= 74
    assert all(0 < value < 100 for row in (base, sft, grpo) for value in row)


@pytest.mark.parametrize(("column", "file"), [(3, "gsm8k.jsonl"), (4, "math.jsonl")])
def test_the_stated_accuracy_is_the_models(column, file):
    """Greedy decoding differs a little between machines: three problems of a hundred may turn."""
    from lm_eval_mathtasks.embedded.recipe.checkpoint import load_stage
    from lm_eval_mathtasks.embedded.recipe.evaluation import held_out_accuracy, read_problems

    problems = read_problems(FOLDER / "sample" / file)
    measured = held_out_accuracy(*load_stage(embedded.path()), problems, "chat")
    assert 100 * measured == pytest.approx(stated()["grpo"][column], abs=3)


def test_held_out_accuracy():
    """100 of the 1,000 problems behind the README's figure, within three standard errors."""
    from lm_eval_mathtasks.embedded.recipe.checkpoint import load_stage
    from lm_eval_mathtasks.embedded.recipe.evaluation import held_out_accuracy
    from lm_eval_mathtasks.embedded.recipe.exercises import held_out_set

    measured = held_out_accuracy(*load_stage(embedded.path()), held_out_set(100, seed=1), "chat")
    assert 100 * measured == pytest.approx(stated()["grpo"][1], abs=13)


def test_the_log_is_of_these_stages():
    lines = read_jsonl(FOLDER / "training_log.jsonl")
    final = {line["stage"]: line for line in lines if "accuracy_chat" in line}
    assert list(final) == list(embedded.STAGES)
    for name, row in stated().items():
        assert 100 * final[name]["accuracy_chat"] == pytest.approx(row[1], abs=13)  # 100 problems, as above


def test_config_files_say_nothing_of_where_they_were_made():
    configs = [file for name in embedded.STAGES for file in embedded.path(name).glob("*config.json")]
    assert len(configs) == 3 * 3
    for file in configs:
        assert not re.search(r'"(/|[A-Z]:)', file.read_text(encoding="utf-8")), file
