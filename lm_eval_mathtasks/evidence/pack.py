"""`mathtasks evidence pack`: a run's logs made fit to be committed: logs/<model>/<task>/<date>/.

results_<date>.json          lm-eval's results of one task, without what they say of the machine
samples_<task>_<date>.jsonl.gz   one line a doc: lm-eval's, with our verdict on every response
manifest.json                see `manifest.py`

The names are lm-eval's, so everything that reads a run reads a pack. With `text="none"` a line keeps extracted answers,
verdicts and hashes, and neither problem, reference, prompt nor response; with `text="responses"` the model's responses
as well, without what they quote of their problem (`quotes.py`).
"""

import gzip
import json
import os
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, cast

from lm_eval_mathtasks.errors import EvidenceError
from lm_eval_mathtasks.evidence import manifest as facts
from lm_eval_mathtasks.evidence.manifest import FILE, FORMAT, Manifest
from lm_eval_mathtasks.evidence.pack_lines import Text, packed_lines
from lm_eval_mathtasks.evidence.pack_verdicts import differences, graded_as_redacted
from lm_eval_mathtasks.evidence.scrub import scrubbed_results, scrubbed_text
from lm_eval_mathtasks.evidence.secrets import Finding, redacted, scan
from lm_eval_mathtasks.evidence.verify import PART, verify_pack
from lm_eval_mathtasks.files import read_json, read_json_lines, sha256
from lm_eval_mathtasks.journal.queries import journal_statistics
from lm_eval_mathtasks.package import STAMP
from lm_eval_mathtasks.runs.judged import judge_run
from lm_eval_mathtasks.runs.lm_eval_facts import PACKED, model_arguments, model_name
from lm_eval_mathtasks.runs.lm_eval_files import RESULTS, samples_beside
from lm_eval_mathtasks.runs.lm_eval_logs import read_lm_eval
from lm_eval_mathtasks.runs.lm_eval_schema import Results, SampleLine
from lm_eval_mathtasks.runs.reading import completed, read_source
from lm_eval_mathtasks.runs.records import Choice, Refused, Run, Source
from lm_eval_mathtasks.runs.registry import find_sources
from lm_eval_mathtasks.text import safe_name

MAX_MB = 5.0  # of one pack: a repository keeps every byte for ever
_SHOWN = 20  # findings in a message


class Choices(NamedTuple):
    """How to pack. allow: (kind, line of the samples) of findings that may stay; weights: folder of the model, where
    the run does not name it; journal: of an API model, where it is not where the run says."""

    text: Text = "full"
    max_mb: float = MAX_MB
    redact: bool = False
    allow: frozenset[tuple[str, int]] = frozenset()
    command: str | None = None
    weights: Path | None = None
    journal: Path | None = None


@dataclass
class Pack:
    """A pack before it is written. files: content by name, the manifest included."""

    folder: Path
    docs: int
    files: dict[str, bytes]

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(map(len, self.files.values()))

    def __str__(self) -> str:
        parts = ", ".join(f"{name} {len(content) / 1024:.0f} kB" for name, content in self.files.items())
        return f"{self.folder}: {self.docs} docs, {self.size / 1024:.0f} kB ({parts})"


def prepare(run: Path, logs: Path, choices: Choices) -> list[Pack]:
    """Return the packs of a run's logs, one a task, complete and checked but not written.

    Raises EvidenceError for logs that are not lm-eval's or incomplete, a score that our grader does not give now, a
    secret, a pack that is too large or there already.
    """
    if not run.exists():
        raise EvidenceError("the logs of a run", f"no such file or folder: {run}", "check the path")
    sources = find_sources(run)
    if foreign := [source.path for source in sources if source.read is not read_lm_eval]:
        raise EvidenceError("lm-eval's logs", str(foreign[0]), "`mathtasks rescore` writes them; pack those")
    packs = [pack for source in sources for pack in _packs_of(source, logs, choices)]
    for pack in packs:
        if pack.folder.exists():
            fix = "evidence is not overwritten: remove it"
            raise EvidenceError("a new folder", f"{pack.folder}, which is there", fix)
        if pack.size > choices.max_mb * 1e6:
            fix = "pass --max-mb, or --text none if answers suffice"
            raise EvidenceError(f"at most {choices.max_mb:g} MB", f"{pack}", fix)
    return packs


def write(packs: list[Pack]) -> None:
    """Write packs, each whole or not at all; if one fails, none stays. What a killed process left is removed."""
    done: list[Path] = []
    try:
        for pack in packs:
            for left in pack.folder.parent.glob(f".{pack.folder.name}.*{PART}"):
                shutil.rmtree(left)
            part = pack.folder.with_name(f".{pack.folder.name}.{os.getpid()}{PART}")
            done.append(part)
            part.mkdir(parents=True)
            for name, content in pack.files.items():
                (part / name).write_bytes(content)
            if findings := verify_pack(part).findings:
                raise EvidenceError(
                    "a pack that verifies",
                    f"{len(findings)} findings: {'; '.join(findings[:3])}",
                    "if --redact took what the answer is read from, --text none keeps no text; else report this",
                )
        for place, pack in enumerate(packs):  # last and at once: a kill in between would leave some of them
            done[place].rename(pack.folder)
            done[place] = pack.folder
    except BaseException as error:
        for folder in done:
            shutil.rmtree(folder, ignore_errors=True)
            with suppress(OSError):  # the folders of model and task, where nothing else is in them
                folder.parent.rmdir()
                folder.parent.parent.rmdir()
        if isinstance(error, OSError):
            fix = "free the disk or name another --out"
            raise EvidenceError("a pack on disk", str(error), fix) from error
        raise


def _packs_of(found: Source, logs: Path, choices: Choices) -> Iterator[Pack]:
    file, named = found.path, RESULTS.search(found.path.name)
    raw = read_json(file, EvidenceError)
    if named is None or PACKED in raw:
        got = f"{file}, which is {'a pack already' if named else 'named otherwise'}"
        raise EvidenceError("the results_<date>.json of a run", got, "pass the folder that lm-eval wrote")
    for read in read_source(found, Choice()):
        run = completed(read, journal=choices.journal)
        if isinstance(run, Refused):
            raise run.error
        source = next(samples.file for samples in samples_beside(file) if samples.task == run.task)
        pack = _pack(run, raw, (file.name, source), choices)
        pack.folder = logs / pack.folder / safe_name(named["date"].split(".", 1)[0])
        # A link may lead out of the folder of all packs.
        if not pack.folder.resolve().is_relative_to(logs.resolve()):
            got = f"{pack.folder}, which is {pack.folder.resolve()}"
            raise EvidenceError(f"a folder in {logs}", got, "remove the link, or name another --out")
        yield pack


def _pack(run: Run, raw: Results, sources: tuple[str, Path], choices: Choices) -> Pack:
    """A pack in a folder of model and task. sources: the name of the results file, and the samples file."""
    taken: Counter[str] = Counter()
    results = scrubbed_results(raw, run.task, taken)
    # What a reader takes from the prompts, for packs that hold none.
    asked = {"cot": run.protocol.cot, "chat_template": run.protocol.chat_template}
    results[PACKED] = {"format": FORMAT, "text": choices.text, "protocol": asked}
    shown = results["configs"][run.task].get("fewshot_config") or {}
    if choices.text != "full" and isinstance(shown.get("samples"), list):
        shown["samples"] = {"sha256": sha256(json.dumps(shown["samples"]))}
    judgements = judge_run(run)
    if other := differences(run, judgements):
        got = f"{len(other)} docs that differ: {'; '.join(list(other.values())[:3])}"
        fix = "run `mathtasks rescore` first, and pack what it writes"
        raise EvidenceError(f"the score of {run.label} as our grader gives it now", got, fix)
    logged = cast("list[SampleLine]", read_json_lines(sources[1], EvidenceError))
    lines = list(packed_lines(logged, run, judgements, choices.text, taken))
    names = (sources[0], f"{sources[1].name.removesuffix('.gz')}.gz")
    about = _about(run, raw, results, choices, taken)
    results, about, *lines = _without_secrets([results, about, *lines], names, choices, taken)
    rows = run.by_id()
    for line in (line for line in lines if line.get("redacted")):
        line["verdicts"] = graded_as_redacted(line, rows[str(line["doc_id"])])
    run = replace(run, model=model_name(results))
    files = {names[0]: _json(results), names[1]: _gzip(lines)}
    manifest: Manifest = {
        "format": FORMAT,
        **facts.facts_of(results, run, lines),
        "dataset": facts.dataset_of(results["configs"][run.task], lines),
        "text": choices.text,
        **about,
        "taken_out": dict(sorted(taken.items())),
        "allowed": sorted(f"{kind}:{line}" for kind, line in choices.allow),
        "files": {name: {"sha256": sha256(data), "bytes": len(data)} for name, data in files.items()},
    }
    files[FILE] = _json(facts.sealed(manifest))
    folder = Path(safe_name(run.model or "unnamed")) / safe_name(run.task)
    return Pack(folder, len(run.rows), files)


def _about(run: Run, raw: Results, results: Results, choices: Choices, taken: Counter[str]) -> Manifest:
    """What the packed files do not say themselves."""
    arguments = model_arguments(raw)
    named = Path(str(arguments.get("pretrained") or "no-such-folder")).expanduser()
    weights = choices.weights or (named if named.is_dir() else None)
    journal = choices.journal or (Path(run.journal) if run.journal else None)
    commands = {
        "given": choices.command,
        "noted by the run": raw.get(STAMP, {}).get("command"),
        "the configuration in the results": facts.command_of(results, run.task),
    }
    source, command = next((source, str(text)) for source, text in commands.items() if text)
    return {
        "command": scrubbed_text(command, taken),
        "command_from": source,
        **facts.commit_of(raw),
        "packages": facts.packages_of(raw),
        "hardware": facts.hardware_of(raw),
        "weights": facts.weights_of(weights) if weights else None,
        "journal": journal_statistics(journal, run.task, str(arguments.get("model"))) if journal else None,
    }


def _without_secrets(
    contents: list[Any], names: tuple[str, str], choices: Choices, taken: Counter[str]
) -> list[Any]:
    """Return results, manifest and lines as they may be written; raises EvidenceError for a secret in them."""
    places = [(names[0], 1), (FILE, 1), *((names[1], number) for number in range(1, len(contents) - 1))]
    clean: list[Any] = []
    found: list[Finding] = []
    for content, (file, line) in zip(contents, places, strict=True):
        allowed = choices.allow if file == names[1] else frozenset()
        here = [finding for finding in scan(content, file, line) if (finding.kind, line) not in allowed]
        if choices.redact and here:
            clean.append({**redacted(content, lambda kind: taken.update([kind])), "redacted": len(here)})
            continue
        found += here
        clean.append(content)
    if found:
        shown = "\n  ".join(map(str, found[:_SHOWN]))
        more = f"\n  and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        raise EvidenceError(
            "logs without secrets",
            f"{len(found)}:\n  {shown}{more}\n",
            "remove them and withdraw keys that were real; or --redact replaces them, and --allow KIND:LINE keeps one "
            "in the samples that is none",
        )
    return clean


def _json(content: Mapping[str, object]) -> bytes:
    return (json.dumps(content, indent=1) + "\n").encode()


def _gzip(lines: list[SampleLine]) -> bytes:
    # The same lines give the same bytes: no time and no file name in the header.
    return gzip.compress("".join(json.dumps(line) + "\n" for line in lines).encode(), 9, mtime=0)
