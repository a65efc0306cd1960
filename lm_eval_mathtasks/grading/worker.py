"""The process that runs the symbolic tier: reads pickled questions from its standard input, answers each with one byte.

Started by `deadline` with `python -c`, so no program's `__main__` is run again. It ends when its input
closes, and limits its own memory; it is killed when a question takes too long.
"""

from __future__ import annotations

import json
import os
import pickle
import struct
import sys
from typing import BinaryIO

# Memory of a worker, in bytes: sympy with room for large expressions; beyond it a question ends as undecided.
MAX_MEMORY = 2 * 1024**3
READY, EQUAL, UNKNOWN = b"R", b"=", b"?"
HEADER = struct.Struct("<I")


def python_command(entry: str) -> list[str]:
    """Return the command that runs `entry` ("module.function") of this package in a fresh interpreter.

    `-c` and not the program's own file: a script without a `__main__` guard is not run again.
    """
    module, _, function = entry.rpartition(".")
    code = f"import sys, json; sys.path[:] = json.loads(sys.argv[1]); from {module} import {function}; {function}()"
    return [sys.executable, "-c", code, json.dumps([p or os.getcwd() for p in sys.path])]


def _limit_memory() -> None:
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
    # not every system has it
    except (ImportError, ValueError, OSError):
        return


def answer_questions(questions: BinaryIO, answers: BinaryIO) -> None:
    """Answer questions until the input ends. A question is a length and a pickle of two expressions."""
    import sympy

    from lm_eval_mathtasks.grading import symbolic

    # loads what the first question would wait for
    sympy.simplify(sympy.sqrt(sympy.Symbol("x") ** 2 + 1) - sympy.sin(1))
    answers.write(READY)
    while header := questions.read(HEADER.size):
        a, b = pickle.loads(questions.read(*HEADER.unpack(header)))  # noqa: S301  our own parent wrote it
        try:
            found = symbolic.proves_equal(a, b)
        # whatever sympy raises, the question is undecided and the worker lives on
        except Exception:
            found = None
        answers.write(EQUAL if found else UNKNOWN)


def run_worker() -> None:
    """Run until the parent closes the pipe."""
    _limit_memory()
    with open(0, "rb", buffering=0) as questions, open(1, "wb", buffering=0, closefd=False) as answers:
        sys.stdout = sys.stderr
        answer_questions(questions, answers)
