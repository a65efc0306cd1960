"""Files of evidence: their checksums, names made of a model's, and writing them whole or not at all."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

_LONGEST = 120  # bytes of a name in a path, of the 255 of a file's with date and ending
_KEPT = 25  # characters of a longer one


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


def safe_name(name: str) -> str:
    """Return a name as part of a path, as lm-eval makes it of a model's: acme/toy-1 -> acme__toy-1; one too long for a
    file system ends in its checksum."""
    name = re.sub(r'["<>:/|\\?*\[\]\0]+', "__", name)
    data = name.encode("utf-8", "replace")
    return name if len(data) <= _LONGEST else f"{name[:_KEPT]}-{sha256(data)[:12]}"


def write_whole(path: Path, fill: Callable[[BinaryIO], object]) -> None:
    """Write a file under another name and then rename it: it is there whole, or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.part")
    with unfinished.open("wb") as file:
        fill(file)
    unfinished.replace(path)
