"""Files of evidence: their checksums, and writing them whole or not at all."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO


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


def write_whole(path: Path, fill: Callable[[BinaryIO], object]) -> None:
    """Write a file under another name and then rename it: it is there whole, or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.part")
    with unfinished.open("wb") as file:
        fill(file)
    unfinished.replace(path)
