"""From responses to numbers: what every `score_*` hook shares. Nothing here raises."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple

from lm_eval_mathtasks.grading.judge import Judgement, judge, judge_again
from lm_eval_mathtasks.grading.scores import doc_scores, mean
from lm_eval_mathtasks.problems.errata import erratum_of

Doc = Mapping[str, Any]
Scores = dict[str, float]

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


class Format(NamedTuple):
    """What a prompt asked for. family: whose errata apply; rules: the extraction rules that count as the format that
    was asked for (empty: any); same: whether a string comparison would have called gold and answer equal."""

    family: str
    rules: Collection[str]
    same: Callable[[str, str], bool]

    def strictly(self, judged: Judgement, gold: str) -> bool:
        """Whether a response answered in the format, and with the text of the reference answer."""
        found = judged.extraction
        in_format = found.answer is not None and (not self.rules or found.rule in self.rules)
        return in_format and self.same(gold, found.answer or "")


def score_doc(
    asked: Format, doc: Doc, gold: str, results: Sequence[Any], *, tolerance: float | None = None
) -> Scores:
    """Return the metrics of a doc, as `grading.scores.doc_scores` names them, and `exact_match_errata`.

    tolerance: see `judge`. `exact_match_errata` is exact_match by the reference answer as the family's errata correct
    it; a doc that they leave out has none.
    """
    responses = answered(results)
    judged = [
        judge(
            None if response is None else str(response),
            gold=gold,
            finish_reason=getattr(response, "finish_reason", None),
            tolerance=tolerance,
        )
        for response in responses
    ]
    strict = [asked.strictly(one, gold) for one in judged]
    scores = doc_scores(judged, gold=gold, asked=len(responses_of(results)), strict=strict)
    erratum = erratum_of(asked.family, str(doc["question"]))
    if judged and (erratum is None or erratum.gold is not None):
        corrected = judged if erratum is None else [judge_again(one, gold=erratum.gold) for one in judged]
        scores["exact_match_errata"] = mean(one.correct for one in corrected)
    return scores


def same_number_text(gold: str, answer: str) -> bool:
    """String equality but for `$`, thousands commas, white space and a final full stop, as lm-eval's gsm8k has it."""
    return _AROUND_NUMBER.sub("", gold) == _AROUND_NUMBER.sub("", answer)


def same_text(gold: str, answer: str) -> bool:
    """String equality but for surrounding white space and dollar signs."""
    return gold.strip(" \n$") == answer.strip(" \n$")
