"""Files of lines: JSON lines or one JSON list, and parquet.

What one line says is read by `lines.py`; here lines become runs, and lines of one doc its repeats.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from lm_eval_mathtasks.errors import EvidenceError
from lm_eval_mathtasks.files import read_json, read_table
from lm_eval_mathtasks.problems.fingerprints import known_docs
from lm_eval_mathtasks.runs.ambiguous import choose_verdict, partial_credit, with_references
from lm_eval_mathtasks.runs.doubts import doubted, with_summary
from lm_eval_mathtasks.runs.lines import Line, read_line
from lm_eval_mathtasks.runs.records import (
    API_ERROR,
    NO_VERDICT,
    Choice,
    Protocol,
    Provenance,
    Refused,
    Row,
    Run,
    Source,
    both_of,
)
from lm_eval_mathtasks.runs.score_names import grader_named, of_several
from lm_eval_mathtasks.runs.stated_columns import with_columns
from lm_eval_mathtasks.text import letters

# A folder is called after a model where it says how large it is, whoever made the folder.
SIZED = re.compile(r"(?:^|[-_.])\d+(?:\.\d+)?(?:x\d+)?[bm](?:[-_.]|$)", re.IGNORECASE)
# Columns of TRL's completions and of verl's rollouts, beside the step.
_OF_TRAINING = frozenset({"advantage", "completion", "gts"})
_OTHER_TABLES = (".csv", ".tsv", ".xlsx")
# On average, where lines are repeats that do not say so: sets have hardly a question twice.
_LINES_A_DOC = 1.5
_NAMED = 5  # docs or repeats that a note names
_INFERRED = (
    "lines with the same question are taken as repeats, in their order: two runs need a column `model`"
)
# Token limits are multiples of one of these; an answer that ends there was cut.
_ROUND = (256, 1_000)


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Return the objects of JSON lines, one JSON list or parquet; raises EvidenceError for others."""
    lines: Any
    if path.suffix in _OTHER_TABLES:
        fix = "write it as JSON lines"
        raise EvidenceError(f"JSON lines or parquet in {path}", f"a {path.suffix[1:]} file", fix)
    read = read_json if path.suffix == ".json" else read_table
    lines = read(path, EvidenceError)
    if not isinstance(lines, list) or not lines or not all(isinstance(line, dict) for line in lines):
        raise EvidenceError(f"objects in {path}", "an empty list, or other things", "write one object a doc")
    return lines


def source_of(file: Path, content: Any, named: bool) -> Source | None:
    """Return the source of a file of lines; None if it is none, or may be anything. Arguments as in
    `lm_eval_logs.source_of`; what `loose` tells apart from a run is left to the user to name."""
    known = named and (file.suffix != ".json" or isinstance(content, list))
    return Source(read_plain, file, (file,)) if known else None


def loose(file: Path) -> Source | None:
    """Return the source of a file that may be a run by its ending alone; None if it is none."""
    lines = file.name.endswith((".jsonl", ".jsonl.gz"))
    return Source(read_plain, file, (file,)) if lines else None


def read_plain(source: Source, choice: Choice) -> Iterator[Run | Refused]:
    """Yield the runs of a file of lines, one for each model and dataset it names; where it names none, the folders do
    that are called after a model and a known set: .../tora-70b-v1.0/gsm8k/...
    """
    lines, folder = lines_of(source.path, choice), source.path.resolve().parent
    if SIZED.search(folder.parent.name) and folder.name.lower() in known_docs():
        names = folder.parent.name, folder.name
        lines = [one._replace(model=one.model or names[0], task=one.task or names[1]) for one in lines]
    yield from runs_of_lines(lines, source.path, choice.metric)


def lines_of(path: Path, choice: Choice) -> list[Line]:
    """Return the lines of a file in our shape. Raises EvidenceError for those of a model in training."""
    raw = read_lines(path)
    steps = sorted({str(line["step"]) for line in raw if "step" in line and line.keys() & _OF_TRAINING})
    if len(steps) > 1:
        got = f"the rollouts of {len(steps)} training steps, {steps[0]} and others, which are as many models"
        fix = "take the lines of one step, or run the checkpoints that you mean"
        raise EvidenceError(f"one model in {path}", got, fix)
    return [read_line(line, path, number, choice.columns) for number, line in enumerate(raw, 1)]


def runs_of_lines(lines: Sequence[Line], path: Path, metric: str | None) -> Iterator[Run | Refused]:
    """Yield the runs of lines, one for each model and dataset they name; metric: the column of verdicts."""
    models = {line.model for line in lines if line.model}
    only = next(iter(models)) if len(models) == 1 else None
    groups: dict[tuple[str | None, str], list[tuple[int, Line]]] = {}
    for number, line in enumerate(lines):
        # A request that failed names no model: where the others are of one, it was asked of that.
        failed = all(reason == API_ERROR for reason in line.finish or (None,))
        groups.setdefault((line.model or (only if failed else None), line.task), []).append((number, line))
    for (model, task), numbered in groups.items():
        try:
            run = replace(_run(numbered, path, metric), model=model, task=task)
            yield with_columns(run, [line for _, line in numbered])
        except EvidenceError as error:
            yield Refused(task, error)


def _run(numbered: Sequence[tuple[int, Line]], path: Path, metric: str | None) -> Run:
    """The run of lines with their numbers, without its name."""
    lines, notes = with_references([line for _, line in numbered])
    group = _with_repeats(lines)
    if group is not None:
        notes = (*notes, _INFERRED)
    elif twice := _told_again(lines):
        notes = (*notes, f"{twice} lines have the question of another line, and count as docs of their own")
    group = group or _with_ids([number for number, _ in numbered], lines)
    verdict, unused = choose_verdict(group, metric, path)
    notes = (*unused, *notes)
    if group[0].whole_text:
        notes = (
            *notes,
            f"column `{group[0].whole_text}` is taken for the response (--columns response=NAME)",
        )
    if unanswered := sum(line.unanswered for line in group):
        notes = (*notes, f"lines without a response (null), counted as no answer: {unanswered}")
    limit = _limit(group)
    rows = tuple(_join_repeats(group, verdict, limit))
    notes = (*notes, *_lacking(group))
    k = max(len(row.responses) for row in rows)
    kind, of = _meaning(group, verdict, k)
    if verdict and k > 1 and kind is None:
        notes = (
            *notes,
            f"`{verdict}` is one verdict on {k} responses: what it is of them, the file does not say",
        )
    protocol = Protocol(k=of, metric=kind, max_tokens=limit, grader=grader_named(verdict))
    run = Run(None, "", rows, protocol, Provenance("JSON lines", str(path), notes=notes), metric=verdict)
    which = len({line.repeat for line in group})
    doubts = {"repeats": f"one of {which} attempts at each doc"} if k == 1 < which else {}
    if verdict is None and metric != NO_VERDICT:
        doubts |= partial_credit(group)
    # As NeMo-Skills and Qwen2.5-Math call them.
    return with_summary(path, doubted(run, doubts), "metrics.json", f"{path.stem}_metrics.json")


def _meaning(lines: Sequence[Line], verdict: str | None, k: int) -> tuple[str | None, int]:
    """What a column of verdicts is of k responses to each doc, and of how many; None where the file does not say.

    One response a doc may be the one that a vote or a verifier chose, and one verdict on several that of any of them.
    """
    if found := of_several(verdict, k):
        return found
    given = [(line.verdicts.get(verdict or "", ()), len(line.responses)) for line in lines]
    several = [marks for marks, count in given if count > 1]
    single = bool(several) and all(marks in ((0.0,), (1.0,)) for marks in several)
    return (None if k == 1 or single else "avg@k"), k


def _with_ids(numbers: Sequence[int], lines: Sequence[Line]) -> list[Line]:
    """The lines with an id each: their own, else the number of the question (of repeats), else that of the line."""
    questions: dict[str, int] = {}
    named = []
    for number, line in zip(numbers, lines, strict=True):
        asked = line.repeat is not None and bool(line.question)
        own = questions.setdefault(line.question, len(questions)) if asked else number
        named.append(line if line.id is not None else line._replace(id=str(own)))
    return named


def _told_again(lines: Sequence[Line]) -> int:
    """How many lines have a question that stood before, where none says that it is a repeat."""
    asked = [(line.question, line.reference) for line in lines if line.question and line.repeat is None]
    return len(asked) - len(set(asked))


def _lacking(lines: Sequence[Line]) -> Iterator[str]:
    """Say which docs lack which repeats, or, where lines do not say which they are, that some have more than others."""
    docs: dict[str, list[Line]] = {}
    for line in lines:
        docs.setdefault(line.id or "", []).append(line)
    have = {doc: {line.repeat for line in own} for doc, own in docs.items()}
    counts = sorted({sum(len(line.responses) for line in own) for own in docs.values()})
    lacking = {
        repeat: [doc for doc, own in have.items() if repeat not in own]
        for repeat in sorted(set().union(*have.values()), key=lambda one: (len(str(one)), str(one)))
    }
    said = [
        f"repeat {repeat} of {len(without)} ({_some(without)})"
        for repeat, without in lacking.items()
        if without
    ]
    if said:
        yield f"of {len(docs)} docs some lack repeats: {_some(said, '; ')}"
    elif len(counts) > 1:
        yield f"docs have {counts[0]} to {counts[-1]} responses"


def _some(names: Sequence[str], mark: str = ", ") -> str:
    more = len(names) - _NAMED
    return mark.join(names[:_NAMED]) + (f"{mark}and {more} more" if more > 0 else "")


def _with_repeats(lines: Sequence[Line]) -> list[Line] | None:
    """The lines as repeats, where each has one response and none says which repeat, but most questions come again.

    None where they do not. Lines of one question and one id, or each with an id of its own, are one doc; ids that
    name several questions are a fault, and so are lines with ids that only repeat each other.
    """
    if any(line.repeat is not None or not line.question or len(line.responses) != 1 for line in lines):
        return None
    docs: dict[tuple[str, str | None], list[Line]] = {}
    for line in lines:
        docs.setdefault((line.question, line.reference), []).append(line)
    ids = {line.id for line in lines}
    doubled = all(len({line.responses for line in own}) == 1 for own in docs.values())
    few = len(docs) * _LINES_A_DOC > len(lines) or len(docs) == len(lines)
    if few or len(ids) not in (1, len(docs), len(lines)) or (doubled and len(ids) == len(docs)):
        return None
    if len(docs) == 1 < len(ids):
        return None
    if len(ids) == len(docs) and any(len({line.id for line in own}) > 1 for own in docs.values()):
        return None
    unnamed = len(ids) == 1 and len(docs) > 1
    return [
        line._replace(id=str(number) if unnamed or own[0].id is None else own[0].id, repeat=repeat)
        for number, own in enumerate(docs.values())
        for repeat, line in enumerate(own)
    ]


def _limit(lines: Sequence[Line]) -> int | None:
    """The token limit, where lines count their tokens and several stop at one round number, the largest of all."""
    counts = [count for line in lines for count in line.tokens]
    most = max(counts, default=0)
    return most if counts.count(most) > 1 and any(most % step == 0 for step in _ROUND) else None


def _join_repeats(lines: Sequence[Line], verdict: str | None, limit: int | None) -> Iterator[Row]:
    """Lines of one id are repeats if they say which; otherwise the doubled doc is left for the check to name."""
    groups: dict[str, list[Line]] = {}
    for number, line in enumerate(lines):
        groups.setdefault(line.id or "" if line.repeat is not None else f"{line.id}\0{number}", []).append(
            line
        )
    for group in groups.values():
        _require_one_doc(group)
        group.sort(key=lambda line: line.repeat or 0)
        first = group[0]
        shares = [sum(v) / len(v) for line in group if (v := line.verdicts.get(verdict or ""))]
        yield Row(
            doc_id=first.id or "",
            question=first.question,
            **both_of(first.reference),
            responses=tuple(text for line in group for text in line.responses),
            finish=tuple(reason for line in group for reason in _finish(line, limit)),
            score=sum(shares) / len(shares) if shares else None,
            prompt=first.prompt,
            **first.of_doc,
        )


def _require_one_doc(group: Sequence[Line]) -> None:
    """Raise EvidenceError unless lines of one id are of one question, and each another repeat."""
    if len({letters(line.question) for line in group}) > 1:
        fix = "give each doc an id of its own"
        raise EvidenceError(f"one question of the id {group[0].id}", "several", fix)
    repeats = [line.repeat for line in group if line.repeat is not None]
    if len(set(repeats)) < len(repeats):
        got, fix = "one of them twice", "two runs need two files, or a column `model`"
        raise EvidenceError(f"each repeat once of the id {group[0].id}", got, fix)


def _finish(line: Line, limit: int | None) -> tuple[str | None, ...]:
    """The finish reasons, from the server or from the count of tokens."""
    if any(line.finish) or limit is None or len(line.tokens) != len(line.responses):
        return line.finish or (None,) * len(line.responses)
    return tuple("length" if count >= limit else "stop" for count in line.tokens)
