"""What lm-eval's results do not say of a run: its command, and the commit of this package with what was changed."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

KEY = "mathtasks"  # of the results file; `mathtasks evidence pack` reads it
ROOT = Path(__file__).resolve().parents[2]


def stamp(arguments: Sequence[str]) -> dict[str, Any]:
    """Return the command of a run and, where the package is a checkout, commit and whether package or tasks differ
    from it (else None)."""
    command = shlex.join(["mathtasks", "run", *arguments])
    commit = _git("rev-parse", "HEAD") if (ROOT / ".git").exists() else None
    changed = _git("status", "--porcelain", "--", "lm_eval_mathtasks", "tasks") if commit else None
    return {"command": command, "commit": commit, "dirty": None if changed is None else bool(changed)}


def _git(*arguments: str) -> str | None:
    command = ["git", "-C", str(ROOT), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603  # fixed words
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()
