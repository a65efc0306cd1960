"""Say in words how a response was judged: `mathtasks explain-answer` prints what this module returns."""

from lm_eval_mathtasks.grading.extract import candidates
from lm_eval_mathtasks.grading.grade import normal_form
from lm_eval_mathtasks.grading.judge import judge
from lm_eval_mathtasks.text import visible

# What a line of the report shows of an answer or of its surroundings.
MAX_SHOWN = 160  # characters
CONTEXT = 30  # characters on either side of an answer


def explain_answer(*, gold: str, response: str | None, finish_reason: str | None = None) -> str:
    """Return the whole path from a response to its verdict, as text for people.

    The parts: the candidates in the order of trust with their place, what was extracted and by which rule, how gold
    and answer are understood, which tier of the grader decided, and the verdict with its reason.
    """
    found, verdict, cut_off = judge(response, gold=gold, finish_reason=finish_reason)
    lines = ["candidates, the most trusted first:", *_candidate_lines(response or "")]
    if found.answer is None:
        lines.append(
            "extracted: nothing" + (" (the response breaks off before an answer)" if found.truncated else "")
        )
    else:
        lines.append(f"extracted: {_shown(found.answer)}  (rule {found.rule}, characters {found.span})")
    lines += ["gold, as understood:", *_indented(normal_form(gold))]
    if found.answer is not None:
        lines += ["answer, as understood:", *_indented(normal_form(found.answer))]
    said = [f"cut off: {cut_off}"] if cut_off else []
    return "\n".join([*lines, f"tier: {verdict.tier}", *said, f"verdict: {verdict.status}: {verdict.reason}"])


def _candidate_lines(response: str) -> list[str]:
    lines = []
    for found in candidates(response):
        start, stop = found.span
        before, after = response[max(0, start - CONTEXT) : start], response[stop : stop + CONTEXT]
        place = f"...{_shown(before)}[{_shown(response[start:stop])}]{_shown(after)}..."
        lines.append(f"  {found.priority}. {_shown(found.answer)}  (rule {found.rule}: {place})")
    return lines or ["  none"]


def _indented(text: str) -> list[str]:
    return [f"  {_shown(line)}" for line in text.splitlines()]


def _shown(text: str) -> str:
    """Return text on one line, short, and harmless on any terminal."""
    line = visible(text.replace("\n", " "))
    return line if len(line) <= MAX_SHOWN else f"{line[:MAX_SHOWN]}... ({len(line)} characters)"
