"""What of a response may hold its answer: everything but thinking, program code and the next question.

The parts that may not are blanked, never cut out: a view has the length of the response (or is shorter at its end),
so a position in the view is the same position in the response.
"""

import re
from collections.abc import Callable, Iterator
from itertools import islice
from typing import NamedTuple

from lm_eval_mathtasks.text import may_hold_marks, narrow, thinking

_TURN_TOKEN = re.compile(
    r"[<\[](?:\|(?:im_start|im_end|eot_id|eom_id|endoftext|end_of_text|begin_of_text|end|start|return|user|assistant"
    r"|system|start_header_id|channel)\|>|/?s>|eos>|(?:end|start)_of_turn>|/?INST\]"
    r"|｜(?:end▁of▁sentence|User|Assistant)｜>)"
)
# It begins with a literal line feed: such a search takes a third of the time of one for line starts.
_NEXT_QUESTION = re.compile(
    r"\n[ \t]{0,4}(?P<decor>[*_#]{0,4})[ \t]{0,2}"
    r"(?:(?:Q|Question|Problem|Human|User|Input|Instruction|Exercise|Your turn|问题|题目)[ \t]?[:：]"
    # the next item of a test, by its name or with its options
    r"|(?P<named>(?:Problem|Question|Exercise) \d{1,3}[.:]"
    r"|(?:Similar|Next|Another|Additional|Practice|Extra|Bonus) (?:[Pp]roblem|[Qq]uestion|[Ee]xercise)s?"
    r"(?:[:.]|\s*\n)))"
    r"|\n(?P<item>\d{1,3}[.)]\s[^\n]{5,500}\n\s?\(?A[).:]\s)"
)
_WELCOME = re.compile(
    r"(?:sure|certainly|of course|okay|ok|here|let's|let us|let me|to solve|i will|we will|first)\b", re.I
)
_ANY_VALUE = re.compile(r"[0-9]|\\boxed|\$|\A\s*\(?[A-J]\)?[.\s]*\Z")
# "<p>The answer is <b>19</b>.</p>"
_MARKUP = re.compile(r"</?(?:p|b|i|u|strong|em|span|div|li|ul|ol|h[1-6])(?:\s[^<>]{0,80})?>")
# "~~B~~ D"
_STRUCK_OUT = re.compile(r"~~[^~\n]{1,80}~~")

_CODE_LANGUAGES = frozenset(
    {"python", "python3", "py", "sympy", "c", "cpp", "c++", "java", "javascript", "js", "typescript", "r"}
    | {"julia", "matlab", "sql", "bash", "sh", "asy", "asymptote", "haskell"}
)
_OUTPUT_LANGUAGES = frozenset({"output", "outputs", "stdout"})
_CODE_ELEMENT, _CODE_ELEMENT_END = "<llm-code>", "</llm-code>"
_OUTPUT_ELEMENT, _OUTPUT_ELEMENT_END = "<llm-code-output>", "</llm-code-output>"
# Base models run on for thousands of tokens; only the first few boundaries can be the end of the first solution.
MAX_BOUNDARIES = 5


class View(NamedTuple):
    """A response as the rules see it.

    text: the response with what cannot hold the answer blanked, cut at the end of the first solution;
    ended: the model ended the answer itself (an end token or the next question follows), so that no token limit
        can have cut it; unfinished: the response breaks off while still thinking;
    outputs: spans of what programs printed.
    """

    text: str
    ended: bool
    unfinished: bool
    outputs: list[tuple[int, int]]


def view(response: str) -> View:
    """Blank thinking, code and special tokens; the cut at the next question is `first_solution`'s."""
    text = narrow(response)
    spans, unfinished = thinking(text)
    if unfinished:
        return View("", False, True, [])
    text, ended = _first_turn(_blank(text, spans) if spans else text)
    if "</" in text:
        text = _MARKUP.sub(lambda tag: " " * len(tag[0]), text)
    if "~~" in text:
        text = _STRUCK_OUT.sub(lambda struck: " " * len(struck[0]), text)
    text, outputs = _without_code(text)
    return View(text, ended, False, outputs)


def boundaries(text: str, gives_up: Callable[[str], bool]) -> Iterator[tuple[int, bool]]:
    """Yield where the next question may start, and whether only a stated answer before it would prove that.

    A plain `Question:` after some value, or a refusal, is a few-shot prompt continued. A bold or headed one, or one
    after a word of welcome, may as well be the question repeated before the solution.
    """
    begin = len(text) - len(text.lstrip())
    # Blanked thinking is tens of thousands of line starts: the search begins behind it.
    for match in islice(_NEXT_QUESTION.finditer(text, begin), MAX_BOUNDARIES):
        position = match.start() + 1
        before = text[begin:position]
        # "### Instruction:" and "**Your turn:**" are the next turn, and no heading over this question
        decorated = (
            match["item"]
            or match["named"]
            or (match["decor"] and not match[0].rstrip(":： ").endswith(("Instruction", "Your turn")))
        )
        doubtful = bool(decorated) or ("\n\n" not in before.strip() and bool(_WELCOME.match(before)))
        # the letter of an option is stated, or it is none
        guessed = _ANY_VALUE.search(before) or gives_up(before)
        yield position, doubtful or not guessed


def _blank(text: str, spans: list[tuple[int, int]]) -> str:
    pieces, position = [], 0
    for start, end in spans:
        # Newlines, so that no rule reads a sentence across the gap.
        pieces += [text[position:start], "\n" * (end - start)]
        position = end
    return "".join([*pieces, text[position:]])


def _first_turn(text: str) -> tuple[str, bool]:
    """Cut at the first special token that follows something; blank those before."""
    if not may_hold_marks(text):
        return text, False
    leading: list[tuple[int, int]] = []
    for match in _TURN_TOKEN.finditer(text):
        if text[leading[-1][1] if leading else 0 : match.start()].strip():
            return _blank(text[: match.start()], leading), True
        leading.append(match.span())
    return (_blank(text, leading) if leading else text), False


def _without_code(text: str) -> tuple[str, list[tuple[int, int]]]:
    code: list[tuple[int, int]] = []
    outputs: list[tuple[int, int]] = []
    if "```" in text:
        for language, start, end, body in _fences(text):
            if language in _OUTPUT_LANGUAGES:
                outputs.append(body)
            elif language in _CODE_LANGUAGES:
                code.append((start, end))
    if _CODE_ELEMENT in text:
        code += _elements(text, _CODE_ELEMENT, _CODE_ELEMENT_END)
        found = _elements(text, _OUTPUT_ELEMENT, _OUTPUT_ELEMENT_END)
        outputs += [(start + len(_OUTPUT_ELEMENT), end - len(_OUTPUT_ELEMENT_END)) for start, end in found]
    if "[asy]" in text:
        code += _elements(text, "[asy]", "[/asy]")
    if not code:
        return text, outputs
    return _blank(text, _disjoint(code)), outputs


def _fences(text: str) -> Iterator[tuple[str, int, int, tuple[int, int]]]:
    """Yield (language, start, end, span of the body) of each fenced block; an unclosed one runs to the end."""
    start = text.find("```")
    while start >= 0:
        line_end = text.find("\n", start)
        line_end = len(text) if line_end < 0 else line_end
        close = text.find("```", start + 3)
        close = len(text) if close < 0 else close
        language = text[start + 3 : min(line_end, start + 20)].strip().lower()
        yield language, start, min(close + 3, len(text)), (min(line_end, close), close)
        start = text.find("```", close + 3)


def _elements(text: str, opening: str, closing: str) -> list[tuple[int, int]]:
    spans = []
    start = text.find(opening)
    while start >= 0:
        close = text.find(closing, start)
        end = len(text) if close < 0 else close + len(closing)
        spans.append((start, end))
        start = text.find(opening, end)
    return spans


def _disjoint(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    result: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if not result or start >= result[-1][1]:
            result.append((start, end))
    return result
