"""Judge: what did the response answer, and is that the reference answer?

Pure functions of text: no lm-eval, no datasets, no network, no signal; sympy is imported only when an answer
needs it. `extract_answer(response) -> Extraction`, `grade(gold=..., pred=...) -> Verdict`.
"""

from lm_eval_mathtasks.grading.batch import grade_many
from lm_eval_mathtasks.grading.extract import extract_answer
from lm_eval_mathtasks.grading.grade import grade, normal_form
from lm_eval_mathtasks.grading.verdict import Extraction, Status, Verdict

__all__ = ["Extraction", "Status", "Verdict", "extract_answer", "grade", "grade_many", "normal_form"]
