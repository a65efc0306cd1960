"""The explanation shows every step, for any text."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lm_eval_mathtasks.grading.explain_answer import MAX_SHOWN, explain_answer
from lm_eval_mathtasks.grading.extract import extract_answer
from lm_eval_mathtasks.grading.grade import grade


def test_the_whole_path_is_shown():
    text = explain_answer(gold="\\frac12", response="First 3. So $\\boxed{0.5}$.\nThen 7.")
    for part in (
        "0. 0.5",
        "rule box",
        "1. 7",
        "extracted: 0.5",
        "gold, as understood:",
        "tier: ",
        "verdict: correct",
    ):
        assert part in text
    assert (
        text.index("0. 0.5")
        < text.index("1. 7")
        < text.index("extracted")
        < text.index("gold")
        < text.index("tier")
    )


def test_verdict_and_explanation_agree():
    for gold, response in [("4", "The answer is 5."), ("4", "4"), ("x+1", "so $1+x$"), ("4", "")]:
        verdict = grade(gold=gold, pred=extract_answer(response).answer)
        assert f"verdict: {verdict.status}: {verdict.reason}" in explain_answer(gold=gold, response=response)


@pytest.mark.parametrize("response", [None, "", "I do not know."])
def test_no_answer_is_said(response):
    text = explain_answer(gold="4", response=response)
    assert "  none\nextracted: nothing" in text
    assert "verdict: no_answer" in text


@pytest.mark.parametrize(("response", "finish"), [("<think> 4", None), ("so 4", "length")])
def test_a_cut_response_is_truncated(response, finish):
    text = explain_answer(gold="4", response=response, finish_reason=finish)
    assert "breaks off" in text
    assert "verdict: unfinished" in text


def test_long_answers_are_cut():
    text = explain_answer(gold="1", response="\\boxed{" + "9" * 3000 + "}")
    assert "(3000 characters)" in text
    assert max(map(len, text.splitlines())) < 4 * MAX_SHOWN


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet=st.characters(codec=None, exclude_categories=()), max_size=60))
def test_any_text_is_explained_in_printable_text(response):
    explain_answer(gold="1", response="It is 2. " + response).encode("utf-8")
