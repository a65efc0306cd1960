"""Word problems and short competition items, made from a random number generator: the embedded model's world.

Every eighth set of numbers of a kind is held out: training never sees it in any wording, so accuracy on held-out
problems is about arithmetic the model has not read.
"""

import zlib
from collections.abc import Iterator
from random import Random
from typing import NamedTuple

from lm_eval_mathtasks.embedded.recipe import competition_kinds, grade_school_kinds
from lm_eval_mathtasks.embedded.recipe.kinds import Numbers

# One set of numbers in so many is kept from training: enough for tests, few enough not to starve small kinds.
HELD_OUT_SHARE = 8
# Part of the problems that are of the grade-school family; the rest is competition-like.
GRADE_SCHOOL_SHARE = 0.6


class Problem(NamedTuple):
    """One problem with its worked solution.

    kind: name of the kind; question: text without any instruction; steps: the lines of the solution; answer: plain
    number or LaTeX; key: kind and numbers, whatever the wording.
    """

    kind: str
    question: str
    steps: tuple[str, ...]
    answer: str
    key: str

    @property
    def held_out(self) -> bool:
        """Whether training must never see these numbers."""
        return zlib.crc32(self.key.encode()) % HELD_OUT_SHARE == 0


FAMILIES = {"grade_school": grade_school_kinds.KINDS, "competition": competition_kinds.KINDS}
KINDS = {name: kind for family in FAMILIES.values() for name, kind in family.items()}


def make(name: str, rng: Random) -> Problem:
    """Draw one problem of the kind `name`; KeyError if there is no such kind."""
    kind = KINDS[name]
    numbers = kind.draw(rng)
    steps, answer = kind.solve(**numbers)
    question = rng.choice(kind.wordings).format(**numbers, **grade_school_kinds.cast(rng))
    return Problem(name, question, steps, answer, key_of(name, numbers))


def key_of(name: str, numbers: Numbers) -> str:
    """Kind and numbers as one text: equal for problems that differ in wording only."""
    return f"{name}:" + ",".join(f"{k}={v}" for k, v in sorted(numbers.items()))


def stream(seed: int, *, held_out: bool = False) -> Iterator[Problem]:
    """Endless problems from `seed`: training ones, or only held-out ones."""
    rng = Random(seed)
    while True:
        family = "grade_school" if rng.random() < GRADE_SCHOOL_SHARE else "competition"
        name = rng.choice(list(FAMILIES[family]))
        while (problem := make(name, rng)).held_out is not held_out:
            pass
        yield problem


def held_out_set(count: int, seed: int = 0) -> list[Problem]:
    """`count` held-out problems with distinct questions, the same for the same seed."""
    found: dict[str, Problem] = {}
    for problem in stream(seed, held_out=True):
        found.setdefault(problem.question, problem)
        if len(found) == count:
            break
    return list(found.values())
