"""The second score: known wrong answers, where they are, and what they change."""

import pytest

from lm_eval_mathtasks import extract_answer, grade, hooks
from lm_eval_mathtasks.package import data_folder
from lm_eval_mathtasks.problems import errata as module
from lm_eval_mathtasks.problems.errata import Erratum, errata, fingerprint
from tests.conftest import shared_rows

FAMILIES = sorted(path.parent.name for path in data_folder("tasks").glob("*/_errata.yaml"))
# family: (files of real data, their column of questions)
FILES = {
    "gsm8k": ("gsm8k_test", "question"),
    "imo-answerbench": ("imo_answerbench", "question"),
    "math": ("math_test", "problem"),
    "matharena": ("hmmt_nov25", "question"),
    "olympiadbench": ("olympiadbench", "question"),
    "omni-math": ("omni_math_rule", "question"),
    "qwen-suite": ("gaokao2023en college_math", "question"),
    "word-problems": ("svamp mawps", "question"),
}
DOC = {"question": "How many?", "gold": "#### 4"}


@pytest.fixture
def listed(monkeypatch):
    """Put one entry for DOC into the errata of GSM8K."""

    def put(gold):
        entry = Erratum(fingerprint(DOC["question"]), "wrong", "a test", "https://example.org", gold)
        monkeypatch.setattr(module, "all_errata", lambda: {entry.question: entry})

    return put


def test_a_corrected_gold_changes_the_second_score_only(listed):
    listed("6")
    official, corrected = (hooks.score_gsm8k_boxed(DOC, [f"\\boxed{{{n}}}"]) for n in (4, 6))
    assert (official["exact_match"], official["exact_match_errata"]) == (1.0, 0.0)
    assert (corrected["exact_match"], corrected["exact_match_errata"]) == (0.0, 1.0)


def test_a_doc_without_right_answer_is_left_out_of_the_second_score(listed):
    listed(None)
    scores = hooks.score_gsm8k_boxed(DOC, ["\\boxed{4}"])
    assert scores["exact_match"] == 1.0
    assert "exact_match_errata" not in scores


def test_a_doc_in_no_errata_has_the_same_score_twice():
    for answer, right in ((4, 1.0), (6, 0.0)):
        scores = hooks.score_gsm8k_boxed(DOC, [f"\\boxed{{{answer}}}"])
        assert scores["exact_match"] == scores["exact_match_errata"] == right


def test_a_fingerprint_sees_content_not_layout():
    assert fingerprint("How  many\n?") == fingerprint(" How many ?") != fingerprint("How few ?")


def test_every_entry_has_a_reason_and_a_source():
    assert {"aime", "gsm8k", "imo-answerbench", "math", "minerva-math"} < set(FAMILIES)
    for family in FAMILIES:
        assert errata(family), family
        for entry in errata(family).values():
            assert len(entry.why) > 20, entry
            assert entry.kind in ("wrong", "contested", "incomplete", "unanswerable"), entry
            assert entry.source.startswith("https://"), entry


@pytest.mark.parametrize("family", sorted(FILES))
def test_entries_are_where_they_say(family):
    names, column = FILES[family]
    files = [shared_rows(f"data/{name}.jsonl") for name in names.split()]
    for entry in errata(family).values():
        assert entry.question in [
            fingerprint(rows[entry.doc][column]) for rows in files if entry.doc < len(rows)
        ]


def test_the_corrected_golds_are_those_of_the_reference_solutions():
    """The sets contradict themselves there: the solution says one thing, the official gold another."""
    gsm8k, math = shared_rows("data/gsm8k_test.jsonl"), shared_rows("data/math_test.jsonl")
    working = gsm8k[1038]["answer"].split("####")[0]
    assert working.rstrip().endswith("6 years")
    assert errata("gsm8k")[fingerprint(gsm8k[1038]["question"])].gold == "6"
    for entry in errata("math").values():
        solution, official = math[entry.doc]["solution"], hooks.gold(math[entry.doc])
        assert not grade(gold=official, pred=extract_answer(solution).answer).correct
        assert entry.gold is None or grade(gold=entry.gold, pred=extract_answer(solution).answer).correct


def test_the_unanswerable_problems_of_olympiadbench_are_all_listed():
    rows = shared_rows("data/olympiadbench.jsonl")
    relay = {i for i, row in enumerate(rows) if "Let $T=T N Y W R" in row["question"]}
    assert relay == {entry.doc for entry in errata("olympiadbench").values()}
    assert len(relay) == 15
