"""`mathtasks run --graders` and plain `lm_eval` with metadata: the same second score in the logs."""

import pytest

from lm_eval_mathtasks import hooks
from lm_eval_mathtasks.grading import beside
from tests.host.test_run import logs, place, run  # noqa: F401

pytest.importorskip("math_verify")


@pytest.fixture(autouse=True)
def no_grader_is_left():
    yield
    hooks.use_graders(None)
    beside.stop_graders()


@pytest.mark.parametrize(
    "flags", [["--graders", "math-verify"], ["--metadata", '{"graders": ["math-verify"]}']]
)
def test_math_verify_is_in_the_log(place, flags):  # noqa: F811
    assert run(*flags) == 0
    results, _ = logs(place / "mathtasks-results" / "acme__toy")
    scores = results["results"]["gsm8k-cot-zeroshot"]
    assert scores["math_verify,none"] == pytest.approx(2 / 3)
    assert scores["exact_match,none"] == pytest.approx(2 / 3)


def test_an_unknown_grader_is_refused_before_the_model(place, capsys):  # noqa: F811
    assert run("--graders", "nobody") != 0
    assert "nobody" in capsys.readouterr().err
