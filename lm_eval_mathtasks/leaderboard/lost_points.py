"""The causes of lost points: what people call them, what fixes them, and what one of them is worth."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from lm_eval_mathtasks.numbers import differences as st

EXAMPLES = 5

# cause -> (what to call it, what fixes it); the order is the order of the waterfall.
CAUSES: dict[str, tuple[str, str]] = {
    "api_error": (
        "API errors",
        "run the same command again: answered requests are kept, only these are asked",
    ),
    "empty": ("empty responses", "reasoning models: raise max_gen_toks; chat models: --apply_chat_template"),
    "unfinished_thinking": ("unfinished thinking", "--gen_kwargs max_gen_toks={more}, and a context as long"),
    "cut": ("unfinished solution", "--gen_kwargs max_gen_toks={more}"),
    "doubtful_end": (
        "no final answer, and possibly cut off",
        "look at the ends of these texts; if they were cut: --gen_kwargs max_gen_toks={more}",
    ),
    "loop": (
        "repetition loops",
        "the publisher's sampling (--gen_kwargs temperature=0.6,top_p=0.95), not greedy decoding",
    ),
    "recited": (
        "went on with another question",
        "a stop string before the next question (until), or --apply_chat_template",
    ),
    "language": (
        "wrong language or mixed script",
        "--system_instruction that names the language; --apply_chat_template",
    ),
    "over_limit": (
        "answer too big to check",
        "look at these answers by hand; the grader refuses, it does not guess",
    ),
    "unparsable": ("answer not understood", "`mathtasks explain-answer` shows how such an answer is read"),
    "gold_unreadable": (
        "reference answer not understood",
        "nothing that a model can do: look at the reference, and report it",
    ),
    "no_answer": (
        "finished without an answer",
        "--apply_chat_template for instruct models; a task that asks for a boxed answer",
    ),
    "misgraded": ("right, but the run's grader said wrong", "mathtasks rescore (no model is asked)"),
    "overgraded": ("wrong, but the run's grader said right", "mathtasks rescore (no model is asked)"),
}


@dataclass(frozen=True)
class Cause:
    """One bar of the waterfall. Points are fractions of the score.

    count: responses with this symptom among those that did not score. bound: what they could be worth at most.
    fair: what they are worth at the rate of `rate_from`; `interval` of fair. sure: how many of them are sure, likely,
    possible. tiers: for regraded answers, the tier of the grader that decided.
    """

    key: str
    count: int
    bound: float
    fair: float
    interval: st.Interval
    rate_from: str
    docs: tuple[str, ...]
    sure: Mapping[str, int]
    why: Mapping[str, int]
    fix: str
    tiers: Mapping[str, int] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """What people call it."""
        return CAUSES[self.key][0]

    @property
    def examples(self) -> tuple[str, ...]:
        """The ids of a few of its docs."""
        return tuple(dict.fromkeys(self.docs))[:EXAMPLES]
