"""The law across the chain, on the real test sets, where they are at hand."""

import logging

import pytest

from lm_eval_mathtasks.errors import DataError
from lm_eval_mathtasks.problems import sources
from tests.chain.models import docs_of
from tests.chain.rooms import CHECKS, check_compare, run_chain, statuses
from tests.conftest import shared_path

pytestmark = pytest.mark.xdist_group("chain on real sets")
# A task for each set: what prompts change, `test_law.py` shows.
TASKS = ("math-cot", "math500", "gsm8k-cot-zeroshot", "olympiadbench-cot", "amc23-cot", "aime24-cot")
WHOLE = {"math-cot": 5000, "math500": 500, "olympiadbench-cot": 675, "amc23-cot": 40, "aime24-cot": 30}
LIMIT = {1: 60, 4: 20}  # docs of each set that the mixture answers


@pytest.fixture(scope="module")
def docs():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(logging.root, "handlers", [])  # lm-eval's would keep the stream of an earlier test
        patch.setenv(sources.DATA_DIR_VARIABLE, str(shared_path("data")))
        patch.delenv(sources.CHECKSUM_VARIABLE, raising=False)
        try:
            yield docs_of(TASKS)
        except DataError as missing:
            pytest.skip(f"needs the real sets: {missing}")


@pytest.fixture(scope="module")
def perfect(docs, tmp_path_factory):
    """A perfect model on all docs of the sets in WHOLE: 5,000 of MATH."""
    return run_chain(
        tmp_path_factory.mktemp("real") / "perfect", {task: docs[task] for task in WHOLE}, "perfect", 1
    )


@pytest.fixture(scope="module", params=LIMIT)
def mixture(request, docs, tmp_path_factory):
    k, limit = request.param, LIMIT[request.param]
    some = {task: listed[:limit] for task, listed in docs.items()}
    return run_chain(
        tmp_path_factory.mktemp("real") / f"mixture-{k}", some, "mixture", k, "--limit", str(limit)
    )


def test_every_doc_of_a_set_is_asked_and_right(perfect):
    assert {task: dict(statuses(facts)) for task, facts in perfect.truth.items()} == {
        task: {"correct": docs} for task, docs in WHOLE.items()
    }


@pytest.mark.parametrize(
    "check", [name for name in CHECKS if name not in ("the rescored log", "a pack without text")]
)
def test_a_perfect_model_scores_1_through_every_command(perfect, check):
    CHECKS[check](perfect)


@pytest.mark.parametrize("check", CHECKS)
def test_every_command_says_what_is_true(mixture, check):
    CHECKS[check](mixture)


def test_compare_says_what_is_true(mixture, docs, tmp_path):
    some = {task: listed[: len(mixture.truth[task])] for task, listed in docs.items()}
    limit = str(max(map(len, some.values())))
    check_compare(mixture, run_chain(tmp_path / "perfect", some, "perfect", 1, "--limit", limit))
