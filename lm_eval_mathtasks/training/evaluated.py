"""What was evaluated, for people: accuracies, the choice of a checkpoint, and every response as a row of a CSV."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lm_eval_mathtasks.leaderboard.paired import own_shares
from lm_eval_mathtasks.numbers.intervals import of_mean
from lm_eval_mathtasks.runs.judged import judge_run
from lm_eval_mathtasks.runs.records import Run
from lm_eval_mathtasks.tables import Table, with_interval
from lm_eval_mathtasks.training.checkpoints import Choice

_COLUMNS = ("model", "task", "doc_id", "repeat", "prompt", "response", "extracted", "gold", "verdict",
            "reason")  # fmt: skip
_PROPORTIONS = {"thinking_proportion": "thinking", "answer_proportion": "answer"}


def write_csv(path: Path, results: dict[str, dict[str, Run]]) -> None:
    """Write every evaluated response as a row."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8", errors="replace") as file:
        writer = csv.writer(file)
        writer.writerow(_COLUMNS)
        for name, own in results.items():
            for run in own.values():
                writer.writerows(_rows(name, run))


def _rows(name: str, run: Run) -> Iterator[tuple[Any, ...]]:
    rows = run.by_id()
    for one in judge_run(run):
        row = rows[one.doc_id]
        asked, text = row.prompt or row.question, row.responses[one.repeat]
        found = (one.extraction.answer, row.gold, one.verdict.status, one.verdict.reason)
        yield (name, run.task, one.doc_id, one.repeat, asked, text, *found)


def accuracy_table(results: dict[str, dict[str, Run]], where: str = "on dev") -> Table:
    """Accuracy by task with its interval, and of the tags format how many responses have each part."""
    tasks = list(next(iter(results.values())))
    rows = []
    for name, own in results.items():
        cells = []
        for run in own.values():
            values = list(own_shares(run).values())
            interval = of_mean(values)
            cells.append(with_interval(sum(values) / len(values), interval) + _parts(run))
        rows.append((name, *cells))
    return Table(f"Accuracy {where}", ("model", *tasks), tuple(rows), ("percent [95 % interval over docs]",))


def _parts(run: Run) -> str:
    said = []
    for metric, word in _PROPORTIONS.items():
        numbers = (number for row in run.answered for number in row.metrics.items())
        values = [value for key, value in numbers if key.startswith(f"{metric},")]
        if values:
            said.append(f"{word} {100 * sum(values) / len(values):.1f} %")
    return f"; {', '.join(said)}" if said else ""


def choice_table(choice: Choice, baseline: str) -> Table:
    """The checkpoints from best to worst, and whether chance alone would make the best of so many as good."""
    tasks = list(choice.standings[0].ratios)
    rows = []
    for one in choice.standings:
        mean = f"{one.mean:.4f} [{one.interval.low:.4f}, {one.interval.high:.4f}]"
        rows.append((one.name, *(f"{one.ratios[task]:.3f}" for task in tasks), mean))
    count = len(choice.standings)
    verdict = f"is not distinguishable from the best of {count} that are all as good as the baseline"
    if choice.distinguishable:
        verdict = f"is better than the best of {count} equal ones would be"
    notes = (
        f"ratios to {baseline}; the interval is a paired bootstrap over docs, of one checkpoint, not of a choice",
        f"the best of {count} checkpoints as good as the baseline would have {choice.expected:.4f} on average; "
        f"p = {choice.p_value:.3f}",
        f"{choice.standings[0].name} {verdict}",
    )
    return Table("Choice on dev", ("checkpoint", *tasks, "harmonic mean of ratios"), tuple(rows), notes)
