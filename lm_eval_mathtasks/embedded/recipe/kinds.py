"""What a kind of problem is made of."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import NamedTuple

Numbers = dict[str, int]
# The lines of the worked solution, and the answer as plain number or LaTeX.
Solved = tuple[tuple[str, ...], str]


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
