"""Whose verdicts a run is compared by: ours, or of several graders' in its log those that a claim names."""

import re
from collections.abc import Mapping
from dataclasses import replace

from lm_eval_mathtasks.leaderboard.claims import Claim
from lm_eval_mathtasks.runs.records import Run

# How claims name a grader, and the metric under which logs hold its scores.
_NAMED = (
    (re.compile(r"math[-_ ]?verify", re.IGNORECASE), "math_verify"),
    (re.compile(r"lm-eval\b.*\bstrict-match", re.IGNORECASE), "exact_match,strict-match"),
    (re.compile(r"lm-eval\b.*\bflexible-extract", re.IGNORECASE), "exact_match,flexible-extract"),
    (re.compile(r"lm-eval\b.*\bget-answer", re.IGNORECASE), "exact_match,get-answer"),
)


def scored_as_named(run: Run, claim: Claim) -> Run:
    """Return a run that is scored by the grader that a claim names, where its log holds that grader's score of every
    answered doc; else the run as it is."""
    wanted = next((metric for named, metric in _NAMED if named.search(claim.grader or "")), None)
    keys = dict.fromkeys(key for row in run.answered for key in row.metrics)
    key = next((key for key in keys if wanted and wanted in (key, key.partition(",")[0])), None)
    if key is None or key == run.metric or any(key not in row.metrics for row in run.answered):
        return run
    rows = tuple(replace(row, score=row.metrics.get(key)) for row in run.rows)
    return replace(run, rows=rows, metric=key, protocol=replace(run.protocol, grader=claim.grader))


def regraded(run: Run, shares: Mapping[str, float]) -> Run:
    """Return a run whose own scores are ours. shares: of right answers by doc."""
    k = max(len(row.responses) for row in run.rows)
    kind = "avg@k" if k > 1 else run.protocol.metric
    rows = tuple(replace(row, score=shares.get(row.doc_id)) for row in run.rows)
    return replace(run, rows=rows, protocol=replace(run.protocol, metric=kind, k=k, grader="symbolic"))
