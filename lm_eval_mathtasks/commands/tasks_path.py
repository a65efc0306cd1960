"""The command `mathtasks tasks-path`."""

import argparse

from lm_eval_mathtasks.package import data_folder


def add_arguments(_: argparse.ArgumentParser) -> None:
    """`mathtasks tasks-path` has no arguments."""


def main(_: argparse.Namespace) -> int:
    """Print the folder of the tasks."""
    print(data_folder("tasks"))
    return 0
