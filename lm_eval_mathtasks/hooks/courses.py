"""OCWCourses, the university problems of the Minerva paper, which publications call Minerva Math."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lm_eval_mathtasks.hooks.documents import renamed
from lm_eval_mathtasks.hooks.errata import with_errata
from lm_eval_mathtasks.hooks.scoring import BOXED, Doc, Scores, same_text
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
    return with_errata("minerva-math", doc, gold_minerva_math(doc), results, asked_for=BOXED, same=same_text)
