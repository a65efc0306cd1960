"""Other graders beside ours: asked for before a model is, and never the end of a run."""

import pytest

from lm_eval_mathtasks import hooks
from lm_eval_mathtasks.errors import TaskError
from lm_eval_mathtasks.grading import beside, children


@pytest.fixture(autouse=True)
def no_grader_is_left():
    yield
    hooks.use_graders(None)
    beside.stop_graders()


def test_an_unknown_grader_is_named():
    with pytest.raises(TaskError, match="Expected graders among math-verify, got 'nobody'"):
        beside.start_graders(["nobody"])


def test_a_missing_package_is_named_with_its_extra(monkeypatch):
    monkeypatch.setattr(beside.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(TaskError, match=r"pip install 'lm-eval-mathtasks\[math-verify\]'"):
        hooks.use_graders("math-verify")


def test_a_grader_that_does_not_start_is_an_error_before_the_run(monkeypatch):
    def refuse(*_args, **_named):
        raise children.CannotStartError("ImportError: antlr4")

    monkeypatch.setattr(beside.importlib.util, "find_spec", lambda _: True)
    monkeypatch.setattr(beside, "Children", refuse)
    with pytest.raises(TaskError, match="antlr4"):
        beside.start_graders(["math-verify"])


def test_a_grader_that_hangs_or_dies_has_found_nothing_right(monkeypatch):
    entry = "tests.grading.children_of_tests.serve_deaths"
    with children.Children(entry, None, 1) as pool:
        monkeypatch.setitem(beside._pools, "math-verify", pool)
        assert beside.verdicts_beside(["math-verify"], "1", "\\boxed{1}") == {"math_verify": 0.0}


def test_math_verify_beside_ours():
    pytest.importorskip("math_verify")
    hooks.use_graders(["math-verify", "math-verify"])
    doc = {"question": "1 + 1?", "gold": "2"}
    scores = hooks.score_doc(doc, [["\\boxed{2}", "\\boxed{3}"]], rule="box", same=hooks.same_text)
    assert scores["math_verify"] == scores["exact_match"] == 0.5
    hooks.use_graders(None)
    assert "math_verify" not in hooks.score_doc(doc, ["\\boxed{2}"], rule="box", same=hooks.same_text)
