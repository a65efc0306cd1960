"""From the cleaned text of an answer to an `Expr`: words, times of day and numbers first, then the parser."""

import re
from functools import lru_cache

from lm_eval_mathtasks.grading.asides import BRACKET_AT_END, behind_label, without_asides, wrap_words
from lm_eval_mathtasks.grading.ellipsis import resolve, written_out
from lm_eval_mathtasks.grading.exact import same_form
from lm_eval_mathtasks.grading.expr import Expr, num, numeral_value
from lm_eval_mathtasks.grading.inequalities import as_set
from lm_eval_mathtasks.grading.latex import Unreadable, number, read_latex
from lm_eval_mathtasks.grading.normalize import closing_brace
from lm_eval_mathtasks.grading.numerals import ordinal, spelled
from lm_eval_mathtasks.grading.rounding import shows
from lm_eval_mathtasks.grading.shapes import shape
from lm_eval_mathtasks.grading.units import read_clock
from lm_eval_mathtasks.grading.vocabulary import FUNCTIONS, SMALL_WORDS

_THOUSANDS = re.compile(r"(?<![\d.,])(\d{1,3})((?:,\d{3})+)(?![\d,])")
# "1 234 567", "1'234'567", "1_234_567", "12,34,567", with what is counted
_SPACED_THOUSANDS = re.compile(
    r"(-?(?:\\\$)?)(\d{1,3}(?:(?: \d{3})+|(?:'\d{3})+|(?:_\d{3})+)|\d{1,2}(?:,\d{2})+,\d{3})(?:[.,](\d+))?"
    r"((?:\s|\\text\{|[€£])[^\d,;=]*)?"
)
# "1.000,99" and "7.425.000" can only be European; "1.000" alone cannot be told from a decimal
_DOTTED_THOUSANDS = re.compile(r"-?(?:\\\$)?\d{1,3}(?:(?:\.\d{3})+,\d+|(?:\.\d{3}){2,})")
_ONLY_A_CLOCK = re.compile(r":0\d|[a-z]", re.IGNORECASE)
_DECIMAL_COMMA = re.compile(r"[€£]?(-?\d+),(\d{1,2}|\d{4,})")
_PLAIN_NUMBER = re.compile(r"-?(?:\d+\.?\d*|\.\d+)")
# numerals as programs write them: 0xA3 is A3 in base 16, and 163
_PROGRAMMED = re.compile(r"0([xbo])([\da-fA-F]+)")
_BASES = {"x": 16, "b": 2, "o": 8}
_WORD = re.compile(r"[A-Za-z]{2,}")
_DATE = re.compile(
    r"(?:jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec|sun|mon|tues?|wed|thurs?|fri|sat)[a-z]*\.?,? \d{1,4}.*",
    re.IGNORECASE,
)
_PROSE = re.compile(r"[A-Za-z][A-Za-z'.,;\- ]*")
_LABELLED_WORDS = re.compile(r"[A-Z][a-z]+(?: [a-z]+){0,2}:\s*[\"']?([A-Za-z][A-Za-z '-]+)[\"']?")
_SET_BUILDER = re.compile(r"\\\{[^{}]*(?:\{[^{}]*\}[^{}]*)*(?:\||:|\\colon)(?:[^{}]|\{[^{}]*\})*\\\}")
# "7 (4 boys, 3 girls)"
_COUNTED = re.compile(r"\d [a-z]{3,}, \d")
_TWICE = re.compile(r"(\d{1,2}:\d\d[^()]*?)\s?\(([^()]+)\)")
_NAME = re.compile(r"(?<![\\a-zA-Z])[a-zA-Z](?![a-zA-Z])")
# The label of a part: "(a)", "b)", "c. ", "(ii)", "(2)", "Part B:"
_PART = re.compile(
    r"(?:(?:\band\s)?(?<![\w)^_}])\(?([a-h]|i{1,3}|iv|v|[1-8])\)|\b[Pp]art \(?([A-Ha-h1-8])\)?:"
    r"|(?<![\w().])([a-h])\.(?=\s))\s*"
)
_ORDERS = (list("abcdefgh"), ["i", "ii", "iii", "iv", "v"], list("12345678"))
# "7/2 or 3 1/2"
_OR = re.compile(r"\s*(?:,\s*)?(?:\\text\{\s*or\s*\}|\bor\b)\s*", re.IGNORECASE)
_LIST_OF_WORDS = re.compile(r"\s*(?:,\s*and\b|,|;|\band\b)\s*")
# Words between two commas that still make an item of a list, and not a clause of a sentence.
MAX_WORDS = 3


def is_worded(text: str) -> bool:
    """Is the text made of words (and not of variables, functions or units)?"""
    if _DATE.fullmatch(text) or text.lower() == "n/a":
        return True
    if not _PROSE.fullmatch(text):
        return False
    words = _WORD.findall(text)
    if "," in text or ";" in text:
        return any(len(w) > 3 and w not in FUNCTIONS for w in words)
    if text.lower() in SMALL_WORDS:
        return True
    return any((len(w) > 2 and w not in FUNCTIONS) or (len(w) == 2 and w[0].isupper()) for w in words)


def _words(text: str) -> tuple[Expr, ...]:
    """An answer in words; several with commas between them are a list, and a number word is a number."""
    parts = [p for p in _LIST_OF_WORDS.split(text) if p]
    if len(parts) < 2 or max(len(p.split()) for p in parts) > MAX_WORDS:
        return (Expr("text", name=text),)
    return (Expr("seq", tuple(Expr("text", name=p) for p in parts)),)


@lru_cache(maxsize=1024)
def readings(text: str) -> tuple[Expr, ...]:
    """Return the ways to read a cleaned answer, the likeliest first; empty if it is not understood.

    More than one: "1,234" is a number or a list, "3:30" a time or a ratio, "one" a number or a word.
    """
    if _PLAIN_NUMBER.fullmatch(text):
        return _parsed(text)
    text = written_out(text) if "brace" in text else text
    if parts := _parts(text):
        return (parts,)
    if written := _PROGRAMMED.fullmatch(text):
        numeral = Expr("base", name=f"{written[2].upper()}_{_BASES[written[1]]}")
        value = numeral_value(numeral)
        return _parsed(text) if value is None else (numeral, num(value))
    found: list[Expr] = []
    clock = read_clock(text)
    # "16:20 (4:20 PM)"
    if not clock and (twice := _TWICE.fullmatch(text)):
        told = [read_clock(part) for part in twice.groups()]
        clock = max((c for c in told if c), key=lambda c: c[3]) if all(told) else None
    if clock:
        found.append(Expr("clock", name=" ".join(map(str, clock))))
        # "2:00" and "4:30 p.m." are no ratios, "5:18" may be one
        if _ONLY_A_CLOCK.search(text):
            # "9 a.m." answers 9
            whole_hour = clock[3] and not clock[1] and not clock[2] and text[:1].isdigit()
            return (*found, Expr("unit", (num(clock[0]),), "o'clock")) if whole_hour else tuple(found)
    whole = text.startswith(r"\text{") and closing_brace(text, 5) == len(text) - 1
    words = text[6:-1].strip() if whole else text
    # "Ciphertext: ABC", "Shape: square"
    if label := _LABELLED_WORDS.fullmatch(words):
        words = label[1]
    # "fifth" and "5th"
    if (place := ordinal(words)) is not None:
        found.append(Expr("unit", (num(place),), "th"))
    numerals = spelled(words)
    # "half past seven"
    if numerals != words and (clock := read_clock(numerals)):
        found.append(Expr("clock", name=" ".join(map(str, clock))))
    if is_worded(words):
        if numerals != words:
            found.extend(_one_spelling(text, read) for read in _mathematics(numerals))
        # CD = DC as a segment and abc = bca as a product, but no anagram of a longer word
        short = words.lower() not in SMALL_WORDS and (
            len(words) == 2 or (len(words) == 3 and words.islower())
        )
        return (*found, *_words(words), *(_parsed(words) if short and not whole else ()))
    found.extend(_one_spelling(text, read) for read in _mathematics(numerals))
    return tuple(dict.fromkeys(found)) or (_words(words) if whole else ())


def _one_spelling(text: str, read: Expr) -> Expr:
    """Return the one value that a text gives in several spellings, "12 or twelve"; "4 or 4" are two."""
    spellings = _OR.split(text) if read.op == "seq" and len(set(read.args)) == 1 else []
    return read.args[0] if len(set(spellings)) == len(read.args) > 1 else read


def _parts(text: str) -> Expr | None:
    """Read the parts that an answer labels in turn, "(a) 3 (b) 4" or "(i) 3, (ii) 4", as values with names."""
    marks = list(_PART.finditer(text)) if ")" in text or ":" in text or ". " in text else []
    names = [next(filter(None, mark.groups())).lower() for mark in marks]
    if (
        len(names) < 2
        or marks[0].start()
        or not any(sorted(names) == order[: len(names)] for order in _ORDERS)
    ):
        return None
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    contents = [text[m.end() : end].strip(" ,;.") for m, end in zip(marks, ends, strict=True)]
    read = [readings(content)[:1] if content else () for content in contents]
    return Expr("record", tuple(r[0] for r in read), "\n".join(names)) if all(read) else None


def _mathematics(text: str) -> tuple[Expr, ...]:
    """The readings of a text that is not of words only."""
    core, condition = without_asides(text)
    core = wrap_words(_without_explanation(core))
    # "25 @ $18": so many at that price
    core = f"({core.replace('@', ',')})" if core.count("@") == 1 else core
    joined = _joined(core)
    found = list(_parsed(joined))
    if joined != core:
        found.extend(read for read in _parsed(core) if read.op == "seq")
    if not found and (value := behind_label(core)):
        found.extend(_parsed(_joined(value)))
    if not found and _SET_BUILDER.fullmatch(core):
        found.append(Expr("builder", name=re.sub(r"\s", "", core)))
    if condition:
        given = _parsed(condition)
        if given and (given[0].op == "rel" or as_set(given[0])):
            found = [Expr("given", (read, given[0])) for read in found]
    return tuple(found)


def _without_explanation(text: str) -> str:
    """Leave out brackets behind a blank that say the value before them again: "11 (5 + 6)" is 11, "2(1 + 1)" is 4."""
    bracket = BRACKET_AT_END.search(text)
    if bracket and _COUNTED.search(bracket[1]):
        return text[: bracket.start()]
    if bracket and text.endswith(f" ({bracket[1]})") and not _NAME.search(bracket[1]):
        before, inside = _parsed(text[: bracket.start()]), _parsed(bracket[1])
        if before and inside and same_form(before[0], inside[0]):
            return text[: bracket.start()]
        # "1/3 (0.333)" gives two spellings
        if before and inside and shows(before[0], inside[0]):
            return rf"{text[: bracket.start()]} \text{{or}} {bracket[1]}"
    return text


def _joined(text: str) -> str:
    """Remove the thousands separators of numbers that stand outside brackets."""
    spaced = _SPACED_THOUSANDS.fullmatch(text)
    if spaced:
        return (
            spaced[1]
            + re.sub(r"\D", "", spaced[2])
            + ("." + spaced[3] if spaced[3] else "")
            + (spaced[4] or "")
        )
    if _DOTTED_THOUSANDS.fullmatch(text):
        return text.replace(".", "").replace(",", ".")
    if "," not in text:
        return text

    def join(match: re.Match[str]) -> str:
        before = text[: match.start()]
        if before.count("(") + before.count("[") + before.count(r"\{") > before.count(")") + before.count(
            "]"
        ) + before.count(r"\}"):
            return match.group()
        return match.group().replace(",", "")

    return _THOUSANDS.sub(join, text)


def _parsed(text: str) -> tuple[Expr, ...]:
    if _PLAIN_NUMBER.fullmatch(text):
        try:
            value = number(text.lstrip("-"))
        except Unreadable:
            return ()
        return (value._replace(value=-value.value) if text.startswith("-") else value,)
    try:
        read = read_latex(text)
        return (shape(resolve(read) if "dots" in text or ".." in text else read),)
    except (Unreadable, RecursionError):
        return ()


def decimal_comma(text: str) -> Expr | None:
    """Read "2,74" as 2.74; asked only when the gold is a decimal."""
    match = _DECIMAL_COMMA.match(text)
    if not match or (match.end() < len(text) and not re.fullmatch(r"\s*[^\d,]*", text[match.end() :])):
        return None
    read = _parsed(f"{match.group(1)}.{match.group(2)}")
    return read[0] if read else None


def rounded_side(text: str) -> Expr | None:
    r"""Read the decimal of "16\sqrt{8}/3 \approx 15.08"; asked only when the gold is a number."""
    _, sign, after = text.rpartition(r"\approx")
    read = _parsed(after.strip()) if sign else ()
    return read[0] if read else None
