"""Scores without texts, in the two forms in which others collect them.

- The schema of Every Eval Ever (evaleval/every_eval_ever, eval.schema.json 0.3.0). What a log cannot know (who ran it,
  whether the weights are open) is "unknown" or "other" where the schema wants a word: fill it in before handing the
  file on.
- `.eval_results/*.yaml`, in which the hub keeps the results of a model's repository. The format was looked up in
  huggingface_hub 2.4 (`EvalResultEntry`): a data set with its task and revision, a value in percent, a date and notes.
"""

import json
import re
import time
from collections.abc import Sequence

from lm_eval_mathtasks.errors import EvidenceError
from lm_eval_mathtasks.numbers.intervals import LEVEL
from lm_eval_mathtasks.problems.sets import Source, known_sets
from lm_eval_mathtasks.report.dates import moment
from lm_eval_mathtasks.report.examine import Examined, model_of
from lm_eval_mathtasks.runs.identity import identity_of

SCHEMA_VERSION = "0.3.0"


def every_eval_ever(examined: Sequence[Examined]) -> str:
    """Return one document of the schema; raises EvidenceError for runs of several models: a document is about one."""
    name = model_of(examined)
    source = examined[0].run.provenance
    now = str(int(time.time()))
    model: dict[str, object] = {
        "name": name,
        "id": name,
        "additional_details": {"deployment_type": "unknown", "model_availability": "unknown"},
    }
    if backend := source.settings.get("backend"):
        model["inference_engine"] = {"name": str(backend)}
    document = {
        "schema_version": SCHEMA_VERSION,
        "evaluation_id": f"{examined[0].run.task}/{name}/{now}",
        "retrieved_timestamp": now,
        "source_metadata": {
            "source_name": "lm_eval_mathtasks",
            "source_type": "evaluation_run",
            "source_organization_name": "unknown",
            "evaluator_relationship": "other",
        },
        "eval_library": {"name": source.harness, "version": source.version or "unknown"},
        "model_info": model,
        "evaluation_results": [_result(one) for one in examined],
    }
    return json.dumps(document, indent=1) + "\n"


def _result(one: Examined) -> dict[str, object]:
    run, score, k = one.run, one.headline, one.headline.k
    interval = {
        "lower": score.interval.low,
        "upper": score.interval.high,
        "confidence_level": LEVEL,
        "method": score.kind,
    }
    parameters = {"metric_parameters": {"k": k}} if k > 1 else {}
    found: dict[str, object] = {
        "evaluation_result_id": f"{run.task}:{run.metric or 'graded'}",
        "evaluation_name": run.task,
        "source_data": {"dataset_name": run.task, "source_type": "other"},
        "metric_config": {
            "metric_id": "accuracy" if k == 1 else "avg_at_k",
            "metric_kind": "accuracy",
            "metric_unit": "proportion",
            "lower_is_better": False,
            "score_type": "continuous",
            "min_score": 0,
            "max_score": 1,
            **parameters,
        },
        "score_details": {
            "score": score.value,
            "uncertainty": {"confidence_interval": interval, "num_samples": score.docs},
            "details": {status: str(count) for status, count in sorted(one.statuses.items())},
        },
        "generation_config": {"generation_args": _generation(one)},
    }
    if date := moment(run.provenance.date):
        found["evaluation_timestamp"] = str(int(date.timestamp()))
    return found


def _generation(one: Examined) -> dict[str, object]:
    asked = one.run.protocol
    known = {name: getattr(asked, name) for name in ("temperature", "top_p", "max_tokens")}
    known["reasoning"] = asked.cot
    return {key: value for key, value in known.items() if value is not None}


Entry = dict[str, "str | float | dict[str, str]"]


def hub_results(examined: Sequence[Examined]) -> str:
    """Return the file for runs of one model.

    Raises EvidenceError for several, for a task whose set is not on the hub or not known here, and for a run of a part
    of its set, or of other docs: a leaderboard would not see that.
    """
    import yaml

    model_of(examined)
    return str(yaml.safe_dump([_entry(one) for one in examined], sort_keys=False, allow_unicode=True))


def _entry(one: Examined) -> Entry:
    source = _set_of(one.run.task)
    if source is None or not source.hub:
        known = ", ".join(name for name, known in known_sets().items() if known.hub)
        fix = f"take tasks on {known}"
        raise EvidenceError(f"the hub's data set of {one.run.task}", "none that is known", fix)
    asked = identity_of(one.run).docs
    if one.headline.docs != source.docs or asked.all_of(source.name) is False:
        got = f"{one.headline.docs}, {asked.of(source.name)} of them known as its own"
        raise EvidenceError(f"all {source.docs} docs of {source.hub} in {one.name}", got, "run the whole set")
    data = {"id": source.hub, "task_id": source.config or "default"}
    if source.revision:
        data["revision"] = source.revision
    entry: Entry = {"dataset": data, "value": round(100 * one.headline.value, 2)}
    if date := moment(one.run.provenance.date):
        entry["date"] = date.strftime("%Y-%m-%dT%H:%M:%SZ")
    return {**entry, "notes": _notes(one)}


def _set_of(task: str) -> Source | None:
    """The set of a task: the longest name that the task's begins with."""
    plain = _letters(task)
    sets = known_sets()
    fitting = [name for name in sets if plain.startswith(_letters(name)) and not name.endswith("-train")]
    return sets[max(fitting, key=len)] if fitting else None


def _letters(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _notes(one: Examined) -> str:
    """How it was asked, as far as the log says, and of how many docs."""
    asked, score = one.run.protocol, one.headline
    facts = {"shots": asked.shots, "temperature": asked.temperature, "max tokens": asked.max_tokens}
    stated = [f"{name} {value:g}" for name, value in facts.items() if value is not None]
    interval = f"95 % interval {100 * score.interval.low:.2f} to {100 * score.interval.high:.2f}"
    answers = f"avg@{score.k}" if score.k > 1 else "one answer each"
    return ", ".join([f"{score.docs} docs", answers, *stated, interval, f"task {one.run.task}"])
