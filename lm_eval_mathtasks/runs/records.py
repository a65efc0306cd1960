"""What a run is once it is read back: every reader makes these records, everything else takes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, TypedDict

from lm_eval_mathtasks.errors import EvidenceError, MathtasksError
from lm_eval_mathtasks.problems.gold import answer_in
from lm_eval_mathtasks.runs.lm_eval_schema import OURS
from lm_eval_mathtasks.runs.weights import Weights

# How a log without responses is made whole.
WITH_SAMPLES = "run again with --log_samples: without responses nothing can be explained"
OF_OTHERS = (
    "take the log before its samples were removed, or run again and log them; `mathtasks compare` needs none"
)
# Before the names of settings that shape what is generated, among those of a provenance.
GENERATION = "generation "
# Before the names of model arguments, among those of a provenance.
MODEL_ARGUMENT = "model argument "
# Before the names of columns that say what is not known here, among those of a provenance.
COLUMN = "column "
# The finish reason of a response that never came.
API_ERROR = "api_error"
# As the metric, for who judges the responses anew: then verdicts that disagree, or are missing, are no obstacle.
NO_VERDICT = "none"


@dataclass(frozen=True)
class Row:
    """One doc of a run with its responses.

    doc_id: unique in the run. reference: what the data set publishes, an answer or a solution; gold: the answer in it,
    see `problems.gold`; None where the log has none. responses: k texts, `finish` their finish reasons
    (None: unknown; "api_error": there is no response, and the text is empty). score: the share of right responses by
    the run's own grader, None if it did not grade. metrics: every number the log holds for the doc, keyed
    "metric,filter" as in lm-eval's results. doc_hash, prompt_hash: the harness's own, for telling like docs and
    prompts. subject, level, tolerance (absolute): of the doc, as its dataset says. original, instance: the doc's place
    in the set that it was made from, and which of the draws it is. answers: what was extracted, where
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
    original: str | None = None
    instance: str | None = None

    @property
    def there(self) -> tuple[int, ...]:
        """Which of the responses are there: all that no API error took."""
        lost = self.lost
        return tuple(i for i in range(len(self.responses)) if i not in lost)

    @property
    def graded_by_us(self) -> bool:
        """Whether the run's own grader is ours: only our tasks count reference answers that could not be read."""
        return any(name.startswith(f"{OURS},") for name in self.metrics)

    @property
    def missing(self) -> bool:
        """Whether the doc was never answered: an API error took every response, and none is in the score."""
        return not self.there

    @property
    def lost(self) -> tuple[int, ...]:
        """Which of them API errors took: those named so, else as many as the log counts and does not score."""
        named = tuple(i for i, reason in enumerate(self.finish) if reason == API_ERROR)
        share = max(self.metrics.get(f"api_error,{name}", 0.0) for name in ("none", "all"))
        if named or not share:
            return named
        if self.score is None:
            return tuple(range(len(self.responses)))
        # Plain lm-eval keeps no finish reasons: a response that never came is an empty one in its log.
        empty = tuple(i for i, text in enumerate(self.responses) if not text)
        return empty if len(empty) == round(share * len(self.responses)) < len(self.responses) else ()

    def finish_reason(self, repeat: int) -> str | None:
        """The finish reason of one response, None where unknown."""
        return self.finish[repeat] if repeat < len(self.finish) else None


@dataclass(frozen=True)
class Protocol:
    """How a run asked and scored, as far as its log says; None means that it does not.

    metric: "pass@1", "avg@k", "maj@k" or "pass@k", of k answers to each doc: a log may hold more responses than one of
    its scores is of. grader: "strict", "flexible", "symbolic", "judge" or the log's own word.
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
    the journal of our API model that the log names, which weights answered, notes: what a reader found that people
    should know, how many reference answers of the log another file replaced, and stated: what results say is the score
    of docs without verdicts."""

    harness: str
    path: str
    version: str | None = None
    task_version: str | None = None
    date: str | None = None
    commit: str | None = None
    docs_of_task: int | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    journal: str | None = None
    weights: Weights | None = None
    notes: tuple[str, ...] = ()
    replaced: int = 0
    stated: tuple[float, ...] = ()


class Total(NamedTuple):
    """A score as a log states it for all docs, as a fraction, with its standard error; None where it does not say."""

    value: float
    docs: int | None
    error: float | None = None


@dataclass(frozen=True)
class Run:
    """One model on one task. rows are in the order of the docs and have distinct ids; metric: which of the log's
    metrics `Row.score` is. total: of that metric, where the log holds no docs: then there are no rows."""

    model: str | None
    task: str
    rows: tuple[Row, ...]
    protocol: Protocol
    provenance: Provenance
    metric: str | None = None
    total: Total | None = None

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


def told(run: Run, asked: Mapping[str, Any] = MappingProxyType({}), **about: Any) -> Run:
    """Return a run with what its harness says beside the lines: of the protocol, as far as it is not None, and of where
    it comes from."""
    stated = {name: value for name, value in asked.items() if value is not None}
    return replace(run, protocol=replace(run.protocol, **stated), provenance=replace(run.provenance, **about))


class Choice(NamedTuple):
    """What a user says of a log. metric: which of its metrics is its own score, NO_VERDICT where none matters; model,
    task: the runs that are meant, or their names where the log has none; columns: of lines, what holds a fact
    ("response", see `columns.FACTS`), by its name."""

    metric: str | None = None
    model: str | None = None
    task: str | None = None
    columns: Mapping[str, str] = MappingProxyType({})

    @property
    def own_metric(self) -> str | None:
        """The metric that was asked for by name."""
        return None if self.metric == NO_VERDICT else self.metric


class Refused(NamedTuple):
    """What a log holds that is not read as a run: its task, where that is known, and why not."""

    task: str | None
    error: MathtasksError


@dataclass(frozen=True)
class Source:
    """What is read together, by whom: one file, or all that belong to one run. files: all that the outcome depends on;
    path: the one that names them, which may be missing or a folder; root: what the user named; notes: what
    was left out for it."""

    read: Callable[[Source, Choice], Iterator[Run | Refused]]
    path: Path
    files: tuple[Path, ...]
    root: Path | None = None
    notes: tuple[str, ...] = ()


class References(TypedDict):
    """What a row knows of the right answer."""

    reference: str | None
    gold: str | None


def both_of(reference: str | None, answer: str | None = None) -> References:
    """Return a row's `reference` and `gold`. answer: where the log states it apart from the reference."""
    stated = reference if answer is None else answer
    return {"reference": reference, "gold": None if stated is None else answer_in(stated)}


def check(run: Run) -> None:
    """Raise EvidenceError unless the run has docs, each once, or a score for all of them; scores are shares."""
    if not run.rows and run.total is None:
        fix = "check that the file is complete"
        raise EvidenceError("docs in a run", f"none in {run.provenance.path}", fix)
    scores = [run.total.value] if run.total else [row.score for row in run.rows if row.score is not None]
    if odd := [score for score in scores if not 0 <= score <= 1]:
        wanted = f"scores from 0 to 1 of {run.task} in {run.provenance.path}"
        fix = "divide percent by 100, or choose another score with --metric"
        raise EvidenceError(wanted, f"{odd[0]:g}", fix)
    seen: set[str] = set()
    twice = [row.doc_id for row in run.rows if row.doc_id in seen or seen.add(row.doc_id)]  # type: ignore[func-returns-value]
    if twice:
        got = f"{len(twice)} docs twice, for instance {', '.join(twice[:5])}"
        fix = "repeats need a column `repeat`; two runs need two files"
        raise EvidenceError(f"each doc once in {run.provenance.path}", got, fix)
    empty = [row.doc_id for row in run.rows if not row.responses]
    if empty:
        fix = f"look at {run.provenance.path}"
        raise EvidenceError("a response for every doc", f"none for {', '.join(empty[:5])}", fix)


def require_gold(run: Run) -> None:
    """Raise EvidenceError unless every doc of a run has a reference answer."""
    missing = [row.doc_id for row in run.rows if row.gold is None]
    if missing:
        wanted = f"a reference answer for every doc of {run.label} in {run.provenance.path}"
        got = f"none for {len(missing)} docs, for instance {', '.join(missing[:5])}"
        fix = "pass --gold FILE with the docs of the benchmark (JSON lines with question and answer)"
        raise EvidenceError(wanted, got, fix)
