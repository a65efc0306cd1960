"""One unit rescored: read, judged, written, and summarised in plain JSON that any process can send back."""

import json
import shutil
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import TypedDict

from lm_eval_mathtasks.errors import EvidenceError
from lm_eval_mathtasks.evidence.kept import Kept, kept
from lm_eval_mathtasks.evidence.rescore import written as logs
from lm_eval_mathtasks.evidence.rescore.cross import LOG, CrossTable, cross_table, disputed_places
from lm_eval_mathtasks.evidence.rescore.inputs import DISPUTED, STATE, Options, Unit, load_runs
from lm_eval_mathtasks.evidence.rescore.judges import OURS, Judges, Parts, grader_version, source_checksum
from lm_eval_mathtasks.files import file_sha256, read_json, sha256, write_whole
from lm_eval_mathtasks.grading.children import Handler, Tick, serve
from lm_eval_mathtasks.grading.judge import CutOff
from lm_eval_mathtasks.numbers.intervals import of_mean
from lm_eval_mathtasks.runs.judged import asked_of
from lm_eval_mathtasks.runs.lm_eval_logs import Logged, read_lm_eval
from lm_eval_mathtasks.runs.records import Row, Run
from lm_eval_mathtasks.text import safe_name

# Disputed responses that a summary carries.
SHOWN = 20
# Scores that differ by less are the same number, written as decimal text.
_SAME = 1e-9


class Dispute(Kept):
    """A response on which graders differ; failures: why a grader gave no verdict."""

    doc_id: str
    repeat: int
    gold: str | None
    verdicts: dict[str, bool | None]
    failures: dict[str, str]
    question: str


class RunSummary(TypedDict):
    """What came of one run, in plain JSON.

    missing: docs that were never answered, lost: responses that never came; gaps: doc numbers that are missing in
    between. right: sum of the new scores; of the `scored` docs that have a score in the log: old and new sum, and how
    many went up and down. first: the first `disputed` responses.
    """

    model: str | None
    task: str
    version: str | None
    docs: int
    docs_of_task: int | None
    responses: int
    judgements: int
    missing: int
    lost: int
    notes: list[str]
    gaps: list[str]
    metric: str | None
    right: float
    k: int
    interval: tuple[float, float] | None
    scored: int
    old: float
    new_of_scored: float
    up: int
    down: int
    statuses: dict[str, int]
    cut_off: dict[CutOff, int]
    results: str
    disputed: int
    first: list[Dispute]
    cross: CrossTable | None


class Summary(TypedDict, total=False):
    """What came of a unit; reused: parts that were judged before; kept: all of it was done before."""

    source: str
    runs: list[RunSummary]
    problems: list[str]
    written: list[str]
    reused: int
    kept: bool
    fingerprint: str


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
    finished, mark = state.with_suffix(".json"), work_checksum(unit, options)
    before: Summary | None = None
    with suppress(EvidenceError):
        before = None if options.fresh else read_json(finished, EvidenceError)
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
        write_whole(finished, [logs.as_json(summary)])
    shutil.rmtree(state, ignore_errors=True)
    return summary


def work_checksum(unit: Unit, options: Options) -> str:
    """Checksum of what the outcome depends on: the input's bytes, the graders, our source, the options."""
    files = []
    for path in (*unit.source.files, *map(Path, filter(None, (options.gold, options.journal)))):
        with suppress(OSError):
            files.append(file_sha256(path))
    # Where the outcome is written and what an error ends says nothing of it; the files' bytes are in already.
    chosen = options._replace(out="", gold=None, journal=None, fresh=False, strict=False)
    graders = [grader_version(name) for name in (OURS, *options.graders)]
    source = [source_checksum(room) for room in ("evidence", "runs")]
    return sha256(json.dumps([files, graders, source, chosen]))


def _rescore(unit: Unit, options: Options, judges: Judges, state: Path, tick: Tick) -> Summary:
    problems: list[str] = []
    runs: list[RunSummary] = []
    reused, written = 0, set()
    by_folder: dict[Path, list[tuple[Logged, logs.Sections]]] = {}
    for number, loaded in enumerate(load_runs(unit, options, problems.append)):
        folder = Path(options.out) / _folder(unit, loaded.run)
        if any(loaded.run.task == other.run.task for other, _ in by_folder.get(folder, ())):
            why = "another run there has the same name as a path"
            problems.append(f"{loaded.run.label} in {unit.name}: {why}")
            continue
        parts = Parts(state / str(number))
        run = _Rescored(loaded, judges, parts, tick)
        reused += parts.reused
        by_folder.setdefault(folder, []).append((loaded, run.write(folder, unit.stamp)))
        runs.append(run.summary())
        written |= set(run.files)
    for folder, done in by_folder.items():
        _write_results(folder / f"results_{unit.stamp}.json", unit, options, done)
    return {
        "source": unit.name,
        "runs": runs,
        "problems": problems,
        "written": sorted(written),
        "reused": reused,
        "kept": False,
    }


def _folder(unit: Unit, run: Run) -> str:
    model = safe_name(run.model or "unnamed-model")
    if unit.source.read is read_lm_eval:
        # Its folder is the model's already.
        return model if unit.folder == "." else unit.folder
    return f"{unit.folder}/{model}"


def _write_results(
    path: Path, unit: Unit, options: Options, done: list[tuple[Logged, logs.Sections]]
) -> None:
    rescored = {
        "source": unit.source.path.name,
        "harness": done[0][0].run.provenance.harness,
        "sha256": {path.name: file_sha256(path) for path in unit.source.files},
        "graders": {name: grader_version(name) for name in dict.fromkeys((OURS, *options.graders))},
        "logged_metric": {loaded.run.task: loaded.run.metric for loaded, _ in done},
    }
    write_whole(path, json.dumps(logs.results_file(done, rescored), indent=2))


class _Rescored:
    """One run judged by every grader asked for."""

    def __init__(self, loaded: Logged, judges: Judges, parts: Parts, tick: Tick) -> None:
        self.loaded, self.run = loaded, loaded.run
        self.rows = list(self.run.answered)
        self.places = [(row, k) for row in self.rows for k in row.there]
        asked = [asked_of(row, k) for row, k in self.places]
        tick(-len(asked) * (1 + len(judges.others)))
        self.asked, self.ours = asked, judges.ours(asked, parts, tick)
        self.others = {name: judges.other(name, asked, parts, tick) for name in judges.others}
        self.votes: dict[str, list[bool | None]] = {OURS: [one.correct for one in self.ours]}
        self.votes |= {name: [one.value for one in done] for name, done in self.others.items()}
        if self.run.scored and all(len(row.responses) == 1 and row.score in (0, 1) for row in self.rows):
            self.votes[LOG] = [row.score == 1 for row, _ in self.places]
        self.disputed = disputed_places(self.votes)

    def write(self, folder: Path, stamp: str) -> logs.Sections:
        """Write samples and disputes; return what the results file says of the task."""
        words = iter(self.ours)
        judged = [[next(words) for _ in row.there] for row in self.run.rows]
        docs = [logs.rescored_scores(row, each) for row, each in zip(self.run.rows, judged, strict=True)]
        self.scores = logs.without_partial_rates(docs)
        name = f"{self.run.task}_{stamp}.jsonl"
        samples = folder / f"samples_{name}"
        task_hash = logs.write_samples(samples, logs.sample_lines(self.loaded, judged, self.scores))
        self.files = [str(folder / f"results_{stamp}.json"), str(samples)]
        if self.disputed:
            disputes = folder / f"{DISPUTED}{name}"
            write_whole(disputes, (logs.as_json(self._dispute(k)) + b"\n" for k in self.disputed))
            self.files.append(str(disputes))
        return logs.task_results(self.run, self.scores, task_hash)

    def _dispute(self, k: int) -> Dispute:
        (row, repeat), one = self.places[k], self.ours[k]
        return {
            "doc_id": row.doc_id,
            "repeat": repeat,
            "gold": self.asked[k].gold,
            **kept(one),
            "verdicts": {name: given[k] for name, given in self.votes.items()},
            "failures": {name: done[k].trouble for name, done in self.others.items() if done[k].trouble},
            "question": row.question,
        }

    def summary(self) -> RunSummary:
        """What is printed, and kept for a run that is not done again."""
        run, k = self.run, max((len(row.responses) for row in self.run.rows), default=1)
        shares = [one["exact_match"] for one in self.scores if "exact_match" in one]
        old = [row.score for row in self.rows]
        both = [(new, was) for new, was in zip(shares, old, strict=True) if was is not None]
        gaps = [new - was for new, was in both]
        return {
            "model": run.model,
            "task": run.task,
            "version": run.provenance.task_version,
            "docs": len(run.rows),
            "docs_of_task": run.provenance.docs_of_task,
            "responses": len(self.asked),
            "judgements": len(self.asked) * (1 + len(self.others)),
            "missing": len(run.rows) - len(self.rows),
            "lost": sum(len(row.lost) for row in self.run.rows),
            "notes": list(run.provenance.notes),
            "gaps": _gaps(run.rows),
            "metric": run.metric,
            "right": sum(shares),
            "k": k,
            "interval": of_mean(shares) if shares else None,
            "scored": len(gaps),
            "old": sum(was for _, was in both),
            "new_of_scored": sum(new for new, _ in both),
            "up": sum(gap > _SAME for gap in gaps),
            "down": sum(gap < -_SAME for gap in gaps),
            "statuses": dict(Counter(str(one.verdict.status) for one in self.ours)),
            "cut_off": {sure: sum(one.cut_off == sure for one in self.ours) for sure in ("surely", "likely")},
            "results": self.files[0],
            "disputed": len(self.disputed),
            "first": [{**self._dispute(place), "question": ""} for place in self.disputed[:SHOWN]],
            "cross": cross_table(self.votes, len(shares)) if shares else None,
        }


def _gaps(rows: tuple[Row, ...]) -> list[str]:
    """Numbers that are missing in between where docs are numbered."""
    ids = {int(row.doc_id) for row in rows if row.doc_id.isdigit()}
    if len(ids) != len(rows) or max(ids, default=0) > 2 * len(ids):
        return []
    return [str(k) for k in range(min(ids, default=0), max(ids, default=-1)) if k not in ids]
