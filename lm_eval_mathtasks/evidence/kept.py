"""Judgements as logs and packs keep them, and back."""

from typing import TypedDict

from lm_eval_mathtasks.grading import Extraction, Status, Verdict
from lm_eval_mathtasks.grading.judge import CutOff, Judgement

# Packs made when a status still had the name of the metric that counts every response that was cut off.
_EARLIER = {"truncated": Status.UNFINISHED}


class Kept(TypedDict, total=False):
    """A judgement without the place of the answer; a pack leaves out reason and cut_off, and has the hash of an answer
    that is long."""

    answer: str | None
    answer_sha256: str
    rule: str
    status: str
    reason: str
    tier: str
    cut_off: CutOff | None


def kept(judgement: Judgement) -> Kept:
    """Return a judgement as plain JSON."""
    (answer, rule, *_), verdict, cut_off = judgement
    status, reason, tier = verdict
    return Kept(answer=answer, rule=rule, status=str(status), reason=reason, tier=tier, cut_off=cut_off)


def status_in(said: Kept) -> Status:
    """Return the status that was kept."""
    return _EARLIER.get(said["status"]) or Status(said["status"])


def judgement_of(said: Kept) -> Judgement:
    """Return the judgement that was kept."""
    verdict = Verdict(status_in(said), said.get("reason", "as the pack says"), said["tier"])
    return Judgement(Extraction(said.get("answer"), said["rule"]), verdict, said.get("cut_off"))
