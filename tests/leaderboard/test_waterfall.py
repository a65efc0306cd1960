"""The waterfall: planted causes come back with their shares, and published outputs are accounted for doc by doc."""

import random
from dataclasses import replace

import pytest

from lm_eval_mathtasks.grading import Status, Verdict
from lm_eval_mathtasks.leaderboard.claim_notes import notes_on_responses
from lm_eval_mathtasks.leaderboard.claims import load_claims
from lm_eval_mathtasks.leaderboard.compare import compare, find_claims
from lm_eval_mathtasks.leaderboard.explain import explain
from lm_eval_mathtasks.leaderboard.lost_points import CAUSES
from lm_eval_mathtasks.leaderboard.result_tables import explanation_tables
from lm_eval_mathtasks.leaderboard.symptoms import breaks_off, foreign, loops
from lm_eval_mathtasks.runs.judged import judge_run, shares
from lm_eval_mathtasks.runs.reading import read_run, read_runs
from lm_eval_mathtasks.runs.records import Protocol, Provenance, Row, Run
from tests.conftest import shared_path
from tests.runs.logs_of_runs import doc, write_lm_eval

ACCURACY = 0.7
WORK = "We add the parts one after the other. The first part is 3 apples and the second part is 4 apples. "


def steps(rng):
    """Reasoning as models write it: no sentence is like the one before."""
    verbs, things = (
        ["add", "take away", "double", "count", "compare"],
        ["apples", "coins", "pages", "miles", "boxes"],
    )
    lines = [
        f"We {rng.choice(verbs)} {rng.randint(2, 97)} {rng.choice(things)} in step {i}." for i in range(1, 9)
    ]
    return "\n".join(lines)


def answer(gold, right):
    return gold if right else gold + 1


def cut(text, _rng):
    return text[: text.index("\\boxed")].rsplit("step", 1)[0] + "step 7 and th"


# cause -> (response, rng) -> what the response becomes; the run's own grader then says wrong, but for the last
PLANTS = {
    "cut": cut,
    "loop": lambda _, rng: steps(rng) + "\n" + "So we check the sum once more, slowly. " * 120,
    "unfinished_thinking": lambda _, rng: "<think>\n" + steps(rng),
    "no_answer": lambda _text, _rng: "I would rather not say. Ask somebody else, please.",
    "language": lambda _text, _rng: "我们先把苹果加起来,然后再减去吃掉的部分,没有办法得到答案。",
    "empty": lambda _text, _rng: "",
    "api_error": lambda _text, _rng: "",
    "recited": lambda _, rng: (
        f"Let us see.\n\nQuestion: A farmer has {rng.randint(2, 9)} hens and buys 8. How many?\n"
        f"Answer: We add them. The answer is {rng.randint(10_000, 20_000)}."
    ),
    "over_limit": lambda _, rng: steps(rng) + "\nIt is \\boxed{9^{9^{9^{9}}}}.",
    "unparsable": lambda _, rng: steps(rng) + "\nIt is \\boxed{@@@}.",
    "misgraded": lambda text, _rng: text,
    "overgraded": lambda text, _rng: text,
}


# A text that ends in the middle of a sentence, and no finish reason: explain doubts the end, the judgement does not.
SEEN_AS = {"cut": "doubtful_end"}


def simulated(shares_of, *, docs=300, seed=0, finish=None):
    """A run whose true accuracy is known, with causes planted on known docs.

    shares_of: cause -> share of docs. Returns the run and, by cause, its docs and the points it really cost.
    """
    rng = random.Random(seed)
    order = rng.sample(range(docs), docs)
    planted, start = {}, 0
    for cause, share in shares_of.items():
        size = round(share * docs)
        planted[cause] = set(order[start : start + size])
        start += size
    rows, cost = [], dict.fromkeys(shares_of, 0.0)
    for number in range(docs):
        gold, right = rng.randint(1000, 9000), rng.random() < ACCURACY
        text, score = f"{steps(rng)}\nThe answer is \\boxed{{{answer(gold, right)}}}.", float(right)
        for cause, where in planted.items():
            if number in where:
                text, score = PLANTS[cause](text, rng), float(cause == "overgraded")
                cost[cause] += (right - score) / docs
        failed = {"api_error,none": 1.0} if number in planted.get("api_error", ()) else {}
        question = f"How many are there in number {number}?"
        rows.append(Row(str(number), question, str(gold), (text,), (finish,), score, failed))
    run = Run("toy", "gsm8k", tuple(rows), Protocol(max_tokens=256), Provenance("test", "nowhere"))
    return run, planted, cost


def judged(run, planted):
    """The judgements of a run; those of answers too big to check are stated, for finding out takes a second each."""
    huge = {str(number) for number in planted.get("over_limit", ())}
    rows = tuple(r if r.doc_id not in huge else replace(r, responses=("\\boxed{0}",)) for r in run.rows)
    refused = Verdict(Status.OVER_LIMIT, "stated by the test", "symbolic")
    return [
        j._replace(judgement=j.judgement._replace(verdict=refused)) if j.doc_id in huge else j
        for j in judge_run(replace(run, rows=rows))
    ]


@pytest.mark.parametrize("cause", PLANTS)
def test_each_cause_alone_comes_back(cause):
    """In 20 runs with 12 % of the docs spoilt, the points lost lie in the interval, but for the odd miss at 95 %."""
    inside = 0
    for seed in range(20):
        run, planted, cost = simulated({cause: 0.12}, seed=seed)
        found = {c.key: c for c in explain(run, judgements=judged(run, planted)).causes}
        seen = SEEN_AS.get(cause, cause)
        assert set(found) == {seen}, (seed, {k: (c.examples, dict(c.why)) for k, c in found.items()})
        one = found[seen]
        if cause == "misgraded":  # only right answers can be misgraded, only wrong ones overgraded
            assert one.fair == pytest.approx(cost[cause])
        elif cause == "overgraded":
            assert one.fair == pytest.approx(cost[cause])
            assert one.fair < 0
        else:
            assert {int(d) for d in one.docs} == planted[cause]
            assert one.bound == pytest.approx(0.12)
        inside += one.interval.low - 1e-9 <= cost[cause] <= one.interval.high + 1e-9
    assert inside >= 17


ALL = {
    "cut": 0.08, "loop": 0.04, "unfinished_thinking": 0.05, "no_answer": 0.06, "language": 0.03, "empty": 0.03,
    "over_limit": 0.03, "unparsable": 0.03, "misgraded": 0.1, "overgraded": 0.05, "api_error": 0.04, "recited": 0.05,
}  # fmt: skip


def test_all_causes_together_come_back():
    inside = total = 0
    for seed in range(12):
        run, planted, cost = simulated(ALL, seed=100 + seed)
        explained = explain(run, published=ACCURACY, judgements=judged(run, planted))
        found = {c.key: c for c in explained.causes}
        assert set(found) == {SEEN_AS.get(cause, cause) for cause in ALL}
        for key in ALL:
            one = found[SEEN_AS.get(key, key)]
            if key not in ("misgraded", "overgraded"):
                assert {int(d) for d in one.docs} == planted[key]
            inside += one.interval.low - 1e-9 <= cost[key] <= one.interval.high + 1e-9
            total += 1
        # The bars add up: published, minus every bar, minus what remains, is the run's score.
        bars = sum(c.fair for c in explained.causes) + explained.remaining
        assert explained.published - bars == pytest.approx(explained.score)
        # What remains is luck: how many of the 100 or so docs with nothing planted are right, to three standard errors.
        assert abs(explained.remaining) < 0.14
    assert inside / total >= 0.9


def test_a_healthy_run_shows_no_cause():
    run, _, _ = simulated({}, seed=3)
    explained = explain(run)
    assert explained.causes == ()
    assert explained.own == explained.regraded
    assert explained.wrong == round((1 - explained.own) * 300)


def test_a_finish_reason_makes_a_cut_sure_and_its_absence_is_said():
    run, _, _ = simulated({"cut": 0.1}, finish="length")
    sure = explain(run).causes[0]
    assert (dict(sure.sure), dict(sure.why)) == ({"surely": 30}, {"a limit of tokens": 30})
    run, _, _ = simulated({"cut": 0.1})
    cause = explain(run).causes[0]
    assert (cause.key, dict(cause.sure)) == ("doubtful_end", {"possibly": 30})  # a number stands in the text


def test_a_long_text_without_the_usual_answer_is_possibly_cut():
    """A cut that falls on the end of a sentence shows only beside the other responses of the run."""
    run, _, _ = simulated({}, docs=60)
    short = "I would rather not say. Ask somebody else, please."
    rng = random.Random(1)
    long = "\n".join(steps(rng) for _ in range(3))
    rows = [
        replace(r, responses=(text,), score=0.0) for r, text in zip(run.rows, (short, long), strict=False)
    ]
    run = replace(run, rows=(*rows, *run.rows[2:]))
    found = {c.key: (c.docs, dict(c.sure)) for c in explain(run).causes}
    assert found == {"no_answer": (("0",), {"surely": 1}), "doubtful_end": (("1",), {"possibly": 1})}


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("We add the two parts: 16 * 2 = 32 quarts.\n3. By steps 2 and 3", True),
        ("They drink 8 * 5 = 40 quarts.\n\n4.", True),
        ("They drink 8 * 5 = 40 quarts.", False),
        ("The profit is then $53.", False),
    ],
)
def test_an_unusual_end_without_the_usual_answer_is_possibly_cut(text, seen):
    told = [
        Row(str(i), "How many?", "5", ("We count to 5. " * 9 + "It is \\boxed{5}.",), score=1.0)
        for i in range(9)
    ]
    run = Run("toy", "gsm8k", (*told, Row("9", "How many?", "5", (text,), score=0.0)), Protocol(),
              Provenance("test", "nowhere"))  # fmt: skip
    causes = explain(run).causes
    assert [(c.key, c.docs, dict(c.sure)) for c in causes] == (
        [("doubtful_end", ("9",), {"possibly": 1})] if seen else []
    )


def test_a_finished_response_is_not_called_cut():
    """The server said stop: however odd the end of the text, nothing was cut off."""
    run, _, _ = simulated({"cut": 0.1}, finish="stop")
    assert {c.key for c in explain(run).causes} <= {"no_answer"}


def test_going_on_with_another_question_is_seen():
    text = "2 + 2 = 4\n#### 4\n\nQuestion: A farmer has 9 hens and buys 8 more. How many?\nAnswer: 9 + 8 = 17\n#### 17"
    row = Row("0", "What is 2 + 2?", "4", (text,), score=0.0)
    run = Run("toy", "gsm8k", (row,), Protocol(), Provenance("test", "nowhere"))
    causes = {c.key for c in explain(run).causes}
    # Either the extraction stops before the second question, and only the run's grader went wrong, or it is named.
    assert causes in ({"recited"}, {"misgraded"})


def test_api_errors_cost_nothing_where_the_score_leaves_them_out():
    run, _, _ = simulated({}, seed=4)
    gone = Row("lost", "?", "1", ("",), score=None, metrics={"api_error,none": 1.0})
    run = Run(run.model, run.task, (*run.rows, gone), run.protocol, run.provenance)
    cause = explain(run).causes[0]
    assert (cause.key, cause.count, cause.bound, cause.docs) == ("api_error", 1, 0.0, ("lost",))
    counted = Row("lost", "?", "1", ("",), score=0.0, metrics={"api_error,none": 1.0})
    run = Run(run.model, run.task, (*run.rows[:-1], counted), run.protocol, run.provenance)
    assert explain(run).causes[0].bound == pytest.approx(1 / 301)


def test_what_lost_docs_scored_elsewhere_is_their_worth():
    run, _, _ = simulated({"cut": 0.2}, seed=8)
    truth = dict.fromkeys((row.doc_id for row in run.rows), 1.0)
    cause = explain(run, elsewhere=truth).causes[0]
    assert cause.fair == cause.bound == pytest.approx(0.2)
    assert cause.rate_from == "these docs in the other run"


def test_repeats_count_responses():
    rows = tuple(
        Row(
            str(i),
            "How many?",
            "5",
            ("It is \\boxed{5}.", "", "It is \\boxed{5}.", "It is \\boxed{6}."),
            score=0.5,
        )
        for i in range(10)
    )
    run = Run("toy", "gsm8k", rows, Protocol(k=4), Provenance("test", "nowhere"))
    explained = explain(run)
    (empty,) = explained.causes
    assert (empty.count, empty.bound, explained.wrong) == (10, 0.25, 10)
    assert empty.fair == pytest.approx(0.25 * 20 / 30)


def test_every_response_of_a_cause_is_listed():
    run, planted, _ = simulated({"cut": 0.1, "misgraded": 0.1}, seed=2)
    explained = explain(run)
    listed = {(doc, cause) for doc, _, cause, _, _ in explained.found}
    assert {int(doc) for doc, cause in listed if cause == SEEN_AS["cut"]} == planted["cut"]
    assert listed == {(doc, c.key) for c in explained.causes for doc in c.docs}


def test_every_cause_has_a_name_and_a_fix():
    assert set(CAUSES) == {*PLANTS, *SEEN_AS.values(), "gold_unreadable"}
    for title, fix in CAUSES.values():
        assert title
        assert fix.format(more=1)


def test_a_reference_that_is_not_understood_is_no_wrong_answer_of_the_model():
    row = Row("0", "When?", "4:30p..", ("It is \\boxed{\\text{5:10 p.m.}}.",), ("stop",), score=0.0)
    explained = explain(Run("toy", "gsm8k", (row,), Protocol(), Provenance("test", "nowhere")))
    assert [(c.key, c.count) for c in explained.causes] == [("gold_unreadable", 1)]
    assert explained.wrong == 0


def test_what_was_cut_off_is_counted_once_whether_or_not_it_had_answered():
    told, lost = "It is \\boxed{5}. Let us check: 2 +", "We add 2 and 3 and"
    rows = tuple(
        Row(str(i), "How many?", "5", (text,), (reason,), score=float(text is told))
        for i, (text, reason) in enumerate(
            [(told, "length"), (lost, "length"), (told, "stop"), ("There are 3, so $x = 2 + \\frac{1", None)]
        )
    )
    explained = explain(Run("toy", "gsm8k", rows, Protocol(), Provenance("test", "nowhere")))
    assert explained.cut_off == {"surely": 2, "likely": 1}
    assert {c.key: c.count for c in explained.causes} == {"cut": 2}
    assert explained.cut_share == 0.75


def test_the_flag_names_a_larger_limit():
    run, _, _ = simulated({"cut": 0.1})
    assert "max_gen_toks=1024" in explain(run).causes[0].fix


@pytest.mark.parametrize(
    ("length", "limit", "flag"),
    [
        (30, None, "max_gen_toks=2048"),
        (9_000, None, "max_gen_toks=16384"),
        (200_000, None, "max_gen_toks=32768"),
        (200_000, 16_384, "max_gen_toks=32768"),
        (200_000, 32_768, "not more tokens, 32768 is a large limit"),
    ],
)
def test_the_flag_fits_how_long_the_responses_are(length, limit, flag):
    row = Row("0", "How many?", "5", ("<think> " + random.Random(0).randbytes(length // 2).hex(),), score=0.0)
    run = Run("toy", "gsm8k", (row,), Protocol(max_tokens=limit), Provenance("test", "nowhere"))
    assert flag in explain(run).causes[0].fix


@pytest.mark.parametrize("published", [0.3, 0.8])
def test_the_printed_bars_add_up_to_the_printed_gap(published):
    claims = load_claims()
    run, _, _ = simulated({"cut": 0.07, "empty": 0.03, "misgraded": 0.11})
    claim = replace(claims.rows[0], score=100 * published)
    best = compare(run, claim, claims.benchmarks[claim.benchmark])
    first, *bars, last = explanation_tables(explain(run, published=published), best, ())[0].rows
    assert round(float(str(first[2])) + sum(float(str(bar[2]).split()[0]) for bar in bars), 2) == float(
        str(last[2])
    )
    more = "the losses above are more than the gap" in bars[-1][0]
    assert more == (published == 0.3) == (bars[-1][2].value > 0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("so the total is 5 and then we", True),
        ("The answer is 5.", False),
        ("The answer is $5$", False),
        ("```python\nx = 1\n", True),
        ("Then \\[ x = 3", True),
        ("slides per day: 30 * 30% = 30 *", True),
        ("It is **5**", False),
        ("答案是5。", False),
        ("", False),
        ("#### 18", False),
    ],
)
def test_breaking_off(text, expected):
    assert breaks_off(text) is expected


def test_a_model_that_runs_on_after_its_answer_has_given_one():
    """A loop that follows a stated answer lost nothing: the answer is right or plainly wrong."""
    text = "It is \\boxed{6}." + " Let me check." * 100
    row = Row("0", "How many?", "5", (text,), score=0.0)
    explained = explain(Run("toy", "gsm8k", (row,), Protocol(), Provenance("test", "nowhere")))
    assert (explained.causes, explained.wrong) == ((), 1)


def test_loops_and_their_near_misses():
    rng = random.Random(1)
    assert loops("Let me check. " * 60)
    assert loops(steps(rng) + " 0" * 900)
    assert not loops("\n".join(steps(rng) for _ in range(12)))  # repetitive work is no loop
    assert not loops("Let me check. " * 10)
    table = "\n".join(f"{n} & {n * n} & {n**3} \\\\" for n in range(1, 60))
    assert not loops(table)


def test_foreign_scripts_and_their_near_misses():
    assert foreign("Сначала складываем яблоки и вычитаем", "How many apples?")
    assert not foreign("Let α = 3 and ∠ABC = 𝑥 be given.", "How many apples?")
    assert not foreign("我们先把苹果加起来", "有多少个苹果?")
    assert not foreign("12 + 3 = 15", "How many apples?")


# --- real outputs whose score is published

PUBLISHED = [
    ("abel_gsm8k", "abel-7b", 59.74),
    ("abel_gsm8k", "abel-13b", 66.41),
    ("abel_gsm8k", "abel-70b", 83.62),
    ("gpt3_gsm8k", "gpt3-6b_finetuning", 21.68),
    ("gpt3_gsm8k", "gpt3-6b_verification", 39.04),
    ("gpt3_gsm8k", "gpt3-175b_finetuning", 34.72),
    ("gpt3_gsm8k", "gpt3-175b_verification", 56.25),
    ("rho_gsm8k", "rho-math-1b-v0.1", 36.2),
    ("rho_gsm8k", "rho-math-7b-v0.1", 66.9),
    ("rho_math500", "rho-math-7b-v0.1", 31.0),
    ("rho_math500", "rho-math-1b-interpreter-v0.1", 40.6),
]


@pytest.mark.parametrize(("file", "model", "published"), PUBLISHED, ids=str)
def test_published_outputs_reproduce_and_every_difference_has_a_doc(file, model, published):
    runs = read_runs(shared_path(f"labelled/responses_{file}.jsonl"), model=model)
    run = next(r for r in runs if not r.task.endswith("robust"))
    judgements = judge_run(run)
    ours = shares(run, judgements)
    found, models, benchmark = find_claims(run, load_claims())
    (claim,) = [c for c in found if c.score == published]
    for counted in (None, ours):  # by the publisher's verdicts, and by our grader
        result = compare(run, claim, benchmark, shares=counted, models=models)
        # Rho's figures are rounded and by another grader: with answers that may have been sampled, too close to call.
        assert result.outcome in (
            ("equivalent", "no difference seen") if "rho" in file else ("equivalent",)
        ), result
    explained = explain(run, published=published / 100, judgements=judgements)
    accounted = {d for c in explained.causes if c.key in ("misgraded", "overgraded") for d in c.docs}
    assert accounted == {row.doc_id for row in run.rows if row.score != ours[row.doc_id]}
    assert abs(explained.regraded - explained.own) * len(run.rows) <= 10


def test_how_sure_an_accusation_is(tmp_path):
    """Our grader may be wrong, too: an exact number in a box is sure, a stated answer likely, a guess only possible."""
    said = ["So \\boxed{4}.", "The answer is 4.", "First 2, then 4", ""]
    docs = [doc(i, 4) for i in range(4)]
    explained = explain(read_run(write_lm_eval(tmp_path, docs, said, scores=[0, 0, 0, 1])))
    by_key = {cause.key: cause for cause in explained.causes}
    assert by_key["misgraded"].sure == {"surely": 1, "likely": 1, "possibly": 1}
    assert by_key["overgraded"].sure == {"surely": 1}
    assert {(doc_id, sure) for doc_id, _, key, sure, _ in explained.found if key == "misgraded"} == {
        ("0", "surely"), ("1", "likely"), ("2", "possibly"),
    }  # fmt: skip


@pytest.mark.parametrize(("score", "responses", "points"), [(0.0, 4, 0.5), (0.75, 1, 0.125), (1.0, 0, 0)])
def test_of_several_answers_those_count_that_are_graded_otherwise(tmp_path, score, responses, points):
    """Both docs have four right answers; of one the log's own grader says so, of the other it has a share."""
    said = [["So \\boxed{4}."] * 4] * 2
    log = write_lm_eval(tmp_path, [doc(i, 4) for i in range(2)], said, scores=[1, score], repeats=4)
    explained = explain(read_run(log, metric="exact_match"))
    by_key = {cause.key: cause for cause in explained.causes}
    assert by_key.keys() == ({"misgraded"} if responses else set())
    if responses:
        found = by_key["misgraded"]
        assert (found.count, found.sure, found.fair) == (responses, {"surely": responses}, points)
        assert notes_on_responses(explained)[0].startswith("the run's own grader and ours disagree on 1 docs")


def test_one_response_to_several_docs_is_said_with_its_share(tmp_path):
    """Two of 100 docs that cannot both be right; once is none, and one right answer may be several docs'."""
    said = ["server busy"] * 2 + [f"So \\boxed{{{i}}}." for i in range(2, 95)] + ["So \\boxed{4}."] * 5
    golds = [*range(95), *[4] * 5]
    docs = [doc(i, gold) for i, gold in enumerate(golds)]
    notes = notes_on_responses(explain(read_run(write_lm_eval(tmp_path, docs, said))))
    assert [note for note in notes if "one and the same" in note] == [
        "2 docs (2.0 [0.6, 7.0] %) have one and the same response, 'server busy': `mathtasks explain` says what that "
        "costs"
    ]


def test_a_bar_of_the_other_sign_says_why(tmp_path):
    """Losses worth more than the gap: estimates that are high, or a rest that did better than the claim lets expect."""
    said = ["So \\boxed{4}."] * 90 + [""] * 10
    scores = [1] * 90 + [0] * 10
    run = read_run(write_lm_eval(tmp_path / "a", [doc(i, 4) for i in range(100)], said, scores=scores))
    high = explain(run, published=0.92)
    assert high.remaining == pytest.approx(-0.08)
    assert "the responses without any cause score 100.00" in high.surplus
    assert "more than the published 92.00" in high.surplus
    assert explain(run, published=0.995).surplus.startswith("the losses are estimates: 10.00 points, but")
    assert explain(run, published=1.0).surplus is None
    assert explain(run).surplus is None
