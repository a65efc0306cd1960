"""OpenCompass's predictions/<model>/<dataset>.json: {"0": {origin_prompt, prediction, gold}, ...}.

As its sources write them (0.2 to 0.5): a large dataset is split into <dataset>_0.json, _1.json, each counting from 0;
with n repeats the whole set comes n times over in one file; verdicts, only of a run with --dump-eval-details, are in
results/<model>/<dataset>.json under `details`, a mapping by doc or a list, with one verdict a repeat in a list. A
reference that is falsy (the number 0) is left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lm_eval_mathtasks.errors import EvidenceError
from lm_eval_mathtasks.runs.nested import message_text
from lm_eval_mathtasks.runs.records import Protocol, Provenance, Row, Run, both_of, first_text, read_json

_SHARD = re.compile(r"_\d{1,3}$")  # three digits at most: a longer number is a year
_MARKS = ("correct", "is_correct", "cascade_correct")
Marks = list[tuple[float, ...]]


def read_opencompass(path: Path, _metric: str | None = None) -> Iterator[Run]:
    """Yield the one run of a prediction file; model and dataset are in its path."""
    parts = shards(path)
    entries = [entry for part in parts for entry in _predictions(part)]
    task = _SHARD.sub("", path.stem) if len(parts) > 1 else path.stem
    model = path.parent.name if path.parent.parent.name == "predictions" else None
    marks = _verdicts(path.with_name(f"{task}.json"))
    docs = _docs(entries)
    notes: tuple[str, ...] = ()
    if marks and len(marks) != docs:
        # Some evaluators leave out docs whose reference they cannot read, and the rest then has no place.
        notes = (f"results/ has {len(marks)} verdicts for {docs} docs: they are not used",)
        marks = []
    rows = tuple(_row(place, entries[place::docs], marks) for place in range(docs))
    k = max(len(row.responses) for row in rows)
    protocol = Protocol(k=k, metric="pass@1" if k == 1 else "avg@k")
    provenance = Provenance("OpenCompass", str(path), notes=notes)
    yield Run(model, task, rows, protocol, provenance, metric="correct" if marks else None)


def _row(place: int, repeats: Sequence[Mapping[str, Any]], marks: Marks) -> Row:
    first = repeats[0]
    texts = [text for entry in repeats for text in _texts(entry["prediction"])]
    return Row(
        doc_id=str(place),
        question=_last_human_turn(first.get("origin_prompt")),
        **both_of(first_text(first, ("gold",))),
        responses=tuple(texts),
        score=sum(marks[place]) / len(marks[place]) if marks else None,
        prompt=json.dumps(first.get("origin_prompt"), ensure_ascii=False),
    )


def _texts(prediction: Any) -> list[str]:
    parts = prediction if isinstance(prediction, list) else [prediction]
    return [message_text(part, "assistant") for part in parts]


def _docs(entries: Sequence[Mapping[str, Any]]) -> int:
    """How many docs there are: all entries, or the period after which the same prompts come again."""
    prompts = [json.dumps(entry.get("origin_prompt")) for entry in entries]
    period = next((i for i, prompt in enumerate(prompts) if i and prompt == prompts[0]), len(prompts))
    again = len(prompts) % period == 0 and all(p == prompts[i % period] for i, p in enumerate(prompts))
    return period if again and len(set(prompts)) == period and prompts[0] != "null" else len(prompts)


def _predictions(path: Path) -> list[dict[str, Any]]:
    content = read_json(path)
    entries = list(content.values()) if isinstance(content, dict) else []
    if not entries or not all(isinstance(entry, dict) and "prediction" in entry for entry in entries):
        keys = ", ".join(list(content)[:6]) if isinstance(content, dict) else type(content).__name__
        raise EvidenceError(
            f"a run in {path}: OpenCompass predictions, an Inspect log or a list of docs", f"JSON with {keys}",
            "see `mathtasks compare --help`",
        )  # fmt: skip
    return entries


def shards(path: Path) -> list[Path]:
    """Return all parts of a split dataset in order, given any of them; else the file itself."""
    if not _SHARD.search(path.stem):
        return [path]
    stem = _SHARD.sub("", path.stem)
    parts = [p for p in path.parent.glob(f"{stem}_*.json") if _SHARD.sub("", p.stem) == stem]
    return sorted(parts, key=lambda p: int(p.stem.rsplit("_", 1)[1]))


def _last_human_turn(prompt: Any) -> str:
    if isinstance(prompt, list):
        turns = [
            turn.get("prompt", turn.get("content", ""))
            for turn in prompt
            if isinstance(turn, dict) and turn.get("role") in ("HUMAN", "user")
        ]
        return str(turns[-1]) if turns else ""
    return str(prompt or "")


def _verdicts(path: Path) -> Marks:
    """The verdicts that OpenCompass's evaluator left beside the predictions, in the order of docs."""
    file = path.parent.parent.parent / "results" / path.parent.name / path.name
    if path.parent.parent.name != "predictions" or not file.exists():
        return []
    details = read_json(file).get("details", {})
    found = [d for d in (details.values() if isinstance(details, dict) else details) if isinstance(d, dict)]
    marks = [next((d[name] for name in _MARKS if name in d), None) for d in found]
    return [tuple(map(float, m if isinstance(m, list) else [m])) for m in marks if m is not None and m != []]
