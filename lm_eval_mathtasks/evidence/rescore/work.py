"""One unit rescored: read, judged, written, and summarised in plain JSON that any process can send back."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

from lm_eval_mathtasks.evidence.rescore import cross
from lm_eval_mathtasks.evidence.rescore import written as logs
from lm_eval_mathtasks.evidence.rescore.inputs import DISPUTED, STATE, Unit, read_results
from lm_eval_mathtasks.evidence.rescore.judges import (
    OURS,
    Judges,
    Parts,
    grader_version,
    source_checksum,
)
from lm_eval_mathtasks.evidence.rescore.load import Loaded, Options, load, present
from lm_eval_mathtasks.files import file_sha256, sha256, write_whole
from lm_eval_mathtasks.grading.children import Handler, Tick, serve
from lm_eval_mathtasks.numbers.intervals import of_mean
from lm_eval_mathtasks.runs.judged import asked_of
from lm_eval_mathtasks.runs.records import Row, Run
from lm_eval_mathtasks.text import safe_name

Summary = dict[str, Any]
LOG = "log"  # the name of the log's own verdict among the graders
SHOWN = 20  # disputed responses that a summary carries


def serve_units() -> None:
    """In a child, set up with (options, workers): rescore units."""
    serve(_units)


def _units(setup: tuple[Options, int]) -> Handler:
    options, workers = setup
    judges = Judges(options.graders, workers)  # ends with this process
    return lambda unit, tick: rescore_unit(unit, options, judges, tick)


def rescore_unit(unit: Unit, options: Options, judges: Judges, tick: Tick = lambda _: None) -> Summary:
    """Return what came of a unit; its logs are written below `options.out`.

    tick: told how many judgements were made, and, as a negative number, how many are expected. A unit that was
    finished before, from the same input by the same graders, is not done again. Raises EvidenceError for unreadable
    input only where the options are strict.
    """
    key = sha256(f"{unit.folder}\0{unit.stamp}")[:16]
    state = Path(options.out) / STATE / key
    finished, mark = state.with_suffix(".json"), fingerprint(unit, options)
    before = None if options.fresh else read_results(finished)
    if before and before["fingerprint"] == mark and all(Path(p).exists() for p in before["written"]):
        count = sum(run["judgements"] for run in before["runs"])
        tick(-count)
        tick(count)
        return {**before, "kept": True}
    if options.fresh:
        shutil.rmtree(state, ignore_errors=True)
    summary = _rescore(unit, options, judges, state / mark[:16], tick)
    summary["fingerprint"] = mark
    if not summary["problems"]:
        write_whole(finished, lambda file: file.write(logs.as_json(summary)))
    shutil.rmtree(state, ignore_errors=True)
    return summary


def fingerprint(unit: Unit, options: Options) -> str:
    """Checksum of what the outcome depends on: the input's bytes, the graders, our source, the options."""
    whole = hashlib.sha256()
    for path in filter(None, (*unit.inputs, options.gold, options.journal)):
        with suppress(OSError):
            whole.update(file_sha256(Path(path)).encode())
    chosen = (options.graders, options.metric, options.model, options.task)
    graders = [grader_version(name) for name in (OURS, *options.graders)]
    whole.update(json.dumps([graders, source_checksum("evidence"), source_checksum("runs"), chosen]).encode())
    return whole.hexdigest()


def _rescore(unit: Unit, options: Options, judges: Judges, state: Path, tick: Tick) -> Summary:
    problems: list[str] = []
    runs: list[Summary] = []
    reused = 0
    by_folder: dict[Path, list[tuple[Loaded, dict[str, Any]]]] = {}
    for number, loaded in enumerate(load(unit, options, problems.append)):
        folder = Path(options.out) / _folder(unit, loaded.run)
        if any(loaded.run.task == other.run.task for other, _ in by_folder.get(folder, ())):
            problems.append(
                f"{loaded.run.label} in {unit.source}: another run there has the same name as a path"
            )
            continue
        parts = Parts(state / str(number))
        run = _Rescored(loaded, judges, parts, tick)
        reused += parts.reused
        sections = run.write(folder, unit.stamp)
        by_folder.setdefault(folder, []).append((loaded, sections))
        runs.append({**run.summary(), "results": str(folder / f"results_{unit.stamp}.json")})
    for folder, done in by_folder.items():
        _write_results(folder / f"results_{unit.stamp}.json", unit, options, done)
    written = {
        path for run in runs for path in (run["results"], run["samples"], run["disputed_file"]) if path
    }
    return {
        "source": unit.source,
        "runs": runs,
        "problems": problems,
        "written": sorted(written),
        "reused": reused,
        "kept": False,
    }


def _folder(unit: Unit, run: Run) -> str:
    model = safe_name(run.model or "unnamed-model")
    if unit.samples:  # lm-eval's folder is the model's already
        return model if unit.folder == "." else unit.folder
    return f"{unit.folder}/{model}"


def _write_results(
    path: Path, unit: Unit, options: Options, done: list[tuple[Loaded, dict[str, Any]]]
) -> None:
    rescored = {
        "source": Path(unit.source).name,
        "harness": done[0][0].run.provenance.harness,
        "sha256": {Path(p).name: file_sha256(Path(p)) for p in unit.inputs},
        "graders": {name: grader_version(name) for name in dict.fromkeys((OURS, *options.graders))},
        "logged_metric": {loaded.run.task: loaded.run.metric for loaded, _ in done},
    }
    tasks = {loaded.run.task: sections for loaded, sections in done}
    content = logs.results_file([loaded for loaded, _ in done], tasks, rescored)
    write_whole(path, lambda file: file.write(json.dumps(content, indent=2).encode("ascii")))


class _Rescored:
    """One run judged by every grader asked for."""

    def __init__(self, loaded: Loaded, judges: Judges, parts: Parts, tick: Tick) -> None:
        self.loaded, self.run = loaded, loaded.run
        self.rows = [row for row in self.run.rows if present(row)]
        self.places = [(row, k) for row in self.rows for k in present(row)]
        asked = [asked_of(row, k) for row, k in self.places]
        tick(-len(asked) * (1 + len(judges.others)))
        self.asked, self.ours = asked, judges.ours(asked, parts, tick)
        self.others = {name: judges.other(name, asked, parts, tick) for name in judges.others}
        self.votes: dict[str, list[bool | None]] = {OURS: [one.status == "correct" for one in self.ours]}
        self.votes |= {name: [one.value for one in done] for name, done in self.others.items()}
        if self.run.scored and all(len(row.responses) == 1 and row.score in (0, 1) for row in self.rows):
            self.votes[LOG] = [row.score == 1 for row, _ in self.places]
        self.disputed = cross.disputed(self.votes)
        self.scores: list[dict[str, float]] = []
        self.files: tuple[str, str | None] = ("", None)

    def write(self, folder: Path, stamp: str) -> dict[str, Any]:
        """Write samples and disputes; return what the results file says of the task."""
        words = iter(self.ours)
        judged = [[next(words) for _ in present(row)] for row in self.run.rows]
        self.scores = [logs.doc_scores(row, each) for row, each in zip(self.run.rows, judged, strict=True)]
        name = f"{self.run.task}_{stamp}.jsonl"
        samples = folder / f"samples_{name}"
        task_hash = logs.write_samples(samples, logs.sample_lines(self.loaded, judged, self.scores))
        disputes = None
        if self.disputed:
            disputes = str(folder / f"{DISPUTED}{name}")
            lines = [logs.as_json(self._dispute(k)) + b"\n" for k in self.disputed]
            write_whole(Path(disputes), lambda file: file.writelines(lines))
        self.files = (str(samples), disputes)
        return logs.task_results(self.run, self.scores, task_hash)

    def _dispute(self, k: int) -> dict[str, Any]:
        (row, repeat), one = self.places[k], self.ours[k]
        troubles = {name: done[k].trouble for name, done in self.others.items() if done[k].trouble}
        return {
            "doc_id": row.doc_id,
            "repeat": repeat,
            "gold": self.asked[k].gold,
            **one._asdict(),
            "verdicts": {name: given[k] for name, given in self.votes.items()},
            "troubles": troubles,
            "question": row.question,
        }

    def summary(self) -> Summary:
        """What is printed, and kept for a run that is not done again."""
        run, k = self.run, max((len(row.responses) for row in self.run.rows), default=1)
        shares = [one["exact_match"] for one in self.scores if "exact_match" in one]
        old = [row.score for row in self.rows]
        gaps = [new - was for new, was in zip(shares, old, strict=True) if was is not None]
        return {
            "model": run.model,
            "task": run.task,
            "version": run.provenance.task_version,
            "docs": len(run.rows),
            "docs_of_task": run.provenance.docs_of_task,
            "responses": len(self.asked),
            "judgements": len(self.asked) * (1 + len(self.others)),
            "missing": len(run.rows) - len(self.rows),
            "lost": sum(len(row.responses) - len(present(row)) for row in self.rows),
            "notes": list(run.provenance.notes),
            "gaps": _gaps(run.rows),
            "metric": run.metric,
            "right": sum(shares),
            "k": k,
            "interval": of_mean(shares, repeats=k > 1) if shares else None,
            "scored": len(gaps),
            "old": sum(was for was in old if was is not None),
            "new_of_scored": sum(n for n, was in zip(shares, old, strict=True) if was is not None),
            "up": sum(gap > 1e-9 for gap in gaps),
            "down": sum(gap < -1e-9 for gap in gaps),
            "statuses": dict(Counter(one.status for one in self.ours)),
            "cut_off": {sure: sum(one.cut_off == sure for one in self.ours) for sure in ("surely", "likely")},
            "samples": self.files[0],
            "disputed_file": self.files[1],
            "disputed": len(self.disputed),
            "first": [self._dispute(place) | {"question": ""} for place in self.disputed[:SHOWN]],
            "cross": cross.cross_table(self.votes, len(shares)) if shares else None,
        }


def _gaps(rows: tuple[Row, ...]) -> list[str]:
    """Numbers that are missing in between where docs are numbered."""
    ids = {int(row.doc_id) for row in rows if row.doc_id.isdigit()}
    if len(ids) != len(rows) or max(ids, default=0) > 2 * len(ids):
        return []
    return [str(k) for k in range(min(ids, default=0), max(ids, default=-1)) if k not in ids]
