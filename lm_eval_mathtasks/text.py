"""One reading of text: thinking, stop strings, when two questions are one, and text that files and paths can hold."""

import hashlib
import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

OPENING, CLOSING = "<think>\n", "\n</think>\n"

# Thinking, opened and closed; names that mark only the format of a prompt (a working-out part) count as well. The last
# four are Cohere's, Apertus's, Gemma's and Kimi's. A set of first characters, and no flag on it, is what makes this
# search fast. Only closing marks fill a group.
_MARK = re.compile(
    r"[<\[◁](?i:(/think)(?=\s{0,3}\n)"
    r"|(/)?(?:think|thinking|thoughts?|reasoning|reflection|scratchpad|seed:think|antthinking)[>\]▷]"
    r"|\|(?:begin|(end))_of_thought\|>|(?:start|(end))_working_out>|\|(?:start|(end))_thinking\|>"
    r"|\|inner_(?:prefix|(suffix))\|>|\|channel>\s{0,4}thought|(channel)\|>|\|(?:open|(close))\|>think<\|sep\|>)"
)
# What begins any of them, or a token of a turn: one word in brackets, or a bar. This takes a tenth of their time.
_MARK_IN_ANGLES, _MARK_IN_SQUARES = (
    re.compile(rf"{bracket}(?:/?[\w:]+[|>\]▷]|[|｜]|/think\b)") for bracket in ("<", r"\[")
)
# gpt-oss writes channels; a server that drops special tokens leaves "analysis...assistantfinal...".
_FINAL_CHANNEL = re.compile(
    r"<\|channel\|>\s{0,4}final\s{0,4}(?:<\|constrain\|>\w{0,20})?<\|message\|>|assistantfinal"
)
_ANALYSIS_CHANNEL = re.compile(r"<\|channel\|>\s{0,4}(?:analysis|commentary)|\A\s{0,4}analysis(?=[A-Z])")
# A block that was never closed has still ended when the response ends with a complete answer element.
_ANSWER_ELEMENT = re.compile(r"<(?i:answer|solution)>")
_ANSWER_ELEMENT_AT_END = re.compile(r"</(?:answer|solution)>\s{0,20}\Z", re.IGNORECASE)
_LONGEST_ENDING = 40  # characters of a closing element and the white space after it

_WIDE = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F) if chr(code) not in "，；：！？"}
_WIDE_CHARACTER = re.compile("[\uff01-\uff5e]")
# Controls but tab and newline, marks that turn the direction of writing, line separators, lone surrogates: what they do
# to a page or a terminal is not what is in the text. The report's text.js has the same list.
_HIDDEN = re.compile(
    "[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
_SURROGATE = re.compile("[\ud800-\udfff]")
_NOT_IN_A_NAME = re.compile(r'["<>:/|\\?*\[\]\0-\x1f\x7f-\x9f]+')
_LONGEST_NAME = 120  # bytes of a name in a path, of the 255 of a file's with date and ending
_KEPT_OF_NAME = 25  # characters of a longer one
# What LaTeX writes for the same question in other ways: a look, and several names of one sign.
_PLAIN = str.maketrans("\u2044\u2212_", "/- ")
_THOUSANDS = re.compile(r"(?<=\d)(?:,|\{,\}|,\\!|\\,)(?=\d{3}(?!\d))")
_LAYOUT = re.compile(
    r"\\(?:(?:left|right|bigg?[lrm]?|(?:display|text|script)style|limits|text(?:rm|bf|it|sf|tt|normal)?|emph|[mh]box"
    r"|math(?:rm|bf|it|sf|bb|cal|frak|op)|operatorname|bold(?:symbol)?|q?quad|[lc]?dots[cbm]?)(?![a-z])\*?"
    r"|(?:begin|end)\{(?:align(?:ed)?|equation|eqnarray|gather(?:ed)?|split|array|cases|center|multline)\*?\})"
)
_COMMAND = re.compile(r"\\([a-z]+)")
_SPELT = {
    "dfrac": "frac", "tfrac": "frac", "cfrac": "frac", "dbinom": "binom", "le": "≤", "leq": "≤", "leqslant": "≤",
    "ge": "≥", "geq": "≥", "geqslant": "≥", "ne": "≠", "neq": "≠", "times": "×", "cdot": "·", "pi": "π", "circ": "°",
    "degree": "°", "angle": "∠", "triangle": "△", "pm": "±", "infty": "∞",
}  # fmt: skip
# What stands between two numbers, and what counts nowhere: a point before a digit is of its number.
_APART = re.compile(r"(?<=\d)(?!\.\d)[^\w+\-*/=<>^≤≥≠×·∠△°±∞]+?(?=\.?\d)")
_BESIDE = re.compile(r"(?!(?<!\.)\.\d)[^\w+\-*/=<>^≤≥≠×·∠△°±∞]")


def narrow(text: str) -> str:
    """Return a text of the same length with full-width letters, digits and signs in ASCII; punctuation stays."""
    if text.isascii() or not _WIDE_CHARACTER.search(text):
        return text
    return text.translate(_WIDE)


def may_hold_marks(text: str) -> bool:
    """Whether a text has what a mark of thinking or a token of a turn begins with; most texts have not."""
    return (
        _MARK_IN_ANGLES.search(text) is not None or _MARK_IN_SQUARES.search(text) is not None or "◁" in text
    )


class Thinking(NamedTuple):
    """Where a text thinks: spans in order, marks included, none inside another. unfinished: the last one never ends."""

    spans: list[tuple[int, int]]
    unfinished: bool


def thinking(text: str) -> Thinking:
    """Return the thinking in a response, in time linear in its length.

    A closing mark without an opening one ends thinking that the prompt had opened. All channels of gpt-oss before its
    final one are thinking. A block without an end has ended where the answer element begins that ends the text.
    """
    text = narrow(text) if "＜" in text or "［" in text else text
    spans: list[tuple[int, int]] = []
    if "<|channel|>" in text or "assistantfinal" in text or text.lstrip()[:8] == "analysis":
        if finals := list(_FINAL_CHANNEL.finditer(text)):
            spans.append((0, finals[-1].end()))
        elif analysis := _ANALYSIS_CHANNEL.search(text):
            return Thinking([(analysis.start(), len(text))], True)
    opened: int | None = None
    for mark in _MARK.finditer(text, spans[0][1] if spans else 0) if may_hold_marks(text) else ():
        if mark.lastindex:
            begin = opened if opened is not None else spans[-1][1] if spans else 0
            spans.append((begin, mark.end()))
            opened = None
        elif opened is None:
            opened = mark.start()
    if opened is None:
        return Thinking(spans, False)
    if not _ANSWER_ELEMENT_AT_END.search(text, max(0, len(text) - _LONGEST_ENDING)):
        return Thinking([*spans, (opened, len(text))], True)
    elements = [element.start() for element in _ANSWER_ELEMENT.finditer(text, opened)]
    return Thinking([*spans, (opened, elements[-1] if elements else opened)], False)


def with_thinking(thought: str, text: str) -> str:
    """Return a response with the reasoning that a server or a log keeps apart before it, open where nothing followed;
    as it is where it holds thinking itself."""
    if not thought or thinking(text).spans:
        return text
    return f"{OPENING}{thought}{CLOSING}{text}" if text else OPENING + thought


def first_part(text: str, length: int) -> str:
    """Return the first `length` characters of a response so that thinking which had not ended there shows.

    Where the prompt had opened the thinking, only the mark that follows shows that it was thinking.

    >>> first_part("3 or 4? </think> 4", 6)
    '3 or 4\\n<think>\\n'
    """
    part = text[:length]
    inside = any(start < length < end for start, end in thinking(text).spans)
    return part if not inside or thinking(part).unfinished else f"{part}\n{OPENING}"


def cut_at_stop(text: str, stops: Sequence[str]) -> tuple[str, bool]:
    """(text up to the first stop string outside thinking, whether one was found).

    >>> cut_at_stop("<think>Q: no</think>4 Q: next", ["Q:"])
    ('<think>Q: no</think>4 ', True)
    """
    begin = 0
    for start, end in [*(thinking(text).spans if stops else ()), (len(text), len(text))]:
        # A stop string that begins before the thinking counts, even if it reaches into it.
        found = [at for stop in stops if (at := text.find(stop, begin, start + len(stop) - 1)) >= 0]
        if found:
            return text[: min(found)], True
        begin = end
    return text, False


def delivered(text: str, finish_reason: str | None, request: Mapping[str, Any]) -> tuple[str, str | None]:
    """(text, finish_reason) as the scoring gets them: cut at the request's stop strings. A response that holds a
    stop string had ended before any token limit was reached."""
    text, stopped = cut_at_stop(text, request.get("stop") or ())
    return text, "stop" if stopped else finish_reason


def collapsed(text: str) -> str:
    """Return a text in which white space and the form of accents (Unicode NFC) no longer differ: copies of one
    question are equal by it."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def letters(text: str) -> str:
    r"""Return letters, numbers and signs, without what copies change: case, space, dollars, other punctuation and the
    spelling of LaTeX. Two tellings of one question are equal by it, if they use the same words. Numbers stay apart.

    >>> letters(r"If $x \leq \dfrac12$, what is 1,000 x?") == letters(r"if \(x\le\frac{1}{2}\), what is $1000x$")
    True
    """
    plain = unicodedata.normalize("NFKC", text).lower().translate(_PLAIN)
    if "\\" in plain:
        plain = _LAYOUT.sub(" ", plain)
        plain = _COMMAND.sub(lambda found: f" {_SPELT.get(found[1], found[1])} ", plain)
        # Of two digits behind it, the first is the numerator; degrees may stand in an exponent.
        plain = re.sub(r"(frac|binom)\s*(\d)(?=\s*[\d{])", r"\1 \2 ", plain)
        plain = re.sub(r"\^[\s{]*°", "°", plain)
    return _BESIDE.sub("", _APART.sub("_", _THOUSANDS.sub("", plain)))


def encodable(text: str) -> str:
    """Return a text that UTF-8 can hold: halves of a surrogate pair are joined, lone ones become U+FFFD.

    lm-eval cannot write a lone surrogate and would leave an empty file; a stream may send a pair in two pieces.
    """
    if text.isascii() or not _SURROGATE.search(text):
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def visible(text: str) -> str:
    """Return a text with characters that hide or reorder others, or steer a terminal, shown as ⟨U+202E⟩."""
    return _HIDDEN.sub(lambda match: f"⟨U+{ord(match[0]):04X}⟩", text)


def escaped(text: str) -> str:
    """Return JSON that says the same, with those characters written as \\u202e: for a terminal, and a reader."""
    return _HIDDEN.sub(lambda match: match[0] if match[0] in "\r\n" else f"\\u{ord(match[0]):04x}", text)


def safe_name(name: str) -> str:
    """Return a name as one part of a path, as lm-eval makes it of a model's: acme/toy-1 -> acme__toy-1.

    Never empty, "." or "..", never hidden, never like an option; one too long for a file system ends in its checksum.
    """
    name = _NOT_IN_A_NAME.sub("__", encodable(name))
    name = f"_{name}" if name[:1] in ("", ".", "-") else name
    data = name.encode()
    if len(data) <= _LONGEST_NAME:
        return name
    return f"{name[:_KEPT_OF_NAME]}-{hashlib.sha256(data).hexdigest()[:12]}"
