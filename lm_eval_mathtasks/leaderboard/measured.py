"""`leaderboards/MEASURED.md`: what was measured, generated from `logs/`, each row with its log and its claim."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from lm_eval_mathtasks.errors import ClaimError, EvidenceError
from lm_eval_mathtasks.evidence.formats import find_readers
from lm_eval_mathtasks.evidence.harness_logs import REPLAY
from lm_eval_mathtasks.evidence.records import Run, check
from lm_eval_mathtasks.leaderboard.claims import Claims
from lm_eval_mathtasks.leaderboard.compare import Comparison, nearest, score_of
from lm_eval_mathtasks.leaderboard.protocol import shown
from lm_eval_mathtasks.leaderboard.render import Table, rendered, with_interval

FILE = "MEASURED.md"
MANIFEST = "manifest.json"  # beside a packed log: command, commit
_HEAD = """# Measured

Generated from `logs/` by `mathtasks leaderboard measured`; CI checks it. Scores in percent with 95 % intervals.
How to read a verdict: [README.md](README.md). How to check a log: [logs/README.md](../logs/README.md); the seal is the
first part of its manifest's.

"""
_COLUMNS = (
    "task", "model", "through", "score", "docs", "protocol", "claim", "verdict", "commit", "command", "log", "seal",
)  # fmt: skip


def measured_page(logs: Path, claims: Claims) -> str:
    """Return the page of measured scores; links are relative to the folder of claims.

    Raises EvidenceError where a log cannot be read: a page with a hole would look complete.
    """
    runs = [run for reader, file in _readers(logs) for run in reader(file, None)]
    for run in runs:
        check(run)
    if not runs:
        return _HEAD + "No run yet.\n"
    rows = tuple(sorted(_row(run, claims) for run in runs))
    return _HEAD + rendered([Table(f"{len(rows)} runs", _COLUMNS, rows)], "markdown")


def _readers(logs: Path) -> list[Any]:
    try:
        return list(find_readers(logs)) if logs.is_dir() else []
    except EvidenceError:
        return []


def _row(run: Run, claims: Claims) -> tuple[str, ...]:
    path = Path(run.provenance.path)
    manifest = _manifest(path)
    score = score_of(run)
    best = _claim_of(run, claims)
    return (
        run.task,
        run.model or "",
        str(run.provenance.settings.get("backend") or run.provenance.harness),
        with_interval(score.value, score.interval, digits=2),
        f"{score.docs} × {score.k}",
        _protocol(run),
        "" if best is None else _cited(best, claims),
        "" if best is None else best.outcome,
        str(manifest.get("commit") or run.provenance.commit or "")[:12],
        f"`{manifest['command']}`" if manifest.get("command") else "",
        f"[{path.parent.name}]({os.path.relpath(path, claims.folder)})",
        str(manifest.get("seal", ""))[:12],
    )


def _cited(best: Comparison, claims: Claims) -> str:
    claim = best.claim
    file = os.path.relpath(claims.folder / "claims" / claim.file, claims.folder)
    return f"{claim.score:g} ([{claim.source.title}]({file}), {claim.locator})"


def _protocol(run: Run) -> str:
    if run.provenance.settings.get("backend") == REPLAY:
        return "answered elsewhere, graded here"
    stated = run.protocol
    parts = [("shots", stated.shots), ("T", stated.temperature), ("max tokens", stated.max_tokens)]
    return ", ".join(f"{name} {shown(value)}" for name, value in parts if value is not None)


def _manifest(path: Path) -> dict[str, Any]:
    for folder in path.parents[:2]:
        file = folder / MANIFEST
        if file.exists():
            content = json.loads(file.read_text(encoding="utf-8"))
            return content if isinstance(content, dict) else {}
    return {}


def _claim_of(run: Run, claims: Claims) -> Comparison | None:
    try:
        return nearest(run, claims)
    except ClaimError:
        return None
