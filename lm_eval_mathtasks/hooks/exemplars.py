"""Few-shot exemplars, read at run time from the installed lm-eval: they are other people's text."""

import ast
from pathlib import Path

from lm_eval_mathtasks.check import lm_eval_tasks
from lm_eval_mathtasks.errors import TaskError


def shots_gsm8k() -> list[dict[str, str]]:
    """The 8 chain-of-thought exemplars of Wei et al. (2022, table 20), from lm-eval's `gsm8k_cot`.

    Each is {"question", "target"}. Raises TaskError if the installed lm-eval does not hold them where 0.4.13 does.
    """
    import yaml

    path = lm_eval_tasks() / "gsm8k" / "gsm8k-cot.yaml"
    try:
        return list(yaml.safe_load(path.read_text(encoding="utf-8"))["fewshot_config"]["samples"])
    except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
        raise _no_shots(path, error) from error


def shots_minerva() -> list[dict[str, str]]:
    """The 4 exemplars of Lewkowycz et al. (2022, appendix D.2), from lm-eval's `minerva_math`.

    Each is {"problem", "solution", ...}. The module is read, not imported: importing it needs other packages.
    Raises TaskError if the installed lm-eval does not hold them where 0.4.13 does.
    """
    path = lm_eval_tasks() / "minerva_math" / "utils.py"
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
        returned = next(n for n in functions["list_fewshot_samples"].body if isinstance(n, ast.Return)).value
        return list(ast.literal_eval(returned or "[]"))
    except (OSError, SyntaxError, KeyError, StopIteration, ValueError) as error:
        raise _no_shots(path, error) from error


def _no_shots(path: Path, error: Exception) -> TaskError:
    got = f"{type(error).__name__}: {error}"
    fix = "install an lm-eval that has them (0.4.12 and 0.4.13 do)"
    return TaskError(f"the few-shot exemplars in lm-eval's {path.parent.name}/{path.name}", got, fix)
