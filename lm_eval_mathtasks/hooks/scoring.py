"""From responses to numbers: what every `score_*` hook shares. Nothing here raises."""

import re
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean
from typing import Any

from lm_eval_mathtasks.grading.beside import start_graders, verdicts_beside
from lm_eval_mathtasks.grading.judge import judge, judge_again
from lm_eval_mathtasks.grading.scores import doc_scores
from lm_eval_mathtasks.problems.errata import erratum_of
from lm_eval_mathtasks.problems.gold import answer_in

Doc = Mapping[str, Any]
Scores = dict[str, float]

# The graders of other projects that this run reports beside ours.
_graders: tuple[str, ...] = ()

_AROUND_NUMBER = re.compile(r"[\s$,]|\.$")


def gold(doc: Doc) -> str:
    """The reference answer of a doc, taken from the published answer; MATH publishes a solution."""
    return answer_in(doc["gold"] if "gold" in doc else doc["solution"])


def responses_of(results: Sequence[Any]) -> list[Any]:
    """The responses to score: lm-eval hands over `[response]`, or `[[response, ...]]` where a filter keeps all k."""
    first = results[0] if results else None
    return list(first) if isinstance(first, list) else [first]


def answered(results: Sequence[Any]) -> list[Any]:
    """The responses without those that an API error took: these are not wrong, they are not there."""
    return [response for response in responses_of(results) if not getattr(response, "error", None)]


def score_doc(
    doc: Doc,
    results: Sequence[Any],
    *,
    rule: str | None,
    same: Callable[[str, str], bool],
    tolerance: float | None = None,
) -> Scores:
    """Return the metrics of a doc, as `grading.scores.doc_scores` names them, and `exact_match_errata`.

    strict_match asks for an answer that `rule` extracted (None: any rule), and for which `same(gold, answer)` holds,
    where a string comparison would have called the two equal. tolerance: see `judge`. exact_match_errata is exact_match
    by the reference answer as the errata correct it; a doc that they leave out has none.
    """
    reference, responses = gold(doc), answered(results)
    judged = [
        judge(
            None if response is None else str(response),
            gold=reference,
            finish_reason=getattr(response, "finish_reason", None),
            tolerance=tolerance,
        )
        for response in responses
    ]
    strict = [
        found.answer is not None and rule in (None, found.rule) and same(reference, found.answer)
        for found in (one.extraction for one in judged)
    ]
    told = all(getattr(response, "finish_reason", None) for response in responses)
    asked = len(responses_of(results))
    scores = doc_scores(judged, gold=reference, asked=asked, told=told, strict=strict)
    scores |= _beside(reference, responses)
    erratum = erratum_of(str(doc["question"]))
    if judged and (erratum is None or erratum.gold is not None):
        corrected = judged if erratum is None else [judge_again(one, gold=erratum.gold) for one in judged]
        scores["exact_match_errata"] = fmean(one.correct for one in corrected)
    return scores


def use_graders(names: str | Sequence[str] | None) -> None:
    """Have these graders report beside ours from now on. Raises TaskError before a model is asked."""
    global _graders  # noqa: PLW0603  a score hook gets a doc and responses only, and no metadata
    _graders = start_graders([names] if isinstance(names, str) else names or ())


def _beside(reference: str, responses: Sequence[Any]) -> Scores:
    """What the other graders say of the responses: the mean of each metric, as exact_match is."""
    there = [str(response) for response in responses if response is not None] if _graders else []
    found = [verdicts_beside(_graders, reference, response) for response in there]
    return {metric: fmean(each[metric] for each in found) for metric in found[0]} if found else {}


def same_text(gold: str, answer: str) -> bool:
    """String equality but for surrounding white space and dollar signs."""
    return gold.strip(" \n$") == answer.strip(" \n$")


def same_integer_text(gold: str, answer: str) -> bool:
    """String equality but for the leading zeros that AIME's answer sheets have."""
    return same_text(gold, answer.strip(" \n$").lstrip("0") or "0")


def same_number_text(gold: str, answer: str) -> bool:
    """String equality but for `$`, thousands commas, white space and a final full stop, as lm-eval's gsm8k has it."""
    return _AROUND_NUMBER.sub("", gold) == _AROUND_NUMBER.sub("", answer)
