"""Math-Verify's opinion on what no tier of ours decides; off unless asked for, and its known mistakes are
screened.
"""

from __future__ import annotations

import re

from lm_eval_mathtasks.grading.normalize import MAX_ANSWER_CHARS
from lm_eval_mathtasks.grading.verdict import Status, Verdict

# Powers of powers, factorials and long digits make its parser hang: such answers are not shown to it.
_DANGEROUS = re.compile(r"\^.*\^|!|\d{30}|\*\*.*\*\*")


def second_look(gold: str, pred: str, ours: Verdict) -> Verdict:
    """Return Math-Verify's verdict if it accepts the answer, ours if it does not, may not be asked, or is not
    installed.

    It compares floats: so it is asked only about pairs that our own evaluation has not proven different.
    """
    if len(gold) + len(pred) > MAX_ANSWER_CHARS or _DANGEROUS.search(gold + pred):
        return ours
    try:
        from math_verify import parse, verify
    except ImportError:
        return ours
    try:
        agrees = bool(
            verify(
                parse(f"${gold}$", parsing_timeout=None),
                parse(f"${pred}$", parsing_timeout=None),
                timeout_seconds=None,
            )
        )
    except Exception:  # it raises whatever its parser, sympy or recursion raise
        return ours
    return Verdict(Status.CORRECT, "accepted by math-verify", "math-verify") if agrees else ours
