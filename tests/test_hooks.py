"""What a hook does with every kind of response."""

import pytest

from lm_eval_mathtasks import hooks
from lm_eval_mathtasks.response import Response

DOC = {"question": "How many?", "gold": "two and two\n#### 1,004"}
MATH_DOC = {"question": "What?", "gold": "3", "subject": "Number Theory", "level": "Level 4"}


def only(scores):
    """The statuses that hold."""
    return {name for name, value in scores.items() if value}


@pytest.mark.parametrize(
    ("response", "statuses"),
    [
        ("So the answer is \\boxed{1004}.", {"exact_match", "strict_match", "extracted"}),
        ("The answer is 1004 eggs.", {"exact_match", "extracted"}),
        ("\\boxed{1005}", {"extracted"}),
        ("", {"no_answer"}),
        (None, {"no_answer"}),
        ("I cannot say.", {"no_answer"}),
        ("<think>first 3, then", {"truncated"}),
        (
            Response("\\boxed{1004}", finish_reason="length"),
            {"exact_match", "strict_match", "extracted", "truncated"},
        ),
        (Response("we add 3 and", finish_reason="length"), {"truncated"}),
        (Response("", error="429 for ten minutes"), {"api_error"}),
        ("a lone surrogate \ud83d, so \\boxed{1004}", {"exact_match", "strict_match", "extracted"}),
    ],
)
def test_statuses(response, statuses):
    assert only(hooks.score_gsm8k_boxed(DOC, [response])) == statuses


def test_all_values_are_numbers_and_a_missing_response_has_no_accuracy():
    scores = hooks.score_gsm8k_boxed(DOC, ["\\boxed{7}"])
    assert all(isinstance(value, float) for value in scores.values())
    assert hooks.score_gsm8k_boxed(DOC, [Response("", error="gone")]) == {"api_error": 1.0}


def test_a_list_of_responses_is_scored_by_its_first():
    assert hooks.score_gsm8k_boxed(DOC, [["\\boxed{1004}", "\\boxed{7}"]])["exact_match"] == 1.0


def test_the_grader_failing_is_counted_not_raised(monkeypatch, caplog):
    """lm-eval loses every response of a run when a hook raises."""

    def broken(**_):
        raise RuntimeError("defect")

    monkeypatch.setattr(hooks.scoring, "grade", broken)
    assert only(hooks.score_gsm8k_boxed(DOC, ["\\boxed{1004}"])) == {"unparsable"}
    assert "the grader failed" in caplog.text


def test_tags():
    full = "<start_working_out>2+2<end_working_out>\n<SOLUTION>1004</SOLUTION>"
    assert only(hooks.score_gsm8k_tags(DOC, [full])) >= {
        "thinking_proportion",
        "answer_proportion",
        "strict_match",
    }
    half = "<start_working_out>2+2 <SOLUTION>1004</SOLUTION>"
    assert hooks.score_gsm8k_tags(DOC, [half])["thinking_proportion"] == 0.0
    assert hooks.score_gsm8k_tags(DOC, [half])["answer_proportion"] == 1.0


def test_subject_and_level_keys():
    scores = hooks.score_math_boxed(MATH_DOC, ["\\boxed{3}"])
    assert scores["exact_match_number_theory"] == scores["exact_match_level_4"] == 1.0
    assert hooks.subject_key("Counting & Probability") == "exact_match_counting_and_probability"


def test_shots_name_the_file_that_lacks_them(monkeypatch, tmp_path):
    from lm_eval_mathtasks.errors import TaskError

    monkeypatch.setattr(hooks.exemplars, "_lm_eval_tasks", lambda: tmp_path)
    with pytest.raises(TaskError, match=r"gsm8k-cot\.yaml"):
        hooks.shots_gsm8k()
    (tmp_path / "minerva_math").mkdir()
    (tmp_path / "minerva_math" / "utils.py").write_text("def other(): return []\n")
    with pytest.raises(TaskError, match=r"minerva_math/utils\.py"):
        hooks.shots_minerva()
