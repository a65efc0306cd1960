"""What the prompts and responses of a run show, whatever its log states: solved examples, the answer itself, outputs of
tools, thinking."""

import json
import re
from collections.abc import Iterator, Sequence
from statistics import median_low
from typing import NamedTuple

from lm_eval_mathtasks.runs.records import Row, Run
from lm_eval_mathtasks.text import letters, thinking

# Docs that are looked at for what is the same in all of them.
_LOOKED_AT = 64
# Characters: shorter answers may well be the same each time, on more than this share of docs.
_LONG = 100
_ALIKE = ((_LONG, 0.5), (_LONG // 2, 0.99))
# Characters of a prompt that are instructions, or of one doc beside its question: examples are longer.
_LONGEST_HINT = 300
# Letters of a prompt that only one doc has beside its question, and that are more than its number or its subject.
_OWN = 25
# What announces a hint, however short.
_HINT = re.compile(r"\b(?:hints?|tips?|clues?|plan|approach)\b\W", re.IGNORECASE)
# What stands before a question at the beginning of its line, or on the line above.
_LABEL = re.compile(r"(?:^|\n)[^\S\n]*([^\n:：]{1,20}[:：])\s*$")
_OPTION = re.compile(r"\(?\b[A-E][).:]\s")
_TOOL_OUTPUT = re.compile(
    r"```(?:output|execution)\b|<(?:interpreter|execution_results?)>|\[TOOL_RESULTS\]|ipython<\|end_header_id"
    r"|<\W{0,2}(?:tool|function)[\W_](?:outputs?|responses?|results?)\b|^Action\b.*\n(?:Action Input.*\n)?Observation:",
    re.MULTILINE,
)
# Of a prompt that a chat template rendered: the system's turn, and what the model's own begins with.
_SYSTEM_TURN = re.compile(
    r"<\|(?:(?:im_start|start_header_id)\|>)?system(?:<\|end_header_id)?(?:\|>)?\s*([^<]*)<"
)
_OWN_TURN = re.compile(
    r"(?:<\|(?:(?:im_start|start_header_id)\|>)?assistant|<start_of_turn>model)(?:<\|end_header_id)?(?:\|>)?([^<]*)\Z"
)
_DAY = re.compile(r"Today Date:.*")
_EMPTY_THOUGHT = re.compile(r"<\W*think\W*>\s*<\W*/think\W*>")
_SYSTEM = re.compile(r"""\s*\[\{"role": ?"system\"""", re.IGNORECASE)
_NO_THINK = re.compile(r"(?<!\w)/no_?think\b")


class Shown(NamedTuple):
    """examples: solved ones before the question, None where neither turns nor a label tell; told: docs whose prompt
    holds their own answer beside the question; own: docs whose prompt has a text of its own there; among: whether
    most of the first docs have examples that are docs of the run; with_tools: docs with outputs of tools in a
    response; copied: docs of which the first response holds the published solution, word for
    word; thinks: whether most of the first docs think, None where nothing tells
    (thinking may have been taken out); system: whether the prompts begin with a system message; begun: whether they
    end with a turn of the model."""

    examples: int | None
    told: int
    own: int
    among: bool
    with_tools: int
    copied: int
    thinks: bool | None
    system: bool
    begun: bool


def shown_by(run: Run) -> Shown:
    """Return what the prompts and responses of a run show."""
    asked = [(row, before, behind) for row in run.rows for before, behind in _around(row)]
    counts = [
        found for row, before, _ in asked if (found := _solved_turns(row) or _examples(before)) is not None
    ]
    examples = median_low(counts) if 2 * len(counts) > len(run.rows) else None
    beside = list(_beside(asked))
    return Shown(
        examples=examples,
        told=sum(_told(row, texts) for row, *texts in beside),
        # Examples may be drawn for each doc.
        own=0 if examples else sum(map(_is_own, beside)),
        among=_among(asked),
        with_tools=sum(any(map(_TOOL_OUTPUT.search, row.responses)) for row in run.rows),
        copied=sum(map(_copied, run.rows)),
        thinks=_thinks(run, [behind for _, _, behind in asked]),
        begun=any(
            turns[-1][0] == "assistant"
            for row in run.rows[:_LOOKED_AT]
            if (turns := _turns(row.prompt or ""))
        ),
        system=any(_SYSTEM.match(row.prompt or "") for row in run.rows[:_LOOKED_AT]),
    )


def _is_own(beside: tuple[Row, str, str]) -> bool:
    text = "".join(beside[1:])
    # Options of a question that is answered by one belong to it.
    options = len(_OPTION.findall(text)) > 1 and not _OPTION.fullmatch(f"{beside[0].gold}. ")
    return len(letters(text)) >= _OWN or options or bool(_HINT.search(text))


def _among(asked: Sequence[tuple[Row, str, str]]) -> bool:
    """Whether most of the first docs stand behind another doc of their own run, an example that is one of the test."""
    questions = {own for row, *_ in asked if len(own := letters(row.question)) >= _OWN}
    looked_at = [(letters(row.question), letters(before)) for row, before, _ in asked[:_LOOKED_AT]]
    held = sum(any(one != own and one in before for one in questions) for own, before in looked_at)
    return 2 * held > len(looked_at)


def _copied(row: Row) -> bool:
    """Whether the first response holds the solution that the set publishes, if that is more than an answer."""
    solution = letters(row.reference or "")
    # A doc whose answer never came has no response.
    return len(solution) >= _LONG and any(solution in letters(text) for text in row.responses[:1])


def same_each_time(run: Run) -> tuple[int, int] | None:
    """On how many of the docs with several long answers these are the same text; None unless on most, or on all of
    shorter ones. Then k answers are one: greedy, or of a server that ignores temperature and seed."""
    for least, share in _ALIKE:
        several = [[row.responses[i] for i in row.there] for row in run.answered if len(row.there) > 1]
        several = [texts for texts in several if len(texts[0]) >= least]
        same = sum(len(set(texts)) == 1 for texts in several)
        if same > share * len(several):
            return same, len(several)
    return None


def asked_otherwise(run: Run) -> int:
    """How many docs have a prompt in which their question does not stand, however it is spelt."""
    asked = ((row.question.strip(), _text_of(row.prompt)) for row in run.rows if row.prompt and row.question)
    return sum(
        question not in prompt and letters(question) not in letters(prompt) for question, prompt in asked
    )


def _around(row: Row) -> Iterator[tuple[str, str]]:
    """The text of a prompt before its question and behind it, nothing where the question does not stand in it."""
    question, prompt = row.question.strip(), _text_of(row.prompt or "")
    at = prompt.rfind(question) if question else -1
    if at >= 0 and prompt != question:
        yield prompt[:at], prompt[at + len(question) :]


def _text_of(prompt: str) -> str:
    """A prompt as text: of a conversation, what was said in it."""
    turns = _turns(prompt)
    return "\n".join(said for _, said in turns) if turns else prompt


def turns_of_template(prompt: str, template: str | None) -> tuple[str | None, str | None]:
    """Return the system message of a prompt that a chat template rendered, and what the answer is begun with; None
    where there is none, or the template has it."""
    known = letters(template or "")
    found = (pattern.search(prompt) for pattern in (_SYSTEM_TURN, _OWN_TURN))
    texts = (_DAY.sub("", one[1]).strip() if one else "" for one in found)
    system, begun = (
        text if any(letters(part) not in known for part in text.splitlines()) else None for text in texts
    )
    return system, begun


def _turns(prompt: str) -> list[tuple[str, str]]:
    """The turns of a conversation, by whom and what was said; none where a prompt is another text."""
    if not prompt.lstrip().startswith('[{"'):
        return []
    try:
        turns = json.loads(prompt)
        return [
            (str(turn.get("role")), str(turn.get("content") or turn.get("prompt") or "")) for turn in turns
        ]
    except (ValueError, AttributeError):
        return []


def _solved_turns(row: Row) -> int:
    """How many answers stand in a conversation before the doc's own question."""
    turns = _turns(row.prompt or "")
    last = max((i for i, (_, said) in enumerate(turns) if row.question.strip() in said), default=0)
    return sum(role in ("assistant", "BOT") for role, _ in turns[:last])


def _examples(before: str) -> int | None:
    """How many questions stand before a doc's own, by the label of its own; None where it has none, or where it is the
    only one below a text that is long enough to hold examples under another."""
    label = _LABEL.search(before)
    if label is None:
        return None
    # Its number, if it has one, is its own.
    alike_but_numbers = re.sub(r"\d+", r"\\d+", re.escape(label[1]))
    found = len(re.findall(rf"(?m)^[^\S\n]*{alike_but_numbers}", before)) - 1
    return found if found or len(before) <= _LONGEST_HINT else None


def _beside(asked: Sequence[tuple[Row, str, str]]) -> Iterator[tuple[Row, str, str]]:
    """What only the prompt of a doc says before its question and behind it, where there are several docs."""
    first = [(before, behind[::-1]) for _, before, behind in asked[:_LOOKED_AT]]
    if len(first) < 2:
        return
    start, end = (len(alike(texts)) for texts in zip(*first, strict=True))
    for row, before, behind in asked:
        yield row, before[start:], behind[: len(behind) - end]


def _told(row: Row, texts: Sequence[str]) -> bool:
    """Whether a prompt holds the doc's own answer, in what only it says beside the question: in a few words, or behind
    the question where that stands there before."""
    _, asked_before, solved = texts[0].partition(row.question.strip())
    hint = "\n".join(
        [*(text for text in texts if len(text) <= _LONGEST_HINT), solved if asked_before else ""]
    )
    gold = (row.gold or "").strip()
    shape = rf"(?<![\w.]){re.escape(gold)}(?!\w|[.,]\d)"
    return bool(gold) and len(_OPTION.findall(texts[1])) < 2 and bool(re.search(shape, hint))


def alike(texts: Sequence[str]) -> str:
    """The whole words that all texts begin with."""
    low, high = min(texts), max(texts)
    if low == high:
        return low
    differ = (place for place, pair in enumerate(zip(low, high, strict=False)) if pair[0] != pair[1])
    return re.sub(r"\S+$", "", low[: next(differ, len(low))])


def _thinks(run: Run, behind: Sequence[str]) -> bool | None:
    told = [*behind[:_LOOKED_AT], str(run.provenance.settings.get("system_instruction") or "")]
    if any(map(_NO_THINK.search, told)):
        return False
    answers = [text for row in run.rows[:_LOOKED_AT] for text in row.responses]
    empty = sum(bool(_EMPTY_THOUGHT.match(text.lstrip())) for text in answers)
    full = sum(bool(thinking(text).spans) for text in answers) - empty
    return True if 2 * full > len(answers) else False if 2 * empty > len(answers) else None
