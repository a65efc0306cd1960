"""Results in a model's own repository (`.eval_results/*.yaml`, as the hub documents it), read as claims.

An entry names the data set and its task, a value, perhaps a date, a source and notes, and nothing of the protocol: what
it is compared with is its number. The format was looked up in huggingface_hub 2.4 (`EvalResultEntry`).
"""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from lm_eval_mathtasks.errors import ClaimError
from lm_eval_mathtasks.leaderboard.aliases import Model, Models
from lm_eval_mathtasks.leaderboard.claims import Benchmark, Claim, Claims, Source
from lm_eval_mathtasks.leaderboard.yaml_files import LINE, load_yaml
from lm_eval_mathtasks.runs.weights import weights_of_log

FOLDER = ".eval_results"
_VOTES = re.compile(r"\bmaj(ority)?\b|\bcons(ensus)?\b|\bvot", re.IGNORECASE)
_BEST = re.compile(r"\bbest[- ]of\b|\bpass@(?!1\b)\d|\bany of\b", re.IGNORECASE)
_TOOLS = re.compile(r"\btools?\b|\bcode interpreter\b|\bpython\b", re.IGNORECASE)
_NO_TOOLS = re.compile(r"\b(no|without)[- ]tools?\b", re.IGNORECASE)
_FIX = "an entry is {dataset: {id: ..., task_id: ...}, value: NUMBER}"


def with_hub_results(claims: Claims, path: str | Path, model: str | None) -> Claims:
    """Return claims with those of a model repository.

    path: the repository, its folder of results, or one file. model: whose repository it is (owner and name); by default
    what the path says, if it is in the hub's cache. Raises ClaimError where the files cannot be read, hold nothing of a
    benchmark that is known here, or where nobody says whose they are.
    """
    place = Path(path)
    folder = place if place.name == FOLDER else place / FOLDER
    files = [place] if place.is_file() else sorted(folder.glob("*.yaml"))
    if not files:
        raise ClaimError("results of a model repository", f"no {FOLDER}/*.yaml in {path}", "check the path")
    name = model or _repository(place)
    if name is None:
        raise ClaimError(f"whose repository {path} is", "a path that does not say", "pass --model OWNER/NAME")
    known, models = _model(claims.models, name)
    rows = [claim for file in files for claim in _claims_of(file, known, claims)]
    if not rows:
        names = ", ".join(claims.benchmarks)
        raise ClaimError(f"results on one of {names}", f"none in {path}", "see what its entries name")
    return replace(claims, rows=(*claims.rows, *rows), models=models)


def _repository(place: Path) -> str | None:
    """The repository that a path in the hub's cache is of."""
    for folder in (place, *place.parents):
        weights = weights_of_log(str(folder), {})
        if folder.name.startswith("models--") and weights.owner:
            return weights.repository
    return None


def _model(models: Models, name: str) -> tuple[Model, Models]:
    """The model of a name, and all models with it: one that no claim names yet is known by its repository alone."""
    try:
        return models.resolve(name)[0], models
    except ClaimError:
        owner, _, tail = name.rpartition("/")
        new = Model(tail or name, owner or "not stated", "instruct", hf_id=name)
        return new, Models([*models.values(), new])


def _claims_of(file: Path, model: Model, claims: Claims) -> Iterator[Claim]:
    content, problems = load_yaml(file)
    if problems or not isinstance(content, list):
        got = str(problems[0]) if problems else type(content).__name__
        raise ClaimError(f"a list of results in {file}", got, _FIX)
    for number, entry in enumerate(content, 1):
        data = entry.get("dataset") if isinstance(entry, dict) else None
        if not isinstance(data, dict) or not data.get("id"):
            raise ClaimError(f"a data set in entry {number} of {file}", repr(data), _FIX)
        names = (str(data.get("task_id") or ""), str(data["id"]).rpartition("/")[2])
        found = next((b for name in names if name and (b := claims.benchmark_of(name))), None)
        if found is not None:
            score = _percent(entry.get("value"), f"entry {number} of {file}")
            yield _claim(entry, score, found, model, (file, number))


def _percent(value: Any, where: str) -> float:
    """A value in percent: the hub's own examples give it so, or as a share of at most 1."""
    good = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not good or not 0 <= value <= 100:
        raise ClaimError(f"a number from 0 to 100 as the value of {where}", repr(value), _FIX)
    return float(value) if value > 1 else round(100 * float(value), 6)


def _claim(
    entry: Mapping[str, Any], score: float, benchmark: Benchmark, model: Model, place: tuple[Path, int]
) -> Claim:
    file, number = place
    stated = entry.get("source")
    source: Mapping[str, Any] = stated if isinstance(stated, dict) else {}
    by = source.get("org") or source.get("user")
    notes = str(entry.get("notes") or "")
    owner = (model.hf_id or "").partition("/")[0]
    vendor = by is None or str(by).lower() == owner.lower()
    share = isinstance(entry["value"], int | float) and entry["value"] <= 1
    said = [notes, "the value is read as a share" if share else "", f"by {by}" if by else ""]
    return Claim(
        id=f"hub/{benchmark.name}/{model.name}/{file.stem}/{number}",
        benchmark=benchmark.name,
        model=model.name,
        **model.facts,
        score=score,
        metric="maj@k" if _VOTES.search(notes) else "best-of-n" if _BEST.search(notes) else "pass@1",
        tools="none" if _NO_TOOLS.search(notes) else "some" if _TOOLS.search(notes) else None,
        reported_by="vendor" if vendor else "third-party",
        source=Source(
            title=str(source.get("name") or f"{model.hf_id or model.name}, {FOLDER}"),
            url=str(source["url"]) if source.get("url") else None,
            publisher=str(by) if by else owner or None,
            date=str(entry["date"]) if entry.get("date") else None,
            published=True,
        ),
        locator=f"{FOLDER}/{file.name}, entry {number}",
        note="; ".join(filter(None, said)) or None,
        file=file.name,
        line=int(entry.get(LINE, 1)),
    )
