"""Are test problems among the training problems? Exact questions, and the cover of a test question by runs of words.

The cover is the share of a test question's runs of 13 words that stand in one training question. Runs of 8 flag 175 of
GSM8K's 1,319 test questions against its own training split, runs of 13 four, of which one is covered by half. MATH's
splits do overlap: 236 of 5,000 test questions (27 of MATH-500) are a training question but for its numbers.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

RUN = 13  # words
REFUSED_COVER = 0.5  # a test question of which this share stands in the training data is known to the model
_WORD = re.compile(r"[^\W\d_]+|\d+|[^\w\s]")


class Overlap(NamedTuple):
    """One test question that training questions share text with.

    cover: by the training question that covers it most, 1.0 where they are the same; rows: places of the training
    questions that cover it by REFUSED_COVER or more.
    """

    doc: int
    question: str
    cover: float
    rows: tuple[int, ...]

    @property
    def refused(self) -> bool:
        """Whether so much of it is in the training data that a score on it means nothing."""
        return bool(self.rows)


def overlaps(train: Iterable[str], tests: Mapping[str, Sequence[str]]) -> dict[str, list[Overlap]]:
    """Return the overlaps of each test set with the training questions, the worst first; sets without any are left out.

    Memory is that of the test sets; the training questions are read once, a million in minutes.
    """
    places = [(name, doc, text) for name, questions in tests.items() for doc, text in enumerate(questions)]
    words_of = [_words(text) for _, _, text in places]
    runs_of = [_runs(words) for words in words_of]
    whole: dict[tuple[str, ...], list[int]] = defaultdict(list)
    by_run: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for place, words in enumerate(words_of):
        whole[words].append(place)
        for run in runs_of[place]:
            by_run[run].append(place)
    most: dict[int, float] = defaultdict(float)
    rows: dict[int, list[int]] = defaultdict(list)
    for row, question in enumerate(train):
        words = _words(question)
        shared = Counter(place for run in _runs(words) for place in by_run.get(run, ()))
        covers = {place: count / len(runs_of[place]) for place, count in shared.items()}
        covers |= dict.fromkeys(whole.get(words, ()), 1.0)
        for place, cover in covers.items():
            most[place] = max(most[place], cover)
            if cover >= REFUSED_COVER:
                rows[place].append(row)
    report: dict[str, list[Overlap]] = defaultdict(list)
    for place, cover in sorted(most.items(), key=lambda item: -item[1]):
        name, doc, text = places[place]
        report[name].append(Overlap(doc, text, cover, tuple(rows.get(place, ()))))
    return dict(report)


def _words(text: str) -> tuple[str, ...]:
    return tuple(_WORD.findall(text.lower()))


def _runs(words: Sequence[str]) -> set[tuple[str, ...]]:
    return {tuple(words[i : i + RUN]) for i in range(len(words) - RUN + 1)}
