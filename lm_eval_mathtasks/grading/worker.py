"""The child process that runs the symbolic tier: it limits its own memory and time."""

import signal
import time

from lm_eval_mathtasks.grading import children
from lm_eval_mathtasks.grading.expr import Expr

# Memory of a worker, in bytes: sympy with room for large expressions; beyond it a question ends as undecided.
MAX_MEMORY = 2 * 1024**3


def serve_sympy() -> None:
    """In a child: answer whether sympy proves two expressions equal, True or None, and how long it computed."""
    children.serve(_handler)


def _handler(_setup: None) -> children.Handler:
    import sympy

    from lm_eval_mathtasks.grading import symbolic

    _limit_memory()
    # loads what the first question would wait for
    sympy.simplify(sympy.sqrt(sympy.Symbol("x") ** 2 + 1) - sympy.sin(1))

    def proves(question: tuple[Expr, Expr, float], _tick: children.Tick) -> tuple[bool | None, float]:
        gold, pred, seconds = question
        began = time.process_time()
        _end_after(seconds)
        proven = symbolic.proves_equal(gold, pred)
        _end_after(0)
        return proven, time.process_time() - began

    return proves


def _end_after(seconds: float) -> None:
    """End this process, by SIGPROF, once it has computed for so many seconds more; 0: never."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_PROF, seconds)


def _limit_memory() -> None:
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
    # not every system has it
    except (ImportError, ValueError, OSError):
        return
