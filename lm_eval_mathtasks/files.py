"""Files: JSON, JSON lines and parquet read with errors a user can act on, checksums, and writing them whole."""

import codecs
import gzip
import hashlib
import io
import json
import os
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Any, cast

from lm_eval_mathtasks.errors import EvidenceError, MathtasksError, as_error

Error = type[MathtasksError]
_GZIP = b"\x1f\x8b"
_SHOWN = 60  # bytes of a line at fault
# Bytes that any packed file may hold, and how many times its own size beyond that. Text of a model that repeats itself
# packs to a hundredth; a file that is made to fill a memory, to a thousandth.
UNPACKED, UNPACKED_TIMES = 1 << 28, 200
_AGAIN = "check the path; where the file is damaged, copy or write it again"


def sha256(content: str | bytes) -> str:
    """Return the SHA-256 (hex) of a text in UTF-8 or of bytes; lone surrogates are hashed as they are."""
    data = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
    return hashlib.sha256(data).hexdigest()


def file_sha256(path: Path) -> str:
    """Return the SHA-256 (hex) of a file, read in pieces."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def short_path(path: str | Path) -> str:
    """A path as a user would type it: from the working folder, where that is shorter."""
    return min(str(Path(path)), os.path.relpath(path), key=len)


def write_whole(path: Path, content: str | Iterable[bytes]) -> None:
    """Write a text or pieces to a file under another name and then rename it: it is there whole, or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.part")
    try:
        with unfinished.open("wb") as file:
            file.writelines([content.encode()] if isinstance(content, str) else content)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def write_page(path: Path, text: str, what: str) -> None:
    """Write a text, and its folder where need be. Raises EvidenceError where there is no room; what: file or folder."""
    with as_error(EvidenceError, f"room to write {path}", f"name another {what} with -o", OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def write_fault(path: Path, *, folder: bool = False) -> str | None:
    """Return why no file can be written at a path, or into the folder there; None where one can. Nothing is left."""
    there = path if folder else path.parent
    try:
        if path.is_dir() and not folder:
            return f"{path} is a folder"
        if path.is_file() and not os.access(path, os.W_OK):
            return f"{path} is not yours to write to"
        while not there.exists():
            there = there.parent
        with tempfile.TemporaryFile(dir=there):
            return None
    except NotADirectoryError:
        return f"{there} is a file"
    except PermissionError:
        return f"{there} is not yours to write to"
    except OSError as error:
        return f"{there}: {error.strerror}"


def json_lines(path: Path, error: Error, *, unfinished: bool = False) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the number (from 1) and the object of every line that is not blank, of a file that may be packed with gzip.

    UTF-8, with or without a byte order mark; halves of surrogate pairs stay as they are. unfinished: a process may have
    died while it wrote, so that half a last line is left out and an empty file is none too few. Raises `error`, naming
    the line, for anything else that is not a JSON object.
    """
    number, there = 0, False
    try:
        with _unpacked(path) as lines:
            for number, line in enumerate(lines, 1):
                if not line.strip():
                    continue
                try:
                    row = _object(line, f"line {number} of {path}", error)
                except error:
                    if unfinished and not line.endswith(b"\n"):
                        return
                    raise
                there = True
                yield number, row
    except (OSError, EOFError, zlib.error) as fault:
        raise error(f"a readable {path}", f"{fault} after {number} lines", _AGAIN) from fault
    if not there and not unfinished:
        fix = "check the path; where a response cannot be encoded, lm-eval leaves one, and `mathtasks run` does not"
        raise error(f"lines in {path}", "an empty file", fix)


def json_lines_to_add_to(path: Path, error: Error) -> Iterator[tuple[int, dict[str, Any]]]:
    """As `json_lines`, of a file to which a process added lines until it was killed: half a last line is taken off."""
    *lines, rest = path.read_bytes().split(b"\n")
    if rest:
        write_whole(path, (line + b"\n" for line in lines))
    return json_lines(path, error, unfinished=True)


def read_json_lines(path: Path, error: Error) -> list[dict[str, Any]]:
    """Return the objects of a file of JSON lines; raises as `json_lines`."""
    return [row for _, row in json_lines(path, error)]


def read_table(path: Path, error: Error) -> list[dict[str, Any]]:
    """Return the rows of a file of JSON lines or of parquet, by its ending; raises `error` where it cannot be read."""
    return read_parquet(path, error) if path.suffix == ".parquet" else read_json_lines(path, error)


def read_json(path: Path, error: Error) -> Any:
    """Return what a JSON file holds, which may be packed with gzip; raises `error` where it cannot be read."""
    faults = (OSError, EOFError, zlib.error, ValueError, RecursionError)
    with as_error(error, f"a readable {path}", _AGAIN, *faults), _unpacked(path) as file:
        text = _text(file.read())
        if not text.strip():
            raise ValueError("an empty file")
        return json.loads(text)


def _unpacked(path: Path) -> IO[bytes]:
    """The bytes of a file; whether they are packed is told by how they begin, and by the name for a damaged one."""
    with path.open("rb") as file:
        packed = file.read(len(_GZIP)) == _GZIP or path.suffix == ".gz"
    return cast(IO[bytes], io.BufferedReader(_Bounded(path))) if packed else path.open("rb")


def require_bounded(path: Path, unpacked: int) -> None:
    """Raise OSError where so many bytes come out of a packed file that it was made to fill a disk or a memory."""
    if unpacked > max(UNPACKED, UNPACKED_TIMES * path.stat().st_size):
        raise OSError(f"{unpacked} bytes and more in a packed file of {path.stat().st_size}")


class _Bounded(io.RawIOBase):
    """A file packed with gzip, up to as many bytes as `require_bounded` allows."""

    def __init__(self, path: Path) -> None:
        self._path, self._size = path, 0
        # Closed with this one.
        self._file = gzip.open(path)  # noqa: SIM115

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = self._file.read(len(buffer))
        self._size += len(piece)
        require_bounded(self._path, self._size)
        buffer[: len(piece)] = piece
        return len(piece)

    def close(self) -> None:
        self._file.close()
        super().close()


def _text(content: bytes) -> str:
    return content.removeprefix(codecs.BOM_UTF8).decode("utf-8", "surrogatepass")


def _object(line: bytes, place: str, error: Error) -> dict[str, Any]:
    shown = repr(line[:_SHOWN].decode("utf-8", "replace").strip())
    try:
        row = json.loads(_text(line))
    except UnicodeDecodeError as fault:
        raise error(f"UTF-8 on {place}", str(fault), "write the file again, as UTF-8") from fault
    # A number of 5,000 digits and lists 1,000 deep are JSON, and not read.
    except (ValueError, RecursionError) as fault:
        half, other = "half a line is half a file: write it again", "name a file of JSON lines, or its folder"
        fix = half if line.lstrip().startswith(b"{") else other
        raise error(f"a JSON object on {place}", f"{shown} ({fault})", fix) from fault
    if not isinstance(row, dict):
        raise error(f"a JSON object on {place}", f"{type(row).__name__} {shown}", "write one object a line")
    return row


def read_parquet(path: Path, error: Error) -> list[dict[str, Any]]:
    """Return the rows of a parquet file; raises `error` where it is damaged, or pyarrow is not installed."""
    return list(_parquet(path, error, lambda parquet, file: parquet.read_table(file).to_pylist()))


def parquet_columns(path: Path, error: Error) -> set[str]:
    """Return the names of a parquet file's columns; raises as `read_parquet`."""
    return set(_parquet(path, error, lambda parquet, file: parquet.read_schema(file).names))


def _parquet(path: Path, error: Error, read: Callable[[Any, IO[bytes]], Any]) -> Any:
    try:
        from pyarrow import ArrowException, parquet
    except ImportError as fault:
        raise error("pyarrow, to read parquet", "it is not installed", "run pip install datasets") from fault
    try:
        with path.open("rb") as file:
            return read(parquet, file)
    except (ArrowException, OSError, ValueError) as fault:
        raise error(f"a readable {path}", str(fault), _AGAIN) from fault
