"""Where units are rescored: in processes of this machine, or on a Ray cluster. Both do the same, unit by unit."""

import contextlib
import json
import logging
import os
import pickle
import tempfile
from collections.abc import Iterator, Sequence
from functools import lru_cache, partial
from typing import Any

from lm_eval_mathtasks.errors import EvidenceError, as_error
from lm_eval_mathtasks.evidence.rescore.inputs import Options, Unit
from lm_eval_mathtasks.evidence.rescore.judges import Judges
from lm_eval_mathtasks.evidence.rescore.work import Summary, rescore_unit
from lm_eval_mathtasks.grading.children import CannotStartError, Children, Tick, cores

_UNITS = "lm_eval_mathtasks.evidence.rescore.work.serve_units"


def run_local(units: Sequence[Unit], options: Options, workers: int, tick: Tick) -> Iterator[Summary]:
    """Yield the summary of every unit, the largest first; one unit is shared among all workers."""
    if len(units) == 1 or workers == 1:
        with contextlib.closing(Judges(options.graders, workers)) as judges:
            for unit in units:
                yield rescore_safely(unit, options, judges, tick)
        return
    # An unknown grader, or one that is not installed, is refused before the work begins elsewhere.
    Judges(options.graders, 1).close()
    processes = min(workers, len(units))
    largest_first = sorted(units, key=lambda unit: -unit.size)
    wanted, fix = "processes that grade", "see `mathtasks rescore --help`"
    with (
        as_error(EvidenceError, wanted, fix, CannotStartError),
        Children(_UNITS, (options, workers // processes), processes) as pool,
    ):
        for unit, done in zip(largest_first, pool.map(largest_first, tick), strict=True):
            why = done.trouble.removeprefix("EvidenceError: ")
            if why and options.strict:
                raise EvidenceError(why)
            yield failed(unit, why) if why else done.value


def rescore_safely(unit: Unit, options: Options, judges: Judges, tick: Tick) -> Summary:
    """As `rescore_unit`; what no reader foresaw is that unit's problem, not the end of the others."""
    try:
        return rescore_unit(unit, options, judges, tick)
    except EvidenceError:
        raise
    except Exception as error:
        if options.strict:
            raise
        return failed(unit, f"{type(error).__name__}: {error}")


def failed(unit: Unit, why: str) -> Summary:
    """The summary of a unit that was lost as a whole."""
    problem = f"{unit.name} could not be rescored: {why}"
    return {"source": unit.name, "runs": [], "problems": [problem], "written": [], "reused": 0, "kept": False}


def _on_ray(row: dict[str, bytes]) -> dict[str, str]:
    """One unit in a Ray worker."""
    unit, options = pickle.loads(row["work"])  # noqa: S301  our own driver wrote it
    try:
        summary = rescore_safely(unit, options, _judges_of(options.graders, 1), lambda _: None)
    except EvidenceError as error:
        summary = failed(unit, str(error))
    return {"summary": json.dumps(summary)}


# A Ray worker's graders: kept between units, ended with the worker.
_judges_of = lru_cache(maxsize=1)(Judges)


def run_on_ray(units: Sequence[Unit], options: Options, workers: int | None, tick: Tick) -> Iterator[Summary]:
    """Yield the summary of every unit, from an existing Ray cluster (RAY_ADDRESS, or the one on this machine), else
    from one started here for as long as it takes, with so many workers (None: all cores).

    Input and output must be on a file system that all nodes see. Raises EvidenceError where Ray is not installed, or
    does not start.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # read at Ray's import
    fix = "run pip install 'lm-eval-mathtasks[scale]'"
    with as_error(EvidenceError, "Ray, for --engine ray", fix, ImportError):
        import ray
        from ray.data import DataContext, from_items
    Judges(options.graders, 1).close()
    with cluster(ray, workers):
        DataContext.get_current().enable_progress_bars = False
        logging.getLogger("ray.data").setLevel(logging.ERROR)
        largest_first = sorted(units, key=lambda unit: -unit.size)
        rows = [{"work": pickle.dumps((unit, options))} for unit in largest_first]
        done = from_items(rows, override_num_blocks=len(rows)).map(_on_ray, num_cpus=1, concurrency=workers)
        for row in done.iter_rows():
            summary = json.loads(row["summary"])
            tick(sum(run["judgements"] for run in summary["runs"]))
            if options.strict and summary["problems"]:
                raise EvidenceError(summary["problems"][0])
            yield summary


@contextlib.contextmanager
def cluster(ray: Any, workers: int | None) -> Iterator[None]:
    """A Ray cluster: the caller's, the one of RAY_ADDRESS or of this machine, else one of so many workers (None: all
    cores) that ends with the context. Raises EvidenceError where there is none and none starts, twice.
    """
    if ray.is_initialized():  # the caller's own
        yield
        return
    named = os.environ.get("RAY_ADDRESS")
    quiet = {"log_to_driver": False, "logging_level": "ERROR"}
    with contextlib.ExitStack() as stack:
        try:
            ray.init(address=named or "auto", **quiet)
        except ConnectionError as error:
            if named:
                fix = (
                    "start it, set RAY_AUTH_MODE=token where it wants a token, "
                    "or unset RAY_ADDRESS for one on this machine"
                )
                got = f"none at {named}"
                raise EvidenceError("the Ray cluster that RAY_ADDRESS names", got, fix) from error
            # Ray itself leaves its sessions in /tmp for ever.
            place = tempfile.TemporaryDirectory(prefix="mt-ray-", ignore_cleanup_errors=True)
            folder, cpus = stack.enter_context(place), workers or cores()
            fix = "try again when less is going on here, or leave out --engine ray"
            start = partial(
                ray.init, address="local", num_cpus=cpus, include_dashboard=False, _temp_dir=folder, **quiet
            )
            # Ray gives a node 30 seconds and has no class of its own for one that needs longer. On a busy machine the
            # second start finds Ray's files in memory.
            with contextlib.suppress(Exception):
                start()
            if not ray.is_initialized():
                with as_error(EvidenceError, "a Ray cluster on this machine", fix, Exception):
                    start()
        stack.callback(ray.shutdown)
        yield
