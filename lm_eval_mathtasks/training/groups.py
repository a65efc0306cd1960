"""What GRPO would learn from: rewards after normalisation, and how many prompts have anything to tell apart."""

import asyncio
import inspect
import math
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from lm_eval_mathtasks.rewards import staged
from lm_eval_mathtasks.rewards.rulings import Kind
from lm_eval_mathtasks.tables import Table
from lm_eval_mathtasks.training.named import RANGES, Reward
from lm_eval_mathtasks.training.preflight import Finding

Scale = Literal["group", "batch", "none"]
_TINY = 1e-4  # what TRL adds to a deviation before it divides
FEW_MIXED = 0.2  # below this share of prompts most of the rollouts teach nothing
MANY_UNFINISHED = 0.5
Generate = Callable[[Sequence[Any], int], list[tuple[str, bool]]]


def advantages(rewards: Sequence[float], scale: Scale) -> list[float]:
    """A group's rewards as GRPO weighs them: minus their mean and, for "group", divided by their deviation (TRL's, with
    n - 1). "batch" divides by that of the batch, which a group does not know: the differences are returned."""
    mean = statistics.fmean(rewards)
    spread = statistics.stdev(rewards) + _TINY if scale == "group" else 1.0
    return [(reward - mean) / spread for reward in rewards]


def normalised(rewards: Sequence[Reward], generations: int, scale: Scale) -> Table:
    """What a right, a wrong and an unreadable response, and most against least bonus, are worth in typical groups."""
    known = [one for one in rewards if one.ours]

    def worth(kind: Kind) -> float:
        return math.fsum(one.weight * _of_kind(one, kind) for one in known if one.of_correctness)

    bonus = math.fsum(abs(one.weight) * _span(one) for one in known if not one.of_correctness)
    right, wrong, unreadable = worth("right"), worth("wrong"), worth("unreadable")
    rest = generations - 2
    groups = {
        "one right, the others wrong": [right, *[wrong] * (generations - 1)],
        "one right, one unreadable, the others wrong": [right, unreadable, *[wrong] * rest],
        "none right, one unreadable, the others wrong": [unreadable, *[wrong] * (generations - 1)],
        "all wrong": [wrong] * generations,
    }
    rows = []
    for name, values in groups.items():
        found = dict(zip(values, advantages(values, scale), strict=True))
        shown = [found.get(value) for value in (right, wrong, unreadable)]
        rows.append((name, *("" if value is None else f"{value:+.2f}" for value in shown)))
    if bonus:
        steps = [right + bonus * i / (generations - 1) for i in range(generations)]
        values = advantages(steps, scale)
        ends = f"{values[0]:+.2f} to {values[-1]:+.2f}"
        rows.append(("all right, bonuses from least to most", ends, "", ""))
    notes = [f"groups of {generations}, scale_rewards: {scale}; weights count"]
    if scale == "batch":
        notes.append("divided by the deviation of the batch, not known here: shown are the differences")
    if other := [one.name for one in rewards if not one.ours]:
        notes.append(f"without {', '.join(other)}, of which nothing is known here")
    title = "Values after normalisation"
    return Table(title, ("group", "right", "wrong", "unreadable"), tuple(rows), tuple(notes))


class Groups(NamedTuple):
    """What a sample of groups from the model at the start shows: how many prompts, responses each, how many groups are
    right throughout, wrong throughout and mixed, how many have any difference in reward, and unfinished responses."""

    prompts: int
    generations: int
    right: int
    wrong: int
    mixed: int
    with_signal: int
    unfinished: int
    mean: float

    @property
    def line(self) -> str:
        """The groups in one line."""
        shares = {
            "of the groups mixed": self.mixed,
            "right throughout": self.right,
            "without a right response": self.wrong,
            "differ in reward": self.with_signal,
        }
        shown = ", ".join(f"{100 * n / self.prompts:.0f} % {what}" for what, n in shares.items())
        cut = 100 * self.unfinished / (self.prompts * self.generations)
        return (
            f"{self.prompts} prompts, {self.generations} responses each: {shown}; {cut:.0f} % of the responses "
            f"unfinished; mean reward {self.mean:.3f}"
        )


def sampled_groups(
    rows: Sequence[Mapping[str, Any]], rewards: Sequence[Reward], generations: int, generate: Generate
) -> Groups:
    """Sample responses to some rows and reward them as the training will."""
    texts = generate([row["prompt"] for row in rows], generations)
    repeated = [row for row in rows for _ in range(generations)]
    names = (name for name in rows[0] if name != "completion")
    columns: dict[str, Any] = {name: [row[name] for row in repeated] for name in names}
    columns["prompts"] = columns.pop("prompt")
    columns["finish_reason"] = ["stop" if finished else "length" for _, finished in texts]
    messages = isinstance(rows[0]["prompt"], list)
    plain = [text for text, _ in texts]
    said = [[{"role": "assistant", "content": text}] for text in plain]
    completions: list[Any] = said if messages else plain
    values = [_called(one, completions, columns) for one in rewards]
    total = [
        math.fsum(one.weight * own[i] for one, own in zip(rewards, values, strict=True))
        for i in range(len(texts))
    ]
    marks = staged(completions, right=1.0, wrong=0.0, unreadable=0.0, **columns)
    groups = [range(i * generations, (i + 1) * generations) for i in range(len(rows))]
    right = [sum(marks[i] == 1.0 for i in group) for group in groups]
    return Groups(
        prompts=len(rows),
        generations=generations,
        right=right.count(generations),
        wrong=right.count(0),
        mixed=sum(0 < n < generations for n in right),
        with_signal=sum(len({round(total[i], 9) for i in group}) > 1 for group in groups),
        unfinished=sum(not finished for _, finished in texts),
        mean=statistics.fmean(total),
    )


def of_groups(groups: Groups) -> Iterator[Finding]:
    """What a sample of groups warns of."""
    prompts, responses = groups.prompts, groups.prompts * groups.generations
    if not groups.with_signal:
        got = f"no group of the {prompts} sampled prompts differs in reward: there is nothing to learn"
        fix = "easier or harder problems, a model that was fine-tuned in the format, or tags_count"
        yield Finding("error", "groups", got, fix)
    elif groups.mixed < FEW_MIXED * prompts:
        got = (
            f"{groups.mixed} of {prompts} sampled prompts have right and wrong responses: only they teach it"
        )
        yield Finding("warning", "groups", got, "problems of a fitting difficulty, or more generations")
    if groups.unfinished > MANY_UNFINISHED * responses:
        got = f"{groups.unfinished} of {responses} sampled responses are cut off: they earn nothing"
        yield Finding("warning", "unfinished", got, "raise max_completion_length")


def _called(reward: Reward, completions: Sequence[Any], columns: Mapping[str, Any]) -> list[float]:
    values = reward.function(completions=completions, **columns)
    if inspect.isawaitable(values):
        values = asyncio.run(values)  # type: ignore[arg-type]
    return [float(value or 0) for value in values]


def _of_kind(reward: Reward, kind: Kind) -> float:
    if reward.name.startswith("accuracy"):
        return float(kind == "right")
    default = inspect.signature(staged).parameters[kind].default
    return float(reward.parameters.get(kind, default))


def _span(reward: Reward) -> float:
    least, most = RANGES[reward.name]
    return float(reward.parameters.get("most", most)) - least
