"""The tags format: working between two tags, then the answer between two more. Which parts a response has."""

import re

WORKING, END_WORKING, SOLUTION, END_SOLUTION = TAGS = (
    "<start_working_out>",
    "<end_working_out>",
    "<SOLUTION>",
    "</SOLUTION>",
)
_WORKING_PART = re.compile(rf"{WORKING}.+?{END_WORKING}", re.DOTALL)
_SOLUTION_PART = re.compile(rf"{SOLUTION}.+?{END_SOLUTION}", re.DOTALL)
_WHOLE = re.compile(rf"{WORKING}\s*\S.*{END_WORKING}\s*{SOLUTION}\s*\S.*{END_SOLUTION}", re.DOTALL)


def has_working(text: str) -> bool:
    """Whether a response has its working between the tags."""
    return _WORKING_PART.search(text) is not None


def has_solution(text: str) -> bool:
    """Whether a response has an answer between the tags."""
    return _SOLUTION_PART.search(text) is not None


def in_tags(text: str) -> bool:
    """Whether a response is its working in tags and then its answer in tags, each tag once, and nothing else."""
    return all(text.count(tag) == 1 for tag in TAGS) and _WHOLE.fullmatch(text.strip()) is not None
