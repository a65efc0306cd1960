"""What the columns of a file say of the whole run: its weights, its settings, and what is not known here."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from lm_eval_mathtasks.runs.columns import VERDICT_LIKE
from lm_eval_mathtasks.runs.decoding import STATED, STEERS, SYSTEM, stated_by
from lm_eval_mathtasks.runs.doubts import doubted
from lm_eval_mathtasks.runs.lines import NAMED, Line
from lm_eval_mathtasks.runs.records import COLUMN, Run, told
from lm_eval_mathtasks.runs.score_names import GRADED, of_several
from lm_eval_mathtasks.runs.weights import OF_WEIGHTS, weights_of_log

# Columns of how often a doc was tried, or what was chosen: also where they say another thing of each doc.
_TRIED = re.compile(
    r"retr(?:y|ies)|attempt|tries|select|chosen|best|judge?ment_id|num_(?:solutions|samples|candidates|rounds|turns)"
    r"|accepted_prediction|^system(?!_fingerprint)|_model$|merged|refine|revis|critique|hint"
)
_NUMBER = re.compile(r"\d+(\.\d+)?")
# Columns of when and where an answer came, and what it cost.
_OF_THE_CALL = re.compile(
    r"(?:\w+_)?(?:latency|elapsed|duration|time|timings?|seconds|cost|price|usage|uuid|fingerprint|host|hostname|throughput)"
    r"(?:_(?:s|ms|sec|seconds|usd))?|created(?:_at)?|\w+ed_at|(?:request|response|job|batch|trace|span|worker)_id|object"
)
# As sets call the docs that are asked for a score.
_TEST = ("test", "main", "default")
_NOTHING = ("", "None", "False", "0", "0.0", "nan", "none")
# In a file of fewer lines a column has one value by chance.
_ENOUGH = 3


def with_columns(run: Run, lines: Sequence[Line]) -> Run:
    """Return a run with what the columns of its lines say of it.

    A column that has one value on all lines is about the run. Where it is not known what it says, it is kept among the
    settings: it may matter.
    """
    values: dict[str, list[str]] = {}
    for line in lines:
        for name, value in line.stated.items():
            values.setdefault(name, []).append(value)
    # A temperature or a number of shots of 0 says something, a count of 0 in another column does not.
    values = {
        k: v for k, v in values.items() if set(v) - {*_NOTHING} or (k in STATED and _NUMBER.fullmatch(v[0]))
    }
    several = {k for k in values if _TRIED.search(k) or (k not in STATED and of_several(k, 1))}
    tried = {k: "varies" for k, v in values.items() if len(set(v)) > 1 and k in several}
    # Names may say of several answers what they are.
    chosen = {k: values.pop(k)[0] for k in NAMED if k in values}
    tried |= {k: name for k, name in chosen.items() if of_several(name, 1) or _TRIED.search(name)}
    if of_several(stem := Path(run.provenance.path).stem, 1):
        tried["file"] = stem
    name = "" if "verdict" in chosen else run.metric or ""
    tried |= {} if GRADED.fullmatch(name) or of_several(name, 1) or not name else {"verdicts": name}
    same = {k: v[0] for k, v in values.items() if len(v) == len(lines) and len(set(v)) == 1}
    of_weights = {k: v[-1] for k, v in values.items() if OF_WEIGHTS.search(k) and v[-1] != run.model}
    steered = {k: v[-1] for k, v in values.items() if k != "n" and STEERS.fullmatch(k)}
    alike = {k: v for k, v in same.items() if k in SYSTEM or (k in STATED and _NUMBER.fullmatch(v))}
    asked, noted = stated_by({**steered, **alike})
    unlike = [k for k, v in values.items() if k in STATED and len(set(v)) > 1]
    read = {*of_weights, *steered, *alike}
    known = (VERDICT_LIKE, _OF_THE_CALL)
    rest = {k: v for k, v in same.items() if k not in read and not any(one.fullmatch(k) for one in known)}
    split = rest.pop("split") if rest.get("split", "").lower() in _TEST else rest.get("split")
    tools = next((v for k, v in rest.items() if k.startswith("tool")), None)
    settings = {
        **noted,
        "split": split,
        **({f"{COLUMN}{k}": v for k, v in {**rest, **tried}.items()} if len(lines) >= _ENOUGH else {}),
    }
    protocol = {**asked, "tools": tools}
    weights = (
        replace(weights_of_log(run.model, of_weights, lm_eval=False), stated=False) if of_weights else None
    )
    doubts = {"settings": f"several of {', '.join(unlike)} in one file"} if unlike else {}
    settings = {**run.provenance.settings, **{k: v for k, v in settings.items() if v}}
    return doubted(told(run, protocol, weights=weights, settings=settings), doubts)
