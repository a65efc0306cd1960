"""What the task YAMLs name: the only module between lm-eval and the rest of this package.

For each family: `load_*` (custom_dataset), `docs_*` (process_docs: renames columns, nothing else, because lm-eval
caches its result without looking at our code), `gold_*` (doc_to_target), `score_*` (process_results) and `shots_*`
(few-shot exemplars, read at run time from the installed lm-eval: they are other people's text).

A `score_*` takes a doc and `[response]` (or `[[response, ...]]`) and returns numbers only; it never raises, because
lm-eval would lose every response of the run. A response that is missing (an API error) gives `api_error` and no
accuracy: it is not wrong, it is not there. Of k responses `exact_match` is avg@k, and pass@k and maj@k stand beside it.

`mathtasks run --repeats 8` needs no more. Plain lm-eval scores the first of `repeats` unless a filter keeps all: a
YAML of your own in --include_path with `include: .../math500.yaml`, another `task:`, `repeats: 8`, `generation_kwargs`
that sample, and `filter_list: [{name: none, filter: [{function: take_first_k, k: 8}]}]`.
"""

from lm_eval_mathtasks.hooks.competition import (
    docs_math,
    docs_math500,
    gold_math,
    gold_math500,
    load_math,
    load_math500,
    load_sample_math,
    score_math_boxed,
    score_math_cot,
    score_math_fewshot,
    subject_key,
)
from lm_eval_mathtasks.hooks.contests import (
    docs_aime24,
    docs_aime25,
    docs_amc23,
    gold_integer,
    load_aime24,
    load_aime25,
    load_amc23,
    score_aime,
    score_amc,
)
from lm_eval_mathtasks.hooks.courses import (
    docs_minerva_math,
    gold_minerva_math,
    load_minerva_math,
    score_minerva_math,
)
from lm_eval_mathtasks.hooks.exemplars import (
    shots_gsm8k,
    shots_minerva,
)
from lm_eval_mathtasks.hooks.gsm8k import (
    docs_gsm8k,
    gold_gsm8k,
    load_gsm8k,
    load_gsm8k_platinum,
    load_sample_gsm8k,
    score_gsm8k_boxed,
    score_gsm8k_cot,
    score_gsm8k_direct,
    score_gsm8k_tags,
)
from lm_eval_mathtasks.hooks.olympiad import (
    docs_olympiadbench,
    gold_olympiadbench,
    load_olympiadbench,
    score_olympiadbench,
)

__all__ = [
    "docs_aime24",
    "docs_aime25",
    "docs_amc23",
    "docs_gsm8k",
    "docs_math",
    "docs_math500",
    "docs_minerva_math",
    "docs_olympiadbench",
    "gold_gsm8k",
    "gold_integer",
    "gold_math",
    "gold_math500",
    "gold_minerva_math",
    "gold_olympiadbench",
    "load_aime24",
    "load_aime25",
    "load_amc23",
    "load_gsm8k",
    "load_gsm8k_platinum",
    "load_math",
    "load_math500",
    "load_minerva_math",
    "load_olympiadbench",
    "load_sample_gsm8k",
    "load_sample_math",
    "score_aime",
    "score_amc",
    "score_gsm8k_boxed",
    "score_gsm8k_cot",
    "score_gsm8k_direct",
    "score_gsm8k_tags",
    "score_math_boxed",
    "score_math_cot",
    "score_math_fewshot",
    "score_minerva_math",
    "score_olympiadbench",
    "shots_gsm8k",
    "shots_minerva",
    "subject_key",
]
