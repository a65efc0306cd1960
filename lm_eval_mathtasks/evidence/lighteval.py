"""lighteval's details."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lm_eval_mathtasks.errors import EvidenceError
from lm_eval_mathtasks.evidence.records import Protocol, Provenance, Row, Run, first_text, read_json_lines


def read_lighteval(path: Path, metric: str | None = None) -> Iterator[Run]:
    """Yield the one run of a lighteval details file; a parquet file needs pyarrow (it comes with datasets)."""
    table = _read_parquet(path) if path.suffix == ".parquet" else read_json_lines(path)
    rows = tuple(_lighteval_row(number, line, metric) for number, line in enumerate(table))
    name = re.sub(r"^details_|_\d{4}-\d\d-\d\dT.*$|\.(parquet|jsonl)$", "", path.name)
    k = max((len(row.responses) for row in rows), default=1)
    fields = name.split("|")
    shots = int(fields[2]) if len(fields) > 2 and fields[2].isdigit() else None
    protocol = Protocol(shots=shots, k=k, metric="pass@1" if k == 1 else "avg@k", grader="symbolic")
    model = "/".join(path.parts[path.parts.index("details") + 1 : -2]) if "details" in path.parts else None
    yield Run(model or None, name, rows, protocol, Provenance("lighteval", str(path)), metric=metric)


def _read_parquet(path: Path) -> list[dict[str, Any]]:
    try:
        from pyarrow import ArrowException, parquet
    except ImportError as error:
        raise EvidenceError(
            "pyarrow, to read parquet", "it is not installed", "pip install datasets"
        ) from error
    try:
        rows: list[dict[str, Any]] = parquet.read_table(path).to_pylist()
    except (ArrowException, OSError) as error:
        raise EvidenceError(f"a readable {path}", str(error), "the file is damaged: copy it again") from error
    return rows


def _lighteval_row(number: int, line: Mapping[str, Any], metric: str | None) -> Row:
    doc, answer = _decoded(line.get("doc")), _decoded(line.get("model_response"))
    if isinstance(doc, dict) and isinstance(answer, dict):
        choices, index = doc.get("choices") or [], doc.get("gold_index", 0)
        index = index[0] if isinstance(index, list) else index
        gold = str(choices[index]) if choices else None
        texts, numbers, question = answer.get("text") or [""], line.get("metric"), doc.get("query")
    else:
        gold = first_text({"gold": _decoded(line.get("gold"))}, ("gold",))
        texts, numbers = _decoded(line.get("predictions")) or [""], line.get("metrics")
        question = line.get("example") or line.get("full_prompt")
    found = {k: float(v) for k, v in (_decoded(numbers) or {}).items() if isinstance(v, int | float | bool)}
    score = found.get(metric) if metric else next(iter(found.values()), None)
    return Row(
        str(number), str(question or ""), gold, tuple(str(t) for t in texts), score=score, metrics=found
    )


def _decoded(value: Any) -> Any:
    """Old files hold lists and mappings as JSON text."""
    if isinstance(value, str) and value[:1] in "[{":
        try:
            return json.loads(value)
        except json.JSONDecodeError:
            return value
    return value
