"""How far a score moves when the same docs are answered again by the same model under the same protocol.

Measured where a run has repeats; elsewhere an assumption, which every output names and `--flips` replaces: a share of
p(1-p), the variance of a coin as biased as the score, because a model that is always right or always wrong cannot
move. Where the constants come from: leaderboards/README.md.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

from lm_eval_mathtasks.leaderboard.claims import Claim
from lm_eval_mathtasks.leaderboard.protocol import is_greedy
from lm_eval_mathtasks.numbers import differences as st
from lm_eval_mathtasks.runs.records import Run
from lm_eval_mathtasks.runs.shown import same_each_time

# Share of p(1-p) that is left within a doc. Sampled: the largest of six measured runs (0.15 to 0.35) that are right
# on a fifth of the docs and more; all of it in one that is right on 0.75 %, because right answers to what a model
# cannot do are luck. Between these nothing is measured: below a score of LUCK the whole is assumed. Greedy: answers
# change with batch size, hardware and precision (Yuan et al. 2025, arXiv:2506.09501; Atil et al. 2024,
# arXiv:2408.04667); as much as the steadiest sampled run, until it is measured.
SAMPLED = 0.35
LUCK = 0.1
GREEDY = 0.15


class Noise(NamedTuple):
    """The variance of one answer to one doc over runs, not over docs, as a fraction squared; and how it is known."""

    variance: float
    source: str

    @property
    def flips(self) -> float:
        """The share of docs whose verdict differs between two runs."""
        return 2 * self.variance


def answers_each(run: Run) -> int:
    """How many answers to each doc a run has; where docs have unlike numbers, the harmonic mean."""
    return int(len(run.answered) / sum(1 / len(row.there) for row in run.answered) + 1e-9)


def draws_of(run: Run, shares: Sequence[float], k: int) -> int:
    """How many answers to each doc, of k, a score is as steady as: one where they are the same text or never disagree,
    as greedy ones do: a second run may still be another.

    shares: of right answers, of the docs that were answered.
    """
    return 1 if same_each_time(run) or not any(0 < share < 1 for share in shares) else k


def noise_of_run(run: Run, score: float, k: int, flips: float | None = None) -> Noise:
    """Return the noise of a run: from its repeats, else as assumed.

    score: of the run, of k answers to each doc, as a fraction. flips: the user's own assumption, as a fraction.
    """
    several = [(row.score, len(row.there)) for row in run.answered if row.score is not None and k > 1]
    measured = [st.within_doc_variance([share], of) for share, of in several if of > 1]
    if any(measured):
        return Noise(math.fsum(measured) / len(measured), f"measured from {k} answers to each doc")
    return assumed_noise(run.protocol.temperature, score, flips)


def noise_of_claim(claim: Claim, run: Run, ours: Noise, k: int, flips: float | None = None) -> Noise:
    """Return the noise of a claim: the run's measured one if both sampled alike, else as assumed.

    k: answers to each doc of the run.
    """
    temperatures = (run.protocol.temperature, claim.temperature)
    alike = None not in temperatures and not any(is_greedy(t) for t in temperatures if t is not None)
    if k > 1 and alike and ours.source.startswith("measured"):
        return Noise(ours.variance, "as this run's, which sampled alike")
    return assumed_noise(claim.temperature, claim.score / 100, flips)


def assumed_noise(temperature: float | None, score: float, flips: float | None = None) -> Noise:
    """Return the noise of one answer to each doc, as assumed for this temperature (None: unknown) and score."""
    if flips is not None:
        return Noise(flips / 2, f"{100 * flips:g} % of the docs flip, by --flips")
    greedy = temperature is not None and is_greedy(temperature)
    share = GREEDY if greedy else 1.0 if score < LUCK else SAMPLED
    noise = Noise(share * score * (1 - score), "")
    how = "greedy" if greedy else "sampled" if temperature is not None else "not said whether sampled"
    return noise._replace(
        source=f"assumed ({how}): {100 * noise.flips:.1f} % of the docs flip between two runs"
    )
