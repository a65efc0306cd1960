"""What the task YAMLs name: the only module between lm-eval and the rest of this package.

For each family: `load_*` (custom_dataset), `docs_*` (process_docs: renames columns, nothing else, because lm-eval
caches its result without looking at our code), `gold_*` (doc_to_target), `score_*` (process_results) and `shots_*`
(few-shot exemplars, read at run time from the installed lm-eval: they are other people's text).

A `score_*` takes a doc and `[response]` (or `[[response, ...]]`) and returns numbers only; it never raises, because
lm-eval would lose every response of the run. A response that is missing (an API error) gives `api_error` and no
accuracy: it is not wrong, it is not there.
"""

from __future__ import annotations

import ast
import logging
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lm_eval_mathtasks.errors import TaskError
from lm_eval_mathtasks.grading import Extraction, Status, Verdict, extract_answer, grade
from lm_eval_mathtasks.metrics import response_scores
from lm_eval_mathtasks.sources import SOURCES, load

if TYPE_CHECKING:
    from datasets import Dataset

Doc = Mapping[str, Any]
Scores = dict[str, float]

log = logging.getLogger(__name__)

# Which extraction rules count as "in the format that was asked for", per prompt.
BOXED = frozenset({"box"})
THE_ANSWER_IS = frozenset({"statement"})
FINAL_ANSWER = frozenset({"final_answer"})
SOLUTION_TAG = frozenset({"tag"})
ANY_RULE: frozenset[str] = frozenset()

_THINKING = re.compile(r"<start_working_out>.+?<end_working_out>", re.S)
_SOLUTION = re.compile(r"<SOLUTION>.+?</SOLUTION>", re.S)
_AROUND_NUMBER = re.compile(r"[\s$,]|\.$")


# --- GSM8K


def load_gsm8k(**metadata: Any) -> dict[str, Dataset]:
    """GSM8K's test set."""
    return load("gsm8k", metadata)


def load_sample_gsm8k(**metadata: Any) -> dict[str, Dataset]:
    """The bundled grade-school sample."""
    return load("sample-gsm8k", metadata)


def docs_gsm8k(dataset: Dataset) -> Dataset:
    """Rename `answer` (solution and `#### N`) to `gold`."""
    return dataset.rename_columns(dict(SOURCES["gsm8k"].rename))


def gold_gsm8k(doc: Doc) -> str:
    """The reference answer: what follows the last `####` of the reference solution."""
    return str(doc["gold"]).rsplit("####", 1)[-1].strip()


def shots_gsm8k() -> list[dict[str, str]]:
    """The 8 chain-of-thought exemplars of Wei et al. (2022, table 20), from lm-eval's `gsm8k_cot`.

    Each is {"question", "target"}. Raises TaskError if the installed lm-eval does not hold them where 0.4.13 does.
    """
    import yaml

    path = _lm_eval_tasks() / "gsm8k" / "gsm8k-cot.yaml"
    try:
        return list(yaml.safe_load(path.read_text(encoding="utf-8"))["fewshot_config"]["samples"])
    except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
        raise _no_shots(path, error) from error


def score_gsm8k_cot(doc: Doc, results: Sequence[Any]) -> Scores:
    """Scores of a few-shot response, which ends "The answer is N."."""
    return _score(gold_gsm8k(doc), results, asked_for=THE_ANSWER_IS, same=_same_number_text)


def score_gsm8k_boxed(doc: Doc, results: Sequence[Any]) -> Scores:
    """Scores of a response that was asked for `\\boxed{N}`."""
    return _score(gold_gsm8k(doc), results, asked_for=BOXED, same=_same_number_text)


def score_gsm8k_direct(doc: Doc, results: Sequence[Any]) -> Scores:
    """Scores of a response that was asked for a number and nothing else."""
    return _score(gold_gsm8k(doc), results, asked_for=ANY_RULE, same=_same_number_text)


def score_gsm8k_tags(doc: Doc, results: Sequence[Any]) -> Scores:
    """Scores of a response in the tags format, with the share of responses that hold each of its two parts."""
    scores = _score(gold_gsm8k(doc), results, asked_for=SOLUTION_TAG, same=_same_number_text)
    if "exact_match" in scores:
        text = str(_response(results))
        scores["thinking_proportion"] = float(bool(_THINKING.search(text)))
        scores["answer_proportion"] = float(bool(_SOLUTION.search(text)))
    return scores


# --- MATH


def load_math500(**metadata: Any) -> dict[str, Dataset]:
    """MATH-500: the 500 problems of MATH's test set that Lightman et al. (2023) held out."""
    return load("math500", metadata)


def load_sample_math(**metadata: Any) -> dict[str, Dataset]:
    """The bundled competition-style sample."""
    return load("sample-math", metadata)


def docs_math500(dataset: Dataset) -> Dataset:
    """Rename `problem` to `question` and `answer` to `gold`; subject, level and solution stay."""
    return dataset.rename_columns(dict(SOURCES["math500"].rename))


def gold_math500(doc: Doc) -> str:
    """The reference answer, as published."""
    return str(doc["gold"])


def shots_minerva() -> list[dict[str, str]]:
    """The 4 exemplars of Lewkowycz et al. (2022, appendix D.2), from lm-eval's `minerva_math`.

    Each is {"problem", "solution", ...}. The module is read, not imported: importing it needs other packages.
    Raises TaskError if the installed lm-eval does not hold them where 0.4.13 does.
    """
    path = _lm_eval_tasks() / "minerva_math" / "utils.py"
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
        returned = next(n for n in functions["list_fewshot_samples"].body if isinstance(n, ast.Return)).value
        return list(ast.literal_eval(returned or "[]"))
    except (OSError, SyntaxError, KeyError, StopIteration, ValueError) as error:
        raise _no_shots(path, error) from error


def score_math_boxed(doc: Doc, results: Sequence[Any]) -> Scores:
    """Scores of a response that was asked for `\\boxed{...}`, over all docs and by subject and level."""
    return _by_subject_and_level(doc, _score(gold_math500(doc), results, asked_for=BOXED, same=_same_text))


def score_math_fewshot(doc: Doc, results: Sequence[Any]) -> Scores:
    """Scores of a response in the exemplars' format, "Final Answer: The final answer is $...$."."""
    return _by_subject_and_level(
        doc, _score(gold_math500(doc), results, asked_for=FINAL_ANSWER, same=_same_text)
    )


def subject_key(subject: str) -> str:
    """Metric name of a MATH subject: "Counting & Probability" -> "exact_match_counting_and_probability"."""
    return "exact_match_" + re.sub(r"\W+", "_", subject.replace("&", "and")).strip("_").lower()


def _by_subject_and_level(doc: Doc, scores: Scores) -> Scores:
    if "exact_match" in scores:
        scores[subject_key(doc["subject"])] = scores["exact_match"]
        level = str(doc["level"]).removeprefix("Level ")  # MATH-500 has 4, MATH has "Level 4"
        scores[f"exact_match_level_{level}"] = scores["exact_match"]
    return scores


# --- shared by all families


def _response(results: Sequence[Any]) -> Any:
    """The response to score: lm-eval hands over `[response]`, or `[[response, ...]]` where a filter keeps all."""
    first = results[0] if results else None
    return first[0] if isinstance(first, list) and first else first


def _score(
    gold: str, results: Sequence[Any], *, asked_for: Collection[str], same: Callable[[str, str], bool]
) -> Scores:
    response = _response(results)
    if getattr(response, "error", None):
        return {"api_error": 1.0}
    extraction, verdict = _judge(gold, response)
    in_format = extraction.answer is not None and (not asked_for or extraction.rule in asked_for)
    same_text = in_format and same(gold, extraction.answer or "")
    cut_off = getattr(response, "finish_reason", None) == "length"
    return {**response_scores(extraction, verdict, same_text=same_text, cut_off=cut_off), "api_error": 0.0}


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


def _same_number_text(gold: str, answer: str) -> bool:
    """String equality but for `$`, thousands commas, white space and a final full stop, as lm-eval's gsm8k has it."""
    return _AROUND_NUMBER.sub("", gold) == _AROUND_NUMBER.sub("", answer)


def _same_text(gold: str, answer: str) -> bool:
    """String equality but for surrounding white space and dollar signs."""
    return gold.strip(" \n$") == answer.strip(" \n$")


def _lm_eval_tasks() -> Path:
    from importlib.util import find_spec

    spec = find_spec("lm_eval")
    if spec is None or not spec.submodule_search_locations:
        raise TaskError("an installed lm-eval", "none", "pip install 'lm-eval>=0.4.12'")
    return Path(spec.submodule_search_locations[0]) / "tasks"


def _no_shots(path: Path, error: Exception) -> TaskError:
    return TaskError(
        f"the few-shot exemplars in lm-eval's {path.parent.name}/{path.name}",
        f"{type(error).__name__}: {error}",
        "install an lm-eval that has them (0.4.12 and 0.4.13 do)",
    )
