"""Where the rows of a set come from: the package, a copy of the user's, a file of a repository, or the hub.

Copies of a set call its columns by other names, and keep parts of it in other forms: here they become the published
columns, so that a checksum over these is the same for every copy.
"""

import csv
import json
import re
from pathlib import Path
from typing import Any

from lm_eval_mathtasks.errors import DataError, NotAtHand
from lm_eval_mathtasks.files import read_table
from lm_eval_mathtasks.network import hub_fault, server_fault
from lm_eval_mathtasks.problems.sets import Source

DATA_DIR_VARIABLE = "MATHTASKS_DATA_DIR"
GITHUB = "https://raw.githubusercontent.com"
SAMPLES = Path(__file__).parents[1] / "embedded" / "sample"

Row = dict[str, Any]


def set_rows(source: Source, data_dir: str | None) -> tuple[list[Row], str]:
    """Return the rows of a set in its published columns, and the place they came from in words.

    data_dir: a file or folder of the user's that holds it, else it is fetched from where it is published. Raises
    DataError where it is not there or cannot be read.
    """
    if source.bundled:
        place = str(SAMPLES / source.bundled)
        rows = read_rows(SAMPLES / source.bundled)
    elif data_dir:
        path = find_file(source, Path(data_dir).expanduser())
        place, rows = str(path), _read(path, path.suffix, source)
    else:
        place, rows = source.published_at, _fetched(source)
    named = (_published(row, source) for row in rows)
    where = source.where.items()

    def chosen(row: Row) -> bool:
        return all(re.fullmatch(form, str(row[name])) for name, form in where if name in row)

    return list(filter(chosen, named)), place


def find_file(source: Source, place: Path) -> Path:
    """The file that holds the set: `place` itself, or the first of the set's file names in that folder."""
    if place.is_file():
        return place
    for pattern in source.file_names:
        if found := sorted(place.glob(pattern)):
            return found[0]
    wanted = f"the set {source.name} as a file or in a folder"
    if not place.is_dir():
        raise DataError(wanted, f"{place}, which does not exist", "check the path")
    fix = f"name the file one of {', '.join(source.file_names[:6])}, or give data_dir the file itself"
    raise NotAtHand(wanted, f"{place}, which holds none of its file names", fix)


def read_rows(path: Path) -> list[Row]:
    """Rows of a JSONL or parquet file. Raises DataError with the line number of a malformed line."""
    return read_table(path, DataError)


def _read(path: Path, suffix: str, source: Source) -> list[Row]:
    """Rows of a file in any form in which a set is published; suffix: of its name where it is published."""
    if suffix in (".jsonl", ".parquet", ""):
        return read_rows(path)
    try:
        return _READERS[suffix](path, source)
    except KeyError:
        fix = "convert it to JSON lines"
        raise DataError(f"a set in {', '.join(('.jsonl', '.parquet', *_READERS))}", str(path), fix) from None
    except (OSError, ValueError, TypeError, AttributeError, SyntaxError, csv.Error) as error:
        raise DataError(f"the set {source.name} in {path}", str(error), "fetch the file again") from error


def _json(path: Path, _: Source) -> list[Row]:
    content = json.loads(path.read_text(encoding="utf-8"))
    if isinstance(content, dict):
        return [{"id": key, **row} for key, row in content.items()]
    return [dict(row) for row in content]


def _csv(path: Path, _: Source) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as file:
        return [dict(row) for row in csv.DictReader(file)]


def _tsv(path: Path, source: Source) -> list[Row]:
    """Lines of a question, a tab and an answer, without a head and without quoting."""
    with path.open(encoding="utf-8") as file:
        pairs = [line.rstrip("\n").rpartition("\t") for line in file]
    return [{source.question: question, source.gold: gold} for question, _, gold in pairs]


def _xml(path: Path, _: Source) -> list[Row]:
    """The problems of ASDiv: an element each, whose attributes and parts are the columns."""
    from xml.etree import ElementTree

    # Expat of any supported Python limits how far entities may grow, and ElementTree fetches nothing.
    problems = ElementTree.parse(path).iter("Problem")  # noqa: S314
    return [{**problem.attrib, **{part.tag: part.text for part in problem}} for problem in problems]


_READERS = {".json": _json, ".csv": _csv, ".tsv": _tsv, ".xml": _xml}


def _published(row: Row, source: Source) -> Row:
    """A row with its columns called as they are published, and a question in two columns in one."""
    theirs = {**source.copies, "question": source.question, "problem": source.question, "answer": source.gold}
    names: dict[str, str] = {}
    for name, ours in theirs.items():
        if name in row and ours not in row and ours not in names.values():
            names[name] = ours
    named = {names.get(name, name): value for name, value in row.items()}
    body = str(named.get(source.body) or "").strip()
    if not body:
        return named
    between = "\n" if "\n" in body else " " if re.search(r"\W$", body) else ". "
    return {**named, source.question: body + between + str(named[source.question]).strip()}


def _fetched(source: Source) -> list[Row]:
    if not (source.hub or source.github):
        fix = f"set {DATA_DIR_VARIABLE} to a file or folder with one of {', '.join(source.file_names[:6])}"
        raise NotAtHand(f"a file of the set {source.name}, which no hub has", "no folder to look in", fix)
    try:
        return _github_rows(source) if source.github else _hub_rows(source)
    except DataError:
        raise
    # Every layer below (datasets, hub, requests, OS) has its own exception tree.
    except Exception as error:
        reason = str(error).splitlines()[0][:200] if str(error) else ""
        mirror = "" if source.github else "set HF_ENDPOINT to a mirror of the hub; or "
        raise NotAtHand(
            f"the set {source.name} from {source.published_at}",
            ("" if source.github else hub_fault()) or f"{type(error).__name__}: {reason}",
            f'{mirror}set {DATA_DIR_VARIABLE} or --metadata \'{{"data_dir": "..."}}\' to a copy, or to a folder with '
            f"one named {Path(source.file).name or source.file_names[0]}; or, with no data at all, run the bundled "
            f"tasks sample-gsm8k and sample-math",
        ) from error


def _github_rows(source: Source) -> list[Row]:
    from datasets import DownloadManager

    if fault := server_fault(GITHUB):
        raise ConnectionError(fault)
    url = f"{GITHUB}/{source.github}/{source.revision}/{source.file}"
    return _read(Path(DownloadManager().download(url)), Path(source.file).suffix, source)


def _hub_rows(source: Source) -> list[Row]:
    from datasets import load_dataset

    # After the import: a hub that is given up is no reason to give up other servers.
    hub_fault()
    return [
        row
        for config in source.configs or (source.config,)
        for row in load_dataset(source.hub, config, split=source.split, revision=source.revision).to_list()
    ]
