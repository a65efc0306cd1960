"""lm-eval's logs: results_<date>.json beside samples_<task>_<date>.jsonl.

The schema is lm-eval 0.4.9 to 0.4.13: one line per doc *and filter*; `arg_0` of a chat model is a list with one
JSON string; with `repeats` all responses are in `resps`, and the metrics are of the doc as a whole.
A pack (`pack.py`) is such a log with a line per doc: further filters are folded into it, and text may be missing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, NamedTuple, cast

from lm_eval_mathtasks.errors import EvidenceError
from lm_eval_mathtasks.files import json_lines, read_json, sha256
from lm_eval_mathtasks.grading.tolerance import as_tolerance
from lm_eval_mathtasks.runs.columns import GOLD, LEVEL, QUESTION, SUBJECT, first_text
from lm_eval_mathtasks.runs.filters import choose_metric, other_filters
from lm_eval_mathtasks.runs.lm_eval_facts import logged_prompt, model_name, protocol_of, provenance_of
from lm_eval_mathtasks.runs.lm_eval_schema import HASHES, Results, SampleLine, filter_of, number_in
from lm_eval_mathtasks.runs.records import Choice, Refused, Row, Run, Source, both_of

RESULTS = re.compile(r"results_(?P<date>.+)\.json$")
SAMPLES = re.compile(r"samples_(?P<task>.+)_(?P<date>\d{4}-\d\d-\d\d[^_]*)\.jsonl(\.gz)?$")
# Key of a pack's line: what a doc's lines under further filters say otherwise.
FOLDED: Literal["other_filters"] = "other_filters"


class Logged(NamedTuple):
    """A run, the line of the samples file that each of its rows stands for (None: the log is not lm-eval's), and the
    results beside it ({}: none)."""

    run: Run
    lines: list[SampleLine] | None
    results: Results


def source_of(file: Path, content: Any, named: bool) -> Source | None:
    """Return the results and samples that a file belongs to, whichever of the two it is; None if it is neither.

    content: of a JSON file that the user named; named: whether it is such a file.
    """
    if match := SAMPLES.match(file.name):
        results = file.with_name(f"results_{match['date']}.json")
        return Source(read_lm_eval, results, (results, file) if results.exists() else (file,))
    if named:
        known = isinstance(content, dict) and {"results", "configs"} <= content.keys()
    else:
        known = bool(RESULTS.match(file.name)) and _mentions_configs(file)
    if not known:
        return None
    match = RESULTS.match(file.name)
    samples = [
        s for s in sorted(file.parent.glob("samples_*")) if _goes_with(s, match["date"] if match else None)
    ]
    return Source(read_lm_eval, file, (file, *samples))


def _mentions_configs(file: Path) -> bool:
    return '"configs"' in file.read_text(encoding="utf-8", errors="replace")


def _goes_with(samples: Path, date: str | None) -> bool:
    match = SAMPLES.match(samples.name)
    return match is not None and date in (None, match["date"])


def newest(sources: Iterable[Source]) -> Iterator[Source]:
    """Yield the sources without samples of a task that a later run beside them has too."""
    sources = list(sources)
    last: dict[tuple[Path, str], str] = {}
    for source in sources:
        for file, task, date in _samples(source):
            last[file.parent, task] = max(date, last.get((file.parent, task), ""))
    for source in sources:
        old = {file for file, task, date in _samples(source) if date < last[file.parent, task]}
        kept = tuple(file for file in source.files if file not in old)
        if not old or any(SAMPLES.match(file.name) for file in kept):
            yield replace(source, files=kept)


def _samples(source: Source) -> list[tuple[Path, str, str]]:
    if source.read is not read_lm_eval:
        return []
    return [(file, m["task"], m["date"]) for file in source.files if (m := SAMPLES.match(file.name))]


def read_lm_eval(source: Source, choice: Choice) -> Iterator[Run | Refused]:
    """Yield the runs of one results file, a task each."""
    yield from (one.run if isinstance(one, Logged) else one for one in read_tasks(source, choice))


def read_tasks(source: Source, choice: Choice) -> Iterator[Logged | Refused]:
    """Yield what there is of every task, in the order of the results; where one is chosen, of that task alone."""
    results: Results = {}
    if source.path.exists():
        try:
            results = _results(source.path)
        except EvidenceError as error:
            yield Refused(None, error)
    files: dict[str, Path] = {}
    # Later dates stand before earlier ones, where the results have none, and plain files before packed ones.
    for file, task, _ in sorted(_samples(source), key=lambda found: (found[2], found[0].suffix == ".jsonl")):
        files[task] = file
    # A task whose samples lie there, and are not of this source, is read elsewhere or was not asked for.
    beside = {
        match["task"] for file in source.path.parent.glob("samples_*") if (match := SAMPLES.match(file.name))
    }
    scored = [task for task in results.get("configs", {}) if task in results.get("results", {})]
    tasks = dict.fromkeys((*(task for task in scored if task in files or task not in beside), *files))
    for task in tasks:
        if choice.task in (None, task) or choice.task not in tasks:
            yield _read_task(task, files.get(task), source.path, results, choice)


def _results(path: Path) -> Results:
    results = read_json(path, EvidenceError)
    if not isinstance(results, dict) or "results" not in results:
        raise EvidenceError(f"lm-eval's results in {path}", "no key `results`", "pass the folder of the run")
    if not results.get("configs"):
        raise EvidenceError(f"tasks in {path}", "none", "run again")
    return cast(Results, results)


def _read_task(
    task: str, file: Path | None, path: Path, results: Results, choice: Choice
) -> Logged | Refused:
    try:
        if file is None:
            fix = "run again with --log_samples: without responses nothing can be explained"
            raise EvidenceError(f"samples of {task} beside {path}", "results only", fix)
        return _read_samples(task, file, path, results, choice.own_metric)
    except EvidenceError as error:
        return Refused(task, error)


def _read_samples(task: str, file: Path, path: Path, results: Results, metric: str | None) -> Logged:
    raw: list[SampleLine] = []
    for _, line in json_lines(file, EvidenceError):
        # The filtered responses are the responses again: half of a long log.
        line.pop("filtered_resps", None)
        raw.append(cast(SampleLine, line))
    lines = unfolded(raw)
    if not all(isinstance(text, str) for line in raw for group in line.get("resps", ()) for text in group):
        got, fix = "other things: the task compares likelihoods", "take tasks that generate text"
        raise EvidenceError(f"responses of {task} as text in {file}", got, fix)
    _check_hashes(results, task, lines, file)
    name, filter_name = choose_metric(lines, metric, path)
    rows = tuple(_rows(lines, name, filter_name))
    counts = results.get("n-samples", {}).get(task, {})
    if isinstance(expected := counts.get("effective"), int) and expected != len(rows):
        wanted = f"{expected} docs of {task}, as {path.name} says"
        raise EvidenceError(wanted, f"{len(rows)} in {file.name}", "half a run: run it again")
    provenance = provenance_of(path, results, task, counts.get("original"))
    run = Run(
        model=model_name(results),
        task=task,
        rows=rows,
        protocol=protocol_of(results, task, lines[0], filter_name),
        provenance=replace(provenance, notes=other_filters(lines, name, filter_name)),
        metric=f"{name},{filter_name}" if name else None,
    )
    return Logged(run, [line for line in lines if filter_of(line) == filter_name], results)


def unfolded(lines: list[SampleLine]) -> list[SampleLine]:
    """Return a pack's lines as lm-eval wrote them: all docs of one filter, then all of the next."""
    further = [
        cast(SampleLine, {**line, "filter": name, **facts})
        for name in dict.fromkeys(name for line in lines for name in line.get(FOLDED, ()))
        for line in lines
        if (facts := line.get(FOLDED, {}).get(name)) is not None
    ]
    return lines + further


def _check_hashes(results: Results, task: str, lines: list[SampleLine], path: Path) -> None:
    """lm-eval notes a hash over all docs, prompts and targets: samples of another run or task version do not fit."""
    stated = results.get("task_hashes", {}).get(task)
    parts = [line.get(key) for line in lines for key in HASHES]
    if not stated or None in parts:
        return
    actual = sha256("".join(map(str, parts)))
    if actual != stated:
        raise EvidenceError(
            f"samples of {task} that belong to its results",
            f"{path.name} with other docs, prompts or targets (hash {actual[:12]}, results say {stated[:12]})",
            "the file is of another run or task version, or was cut: take both files of one run",
        )


def _rows(lines: list[SampleLine], name: str | None, filter_name: str) -> Iterator[Row]:
    """Join the lines of one doc; a doc that comes twice under one filter stays twice, for the check to name it."""
    numbers: dict[Any, dict[str, float]] = {}
    for line in lines:
        own = numbers.setdefault(line.get("doc_id"), {})
        for metric in line.get("metrics", ()):
            if (value := number_in(line, metric)) is not None:
                own[f"{metric},{filter_of(line)}"] = value
    for line in lines:
        if filter_of(line) != filter_name:
            continue
        own = numbers[line.get("doc_id")]
        doc: dict[str, Any] = line["doc"] if isinstance(line.get("doc"), dict) else {}
        target = first_text(line, ("target",))
        yield Row(
            doc_id=str(line.get("doc_id")),
            question=first_text(doc, QUESTION) or "",
            **both_of(first_text(doc, GOLD) or target, target),
            responses=_responses(line),
            finish=tuple(reason for group in line.get("finish_reasons", ()) for reason in group),
            score=own.get(f"{name},{filter_name}") if name else None,
            metrics=own,
            prompt=logged_prompt(line),
            doc_hash=line.get("doc_hash"),
            prompt_hash=line.get("prompt_hash"),
            answers=None if "resps" in line or "verdicts" not in line else _answers(line),
            subject=first_text(doc, SUBJECT),
            level=first_text(doc, LEVEL),
            tolerance=as_tolerance(str(doc["error"])) if "gold" in doc and "error" in doc else None,
        )


def _responses(line: SampleLine) -> tuple[str, ...]:
    if "resps" not in line:
        return ("",) * len(line.get("response_sha256", ()))
    return tuple(str(text) for group in line["resps"] for text in group)


def _answers(line: SampleLine) -> tuple[str | None, ...]:
    return tuple((verdict or {}).get("answer") for verdict in line["verdicts"])
