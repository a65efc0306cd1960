"""What a kind of problem is made of."""

import operator
import re
from collections.abc import Callable
from random import Random
from typing import NamedTuple

Numbers = dict[str, int]
# The lowest and the highest value, and the step between values where that is not 1.
Range = tuple[int, int] | tuple[int, int, int]
# The lines of the worked solution, and the answer as plain number or LaTeX.
Solved = tuple[tuple[str, ...], str]
_DO = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.floordiv}


class Kind(NamedTuple):
    """A kind of problem: draw(rng) -> numbers, solve(**numbers) -> (steps, answer), and wordings to be filled in.

    A wording holds the names of the numbers in braces, and may hold {who}, {other}, {things}, {holder}, {holders}.
    """

    draw: Callable[[Random], Numbers]
    solve: Callable[..., Solved]
    wordings: tuple[str, ...]


def kind_of(draw: Callable[[Random], Numbers], solve: Callable[..., Solved], *wordings: str) -> Kind:
    """A kind with its wordings one after the other."""
    return Kind(draw, solve, wordings)


def drawn(**ranges: Range | Callable[..., Range]) -> Callable[[Random], Numbers]:
    """Draw each number, in this order, from its range, which may depend on the numbers before it."""

    def draw(rng: Random) -> Numbers:
        numbers: Numbers = {}
        for name, given in ranges.items():
            low, high, *step = given(**numbers) if callable(given) else given
            numbers[name] = rng.randrange(low, high + 1, *step)
        return numbers

    return draw


def worked(*formulas: str, answer: str = "") -> Callable[..., Solved]:
    """Solve by steps of one operation each, such as "a+b", "p/2": of numbers by their names, of the results of the
    steps before as p, q, r, s, and of plain numbers. What stands before a "=" is written before the step.

    answer: a wording of numbers and results; by default the last result alone.
    """

    def solve(**numbers: int) -> Solved:
        known, steps = dict(numbers), []
        for result, formula in zip("pqrs", formulas, strict=False):
            lead, equals, operation = formula.rpartition("=")
            first, sign, second = re.split(r"([-+*/])", operation)
            one, two = (known[x] if x in known else int(x) for x in (first, second))
            known[result] = _DO[sign](one, two)
            steps.append(f"{lead.format(**known)}{equals}{one}{sign}{two}={known[result]}")
        return tuple(steps), (answer or f"{{{result}}}").format(**known)

    return solve
