"""Problems drawn anew: the spread over instances, beside chance, and the drop from what they were made from."""

import argparse
import random
from statistics import mean, stdev

import pytest

from lm_eval_mathtasks.commands import compare as compare_command
from lm_eval_mathtasks.errors import EvidenceError
from lm_eval_mathtasks.leaderboard.compare import score_of
from lm_eval_mathtasks.leaderboard.instances import drawn_anew, drop_between, spread_of
from lm_eval_mathtasks.leaderboard.paired import compare_runs, own_shares
from lm_eval_mathtasks.numbers.intervals import of_deviation, wilson
from lm_eval_mathtasks.runs.reading import read_run
from tests.runs.logs_of_runs import write_lm_eval

PROBLEMS, INSTANCES, DOCS_OF_GSM8K = 50, 20, 150
# Each problem has words of its own, as those of GSM8K have.
WORDS = [
    [f"{first}{'xyzuvw'[n % 6]}{chr(97 + n // 6)}" for first in "abcdefgh"] for n in range(DOCS_OF_GSM8K)
]
# The templates' places in GSM8K's test set: neither in order nor the first ones.
PLACES = random.Random(8).sample(range(DOCS_OF_GSM8K), PROBLEMS)


def asked(place, number):
    return f"{' '.join(WORDS[place][:-1])} has {number} apples"


def run_of(folder, marks, docs, task, model="acme/toy-1"):
    """A log in which each answer is as right as planted, by our grader too."""
    responses = [rf"\boxed{{{doc['gold'] if right else -1}}}" for doc, right in zip(docs, marks, strict=True)]
    return read_run(
        write_lm_eval(folder, docs, responses, scores=[float(m) for m in marks], task=task, model=model)
    )


def symbolic(folder, right, task="gsm-symbolic-cot", shift=0, **named):
    """right(problem, instance): whether the answer is. shift: how far the places are off."""
    pairs = [(problem, instance) for problem in range(PROBLEMS) for instance in range(INSTANCES)]
    docs = [
        {
            "question": asked(PLACES[problem], instance + 3),
            "gold": str(instance + 3),
            "id": problem,
            "instance": instance,
            "original_id": (PLACES[problem] + shift) % DOCS_OF_GSM8K,
        }
        for problem, instance in pairs
    ]
    return run_of(folder, [right(*pair) for pair in pairs], docs, task, **named)


def gsm8k(folder, right, **named):
    docs = [{"question": asked(place, 2), "gold": "2"} for place in range(DOCS_OF_GSM8K)]
    return run_of(
        folder, [right(place) for place in range(DOCS_OF_GSM8K)], docs, "gsm8k-cot-zeroshot", **named
    )


def shown(capsys, *arguments):
    parser = argparse.ArgumentParser()
    compare_command.add_arguments(parser)
    compare_command.main(parser.parse_args([*map(str, arguments), "--format", "markdown"]))
    return capsys.readouterr().out


def drawn(chance, seed=1):
    draw = random.Random(seed)
    return lambda *_: draw.random() < chance


def test_mean_and_spread_are_those_of_the_planted_answers(tmp_path):
    right = {}
    chance = drawn(0.8)

    def planted(problem, instance):
        return right.setdefault((problem, instance), chance())

    run = symbolic(tmp_path, planted)
    found = spread_of(run, own_shares(run))
    instances = [mean(right[p, i] for p in range(PROBLEMS)) for i in range(INSTANCES)]
    assert (found.problems, found.instances) == (PROBLEMS, INSTANCES)
    assert found.mean == pytest.approx(mean(instances))
    assert found.deviation == pytest.approx(stdev(instances))
    assert found.ends == (min(instances), max(instances))
    # 50 independent answers that are right in four of five cases: the root of 0.8 * 0.2 / 50.
    assert found.chance == pytest.approx(0.0566, rel=0.05)
    assert found.chance in found.deviation_interval
    assert not found.unstable


def test_problems_that_are_hard_in_every_instance_are_no_spread(tmp_path):
    run = symbolic(tmp_path, lambda problem, instance: problem % 5 > 0)
    found = spread_of(run, own_shares(run))
    assert (found.mean, found.deviation, found.chance) == (pytest.approx(0.8), 0.0, 0.0)
    assert not found.unstable
    # The problems are a sample of 50, not of 1,000.
    assert found.interval.half_width > 0.07


def test_instances_that_are_hard_for_every_problem_are(tmp_path):
    chance = drawn(0.8)
    run = symbolic(tmp_path, lambda problem, instance: instance % 5 > 0 and chance())
    assert spread_of(run, own_shares(run)).unstable


def test_chance_is_called_unstable_about_as_often_as_the_level_says(tmp_path):
    run = symbolic(tmp_path, lambda *_: True)
    draw, called = random.Random(3), 0
    hard = [draw.random() for _ in range(PROBLEMS)]
    for _ in range(200):
        shares = {row.doc_id: float(draw.random() < hard[int(row.doc_id) // INSTANCES]) for row in run.rows}
        called += spread_of(run, shares).unstable
    # One side of 95 %: 5 of 200 are expected.
    assert 0 < called <= 14


def test_the_drop_is_paired_with_the_problems_that_were_drawn_anew(tmp_path):
    easy = set(PLACES[:45])
    one = gsm8k(tmp_path / "gsm8k", lambda place: place in easy)
    two = symbolic(tmp_path / "symbolic", lambda problem, instance: problem < 45 and instance % 10 > 0)
    drop = drop_between(one, two, (own_shares(one), own_shares(two)))
    assert drop.problems == PROBLEMS
    assert drop.scores == (pytest.approx(0.9), pytest.approx(0.81))
    assert drop.delta == pytest.approx(0.09)
    # Of 45 problems each lost a tenth: that is certain, where two independent runs of 50 docs would leave 0 open.
    assert drop.significant
    assert drop.interval.half_width < 0.02
    turned = drop_between(two, one, (own_shares(two), own_shares(one)))
    assert turned.delta == pytest.approx(-drop.delta)


def test_no_drop_is_no_drop(tmp_path):
    one, two = gsm8k(tmp_path / "gsm8k", drawn(0.8)), symbolic(tmp_path / "symbolic", drawn(0.8, 2))
    drop = drop_between(one, two, (own_shares(one), own_shares(two)))
    assert not drop.significant


def test_places_of_other_problems_are_refused(tmp_path):
    one, two = gsm8k(tmp_path / "gsm8k", drawn(0.8)), symbolic(tmp_path / "off", drawn(0.8), shift=1)
    with pytest.raises(EvidenceError, match="other words"):
        drop_between(one, two, (own_shares(one), own_shares(two)))


def test_a_set_that_says_no_instances_is_not_drawn_anew(tmp_path):
    assert not drawn_anew(gsm8k(tmp_path, drawn(0.5)))


def test_the_score_of_a_run_has_the_interval_over_its_problems(tmp_path):
    """Instances of one problem are alike: 1,000 docs of 50 problems, half of them never solved, say as much as 50."""
    run = symbolic(tmp_path, lambda problem, instance: problem % 2)
    score = score_of(run)
    assert (score.value, score.docs, score.kind) == (0.5, 1000, "clustered by problem")
    assert score.interval == spread_of(run, own_shares(run)).interval
    assert score.interval.half_width > 3 * wilson(0.5, 1000).half_width


def test_two_models_on_the_same_instances_differ_by_problems_not_by_docs(tmp_path, capsys):
    """Three of 50 problems that one model never solves are 60 of 1,000 docs, and no more than chance among problems."""
    one = symbolic(tmp_path / "one", lambda problem, _: problem % 4 > 0)
    two = symbolic(tmp_path / "two", lambda problem, _: problem % 4 > 0 and problem > 3, model="acme/toy-2")
    found = compare_runs(one, two)
    assert (found.docs, found.problems, found.only_first, found.p_value) == (1000, 50, 60, None)
    assert not found.significant
    assert found.interval.high > 0.12
    assert "paired bootstrap over 50 problems" in shown(capsys, tmp_path / "one", tmp_path / "two")
    symbolic(tmp_path / "three", lambda problem, _: problem % 4 > 0, model="acme/toy-3")
    ranked = shown(capsys, *(tmp_path / name for name in ("one", "two", "three")))
    assert ranked.count("| A |") == 3


def test_compare_shows_spread_and_drop_where_they_are_looked_for(tmp_path, capsys):
    symbolic(tmp_path / "symbolic", drawn(0.7))
    gsm8k(tmp_path / "gsm8k", drawn(0.9, 2))
    alone = shown(capsys, tmp_path / "symbolic")
    assert "50 problems, drawn 20 times" in alone
    assert "its 20 instances differ no more than by chance" in alone
    both = shown(capsys, tmp_path / "gsm8k", tmp_path / "symbolic")
    assert "On 50 problems of gsm8k-cot-zeroshot and gsm-symbolic-cot" in both
    assert "they differ" in both
    assert "drawn 20 times" in both
    # Two models on the same instances are compared doc by doc, as on any set.
    symbolic(tmp_path / "other", drawn(0.7, 5), model="acme/toy-2")
    assert "on 1,000 common docs" in shown(capsys, tmp_path / "symbolic", tmp_path / "other")


def test_two_sizes_of_the_set_are_compared_problem_by_problem(tmp_path, capsys):
    symbolic(tmp_path / "main", drawn(0.9))
    symbolic(tmp_path / "p1", drawn(0.5, 2), task="gsm-symbolic-p1-cot")
    out = shown(capsys, tmp_path / "main", tmp_path / "p1")
    assert "On 50 problems of gsm-symbolic-cot and gsm-symbolic-p1-cot" in out
    assert out.count("drawn 20 times") == 2


def test_the_interval_of_a_deviation_is_that_of_chi_square():
    # Quantiles of chi-square with 49 degrees of freedom: 31.555 and 70.222.
    low, high = of_deviation(4.0, 50)
    assert (low, high) == (
        pytest.approx(4 * (49 / 70.222) ** 0.5, 1e-3),
        pytest.approx(4 * (49 / 31.555) ** 0.5, 1e-3),
    )
    with pytest.raises(ValueError, match="at least two"):
        of_deviation(1.0, 1)
