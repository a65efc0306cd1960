"""The samples of a pack: one line a doc, with or without text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import cast

from lm_eval_mathtasks.evidence.kept import Kept
from lm_eval_mathtasks.evidence.pack_verdicts import verdict_of
from lm_eval_mathtasks.files import sha256
from lm_eval_mathtasks.runs.judged import Judged
from lm_eval_mathtasks.runs.lm_eval_facts import REPLAY
from lm_eval_mathtasks.runs.lm_eval_logs import FOLDED
from lm_eval_mathtasks.runs.lm_eval_schema import SampleLine, filter_of
from lm_eval_mathtasks.runs.records import API_ERROR, Row, Run

# What may stay without text, and the doc's numbers. Not the hash of a short reference answer, which is the answer to
# whoever tries a thousand; the hash of its full text stays. Keys that nobody foresaw may hold text, and go.
_NO_TEXT = frozenset({"doc_id", "filter", "metrics", "doc_hash", "prompt_hash", "finish_reasons", "logged"})


def packed_lines(
    raw: list[SampleLine], run: Run, judgements: list[Judged], text: str
) -> Iterator[SampleLine]:
    """Yield a line a doc: lm-eval's, with our verdict on every response; what further filters say otherwise is folded
    into the doc's first line. raw: of the samples file; text: "none" leaves out problem, prompt and response."""
    rows = run.by_id()
    kept = None if text == "full" else _NO_TEXT
    if kept and run.provenance.settings.get("backend") == REPLAY:
        # Of a prompt that no model saw.
        kept -= {"prompt_hash"}
    judged: dict[str, list[Judged]] = {}
    for judgement in judgements:
        judged.setdefault(judgement.doc_id, []).append(judgement)
    first: dict[str, SampleLine] = {}
    for line in raw:
        doc_id = str(line["doc_id"])
        if doc_id in first:
            before: Mapping[str, object] = first[doc_id]
            other = {k: v for k, v in line.items() if k != "filter" and before.get(k) != v}
            first[doc_id].setdefault(FOLDED, {})[filter_of(line)] = _kept(other, kept)
        else:
            first[doc_id] = line.copy()
    for doc_id, line in first.items():
        packed = {**_kept(line, kept), **_added(rows[doc_id], judged.get(doc_id, []), text)}
        yield cast(SampleLine, packed)


def _kept(line: Mapping[str, object], names: frozenset[str] | None) -> dict[str, object]:
    """These keys of a line and its numbers; None: all of it."""
    return {k: v for k, v in line.items() if names is None or k in names or isinstance(v, int | float)}


def _added(row: Row, judged: list[Judged], text: str) -> SampleLine:
    # None: an API error took the response.
    verdicts: list[Kept | None] = [None] * len(row.responses)
    for judgement in judged:
        verdicts[judgement.repeat] = verdict_of(judgement)
    added: SampleLine = {"verdicts": verdicts}
    reasons = [API_ERROR if i in row.lost else row.finish_reason(i) for i in range(len(row.responses))]
    if any(reasons):
        added["finish_reasons"] = [reasons]
    if text == "none":
        added["gold_sha256"] = sha256(row.reference or row.gold or "")
        added["response_sha256"] = [sha256(response) for response in row.responses]
        added["response_chars"] = [len(response) for response in row.responses]
        added |= {} if row.tolerance is None else {"tolerance": row.tolerance}
    return added
