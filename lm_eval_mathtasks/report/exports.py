"""The same facts for papers (Markdown), sheets (CSV, a row a response) and programs (JSON)."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from lm_eval_mathtasks import __version__
from lm_eval_mathtasks.leaderboard.compare import Comparison, Score
from lm_eval_mathtasks.leaderboard.explain import Explanation
from lm_eval_mathtasks.leaderboard.listing import protocol_words
from lm_eval_mathtasks.report.caveats import limits
from lm_eval_mathtasks.report.examine import (
    API_ERROR,
    NEVER_CAME,
    Bin,
    Examined,
    Group,
    by_repeat,
    lengths,
    pairs,
    status_of,
)
from lm_eval_mathtasks.tables import Table, percent, rendered, with_interval
from lm_eval_mathtasks.text import visible

JSON_VERSION = 1  # raised whenever a key changes its meaning or goes
CLAIMS_LISTED = 5
COLUMNS = (
    "model", "task", "doc_id", "repeat", "subject", "level", "status", "correct", "own_score", "tier", "reason", "rule",
    "pred", "gold", "finish_reason", "characters", "question", "response",
)  # fmt: skip


def markdown(examined: Sequence[Examined]) -> str:
    """Return tables for a paper: scores with intervals, the protocol, the claims they are set against, the limits."""
    scores = tuple(
        (one.name, one.run.task, with_interval(one.headline.value, one.headline.interval),
         f"{one.headline.docs:,}", str(one.headline.k), percent(one.explanation.cut_share, 1), _protocol(one))
        for one in examined
    )  # fmt: skip
    columns = ("model", "task", "score [95 %]", "docs", "k", "cut %", "protocol")
    claims = tuple(
        (one.name, c.outcome, with_interval(c.theirs.value, c.theirs.interval),
         with_interval(c.delta, c.interval, signed=True), c.claim.source.title, protocol_words(c.claim))
        for one in examined
        for c in one.compared[:CLAIMS_LISTED]
    )  # fmt: skip
    tables = [Table("Scores", columns, scores)]
    if claims:
        heads = ("model", "verdict", "published [95 %]", "ours - published", "source", "protocol")
        tables.append(Table("Beside published scores", heads, claims))
    tables += [_causes(one) for one in examined if one.explanation.causes]
    tables += [_paired(examined)] if any(pairs(examined)) else []
    notes = Table("Limits", (), (), tuple(limits(examined)))
    return visible(rendered([*tables, notes], "markdown"))


def _protocol(one: Examined) -> str:
    asked, source = one.run.protocol, one.run.provenance
    words = [
        None if asked.shots is None else f"{asked.shots}-shot",
        None if asked.cot is None else "CoT" if asked.cot else "no CoT",
        None
        if asked.chat_template is None
        else "chat template"
        if asked.chat_template
        else "no chat template",
        None if asked.temperature is None else f"T={asked.temperature:g}",
        None if asked.max_tokens is None else f"{asked.max_tokens} tokens",
        one.run.metric,
        " ".join(filter(None, (source.harness, source.version))),
    ]
    return ", ".join(word for word in words if word)


def _causes(one: Examined) -> Table:
    rows = tuple((c.title, str(c.count), f"{-100 * c.fair:+.2f}", c.mend) for c in one.explanation.causes)
    return Table(
        f"Where the points of {one.name} on {one.run.task} went",
        ("cause", "responses", "points", "mend"),
        rows,
    )


def _paired(examined: Sequence[Examined]) -> Table:
    rows = tuple(
        (pair.second.label, pair.first.label, with_interval(-pair.delta, pair.interval.turned, signed=True),
         "" if pair.p_value is None else f"{pair.p_value:.3g}")
        for pair in pairs(examined)
    )  # fmt: skip
    return Table(
        "Run against run, on the same docs", ("run", "against", "difference [95 %]", "McNemar p"), rows
    )


def csv_rows(examined: Sequence[Examined]) -> str:
    """Return one line for every response, with `COLUMNS`; a cell that a sheet would run as a formula starts with '."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for one in examined:
        writer.writerows([_cell(value) for value in row] for row in _rows(one))
    return out.getvalue()


def _rows(one: Examined) -> Iterator[tuple[Any, ...]]:
    for row in one.run.rows:
        about = (one.run.model, one.run.task, row.doc_id)
        for repeat, judgement in enumerate(by_repeat(row, one.by_doc[row.doc_id])):
            place = (*about, repeat, row.subject, row.level)
            if judgement is None:
                nothing = (
                    None,
                    row.score,
                    None,
                    NEVER_CAME,
                    None,
                    None,
                    row.gold,
                    API_ERROR,
                    0,
                    row.question,
                    "",
                )
                yield (*place, API_ERROR, *nothing)
                continue
            found, verdict, text = judgement.extraction, judgement.verdict, row.responses[repeat]
            yield (
                *place, status_of(row, judgement), int(verdict.correct), row.score, verdict.tier, verdict.reason,
                found.rule, found.answer, row.gold, row.finish_reason(repeat), len(text), row.question, text,
            )  # fmt: skip


def _cell(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    text = value.replace("\0", "⟨U+0000⟩").encode("utf-8", "backslashreplace").decode("utf-8")
    # A response that begins like a formula would be run by a spreadsheet; plain negative numbers are left alone.
    return (
        "'" + text
        if text[:1] in ("=", "+", "@", "\t", "\r") or (text[:1] == "-" and not _number(text))
        else text
    )


def _number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def as_json(examined: Sequence[Examined]) -> str:
    """Return everything but the texts as JSON; the keys are those of report/README.md. Scores are fractions."""
    document = {
        "schema": "mathtasks-report",
        "schema_version": JSON_VERSION,
        "made_by": f"lm_eval_mathtasks {__version__}",
        "runs": [_run(one) for one in examined],
        "pairs": [
            {
                "first": pair.first.label, "second": pair.second.label, "delta": pair.delta,
                "interval": list(pair.interval), "p_value": pair.p_value, "only_first": pair.only_first,
                "only_second": pair.only_second,
            }
            for pair in pairs(examined)
        ],
        "limits": limits(examined),
    }  # fmt: skip
    return json.dumps(document, indent=1, ensure_ascii=True) + "\n"


def _run(one: Examined) -> dict[str, Any]:
    return {
        "name": one.name,
        "model": one.run.model,
        "task": one.run.task,
        "metric": one.run.metric,
        "score": _score(one.headline),
        "own": _score(one.own) if one.own else None,
        "ours": _score(one.ours),
        "disputed": one.disputed,
        "statuses": dict(one.statuses),
        "claims": [_claim(c) for c in one.compared],
        "gap": _gap(one.explanation),
        "subjects": [_group(group) for group in one.groups(lambda row: row.subject)],
        "levels": [_group(group) for group in one.groups(lambda row: row.level)],
        "lengths": [_bin(b) for b in lengths(one)],
        "protocol": asdict(one.run.protocol),
        "provenance": _provenance(one),
        "docs": [_doc(one, row.doc_id) for row in one.run.rows],
    }


def _score(score: Score) -> dict[str, Any]:
    return {
        "value": score.value, "interval": list(score.interval), "docs": score.docs, "k": score.k, "kind": score.kind
    }  # fmt: skip


def _claim(compared: Comparison) -> dict[str, Any]:
    claim = compared.claim
    return {
        "id": claim.id, "model": claim.model, "outcome": compared.outcome, "score": compared.theirs.value,
        "interval": list(compared.theirs.interval), "delta": compared.delta,
        "delta_interval": list(compared.interval), "source": claim.source.title, "url": claim.source.url,
        "parts": [part._asdict() for part in compared.parts],
    }  # fmt: skip


def _gap(explained: Explanation) -> dict[str, Any]:
    causes = [
        {
            "key": c.key, "title": c.title, "responses": c.count, "fair": c.fair, "interval": list(c.interval),
            "at_most": c.bound, "sure": dict(c.sure), "mend": c.mend,
        }
        for c in explained.causes
    ]  # fmt: skip
    return {
        "published": explained.published, "score": explained.score, "causes": causes,
        "remaining": explained.remaining, "wrong": explained.wrong, "cut_share": explained.cut_share,
    }  # fmt: skip


def _group(group: Group) -> dict[str, Any]:
    return {"label": group.label, "value": group.value, "interval": list(group.interval), "docs": group.count}


def _bin(one: Bin) -> dict[str, Any]:
    return {"from": one.low, "below": one.high, "right": one.right, "wrong": one.wrong}


def _provenance(one: Examined) -> dict[str, Any]:
    source = one.run.provenance
    return {
        "harness": source.harness, "version": source.version, "task_version": source.task_version,
        "date": source.date, "commit": source.commit, "docs_of_task": source.docs_of_task,
        "settings": dict(source.settings),
    }  # fmt: skip


def _doc(one: Examined, doc_id: str) -> dict[str, Any]:
    row = one.rows[doc_id]
    responses = [
        {"status": API_ERROR, "reason": NEVER_CAME, **dict.fromkeys(("tier", "rule", "pred", "span", "finish_reason"))}
        if j is None else
        {
            "status": status_of(row, j), "tier": j.verdict.tier, "reason": j.verdict.reason, "rule": j.extraction.rule,
            "pred": j.extraction.answer, "span": j.extraction.span, "finish_reason": row.finish_reason(j.repeat),
        }
        for j in by_repeat(row, one.by_doc[doc_id])
    ]  # fmt: skip
    return {
        "doc_id": doc_id, "gold": row.gold, "own_score": row.score, "subject": row.subject, "level": row.level,
        "responses": responses,
    }  # fmt: skip
