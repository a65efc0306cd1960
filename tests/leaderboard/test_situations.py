"""The situations of leaderboards/README.md, each made as a log and compared with its claim."""

import pytest

from lm_eval_mathtasks.problems import fingerprints
from lm_eval_mathtasks.problems.fingerprints import packed, unpacked
from tests.leaderboard.situations import KNOWN, SITUATIONS, compared


@pytest.fixture(autouse=True)
def known_questions(monkeypatch):
    """The fingerprints of our own questions stand for those of the sets."""
    monkeypatch.setattr(fingerprints, "_known", lambda: KNOWN)


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda one: one.what)
def test_the_outcome_is_one_that_a_reviewer_would_sign(tmp_path, claims, situation, monkeypatch):
    if situation.sets:
        known = {name: unpacked(packed(docs)) for name, docs in situation.sets.items()}
        monkeypatch.setattr(fingerprints, "_known", lambda: KNOWN | known)
    found = compared(tmp_path, situation, claims)
    assert found.verdict == situation.verdict
    breaking = {part.name for part in found.parts if part.effect == "breaks"}
    if situation.part:
        assert next(part.effect for part in found.parts if part.name == situation.part) == situation.effect
    if situation.effect == "breaks":
        # Nothing else decides: without that part the outcome would be another.
        assert breaking == ({situation.part} if situation.part else set())


def test_results_of_no_docs_are_not_said_to_be_of_the_whole_set(tmp_path, claims):
    none = next(one for one in SITUATIONS if one.what == "results alone, of no docs")
    assert compared(tmp_path, none, claims).ours.docs == 0


def test_there_are_thirty_and_the_ten_false_ones_are_among_them():
    assert len(SITUATIONS) >= 30
    assert sum(one.false and one.part == "weights" for one in SITUATIONS) >= 10
    assert len({one.what for one in SITUATIONS}) == len(SITUATIONS)
