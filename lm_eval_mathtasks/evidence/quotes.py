"""Benchmark text inside a model's own words: what a pack of responses leaves out of them.

A response may repeat its problem. Where it repeats more than a sentence of the problem or of its published solution,
word for word, these words are left out, and a mark stands in their place.
"""

import re
from collections.abc import Iterable

# A sentence of GSM8K or MATH has 15 words on average; a run of so many that a model did not copy is rare.
QUOTED_WORDS = 20
# No digit, no letter that could be read as an answer in brackets.
MARK = "[words of the problem]"
_WORD = re.compile(r"\w+")


def without_quotes(response: str, sources: Iterable[str], head: int = 0, tail: int = 0) -> tuple[str, int]:
    """Return a response without the runs of at least QUOTED_WORDS words that stand in one of the sources in the same
    order, letter case and punctuation aside, and how many runs were left out. head, tail: how many words at the
    start and at the end of a run stay, together fewer than QUOTED_WORDS.

    >>> without_quotes("He said: " + "one two " * 10 + "so 3.", ["One two, " * 10])
    ('He said: [words of the problem] so 3.', 1)
    """
    copied = {run for source in sources for run in _runs([word.lower() for word in _WORD.findall(source)])}
    found = list(_WORD.finditer(response))
    spans: list[list[int]] = []
    for first, run in enumerate(_runs([word[0].lower() for word in found])):
        if run not in copied:
            continue
        last = first + QUOTED_WORDS - 1
        if spans and first <= spans[-1][1] + 1:
            spans[-1][1] = last
        else:
            spans.append([first, last])
    for first, last in reversed(spans):
        response = response[: found[first + head].start()] + MARK + response[found[last - tail].end() :]
    return response, len(spans)


def _runs(words: list[str]) -> list[tuple[str, ...]]:
    return [tuple(words[at : at + QUOTED_WORDS]) for at in range(len(words) - QUOTED_WORDS + 1)]
