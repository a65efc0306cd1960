"""Which column of a file holds the scores, by its name and by what is in it."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lm_eval_mathtasks.errors import ScoreError
from lm_eval_mathtasks.runs.columns import CANDIDATES, RESPONSE

# `score` and `scores` last: where a file has a column with a clearer name, they are often its own verdicts.
COLUMNS = (
    *("rm_scores", "rm_score", "rewards", "reward", "verifier_scores", "verifier_score", "pred_score"),
    *("step_scores", "step_rewards", "prm_scores", "prm_score", "process_rewards", "agg_scores"),
    *("logprobs", "logprob", "scores", "score"),
)
# Other names that say what they are; beside one of those above, the user is asked which.
_LIKE = re.compile(r"(.+_)?(rm|orm|prm|rewards?|verifier)s?(_.+)?", re.IGNORECASE)
# Names that may be anything (a difficulty, another's verdicts), for files without a better one.
_VAGUE = re.compile(r"(value|prob)s?|.+_(scores?|logits?)", re.IGNORECASE)


def score_column(rows: Sequence[Mapping[str, Any]], file: Path) -> str:
    """The column of scores: of the known names, the one that holds numbers; a column of verdicts is none."""
    found = [name for name in _names(rows) if any(_numeric(value_of(row, name)) for row in rows)]
    clear = [name for name in found if not _unclear(name, found, rows)] or found
    clear = [name for name in clear if not _VAGUE.fullmatch(_last(name)) or _known(_last(name))] or clear
    if len(clear) != 1:
        got = f"several: {', '.join(clear)}" if clear else f"only {', '.join(rows[0])}"
        fix = "name the file with --scores, the column with --score-column; true and false are verdicts, not scores"
        if text := [name for name in COLUMNS if any(_is_text(row.get(name)) for row in rows)]:
            fix = f"write the numbers of `{text[0]}` without quotation marks"
        raise ScoreError(f"one column of scores in {file}", got, fix)
    return clear[0]


def _names(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The names that scores may have here, the known ones first; "samples.reward" is one inside the samples."""
    own = {name for row in rows for name in row}
    inside = {
        f"{outer}.{key}"
        for row in rows
        for outer in (*RESPONSE, *CANDIDATES)
        for part in _parts(row, outer)
        for key in part
    }
    meant = [name for name in own | inside if _known(_last(name)) or _VAGUE.fullmatch(_last(name))]
    return sorted(meant, key=lambda name: (_order(_last(name)), name))


def _last(name: str) -> str:
    return name.rsplit(".", maxsplit=1)[-1]


def _known(name: str) -> bool:
    return name in COLUMNS or bool(_LIKE.fullmatch(name))


def _order(name: str) -> int:
    return COLUMNS.index(name) if name in COLUMNS else len(COLUMNS)


def _unclear(name: str, found: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a column may hold verdicts (zeros and ones), or the steps that `agg_scores` sums up."""
    last = _last(name)
    if last in ("scores", "score") and "agg_scores" in found:
        return True
    if last not in ("scores", "score") and _known(last):
        return False
    return all(_flat(value_of(row, name)) <= {0, 1, None} for row in rows)


def _flat(value: Any) -> set[Any]:
    return {number for part in value for number in _flat(part)} if isinstance(value, list) else {value}


def _is_text(value: Any) -> bool:
    return any(isinstance(part, str) for part in (value if isinstance(value, list) else [value]))


def _parts(row: Mapping[str, Any], outer: str) -> list[Mapping[str, Any]]:
    """The objects that a row lists under a name; none where it lists other things."""
    parts = row.get(outer)
    return parts if isinstance(parts, list) and all(isinstance(part, dict) for part in parts) else []


def value_of(row: Mapping[str, Any], column: str) -> Any:
    """The value of a column; of "samples.score", the list of the scores inside the samples."""
    outer, _, inner = column.partition(".")
    if not inner or column in row:
        return row.get(column)
    return [part.get(inner) for part in _parts(row, outer)] or None


def _numeric(value: Any) -> bool:
    if isinstance(value, list):
        return bool(value) and any(_numeric(part) for part in value)
    return isinstance(value, int | float) and not isinstance(value, bool)
