"""The verdicts that a pack keeps, made anew by the grader as it is now, from whatever text is at hand."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from lm_eval_mathtasks.errors import EvidenceError
from lm_eval_mathtasks.evidence.kept import Kept, judgement_of, kept, status_in
from lm_eval_mathtasks.files import read_json_lines, sha256
from lm_eval_mathtasks.grading import Status
from lm_eval_mathtasks.grading.judge import judge_again
from lm_eval_mathtasks.problems.gold import answer_in
from lm_eval_mathtasks.runs.columns import first_text
from lm_eval_mathtasks.runs.judged import Judged, asked_of, judge_run, shares
from lm_eval_mathtasks.runs.lm_eval_schema import SampleLine
from lm_eval_mathtasks.runs.records import Row, Run

LONGEST_ANSWER = 200  # characters of an answer that a pack repeats; a longer one may be the response itself
_TOLERANCE = 1e-9  # of a share that was written as decimal text


def verdict_of(judged: Judged) -> Kept:
    """Return a judgement as a pack keeps it: the answer (its hash if it is long), rule, status, tier and cut."""
    said = kept(judged.judgement)
    del said["reason"]
    answer = said["answer"]
    if answer is not None and len(answer) > LONGEST_ANSWER:
        del said["answer"]
        said["answer_sha256"] = sha256(answer)
    return said


def graded_as_redacted(line: SampleLine, row: Row) -> list[Kept]:
    """Return the verdicts on the answers of a line as they stand after a redaction."""
    answered = (_from_answer(row, repeat, said, row.gold)[0] for repeat, said in enumerate(line["verdicts"]))
    return [verdict_of(judged) for judged in answered]


def differences(run: Run, judgements: list[Judged]) -> dict[str, str]:
    """Return by id the docs of a run of ours whose score is not what our grader gives now; other graders may differ."""
    ours = shares(run, judgements)
    first = {judgement.doc_id: judgement.verdict for judgement in reversed(judgements)}
    return {
        row.doc_id: f"doc {row.doc_id}: scored {row.score:g} then, {ours[row.doc_id]:g} now: "
        f"{first[row.doc_id].status}, {first[row.doc_id].tier}: {first[row.doc_id].reason}"
        for row in run.answered
        if row.score is not None and row.graded_by_us and abs(row.score - ours[row.doc_id]) > _TOLERANCE
    }


def changed_verdicts(run: Run, lines: list[SampleLine], texts: Mapping[str, str]) -> tuple[int, list[str]]:
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
        then: Kept | None = said[judgement.repeat] if judgement.repeat < len(said) else None
        if fresh and (text := _change(judgement, then or Kept())):
            findings.setdefault(judgement.doc_id, text)
    return again, list({**differences(run, judgements), **findings}.values())


def _change(judgement: Judged, then: Kept) -> str | None:
    """What is said of a verdict that is not the stored one."""
    now, before = verdict_of(judgement), status_in(then) if "status" in then else None
    if before is not judgement.verdict.status:
        return (
            f"doc {judgement.doc_id}: graded {before} then, {now['status']} now: "
            f"{judgement.verdict.tier}: {judgement.verdict.reason}"
        )
    # Packs of earlier versions do not say whether a response was cut off.
    if then.get("cut_off", now["cut_off"]) != now["cut_off"]:
        return f"doc {judgement.doc_id}: cut off {then['cut_off']} then, {now['cut_off']} now"
    same = then.get("answer") == now.get("answer") and then.get("answer_sha256") == now.get("answer_sha256")
    # With its place the answer itself was extracted anew.
    if judgement.extraction.span is not None and not same:
        return f"doc {judgement.doc_id}: another answer is extracted now, and graded the same"
    return None


def _judged_again(
    run: Run, stored: Mapping[str, SampleLine], texts: Mapping[str, str]
) -> Iterator[tuple[Judged, bool]]:
    """Yield a judgement of every response and whether it is new: from its text, from the stored answer where only the
    reference is known, else as stored."""
    if not any("gold_sha256" in line for line in stored.values()):
        yield from ((judgement, True) for judgement in judge_run(run))
        return
    for bare in run.rows:
        line = stored[bare.doc_id]
        row = replace(bare, tolerance=line.get("tolerance"))
        reference = texts.get(line["gold_sha256"])
        for repeat in row.there:
            said = line["verdicts"][repeat]
            text = row.responses[repeat] if "resps" in line else texts.get(line["response_sha256"][repeat])
            if reference is not None and text is not None:
                finish = (row.finish_reason(repeat),)
                one = replace(row, gold=answer_in(reference), responses=(text,), finish=finish)
                yield Judged(row.doc_id, repeat, asked_of(one, 0).judge()), True
            else:
                yield _from_answer(row, repeat, said, reference)


def _from_answer(row: Row, repeat: int, said: Kept, reference: str | None) -> tuple[Judged, bool]:
    judgement = judgement_of(said)
    # Whether a response broke off is known from its text alone.
    broken_off = judgement.verdict.status is Status.UNFINISHED
    known = reference is not None and "answer_sha256" not in said and not broken_off
    if known:
        judgement = judge_again(judgement, gold=answer_in(reference), tolerance=row.tolerance)
    return Judged(row.doc_id, repeat, judgement), known


def find_texts(wanted: set[str], places: Sequence[Path]) -> dict[str, str]:
    """Return the texts with these hashes, from every value in the JSON-lines files at `places` (files or folders)."""
    found: dict[str, str] = {}
    for place in places:
        for file in sorted(place.rglob("*.jsonl*")) if place.is_dir() else [place]:
            for line in read_json_lines(file, EvidenceError):
                found |= {digest: text for text in _texts(line) if (digest := sha256(text)) in wanted}
    return found


def _texts(value: Any) -> Iterator[str]:
    """Every value as a reader of logs makes text of it: a number, or a list of answers, is a reference too."""
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner)
    if (text := value if isinstance(value, str) else first_text({"": value}, ("",))) is not None:
        yield text
