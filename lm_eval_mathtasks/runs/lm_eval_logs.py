"""lm-eval's logs: results_<date>.json beside samples_<task>_<date>.jsonl.

The schema is lm-eval 0.4.9 to 0.4.13: one line per doc *and filter*; `arg_0` of a chat model is a list with one
JSON string; with `repeats` all responses are in `resps`, and the metrics are of the doc as a whole.
A pack (`pack.py`) is such a log with a line per doc: further filters are folded into it, and text may be missing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from lm_eval_mathtasks.errors import EvidenceError
from lm_eval_mathtasks.files import sha256
from lm_eval_mathtasks.grading.tolerance import as_tolerance
from lm_eval_mathtasks.journal.schema import DEFAULT_PATH
from lm_eval_mathtasks.runs.filters import choose_metric, other_filters
from lm_eval_mathtasks.runs.records import (
    LEVEL,
    SUBJECT,
    Protocol,
    Provenance,
    Row,
    Run,
    both_of,
    first_text,
    read_json,
    read_json_lines,
)

RESULTS = re.compile(r"results_(?P<date>.+)\.json$")
_GRADERS = {"strict-match": "strict", "get-answer": "strict", "flexible-extract": "flexible"}
FOLDED = "other_filters"  # key of a pack's line: what a doc's lines under further filters say otherwise
PACKED = "packed"  # key of a pack's results: how it asked, where the samples no longer say
REPLAY = "replay"  # the model that answers from a file: how those responses were made, its log cannot know
_STEPS = re.compile(r"step[- ]by[- ]step|chain of thought|show your work", re.IGNORECASE)
QUESTION = ("question", "problem", "Question", "Problem", "query")
GOLD = ("gold", "answer", "final_answer", "Answer", "target", "solution")


def read_lm_eval(path: Path, metric: str | None = None) -> Iterator[Run]:
    """Yield the runs of one results file, a task each; raises EvidenceError where samples are missing or do not fit."""
    results = read_json(path)
    if not isinstance(results, dict) or "results" not in results:
        raise EvidenceError(f"lm-eval's results in {path}", "no key `results`", "pass the folder of the run")
    match = RESULTS.search(path.name)
    date = match["date"] if match else "*"
    tasks = [task for task in results.get("configs", {}) if task in results["results"]]
    if not tasks:
        raise EvidenceError(f"tasks in {path}", "none", "run again")
    for task in tasks:
        yield _read_task(path, results, task, date, metric)


def _read_task(path: Path, results: Mapping[str, Any], task: str, date: str, metric: str | None) -> Run:
    files = sorted(path.parent.glob(f"samples_{task}_{date}.jsonl*"))
    if not files:
        raise EvidenceError(
            f"samples of {task} beside {path}",
            "results only",
            "run again with --log_samples: without responses nothing can be explained",
        )
    return read_samples(files[0], path, results, task, metric)[0]


def read_samples(
    file: Path, path: Path, results: Mapping[str, Any], task: str, metric: str | None = None
) -> tuple[Run, list[dict[str, Any]]]:
    """Return the run in a samples file, and the line that each of its rows stands for. path, results: of the results
    file, {} where there is none. Raises EvidenceError where the two do not fit."""
    # The filtered responses are the responses again: half of a long log.
    lines = unfolded(read_json_lines(file, without=("filtered_resps",)))
    _check_hashes(results, task, lines, file)
    name, filter_name = choose_metric(lines, metric, path)
    rows = tuple(_rows(lines, name, filter_name))
    counts = results.get("n-samples", {}).get(task, {})
    if isinstance(expected := counts.get("effective"), int) and expected != len(rows):
        raise EvidenceError(
            f"{expected} docs of {task}, as {path.name} says",
            f"{len(rows)} in {file.name}",
            "half a run: run it again",
        )
    run = Run(
        model=model_name(results),
        task=task,
        rows=rows,
        protocol=_protocol(results, task, lines[0], filter_name),
        provenance=replace(
            _provenance(path, results, task, counts.get("original")),
            notes=other_filters(lines, name, filter_name),
        ),
        metric=f"{name},{filter_name}" if name else None,
    )
    return run, [line for line in lines if line.get("filter", "none") == filter_name]


def unfolded(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return a pack's lines as lm-eval wrote them: all docs of one filter, then all of the next."""
    further = [
        {**line, "filter": name, **facts}
        for name in dict.fromkeys(name for line in lines for name in line.get(FOLDED, ()))
        for line in lines
        if (facts := line.get(FOLDED, {}).get(name)) is not None
    ]
    return lines + further


def _check_hashes(results: Mapping[str, Any], task: str, lines: list[dict[str, Any]], path: Path) -> None:
    """lm-eval notes a hash over all docs, prompts and targets: samples of another run or task version do not fit."""
    stated = results.get("task_hashes", {}).get(task)
    parts = [line.get(key) for line in lines for key in ("doc_hash", "prompt_hash", "target_hash")]
    if not stated or None in parts:
        return
    actual = sha256("".join(map(str, parts)))
    if actual != stated:
        raise EvidenceError(
            f"samples of {task} that belong to its results",
            f"{path.name} with other docs, prompts or targets (hash {actual[:12]}, results say {stated[:12]})",
            "the file is of another run or task version, or was cut: take both files of one run",
        )


def _rows(lines: list[dict[str, Any]], name: str | None, filter_name: str) -> Iterator[Row]:
    """Join the lines of one doc; a doc that comes twice under one filter stays twice, for the check to name it."""
    numbers: dict[Any, dict[str, float]] = {}
    for line in lines:
        own = numbers.setdefault(line.get("doc_id"), {})
        for metric in line.get("metrics", ()):
            if isinstance(line.get(metric), int | float):
                own[f"{metric},{line.get('filter', 'none')}"] = float(line[metric])
    for line in lines:
        if line.get("filter", "none") != filter_name:
            continue
        own = numbers[line.get("doc_id")]
        doc: dict[str, Any] = line["doc"] if isinstance(line.get("doc"), dict) else {}
        target = first_text(line, ("target",))
        yield Row(
            doc_id=str(line.get("doc_id")),
            question=first_text(doc, QUESTION) or "",
            **both_of(first_text(doc, GOLD) or target, target),
            responses=_responses(line),
            finish=tuple(reason for group in line.get("finish_reasons", ()) for reason in group),
            score=own.get(f"{name},{filter_name}") if name else None,
            metrics=own,
            prompt=_prompt(line),
            doc_hash=line.get("doc_hash"),
            prompt_hash=line.get("prompt_hash"),
            answers=None if "resps" in line or "verdicts" not in line else _answers(line),
            subject=first_text(doc, SUBJECT),
            level=first_text(doc, LEVEL),
            tolerance=as_tolerance(str(doc["error"])) if "gold" in doc and "error" in doc else None,
        )


def _responses(line: Mapping[str, Any]) -> tuple[str, ...]:
    if "resps" not in line:
        return ("",) * len(line.get("response_sha256", ()))
    return tuple(str(text) for group in line["resps"] for text in group)


def _answers(line: Mapping[str, Any]) -> tuple[str | None, ...]:
    return tuple((verdict or {}).get("answer") for verdict in line["verdicts"])


def _arguments(line: Mapping[str, Any]) -> list[Any]:
    """The arguments of a line's first request: [prompt, generation settings]."""
    requests = line.get("arguments")
    if isinstance(requests, dict):
        first: Any = next(iter(requests.values()), {})
        return list(first.values()) if isinstance(first, dict) else list(first)
    return list(requests[0]) if isinstance(requests, list) and requests else []


def _prompt(line: Mapping[str, Any]) -> str | None:
    arguments = _arguments(line)
    prompt = arguments[0] if arguments else None
    if isinstance(prompt, list) and len(prompt) == 1:
        prompt = prompt[0]
    return prompt if isinstance(prompt, str) else None


def model_arguments(results: Mapping[str, Any]) -> dict[str, Any]:
    """Return the --model_args of a run."""
    arguments = results.get("config", {}).get("model_args")
    if isinstance(arguments, str):
        return dict(part.split("=", 1) for part in arguments.split(",") if "=" in part)
    return arguments if isinstance(arguments, dict) else {}


def model_name(results: Mapping[str, Any]) -> str | None:
    """The name the command gave, with that of an adapter; lm-eval's own is a random id where it gave none."""
    arguments = model_arguments(results)
    named = [arguments[key] for key in ("pretrained", "model", "model_id") if arguments.get(key)]
    name = named[0] if named else results.get("model_name")
    adapter = arguments.get("peft") or arguments.get("lora_local_path")
    return " + ".join(str(part) for part in (name, adapter) if part) or None


def _journal(results: Mapping[str, Any]) -> str | None:
    """The journal of our API models: named in the arguments, or of the usual name in the working directory. A pack
    has taken what it needs from it."""
    if PACKED in results:
        return None
    ours = str(results.get("config", {}).get("model")).startswith("mathtasks-")
    return str(model_arguments(results).get("journal") or DEFAULT_PATH) if ours else None


def _protocol(results: Mapping[str, Any], task: str, line: Mapping[str, Any], filter_name: str) -> Protocol:
    if results.get("config", {}).get("model") == REPLAY:
        k = int(results.get("configs", {}).get(task, {}).get("repeats") or 1)
        # One response a doc may be the one that a vote or a verifier chose.
        return Protocol(k=k, metric=None if k == 1 else "avg@k", grader=_grader_of(task, filter_name))
    config = results.get("configs", {}).get(task, {})
    arguments = _arguments(line)
    settings = arguments[1] if len(arguments) > 1 and isinstance(arguments[1], dict) else {}
    settings = {**config.get("generation_kwargs", {}), **settings}
    limit = settings.get("max_gen_toks") or settings.get("max_tokens") or settings.get("max_new_tokens")
    temperature = settings.get("temperature")
    if temperature is None and settings.get("do_sample") is False:
        temperature = 0.0
    k = int(config.get("repeats") or 1)
    prompt = _prompt(line) or ""
    # A rescored log may not say.
    stated = bool(results["chat_template"]) if "chat_template" in results else None
    protocol = Protocol(
        shots=results.get("n-shot", {}).get(task),
        cot=_asks_for_steps(task, prompt, int(results.get("n-shot", {}).get(task) or 0)),
        tools="none",
        chat_template=True if prompt.lstrip().startswith('[{"role"') else stated,
        temperature=temperature,
        top_p=settings.get("top_p"),
        max_tokens=limit,
        metric="pass@1" if k == 1 else "avg@k",
        k=k,
        grader="symbolic" if "rescored" in results else _grader_of(task, filter_name),
        system_prompt=bool(results.get("system_instruction")),
    )
    return replace(protocol, **results.get(PACKED, {}).get("protocol", {}))


def _grader_of(task: str, filter_name: str) -> str | None:
    return _GRADERS.get(filter_name, "symbolic" if "-" in task else None)


def _asks_for_steps(task: str, prompt: str, shots: int) -> bool | None:
    """Whether the prompt asks for reasoning, or shows it; None where neither name nor words tell."""
    if "direct" in task or "no_cot" in task:
        return False
    shown = shots > 0 and "####" in prompt  # GSM8K's own solutions are worked solutions
    return True if "cot" in task or shown or _STEPS.search(prompt) else None


def _provenance(path: Path, results: Mapping[str, Any], task: str, docs: Any) -> Provenance:
    config = results.get("config", {})
    about = results.get("configs", {}).get(task, {}).get("metadata") or {}
    version = results.get("versions", {}).get(task)
    return Provenance(
        harness="lm-eval",
        path=str(path),
        version=results.get("lm_eval_version"),
        task_version=None if version is None else str(version),
        date=str(results.get("date")) if results.get("date") else None,
        commit=results.get("git_hash"),
        docs_of_task=docs if isinstance(docs, int) else None,
        journal=_journal(results),
        settings={
            "backend": config.get("model"),
            "limit": config.get("limit"),
            "gen_kwargs": config.get("gen_kwargs"),
            "batch_size": config.get("batch_size"),
            "fewshot_as_multiturn": results.get("fewshot_as_multiturn"),
            "transformers": results.get("transformers_version"),
            "seed": config.get("random_seed"),
            **{name: about[name] for name in ("preset", "preset_deviations") if about.get(name)},
        },
    )
