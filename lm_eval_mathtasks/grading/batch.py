"""Grade pairs in several processes. Plain `python -c` children, as for the symbolic tier: a program without a
`__main__` guard is not run again, and no thread is forked.
"""

from __future__ import annotations

import json
import pickle
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from lm_eval_mathtasks.grading.children import cores
from lm_eval_mathtasks.grading.grade import grade
from lm_eval_mathtasks.grading.verdict import Status, Verdict
from lm_eval_mathtasks.grading.worker import python_command

Pair = tuple[str, str | None]
# Below this many different pairs starting processes costs more than it saves: a pair takes about 0.1 ms.
MIN_PAIRS_FOR_POOL = 5_000

_ENTRY = "lm_eval_mathtasks.grading.batch.serve"


def serve() -> None:
    """In the child: read a pickled list of pairs from standard input, write the verdicts to standard output."""
    pairs: list[Pair] = pickle.load(sys.stdin.buffer)  # noqa: S301  our own parent wrote it
    verdicts = [tuple(grade(gold=gold, pred=pred)) for gold, pred in pairs]
    sys.stdout.buffer.write(json.dumps(verdicts).encode("ascii"))


def _in_a_child(pairs: list[Pair]) -> list[Verdict]:
    """Grade one share; in this process if the child fails, so that no pair is lost."""
    import subprocess

    command = python_command(_ENTRY)
    try:
        done = subprocess.run(command, input=pickle.dumps(pairs), capture_output=True, check=True)  # noqa: S603  ours
        read = [Verdict(Status(status), reason, tier) for status, reason, tier in json.loads(done.stdout)]
    except (OSError, subprocess.CalledProcessError, ValueError):
        read = []
    return read if len(read) == len(pairs) else [grade(gold=gold, pred=pred) for gold, pred in pairs]


def _in_processes(pairs: list[Pair], workers: int) -> dict[Pair, Verdict]:
    """Return the verdicts of different pairs, graded by so many processes at once."""
    shares = [pairs[k::workers] for k in range(workers) if pairs[k::workers]]
    with ThreadPoolExecutor(workers) as threads:
        verdicts = list(threads.map(_in_a_child, shares))
    return {
        pair: verdict
        for share, found in zip(shares, verdicts, strict=True)
        for pair, verdict in zip(share, found, strict=True)
    }


def _grade_pair(pair: tuple[str, str | None]) -> Verdict:
    return grade(gold=pair[0], pred=pair[1])


def grade_many(pairs: Iterable[tuple[str, str | None]], *, workers: int | None = None) -> list[Verdict]:
    """Grade (gold, pred) pairs, in their order; identical pairs are graded once.

    workers: processes to use; None means one for every processor where there are enough pairs, else none.
    """
    asked = list(pairs)
    different = list(dict.fromkeys(asked))
    if workers is None and len(different) >= MIN_PAIRS_FOR_POOL:
        workers = cores()
    workers = workers or 1
    if workers <= 1:
        verdicts = dict(zip(different, map(_grade_pair, different), strict=True))
    else:
        verdicts = _in_processes(different, workers)
    return [verdicts[pair] for pair in asked]
