"""What `compare` prints of runs with each other: pairs, rankings, ratios to a baseline."""

from collections.abc import Sequence

from lm_eval_mathtasks.leaderboard.instances import Drop, Spread
from lm_eval_mathtasks.leaderboard.paired import Paired, Ranked, configuration_changes
from lm_eval_mathtasks.leaderboard.said import (
    said_of_baseline,
    said_of_drop,
    said_of_pair,
    said_of_ranking,
    said_of_spread,
)
from lm_eval_mathtasks.runs.records import Run
from lm_eval_mathtasks.tables import Cell, Share, Table

FLIPS_SHOWN = 20


def paired_tables(paired: Paired, *, every_doc: bool = False, notes: tuple[str, ...] = ()) -> list[Table]:
    """Return what differs in the configuration, then the paired result with its notes, then the flipped docs."""
    drawn = f"over {paired.problems:,} problems, " if paired.problems < paired.docs else ""
    result: list[tuple[Cell, ...]] = [
        ("first", paired.first.label, Share(paired.scores[0], digits=2)),
        ("second", paired.second.label, Share(paired.scores[1], digits=2)),
        (
            "first - second",
            f"points, paired bootstrap {drawn}95 %",
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
    title = f"{verdict}, on {paired.docs:,} common docs"
    flipped = ("doc", "first", "second", "first answered", "second answered")
    rest = (f"and {more} more: --docs lists them all",) if more > 0 else ()
    return [
        _changes_table(paired.changes),
        Table(f"{len(paired.flips)} flipped docs", flipped, flips, rest),
        Table(title, ("what", "of", "value"), tuple(result), notes, said_of_pair(paired)),
    ]


def _changes_table(changes: tuple[tuple[str, str, str], ...]) -> Table:
    same = () if changes else ("nothing",)
    return Table("configuration: what the logs state differently", ("what", "first", "second"), changes, same)


def instances_table(run: Run, spread: Spread) -> Table:
    """Return the mean over instances and what they differ by, beside what chance gives."""
    low, high = spread.ends
    rows: tuple[tuple[Cell, ...], ...] = (
        ("mean", f"95 % over {spread.problems:,} problems", Share(spread.mean, spread.interval)),
        ("deviation", "between instances, 95 %", Share(spread.deviation, spread.deviation_interval)),
        ("deviation", "that chance alone gives", Share(spread.chance)),
        ("lowest instance", "", Share(low)),
        ("highest instance", "", Share(high)),
    )
    title = f"{run.label}: {spread.problems:,} problems, drawn {spread.instances} times"
    return Table(title, ("what", "of", "value"), rows, sentence=said_of_spread(run, spread))


def drop_tables(first: Run, second: Run, drop: Drop) -> list[Table]:
    """Return what differs in the configuration, then two runs problem by problem, one of which draws them anew."""
    rows: tuple[tuple[Cell, ...], ...] = (
        ("first", first.label, Share(drop.scores[0], digits=2)),
        ("second", second.label, Share(drop.scores[1], digits=2)),
        ("first - second", "points, paired bootstrap 95 %", Share(drop.delta, drop.interval, signed=True)),
    )
    title = f"on {drop.problems:,} problems that both have, one of them drawn anew"
    return [
        _changes_table(tuple(configuration_changes(first, second))),
        Table(title, ("what", "of", "value"), rows, sentence=said_of_drop(first, second, drop)),
    ]


def ranking_table(task: str, ranked: Sequence[Ranked]) -> Table:
    """Return runs from best to worst with their significance groups."""
    rows = tuple((r.group, Share(r.score, r.interval), r.name) for r in ranked)
    note = "runs of one letter cannot be told apart from its best (paired tests, Holm's correction, 5 %)"
    title, columns = f"{task}: {len(rows)} runs", ("group", "score [95 %]", "run")
    return Table(title, columns, rows, (note,), said_of_ranking(task, ranked), {"task": task})


def baseline_table(
    name: str, base: dict[str, float], rows: Sequence[tuple[str, dict[str, float], dict[str, float], float]]
) -> Table:
    """Return scores and their ratios to a baseline, best harmonic mean first."""

    def row(name: str, scores: dict[str, float], ratios: dict[str, float], mean: float) -> tuple[Cell, ...]:
        cells = (cell for t in base for cell in (Share(scores[t], digits=2), round(ratios[t], 4)))
        return name, *cells, round(mean, 4)

    first = row(f"{name} (baseline)", base, dict.fromkeys(base, 1.0), 1.0)
    columns = ("run", *(column for t in base for column in (t, f"ratio on {t}")), "harmonic mean of ratios")
    said = said_of_baseline(name, {path: mean for path, _, _, mean in rows})
    cells = (first, *(row(*one) for one in rows))
    return Table("scores and ratios to the baseline", columns, cells, sentence=said)
