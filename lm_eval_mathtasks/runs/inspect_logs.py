"""Inspect's logs, as JSON or packed (.eval)."""

import io
import json
import re
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from lm_eval_mathtasks.errors import EvidenceError
from lm_eval_mathtasks.files import read_json, require_bounded
from lm_eval_mathtasks.runs.decoding import stated_by
from lm_eval_mathtasks.runs.doubts import doubted, fewer_repeats, with_results
from lm_eval_mathtasks.runs.lines import read_line
from lm_eval_mathtasks.runs.lm_eval_schema import number_in_cell, object_in
from lm_eval_mathtasks.runs.messages import model_output
from lm_eval_mathtasks.runs.plain import runs_of_lines
from lm_eval_mathtasks.runs.records import (
    API_ERROR,
    GENERATION,
    Choice,
    Protocol,
    Provenance,
    Refused,
    Run,
    Source,
    Total,
    told,
)
from lm_eval_mathtasks.runs.unheard import unheard
from lm_eval_mathtasks.runs.weights import Weights, called_otherwise, weights_of_log

# Compression method 93, and the header before a file: signature, 22 bytes, lengths of its name and its extra field.
_ZSTD, _LOCAL_HEADER = 93, "<4s22xHH"
_DAMAGED = (zipfile.BadZipFile, zlib.error, struct.error, KeyError, ValueError, OSError, RecursionError,
            NotImplementedError)  # fmt: skip
# Its providers that load the weights themselves; a server may call anything so.
_LIBRARIES = ("hf", "vllm", "sglang", "nnterp", "transformer_lens")
# Solvers that ask once, with a prompt that stands in the log; any other may ask again, or choose.
_ASK = frozenset({"generate", "prompt_template", "user_message", "system_message", "chain_of_thought"})
# Parameters of the first of them that say how often it may go on after a tool, and whether answers are kept.
_OF_THE_LOOP = ("tool_calls", "cache")
# Solvers that let a model use tools.
_WITH_TOOLS = re.compile(r"use_tools|react|basic_agent|(?:^|_)agent|bridge")
# What a reducer makes of the epochs of a sample.
_REDUCED = {"mean": "avg@k", "mode": "maj@k", "max": "pass@k", "pass": "pass@k"}
# Inspect's letters.
_GRADES = {"C": 1.0, "I": 0.0, "correct": 1.0, "incorrect": 0.0, "P": 0.5, "N": 0.0}


def source_of(file: Path, content: Any, named: bool) -> Source | None:
    """Return the source of an Inspect log; None if it is none. Arguments as in `lm_eval_logs.source_of`."""
    stated = named and isinstance(content, dict) and isinstance(content.get("eval"), dict)
    known = file.suffix == ".eval" or stated
    return Source(read_inspect, file, (file,)) if known else None


def read_inspect(source: Source, choice: Choice) -> Iterator[Run | Refused]:
    """Yield the run of a log; one without samples is read for its score.

    Raises EvidenceError for a log that is damaged, or that did not end and holds nothing.
    """
    path = source.path
    header, samples = _packed(path) if path.suffix == ".eval" else _unpacked(path)
    if not samples:
        yield _total_run(header, path, choice)
        return
    about = header["eval"]
    raw = [
        {**model_output(sample, sample.get("output") or {}), "epoch": sample.get("epoch"), "score": None,
         "model": about.get("model"), "task": about.get("task"), **_grades(sample)}
        for sample in samples
    ]  # fmt: skip
    lines = [read_line(line, path, number, choice.columns) for number, line in enumerate(raw, 1)]
    # A sample that ended with an error has no answer, and no score.
    lines = [
        line._replace(finish=(API_ERROR,) * len(line.responses)) if sample.get("error") else line
        for line, sample in zip(lines, samples, strict=True)
    ]
    status, docs = header.get("status"), number_in_cell((about.get("dataset") or {}).get("samples"))
    unfinished = () if status in ("success", None) else (f"the run did not end: its status is {status}",)
    asked, settings = _asked(header, samples)
    models = {str(name) for sample in samples if (name := (sample.get("output") or {}).get("model"))}
    doubts = {"settings": f"answers of {len(models)} models"} if len(models) > 1 else {}
    # Reduced samples, or some of them: their scores may be of the best.
    epochs = len({sample.get("epoch") for sample in samples})
    doubts |= fewer_repeats(epochs, object_in(about, "config").get("epochs"))
    stated: Mapping[str, Any] = {
        "weights": _weights(about, models if len(models) == 1 else ()),
        "docs_of_task": None if docs is None else int(docs),
    }
    for run in runs_of_lines(lines, path, choice.metric):
        if isinstance(run, Refused):
            yield run
        else:
            about_run = told(
                run,
                asked,
                harness="Inspect",
                notes=(*unfinished, *run.provenance.notes),
                settings={**run.provenance.settings, **settings},
                **stated,
            )
            yield with_results(doubted(about_run, doubts), *_scores(header, run.metric))


def _asked(
    header: Mapping[str, Any], samples: Sequence[Any] = ()
) -> tuple[Mapping[str, Any], Mapping[str, object]]:
    """How it was asked, by the settings of the task and of the command that were set, and by the solvers: what the
    protocol states, and the rest."""
    plan, about = object_in(header, "plan"), header["eval"]
    generation = {**object_in(plan, "config"), **object_in(about, "model_generate_config")}
    edited = sum(
        isinstance(score, dict) and len(score.get("history") or ()) > 1
        for sample in samples
        for score in object_in(sample, "scores").values()
    )
    listed = (*(plan.get("steps") or ({"solver": about.get("solver") or "generate"},)), plan.get("finish"))
    steps = [step for step in listed if isinstance(step, dict)]
    params = {str(step.get("solver")).rpartition("/")[2]: object_in(step, "params") for step in steps}
    by_solver = {k: v for k, v in params.get("generate", {}).items() if k not in _OF_THE_LOOP}
    system = params.get("system_message", {}).get("template")
    generation = {k: v for k, v in generation.items() if v is not None} | by_solver
    told_to = {"system_message": system} if system else {}
    generation = {**object_in(about, "task_args"), **told_to, "edited_scores": edited or None, **generation}
    asked, settings = stated_by(generation, object_in(about, "model_args"))
    solvers = [str(step.get("solver")) for step in steps]
    others = [name for name in solvers if name.rpartition("/")[2] not in _ASK]
    shown = {"tools": "some" if any(map(_WITH_TOOLS.search, solvers)) else None}
    # The model of a grader is among them.
    used = (*object_in(object_in(header, "stats"), "model_usage"), *object_in(about, "model_roles"))
    models = [name for name in used if name != about.get("model")]
    named = {f"{GENERATION}solvers": ", ".join(others), f"{GENERATION}models": ", ".join(models)}
    unknown = {**unheard("inspect eval", about), **unheard("inspect", object_in(about, "config"))}
    return {**asked, **shown}, {**settings, **unknown, **named}


def _scores(header: Mapping[str, Any], metric: str | None) -> Iterator[object]:
    """The means that the results state of a scorer, of every one where it has no name."""
    for one in object_in(header, "results").get("scores") or ():
        if isinstance(one, dict) and one.get("reducer") in (None, "mean"):
            metrics = object_in(one, "metrics")
            if metric in (None, f"{one.get('name')}_score"):
                yield (object_in(metrics, "accuracy") or object_in(metrics, "mean")).get("value")


def _weights(about: Mapping[str, Any], answered: Iterable[str] = ()) -> Weights:
    """Inspect writes the provider of an API, or the library, before a model's name. answered: the names under which its
    answers came."""
    provider, _, name = str(about.get("model") or "").partition("/")
    if provider == "openai-api":
        # The name of the service stands between.
        name = name.partition("/")[2] or name
    weights = weights_of_log(name or about.get("model"), object_in(about, "model_args"), lm_eval=False)
    changes = (*weights.changes, *called_otherwise(name or provider, answered))
    served = weights.served or (bool(name) and provider not in _LIBRARIES)
    return replace(weights, changes=changes, served=served)


def _total_run(header: Mapping[str, Any], path: Path, choice: Choice) -> Run:
    """The run of a log that ended and holds no samples: its score, by the scorer that is named or the only one."""
    results = header.get("results") or {}
    scores = results.get("scores") or ()
    names = [str(score.get("name")) for score in scores]
    # One scorer's epochs may be reduced in several ways.
    labels = [
        name if names.count(name) == 1 else f"{name}/{score.get('reducer') or 'mean'}"
        for name, score in zip(names, scores, strict=True)
    ]
    found = {
        label: (value, str(score.get("reducer") or "mean"))
        for label, score in zip(labels, scores, strict=True)
        for name, metric in (score.get("metrics") or {}).items()
        if name in ("accuracy", "mean") and (value := number_in_cell((metric or {}).get("value"))) is not None
    }
    status = header.get("status")
    if status != "success" or not found:
        got = f"status {status}, and neither samples nor a score"
        raise EvidenceError(f"samples in {path}", got, "run it to its end, with --log-samples")
    wanted = choice.own_metric
    if (wanted is None and len(found) > 1) or (wanted is not None and wanted not in found):
        fix = "choose the one that counts with --metric"
        raise EvidenceError(f"one score in {path}", ", ".join(found), fix)
    name = wanted or next(iter(found))
    about, docs = header["eval"], number_in_cell(results.get("total_samples"))
    epochs = max(1, int((about.get("config") or {}).get("epochs") or 1))
    count = None if docs is None else round(docs / epochs)
    value, reducer = found[name]
    # Of one epoch a reducer makes nothing.
    kind = None if epochs == 1 else _REDUCED.get(reducer.partition("_at")[0])
    (asked, settings), of_task = _asked(header), number_in_cell((about.get("dataset") or {}).get("samples"))
    provenance = Provenance("Inspect", str(path), date=about.get("created"), weights=_weights(about),
                            docs_of_task=None if of_task is None else int(of_task),
                            settings=settings)  # fmt: skip
    return Run(about.get("model"), str(about.get("task") or ""), (),
               Protocol(metric=kind, k=epochs, **asked), provenance, metric=name,
               total=Total(value, count))  # fmt: skip


def _unpacked(path: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    content = read_json(path, EvidenceError)
    return content, content.get("samples") or []


def _packed(path: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    try:
        with zipfile.ZipFile(path) as log:
            # The file tells how much it holds, and no more than that is read of a member.
            require_bounded(path, sum(member.file_size for member in log.infolist()))
            names = sorted(name for name in log.namelist() if name.startswith("samples/"))
            return _member(log, "header.json"), [_member(log, name) for name in names]
    except _DAMAGED as error:
        fix = "a run that did not end has no header"
        raise EvidenceError(f"a readable {path}", str(error), fix) from error


def _member(log: zipfile.ZipFile, name: str) -> Any:
    """The JSON of a file in a log. Inspect packs with zstd, which zipfile reads from Python 3.14 on and pyarrow always.

    Source: the ZIP application note (APPNOTE.TXT 6.3.10, sections 4.3.7 and 4.4.5).
    """
    info = log.getinfo(name)
    if info.compress_type != _ZSTD:
        return json.loads(log.read(name))
    import pyarrow

    if log.fp is None:
        raise zipfile.BadZipFile(f"{name} in a closed file")
    log.fp.seek(info.header_offset)
    header = struct.unpack(_LOCAL_HEADER, log.fp.read(struct.calcsize(_LOCAL_HEADER)))
    log.fp.seek(sum(header[-2:]), 1)
    with pyarrow.CompressedInputStream(io.BytesIO(log.fp.read(info.compress_size)), "zstd") as packed:
        content: bytes = packed.read()
    if zlib.crc32(content) != info.CRC:
        raise zipfile.BadZipFile(f"Bad CRC-32 for file {name!r}")
    return json.loads(content)


def _grades(sample: Mapping[str, Any]) -> dict[str, Any]:
    """Every scorer's grade as a column of verdicts; one of several values is as many. Old logs have one scorer."""
    scores = sample.get("scores") or {"scorer": sample.get("score")}
    grades = {name: score.get("value") for name, score in scores.items() if isinstance(score, dict)}
    flat = {
        f"{name}{f'_{key}' if key else ''}_score": value
        for name, grade in grades.items()
        for key, value in (grade if isinstance(grade, dict) else {"": grade}).items()
    }
    return {name: _GRADES.get(v, v) if isinstance(v, str) else v for name, v in flat.items() if v is not None}
