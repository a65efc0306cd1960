"""What a hook does with every kind of response."""

import pytest

from lm_eval_mathtasks import hooks
from lm_eval_mathtasks.response import Response

DOC = {"question": "How many?", "gold": "two and two\n#### 1,004"}
MATH_DOC = {"question": "What?", "gold": "3", "subject": "Number Theory", "level": "Level 4"}


def only(scores):
    """The statuses that hold; these docs are in no errata, so the second score is the first."""
    assert scores.get("exact_match_errata") == scores.get("exact_match")
    return {name for name, value in scores.items() if value} - {"exact_match_errata"}


@pytest.mark.parametrize(
    ("response", "statuses"),
    [
        ("So the answer is \\boxed{1004}.", {"exact_match", "strict_match", "extracted"}),
        ("The answer is 1004 eggs.", {"exact_match", "extracted"}),
        ("\\boxed{1005}", {"extracted"}),
        ("", {"no_answer"}),
        (None, {"no_answer"}),
        ("I cannot say.", {"no_answer"}),
        ("<think>first 3, then", set()),
        (Response("<think>first 3, then", finish_reason="length"), {"truncated"}),
        (Response("<think>first 3, then", finish_reason="stop"), {"no_answer"}),
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


def test_several_responses_give_avg_pass_and_maj():
    texts = ["\\boxed{1004}", "\\boxed{7}", "so 1,004 \\boxed{1,004}", "\\boxed{7}", "I cannot say."]
    scores = hooks.score_gsm8k_boxed(DOC, [texts])
    assert scores["exact_match"] == pytest.approx(2 / 5)
    assert scores["no_answer"] == pytest.approx(1 / 5)
    assert scores["pass@2"] == pytest.approx(1 - 3 / 10)  # of ten pairs three hold no right answer
    assert scores["pass@5"] == 1.0
    assert scores["maj@5"] == pytest.approx(1 / 2), "two for 1004 and two for 7; silence does not vote"
    assert {name for name in scores if "@" in name} == {
        f"{m}@{k}" for m in ("pass", "maj") for k in (2, 4, 5)
    }


def test_missing_responses_are_left_out_of_every_estimate():
    gone = Response("", error="429 for ten minutes")
    scores = hooks.score_gsm8k_boxed(DOC, [["\\boxed{1004}", gone, "\\boxed{7}", gone]])
    assert scores["exact_match"] == scores["api_error"] == 0.5
    assert scores["pass@2"] == 1.0
    assert "pass@4" not in scores, "two responses say nothing about four"
    scores = hooks.score_gsm8k_boxed(DOC, [["\\boxed{1004}", "\\boxed{7}", "\\boxed{7}", gone]])
    assert {name for name in scores if "@" in name} == {"pass@2", "maj@2"}, "three were not asked for"
    assert hooks.score_gsm8k_boxed(DOC, [[gone, gone]]) == {"api_error": 1.0}


def test_tags_of_several_responses_are_shares():
    full, none = "<start_working_out>2<end_working_out><SOLUTION>1004</SOLUTION>", "1004"
    scores = hooks.score_gsm8k_tags(DOC, [[full, none, none, full]])
    assert scores["thinking_proportion"] == scores["answer_proportion"] == 0.5


def test_the_grader_failing_on_votes_is_counted_not_raised(monkeypatch, caplog):
    def broken(_):
        raise RuntimeError("defect")

    monkeypatch.setattr("lm_eval_mathtasks.grading.scores.answer_classes", broken)
    scores = hooks.score_gsm8k_boxed(DOC, [["\\boxed{1004}", "\\boxed{7}", "\\boxed{7}", "none"]])
    assert scores["maj@4"] == 0.0
    assert "they vote by their text" in caplog.text


def test_the_grader_failing_is_counted_not_raised(monkeypatch, caplog):
    """lm-eval loses every response of a run when a hook raises."""

    def broken(**_):
        raise RuntimeError("defect")

    monkeypatch.setattr("lm_eval_mathtasks.grading.judge.extract_answer", broken)
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
    assert hooks.part_key("Counting & Probability") == "exact_match_counting_and_probability"


def test_shots_name_the_file_that_lacks_them(monkeypatch, tmp_path):
    from lm_eval_mathtasks.errors import TaskError

    monkeypatch.setattr(hooks, "lm_eval_tasks", lambda: tmp_path)
    with pytest.raises(TaskError, match=r"gsm8k-cot\.yaml"):
        hooks.shots_gsm8k()
    (tmp_path / "minerva_math").mkdir()
    (tmp_path / "minerva_math" / "utils.py").write_text("def other(): return []\n")
    with pytest.raises(TaskError, match=r"minerva_math/utils\.py"):
        hooks.shots_minerva()


def test_gsm_plus_counts_by_kind_of_change_and_without_what_cannot_be_answered():
    doc = {"question": "How many?", "gold": "4.5", "perturbation_type": "integer-decimal-fraction conversion"}
    scores = hooks.score_gsm_plus(doc, ["\\boxed{4.5}"])
    assert (
        scores["exact_match_integer_decimal_fraction_conversion"] == scores["exact_match_answerable"] == 1.0
    )
    doc = {"question": "How many?", "gold": "None", "perturbation_type": "critical thinking"}
    scores = hooks.score_gsm_plus(doc, ["\\boxed{4}"])
    assert scores["exact_match_critical_thinking"] == 0.0
    assert "exact_match_answerable" not in scores
    assert hooks.score_gsm_plus(doc, [Response("", error="gone")]) == {"api_error": 1.0}


def test_the_spread_is_that_of_the_accuracies_of_the_instances():
    doc = {"question": "How many?", "gold": "#### 4", "instance": 7}
    assert hooks.score_gsm_symbolic(doc, [["\\boxed{4}", "\\boxed{5}"]])["instance_spread"] == (7, 0.5)
    assert hooks.score_gsm_symbolic(doc, [Response("", error="gone")]) == {"api_error": 1.0}
    accuracies = {0: [1, 1, 0, 0], 1: [1, 1, 1, 1], 2: [0, 0, 1, 0]}
    scored = [(instance, float(score)) for instance, scores in accuracies.items() for score in scores]
    assert hooks.instance_spread(scored[::-1]) == pytest.approx(0.381881307912987)
    assert hooks.instance_spread(scored[:4]) is None
