"""Cut the cleaned text of an answer into tokens, for the parser in `latex`."""

import re
from typing import NamedTuple

from lm_eval_mathtasks.grading.languages import CHARACTERS, LINKS
from lm_eval_mathtasks.grading.normalize import closing_brace
from lm_eval_mathtasks.grading.phrases import is_bound
from lm_eval_mathtasks.grading.units import UNITS, is_unit_word, read_rate
from lm_eval_mathtasks.grading.vocabulary import (
    ALTERNATIVES,
    COMMAND_OPERATORS,
    COMMON_WORDS,
    CONSTANTS,
    DOTS,
    DROPPED_COMMANDS,
    FUNCTIONS,
    GREEK,
    NOUNS,
    PYTHON_WRAPPERS,
    SHORT_UNITS,
    SMALL_WORDS,
    SPELLED_BASES,
    WORD_SEPARATORS,
)


class Unreadable(Exception):
    """The text is not an answer that the reader understands; the message says where it stopped."""


class Token(NamedTuple):
    """kind: num · var · func · const · text · dots · sep · op (anything else); gap: was there a blank before it?"""

    kind: str
    text: str
    gap: bool = False


# More tokens than any real answer has; it bounds the parser's time.
MAX_TOKENS = 1_500

_NUMBER = re.compile(r"\d+\.?\d*(?:[eE][+-]?\d+(?![\d.a-zA-Z]))?|\.\d+(?:[eE][+-]?\d+)?")
# Two dots behind a letter are a slip of punctuation ("4:30p.."), and no ellipsis.
_ELLIPSIS = re.compile(r"\.{3,}|(?<![A-Za-z])\.\.")
_COMMAND = re.compile(r"\\([a-zA-Z]+|.)", re.DOTALL)
_LETTERS = re.compile(r"[A-Za-z]+")
# A word of another script or with a letter that English has not, "niños", and a currency. Chinese and Japanese are
# written without blanks: "A或B", "150万元".
_OTHER_SCRIPT = re.compile(
    rf"[{''.join(CHARACTERS)}]|[぀-ヿ㐀-鿿]+|[A-Za-z]*[À-ÖØ-öø-ɏ][A-Za-zÀ-ÖØ-öø-ɏ]*"
    r"|[^\W\d_a-zA-Z][^\W\d_]*|[€£¥₹¢]"
)
_WRITTEN_TOGETHER = re.compile(r"sqrt|arc(?:sin|cos|tan)|sin|cos|tan|log|ln|pi|[A-Za-z]")
# Letters beside a function's name that still make "2xsinx" a product, and not "business" a sine.
MAX_LOOSE_LETTERS = 2
_NO_ARGUMENT = re.compile(r"\s*(?:\Z|[.,;)]|\\text|\d+|[A-Za-z]{2,})")
_PLAIN_WORD = re.compile(r" ([a-z]{3,})(?![a-z(^_])")
_BELOW = re.compile(r"\s*/\s*([A-Za-z]{2,})")
# "2 h 30 min", "18 m de long", "18 g of fat"
_DIGIT_NEXT = re.compile(r"\s*(?:and\s+)?\d|\s(?:de|of|in|an?|per)\s[a-z]{2}")
# "18 litres de lait", "8 ways to do it"
_LINKS = LINKS | SMALL_WORDS - WORD_SEPARATORS
_HYPHENATED = re.compile(r"-([a-z]{3,})(?:-[a-z]+)*(?![a-z(^_])")
# "$18 a day"
_PERIOD = re.compile(r" (?:second|minute|hour|day|week|month|year|person|piece)\b")
_HYPHENS = re.compile(r"(?:-[A-Za-z]+)+")
# "9 (apples)", "20 (cm)", "18(本)": words of three letters or another script or a unit, with a power at most
_BRACKETED_WORDS = re.compile(
    r"\s*\(\s*(?:\\text\{\s*([^{}()]*?)\s*\}|"
    r"(?<=\s\()((?:[A-Za-z.,'-]+ )*(?:[A-Za-z][A-Za-z'-]{2,}|cm|mm|km|ft|in|kg|mi|lb|oz|hr)s?\.?)"
    r"|([^\W\d_a-zA-Z][^\W\d_]*))"
    r"\s*(?:\^\{?\d\}?\s*)?\)"
)
_JOINED_WORDS = re.compile(
    r"(?:(and|or)\b\s*)?((?!\s).*?)(?:(?:\s|,)+(and|or))?[\s,]*", re.DOTALL | re.IGNORECASE
)
_TWO_CHARS = {"**": "^", "<=": "<=", ">=": ">=", "->": "to", "==": "="}
_DEGREE = "^{\\circ}"
_BASED = re.compile(
    r"([A-Z]{0,8}\d[0-9A-Z]*(?:\.[0-9A-Z]+)?|[A-F]{2,8}(?=_\{?16\b))\s*_\s*\{?\s*(?:\\text\{)?\s*(-?\d+|[a-z]+)\s*\}{0,2}"
)


def _valid_base(digits: str, base: str) -> bool:
    """Plain digits may carry any subscript but a negative one; these, and letters, must be digits of that base."""
    if digits.replace(".", "").isdigit() and not base.startswith("-"):
        return True
    return not base.isalpha() and abs(int(base)) > max(1, *(int(d, 36) for d in digits if d != "."))


def joint_of(word: str) -> str:
    """Return "or" for a word that joins what one of holds, "and" for others."""
    return "or" if word.lower() in ALTERNATIVES else "and"


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text, self.at, self.out = text, 0, list[Token]()

    def emit(self, kind: str, text: str, gap: bool = False) -> None:
        self.out.append(Token(kind, text, gap))
        if len(self.out) > MAX_TOKENS:
            raise Unreadable("more tokens than an answer has")

    def run(self) -> list[Token]:
        while self.at < len(self.text):
            start = self.at
            while self.at < len(self.text) and self.text[self.at].isspace():
                self.at += 1
            if self.at < len(self.text):
                self.one(gap=self.at > start)
        return self.out

    def one(self, gap: bool) -> None:
        char = self.text[self.at]
        if char == "\\":
            self.command(gap)
        elif self.text.startswith(_DEGREE, self.at):
            self.at += len(_DEGREE)
            self.emit("op", "deg", gap)
        elif (match := _BASED.match(self.text, self.at)) and self.is_numeral(match):
            self.at = match.end()
            self.emit("base", f"{match.group(1)}_{SPELLED_BASES.get(match.group(2), match.group(2))}", gap)
        elif match := _ELLIPSIS.match(self.text, self.at):
            self.at = match.end()
            self.emit("dots", "...", gap)
        elif match := _NUMBER.match(self.text, self.at):
            self.at = match.end()
            self.emit("num", match.group(), gap)
        elif match := _OTHER_SCRIPT.match(self.text, self.at):
            self.at = match.end()
            self.emit("sep" if match.group() in WORD_SEPARATORS else "text", match.group(), gap)
        elif match := _LETTERS.match(self.text, self.at):
            self.at = match.end()
            self.letters(match.group(), gap)
        elif (
            char == "-" and not gap and (noun := _HYPHENATED.match(self.text, self.at)) and self.is_age(noun)
        ):
            self.at = noun.end()
            self.emit("text", noun.group()[1:])
        elif (two := self.text[self.at : self.at + 2]) in _TWO_CHARS:
            self.at += 2
            self.emit("op", _TWO_CHARS[two], gap)
        elif char in ",;\n@":
            self.at += 1
            self.emit("sep", char, gap)
        elif (
            char == "("
            and self.follows_value()
            and (match := _BRACKETED_WORDS.match(self.text, self.at - gap))
        ):
            self.at = match.end()
            self.emit("text", f"({next(filter(None, match.groups()))})", gap)
        elif char in "+-*/^_=<>()[]{}|!%'&:":
            self.at += 1
            self.emit("op", char, gap)
        else:
            raise Unreadable(f"unexpected {char!r}")

    def argument(self) -> str:
        """Return the braced text after a command and move behind it."""
        while self.at < len(self.text) and self.text[self.at].isspace():
            self.at += 1
        end = closing_brace(self.text, self.at) if self.text[self.at : self.at + 1] == "{" else -1
        if end < 0:
            raise Unreadable("a command without its braces")
        inner, self.at = self.text[self.at + 1 : end], end + 1
        return inner

    def command(self, gap: bool) -> None:
        match = _COMMAND.match(self.text, self.at)
        if not match:
            raise Unreadable("ends in a backslash")
        name, self.at = match.group(1), match.end()
        if name == "text":
            self.words(self.argument().strip(), gap)
        elif name == "frac" and self.follows_value() and (rate := read_rate(self.text, self.at)):
            self.at = rate[1]
            self.emit("text", rate[0], gap)
        elif name in {"begin", "end"}:
            self.emit("op", f"{name}:{self.argument().strip()}", gap)
            if self.text[self.at : self.at + 1] == "{" and name == "begin":
                self.argument()
        elif name == "mathbb":
            letter = re.compile(r"\s*([A-Z])").match(self.text, self.at)
            self.at = letter.end() if letter else self.at
            self.emit("const", letter.group(1) if letter else self.argument().strip(), gap)
        elif name in {"overline", "bar"}:
            self.emit("op", "overline", gap)
        elif name == "emptyset":
            self.emit("op", "{(", gap)
            self.emit("op", "})")
        elif name in {"sum", "prod", "int", "lim", "iint", "oint"}:
            self.emit("op", "big:" + name, gap)
        elif name in FUNCTIONS or name in CONSTANTS:
            self.letters(name, gap)
        elif name in COMMAND_OPERATORS:
            self.emit("op", COMMAND_OPERATORS[name], gap)
        elif name in GREEK:
            self.emit("var", name, gap)
        elif name in DOTS:
            self.emit("dots", "...", gap)
        elif name in {"pmod", "mod", "bmod"}:
            self.emit("op", "mod", gap)
        elif name == "\\":
            self.emit("sep", "\\", gap)
        elif name == "$":
            self.emit("text", "$", gap)
        elif name not in DROPPED_COMMANDS:
            if not name.isalpha() or name == "not":
                raise Unreadable(f"unknown command \\{name}")
            # a symbol we do not know equals itself only
            self.emit("var", name, gap)

    def words(self, words: str, gap: bool) -> None:
        """A \\text{...}: a separator, a number, letters, or words."""
        joint = _JOINED_WORDS.fullmatch(words)
        if words.strip(" ,.").lower() in WORD_SEPARATORS:
            self.emit("sep", joint_of(words.strip(" ,.")), gap)
        elif words[:1].isdigit():
            self.out.extend(_Scanner(words).run())
        elif joint and (joint.group(1) or joint.group(3)) and not is_bound(words):
            for part in joint.groups(""):
                self.words(part, gap) if part else None
        elif _NUMBER.fullmatch(words):
            self.emit("num", words, gap)
        elif not any(c.isalnum() or c in "$%°" for c in words):
            self.emit("sep", ",", gap) if {",", ";"} & set(words) else None
        elif len(words) == 1 and words.isalpha() and not (words in UNITS and self.follows_value()):
            self.emit("const" if words in "ei" else "var", words, gap)
        else:
            self.emit("text", words, gap)

    def is_numeral(self, match: re.Match[str]) -> bool:
        """Is this a numeral with its base, and no exponent with a subscript behind it, as in w^2_1?"""
        before = self.out[-2:] if self.out and self.out[-1].text == "{" else self.out[-1:]
        return not (before and before[0].text == "^") and _valid_base(match.group(1), match.group(2))

    def follows_value(self) -> bool:
        before = self.out[-1] if self.out else None
        if before is not None and before.text == "/" and len(self.out) > 1:
            before = self.out[-2] if self.out[-2].kind in {"num", "text"} else None
        return before is not None and (
            before.kind in {"num", "text", "const"} or before.text in {")", "}", "%"}
        )

    def letters(self, word: str, gap: bool) -> None:
        """Name a run of letters: a function, a constant, a unit, a separator, words, or a product of variables."""
        before = self.out[-1] if self.out else None
        after_value = self.follows_value()
        if word in PYTHON_WRAPPERS:
            return
        if word in _LINKS and gap and before is not None and before.kind == "text":
            self.emit("text", word, gap)
            return
        if word in FUNCTIONS and not (after_value and self.is_noun(word)):
            self.emit("func", word, gap)
        elif word in {"a", "an"} and after_value and gap and _PERIOD.match(self.text, self.at):
            self.emit("text", word, gap)
        elif word in CONSTANTS:
            self.emit("const", CONSTANTS[word], gap)
        elif word in {"mod", "modulo"}:
            self.emit("op", "mod", gap)
        elif word.lower() in WORD_SEPARATORS and (gap or after_value):
            self.emit("sep", joint_of(word), gap)
        elif word in GREEK and len(word) > 2:
            self.emit("var", word, gap)
        elif after_value and self.is_measured(word, gap):
            more = _HYPHENS.match(self.text, self.at)
            self.at = more.end() if more else self.at
            self.emit("text", word + (more.group() if more else ""), gap)
        elif len(word) > 1 and before is not None and before.text == "_":
            self.emit("var", word, gap)
        elif len(word) > 2 and (split := self.split_names(word)):
            for part in split:
                self.emit("func" if part in FUNCTIONS else "const" if part in CONSTANTS else "var", part, gap)
        elif (len(word) > MAX_LOOSE_LETTERS + 1 and not word.isupper()) or word.lower() in COMMON_WORDS:
            self.emit("text", word, gap)
        else:
            # e_r is no power of e
            named = self.at < len(self.text) and self.text[self.at] == "_"
            for k, letter in enumerate(word):
                constant = letter in "ei" and not (named and k == len(word) - 1)
                self.emit("const" if constant else "var", letter, gap and k == 0)

    def is_age(self, noun: re.Match[str]) -> bool:
        """Is this the rest of a word that begins with a number, as in 12-year-old?"""
        word = noun.group(1)
        plain = word not in FUNCTIONS and word not in CONSTANTS and not self.split_names(word)
        return bool(self.out) and self.out[-1].kind == "num" and plain

    def is_noun(self, word: str) -> bool:
        """Is the name of a function behind a value a noun, as in "45 min" and "7th floor"?"""
        ahead = _NO_ARGUMENT.match(self.text, self.at)
        # "12 tan blocks"
        noun = _PLAIN_WORD.match(self.text, self.at)
        if (
            noun
            and word in FUNCTIONS
            and noun[1] not in FUNCTIONS | GREEK | {"base"}
            and not self.split_names(noun[1])
        ):
            return True
        return word in NOUNS and ahead is not None and not (word == "sec" and ahead.group().strip().isdigit())

    def is_measured(self, word: str, gap: bool) -> bool:
        """Is a run of letters behind a value a unit or a noun, and no product of variables?"""
        before = self.out[-1]
        if before.text == "/":
            rate = word in SHORT_UNITS and self.out[-2].kind == "text"
            return (
                rate
                or is_unit_word(word)
                or (len(word) > MAX_LOOSE_LETTERS + 1 and not self.split_names(word))
            )
        if len(word) == 1:
            unit_below = _BELOW.match(self.text, self.at)
            goes_on = _DIGIT_NEXT.match(self.text, self.at) or (
                unit_below and is_unit_word(unit_below.group(1))
            )
            return word in SHORT_UNITS and before.kind == "num" and bool(goes_on)
        return is_unit_word(word) or (len(word) > 2 and gap) or word in NOUNS

    @staticmethod
    def split_names(word: str) -> list[str]:
        """Split "sinx" or "xsqrt", which plain text writes together; empty if it is no such thing."""
        parts = _WRITTEN_TOGETHER.findall(word)
        named = sum(len(part) > 1 for part in parts)
        return parts if named and len(parts) - named <= MAX_LOOSE_LETTERS else []


def tokenize(text: str) -> list[Token]:
    """Return the tokens of a cleaned answer. Raises Unreadable."""
    return _Scanner(text).run()
