"""Mistakes of a run that are said before a model is loaded: each its message, none a traceback."""

from types import SimpleNamespace

import pytest

from lm_eval_mathtasks.cli import main
from lm_eval_mathtasks.errors import TaskError
from lm_eval_mathtasks.host.beforehand import check_settings
from lm_eval_mathtasks.host.tasks import _lm_evals_own
from tests.host.test_run import place  # noqa: F401  a fixture


@pytest.fixture
def no_weights(monkeypatch):
    """Fail where a model of lm-eval's is made."""
    import lm_eval.models  # noqa: F401
    from lm_eval.api import registry

    def made(*_, **__):
        raise AssertionError("a model is made")

    monkeypatch.setattr("lm_eval.evaluator.get_model", made, raising=False)
    monkeypatch.setattr(registry, "get_model", made)


NAMED = ["--model_args", "pretrained=acme/none"]
MISTAKES = [
    (["--model", "openai"], "got --model openai"),
    (["--model", "vlm"], "did you mean"),
    (["--model", "hf"], "no pretrained"),
    ([], "no pretrained"),
    (["--model", "vllm", "--model_args", "dtype=float32"], "no pretrained"),
    ([*NAMED, "--limit", "0"], "got --limit 0"),
    ([*NAMED, "--limit", "-3"], "got --limit -3"),
    ([*NAMED, "--limit", "3", "--samples", '{"gsm8k-cot": [1]}'], "got both"),
    ([*NAMED, "--gen_kwargs", "temperature=1.5"], "do_sample=true,temperature=1.5"),
    ([*NAMED, "--gen_kwargs", "do_sample=false,temperature=1.5"], "would run greedily"),
]


@pytest.mark.parametrize(
    ("flags", "message"), MISTAKES, ids=[" ".join(flags) or "-" for flags, _ in MISTAKES]
)
def test_a_mistake_is_said_before_weights_are_loaded(place, no_weights, capsys, flags, message):  # noqa: F811
    assert main(["run", "--tasks", "gsm8k-cot-zeroshot", *flags]) == 2
    error = capsys.readouterr().err
    assert message.lower() in error.lower()
    assert error.startswith("mathtasks: Expected ")
    assert "Traceback" not in error


def test_a_sound_run_comes_to_its_model(place, no_weights):  # noqa: F811
    with pytest.raises(AssertionError, match="a model is made"):
        main(["run", "--tasks", "gsm8k-cot-zeroshot", *NAMED, "--limit", "2"])


def test_missing_data_are_said_before_weights_are_loaded(place, no_weights, capsys, monkeypatch):  # noqa: F811
    from lm_eval_mathtasks.problems import sources

    monkeypatch.setenv(sources.DATA_DIR_VARIABLE, str(place / "nowhere"))
    assert main(["run", "--tasks", "gsm8k-cot-zeroshot", *NAMED]) == 2
    assert "nowhere" in capsys.readouterr().err


OWN = {"max_gen_toks": 512, "do_sample": False}


@pytest.mark.parametrize(
    ("own", "given"),
    [
        (OWN, {}),
        (OWN, {"temperature": 0}),
        (OWN, {"temperature": "0.0"}),
        (OWN, {"do_sample": True, "temperature": 1.5}),
        ({**OWN, "do_sample": True}, {"temperature": 1.5}),
        (OWN, {"max_gen_toks": 5}),
    ],
)
def test_what_a_model_would_do_is_left_alone(own, given):
    check_settings([task(own)], given)


def test_one_task_of_several_is_enough():
    with pytest.raises(TaskError, match="greedily"):
        check_settings([task({"do_sample": True}), task(OWN)], {"temperature": 0.7})


def task(own):
    return SimpleNamespace(config=SimpleNamespace(generation_kwargs=own, task="t"))


def test_a_task_of_lm_eval_s_is_said_and_ours_named():
    said = _lm_evals_own("gsm8k", ["gsm8k-cot", "gsm8k-direct", "math500"])
    assert said == "gsm8k is lm-eval's task with lm-eval's grader; ours: gsm8k-cot, gsm8k-direct"
    assert _lm_evals_own("arc_easy", ["gsm8k-cot"]) == "arc_easy is lm-eval's task with lm-eval's grader"
