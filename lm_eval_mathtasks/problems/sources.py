"""Where docs come from: a local file or folder, the bundled sample, or the hub (a mirror through HF_ENDPOINT).

Looked at in this order:

1. `data_dir` of `--metadata '{"data_dir": "..."}'`, else the environment variable MATHTASKS_DATA_DIR: a JSONL or
   parquet file, or a folder that holds one under a name listed in `file_names`, with the original column names;
2. a set that is bundled with this package;
3. the hub, at a pinned revision.

A set has a checksum over its normalised content, so that a copy from anywhere is the same set or is refused. Where no
checksum could be established, the number of docs and the form of every gold are checked, and the rest is said.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lm_eval_mathtasks.errors import DataError
from lm_eval_mathtasks.problems.sets import SOURCES, Source
from lm_eval_mathtasks.text import collapsed

if TYPE_CHECKING:
    from datasets import Dataset

log = logging.getLogger(__name__)

DATA_DIR_VARIABLE = "MATHTASKS_DATA_DIR"
CHECKSUM_VARIABLE = "MATHTASKS_CHECKSUM"  # "warn": other content than the published set is said, not refused
ROWS_FORM = "rows:"  # before a checksum that `rows_checksum` makes
SAMPLES = Path(__file__).parents[1] / "embedded" / "sample"


def load(name: str, metadata: Mapping[str, Any] | None = None) -> dict[str, Dataset]:
    """Return {"test": docs} of the set `name`, with its original columns.

    metadata: of the task, as lm-eval hands it over; `data_dir` and `checksum` ("error" or "warn") are read.
    Raises DataError if the set cannot be found, lacks columns or gold, or is not the published one.
    """
    from datasets import Dataset

    source, metadata = SOURCES[name], metadata or {}
    rows, place = _rows(source, metadata.get("data_dir") or os.environ.get(DATA_DIR_VARIABLE))
    _check_rows(source, rows, place)
    _check_gold(source, rows, place)
    _check_content(
        source, rows, place, metadata.get("checksum") or os.environ.get(CHECKSUM_VARIABLE) or "error"
    )
    return {"test": Dataset.from_list(rows)}


def checksum(rows: Iterable[Mapping[str, Any]], columns: Iterable[str], *, ordered: bool = True) -> str:
    """Return the SHA-256 (hex) of the columns' text, Unicode in NFC and white space collapsed, so that copies which
    differ only in line ends, indentation or encoding agree. ordered: whether the order of the rows counts."""
    names = list(columns)
    lines = [json.dumps([collapsed(_text(row[name])) for name in names]).encode() + b"\n" for row in rows]
    digest = hashlib.sha256()
    for line in lines if ordered else sorted(lines):
        digest.update(line)
    return digest.hexdigest()


def rows_checksum(rows: Iterable[Mapping[str, Any]], question: str, gold: str) -> str:
    """Return the SHA-256 (hex) of one JSON object a row: its number, its stripped question and gold.

    A form in which others publish checksums; it stands in for ours where the content is not at hand to compute ours.
    Its source is in the README of the set's family.
    """
    digest = hashlib.sha256()
    for number, row in enumerate(rows):
        texts = {
            "ground_truth": _text(row[gold]).strip(),
            "problem": _text(row[question]).strip(),
            "problem_idx": number,
        }
        digest.update(json.dumps(texts, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")
    return digest.hexdigest()


def _text(value: Any) -> str:
    """As text; 27.0 and 27 are the same answer, and copies differ in the type of their columns."""
    return str(int(value) if isinstance(value, float) and value.is_integer() else value)


def _rows(source: Source, data_dir: str | None) -> tuple[list[dict[str, Any]], str]:
    """The rows of a set, and the place they came from in words."""
    if source.bundled:
        path = SAMPLES / source.bundled
        return read_rows(path), str(path)
    if data_dir:
        path = find_file(source, Path(data_dir).expanduser())
        return read_rows(path), str(path)
    return _hub_rows(source), _hub_place(source)


def _hub_place(source: Source) -> str:
    return f"{source.hub} at revision {source.revision}"


def find_file(source: Source, place: Path) -> Path:
    """The file that holds the set: `place` itself, or the first of the set's file names in that folder."""
    if place.is_file():
        return place
    for pattern in source.file_names:
        if found := sorted(place.glob(pattern)):
            return found[0]
    raise DataError(
        f"the set {source.name} as a file or in a folder",
        f"{place}, " + ("which holds none of its file names" if place.is_dir() else "which does not exist"),
        f"name the file one of {', '.join(source.file_names[:6])}, or give data_dir the file itself",
    )


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Rows of a JSONL or parquet file. Raises DataError with the line number of a malformed line."""
    if path.suffix == ".parquet":
        from datasets import Dataset

        return Dataset.from_parquet(str(path), keep_in_memory=True).to_list()  # type: ignore[no-any-return]
    rows = []
    with path.open(encoding="utf-8", errors="surrogateescape") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                rows.append(_json_object(line, f"{path}, line {number}"))
    return rows


def _json_object(line: str, place: str) -> dict[str, Any]:
    fix = "repair or remove that line"
    try:
        row = json.loads(line)
    except ValueError as error:
        raise DataError(f"a JSON object in {place}", f"{line.strip()[:60]!r} ({error})", fix) from None
    if not isinstance(row, dict):
        raise DataError(f"a JSON object in {place}", f"{type(row).__name__} {line.strip()[:60]!r}", fix)
    return row


def _hub_rows(source: Source) -> list[dict[str, Any]]:
    from datasets import load_dataset

    try:
        return [
            row
            for config in source.configs or (source.config,)
            for row in load_dataset(
                source.hub, config, split=source.split, revision=source.revision
            ).to_list()
        ]
    except Exception as error:  # every layer below (datasets, hub, requests, OS) has its own exception tree
        raise DataError(
            f"the set {source.name} from the hub ({source.hub}, revision {source.revision[:7]})",
            f"{type(error).__name__}: {str(error).splitlines()[0][:200] if str(error) else ''}",
            f"one of three ways: (1) a mirror: set HF_ENDPOINT to its address; (2) a local copy: set "
            f'{DATA_DIR_VARIABLE} or --metadata \'{{"data_dir": "..."}}\' to a file or folder with '
            f"{source.name}_{source.split}.jsonl or .parquet; (3) no data at all: run the bundled tasks "
            f"sample-gsm8k and sample-math",
        ) from error


def _check_rows(source: Source, rows: list[dict[str, Any]], place: str) -> None:
    if not rows:
        raise DataError(f"docs of {source.name} in {place}", "an empty file", "fetch the file again")
    for column in (source.question, source.gold):
        missing = [i for i, row in enumerate(rows) if row.get(column) is None or not str(row[column]).strip()]
        if missing and len(missing) == len(rows):
            raise DataError(
                f"the columns {source.question!r} and {source.gold!r} in {place}",
                f"the columns {', '.join(sorted(rows[0]))}",
                "use the file as published, or rename its columns",
            )
        if missing:
            named = ", ".join(map(str, missing[:5])) + (", ..." if len(missing) > 5 else "")
            raise DataError(
                f"{source.gold!r} and {source.question!r} in every doc of {place}",
                f"{len(missing)} without {column!r}: doc {named} (counted from 0)",
                "complete or remove them; a doc without gold cannot be scored",
            )


def _check_gold(source: Source, rows: list[dict[str, Any]], place: str) -> None:
    """Every gold has the form that all answers of this set have."""
    if not source.gold_pattern:
        return
    odd = [i for i, row in enumerate(rows) if not re.fullmatch(source.gold_pattern, str(row[source.gold]))]
    if odd:
        raise DataError(
            f"{source.gold!r} of the form {source.gold_pattern} in every doc of {place}",
            f"{str(rows[odd[0]][source.gold])[-60:]!r} in doc {odd[0]} (from 0), and {len(odd) - 1} more",
            "use the file as published",
        )


def content_checksum(source: Source, rows: list[dict[str, Any]], wanted: str) -> str:
    """The checksum of the rows, in the form that `wanted` has."""
    if wanted.startswith(ROWS_FORM):
        return ROWS_FORM + rows_checksum(rows, source.question, source.gold)
    return checksum(rows, (source.question, source.gold), ordered=source.ordered)


def _check_content(source: Source, rows: list[dict[str, Any]], place: str, policy: str) -> None:
    if policy not in ("error", "warn"):
        raise DataError(
            "checksum policy 'error' or 'warn'", repr(policy), f"mend {CHECKSUM_VARIABLE} or metadata"
        )
    editions = {source.docs: source.checksum, **source.editions}
    wanted = editions.get(len(rows), source.checksum)
    found = content_checksum(source, rows, wanted)
    if len(rows) in editions and found == wanted:
        return
    from_hub = place == _hub_place(source)
    if len(rows) in editions and (not wanted or (from_hub and not source.confirmed)):
        log.warning("%s", _unverified(source, rows, place, wanted))
        return
    problem = _other_content(source, rows, place, found)
    if policy == "error":
        raise problem
    log.warning("not the published set: %s", problem)


def _unverified(source: Source, rows: list[dict[str, Any]], place: str, wanted: str) -> str:
    why = (
        "differs from the copy that our checksum was made from"
        if wanted
        else "has no published checksum to compare"
    )
    return (
        f"{source.name}: the content of {place} {why}; checked are the number of docs ({len(rows)}) and that every doc "
        f"has a question and a readable gold. See the README of its family under `mathtasks tasks-path`"
    )


def _other_content(source: Source, rows: list[dict[str, Any]], place: str, found: str) -> DataError:
    also = "".join(f" or {docs} docs" for docs in source.editions)
    return DataError(
        f"the published set {source.name}: {source.docs} docs{also}, "
        f"checksum {source.checksum.removeprefix(ROWS_FORM)[:12] or 'not established'}",
        f"{len(rows)} docs, checksum {found.removeprefix(ROWS_FORM)[:12]} from {place}",
        f"fetch the published file; or, if other content is meant, set {CHECKSUM_VARIABLE}=warn (or --metadata "
        f'\'{{"checksum": "warn"}}\') and do not compare the score with published ones',
    )
