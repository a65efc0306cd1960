"""What every reward of correctness rests on: the ruling on one response, from its text, its end and the reference.

A reward is stricter than an evaluation. What training pays for is what a model will do more of: an answer that only
the extractor's guesses find, or one of a response that was cut off, earns nothing.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from lm_eval_mathtasks.errors import DataError
from lm_eval_mathtasks.grading.deadline import start_early
from lm_eval_mathtasks.grading.equivalence import plain_number
from lm_eval_mathtasks.grading.extract import MARKED, extract_answer
from lm_eval_mathtasks.grading.formulas import open_formula
from lm_eval_mathtasks.grading.grade import is_understood
from lm_eval_mathtasks.grading.judge import Judgement, judge
from lm_eval_mathtasks.grading.reference import answer_in
from lm_eval_mathtasks.grading.statements import ends_in_tag
from lm_eval_mathtasks.grading.verdict import Status

SOLUTION_COLUMN = "solution"
GOLD_COLUMNS = ("gold", "answer", SOLUTION_COLUMN)
FINISH_COLUMN = "finish_reason"
# "unreadable": no finished response with a marked answer that could be compared. "no gold": nothing to compare with.
Kind = Literal["right", "wrong", "unreadable", "no gold"]
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
    answer, rule = judged.extraction.answer, judged.extraction.rule
    if _broken_off(response, judged, finish_reason):
        return Ruling("unreadable", "the response is not finished", answer)
    if answer is not None and rule not in MARKED:
        return Ruling("unreadable", f"the answer is not marked (found by the rule {rule})", answer)
    status = judged.verdict.status
    kind: Kind = {Status.CORRECT: "right", Status.INCORRECT: "wrong"}.get(status, "unreadable")  # type: ignore[assignment]
    return Ruling(kind, judged.verdict.reason, answer)


def rulings(completions: Sequence[Any], columns: Mapping[str, Any]) -> list[Ruling]:
    """Return the ruling on each of a trainer's completions, texts or conversations.

    columns: what else a trainer hands over, a value a completion: the reference in `gold`, else `answer`, else
    `solution`. DataError where there is none of them.
    """
    texts, ends = texts_of(completions), finishes(completions, columns)
    return [
        ruling(text, reference, end)
        for text, reference, end in zip(texts, _references(columns), ends, strict=True)
    ]


def texts_of(completions: Sequence[Any]) -> list[str]:
    """The text of each completion; of a conversation, what its last message says."""
    return [_text(completion) for completion in completions]


def finishes(completions: Sequence[Any], columns: Mapping[str, Any]) -> list[str | None]:
    """How each completion ended, as servers name it; None where nothing says so.

    In TRL from the token ids and the end tokens of the trainer that calls, whatever a column of the data says; else
    from a column `finish_reason`; else from the completion itself, where it is a `Response`.
    """
    ends = _end_tokens(columns)
    if ends and (ids := columns.get("completion_ids")) is not None:
        return ["stop" if len(own) and int(own[-1]) in ends else "length" for own in ids]
    if (given := columns.get(FINISH_COLUMN)) is not None:
        return list(given)
    return [getattr(completion, "finish_reason", None) for completion in completions]


def unfinished(text: str, finish_reason: str | None) -> bool:
    """Whether a response is known to be cut off, whatever it answers."""
    return _broken_off(text, judge(text, gold=None, finish_reason=finish_reason), finish_reason)


def _broken_off(text: str, judged: Judgement, finish_reason: str | None) -> bool:
    """An answer that stands before what is open was given; a model that is paid for it learns to end in the middle."""
    if judged.cut_off or ends_in_tag(text):
        return True
    if finish_reason is not None:
        return False
    opened, span = open_formula(text.rstrip()), judged.extraction.span
    return _ends_in_box(text) or (opened is not None and span is not None and opened >= span[1])


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
    # Contents of several parts: only those of text say something.
    parts = content if isinstance(content, list | tuple) else ()
    return "".join(part if isinstance(part, str) else str(part.get("text") or "") for part in parts)


def _references(columns: Mapping[str, Any]) -> Sequence[Any]:
    for name in GOLD_COLUMNS:
        if columns.get(name) is not None:
            given: Sequence[Any] = columns[name]
            return [_in_solution(one) for one in given] if name == SOLUTION_COLUMN else given
    got = ", ".join(sorted(name for name, value in columns.items() if isinstance(value, list))) or "no column"
    fix = "rename the column of your data that holds them"
    raise DataError(f"a column with the reference answers: {', '.join(GOLD_COLUMNS)}", got, fix)


def _in_solution(solution: Any) -> Any:
    """A solution whose answer is marked, or that is an answer itself; a sentence that is neither is no reference."""
    if not isinstance(solution, str) or answer_in(solution) != solution.strip():
        return solution
    return solution if extract_answer(solution).rule == "bare" else None


def _gold(reference: Any) -> str | None:
    """The reference answer, None where there is none that can be read."""
    if reference is None or isinstance(reference, bool | dict):
        return None
    return _readable(answer_in(reference))


@lru_cache(maxsize=_CACHED_GOLDS)
def _readable(gold: str) -> str | None:
    if not is_understood(gold):
        return None
    # Formulas may need sympy, whose import would be waited for in the middle of a batch.
    if plain_number(gold) is None:
        start_early()
    return gold
