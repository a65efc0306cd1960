"""A run in the schema of Every Eval Ever (evaleval/every_eval_ever, eval.schema.json 0.3.0): scores, no texts.

What a log cannot know (who ran it, whether the weights are open) is "unknown" or "other" where the schema wants a word:
fill it in before handing the file on.
"""

import json
import time
from collections.abc import Sequence

from lm_eval_mathtasks.numbers.intervals import LEVEL
from lm_eval_mathtasks.report.dates import moment
from lm_eval_mathtasks.report.examine import Examined, model_of

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
