"""Several runs of one model, on the tasks of a group or the subsets of a benchmark, as one."""

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

from lm_eval_mathtasks.errors import EvidenceError
from lm_eval_mathtasks.runs.records import Protocol, Run, Total


def pooled(runs: Sequence[Run], task: str) -> Run:
    """Return the runs as one of this name, whose docs are called after their task: "algebra/17".

    Raises EvidenceError where their scores are not of one metric, or not of as many answers to each doc.
    """
    first = runs[0]
    unlike = [run for run in runs if (run.metric, run.protocol.k) != (first.metric, first.protocol.k)]
    if unlike:
        got = f"{first.task} by {first.metric}, {unlike[0].task} by {unlike[0].metric}"
        fix = "name it with --metric, or take a task alone"
        raise EvidenceError(f"one score for all tasks of {task}", got, fix)
    known = [run.provenance.docs_of_task for run in runs]
    docs = sum(count or 0 for count in known) if None not in known else None
    names = ", ".join(run.task for run in runs)
    notes = dict.fromkeys(note for run in runs for note in run.provenance.notes)
    return replace(
        first,
        task=task,
        rows=tuple(replace(row, doc_id=f"{run.task}/{row.doc_id}") for run in runs for row in run.rows),
        protocol=_common([run.protocol for run in runs]),
        provenance=replace(first.provenance, docs_of_task=docs, notes=(f"pooled from {names}", *notes)),
        total=_total([run.total for run in runs]),
    )


def _common(protocols: Sequence[Protocol]) -> Protocol:
    """What all of them state; None where they differ."""
    first = protocols[0]
    unlike = [f.name for f in fields(first) if len({getattr(p, f.name) for p in protocols}) > 1]
    nothing: dict[str, Any] = dict.fromkeys(unlike)
    return replace(first, **nothing)


def _total(totals: Sequence[Total | None]) -> Total | None:
    known = [(total.value, total.docs) for total in totals if total is not None and total.docs]
    if len(known) < len(totals):
        return None
    docs = sum(count or 0 for _, count in known)
    return Total(sum(value * (count or 0) for value, count in known) / docs, docs)
