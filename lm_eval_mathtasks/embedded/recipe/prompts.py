"""How a problem is asked and answered: frames, instructions, answer styles, worked shots.

The model meets the same problem as a chat turn and as plain text in the usual evaluation layouts. An instruction
after the question may name the form of the answer; without one the frame decides.
"""

from collections.abc import Mapping, Sequence
from random import Random
from typing import NamedTuple

from lm_eval_mathtasks.embedded.recipe.exercises import Problem

USER, ASSISTANT, SYSTEM = "<|user|>", "<|assistant|>", "<|system|>"
PAD, BOS, EOS = "<pad>", "<bos>", "<eos>"
SPECIAL_TOKENS = (PAD, BOS, EOS, SYSTEM, USER, ASSISTANT)
CHAT_TEMPLATE = (
    "{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}"
    "{% if m['role'] == 'assistant' %}<eos>{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


class Frame(NamedTuple):
    """A layout of plain text: `ask` holds {q}, a response follows after `gap`; `style` is its usual answer."""

    ask: str
    gap: str
    style: str


FRAMES = {
    "chat": Frame(USER + "{q}" + ASSISTANT, "", "boxed"),
    "question": Frame("Question: {q}\nAnswer:", " ", "hash"),
    "q": Frame("Q: {q}\nA:", " ", "says"),
    "problem": Frame("Problem:\n{q}\n\nSolution:", " ", "boxed"),
    "bare": Frame("{q}", "\n", "boxed"),
}
PLAIN_FRAMES = ("question", "q", "problem")
# Form of the answer -> how often an instruction asks for it.
STYLES = {"boxed": 8, "hash": 1, "says": 1, "tags": 2, "direct": 1}


class Ask(NamedTuple):
    """A prompt with its worked response; `prompt + response` is the training text."""

    prompt: str
    response: str


def worked_answer(problem: Problem, style: str) -> str:
    """The worked solution of `problem` with its answer in one of STYLES; "direct" is the answer alone."""
    steps, answer = "\n".join(problem.steps), problem.answer
    says = answer if answer.isdecimal() else f"${answer}$"
    return {
        "boxed": f"{steps}\n\\boxed{{{answer}}}",
        "hash": f"{steps}\n#### {answer}",
        "says": f"{steps}\nThe answer is {says}.",
        "tags": f"<start_working_out>\n{steps}\n<end_working_out>\n<SOLUTION>{answer}</SOLUTION>",
        "direct": answer,
    }[style]


_WHERE = {
    "boxed": (r"within \boxed{}", r"in \boxed{}", r"inside \boxed{}", r"as \boxed{answer}", r"in a \boxed{}"),
    "hash": ("after ####", "on the last line after ####", "as: #### answer"),
    "says": ('as "The answer is ..."', 'in the form "The answer is X."'),
    "tags": ("between <SOLUTION> and </SOLUTION>", "inside <SOLUTION></SOLUTION>"),
}
_THINK = ("Reason", "Think", "Work", "Solve it", "Explain your reasoning", "Go", "Show your work")
_PACE = ("step by step", "one step at a time", "carefully, step by step")
_PUT = ("put", "write", "give", "place", "state", "end with")
_RESULT = ("your final answer", "the final answer", "the final answer, a number,", "the answer", "the result")
_JOIN = (", and ", " and ", ". Then ", ", then ")
_DIRECT = ("Answer with", "Give", "Write", "Reply with")
_NO_WORKING = "the answer only, without working"
_ALONE = ("the final number only", "only the final answer", "just the answer", _NO_WORKING)


def instruction(style: str, rng: Random) -> str:
    """A sentence, worded anew each time, that asks for reasoning and for an answer in `style`."""
    if style == "direct":
        return f"{rng.choice(_DIRECT)} {rng.choice(_ALONE)}."
    first = f"{rng.choice(_THINK)} {rng.choice(_PACE)}"
    if style == "tags":
        first = f"{rng.choice(_THINK)} between <start_working_out> and <end_working_out>"
    if rng.random() < 0.2:
        first = f"Please {first[0].lower()}{first[1:]}"
    return f"{first}{rng.choice(_JOIN)}{rng.choice(_PUT)} {rng.choice(_RESULT)} {rng.choice(_WHERE[style])}."


def pose(problem: Problem, rng: Random, *, frame: str, style: str | None = None) -> Ask:
    """One prompt of `problem` in a frame; with `style` an instruction asks for it, without one none is given.

    The instruction stands after the question, before it, or (chat only) in a system message.
    """
    layout, question, system = FRAMES[frame], problem.question, ""
    if style is not None:
        sentence, place = instruction(style, rng), rng.random()
        if place < 0.7:
            question = question + rng.choice(("\n", "\n", "\n\n", " ")) + sentence
        elif place < 0.85 or frame != "chat":
            question = sentence + rng.choice(("\n", "\n\n", " ")) + question
        else:
            system = SYSTEM + sentence
    answer = worked_answer(problem, style or layout.style)
    return Ask(system + layout.ask.format(q=question), layout.gap + answer)


def pose_any(problem: Problem, rng: Random, styles: Mapping[str, int] = STYLES) -> Ask:
    """A prompt as evaluations pose it: mostly with an instruction, as chat or bare, else in a plain frame.

    styles: the forms an instruction may ask for, with weights.
    """
    style = rng.choices(list(styles), list(styles.values()))[0]
    chance = rng.random()
    if chance < 0.55:
        return pose(problem, rng, frame="chat", style=None if rng.random() < 0.1 else style)
    if chance < 0.7:
        return pose(problem, rng, frame="bare", style=style)
    return pose(problem, rng, frame=rng.choice(PLAIN_FRAMES), style=style if rng.random() < 0.2 else None)


def several(problems: Sequence[Problem], rng: Random, *, frame: str) -> list[Ask]:
    """Problems asked and answered one after the other in one frame, as in a few-shot prompt or a long chat."""
    first, *later = (pose(problem, rng, frame=frame) for problem in problems)
    gap = EOS if frame == "chat" else "\n\n"
    return [first, *(Ask(gap + a.prompt, a.response) for a in later)]
