"""Scores in the form of `.eval_results/*.yaml`, the file in which the hub keeps the results of a model's repository.

The format was looked up in huggingface_hub 2.4 (`EvalResultEntry`): a data set with its task and revision, a value, a
date and notes. The value is in percent.
"""

import re
from collections.abc import Sequence

from lm_eval_mathtasks.errors import EvidenceError
from lm_eval_mathtasks.problems.sets import Source, known_sets
from lm_eval_mathtasks.report.dates import moment
from lm_eval_mathtasks.report.examine import Examined, model_of
from lm_eval_mathtasks.runs.identity import identity_of

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
