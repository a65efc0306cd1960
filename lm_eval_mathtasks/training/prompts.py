"""How a problem is asked and answered: frames, instructions, answer styles, worked shots.

The model meets the same problem as a chat turn and as plain text in the usual evaluation layouts. An instruction
after the question may name the form of the answer; without one the frame decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import NamedTuple

from lm_eval_mathtasks.training.problems import Problem

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
}
PLAIN_FRAMES = ("question", "q", "problem")
STYLES = ("boxed", "hash", "says", "tags")


class Ask(NamedTuple):
    """A prompt with its worked response; `prompt + response` is the training text."""

    prompt: str
    response: str


def answered(problem: Problem, style: str) -> str:
    """The worked solution of `problem` with its answer in one of STYLES."""
    steps, answer = "\n".join(problem.steps), problem.answer
    if style == "tags":
        return f"<start_working_out>\n{steps}\n<end_working_out>\n<SOLUTION>{answer}</SOLUTION>"
    shown = answer if answer.isdecimal() or style != "says" else f"${answer}$"
    last = {"boxed": rf"\boxed{{{answer}}}", "hash": f"#### {answer}", "says": f"The answer is {shown}."}[style]
    return f"{steps}\n{last}"


def instruction(style: str, rng: Random) -> str:
    """A sentence, worded anew each time, that asks for reasoning and for an answer in `style`."""
    think = rng.choice(("Reason", "Think", "Work", "Solve it", "Explain your reasoning", "Go", "Show your work"))
    pace = rng.choice(("step by step", "one step at a time", "carefully, step by step"))
    put = rng.choice(("put", "write", "give", "place", "state", "end with"))
    answer = rng.choice(("your final answer", "the final answer", "the answer", "your answer", "the result"))
    where = {
        "boxed": rng.choice((r"within \boxed{}", r"in \boxed{}", r"inside \boxed{}", r"as \boxed{answer}")),
        "hash": rng.choice(("after ####", "on the last line after ####", "as: #### answer")),
        "says": rng.choice(('as "The answer is ..."', 'in the form "The answer is X."')),
        "tags": rng.choice(
            (
                "between <SOLUTION> and </SOLUTION>, your working between <start_working_out> and <end_working_out>",
                "in <SOLUTION></SOLUTION> after the working in <start_working_out><end_working_out>",
            )
        ),
    }[style]
    please = rng.choice(("", "", "Please "))
    first = f"{please}{think if not please else think[0].lower() + think[1:]} {pace}"
    return f"{first}{rng.choice((', and ', ' and ', '. Then ', ', then '))}{put} {answer} {where}."


def ask(problem: Problem, rng: Random, *, frame: str, style: str | None = None) -> Ask:
    """One prompt of `problem` in a frame; with `style` an instruction asks for it, without one none is given."""
    layout, question = FRAMES[frame], problem.question
    if style is not None:
        gap = rng.choice(("\n", "\n", "\n\n", " "))
        sentence = instruction(style, rng)
        question = sentence + gap + question if rng.random() < 0.15 else question + gap + sentence
    response = layout.gap + answered(problem, style or layout.style)
    return Ask(layout.ask.format(q=question), response)


def any_ask(problem: Problem, rng: Random) -> Ask:
    """A prompt as evaluations pose it: mostly chat with an instruction, else plain text with or without one."""
    if rng.random() < 0.6:
        style = None if rng.random() < 0.15 else rng.choices(STYLES, (8, 1, 0.5, 1))[0]
        return ask(problem, rng, frame="chat", style=style)
    style = rng.choice(STYLES) if rng.random() < 0.2 else None
    return ask(problem, rng, frame=rng.choice(PLAIN_FRAMES), style=style)


def several(problems: Sequence[Problem], rng: Random, *, frame: str) -> list[Ask]:
    """Problems asked and answered one after the other in one plain frame, as in a few-shot prompt."""
    asks = [ask(problem, rng, frame=frame) for problem in problems]
    return [asks[0], *(Ask("\n\n" + later.prompt, later.response) for later in asks[1:])]


def with_shots(shots: Sequence[Problem], problem: Problem, rng: Random, *, frame: str) -> Ask:
    """A few-shot prompt: the shots worked in the frame's own style, then `problem` unanswered."""
    *worked, last = several([*shots, problem], rng, frame=frame)
    return Ask("".join(w.prompt + w.response for w in worked) + last.prompt, last.response)
