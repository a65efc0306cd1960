"""What a log lacks, from elsewhere: finish reasons from a journal or by counting tokens (reference answers:
`references.py`)."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from lm_eval_mathtasks.errors import EvidenceError, JournalError
from lm_eval_mathtasks.files import read_json_lines
from lm_eval_mathtasks.journal.queries import places
from lm_eval_mathtasks.journal.schema import Answer, is_database
from lm_eval_mathtasks.runs.records import Row, Run
from lm_eval_mathtasks.text import delivered


def with_finish_reasons(run: Run, path: Path) -> Run:
    """Return a run whose responses know how they ended, as a journal noted it.

    path: the SQLite journal of our API model, matched by task, doc, repeat and the start of the text, or JSON lines
    of {response, finish_reason}, matched by text. Raises EvidenceError or JournalError for any other file.
    """
    if not path.exists():
        raise EvidenceError("a journal", f"no file {path}", "check the path")
    told = _from_database(run.task, path) if is_database(path) else _from_lines(path)
    return _ended(run, lambda row, repeat: told(row, repeat) or row.finish_reason(repeat))


def ended_by_limit(run: Run, count: Callable[[str], int]) -> Run:
    """Return a run whose responses are known to be cut off where they have as many tokens as the run allowed.

    count: tokens of a text by the model's own tokenizer. Counted again, a text may have fewer tokens than were
    generated (white space at its end is gone, letters merge), so that nothing follows from fewer: these stay unknown.
    Raises EvidenceError where the log states no limit.
    """
    limit = run.protocol.max_tokens
    if limit is None:
        fix = "leave out --tokenizer, or name a journal that says how the responses ended"
        raise EvidenceError(f"a limit of tokens in the log of {run.label}", "none", fix)

    def reason(row: Row, repeat: int) -> str | None:
        return row.finish_reason(repeat) or ("length" if count(row.responses[repeat]) >= limit else None)

    return _ended(run, reason)


def _ended(run: Run, reason: Callable[[Row, int], str | None]) -> Run:
    """The run with the reason for which each response ended."""
    rows = ((row, tuple(reason(row, repeat) for repeat in range(len(row.responses)))) for row in run.rows)
    return replace(run, rows=tuple(replace(row, finish=finish) for row, finish in rows))


def _from_lines(path: Path) -> Callable[[Row, int], str | None]:
    told = (line for line in read_json_lines(path, EvidenceError) if line.get("finish_reason"))
    by_text = {str(line["response"]): str(line["finish_reason"]) for line in told}
    return lambda row, repeat: by_text.get(row.responses[repeat])


Answered = Callable[[Row, int], Answer | None]


def _from_database(task: str, path: Path) -> Callable[[Row, int], str | None]:
    answer_of = _answers_of(task, path)

    def reason_of(row: Row, repeat: int) -> str | None:
        found = answer_of(row, repeat)
        return None if found is None else delivered(found.response, found.finish_reason, found.request)[1]

    return reason_of


def answered_by(run: Run, path: str | Path) -> Answered:
    """Return what finds the journal's answer behind a response of a run; one that cannot be read holds none."""
    try:
        return _answers_of(run.task, Path(path))
    except JournalError:
        return lambda _row, _repeat: None


def _answers_of(task: str, path: Path) -> Answered:
    by_place: dict[tuple[str, int], list[tuple[str, Answer]]] = {}
    for answer, _, doc_id, repeat in places(path, task):
        text, _ = delivered(answer.response, answer.finish_reason, answer.request)
        by_place.setdefault((str(doc_id), repeat), []).append((text.strip(), answer))

    def answer_of(row: Row, repeat: int) -> Answer | None:
        # A journal may hold several models and settings: the answer counts that the log's text is the start of.
        text = row.responses[repeat].strip()
        found = by_place.get((row.doc_id, repeat), ())
        return next((answer for response, answer in found if response.startswith(text)), None)

    return answer_of
