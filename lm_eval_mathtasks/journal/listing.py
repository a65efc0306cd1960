"""Reading a journal: `mathtasks journal show|export|stats`. Needs neither lm-eval nor the openai SDK."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

from lm_eval_mathtasks.errors import ModelError
from lm_eval_mathtasks.journal.store import COLUMNS, Answer, answer_of, connect
from lm_eval_mathtasks.text import delivered

_ROWS = f"""SELECT {", ".join("a." + c for c in COLUMNS)}, d.task, d.doc_id, d.repeat
FROM answers a LEFT JOIN docs d ON d.key = a.key
WHERE (:task IS NULL OR d.task = :task) AND (:model IS NULL OR a.model = :model)
ORDER BY d.task, d.doc_id, d.repeat, a.finished_at"""  # noqa: S608  (column names of ours)


def _rows(
    path: str | Path, task: str | None, model: str | None
) -> Iterator[tuple[Answer, str | None, int | None, int]]:
    with closing(connect(path)) as db:
        for row in db.execute(_ROWS, {"task": task, "model": model}):
            task_name, doc_id, repeat = row[len(COLUMNS) :]
            yield (
                answer_of(row[: len(COLUMNS)]),
                task_name or None,
                None if doc_id == -1 else doc_id,
                repeat or 0,
            )


def journal_show(
    path: str | Path,
    *,
    task: str | None = None,
    model: str | None = None,
    key: str | None = None,
    limit: int = 20,
) -> Iterator[str]:
    """Lines for a terminal: one per answer, or everything about the one whose key begins with `key`."""
    shown = 0
    for answer, task_name, doc_id, repeat in _rows(path, task, model):
        if key is not None:
            if answer.key.startswith(key):
                yield json.dumps(asdict(answer), indent=2, ensure_ascii=False)
                return
            continue
        if shown >= limit:
            yield f"... (only the first {limit}; raise limit, or name a task or a key)"
            return
        shown += 1
        tail = " ".join(answer.response.split())[-60:]
        where = f"{task_name or '-'} doc {'-' if doc_id is None else doc_id} #{repeat}"
        tokens = answer.usage.get("completion_tokens", "?")
        yield f"{answer.key[:12]}  {where}  {answer.finish_reason or '?'}  {tokens} tokens  ...{tail}"
    if key is not None:
        raise ModelError("a key in the journal", key, "`mathtasks journal show` lists them")


def journal_export(path: str | Path, *, task: str | None = None, model: str | None = None) -> Iterator[str]:
    """JSON lines that the replay model reads: one per answered doc and repeat."""
    for answer, task_name, doc_id, repeat in _rows(path, task, model):
        response, finish_reason = delivered(answer.response, answer.finish_reason, answer.request)
        row = {
            "task": task_name, "doc_id": doc_id, "repeat": repeat, "prompt": answer.prompt,
            "response": response, "finish_reason": finish_reason, "reasoning": answer.reasoning,
            "model": answer.model, "served_model": answer.served_model, "key": answer.key, "usage": answer.usage,
        }  # fmt: skip
        yield json.dumps(row, ensure_ascii=False)


_STATS = """SELECT model, endpoint, source, count(*), sum(coalesce(finish_reason, '') = 'length'),
sum(json_extract(usage, '$.prompt_tokens')), sum(json_extract(usage, '$.completion_tokens')),
avg(latency_s), sum(attempts) - count(*), min(sent_at), max(finished_at)
FROM answers GROUP BY model, endpoint, source ORDER BY model"""


def journal_stats(path: str | Path) -> Iterator[str]:
    """Lines for a terminal: answers, tokens and failures per model."""
    with closing(connect(path)) as db:
        for model, url, source, n, cut, prompt, written, latency, extra, begin, end in db.execute(_STATS):
            day = "%Y-%m-%d %H:%M"
            yield f"{model} at {url} ({source}): {n} answers, {cut} cut off by the token limit"
            tokens = f"{prompt or 0:.0f} + {written or 0:.0f}"
            yield f"  tokens {tokens}, mean latency {latency:.2f} s, {extra} extra attempts"
            yield f"  {time.strftime(day, time.localtime(begin))} to {time.strftime(day, time.localtime(end))}"
        for severity, kind, n, last in db.execute(
            "SELECT severity, kind, count(*), max(said) FROM failures GROUP BY severity, kind ORDER BY 3 DESC"
        ):
            yield f"failures: {n} x {kind} ({severity}); such as: {last}"
        (pending,) = db.execute(
            "SELECT count(*) FROM pending WHERE key NOT IN (SELECT key FROM answers)"
        ).fetchone()
        if pending:
            yield f"written to a batch and not collected yet: {pending}"
