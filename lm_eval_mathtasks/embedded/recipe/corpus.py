"""The messy corpus of the base stage: drills, bare answers, prose, some wrong solutions, and a few clean ones."""

from collections.abc import Iterator
from random import Random

from lm_eval_mathtasks.embedded.recipe.exercises import Problem, stream
from lm_eval_mathtasks.embedded.recipe.prompts import PLAIN_FRAMES, Ask, pose_any, several

# Part of the documents whose last step is wrong, as on the web.
WRONG_SHARE = 0.1


def _fact(rng: Random) -> str:
    a, b = rng.randint(2, 99), rng.randint(2, 60)
    c, d = rng.randint(2, 12), rng.randint(2, 12)
    e, f = rng.randint(2, 9), rng.randint(2, 15)
    return rng.choice(
        (f"{a}+{b}={a + b}", f"{a + b}-{b}={a}", f"{c}*{d}={c * d}", f"{c * d}/{c}={d}", f"{e}*{f}={e * f}")
    )


def _spoiled(problem: Problem, rng: Random) -> Problem:
    """The same problem with a wrong last step and answer, if the answer is a plain number."""
    if not problem.answer.isdecimal():
        return problem
    wrong = str(max(0, int(problem.answer) + rng.choice((-10, -2, -1, 1, 2, 10))))
    last = problem.steps[-1].rpartition("=")[0] + "=" + wrong
    return problem._replace(steps=(*problem.steps[:-1], last), answer=wrong)


def _prose(problem: Problem, rng: Random) -> Ask:
    start = rng.choice(("First ", "We get ", "Note that ", "Here "))
    end = rng.choice(("So it is", "The answer is", "Thus")) + f" {problem.answer}."
    joined = rng.choice((", then ", " and ", ", so ")).join(problem.steps)
    return Ask(f"{problem.question}\n", f"{start}{joined}. {end}")


def document(problem: Problem, source: Iterator[Problem], rng: Random) -> list[Ask]:
    """One document of the corpus around `problem`, as its parts; `source` gives what else it needs."""
    if rng.random() < WRONG_SHARE:
        problem = _spoiled(problem, rng)
    kind = rng.choices(("drill", "bare", "prose", "plain", "shots", "any"), (12, 8, 20, 30, 12, 18))[0]
    if kind == "drill":
        return [Ask("", "\n".join(_fact(rng) for _ in range(rng.randint(3, 9))))]
    if kind == "bare":
        return [Ask(f"Question: {problem.question}\nAnswer:", f" {problem.answer}")]
    if kind == "prose":
        return [_prose(problem, rng)]
    if kind == "any":
        return [pose_any(problem, rng)]
    shots = [next(source) for _ in range(rng.randint(1, 4))] if kind == "shots" else []
    frames = (*PLAIN_FRAMES, "chat") if shots else PLAIN_FRAMES
    return several([*shots, problem], rng, frame=rng.choice(frames))


def documents(seed: int) -> Iterator[list[Ask]]:
    """Endless training documents; the same for the same seed, none with held-out numbers."""
    source, rng = stream(seed), Random(seed + 1)
    for problem in source:
        yield document(problem, source, rng)
