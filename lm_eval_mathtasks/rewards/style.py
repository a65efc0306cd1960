"""Rewards for how a response is written: long enough, without loops, in one language.

They know nothing of the answer. Beside `accuracy` they decide alone within a group whose responses are all right or
all wrong, because GRPO compares within a group; the README says what to do about it.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from lm_eval_mathtasks.errors import DataError
from lm_eval_mathtasks.rewards.rulings import texts_of, texts_with_ends, unfinished

# A word, a number or a sign; Chinese and Japanese write words without spaces, so each character counts as one.
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W\d_\u3040-\u30ff\u3400-\u9fff]+|\d+|[^\w\s]")
RUN = 8  # words that must come again for a repetition
# Of the runs of a response, the share that stood before from which it counts as repeating. Of 9,223 right responses in
# our labelled ones 0.4 % are above it, and 16 % of the wrong ones of a base model on MATH-500, which loops.
REPEATS_FROM = 0.2
FULL_LENGTH = 200  # words for the whole bonus
# Formulas and commands are no language.
_FORMULA = re.compile(r"\$[^$]{0,2000}\$|\\\(.{0,2000}?\\\)|\\\[.{0,2000}?\\\]|\\[a-zA-Z]+", re.DOTALL)
# The scripts of languages; other letters, such as Greek ones, signs of sets and italics of Unicode, are mathematics.
_NAMES = (
    "LATIN CJK HIRAGANA KATAKANA HANGUL CYRILLIC ARABIC HEBREW DEVANAGARI BENGALI TAMIL TELUGU GUJARATI THAI LAO KHMER "
    "MYANMAR GEORGIAN ARMENIAN ETHIOPIC"
)
_SCRIPTS = frozenset(_NAMES.split())
_ONE_LANGUAGE = {"HIRAGANA": "CJK", "KATAKANA": "CJK"}
# Names, units and variables stand in Latin letters in every language: the share of letters they may take.
LATIN_SHARE = 0.2


def length_bonus(
    completions: Sequence[Any], *, most: float = 1.0, words: int = FULL_LENGTH, **columns: Any
) -> list[float]:
    """From 0 to `most`, rising with the length up to so many `words`; 0 where a response repeats or is unfinished.

    DataError for `words` below 1.
    """
    if words < 1:
        raise DataError("a length_bonus with words of at least 1", str(words), "words: 200")
    return [
        0.0
        if unfinished(text, end) or repeated(text) >= REPEATS_FROM
        else most * min(1.0, len(_WORD.findall(text)) / words)
        for text, end in texts_with_ends(completions, columns)
    ]


def no_repetition(completions: Sequence[Any], **_: Any) -> list[float]:
    """Minus the share of a response that stood in it before: 0 where nothing is said twice, towards -1 for a loop."""
    return [-repeated(text) for text in texts_of(completions)]


def one_language(completions: Sequence[Any], **columns: Any) -> list[float]:
    """1 for a finished response in one script, else 0. Formulas and Greek letters count for nothing, and Latin letters
    beside another script up to a fifth."""
    return [
        float(bool(text.strip()) and not unfinished(text, end) and _one_script(text))
        for text, end in texts_with_ends(completions, columns)
    ]


def repeated(text: str) -> float:
    """Return which share of a text's runs of 8 words stood in it before; 0 for a text of fewer words."""
    words = _WORD.findall(text.lower())
    runs = [tuple(words[i : i + RUN]) for i in range(len(words) - RUN + 1)]
    return 1 - len(set(runs)) / len(runs) if runs else 0.0


def _one_script(text: str) -> bool:
    scripts = Counter(filter(None, map(_script, _FORMULA.sub(" ", text))))
    total = sum(scripts.values())
    if len(scripts) <= 1:
        return True
    main, latin = max(scripts, key=lambda name: scripts[name]), scripts["LATIN"]
    others = total - scripts[main] - (latin if main != "LATIN" else 0)
    return others == 0 and (main == "LATIN" or latin <= LATIN_SHARE * total)


@lru_cache(maxsize=20_000)
def _script(character: str) -> str | None:
    """The script of a letter as Unicode names it; None of what is no letter of a language."""
    if not character.isalpha():
        return None
    name = unicodedata.name(character, "").split(" ")[0]
    return _ONE_LANGUAGE.get(name, name) if name in _SCRIPTS else None
