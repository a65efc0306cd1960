"""Responses of a run that died, taken up by the next: `mathtasks run ... --resume [FILE]`.

The keeper's file holds each response with a digest of what was asked (model, task, doc, prompt, generation arguments).
A response counts for the same repeat of the same digest and for nothing else, so a file of another model or other
settings gives nothing.
"""

import hashlib
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from lm_eval_mathtasks.errors import EvidenceError, as_error
from lm_eval_mathtasks.files import json_lines
from lm_eval_mathtasks.response import Response

NEWEST = "newest"  # --resume without a file: whatever lies in the folder that this run writes to
PATTERN = "responses_rank*.jsonl"
_DIGEST_BYTES = 12


def resumable(model: str) -> bool:
    """Whether a kind of model goes on from a file: replay asks nothing, and our API models have a journal."""
    return model != "replay" and not model.startswith("mathtasks-")


def request_digest(model: str, request: Any) -> str:
    """What identifies a request but for its repeat."""
    prompt, *settings = request.args
    parts = [model, request.task_name, request.doc_id, str(prompt), settings]
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=_DIGEST_BYTES).hexdigest()


class Kept:
    """Responses that are there already: `take` gives each once."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self.paths = list(paths)
        self._responses: dict[tuple[str, int], tuple[Response, Path]] = {}
        self._begun: set[Path] = set()  # an empty file may be another process's
        for path in self.paths:
            self._read(path)

    def _read(self, path: Path) -> None:
        for number, row in json_lines(path, EvidenceError, unfinished=True):
            wanted = f"a kept response on line {number} of {path}"
            fix = "name a responses_*.jsonl that `mathtasks run` left; other files go through --model replay"
            with as_error(EvidenceError, wanted, fix, ValueError, KeyError, TypeError, named=True):
                key = (row["asked"], int(row["repeat"]))
                text = "" if row.get("error") else row["response"]
            if not row.get("error"):
                self._responses[key] = Response(text, finish_reason=row.get("finish_reason")), path
                self._begun.add(path)

    def take(self, asked: str, repeat: int) -> Response | None:
        """The response to this repeat of a request, None where there is none."""
        return self._responses.pop((asked, repeat), (None, None))[0]

    def remove_spent(self) -> None:
        """Delete the files whose every response was taken, which the samples of the run hold now, or is in another."""
        for path in self._begun - {path for _, path in self._responses.values()}:
            path.unlink(missing_ok=True)


def kept_responses(wanted: str, folder: Path) -> Kept:
    """The kept responses of --resume: of a file, or of all files in the folder of the run's logs."""
    return Kept(sorted(folder.glob(PATTERN)) if wanted == NEWEST else [Path(wanted)])


def leftovers(output_path: str) -> str:
    """A sentence about responses below the folder of the logs that no run has taken up; empty where there are none."""
    folder = Path(output_path)
    found = (folder.parent if folder.suffix == ".json" else folder).rglob(PATTERN)
    sizes = {path: path.read_bytes().count(b"\n") for path in found if path.stat().st_size}
    if not sizes:
        return ""
    newest = max(sizes, key=lambda path: path.stat().st_mtime)
    more = f", and {len(sizes) - 1} more files" if len(sizes) > 1 else ""
    return (
        f"{newest} holds {sizes[newest]} responses of a run that was not finished{more}: with --resume only what is "
        "missing is asked"
    )


def move_generator(responses: int) -> None:
    """Seed torch anew after a resume: its generator would start as it did before, and give the repeats that are
    missing the texts that are there."""
    if (torch := sys.modules.get("torch")) is not None:
        torch.manual_seed(torch.initial_seed() + responses)
