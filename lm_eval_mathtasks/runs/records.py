"""What a run is once it is read back: every reader makes these records, everything else takes them."""

from __future__ import annotations

import codecs
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypedDict

from lm_eval_mathtasks.errors import EvidenceError
from lm_eval_mathtasks.problems.gold import answer_in

SUBJECT = ("subject", "type", "subfield", "Subject")  # MATH calls it type
LEVEL = ("level", "difficulty", "Level")
API_ERROR = "api_error"  # the finish reason of a response that never came


@dataclass(frozen=True)
class Row:
    """One doc of a run with its responses.

    doc_id: unique in the run. reference: what the data set publishes, an answer or a solution; gold: the answer in it,
    see `problems.gold`; None where the log has none. responses: k texts, `finish` their finish reasons
    (None: unknown; "api_error": there is no response, and the text is empty). score: the share of right responses by
    the run's own grader, None if it did not grade. metrics: every number the log holds for the doc, keyed
    "metric,filter" as in lm-eval's results. doc_hash, prompt_hash: the harness's own, for telling like docs and
    prompts. subject, level, tolerance (absolute): of the doc, as its dataset says. answers: what was extracted, where
    the log is a pack without text; the responses are empty then.
    """

    doc_id: str
    question: str
    gold: str | None
    responses: tuple[str, ...]
    finish: tuple[str | None, ...] = ()
    score: float | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    prompt: str | None = None
    doc_hash: str | None = None
    prompt_hash: str | None = None
    answers: tuple[str | None, ...] | None = None
    subject: str | None = None
    level: str | None = None
    tolerance: float | None = None
    reference: str | None = None

    @property
    def there(self) -> tuple[int, ...]:
        """Which of the responses are there: all that no API error took."""
        return tuple(i for i in range(len(self.responses)) if self.finish_reason(i) != API_ERROR)

    @property
    def missing(self) -> bool:
        """Whether the doc was never answered: an API error that the log counts and does not score."""
        return self.score is None and any(self.metrics.get(f"api_error,{f}") for f in ("none", "all"))

    def finish_reason(self, repeat: int) -> str | None:
        """The finish reason of one response, None where unknown."""
        return self.finish[repeat] if repeat < len(self.finish) else None


@dataclass(frozen=True)
class Protocol:
    """How a run asked and scored, as far as its log says; None means that it does not.

    k: responses per doc. grader: "strict", "flexible", "symbolic", "judge" or the log's own word.
    max_tokens: the limit the log states; a harness's default is not a statement.
    """

    shots: int | None = None
    cot: bool | None = None
    tools: str | None = None
    chat_template: bool | None = None
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    metric: str | None = None
    k: int = 1
    grader: str | None = None
    system_prompt: bool | None = None


@dataclass(frozen=True)
class Provenance:
    """Where a run comes from: harness and version, file, date, how many docs the task has (None: unknown),
    the journal of our API model that the log names, and what a reader found odd and a person should know."""

    harness: str
    path: str
    version: str | None = None
    task_version: str | None = None
    date: str | None = None
    commit: str | None = None
    docs_of_task: int | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    journal: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Run:
    """One model on one task. rows are in the order of the docs and have distinct ids."""

    model: str | None
    task: str
    rows: tuple[Row, ...]
    protocol: Protocol
    provenance: Provenance
    metric: str | None = None  # which of the log's metrics `Row.score` is

    @property
    def journal(self) -> str | None:
        """The journal that the log names, if it is still there."""
        named = self.provenance.journal
        return named if named and Path(named).is_file() else None

    @property
    def label(self) -> str:
        """A short name for tables."""
        return f"{self.model or 'unnamed model'} · {self.task}"

    @property
    def scored(self) -> bool:
        """Whether the run's own grader judged every doc that was answered."""
        return bool(self.answered) and all(row.score is not None for row in self.answered)

    @property
    def answered(self) -> tuple[Row, ...]:
        """The rows without those that failed for an API error and were left out of the score."""
        return tuple(row for row in self.rows if not row.missing)

    @property
    def withheld(self) -> bool:
        """Whether the log keeps answers and verdicts only: a pack made with `--text none`."""
        return any(row.answers is not None for row in self.rows)

    def by_id(self) -> dict[str, Row]:
        """The rows by their doc id."""
        return {row.doc_id: row for row in self.rows}


class References(TypedDict):
    """What a row knows of the right answer."""

    reference: str | None
    gold: str | None


def both_of(reference: str | None, answer: str | None = None) -> References:
    """Return a row's `reference` and `gold`. answer: where the log states it apart from the reference."""
    stated = reference if answer is None else answer
    return {"reference": reference, "gold": None if stated is None else answer_in(stated)}


def check(run: Run) -> None:
    """Raise EvidenceError unless the run has docs, each once, and as many as its log says."""
    if not run.rows:
        raise EvidenceError(
            "docs in a run", f"none in {run.provenance.path}", "check that the file is complete"
        )
    seen: set[str] = set()
    twice = [row.doc_id for row in run.rows if row.doc_id in seen or seen.add(row.doc_id)]  # type: ignore[func-returns-value]
    if twice:
        raise EvidenceError(
            f"each doc once in {run.provenance.path}",
            f"{len(twice)} docs twice, for instance {', '.join(twice[:5])}",
            "repeats need a column `repeat`; two runs need two files",
        )
    empty = [row.doc_id for row in run.rows if not row.responses]
    if empty:
        raise EvidenceError(
            "a response for every doc", f"none for {', '.join(empty[:5])}", f"look at {run.provenance.path}"
        )


def require_gold(run: Run) -> None:
    """Raise EvidenceError unless every doc of a run has a reference answer."""
    missing = [row.doc_id for row in run.rows if row.gold is None]
    if missing:
        raise EvidenceError(
            f"a reference answer for every doc of {run.label} in {run.provenance.path}",
            f"none for {len(missing)} docs, for instance {', '.join(missing[:5])}",
            "pass --gold FILE with the docs of the benchmark (JSON lines with question and answer)",
        )


def read_json_lines(path: Path, *, without: Iterable[str] = ()) -> list[dict[str, Any]]:
    """Return the objects of a JSON-lines file, plain or gzip; raises EvidenceError naming the line at fault.

    without: keys not to keep, where they repeat what other keys hold.
    """
    import gzip
    import zlib

    rows = []
    opener: Any = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rb") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    rows.append(_parse(line.removeprefix(codecs.BOM_UTF8), path, number))
                    for key in without:
                        rows[-1].pop(key, None)
    except (OSError, EOFError, zlib.error) as error:
        after = f" after {len(rows)} lines" if rows else ""
        raise EvidenceError(
            f"a readable {path}", f"{error}{after}", "the file is damaged: copy or write it again"
        ) from error
    if not rows:
        raise EvidenceError(
            f"samples in {path}",
            "an empty file",
            "lm-eval leaves one where a response cannot be encoded; run again with `mathtasks run`, which can",
        )
    return rows


def _parse(line: bytes, path: Path, number: int) -> dict[str, Any]:
    try:
        row = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise EvidenceError(
            f"UTF-8 on line {number} of {path}", str(error), "write the file again, as UTF-8"
        ) from error
    except json.JSONDecodeError as error:
        raise EvidenceError(
            f"a JSON object on line {number} of {path}",
            str(error),
            "half a line is half a run: write the file again",
        ) from error
    except (ValueError, RecursionError) as error:  # a number of 5,000 digits, lists 1,000 deep
        raise EvidenceError(
            f"a JSON object on line {number} of {path}", str(error), "mend or leave out the line"
        ) from error
    if not isinstance(row, dict):
        raise EvidenceError(
            f"a JSON object on line {number} of {path}", type(row).__name__, "see the known formats"
        )
    return row


def first_text(row: Mapping[str, Any], keys: Iterable[str]) -> str | None:
    """Return the first of these columns that holds something, as text; a list is joined by commas."""
    for key in keys:
        value = row.get(key)
        if isinstance(value, list) and value:
            return ", ".join(str(part) for part in value)
        # A table writes a missing text as NaN.
        nothing = value in (None, "") or (isinstance(value, float) and math.isnan(value))
        if not nothing and not isinstance(value, list | dict):
            return str(value)
    return None


def read_json(path: Path) -> Any:
    """Return the content of a JSON file; raises EvidenceError where it cannot be read."""
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise EvidenceError(
            f"a readable {path}", str(error), "the file is damaged: write it again"
        ) from error
