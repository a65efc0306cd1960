"""What a run is of, as far as its log says: which weights, which docs, which prompt. Unknown is unknown."""

from __future__ import annotations

from dataclasses import dataclass

from lm_eval_mathtasks.problems.fingerprints import sets_of
from lm_eval_mathtasks.runs.records import Run
from lm_eval_mathtasks.runs.weights import Weights

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

    asked: docs of the run; with_question: those whose question the log holds; known: of these, how many each known set
    has. Where no set knows any, they are docs of another set, or their questions stand inside prompts: not checked.
    """

    asked: int
    with_question: int
    known: tuple[tuple[str, int], ...]

    def all_of(self, name: str) -> bool | None:
        """Whether all docs are of the set of this name; None where that is not known."""
        if not self.known or self.with_question < self.asked:
            return None
        return dict(self.known).get(name, 0) == self.asked


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
    known = sorted(sets_of(questions).items(), key=lambda found: (-found[1], found[0]))
    arguments = {name: settings.get(f"model argument {name}") for name in _THINKING}
    prompt = Prompt(
        system=None if run.protocol.system_prompt is None else str(settings.get("system_instruction") or ""),
        template=settings.get("chat_template_sha"),
        thinking=tuple(f"{name}={value}" for name, value in arguments.items() if value is not None),
    )
    return Identity(run.provenance.weights, Docs(len(run.rows), len(questions), tuple(known)), prompt)
