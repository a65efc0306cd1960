"""What a journal of our API model says of a run: tokens, attempts, failures; its SQLite tables are read directly."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from lm_eval_mathtasks.errors import EvidenceError

_OF_TASK = "FROM answers WHERE model = :model AND key IN (SELECT key FROM docs WHERE task = :task)"
_TOTALS = f"""SELECT count(*), sum(json_extract(usage, '$.prompt_tokens')),
sum(json_extract(usage, '$.completion_tokens')), avg(latency_s), sum(attempts) - count(*),
max(finished_at) - min(sent_at), json_group_array(DISTINCT served_model),
json_group_array(DISTINCT fingerprint) {_OF_TASK}"""
_ENDS = f"SELECT coalesce(finish_reason, 'unknown'), count(*) {_OF_TASK} GROUP BY 1 ORDER BY 1"
_FAILURES = """SELECT kind, count(*) FROM failures WHERE key IN (SELECT key FROM docs WHERE task = :task)
GROUP BY kind ORDER BY kind"""


def journal_statistics(path: Path, task: str, model: str) -> dict[str, Any]:
    """Return the counts of one task and model in a journal; seconds, tokens. Raises EvidenceError for another file."""
    chosen = {"task": task, "model": model}
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as base:
            totals = base.execute(_TOTALS, chosen).fetchone()
            ends = dict(base.execute(_ENDS, chosen).fetchall())
            failures = dict(base.execute(_FAILURES, chosen).fetchall())
    except sqlite3.Error as error:
        raise EvidenceError(
            f"a journal in {path}", str(error), "pass the journal of `mathtasks run`"
        ) from error
    answers, prompt, written, latency, extra, span, served, prints = totals
    return {
        "answers": answers,
        "finish_reasons": ends,
        "prompt_tokens": prompt,
        "completion_tokens": written,
        "mean_latency_s": None if latency is None else round(latency, 3),
        "span_s": None if span is None else round(span, 1),
        "extra_attempts": extra,
        "served_models": _named(served),
        "fingerprints": _named(prints),
        "failures": failures,
    }


def _named(array: str) -> list[str]:
    return sorted(filter(None, json.loads(array)))
