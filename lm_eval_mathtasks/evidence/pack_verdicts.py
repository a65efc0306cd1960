"""The verdicts that a pack keeps, made anew by the grader as it is now, from whatever text is at hand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from lm_eval_mathtasks.files import sha256
from lm_eval_mathtasks.grading import Extraction, Status, Verdict
from lm_eval_mathtasks.grading.judge import Judgement, judge_again
from lm_eval_mathtasks.problems.gold import answer_in
from lm_eval_mathtasks.runs.judged import Judged, asked_of, judge_run, shares
from lm_eval_mathtasks.runs.records import Row, Run, read_json_lines

OURS = "gold_unreadable"  # a metric that only our hooks write: the run was graded by our grader
LONGEST_ANSWER = 200  # characters of an answer that a pack repeats; a longer one may be the response itself
_TOLERANCE = 1e-9  # of a share that was written as decimal text


def verdict_of(judgement: Judged) -> dict[str, Any]:
    """Return a judgement as a pack keeps it: the answer (its hash if it is long), the rule, status and tier."""
    answer, rule = judgement.extraction.answer, judgement.extraction.rule
    said = {"rule": rule, "status": str(judgement.verdict.status), "tier": judgement.verdict.tier}
    if answer is not None and len(answer) > LONGEST_ANSWER:
        return {"answer_sha256": sha256(answer), **said}
    return {"answer": answer, **said}


def differences(run: Run, judgements: list[Judged]) -> dict[str, str]:
    """Return by id the docs of a run of ours whose score is not what our grader gives now; other graders may differ."""
    ours = shares(run, judgements)
    first = {judgement.doc_id: judgement.verdict for judgement in reversed(judgements)}
    return {
        row.doc_id: f"doc {row.doc_id}: scored {row.score:g} then, {ours[row.doc_id]:g} now: "
        f"{first[row.doc_id].status}, {first[row.doc_id].tier}: {first[row.doc_id].reason}"
        for row in run.answered
        if row.score is not None and _is_ours(row) and abs(row.score - ours[row.doc_id]) > _TOLERANCE
    }


def _is_ours(row: Row) -> bool:
    return any(name.startswith(f"{OURS},") for name in row.metrics)


def changed_verdicts(
    run: Run, lines: list[dict[str, Any]], texts: Mapping[str, str]
) -> tuple[int, list[str]]:
    """Return how many verdicts of a pack were made anew, and the docs where one is not what the pack says.

    texts: by SHA-256, those that a pack without text may be judged from.
    """
    judgements: list[Judged] = []
    findings: dict[str, str] = {}
    again = 0
    stored = {str(line["doc_id"]): line for line in lines}
    for judgement, fresh in _judged_again(run, stored, texts):
        judgements.append(judgement)
        again += fresh
        said = stored[judgement.doc_id]["verdicts"]
        then = (said[judgement.repeat] if judgement.repeat < len(said) else None) or {}
        if fresh and (text := _change(judgement, then, whole=judgement.extraction.span is not None)):
            findings.setdefault(judgement.doc_id, text)
    return again, list({**differences(run, judgements), **findings}.values())


def _change(judgement: Judged, then: Mapping[str, Any], *, whole: bool) -> str | None:
    """What is said of a verdict that is not the stored one; whole: the answer was extracted anew too."""
    now = verdict_of(judgement)
    if then.get("status") != now["status"]:
        return (
            f"doc {judgement.doc_id}: graded {then.get('status')} then, {now['status']} now: "
            f"{judgement.verdict.tier}: {judgement.verdict.reason}"
        )
    keys = ("answer", "answer_sha256")
    if whole and any(then.get(key) != now.get(key) for key in keys):
        return f"doc {judgement.doc_id}: another answer is extracted now, and graded the same"
    return None


def _judged_again(
    run: Run, stored: Mapping[str, dict[str, Any]], texts: Mapping[str, str]
) -> Iterator[tuple[Judged, bool]]:
    """Yield a judgement of every response and whether it is new: from its text, from the stored answer where only the
    reference is known, else as stored."""
    if not run.withheld:
        yield from ((judgement, True) for judgement in judge_run(run))
        return
    for row in run.rows:
        line = stored[row.doc_id]
        reference = texts.get(line["gold_sha256"])
        for repeat in row.there:
            said = line["verdicts"][repeat]
            text = texts.get(line["response_sha256"][repeat])
            if reference is not None and text is not None:
                one = replace(
                    row,
                    gold=answer_in(reference),
                    responses=(text,),
                    finish=(row.finish_reason(repeat),),
                )
                yield Judged(row.doc_id, repeat, asked_of(one, 0).judge()), True
            else:
                yield _from_answer(row, repeat, said, reference)


def _from_answer(
    row: Row, repeat: int, said: Mapping[str, Any], reference: str | None
) -> tuple[Judged, bool]:
    stored = Verdict(Status(said["status"]), "as the pack says", said["tier"])
    judgement = Judgement(Extraction(said.get("answer"), said["rule"]), stored)
    # Whether a response broke off is known from its text alone.
    known = reference is not None and "answer_sha256" not in said and stored.status is not Status.TRUNCATED
    if known:
        judgement = judge_again(judgement, gold=answer_in(reference), tolerance=row.tolerance)
    return Judged(row.doc_id, repeat, judgement), known


def find_texts(wanted: set[str], places: Sequence[Path]) -> dict[str, str]:
    """Return the texts with these hashes, from every string in the JSON-lines files at `places` (files or folders)."""
    found: dict[str, str] = {}
    for place in places:
        for file in sorted(place.rglob("*.jsonl*")) if place.is_dir() else [place]:
            for line in read_json_lines(file):
                found |= {digest: text for text in _strings(line) if (digest := sha256(text)) in wanted}
    return found


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _strings(inner)
