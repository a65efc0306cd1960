"""Days of the week and months by name: no units and no remarks, so that another one is another answer."""

import re

_NAME = re.compile(
    r"\b(?:Mon(?:day)?|Tue(?:s(?:day)?)?|Wed(?:nesday)?|Thu(?:r(?:s(?:day)?)?)?|Fri(?:day)?|Sat(?:urday)?|Sun(?:day)?"
    r"|Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sep(?:t(?:ember)?)?|Oct(?:ober)?"
    r"|Nov(?:ember)?|Dec(?:ember)?)\b\.?"
)
_DATE = re.compile(rf"(?:{_NAME.pattern}|\b(?:the|of|on)\b|\d{{1,4}}(?:st|nd|rd|th)?|[\s,])+")


def other_date(gold: str, pred: str) -> bool | None:
    """Do two answers name other days or months? None where one of them names none, or both the same beside more than
    the numbers of a date.

    >>> other_date("May 10, 2020", "10 June 2020"), other_date("March 5th", "5 March"), other_date("Monday", "5")
    (True, False, None)
    """
    named = [sorted(name[0][:3] for name in _NAME.finditer(text)) for text in (gold, pred)]
    if not all(named):
        return None
    if named[0] != named[1]:
        return True
    numbers = [sorted(map(int, re.findall(r"\d+", text))) for text in (gold, pred) if _DATE.fullmatch(text)]
    return False if len(numbers) == 2 and numbers[0] == numbers[1] else None
