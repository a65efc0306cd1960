"""Where this package is: the folders of its data, and the commit of a checkout."""

from __future__ import annotations

import subprocess
from importlib import metadata
from pathlib import Path
from typing import Literal

# Key of lm-eval's results under which `mathtasks run` notes what `checkout` says.
STAMP: Literal["mathtasks"] = "mathtasks"
_PACKAGE = Path(__file__).resolve().parent


def data_folder(name: str) -> Path:
    """The folder `tasks` or `leaderboards`: inside an installed package, else at the top of the source tree."""
    installed = _PACKAGE / f"_{name}"
    return installed if installed.is_dir() else _PACKAGE.parent / name


def checkout() -> tuple[str | None, bool | None]:
    """The commit that the package is of, and whether package or tasks were changed since; None for an installed
    package, and where git does not say."""
    commit = git("rev-parse", "HEAD") if (_PACKAGE.parent / ".git").exists() else None
    changed = git("status", "--porcelain", "--", "lm_eval_mathtasks", "tasks") if commit else None
    return commit, None if changed is None else bool(changed)


def installed_version(name: str) -> str | None:
    """The version of an installed package; None where it is not installed."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def git(*arguments: str, folder: Path = _PACKAGE.parent) -> str | None:
    """What git says in a folder, None where it is not there or says that it cannot."""
    command = ["git", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603  # fixed words
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()
