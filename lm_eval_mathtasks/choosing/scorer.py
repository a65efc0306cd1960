"""The common interface of what scores a response without gold."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from lm_eval_mathtasks.choosing.score_files import Score


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


class Settings(NamedTuple):
    """How a scorer runs. device, dtype and batch: of a local model. model: the name it has on a server."""

    device: str = "cpu"
    dtype: str = "float32"
    batch: int = 8
    model: str | None = None


def steps(response: str, separator: str) -> list[str]:
    r"""Return the steps of a response, without the separators and blank ones; an empty response is one empty step.

    >>> steps("First.\n\n\nThen.", "\n")
    ['First.', 'Then.']
    """
    return [part.strip("\n") for part in response.split(separator) if part.strip()] or [""]
