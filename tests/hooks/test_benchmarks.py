"""The real sets through their tasks: a perfect model is right everywhere, one that says nothing nowhere."""

import re

import pytest
import yaml

from lm_eval_mathtasks import grade, hooks
from lm_eval_mathtasks.errors import DataError
from lm_eval_mathtasks.package import data_folder
from lm_eval_mathtasks.problems.errata import erratum_of
from lm_eval_mathtasks.problems.rows import find_file
from lm_eval_mathtasks.problems.sets import known_sets
from lm_eval_mathtasks.problems.sources import load_set
from lm_eval_mathtasks.response import Response
from tests.conftest import SHARED, shared_path
from tests.host.scripted import evaluate, manager

CONFIGS = {
    name: entry.cfg
    for name, entry in sorted(manager().task_index.items())
    if "dataset_kwargs" in (entry.cfg or {})
}
# A task of each set, without shots: the prompt does not matter here.
TASKS = {
    config["dataset_kwargs"]["set"]: name for name, config in CONFIGS.items() if not config["num_fewshot"]
}
# The docs of a set that no response gets right: each is an erratum with its source.
CUT = "the reference answer breaks off"
EMPTY = "published without a reference answer"
EXCEPTIONS = {
    "gaokao2023en": dict.fromkeys((167, 192), EMPTY),
    "omni-math-rule": dict.fromkeys((183, 682, 710, 1469), CUT),
}
# Docs whose reference answers our grader cannot read, by set: said in the READMEs.
UNREADABLE = {"college-math": 18, "imo-answerbench": 0, "omni-math-rule": 4}


def at_hand(name):
    """The metadata that finds a set among the real data; skips where it is not there."""
    source = known_sets()[name]
    if not source.bundled:
        try:
            find_file(source, shared_path("data"))
        except DataError:
            pytest.skip(f"{name} is not among the real data")
    return {"data_dir": str(SHARED / "data")}


def boxed(doc):
    """The reference answer as a response would state it: a formula in a box of a formula, else the text in a box."""
    gold = hooks.gold(doc)
    formula = re.sub(r"^(\$\$?)([^$]*)\1$", r"\2", gold)
    stated = f"\\boxed{{{gold}}}" if "$" in formula or "\n" in formula else f"$\\boxed{{{formula}}}$"
    return Response(f"So {stated}.", finish_reason="stop")


@pytest.mark.parametrize("name", sorted(TASKS))
def test_a_perfect_and_an_empty_model(name, caplog):
    task, metadata = TASKS[name], at_hand(name)
    scores, samples, _ = evaluate(task, boxed, metadata=metadata)
    wrong = {sample["doc_id"] for sample in samples if not sample["exact_match"]}
    assert wrong == set(EXCEPTIONS.get(name, ()))
    assert all(erratum_of(sample["doc"]["question"]) for sample in samples if sample["doc_id"] in wrong)
    assert scores["truncated"] == scores["api_error"] == 0.0
    assert {sample["doc_id"] for sample in samples if sample["unparsable"]} <= wrong
    assert "not the published set" not in caplog.text
    scores, _, _ = evaluate(task, lambda doc: "", metadata=metadata, limit=20)
    assert (scores["exact_match"], scores["no_answer"]) == (0.0, 1.0)


@pytest.mark.parametrize("task", sorted(CONFIGS.keys() - TASKS.values()))
def test_the_other_tasks_of_a_set_score_these_models_alike(task):
    metadata = at_hand(CONFIGS[task]["dataset_kwargs"]["set"])
    scores, _, _ = evaluate(task, boxed, metadata=metadata, limit=20)
    assert (scores["exact_match"], scores["extracted"]) == (1.0, 1.0)
    scores, _, _ = evaluate(task, lambda doc: "", metadata=metadata, limit=20)
    assert (scores["exact_match"], scores["no_answer"]) == (0.0, 1.0)


@pytest.mark.parametrize("name", sorted(UNREADABLE))
def test_reference_answers_that_the_grader_cannot_read_are_counted(name):
    docs = load_set(name, at_hand(name))["test"]
    verdicts = [grade(gold=hooks.gold(doc), pred="987654321.125") for doc in docs]
    assert not any(verdict.correct for verdict in verdicts)
    assert sum(str(verdict.status) != "incorrect" for verdict in verdicts) == UNREADABLE[name]


def test_what_rules_can_decide_of_imo_answerbench():
    """Its README says so: 27 of 400 reference answers hold words."""
    golds = [hooks.gold(doc) for doc in load_set("imo-answerbench", at_hand("imo-answerbench"))["test"]]
    texts = [re.sub(r"\\(text|mathrm|operatorname)\b", "", gold) for gold in golds]
    bare = [re.sub(r"\\[a-zA-Z]+", "", text) for text in texts]
    words = [gold for gold in bare if set(re.findall(r"[A-Za-z]{3,}", gold)) - {"max", "min", "gcd", "mod"}]
    assert (len(golds), len(words)) == (400, 27)


def test_no_question_stands_in_the_errata_of_two_families():
    """An entry holds wherever its question is asked: two that disagree would depend on the order of folders."""
    seen = {}
    for path in sorted(data_folder("tasks").glob("*/_errata.yaml")):
        for entry in yaml.safe_load(path.read_text(encoding="utf-8"))["errata"]:
            assert seen.setdefault(entry["question"], path) == path
