"""What a run is of, as far as its log says: which weights, which docs, which prompt. Unknown is unknown."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from lm_eval_mathtasks.problems.errata import erratum_of
from lm_eval_mathtasks.problems.fingerprints import Recognised, known_docs, recognised
from lm_eval_mathtasks.problems.gold import gold_key
from lm_eval_mathtasks.runs.records import MODEL_ARGUMENT, Run
from lm_eval_mathtasks.runs.shown import Shown, alike, shown_by
from lm_eval_mathtasks.runs.weights import Weights
from lm_eval_mathtasks.text import letters

# Model arguments that switch thinking on or off, in the words of lm-eval and of the servers it asks.
_THINKING = (
    "enable_thinking",
    "think",
    "thinking",
    "reasoning_effort",
    "think_end_token",
    "chat_template_args",
)


# Questions that begin alike by more than chance.
_ENOUGH = 8
_SENTENCE = re.compile(r"[.:?!\n][\s\"')]*")


@dataclass(frozen=True)
class Docs:
    """Which docs were asked, and with which reference answers.

    asked: docs of the run; with_question: those whose question the log holds; different: for each different question of
    them, the known sets that have it, and those that have its reference answer, too. Where no set knows any, they are
    docs of another set, or their questions stand inside prompts: not checked. corrected: reference answers that are not
    as published, but as the list of known errors has them.
    """

    asked: int
    with_question: int
    different: tuple[Recognised, ...]
    corrected: int = 0

    @property
    def known(self) -> tuple[tuple[str, int], ...]:
        """How many different questions each known set has, most first."""
        counts = Counter(name for one in self.different for name in one.sets)
        return tuple(sorted(counts.items(), key=lambda found: (-found[1], found[0])))

    def of(self, name: str) -> int:
        """How many different questions are of the set of this name."""
        return sum(name in one.sets for one in self.different)

    def of_others(self, name: str) -> int:
        """How many are of other known sets, and not of this one."""
        return sum(bool(one.sets) and name not in one.sets for one in self.different)

    def with_gold(self, name: str) -> int:
        """How many are of the set of this name, and have a reference answer in the log."""
        return sum(name in one.sets and one.same_gold is not None for one in self.different)

    def other_golds(self, name: str) -> int:
        """How many of these have another reference answer than the set, as far as a byte of a hash tells."""
        return self.with_gold(name) - sum(name in (one.same_gold or ()) for one in self.different)

    def all_of(self, name: str) -> bool | None:
        """Whether all docs are different ones of the set of this name; None where that is not known. A set that has one
        question twice has fewer different ones than docs."""
        if not any(one.sets for one in self.different) or self.with_question < self.asked:
            return None
        return self.of(name) >= min(self.asked, known_docs().get(name, self.asked))


@dataclass(frozen=True)
class Prompt:
    """What the model was told beside the question; None where the log does not say.

    system: the system instruction, "" for none; template: the checksum of the chat template; thinking: the model
    arguments that concern it.
    """

    system: str | None
    template: str | None
    thinking: tuple[str, ...]


@dataclass(frozen=True)
class Identity:
    """The three together, and what prompts and responses show whatever the log states; weights None where the harness
    notes none."""

    weights: Weights | None
    docs: Docs
    prompt: Prompt
    shown: Shown


def identity_of(run: Run) -> Identity:
    """Return what a run is of."""
    settings = run.provenance.settings
    different = {letters(row.question): (row.question, row.gold) for row in run.rows if row.question}.values()
    docs = Docs(
        asked=len(run.rows),
        with_question=sum(bool(row.question) for row in run.rows),
        different=_recognised(list(different)),
        corrected=sum(_is_corrected(question, gold) for question, gold in different),
    )
    arguments = {name: settings.get(f"{MODEL_ARGUMENT}{name}") for name in _THINKING}
    prompt = Prompt(
        system=None if run.protocol.system_prompt is None else str(settings.get("system_instruction") or ""),
        template=settings.get("chat_template_sha"),
        thinking=tuple(f"{name}={value}" for name, value in arguments.items() if value is not None),
    )
    return Identity(run.provenance.weights, docs, prompt, shown_by(run))


def _recognised(asked: Sequence[tuple[str, str | None]]) -> tuple[Recognised, ...]:
    """What is known of each question and its reference answer; where hardly any is, without the sentences that all of
    them begin and end with, which may be instructions."""
    found = tuple(recognised(question, gold) for question, gold in asked)
    if len(asked) < _ENOUGH or 2 * sum(bool(one.sets) for one in found) > len(asked):
        return found
    texts = [question for question, _ in asked]
    starts = [0, *(end.end() for end in _SENTENCE.finditer(alike(texts)))]
    behind = alike([text[::-1] for text in texts])[::-1]
    ends = [0, *(len(behind) - end.end() for end in _SENTENCE.finditer(behind))]
    first, cuts = texts[0], ((i, j) for i in starts for j in ends)
    cut = next(((i, j) for i, j in cuts if recognised(first[i : len(first) - j], whole=True).sets), None)
    if cut is None:
        return found
    start, end = cut
    bare = (recognised(question[start : len(question) - end], gold, whole=True) for question, gold in asked)
    return tuple(new if new.sets else old for old, new in zip(found, bare, strict=True))


def _is_corrected(question: str, gold: str | None) -> bool:
    """Whether a reference answer is what the list of known errors has in place of the published one."""
    known = None if gold is None else erratum_of(question)
    return known is not None and known.gold is not None and gold_key(known.gold) == gold_key(gold or "")
