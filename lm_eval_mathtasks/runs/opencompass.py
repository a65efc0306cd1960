"""OpenCompass's predictions/<model>/<dataset>.json: {"0": {origin_prompt, prediction, gold}, ...}.

As its sources write them (0.2 to 0.5): a large dataset is split into <dataset>_0.json, _1.json, each counting from 0;
with n repeats the whole set comes n times over in one file; verdicts, only of a run with --dump-eval-details, are in
results/<model>/<dataset>.json under `details`, a mapping by doc or a list, with one verdict a repeat in a list. A
reference that is falsy (the number 0) is left out. Such a results file is a run by itself where its details hold the
text ({prompt, origin_prediction, predictions, references, correct}, which is also what OpenCompass's web service
exports); `predictions` is then what the evaluator took from it. The configuration of a run lies beside them,
configs/<date>.py, and is read as literals, never run.
"""

import ast
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from lm_eval_mathtasks.errors import EvidenceError
from lm_eval_mathtasks.files import read_json
from lm_eval_mathtasks.runs.columns import first_text
from lm_eval_mathtasks.runs.decoding import stated_by
from lm_eval_mathtasks.runs.doubts import with_results
from lm_eval_mathtasks.runs.lm_eval_schema import number_in_cell, object_in
from lm_eval_mathtasks.runs.messages import message_text
from lm_eval_mathtasks.runs.records import Choice, Protocol, Provenance, Row, Run, Source, both_of, told
from lm_eval_mathtasks.runs.weights import weights_of_log

# Three digits at most: a longer number is a year.
_SHARD = re.compile(r"_\d{1,3}$")
# Characters at the beginning of a results file in which its first detail stands.
_LOOKED_AT = 100_000
# Of a model's configuration: objects within it, of generation and of arguments; settings of generation beside these,
# by their usual names; and what it is called. Its classes that load weights; the others ask a server.
_GENERATION, _ARGUMENTS = (
    ("generation_kwargs", "gen_config"),
    ("model_kwargs", "engine_config", "tokenizer_kwargs"),
)
_NESTED = (*_GENERATION, *_ARGUMENTS)
_OF_GENERATION = {
    "max_out_len": "max_tokens", "temperature": "temperature", "stop_words": "stop_words", "end_str": "end_str",
}  # fmt: skip
_BESIDE = ("abbr", "path", "type", "run_cfg", "key", "batch_size")
_LOADS = re.compile(r"HuggingFace|VLLM|TurboMind|LMDeploy", re.IGNORECASE)
# A template that puts words before or behind a turn.
_BEGINS = re.compile(r"'(?:begin|end)': '[^']")
# What asks once; others vote, or use tools.
_INFERS = re.compile(r"(?:^|\.)(?:Gen|Chat)Inferencer$")
# An evaluator that asks a model.
_JUDGES = re.compile(r"LLM|Judge|Cascade|Subjective")
_MARKS = ("correct", "is_correct", "cascade_correct")
Marks = list[tuple[float, ...]]


def source_of(file: Path, content: Any, named: bool) -> Source | None:
    """Return the shards of a data set that a prediction file belongs to; None if it is none. Arguments as in
    `lm_eval_logs.source_of`."""
    placed = file.suffix == ".json" and file.parent.parent.name
    if placed == "results" and not named and not _results_are_all(file):
        return None
    if placed == "results" or (isinstance(content, dict) and _entries(content.get("details"))):
        return Source(read_details, file, (file,))
    if placed != "predictions" and not _predictions_in(content):
        return None
    parts = shards(file)
    return Source(read_opencompass, parts[0], (*parts, *filter(Path.exists, [_results_beside(parts)])))


def read_opencompass(source: Source, _choice: Choice) -> Iterator[Run]:
    """Yield the one run of a prediction file; model and dataset are in its path."""
    path, parts = source.path, shards(source.path)
    entries = [entry for part in parts for entry in _predictions(part)]
    task = _task(parts)
    model = path.parent.name if path.parent.parent.name == "predictions" else None
    beside = _results_beside(parts)
    results = read_json(beside, EvidenceError) if model and beside.exists() else {}
    yield _run_of(path, model, task, entries, results if isinstance(results, dict) else {})


def _results_are_all(file: Path) -> bool:
    """Whether a results file has details, and there are no predictions of its data set."""
    folder = file.parent.parent.parent / "predictions" / file.parent.name
    beside = folder / file.name, folder / f"{file.stem}_0.json"
    if any(place.exists() for place in beside):
        return False
    with file.open(encoding="utf-8", errors="replace") as text:
        return "origin_prediction" in text.read(_LOOKED_AT)


def read_details(source: Source, _choice: Choice) -> Iterator[Run]:
    """Yield the one run of a results file with details; model and dataset are in its path.

    Raises EvidenceError where the details hold no responses, as those of a task that compares likelihoods.
    """
    path = source.path
    content = read_json(path, EvidenceError)
    details = content.get("details") if isinstance(content, dict) else None
    entries = _entries(details)
    if not entries or not all("origin_prediction" in entry for entry in entries):
        kind = details.get("type") if isinstance(details, dict) else None
        got = "a task that compares likelihoods" if kind == "PPL" else "details without `origin_prediction`"
        raise EvidenceError(f"responses in {path}", got, "pass predictions/, or run with --dump-eval-details")
    turned = [
        {**one, "origin_prompt": one.get("prompt"), "prediction": one["origin_prediction"]} for one in entries
    ]
    placed = path.parent.parent.name == "results"
    model, task = (path.parent.name, path.stem) if placed else (None, "")
    yield _run_of(path, model, task, turned, content)


def _run_of(
    path: Path, model: str | None, task: str, entries: Sequence[Mapping[str, Any]], results: Mapping[str, Any]
) -> Run:
    """The run of predictions, repeats block by block, with a verdict on each doc, as far as results hold them."""
    marks = [mark for entry in _entries(results.get("details")) if (mark := _marks(entry))]
    stated = number_in_cell(results.get("accuracy"))
    docs = _docs(entries)
    notes: tuple[str, ...] = ()
    if marks and len(marks) != docs:
        # Some evaluators leave out docs whose reference they cannot read, and the rest then has no place.
        notes = (f"results/ has {len(marks)} verdicts for {docs} docs: they are not used",)
        marks = []
    rows = tuple(_row(place, entries[place::docs], marks) for place in range(docs))
    provenance = Provenance("OpenCompass", str(path), notes=notes)
    run = Run(model, task, rows, _protocol(rows, marks), provenance, metric="correct" if marks else None)
    return with_results(_as_configured(run, path), None if stated is None else stated / 100)


def _as_configured(run: Run, path: Path) -> Run:
    """A run with what the newest configuration that names its model says of weights and generation."""
    configs = sorted((path.parents[2] / "configs").glob("*.py")) if run.model else []
    named = (
        one for file in reversed(configs) for one in _listed(file, "models") if one.get("abbr") == run.model
    )
    model = next(named, None)
    if model is None:
        return run
    sets = (
        one for file in reversed(configs) for one in _listed(file, "datasets") if one.get("abbr") == run.task
    )
    data_set = next(sets, {})
    asks = object_in(data_set, "infer_cfg")
    inferencer = object_in(asks, "inferencer").get("type")
    examples = object_in(asks, "retriever").get("fix_id_list")
    evaluator = str(object_in(object_in(data_set, "eval_cfg"), "evaluator").get("type"))
    nested = {name: value for name in _NESTED if isinstance(value := model.get(name), dict)}
    generation = {k: v for name in _GENERATION for k, v in nested.get(name, {}).items()}
    generation |= {ours: model[name] for name, ours in _OF_GENERATION.items() if model.get(name) is not None}
    arguments = {k: v for k, v in model.items() if k not in {*_NESTED, *_OF_GENERATION, *_BESIDE}}
    arguments |= {k: v for name in _ARGUMENTS for k, v in nested.get(name, {}).items()}
    if not _BEGINS.search(str(arguments.get("meta_template"))):
        # Roles alone say nothing.
        arguments.pop("meta_template", None)
    if inferencer and not _INFERS.search(str(inferencer)):
        generation["inferencer"] = inferencer
    if _JUDGES.search(evaluator):
        generation["evaluator"] = evaluator
    if isinstance(examples, list):
        generation["num_fewshot"] = len(examples)
    asked, settings = stated_by(generation, arguments)
    weights = weights_of_log(str(model.get("path") or ""), arguments, lm_eval=False)
    served = model.get("openai_api_base") or not _LOADS.search(str(model.get("type")))
    return told(run, asked, settings=settings, weights=replace(weights, stated=True, served=bool(served)))


def _listed(file: Path, name: str) -> list[Mapping[str, Any]]:
    """The models or data sets that a configuration lists; none where it is no list of literals."""
    try:
        listed = (
            _literal(one.value)
            for one in ast.parse(file.read_text(encoding="utf-8", errors="replace")).body
            if isinstance(one, ast.Assign) and ast.unparse(one.targets[0]) == name
        )
        return [one for every in listed for one in every if isinstance(one, dict)]
    except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError):
        return []


def _literal(node: ast.AST) -> Any:
    """The value of a literal, of which `dict(...)` is one here."""
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "dict":
        return {str(one.arg): _literal(one.value) for one in node.keywords}
    if isinstance(node, ast.List | ast.Tuple):
        return [_literal(one) for one in node.elts]
    return ast.literal_eval(node)


def _protocol(rows: Sequence[Row], marks: Marks) -> Protocol:
    """What a score is: one verdict on several responses may be that of any of them, or of a vote."""
    k = max(len(row.responses) for row in rows)
    single = k > 1 and bool(marks) and all(len(mark) == 1 for mark in marks)
    return Protocol(k=k, metric="pass@1" if k == 1 else None if single else "avg@k")


def _entries(details: Any) -> list[dict[str, Any]]:
    """The details of the docs, in their order; beside them stands the kind of task."""
    values = details.values() if isinstance(details, dict) else details if isinstance(details, list) else ()
    return [value for value in values if isinstance(value, dict)]


def _row(place: int, repeats: Sequence[Mapping[str, Any]], marks: Marks) -> Row:
    first = repeats[0]
    texts = [text for entry in repeats for text in _texts(entry["prediction"])]
    return Row(
        doc_id=str(place),
        question=_last_human_turn(first.get("origin_prompt")),
        **both_of(first_text(first, ("gold", "references", "answer"))),
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
    content = read_json(path, EvidenceError)
    if not _predictions_in(content):
        keys = ", ".join(list(content)[:6]) if isinstance(content, dict) else type(content).__name__
        fix = "pass the folder of the run"
        raise EvidenceError(f"OpenCompass predictions in {path}", f"JSON with {keys}", fix)
    return list(content.values())


def _predictions_in(content: Any) -> bool:
    entries = list(content.values()) if isinstance(content, dict) else []
    return bool(entries) and all(isinstance(entry, dict) and "prediction" in entry for entry in entries)


def shards(path: Path) -> list[Path]:
    """Return all parts of a split dataset in order, given any of them; else the file itself."""
    if not _SHARD.search(path.stem):
        return [path]
    stem = _SHARD.sub("", path.stem)
    parts = [p for p in path.parent.glob(f"{stem}_*.json") if _SHARD.sub("", p.stem) == stem]
    return sorted(parts, key=lambda p: int(p.stem.rsplit("_", 1)[1]))


def _last_human_turn(prompt: Any) -> str:
    if isinstance(prompt, list):
        turns = [one for one in prompt if isinstance(one, dict) and one.get("role") in ("HUMAN", "user")]
        return str(turns[-1].get("prompt", turns[-1].get("content", ""))) if turns else ""
    return str(prompt or "")


def _task(parts: Sequence[Path]) -> str:
    return _SHARD.sub("", parts[0].stem) if len(parts) > 1 else parts[0].stem


def _results_beside(parts: Sequence[Path]) -> Path:
    folder = parts[0].parent
    return folder.parent.parent / "results" / folder.name / f"{_task(parts)}.json"


def _marks(entry: Mapping[str, Any]) -> tuple[float, ...]:
    """The verdicts on a doc, one for each response; none where there are none."""
    mark = next((entry[name] for name in _MARKS if entry.get(name) is not None), ())
    return tuple(map(float, mark if isinstance(mark, list | tuple) else [mark]))
