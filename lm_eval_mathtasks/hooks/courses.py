"""OCWCourses, the university problems of the Minerva paper, which publications call Minerva Math."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lm_eval_mathtasks.hooks.documents import renamed
from lm_eval_mathtasks.hooks.scoring import BOXED, Doc, Format, Scores, same_text, score_doc
from lm_eval_mathtasks.problems.sources import load

if TYPE_CHECKING:
    from datasets import Dataset


def load_minerva_math(**metadata: Any) -> dict[str, Dataset]:
    """The 272 problems from MIT OpenCourseWare that Lewkowycz et al. (2022) collected."""
    return load("minerva-math", metadata)


def docs_minerva_math(dataset: Dataset) -> Dataset:
    """Rename `answer` to `gold`."""
    return renamed(dataset, "minerva-math")


def gold_minerva_math(doc: Doc) -> str:
    """The reference answer, as published, but for one that is Python code ("np.arcsin(10/13)") and one whose formula
    is broken in two ("$ $")."""
    return str(doc["gold"]).replace("np.", "\\").replace("$ $", " ")


def score_minerva_math(doc: Doc, results: Sequence[Any]) -> Scores:
    """Scores of a response that was asked for `\\boxed{...}`."""
    return score_doc(Format("minerva-math", BOXED, same_text), doc, gold_minerva_math(doc), results)
