"""The samples of a pack: one line a doc, with or without text.

A response may repeat its problem. Where it repeats more than a sentence of the problem or of its published solution,
word for word, a pack of responses leaves these words out, and a mark stands in their place.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Literal, cast

from lm_eval_mathtasks.errors import EvidenceError
from lm_eval_mathtasks.evidence.kept import Kept
from lm_eval_mathtasks.evidence.pack_verdicts import verdict_of
from lm_eval_mathtasks.files import sha256
from lm_eval_mathtasks.runs.judged import Judged, asked_of, by_doc
from lm_eval_mathtasks.runs.lm_eval_facts import REPLAY
from lm_eval_mathtasks.runs.lm_eval_logs import FOLDED
from lm_eval_mathtasks.runs.lm_eval_schema import SampleLine, filter_of
from lm_eval_mathtasks.runs.records import API_ERROR, Row, Run

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
    runs = _runs([word[0].lower() for word in found])
    inside = {first + n for first, run in enumerate(runs) if run in copied for n in range(QUOTED_WORDS)}
    firsts, lasts = (sorted(inside - {place + step for place in inside}) for step in (1, -1))
    spans = list(zip(firsts, lasts, strict=True))
    for first, last in reversed(spans):
        response = response[: found[first + head].start()] + MARK + response[found[last - tail].end() :]
    return response, len(spans)


def _runs(words: list[str]) -> list[tuple[str, ...]]:
    return [tuple(words[at : at + QUOTED_WORDS]) for at in range(len(words) - QUOTED_WORDS + 1)]


# full: all of it; responses: the model's own words, without problem, reference and prompt; none: no text at all.
Text = Literal["full", "responses", "none"]
# What may stay without text, and the doc's numbers. Not the hash of a short reference answer, which is the answer to
# whoever tries a thousand; the hash of its full text stays. Keys that nobody foresaw may hold text, and go.
_NO_TEXT = frozenset({"doc_id", "filter", "metrics", "doc_hash", "prompt_hash", "finish_reasons", "logged"})


def packed_lines(
    raw: list[SampleLine], run: Run, judgements: list[Judged], text: Text, taken: Counter[str]
) -> Iterator[SampleLine]:
    """Yield a line a doc: lm-eval's, with our verdict on every response; what further filters say otherwise is folded
    into the doc's first line. raw: of the samples file; taken gets how many quotations of problems were left out of
    responses. Raises EvidenceError where a response without its quotation is judged otherwise."""
    rows = run.by_id()
    kept = None if text == "full" else _NO_TEXT
    if kept and run.provenance.settings.get("backend") == REPLAY:
        # Of a prompt that no model saw.
        kept -= {"prompt_hash"}
    judged = by_doc(judgements)
    first: dict[str, SampleLine] = {}
    for line in raw:
        doc_id = str(line["doc_id"])
        if doc_id in first:
            before: Mapping[str, object] = first[doc_id]
            other = {k: v for k, v in line.items() if k != "filter" and before.get(k) != v}
            first[doc_id].setdefault(FOLDED, {})[filter_of(line)] = _kept(other, kept)
        else:
            first[doc_id] = line.copy()
    for doc_id, line in first.items():
        packed = {**_kept(line, kept), **_added(rows[doc_id], judged.get(doc_id, []), text)}
        if text == "responses":
            packed["resps"] = _own_words(line, rows[doc_id], judged.get(doc_id, []), taken)
        yield cast(SampleLine, packed)


def _own_words(line: SampleLine, row: Row, judged: list[Judged], taken: Counter[str]) -> list[list[str]]:
    """The responses of a doc without what they quote of it; with the end or the start of a quotation, too few words
    to be one, where a response of hardly anything else is judged by them."""
    sources = [row.question, row.reference or ""]
    for head, tail in ((0, 0), (0, QUOTED_WORDS - 1), (QUOTED_WORDS - 1, 0)):
        found = [without_quotes(response, sources, head, tail) for response in row.responses]
        own = replace(row, responses=tuple(text for text, _ in found))
        if all(
            verdict_of(before._replace(judgement=asked_of(own, before.repeat).judge())) == verdict_of(before)
            for before in judged
        ):
            break
    else:
        raise EvidenceError(
            f"a response of doc {row.doc_id} that is judged the same without its quotation of the problem",
            "another verdict",
            "--text none, which keeps no response",
        )
    if quotations := sum(count for _, count in found):
        taken["quotation of a problem"] += quotations
    texts = iter(own.responses)
    return [[next(texts) for _ in group] for group in line["resps"]]


def _kept(line: Mapping[str, object], names: frozenset[str] | None) -> dict[str, object]:
    """These keys of a line and its numbers; None: all of it."""
    return {k: v for k, v in line.items() if names is None or k in names or isinstance(v, int | float)}


def _added(row: Row, judged: list[Judged], text: Text) -> SampleLine:
    # None: an API error took the response.
    verdicts: list[Kept | None] = [None] * len(row.responses)
    for judgement in judged:
        verdicts[judgement.repeat] = verdict_of(judgement)
    added: SampleLine = {"verdicts": verdicts}
    reasons = [API_ERROR if i in row.lost else row.finish_reason(i) for i in range(len(row.responses))]
    if any(reasons):
        added["finish_reasons"] = [reasons]
    if text != "full":
        added["gold_sha256"] = sha256(row.reference or row.gold or "")
        added |= {} if row.tolerance is None else {"tolerance": row.tolerance}
    if text == "none":
        added["response_sha256"] = [sha256(response) for response in row.responses]
        added["response_chars"] = [len(response) for response in row.responses]
    return added
