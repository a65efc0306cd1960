"""What runs are called where they stand side by side: the model, and of runs of one model what differs between them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from lm_eval_mathtasks.report.dates import shown_date
from lm_eval_mathtasks.runs.records import Run

# What says most about a run comes first; what differs in everything, as times and folders, last.
_FIRST = ("preset", "backend", "shots", "chat_template", "temperature", "top_p", "max_tokens", "k")
_LAST = ("commit", "date", "folder", "file")
_WORDS = {"temperature": "T={}", "shots": "{}-shot", "max_tokens": "{} tokens", "k": "{} answers each"}
# These say themselves what they are.
_PLAIN = frozenset({"backend", "preset", "harness", "date", "folder", "file", "metric"})
# Consequences of another fact, or of no interest.
_LEFT_OUT = frozenset({"batch_size", "limit", "chat_template_sha", "transformers"})
_LETTERS = 40  # of a value: more would be no label


def labels_of(runs: Sequence[Run]) -> list[str]:
    """Return a label for each run: its model; where several of one task are of one model, also the fewest facts by
    which their logs differ, such as "toy (vllm)"; a number where they differ in nothing."""
    labels = [short_model(run.model) for run in runs]
    alike: dict[tuple[str, str], list[int]] = {}
    for number, (run, model) in enumerate(zip(runs, labels, strict=True)):
        alike.setdefault((run.task, model), []).append(number)
    for (_, model), places in alike.items():
        if len(places) > 1:
            apart = _apart([_facts(runs[place]) for place in places])
            for place, words in zip(places, apart, strict=True):
                labels[place] = f"{model} ({words})"
    return labels


def short_model(name: str | None) -> str:
    """A model's name; of a path on somebody's disk only the last two parts, which is what people call it."""
    if not name:
        return "unnamed model"
    parts = Path(name).parts
    return "/".join(parts[-2:]) if name.startswith(("/", "~", ".")) or len(parts) > 2 else name


def _facts(run: Run) -> dict[str, str | None]:
    """What a log states of a run, as short texts, in the order in which it tells runs apart; None: it does not say."""
    source, path = run.provenance, Path(run.provenance.path)
    stated = {**asdict(run.protocol), **source.settings, "harness": source.harness, "version": source.version}
    stated |= {"metric": run.metric, "commit": source.commit, "date": shown_date(source.date)}
    stated |= {"folder": path.parent.name, "file": path.name}
    order = [*_FIRST, *(name for name in stated if name not in (*_FIRST, *_LAST)), *_LAST]
    return {name: _text(stated.get(name)) for name in order if name not in _LEFT_OUT}


def _text(value: object) -> str | None:
    if value is None or value in ("", {}, []):
        return None
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text if len(text) <= _LETTERS else text[: _LETTERS - 1] + "…"


def _apart(facts: Sequence[Mapping[str, str | None]]) -> list[str]:
    """Words for each of several runs: of the first setting that is another in each, else of several together, else of
    the date or folder; numbers where nothing tells all apart."""
    every = sorted(dict.fromkeys(name for one in facts for name in one), key=_LAST.__contains__)
    names = [name for name in every if _values(facts, [name]) > 1]
    settings = [name for name in names if name not in _LAST]
    alone = [[name] for name in settings]
    ways = [*alone, _together(facts, settings), *([name] for name in names), settings[:1]]
    chosen = next((way for way in ways if _values(facts, way) == len(facts)), ways[-1])
    found = [", ".join(_said(name, one.get(name)) for name in chosen) for one in facts]
    if len(set(found)) == len(facts):
        return found
    return [", ".join(filter(None, (text, str(number)))) for number, text in enumerate(found, 1)]


def _values(facts: Sequence[Mapping[str, str | None]], names: Sequence[str]) -> int:
    """How many runs these facts tell apart."""
    return len({tuple(one.get(name) for name in names) for one in facts})


def _together(facts: Sequence[Mapping[str, str | None]], names: Sequence[str]) -> list[str]:
    """Facts that tell more runs apart with each one added, until all are or no fact helps."""
    chosen: list[str] = []
    for name in names:
        if _values(facts, [*chosen, name]) > _values(facts, chosen):
            chosen.append(name)
    return chosen


def _said(name: str, value: str | None) -> str:
    word = name.removeprefix("model argument ").replace("_", " ")
    if value is None:
        return f"{word} not stated"
    if value in ("true", "false"):
        return word if value == "true" else f"no {word}"
    if name in _PLAIN:
        return value
    return _WORDS.get(name, f"{word} {{}}").replace("{}", value)
