"""What every `docs_*` hook shares: columns get the names that the prompts use, and nothing else changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lm_eval_mathtasks.problems.sets import SOURCES

if TYPE_CHECKING:
    from datasets import Dataset


def renamed(dataset: Dataset, name: str) -> Dataset:
    """Rename the columns of the set `name` as its source says.

    A column that has such a name already is dropped first: some copies hold the problem twice.
    """
    rename = dict(SOURCES[name].rename)
    doubled = [column for column in rename.values() if column in dataset.column_names]
    return dataset.remove_columns(doubled).rename_columns(rename)
