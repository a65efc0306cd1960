"""Which reader reads which file, and the reader of JSON lines (their columns: `columns.py`).

Folders: lm-eval's, with results_*.json; OpenCompass's, with predictions/<model>/<dataset>.json; lighteval's, with
details_*; evalscope's, with reviews/<model>/*.jsonl; NeMo-Skills', with output-rs<seed>.jsonl, a repeat each;
Qwen2.5-Math's, with math_eval/<data>/*_seed0_t0.0_s0_e-1.jsonl.
Files: any of these, Inspect's logs (.eval, .json), JSON lines or one JSON list, parquet.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from lm_eval_mathtasks.errors import EvidenceError
from lm_eval_mathtasks.runs.columns import Line, choose_verdict, read_line
from lm_eval_mathtasks.runs.lighteval import is_lighteval, read_lighteval, read_parquet
from lm_eval_mathtasks.runs.lm_eval_logs import RESULTS, read_lm_eval
from lm_eval_mathtasks.runs.nested import read_inspect
from lm_eval_mathtasks.runs.opencompass import read_opencompass, shards
from lm_eval_mathtasks.runs.records import (
    Protocol,
    Provenance,
    Row,
    Run,
    both_of,
    read_json,
    read_json_lines,
)

Reader = Callable[[Path, str | None], Iterator[Run]]
QWEN = (
    "*_seed*_t*_s*_e*.jsonl"  # Qwen2.5-Math and its relatives: <model>/math_eval/<data>/<split>_<prompt>_...
)
SEEDS = "output-rs*.jsonl"  # NeMo-Skills: one file a seed, the same docs in each
_OTHER_TABLES = (".csv", ".tsv", ".xlsx")
_LINES_A_DOC = (
    3  # on average, where lines are repeats that do not say so; two runs in one file are two lines a doc
)
_ROUND = (256, 1_000)  # token limits are multiples of one of these; an answer that ends there was cut


def find_readers(path: Path) -> Iterator[tuple[Reader, Path]]:
    """Yield a reader for each run file at a path; in a folder, the newest results of lm-eval per model folder.

    Raises EvidenceError where nothing there is a run.
    """
    if path.is_file():
        yield reader_of(path), path
        return
    newest: dict[Path, Path] = {}
    for file in sorted(path.rglob("results_*.json")):
        if _is_lm_eval(file):
            newest[file.parent] = file  # the names end in the date, so the last is the newest
    # The folders that a pattern names may be above the one that was passed.
    above = next((p.parent for p in (path, path.parent) if p.name in ("predictions", "reviews")), path)
    predictions = {shards(f)[0] for f in above.rglob("predictions/*/*.json") if f.is_relative_to(path)}
    patterns = ("details_*.parquet", "details_*.jsonl", "reviews/*/*.jsonl", "*.eval", QWEN)
    found_by = {f for pattern in patterns for f in above.rglob(pattern) if f.is_relative_to(path)}
    others = sorted(found_by | predictions)
    seeded = sorted({file.parent for file in path.rglob(SEEDS)})
    found: list[tuple[Reader, Path]] = [(read_lm_eval, file) for file in newest.values()]
    found += [(reader_of(file), file) for file in others] + [(read_seeds, folder) for folder in seeded]
    if not found:
        raise _nothing(path)
    yield from found


def _nothing(path: Path) -> EvidenceError:
    orphans = sorted(path.rglob("samples_*.jsonl*"))
    plain = sorted(path.rglob("*.json*")) + sorted(path.rglob("*.parquet"))
    wanted, fix = f"the logs of a run in {path}", "pass the folder that --output_path named, or a file"
    if orphans:
        return EvidenceError(wanted, f"samples without results: {orphans[0].name}", fix)
    if plain:
        return EvidenceError(
            wanted,
            f"files that may be one: {', '.join(str(p.relative_to(path)) for p in plain[:5])}",
            "pass the file",
        )
    return EvidenceError(wanted, "no results_*.json, details_*, predictions/ or reviews/", fix)


def _is_lm_eval(path: Path) -> bool:
    return bool(RESULTS.search(path.name)) and '"configs"' in path.read_text(
        encoding="utf-8", errors="replace"
    )


def reader_of(path: Path) -> Reader:
    """Return the reader of a file, from its name and its first keys; raises EvidenceError for none."""
    if path.name.startswith("samples_"):
        raise EvidenceError(
            "the results of a run", f"the samples file {path.name}", "pass the results_*.json beside it"
        )
    if path.name.startswith("details_") or (path.suffix == ".parquet" and is_lighteval(path)):
        return read_lighteval
    if path.suffix != ".json":
        return read_plain
    if path.name.startswith("results"):
        return read_lm_eval
    content = read_json(path)
    listed = isinstance(content, list) or (
        isinstance(content, dict) and isinstance(content.get("eval"), dict)
    )
    return read_plain if listed else read_opencompass


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Return the objects of JSON lines, one JSON list, parquet or an Inspect log; raises EvidenceError for others."""
    lines: Any
    if path.suffix in _OTHER_TABLES:
        raise EvidenceError(
            f"JSON lines or parquet in {path}", f"a {path.suffix[1:]} file", "write it as JSON lines"
        )
    if path.suffix == ".parquet":
        lines = read_parquet(path)
    elif path.suffix in (".json", ".eval"):
        lines = read_inspect(path) or read_json(path)
    else:
        lines = read_json_lines(path)
    if not isinstance(lines, list) or not lines or not all(isinstance(line, dict) for line in lines):
        raise EvidenceError(f"objects in {path}", "an empty list, or other things", "one object a doc")
    return lines


def read_plain(path: Path, metric: str | None = None) -> Iterator[Run]:
    """Yield the runs of a file of lines, one for each model and dataset it names. metric: the column of verdicts."""
    lines = [read_line(raw, path, number) for number, raw in enumerate(read_lines(path), 1)]
    asked = re.search(r"_([\w.-]+)_-?\d+_seed\d+_t([\d.]+)_s-?\d+_e-?\d+$", path.stem)
    if asked is None:
        yield from _runs(lines, path, metric)
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
    for run in _runs(lines, path, metric):
        yield replace(run, protocol=replace(run.protocol, **stated))


def read_seeds(folder: Path, metric: str | None = None) -> Iterator[Run]:
    """Yield the one run of a folder with a file for each seed, the seeds as repeats."""
    lines = []
    for seed, path in enumerate(sorted(folder.glob(SEEDS))):
        for number, raw in enumerate(read_lines(path), 1):
            line = read_line(raw, path, number)
            lines.append(
                line._replace(id=line.id or str(number - 1), repeat=seed, task=line.task or folder.name)
            )
    yield from _runs(lines, folder, metric)


def _runs(lines: Sequence[Line], path: Path, metric: str | None) -> Iterator[Run]:
    groups: dict[tuple[str | None, str], list[tuple[int, Line]]] = {}
    for number, line in enumerate(lines):
        groups.setdefault((line.model, line.task), []).append((number, line))
    for (model, task), numbered in groups.items():
        group = _with_repeats([line for _, line in numbered])
        joined = group is not None
        group = group or _with_ids(numbered)
        verdict, notes = choose_verdict(group, metric, path)
        if unanswered := sum(line.unanswered for line in group):
            notes = (*notes, f"lines without a response (null), counted as no answer: {unanswered}")
        if joined:
            notes = (*notes, "lines with the same question are taken as repeats, in their order")
        limit = _limit(group)
        rows = tuple(_join_repeats(group, verdict, limit))
        k = max(len(row.responses) for row in rows)
        # One response a doc may be the one that a vote or a verifier chose: then the file does not say.
        protocol = Protocol(k=k, metric=None if k == 1 else "avg@k", max_tokens=limit)
        yield Run(
            model, task, rows, protocol, Provenance("JSON lines", str(path), notes=notes), metric=verdict
        )


def _with_ids(numbered: Sequence[tuple[int, Line]]) -> list[Line]:
    """The lines with an id each: their own, else the number of the question (of repeats), else that of the line."""
    questions: dict[str, int] = {}
    named = []
    for number, line in numbered:
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
