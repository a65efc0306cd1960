"""The common interface of what scores a response without gold, and the names by which a user asks for one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from lm_eval_mathtasks.choosing.score_files import Score
from lm_eval_mathtasks.errors import ScoreError


class Scorer(Protocol):
    """Scores responses; higher is better.

    of_prompt: whether it wants the prompt as the model saw it, instead of the bare question.
    """

    of_prompt: bool

    def score(self, question: str, responses: Sequence[str]) -> list[Score]:
        """Return a score for each response, or a tuple with one for each of its steps, in their order.

        Raises ScoreError where a response cannot be scored: longer than the model's context, or with a step marker of
        the model in its own text.
        """
        ...


# Families of scorers, and what `--help` says of them.
KINDS = {
    "orm": "sequence classification: one logit, or the probability of the last label",
    "prm-tokens": "token classification at the line break after each step, as TRL trains it",
    "prm-math-shepherd": "a causal LM that says + or - at the step tag, as Math-Shepherd does",
    "prm-qwen": "Qwen2.5-Math-PRM: a head with two classes at <extra_0>",
    "logprob": "a causal LM's mean log-probability of the response's tokens, given the prompt",
    "logprob-sum": "the sum of the same",
}


class Settings(NamedTuple):
    """How a scorer runs. device, dtype and batch: of a local model. model: the name it has on a server."""

    device: str = "cpu"
    dtype: str = "float32"
    batch: int = 8
    model: str | None = None


def make_scorer(spec: str, settings: Settings | None = None) -> Scorer:
    """Return the scorer that `spec` names: KIND:FOLDER of a Hugging Face model, or KIND:http://... of a vLLM server.

    Raises ScoreError for an unknown kind, a folder without a model of that kind, or a kind that no server has.
    """
    kind, _, where = spec.partition(":")
    if kind not in KINDS or not where:
        raise ScoreError("a scorer KIND:PATH", spec, f"KIND is one of {', '.join(KINDS)}")
    settings = settings or Settings()
    if where.startswith(("http://", "https://")):
        from lm_eval_mathtasks.choosing.pooling import Endpoint

        return Endpoint(kind, where, settings)
    from lm_eval_mathtasks.choosing import likelihood, verifiers

    makers: dict[str, Callable[[str, Settings], Scorer]] = {
        "orm": verifiers.OutcomeModel,
        "prm-tokens": verifiers.TokenModel,
        "prm-math-shepherd": verifiers.MathShepherd,
        "prm-qwen": verifiers.QwenModel,
        "logprob": likelihood.LogProbability,
        "logprob-sum": likelihood.SumOfLogProbabilities,
    }
    try:
        return makers[kind](where, settings)
    except ImportError as error:
        raise ScoreError(
            "transformers and torch", str(error), "pip install 'lm-eval-mathtasks[hf]'"
        ) from error


def steps(response: str, separator: str) -> list[str]:
    r"""Return the steps of a response, without the separators and blank ones; an empty response is one empty step.

    >>> steps("First.\n\n\nThen.", "\n")
    ['First.', 'Then.']
    """
    return [part.strip("\n") for part in response.split(separator) if part.strip()] or [""]
