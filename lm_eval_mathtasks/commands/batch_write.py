"""The command `mathtasks batch write`: a run's requests as a batch file, with the flags of `run`."""

from __future__ import annotations

from collections.abc import Sequence

from lm_eval_mathtasks.errors import ModelError
from lm_eval_mathtasks.host.run import run


def main(arguments: Sequence[str]) -> int:
    """Write the requests of a run as a batch file: the file's name, then the flags of `run`."""
    if not arguments or arguments[0].startswith("-"):
        raise ModelError(
            "a file to write",
            " ".join(arguments[:1]) or "nothing",
            "write `mathtasks batch write FILE --model ...`",
        )
    return run([*arguments[1:], "--model_args", f"batch_out={arguments[0]}"])
