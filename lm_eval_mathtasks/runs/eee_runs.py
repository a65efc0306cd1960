"""Documents of Every Eval Ever (evaleval/every_eval_ever, eval.schema.json): scores of one model, without responses.

The field names were looked up in the schema, version 0.3.0, and hold for the versions since 0.2.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from lm_eval_mathtasks.errors import EvidenceError
from lm_eval_mathtasks.files import read_json
from lm_eval_mathtasks.runs.decoding import stated_by
from lm_eval_mathtasks.runs.lm_eval_schema import number_in_cell, object_in
from lm_eval_mathtasks.runs.records import Choice, Protocol, Provenance, Refused, Run, Source, Total
from lm_eval_mathtasks.runs.score_names import of_several
from lm_eval_mathtasks.runs.weights import weights_of_log

_AVERAGE = "avg_at_k"  # as our own documents call it
_DESCRIBED = ("metric_name", "evaluation_description")
# Of a model: what it is called, by whom, and where it ran.
_NAMED = (
    "name", "id", "version", "developer", "inference_platform", "inference_engine", "additional_details",
)  # fmt: skip


def source_of(file: Path, content: Any, named: bool) -> Source | None:
    """Return the source of a document that the user named; None if it is none. Arguments as in
    `lm_eval_logs.source_of`."""
    known = named and isinstance(content, dict) and {"evaluation_results", "model_info"} <= content.keys()
    return Source(read_document, file, (file,)) if known else None


def read_document(source: Source, choice: Choice) -> Iterator[Run | Refused]:
    """Yield a run without docs for each result of a document."""
    path = source.path
    content = read_json(path, EvidenceError)
    results = content.get("evaluation_results")
    if not isinstance(results, list) or not results:
        raise EvidenceError(f"evaluation_results in {path}", "none", "take a document with scores")
    for number, result in enumerate(results):
        try:
            if not isinstance(result, dict):
                raise EvidenceError(
                    f"an object as result {number} of {path}", repr(result)[:40], "correct it"
                )
            if choice.own_metric in (None, _metric(result)):
                yield _run(content, result, path)
        except EvidenceError as error:
            yield Refused(str(result.get("evaluation_name")) if isinstance(result, dict) else None, error)


def _metric(result: Mapping[str, Any]) -> str | None:
    config = object_in(result, "metric_config")
    name = config.get("metric_id") or config.get("metric_name") or config.get("evaluation_description")
    return str(name) if name else None


def _run(content: Mapping[str, Any], result: Mapping[str, Any], path: Path) -> Run:
    model, config = object_in(content, "model_info"), object_in(result, "metric_config")
    details, data = object_in(result, "score_details"), object_in(result, "source_data")
    task = str(data.get("dataset_name") or result.get("evaluation_name") or "")
    value = _share(details, config, f"{task} in {path}")
    uncertainty = object_in(details, "uncertainty")
    docs = number_in_cell(uncertainty.get("num_samples"))
    error = number_in_cell(object_in(uncertainty, "standard_error").get("value"))
    k = number_in_cell(object_in(config, "metric_parameters").get("k"))
    parts = (model, *(object_in(model, name) for name in ("inference_engine", "additional_details")))
    about = {key: value for part in parts for key, value in part.items() if key not in _NAMED}
    generation = object_in(object_in(result, "generation_config"), "generation_args")
    asked, settings = stated_by({**generation, **object_in(config, "additional_details")}, about)
    said = (_metric(result), *(str(config.get(name)).replace(" ", "_") for name in _DESCRIBED))
    kind, of = next(filter(None, (of_several(one, int(k or 1)) for one in said)), (None, int(k or 1)))
    protocol = Protocol(
        metric="avg@k" if config.get("metric_id") == _AVERAGE else kind,
        k=of,
        **asked,
    )
    name = model.get("id") or model.get("name")
    harness = object_in(content, "eval_library").get("name") or "Every Eval Ever"
    date = result.get("evaluation_timestamp") or content.get("evaluation_timestamp")
    provenance = Provenance(
        str(harness),
        str(path),
        version=object_in(content, "eval_library").get("version"),
        date=None if date is None else str(date),
        settings={**settings, "split": data.get("hf_split")},
        weights=replace(weights_of_log(str(name) if name else None, about, lm_eval=False), stated=False),
    )
    total = Total(value, None if docs is None else int(docs), error)
    return Run(str(name) if name else None, task, (), protocol, provenance, _metric(result), total)


def _share(details: Mapping[str, Any], config: Mapping[str, Any], where: str) -> float:
    """A score as a fraction; raises EvidenceError for one that is none, or of which less is better."""
    score, most = number_in_cell(details.get("score")), number_in_cell(config.get("max_score"))
    if config.get("lower_is_better") is True:
        fix = "take an accuracy"
        raise EvidenceError(f"a score of {where} of which more is better", "an error rate", fix)
    if score is None:
        raise EvidenceError(f"a number as the score of {where}", repr(details.get("score")), "correct it")
    whole = 100.0 if most == 100 or config.get("metric_unit") in ("percent", "percentage") else 1.0
    if not 0 <= score <= whole or (most is None and config.get("metric_unit") is None and score > 1):
        got = f"{score:g}, of at most {'no stated number' if most is None else f'{most:g}'}"
        raise EvidenceError(f"an accuracy as the score of {where}", got, "state max_score: 1 or 100")
    return score / whole
