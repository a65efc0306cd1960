"""The benchmarks that claims name, and which scores their sizes allow."""

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lm_eval_mathtasks.leaderboard.yaml_files import LINE, Problem, load_mapping

_FACTS = {"docs", "tasks", "editions", "note"}


@dataclass(frozen=True)
class Benchmark:
    """A set of problems: its name in claims, how many problems, what harnesses call it, how many problems its other
    editions have, and what tells it from its look-alikes."""

    name: str
    docs: int
    tasks: re.Pattern[str]
    editions: tuple[int, ...] = ()
    note: str = ""

    def gives(self, score: float, answers: int = 1) -> bool:
        """Whether some count of right ones among so many answers to each problem is published as this score.

        score: percent. Sources round to the nearest, down or up, so that a count within one unit of the last digit
        is enough; digits that were zero are not known to have been stated.
        """
        unit = 10.0 ** -len(repr(float(score)).partition(".")[2].removesuffix("0"))
        return any(_a_count_is_near(score, unit, docs * answers) for docs in (self.docs, *self.editions))


def _a_count_is_near(score: float, unit: float, most: int) -> bool:
    # Rounding errors of floats are far below a part in 10^9 of a count.
    low, high = ((score + sign * unit) * most / 100 for sign in (-1, 1))
    return math.floor(low + 1e-9) + 1 < high - 1e-9


def read_benchmarks(path: Path) -> tuple[dict[str, Benchmark], list[Problem]]:
    """Return the benchmarks of a file that could be read, and what is wrong with the others.

    Raises ClaimError where the file is no mapping at all.
    """
    found, problems = {}, []
    for name, facts in load_mapping(path).items():
        if wrong := _wrong(facts):
            line = facts[LINE] if isinstance(facts, dict) else 1
            problems.append(Problem(path.name, line, f"{name}: {wrong}"))
        else:
            tasks = re.compile(facts["tasks"], re.IGNORECASE)
            editions = tuple(facts.get("editions", ()))
            note = str(facts.get("note", ""))
            found[str(name)] = Benchmark(str(name), facts["docs"], tasks, editions, note)
    return found, problems


def _wrong(facts: Any) -> str | None:
    """What keeps an entry from being a benchmark, None if nothing does."""
    if not isinstance(facts, dict):
        return f"expected docs and tasks, got {facts!r}"
    unknown = sorted(set(facts) - _FACTS - {LINE})
    if unknown:
        return f"unknown {', '.join(unknown)}; known: {', '.join(sorted(_FACTS))}"
    editions = facts.get("editions", [])
    sizes = [facts.get("docs"), *(editions if isinstance(editions, list) else [editions])]
    if not all(type(size) is int and size > 0 for size in sizes):
        return f"docs and editions are counts of problems, got {', '.join(map(repr, sizes))}"
    try:
        re.compile(facts["tasks"])
    except (KeyError, TypeError, re.error) as error:
        return f"tasks is a regular expression, got {facts.get('tasks')!r} ({type(error).__name__})"
    return None
