"""Answers in words, multiple choice and times of day: what is compared of them."""

from __future__ import annotations

import re

from lm_eval_mathtasks.grading.expr import Expr
from lm_eval_mathtasks.grading.relations import as_set
from lm_eval_mathtasks.grading.scalars import Outcome

_CHOICE = re.compile(r"\(?\s*([A-Za-z])\s*(?:\)|(?=[.:])|$)[.:]?\s*(.*)", re.DOTALL)
_CHOICE_AND_WORD = re.compile(r"([A-Z])\s+(?=[A-Z\\])(.+)", re.DOTALL)
_OPTION = re.compile(r"\(?[A-J]\)\s*(\S.*)", re.DOTALL)
_MEANS_NOTHING = {
    "nosolution", "nosolutions", "nosolutionexists", "norealsolution", "norealsolutions", "norealroots",
    "none", "emptyset", "nosuchnumber", "impossible", "notpossible",
}  # fmt: skip
_MEANS_UNDEFINED = {"undefined", "doesnotexist", "dne"}
_MEANS_ALL = {"allrealnumbers", "allreals", "allreal", "realnumbers", "therealnumbers", "setofallrealnumbers"}


def plain_words(text: str) -> str:
    r"""Return the text without \text{...} around its words, and without braces that then remain."""
    return re.sub(r"\s+", " ", re.sub(r"\\text\{([^{}]*)\}", r"\1", text)).strip()


def words_key(text: str) -> str:
    """Return what is compared of answers in words: letters and digits, no case, articles, ordinal endings."""
    plain = plain_words(text).lower()
    plain = re.sub(r"(?<=\d)(?:st|nd|rd|th)\b", "", plain)
    plain = re.sub(r"^(?:an?|the)\s+", "", plain)
    # neither punctuation nor blanks: "A, C, F" is ACF, "no-solution" is nosolution
    return "".join(c for c in plain if c.isalnum())


def choice(text: str) -> tuple[str, str] | None:
    """Return (letter, rest) of a multiple-choice answer: "(C)", "C.", "(D) Alina"; None if it is none."""
    plain = plain_words(text)
    match = _CHOICE.fullmatch(plain) or _CHOICE_AND_WORD.fullmatch(plain)
    return (match.group(1).upper(), match.group(2).strip()) if match else None


def content_of_choice(text: str) -> str | None:
    """Return what stands behind an option letter in brackets, "42" of "(C) 42", or None."""
    match = _OPTION.fullmatch(plain_words(text))
    return match.group(1) if match else None


def compare_clocks(gold: Expr, pred: Expr) -> Outcome:
    """Compare times of day; "a.m." or "p.m." counts where both sides say it."""
    if gold.op != pred.op:
        return Outcome(False, "structure", "one is a time of day, the other is not")
    g, p = gold.name.split(" "), pred.name.split(" ")
    same = g[:3] == p[:3] and (g[3] == p[3] or not g[3] or not p[3])
    return Outcome(same, "structure", "the same time of day" if same else "different times of day")


def _words_of(e: Expr) -> str | None:
    """The key of an answer in words; also of a set that has a name."""
    if e.op == "text":
        key = words_key(e.name)
        for meaning in (_MEANS_NOTHING, _MEANS_UNDEFINED, _MEANS_ALL):
            if key in meaning:
                return min(meaning)
        return key
    if e.op == "group" and e.name == "{}" and not e.args:
        return min(_MEANS_NOTHING)
    if as_set(e) == as_set(Expr("const", name="R")):
        return min(_MEANS_ALL)
    if e.op == "seq":
        return "".join(_words_of(a) or "?" for a in e.args)
    if e.op in {"var", "const"}:
        return words_key(e.name)
    if e.op == "mul":
        return "".join(_words_of(a) or "?" for a in e.args)
    return None


def compare_words(gold: Expr, pred: Expr) -> Outcome:
    """Compare answers of which at least one is in words."""
    g, p = _words_of(gold), _words_of(pred)
    if g is not None and g == p:
        return Outcome(True, "structure", "the same words")
    return Outcome(False, "structure", "different words")
