"""Days of the week and months by name, which are no units and no remarks: another one is another answer."""

import re

from lm_eval_mathtasks.grading.verdict import Status, Verdict

NAMES = (
    r"\b(?:Mon(?:day)?|Tue(?:s(?:day)?)?|Wed(?:nesday)?|Thu(?:r(?:s(?:day)?)?)?|Fri(?:day)?|Sat(?:urday)?|Sun(?:day)?"
    r"|Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sep(?:t(?:ember)?)?|Oct(?:ober)?"
    r"|Nov(?:ember)?|Dec(?:ember)?)\b"
)
_NAME = re.compile(rf"{NAMES}\.?")
# A number ends where its digits do: splitting a long one in every way would take forever.
_DATE = re.compile(rf"(?:{_NAME.pattern}|\b(?:the|of|on)\b|\d{{1,4}}(?!\d)(?:st|nd|rd|th)?|[\s,])+")


def compare_dates(gold: str, pred: str) -> Verdict | None:
    """Compare two answers that name days or months; None where one names none, or more than dates has to be read.

    >>> [str(compare_dates("May 10, 2020", p).status) for p in ("10 June 2020", "10 May 2020", "Sunday, 10 May 2020")]
    ['incorrect', 'correct', 'over_limit']
    """
    ours, theirs = ({name[0][:3] for name in _NAME.finditer(text)} for text in (pred, gold))
    if not (ours and theirs):
        return None
    if ours - theirs and theirs - ours:
        return Verdict(Status.INCORRECT, "another day or month", "structure")
    numbers = [sorted(map(int, re.findall(r"\d+", text))) for text in (gold, pred) if _DATE.fullmatch(text)]
    if len(numbers) < 2 or not numbers[0] or numbers[0] != numbers[1]:
        return None
    if ours == theirs:
        return Verdict(Status.CORRECT, "the same date", "structure")
    return Verdict(Status.OVER_LIMIT, "only one side names a day", "structure")
