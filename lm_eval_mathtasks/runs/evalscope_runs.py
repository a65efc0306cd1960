"""evalscope's folders: reviews/<model>/<benchmark>_<subset>.jsonl with verdicts, predictions/ with how responses ended.

The subsets of a benchmark are one run. Which part of a file's name is the benchmark, reports/<model>/<benchmark>.json
tells; without it a file is a run by itself. Looked up in evalscope's sources, 0.x and 1.x.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from lm_eval_mathtasks.errors import EvidenceError
from lm_eval_mathtasks.files import read_json, read_json_lines
from lm_eval_mathtasks.runs.decoding import stated_by
from lm_eval_mathtasks.runs.doubts import doubted, fewer_repeats, with_results
from lm_eval_mathtasks.runs.lines import Line, read_line
from lm_eval_mathtasks.runs.lm_eval_schema import object_in
from lm_eval_mathtasks.runs.plain import runs_of_lines
from lm_eval_mathtasks.runs.records import Choice, Refused, Run, Source, told
from lm_eval_mathtasks.runs.subsets import pooled
from lm_eval_mathtasks.runs.unheard import unknown
from lm_eval_mathtasks.runs.weights import weights_of_log

_REVIEWS, _PREDICTIONS = "reviews", "predictions"
_COUNTS = "acc_score"  # as its accuracy is called here
# As it says that a model answers, and that rules grade.
_ASKS = ("llm_ckpt", "checkpoint", "service", "openai_api", "server", "native", "auto", "rule")
# Subsets of benchmarks that have only one.
_WHOLE = ("", "default", "main")


def source_of(file: Path, _content: Any, named: bool) -> Source | None:
    """Return the source that a file of reviews or predictions belongs to; None if it is neither. Arguments as in
    `lm_eval_logs.source_of`."""
    if file.suffix != ".jsonl" or file.parent.parent.name not in (_REVIEWS, _PREDICTIONS):
        return None
    if (reviewed := _beside(file, _REVIEWS)).exists():
        file = reviewed
    predicted = _beside(file, _PREDICTIONS)
    report = None if named else _report(file)
    files = tuple(dict.fromkeys(place for place in (file, predicted) if place.exists()))
    return Source(read_evalscope, report or file, files)


def _beside(file: Path, kind: str) -> Path:
    return file.parents[2] / kind / file.parent.name / file.name


def _report(file: Path) -> Path | None:
    """The report of the benchmark that a file is of: the longest name that the file's begins with."""
    reports = (file.parents[2] / "reports" / file.parent.name).glob("*.json")
    fitting = [report for report in reports if f"{file.stem}_".startswith(f"{report.stem}_")]
    return max(fitting, key=lambda report: len(report.stem), default=None)


def read_evalscope(source: Source, choice: Choice) -> Iterator[Run | Refused]:
    """Yield the one run of a benchmark. Its docs are called after their subset where there are several."""
    graded = [file for file in source.files if file.parent.parent.name == _REVIEWS] or list(source.files)
    runs: list[Run] = []
    for file in sorted(graded):
        report = _report(file)
        bench = file.stem if report is None else report.stem
        subset = file.stem.removeprefix(bench).lstrip("_") if report else ""
        for run in runs_of_lines(_lines(file), file, choice.metric):
            if isinstance(run, Refused):
                yield run._replace(task=run.task or bench)
                return
            level = subset if subset.startswith("Level") else None
            rows = tuple(replace(row, level=row.level or level) for row in run.rows)
            runs.append(replace(run, task=subset, rows=rows))
    runs = [_as_configured(run, graded[0]) for run in runs]
    name = source.path.stem if source.path.suffix == ".json" else _alone(source.path)
    about = replace(runs[0].provenance, harness="evalscope", path=str(source.path))
    one = pooled(runs, name) if len(runs) > 1 else replace(runs[0], task=name)
    one = replace(one, provenance=replace(about, notes=one.provenance.notes))
    summary = read_json(source.path, EvidenceError) if source.path.suffix == ".json" else {}
    stated = summary.get("score") if isinstance(summary, dict) and one.metric in (_COUNTS, None) else None
    yield with_results(one, stated)


def _as_configured(run: Run, file: Path) -> Run:
    """A run with what the configuration of its folder says of weights and generation, where there is one of them."""
    configs = list((file.parents[2] / "configs").glob("*.yaml"))
    try:
        config = yaml.safe_load(configs[0].read_text(encoding="utf-8")) if len(configs) == 1 else None
    except (yaml.YAMLError, ValueError):
        config = None
    if not isinstance(config, dict) or not isinstance(config.get("model"), str):
        return run
    arguments = {**object_in(config, "model_args"), "model": config["model"]}
    arguments |= {"base_url": ""} if config.get("api_url") else {}
    weights = weights_of_log(config["model"], arguments, lm_eval=False)
    of_sets = object_in(config, "dataset_args")
    of_set = next((object_in(of_sets, name) for name in of_sets if file.stem.startswith(name)), {})
    beside = {name: value for name, value in unknown("evalscope", config).items() if value not in _ASKS}
    asked, settings = stated_by({**beside, **of_set, **object_in(config, "generation_config")}, arguments)
    settings |= run.provenance.settings
    there = max(len(row.responses) for row in run.rows)
    run = told(run, asked, weights=weights, settings=settings)
    return doubted(run, fewer_repeats(there, config.get("repeats")))


def _alone(file: Path) -> str:
    """The name of a file that is a run by itself: the benchmark, with the subset where it is one of several."""
    report = _report(file)
    stem = file.stem if report is None else report.stem
    subset = file.stem.removeprefix(stem).lstrip("_")
    for ending in _WHOLE[1:]:
        stem = stem.removesuffix(f"_{ending}") if report is None else stem
    return stem if subset in _WHOLE else f"{stem}_{subset}"


def _lines(file: Path) -> list[Line]:
    """The lines of a file, each with the whole response and how it ended where the predictions hold them."""
    predicted = _beside(file, _PREDICTIONS)
    given: dict[str, Line] = {}
    if predicted != file and predicted.exists():
        for number, raw in enumerate(read_json_lines(predicted, EvidenceError), 1):
            given[str(raw.get("index"))] = read_line(raw, predicted, number)
    lines = []
    for number, raw in enumerate(read_json_lines(file, EvidenceError), 1):
        line = read_line(raw, file, number)
        known = given.get(str(raw.get("index")))
        if known is not None and len(known.responses) == len(line.responses):
            line = line._replace(responses=known.responses, finish=known.finish)
        lines.append(line._replace(model=file.parent.name, task=""))
    return lines
