"""`leaderboards/MEASURED.md`: what was measured, generated from `logs/`, each row with its log and its claim."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from lm_eval_mathtasks.errors import ClaimError, EvidenceError
from lm_eval_mathtasks.files import read_json
from lm_eval_mathtasks.leaderboard.claims import Claims
from lm_eval_mathtasks.leaderboard.compare import Comparison, nearest, score_of
from lm_eval_mathtasks.leaderboard.protocol import shown
from lm_eval_mathtasks.leaderboard.said import breaking
from lm_eval_mathtasks.runs.lm_eval_facts import REPLAY
from lm_eval_mathtasks.runs.reading import read_runs
from lm_eval_mathtasks.runs.records import Run
from lm_eval_mathtasks.tables import Table, rendered, with_interval

FILE = "MEASURED.md"
MANIFEST = "manifest.json"  # beside a packed log: command, commit
_HEAD = """# Measured

Generated from `logs/` by `mathtasks leaderboard measured`; CI checks it. Scores in percent with 95 % intervals.
How to read a verdict: [README.md](README.md). How to check a log: [logs/README.md](../logs/README.md). A claim links to
its line, a log to its results, a commit to the log's manifest, whose seal begins with the last column; the commands
are [below](#commands).

"""
_SCORE = ("model", "task", "score", "docs")
_ASKED = ("through", "protocol")
_TRACE = ("log", "commit", "command", "seal")
_TITLES = ("Beside published scores", "Without a published score")
_SHORT = 12  # characters of a commit or a seal


def measured_page(logs: Path, claims: Claims) -> str:
    """Return the page of measured scores; links are relative to the folder of claims.

    Raises EvidenceError where a log cannot be read: a page with a hole would look complete.
    """
    if not any(logs.rglob("results_*.json")):
        return _HEAD + "No run yet.\n"
    runs = read_runs(logs, strict=True)
    runs.sort(key=lambda run: (run.task, run.model or "", _through(run), run.provenance.path))
    paired = [(run, _claim_of(run, claims)) for run in runs]
    commands: dict[str, int] = {}  # numbered as they come
    parts = [
        _section(title, [(run, best) for run, best in paired if (best is None) == alone], claims, commands)
        for alone, title in enumerate(_TITLES)
    ]
    listed = "".join(f"{number}. `{command}`\n" for command, number in commands.items())
    parts.append(f"## Commands\n\n{listed or 'None is noted.'}")
    return _HEAD + "\n".join(filter(None, parts))


def _section(
    title: str, runs: list[tuple[Run, Comparison | None]], claims: Claims, commands: dict[str, int]
) -> str:
    if not runs:
        return ""
    columns = (*_SCORE, *(("claim", "verdict") if runs[0][1] is not None else ()), *_ASKED, *_TRACE)
    rows = tuple(_row(run, best, claims, commands) for run, best in runs)
    table = rendered([Table(f"{len(rows)} runs", columns, rows)], "markdown")
    return f"## {title}\n\n{table.rstrip()}\n"


def _row(run: Run, best: Comparison | None, claims: Claims, commands: dict[str, int]) -> tuple[str, ...]:
    score = score_of(run)
    return (
        run.model or "",
        run.task,
        with_interval(score.value, score.interval, digits=2),
        f"{score.docs} × {score.k}",
        *(() if best is None else (_cited(best), _verdict(best))),
        _through(run),
        _protocol(run),
        *_trace(run, claims, commands),
    )


def _trace(run: Run, claims: Claims, commands: dict[str, int]) -> tuple[str, ...]:
    """Where a row comes from: its log, commit, command and seal."""
    path = Path(run.provenance.path)
    file, manifest = _manifest(path)
    commit, command = manifest.get("commit") or run.provenance.commit or "", manifest.get("command")
    short = str(commit)[:_SHORT]
    number = commands.setdefault(str(command), len(commands) + 1) if command else 0
    return (
        f"[{path.parent.name}]({os.path.relpath(path, claims.folder)})",
        f"[{short}]({os.path.relpath(file, claims.folder)})" if file and short else short,
        f"[{number}](#commands)" if number else "",
        str(manifest.get("seal", ""))[:_SHORT],
    )


def _through(run: Run) -> str:
    return str(run.provenance.settings.get("backend") or run.provenance.harness)


def _cited(best: Comparison) -> str:
    """The published score, linked to its line."""
    claim = best.claim
    return f"[{claim.score:g}](claims/{claim.file}#L{claim.line}), {Path(claim.file).stem}"


def _verdict(best: Comparison) -> str:
    return ": ".join(filter(None, (best.verdict, breaking(best))))


def _protocol(run: Run) -> str:
    if run.provenance.settings.get("backend") == REPLAY:
        return "answered elsewhere, graded here"
    stated = run.protocol
    parts = [("shots", stated.shots), ("T", stated.temperature), ("max tokens", stated.max_tokens)]
    return ", ".join(f"{name} {shown(value)}" for name, value in parts if value is not None)


def _manifest(path: Path) -> tuple[Path | None, dict[str, Any]]:
    for folder in path.parents[:2]:
        file = folder / MANIFEST
        if file.exists():
            content = read_json(file, EvidenceError)
            return file, content if isinstance(content, dict) else {}
    return None, {}


def _claim_of(run: Run, claims: Claims) -> Comparison | None:
    with suppress(ClaimError):
        return nearest(run, claims)
    return None
