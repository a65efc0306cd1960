"""Keeps what a run produced: responses as they come, then the logs, looked at after lm-eval says it wrote them."""

from __future__ import annotations

import json
import logging
from collections import Counter, defaultdict, deque
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO

from lm_eval_mathtasks.errors import EvidenceError
from lm_eval_mathtasks.response import encodable

log = logging.getLogger(__name__)


class Keeper:
    """Keeps what a run produced: every response on disk as it comes, then the list of logs that were written."""

    def __init__(self) -> None:
        self.tracker: Any = None
        self.results: dict[str, Any] = {}
        self.logs: list[Path] = []
        self.path: Path | None = None
        self.kept = 0
        self._file: TextIO | None = None
        self._waiting: defaultdict[Any, deque[dict[str, Any]]] = defaultdict(deque)

    def watch(self, lm: Any) -> None:
        """Have every response of `lm` written as it comes (through the hook that lm-eval's cache uses, where that is
        free) and at the latest when the model returns them."""
        original: Callable[..., list[str]] = lm.generate_until
        if type(lm).__name__ != "CachingLM" and hasattr(lm, "set_cache_hook"):
            lm.set_cache_hook(self)

        def generate_until(requests: list[Any], *positional: Any, **named: Any) -> list[str]:
            self._expect(requests, rank=getattr(lm, "rank", 0))
            responses = original(requests, *positional, **named)
            for request, response in zip(requests, responses, strict=True):
                self.add_partial("generate_until", request.args, response)
            return responses

        lm.generate_until = generate_until

    def _expect(self, requests: list[Any], rank: int) -> None:
        seen: Counter[int] = Counter()
        for request in requests:
            doc = request.doc if isinstance(request.doc, dict) else {}
            row = {"task": request.task_name, "doc_id": request.doc_id, "repeat": seen[id(request)]}
            row["question"] = doc.get("question", doc.get("problem"))
            seen[id(request)] += 1
            self._waiting[_prompt(request.args)].append(row)
        if self._file is None and self.tracker is not None and self.tracker.output_path:
            folder = log_file(self.tracker, "results", ".json").parent
            folder.mkdir(parents=True, exist_ok=True)
            self.path = folder / f"responses_rank{rank}_{datetime.now():%Y-%m-%dT%H-%M-%S.%f}.jsonl"
            self._file = self.path.open("w", encoding="utf-8", buffering=1)

    def add_partial(self, kind: str, arguments: Any, response: Any) -> None:
        """lm-eval's cache hook: one response is there. A response that was written already is passed over."""
        waiting = self._waiting.get(_prompt(arguments))
        if kind != "generate_until" or not waiting or self._file is None:
            return
        row = waiting.popleft() | {"response": str(response)}
        row |= {k: v for k in ("finish_reason", "error") if (v := getattr(response, k, None))}
        self._file.write(json.dumps(row) + "\n")
        self.kept += 1

    def saved(self, path: Path, content: Any) -> None:
        """Note a log that lm-eval says it wrote. Writes it here if it is not there or short of docs; raises
        EvidenceError if that fails too."""
        from lm_eval.utils import handle_non_serializable

        wanted = len(content) if isinstance(content, list) else 1
        if not _holds(path, wanted, lines=isinstance(content, list)):
            rows = content if isinstance(content, list) else [content]
            dump = [json.dumps(row, default=handle_non_serializable) for row in rows]
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text("\n".join(dump) + "\n", encoding="utf-8")
            except OSError as error:
                raise EvidenceError(
                    "a log on disk", f"{error}", "free the disk or name another --output_path"
                ) from error
        self.logs.append(path)

    def say_where(self) -> None:
        """Tell the user where the responses of a run that failed are, and how to score them."""
        self._close()
        if self.path and self.kept:
            log.error(
                "%d responses are kept in %s; score them without asking the model again: "
                "mathtasks run --model replay --model_args path=%s --tasks ...",
                self.kept, self.path, self.path,
            )  # fmt: skip

    def finish(self) -> None:
        """Remove the file of responses once the samples that hold them are on disk."""
        self._close()
        if self.path and any(path.name.startswith("samples_") for path in self.logs):
            self.path.unlink(missing_ok=True)

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def _prompt(arguments: Any) -> str:
    return str(arguments[0])


def _holds(path: Path, wanted: int, *, lines: bool) -> bool:
    """Is the log there, and complete?"""
    if not path.is_file() or not path.stat().st_size:
        return False
    if not lines:
        return True
    with path.open("rb") as file:
        return sum(1 for line in file if line.strip()) == wanted


def log_file(tracker: Any, stem: str, suffix: str) -> Path:
    """Where lm-eval writes a log: in a folder of the model's name, or beside a results file that was named."""
    path, date = Path(tracker.output_path), getattr(tracker, "date_id", "unknown")
    if path.suffix == ".json":
        return path.with_name(f"{path.stem if stem == 'results' else stem}_{date}{suffix}")
    return path / str(tracker.general_config_tracker.model_name_sanitized) / f"{stem}_{date}{suffix}"


def mend(sample: dict[str, Any]) -> dict[str, Any]:
    """A sample that can be written: lone surrogates become U+FFFD. lm-eval would leave a file of 0 bytes."""
    from lm_eval.utils import handle_non_serializable

    text = json.dumps(sample, default=handle_non_serializable, ensure_ascii=False)
    clean = encodable(text)
    return sample if clean == text else json.loads(clean)
