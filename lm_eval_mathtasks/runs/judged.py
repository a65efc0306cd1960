"""Stored responses judged again by our grader, without a model."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from lm_eval_mathtasks.errors import EvidenceError
from lm_eval_mathtasks.grading import Extraction, Verdict, extract_answer, normal_form
from lm_eval_mathtasks.grading.judge import CutOff, Judgement, judge
from lm_eval_mathtasks.grading.verdict import STATUS_WORDS, Status
from lm_eval_mathtasks.numbers.differences import cochran
from lm_eval_mathtasks.runs.records import Row, Run, require_gold

_CACHED = 100_000  # distinct answers kept
_LUCK = 1e-4  # the rate at which repeats of one run are taken for those of two


class Judged(NamedTuple):
    """The judgement of one response of a run: the doc's id, and which repeat."""

    doc_id: str
    repeat: int
    judgement: Judgement

    @property
    def extraction(self) -> Extraction:
        """What was extracted."""
        return self.judgement.extraction

    @property
    def verdict(self) -> Verdict:
        """Whether that is right."""
        return self.judgement.verdict

    @property
    def cut_off(self) -> CutOff | None:
        """Whether the response was cut off."""
        return self.judgement.cut_off


class Asked(NamedTuple):
    """All that the judgement of a response needs. gold: the reference answer; tolerance: absolute; noted_cut: the run
    itself noted that the response was cut off, and not how it knew."""

    gold: str | None
    response: str
    finish_reason: str | None
    tolerance: float | None
    noted_cut: bool

    def judge(self) -> Judgement:
        """Judge it, as the run's own hooks did: a cut that the text does not show was the server's word."""
        found = judge(
            self.response, gold=self.gold, finish_reason=self.finish_reason, tolerance=self.tolerance
        )
        if self.noted_cut and found.cut_off is None:
            return self._replace(finish_reason="length", noted_cut=False).judge()
        return found


def asked_of(row: Row, repeat: int) -> Asked:
    """Return what the judgement of one response of a row needs."""
    noted = not any(row.finish) and any(
        row.metrics.get(f"truncated,{name}") == 1.0 for name in ("none", "all")
    )
    return Asked(row.gold, row.responses[repeat], row.finish_reason(repeat), row.tolerance, noted)


def judge_run(run: Run) -> list[Judged]:
    """Return a judgement of every response that is there, in the order of docs and repeats.

    Raises EvidenceError where a doc has no reference answer or the log holds no text.
    """
    if run.withheld:
        raise EvidenceError(
            f"the responses of {run.label}",
            f"a pack without text, {run.provenance.path}",
            "take the responses from where they are published; `mathtasks evidence verify --data` regrades the pack",
        )
    require_gold(run)
    return [judged for row in run.rows for judged in _judge_row(row)]


def _judge_row(row: Row) -> Iterator[Judged]:
    for repeat in row.there:
        yield Judged(row.doc_id, repeat, asked_of(row, repeat).judge())


@lru_cache(maxsize=_CACHED)
def understood(answer: str) -> str:
    """Return how the grader understands an answer: the cleaned text, then a line for each reading of it."""
    return normal_form(answer)


def shares(run: Run, judged: Iterable[Judged]) -> dict[str, float]:
    """Return for every doc that was answered the share of its responses that our grader finds right (of those that are
    there)."""
    right = Counter(one.doc_id for one in judged if one.verdict.correct)
    return {row.doc_id: right[row.doc_id] / len(row.there) for row in run.answered}


def unlike_repeats(run: Run, judged: Iterable[Judged]) -> tuple[float, float] | None:
    """The least and the most share of right answers of a repeat, of the docs that have all; None unless they are more
    unlike than luck lets repeats of one run be: then two runs were mixed."""
    right = ([one.verdict.correct for one in own] for own in by_doc(judged).values())
    k = max(len(row.responses) for row in run.rows)
    whole = [marks for marks in right if len(marks) == k]
    if not whole or cochran(whole) > _LUCK:
        return None
    shares_right = [sum(column) / len(whole) for column in zip(*whole, strict=True)]
    return min(shares_right), max(shares_right)


def by_doc(judged: Iterable[Judged]) -> dict[str, list[Judged]]:
    """Return the judgements of each doc that has any, in their order."""
    found: dict[str, list[Judged]] = {}
    for one in judged:
        found.setdefault(one.doc_id, []).append(one)
    return found


def cut_off(judged: Sequence[Judged]) -> dict[CutOff, int]:
    """Return how many responses were cut off, surely and likely, whether or not they had answered before that."""
    return {sure: sum(one.cut_off == sure for one in judged) for sure in ("surely", "likely")}


def cut_off_words(counts: Mapping[CutOff, int]) -> str:
    """How many responses were cut off, as every command says it."""
    return (
        f"cut off: {sum(counts.values())} responses ({counts['surely']} surely, {counts['likely']} likely), "
        "those that had answered before included"
    )


def status_words(counts: Mapping[Status, int]) -> str:
    """How many responses have each status, as every command says it: right ones first, then the most frequent."""
    ordered = sorted(counts.items(), key=lambda pair: (pair[0] is not Status.CORRECT, -pair[1]))
    return ", ".join(f"{STATUS_WORDS[status]} {count}" for status, count in ordered)


def first_answers(run: Run) -> dict[str, str | None]:
    """Return for every doc the answer of its first response, without grading it."""
    return {
        row.doc_id: row.answers[0]
        if row.answers
        else extract_answer(row.responses[0], finish_reason=row.finish_reason(0)).answer
        for row in run.rows
    }
