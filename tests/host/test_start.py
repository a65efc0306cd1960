"""Start-up: what is imported before anybody asked for it."""

import subprocess
import sys

import pytest

HEAVY = {
    "torch",
    "transformers",
    "datasets",
    "sympy",
    "lm_eval",
    "openai",
    "math_verify",
    "pydantic",
    "rich",
    "yaml",
}


def imported(code):
    """Top-level packages loaded after `code` ran in a fresh interpreter."""
    command = [
        sys.executable,
        "-c",
        f"{code}\nimport sys; print(*{{name.split('.')[0] for name in sys.modules}})",
    ]
    return set(subprocess.check_output(command, text=True).splitlines()[-1].split())


@pytest.mark.parametrize(
    "code",
    [
        "import lm_eval_mathtasks",
        "from lm_eval_mathtasks import extract_answer, grade",
        "import lm_eval_mathtasks as m; m.grade(gold='1,000', pred=m.extract_answer('\\\\boxed{1000}').answer)",
        "import lm_eval_mathtasks.cli",
        "import lm_eval_mathtasks.hooks, lm_eval_mathtasks.problems.sources",
        "from lm_eval_mathtasks.cli import main; main(['tasks-path'])",
    ],
)
def test_nothing_heavy_is_loaded(code):
    assert not imported(code) & HEAVY


def test_a_dry_run_needs_no_torch(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-none")
    words = "run --model mathtasks-chat --model_args model=gpt-x --tasks sample-gsm8k --dry-run --apply_chat_template"
    code = f"""
try:
    from lm_eval_mathtasks.cli import main
    main({words.split()!r})
except SystemExit as error:
    assert not error.code"""
    assert not imported(code) & {"torch", "transformers", "sympy", "scipy"}


def test_the_public_names():
    import lm_eval_mathtasks

    for name in lm_eval_mathtasks.__all__:
        assert getattr(lm_eval_mathtasks, name) is not None
    with pytest.raises(ImportError, match="no_such"):
        from lm_eval_mathtasks import no_such  # noqa: F401


def test_entry_points_are_the_names_that_run_registers():
    """lm-eval will read pyproject's table itself one day; until then `models.register` stands in for it."""
    import lm_eval.models  # noqa: F401
    from lm_eval.api.registry import model_registry

    from lm_eval_mathtasks import models
    from tests.conftest import ROOT

    text = (ROOT / "pyproject.toml").read_text()
    table = text.split('[project.entry-points."lm_eval.models"]\n')[1].split("\n\n")[0]
    declared = dict(line.replace('"', "").split(" = ") for line in table.splitlines())
    assert declared == models.MODELS
    models.register()
    models.register()
    for name in [*models.MODELS, "hf", "vllm", "local-chat-completions"]:
        assert name in model_registry
