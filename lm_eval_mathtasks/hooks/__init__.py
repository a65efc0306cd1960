"""What the task YAMLs name: the only module between lm-eval and the rest of this package.

`load` (custom_dataset) brings the docs of the set that the YAML names, `gold` (doc_to_target) is a doc's reference
answer, a `score_*` (process_results) is named for the format that the prompt asks for, and `shots_*` are few-shot
exemplars, read at run time from the installed lm-eval: they are other people's text.

A `score_*` takes a doc and `[response]` (or `[[response, ...]]`) and returns numbers only; it never raises, because
lm-eval would lose every response of the run. A response that is missing (an API error) gives `api_error` and no
accuracy: it is not wrong, it is not there. Of k responses `exact_match` is avg@k, and pass@k and maj@k stand beside it.

`mathtasks run --repeats 8` needs no more. Plain lm-eval scores the first of `repeats` unless a filter keeps all: a
YAML of your own in --include_path with `include: .../math500.yaml`, another `task:`, `repeats: 8`, `generation_kwargs`
that sample, and `filter_list: [{name: none, filter: [{function: take_first_k, k: 8}]}]`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any

from lm_eval_mathtasks.grading.tags import has_solution, has_working
from lm_eval_mathtasks.grading.tolerance import as_tolerance
from lm_eval_mathtasks.hooks.exemplars import shots_gsm8k, shots_minerva  # noqa: F401  # named by YAMLs
from lm_eval_mathtasks.hooks.scoring import (  # noqa: F401  # YAMLs name `gold`
    Doc,
    Scores,
    answered,
    gold,
    same_integer_text,
    same_number_text,
    same_text,
    score_doc,
    use_graders,
)
from lm_eval_mathtasks.problems import sources

if TYPE_CHECKING:
    from datasets import Dataset


def load(set: str | None = None, **metadata: Any) -> dict[str, Dataset]:
    """The docs of a set, under "test", in the columns that the prompts use.

    set: a name in `problems/sets.yaml`, which a YAML gives as `dataset_kwargs: {set: gsm8k}`; metadata: of the task, of
    which `graders` names other projects' graders that report beside ours (`--metadata '{"graders": ["math-verify"]}'`).
    """
    use_graders(metadata.get("graders"))
    return sources.load_set(set, metadata)


def score_boxed(doc: Doc, results: Sequence[Any]) -> Scores:
    """Scores of a response that was asked for `\\boxed{...}`."""
    return score_doc(doc, results, rule="box", same=same_text)


def score_aime(doc: Doc, results: Sequence[Any]) -> Scores:
    """Scores of a response that was asked for `\\boxed{N}`; "073" is 73."""
    return score_doc(doc, results, rule="box", same=same_integer_text)


def score_gsm8k_boxed(doc: Doc, results: Sequence[Any]) -> Scores:
    """Scores of a response that was asked for `\\boxed{N}`."""
    return score_doc(doc, results, rule="box", same=same_number_text)


def score_gsm8k_cot(doc: Doc, results: Sequence[Any]) -> Scores:
    """Scores of a few-shot response, which ends "The answer is N."."""
    return score_doc(doc, results, rule="statement", same=same_number_text)


def score_gsm8k_direct(doc: Doc, results: Sequence[Any]) -> Scores:
    """Scores of a response that was asked for a number and nothing else."""
    return score_doc(doc, results, rule=None, same=same_number_text)


def score_gsm8k_tags(doc: Doc, results: Sequence[Any]) -> Scores:
    """Scores of a response in the tags format, with the share of responses that hold each of its two parts."""
    scores = score_doc(doc, results, rule="tag", same=same_number_text)
    if texts := [str(response) for response in answered(results)]:
        scores["thinking_proportion"] = fmean(has_working(text) for text in texts)
        scores["answer_proportion"] = fmean(has_solution(text) for text in texts)
    return scores


def score_gsm_plus(doc: Doc, results: Sequence[Any]) -> Scores:
    """Scores of a response to a problem of GSM8K that was changed, over all docs, by kind of change, and over the docs
    that can be answered: those of critical thinking lack what an answer needs."""
    kind = str(doc["perturbation_type"])
    return _with_parts(score_gsm8k_boxed(doc, results), kind, *["answerable"] * (kind != "critical thinking"))


def score_gsm_symbolic(doc: Doc, results: Sequence[Any]) -> dict[str, Any]:
    """Scores of a response that was asked for `\\boxed{N}`, with what `instance_spread` makes of them."""
    scores = score_gsm8k_boxed(doc, results)
    if "exact_match" not in scores:
        return scores
    return {**scores, "instance_spread": (doc["instance"], scores["exact_match"])}


def instance_spread(scored: Sequence[tuple[int, float]]) -> float | None:
    """The standard deviation of accuracy over the instances of GSM-Symbolic: each draws the numbers and names of all
    templates anew. scored: instance and exact_match of each doc; None where there are fewer than two instances."""
    instances: dict[int, list[float]] = {}
    for instance, score in scored:
        instances.setdefault(instance, []).append(score)
    return stdev(map(fmean, instances.values())) if len(instances) > 1 else None


def score_math_boxed(doc: Doc, results: Sequence[Any]) -> Scores:
    """Scores of a response that was asked for `\\boxed{...}`, over all docs and by subject and level."""
    return _with_parts(score_boxed(doc, results), doc["subject"], _level(doc))


def score_math_fewshot(doc: Doc, results: Sequence[Any]) -> Scores:
    """Scores of a response in the exemplars' format, "Final Answer: The final answer is $...$."."""
    scores = score_doc(doc, results, rule="final_answer", same=same_text)
    return _with_parts(scores, doc["subject"], _level(doc))


def score_olympiadbench(doc: Doc, results: Sequence[Any]) -> Scores:
    """Scores of a response that was asked for `\\boxed{...}`; where the set gives a tolerance (column `error`,
    absolute), an answer within it is right."""
    tolerance = as_tolerance(str(doc.get("error") or ""))
    return score_doc(doc, results, rule="box", same=same_text, tolerance=tolerance)


def part_key(part: str) -> str:
    """Metric name of a part of a set: "Counting & Probability" -> "exact_match_counting_and_probability"."""
    return "exact_match_" + re.sub(r"\W+", "_", part.replace("&", "and")).strip("_").lower()


def _level(doc: Doc) -> str:
    """MATH-500 has 4 where MATH has "Level 4"."""
    return f"level {str(doc['level']).removeprefix('Level ')}"


def _with_parts(scores: Scores, *parts: str) -> Scores:
    """The scores of a doc, and exact_match once more for each part of the set that it belongs to."""
    if "exact_match" not in scores:
        return scores
    return {**scores, **dict.fromkeys(map(part_key, parts), scores["exact_match"])}
