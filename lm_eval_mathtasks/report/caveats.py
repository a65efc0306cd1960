"""What the numbers of a report do not say, in sentences."""

from collections.abc import Sequence

from lm_eval_mathtasks.report.examine import Examined, graded_by_us


def caveats(examined: Sequence[Examined], left_out: Sequence[str] = ()) -> list[str]:
    """Return the limits that hold for these runs; left_out: what else is to be said of one kind of report."""
    return [*_of_runs(examined), *left_out, *_always(examined)]


def _of_runs(examined: Sequence[Examined]) -> list[str]:
    said = []
    for one in examined:
        run, name = one.run, f"{one.name} on {one.run.task}"
        if run.provenance.docs_of_task and run.provenance.docs_of_task > len(run.rows):
            said.append(
                f"{name}: only {len(run.rows):,} of {run.provenance.docs_of_task:,} docs were asked, so its score is "
                "of those docs alone."
            )
        if missing := sum(row.missing for row in run.rows):
            said.append(f"{name}: {missing:,} docs failed for an API error and are not in the score.")
        if one.disputed:
            ours, theirs = "our grader when it ran and as it is now", "the run's own grader and ours"
            whose = ours if graded_by_us(run) else theirs
            said.append(f"{name}: {whose} disagree on {one.disputed:,} docs.")
    if any(not any(row.finish) for one in examined for row in one.run.rows):
        said.append(
            "Where a log holds no finish reason, that a response was cut off is read from its text and may be wrong."
        )
    return said


def _always(examined: Sequence[Examined]) -> list[str]:
    said = [
        "Intervals are 95 %. They cover chance: which problems were drawn and, with several responses to each, which "
        "responses; they know nothing of contamination, prompts or mistakes in the reference answers.",
        "What a cause of lost points is worth is an estimate: what its responses would have scored at the rate of the "
        "others.",
        "Lengths are characters, not tokens: logs do not keep tokens.",
    ]
    if any(one.compared for one in examined):
        said.append(
            "A published score's interval is what the size of its benchmark gives; what its source does not say about "
            "the protocol may differ from the run."
        )
    return said
