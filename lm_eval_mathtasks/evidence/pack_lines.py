"""The samples of a pack: one line a doc, with or without text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lm_eval_mathtasks.evidence.pack_verdicts import verdict_of
from lm_eval_mathtasks.files import sha256
from lm_eval_mathtasks.runs.judged import Judged
from lm_eval_mathtasks.runs.lm_eval_logs import FOLDED, REPLAY
from lm_eval_mathtasks.runs.records import Row, Run

# What may stay without text, and the doc's numbers. Not the hash of a short reference answer, which is the answer to
# whoever tries a thousand; the hash of its full text stays. Keys that nobody foresaw may hold text, and go.
_NO_TEXT = frozenset({"doc_id", "filter", "metrics", "doc_hash", "prompt_hash", "finish_reasons", "logged"})


def packed_lines(
    raw: list[dict[str, Any]], run: Run, judgements: list[Judged], text: str
) -> Iterator[dict[str, Any]]:
    """Yield a line a doc: lm-eval's, with our verdict on every response; what further filters say otherwise is folded
    into the doc's first line. raw: of the samples file; text: "none" leaves out problem, prompt and response."""
    rows = run.by_id()
    kept = None if text == "full" else _NO_TEXT
    if kept and run.provenance.settings.get("backend") == REPLAY:
        kept -= {"prompt_hash"}  # of a prompt that no model saw
    judged: dict[str, list[Judged]] = {}
    for judgement in judgements:
        judged.setdefault(judgement.doc_id, []).append(judgement)
    first: dict[str, dict[str, Any]] = {}
    for line in raw:
        doc_id = str(line["doc_id"])
        if doc_id in first:
            other = {k: v for k, v in line.items() if k != "filter" and first[doc_id].get(k) != v}
            first[doc_id].setdefault(FOLDED, {})[line.get("filter", "none")] = _kept(other, kept)
        else:
            first[doc_id] = dict(line)
    for doc_id, line in first.items():
        yield {**_kept(line, kept), **_added(rows[doc_id], judged.get(doc_id, []), text)}


def _kept(line: dict[str, Any], names: frozenset[str] | None) -> dict[str, Any]:
    """These keys of a line and its numbers; None: all of it."""
    if names is None:
        return line
    return {key: value for key, value in line.items() if key in names or isinstance(value, int | float)}


def _added(row: Row, judged: list[Judged], text: str) -> dict[str, Any]:
    verdicts: list[dict[str, Any] | None] = [None] * len(
        row.responses
    )  # None: an API error took the response
    for judgement in judged:
        verdicts[judgement.repeat] = verdict_of(judgement)
    added: dict[str, Any] = {"verdicts": verdicts}
    if any(row.finish):
        added["finish_reasons"] = [list(row.finish)]
    if text == "none":
        added["gold_sha256"] = sha256(row.reference or row.gold or "")
        added["response_sha256"] = [sha256(response) for response in row.responses]
        added["response_chars"] = [len(response) for response in row.responses]
    return added
