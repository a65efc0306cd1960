"""Where the runs of a report come from, as far as their logs say."""

import json
from collections.abc import Iterator, Sequence
from pathlib import PurePath

from lm_eval_mathtasks.leaderboard.protocol import shown
from lm_eval_mathtasks.report.dates import shown_date
from lm_eval_mathtasks.report.examine import Examined
from lm_eval_mathtasks.runs.records import Run
from lm_eval_mathtasks.tables import Table


def provenance(run: Run) -> Iterator[tuple[str, str]]:
    """Yield (what, value) for everything the log says about where a run comes from; no folder of anybody's disk."""
    source, asked = run.provenance, run.protocol
    docs = f"{len(run.rows):,}" + (f" of {source.docs_of_task:,}" if source.docs_of_task else "")
    facts: dict[str, object] = {
        "task": run.task,
        "task version": source.task_version,
        "harness": " ".join(filter(None, (source.harness, source.version))),
        "commit": source.commit,
        "date": shown_date(source.date),
        "docs": docs,
        "score": run.metric,
        "shots": asked.shots,
        "chat template": asked.chat_template,
        "temperature": asked.temperature,
        "top_p": asked.top_p,
        "token limit": asked.max_tokens,
        "responses per doc": asked.k,
        **{key.replace("_", " "): value for key, value in source.settings.items()},
        "log": PurePath(source.path).name,
    }
    for key, value in facts.items():
        if value is not None and value != "":
            yield key, json.dumps(value) if isinstance(value, dict | list | tuple) else shown(value)


def sources(examined: Sequence[Examined]) -> Table:
    """Return a table with a column for each run and a row for each fact of any."""
    facts = [dict(provenance(one.run)) for one in examined]
    keys = dict.fromkeys(key for one in facts for key in one)
    rows = tuple((key, *(one.get(key, "") for one in facts)) for key in keys)
    return Table("", ("", *(one.name for one in examined)), rows)
