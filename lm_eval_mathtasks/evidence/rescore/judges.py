"""The graders at work: ours in this process or in several, others' in processes that are killed when they hang.

What is finished is kept in parts on disk, so that a killed rescore goes on where it was.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import cache
from itertools import chain, islice
from pathlib import Path
from typing import Any

from lm_eval_mathtasks.errors import EvidenceError
from lm_eval_mathtasks.evidence.kept import Kept, judgement_of, kept
from lm_eval_mathtasks.files import read_json, sha256, write_whole
from lm_eval_mathtasks.grading import Extraction, Status, Verdict
from lm_eval_mathtasks.grading.children import CannotStartError, Children, Done, Tick, serve
from lm_eval_mathtasks.grading.judge import Judgement
from lm_eval_mathtasks.package import installed_version
from lm_eval_mathtasks.runs.judged import Asked

OURS = "ours"
# Responses of one part: about 20 ms of our grader's work, seconds of others'.
CHUNK = 256
# math-verify's own limit is 5 s for each of two parses and one comparison; whoever takes longer hangs.
HANG_AFTER_S = 20.0
# Below this many responses starting processes costs more than it saves.
_WORTH_A_PROCESS = 2_000
_EXTRA = {"math-verify": "run pip install 'lm-eval-mathtasks[math-verify]'"}


def serve_ours() -> None:
    """In a child: judge lists of `Asked`."""
    serve(lambda _setup: lambda chunk, _tick: [asked.judge() for asked in chunk])


class Judges:
    """Our grader and the others that were asked for, in so many processes. Close it in the end.

    Raises EvidenceError where a grader is unknown or not installed.
    """

    def __init__(self, graders: tuple[str, ...], workers: int) -> None:
        self.others = tuple(name for name in graders if name != OURS)
        self.workers = workers
        self._pools: dict[str, Children] = {}
        for name in self.others:
            self._pool(name)

    def _pool(self, name: str) -> Children:
        if name not in self._pools:
            ours = name == OURS
            entry = f"{__name__}.serve_ours" if ours else "lm_eval_mathtasks.grading.peers.serve_peers"
            setup, hang = (None, None) if ours else (name, HANG_AFTER_S)
            try:
                self._pools[name] = Children(entry, setup, self.workers, hang_after=hang)
            except CannotStartError as error:
                self.close()
                fix = _EXTRA.get(name, "see `mathtasks rescore --help` for the graders known")
                raise EvidenceError(f"the grader {name}", str(error), fix) from error
        return self._pools[name]

    def ours(self, asked: list[Asked], parts: Parts, tick: Tick) -> list[Judgement]:
        """Judge with our grader, in order."""
        return list(map(judgement_of, parts.filled(OURS, asked, self._ours_of, tick)))

    def _ours_of(self, chunks: list[list[Asked]]) -> Iterator[list[Kept]]:
        if self.workers == 1 or CHUNK * len(chunks) < _WORTH_A_PROCESS:
            yield from ([kept(one.judge()) for one in chunk] for chunk in chunks)
            return
        pool = self._pool(OURS)
        for chunk, done in zip(chunks, pool.map(chunks), strict=True):
            judged = done.value if not done.trouble else [self._alone(pool, asked) for asked in chunk]
            yield list(map(kept, judged))

    @staticmethod
    def _alone(pool: Children, asked: Asked) -> Judgement:
        """One response of a chunk whose process died, by itself: only the one that kills has no verdict."""
        done = next(pool.map([[asked]]))
        if not done.trouble:
            alone: Judgement = done.value[0]
            return alone
        lost = Verdict(Status.OVER_LIMIT, f"the grader's process was lost: {done.trouble}", "none")
        return Judgement(Extraction(None, "none"), lost)

    def other(self, name: str, asked: list[Asked], parts: Parts, tick: Tick) -> list[Done]:
        """Judge with another's grader, in order: a value True or False, None with the trouble it had."""

        def judge(chunks: list[list[Asked]]) -> Iterator[Iterator[Done]]:
            done = self._pool(name).map([(one.gold or "", one.response) for own in chunks for one in own])
            yield from (islice(done, len(own)) for own in chunks)

        return [Done(*one) for one in parts.filled(name, asked, judge, tick)]

    def close(self) -> None:
        """End the processes."""
        for pool in self._pools.values():
            pool.close()
        self._pools.clear()


class Parts:
    """Finished chunks of one run in a folder; written whole or not at all."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.reused = 0

    def filled(
        self, grader: str, asked: list[Asked], judge: Callable[[Any], Iterable[Iterable[Any]]], tick: Tick
    ) -> Iterator[Any]:
        """Return what a grader says of each response, in order; judge: makes the chunks that are not finished, each of
        which is kept as soon as it is."""
        chunks = [asked[start : start + CHUNK] for start in range(0, len(asked), CHUNK)]
        known: dict[int, list[Any]] = {}
        for number in range(len(chunks)):
            with suppress(EvidenceError):
                known[number] = read_json(self._path(grader, number), EvidenceError)
        self.reused += len(known)
        tick(sum(map(len, known.values())))
        todo = [number for number in range(len(chunks)) if number not in known]
        for number, part in zip(todo, judge([chunks[number] for number in todo]), strict=True):
            known[number] = []
            for one in part:
                known[number].append(one)
                tick(1)
            self.write(grader, number, known[number])
        return chain.from_iterable(known[number] for number in range(len(chunks)))

    def _path(self, grader: str, number: int) -> Path:
        return self._folder / f"{grader}-{number:06}.json"

    def write(self, grader: str, number: int, part: list[Any]) -> None:
        """Keep a finished chunk."""
        write_whole(self._path(grader, number), json.dumps(part))


@cache
def grader_version(name: str = OURS) -> str:
    """Version of a grader; ours with a checksum of its source, since it changes between releases."""
    package = {OURS: "lm-eval-mathtasks", "math-verify": "math-verify"}.get(name, "lm-eval")
    said = f"{package} {installed_version(package) or 'unknown'}"
    return f"{said} {source_checksum('grading')[:12]}" if name == OURS else said


@cache
def source_checksum(room: str) -> str:
    """SHA-256 of the source of one of this package's folders."""
    files = sorted((Path(__file__).parents[2] / room).rglob("*.py"))
    return sha256(b"".join(file.read_bytes() for file in files))
