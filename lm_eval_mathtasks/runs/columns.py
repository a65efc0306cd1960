"""The one table of what harnesses and data sets call the columns of their lines and docs.

Every fact has a mapping from a column's name to who writes it, in the order in which a reader looks for them. For
another harness, add its names where they belong in that order; nothing else needs to know them. Looked up in the
sources of these projects in 2026. Lines that hold their facts in nested objects are flattened first (`nested_lines.py`,
`inspect_logs.py`, `messages.py`).
"""

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, TypedDict

from lm_eval_mathtasks.errors import EvidenceError
from lm_eval_mathtasks.problems.gold import reference_text

Names = Mapping[str, str]

QUESTION: Names = {
    "question": "ours, GSM8K, Qwen2.5-Math, OlympiadBench, evalscope",
    "problem": "MATH, AIME, NeMo-Skills",
    "Question": "copies of SVAMP and others",
    "Problem": "copies of AIME",
    "query": "lighteval, MetaMath",
    "input": "BIG-Bench, verl",
    "instruction": "WizardMath, Alpaca",
}
# A reference answer, or a reference that holds one. The names in UNSURE are also what some files call an answer or a
# solution of the model: `references.chosen` tells which it is.
GOLD: Names = {
    "gold": "ours, OpenCompass, lighteval, comparisons of graders",
    "gt": "Qwen2.5-Math, ToRA",
    "gts": "verl",
    "expected_answer": "NeMo-Skills",
    "reference_answer": "scripts",
    "ground_truth_answer": "PRM800K",
    "gold_answer": "scripts",
    "correct_answer": "scripts",
    "ground_truth": "scripts",
    "target": "lm-eval, evalscope, Inspect",
    "answer": "GSM8K, MATH-500, AIME, Omni-MATH, DeepSeek-Math",
    "final_answer": "OlympiadBench",
    "Answer": "copies of AIME and SVAMP",
    "reference": "scripts",
    "solution": "MATH",
    "answer_number": "MGSM, whose test docs have no answer in words",
}
UNSURE = frozenset({"answer", "final_answer", "solution"})
ID: Names = {
    "id": "ours, Inspect",
    "doc_id": "lm-eval",
    "doc": "files of scores",
    "idx": "Qwen2.5-Math, ToRA",
    "problem_id": "scripts",
    "question_id": "scripts",
    "unique_id": "MATH-500",
    "index": "evalscope",
    "sample_id": "evalscope",
}
REPEAT: Names = {
    "repeat": "ours",
    "sample": "scripts",
    "sample_index": "scripts",
    "attempt": "scripts",
    "epoch": "Inspect",
    "trial": "scripts",
}
# The whole text of a response, or a list of several.
RESPONSE: Names = {
    "responses": "ours",
    "response": "ours",
    "model_responses": "scripts",
    "model_response": "scripts",
    "generations": "scripts",
    "generation": "NeMo-Skills",
    "completions": "scripts",
    "completion": "TRL, OpenAI's older models",
    "model_outputs": "scripts",
    "model_output": "DeepSeek-Math",
    "outputs": "scripts around vLLM",
    "output": "verl, scripts around vLLM",
    "raw_output": "scripts",
    "code": "Qwen2.5-Math, ToRA",
    "model_generation": "Omni-MATH's scripts",
    "generated_text": "transformers' pipelines",
}
# What the model answered. Where no column of the above is there, those of WHOLE_TEXT may hold all of it.
ANSWER: Names = {
    "predictions": "scripts",
    "prediction": "OpenCompass, DeepSeek-Math, comparisons of graders",
    "pred": "Qwen2.5-Math, ToRA",
    "predicted_answer": "NeMo-Skills",
    "extracted_answer": "scripts",
    "model_answer": "scripts",
}
WHOLE_TEXT = ("predictions", "prediction")
# Lists of responses, where none of the above is there; a single text under these names is no response.
CANDIDATES: Names = dict.fromkeys(("samples", "candidates", "solutions", "answers"), "files of best-of-n")
# Whether a response is right; so says any column that is called like VERDICT_LIKE and holds 0 and 1.
VERDICT: Names = {
    "label": "ours",
    "correct": "OpenCompass",
    "is_correct": "NeMo-Skills",
    "symbolic_correct": "NeMo-Skills",
    "judge_correct": "NeMo-Skills",
    "correctness": "scripts",
    "accuracy": "scripts",
    "acc": "evalscope",
    "score": "Qwen2.5-Math",
    "model_responses__eval_is_correct": "scripts",
}
VERDICT_LIKE = re.compile(r".+_(score|correct|acc)")
MODEL: Names = {"model": "ours, evalscope", "model_name": "scripts", "model_id": "evalscope"}
TASK: Names = {
    "dataset": "ours, Abel",
    "task": "ours, Inspect",
    "benchmark": "scripts",
    "data_name": "Qwen2.5-Math",
}
FINISH: Names = {
    "finish_reason": "ours, OpenAI, vLLM",
    "finish_reasons": "ours",
    "stop_reason": "Inspect, evalscope, Anthropic",
}
TOKENS: Names = {
    "num_generated_tokens": "NeMo-Skills",
    "completion_tokens": "OpenAI",
    "output_tokens": "Anthropic",
    "generated_tokens": "scripts",
}
SUBJECT: Names = {"subject": "MATH-500", "type": "MATH", "subfield": "OlympiadBench", "Subject": "copies"}
LEVEL: Names = {"level": "MATH, MATH-500", "difficulty": "Omni-MATH", "Level": "copies"}
# A doc's place in the set that it was made from, and which draw of names and numbers it is.
ORIGINAL: Names = {"original_id": "GSM-Symbolic"}
INSTANCE: Names = {"instance": "GSM-Symbolic"}


# What a set says of all its docs, which is not about how they were asked.
_OF_THE_SET = """
    prompt messages subset source data_source lang language category topic ability license url version
    timestamp date
"""
KNOWN = frozenset(_OF_THE_SET.split()).union(
    QUESTION, GOLD, ID, REPEAT, RESPONSE, ANSWER, CANDIDATES, VERDICT, MODEL, TASK, FINISH, TOKENS, SUBJECT, LEVEL,
    ORIGINAL, INSTANCE, {"truncated", "judgement", "error"},
)  # fmt: skip


# What a user may name a column for: the names it then stands instead of, and the one under which it is read.
FACTS: Mapping[str, tuple[tuple[str, ...], str]] = {
    "response": ((*RESPONSE, *WHOLE_TEXT, *CANDIDATES), "response"),
    "gold": (tuple(GOLD), "gold"),
    "question": (tuple(QUESTION), "question"),
    "id": (tuple(ID), "id"),
    "repeat": (tuple(REPEAT), "repeat"),
    "verdict": (tuple(VERDICT), "label"),
    "finish": (tuple(FINISH), "finish_reason"),
    "model": (tuple(MODEL), "model"),
    "task": (tuple(TASK), "dataset"),
}


def with_chosen(line: Mapping[str, Any], chosen: Mapping[str, str], place: str) -> dict[str, Any]:
    """Return a line in which the chosen columns stand for their facts, and others that might do not.

    Raises EvidenceError for a fact that there is not, and for a column that the line lacks.
    """
    named = dict(line)
    for fact, column in chosen.items():
        if fact not in FACTS:
            wanted = f"columns named as FACT=COLUMN, FACT being one of {', '.join(FACTS)}"
            raise EvidenceError(wanted, f"{fact}={column}", "correct --columns")
        if column not in line:
            fix = "correct --columns"
            raise EvidenceError(f"a column `{column}` in {place}", f"only {', '.join(line)}", fix)
        for name in FACTS[fact][0]:
            other = named.pop(name, None)
            # What a log itself calls its model stays to be seen.
            if fact == "model" and name != column and other is not None:
                named["other_model"] = other
    return named | {FACTS[fact][1]: line[column] for fact, column in chosen.items()}


class OfDoc(TypedDict):
    """What a data set says of a doc besides its question and answer; None where it does not."""

    subject: str | None
    level: str | None
    original: str | None
    instance: str | None


def of_doc(doc: Mapping[str, Any]) -> OfDoc:
    """Return what a doc, or a line that holds one, says of itself."""
    subject, level, original, instance = (
        first_text(doc, names) for names in (SUBJECT, LEVEL, ORIGINAL, INSTANCE)
    )
    return {"subject": subject, "level": level, "original": original, "instance": instance}


def first_text(row: Mapping[str, Any], names: Iterable[str]) -> str | None:
    """Return the first of these columns that holds something, as text; a list is joined by commas."""
    texts = (text for name in names if (text := cell_text(row.get(name))) is not None)
    return next(texts, None)


def cell_text(value: Any) -> str | None:
    """Return a value as text; None for nothing, for an object, and for NaN, as which a table writes a missing text."""
    nothing = value in (None, "", []) or (isinstance(value, float) and math.isnan(value))
    return None if nothing or isinstance(value, dict) else reference_text(value)
