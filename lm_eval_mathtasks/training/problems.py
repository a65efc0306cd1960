"""Word problems and short competition items, made from a random number generator: the embedded model's world.

A `Kind` is a way to draw numbers, the steps that lead from them to the answer, and several wordings. Every eighth
set of numbers of a kind is held out: training never sees it in any wording, so accuracy on held-out problems is
about arithmetic the model has not read.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import NamedTuple

# One set of numbers in so many is kept from training: enough for tests, few enough not to starve small kinds.
HELD_OUT_SHARE = 8
# Part of the problems that are of the grade-school family; the rest is competition-like.
GRADE_SCHOOL_SHARE = 0.6

Numbers = dict[str, int]


class Problem(NamedTuple):
    """One problem with its worked solution.

    kind: name of the kind; family: "grade_school" or "competition"; question: text without any instruction;
    steps: the lines of the solution; answer: plain number or LaTeX; key: kind and numbers, whatever the wording.
    """

    kind: str
    family: str
    question: str
    steps: tuple[str, ...]
    answer: str
    key: str

    @property
    def held_out(self) -> bool:
        """Whether training must never see these numbers."""
        return zlib.crc32(self.key.encode()) % HELD_OUT_SHARE == 0


class Kind(NamedTuple):
    """A kind of problem: draw(rng) -> numbers; solve(**numbers) -> (steps, answer); wordings with {placeholders}."""

    family: str
    draw: Callable[[Random], Numbers]
    solve: Callable[..., tuple[tuple[str, ...], str]]
    wordings: tuple[str, ...]


def kinds() -> dict[str, Kind]:
    """Every kind by its name, both families."""
    from lm_eval_mathtasks.training import competition, grade_school

    return {**grade_school.KINDS, **competition.KINDS}


def make(name: str, rng: Random) -> Problem:
    """Draw one problem of the kind `name`; KeyError if there is no such kind."""
    from lm_eval_mathtasks.training.grade_school import cast

    kind = kinds()[name]
    numbers = kind.draw(rng)
    steps, answer = kind.solve(**numbers)
    question = rng.choice(kind.wordings).format(**numbers, **cast(rng))
    key = f"{name}:" + ",".join(f"{k}={v}" for k, v in sorted(numbers.items()))
    return Problem(name, kind.family, question, steps, answer, key)


def stream(seed: int, *, held_out: bool = False, families: Sequence[str] | None = None) -> Iterator[Problem]:
    """Endless problems from `seed`: training ones, or only held-out ones; of all families or of those named."""
    rng = Random(seed)
    by_family: dict[str, list[str]] = {}
    for name, kind in kinds().items():
        by_family.setdefault(kind.family, []).append(name)
    while True:
        family = "grade_school" if rng.random() < GRADE_SCHOOL_SHARE else "competition"
        name = rng.choice(by_family[family])
        while (problem := make(name, rng)).held_out is not held_out:
            pass
        if families is None or family in families:
            yield problem


def held_out_set(count: int, seed: int = 0, families: Sequence[str] | None = None) -> list[Problem]:
    """`count` held-out problems with distinct questions, the same for the same seed."""
    found: dict[str, Problem] = {}
    for problem in stream(seed, held_out=True, families=families):
        found.setdefault(problem.question, problem)
        if len(found) == count:
            break
    return list(found.values())
