"""One line of a file, whatever harness wrote it, as one shape; what the columns are called: `columns.py`."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from lm_eval_mathtasks.errors import EvidenceError
from lm_eval_mathtasks.runs import columns
from lm_eval_mathtasks.runs.columns import cell_text, first_text
from lm_eval_mathtasks.runs.messages import logged_turns, marked, message_text
from lm_eval_mathtasks.runs.nested_lines import flattened
from lm_eval_mathtasks.runs.records import API_ERROR

_JUDGED = re.compile(r"judge?ment:\s*\**\s*(yes|no)", re.IGNORECASE)
# Lines with these columns are Qwen2.5-Math's, which puts what the model answered into `pred` alone.
_QWEN = frozenset({"gt", "gt_cot", "code", "pred"})


# Objects in objects of a line, and of a list of them, that may say something.
_DEPTH, _LOOKED_AT = 3, 3


# Facts whose columns, where the user names them, may be called after what they are of several answers.
NAMED = ("response", "verdict")


class Line(NamedTuple):
    """What one line says.

    id, repeat: None where it does not. references: what may be the reference answer, by column; `reference` is the one
    that `ambiguous.with_references` takes. for_each: columns that may be one, and hold a value for each response.
    answered: what the model answered, as the line says. verdicts: by column, one number a response, or one share for
    them all; only columns that can be verdicts; unfit: what columns named like verdicts hold that are none. qwen: the
    line is Qwen2.5-Math's. whole_text: the column that was taken for the response, where it may be the answer alone.
    unanswered: its response is null, which counts as an empty one. stated: what columns hold that are none of these,
    as text.
    """

    id: str | None
    repeat: Any
    question: str
    references: dict[str, str]
    for_each: frozenset[str]
    responses: tuple[str, ...]
    finish: tuple[str | None, ...]
    verdicts: dict[str, tuple[float, ...]]
    unfit: Mapping[str, object]
    model: str | None
    task: str
    prompt: str | None
    tokens: tuple[int, ...]
    of_doc: columns.OfDoc
    answered: str | None
    qwen: bool
    whole_text: str | None
    unanswered: bool
    stated: dict[str, str]
    reference: str | None = None


def read_line(
    raw: Mapping[str, Any], path: Path, number: int, chosen: Mapping[str, str] = MappingProxyType({})
) -> Line:
    """Return a line in our shape; `number` counts from 1; chosen: columns by what they hold, see `Choice`.

    Raises EvidenceError where no column or more than one can be the response, naming the columns that are there.
    """
    place = f"line {number} of {path}"
    line = columns.with_chosen(flattened(raw), chosen, place)
    responses = tuple(marked(line.get("messages"), text) for text in _responses(line, place))
    named = (*columns.VERDICT, *filter(columns.VERDICT_LIKE.fullmatch, line))
    given = {name: line[name] for name in named if name in line}
    if own := chosen.get("verdict"):
        # Its name may say what it is of several answers.
        given = {own: line["label"]}
    elif isinstance(line.get("judgement"), str) and (said := _JUDGED.search(line["judgement"])):
        given["judgement"] = said[1].lower() == "yes"
    verdicts = {name: _verdict(value, len(responses)) for name, value in given.items()}
    if own and given[own] is not None and not verdicts[own]:
        fix = "name a column of 0 and 1, or leave it out and let our grader judge"
        raise EvidenceError(f"a verdict as `{own}` in {place}", repr(given[own])[:40], fix)
    counts = _listed(next((line[name] for name in columns.TOKENS if name in line), ()))
    return Line(
        id=_first(line, columns.ID),
        repeat=next((line[name] for name in columns.REPEAT if line.get(name) is not None), None),
        question=first_text(line, columns.QUESTION)
        or message_text(line.get("prompt") or line.get("messages"), "user"),
        references={name: text for name in columns.GOLD if (text := cell_text(line.get(name))) is not None},
        for_each=frozenset(name for name in columns.UNSURE if _as_many(line.get(name), len(responses))),
        responses=responses,
        finish=(API_ERROR,) * len(responses)
        if line.get("error") and not any(responses)
        else _finish(line, len(responses)),
        verdicts={name: verdict for name, verdict in verdicts.items() if verdict},
        unfit={name: given[name] for name, fits in verdicts.items() if not fits and given[name] is not None},
        model=_first(line, columns.MODEL),
        task=_first(line, columns.TASK) or "",
        prompt=logged_turns(line.get("prompt") or line.get("messages")),
        tokens=tuple(count for count in counts if isinstance(count, int)),
        of_doc=columns.of_doc(line),
        answered=first_text(line, columns.ANSWER),
        qwen=line.keys() >= _QWEN,
        whole_text=next((name for name in _response_columns(line) if name in columns.WHOLE_TEXT), None),
        unanswered=all(line[name] is None for name in _response_columns(line)),
        stated=_stated({k: v for k, v in line.items() if k not in chosen.values()}, _DEPTH)
        | {k: v for k, v in chosen.items() if k in NAMED},
    )


def _stated(line: Mapping[str, Any], depth: int) -> dict[str, str]:
    """What columns say of how a response came about, and what objects in them do: words, numbers, lists of words (of
    tools, say). depth: of objects in objects."""
    found: dict[str, str] = {}
    for name, value in line.items():
        if name in columns.KNOWN or value in ("", []):
            continue
        inner = value if isinstance(value, list) else [value]
        for one in inner[:_LOOKED_AT]:
            if isinstance(one, dict) and depth:
                found = _stated(one, depth - 1) | found
        if isinstance(value, str | int | float) or _of_words(value):
            found[name] = str(value)
    return found


def _of_words(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _first(line: Mapping[str, Any], names: Iterable[str]) -> str | None:
    """The first of these columns that holds a word or a number, as text."""
    found = (line.get(name) for name in names)
    return next((str(value) for value in found if isinstance(value, str | int) and value != ""), None)


def _as_many(value: Any, responses: int) -> bool:
    return isinstance(value, list) and len(value) == responses > 1


def _response_columns(line: Mapping[str, Any]) -> list[str]:
    """The columns that may be the response."""
    named = [name for name in columns.RESPONSE if name in line]
    named = named or [name for name in columns.WHOLE_TEXT if name in line][:1]
    return named or [name for name in columns.CANDIDATES if isinstance(line.get(name), list)][:1]


def _responses(line: Mapping[str, Any], place: str) -> tuple[str, ...]:
    named = _response_columns(line)
    filled = [name for name in named if line[name] not in (None, "", [])] or named[:1]
    texts = {name: tuple(_text(part) for part in _listed(line[name])) for name in filled}
    if len(set(texts.values())) == 1:
        # A null response is an empty one.
        return next(iter(texts.values())) or ("",)
    if texts:
        got = f"several that differ: {', '.join(texts)}"
        fix = f"choose one: --columns response={next(iter(texts))}"
        raise EvidenceError(f"one column of responses in {place}", got, fix)
    fix = "name the column `response`, or say which it is: --columns response=NAME"
    raise EvidenceError(f"a response in {place}", f"only {', '.join(line)}", fix)


def _text(part: Any) -> str:
    """The text of one response; an object may call it as a line would ({"response": ..., "reward": ...}).

    A list of texts is a response in steps, paragraph by paragraph.
    """
    if isinstance(part, list) and part and all(isinstance(step, str) for step in part):
        return "\n\n".join(part)
    if isinstance(part, dict) and not part.keys() & {"role", "message", "content", "text"}:
        names = (*columns.RESPONSE, "solution")
        own = next((part[name] for name in names if isinstance(part.get(name), str)), None)
        return message_text(part, "assistant") if own is None else str(own)
    return message_text(part, "assistant")


def _listed(value: Any) -> Sequence[Any]:
    """A list of parts; a conversation (a list of turns) is one part."""
    if isinstance(value, list) and not (value and isinstance(value[0], dict) and "role" in value[0]):
        return value
    return (value,)


def _verdict(value: Any, responses: int) -> tuple[float, ...]:
    """A verdict for each response or a share for all of them; empty where the value is neither."""
    listed = isinstance(value, list)
    numbers = [float(v) for v in (value if listed else [value]) if isinstance(v, bool | int | float)]
    fits = len(numbers) == (len(value) if listed else 1) and (len(numbers) in (1, responses))
    whole = all(number in (0.0, 1.0) for number in numbers)
    share = not listed and responses > 1 and all(0 <= number <= 1 for number in numbers)
    return tuple(numbers) if fits and (whole or share) else ()


def _finish(line: Mapping[str, Any], responses: int) -> tuple[str | None, ...]:
    reasons = _listed(next((line[name] for name in columns.FINISH if line.get(name)), None))
    if line.get("truncated") is True:
        reasons = ("length",)
    named = tuple(str(r) if isinstance(r, str) else None for r in reasons)
    return named if len(named) == responses else (named[0],) * responses if len(named) == 1 else ()
