"""Rewards for the form of a response, whatever it answers. Nothing unfinished earns anything."""

from collections.abc import Sequence
from typing import Any

from lm_eval_mathtasks.grading.extract import extract_answer
from lm_eval_mathtasks.grading.tags import TAGS, in_tags
from lm_eval_mathtasks.rewards.rulings import texts_with_ends, unfinished


def tags_format(completions: Sequence[Any], **columns: Any) -> list[float]:
    """1 for a response that is its working in tags, then its answer in tags, each tag once and no more; else 0."""
    ended = texts_with_ends(completions, columns)
    return [float(in_tags(text) and not unfinished(text, end)) for text, end in ended]


def tags_count(completions: Sequence[Any], **columns: Any) -> list[float]:
    """A quarter for each of the four tags that stands exactly once, minus a quarter for each that does not: -1 to 1.

    It leads to the tags where `tags_format` is 0 for every response. An unfinished response has at most 0.
    """
    return [_count(text, end) for text, end in texts_with_ends(completions, columns)]


def boxed_format(completions: Sequence[Any], **columns: Any) -> list[float]:
    r"""1 for a finished response that gives its answer in a complete `\boxed{...}`, else 0."""
    return [
        float(extract_answer(text, finish_reason=end).rule == "box" and not unfinished(text, end))
        for text, end in texts_with_ends(completions, columns)
    ]


def _count(text: str, finish_reason: str | None) -> float:
    value = sum(0.25 if text.count(tag) == 1 else -0.25 for tag in TAGS)
    return min(value, 0.0) if unfinished(text, finish_reason) else value
