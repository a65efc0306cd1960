"""What a score is of several answers, by its name: maj@8, pass@4, pass_at_4, majority_correct, maj@n:n=8, cons@64."""

import re

_OF_SEVERAL = re.compile(
    r"(?i)(?:^|[_-])(?:(?P<votes>maj(?:ority)?|vot(?:e|ed|ing)|cons(?:ensus)?)[@_]?(?:at_?)?(?:n:n=)?(?P<voters>\d*)"
    r"|(?:pass[@_]?(?:at_?)?(?:k:k=)?(?P<of>\d+)|any|best))(?=[_&:,]|$)"
)


def of_several(name: str | None, k: int) -> tuple[str, int] | None:
    """Return what a score of this name is, a vote or whether any is right, and of how many answers; k: of as many as
    there are, where the name does not say. None where the name says neither.

    >>> of_several("maj@8", 64)
    ('maj@k', 8)
    """
    found = _OF_SEVERAL.search(name or "")
    if found is None or found["of"] == "1":
        return None
    return "maj@k" if found["votes"] else "pass@k", int(found["voters"] or found["of"] or k)
