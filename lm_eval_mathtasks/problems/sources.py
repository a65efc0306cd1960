"""Where docs come from: a local file or folder, the bundled sample, or the hub (a mirror through HF_ENDPOINT).

Looked at in this order:

1. `data_dir` of `--metadata '{"data_dir": "..."}'`, else the environment variable MATHTASKS_DATA_DIR: a JSONL or
   parquet file, or a folder that holds one under a name listed in `file_names`, with the original column names;
2. a set that is bundled with this package;
3. the hub or the repository that publishes it, at a pinned revision.

A set has a checksum over its normalised content, so that a copy from anywhere is the same set or is refused. Where no
checksum could be established, the number of docs and the form of every gold are checked, and the rest is said.
"""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from lm_eval_mathtasks.errors import DataError
from lm_eval_mathtasks.files import sha256
from lm_eval_mathtasks.problems.gold import as_text
from lm_eval_mathtasks.problems.rows import DATA_DIR_VARIABLE, Row, set_rows
from lm_eval_mathtasks.problems.sets import Source, set_named
from lm_eval_mathtasks.text import collapsed

if TYPE_CHECKING:
    from datasets import Dataset

log = logging.getLogger(__name__)

# Set to "warn", content other than the published set is said, not refused.
CHECKSUM_VARIABLE = "MATHTASKS_CHECKSUM"
# Stands before a checksum that `rows_checksum` makes.
ROWS_FORM = "rows:"


def load_set(name: object, metadata: Mapping[str, Any]) -> dict[str, Dataset]:
    """Return {"test": docs} of the set `name`, in our columns; of a row nothing else is changed.

    metadata: of the task, as lm-eval hands it over; `data_dir` and `checksum` ("error" or "warn") are read. A column
    that has one of our names already is dropped: some copies hold the problem twice. Raises DataError if the set is
    not known or cannot be found, lacks columns or gold, or is not the published one.
    """
    from datasets import Dataset

    source = set_named(name)
    policy = metadata.get("checksum") or os.environ.get(CHECKSUM_VARIABLE) or "error"
    if policy not in ("error", "warn"):
        fix = f"correct {CHECKSUM_VARIABLE} or metadata"
        raise DataError("checksum policy 'error' or 'warn'", repr(policy), fix)
    rows, place = set_rows(source, metadata.get("data_dir") or os.environ.get(DATA_DIR_VARIABLE))
    _check_rows(source, rows, place)
    _check_gold(source, rows, place)
    if problem := _other_content(source, rows, place):
        if policy == "error":
            raise problem
        log.warning("not the published set: %s", problem)
    docs = Dataset.from_list(rows)
    doubled = [column for column in source.columns.values() if column in docs.column_names]
    return {"test": docs.remove_columns(doubled).rename_columns(source.columns)}


def checksum(rows: Iterable[Mapping[str, Any]], columns: Iterable[str], *, ordered: bool = True) -> str:
    """Return the SHA-256 (hex) of the columns' text, Unicode in NFC and white space collapsed, so that copies which
    differ only in line ends, indentation or encoding agree. ordered: whether the order of the rows counts."""
    names = list(columns)
    lines = [json.dumps([collapsed(as_text(row[name])) for name in names]).encode() + b"\n" for row in rows]
    return sha256(b"".join(lines if ordered else sorted(lines)))


def rows_checksum(rows: Iterable[Mapping[str, Any]], question: str, gold: str) -> str:
    """Return the SHA-256 (hex) of one JSON object a row: its number, its stripped question and gold.

    A form in which others publish checksums; it stands in for ours where the content is not at hand to compute ours.
    Its source is in the README of the set's family.
    """
    lines = []
    for number, row in enumerate(rows):
        answer, asked = (as_text(row[name]).strip() for name in (gold, question))
        texts = {"ground_truth": answer, "problem": asked, "problem_idx": number}
        lines.append(json.dumps(texts, ensure_ascii=False, separators=(",", ":")) + "\n")
    return sha256("".join(lines))


def _check_rows(source: Source, rows: list[Row], place: str) -> None:
    if not rows:
        raise DataError(f"docs of {source.name} in {place}", "an empty file", "fetch the file again")
    wanted = f"{source.question!r} and {source.gold!r}"
    for column in (source.question, source.gold):
        missing = [i for i, row in enumerate(rows) if row.get(column) is None or not str(row[column]).strip()]
        if len(missing) == len(rows):
            got = f"the columns {', '.join(sorted(rows[0]))}"
            fix = "use the file as published, or rename its columns"
            raise DataError(f"the columns {wanted} in {place}", got, fix)
        if len(missing) > (source.without_gold if column == source.gold else 0):
            named = ", ".join(map(str, missing[:5])) + (", ..." if len(missing) > 5 else "")
            got = f"{len(missing)} without {column!r}: doc {named} (counted from 0)"
            fix = "complete or remove them; a doc without gold cannot be scored"
            raise DataError(f"{wanted} in every doc of {place}", got, fix)


def _check_gold(source: Source, rows: list[Row], place: str) -> None:
    """Every gold has the form that all answers of this set have."""
    form = re.compile(source.gold_pattern or "(?s).*")
    others = [i for i, row in enumerate(rows) if not form.fullmatch(str(row[source.gold]))]
    if others:
        raise DataError(
            f"{source.gold!r} of the form {source.gold_pattern} in every doc of {place}",
            f"{str(rows[others[0]][source.gold])[-60:]!r} in doc {others[0]} (from 0), and {len(others) - 1} more",
            "use the file as published",
        )


def content_checksum(source: Source, rows: list[Row], wanted: str) -> str:
    """The checksum of the rows, in the form that `wanted` has."""
    if wanted.startswith(ROWS_FORM):
        return ROWS_FORM + rows_checksum(rows, source.question, source.gold)
    return checksum(rows, (source.question, source.gold), ordered=source.ordered)


def _other_content(source: Source, rows: list[Row], place: str) -> DataError | None:
    """What is wrong with the content, if it is not the published set's; what cannot be verified is said in the log."""
    editions = {source.docs: source.checksum, **source.editions}
    wanted = editions.get(len(rows), source.checksum)
    found = content_checksum(source, rows, wanted)
    if len(rows) in editions:
        if found == wanted:
            return None
        if not wanted or (place == source.published_at and not source.confirmed):
            other = "differs from the copy that our checksum was made from"
            why = other if wanted else "has no published checksum to compare"
            log.warning(
                f"{source.name}: the content of {place} {why}; checked are the number of docs ({len(rows)}) and "
                "that every doc has a question and a readable gold. See the README of its family under "
                "`mathtasks tasks-path`"
            )
            return None
    docs = " or ".join(f"{docs} docs" for docs in editions)
    known = source.checksum.removeprefix(ROWS_FORM)[:12] or "not established"
    return DataError(
        f"the published set {source.name}: {docs}, checksum {known}",
        f"{len(rows)} docs, checksum {found.removeprefix(ROWS_FORM)[:12]} from {place}",
        f"fetch the published file; or, if other content is meant, set {CHECKSUM_VARIABLE}=warn (or --metadata "
        f'\'{{"checksum": "warn"}}\') and do not compare the score with published ones',
    )
