r"""How training asks for an answer and writes one: in tags, in a box, or after ####.

The prompts of `tags` and `boxed` are, word for word, those of the tasks `gsm8k-cot-tags`, `gsm8k-cot-zeroshot` and
`math500` (a test holds it): what is trained is what is measured.
"""

import re
from typing import Literal, get_args

from lm_eval_mathtasks.grading.boxes import find_boxes
from lm_eval_mathtasks.grading.tags import END_SOLUTION, END_WORKING, SOLUTION, WORKING

Format = Literal["tags", "boxed", "hash"]
FORMATS: tuple[Format, ...] = get_args(Format)
Message = dict[str, str]
# GSM8K's solutions say which arithmetic a calculator did: "3+4=<<3+4=7>>7".
_CALCULATION = re.compile(r"<<[^<>\n]{0,200}>>")
_GAP = "\n\n"
_WORDS = re.compile(r"[A-Za-z]{2,}(?: [A-Za-z]{2,})*")
NUMBER = re.compile(r"-?[\d,]+(?:\.\d+)?")


def prompt(question: str, form: Format, *, number: bool) -> list[Message]:
    """The conversation that asks a question; number: whether every answer of the data is one."""
    system, instruction = instructions(form, number=number)
    user = {"role": "user", "content": f"{question}\n{instruction}" if instruction else question}
    return [{"role": "system", "content": system}, user] if system else [user]


def plain_prompt(question: str, form: Format, *, number: bool) -> str:
    """The same as one text, as lm-eval asks a model without a chat template; a response begins on the next line."""
    return _GAP.join(message["content"] for message in prompt(question, form, number=number))


def response(solution: str, answer: str, form: Format) -> str:
    """A worked solution with its answer in the format; marks of other formats in the solution are taken off."""
    working = _CALCULATION.sub("", solution.partition("####")[0]).strip()
    if form == "boxed" and len(find_boxes(working)) == 1:
        return working
    working = _unboxed(working)
    if form == "boxed":
        return f"{working}\n\\boxed{{{answer}}}"
    shown = answer if NUMBER.fullmatch(answer) or _WORDS.fullmatch(answer) else f"${answer}$"
    if form == "hash":
        return f"{working}\n#### {shown}"
    return f"{WORKING}\n{working}\n{END_WORKING}\n{SOLUTION}{shown}{END_SOLUTION}"


def instructions(form: Format, *, number: bool) -> tuple[str, str]:
    """The system message of a format, and what follows a question; either may be empty."""
    asked = "the final answer, a number," if number else "the final answer"
    if form == "tags":
        return (
            f"Write your working between {WORKING} and {END_WORKING}. Then write {asked} between {SOLUTION} and "
            f"{END_SOLUTION}."
        ), ""
    where = r"in \boxed{}" if form == "boxed" else "on the last line after ####"
    return "", f"Reason step by step, and give {asked} {where}."


def _unboxed(text: str) -> str:
    r"""A text with the content of each box in its place: "$\boxed{7}$" is "$7$"."""
    for box in reversed([box for box in find_boxes(text) if box.complete]):
        text = text[: box.begin] + text[box.start : box.stop] + text[box.end :]
    return text
