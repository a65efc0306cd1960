"""Files of lines: JSON lines or one JSON list, parquet, Inspect's logs; and folders with a file of lines a seed.

What one line says is read by `lines.py`; here lines become runs, and lines of one doc its repeats.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from lm_eval_mathtasks.errors import EvidenceError
from lm_eval_mathtasks.files import read_json, read_json_lines, read_parquet
from lm_eval_mathtasks.runs.ambiguous import choose_verdict, with_references
from lm_eval_mathtasks.runs.inspect_logs import is_inspect, read_inspect
from lm_eval_mathtasks.runs.lines import Line, read_line
from lm_eval_mathtasks.runs.records import Choice, Protocol, Provenance, Refused, Row, Run, Source, both_of

# Qwen2.5-Math and its relatives: <model>/math_eval/<data>/<split>_<prompt>_...
QWEN = "*_seed*_t*_s*_e*.jsonl"
# NeMo-Skills: one file a seed, the same docs in each.
SEEDS = "output-rs*.jsonl"
_OTHER_TABLES = (".csv", ".tsv", ".xlsx")
# On average, where lines are repeats that do not say so; two runs in one file are two lines a doc.
_LINES_A_DOC = 3
# Token limits are multiples of one of these; an answer that ends there was cut.
_ROUND = (256, 1_000)


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Return the objects of JSON lines, one JSON list, parquet or an Inspect log; raises EvidenceError for others."""
    lines: Any
    if path.suffix in _OTHER_TABLES:
        raise EvidenceError(
            f"JSON lines or parquet in {path}", f"a {path.suffix[1:]} file", "write it as JSON lines"
        )
    if path.suffix == ".parquet":
        lines = read_parquet(path, EvidenceError)
    elif path.suffix in (".json", ".eval"):
        lines = read_inspect(path) or read_json(path, EvidenceError)
    else:
        lines = read_json_lines(path, EvidenceError)
    if not isinstance(lines, list) or not lines or not all(isinstance(line, dict) for line in lines):
        raise EvidenceError(f"objects in {path}", "an empty list, or other things", "write one object a doc")
    return lines


def source_of(file: Path, content: Any, named: bool) -> Source | None:
    """Return the source of a file of lines, or of all seeds of a run; None if it is none, or may be anything.

    Arguments as in `lm_eval_logs.source_of`. What `loose` tells apart from a run is left to the user to name.
    """
    if named:
        listed = file.suffix != ".json" or isinstance(content, list) or is_inspect(content)
        return Source(read_plain, file, (file,)) if listed else None
    if file.match(SEEDS):
        return Source(read_seeds, file.parent, tuple(sorted(file.parent.glob(SEEDS))))
    placed = file.suffix == ".eval" or file.match(QWEN)
    return Source(read_plain, file, (file,)) if placed else None


def loose(file: Path) -> Source | None:
    """Return the source of a file that may be a run by its ending alone; None if it is none."""
    lines = file.name.endswith((".jsonl", ".jsonl.gz"))
    return Source(read_plain, file, (file,)) if lines else None


def read_plain(source: Source, choice: Choice) -> Iterator[Run | Refused]:
    """Yield the runs of a file of lines, one for each model and dataset it names."""
    path = source.path
    lines = [read_line(raw, path, number) for number, raw in enumerate(read_lines(path), 1)]
    asked = re.search(r"_([\w.-]+)_-?\d+_seed\d+_t([\d.]+)_s-?\d+_e-?\d+$", path.stem)
    if asked is None:
        yield from runs_of_lines(lines, path, choice.metric)
        return
    # Qwen2.5-Math's file names say what its lines do not.
    if path.parts[-3:-2] == ("math_eval",):
        model, task = path.resolve().parts[-4], path.parent.name
        lines = [line._replace(model=line.model or model, task=line.task or task) for line in lines]
    stated: dict[str, Any] = {"temperature": float(asked[2])}
    if "cot" in asked[1]:
        stated |= {"cot": True, "tools": "none"}
    elif re.search("tora|tool|pal", asked[1]):
        stated |= {"tools": "python"}
    for run in runs_of_lines(lines, path, choice.metric):
        yield run if isinstance(run, Refused) else replace(run, protocol=replace(run.protocol, **stated))


def read_seeds(source: Source, choice: Choice) -> Iterator[Run | Refused]:
    """Yield the one run of a folder with a file for each seed, the seeds as repeats."""
    lines = []
    for seed, path in enumerate(source.files):
        for number, raw in enumerate(read_lines(path), 1):
            line = read_line(raw, path, number)
            named = line._replace(
                id=line.id or str(number - 1), repeat=seed, task=line.task or source.path.name
            )
            lines.append(named)
    yield from runs_of_lines(lines, source.path, choice.metric)


def runs_of_lines(lines: Sequence[Line], path: Path, metric: str | None) -> Iterator[Run | Refused]:
    """Yield the runs of lines, one for each model and dataset they name; metric: the column of verdicts."""
    groups: dict[tuple[str | None, str], list[tuple[int, Line]]] = {}
    for number, line in enumerate(lines):
        groups.setdefault((line.model, line.task), []).append((number, line))
    for (model, task), numbered in groups.items():
        try:
            run = _run(numbered, path, metric)
            yield replace(run, model=model, task=task)
        except EvidenceError as error:
            yield Refused(task, error)


def _run(numbered: Sequence[tuple[int, Line]], path: Path, metric: str | None) -> Run:
    """The run of lines with their numbers, without its name."""
    lines, notes = with_references([line for _, line in numbered])
    group = _with_repeats(lines)
    if group is not None:
        notes = (*notes, "lines with the same question are taken as repeats, in their order")
    group = group or _with_ids([number for number, _ in numbered], lines)
    verdict, unused = choose_verdict(group, metric, path)
    notes = (*unused, *notes)
    if unanswered := sum(line.unanswered for line in group):
        notes = (*notes, f"lines without a response (null), counted as no answer: {unanswered}")
    limit = _limit(group)
    rows = tuple(_join_repeats(group, verdict, limit))
    k = max(len(row.responses) for row in rows)
    # One response a doc may be the one that a vote or a verifier chose: then the file does not say.
    protocol = Protocol(k=k, metric=None if k == 1 else "avg@k", max_tokens=limit)
    return Run(None, "", rows, protocol, Provenance("JSON lines", str(path), notes=notes), metric=verdict)


def _with_ids(numbers: Sequence[int], lines: Sequence[Line]) -> list[Line]:
    """The lines with an id each: their own, else the number of the question (of repeats), else that of the line."""
    questions: dict[str, int] = {}
    named = []
    for number, line in zip(numbers, lines, strict=True):
        asked = line.repeat is not None and bool(line.question)
        own = questions.setdefault(line.question, len(questions)) if asked else number
        named.append(line if line.id is not None else line._replace(id=str(own)))
    return named


def _with_repeats(lines: Sequence[Line]) -> list[Line] | None:
    """The lines as repeats, where each has one response and none says which repeat, but questions come again and again.

    None where they do not. Lines of one question and one id, or each with an id of its own, are one doc; ids that
    name several questions are a fault, and so are lines that only repeat each other.
    """
    if any(line.repeat is not None or not line.question or len(line.responses) != 1 for line in lines):
        return None
    docs: dict[tuple[str, str | None], list[Line]] = {}
    for line in lines:
        docs.setdefault((line.question, line.reference), []).append(line)
    ids = {line.id for line in lines}
    doubled = all(len({line.responses for line in own}) == 1 for own in docs.values())
    if doubled or len(docs) * _LINES_A_DOC > len(lines) or len(ids) not in (1, len(docs), len(lines)):
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
            subject=first.subject,
            level=first.level,
        )


def _finish(line: Line, limit: int | None) -> tuple[str | None, ...]:
    """The finish reasons, from the server or from the count of tokens."""
    if any(line.finish) or limit is None or len(line.tokens) != len(line.responses):
        return line.finish or (None,) * len(line.responses)
    return tuple("length" if count >= limit else "stop" for count in line.tokens)
