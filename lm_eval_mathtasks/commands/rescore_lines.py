"""What `mathtasks rescore` prints: old and new score of each run, the graders side by side, what was wrong."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from lm_eval_mathtasks.evidence.rescore.cross import LOG, CrossTable, agreement, merged, unfit
from lm_eval_mathtasks.evidence.rescore.work import RunSummary
from lm_eval_mathtasks.grading.verdict import Status
from lm_eval_mathtasks.numbers.intervals import wilson
from lm_eval_mathtasks.runs.judged import cut_off_words, status_words
from lm_eval_mathtasks.tables import Cell, Share, Table, table_lines

_CHARS = 70  # of a gold or an answer
_LISTED = 5


def run_lines(run: RunSummary) -> Iterator[str]:
    """The lines of one run."""
    each = f", {run['k']} responses each" if run["k"] > 1 else ""
    limited = run["docs_of_task"] and run["docs_of_task"] > run["docs"]
    of = f" of {run['docs_of_task']}" if limited else ""
    yield f"{run['model'] or 'unnamed model'} · {run['task']}: {run['docs']}{of} docs{each}"
    answered = run["docs"] - run["missing"]
    if run["interval"] is None:
        yield f"  no score: all {run['missing']} docs were API errors"
        return
    low, high = run["interval"]
    name = "exact_match" if run["k"] == 1 else f"exact_match (mean of {run['k']})"
    score = f"{100 * run['right'] / answered:.2f} [{100 * low:.2f}, {100 * high:.2f}]"
    if run["scored"]:
        old, new = run["old"] / run["scored"], run["new_of_scored"] / run["scored"]
        moved = Share(new - old, signed=True, digits=2)
        yield f"  {run['metric'] or 'the log'} {100 * old:.2f} → {name} {score}: {moved} points"
        changed = f"{run['up']} docs up, {run['down']} down"
        part = "" if run["scored"] == answered else f" (of the {run['scored']} docs that the log scored)"
        yield f"  changed: {changed}{part}"
    else:
        yield f"  {name} {score}; the log has no score of its own"
    yield "  " + status_words({Status(name): count for name, count in run["statuses"].items()})
    yield f"  {cut_off_words(run['cut_off'])}"
    if run["missing"]:
        yield f"  left out: {run['missing']} docs that were never answered (API errors)"
    if run["lost"]:
        yield f"  left out: {run['lost']} responses that never came (API errors)"
    for note in run["notes"]:
        yield f"  note: {note}"
    if run["gaps"]:
        yield f"  doc numbers that are missing in between: {_some(run['gaps'])}"


def _some(names: Sequence[str]) -> str:
    more = f", ... ({len(names)})" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more


def cross_lines(runs: Sequence[RunSummary]) -> Iterator[str]:
    """The graders side by side over all runs; nothing where only ours was asked."""
    tables = [run["cross"] for run in runs if run["cross"]]
    if not any(set(table["right"]) - {"ours", LOG} for table in tables):
        return
    table = merged(tables)
    total, docs = table["responses"], table["docs"]
    yield f"\ngraders on {total} responses:"
    rows: list[tuple[Cell, ...]] = []
    for name, right in table["right"].items():
        counts = table["pairs"].get(f"ours|{name}")
        both: tuple[Cell, ...] = (None, None, None)
        if counts:
            both = (counts[2], counts[1], Share(agreement(*counts)[0], digits=2))
        score = Share(right / total, wilson(right / total, docs), digits=2)
        rows.append((name, score, *both, table["silent"][name] or None))
    heads = ("grader", "accuracy [95 %]", "only it", "only ours", "agreement", "no verdict")
    yield from table_lines(Table("", heads, tuple(rows)))
    for name in dict.fromkeys(name for one in tables for name in unfit(one)):
        yield f"  {name} accepts no response of a run: it does not fit their form, and disputes none of them"
    if len(table["right"]) > 2:
        yield "agreement in percent (above the diagonal) and Cohen's kappa (below):"
        head, *body = _matrix(table)
        yield from table_lines(Table("", tuple(head), tuple(map(tuple, body))))


def _matrix(table: CrossTable) -> Iterator[list[str]]:
    names = list(table["right"])
    yield ["", *names]
    for row, name in enumerate(names):
        cells = [name]
        for column, other in enumerate(names):
            if row == column:
                cells.append("-")
                continue
            pair = (name, other) if row < column else (other, name)
            share, kappa = agreement(*table["pairs"]["|".join(pair)])
            below = "-" if kappa is None else f"{kappa:.3f}"
            cells.append(f"{100 * share:.2f}" if row < column else below)
        yield cells


def dispute_lines(runs: Sequence[RunSummary], limit: int) -> Iterator[str]:
    """The first disputed responses, and where all of them are."""
    shown = [(run, dispute) for run in runs for dispute in run["first"]][:limit]
    if not shown:
        return
    yield f"\ndisputed: {sum(run['disputed'] for run in runs)} responses, the first {len(shown)}:"
    for run, dispute in shown:
        words = {n: _word(v, dispute["failures"].get(n)) for n, v in dispute["verdicts"].items()}
        verdicts = ", ".join(f"{name} {word}" for name, word in words.items())
        repeat = f" repeat {dispute['repeat']}" if run["k"] > 1 else ""
        yield f"  {run['model'] or 'unnamed model'} · {run['task']} doc {dispute['doc_id']}{repeat}: {verdicts}"
        answer = "nothing" if dispute["answer"] is None else _short(dispute["answer"])
        yield f"    gold {_short(dispute['gold'])}, extracted {answer} (rule {dispute['rule']})"
        yield f"    ours: {dispute['status']}, tier {dispute['tier']}: {dispute['reason']}"


def _word(verdict: bool | None, failure: str | None) -> str:
    if verdict is None:
        return f"no verdict ({failure})"
    return "correct" if verdict else "wrong"


def _short(text: str | None) -> str:
    line = " ".join((text or "").split()).encode("utf-8", "backslashreplace").decode()
    line = repr(line)[1:-1].replace("\\\\", "\\")
    return f"'{line}'" if len(line) <= _CHARS else f"'{line[:_CHARS]}...'"


def version_lines(runs: Sequence[RunSummary]) -> Iterator[str]:
    """Tasks that were run in several versions: their scores are not of one thing."""
    versions: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for run in runs:
        versions[run["task"]][str(run["version"])] += 1
    for task, counts in versions.items():
        if len(counts) > 1:
            each = ", ".join(f"{version} in {count} runs" for version, count in sorted(counts.items()))
            yield f"note: {task} comes in {len(counts)} versions ({each}): do not compare their scores"
