"""Every task YAML, loaded and run through lm-eval itself."""

import json
import re
from pathlib import Path

import pytest
import yaml
from lm_eval.evaluator import simple_evaluate
from lm_eval.tasks._yaml_loader import load_yaml

from lm_eval_mathtasks import hooks
from lm_eval_mathtasks.check import check_tasks, file_problems, load_problems
from lm_eval_mathtasks.evidence.manifest import dataset_of
from lm_eval_mathtasks.package import data_folder
from lm_eval_mathtasks.problems.sets import known_sets, read_sets
from lm_eval_mathtasks.problems.sources import checksum
from lm_eval_mathtasks.response import Response
from tests.conftest import SHARED, read_jsonl, shared_path
from tests.host.scripted import Scripted, evaluate, manager

TASKS = data_folder("tasks")
FILES = sorted(path for path in TASKS.rglob("*.yaml") if not path.name.startswith("_"))
NAMES = [path.stem for path in FILES]
BUNDLED = [name for name in NAMES if name.startswith("sample-")]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Two docs of our own per family, in the published columns: no real data is needed to run a task."""
    folder = tmp_path_factory.mktemp("data")
    gsm8k = [
        {"question": "Mia has 3 jars of 4 olives. How many olives?", "answer": "3 * 4 = 12\n#### 12"},
        {"question": "A train of 1,200 seats is half full. How many sit?", "answer": "1200/2\n#### 600"},
    ]
    math = [
        {
            "problem": "What is $2^{-1}$?",
            "solution": "It is $\\boxed{\\frac{1}{2}}$.",
            "answer": "\\frac{1}{2}",
            "subject": "Algebra",
            "level": 2,
            "unique_id": "a/1",
        },
        {
            "problem": "Solve $x^2 < 1$.",
            "solution": "$\\boxed{(-1,1)}$",
            "answer": "(-1,1)",
            "subject": "Counting & Probability",
            "level": 5,
            "unique_id": "c/2",
        },
    ]
    solved = [
        {
            "problem": row["problem"],
            "solution": row["solution"],
            "type": row["subject"],
            "level": f"Level {row['level']}",
        }
        for row in math
    ]
    contest = [
        {"problem": "What is $4 + 3$?", "question": "What is $4 + 3$?", "answer": "007"},
        {"problem": "What is $2^8$?", "question": "What is $2^8$?", "answer": "256"},
    ]
    several = [
        {
            "question": "Solve $x^2 = 1$.",
            "final_answer": ["$-1$,$1$"],
            "is_multiple_answer": True,
            "unit": None,
            "error": None,
        },
        {
            "question": "What share is $1/24$, to one decimal place?",
            "final_answer": ["4.2"],
            "is_multiple_answer": False,
            "unit": "%",
            "error": "1e-1",
        },
    ]
    courses = [
        {"question": "What is the critical angle?", "answer": "np.arcsin(10/13)"},
        {"question": "How many stars?", "answer": "1e11"},
    ]
    sets = {
        "gsm8k": gsm8k,
        "gsm8k-platinum": gsm8k,
        "math500": math,
        "math": solved,
        "amc23": [{**row, "answer": float(row["answer"])} for row in contest],
        "aime24": contest,
        "aime25": [{**row, "answer": int(row["answer"])} for row in contest],
        "olympiadbench": several,
        "minerva-math": courses,
    }
    plain = [
        ("What is $2^{-1}$?", "\\frac12", "digit expansion"),
        ("What is $2^8$?", "256", "critical thinking"),
    ]
    for name in known_sets().keys() - sets.keys():
        rows = [
            {"question": question, "answer": gold, "perturbation_type": kind, "instance": instance}
            | {"table": "a | b\n1 | 2", "table_title": None, "choices": [gold]}
            for instance, (question, gold, kind) in enumerate(plain)
        ]
        for row in rows:
            forms = (row["answer"], "256", "so\n#### 256", r"so \boxed{256}")
            form = known_sets()[name].gold_pattern or ".*"
            row["answer"] = next(gold for gold in forms if re.fullmatch(form, gold))
        sets[name] = rows
    for name, rows in sets.items():
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return {"data_dir": str(folder), "checksum": "warn"}


def test_the_files_are_the_names():
    """lm-eval drops a broken YAML in silence: so the index must hold exactly what the folder holds."""
    assert sorted(NAMES) == sorted(manager().all_subtasks)
    assert not list(file_problems([TASKS]))


@pytest.mark.xdist_group("index")
def test_no_name_or_tag_is_lm_evals(index_of_lm_eval):
    theirs = set(index_of_lm_eval)
    ours = set(manager().task_index)
    assert {"gsm8k-cot", "math500", "mathtasks"} <= ours
    assert not ours & theirs
    assert {"gsm8k_cot", "minerva_math", "math_word_problems"} <= theirs, (
        "the index that was compared is real"
    )


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_every_yaml_states_what_a_run_needs(path):
    config = load_yaml(path, resolve_func=False)
    kwargs = config["generation_kwargs"]
    assert kwargs["max_gen_toks"] >= 256
    assert kwargs["do_sample"] is False
    # A stop string may only fire at the start of the next shot, or where a chat turn ends: never inside reasoning.
    assert kwargs["until"], "an empty list is refused by some servers"
    assert len(kwargs["until"]) <= 4, "chat servers take four; lm-eval drops the others in silence"
    assert all(re.fullmatch(r"\n(Q|Question|Problem):|</s>|<\|\w+\|>", stop) for stop in kwargs["until"])
    assert re.fullmatch(r"\d+\.\d+", str(config["metadata"]["version"]))
    assert config["dataset_kwargs"]["set"] in known_sets()
    own = yaml.load(path.read_text(), Loader=_IgnoreFunctions)
    assert own["metadata"] == config["metadata"], "the version of another task is not this one's"


@pytest.mark.parametrize("name", NAMES)
def test_every_task_runs_and_declares_its_metrics(name, data, caplog):
    metadata = None if name in BUNDLED else data
    scores, samples, model = evaluate(
        name, lambda doc: Response("I do not know.", finish_reason="stop"), limit=2, metadata=metadata
    )
    assert len(samples) == 2
    assert scores["exact_match"] == 0.0
    assert scores["no_answer"] == 1.0
    assert scores["extracted"] == scores["truncated"] == scores["api_error"] == 0.0
    assert not [
        r for r in caplog.records if "not defined" in r.getMessage() or "undeclared" in r.getMessage()
    ]
    task = manager(metadata).load([name])["tasks"][name]
    returned = {key for sample in samples for key in sample["metrics"]}
    assert returned <= set(task.aggregation()), "a metric that is not declared has no direction"
    declared = {metric["metric"] for metric in task.config.metric_list}
    assert declared - returned <= {key for key in declared if key.startswith("exact_match_")}
    assert all(request.args[1]["max_gen_toks"] for request in model.asked)


@pytest.mark.parametrize(
    ("name", "answers"),
    [
        ("gsm8k-cot", ["3 * 4 = 12. The answer is 12.", "The answer is 600."]),
        ("gsm8k-cot-zeroshot", ["So \\boxed{12}.", "Half of 1,200 is $\\boxed{600}$."]),
        ("gsm8k-direct", ["12", "600"]),
        (
            "gsm8k-cot-tags",
            ["<start_working_out>3*4<end_working_out><SOLUTION>12</SOLUTION>", "<SOLUTION>600</SOLUTION>"],
        ),
        ("math500", ["It is $\\boxed{\\frac{1}{2}}$.", "$\\boxed{(-1,1)}$"]),
        (
            "math500-fewshot",
            [
                "Final Answer: The final answer is $\\frac{1}{2}$. I hope it is correct.",
                "Final Answer: The final answer is $(-1,1)$. I hope it is correct.",
            ],
        ),
        ("gsm8k-platinum-cot", ["So \\boxed{12}.", "Half of 1,200 is $\\boxed{600}$."]),
        ("math-cot", ["It is $\\boxed{\\frac{1}{2}}$.", "$\\boxed{(-1,1)}$"]),
        ("amc23-cot", ["$\\boxed{7}$", "$\\boxed{256}$"]),
        ("aime24-cot", ["$\\boxed{007}$", "$\\boxed{256}$"]),
        ("aime25-cot", ["$\\boxed{7}$", "$\\boxed{256}$"]),
        ("olympiadbench-cot", ["$\\boxed{$-1$,$1$}$", "$\\boxed{4.2}$ %"]),
        ("minerva-math-cot", ["$\\boxed{\\arcsin(10/13)}$", "$\\boxed{1e11}$"]),
    ],
)
def test_answers_in_the_asked_for_format_are_right_and_strictly_right(name, answers, data):
    scores, samples, _ = evaluate(name, _by_doc(answers, data), metadata=data)
    assert scores["exact_match"] == scores["strict_match"] == scores["extracted"] == 1.0
    if name == "gsm8k-cot-tags":
        assert (scores["thinking_proportion"], scores["answer_proportion"]) == (0.5, 1.0)
    assert len(samples) == 2


def test_another_form_of_the_answer_is_right_but_not_strictly(data):
    scores, _, _ = evaluate("math500", _by_doc(["$\\boxed{0.5}$", "$\\boxed{-1<x<1}$"], data), metadata=data)
    assert scores["strict_match"] == 0.0
    assert scores["exact_match"] == 1.0


@pytest.mark.parametrize("name", ["math500", "math-cot"])
def test_accuracy_by_subject_and_level(name, data):
    scores, _, _ = evaluate(name, _by_doc(["$\\boxed{1/2}$", "$\\boxed{(-1,2)}$"], data), metadata=data)
    assert scores["exact_match"] == 0.5, "the mean over docs, not over subjects"
    assert scores["exact_match_algebra"] == scores["exact_match_level_2"] == 1.0
    assert scores["exact_match_counting_and_probability"] == scores["exact_match_level_5"] == 0.0
    assert "exact_match_geometry" not in scores, "no doc of that subject was asked"


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        ("7", 1),
        ("0007", 1),
        ("007.0", 1),
        ("\\text{7}", 1),
        ("m+n=7", 1),
        ("\\textbf{(B) }7", 1),
        ("1007", 0),
        ("-7", 0),
        ("70", 0),
        ("7.5", 0),
    ],
)
def test_an_integer_is_right_in_any_dress_and_nothing_else_is(answer, right):
    for score, gold in ((hooks.score_aime, "007"), (hooks.score_aime, 7), (hooks.score_boxed, 7.0)):
        doc = {"question": "What is $4 + 3$?", "gold": gold}
        assert score(doc, [f"So $\\boxed{{{answer}}}$."])["exact_match"] == right


@pytest.mark.parametrize(
    ("gold", "error", "response", "right"),
    [
        ("$-1$,$1$", None, "$\\boxed{1, -1}$", 1),
        ("$-1$,$1$", None, "$x=\\boxed{1}$ and $x=\\boxed{-1}$", 1),
        ("$-1$,$1$", None, "$\\boxed{\\pm 1}$", 1),
        ("$-1$,$1$", None, "$\\boxed{1}$", 0),
        ("$-1$,$1$", None, "$\\boxed{-1, 1, 2}$", 0),
        ("4.2", "1e-1", "$\\boxed{4.2\\%}$", 1),
        ("4.2", "1e-1", "$\\boxed{4.3}$", 1),
        ("4.2", "1e-1", "$\\boxed{4.1\\text{ percent}}$", 1),
        ("4.2", "1e-1", "$\\boxed{4.31}$", 0),
        ("4.2", None, "$\\boxed{4.3}$", 0),
        ("4.2", "1e-1", "$\\boxed{42}$", 0),
    ],
)
def test_olympiadbench_takes_any_order_an_optional_unit_and_its_tolerance(gold, error, response, right):
    doc = {"question": "What?", "gold": [gold], "error": error}
    assert hooks.score_olympiadbench(doc, [response])["exact_match"] == right


def test_olympiadbench_says_when_several_answers_or_no_unit_are_wanted(data):
    _, _, model = evaluate("olympiadbench-cot", lambda doc: "", metadata=data)
    prompts = [request.args[0] for request in model.asked]
    assert [prompt.count("several answers with commas") for prompt in prompts] == [1, 0]
    assert [prompt.count("without its unit") for prompt in prompts] == [0, 1]


def test_golds_of_minerva_math_that_are_code_or_broken_are_read_as_they_are_meant():
    assert hooks.gold({"gold": "np.arcsin(10/13)"}) == "\\arcsin(10/13)"
    assert hooks.gold({"gold": "a+$ $b"}) == "a+ b"
    doc = {"question": "What is the critical angle?", "gold": "np.arcsin(10/13)"}
    assert hooks.score_boxed(doc, ["$\\boxed{\\sin^{-1}\\frac{10}{13}}$"])["exact_match"] == 1.0


def test_a_tolerated_answer_keeps_how_its_response_ended():
    doc = {"question": "What share?", "gold": ["4.2"], "error": "1e-1"}
    cut = hooks.score_olympiadbench(doc, [Response("$\\boxed{4.25}$ and", finish_reason="length")])
    assert (cut["exact_match"], cut["truncated"]) == (1.0, 1.0)
    assert hooks.score_olympiadbench(doc, [Response("", error="gone")]) == {"api_error": 1.0}
    both = hooks.score_olympiadbench(doc, [["$\\boxed{4.25}$", "$\\boxed{9}$"]])
    assert both["exact_match"] == both["exact_match_errata"] == 0.5, "the mean of two responses"
    assert (
        hooks.score_olympiadbench(doc, [["$\\boxed{4.25}$", "$\\boxed{4.1}$", "$\\boxed{9}$"]])["maj@3"]
        == 1.0
    )
    assert hooks.score_olympiadbench(doc, [None])["no_answer"] == 1.0


@pytest.mark.parametrize(
    ("name", "shots", "first"),
    [
        ("gsm8k-cot", 8, "Q: There are 15"),
        ("math500-fewshot", 4, "Problem:\nFind the"),
        ("math-cot-fewshot", 4, "Problem:\nFind the"),
    ],
)
def test_the_prompt_holds_the_canonical_shots(name, shots, first, data):
    _, _, model = evaluate(name, lambda doc: "", limit=1, metadata=data)
    prompt = model.asked[0].args[0]
    assert prompt.startswith(first)
    start = first.split(":")[0] + ":"
    assert prompt.count(start) == shots + 1
    assert prompt.rstrip().endswith(("A:", "Solution:"))


def test_the_shots_solve_themselves():
    """The exemplars are graded right by our extraction: the format they teach is the format that is read."""
    from lm_eval_mathtasks import extract_answer, grade

    for shot in hooks.shots_gsm8k():
        pred = extract_answer(shot["target"]).answer
        assert grade(gold=re.findall(r"answer is (\d+)", shot["target"])[-1], pred=pred).correct
    for shot in hooks.shots_minerva():
        gold = re.findall(r"final answer is \$(.*)\$\.", shot["solution"])[-1]
        assert grade(gold=gold, pred=extract_answer(shot["solution"]).answer).correct


def test_yaml_and_sources_name_the_same_data():
    for task in manager().task_index.values():
        config = task.cfg or {}
        if config.get("dataset_path"):
            source = known_sets()[config["dataset_kwargs"]["set"]]
            assert config["dataset_path"] == (source.hub or source.github)
            assert config["metadata"]["dataset_revision"] == source.revision
            assert config.get("dataset_name") == source.config


def test_the_group_of_languages_is_the_mean_of_its_tasks(data):
    results = simple_evaluate(
        model=Scripted(lambda doc: "\\boxed{256}"),
        tasks=["mgsm-cot"],
        task_manager=manager(data),
        bootstrap_iters=0,
    )
    assert len(results["group_subtasks"]["mgsm-cot"]) == 11
    assert results["groups"]["mgsm-cot"]["exact_match,none"] == 0.5


@pytest.mark.parametrize(
    ("tag", "some"),
    [
        ("mathtasks-core", {"gsm8k-cot-zeroshot", "math500", "aime24-cot"}),
        ("mathtasks-competition", {"aime26-cot", "hmmt-feb25-cot", "olympiadbench-cot"}),
        ("mathtasks-grade-school", {"gsm8k-cot-zeroshot", "gsm-plus-cot", "svamp-cot"}),
        ("mathtasks-mgsm", {"mgsm-de-cot", "mgsm-te-cot"}),
        ("mathtasks-qwen", {"gsm8k-cot-zeroshot", "math-cot", "tabmwp-cot", "cmath-dev-cot"}),
    ],
)
def test_a_tag_runs_what_belongs_together(tag, some):
    assert some <= manager().task_index[tag].tags
    assert manager().task_index[tag].tags < manager().task_index["mathtasks"].tags


def test_a_new_benchmark_is_a_yaml_and_a_row(tmp_path, monkeypatch):
    """No function, no list of names: a row says where its docs are, the YAML names the row."""
    rows = [{"text": "What is 6 times 7?", "result": 42.0}, {"text": "What is $\\sqrt2^2$?", "result": 2.0}]
    (tmp_path / "fresh_test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "sets.txt").write_text(
        f"fresh-set: {{docs: 2, licence: MIT, question: text, gold: result, aliases: [fresh],"
        f" checksum: {checksum(rows, ['text', 'result'])}}}"
    )
    (tmp_path / "fresh-cot.yaml").write_text(
        f"include: {TASKS / '_boxed.yaml'}\ntask: fresh-cot\ndataset_kwargs: {{set: fresh-set}}\n"
        "metadata: {version: 1.0}\n"
    )
    for name, source in read_sets(tmp_path / "sets.txt").items():
        monkeypatch.setitem(known_sets(), name, source)
    data = {"data_dir": str(tmp_path)}
    assert not list(load_problems(["fresh-cot"], manager(data, [tmp_path])))
    answers = dict(zip([row["text"] for row in rows], ["So $\\boxed{42}$.", "\\boxed{1+1}"], strict=True))
    answer = lambda doc: answers[doc["question"]]  # noqa: E731
    scores, samples, model = evaluate("fresh-cot", answer, metadata=data, folders=[tmp_path])
    assert (scores["exact_match"], scores["strict_match"]) == (1.0, 0.5)
    assert [sample["target"] for sample in samples] == ["42", "2"]
    assert model.asked[0].args[0].startswith("What is 6 times 7?\nReason step by step")
    config = manager(data, [tmp_path]).load(["fresh-cot"])["tasks"]["fresh-cot"].dump_config()
    found = dataset_of(config, samples)
    assert (found["name"], found["is_published_set"]) == ("fresh-set", True)


@pytest.mark.parametrize("name", NAMES)
def test_what_a_run_logs_of_a_task_says_which_set_it_was(name, data):
    task = manager(None if name in BUNDLED else data).load([name])["tasks"][name]
    config = json.loads(json.dumps(task.dump_config(), default=str))
    assert dataset_of(config, [])["name"] == config["dataset_kwargs"]["set"]


@pytest.mark.parametrize("family", sorted({path.parent for path in FILES}), ids=lambda p: p.name)
def test_family_readme(family):
    """Each family's README lists its tasks, matches protocols, shows a doc and keeps a changelog by version."""
    text = (family / "README.md").read_text(encoding="utf-8")
    for path in family.glob("[!_]*.yaml"):
        version = str(yaml.load(path.read_text(), Loader=_IgnoreFunctions)["metadata"]["version"])
        assert f"`{path.stem}`" in text
        assert re.search(rf"^- {version}\b", text.partition("## Changelog")[2], re.M), (
            f"{path.stem} {version}"
        )
    assert "## Published protocols" in text
    assert "## A doc" in text


@pytest.mark.xdist_group("index")
def test_check_reports_the_real_tasks_as_sound_and_names_the_sets_that_are_not_there():
    shared_path("data/gsm8k_test.jsonl")
    names, problems = check_tasks([TASKS], metadata={"data_dir": str(SHARED / "data")})
    assert sorted(names) == sorted(NAMES)
    absent = {
        "aime25",
        "cmimc25",
        "gsm-plus",
        "gsm-symbolic",
        "gsm-symbolic-p1",
        "gsm8k-platinum",
        "minerva-math",
    }
    assert {problem.where.removesuffix("-cot") for problem in problems} == {
        name for name in absent if not (SHARED / "data" / f"{name}.jsonl").exists()
    }
    assert all("holds none of its file names" in problem.what for problem in problems)


def test_every_task_is_sound_where_all_data_is(data):
    assert list(load_problems(NAMES, manager(data))) == []


class _IgnoreFunctions(yaml.SafeLoader):
    """YAML with lm-eval's `!function` tags read as text."""


_IgnoreFunctions.add_constructor("!function", lambda loader, node: loader.construct_scalar(node))


def _by_doc(answers, data):
    """Answer the i-th doc of each of the test's own sets with the i-th answer."""
    place = {}
    for path in Path(data["data_dir"]).glob("*.jsonl"):
        for i, row in enumerate(read_jsonl(path)):
            place[row.get("question") or row["problem"]] = i
    return lambda doc: answers[place[doc["question"]]]
