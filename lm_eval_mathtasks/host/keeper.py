"""Keeps what a run produced: responses as they come, then the logs, looked at after lm-eval says it wrote them."""

import errno
import json
import logging
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Set
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO

from lm_eval_mathtasks.errors import EvidenceError, as_error
from lm_eval_mathtasks.host.repeats import repeat_numbers, with_seeds
from lm_eval_mathtasks.host.resume import NEWEST, Kept, kept_responses, move_generator, request_digest
from lm_eval_mathtasks.response import Response
from lm_eval_mathtasks.text import encodable

log = logging.getLogger(__name__)

# A disk or a quota is full, a file too large, or the disk is broken or may not be written.
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS}
API_ERROR = "api_error"  # in the log, how a response ended that never came


class Keeper:
    """Keeps what a run produced: every response on disk as it comes, then the list of logs that were written."""

    def __init__(self, resume: str | None = None) -> None:
        self.tracker: Any = None
        self.results: dict[str, Any] = {}
        self.logs: list[Path] = []
        self.path: Path | None = None
        self.kept = 0
        self.begun = False
        self.stamp: dict[str, object] = {}
        self.unknown_cuts: list[str] = []  # tasks
        self.asked: defaultdict[str, set[Any]] = defaultdict(set)  # docs by task
        self.logged: defaultdict[str, set[Any]] = defaultdict(set)
        self._resume = resume
        self._earlier: Kept | None = None
        self._file: TextIO | None = None
        self._waiting: defaultdict[Any, deque[dict[str, Any]]] = defaultdict(deque)

    def watch(self, lm: Any) -> None:
        """Have every response of `lm` written as it comes (through the hook that lm-eval's cache uses, where that is
        free) and at the latest when the model returns them; ask repeats with their seeds, and only what is not kept
        from a run that died."""
        self.begun = True
        original: Callable[..., list[str]] = lm.generate_until
        if type(lm).__name__ != "CachingLM" and hasattr(lm, "set_cache_hook"):
            lm.set_cache_hook(self)

        def generate_until(requests: list[Any], *positional: Any, **named: Any) -> list[str]:
            self._open(rank=getattr(lm, "rank", 0))
            # The others hand their samples to this one, which writes the logs.
            if getattr(lm, "rank", 0) == 0:
                for request in requests:
                    self.asked[request.task_name].add(request.doc_id)
            numbers = repeat_numbers(requests)
            asked = with_seeds(lm, requests, numbers)
            found = self._expect(asked, numbers)
            missing = [request for i, request in enumerate(asked) if i not in found]
            responses = original(missing, *positional, **named) if missing else []
            for request, response in zip(missing, responses, strict=True):
                self.add_partial("generate_until", request.args, response)
            fresh = iter(responses)
            return [found[i] if i in found else next(fresh) for i in range(len(asked))]

        lm.generate_until = generate_until

    def _open(self, rank: int) -> None:
        """Start the file of responses, where the run writes logs at all."""
        if self._file is not None or self.tracker is None or not self.tracker.output_path:
            return
        folder = log_file(self.tracker, "results", ".json").parent
        path = folder / f"responses_rank{rank}_{datetime.now():%Y-%m-%dT%H-%M-%S.%f}.jsonl"
        with as_error(EvidenceError, "a folder for the logs", "name another --output_path", OSError):
            folder.mkdir(parents=True, exist_ok=True)
            self._earlier = kept_responses(self._resume, folder) if self._resume else None
            self._file = path.open("w", encoding="utf-8", buffering=1)
        self.path = path

    def _expect(self, requests: list[Any], numbers: list[int]) -> dict[int, Response]:
        """Note which responses will come; return those that are kept already, by place."""
        model = str(self.tracker.general_config_tracker.model_name) if self.tracker else ""
        found: dict[int, Response] = {}
        for place, (request, number) in enumerate(zip(requests, numbers, strict=True)):
            doc = request.doc if isinstance(request.doc, dict) else {}
            row = {"task": request.task_name, "doc_id": request.doc_id, "repeat": number}
            row["question"] = doc.get("question", doc.get("problem"))
            row["asked"] = request_digest(model, request)
            response = self._earlier.take(row["asked"], number) if self._earlier else None
            if response is None:
                self._waiting[_prompt(request.args)].append(row | {"settings": request.args[1:]})
            else:
                found[place] = response
                self._write(row, response)
        if self._earlier:
            self._say_resumed(len(found), len(requests))
        return found

    def _say_resumed(self, found: int, wanted: int) -> None:
        paths = ", ".join(map(str, self._earlier.paths)) if self._earlier else ""
        if not found and self._resume != NEWEST:
            got = f"{paths} with none of them: another model, task, prompt or other generation arguments"
            fix = "run the command that was killed, with --resume"
            raise EvidenceError("responses to these requests", got, fix)
        if found:
            move_generator(found)
            print(f"{found} of {wanted} responses are kept in {paths}; {wanted - found} are asked for now")

    def add_partial(self, kind: str, arguments: Any, response: Any) -> None:
        """lm-eval's cache hook: one response is there. A response that was written already is passed over."""
        waiting = self._waiting.get(_prompt(arguments))
        if kind != "generate_until" or not waiting or self._file is None:
            return
        row = _of_seed(waiting, arguments)
        waiting.remove(row)
        self._write({key: value for key, value in row.items() if key != "settings"}, response)

    def _write(self, row: Mapping[str, object], response: Any) -> None:
        if self._file is None:
            return
        told = {k: v for k in ("finish_reason", "error") if (v := getattr(response, k, None))}
        self._file.write(json.dumps({**row, "response": str(response), **told}) + "\n")
        self.kept += 1

    def saved(self, path: Path, content: Any) -> None:
        """Note a log that lm-eval says it wrote. Writes it here if it is not there or short of docs; raises
        EvidenceError if that fails too."""
        from lm_eval.utils import handle_non_serializable

        wanted = len(content) if isinstance(content, list) else 1
        if not _holds(path, wanted, lines=isinstance(content, list)):
            rows = content if isinstance(content, list) else [content]
            dump = [json.dumps(row, default=handle_non_serializable) for row in rows]
            fix = "free the disk or name another --output_path"
            with as_error(EvidenceError, "a log on disk", fix, OSError):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text("\n".join(dump) + "\n", encoding="utf-8")
        self.logs.append(path)

    def require_complete(self) -> None:
        """Raise EvidenceError unless results were written, and samples of every doc that was asked."""
        short = [
            f"{len(self.logged[task])} of {len(docs)} docs of {task}"
            for task, docs in self.asked.items()
            if len(self.logged[task]) < len(docs)
        ]
        if self.asked and not self.results:
            short.append("no results")
        if short:
            fix = "replay the responses that are kept"
            raise EvidenceError("results and samples of every doc", "; ".join(short), fix)

    def say_where(self, journals: Set[str] = frozenset()) -> None:
        """Tell the user where the responses of a run that failed are, and how to score them; those of an API model are
        in its journal."""
        with suppress(OSError):
            self._close()
        if journals:
            again = "the same command asks only for what is missing"
            log.error("the answers are in %s: %s", ", ".join(sorted(journals)), again)
        elif self.path and self.kept:
            log.error(
                "%d responses are kept in %s; go on where it stopped: the same command with --resume %s; "
                "if all are there, score them: mathtasks run --model replay --model_args path=%s --tasks ...",
                self.kept, self.path, self.path, self.path,
            )  # fmt: skip

    def raise_full(self, error: BaseException, journals: Set[str]) -> None:
        """Raise EvidenceError if a run ended because a disk cannot be written: where its answers are, how to go on."""
        if not isinstance(error, OSError) or error.errno not in _NO_ROOM:
            return
        again = "free the disk or name another --output_path, and run the same command"
        kept = f"{again} with --resume: {self.kept} responses are kept in {self.path}"
        paid = f"{again}: the answers are in {', '.join(sorted(journals))}, and none is paid twice"
        raise EvidenceError("logs on disk", str(error), paid if journals else kept) from error

    def finish(self) -> None:
        """Remove the file of responses once the samples that hold them are on disk."""
        self._close()
        if self.path and any(path.name.startswith("samples_") for path in self.logs):
            self.path.unlink(missing_ok=True)
            if self._earlier:
                self._earlier.remove_spent()

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def _prompt(arguments: Any) -> str:
    return str(arguments[0])


def _of_seed(waiting: deque[dict[str, Any]], arguments: Any) -> dict[str, Any]:
    """The row that a response is for: repeats of one prompt are told apart by their seed, else they come in order."""
    seed = _seed(arguments[1:])
    return next((row for row in waiting if _seed(row["settings"]) == seed), waiting[0])


def _seed(settings: Any) -> Any:
    return settings[0].get("seed") if settings and isinstance(settings[0], dict) else None


def _holds(path: Path, wanted: int, *, lines: bool) -> bool:
    """Is the log there, and complete? A disk that is full leaves half a file, or half a last line."""
    if not path.is_file() or not path.stat().st_size:
        return False
    with path.open("rb") as file:
        if lines:
            found = [line[-1:] for line in file if line.strip()]
            return len(found) == wanted and found[-1] == b"\n"
        try:
            return bool(json.load(file))
        except ValueError:
            return False


def log_file(tracker: Any, stem: str, suffix: str) -> Path:
    """Where lm-eval writes a log: in a folder of the model's name, or beside a results file that was named."""
    path, date = Path(tracker.output_path), getattr(tracker, "date_id", "unknown")
    if path.suffix == ".json":
        return path.with_name(f"{path.stem if stem == 'results' else stem}_{date}{suffix}")
    return path / str(tracker.general_config_tracker.model_name_sanitized) / f"{stem}_{date}{suffix}"


def note_finish_reasons(sample: dict[str, Any]) -> dict[str, Any]:
    """A sample with `finish_reasons`, nested as its `resps`, where the model told any; "api_error" is no response."""
    reasons = [
        [API_ERROR if getattr(r, "error", None) else getattr(r, "finish_reason", None) for r in group]
        for group in sample["resps"]
    ]
    return {**sample, "finish_reasons": reasons} if any(any(group) for group in reasons) else sample


def writable(sample: dict[str, Any]) -> dict[str, Any]:
    """A sample that can be written: lone surrogates become U+FFFD. lm-eval would leave a file of 0 bytes."""
    from lm_eval.utils import handle_non_serializable

    text = json.dumps(sample, default=handle_non_serializable, ensure_ascii=False)
    clean = encodable(text)
    return sample if clean == text else json.loads(clean)
