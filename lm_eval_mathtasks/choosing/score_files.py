"""Scores of the responses of a run, as a file holds them; the shapes are listed in choosing/README.md."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

from lm_eval_mathtasks.errors import ScoreError
from lm_eval_mathtasks.files import read_json
from lm_eval_mathtasks.runs.columns import CANDIDATES, ID, QUESTION, REPEAT, RESPONSE, first_text
from lm_eval_mathtasks.runs.judged import Judged, by_doc
from lm_eval_mathtasks.runs.plain import read_lines
from lm_eval_mathtasks.runs.records import Row, Run
from lm_eval_mathtasks.text import collapsed

# `score` and `scores` last: where a file has a column with a clearer name, they are often its own verdicts.
COLUMNS = (
    *("rm_scores", "rm_score", "rewards", "reward", "verifier_scores", "verifier_score", "pred_score"),
    *("step_scores", "step_rewards", "prm_scores", "prm_score", "process_rewards", "agg_scores"),
    *("logprobs", "logprob", "scores", "score"),
)
# Other names that say what they are; beside one of those above, the user is asked which.
_LIKE = re.compile(r"(.+_)?(rm|orm|prm|rewards?|verifier)s?(_.+)?", re.IGNORECASE)
# Names that may be anything (a difficulty, another's verdicts), for files without a better one.
_VAGUE = re.compile(r"(value|prob)s?|.+_(scores?|logits?)", re.IGNORECASE)


def score_column(rows: Sequence[Mapping[str, Any]], file: Path) -> str:
    """The column of scores: of the known names, the one that holds numbers; a column of verdicts is none."""
    found = [name for name in _names(rows) if any(map(_is_score, _leaves(rows, name)))]
    clear = [name for name in found if not _unclear(name, found, rows)] or found
    clear = [name for name in clear if _known(name)] or clear
    if len(clear) != 1:
        got = f"several: {', '.join(clear)}" if clear else f"only {', '.join(rows[0])}"
        fix = "name the file with --scores, the column with --score-column; true and false are verdicts, not scores"
        if text := [name for name in COLUMNS if any(isinstance(one, str) for one in _leaves(rows, name))]:
            fix = f"write the numbers of `{text[0]}` without quotation marks"
        raise ScoreError(f"one column of scores in {file}", got, fix)
    return clear[0]


def _names(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The names that scores may have here, the known ones first; "samples.reward" is one inside the samples."""
    own = {name for row in rows for name in row}
    inside = {
        f"{outer}.{key}"
        for row in rows
        for outer in (*RESPONSE, *CANDIDATES)
        for part in _parts(row, outer)
        for key in part
    }
    meant = [name for name in own | inside if _known(name) or _VAGUE.fullmatch(_last(name))]
    return sorted(meant, key=lambda name: (_order(_last(name)), name))


def _last(name: str) -> str:
    return name.rsplit(".", maxsplit=1)[-1]


def _known(name: str) -> bool:
    return _last(name) in COLUMNS or bool(_LIKE.fullmatch(_last(name)))


def _order(name: str) -> int:
    return COLUMNS.index(name) if name in COLUMNS else len(COLUMNS)


def _unclear(name: str, found: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a column may hold verdicts (zeros and ones), or the steps that `agg_scores` sums up."""
    plain = _last(name) in ("scores", "score")
    if plain and "agg_scores" in found:
        return True
    return (plain or not _known(name)) and all(one in (0, 1, None) for one in _leaves(rows, name))


def _leaves(rows: Sequence[Mapping[str, Any]], name: str) -> Iterator[Any]:
    """Every value of a column, those in lists one by one."""
    values = [value_of(row, name) for row in rows]
    while values:
        value = values.pop()
        if isinstance(value, list):
            values += value
        else:
            yield value


def _parts(row: Mapping[str, Any], outer: str) -> list[Mapping[str, Any]]:
    """The objects that a row lists under a name; none where it lists other things."""
    parts = row.get(outer)
    return parts if isinstance(parts, list) and all(isinstance(part, dict) for part in parts) else []


def value_of(row: Mapping[str, Any], column: str) -> Any:
    """The value of a column; of "samples.score", the list of the scores inside the samples."""
    outer, _, inner = column.partition(".")
    if not inner or column in row:
        return row.get(column)
    return [part.get(inner) for part in _parts(row, outer)] or None


def _is_score(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


Aggregate = Literal["min", "last", "mean", "product"]
AGGREGATES = get_args(Aggregate)
Score = float | tuple[float, ...]  # of a response, or of each of its steps
Scores = dict[str, dict[int, Score]]  # by doc id and repeat, of the responses that are there


def one_score(score: Score, how: Aggregate) -> float:
    """Return one number for a response: its score, or its steps' least, last, mean or product.

    >>> one_score((0.5, 0.25), "product")
    0.125
    """
    if isinstance(score, float):
        return score
    if how == "min":
        return min(score)
    if how == "last":
        return score[-1]
    return math.prod(score) if how == "product" else math.fsum(score) / len(score)


def numbers_of(scores: Scores, judgements: Iterable[Judged], how: Aggregate) -> dict[str, list[float]]:
    """Return one number for each judged response, in the order of the judgements, which are what votes."""
    return {
        doc_id: [one_score(scores[doc_id][one.repeat], how) for one in own]
        for doc_id, own in by_doc(judgements).items()
        if doc_id in scores
    }


def has_steps(scores: Scores) -> bool:
    """Whether any response is scored step by step, with more than one step."""
    return any(isinstance(s, tuple) and len(s) > 1 for doc in scores.values() for s in doc.values())


class _Line(NamedTuple):
    """A row of the file: where it stands, which doc and repeat it names (None: all repeats), and the raw value."""

    where: str
    doc_id: str
    repeat: int | None
    value: Any


def read_scores(path: str | Path, run: Run, column: str | None = None) -> Scores:
    """Return the scores of every response of `run` from JSON lines (also gzip) or a JSON list.

    column: which one holds the scores, where the file has several. Raises ScoreError, naming the row, for a doc that
    the run does not have, a score that is missing, doubled, not a finite number or a verdict (true, false), and a
    number of scores that is not the number of responses.
    """
    file = Path(path)
    if not file.is_file():
        raise ScoreError("a file of scores", f"no file {path}", "check the path")
    rows = _rows(file)
    places = _Places(run, len(rows))
    found: dict[tuple[str, int], Score] = {}
    whole: set[str] = set()
    for line in _lines(rows, places, column or score_column(rows, file), file):
        for repeat, score in _scores_of(line, places.rows[line.doc_id]):
            if (line.doc_id, repeat) in found or (line.repeat is not None and line.doc_id in whole):
                raise _fault(
                    line, "each response scored once", f"repeat {repeat} is scored again", "keep one"
                )
            found[line.doc_id, repeat] = score
        if line.repeat is None:
            whole.add(line.doc_id)
    return _complete(found, run, file)


def _rows(file: Path) -> list[dict[str, object]]:
    """The objects of a file; a bare list of scores a doc, or a mapping from doc to scores, become objects."""
    content = read_json(file, ScoreError) if file.suffix == ".json" else None
    if isinstance(content, list) and content and all(isinstance(own, list) for own in content):
        return [{"scores": own} for own in content]
    if isinstance(content, dict) and content and all(isinstance(own, list) for own in content.values()):
        return [{"doc_id": doc_id, "scores": own} for doc_id, own in content.items()]
    return read_lines(file)


def _fault(line: _Line, wanted: str, got: str, fix: str) -> ScoreError:
    return ScoreError(f"{wanted} ({line.where}, doc {line.doc_id})", got, fix)


class _Places:
    """Which doc a row of the file means: by its id, else by its question, else, if the counts agree, by its place."""

    def __init__(self, run: Run, count: int) -> None:
        self.rows = run.by_id()
        self._by_question: dict[str, list[str]] = {}
        for row in run.rows:
            self._by_question.setdefault(collapsed(row.question or row.prompt or ""), []).append(row.doc_id)
        docs = [row.doc_id for row in run.rows]
        flat = [row.doc_id for row in run.rows for _ in row.responses]
        self._in_order = next((order for order in (docs, flat) if len(order) == count), [])

    def find(self, number: int, row: Mapping[str, Any], where: str) -> str:
        asked = collapsed(first_text(row, (*QUESTION, "prompt")) or "")
        like = self._by_question.get(asked, [])
        names = [str(row[key]) for key in ID if isinstance(row.get(key), str | int)]
        if not names and self._in_order:
            names = [self._in_order[number]]
        # An id may be from another numbering; the question, where both sides know it, decides.
        fits = [name for name in names if name in (like or self.rows)] or (like if len(like) == 1 else [])
        if fits:
            return fits[0]
        got = f"no doc {', '.join(names)}" if names else f"no id, and {len(like)} docs with its question"
        fix = f"name the doc in a column `doc_id`; the run has {', '.join(list(self.rows)[:3])}, ..."
        raise ScoreError(f"a doc of the run in {where}", got, fix)


def _lines(rows: Sequence[Mapping[str, Any]], places: _Places, column: str, file: Path) -> Iterator[_Line]:
    where = [f"row {number} of {file}" for number in range(1, len(rows) + 1)]
    repeats = list(map(_repeat, rows, where))
    # Counted from 1 if nowhere from 0: then some doc would have no repeat 0 and one too many.
    base = 0 if any(r == 0 for r in repeats) or all(r is None for r in repeats) else 1
    doc_ids = list(map(places.find, range(len(rows)), rows, where))
    lines_of = Counter(doc_ids)
    left = {doc_id: list(range(len(places.rows[doc_id].responses))) for doc_id in lines_of}
    for place, row, repeat, doc_id in zip(where, rows, repeats, doc_ids, strict=True):
        value, doc = value_of(row, column), places.rows[doc_id]
        responses = len(doc.responses)
        # As many lines of a doc as it has responses are its responses in order; one line may also be all of one.
        in_order = lines_of[doc_id] == responses and (responses > 1 or not isinstance(value, list))
        if repeat is not None:
            which: int | None = repeat - base
        else:
            which = _take(left[doc_id], row, doc, place) if in_order else None
        yield _Line(place, doc_id, which, value)


def _take(left: list[int], row: Mapping[str, Any], doc: Row, where: str) -> int:
    """The next of the responses that are left; where the row repeats the text, the one with that text."""
    text = next((row[key] for key in RESPONSE if isinstance(row.get(key), str)), None)
    fits = [i for i in left if text is None or collapsed(doc.responses[i]) == collapsed(text)]
    if not fits:
        wanted, got = f"a response of doc {doc.doc_id} in {where}", "another text than any that is left"
        raise ScoreError(wanted, got, "is this another run's? say which response in `repeat`")
    left.remove(fits[0])
    return fits[0]


def _repeat(row: Mapping[str, Any], where: str) -> int | None:
    value = row.get("repeat")
    if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
        raise ScoreError(f"a whole number as the repeat in {where}", repr(value), "0, 1, 2, ...")
    return next((row[key] for key in REPEAT if isinstance(row.get(key), int)), None)


def _scores_of(line: _Line, row: Row) -> Iterator[tuple[int, Score]]:
    """Each repeat that a row scores, with its score; what an API error took needs none."""
    responses, other = len(row.responses), "is this another run's?"
    if line.repeat is not None:
        if not 0 <= line.repeat < responses:
            raise _fault(line, f"a repeat below {responses}", f"repeat {line.repeat}", other)
        values = {line.repeat: line.value}
    elif not isinstance(line.value, list):
        got = "no score" if line.value is None else "one score"
        raise _fault(line, f"the scores of {responses} responses", got, "say which response in `repeat`")
    elif len(line.value) != responses:
        raise _fault(line, f"{responses} scores, one a response", f"{len(line.value)}", other)
    else:
        values = dict(enumerate(line.value))
    for repeat, value in values.items():
        if value is not None or repeat in row.there:
            yield repeat, _score(line, value)


def _score(line: _Line, value: Any) -> Score:
    parts = value if isinstance(value, list) else [value]
    for part in parts:
        if isinstance(part, bool):
            raise _fault(line, "finite numbers as scores", repr(part), "a verdict is not a score")
        if not isinstance(part, int | float) or not math.isfinite(part):
            fix = "score this response, or leave its doc out"
            raise _fault(line, "finite numbers as scores", repr(part), fix)
    if not parts:
        raise _fault(line, "a score of each step", "an empty list", "score this response")
    return tuple(float(part) for part in parts) if isinstance(value, list) else float(value)


def _complete(found: Mapping[tuple[str, int], Score], run: Run, file: Path) -> Scores:
    places = [(row.doc_id, k) for row in run.answered for k in row.there]
    if missing := [place for place in places if place not in found]:
        got = f"none for {len(missing)}, for instance doc {missing[0][0]}, repeat {missing[0][1]}"
        fix = "score them, or choose among the docs that are scored"
        raise ScoreError(f"a score in {file} for each response of {run.label}", got, fix)
    scores: Scores = {}
    for doc_id, k in places:
        scores.setdefault(doc_id, {})[k] = found[doc_id, k]
    return scores
