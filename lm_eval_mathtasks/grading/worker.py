"""The child process that runs the symbolic tier: it limits its own memory, and `deadline` kills it when it is late."""

from lm_eval_mathtasks.grading import children
from lm_eval_mathtasks.grading.expr import Expr

# Memory of a worker, in bytes: sympy with room for large expressions; beyond it a question ends as undecided.
MAX_MEMORY = 2 * 1024**3


def serve_sympy() -> None:
    """In a child: answer whether sympy proves two expressions equal, True or None."""
    children.serve(_handler)


def _handler(_setup: None) -> children.Handler:
    import sympy

    from lm_eval_mathtasks.grading import symbolic

    _limit_memory()
    # loads what the first question would wait for
    sympy.simplify(sympy.sqrt(sympy.Symbol("x") ** 2 + 1) - sympy.sin(1))

    def proves(pair: tuple[Expr, Expr], _tick: children.Tick) -> bool | None:
        return symbolic.proves_equal(*pair)

    return proves


def _limit_memory() -> None:
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
    # not every system has it
    except (ImportError, ValueError, OSError):
        return
