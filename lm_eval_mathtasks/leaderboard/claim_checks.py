"""What no single file of claims can tell: dates ahead, look-alikes, contradictions, sizes that names deny."""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import date

from lm_eval_mathtasks.leaderboard.benchmarks import Benchmark
from lm_eval_mathtasks.leaderboard.claims import Claim, Claims
from lm_eval_mathtasks.leaderboard.yaml_files import LINE, Problem, load_yaml
from lm_eval_mathtasks.problems.catalogue import our_tasks
from lm_eval_mathtasks.runs.weights import sizes_in

# A name rounds: 2B is 2.6 billion, 46.7B is called 47B. Beyond the larger of the two, it is another model.
ROUNDED_B, ROUNDED_SHARE = 0.7, 0.15
MOST_B = 10_000  # billions of parameters; a size beyond is written in another unit


def check_claims(claims: Claims, today: date) -> Iterator[Problem]:
    """Yield what is wrong with claims that can each be read."""
    yield from _sizes_of_models(claims)
    yield from _sizes_of_benchmarks(claims)
    protocols: dict[Claim, list[Claim]] = defaultdict(list)
    files: dict[str, str] = {}
    for claim in claims.rows:
        protocols[replace(claim, id="", score=0.0, line=0)].append(claim)
        url, published = claim.source.url, claim.source.date
        if url and files.setdefault(url, claim.file) != claim.file:
            said = f"its url is that of {files.pop(url)}; put the tables of one source into one file"
            yield Problem(claim.file, 1, said)
        if published and published > today.isoformat()[: len(published)]:
            said = f"published {published}, which is after today, {today}; correct the date"
            yield Problem(claim.file, 1, said)
        yield from _look_alike(claim, claims)
    for rows in protocols.values():
        scores = sorted({claim.score for claim in rows})
        if len(scores) > 1:
            what = f"{', '.join(f'{score:g}' for score in scores)} of {rows[0].model!r} under one protocol"
            yield Problem(rows[1].file, rows[1].line, f"{what}; say in a `note` what differs")


def _look_alike(claim: Claim, claims: Claims) -> Iterator[Problem]:
    """A locator that names another set of the same name: "AIME 2024 I" is no AIME24."""
    stated = claims.benchmarks.get(claim.benchmark)
    # An unknown benchmark is said where the file is read.
    if stated is None:
        return
    for other in claims.benchmarks.values():
        if other.name.startswith(f"{stated.name}-") and (theirs := _named(other, claim.locator)):
            own = _named(stated, claim.locator)
            if all(any(a <= start and end <= b for a, b in theirs) for start, end in own):
                what = f"{claim.locator!r} names {other.name}, the benchmark is {stated.name}"
                yield Problem(claim.file, claim.line, f"{what}; take the one that the source means")


def _named(benchmark: Benchmark, text: str) -> list[tuple[int, int]]:
    shape = rf"(?<![a-z])(?:{benchmark.tasks.pattern})"
    return [match.span() for match in re.finditer(shape, text, re.IGNORECASE)]


def _sizes_of_models(claims: Claims) -> Iterator[Problem]:
    lines = load_yaml(claims.folder / "models.yaml")[0]
    for model in claims.models.values():
        size, line = model.size_b, lines[model.name][LINE]
        if size is None:
            continue
        if not 0 < size <= MOST_B:
            said = f"size_b of {model.name!r} is {size:g}; it is in billions of parameters"
            yield Problem("models.yaml", line, said)
            continue
        named = sizes_in(model.name)
        if named and all(abs(size - n) > max(ROUNDED_B, ROUNDED_SHARE * n) for n in named):
            said = f"size_b of {model.name!r} is {size:g}, its name says {named[0]:g}"
            yield Problem("models.yaml", line, f"{said}; correct the one that is wrong")


def _sizes_of_benchmarks(claims: Claims) -> Iterator[Problem]:
    """`compare` finds a benchmark by a task's name and its number of docs."""
    lines = load_yaml(claims.folder / "benchmarks.yaml")[0]
    tasks = {claims.benchmark_of(task.name, task.data.docs): task for task in our_tasks()}
    for found, task in tasks.items():
        if found is not None and task.data.docs not in (found.docs, *found.editions):
            said = f"{found.name} has {found.docs} problems, the task {task.name} {task.data.docs}"
            said = f"{said}; correct docs, or name it in editions"
            yield Problem("benchmarks.yaml", lines[found.name][LINE], said)
