r"""Find the answer in a response.

A response is reduced to what may hold the answer (`view`: no thinking, no program code, nothing after the model ended
its turn or began the next question of a few-shot prompt). Then these rules are tried in order; the first that finds
something decides. Within a rule the last place wins, because a solution ends with its answer.

| order | rule | finds |
|---|---|---|
| 0, marked: the last of these four | tag | `<answer>18</answer>`, `<SOLUTION>18</SOLUTION>` |
| | final_answer | Minerva's "Final Answer: The final answer is 18. I hope it is correct." |
| | box | a complete `\boxed`, `\fbox`, `\framebox`; boxes joined by "and" or a comma are one answer |
| | hash | `#### 18` |
| 1, stated: the last of these two | statement | "the answer is 18", "Answer: 18", a heading "Answer" |
| | a_colon | `A: 18` at the start of a line |
| 2, stated | broken_box | a box whose braces never close |
| 3, guessed | bare | the whole response is one value (or, last of all, two words) |
| 4, guessed | bold | a value in bold near the end |
| 5, guessed | output | the last line that a program printed (interpreter models) |
| 6, guessed | last_value | the last formula or number; of an equation, what stands right of its last `=` |
| 7, guessed | choice | the letter of a multiple-choice option |
| instead of guesses | refusal | a last sentence that says that the question has no answer |

A text that breaks off before it could mark or state an answer has none: a number it happened to pass is no answer. It
breaks off if thinking never ends, or if it ends inside a formula, in the middle of a sentence or in a loop. Whether it
was cut off is the server's word where it says how it ended (`finish_reason`): a model may stop in the middle by itself
or at a stop string, in its thinking too, and a larger limit would change nothing. The text is asked where nobody says.
A guess stands in the last sentence: what is said behind it must be known to add nothing. A last sentence that denies
("5 is not a solution"), doubts or asks, or in which the writer gives up, allows no guess; what is taken back ("Wait,
that's wrong") is no answer either. Nothing here sees the reference answer.
"""

import re
from collections.abc import Callable, Iterator
from itertools import islice
from typing import NamedTuple

from lm_eval_mathtasks.grading import closings, denials, endings, statements
from lm_eval_mathtasks.grading.boxes import find_boxes, last_group, whole_groups
from lm_eval_mathtasks.grading.equations import open_equation, value_side
from lm_eval_mathtasks.grading.formulas import Span, joins, stripped, trim
from lm_eval_mathtasks.grading.named_days import NAMES
from lm_eval_mathtasks.grading.option_letters import chosen
from lm_eval_mathtasks.grading.phrases import TOLD_BEHIND, YES_OR_NO
from lm_eval_mathtasks.grading.sentences import last_value
from lm_eval_mathtasks.grading.slots import BOLD, MAX_BARE_WORDS, WORD, line_value, slot_value
from lm_eval_mathtasks.grading.verdict import Extraction
from lm_eval_mathtasks.grading.view import View, boundaries, view
from lm_eval_mathtasks.grading.withdrawn import left_over, taken_back, told_wrong
from lm_eval_mathtasks.response import ended_itself, hit_limit

_HEADING = re.compile(
    r"(?:step|part|case|method|approach|option|note|(?:final )?answer\Z)\b|\d{1,2}[.)]\s", re.IGNORECASE
)
_ERROR_LINE = re.compile(r"\w*(?:Error|Exception|TimedOut|Timed Out|Traceback)\b")
_OPTION_AT_END = re.compile(
    r"\b(?:answer|option|choice|(?:I|we) (?:select|choose|pick))(?: is)?\s?:?[\s*]{0,4}(\(?[A-HJ]\)?)[\s*_.$]*\Z",
    re.IGNORECASE,
)
# "Only C survives", "the remaining choice, E, is correct"
_OPTION_LEFT = re.compile(
    r"\b[Oo]nly (?:option |choice |answer )?(\(?[A-J]\)?) (?:survives|works|remains|fits|holds|matches|satisfies"
    r"|is (?:left|correct|right|possible|true|consistent))\b"
    r"|\b(?:option|choice) (\(?[A-J]\)?) is the (?:correct|right) (?:one|answer|option|choice)\b"
    r"|\bremaining (?:option|choice|answer)(?: is)?,? (\(?[A-J]\)?)(?![\w'’])"
)
_BOXED_OPTION = re.compile(r"[\s$]*(?:\\\w+\s*\{)*\s*\(?[A-J]\)?(?![\w'’])(?!\s*[=+*/^_-])")
_OPTION_FIRST = re.compile(r"\(?[A-J][).]\s(?:[^.!?]|\.(?=\d)){0,60}[0-9$\\](?:[^.!?]|\.(?=\d))*\.?")
_OPTION_LED = re.compile(r"\(?[A-J][).]\s")
_TOLD = re.compile(TOLD_BEHIND)
_IS_BEFORE = re.compile(r"(?:\b(?:is|are|was|were|be|has|have|falls on)|['’]s)\s(?:(?:an?|the)\s)?\Z")
# "It is a Monday.", "f is neither even nor odd."
_WORD_AT_END = re.compile(
    r"(?:\b(?:is|was|be|falls on)|['’]s)\s(?:an?\s|the\s)?[\"“*_]*"
    rf"(?P<word>{NAMES}|neither [a-z]+ nor [a-z]+)[.!\s\"”*_]*\Z"
)
_NAME_IN_BOX = re.compile(r"\s*([a-zA-Z])\s*")
_TOLD_NAME = re.compile(
    r"[$.,\s]*(?:where|with)\s\$?(?P<name>[a-zA-Z])\s?=\s?(?P<value>[-\d\\][^$,\n]*?)[.$\s]*(?:\Z|\n|\$)"
)
# "**42.** Here's why: ..."
_OPENING = re.compile(
    r"\W*?\*\*(?P<value>[^*\n]{1,40}?)[.:!]?\*\*[.:!]?\s+(?:here(?:['’]s| is) (?:why|how)|because|explanation|reason"
    r"|let me explain)",
    re.IGNORECASE,
)
_IN_BOX = re.compile(r"\\boxed\s?\{?\Z")
_MORE = re.compile(r"\w")
_CODE_SPAN = re.compile(r"(?<!`)`([^`\n$]{1,60})`(?!`)")
_VALUE = re.compile(r"[0-9$\\]")
_HOLLOW = re.compile(r"[^0-9a-zA-Z]*|.*\\(?:boxed|fbox|framebox).*", re.DOTALL)
_REFUSAL = re.compile(r"\b(?:I|I'm|sorry|unsure|unknown|not sure|idk|none|answer)\b", re.IGNORECASE)
MAX_BARE = 300  # characters of a response that is nothing but its answer
TAIL = 2_000  # characters from the end in which a guess is first looked for
MAX_CANDIDATES = 10  # per rule, for reports

Found = tuple[str, list[Span]]  # a rule's name and the spans that make up the answer


class Candidate(NamedTuple):
    """A possible answer: text, rule, span in the response, and place in the order (0 is what is extracted)."""

    answer: str
    rule: str
    span: Span
    priority: int


def extract_answer(response: str | None, *, finish_reason: str | None = None) -> Extraction:
    """Return the answer a response gives, as written, with the rule that found it and its place.

    response: text as the model returned it, of any length and content; None is no response.
    finish_reason: as the server names it; "length" marks a response that the token limit cut, "stop" one that was not.
    `answer` is `response[slice(*span)]`, but for joined boxes: these are listed with ", ", and `span` reaches from
    the first content to the last. Never raises on a string; takes time linear in its length.
    """
    response = response or ""
    seen = _first_solution(view(response))
    cut = seen.unfinished or (hit_limit(finish_reason) and not seen.ended)
    end = len(seen.text.rstrip())
    # Where the last whole turn of a statement began whose repetition was cut.
    since = 0
    for rule, parts in _answers(seen):
        first, last = parts[0][0], parts[-1][1]
        # What is guessed, and arithmetic that goes on to the end, is no answer of a text that breaks off.
        whole = rule in CLOSED or (rule in STATED and not endings.goes_on(seen.text, first, last))
        within = whole and (rule in CLOSED or last < end)
        broken = (not whole and endings.ends_early(seen.text)) or (
            not within and endings.ends_in_loop(seen.text)
        )
        cut = cut or (broken and not seen.ended)
        if cut and not within:
            if since or (repeated := endings.repeats_from(seen.text, first)) is None:
                break
            since = repeated
        elif first >= since:
            spans = [whole_groups(seen.text, *part) for part in parts]
            return Extraction(_text(response, spans), rule, (spans[0][0], spans[-1][1]))
    broken = endings.ends_early(seen.text) or endings.ends_in_loop(seen.text)
    cut = (cut or (broken and not seen.ended)) and not ended_itself(finish_reason)
    return Extraction(None, "none", truncated=cut)


def candidates(response: str | None) -> list[Candidate]:
    """Return the possible answers of a response, the most trusted first, each place once."""
    response = response or ""
    found: dict[tuple[Span, ...], str] = {}
    for rule, parts in _answers(_first_solution(view(response))):
        found.setdefault(tuple(parts), rule)
    return [
        Candidate(_text(response, list(parts)), rule, (parts[0][0], parts[-1][1]), place)
        for place, (parts, rule) in enumerate(found.items())
    ]


def _text(response: str, parts: list[Span]) -> str:
    return ", ".join(stripped(response[start:stop]) for start, stop in parts)


def _first_solution(seen: View) -> View:
    """Cut the view where a model that solved our question goes on with the next one."""
    for position, needs_statement in boundaries(seen.text, endings.gives_up):
        head = seen._replace(text=seen.text[:position], ended=True)
        if not needs_statement or next(_answers(head, guesses=False), None):
            seen = head
            break
    return seen


def _answers(seen: View, *, guesses: bool = True) -> Iterator[Found]:
    for rule, parts in _places(seen, guesses):
        if denials.is_unreal(seen.text, *parts[-1]):
            continue
        # behind most answers nothing is said
        if not _MORE.search(seen.text, parts[-1][1]):
            yield rule, parts
            continue
        if told_wrong(seen.text, *parts[-1]):
            continue
        if taken := taken_back(seen.text, parts[0][0]):
            yield from _answers(seen._replace(text="\n" * taken + seen.text[taken:]), guesses=guesses)
            return
        yield rule, parts


def _places(seen: View, guesses: bool) -> Iterator[Found]:
    yield from islice(_option_after_box(seen), 1)
    for rule in _STATING:
        yield from islice(rule(seen), MAX_CANDIDATES)
    if not guesses or statements.by_cases(seen.text):
        return
    if unanswerable := endings.says_unanswerable(seen.text) or endings.says_no_solution(seen.text):
        yield "refusal", [unanswerable]
    else:
        kept = endings.without_remarks(seen.text)
        # a choice may be told from others: "B, not A"
        denied = denials.denies(kept)
        if denied and (left := left_over(seen.text)):
            yield "last_value", [left]
        # "The perimeter is choice (E)."
        last = endings.start_of_last(kept)
        for pattern in (_OPTION_AT_END, _OPTION_LEFT) if not denied else ():
            if option := pattern.search(kept, last):
                yield "choice", [option.span(option.lastindex or 0)]
        open_end = False
        for rule in (_decision, _choice) if denied or endings.refuses(seen.text) else _GUESSING:
            for name, parts in islice(rule(seen), MAX_CANDIDATES):
                # what is told before the end is no answer; in its place only an option's letter at the very end is
                if name in {"bold", "last_value"}:
                    open_end = not closings.ends_with(kept, parts[-1][1])
                if name == "choice" and endings.gives_up_behind(seen.text, parts[-1][1]):
                    continue
                if not open_end or (name == "choice" and not _MORE.search(kept, parts[-1][1])):
                    yield name, parts


def _option_after_box(seen: View) -> Iterator[Found]:
    """An option named last, after a box with something else: "$\\boxed{42}$ ... **Answer: D**"."""
    boxes = find_boxes(seen.text)
    named = boxes and _NAME_IN_BOX.fullmatch(seen.text, boxes[-1].start, boxes[-1].stop)
    # "\boxed{x}, where x = 15"
    if named and (told := _TOLD_NAME.match(seen.text, boxes[-1].end)) and told["name"] == named[1]:
        yield "statement", [told.span("value")]
    if not boxes or not (option := _OPTION_AT_END.search(seen.text, boxes[-1].end)):
        return
    box = seen.text[boxes[-1].start : boxes[-1].stop]
    if not _BOXED_OPTION.match(box) and not re.search(r"####|</", seen.text[boxes[-1].end : option.start()]):
        yield "statement", [option.span(1)]


def _marked(seen: View) -> Iterator[Found]:
    text = seen.text
    found: list[Found] = []
    boxes = [box for box in find_boxes(text) if box.complete]
    while boxes:
        group = last_group(text, boxes)
        found.append(("box", [(box.start, box.stop) for box in group]))
        boxes = [box for box in boxes if box.begin < group[0].begin]
        if len(found) == MAX_CANDIDATES:
            break
    tags, minerva = statements.tag_slots(text), statements.minerva_slots(text)
    values = [("tag", _whole(text, *slot) or slot_value(text, *slot, sentences=True)) for slot in tags]
    values += [("final_answer", _whole(text, *slot) or slot_value(text, *slot)) for slot in minerva]
    values += [("hash", line_value(text, *slot)) for slot in statements.hash_slots(text)]
    found += [(name, [span]) for name, span in values if span]
    yield from sorted(found, key=lambda item: item[1][-1][1], reverse=True)


def _one_line(text: str, start: int, stop: int) -> Span | None:
    """Return a stretch without what encloses it if it is one short line."""
    span = trim(text, start, stop)
    return span if span and span[1] - span[0] <= MAX_BARE and "\n" not in text[slice(*span)] else None


def _whole(text: str, start: int, stop: int) -> Span | None:
    """Return a slot's whole content where that is one short value."""
    span = _one_line(text, start, stop)
    return None if span is None or find_boxes(text[slice(*span)]) or WORD.search(text, *span) else span


def _stated(seen: View) -> Iterator[Found]:
    yield from ((rule, [span]) for rule, span in statements.statement_values(seen.text))


def _broken_box(seen: View) -> Iterator[Found]:
    for box in reversed(find_boxes(seen.text)):
        span = trim(seen.text, box.start, box.stop)
        if not box.complete and span:
            yield "broken_box", [span]


def _decision(seen: View) -> Iterator[Found]:
    span = _one_line(seen.text, 0, len(seen.text))
    if span and YES_OR_NO.match(seen.text, *span):
        yield "bare", [span]
    if (opening := _OPENING.match(seen.text)) and _VALUE.search(opening["value"]):
        yield "bare", [opening.span("value")]


def _bare(seen: View) -> Iterator[Found]:
    span = _one_line(seen.text, 0, len(seen.text))
    content = seen.text[slice(*span)] if span else ""
    words = set(WORD.findall(content))
    one = "**" not in content and content.count("$") < 3
    valued = one and words <= {"and", "or"} and _VALUE.search(content)
    if span and (_OPTION_FIRST.fullmatch(content) or (valued and not _HOLLOW.fullmatch(content))):
        whole = words or open_equation(content)
        yield "bare", [span if whole else trim(seen.text, *value_side(seen.text, *span)) or span]


def _bare_words(seen: View) -> Iterator[Found]:
    span = trim(seen.text, 0, len(seen.text))
    short = span is not None and len(seen.text[slice(*span)].split()) <= MAX_BARE_WORDS
    if span and short and WORD.search(seen.text, *span) and not _REFUSAL.search(seen.text, *span):
        yield "bare", [span]


def _bold(seen: View) -> Iterator[Found]:
    text = seen.text.rstrip()
    last = text.rfind("\n\n") + 1
    start = max(text.rfind("\n\n", 0, last - 1) if last > 1 else 0, len(text) - TAIL, 0)
    for match in reversed(list(BOLD.finditer(text, start))):
        inside = match.span(1)
        content = text[slice(*inside)].strip()
        if _HEADING.match(content) or content.endswith((":", "：")) or _TOLD.match(text, match.end()):
            continue
        # Words count only where the last paragraph names no value at all, or where they end it: "f is **not odd**."
        ends = not _MORE.search(text, match.end()) and _IS_BEFORE.search(text, 0, match.start())
        told = (
            ends
            or _VALUE.search(content)
            or _OPTION_LED.match(content)
            or not (match.start() < last or _VALUE.search(text, last))
        )
        if told and (span := slot_value(text, *inside)):
            # "**x = 2**, **y = 3**"
            before = [
                m for m in BOLD.finditer(text, start, match.start()) if joins(text[m.end() : match.start()])
            ]
            spans = [slot_value(text, *m.span(1)) for m in before[-1:]]
            yield "bold", [*filter(None, spans), span]


def _output(seen: View) -> Iterator[Found]:
    for start, stop in reversed(seen.outputs):
        if stop > len(seen.text) or re.search(r"[0-9]", seen.text[stop:]):
            return
        begin = seen.text.rfind("\n", start, start + len(seen.text[start:stop].rstrip())) + 1
        span = trim(seen.text, max(begin, start), stop)
        if span and not _ERROR_LINE.search(seen.text, *span):
            yield "output", [span]


def _last_value(seen: View) -> Iterator[Found]:
    # `a = 4` is a formula too
    text = _CODE_SPAN.sub(r"$\1$", closings.without_closing(endings.without_remarks(seen.text)))
    if word := _WORD_AT_END.search(text, endings.start_of_last(text)):
        yield "last_value", [word.span("word")]
    tail = text.rfind("\n\n", 0, max(0, len(text) - TAIL))
    span = (last_value(text, tail, len(text)) if tail > 0 else None) or last_value(text, 0, len(text))
    # a box that is none of the answers is denied
    if span and not _IN_BOX.search(text, max(0, span[0] - len(r"\boxed{")), span[0] + len(r"\boxed")):
        yield "last_value", [span]


def _choice(seen: View) -> Iterator[Found]:
    yield from (("choice", [span]) for span in chosen(seen.text, max(0, len(seen.text) - TAIL)))


Rule = Callable[[View], Iterator[Found]]
_STATING: tuple[Rule, ...] = (_marked, _stated, _broken_box)
_GUESSING: tuple[Rule, ...] = (_decision, _bare, _bold, _output, _last_value, _choice, _bare_words)
MARKED = frozenset({"tag", "final_answer", "box", "hash"})
STATED = MARKED | {"statement", "a_colon", "broken_box"}
CLOSED = frozenset({"final_answer", "box"})  # their answer has an end of its own
