"""From responses to numbers: what every `score_*` hook shares. Nothing here raises."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from lm_eval_mathtasks.grading import Extraction, Status, Verdict, extract_answer, grade
from lm_eval_mathtasks.grading.scores import mean, repeat_scores, response_scores

Doc = Mapping[str, Any]
Scores = dict[str, float]

log = logging.getLogger(__name__)

# Which extraction rules count as "in the format that was asked for", per prompt.
BOXED = frozenset({"box"})
THE_ANSWER_IS = frozenset({"statement"})
FINAL_ANSWER = frozenset({"final_answer"})
SOLUTION_TAG = frozenset({"tag"})
ANY_RULE: frozenset[str] = frozenset()

_AROUND_NUMBER = re.compile(r"[\s$,]|\.$")


def responses_of(results: Sequence[Any]) -> list[Any]:
    """The responses to score: lm-eval hands over `[response]`, or `[[response, ...]]` where a filter keeps all k."""
    first = results[0] if results else None
    return list(first) if isinstance(first, list) else [first]


def answered(results: Sequence[Any]) -> list[Any]:
    """The responses without those that an API error took: these are not wrong, they are not there."""
    return [response for response in responses_of(results) if not getattr(response, "error", None)]


def score_response(
    gold: str, results: Sequence[Any], *, asked_for: Collection[str], same: Callable[[str, str], bool]
) -> Scores:
    """Return the metrics of a doc's response, each 0.0 or 1.0; of k responses their means, and `repeat_scores`.

    asked_for: the extraction rules that count as the format the prompt asked for (empty: any); same: whether a string
    comparison would have called gold and answer equal (strict_match). api_error is the share of responses that are
    missing; the other metrics are of the rest, and absent if there is none.
    """
    responses, asked = answered(results), len(responses_of(results))
    api_error = {"api_error": 1 - len(responses) / asked}
    if not responses:
        return api_error
    judged = [_judge(gold, response) for response in responses]
    each = []
    for response, (extraction, verdict) in zip(responses, judged, strict=True):
        in_format = extraction.answer is not None and (not asked_for or extraction.rule in asked_for)
        matches = in_format and same(gold, extraction.answer or "")
        cut_off = getattr(response, "finish_reason", None) == "length"
        each.append(response_scores(extraction, verdict, same_text=matches, cut_off=cut_off))
    scores = {name: mean(one[name] for one in each) for name in each[0]}
    right, answers = [v.correct for _, v in judged], [e.answer for e, _ in judged]
    return {**scores, **repeat_scores(right, answers, asked), **api_error}


def _judge(gold: str, response: Any) -> tuple[Extraction, Verdict]:
    text = None if response is None else str(response)
    try:
        extraction = extract_answer(text, finish_reason=getattr(response, "finish_reason", None))
        if extraction.answer is None and extraction.truncated:
            return extraction, Verdict(
                Status.TRUNCATED, "the response broke off before its answer", "extraction"
            )
        return extraction, grade(gold=gold, pred=extraction.answer)
    except (
        Exception
    ):  # a defect of ours must not cost the user every response of the run; it is said, and counted
        log.exception("the grader failed on gold %r, response %.200r: counted as unparsable", gold, text)
        return Extraction(None, "none"), Verdict(Status.UNPARSABLE, "the grader failed", "error")


def same_number_text(gold: str, answer: str) -> bool:
    """String equality but for `$`, thousands commas, white space and a final full stop, as lm-eval's gsm8k has it."""
    return _AROUND_NUMBER.sub("", gold) == _AROUND_NUMBER.sub("", answer)


def same_text(gold: str, answer: str) -> bool:
    """String equality but for surrounding white space and dollar signs."""
    return gold.strip(" \n$") == answer.strip(" \n$")
