"""lighteval's details: details/<model>/<date>/details_<task>_<date>.parquet, with results/<model>/results_<date>.json.

Two layouts, as its sources write them: up to 0.9 the columns example, full_prompt, predictions, gold, metrics,
cont_tokens; since 0.10 doc, model_response, metric. Where a table cannot hold the objects, lighteval writes every
cell as the text of a Python literal. It keeps no finish reason: a response as long as the token limit was cut.
"""

import ast
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from lm_eval_mathtasks.errors import EvidenceError
from lm_eval_mathtasks.files import parquet_columns, read_json, read_table
from lm_eval_mathtasks.runs.columns import first_text
from lm_eval_mathtasks.runs.decoding import stated_by
from lm_eval_mathtasks.runs.doubts import doubted, fewer_repeats, with_results
from lm_eval_mathtasks.runs.lm_eval_schema import number_in_cell, object_in
from lm_eval_mathtasks.runs.messages import logged_turns, message_text
from lm_eval_mathtasks.runs.records import GENERATION, Choice, Protocol, Provenance, Row, Run, Source, both_of
from lm_eval_mathtasks.runs.score_names import of_several
from lm_eval_mathtasks.runs.unheard import unheard
from lm_eval_mathtasks.runs.weights import weights_of_log

_NEW, _OLD = {"doc", "model_response"}, {"predictions", "metrics"}
# Which metric is the score, k being the answers a doc: the mean over all of them, then the graded match.
_SCORES = (r"(math_)?pass@1:{k}_samples", r"avg@(n:n=)?{k}", r"pass@k:k=1(&n={k})?", r"extractive_match", r"pass@1.*",
           r"q?em|quasi_exact_match|exact_match")  # fmt: skip


def source_of(file: Path, _content: Any, named: bool) -> Source | None:
    """Return the source of a details file; None if it is none. Arguments as in `lm_eval_logs.source_of`."""
    details = file.name.startswith("details_") and file.suffix in (".parquet", ".jsonl")
    if named and not details and file.suffix == ".parquet":
        names = parquet_columns(file, EvidenceError)
        details = names >= _NEW or names >= _OLD
    return Source(read_lighteval, file, (file,)) if details else None


def read_lighteval(source: Source, choice: Choice) -> Iterator[Run]:
    """Yield the one run of a details file; a parquet file needs pyarrow (it comes with datasets).

    Raises EvidenceError for a damaged file, and where several metrics could be the score and the choice names none.
    """
    path = source.path
    table = read_table(path, EvidenceError)
    about = _about(path)
    general = object_in(about, "config_general")
    config = object_in(general, "model_config")
    arguments = {k: v for k, v in config.items() if isinstance(v, str | int | float)}
    chat = arguments.pop("use_chat_template", None)
    asked, settings = stated_by(object_in(config or general, "generation_parameters"), arguments)
    limit = asked["max_tokens"]
    rows = [_row(number, line, limit) for number, line in enumerate(table)]
    k = max((len(row.responses) for row in rows), default=1)
    name = _choose(rows, choice.own_metric, k, path)
    kind, of = _meaning(name or "", k)
    task = re.sub(r"^details_|_\d{4}-\d\d-\d\dT.*$|\.(parquet|jsonl)$", "", path.name)
    # As suite|task|shots|0, or as task|shots.
    shots = next((int(part) for part in task.split("|")[1:] if part.isdigit()), None)
    asked["shots"] = shots
    protocol = Protocol(
        k=of,
        metric=kind,
        grader="symbolic",
        chat_template=chat if isinstance(chat, bool) else None,
        **asked,
    )
    folder = "/".join(path.parts[path.parts.index("details") + 1 : -2]) if "details" in path.parts else None
    name_of_model = general.get("model_name")
    weights = weights_of_log(name_of_model, config, lm_eval=False) if config else None
    provenance = Provenance("lighteval", str(path), commit=general.get("lighteval_sha"), weights=weights,
                            settings=settings)  # fmt: skip
    of_task = object_in(object_in(about, "config_tasks"), task)
    settings |= unheard("general", general) | unheard("lighteval", of_task)
    examples = of_task.get("few_shots_split")
    if shots and examples in _listed(of_task.get("evaluation_splits")):
        settings[f"{GENERATION}few_shots_split"] = examples
    scored = tuple(replace(row, score=row.metrics.get(name or "")) for row in rows)
    run = Run(name_of_model or folder or None, task, scored, protocol, provenance, metric=name)
    results = object_in(object_in(about, "results"), task)
    stated = [results.get(name)] if name else results.values()
    samples = max(filter(None, map(number_in_cell, _listed(of_task.get("num_samples")))), default=None)
    yield doubted(with_results(run, *stated), fewer_repeats(k, samples))


def _listed(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else ()


def _about(path: Path) -> dict[str, Any]:
    """What the results file of the same date says; empty where there is none."""
    date = re.search(r"_(\d{4}-\d\d-\d\dT[^/]*)\.\w+$", path.name)
    if date is None or "details" not in path.parts:
        return {}
    at = len(path.parts) - 1 - path.parts[::-1].index("details")
    root, model = Path(*path.parts[:at]), path.parts[at + 1 : -2]
    results = root.joinpath("results", *model, f"results_{date[1]}.json")
    about = read_json(results, EvidenceError) if results.exists() else None
    return about if isinstance(about, dict) else {}


def _row(number: int, line: Mapping[str, Any], limit: int | None) -> Row:
    doc, answer = decoded(line.get("doc")), decoded(line.get("model_response"))
    if isinstance(doc, dict) and isinstance(answer, dict):
        choices, index = doc.get("choices") or [], doc.get("gold_index", 0)
        index = index[0] if isinstance(index, list) else index
        gold = str(choices[index]) if choices else None
        texts, tokens, numbers = answer.get("text"), answer.get("output_tokens"), line.get("metric")
        question, prompt = doc.get("query"), answer.get("input")
    else:
        gold = first_text({"gold": decoded(line.get("gold"))}, ("gold",))
        texts, tokens = decoded(line.get("predictions")), decoded(line.get("cont_tokens"))
        numbers, prompt = line.get("metrics"), decoded(line.get("full_prompt"))
        question = line.get("example") or prompt
    texts = texts if isinstance(texts, list) else [texts]
    responses = tuple(message_text(text, "assistant") for text in texts)
    found = {k: float(v) for k, v in (decoded(numbers) or {}).items() if isinstance(v, int | float | bool)}
    asked, finish = message_text(decoded(question), "user"), _finish(tokens, limit, len(responses))
    # Some backends log tokens.
    said = logged_turns(prompt) if isinstance(prompt, str) or message_text(prompt, "user") else None
    return Row(
        str(number), asked, responses=responses, finish=finish, metrics=found, prompt=said, **both_of(gold)
    )


def _finish(tokens: Any, limit: int | None, responses: int) -> tuple[str | None, ...]:
    """Finish reasons from the number of generated tokens."""
    counts = [len(t) for t in tokens if isinstance(t, list)] if isinstance(tokens, list) else []
    if not limit or len(counts) != responses or not all(counts):
        return ()
    return tuple("length" if count >= limit else "stop" for count in counts)


def _choose(rows: Sequence[Row], wanted: str | None, k: int, path: Path) -> str | None:
    names = list(dict.fromkeys(name for row in rows for name in row.metrics))
    if wanted is not None and wanted not in names:
        fix = "choose one of these"
        raise EvidenceError(f"the metric {wanted} in {path}", f"only {', '.join(names)}", fix)
    if wanted is not None or len(names) < 2:
        return wanted or next(iter(names), None)
    for pattern in _SCORES:
        fits = [name for name in names if re.fullmatch(pattern.format(k=k), name)]
        if fits:
            return fits[0]
    raise EvidenceError(f"one metric in {path}", ", ".join(names), "choose the one that counts with --metric")


def _meaning(name: str, k: int) -> tuple[str | None, int]:
    """What a metric of k answers to each doc is, and of how many; None where its name does not say."""
    if found := of_several(name, k):
        return found
    taken = re.search(r"pass@1:(\d+)_samples", name)
    k = int(taken[1]) if taken else k
    if k == 1:
        return "pass@1", 1
    # A match of several answers is that of the best of them, or of the first, by the metric's own settings.
    return (None if re.search(r"match|(^|_)em$", name) else "avg@k"), k


def decoded(value: Any) -> Any:
    """Return what a cell holds: JSON text, or the text of a Python literal (read as a literal, never run)."""
    if not isinstance(value, str) or value[:1] not in "[{":
        return value
    try:
        return json.loads(value)
    except json.JSONDecodeError:
        pass
    try:
        return ast.literal_eval(value)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return value
