"""Training data: asked as it is evaluated, answered in the format, and without what is tested."""

import errno
import json
from itertools import islice

import pytest

from lm_eval_mathtasks import cli
from lm_eval_mathtasks.embedded.recipe.exercises import stream
from lm_eval_mathtasks.errors import DataError
from lm_eval_mathtasks.grading.extract import extract_answer
from lm_eval_mathtasks.problems import sources
from lm_eval_mathtasks.rewards import accuracy, boxed_format, tags_format
from lm_eval_mathtasks.training import data
from lm_eval_mathtasks.training.contamination import RUN, overlaps
from lm_eval_mathtasks.training.prompt_formats import FORMATS, plain_prompt, prompt, response
from tests.conftest import read_jsonl, shared_path

QUESTION = (
    "A train carries 3 boxes of 4 apples from one town to the next; how many apples does it carry in all?"
)


@pytest.mark.parametrize(
    ("form", "number", "task"),
    [("tags", True, "gsm8k-cot-tags"), ("boxed", True, "gsm8k-cot-zeroshot"), ("boxed", False, "math500")],
)
def test_training_asks_as_the_tasks_ask(form, number, task):
    """Word for word what lm-eval sends, as a conversation and as plain text."""
    from lm_eval.tasks import TaskManager

    from lm_eval_mathtasks.package import data_folder

    manager = TaskManager(include_path=str(data_folder("tasks")), include_defaults=False)
    config = manager._get_config(task) if hasattr(manager, "_get_config") else manager.task_index[task].cfg
    description, ask = config.get("description") or "", config["doc_to_text"]
    user = ask.replace("{{question}}", QUESTION)
    system = [{"role": "system", "content": description.strip()}] if description else []
    assert prompt(QUESTION, form, number=number) == [*system, {"role": "user", "content": user}]
    assert plain_prompt(QUESTION, form, number=number) == description + user


SOLUTIONS = [
    ("Each has 4, so 3*4=<<3*4=12>>12 apples.\n#### 12", "12"),
    (r"The product is $3\cdot 4=\boxed{12}$.", "12"),
    (r"Its sides are $\boxed{\frac{1}{2}}$ long.", r"\frac{1}{2}"),
]


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(("solution", "answer"), SOLUTIONS)
def test_a_worked_response_is_rewarded_in_its_format(form, solution, answer):
    text = response(solution, answer, form)
    assert accuracy([text], gold=[answer]) == [1.0]
    assert extract_answer(text).rule == {"tags": "tag", "boxed": "box", "hash": "hash"}[form]
    assert tags_format([text]) == [float(form == "tags")]
    assert boxed_format([text]) == [float(form == "boxed")]
    assert "<<" not in text
    assert text.count(r"\boxed") == (form == "boxed")
    assert text.count("####") == (form == "hash")


def test_a_set_that_cannot_be_fetched_hides_no_other(monkeypatch):
    class Docs(list):
        to_list = list.copy

    def load(name, _):
        if name == "far":
            raise DataError("the set far", "ConnectionError: no route")
        return {"test": Docs([{"question": QUESTION}])}

    monkeypatch.setattr(data, "load_set", load)
    asked = data.questions_at_hand(["far", "near"])
    assert asked == ({"near": [QUESTION]}, {"far": "ConnectionError: no route"})


def test_real_solutions_are_rewarded_in_every_format():
    rows = read_jsonl(shared_path("data/gsm8k_train.jsonl"))[::75] + [
        {"question": row["problem"], "answer": row["solution"]}
        for row in read_jsonl(shared_path("data/math_test.jsonl"))[::50]
    ]
    problems = [data._problem(row, number, "here") for number, row in enumerate(rows)]
    for form in FORMATS:
        texts = [response(problem.solution, problem.gold, form) for problem in problems]
        values = accuracy(texts, gold=[problem.gold for problem in problems])
        wrong = [
            (text, problem.gold)
            for text, problem, value in zip(texts, problems, values, strict=True)
            if value != 1
        ]
        assert not wrong, (form, wrong[:1])


def words(count, start=0):
    return " ".join(f"word{chr(97 + i % 26)}{chr(97 + i // 26)}" for i in range(start, start + count))


def test_overlaps():
    """A question again, one with other numbers, one with one shared sentence, a short one, and a stranger."""
    train = [words(40), "What is 1 + 1?", words(RUN, 100) + " " + words(60, 200)]
    tests = {
        "a": [
            words(40).upper(),
            words(40).replace("wordaa", "worded"),
            words(RUN, 100) + " " + words(60, 300),
        ],
        "b": ["What is 1 + 1?", "What is 1 + 2?", words(30, 400)],
        "c": ["Nothing of the kind."],
    }
    found = overlaps(train, tests)
    assert {
        name: [(one.doc, round(one.cover, 2), one.rows) for one in own] for name, own in found.items()
    } == {
        "a": [(0, 1.0, (0,)), (1, 0.96, (0,)), (2, 0.02, ())],
        "b": [(0, 1.0, (1,))],
    }
    assert [one.refused for one in found["a"]] == [True, True, False]


def test_overlaps_of_the_real_splits():
    """The figures that the module states."""

    def questions(name):
        rows = read_jsonl(shared_path(f"data/{name}.jsonl"))
        return [row.get("problem") or row["question"] for row in rows]

    gsm8k = overlaps(questions("gsm8k_train"), {"gsm8k": questions("gsm8k_test")})["gsm8k"]
    assert (len(gsm8k), sum(one.refused for one in gsm8k)) == (4, 1)
    found = overlaps(
        questions("math_train_answers"), {"math": questions("math_test"), "m": questions("math500")}
    )
    assert [sum(one.refused for one in found[name]) for name in ("math", "m")] == [236, 27]


@pytest.fixture
def problems_file(tmp_path):
    path = tmp_path / "mine.jsonl"
    rows = []
    for problem in islice(stream(5), 60):
        rows.append(
            {"problem": problem.question, "answer": "\n".join(problem.steps) + f"\n#### {problem.answer}"}
        )
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def known_tests(tmp_path, monkeypatch):
    """A folder of test sets with one set in it; its questions are known, the other sets are not there."""
    folder = tmp_path / "sets"
    folder.mkdir()
    rows = [{"question": f"{words(30, 30 * i)}?", "answer": "#### 1"} for i in range(5)]
    (folder / "gsm8k_test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    monkeypatch.setenv(sources.DATA_DIR_VARIABLE, str(folder))
    monkeypatch.setenv(sources.CHECKSUM_VARIABLE, "warn")
    return rows


def run(*words):
    return cli.main(["train", "data", *map(str, words)])


def test_a_file_becomes_training_data(problems_file, known_tests, tmp_path, capsys):
    out = tmp_path / "out"
    given = ["--source", problems_file, "--format", "tags", "--count", 20, "--dev", 10, "--out", out]
    assert run(*given) == 0
    train, dev = read_jsonl(out / "train.jsonl"), read_jsonl(out / "dev.jsonl")
    assert (len(train), len(dev)) == (20, 10)
    assert not {row["question"] for row in train} & {row["question"] for row in dev}
    assert [message["role"] for message in train[0]["prompt"]] == ["system", "user"]
    assert tags_format([row["completion"] for row in train]) == [1.0] * 20
    assert accuracy([row["completion"] for row in train], gold=[row["gold"] for row in train]) == [1.0] * 20
    shown = capsys.readouterr().out
    assert "20 of 20 training rows have a worked solution" in shown
    assert "not checked against math500" in shown
    about = json.loads((out / data.MANIFEST).read_text())
    assert (about["format"], about["contaminated"], "math500" in about["unchecked"]) == ("tags", [], True)
    before = (out / "train.jsonl").read_bytes()
    assert run(*given) == 0
    assert (out / "train.jsonl").read_bytes() == before
    assert run(*given, "--seed", 1, "--prompt", "text") == 0
    other = read_jsonl(out / "train.jsonl")
    assert [row["id"] for row in other] != [row["id"] for row in train]
    assert other[0]["prompt"].startswith("Write your working")
    assert other[0]["completion"].startswith("\n<start_working_out>")


def test_test_questions_are_refused_left_out_or_allowed(problems_file, known_tests, tmp_path, capsys):
    spoilt = {"problem": known_tests[2]["question"], "answer": "7"}
    with problems_file.open("a") as file:
        file.write(json.dumps(spoilt) + "\n")
    given = ["--source", problems_file, "--format", "boxed", "--dev", 0, "--out", tmp_path / "out"]
    assert run(*given) == 2
    assert "1 of its 5 questions" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert run(*given, "--decontaminate") == 0
    assert spoilt["problem"] not in [row["question"] for row in read_jsonl(tmp_path / "out/train.jsonl")]
    assert run(*given, "--allow", "gsm8k") == 0
    assert spoilt["problem"] in [row["question"] for row in read_jsonl(tmp_path / "out/train.jsonl")]
    assert json.loads((tmp_path / "out" / data.MANIFEST).read_text())["contaminated"] == ["gsm8k"]
    assert run(*given, "--against", "amc23") == 0
    assert "gsm8k" not in json.loads((tmp_path / "out" / data.MANIFEST).read_text())["unchecked"]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"problem": "a"}], r"a reference answer in row 1 of .*gold, gt.*got problem"),
        ([{"problem": "a", "answer": "1"}, {"answer": "1"}], r"a question in row 2"),
        ([{"problem": "a", "answer": True}], r"a reference answer in row 1"),
        ([{"problem": "a", "answer": "1"}], r"11 problems in .*got 1 that can be used.*--count or --dev"),
    ],
)
def test_a_file_that_cannot_be_used(tmp_path, rows, message):
    path = tmp_path / "bad.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(DataError, match=message):
        data.draw(str(path), count=1, dev=10, seed=0)


def test_what_a_command_line_has_wrong_is_said(problems_file, tmp_path, capsys):
    given = ["--source", problems_file, "--format", "tags"]
    assert run(*given, "--out", tmp_path / "out", "--dev", -3) == 2
    assert run(*given, "--out", problems_file) == 2
    shown = " ".join(capsys.readouterr().err.split())
    assert "a --dev of 0 or more, got -3" in shown
    assert f"a folder to write to as --out, got {problems_file} is a file" in shown


def test_a_solution_that_answers_otherwise_is_left_out(tmp_path, known_tests, capsys):
    rows = [{"question": f"What is 1+{i}?", "answer": str(i + 1), "solution": rf"It is \boxed{{{i + 1 + (i == 3)}}}."}
            for i in range(9)]  # fmt: skip
    path = tmp_path / "some.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert run("--source", path, "--format", "boxed", "--dev", 0, "--out", tmp_path / "out") == 0
    assert "left out: 1, because its own solution would not be rewarded" in capsys.readouterr().out
    assert 3 not in [row["id"] for row in read_jsonl(tmp_path / "out/train.jsonl")]


def test_an_unknown_source(tmp_path):
    with pytest.raises(DataError, match=r"gsm8k-train, math-train.*got gsm8k-tarin, which is neither"):
        data.draw("gsm8k-tarin", count=1, dev=0, seed=0)


def test_what_cannot_teach_is_left_out_and_counted(tmp_path):
    rows = [{"question": "What is 1+1?", "answer": "2"}, {"question": "What  is 1+1?", "answer": "2"},
            {"question": "What is 1+2?", "answer": "3 \\frac{"}, {"question": "And 1+3?", "answer": ""}]  # fmt: skip
    path = tmp_path / "some.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    drawn = data.draw(str(path), count=None, dev=0, seed=0)
    assert [(problem.question, problem.solution) for problem in drawn.train] == [("What is 1+1?", None)]
    assert drawn.left_out == {"the question stands there twice": 1, "the reference cannot be understood": 2}


def test_a_full_disk_is_said(problems_file, known_tests, tmp_path, capsys, monkeypatch):
    """As every command says it; nothing half written is left. Another fault of a disk keeps its traceback."""

    def fails(number):
        def writing(path, *_):
            path.parent.mkdir(exist_ok=True)
            raise OSError(number, "of the disk", str(path))

        return writing

    given = ("--source", problems_file, "--format", "tags", "--dev", "1", "--out", tmp_path / "out")
    monkeypatch.setattr(data, "write_whole", fails(errno.ENOSPC))
    assert run(*given) == 2
    assert f"Expected room on the disk for {tmp_path / 'out'}" in capsys.readouterr().err
    monkeypatch.setattr(data, "write_whole", fails(errno.EIO))
    with pytest.raises(OSError, match="of the disk"):
        run(*given)
