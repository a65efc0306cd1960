"""The command `mathtasks run`: its flags are lm-eval's, and its parser reads them."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from lm_eval_mathtasks.host.run import run


def main(arguments: Sequence[str]) -> int:
    """Run tasks on a model."""
    return run(arguments, _report)


def _report(results: Path) -> None:
    """Write the page of `mathtasks report` beside the results; the command says where it is."""
    from lm_eval_mathtasks.commands import report

    parser = argparse.ArgumentParser()
    report.add_arguments(parser)
    page = results.with_name(results.stem.replace("results_", "report_", 1) + ".html")
    report.main(parser.parse_args([str(results), "--output", str(page)]))
