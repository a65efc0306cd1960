"""Another project's grader beside ours: its own verdict on each response, from a process of its own with a deadline.

Most published numbers on MATH are graded by Math-Verify, so a run can report `math_verify` beside `exact_match`.
"""

import atexit
import importlib.util
from collections.abc import Iterable
from typing import NamedTuple

from lm_eval_mathtasks.errors import TaskError
from lm_eval_mathtasks.grading.children import CannotStartError, Children


class _Known(NamedTuple):
    """A grader: the metric that its verdicts are, the package that it is, and the extra that installs it."""

    metric: str
    package: str
    extra: str


GRADERS = {"math-verify": _Known("math_verify", "math_verify", "math-verify")}
# Math-Verify's own limit is 5 s for each of two parses and one comparison: whoever takes longer hangs.
HANG_AFTER_S = 20.0

_pools: dict[str, Children] = {}


def start_graders(names: Iterable[str]) -> tuple[str, ...]:
    """Start these graders, before a model is asked; return their names, each once.

    Raises TaskError for a grader that is not known, not installed, or does not start.
    """
    wanted = tuple(dict.fromkeys(names))
    for name in wanted:
        if name not in GRADERS:
            raise TaskError(f"graders among {', '.join(GRADERS)}", f"{name!r}", "leave it out")
        known = GRADERS[name]
        if importlib.util.find_spec(known.package) is None:
            fix = f"run pip install 'lm-eval-mathtasks[{known.extra}]'"
            raise TaskError(f"the package {known.package}, for --graders {name}", "it is not installed", fix)
        if name in _pools:
            continue
        try:
            _pools[name] = Children(
                "lm_eval_mathtasks.grading.peers.serve_peers", name, 1, hang_after=HANG_AFTER_S
            )
        except CannotStartError as error:
            fix = "see that the package is complete"
            raise TaskError(f"the grader {name} to start", str(error), fix) from error
    return wanted


def verdicts_beside(names: Iterable[str], gold: str, response: str) -> dict[str, float]:
    """Return each grader's metric of a response, 1.0 or 0.0; one that hangs, dies or raises has not found it right."""
    verdicts = {}
    for name in names:
        (done,) = _pools[name].map([(gold, response)])
        verdicts[GRADERS[name].metric] = float(bool(done.value) and not done.trouble)
    return verdicts


@atexit.register
def stop_graders() -> None:
    """End the processes of the graders."""
    while _pools:
        _pools.popitem()[1].close()
