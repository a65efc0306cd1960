"""What a run is of, as far as its log says: which weights, which docs, which prompt. Unknown is unknown."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from lm_eval_mathtasks.problems.fingerprints import sets_with
from lm_eval_mathtasks.runs.records import Run
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


@dataclass(frozen=True)
class Docs:
    """Which docs were asked.

    asked: docs of the run; with_question: those whose question the log holds; sets: for each different question of
    them, the known sets that have it. Where no set knows any, they are docs of another set, or their questions stand
    inside prompts: not checked.
    """

    asked: int
    with_question: int
    sets: tuple[frozenset[str], ...]

    @property
    def known(self) -> tuple[tuple[str, int], ...]:
        """How many different questions each known set has, most first."""
        counts = Counter(name for one in self.sets for name in one)
        return tuple(sorted(counts.items(), key=lambda found: (-found[1], found[0])))

    def of(self, name: str) -> int:
        """How many different questions are of the set of this name."""
        return sum(name in one for one in self.sets)

    def of_others(self, name: str) -> int:
        """How many are of other known sets, and not of this one."""
        return sum(bool(one) and name not in one for one in self.sets)

    def all_of(self, name: str) -> bool | None:
        """Whether all docs are different ones of the set of this name; None where that is not known."""
        if not any(self.sets) or self.with_question < self.asked:
            return None
        return self.of(name) == self.asked


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
    """The three together; weights None where the harness notes none."""

    weights: Weights | None
    docs: Docs
    prompt: Prompt


def identity_of(run: Run) -> Identity:
    """Return what a run is of."""
    settings = run.provenance.settings
    questions = [row.question for row in run.rows if row.question]
    different = {letters(question): question for question in questions}.values()
    docs = Docs(len(run.rows), len(questions), tuple(sets_with(question) for question in different))
    arguments = {name: settings.get(f"model argument {name}") for name in _THINKING}
    prompt = Prompt(
        system=None if run.protocol.system_prompt is None else str(settings.get("system_instruction") or ""),
        template=settings.get("chat_template_sha"),
        thinking=tuple(f"{name}={value}" for name, value in arguments.items() if value is not None),
    )
    return Identity(run.provenance.weights, docs, prompt)
