"""What went wrong in a response, as far as its text, its finish reason and the log's own metrics tell."""

import re
import zlib
from collections.abc import Sequence
from typing import NamedTuple

from lm_eval_mathtasks.grading.extract import STATED
from lm_eval_mathtasks.grading.verdict import Status
from lm_eval_mathtasks.runs.judged import Judged
from lm_eval_mathtasks.runs.records import Row, Run
from lm_eval_mathtasks.text import thinking

LOOP_WINDOW = 3_000  # characters of the tail in which a loop is looked for
LOOP_SHORTEST = 400  # shorter tails compress well by chance
LOOP_RATIO = 9.0  # text over its zlib size: solutions stay below 5, a repeated paragraph exceeds 9
FOREIGN_SHARE = 0.2  # share of letters of another script; below it are quotations and names

_TURN = re.compile(r"^(?:Q|Question|Problem|Human|User|### ?Instruction)\s*\d*\s*[:：]", re.MULTILINE)
_LATIN = re.compile("[A-Za-z\u00c0-\u03ff]+")  # and Greek
_OTHER_SCRIPT = re.compile("[\u0400-\u1cff\u2c00-\U0001d3ff\U0001d800-\U0010ffff]")
_ENDED = re.compile(r"""[.!?。！？)\]}>$%"'`*_|\d✅]\s*$|<\|[a-z_]+\|>\s*$""")

_OPERATOR = re.compile(r"[\w)\]}$%] [*+/=<>-]$")
_SENTENCE = re.compile(r"""[.!?。！？✅]["'”’)\]}*_$`]*$""")
_NEXT_STEP = re.compile(r"(?:^|\n)[ \t]*\d{1,2}[.)]$")  # the number of a step that never came


class Symptom(NamedTuple):
    """One thing wrong with a response. sure: "surely" (the log says so), "likely" (read from the text) or "possibly"
    (read from how the run's other texts end)."""

    cause: str
    sure: str
    why: str


_API_ERROR = Symptom("api_error", "surely", "the log counts an API error")
_EMPTY = Symptom("empty", "surely", "the response is empty")
_LOOP = Symptom("loop", "likely", "the end of the text repeats itself")
_RECITING = "the text goes on with another question, and the answer comes from there"
_RECITED = Symptom("recited", "likely", _RECITING)
_FOREIGN = Symptom("language", "likely", "much of the text is in another script than the question")
_NO_ANSWER = Symptom("no_answer", "surely", "no answer was found in a finished text")


class Habit(NamedTuple):
    """How the responses of a run end when nothing goes wrong.

    states: the share that gives a final answer in so many words (a box, "the answer is", ...). long: characters from
    which a response is a long one in this run.
    """

    states: float
    long: int


UNKNOWN_HABIT = Habit(0.0, 0)
_USUAL = 0.8  # from this share on, a response without a final answer is out of the ordinary
# Of the longest response: a token holds 2 to 5 characters, so equal tokens differ by this much.
_LONG_PART = 0.5


def habit(run: Run, judgements: Sequence[Judged]) -> Habit:
    """Return how the responses of a run usually end."""
    stated = sum(map(_stated, judgements))
    longest = max((len(text) for row in run.rows for text in row.responses), default=0)
    return Habit(stated / len(judgements) if judgements else 0.0, int(_LONG_PART * longest))


def symptom(row: Row, judged: Judged, usual: Habit = UNKNOWN_HABIT) -> Symptom | None:
    """Return the first cause that explains why a response did not score, None for a plain wrong answer.

    The order is the order of events: no response at all, a loop, thinking that never ended, a cut, a doubtful end, text
    of another question, another language, an answer too big to check or not understood, a reference that is not
    understood, no answer.
    usual: how the run's responses end.
    """
    text = row.responses[judged.repeat]
    if not text.strip():
        # Where the log says which responses never came, an empty one that did is the model's.
        counted = any(row.metrics.get(f"api_error,{name}") for name in ("none", "all")) and not row.lost
        return _API_ERROR if counted else _EMPTY
    # Nearly every loop ends at the token limit, and a longer limit does not help. A model that runs on after its
    # answer has given one.
    if not _stated(judged) and loops(text):
        return _LOOP
    return _cut(row, judged, text, usual) or _other(row, judged, text)


def _other(row: Row, judged: Judged, text: str) -> Symptom | None:
    """What can be wrong with a response that ended by itself."""
    if recites(text, judged):
        return _RECITED
    if foreign(text, row.question):
        return _FOREIGN
    if judged.verdict.status in (Status.OVER_LIMIT, Status.UNPARSABLE, Status.GOLD_UNREADABLE):
        return Symptom(str(judged.verdict.status), "surely", judged.verdict.reason)
    return _NO_ANSWER if judged.extraction.answer is None else None


def _cut(row: Row, judged: Judged, text: str, usual: Habit) -> Symptom | None:
    """A response that broke off before its answer, or whose end is doubtful beside the run's other texts."""
    if judged.verdict.status is Status.UNFINISHED:
        sure = judged.cut_off or "likely"
        if thinking(text).unfinished:
            return Symptom("unfinished_thinking", sure, "thinking began and never ended")
        return Symptom("cut", sure, "a limit of tokens" if sure == "surely" else "the text breaks off")
    ended = row.finish_reason(judged.repeat) is not None or judged.cut_off == "surely"
    why = None if ended or _stated(judged) else _doubt(text, usual)
    return None if why is None else Symptom("doubtful_end", "possibly", why)


def _stated(judged: Judged) -> bool:
    """Whether the response gives a final answer in so many words."""
    return judged.extraction.rule in STATED


def _doubt(text: str, usual: Habit) -> str | None:
    """Why a text may have been cut off although it does not break off in a formula, None where nothing says so."""
    if breaks_off(text):
        return "the text ends in the middle of a sentence"
    if usual.states < _USUAL:
        return None
    if len(text) >= usual.long:
        return "a long text without the final answer that the run's other texts give"
    if ends_a_sentence(text):
        return None
    return "no end of a sentence, and no final answer as the other texts have"


def breaks_off(text: str) -> bool:
    """Whether a text ends in the middle: inside a word, a sentence, a formula or a code block."""
    tail = text.rstrip()
    if not tail:
        return False
    brackets = (("\\[", "\\]"), ("\\(", "\\)"))
    if tail.count("```") % 2 or any(tail.count(one) > tail.count(other) for one, other in brackets):
        return True
    return bool(_OPERATOR.search(tail)) or not _ENDED.search(tail)


def ends_a_sentence(text: str) -> bool:
    """Whether a text ends where a sentence does, and not with the number of a next step."""
    tail = text.rstrip()
    return bool(_SENTENCE.search(tail)) and not _NEXT_STEP.search(tail)


def loops(text: str) -> bool:
    """Whether the end of a text repeats itself, measured by how well it compresses."""
    tail = text[-LOOP_WINDOW:].encode("utf-8", "replace")
    if len(tail) < LOOP_SHORTEST:
        return False
    # A short tail cannot compress ninefold even if it is one repeated word: zlib's header weighs in.
    return len(tail) / len(zlib.compress(tail, 9)) > min(LOOP_RATIO, len(tail) / 60)


def recites(text: str, judged: Judged) -> bool:
    """Whether the answer stands after the start of another question that the model wrote itself."""
    turn, span = _TURN.search(text, 1), judged.extraction.span
    behind = turn is not None and (span is None or span[0] > turn.start())
    return turn is not None and behind and bool(text[: turn.start()].strip())


def foreign(text: str, question: str) -> bool:
    """Whether much of a text is in a script that the question does not use."""
    return _other_script(question) < FOREIGN_SHARE / 2 and _other_script(text) >= FOREIGN_SHARE


def _other_script(text: str) -> float:
    """Share of letters beyond Latin and Greek; Greek letters and mathematical alphabets are notation."""
    if text.isascii():
        return 0.0
    other = sum(map(str.isalpha, _OTHER_SCRIPT.findall(text)))
    latin = len(text) - len(_LATIN.sub("", text))
    return other / (other + latin) if other else 0.0
