"""Fingerprints tell the sets apart, are those of the sets' published content, and notice other reference answers.

`python -m tests.problems.test_fingerprints` writes the file anew from the sets that are at hand: to add a set (name it
behind the command), or after a new edition.
"""

import json
import random
import re
import sys
from collections import Counter

import pytest

from lm_eval_mathtasks.errors import DataError
from lm_eval_mathtasks.problems.fingerprints import FILE, packed, recognised
from lm_eval_mathtasks.problems.gold import answer_in, gold_key, reference_text
from lm_eval_mathtasks.problems.rows import set_rows
from lm_eval_mathtasks.problems.sets import known_sets
from lm_eval_mathtasks.problems.sources import content_checksum
from lm_eval_mathtasks.text import letters
from tests.conftest import SHARED, shared_path

STORED = json.loads(FILE.read_text())


def docs_of(name, folder):
    """The questions of a set with their reference answers, as published."""
    source = known_sets()[name]
    rows, _ = set_rows(source, None if source.bundled else str(folder))
    assert content_checksum(source, rows, source.checksum) == source.checksum
    return [(str(row[source.question]), reference_text(row[source.gold])) for row in rows]


def shared_docs(name):
    try:
        return docs_of(name, "" if known_sets()[name].bundled else shared_path("data"))
    except DataError as error:
        pytest.skip(str(error))


def counted(questions):
    return Counter(name for question in questions for name in recognised(question).sets)


@pytest.mark.parametrize("name", STORED)
def test_the_file_holds_the_published_sets(name):
    docs = shared_docs(name)
    assert STORED[name] == packed(docs)
    assert all(name in recognised(question, gold).same_gold for question, gold in docs)


def test_test_and_train_are_told_apart():
    found = counted(question for question, _ in shared_docs("gsm8k-train"))
    assert found["gsm8k-train"] == 7_473
    assert found["gsm8k"] == 0
    assert counted(question for question, _ in shared_docs("math500"))["math"] == 500


def test_other_questions_are_unknown():
    assert counted(f"How many are {i} and {i * i + 1} of them?" for i in range(1_000)) == {}
    assert recognised("What else?", "3") == (frozenset(), frozenset())
    assert recognised("What else?") == (frozenset(), None)


def test_copies_that_differ_in_space_and_case_are_known():
    questions = [question for question, _ in docs_of("sample-gsm8k", "")]
    assert counted(q.upper().replace(" ", "  ") for q in questions)["sample-gsm8k"] == len(questions)


def changed(question, rng):
    """The question with one number changed, in each of several ways."""
    number = rng.choice(list(re.finditer(r"\d+", question)))
    before, n, behind = question[: number.start()], number[0], question[number.end() :]
    yield f"{before}{int(n) + 1}{behind}"
    yield f"{before}{n}0{behind}"
    yield f"{before}{n}.5{behind}" if not re.match(r"\.\d", behind) and not before.endswith(".") else ""
    yield f"{before}-{n}{behind}" if not before.endswith("-") else ""
    yield re.sub(r"(\d)\.(\d)", r"\1\2", question, count=1)
    yield re.sub(r"frac\{(\d)(\d+)\}\{(\d+)\}", r"frac{\1}{\2\3}", question, count=1)
    yield re.sub(r"(\d), (\d)(\d+)", r"\1\2, \3", question, count=1)


@pytest.mark.parametrize(
    "name", ["sample-gsm8k", "sample-math", "gsm8k", "math", "olympiadbench", "omni-math-rule"]
)
def test_a_changed_number_is_another_question(name):
    rng, planted = random.Random(0), 0
    for question, _ in shared_docs(name):
        for other in changed(question, rng) if re.search(r"\d", question) else ():
            if other and other != question:
                planted += 1
                assert letters(other) != letters(question), other
    assert planted > 300


@pytest.mark.parametrize("name", ["sample-gsm8k", "sample-math"])
def test_an_edited_answer_is_noticed_but_for_one_in_256(name):
    docs = docs_of(name, "")
    edited = [name in recognised(question, f"{answer_in(gold)}7").same_gold for question, gold in docs]
    assert sum(edited) <= 4
    shifted = zip(docs, [*docs[1:], docs[0]], strict=True)
    others = [name in recognised(doc[0], other[1]).same_gold for doc, other in shifted]
    alike = sum(
        gold_key(doc[1]) == gold_key(other[1]) for doc, other in zip(docs, [*docs[1:], docs[0]], strict=True)
    )
    assert alike <= sum(others) <= alike + 4


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("9 * 2 = 18\n#### 18", "18"),
        ("18", "18.0"),
        ("1,000", "1000"),
        ("$\\$18.90$", "18.90"),
        ("\\frac12", "\\dfrac{1}{2}"),
        ("\\frac 34", "0.75"),
        ("-\\frac{1}{2}", "-1/2"),
        ("x = 4", "4"),
        ("575\\text{ students}", "575"),
        ("440\\text{ cm}^2", "440"),
        ("45^\\circ", "45"),
        ("44\\%", "44"),
        ("\\text{Evelyn}", "Evelyn"),
        ("\\text{(B)}", "(B)"),
        ("\\left( 3, \\frac{\\pi}{2} \\right)", "(3,\\frac{\\pi}{2})"),
        ("2\\sqrt3", "2 \\sqrt{3}"),
        ("10{,}000", "10,\\!000"),
        ("So it is $\\boxed{\\tfrac{7}{3}}$.", "7/3"),
    ],
)
def test_the_same_answer_in_another_spelling_has_the_same_key(one, other):
    assert gold_key(one) == gold_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("18", "19"), ("5", "-5"), ("1/2", "2"), ("\\frac12", "12"), ("x+1", "x-1"), ("2\\pi", "2"), ("2\\sqrt3", "23"),
     ("A", "B"), ("\\text{Evelyn}", "Ann"), ("(1,2)", "(2,1)"), ("0.75", "0.57"), ("\\frac12", "\\frac13")],
)  # fmt: skip
def test_another_answer_has_another_key(one, other):
    assert gold_key(one) != gold_key(other)


@pytest.mark.parametrize(
    "gold", ["", " ", "0/0", "1/0", "\\frac{1}{0}", "....", "-", "=", "9" * 5_000, "\ud800"]
)
def test_no_answer_breaks_the_key(gold):
    assert isinstance(gold_key(gold), str)
    assert recognised("What?", gold).same_gold == frozenset()


if __name__ == "__main__":
    at_hand = {name: packed(docs_of(name, SHARED / "data")) for name in (*STORED, *sys.argv[1:])}
    FILE.write_text(json.dumps(at_hand, indent=0) + "\n", encoding="ascii")
