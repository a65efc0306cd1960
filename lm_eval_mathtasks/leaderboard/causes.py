"""The known causes of disagreement, with published examples of their size (`leaderboards/causes.yaml`)."""

from dataclasses import dataclass
from pathlib import Path

from lm_eval_mathtasks.errors import ClaimError
from lm_eval_mathtasks.leaderboard.protocol import Part
from lm_eval_mathtasks.leaderboard.yaml_files import leaderboards_dir, load_table


@dataclass(frozen=True)
class Example:
    """Scores of one model on one benchmark, in percent, that differ by one cause. files: stems in claims/."""

    benchmark: str
    model: str
    scores: tuple[float, ...]
    differs: str
    files: tuple[str, ...]


@dataclass(frozen=True)
class KnownCause:
    """A cause of disagreement. protocol: the part of a protocol in which it shows, None for those that no log shows."""

    key: str
    title: str
    protocol: str | None
    fix: str
    examples: tuple[Example, ...]


def load_causes(folder: str | Path | None = None) -> list[KnownCause]:
    """Return the causes; raises ClaimError where an entry lacks a field."""
    causes = []
    for key, facts in load_table(leaderboards_dir(folder) / "causes.yaml").items():
        try:
            examples = tuple(
                Example(e["benchmark"], e["model"], tuple(e["scores"]), e["differs"], tuple(e["files"]))
                for e in facts["examples"]
            )
            causes.append(KnownCause(key, facts["title"], facts.get("protocol"), facts["fix"], examples))
        except KeyError as missing:
            wanted = f"the field {missing} of cause {key}"
            raise ClaimError(wanted, "none", "add it to causes.yaml") from missing
    return causes


def causes_of(parts: list[Part], causes: list[KnownCause]) -> list[tuple[Part, KnownCause]]:
    """Return the causes that differences between two protocols point to; what neither side states comes last."""
    order = {"breaks": 0, "matters": 1, "unknown": 2}
    hits = [(p, c) for p in parts if p.effect in order for c in causes if c.protocol == p.name]
    return sorted(hits, key=lambda hit: order[hit[0].effect])
