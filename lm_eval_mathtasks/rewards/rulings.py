"""What every reward of correctness rests on: the ruling on one response, from its text, its end and the reference.

A reward is stricter than an evaluation. What training pays for is what a model will do more of: an answer that only
the extractor's guesses find, or one of a response that was cut off, earns nothing.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from numbers import Number
from typing import Any, Literal, NamedTuple

from lm_eval_mathtasks.errors import DataError
from lm_eval_mathtasks.grading.deadline import start_early
from lm_eval_mathtasks.grading.endings import ends_early, ends_in_loop
from lm_eval_mathtasks.grading.equivalence import plain_number
from lm_eval_mathtasks.grading.extract import MARKED, extract_answer
from lm_eval_mathtasks.grading.formulas import open_formula
from lm_eval_mathtasks.grading.grade import grade, is_understood
from lm_eval_mathtasks.grading.judge import Judgement, judge
from lm_eval_mathtasks.grading.reference import answer_in
from lm_eval_mathtasks.grading.statements import ends_in_tag, statement_values
from lm_eval_mathtasks.grading.verdict import Extraction, Status
from lm_eval_mathtasks.response import BROKEN_OFF, FILTERED
from lm_eval_mathtasks.text import thinking

SOLUTION_COLUMN = "solution"
GOLD_COLUMNS = ("gold", "answer", SOLUTION_COLUMN)
FINISH_COLUMN = "finish_reason"
# "unreadable": no finished response with a marked answer that could be compared. "no gold": nothing to compare with.
Kind = Literal["right", "wrong", "unreadable", "no gold"]
# The types of parts of a message that hold what the model says, under OpenAI's names.
_SAID = ("text", "output_text")
# A mark that has no answer yet, or a closing tag without its bracket.
_HALF_A_MARK = re.compile(r"(?:####|</\w*)\s*\Z")
_CACHED_GOLDS = 100_000  # distinct reference answers kept, a few hundred bytes each


class Ruling(NamedTuple):
    """kind: see `Kind`; reason: one clause for people; answer: as the response gave it, None without one."""

    kind: Kind
    reason: str
    answer: str | None = None


def ruling(response: str, reference: Any, finish_reason: str | None = None) -> Ruling:
    """Rule on one response.

    reference: the reference answer, or the reference solution that holds it after #### or in a box. finish_reason: as
    servers name it; None where unknown: then only an end inside thinking, a formula, a tag or a box is seen to be cut.
    """
    gold = _gold(reference)
    if gold is None:
        return Ruling("no gold", "the reference answer cannot be read")
    judged = judge(response, gold=gold, finish_reason=finish_reason)
    answer = judged.extraction.answer
    if _broken_off(response, judged, finish_reason):
        return Ruling("unreadable", "the response is not finished", answer)
    if answer is not None and (fault := _fault(response, judged.extraction, answer)):
        return Ruling("unreadable", fault, answer)
    status = judged.verdict.status
    kind: Kind = {Status.CORRECT: "right", Status.INCORRECT: "wrong"}.get(status, "unreadable")  # type: ignore[assignment]
    return Ruling(kind, judged.verdict.reason, answer)


def rulings(completions: Sequence[Any], columns: Mapping[str, Any]) -> list[Ruling]:
    """Return the ruling on each of a trainer's completions, texts or conversations.

    columns: what else a trainer hands over, a value a completion: the reference in `gold`, else `answer`, else
    `solution`. DataError where there is none of them, or not as many values as completions.
    """
    ended = texts_with_ends(completions, columns)
    references = _references(columns, len(ended))
    return [ruling(text, one, end) for (text, end), one in zip(ended, references, strict=True)]


def texts_with_ends(completions: Sequence[Any], columns: Mapping[str, Any]) -> list[tuple[str, str | None]]:
    """The text of each completion, and how it ended."""
    return list(zip(texts_of(completions), finishes(completions, columns), strict=True))


def texts_of(completions: Sequence[Any]) -> list[str]:
    """The text of each completion; of a conversation, what its last message says."""
    if isinstance(completions, str):
        raise DataError("a list of completions", "one text", "put it in a list")
    return [_text(completion) for completion in completions]


def finishes(completions: Sequence[Any], columns: Mapping[str, Any]) -> list[str | None]:
    """How each completion ended, as servers name it; None where nothing says so.

    In TRL from the token ids and the end tokens of the trainer that calls, whatever a column of the data says; else
    from a column `finish_reason`; else from the completion itself, where it is a `Response`.
    """
    ends = _end_tokens(columns)
    if ends and (ids := columns.get("completion_ids")) is not None:
        return ["stop" if len(own) and int(own[-1]) in ends else "length" for own in ids]
    if columns.get(FINISH_COLUMN) is not None:
        given = _column(columns, FINISH_COLUMN, len(completions))
        return [end if isinstance(end, str) else None for end in given]
    return [getattr(completion, "finish_reason", None) for completion in completions]


def unfinished(text: str, finish_reason: str | None) -> bool:
    """Whether a response is known to be cut off, whatever it answers."""
    return _broken_off(text, judge(text, gold=None, finish_reason=finish_reason), finish_reason)


def _fault(text: str, found: Extraction, answer: str) -> str | None:
    """What makes an answer none that a model should learn to give; None where there is nothing."""
    if found.rule not in MARKED:
        return f"the answer is not marked (found by the rule {found.rule})"
    start, stop = found.span or (0, 0)
    rest = text[stop:]
    # The last statement: to compare each of a loop would take too long.
    stated = [rest[slice(*span)] for _, span in islice(statement_values(rest), 1)]
    if found.rule == "tag":
        # The evaluation also reads tags of full-width signs.
        if not ends_in_tag(text[:start]):
            return "the answer is not marked (its tag is written in other signs)"
        inside, _, rest = rest.partition("<")
        if re.search(r"\d", text[text.rfind(">", 0, start) : start] + inside):
            return "the tag holds more than an answer"
        # An answer in a tag is over where that closes; a box stands in a sentence, whose end may count something else.
        stated.append(extract_answer(rest.partition(">")[2]).answer or "")
    if any(re.search(r"\d", other) and not grade(gold=answer, pred=other).correct for other in stated):
        return "another answer follows the marked one"
    return None


def _broken_off(text: str, judged: Judgement, finish_reason: str | None) -> bool:
    """An answer that stands before what is open was given; a model that is paid for it learns to end in the middle."""
    # Thinking that never ended is excused where an answer in tags ends the text, and there alone.
    inside = thinking(f"{text}.").unfinished
    # One that stops in the middle by itself was not cut off, and is no more to be paid for.
    broken = judged.cut_off or (judged.extraction.answer is None and extract_answer(text).truncated)
    if broken or inside or ends_in_tag(text) or _HALF_A_MARK.search(text):
        return True
    if finish_reason is not None:
        return finish_reason.lower() in BROKEN_OFF | FILTERED
    opened, span = open_formula(text.rstrip()), judged.extraction.span
    # A dollar sign before a box may be money; no other delimiter is.
    if opened is not None and text[opened] == "\\":
        return True
    if span and ((opened or 0) >= span[1] or ends_early(text[span[1] :].replace("$", ""))):
        return True
    return _ends_in_box(text) or ends_in_loop(text)


def _ends_in_box(text: str) -> bool:
    start = text.rfind(r"\boxed")
    last = re.sub(r"\\[{}]", "", text[start:]) if start >= 0 else ""
    return last.count("{") > last.count("}")


def _end_tokens(columns: Mapping[str, Any]) -> frozenset[int]:
    """TRL tells a reward the token ids of a completion, not which token ends one; the trainer, whose method
    `log_extra` is, knows it. Its padding token ends a completion as well: often it is the same one."""
    trainer = getattr(columns.get("log_extra"), "__self__", None)
    ends = getattr(trainer, "eos_token_ids", None) or ()
    pad = getattr(getattr(trainer, "_tokenizer", None), "pad_token_id", None)
    return frozenset(ends) | frozenset(() if pad is None or not ends else (pad,))


def _text(completion: Any) -> str:
    """What the model says last: nothing where a tool or a user has the last word."""
    if isinstance(completion, str):
        return completion
    last = completion[-1] if isinstance(completion, list | tuple) and completion else completion
    if not last:
        return ""
    if not isinstance(last, Mapping):
        wanted, got = "completions as texts, or as lists of messages", type(last).__name__
        fix = "hand over what the model wrote"
        raise DataError(wanted, got if last is completion else f"a list of {got}", fix)
    content = last.get("content") if last.get("role", "assistant") == "assistant" else ""
    if isinstance(content, str):
        return content
    # Of several parts those of text are what the model says: not thinking, calls of tools, what a tool returned.
    parts = content if isinstance(content, list | tuple) else ()
    said = [part.get("text") if isinstance(part, Mapping) and part.get("type", "text") in _SAID else part
            for part in parts]  # fmt: skip
    return "".join(part for part in said if isinstance(part, str))


def _references(columns: Mapping[str, Any], count: int) -> list[Any]:
    for name in GOLD_COLUMNS:
        if columns.get(name) is not None:
            given = _column(columns, name, count)
            return [_in_solution(one) for one in given] if name == SOLUTION_COLUMN else given
    got = ", ".join(sorted(name for name, value in columns.items() if isinstance(value, list))) or "no column"
    fix = "rename the column of your data that holds them"
    raise DataError(f"a column with the reference answers: {', '.join(GOLD_COLUMNS)}", got, fix)


def _column(columns: Mapping[str, Any], name: str, count: int) -> list[Any]:
    given = columns[name]
    values = [] if isinstance(given, str) or not isinstance(given, Iterable) else list(given)
    if len(values) != count:
        got = len(values) if values else repr(given)[:80]
        raise DataError(f"{count} values as `{name}`, one a completion", str(got), "hand over a list")
    return values


def _in_solution(solution: Any) -> Any:
    """A solution whose answer is marked, or that is an answer itself; a sentence that is neither is no reference."""
    if not isinstance(solution, str) or answer_in(solution) != solution.strip():
        return solution
    return solution if extract_answer(solution).rule == "bare" else None


def _gold(reference: Any) -> str | None:
    """The reference answer, None where there is none that can be read."""
    # A value of numpy, as a table's column gives it.
    reference = reference.tolist() if hasattr(reference, "tolist") else reference
    try:
        return _readable(answer_in(reference)) if _is_reference(reference) else None
    except ValueError:
        # An integer of more digits than Python writes.
        return None


def _is_reference(value: Any) -> bool:
    """Text, a number or a list of them; not what a table has where a value is missing: None, NaN, "nan"."""
    if isinstance(value, list | tuple):
        return bool(value) and all(map(_is_reference, value))
    if isinstance(value, str):
        return value.strip().lower() != "nan"
    return isinstance(value, Number) and not isinstance(value, bool) and value == value  # noqa: PLR0124  # NaN is not


@lru_cache(maxsize=_CACHED_GOLDS)
def _readable(gold: str) -> str | None:
    if not is_understood(gold):
        return None
    # Formulas may need sympy, whose import would be waited for in the middle of a batch.
    if plain_number(gold) is None:
        start_early()
    return gold
