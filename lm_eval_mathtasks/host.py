"""`mathtasks run`: lm-eval's own `run`, with what it lacks put right from outside, all of it in this file.

- Our models and tasks are known; lm-eval's 14,000 YAMLs are read only if a requested task is not ours.
- Responses are written to disk as they come, and stay there until results and samples are safely written.
- Samples with characters that no file can hold are mended instead of lost; a run whose logs are missing or short of
  docs fails, where lm-eval prints a warning and exits with 0.
- A key in --model_args is refused, because lm-eval writes model_args into the results.

Every change is a replaced name in lm-eval, put back when the run ends; flags, tasks and results are lm-eval's.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import re
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from lm_eval_mathtasks import models
from lm_eval_mathtasks.check import file_problems, tasks_path
from lm_eval_mathtasks.errors import EvidenceError, ModelError, TaskError

log = logging.getLogger(__name__)

OUTPUT_PATH = "mathtasks-results"  # where the logs go if the user does not say
TRUNCATED_SHARE = 0.01  # above this share of cut-off responses the score is about the limit, not the model
_SURROGATE = re.compile("[\ud800-\udfff]")
_SECRET_ARGUMENT = re.compile(r"(api_?key|auth_?token|^token$|password|secret|^headers?$)", re.I)
_GLOB = re.compile(r"[*?\[]")
_LOCAL_MODELS = {"hf", "hf-auto", "huggingface", "vllm", "sglang"}


def run(arguments: Sequence[str]) -> int:
    """Run lm-eval with these arguments of its `run` command; return the exit status.

    0: all went well; 1: the run ended but some docs have no response. Raises MathtasksError for what the user can
    mend; whatever else lm-eval raises passes through, after a line that says where the responses are.
    """
    from lm_eval.utils import setup_logging

    setup_logging()
    logging.getLogger("lm_eval.api.task").addFilter(lambda record: "Custom kwargs" not in str(record.msg))
    args = parse(arguments)
    models.register()
    refuse_secrets(args.model_args)
    check_model_path(args)
    keeper = Keeper()
    with _changed_host(args, keeper):
        try:
            args.func(args)
        except BaseException:
            keeper.say_where()
            raise
    keeper.finish()
    return report(keeper)


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Parse lm-eval's `run` flags; logs are on unless the user turned them elsewhere."""
    from lm_eval._cli.run import Run

    parser = argparse.ArgumentParser(prog="mathtasks")
    Run.create(parser.add_subparsers(dest="command"))
    args = parser.parse_args(["run", *arguments])
    if not args.config:
        if not args.tasks:
            raise TaskError("tasks to run", "no --tasks", "for example --tasks gsm8k-cot; `mathtasks check` lists ours")
        args.output_path = args.output_path or OUTPUT_PATH
        args.log_samples = True
    return args


def refuse_secrets(model_args: dict[str, Any] | None) -> None:
    """Raise ModelError if an argument holds a key: lm-eval writes model_args into the results and prints them."""
    for name in model_args or {}:
        if _SECRET_ARGUMENT.search(name):
            raise ModelError(
                "model_args without secrets",
                f"{name}=...",
                "put the key into the environment (OPENAI_API_KEY): lm-eval writes model_args into its logs",
            )


def check_model_path(args: argparse.Namespace) -> None:
    """Raise ModelError if `pretrained=` names a local folder that is not there (a hub would be asked for it)."""
    name = str((args.model_args or {}).get("pretrained", ""))
    looks_local = name.startswith(("/", "./", "../", "~")) or name.count("/") > 1
    if (args.model or "hf") in _LOCAL_MODELS and looks_local and not Path(name).expanduser().exists():
        raise ModelError("a model folder or a hub name", f"pretrained={name}, which does not exist", "mend the path")


# --- tasks


def task_manager(args: argparse.Namespace, include_path: Any, metadata: dict[str, Any]) -> Any:
    """lm-eval's TaskManager over our tasks, the user's --include_path, and lm-eval's own tasks if one is asked for.

    Raises TaskError for a name nobody has, with names that are near and files that could not be read.
    """
    from lm_eval.tasks.manager import TaskManager

    extra = include_path if isinstance(include_path, list) else [include_path] if include_path else []
    folders = list(dict.fromkeys(Path(p).expanduser().resolve() for p in [tasks_path(), *extra]))
    for folder in folders[1:]:
        if not folder.is_dir():
            raise TaskError("a folder of tasks", f"--include_path {folder}, which does not exist", "mend the path")
    names = _requested(args.tasks)
    ours = TaskManager(include_path=list(folders), include_defaults=False, metadata=metadata)
    if all(name in ours.task_index or _is_path(name) for name in names):
        return ours
    everything = TaskManager(include_path=list(folders), metadata=metadata)
    if unknown := [n for n in names if not (_is_path(n) or everything.match_tasks([n]))]:
        raise _unknown_tasks(unknown, ours.all_tasks, everything.all_tasks, folders)
    return everything


def _requested(tasks: Any) -> list[str]:
    given = [tasks] if isinstance(tasks, str) else tasks or []
    return [name.strip() for item in given for name in str(item).split(",") if name.strip()]


def _is_path(name: str) -> bool:
    return not _GLOB.search(name) and (name.endswith(".yaml") or Path(name).is_dir())


def _unknown_tasks(unknown: list[str], ours: list[str], known: list[str], folders: list[Path]) -> TaskError:
    from difflib import get_close_matches

    near = {near: None for name in unknown for pool in (ours, known) for near in get_close_matches(name, pool, n=3)}
    broken = [str(problem) for problem in file_problems(folders)]
    return TaskError(
        "tasks that exist",
        ", ".join(map(repr, unknown)) + (f"; unreadable files: {'; '.join(broken)}" if broken else ""),
        (f"did you mean {', '.join(near)}? " if near else "") + f"Ours are {', '.join(ours)}",
    )


# --- what lm-eval is made to do differently


@contextmanager
def _changed_host(args: argparse.Namespace, keeper: Keeper) -> Iterator[None]:
    import lm_eval.evaluator
    import lm_eval.loggers
    import lm_eval.tasks

    original_evaluate = lm_eval.evaluator.evaluate

    def evaluate(*positional: Any, **named: Any) -> Any:
        keeper.watch(named["lm"])
        return original_evaluate(*positional, **named)

    def manager(include_path: Any = None, metadata: Any = None, **_: Any) -> Any:
        return task_manager(args, include_path, metadata or {})

    changes: list[tuple[Any, str, Any]] = [
        (lm_eval.tasks, "TaskManager", manager),
        (lm_eval.loggers, "EvaluationTracker", _tracker_class(keeper)),
        (lm_eval.evaluator, "evaluate", evaluate),
    ]
    originals = [(module, name, getattr(module, name)) for module, name, _ in changes]
    try:
        for module, name, value in changes:
            setattr(module, name, value)
        yield
    finally:
        for module, name, value in originals:
            setattr(module, name, value)


def _tracker_class(keeper: Keeper) -> type:
    from lm_eval.loggers import EvaluationTracker

    class Tracker(EvaluationTracker):  # type: ignore[misc]  # lm-eval publishes no types
        """lm-eval's tracker, whose files are looked at after it says that it has written them."""

        def __init__(self, *positional: Any, **named: Any) -> None:
            super().__init__(*positional, **named)
            keeper.tracker = self

        def save_results_aggregated(self, results: dict[str, Any], samples: dict[str, Any] | None = None) -> None:
            super().save_results_aggregated(results, samples)
            keeper.results = results
            if self.output_path:
                keeper.saved(_log_file(self, "results", ".json"), results)

        def save_results_samples(self, task_name: str, samples: list[dict[str, Any]]) -> None:
            clean = [mend(sample) for sample in samples]
            super().save_results_samples(task_name, clean)
            if self.output_path:
                keeper.saved(_log_file(self, f"samples_{task_name}", ".jsonl"), clean)

    return Tracker


def _log_file(tracker: Any, stem: str, suffix: str) -> Path:
    """Where lm-eval writes a log: in a folder of the model's name, or beside a results file that was named."""
    path, date = Path(tracker.output_path), getattr(tracker, "date_id", "unknown")
    if path.suffix == ".json":
        return path.with_name(f"{path.stem if stem == 'results' else stem}_{date}{suffix}")
    return path / str(tracker.general_config_tracker.model_name_sanitized) / f"{stem}_{date}{suffix}"


def mend(sample: dict[str, Any]) -> dict[str, Any]:
    """A sample that can be written: lone surrogates become U+FFFD. lm-eval would leave a file of 0 bytes."""
    from lm_eval.utils import handle_non_serializable

    text = json.dumps(sample, default=handle_non_serializable, ensure_ascii=False)
    return json.loads(_SURROGATE.sub("\ufffd", text)) if _SURROGATE.search(text) else sample


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
            name = f"responses_rank{rank}_{os.getpid()}"
            self.path = _log_file(self.tracker, name, ".jsonl")
            self.path.parent.mkdir(parents=True, exist_ok=True)
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
                raise EvidenceError("a log on disk", f"{error}", "free the disk or name another --output_path") from error
        self.logs.append(path)

    def say_where(self) -> None:
        """Tell the user where the responses of a run that failed are, and how to score them."""
        if self.path and self.kept:
            log.error(
                "%d responses are kept in %s; score them without asking the model again: "
                "mathtasks run --model replay --model_args path=%s --tasks ...",
                self.kept, self.path, self.path,
            )  # fmt: skip

    def finish(self) -> None:
        """Remove the file of responses once the samples that hold them are on disk."""
        if self._file is not None and self.path is not None:
            self._file.close()
            if any(path.name.startswith("samples_") for path in self.logs):
                self.path.unlink(missing_ok=True)


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


# --- after the run


def report(keeper: Keeper) -> int:
    """Print what the table does not say: where the logs are, cut-off and missing responses. Return the status."""
    failed = False
    for task, scores in (keeper.results.get("results") or {}).items():
        if (share := scores.get("truncated,none") or 0) > TRUNCATED_SHARE:
            print(
                f"{task}: {share:.1%} of the responses were cut off by the token limit; "
                "raise it with --gen_kwargs max_gen_toks=..."
            )
        if share := scores.get("api_error,none") or 0:
            failed = True
            print(f"{task}: {share:.1%} of the docs have no response (API errors); they are not in exact_match")
    for path in keeper.logs:
        print(f"log: {path}")
    return int(failed)
