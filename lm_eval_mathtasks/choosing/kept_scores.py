"""A scorer over a whole run; what was scored is kept in a file, doc by doc, and is not scored again."""

import json
import math
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from lm_eval_mathtasks.choosing.score_files import Score, Scores
from lm_eval_mathtasks.choosing.scorer import Scorer
from lm_eval_mathtasks.errors import ScoreError
from lm_eval_mathtasks.files import json_lines_to_add_to, sha256
from lm_eval_mathtasks.runs.records import Row, Run

_QUIET_S = 20.0  # before progress is said, and between two times


def score_run(run: Run, scorer: Scorer, spec: str, path: Path | None = None) -> Scores:
    """Return the scores of every answered response of a run; `read_scores` reads the file that this writes to `path`.

    spec: the scorer's name as the user gave it. Raises ScoreError for a file with scores by another scorer or of other
    texts, and, naming the doc, where a response cannot be scored.
    """
    from tqdm import tqdm

    asked = {row.doc_id: _asked(row, scorer) for row in run.answered}
    digests = {
        (row.doc_id, k): sha256(f"{asked[row.doc_id]}\0{row.responses[k]}")[:16]
        for row in run.answered
        for k in row.there
    }
    found = _kept(path, spec, digests) if path and path.exists() else {}
    if path:
        path.parent.mkdir(parents=True, exist_ok=True)
    # By line, so that what was scored is there whenever the process ends.
    with path.open("a", buffering=1, encoding="utf-8") if path else nullcontext() as out:
        for row in tqdm(run.answered, "docs scored", delay=_QUIET_S, mininterval=_QUIET_S):
            new = [k for k in row.there if (row.doc_id, k) not in found]
            for k, score in _score(scorer, row, asked[row.doc_id], new).items():
                found[row.doc_id, k] = score
                if out:
                    out.write(_line(row.doc_id, k, score, spec, digests[row.doc_id, k]))
    return {row.doc_id: {k: found[row.doc_id, k] for k in row.there} for row in run.answered}


def _asked(row: Row, scorer: Scorer) -> str:
    """What the scorer is told was asked: the bare question, or the prompt as the model saw it."""
    conversation = json.dumps([{"role": "user", "content": row.question}], ensure_ascii=False)
    asked = row.question or row.prompt
    if scorer.of_prompt:
        asked = row.prompt or (row.question and conversation)
    if not asked:
        raise ScoreError(f"the question of doc {row.doc_id}", "none in the run", "add a column `question`")
    return asked


def _score(scorer: Scorer, row: Row, asked: str, new: list[int]) -> Mapping[int, Score]:
    if not new:
        return {}
    try:
        scores = scorer.score(asked, [row.responses[k] for k in new])
    except ScoreError as error:
        raise ScoreError(f"{error.wanted} (doc {row.doc_id})", error.got, error.fix) from None
    for k, score in zip(new, scores, strict=True):
        if not all(math.isfinite(part) for part in (score if isinstance(score, tuple) else (score,))):
            fix = "half precision overflows in some models: try --dtype bfloat16, or float32"
            raise ScoreError(f"a finite score of doc {row.doc_id}, repeat {k}", str(score), fix)
    return dict(zip(new, scores, strict=True))


def _line(doc_id: str, repeat: int, score: Score, spec: str, digest: str) -> str:
    value = {"scores": list(score)} if isinstance(score, tuple) else {"score": score}
    return json.dumps({"doc_id": doc_id, "repeat": repeat, **value, "scorer": spec, "of": digest}) + "\n"


def _kept(path: Path, spec: str, digests: Mapping[tuple[str, int], str]) -> dict[tuple[str, int], Score]:
    """The scores that a file of ours holds, by doc and repeat."""
    kept = json_lines_to_add_to(path, ScoreError)
    return dict(_read(row, number, path, spec, digests) for number, row in kept)


def _read(
    row: Mapping[str, Any], number: int, path: Path, spec: str, digests: Mapping[tuple[str, int], str]
) -> tuple[tuple[str, int], Score]:
    try:
        place, value = (row["doc_id"], row["repeat"]), row["scores" if "scores" in row else "score"]
        score = tuple(value) if isinstance(value, list) else float(value)
        scorer, text = row["scorer"], row["of"]
    except (ValueError, KeyError, TypeError) as error:
        got = f"line {number}: {type(error).__name__}: {error}"
        raise ScoreError(f"a file that --save-scores wrote: {path}", got, "name another file") from None
    if scorer != spec:
        raise ScoreError(f"scores by {spec} in {path}", f"scores by {scorer}", "name another file")
    if digests.get(place) != text:
        got = f"the score of another text for doc {place[0]}, repeat {place[1]} (line {number})"
        raise ScoreError(f"scores of this run in {path}", got, "name another file")
    return place, score
