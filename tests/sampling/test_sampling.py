"""Sampling metrics: against every subset by hand, against published forms, and on runs read from logs."""

import argparse
import csv
import io
import itertools
import json
import math
import random
import re
import shlex
import statistics
from collections import Counter
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lm_eval_mathtasks import sampling
from lm_eval_mathtasks.cli import main
from lm_eval_mathtasks.commands import sampling as commands
from lm_eval_mathtasks.errors import Undefined
from lm_eval_mathtasks.grading.classes import answer_classes
from lm_eval_mathtasks.numbers import estimators as es
from lm_eval_mathtasks.numbers.estimators import Votes
from lm_eval_mathtasks.numbers.intervals import clustered, wilson
from lm_eval_mathtasks.package import data_folder
from lm_eval_mathtasks.runs.judged import judge_run
from lm_eval_mathtasks.runs.reading import read_run
from lm_eval_mathtasks.sampling.curves import METRICS, curves, label, score, votes
from tests.host.scripted import evaluate
from tests.runs.logs_of_runs import doc, write_json_lines, write_lm_eval

counts = st.integers(1, 9).flatmap(
    lambda n: st.tuples(st.just(n), st.integers(0, n), st.integers(1, n))
)  # n, c, k


@st.composite
def voted(draw):
    """Up to nine responses in up to four classes and none; a class may be partly correct, as grading may be."""
    classes = draw(st.lists(st.sampled_from([None, 0, 1, 2, 3]), min_size=1, max_size=9))
    correct = [cls is not None and draw(st.booleans()) for cls in classes]
    return Votes("a", tuple(correct), tuple(classes))


def over_subsets(n, k, value):
    """The mean of value(chosen) over all k-subsets of range(n), exactly."""
    values = [Fraction(value(chosen)) for chosen in itertools.combinations(range(n), k)]
    return float(sum(values) / len(values))


@given(counts)
def test_each_metric_of_counts_is_its_mean_over_all_subsets(given_counts):
    n, c, k = given_counts
    right = [i < c for i in range(n)]

    def share(chosen):
        return Fraction(sum(right[i] for i in chosen), k)

    expected = {
        "avg": share,
        "pass": lambda s: share(s) > 0,
        "pass^": lambda s: share(s) == 1,
        "g-pass-0.5": lambda s: share(s) >= Fraction(1, 2),
        "g-pass-0.75": lambda s: share(s) >= Fraction(3, 4),
        # Twice the length of {tau in [1/2, 1]: the share reaches tau}.
        "mg-pass": lambda s: 2 * max(Fraction(0), share(s) - Fraction(1, 2)),
    }
    assert set(expected) == set(es.BY_COUNT)
    for name, value in expected.items():
        assert es.BY_COUNT[name](n, c, k) == pytest.approx(over_subsets(n, k, value), abs=1e-12), name


@pytest.mark.parametrize(("threshold", "same"), [("0.25", "pass"), ("1.0", "pass^")])
def test_g_pass_takes_any_threshold(threshold, same):
    """A quarter of four is one; all of four is all."""
    docs = [Votes(str(c), (True,) * c + (False,) * (5 - c), (None,) * 5) for c in range(6)]
    one, other = curves(docs, [f"g-pass-{threshold}", same], [4])
    assert one.label == f"G-Pass@k_{threshold}"
    assert one.points == other.points


@given(voted(), st.booleans())
@settings(max_examples=150)
def test_majority_is_its_mean_over_all_subsets(one, no_answer_votes):
    voters = set(one.classes) if no_answer_votes else set(one.classes) - {None}
    worth = {
        cls: Fraction(sum(r for r, o in zip(one.correct, one.classes, strict=True) if o == cls))
        / one.classes.count(cls)
        for cls in voters
    }

    def outcome(chosen):
        ballot = Counter(one.classes[i] for i in chosen if one.classes[i] in voters)
        leaders = [cls for cls in ballot if ballot[cls] == max(ballot.values())]
        return sum(worth[cls] for cls in leaders) / len(leaders) if leaders else Fraction(0)

    found = es.majority(one, no_answer_votes=no_answer_votes)
    assert len(found) == one.n
    for k, value in enumerate(found, start=1):
        assert value == pytest.approx(over_subsets(one.n, k, outcome), abs=1e-12)


@given(st.integers(1, 200).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n), st.integers(1, n))))
def test_pass_at_k_is_the_product_of_the_published_code(given_counts):
    """Chen et al.'s own program multiplies 1 - k/i over i = n-c+1 ... n."""
    n, c, k = given_counts
    product = 1.0 if n - c < k else 1 - math.prod(1 - k / i for i in range(n - c + 1, n + 1))
    assert es.pass_at_k(n, c, k) == pytest.approx(product, abs=1e-9)


@given(st.integers(1, 30).flatmap(lambda h: st.tuples(st.just(h), st.integers(0, 60))))
def test_mg_pass_is_the_published_sum_for_even_k(given_half):
    half, c = given_half
    k, n = 2 * half, 60
    published = 2 / k * sum(es.g_pass_at_k(n, c, k, i / k) for i in range(half + 1, k + 1))
    assert es.mg_pass_at_k(n, c, k) == pytest.approx(published)


def test_the_threshold_is_not_moved_by_rounding():
    """0.7 * 10 is 7.000000000000001 in binary: seven of ten are enough."""
    assert es.g_pass_at_k(10, 7, 10, 0.7) == 1.0
    assert es.g_pass_at_k(10, 6, 10, 0.7) == 0.0


def test_the_ends_of_g_pass_are_pass_and_pass_hat():
    assert es.g_pass_at_k(16, 5, 8, 0.01) == pytest.approx(es.pass_at_k(16, 5, 8))
    assert es.g_pass_at_k(16, 10, 8, 1.0) == pytest.approx(es.pass_hat_k(16, 10, 8))


@pytest.mark.parametrize("name", es.BY_COUNT)
@pytest.mark.parametrize("k", [0, 5])
def test_fewer_responses_than_k_are_an_error(name, k):
    with pytest.raises(Undefined, match=f"at least {k} responses a doc, got 4"):
        es.BY_COUNT[name](4, 2, k)


@pytest.mark.parametrize("tau", [0, 1.5])
def test_a_threshold_outside_its_range_is_an_error(tau):
    with pytest.raises(Undefined, match="above 0 and at most 1"):
        es.g_pass_at_k(4, 2, 2, tau)


def test_ties_share_and_silence_does_not_vote():
    tied = Votes("a", (True, False, False), (0, 1, None))
    assert es.majority(tied)[2] == pytest.approx(1 / 2)
    assert es.majority(tied, no_answer_votes=True)[2] == pytest.approx(1 / 3)
    assert es.majority(tied._replace(correct=(False,) * 3, classes=(None,) * 3)) == (0.0, 0.0, 0.0)


def test_many_responses_are_resampled_to_nearly_the_exact_value(monkeypatch):
    rng = random.Random(5)
    classes = tuple(min(int(rng.expovariate(0.5)), 6) for _ in range(40))
    one = Votes("a", tuple(cls == 1 for cls in classes), classes)
    exact = es.majority(one)
    monkeypatch.setattr(es, "EXACT_UP_TO", 39)
    sampled = es.majority(one)
    assert sampled == es.majority(one), "the same doc gives the same numbers again"
    assert sampled != exact
    assert sampled == pytest.approx(exact, abs=5 * 0.5 / es.ORDERS**0.5)


# --- classes


@pytest.mark.parametrize(
    ("answers", "classes"),
    [
        (["\\frac{1}{2}", "0.5", None, "1/2", "2", " "], (0, 0, None, 0, 1, None)),
        (["340 m", "340", "(1, 2)", "(2, 1)"], (0, 0, 1, 2)),
        (["\\{2, 1\\}", "\\{1,2\\}", "\\{1\\}"], (0, 0, 1)),
        (["x = 5", "5", "5", "6"], (0, 0, 0, 1)),
        ([], ()),
    ],
)
def test_graded_equal_answers_are_one_vote(answers, classes):
    assert answer_classes(answers) == classes


def test_equality_that_is_not_transitive_goes_by_the_first_answer():
    """A bare 25 and 0.25 differ, and 25 % equals both: it joins whichever came first."""
    assert answer_classes(["25", "0.25", "25\\%"]) == (0, 1, 0)
    assert answer_classes(["0.25", "25", "25\\%"]) == (0, 1, 0)


# --- runs and curves


@pytest.fixture
def log(tmp_path):
    """A log of six docs with four responses each."""
    rng, docs, responses = random.Random(3), [], []
    for number in range(6):
        docs.append(doc(number, number + 10))
        right = [f"So \\boxed{{{number + 10}}}.", f"\\boxed{{{2 * number + 20}/2}}"]
        wrong = ["\\boxed{7}", "\\boxed{7.0}", "I cannot say."]
        responses.append([rng.choice(right if rng.random() < 0.6 else wrong) for _ in range(4)])
    return write_lm_eval(tmp_path / "run", docs, responses, repeats=4)


def test_votes_of_a_run(log):
    run = read_run(log)
    found = votes(run, judge_run(run))
    assert [v.doc_id for v in found] == [row.doc_id for row in run.rows]
    for one, row in zip(found, run.rows, strict=True):
        texts = row.responses
        assert one.classes == answer_classes(
            {"I": None}.get(text[0], text.replace("So ", "").strip(".")[7:-1]) for text in texts
        )
        assert one.correct == tuple(str(int(row.gold)) in t or str(2 * int(row.gold)) in t for t in texts)


def test_curves_of_a_run(log):
    run = read_run(log)
    found = votes(run, judge_run(run))
    drawn = {curve.label: curve for curve in curves(found)}
    assert len(drawn) == len(METRICS)
    assert all([p.k for p in curve.points] == [1, 2, 3, 4] for curve in drawn.values())
    for curve in drawn.values():
        assert all(0 <= p.low <= p.value <= p.high <= 1 for p in curve.points)
        assert curve.at(1).value == pytest.approx(drawn["avg@k"].at(1).value), "of one response all agree"
    values = [p.value for p in drawn["pass@k"].points]
    assert values == sorted(values)
    assert values[-1] == sum(any(v.correct) for v in found) / len(found)
    widths = [p.high - p.low for p in drawn["avg@k"].points]
    assert widths == sorted(widths, reverse=True), "more repeats, narrower interval"
    assert drawn["avg@k"].at(4)[2:] == drawn["pass@k"].at(1)[2:], "avg@n and pass@1 are the same estimate"


def test_an_interval_follows_the_clustered_error_and_never_vanishes():
    rng = random.Random(7)
    values = [rng.choice([0, 0.25, 0.5, 1]) for _ in range(300)]
    mean, low, high = score(values)
    half = 1.968 * statistics.stdev(values) / 300**0.5  # Student's t at 299 degrees of freedom
    assert (low, high) == pytest.approx((mean - half, mean + half), abs=0.002), (
        "the usual one where docs are many"
    )
    assert (low, high) == tuple(clustered(values)), "that of compare"
    assert score([1.0] * 30)[1] == pytest.approx(0.87, abs=0.02)
    low, high = score([0.5] * 30)[1:]
    assert 0.4 < low < 0.47, "docs that all agree still have a width"
    assert score([1.0]) == (1.0, *wilson(1.0, 1)), "one doc has the interval of one answer"


def test_the_interval_covers_as_often_as_it_says():
    """40 docs with chances of their own, 8 responses: pass@4's interval holds the true mean in 95 of 100 runs."""
    rng, inside, runs = random.Random(11), 0, 400
    truth = 1 - math.fsum(((i + 0.5) / 1000) ** 4 for i in range(1000)) / 1000  # chances uniform on [0, 1]
    for _ in range(runs):
        right = [sum(rng.random() < p for _ in range(8)) for p in (rng.random() for _ in range(40))]
        _, low, high = score([es.pass_at_k(8, c, 4) for c in right])
        inside += low <= truth <= high
    assert 0.92 <= inside / runs <= 0.985


def test_docs_with_fewer_responses_are_named():
    found = [Votes("a", (True,) * 4, (0,) * 4), Votes("b", (True,) * 2, (0,) * 2)]
    assert [p.k for p in curves(found, ["pass"])[0].points] == [1, 2]
    with pytest.raises(Undefined, match=r"at least 3 responses to every doc, got 1 docs .*doc b has 2"):
        curves(found, ["pass"], [1, 3])
    with pytest.raises(Undefined, match="docs with responses, got none"):
        curves([])


def test_powers_of_two():
    assert [es.powers_of_two(n) for n in (1, 6, 8)] == [[1], [1, 2, 4, 6], [1, 2, 4, 8]]


def test_the_command(log, capsys):
    assert main(["sampling", str(log)]) == 0
    out = capsys.readouterr().out
    assert "acme/toy-1 · gsm8k-cot-zeroshot: 6 docs, 4 responses each" in out
    assert "pass^k" in out
    assert "k = 1 to 4" in out
    assert main(["sampling", str(log), "--format", "csv", "--k", "all", "--metrics", "pass,maj"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [(row["metric"], row["k"]) for row in rows] == [
        (metric, str(k)) for metric in ("pass@k", "maj@k") for k in (1, 2, 3, 4)
    ]
    assert all(float(row["low"]) <= float(row["value"]) <= float(row["high"]) for row in rows)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--k", "8"], "at least 8 responses to every doc, got 6 docs with fewer (doc 0 has 4"),
        (["--metrics", "acc"], "a known metric, got 'acc'"),
        (["--metrics", "g-pass-all"], "a known metric, got 'g-pass-all'"),
        (["--metrics", "g-pass-1.5"], "a threshold tau above 0 and at most 1, got 1.5"),
    ],
)
def test_wrong_arguments_of_the_command(log, capsys, more, message):
    assert main(["sampling", str(log), *more]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("numbers", ["two", "0", "1,,2"])
def test_what_is_no_list_of_whole_numbers_is_said(log, capsys, numbers):
    assert main(["sampling", str(log), "--k", numbers]) == 2
    assert (
        f"Expected whole numbers above 0 such as 1,4,16 for --k, got '{numbers}'" in capsys.readouterr().err
    )


def test_verdicts_that_disagree_are_no_obstacle_to_judging_anew(tmp_path, capsys):
    path = tmp_path / "two.jsonl"
    row = {"question": "q", "gold": "1", "response": "1", "own_score": 1, "their_score": 0}
    path.write_text(json.dumps(row) + "\n")
    assert main(["sampling", str(path)]) == 0
    assert main(["sampling", str(path), "--metric", "own_score"]) == 2
    assert "judges every response by our grader" in capsys.readouterr().err


def test_docs_of_unequal_repeats_are_said(tmp_path, capsys):
    rows = [
        {"id": str(d), "question": f"q{d}", "gold": "1", "repeat": r, "response": "\\boxed{1}"}
        for d in range(3)
        for r in range(3 - (d == 2))
    ]
    path = write_json_lines(tmp_path / "r.jsonl", rows)
    assert main(["sampling", str(path)]) == 0
    said = capsys.readouterr()
    assert (
        "1 of 3 docs have fewer than 3 responses (API errors?), such as doc 2; k can go up to 2" in said.err
    )
    assert "3 docs, 2 to 3 responses each" in said.out
    assert json.loads(path.read_text().splitlines()[0])["repeat"] == 0


# --- what the page says


PAGE = (Path(sampling.__file__).parent / "README.md").read_text(encoding="utf-8")


def block(language):
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.S)
    return found


def test_the_python_of_the_page_runs(log, capsys):
    exec(block("python").replace("mathtasks-results/my-model", str(log)), {})
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["pass@k", "maj@k"]


def test_the_yaml_of_the_page_keeps_all_responses(tmp_path):
    text = block("yaml").replace(
        "/path/to/tasks/math500/math500.yaml", str(data_folder("tasks") / "sample/sample-math.yaml")
    )
    (tmp_path / "mine.yaml").write_text(text)
    answers = itertools.cycle(["1", "\\boxed{-77}"])
    scores, samples, _ = evaluate("math500-8", lambda _: next(answers), limit=2, folders=[tmp_path])
    assert len(samples[0]["resps"][0]) == 8
    assert {"pass@8", "maj@4", "exact_match"} <= set(scores)


def test_the_page_names_every_metric():
    for metric in METRICS:
        assert label(metric).split("_")[0] in PAGE


@pytest.mark.parametrize(
    "line", [line for line in PAGE.splitlines() if line.startswith("mathtasks sampling ")]
)
def test_the_commands_of_the_page_parse(line):
    parser = argparse.ArgumentParser()
    commands.add_arguments(parser)
    assert parser.parse_args(shlex.split(line.split(" #")[0])[2:]).run
