"""The command `mathtasks tasks-path`."""

from __future__ import annotations

import argparse

from lm_eval_mathtasks.check import tasks_path


def add_arguments(_: argparse.ArgumentParser) -> None:
    """`mathtasks tasks-path` has no arguments."""


def main(_: argparse.Namespace) -> int:
    """Print the folder of the tasks."""
    print(tasks_path())
    return 0
