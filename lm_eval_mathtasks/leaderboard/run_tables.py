"""What `compare` prints of runs with each other: pairs, rankings, ratios to a baseline."""

from __future__ import annotations

from collections.abc import Sequence

from lm_eval_mathtasks.leaderboard.paired import Paired, Ranked
from lm_eval_mathtasks.leaderboard.said import said_of_baseline, said_of_pair, said_of_ranking
from lm_eval_mathtasks.tables import Cell, Share, Table

FLIPS_SHOWN = 20


def paired_tables(paired: Paired, *, every_doc: bool = False, notes: tuple[str, ...] = ()) -> list[Table]:
    """Return what differs in the configuration, then the paired result with its notes, then the flipped docs."""
    result: list[tuple[Cell, ...]] = [
        ("first", paired.first.label, Share(paired.scores[0], digits=2)),
        ("second", paired.second.label, Share(paired.scores[1], digits=2)),
        (
            "first - second",
            "points, paired bootstrap 95 %",
            Share(paired.delta, paired.interval, signed=True),
        ),
        ("only first right", "docs", paired.only_first),
        ("only second right", "docs", paired.only_second),
    ]
    if paired.p_value is not None:
        result.append(("McNemar, exact", "p", paired.p_value))
    verdict = "the runs differ" if paired.significant else "the difference may be noise (5 %)"
    flips = tuple(
        (f.doc_id, f.first, f.second, f.first_answer, f.second_answer)
        for f in paired.flips[: None if every_doc else FLIPS_SHOWN]
    )
    more = len(paired.flips) - len(flips)
    heads = ("what", "of", "value")
    flipped = ("doc", "first", "second", "first answered", "second answered")
    rest = (f"and {more} more: --docs lists them all",) if more > 0 else ()
    same = () if paired.changes else ("nothing",)
    changes = "configuration: what the logs state differently"
    return [
        Table(changes, ("what", "first", "second"), paired.changes, same),
        Table(f"{len(paired.flips)} flipped docs", flipped, flips, rest),
        Table(
            f"{verdict}, on {paired.docs:,} common docs", heads, tuple(result), notes, said_of_pair(paired)
        ),
    ]


def ranking_table(task: str, ranked: Sequence[Ranked]) -> Table:
    """Return runs from best to worst with their significance groups."""
    rows = tuple((r.group, Share(r.score, r.interval), r.name) for r in ranked)
    note = "runs of one letter cannot be told apart from its best (paired tests, Holm's correction, 5 %)"
    columns = ("group", "score [95 %]", "run")
    return Table(
        f"{task}: {len(rows)} runs", columns, rows, (note,), said_of_ranking(task, ranked), {"task": task}
    )


def baseline_table(
    name: str, base: dict[str, float], rows: Sequence[tuple[str, dict[str, float], dict[str, float], float]]
) -> Table:
    """Return scores and their ratios to a baseline, best harmonic mean first."""
    cells = [
        (
            path,
            *(cell for t in base for cell in (Share(scores[t], digits=2), round(ratios[t], 4))),
            round(mean, 4),
        )
        for path, scores, ratios, mean in rows
    ]
    first = (
        f"{name} (baseline)",
        *(cell for value in base.values() for cell in (Share(value, digits=2), 1.0)),
        1.0,
    )
    columns = ("run", *(column for t in base for column in (t, f"ratio on {t}")), "harmonic mean of ratios")
    said = said_of_baseline(name, {path: mean for path, _, _, mean in rows})
    return Table("scores and ratios to the baseline", columns, (first, *cells), sentence=said)
