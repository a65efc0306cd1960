"""What a score is of several answers, by its name: maj@8, pass@4, pass_at_4, majority_correct, maj@n:n=8, cons@64."""

import re

# What the names of verdicts of one answer are made of. Another name may be that of the best, or of the last.
GRADED = re.compile(
    r"(?:(?:is|our|ours|the|math|gsm8k|aime|model(?!_graded)|rule|sympy|symbolic|string|numeric\w*|exact|strict|flexible|quasi"
    r"|regex|pattern|answer|final|extract\w*|express\w*|equiv\w*|match\w*|verif\w*|grade\w*|check\w*|scorer"
    r"|score|includes?|correct\w*|acc\w*|label|eval|em|qem|f1|choice|value|based|hendrycks|responses|prime|dapo|mean|rubric"
    r"|partial)_*)+"
)
# A vote or a choice among several; `pass` only with how many of them, for it may be the word.
_OF_SEVERAL = re.compile(
    r"(?i)(?:^|[_.\s-])(?:(?P<votes>maj(?:ority)?|mv|vot(?:e|es|ed|ing)|cons(?:ensus)?|sc|self_?consistency|ensemble)"
    r"|pass(?=\W|_?\d|_at)|any|some|best|bon|bo(?=\d)|oracle|cov(?:erage)?|[pr]m|weighted|top)"
    r"(?:@|_(?:of|at)_|_)?(?:[nk]:[nk]=)?(?P<of>\d*)(?=[_.&:,\s]|$)"
)
# How a grade came about, by its name.
_GRADERS = {"judge": r"judge|llm|gpt|model_graded", "strict": "strict", "flexible": "flexible"}


def of_several(name: str | None, k: int) -> tuple[str, int] | None:
    """Return what a score of this name is, a vote or whether any is right, and of how many answers; k: of as many as
    there are, where the name does not say. None where the name says neither.

    >>> of_several("maj@8", 64)
    ('maj@k', 8)
    """
    found = _OF_SEVERAL.search(name or "")
    if found is None or found["of"] == "1":
        return None
    return "maj@k" if found["votes"] else "pass@k", int(found["of"] or k)


def grader_named(name: str | None) -> str | None:
    """Return the kind of a grader that the name of its grade says, None where it does not."""
    found = (kind for kind, words in _GRADERS.items() if re.search(words, name or "", re.IGNORECASE))
    return next(found, None)
