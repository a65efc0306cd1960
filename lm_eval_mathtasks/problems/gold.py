"""The reference answer of a doc, taken once from its reference: the rule lies in `grading`, where rewards reach it."""

from lm_eval_mathtasks.grading.reference import answer_in, as_text, reference_text

__all__ = ["answer_in", "as_text", "reference_text"]
