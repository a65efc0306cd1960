"""A math evaluation you can trust: tasks, grader, API model and leaderboard for lm-evaluation-harness.

`extract_answer` and `grade` are the two functions most programs need. They are loaded on first use, so that
`import lm_eval_mathtasks` costs nothing: neither torch nor datasets nor sympy is imported.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lm_eval_mathtasks.grading import Extraction, Status, Verdict, extract_answer, grade

__version__ = "0.1.0"
__all__ = ["Extraction", "Status", "Verdict", "__version__", "extract_answer", "grade"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from lm_eval_mathtasks import grading

        return getattr(grading, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
