"""Rescored runs written as lm-eval writes its logs: results_<date>.json and samples_<task>_<date>.jsonl.

One line a doc, filter "none". The response, the doc, the prompt and their hashes are what they were; the metrics are
new, `judged` says why, and the numbers the log had before are kept under `logged`.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from lm_eval_mathtasks.evidence.kept import kept
from lm_eval_mathtasks.files import sha256, write_whole
from lm_eval_mathtasks.grading.judge import Judgement
from lm_eval_mathtasks.grading.scores import RATES, doc_scores
from lm_eval_mathtasks.numbers.intervals import mean_and_error
from lm_eval_mathtasks.runs.lm_eval_logs import FOLDED, Logged
from lm_eval_mathtasks.runs.lm_eval_schema import HASHES, OF_TASKS, Results, SampleLine, hashed_together
from lm_eval_mathtasks.runs.records import Row, Run
from lm_eval_mathtasks.text import safe_name

_LOWER_IS_BETTER = frozenset({"truncated", "api_error", *map(str, RATES)})
# Accuracy of the docs of one subject or level.
_BREAKDOWN = "exact_match_"
# By corrected answers, which a log does not hold.
_OTHER_GOLD = {"exact_match_errata"}
_encode = json.JSONEncoder(ensure_ascii=False).encode
# What an earlier rescore or a pack said of a response.
_REPLACED = {"judged", "logged", "verdicts", FOLDED}
# What a results file says of one task, keyed as the sections of the file are.
Sections = dict[str, Any]


def rescored_scores(row: Row, judged: Sequence[Judgement]) -> dict[str, float]:
    """The metrics of a doc: means over its responses of what the tasks' hooks give for one.

    judged: of the responses that are there. A doc that was never answered has `api_error` alone. `strict_match` is left
    out, because it depends on the prompt, and `exact_match_errata`, because its references are not in the log.
    """
    # A log that has the rate knew how its responses ended, though it may not say so of each.
    rated = any(name.startswith("truncated,") for name in row.metrics)
    told = rated or all(row.finish_reason(k) for k in row.there)
    scores = doc_scores(judged, gold=row.gold, asked=len(row.responses), told=told)
    if not judged:
        return scores
    names = {name.split(",")[0] for name in row.metrics if name.startswith(_BREAKDOWN)} - _OTHER_GOLD
    return {**scores, **dict.fromkeys(sorted(names), scores["exact_match"])}


def without_partial_rates(scores: list[dict[str, float]]) -> list[dict[str, float]]:
    """Scores of docs without `truncated`, unless every doc that was answered has it: the mean of those whose ends are
    known is not that of all."""
    if not all("truncated" in one for one in scores if "exact_match" in one):
        for one in scores:
            one.pop("truncated", None)
    return scores


def sample_lines(
    loaded: Logged, judged: Sequence[Sequence[Judgement]], scores: Sequence[Mapping[str, float]]
) -> Iterator[SampleLine]:
    """Yield the sample of each doc."""
    for place, row in enumerate(loaded.run.rows):
        line = loaded.lines[place] if loaded.lines else _line_of(row)
        old = line.get("metrics", ())
        new: SampleLine = {
            "filtered_resps": list(row.responses) if len(row.responses) == 1 else [list(row.responses)],
            "filter": "none",
            "metrics": list(scores[place]),
            "judged": [kept(one) for one in judged[place]],
            "logged": dict(row.metrics) or {"score": row.score},
        }
        if any(row.finish) and "finish_reasons" not in line:
            # Known from a journal or by counting tokens: what is judged must be seen in the log.
            new["finish_reasons"] = _nested(row, line)
        same = {key: value for key, value in line.items() if key not in old and key not in _REPLACED}
        yield cast(SampleLine, {**same, **new, **scores[place]})


def _nested(row: Row, line: SampleLine) -> list[list[str | None]]:
    """The finish reasons of a row's responses, nested as its `resps`."""
    reasons = iter(row.finish)
    return [[next(reasons, None) for _ in group] for group in line.get("resps", [list(row.responses)])]


def _line_of(row: Row) -> SampleLine:
    """A sample as lm-eval would have logged another harness's doc; the hashes are made as lm-eval makes them."""
    doc = {"id": row.doc_id, "question": row.question, "gold": row.reference or row.gold}
    prompt = row.prompt if row.prompt is not None else row.question
    hashed = (_indented(doc), prompt, row.gold or "")
    line: SampleLine = {
        "doc_id": int(row.doc_id) if re.fullmatch(r"0|[1-9]\d{0,17}", row.doc_id) else row.doc_id,
        "doc": doc,
        "target": row.gold,
        "arguments": {"gen_args_0": {"arg_0": prompt, "arg_1": {}}},
        "resps": [list(row.responses)],
    }
    if any(row.finish):
        line["finish_reasons"] = [list(row.finish)]
    line["doc_hash"], line["prompt_hash"], line["target_hash"] = map(sha256, hashed)
    return line


def _indented(doc: Mapping[str, str | None]) -> str:
    """As `json.dumps(doc, indent=2, ensure_ascii=False)`, which leaves the fast encoder and takes ten times as long."""
    return "{\n  " + ",\n  ".join(f'"{key}": {_encode(value)}' for key, value in doc.items()) + "\n}"


def write_samples(path: Path, lines: Iterable[SampleLine]) -> str | None:
    """Write the samples; return lm-eval's hash over all docs, prompts and targets, None where a line lacks its own."""
    hashes: list[str | None] = []

    def written() -> Iterator[bytes]:
        for line in lines:
            hashes.extend(line.get(name) for name in HASHES)
            yield as_json(line) + b"\n"

    write_whole(path, written())
    return hashed_together(hashes)


def as_json(value: Any) -> bytes:
    """JSON in UTF-8; where that cannot hold half of a surrogate pair, it is escaped, and so read back as it was."""
    try:
        return _encode(value).encode("utf-8")
    except UnicodeEncodeError:
        return json.dumps(value).encode("ascii")


def aggregate(scores: Sequence[Mapping[str, float]]) -> dict[str, float | str]:
    """Means and standard errors as lm-eval's results hold them: each metric over the docs that have it."""
    found: dict[str, float | str] = {}
    for name in dict.fromkeys(name for one in scores for name in one):
        values = [one[name] for one in scores if name in one]
        found[f"{name},none"] = sum(values) / len(values)
        # As lm-eval writes it for a single doc.
        found[f"{name}_stderr,none"] = mean_and_error(values)[1] if len(values) > 1 else "N/A"
    return found


def task_results(run: Run, scores: Sequence[Mapping[str, float]], task_hash: str | None) -> Sections:
    """Return what the results file says of one task."""
    docs = len(run.rows)
    numbers = {"name": run.task, "alias": run.task, "sample_len": docs, **aggregate(scores)}
    original = run.provenance.docs_of_task
    known = {
        "results": numbers,
        "higher_is_better": {name: name not in _LOWER_IS_BETTER for one in scores for name in one},
        "n-samples": {"original": docs if original is None else original, "effective": docs},
        "task_hashes": task_hash,
        "versions": run.provenance.task_version,
        "n-shot": run.protocol.shots,
    }
    return {key: value for key, value in known.items() if value is not None}


def results_file(done: Sequence[tuple[Logged, Sections]], rescored: Mapping[str, object]) -> Results:
    """The content of a results file: what the log had, with the rescored tasks' sections in place of its own."""
    first, tasks = done[0][0], {one.run.task for one, _ in done}
    old = {key: value for key, value in first.results.items() if key not in ("results", "groups", "rescored")}
    content: dict[str, Any] = {"results": {}, **(old or _facts(first.run))}
    content["group_subtasks"] = {}
    for key in OF_TASKS:
        content[key] = {task: value for task, value in content.get(key, {}).items() if task in tasks}
    for one, sections in done:
        task = one.run.task
        # lm-eval's is a number.
        version = content["versions"].get(task, sections.get("versions"))
        for key, value in sections.items():
            content[key][task] = value
        content["versions"][task] = version
        config = {"task": task, "repeats": one.run.protocol.k, **content["configs"].get(task, {})}
        keep = {"function": "take_first_k", "k": one.run.protocol.k}
        config["filter_list"] = [{"name": "none", "filter": [keep]}]
        config["metric_list"] = [
            {"metric": name, "aggregation": "mean", "higher_is_better": better}
            for name, better in sections["higher_is_better"].items()
        ]
        content["configs"][task] = config
    return cast(Results, {**content, "rescored": dict(rescored)})


def _facts(run: Run) -> Results:
    """What a results file says of a run whose log is not lm-eval's; what is unknown is not stated."""
    name = run.model or "unnamed-model"
    return {
        "config": {"model": run.provenance.harness, "model_args": {"model": name}},
        "model_source": run.provenance.harness,
        "model_name": name,
        "model_name_sanitized": safe_name(name),
    }
