r"""The reference answer in a reference, by the rule of the sets that write it so.

GSM8K ends a solution with `#### 18`; MATH boxes the answer in its solution, and the last box counts, as the authors'
code has it (Hendrycks et al. 2021, `last_boxed_only_string`): "\boxed{-2}$ and $\boxed{1}" is 1. AIME's answer sheets
have three digits: 073 is 73. OCWCourses (Lewkowycz et al. 2022) writes one answer as Python code ("np.arcsin(10/13)")
and breaks one formula in two ("$ $"). OlympiadBench lists several answers. ASDiv names what a number
counts: "9 (apples)" is 9.
"""

import re
from typing import Any

from lm_eval_mathtasks.grading.boxes import find_boxes

_COUNTED = re.compile(r"(-?\d[\d.,/:]*)\s*\(\s*(?!mod\b)[A-Za-z][^()]*\)")
_PYTHON = re.compile(r"\bnp\.(?=[a-z])")


def as_text(value: Any) -> str:
    """A value as text: 27.0 and 27 are the same answer, and copies of a set differ in the type of their columns."""
    return str(int(value) if isinstance(value, float) and value.is_integer() else value)


def reference_text(value: Any) -> str:
    """A reference as text; several answers stand behind each other with commas."""
    if isinstance(value, list | tuple):
        return ", ".join(map(reference_text, value))
    return as_text(value)


def answer_in(reference: Any) -> str:
    r"""Return the answer in a reference: text, a number, or a list of either. Of an answer it is the answer itself.

    >>> answer_in("9 * 2 = 18\n#### 18")
    '18'
    >>> answer_in(r"So $x=\boxed{2}$, or $\boxed{\frac12}$.")
    '\\frac12'
    """
    text = reference_text(reference)
    if "####" in text:
        return text.rpartition("####")[2].strip()
    boxes = [box for box in find_boxes(text) if box.complete]
    if boxes:
        return text[boxes[-1].start : boxes[-1].stop].strip()
    if counted := _COUNTED.fullmatch(text.strip()):
        return counted[1]
    answer = _PYTHON.sub(r"\\", text).replace("$ $", " ").strip()
    return answer.lstrip("0") or "0" if answer.isdecimal() else answer
