"""Labels of steps by completion (Wang et al. 2024, Math-Shepherd): a step is as good as what can still be made of it.

From each step of a response a model writes several endings; the share that reach the right answer is the step's label.
The last step's label is whether the response itself is right. Endings are written in batches that do not depend on how
far an earlier call came, each from a seed of its own, and kept in a journal: a call that was killed goes on, and leaves
the same bytes.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import NamedTuple, Protocol

from lm_eval_mathtasks.errors import TrainingError
from lm_eval_mathtasks.files import json_lines_to_add_to, sha256, write_whole
from lm_eval_mathtasks.grading.judge import judge
from lm_eval_mathtasks.runs.judged import judge_run
from lm_eval_mathtasks.runs.records import Row, Run
from lm_eval_mathtasks.training.steps import hard

JOURNAL = ".journal.jsonl"  # after the name of the labels' file
Ending = tuple[str, str | None]  # text and finish reason


class Settings(NamedTuple):
    """rollouts: endings a step; responses: distinct ones a doc; batch: steps whose endings are written at once."""

    rollouts: int = 8
    responses: int = 4
    batch: int = 16
    seed: int = 0
    temperature: float = 1.0
    max_tokens: int = 512


class Start(NamedTuple):
    """What a model goes on from: the prompt as it was logged, the response up to the end of a step."""

    prompt: str
    written: str


class Completer(Protocol):
    """Writes endings. name: of the model, for the labels' file."""

    name: str

    def complete(self, starts: Sequence[Start], settings: Settings, seed: int) -> list[list[Ending]]:
        """Return `settings.rollouts` endings for each start."""
        ...


class Response(NamedTuple):
    """A response to be labelled, its steps, and where endings begin: after every step but the last."""

    row: Row
    repeat: int
    steps: list[str]
    starts: list[Start]
    right: bool


def chosen_responses(run: Run, settings: Settings) -> list[Response]:
    """Return the distinct responses of a run that are to be labelled, those of a doc drawn at random."""
    rows, rng = run.by_id(), Random(settings.seed)
    by_doc: dict[str, dict[str, Response]] = {}
    for one in judge_run(run):
        row = rows[one.doc_id]
        text = row.responses[one.repeat]
        steps, ends = _split(text)
        if not steps:
            continue
        asked = row.prompt or json.dumps([{"role": "user", "content": row.question}], ensure_ascii=False)
        starts = [Start(asked, text[:end]) for end in ends[:-1]]
        made = Response(row, one.repeat, steps, starts, one.verdict.correct)
        by_doc.setdefault(one.doc_id, {}).setdefault(text, made)
    found: list[Response] = []
    for own in by_doc.values():
        drawn = list(own.values())
        rng.shuffle(drawn)
        found += drawn[: settings.responses]
    if not found:
        raise TrainingError(f"responses with steps in {run.label}", "none", "a step is a line of a response")
    return found


def label_steps(
    run: Run,
    completer: Completer,
    settings: Settings,
    out: Path,
    tick: Callable[[int, int], None] = lambda *_: None,
) -> dict[str, int | float]:
    """Label the steps of a run's responses and write them to `out`; return how many of what there were.

    tick: called with the batches done and their number, first with those of an earlier call. Raises TrainingError
    where the journal beside `out` is of another run or other settings.
    """
    responses = chosen_responses(run, settings)
    golds = {start: one.row.gold or "" for one in responses for start in one.starts}
    starts = sorted(golds, key=lambda start: (len(start.prompt) + len(start.written), start))
    batches = [starts[i : i + settings.batch] for i in range(0, len(starts), settings.batch)]
    about = {"model": completer.name, **settings._asdict(), "of": sha256(json.dumps(starts))}
    journal = out.with_name(out.name + JOURNAL)
    endings = _kept(journal, about, len(batches))
    tick(len(endings), len(batches))
    with journal.open("a", encoding="utf-8") as file:
        for number in range(len(endings), len(batches)):
            made = completer.complete(batches[number], settings, settings.seed + number)
            file.write(json.dumps({"batch": number, "endings": made}, ensure_ascii=False) + "\n")
            file.flush()
            endings.append(made)
            tick(number + 1, len(batches))
    value = {
        start: _share(start, golds[start], own)
        for batch, made in zip(batches, endings, strict=True)
        for start, own in zip(batch, made, strict=True)
    }
    write_whole(out, "".join(_line(one, value, completer.name, settings) for one in responses))
    labels = [number for one in responses for number in (*(value[s] for s in one.starts), float(one.right))]
    return {
        "docs": len({one.row.doc_id for one in responses}),
        "responses": len(responses),
        "steps": len(labels),
        "endings": len(starts) * settings.rollouts,
        "good": sum(bool(hard(number)) for number in labels) / len(labels),
    }


def _split(text: str) -> tuple[list[str], list[int]]:
    """The lines of a response that say something, and where each ends, its line break included."""
    steps, ends, at = [], [], 0
    for line in text.splitlines(keepends=True):
        at += len(line)
        if line.strip():
            steps.append(line.strip("\n"))
            ends.append(at)
    return steps, ends


def _share(start: Start, gold: str, endings: Sequence[Ending]) -> float:
    right = (judge(start.written + text, gold=gold, finish_reason=finish).correct for text, finish in endings)
    return sum(right) / len(endings)


def _line(one: Response, value: dict[Start, float], model: str, settings: Settings) -> str:
    row: dict[str, object] = {
        "doc_id": one.row.doc_id,
        "repeat": one.repeat,
        "question": one.row.question or one.row.prompt,
        "steps": one.steps,
        "labels": [*(value[start] for start in one.starts), float(one.right)],
        "right": one.right,
        "rollouts": settings.rollouts,
        "model": model,
    }
    return json.dumps(row, ensure_ascii=False) + "\n"


def _kept(journal: Path, about: Mapping[str, object], batches: int) -> list[list[list[Ending]]]:
    """The endings that a journal holds, batch by batch."""
    if not journal.exists():
        write_whole(journal, json.dumps(about, ensure_ascii=False) + "\n")
        return []
    (_, before), *kept = list(json_lines_to_add_to(journal, TrainingError)) or [(0, {})]
    if before != about:
        fix = "the same settings go on with it; another --out begins anew"
        raise TrainingError(f"a journal of this run and these settings at {journal}", "another one's", fix)
    for number, (_, row) in enumerate(kept):
        if row["batch"] != number or number >= batches:
            fix = "begin with another --out"
            raise TrainingError(f"batch {number} in {journal}", f"batch {row['batch']}", fix)
    return [[[(text, finish) for text, finish in own] for own in row["endings"]] for _, row in kept]
