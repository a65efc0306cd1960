"""Numbers in English words: "three hundred", "two thirds", "three and a half", "two and a half million"."""

import re
from fractions import Fraction

_SMALL = re.findall(
    r"\w+",
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
    " eighteen nineteen",
)
_TENS = re.findall(r"\w+", "twenty thirty forty fifty sixty seventy eighty ninety")
_NUMBERS = {word: number for number, word in enumerate(_SMALL)}
_NUMBERS |= {word: 10 * number for number, word in enumerate(_TENS, 2)}
# Words that multiply the number before them.
MAGNITUDES = {
    "dozen": 12, "hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12,
}  # fmt: skip
_IRREGULAR = {
    "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth",
    "twelve": "twelfth",
}  # fmt: skip
_CARDINALS = {
    _IRREGULAR.get(word) or (f"{word[:-1]}ieth" if word.endswith("y") else f"{word}th"): word
    for word in {**_NUMBERS, **MAGNITUDES}
}
PARTS = {"half": 2, "halves": 2, "quarter": 4, "quarters": 4}
PARTS |= {
    word + s: size
    for word, one in _CARDINALS.items()
    for s in ("", "s")
    if (size := {**_NUMBERS, **MAGNITUDES}[one]) > 2
}

_KNOWN = {*_NUMBERS, *MAGNITUDES, *PARTS, "and", "a", "an"}
_ANY = "|".join(sorted({*_NUMBERS, *MAGNITUDES, *PARTS}, key=lambda word: (-len(word), word)))
# A run of number words, as a pattern.
RUN = (
    rf"(?<![\w\\(-])(?:an?[\s-]+)?(?:{_ANY})"
    rf"(?:(?:(?:(?<=thousand)|(?<=illion)),)?[\s-]+(?:and\s+)?(?:an?\s+)?(?:{_ANY}))*(?![\w-])"
)
_RUN = re.compile(
    rf"(?<!\bno )(?<!\bany )(?<!\bevery )(?<!\bthis )(?<!\bthat )(?<!\bwhich ){RUN}", re.IGNORECASE
)
# "seven point two", when its numbers are numerals
_POINT = re.compile(r"\b(\d+) point (\d+)\b", re.IGNORECASE)
# "3 to the fourth power"
_POWER = re.compile(r"\b(\d+) to the ([a-z-]+|\d{1,3}(?:st|nd|rd|th)) power\b", re.IGNORECASE)
_PART = "|".join(PARTS)
_BEFORE_A_PART = re.compile(rf"(\d+)\s+and\s+(?:an?|one)[\s-]+({_PART})\b", re.IGNORECASE)

# "an hour and a half", "2 cups and a quarter"
_BEHIND_A_NOUN = re.compile(
    rf"\b(an?|one|\d+)\s+(?!(?:{'|'.join(MAGNITUDES)})\b)([a-z]+)\s+and\s+(?:an?|one)[\s-]+({_PART})(?![\w-])",
    re.IGNORECASE,
)
# "half a cup", "a quarter of an hour"
_OF_ONE = re.compile(rf"\b({_PART})\s+(?:of\s+)?an?\s+(?=[a-z]{{2}})", re.IGNORECASE)


def in_words(text: str) -> Fraction | None:
    """Return the number that a text of words is, None if it is none.

    >>> in_words("two and a half million")
    Fraction(2500000, 1)
    """
    words = re.findall(r"[a-z]+", text.lower())
    if not words or any(word not in _KNOWN for word in words):
        return None
    scale = Fraction(1)
    if words[-1] in MAGNITUDES and any(word in PARTS for word in words):
        scale = Fraction(MAGNITUDES[words.pop()])
    if words[-1] not in PARTS:
        whole = _integer(words)
        return None if whole is None else Fraction(whole)
    part = words.pop()
    head, tail = [], words
    if "and" in words:
        at = len(words) - 1 - words[::-1].index("and")
        head, tail = words[:at], words[at + 1 :]
    count = 1 if tail in (["a"], ["an"], ["one"]) or (not tail and part == "half") else _integer(tail)
    if count is None or (count == 1) == part.endswith("s"):
        return None
    whole = _integer(head) if head else 0
    return None if whole is None else (whole + Fraction(count, PARTS[part])) * scale


def ordinal(text: str) -> Fraction | None:
    """Return the place that a text of words names, None if it names none.

    >>> ordinal("the twenty-fifth")
    Fraction(25, 1)
    """
    *before, last = text.lower().removeprefix("the ").replace("-", " ").split() or [""]
    return in_words(" ".join([*before, _CARDINALS[last]])) if last in _CARDINALS else None


def _integer(words: list[str]) -> int | None:
    total, current, largest = 0, 0, 10**15
    if not words or words[-1] in {"and", "a", "an"} or words[0] in MAGNITUDES:
        return None
    for position, word in enumerate(words):
        if word in {"a", "an"}:
            if position or words[1] not in MAGNITUDES:
                return None
            current = 1
        elif word == "and":
            if words[position - 1] not in MAGNITUDES:
                return None
        elif word in _NUMBERS:
            size = _NUMBERS[word]
            free = current % 100 == 0 or (size < 10 and current % 10 == 0 and current % 100 >= 20)
            if not free or (position and not size):
                return None
            current += size
        elif word in {"hundred", "dozen"}:
            if current >= 100 or (position and not current):
                return None
            current = max(current, 1) * MAGNITUDES[word]
        else:
            if MAGNITUDES[word] >= largest or (position and not current):
                return None
            largest = MAGNITUDES[word]
            total, current = total + max(current, 1) * largest, 0
    return total + current


def _powered(match: re.Match[str]) -> str:
    power = ordinal(match[2]) if match[2][0].isalpha() else Fraction(re.sub(r"\D", "", match[2]))
    return match[0] if power is None else f"{match[1]}^{{{power}}}"


def spelled(text: str) -> str:
    """Return a text with its number words as numerals: "four apples" as "4 apples", "one half" as "1/2"."""

    def replace(match: re.Match[str]) -> str:
        value = in_words(match[0])
        # "8 below zero" is -8, not two numbers
        if value == 0 and match.string.endswith("below ", 0, match.start()):
            return match[0]
        if value is not None:
            return str(value)
        # "one and two" are two numbers
        parts = re.split(r"(\s+and\s+)", match[0])
        values = [in_words(part) for part in parts[::2]]
        if len(parts) < 3 or None in values:
            return match[0]
        return "".join(str(v) + joint for v, joint in zip(values, [*parts[1::2], ""], strict=True))

    def added(match: re.Match[str]) -> str:
        whole = int(match[1]) if match[1].isdigit() else 1
        return f"{whole + Fraction(1, PARTS[match[3].lower()])} {match[2]}"

    text = _OF_ONE.sub(r"\1 ", _BEHIND_A_NOUN.sub(added, text))
    text = _BEFORE_A_PART.sub(lambda m: str(int(m[1]) + Fraction(1, PARTS[m[2].lower()])), text)
    new = _POWER.sub(_powered, _POINT.sub(lambda m: f"{m[1]}.{m[2]}", _RUN.sub(replace, text)))
    # "four (4)"
    return new if new == text else re.sub(r"\b(\d+)\s*\(\s*\1\s*\)", r"\1", new)
