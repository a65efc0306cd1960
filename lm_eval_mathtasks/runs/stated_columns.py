"""What the columns of a file say of the whole run: its weights, its settings, and what is not known here."""

import re
from collections.abc import Sequence
from dataclasses import replace

from lm_eval_mathtasks.runs.columns import VERDICT_LIKE
from lm_eval_mathtasks.runs.decoding import STATED, STEERS, stated_by
from lm_eval_mathtasks.runs.doubts import doubted
from lm_eval_mathtasks.runs.lines import Line
from lm_eval_mathtasks.runs.records import COLUMN, Run, told
from lm_eval_mathtasks.runs.score_names import of_several
from lm_eval_mathtasks.runs.weights import OF_WEIGHTS, weights_of_log

_SYSTEM = ("system_prompt", "system_instruction", "system_message")
# Columns of how often a doc was tried, or what was chosen: also where they say another thing of each doc.
_TRIED = re.compile(
    r"retr(?:y|ies)|attempt|tries|select|chosen|best|judge?ment_id|num_(?:solutions|samples|candidates|rounds|turns)"
    r"|_model$|merged|refine|revis|critique|hint"
)
# What the names of verdicts of one answer are made of. Another name may be that of the best, or of the last.
_GRADED = re.compile(
    r"(?:(?:is|our|ours|the|math|gsm8k|aime|llm|model|rule|sympy|symbolic|string|numeric\w*|exact|strict|flexible|quasi"
    r"|regex|pattern|answer|final|extract\w*|express\w*|equiv\w*|match\w*|verif\w*|judge\w*|grade\w*|check\w*|scorer"
    r"|score|includes?|correct\w*|acc\w*|label|eval|em|qem|f1|choice|value|based|hendrycks|responses|prime|dapo|mean)_*)+"
)
_NUMBER = re.compile(r"\d+(\.\d+)?")
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
    tried = {k: "varies" for k, v in values.items() if len(set(v)) > 1 and _TRIED.search(k)}
    if run.metric and not _GRADED.fullmatch(run.metric) and not of_several(run.metric, 1):
        tried["verdicts"] = run.metric
    same = {k: v[0] for k, v in values.items() if len(v) == len(lines) and len(set(v)) == 1}
    of_weights = {k: v[-1] for k, v in values.items() if OF_WEIGHTS.search(k) and v[-1] != run.model}
    steered = {k: v[-1] for k, v in values.items() if k != "n" and STEERS.fullmatch(k)}
    alike = {k: v for k, v in same.items() if k in STATED and _NUMBER.fullmatch(v)}
    asked, noted = stated_by({**steered, **alike})
    system = next((same[name] for name in _SYSTEM if name in same), None)
    unlike = [k for k, v in values.items() if k in STATED and len(set(v)) > 1]
    read = {*of_weights, *steered, *alike, *_SYSTEM}
    rest = {k: v for k, v in same.items() if k not in read and not VERDICT_LIKE.fullmatch(k)}
    tools = next((v for k, v in rest.items() if k.startswith("tool")), None)
    settings = {
        **noted,
        "system_instruction": system,
        **({f"{COLUMN}{k}": v for k, v in {**rest, **tried}.items()} if len(lines) >= _ENOUGH else {}),
    }
    protocol = {**asked, "tools": tools, "system_prompt": True if system else None}
    weights = (
        replace(weights_of_log(run.model, of_weights, lm_eval=False), stated=False) if of_weights else None
    )
    doubts = {"settings": f"several of {', '.join(unlike)} in one file"} if unlike else {}
    known = {**run.provenance.settings, **{k: v for k, v in settings.items() if v}}
    return doubted(told(run, protocol, weights=weights, settings=known), doubts)
