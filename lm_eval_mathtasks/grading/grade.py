"""Decide whether an answer equals the reference answer."""

from __future__ import annotations

from lm_eval_mathtasks.grading.verdict import Status, Verdict


def grade(*, gold: str, pred: str | None) -> Verdict:
    """Compare the extracted answer `pred` with the reference answer `gold`."""
    if pred is None:
        return Verdict(Status.NO_ANSWER, "no answer was found", "extraction")
    if pred.replace(",", "") == gold.replace(",", ""):
        return Verdict(Status.CORRECT, "same text", "text")
    return Verdict(Status.INCORRECT, "different text", "text")
