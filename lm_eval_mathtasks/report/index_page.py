"""A local index of many runs: one static page, and a report for every log, written anew where the log is newer."""

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, TypedDict

from lm_eval_mathtasks import __version__
from lm_eval_mathtasks.errors import EvidenceError, MathtasksError
from lm_eval_mathtasks.files import sha256, write_page
from lm_eval_mathtasks.leaderboard.claims import Claims
from lm_eval_mathtasks.report.dates import shown_date
from lm_eval_mathtasks.report.examine import Choice, Examined, examine
from lm_eval_mathtasks.report.page import asset, filled, page
from lm_eval_mathtasks.report.samples import as_script
from lm_eval_mathtasks.runs.reading import completed, read_source
from lm_eval_mathtasks.runs.records import Choice as Wanted
from lm_eval_mathtasks.runs.records import Run, Source
from lm_eval_mathtasks.runs.registry import find_sources, sources_among
from lm_eval_mathtasks.tables import percent, with_interval
from lm_eval_mathtasks.text import safe_name

INDEX = "index.html"
# What the index holds of the last time, to tell which pages are still right.
_KEPT = re.compile(r'<script type="application/json" id="logs">(.*?)</script>', re.S)
_LETTERS = 12  # of the checksum of a log's path, which keeps pages of like names apart


class Shown(TypedDict):
    """A run in the index: texts as people read them."""

    model: str
    task: str
    score: str
    docs: int
    cut: str
    published: str
    outcome: str
    through: str
    date: str


class Log(TypedDict):
    """A log in the index. stamp: of its files and of this package; page: its file's name, empty without runs; problem:
    why it has none."""

    path: str
    stamp: str
    page: str
    problem: str
    runs: list[Shown]


class Written(NamedTuple):
    """What came of it: the file of the index, its logs, and how many pages were written anew."""

    file: Path
    logs: list[Log]
    anew: int


def write_view(folder: Path, out: Path, claims: Claims, choice: Choice) -> Written:
    """Write the index of every log below a folder, and a report for each whose files changed since.

    Raises EvidenceError where the folder holds no log, or `out` cannot be written to.
    """
    if not folder.exists():
        raise EvidenceError("a folder of logs", f"no such file or folder: {folder}", "check the path")
    before = _kept(out / INDEX)
    logs, anew = [], 0
    for source in _sources(folder):
        facts = [(str(file), file.stat().st_mtime_ns, file.stat().st_size) for file in source.files]
        stamp = sha256(json.dumps([__version__, *facts]))
        known = before.get(str(source.path))
        if known and known["stamp"] == stamp and (not known["page"] or (out / known["page"]).is_file()):
            logs.append(known)
            continue
        logs.append(_written(source, stamp, out, claims, choice))
        anew += bool(logs[-1]["page"])
    logs.sort(key=lambda log: (log["runs"][0]["date"] if log["runs"] else "", log["path"]), reverse=True)
    write_page(out / INDEX, _index(folder, logs), "folder")
    return Written(out / INDEX, logs, anew)


def _sources(folder: Path) -> list[Source]:
    """Every log below a folder, also the older ones of a task; raises EvidenceError where there is none."""
    if folder.is_file():
        return find_sources(folder)
    found = sources_among(sorted(file for file in folder.rglob("*") if file.is_file()))
    return [replace(source, root=folder) for source in found] or find_sources(folder)


def _kept(index: Path) -> dict[str, Log]:
    """The logs of an earlier index; none where there is no index, or it is not ours."""
    try:
        found = _KEPT.search(index.read_text(encoding="utf-8"))
        return {log["path"]: log for log in json.loads(found[1])} if found else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _written(source: Source, stamp: str, out: Path, claims: Claims, choice: Choice) -> Log:
    log = Log(path=str(source.path), stamp=stamp, page="", problem="", runs=[])
    done = [completed(one) for one in read_source(source, Wanted())]
    runs = [one for one in done if isinstance(one, Run)]
    refused = [str(one.error) for one in done if not isinstance(one, Run)]
    try:
        examined = examine(runs, claims, choice) if runs else []
    except MathtasksError as error:
        examined, refused = [], [str(error)]
    if not examined:
        return {**log, "problem": refused[0] if refused else "no run in it"}
    name = f"{safe_name(examined[0].name)}-{sha256(str(source.path.absolute()))[:_LETTERS]}.html"
    write_page(out / name, page(examined), "folder")
    return {**log, "page": name, "problem": "; ".join(refused), "runs": [_shown(one) for one in examined]}


def _shown(one: Examined) -> Shown:
    best = one.best
    return Shown(
        model=one.name,
        task=one.run.task,
        score=with_interval(one.headline.value, one.headline.interval),
        docs=one.headline.docs,
        cut=percent(one.explanation.cut_share, 1),
        published=one.published or "",
        outcome=best.verdict if best else "",
        through=str(one.run.provenance.settings.get("backend") or one.run.provenance.harness),
        date=shown_date(one.run.provenance.date) or "",
    )


def _index(folder: Path, logs: Sequence[Log]) -> str:
    return filled(
        "index_page.html.j2",
        folder=folder.name or str(folder),
        style=asset("page.css"),
        logs=logs,
        count=sum(len(log["runs"]) for log in logs),
        kept=as_script(logs),
    )
