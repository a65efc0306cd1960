"""The command `mathtasks run`: its flags are lm-eval's, and its parser reads them."""

from __future__ import annotations

from collections.abc import Sequence

from lm_eval_mathtasks.host.run import run


def main(arguments: Sequence[str]) -> int:
    """Run tasks on a model."""
    return run(arguments)
