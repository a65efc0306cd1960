"""Where docs come from: a local file or folder, the bundled sample, or the hub (a mirror through HF_ENDPOINT).

Looked at in this order:

1. `data_dir` of `--metadata '{"data_dir": "..."}'`, else the environment variable MATHTASKS_DATA_DIR: a JSONL or
   parquet file, or a folder that holds one under a name listed in `file_names`, with the original column names;
2. a set that is bundled with this package;
3. the hub, at a pinned revision.

Every set has a checksum over its normalised content, so that a copy from anywhere is the same set or is refused.
"""

from __future__ import annotations

import hashlib
import json
import os
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lm_eval_mathtasks.errors import DataError

if TYPE_CHECKING:
    from datasets import Dataset

DATA_DIR_VARIABLE = "MATHTASKS_DATA_DIR"
CHECKSUM_VARIABLE = "MATHTASKS_CHECKSUM"  # "warn": other content than the published set is said, not refused
SAMPLES = Path(__file__).parent / "embedded" / "sample"
SUFFIXES = (".jsonl", ".parquet")


@dataclass(frozen=True)
class Source:
    """One test set.

    question, gold: names of the original columns that hold the problem and the reference answer;
    docs: number of docs; checksum: of the question and gold columns, see `checksum`;
    rename: original column name -> name in our docs; hub, config, split, revision: its place on the hub;
    bundled: name of a file in the package; licence: of the data.
    """

    name: str
    question: str
    gold: str
    docs: int
    checksum: str
    licence: str
    rename: Mapping[str, str] = field(default_factory=dict)
    hub: str = ""
    config: str | None = None
    split: str = "test"
    revision: str = ""
    bundled: str = ""

    @property
    def file_names(self) -> list[str]:
        """Where a folder may hold this set; the last two are the layouts of a clone of the hub's repository."""
        stems = [f"{self.name}_{self.split}", self.name, f"{self.name}/{self.split}", f"{self.split}"]
        plain = [stem + suffix for stem in stems for suffix in SUFFIXES]
        return [
            *plain,
            f"{self.config or 'data'}/{self.split}-*.parquet",
            f"{self.name}/**/{self.split}-*.parquet",
        ]


SOURCES = {
    source.name: source
    for source in (
        Source(
            name="gsm8k",
            question="question",
            gold="answer",
            rename={"answer": "gold"},
            docs=1319,
            checksum="f4d5a53c6c00857e4d6aed9ede3afa5d762910f42fa8ddef0a4472489eefd570",
            licence="MIT",
            hub="openai/gsm8k",
            config="main",
            revision="740312add88f781978c0658806c59bc2815b9866",
        ),
        Source(
            name="math500",
            question="problem",
            gold="answer",
            rename={"problem": "question", "answer": "gold"},
            docs=500,
            checksum="127c95d115a218d75497eba38bd2a4e9de862a1cd2525a3fc4422c148dfb3d57",
            licence="MIT",
            hub="HuggingFaceH4/MATH-500",
            revision="6e4ed1a2a79af7d8630a6b768ec859cb5af4d3be",
        ),
        Source(
            name="sample-gsm8k",
            question="question",
            gold="answer",
            rename={"answer": "gold"},
            docs=100,
            checksum="3ba1533cff6803bf9ed3e06a4f8774ac149c81ca1e12bfe6a913fbda26cb9532",
            licence="MIT",
            bundled="gsm8k.jsonl",
        ),
        Source(
            name="sample-math",
            question="problem",
            gold="answer",
            rename={"problem": "question", "answer": "gold"},
            docs=100,
            checksum="e5ab46d210f467176733a0bd2b39f66ac13e8aed3b43f97a47c8f1418b8aea07",
            licence="MIT",
            bundled="math.jsonl",
        ),
    )
}


def load(name: str, metadata: Mapping[str, Any] | None = None) -> dict[str, Dataset]:
    """Return {"test": docs} of the set `name`, with its original columns.

    metadata: of the task, as lm-eval hands it over; `data_dir` and `checksum` ("error" or "warn") are read.
    Raises DataError if the set cannot be found, lacks columns or gold, or is not the published one.
    """
    from datasets import Dataset

    source, metadata = SOURCES[name], metadata or {}
    rows, place = _rows(source, metadata.get("data_dir") or os.environ.get(DATA_DIR_VARIABLE))
    _check_rows(source, rows, place)
    _check_content(
        source, rows, place, metadata.get("checksum") or os.environ.get(CHECKSUM_VARIABLE) or "error"
    )
    return {"test": Dataset.from_list(rows)}


def checksum(rows: Iterable[Mapping[str, Any]], columns: Iterable[str]) -> str:
    """Return the SHA-256 (hex) of the columns' text, in order, Unicode in NFC and white space collapsed, so that
    copies which differ only in line ends, indentation or encoding agree."""
    names = list(columns)
    digest = hashlib.sha256()
    for row in rows:
        texts = [" ".join(unicodedata.normalize("NFC", str(row[name])).split()) for name in names]
        digest.update(json.dumps(texts, ensure_ascii=True).encode() + b"\n")
    return digest.hexdigest()


def _rows(source: Source, data_dir: str | None) -> tuple[list[dict[str, Any]], str]:
    """The rows of a set, and the place they came from in words."""
    if source.bundled:
        path = SAMPLES / source.bundled
        return read_rows(path), str(path)
    if data_dir:
        path = find_file(source, Path(data_dir).expanduser())
        return read_rows(path), str(path)
    return _hub_rows(source), f"{source.hub} at revision {source.revision}"


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
        return load_dataset(  # type: ignore[no-any-return]
            source.hub, source.config, split=source.split, revision=source.revision
        ).to_list()
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


def _check_content(source: Source, rows: list[dict[str, Any]], place: str, policy: str) -> None:
    if policy not in ("error", "warn"):
        raise DataError(
            "checksum policy 'error' or 'warn'", repr(policy), f"mend {CHECKSUM_VARIABLE} or metadata"
        )
    found = checksum(rows, (source.question, source.gold))
    if found == source.checksum:
        return
    problem = DataError(
        f"the published set {source.name}: {source.docs} docs, checksum {source.checksum[:12]}",
        f"{len(rows)} docs, checksum {found[:12]} from {place}",
        f"fetch the published file; or, if other content is meant, set {CHECKSUM_VARIABLE}=warn (or --metadata "
        f'\'{{"checksum": "warn"}}\') and do not compare the score with published ones',
    )
    if policy == "error":
        raise problem
    import logging

    logging.getLogger(__name__).warning("not the published set: %s", problem)
