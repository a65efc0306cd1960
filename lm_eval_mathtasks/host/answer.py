"""After a run: the answer, one line a task, then what makes it doubtful, where the logs are and what comes next."""

import shlex
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any
from unittest.mock import patch

from lm_eval_mathtasks.errors import MathtasksError
from lm_eval_mathtasks.files import short_path
from lm_eval_mathtasks.grading.scores import RATES
from lm_eval_mathtasks.grading.verdict import STATUS_WORDS
from lm_eval_mathtasks.host.keeper import Keeper
from lm_eval_mathtasks.models.run_report import RunReport
from lm_eval_mathtasks.numbers.intervals import of_stated_mean
from lm_eval_mathtasks.package import git
from lm_eval_mathtasks.tables import GLUE, counted, print_lines

TRUNCATED_SHARE = 0.01  # above this share of cut-off responses the score is about the limit, not the model
_MORE = "--gen_kwargs max_gen_toks=..."
_RATES = {
    "truncated": "cut off",
    **{str(status): STATUS_WORDS[status] for status in RATES},
    "api_error": "without a response",
}


def say(asked: RunReport) -> int:
    """Print what an API model did, unless it had reason to say so itself; return its exit status."""
    if not asked.exit_code:
        print_lines(asked.lines())
    return asked.exit_code


def answer(keeper: Keeper) -> int:
    """Print a run's scores with their intervals, and what a reader must know of them. Return the exit status: 1 where
    responses are missing."""
    results = keeper.results.get("results") or {}
    docs = {name: counts["effective"] for name, counts in keeper.results.get("n-samples", {}).items()}
    width, lines = max(map(len, results), default=0), []
    for task, scores in results.items():
        if "exact_match,none" in scores and docs.get(task):
            # A part of a line is one thing: "20 docs" stays together.
            parts = (part.replace(" ", GLUE) for part in score_parts(scores, docs[task]))
            lines.append(f"{task:{width}}   " + f"{GLUE * 2} ".join(parts))
    print_lines(lines, indent=width + 3)
    print_lines(doubt for task, scores in results.items() for doubt in _doubts(task, scores))
    if keeper.unknown_cuts:
        print_lines([
            f"{', '.join(keeper.unknown_cuts)}: how the responses ended is not known, so no rate of cut-off responses "
            "is reported; `mathtasks explain` counts those whose text breaks off"
        ])  # fmt: skip
    _say_next(keeper, results)
    return int(any(scores.get("api_error,none") for scores in results.values()))


def score_parts(scores: Mapping[str, Any], docs: int) -> Iterator[str]:
    """Score and interval in points, the docs, and every rate that is not zero: counts where a doc has one response."""
    score = scores["exact_match,none"]
    single = not any(key.startswith("pass@") for key in scores)
    error = scores.get("exact_match_stderr,none")
    there = max(1, round(docs * (1 - (scores.get("api_error,none") or 0)))) if single else docs
    low, high = of_stated_mean(score, error if isinstance(error, float) and not single else None, there)
    yield f"{100 * score:.1f} [{100 * low:.1f}, {100 * high:.1f}]"
    yield counted(docs, "doc")
    for name, words in _RATES.items():
        if rate := scores.get(f"{name},none"):
            of = docs if name == "api_error" else there
            yield f"{round(rate * of)} {words}" if single else f"{rate:.1%} {words}"


def _doubts(task: str, scores: Mapping[str, Any]) -> Iterator[str]:
    if (share := scores.get("truncated,none") or 0) > TRUNCATED_SHARE:
        cut = "of the responses were cut off, surely or likely; raise the limit of tokens with"
        yield f"{task}: {share:.1%} {cut} {_MORE}"
    if share := scores.get("api_error,none") or 0:
        yield (f"{task}: {share:.1%} of the responses never came (API errors); they are not in exact_match")


def _say_next(keeper: Keeper, results: Mapping[str, Any]) -> None:
    if (path := logged_results(keeper)) is None:
        return
    # A folder with one run is its shorter name.
    run = short_path(path.parent if len(list(path.parent.glob("results_*.json"))) == 1 else path)
    print(f"logs  {short_path(path)}")
    run = shlex.quote(run)
    print(f"next  mathtasks report {run}\n      mathtasks compare {run}")
    if any("pass@" in key for task in results.values() for key in task):
        _say_of_repeats(path)
        print(f"      mathtasks sampling {run}  (every k, with intervals)")


def _say_of_repeats(results: Path) -> None:
    """Say that the repeats of a doc are one text, where they should not be; a log that cannot be read has its error
    elsewhere."""
    # The readers of all harnesses: a run without repeats needs none.
    from lm_eval_mathtasks.runs.reading import note_on_repeats, read_runs

    with suppress(MathtasksError):
        for run in read_runs(results):
            if note := note_on_repeats(run):
                print_lines([f"{run.task}: {note}"])


def logged_results(keeper: Keeper) -> Path | None:
    """The results of the run on disk, None where none were written."""
    return next((path for path in keeper.logs if path.name.startswith("results_")), None)


def without_table() -> AbstractContextManager[object]:
    """lm-eval's own tables, with fifteen rows a task, stay in the logs."""
    import lm_eval._cli.run as command

    return patch.object(command, "print", lambda *_, **__: None, create=True)


def commit_of_folder() -> str | None:
    """The commit of the folder a run was started in, for lm-eval's `git_hash`; None without a word outside of one."""
    return git("describe", "--always", folder=Path())
