"""The names by which a user asks for a scorer."""

from __future__ import annotations

from collections.abc import Callable

from lm_eval_mathtasks.choosing import likelihood, verifiers
from lm_eval_mathtasks.choosing.scorer import Scorer, Settings
from lm_eval_mathtasks.errors import ScoreError

# Families of scorers, and what `--help` says of them.
KINDS = {
    "orm": "sequence classification: one logit, or the probability of the last label",
    "prm-tokens": "token classification at the line break after each step, as `train prm` makes it",
    "prm-math-shepherd": "a causal LM that says + or - at the step tag, as Math-Shepherd does",
    "prm-qwen": "Qwen2.5-Math-PRM: a head with two classes at <extra_0>",
    "logprob": "a causal LM's mean log-probability of the response's tokens, given the prompt",
    "logprob-sum": "the sum of the same",
}


def make_scorer(spec: str, settings: Settings | None = None) -> Scorer:
    """Return the scorer that `spec` names: KIND:FOLDER of a Hugging Face model, or KIND:http://... of a vLLM server.

    Raises ScoreError for an unknown kind, a folder without a model of that kind, or a kind that no server has.
    """
    kind, _, where = spec.partition(":")
    if kind not in KINDS or not where:
        raise ScoreError("a scorer KIND:PATH", spec, f"KIND is one of {', '.join(KINDS)}")
    settings = settings or Settings()
    makers: dict[str, Callable[[str, Settings], Scorer]] = {
        "orm": verifiers.OutcomeModel,
        "prm-tokens": verifiers.TokenModel,
        "prm-math-shepherd": verifiers.MathShepherd,
        "prm-qwen": verifiers.QwenModel,
        "logprob": likelihood.LogProbability,
        "logprob-sum": likelihood.SumOfLogProbabilities,
    }
    try:
        if where.startswith(("http://", "https://")):
            from lm_eval_mathtasks.choosing.pooling import Endpoint

            return Endpoint(kind, where, settings)
        return makers[kind](where, settings)
    except ImportError as error:
        raise ScoreError(
            "transformers and torch, or tenacity for a server",
            str(error),
            "run pip install 'lm-eval-mathtasks[hf,api]'",
        ) from error
