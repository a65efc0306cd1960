"""lm-eval's logs: results_<date>.json beside samples_<task>_<date>.jsonl.

The schema is lm-eval 0.4.9 to 0.4.13: one line per doc *and filter*; `arg_0` of a chat model is a list with one
JSON string; with `repeats` all responses are in `resps`, and the metrics are of the doc as a whole.
A pack (`pack.py`) is such a log with a line per doc: further filters are folded into it, and text may be missing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from operator import itemgetter
from pathlib import Path
from typing import Any, Literal, NamedTuple, cast

from lm_eval_mathtasks.errors import EvidenceError
from lm_eval_mathtasks.files import json_lines, read_json
from lm_eval_mathtasks.grading.tolerance import as_tolerance
from lm_eval_mathtasks.runs.columns import GOLD, QUESTION, first_text, of_doc
from lm_eval_mathtasks.runs.filters import (
    choose_metric,
    meaning,
    metric_names,
    metrics_in,
    other_filters,
    written_by_us,
)
from lm_eval_mathtasks.runs.lm_eval_facts import about_run, logged_prompt
from lm_eval_mathtasks.runs.lm_eval_files import RESULTS, SAMPLES, samples_among, samples_beside
from lm_eval_mathtasks.runs.lm_eval_schema import (
    HASHES,
    Results,
    SampleLine,
    TaskConfig,
    filter_of,
    hashed_together,
    number_in,
    require_objects,
)
from lm_eval_mathtasks.runs.records import WITH_SAMPLES, Choice, Refused, Row, Run, Source, Total, both_of
from lm_eval_mathtasks.runs.subsets import pooled

# Key of a pack's line: what a doc's lines under further filters say otherwise.
FOLDED: Literal["other_filters"] = "other_filters"
# What a task that does not generate text asks for.
_LIKELIHOODS = ("multiple_choice", "loglikelihood", "loglikelihood_rolling")


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
        keys = content.keys() if isinstance(content, dict) else ()
        known = "results" in keys and ("configs" in keys or "versions" in keys)
    else:
        known = file.name == "results.json" or RESULTS.match(file.name) is not None
        known = known and '"configs"' in file.read_text(encoding="utf-8", errors="replace")
    return Source(read_lm_eval, file, (file, *(one.file for one in samples_beside(file)))) if known else None


def read_lm_eval(source: Source, choice: Choice) -> Iterator[Run | Refused]:
    """Yield the runs of one results file, a task each; a group of tasks that is asked for becomes one run."""
    read = [one.run if isinstance(one, Logged) else one for one in read_tasks(source, choice)]
    runs = [one for one in read if isinstance(one, Run)]
    others = [one for one in read if isinstance(one, Refused)]
    names = [one.task for one in runs if one.task != choice.task]
    if choice.task is None or len(names) < len(runs) or not _group(choice.task, names, _results_of(source)):
        yield from read
    elif others:
        # A group without one of its tasks is another group.
        yield others[0]._replace(task=choice.task)
    else:
        yield pooled(runs, choice.task)


def read_tasks(source: Source, choice: Choice) -> Iterator[Logged | Refused]:
    """Yield what there is of every task, in the order of the results; where a task or group is chosen, of it alone."""
    results: Results = {}
    try:
        results = _results_of(source)
    except EvidenceError as error:
        yield Refused(None, error)
    # Later dates stand behind earlier ones, where the results have none, and packed files before plain ones.
    ordered = sorted(samples_among(source.files), key=lambda one: (one.date, one.file.suffix == ".jsonl"))
    files = {one.task: one.file for one in ordered}
    # A task whose samples lie there, and are not of this source, is read elsewhere or was not asked for.
    beside = {one.task for one in samples_among(source.path.parent.glob("samples_*"))}
    # lm-eval's `simple_evaluate` returns the samples in the results.
    inside = results.get("samples") or {}
    scored = [task for task in results.get("configs", {}) if task in results.get("results", {})]
    ours = (task for task in scored if task in files or task in inside or task not in beside)
    tasks = list(dict.fromkeys((*ours, *files)))
    chosen = [task for task in tasks if choice.task == task] or _group(choice.task, tasks, results) or tasks
    for task in chosen:
        try:
            samples = files.get(task) or inside.get(task)
            yield _read_task(task, samples, source.path, results, choice.own_metric)
        except EvidenceError as error:
            yield Refused(task, error)


def _results_of(source: Source) -> Results:
    """The content of the results file, {} where there is none."""
    if not source.path.exists():
        return {}
    results = read_json(source.path, EvidenceError)
    if not isinstance(results, dict) or "results" not in results:
        wanted = f"lm-eval's results in {source.path}"
        raise EvidenceError(wanted, "no key `results`", "pass the folder of the run")
    if not results.get("configs"):
        before = "results of lm-eval before 0.4, which say neither filters nor docs"
        got = "none" if "configs" in results else before
        raise EvidenceError(f"tasks in {source.path}", got, "run again with lm-eval 0.4.9 or later")
    require_objects(results, source.path)
    return cast(Results, results)


def _group(name: str | None, tasks: Iterable[str], results: Results) -> list[str]:
    """The tasks of a group: as the results list them, else those whose names have all words of its name, in order."""
    if name is None:
        return []
    listed: list[str] = [name]
    for one in listed:
        listed += [task for task in results.get("group_subtasks", {}).get(one, ()) if task not in listed]
    members = [task for task in tasks if task in listed]
    return members or [task for task in tasks if _has_words(task.split("_"), name.split("_"))]


def _has_words(longer: list[str], words: list[str]) -> bool:
    rest = iter(longer)
    return len(words) > 1 and all(word in rest for word in words)


def _read_task(
    task: str, samples: Path | list[Any] | None, path: Path, results: Results, metric: str | None
) -> Logged:
    config: TaskConfig = results.get("configs", {}).get(task, {})
    if samples is None:
        return Logged(_total_run(task, path, results, metric), None, results)
    place = path if isinstance(samples, list) else samples
    raw: list[SampleLine] = []
    given = samples if isinstance(samples, list) else map(itemgetter(1), json_lines(samples, EvidenceError))
    for line in given:
        # The filtered responses are the responses again: half of a long log.
        line.pop("filtered_resps", None)
        raw.append(cast(SampleLine, line))
    parts = (text for line in raw for group in line.get("resps", ()) for text in group)
    texts = all(text is None or isinstance(text, str) for text in parts)
    if config.get("output_type") in _LIKELIHOODS or not texts:
        raise _likelihoods(task, place)
    lines = unfolded(raw)
    _check_hashes(results, task, lines, place)
    available = metrics_in(lines)
    name, filter_name = choose_metric(available, metric, path, config)
    rows = tuple(_rows(lines, name, filter_name))
    counts = results.get("n-samples", {}).get(task, {})
    if isinstance(expected := counts.get("effective"), int) and expected != len(rows):
        wanted = f"{expected} docs of {task}, as {path.name} says"
        fix = "half a run: run it again" if len(rows) < expected else "two runs in one file: take one of them"
        raise EvidenceError(wanted, f"{len(rows)} in {place.name}", fix)
    ours = written_by_us(available)
    scores = [row.score for row in rows if row.score is not None]
    k = max((len(row.responses) for row in rows), default=1)
    score = meaning(config, name, filter_name, ours=ours, scores=scores, k=k)
    notes = other_filters(lines, name, filter_name)
    if score.kind is None:
        unsaid = (
            f"what {name},{filter_name} is of {k} answers a doc, the log does not say: --metric names one"
        )
        notes = (*notes, unsaid)
    scored = (f"{name},{filter_name}", scores)
    about = about_run(path, results, task, lines, score, scored, ours=ours, notes=notes)
    run = Run(rows=rows, metric=scored[0] if name else None, **about)
    return Logged(run, [line for line in lines if filter_of(line) == filter_name], results)


def _likelihoods(task: str, place: Path) -> EvidenceError:
    got, fix = "other things: the task compares likelihoods", "take tasks that generate text"
    return EvidenceError(f"responses of {task} as text in {place}", got, fix)


def _total_run(task: str, path: Path, results: Results, metric: str | None) -> Run:
    """The run of a task of which there are no samples: its score, and how it was asked."""
    config: TaskConfig = results.get("configs", {}).get(task, {})
    if config.get("output_type") in _LIKELIHOODS:
        raise _likelihoods(task, path)
    numbers = results["results"][task]
    keys = [key.split(",") for key, value in numbers.items() if isinstance(value, int | float)]
    available = {(key[0], key[1]) for key in keys if len(key) == 2 and not key[0].endswith("_stderr")}
    name, filter_name = choose_metric(available, metric, path, config)
    if name is None:
        got, fix = "results only, without a score that we know", f"{WITH_SAMPLES}, or name it with --metric"
        raise EvidenceError(f"samples of {task} beside {path}", got, fix)
    value, error = float(numbers[f"{name},{filter_name}"]), numbers.get(f"{name}_stderr,{filter_name}")
    counts, ours = results.get("n-samples", {}).get(task, {}), written_by_us(available)
    spread = float(error) if isinstance(error, int | float) and math.isfinite(error) else None
    k = int(config.get("repeats") or 1)
    score = meaning(config, name, filter_name, ours=ours, scores=(), k=k)
    docs = counts.get("effective")
    if docs is None and spread and k == 1:
        # Of answers that are right or wrong, the standard error says how many there are.
        docs = round(value * (1 - value) / spread**2) + 1
    metric = f"{name},{filter_name}"
    about = about_run(path, results, task, (), score, (metric, ()), ours=ours)
    return Run(rows=(), metric=metric, total=Total(value, docs, spread), **about)


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
    """lm-eval notes a hash over all docs, prompts and targets: samples of another run or task version do not fit. The
    docs of a file may have been put in another order since."""
    stated, actual = results.get("task_hashes", {}).get(task), _hash_of(lines)
    if stated and actual and actual != stated and _hash_of(_in_order(lines)) != stated:
        raise EvidenceError(
            f"samples of {task} that belong to its results",
            f"{path.name} with other docs, prompts or targets (hash {actual[:12]}, results say {stated[:12]})",
            "the file is of another run or task version, or was cut: take both files of one run",
        )


def _hash_of(lines: list[SampleLine]) -> str | None:
    return hashed_together(line.get(key) for line in lines for key in HASHES)


def _in_order(lines: list[SampleLine]) -> list[SampleLine]:
    """The lines as lm-eval writes them: all docs of one filter by their numbers, then all of the next."""
    filters = list(dict.fromkeys(map(filter_of, lines)))

    def place(line: SampleLine) -> tuple[int, float]:
        number = line.get("doc_id")
        return filters.index(filter_of(line)), number if isinstance(number, int) else math.inf

    return sorted(lines, key=place)


def _rows(lines: list[SampleLine], name: str | None, filter_name: str) -> Iterator[Row]:
    """Join the lines of one doc; a doc that comes twice under one filter stays twice, for the check to name it."""
    numbers: dict[Any, dict[str, float]] = {}
    for line in lines:
        own = numbers.setdefault(line.get("doc_id"), {})
        for metric in metric_names(line):
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
            answers=None
            if "resps" in line or "verdicts" not in line
            else tuple((verdict or {}).get("answer") for verdict in line["verdicts"]),
            tolerance=as_tolerance(str(doc["error"])) if "gold" in doc and "error" in doc else None,
            **of_doc(doc),
        )


def _responses(line: SampleLine) -> tuple[str, ...]:
    if "resps" not in line:
        return ("",) * len(line.get("response_sha256", ()))
    return tuple("" if text is None else str(text) for group in line["resps"] for text in group)
