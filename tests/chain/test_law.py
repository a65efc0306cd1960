"""The law across the chain, for every task there is: on a dozen docs of ours for each set, and on the samples."""

import json
import logging
import shutil
from dataclasses import replace
from importlib import import_module

import pytest

from lm_eval_mathtasks import hooks
from lm_eval_mathtasks.grading.verdict import STATUS_WORDS, Status, Verdict
from lm_eval_mathtasks.leaderboard.lost_points import CAUSES
from tests.chain.models import LOST, MODELS, docs_of, task_names, write_sets
from tests.chain.rooms import CHECKS, check_compare, check_page, run_chain, statuses
from tests.conftest import read_jsonl

pytestmark = pytest.mark.xdist_group("chain")  # whose runs are made once for all of these tests
RUNS = [(model, k) for model in MODELS if model != "answers and errors" for k in (1, 4)]
SOME = 30  # docs of each task to which four responses are given
FEW = ("sample-gsm8k", "math-cot", "olympiadbench-cot")  # where the task makes no difference to what is shown


@pytest.fixture(scope="module")
def docs(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(logging.root, "handlers", [])  # lm-eval's would keep the stream of an earlier test
        patch.setenv("MATHTASKS_DATA_DIR", str(write_sets(tmp_path_factory.mktemp("sets"))))
        patch.setenv("MATHTASKS_CHECKSUM", "warn")
        yield docs_of(task_names())


@pytest.fixture(scope="module")
def run(docs, tmp_path_factory):
    """A function that returns the run of a model, each made once."""
    folder, made = tmp_path_factory.mktemp("chains"), {}

    def chain_of(model, k, names=tuple(docs)):
        key = f"{model} {k} {len(names)}".replace(" ", "-")
        if key not in made:
            asked = {name: docs[name][: SOME if k > 1 else None] for name in names}
            limit = ("--limit", str(SOME)) if k > 1 else ()
            made[key] = run_chain(folder / key, asked, model, k, *limit)
        return made[key]

    return chain_of


@pytest.fixture(scope="module", params=RUNS, ids=lambda run: f"{run[0]}, k = {run[1]}")
def chain(request, run):
    return run(*request.param)


@pytest.mark.parametrize("check", CHECKS)
def test_every_command_says_what_is_true(chain, check):
    CHECKS[check](chain)


def test_compare_says_what_is_true(chain, run):
    check_compare(chain, run("perfect", chain.k))


def test_what_rescore_wrote_is_compared_explained_and_packed_like_the_run(run, tmp_path):
    chain = run("mixture", 4, FEW)
    rescored = replace(chain, log=chain.rescored[1], out=tmp_path)
    check_compare(rescored, chain)
    for check in ("explain", "report", "a pack"):
        CHECKS[check](rescored)


@pytest.mark.parametrize("k", [1, 4])
def test_the_page_says_what_is_true(run, k):
    check_page(run("mixture", k), "sample-math")


def test_every_kind_of_response_is_among_them(run):
    found = sum((statuses(facts) for facts in run("mixture", 4).truth.values()), start=statuses({}))
    assert set(found) == {*map(str, Status), "api_error"}


def test_a_perfect_model_scores_1_and_the_others_less(run):
    for facts in run("perfect", 1).truth.values():
        assert set(statuses(facts)) == {"correct"}
    for model in ("empty", "cut by text"):
        for facts in run(model, 4).truth.values():
            assert "correct" not in statuses(facts)


# --- logs that plain lm-eval writes: no finish reasons


@pytest.mark.parametrize(
    ("model", "k"),
    [
        ("perfect", 4),
        ("empty", 4),
        ("cut by text", 4),
        ("cut by finish reason", 1),
        ("answers and errors", 4),
    ],
)
def test_a_log_of_plain_lm_eval_says_the_same(run, tmp_path, model, k):
    """What its metrics and texts tell is enough; of k responses no metric says which the server had cut."""
    chain = run(model, k, FEW)
    plain = replace(chain, log=tmp_path / "logs", out=tmp_path)
    shutil.copytree(chain.log, plain.log)
    for file in plain.log.rglob("samples_*.jsonl"):
        lines = [
            {name: value for name, value in line.items() if name != "finish_reasons"}
            for line in read_jsonl(file)
        ]
        file.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    for name, check in CHECKS.items():
        # The metrics of the run itself are those that were made with the finish reasons.
        if name != "the log":
            check(plain)


# --- numbers that differ by meaning have different names


def test_a_cause_of_explain_has_no_status_s_name():
    """A status is what a response is; a cause is what could be gained, and a response has the first that holds."""
    titles = {title for title, _ in CAUSES.values()}
    assert len(titles) == len(CAUSES)
    assert not titles & set(STATUS_WORDS.values())
    assert "cut off" not in {*titles, *STATUS_WORDS.values()}, (
        "the count of cuts, whether or not there was an answer"
    )


def test_a_metric_with_the_name_of_a_status_is_its_share(run):
    chain = run("cut by finish reason", 4)
    for task, facts in chain.truth.items():
        (file,) = chain.log.rglob(f"samples_{task}_*.jsonl")
        for line in read_jsonl(file):
            there = [fact for fact in facts[str(line["doc_id"])] if fact.status != LOST.fact.status]
            for name in set(line["metrics"]) & set(map(str, Status)):
                share = sum(fact.status == name for fact in there) / len(there)
                assert line[name] == pytest.approx(share), (task, line["doc_id"], name)


# --- the law can be broken: a rule of its own in any one room is noticed


def no_finish_reason(judge):
    return lambda *args, **named: judge(*args, **{**named, "finish_reason": None})


def nothing_is_cut_off(_):
    return lambda judged: {"surely": 0, "likely": 0}


def cuts_are_wrong(judge_run):
    wrong = Verdict(Status.INCORRECT, "planted", "planted")
    return lambda run: [
        one._replace(judgement=one.judgement._replace(verdict=wrong)) if one.cut_off else one
        for one in judge_run(run)
    ]


def api_errors_are_wrong(shares):
    return lambda run, judged: {**dict.fromkeys(run.by_id(), 0.0), **shares(run, judged)}


def statuses_of_others(said):
    return lambda *args: {**said(*args), "status": "unparsable"}


def every_response_votes(votes_for):
    return lambda judged, gold: [answer or "0" for answer in votes_for(judged, gold)]


@pytest.mark.parametrize(
    ("check", "place", "mutant"),
    [
        ("the log read again", "runs.judged.judge", no_finish_reason),
        ("explain", "leaderboard.explain.cut_off", nothing_is_cut_off),
        ("explain", "commands.explain.judge_run", cuts_are_wrong),
        ("explain", "leaderboard.explain.symptom", lambda _: lambda *_: None),
        ("compare", "commands.compare.shares", api_errors_are_wrong),
        ("rescore", "runs.judged.judge", no_finish_reason),
        ("rescore", "evidence.rescore.written.doc_scores", statuses_of_others),
        ("report", "report.exports.status_of", lambda _: lambda judged: "correct" if judged else "api_error"),
        ("report", "report.examine.judge_run", cuts_are_wrong),
        ("sampling", "commands.sampling.judge_run", cuts_are_wrong),
        ("sampling", "sampling.curves.votes_for", every_response_votes),
        ("budgets", "sampling.budgets.cut_off", nothing_is_cut_off),
        ("budgets", "sampling.budgets.judge_run", cuts_are_wrong),
        ("a pack", "evidence.pack.judge_run", cuts_are_wrong),
        ("a pack", "evidence.pack_lines.verdict_of", statuses_of_others),
        ("a pack", "evidence.pack_verdicts.judge_run", cuts_are_wrong),
    ],
)
def test_a_rule_of_its_own_is_noticed(run, tmp_path, monkeypatch, check, place, mutant):
    """One room judges, counts or says by another rule than the rest: its check fails, and passes without."""
    made, other = run("mixture", 1, FEW), run("perfect", 1, FEW)
    held = (lambda chain: check_compare(chain, other)) if check == "compare" else CHECKS[check]
    held(replace(made, out=tmp_path / "without"))
    where, _, name = place.rpartition(".")
    module = import_module(f"lm_eval_mathtasks.{where}")
    monkeypatch.setattr(module, name, mutant(getattr(module, name)))
    with pytest.raises(AssertionError):
        held(replace(made, out=tmp_path / "with"))


def test_a_run_that_scores_by_a_rule_of_its_own_is_noticed(docs, tmp_path, monkeypatch):
    monkeypatch.setattr(hooks, "judge", no_finish_reason(hooks.judge))
    made = run_chain(tmp_path / "run", {"sample-gsm8k": docs["sample-gsm8k"]}, "mixture", 1)
    with pytest.raises(AssertionError):
        CHECKS["the log"](made)
