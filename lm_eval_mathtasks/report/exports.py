"""The same facts for papers (Markdown), sheets (CSV, a row a response) and programs (JSON)."""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from typing import Any

from lm_eval_mathtasks import __version__
from lm_eval_mathtasks.leaderboard.claim_tables import protocol_words
from lm_eval_mathtasks.leaderboard.compare import Comparison
from lm_eval_mathtasks.leaderboard.explain import Explanation
from lm_eval_mathtasks.report.caveats import caveats
from lm_eval_mathtasks.report.examine import Examined, lengths, pairs, status_of
from lm_eval_mathtasks.report.overview import pairs_table, runs_table
from lm_eval_mathtasks.report.status_words import NEVER_CAME
from lm_eval_mathtasks.runs.records import API_ERROR, Row
from lm_eval_mathtasks.tables import Share, Table, rendered, with_interval
from lm_eval_mathtasks.text import visible

JSON_VERSION = 2  # raised whenever a key changes its meaning or goes
CLAIMS_LISTED = 5
COLUMNS = (
    "model", "task", "doc_id", "repeat", "subject", "level", "status", "correct", "own_score", "tier", "reason", "rule",
    "pred", "gold", "finish_reason", "cut_off", "characters", "question", "response",
)  # fmt: skip


def markdown(examined: Sequence[Examined]) -> str:
    """Return tables for a paper: scores with intervals, the protocol, the claims they are set against, the limits."""
    claims = tuple(
        (one.name, c.verdict, with_interval(c.theirs.value, c.theirs.interval),
         with_interval(c.delta, c.interval, signed=True), c.claim.source.title, protocol_words(c.claim))
        for one in examined
        for c in one.compared[:CLAIMS_LISTED]
    )  # fmt: skip
    tables = [runs_table(examined, alone=True)]
    if claims:
        heads = ("model", "verdict", "published [95 %]", "ours - published", "source", "protocol")
        tables.append(Table("Beside published scores", heads, claims))
    tables += [_causes(one) for one in examined if one.explanation.causes]
    paired = list(pairs(examined))
    tables += [replace(pairs_table(paired), title="Run against run, on the same docs")] if paired else []
    notes = Table("Limits", (), (), tuple(caveats(examined)))
    return visible(rendered([*tables, notes], "markdown"))


def _causes(one: Examined) -> Table:
    causes = one.explanation.causes
    rows = tuple((c.title, c.count, Share(-c.fair, signed=True, digits=2), c.fix) for c in causes)
    title = f"Where the points of {one.name} on {one.run.task} went"
    return Table(title, ("cause", "responses", "points", "how to fix it"), rows)


def csv_rows(examined: Sequence[Examined]) -> str:
    """Return one line for every response, with `COLUMNS`; a cell that a sheet would run as a formula starts with '."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    for one in examined:
        for row in one.run.rows:
            doc = {**_of(one.run, "model", "task"), **_about(row), "question": row.question}
            for repeat, said in enumerate(_responses(one, row)):
                came = said["status"] != API_ERROR
                text = row.responses[repeat] if came else ""
                correct = int(said["status"] == "correct") if came else None
                said |= {"repeat": repeat, "correct": correct, "characters": len(text), "response": text}
                writer.writerow({name: _cell(value) for name, value in {**doc, **said}.items()})
    return out.getvalue()


def _responses(one: Examined, row: Row) -> Iterator[dict[str, object]]:
    """What became of each response of a doc, in the order of the repeats."""
    for repeat, j in enumerate(one.by_doc[row.doc_id]):
        if j is None:
            unknown = dict.fromkeys(("tier", "rule", "pred", "span", "cut_off"))
            yield {"status": API_ERROR, "reason": NEVER_CAME, "finish_reason": API_ERROR, **unknown}
        else:
            yield {
                "status": status_of(j), "reason": j.verdict.reason, "finish_reason": row.finish_reason(repeat),
                "tier": j.verdict.tier, "rule": j.extraction.rule, "pred": j.extraction.answer,
                "span": j.extraction.span, "cut_off": j.cut_off,
            }  # fmt: skip


def _cell(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    text = value.replace("\0", "⟨U+0000⟩").encode("utf-8", "backslashreplace").decode("utf-8")
    # A response that begins like a formula would be run by a spreadsheet; plain negative numbers are left alone.
    formula = text[:1] in ("=", "+", "@", "\t", "\r") or (text[:1] == "-" and not _number(text))
    return "'" + text if formula else text


def _number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def json_document(examined: Sequence[Examined]) -> str:
    """Return everything but the texts as JSON; the keys are those of report/README.md. Scores are fractions."""
    document = {
        "schema": "mathtasks-report",
        "schema_version": JSON_VERSION,
        "made_by": f"lm_eval_mathtasks {__version__}",
        "runs": [_run(one) for one in examined],
        "pairs": [
            {
                "first": pair.first.label, "second": pair.second.label, "delta": pair.delta,
                "interval": list(pair.interval), **_of(pair, "docs", "p_value", "only_first", "only_second"),
            }
            for pair in pairs(examined)
        ],
        "limits": caveats(examined),
    }  # fmt: skip
    return json.dumps(document, indent=1, ensure_ascii=True) + "\n"


def _run(one: Examined) -> dict[str, object]:
    return {
        "name": one.name,
        **_of(one.run, "model", "task", "metric"),
        "score": asdict(one.headline),
        "own": asdict(one.own) if one.own else None,
        "ours": asdict(one.ours),
        "disputed": one.disputed,
        "statuses": dict(one.statuses),
        "cut_off": dict(one.explanation.cut_off),
        "claims": [_claim(c) for c in one.compared],
        "gap": _gap(one.explanation),
        "subjects": [group._asdict() for group in one.groups("subject")],
        "levels": [group._asdict() for group in one.groups("level")],
        "lengths": [dict(zip(("from", "below", "right", "wrong"), own, strict=True)) for own in lengths(one)],
        "protocol": asdict(one.run.protocol),
        "provenance": _of(
            one.run.provenance,
            *("harness", "version", "task_version", "date", "commit", "docs_of_task", "settings"),
        ),
        "docs": [{**_about(row), "responses": list(_responses(one, row))} for row in one.run.rows],
    }


def _claim(compared: Comparison) -> dict[str, object]:
    claim = compared.claim
    return {
        **_of(claim, "id", "model"), "outcome": compared.outcome, "verdict": compared.verdict,
        "score": compared.theirs.value, "interval": list(compared.theirs.interval), "delta": compared.delta,
        "delta_interval": list(compared.interval), "source": claim.source.title, "url": claim.source.url,
        "parts": [part._asdict() for part in compared.parts],
    }  # fmt: skip


def _gap(explained: Explanation) -> dict[str, object]:
    causes = [
        {
            "key": c.key, "title": c.title, "responses": c.count, "fair": c.fair, "interval": list(c.interval),
            "at_most": c.bound, "sure": dict(c.sure), "fix": c.fix,
        }
        for c in explained.causes
    ]  # fmt: skip
    return {
        **_of(explained, "published", "score"),
        "causes": causes,
        **_of(explained, "remaining", "wrong", "cut_share"),
    }


def _of(facts: object, *names: str) -> dict[str, object]:
    """These facts by the names that they have there."""
    return {name: getattr(facts, name) for name in names}


def _about(row: Row) -> dict[str, object]:
    return {**_of(row, "doc_id", "gold", "subject", "level"), "own_score": row.score}
