"""A journal for people: `mathtasks journal show|export|stats`. Needs neither lm-eval nor the openai SDK."""

import json
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from lm_eval_mathtasks.errors import JournalError
from lm_eval_mathtasks.journal import queries
from lm_eval_mathtasks.text import delivered, escaped, visible

_DAY = "%Y-%m-%d %H:%M"


def journal_show(
    path: str | Path,
    *,
    task: str | None = None,
    model: str | None = None,
    key: str | None = None,
    limit: int = 20,
) -> Iterator[str]:
    """Lines for a terminal: one per answer, or everything about the one whose key begins with `key`."""
    found = queries.places(path, task, model)
    if key is not None:
        one = next((place.answer for place in found if place.answer.key.startswith(key)), None)
        if one is None:
            raise JournalError("a key in the journal", key, "`mathtasks journal show` lists them")
        yield escaped(json.dumps(asdict(one), indent=2, ensure_ascii=False))
        return
    for number, (answer, task_name, doc_id, repeat) in enumerate(found):
        if number >= limit:
            yield f"... (only the first {limit}; raise limit, or name a task or a key)"
            return
        tail = " ".join(answer.response.split())[-60:]
        where = f"{task_name or '-'} doc {'-' if doc_id is None else doc_id} #{repeat}"
        tokens = answer.usage.get("completion_tokens", "?")
        line = f"{answer.key[:12]}  {where}  {answer.finish_reason or '?'}  {tokens} tokens  ...{tail}"
        yield visible(line)


def journal_export(path: str | Path, *, task: str | None = None, model: str | None = None) -> Iterator[str]:
    """JSON lines that the replay model reads: one per answered doc and repeat."""
    for answer, task_name, doc_id, repeat in queries.places(path, task, model):
        response, finish_reason = delivered(answer.response, answer.finish_reason, answer.request)
        row = {
            "task": task_name, "doc_id": doc_id, "repeat": repeat, "prompt": answer.prompt,
            "response": response, "finish_reason": finish_reason, "reasoning": answer.reasoning,
            "model": answer.model, "served_model": answer.served_model, "key": answer.key, "usage": answer.usage,
        }  # fmt: skip
        yield escaped(json.dumps(row, ensure_ascii=False))


def journal_stats(path: str | Path) -> Iterator[str]:
    """Lines for a terminal: answers, tokens and failures per model."""
    yield from map(visible, _stats(path))


def _stats(path: str | Path) -> Iterator[str]:
    for model, url, source, cut, sums in queries.servers(path):
        yield f"{model} at {url} ({source}): {sums.answers} answers, {cut} cut off by the token limit"
        tokens = f"{sums.prompt_tokens or 0:.0f} + {sums.completion_tokens or 0:.0f}"
        latency = f"mean latency {sums.mean_latency_s:.2f} s, {sums.extra_attempts} extra attempts"
        yield f"  tokens {tokens}, {latency}"
        yield "  " + " to ".join(time.strftime(_DAY, time.localtime(at)) for at in (sums.began, sums.ended))
    for severity, kind, n, said in queries.failures(path):
        yield f"failures: {n} x {kind} ({severity}); such as: {said}"
    if waiting := queries.uncollected(path):
        yield f"written to a batch and not collected yet: {waiting}"
