"""One line of a JSON-lines file, whatever harness wrote it, as one shape.

Which names of columns mean what, as these write them (looked up in their sources in 2026):

Qwen2.5-Math and its relatives   idx, question, gt, code (k texts), pred (k answers), score (k verdicts)
NeMo-Skills                      problem, expected_answer, generation, predicted_answer, is_correct or symbolic_correct,
                                 judgement, num_generated_tokens
comparisons of graders           question, gold, prediction, <grader>_score for every grader
several answers in a line        responses, completions, generations, model_responses, ... as lists; samples, solutions,
                                 answers where they are lists; of texts, or of objects that hold one
Nested lines (evalscope, inspect) are flattened by `nested.py` first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from lm_eval_mathtasks.errors import EvidenceError
from lm_eval_mathtasks.runs.nested import flattened, message_text
from lm_eval_mathtasks.runs.records import LEVEL, SUBJECT, first_text

QUESTION = ("question", "problem", "Question", "Problem", "query", "input", "instruction")
GOLD = ("gold", "gt", "expected_answer", "reference_answer", "ground_truth_answer", "gold_answer", "correct_answer",
        "ground_truth", "target", "answer", "final_answer",
        "Answer", "reference", "solution")  # fmt: skip
IDS = ("id", "doc_id", "doc", "idx", "problem_id", "question_id", "unique_id", "index", "sample_id")
REPEATS = ("repeat", "sample", "sample_index", "attempt", "epoch", "trial")
_RESPONSES = ("responses", "response", "model_responses", "model_response", "generations", "generation", "completions",
              "completion", "model_outputs", "model_output", "outputs", "output", "raw_output", "code")  # fmt: skip
_ANSWERS = ("predictions", "prediction", "pred")  # the whole text only where nothing above is there
_LISTS = (
    "samples",
    "candidates",
    "solutions",
    "answers",
)  # responses only where they are lists and nothing above is there
_VERDICTS = ("label", "correct", "is_correct", "symbolic_correct", "judge_correct", "correctness", "accuracy", "acc",
             "score", "model_responses__eval_is_correct")  # fmt: skip
_VERDICT_LIKE = re.compile(r".+_(score|correct|acc)$")
_MODELS = ("model", "model_name", "model_id")
_TASKS = ("dataset", "task", "benchmark", "data_name")
_FINISH = ("finish_reason", "finish_reasons", "stop_reason")
_TOKENS = ("num_generated_tokens", "completion_tokens", "output_tokens", "generated_tokens")
NO_VERDICT = "none"  # for who judges the responses anew: then columns that disagree are no obstacle
_JUDGED = re.compile(r"judge?ment:\s*\**\s*(yes|no)", re.IGNORECASE)


class Line(NamedTuple):
    """What one line says. id, repeat: None where it does not. verdicts: by column, one number a response, or one
    share for them all; only columns that can be verdicts. odd: columns named like verdicts whose values are none."""

    id: str | None
    repeat: Any
    question: str
    reference: str | None
    responses: tuple[str, ...]
    finish: tuple[str | None, ...]
    verdicts: dict[str, tuple[float, ...]]
    odd: tuple[str, ...]
    model: str | None
    task: str
    prompt: str | None
    tokens: tuple[int, ...]
    subject: str | None
    level: str | None
    unanswered: bool = False  # its response is null, which counts as an empty one


def read_line(raw: Mapping[str, Any], path: Path, number: int) -> Line:
    """Return a line in our shape; `number` counts from 1.

    Raises EvidenceError where no column or more than one can be the response, naming the columns that are there.
    """
    line = flattened(raw)
    responses = _responses(line, path, number)
    given = {
        name: line[name] for name in (*_VERDICTS, *filter(_VERDICT_LIKE.fullmatch, line)) if name in line
    }
    if isinstance(line.get("judgement"), str) and (said := _JUDGED.search(line["judgement"])):
        given["judgement"] = said[1].lower() == "yes"
    verdicts = {name: _verdict(value, len(responses)) for name, value in given.items()}
    return Line(
        id=_first(line, IDS),
        repeat=next((line[name] for name in REPEATS if line.get(name) is not None), None),
        question=first_text(line, QUESTION)
        or message_text(line.get("prompt") or line.get("messages"), "user"),
        reference=first_text(line, GOLD),
        responses=responses,
        finish=_finish(line, len(responses)),
        verdicts={name: verdict for name, verdict in verdicts.items() if verdict},
        odd=tuple(name for name, verdict in verdicts.items() if not verdict and given[name] is not None),
        model=_first(line, _MODELS),
        task=_first(line, _TASKS) or "",
        prompt=first_text(line, ("prompt",)),
        tokens=tuple(
            n for n in _listed(next((line[t] for t in _TOKENS if t in line), ())) if isinstance(n, int)
        ),
        subject=first_text(line, SUBJECT),
        level=first_text(line, LEVEL),
        unanswered=all(line[name] is None for name in _columns(line)),
    )


def _first(line: Mapping[str, Any], names: Iterable[str]) -> str | None:
    """The first of these columns that holds a word or a number, as text."""
    found = (line.get(name) for name in names)
    return next((str(value) for value in found if isinstance(value, str | int) and value != ""), None)


def _columns(line: Mapping[str, Any]) -> list[str]:
    """The columns that may be the response."""
    named = [name for name in _RESPONSES if name in line] or [name for name in _ANSWERS if name in line][:1]
    return named or [name for name in _LISTS if isinstance(line.get(name), list)][:1]


def _responses(line: Mapping[str, Any], path: Path, number: int) -> tuple[str, ...]:
    named = _columns(line)
    filled = [name for name in named if line[name] not in (None, "", [])] or named[:1]
    texts = {name: tuple(_text(part) for part in _listed(line[name])) for name in filled}
    if len(set(texts.values())) == 1:
        return next(iter(texts.values())) or ("",)  # a null response is an empty one
    where = f"line {number} of {path}"
    if texts:
        raise EvidenceError(
            f"one column of responses in {where}",
            f"several that differ: {', '.join(texts)}",
            "keep one of them",
        )
    raise EvidenceError(f"a response in {where}", f"only {', '.join(line)}", "name the column `response`")


def _text(part: Any) -> str:
    """The text of one response; an object may call it as a line would ({"response": ..., "reward": ...}).

    A list of texts is a response in steps, paragraph by paragraph.
    """
    if isinstance(part, list) and part and all(isinstance(step, str) for step in part):
        return "\n\n".join(part)
    if isinstance(part, dict) and not part.keys() & {"role", "message", "content", "text"}:
        own = next(
            (part[name] for name in (*_RESPONSES, "solution") if isinstance(part.get(name), str)), None
        )
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
    reasons = _listed(next((line[name] for name in _FINISH if line.get(name)), None))
    if line.get("truncated") is True:
        reasons = ("length",)
    named = tuple(str(r) if isinstance(r, str) else None for r in reasons)
    return named if len(named) == responses else (named[0],) * responses if len(named) == 1 else ()


def choose_verdict(
    lines: Sequence[Line], wanted: str | None, path: Path
) -> tuple[str | None, tuple[str, ...]]:
    """Return the column that holds the run's own verdicts, and notes about the columns that were not taken.

    A column counts where every line has it; wanted: its name, NO_VERDICT for none at all. Raises EvidenceError where
    `wanted` is not such a column, or where several disagree and it is left open.
    """
    if wanted == NO_VERDICT:
        return None, ()
    complete = [name for name in lines[0].verdicts if all(name in line.verdicts for line in lines)]
    partial = {name for line in lines for name in (*line.verdicts, *line.odd)} - set(complete)
    notes = tuple(
        f"column `{name}` is not a verdict for every line, and is not used" for name in sorted(partial)
    )
    if wanted:
        if wanted not in complete:
            known = ", ".join(complete) or "no column of verdicts"
            raise EvidenceError(f"a column of verdicts {wanted!r} in {path}", known, "choose one of these")
        return wanted, notes
    unlike = {name: tuple(line.verdicts[name] for line in lines) for name in complete}
    if len(set(unlike.values())) > 1:
        rights = ", ".join(f"{name} ({_mean(values):.2%} right)" for name, values in unlike.items())
        raise EvidenceError(f"one verdict for each line of {path}", f"columns that disagree: {rights}",
                            "choose the one that counts with --metric")  # fmt: skip
    return (complete[0] if complete else None), notes


def _mean(values: Sequence[tuple[float, ...]]) -> float:
    return sum(sum(v) / len(v) for v in values) / len(values)
