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

import ast
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any

from lm_eval_mathtasks.check import lm_eval_tasks
from lm_eval_mathtasks.errors import TaskError, as_error
from lm_eval_mathtasks.grading.beside import start_graders, verdicts_beside
from lm_eval_mathtasks.grading.judge import judge, judge_again
from lm_eval_mathtasks.grading.scores import doc_scores
from lm_eval_mathtasks.grading.tags import has_solution, has_working
from lm_eval_mathtasks.grading.tolerance import as_tolerance
from lm_eval_mathtasks.problems import sources
from lm_eval_mathtasks.problems.errata import erratum_of
from lm_eval_mathtasks.problems.gold import answer_in

if TYPE_CHECKING:
    from datasets import Dataset

Doc = Mapping[str, Any]
Scores = dict[str, float]

# The graders of other projects that this run reports beside ours.
_graders: tuple[str, ...] = ()

_AROUND_NUMBER = re.compile(r"[\s$,]|\.$")


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


# --- what every score hook shares; nothing here raises


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


# --- few-shot exemplars


def shots_gsm8k() -> list[dict[str, str]]:
    """The 8 chain-of-thought exemplars of Wei et al. (2022, table 20), from lm-eval's `gsm8k_cot`.

    Each is {"question", "target"}. Raises TaskError if the installed lm-eval does not hold them where 0.4.13 does.
    """
    import yaml

    path = lm_eval_tasks() / "gsm8k" / "gsm8k-cot.yaml"
    with _shots_in(path, OSError, yaml.YAMLError, KeyError, TypeError):
        return list(yaml.safe_load(path.read_text(encoding="utf-8"))["fewshot_config"]["samples"])


def shots_minerva() -> list[dict[str, str]]:
    """The 4 exemplars of Lewkowycz et al. (2022, appendix D.2), from lm-eval's `minerva_math`.

    Each is {"problem", "solution", ...}. The module is read, not imported: importing it needs other packages.
    Raises TaskError if the installed lm-eval does not hold them where 0.4.13 does.
    """
    path = lm_eval_tasks() / "minerva_math" / "utils.py"
    with _shots_in(path, OSError, SyntaxError, KeyError, StopIteration, ValueError):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
        returned = next(n for n in functions["list_fewshot_samples"].body if isinstance(n, ast.Return)).value
        return list(ast.literal_eval(returned or "[]"))


def _shots_in(path: Path, *faults: type[Exception]) -> AbstractContextManager[None]:
    wanted = f"the few-shot exemplars in lm-eval's {path.parent.name}/{path.name}"
    fix = "install an lm-eval that has them (0.4.12 and 0.4.13 do)"
    return as_error(TaskError, wanted, fix, *faults, named=True)
