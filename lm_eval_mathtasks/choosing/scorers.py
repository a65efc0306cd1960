"""The names by which a user asks for a scorer."""

from collections.abc import Callable

from lm_eval_mathtasks.choosing.likelihood import LogProbability, SumOfLogProbabilities
from lm_eval_mathtasks.choosing.scorer import Scorer, Settings
from lm_eval_mathtasks.choosing.verifiers import MathShepherd, OutcomeModel, QwenModel, TokenModel
from lm_eval_mathtasks.errors import ScoreError, as_error

# Families of scorers, and what `--help` says of them.
KINDS: dict[str, tuple[Callable[[str, Settings], Scorer], str]] = {
    "orm": (OutcomeModel, "sequence classification: one logit, or the probability of the last label"),
    "prm-tokens": (TokenModel, "token classification at the line break after each step, as `train prm` makes it"),
    "prm-math-shepherd": (MathShepherd, "a causal LM that says + or - at the step tag, as Math-Shepherd does"),
    "prm-qwen": (QwenModel, "Qwen2.5-Math-PRM: a head with two classes at <extra_0>"),
    "logprob": (LogProbability, "a causal LM's mean log-probability of the response's tokens, given the prompt"),
    "logprob-sum": (SumOfLogProbabilities, "the sum of the same"),
}  # fmt: skip


def on_a_server(spec: str) -> bool:
    """Whether a scorer is asked for on a server, and not in a folder."""
    return spec.partition(":")[2].startswith(("http://", "https://"))


def make_scorer(spec: str, settings: Settings | None = None) -> Scorer:
    """Return the scorer that `spec` names: KIND:FOLDER of a Hugging Face model, or KIND:http://... of a vLLM server.

    Raises ScoreError for an unknown kind, a folder without a model of that kind, or a kind that no server has.
    """
    kind, _, where = spec.partition(":")
    if kind not in KINDS or not where:
        raise ScoreError("a scorer KIND:PATH", spec, f"KIND is one of {', '.join(KINDS)}")
    settings = settings or Settings()
    wanted = "transformers and torch, or tenacity for a server"
    with as_error(ScoreError, wanted, "run pip install 'lm-eval-mathtasks[hf,api]'", ImportError):
        if on_a_server(spec):
            from lm_eval_mathtasks.choosing.pooling import Endpoint

            return Endpoint(kind, where, settings)
        return KINDS[kind][0](where, settings)
