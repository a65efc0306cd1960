"""Fingerprints tell the sets apart, and are those of the sets' published content."""

import json
from collections import Counter

import pytest

from lm_eval_mathtasks.errors import DataError
from lm_eval_mathtasks.problems.fingerprints import FILE, packed, sets_with
from lm_eval_mathtasks.problems.rows import set_rows
from lm_eval_mathtasks.problems.sets import known_sets
from lm_eval_mathtasks.problems.sources import content_checksum
from tests.conftest import shared_path

STORED = json.loads(FILE.read_text())


def questions_of(name):
    source = known_sets()[name]
    rows, _ = set_rows(source, None if source.bundled else str(shared_path("data")))
    assert content_checksum(source, rows, source.checksum) == source.checksum
    return [str(row[source.question]) for row in rows]


def sets_of(questions):
    """How many of the questions each known set has."""
    return Counter(name for question in questions for name in sets_with(question))


@pytest.mark.parametrize("name", STORED)
def test_the_file_holds_the_published_sets(name):
    """To add a set, or after a new edition: write what `packed` gives into the file."""
    try:
        questions = questions_of(name)
    except DataError as error:
        pytest.skip(str(error))
    assert STORED[name] == packed(questions)
    assert sets_of(questions)[name] == len(questions)


def test_test_and_train_are_told_apart():
    found = sets_of(questions_of("gsm8k-train"))
    assert found["gsm8k-train"] == 7_473
    assert found.get("gsm8k", 0) == 0
    assert sets_of(questions_of("math500")).get("math") == 500


def test_other_questions_are_unknown():
    assert sets_of(f"How many are {i} and {i * i + 1} of them?" for i in range(1_000)) == {}
    assert sets_of([]) == {}


def test_copies_that_differ_in_space_and_case_are_known():
    questions = questions_of("sample-gsm8k")
    assert sets_of(q.upper().replace(" ", "  ") for q in questions)["sample-gsm8k"] == len(questions)
