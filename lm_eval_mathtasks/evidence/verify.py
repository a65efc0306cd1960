"""`mathtasks evidence verify`: is a pack what it was when it was made, and does it say what its samples say?

For every pack: the seal, every file's checksum, what the manifest says against what the files say, every hash lm-eval
noted, every mean over docs, every verdict by the grader as it is now, and once more that no secret is in it. A pack
without text is graded from its stored answers if the reference texts are at hand (`--data`), extraction included if the
responses are; else its verdicts are only counted.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from lm_eval_mathtasks.errors import EvidenceError, MathtasksError
from lm_eval_mathtasks.evidence.manifest import FILE, Manifest, dataset_again, facts_of, read_manifest, sealed
from lm_eval_mathtasks.evidence.pack_lines import Text
from lm_eval_mathtasks.evidence.pack_verdicts import changed_verdicts, find_texts
from lm_eval_mathtasks.evidence.secrets import scan
from lm_eval_mathtasks.files import file_sha256, read_json, read_json_lines, sha256
from lm_eval_mathtasks.numbers.intervals import mean_and_error
from lm_eval_mathtasks.runs.lm_eval_facts import logged_prompt
from lm_eval_mathtasks.runs.lm_eval_logs import read_lm_eval, unfolded
from lm_eval_mathtasks.runs.lm_eval_schema import HASHES, Results, SampleLine, filter_of, number_in
from lm_eval_mathtasks.runs.records import Choice, Refused, Run, Source, check

_AGAIN = "take the pack from where it was published, or pack the run again"
PART = ".part"  # ends the name of a folder while a pack is written into it
TOLERANCE = 1e-9  # of a mean that was written as decimal text


@dataclass
class Report:
    """What a check of one pack found. regraded: verdicts that were made anew, of `responses`."""

    folder: Path
    docs: int = 0
    responses: int = 0
    regraded: int = 0
    score: float | None = None
    seal: str = ""
    findings: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        score = "" if self.score is None else f"{100 * self.score:.2f} on {self.docs} docs, "
        state = f"{len(self.findings)} findings" if self.findings else "ok"
        return f"{state}: {self.folder}: {score}{self.regraded} of {self.responses} responses graded again"


def verify_pack(folder: Path, texts: Mapping[str, str] | None = None) -> Report:
    """Return what is wrong with a pack; texts: by SHA-256, those that a pack without text may be checked with."""
    report = Report(folder)
    try:
        _require_files(folder)
        _check(report, read_manifest(folder), texts or {})
    except MathtasksError as error:
        report.findings.append(str(error))
    except (OSError, LookupError, TypeError, ValueError, AttributeError, StopIteration) as error:
        # A pack comes from anyone: whatever its files hold instead of what they should is a finding.
        report.findings.append(f"not readable as a pack: {error!r}")
    return report


def _require_files(folder: Path) -> None:
    """Raise EvidenceError unless all that a pack holds are files of its own: a link leads anywhere."""
    held = [folder, *folder.rglob("*")]
    if strange := [p for p in held if p.is_symlink() or not (p.is_file() or p.is_dir())]:
        named = ", ".join(sorted(p.name for p in strange))
        raise EvidenceError("a pack of files", f"links or devices: {named}", _AGAIN)


def _check(report: Report, manifest: Manifest, texts: Mapping[str, str]) -> None:
    report.findings += _files(report.folder, manifest)
    results, run, lines = _read(report.folder, manifest)
    report.docs, report.seal = len(run.rows), str(manifest.get("seal"))
    report.responses = sum(len(row.there) for row in run.rows)
    facts = facts_of(results, run, lines)
    facts["dataset"] = dataset_again(manifest["dataset"], lines)
    facts["text"] = _text_kept(lines)
    report.score = facts["score"]["value"]
    for name, value in facts.items():
        if json.loads(json.dumps(value)) != manifest.get(name):
            report.findings.append(f"{name}: the manifest says {manifest.get(name)}, the files {value}")
    report.findings += _hashes(lines)
    report.findings += _means(results, run.task, unfolded(lines))
    report.findings += _leaks(manifest, results, lines)
    report.regraded, found = changed_verdicts(run, lines, texts)
    report.findings += found


def _text_kept(lines: list[SampleLine]) -> Text:
    """What text the samples hold."""
    if not any("gold_sha256" in line for line in lines):
        return "full"
    return "responses" if any("resps" in line for line in lines) else "none"


def _files(folder: Path, manifest: Manifest) -> Iterable[str]:
    if sealed(manifest)["seal"] != manifest.get("seal"):
        yield f"{FILE} was edited: its seal does not fit"
    present = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()} - {FILE}
    yield from (f"{name} is not in the manifest" for name in sorted(present - set(manifest["files"])))
    for name, stated in manifest["files"].items():
        if name not in present:
            yield f"{name} is missing"
        elif file_sha256(folder / name) != stated.get("sha256"):
            yield f"{name} was changed: its SHA-256 is not the manifest's"


def _read(folder: Path, manifest: Manifest) -> tuple[Results, Run, list[SampleLine]]:
    """The results, the run and the lines of the samples file."""
    file, samples = (_named(folder, manifest, start) for start in ("results_", "samples_"))
    (run,) = read_lm_eval(Source(read_lm_eval, file, (file, samples)), Choice())
    if isinstance(run, Refused):
        raise run.error
    check(run)
    lines = cast("list[SampleLine]", read_json_lines(samples, EvidenceError))
    if bare := [x for x in lines if x.get("doc_id") is None or not isinstance(x.get("verdicts"), list)]:
        got = f"{len(bare)} without, the first with doc_id {bare[0].get('doc_id')}"
        raise EvidenceError(f"a doc_id and verdicts on every line of {samples.name}", got, _AGAIN)
    return read_json(file, EvidenceError), run, lines


def _named(folder: Path, manifest: Manifest, start: str) -> Path:
    """The one file of this kind that the manifest names and the folder holds."""
    names = [str(name) for name in manifest["files"] if str(name).startswith(start)]
    if len(names) != 1 or Path(names[0]).name != names[0] or not (folder / names[0]).is_file():
        got = "none" if not names else f"{', '.join(names)}{' (missing)' if len(names) == 1 else ''}"
        raise EvidenceError(f"one file {start}* that the manifest names", got, _AGAIN)
    return folder / names[0]


def _hashes(lines: list[SampleLine]) -> Iterable[str]:
    """lm-eval noted a hash of every doc, prompt and target: does the text beside it still give it?"""
    for line in lines:
        if "doc" not in line or line.get("redacted"):
            continue
        doc = json.dumps(line["doc"], indent=2, ensure_ascii=False)
        texts = (doc, logged_prompt(line), str(line.get("target")))
        for key, text in zip(HASHES, texts, strict=True):
            stated = line.get(key)
            if stated and text is not None and sha256(text) != stated:
                name = key.removesuffix("_hash")
                yield f"doc {line.get('doc_id')}: its {name} is not the one that was hashed"


def _means(results: Results, task: str, lines: list[SampleLine]) -> Iterable[str]:
    """Every score that is a mean over docs, and its standard error, from the docs."""
    scores, listed = results["results"][task], results["configs"][task].get("metric_list") or ()
    other = {entry["metric"] for entry in listed if entry.get("aggregation", "mean") != "mean"}
    values: dict[str, list[float]] = {}
    for line in lines:
        for name in line.get("metrics", ()):
            value = number_in(line, name)
            if value is not None and name not in other:
                values.setdefault(f"{name},{filter_of(line)}", []).append(value)
    for key, score in scores.items():
        name, comma, _ = key.partition(",")
        known = key in values or name in other or name.endswith("_stderr")
        if comma and isinstance(score, int | float) and not known:
            yield f"{key} is in the results, and no doc has it"
    for key, numbers in values.items():
        name, _, filter_name = key.partition(",")
        mean, spread = mean_and_error(numbers) if len(numbers) > 1 else (numbers[0], 0.0)
        error = f"{name}_stderr,{filter_name}"
        for stated, actual in ((key, mean), (error, spread)):
            said = scores.get(stated)
            if stated == error and not isinstance(said, int | float):
                continue  # lm-eval writes none for some metrics, and "N/A"
            # Not `>`: a mean that is not a number is no mean either.
            if not (isinstance(said, int | float) and abs(said - actual) <= TOLERANCE):
                yield f"{stated} is {said} in the results, {actual:.6g} by the samples"


def _leaks(manifest: Manifest, results: Results, lines: list[SampleLine]) -> Iterator[str]:
    """What must not be published, but for what was allowed when the pack was made."""
    allowed = set(manifest.get("allowed", ()))
    about = {key: value for key, value in manifest.items() if key != "files"}
    yield from map(str, (*scan(about, FILE, 1), *scan(results, "results", 1)))
    for number, line in enumerate(lines, 1):
        found = scan(line, "samples", number)
        yield from (str(finding) for finding in found if f"{finding.kind}:{number}" not in allowed)


# --- all of a folder


def verify(logs: Path, *, data: Sequence[Path] = (), measured: Path | None = None) -> list[Report]:
    """Return a report for every pack under `logs`, and one for the folder itself.

    data: JSON-lines files or folders with the texts that packs were made without. measured: the page whose rows are
    traced to the packs. Raises EvidenceError where there is no pack.
    """
    folders = sorted(path.parent for path in logs.rglob(FILE))
    if not folders:
        fix = "`mathtasks evidence pack RUN` makes one"
        raise EvidenceError("packs to verify", f"no {FILE} under {logs}", fix)
    left = [folder for folder in folders if folder.name.endswith(PART)]
    folders = [folder for folder in folders if folder not in left]
    texts = find_texts(set().union(*map(_missing_texts, folders)), data) if data else {}
    reports = [verify_pack(folder, texts) for folder in folders]
    whole = Report(logs)
    others = (path for path in sorted(logs.rglob("*")) if path.is_file() and path.suffix != ".md")
    alone = (path for path in others if not {*folders, *left} & {*path.parents})
    whole.findings += (f"{path} belongs to no pack" for path in alone)
    killed = "is what a killed pack left: remove it, and pack the run again"
    whole.findings += (f"{folder} {killed}" for folder in left)
    if measured is not None:
        whole.findings += _untraced(measured, reports)
    return [*reports, whole]


def _missing_texts(folder: Path) -> set[str]:
    """The hashes of the texts that a pack was made without; a damaged pack says so when it is verified."""
    wanted: set[str] = set()
    for file in folder.glob("samples_*"):
        try:
            lines = read_json_lines(file, EvidenceError)
        except EvidenceError:
            continue
        for line in lines:
            if "gold_sha256" in line:
                wanted |= {line["gold_sha256"], *line.get("response_sha256", ())}
    return wanted


_CELL = re.compile(r"(?<!\\)\|")
_LINK = re.compile(r"\]\((?P<path>[^)]+)\)")


def _untraced(page: Path, reports: Sequence[Report]) -> Iterator[str]:
    """Rows of the measured page that no pack bears out, and packs that have no row."""
    by_folder = {report.folder.resolve(): report for report in reports}
    for number, row in _table_rows(page):
        place = f"{page.name}:{number}"
        link = _LINK.search(row.get("log", ""))
        report = by_folder.pop((page.parent / link["path"]).resolve().parent, None) if link else None
        if report is None:
            yield f"{place}: no pack at {link['path'] if link else 'any link'}, or two rows for one"
            continue
        score = "unknown" if report.score is None else f"{100 * report.score:.2f}"
        for name, fact in (("score", score), ("docs", str(report.docs)), ("seal", report.seal[:12])):
            if row.get(name, "").split(" ")[0] != fact:
                yield f"{place}: its {name} is {row.get(name) or 'missing'}, the log's {fact}"
    yield from (f"{page.name} has no row for {report.folder}" for report in by_folder.values())


def _table_rows(page: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """The lines of a page's tables, with their numbers, by the table's columns."""
    columns: list[str] = []
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        cells = [cell.strip() for cell in _CELL.split(line.strip())[1:-1]] if line.startswith("|") else []
        if not cells or set(line) <= set("|-: "):
            columns = columns if cells else []
        elif not columns:
            columns = cells
        else:
            yield number, dict(zip(columns, cells, strict=False))
