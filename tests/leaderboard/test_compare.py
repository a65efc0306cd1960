"""A run against claims, two runs on the same docs, many runs in a ranking."""

import argparse
import json
import random
import re
import shutil
from dataclasses import replace

import pytest

from lm_eval_mathtasks.cli import parser_of
from lm_eval_mathtasks.commands import compare as compare_command
from lm_eval_mathtasks.commands import explain as explain_command
from lm_eval_mathtasks.commands import leaderboard as commands
from lm_eval_mathtasks.errors import ClaimError, EvidenceError
from lm_eval_mathtasks.leaderboard.causes import causes_of, load_causes
from lm_eval_mathtasks.leaderboard.compare import compare, find_claims, nearest, score_of
from lm_eval_mathtasks.leaderboard.measured import measured_page
from lm_eval_mathtasks.leaderboard.noise import assumed_noise
from lm_eval_mathtasks.leaderboard.paired import aligned, compare_runs, harmonic_ratio, rank
from lm_eval_mathtasks.problems import fingerprints
from lm_eval_mathtasks.runs.reading import read_run
from lm_eval_mathtasks.runs.records import Protocol, Provenance, Row, Run
from tests.conftest import ROOT
from tests.runs.logs_of_runs import doc, write_json_lines, write_lm_eval


@pytest.fixture(autouse=True)
def sets_that_nobody_knows(monkeypatch):
    """The questions here are invented: where the sets are known, they are not their docs."""
    monkeypatch.setattr(fingerprints, "_known", dict)


def run_of(model, task, docs, right, **protocol):
    """A run with so many docs, of which the first `right` are right."""
    rows = tuple(Row(str(i), f"number {i}?", "1", ("1",), score=float(i < right)) for i in range(docs))
    stated = {
        "shots": 4,
        "cot": True,
        "tools": "none",
        "chat_template": False,
        "temperature": 0.0,
        "metric": "pass@1",
    }
    return Run(model, task, rows, Protocol(**{**stated, **protocol}), Provenance("test", "nowhere"))


def against(claims, run, claim_id, **options):
    claim = claims.by_id(claim_id)
    models = claims.models.resolve(run.model)
    return compare(run, claim, claims.benchmarks[claim.benchmark], models=models, **options)


BASE = "qwen2.5/GSM8K/Qwen2.5-7B"  # 85.4, 4-shot, pass@1


@pytest.fixture
def claim(claims):
    found = [
        c
        for c in claims.rows
        if c.file == "qwen2.5.yaml" and c.model == "Qwen2.5-7B" and c.benchmark == "GSM8K"
    ]
    return found[0]


# --- verdicts


def test_the_same_protocol_and_score_is_equivalent(claims, claim):
    run = run_of("Qwen/Qwen2.5-7B", "gsm8k", 1319, round(claim.score * 13.19))
    result = against(claims, run, claim.id)
    assert result.outcome == "equivalent"
    assert abs(result.delta) < 0.001
    assert 0 in result.interval
    assert {p.name for p in result.parts if p.effect == "same"} >= {"benchmark", "kind", "shots", "metric"}
    assert {p.name for p in result.parts if p.effect == "unknown"} >= {"cot", "chat_template", "temperature"}


def test_a_real_gap_differs(claims, claim):
    result = against(claims, run_of("Qwen/Qwen2.5-7B", "gsm8k", 1319, 990), claim.id)
    assert result.outcome == "differs"
    assert result.interval.high < 0


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"shots": 0}, "shots"),
        ({"metric": "maj@k", "k": 8}, "metric"),
    ],
)
def test_another_protocol_is_not_comparable(claims, claim, change, part):
    run = run_of("Qwen/Qwen2.5-7B", "gsm8k", 1319, 1100)
    result = against(claims, replace(run, protocol=replace(run.protocol, **change)), claim.id)
    assert result.outcome == "not comparable"
    assert [p.name for p in result.parts if p.effect == "breaks"] == [part]


@pytest.mark.parametrize(
    ("said", "asked", "part", "effect"),
    [
        ({"tools": "python"}, {"tools": "none"}, "tools", "breaks"),
        ({"cot": True}, {"cot": False}, "cot", "breaks"),
        ({"chat_template": True}, {"chat_template": False}, "chat_template", "breaks"),
        ({"grader": "lm-eval strict-match"}, {"grader": "flexible"}, "grader", "breaks"),
        ({"grader": "LLM judge (gpt-4o)"}, {"grader": "symbolic"}, "grader", "matters"),
        ({"temperature": 0.6}, {"temperature": 0.0}, "temperature", "breaks"),
        ({"temperature": 0.6}, {"temperature": 1.0}, "temperature", "matters"),
        ({"temperature": 0.6}, {"temperature": 0.7}, "temperature", "same"),
        ({"max_tokens": 32768}, {"max_tokens": 1024}, "max_tokens", "breaks"),
        ({"max_tokens": 1024}, {"max_tokens": 32768}, "max_tokens", "same"),
        ({"metric": "avg@k", "k": 64}, {}, "metric", "matters"),
        ({"metric": "maj@k", "k": 64}, {}, "metric", "breaks"),
    ],
)
def test_each_part_of_the_protocol(claims, claim, said, asked, part, effect):
    run = run_of("Qwen/Qwen2.5-7B", "gsm8k", 1319, 1100, **asked)
    result = compare(
        run, replace(claim, **said), claims.benchmarks["GSM8K"], models=claims.models.resolve(run.model)
    )
    assert next(p for p in result.parts if p.name == part).effect == effect


def test_a_short_limit_that_cut_nothing_breaks_nothing(claims, claim):
    run = run_of("Qwen/Qwen2.5-7B", "gsm8k", 1319, 1126, max_tokens=1024)
    long = replace(claim, max_tokens=32768)
    for share, outcome in ((0.0, "equivalent"), (0.02, "not comparable")):
        result = compare(run, long, claims.benchmarks["GSM8K"], cut_share=share)
        assert result.outcome == outcome


def test_an_instruct_run_is_not_set_against_a_base_claim(claims, claim):
    """The pitfall of many threads: the number of the base checkpoint beside a run of the instruct one."""
    run = run_of("Qwen/Qwen2.5-7B-Instruct", "gsm8k", 1319, 1126)
    result = against(claims, run, claim.id)
    assert {p.name for p in result.parts if p.effect == "breaks"} >= {"model", "kind"}


def test_a_subset_is_not_the_benchmark(claims, claim):
    result = against(claims, run_of("Qwen/Qwen2.5-7B", "gsm8k", 100, 85), claim.id)
    assert [(p.name, p.ours, p.theirs) for p in result.parts if p.effect == "breaks"] == [
        ("docs", "100", "1319")
    ]


def test_another_edition_of_the_same_set_can_be_compared_and_is_named(claims):
    """OlympiadBench has 674 problems on the hub, and 675 in the copy that most scores are over."""
    model, claim_id = next(
        (c.model, c.id)
        for c in claims.rows
        if c.benchmark == "OlympiadBench" and c.metric == "pass@1" and c.ranked
    )
    for docs, effect in ((674, "matters"), (673, "breaks")):
        result = against(claims, run_of(model, "olympiadbench-cot", docs, 300), claim_id)
        assert {p.effect for p in result.parts if p.name == "docs"} == {effect}


def test_thirty_problems_are_too_few_to_tell(claims):
    found, models, benchmark = find_claims(run_of("Qwen/QwQ-32B", "aime24", 30, 22), claims)
    claim = next(c for c in found if c.metric == "pass@1" or c.metric == "avg@k")
    run = run_of("Qwen/QwQ-32B", "aime24", 30, round(claim.score * 0.3))
    result = compare(run, replace(claim, shots=None), benchmark, models=models)
    assert result.outcome == "no difference seen"
    assert result.difference.repeats is None
    assert result.interval.half_width > 0.10


def test_repeats_of_the_same_problems_can_tell(claims, claim):
    """Thirty problems with 64 answers each decide what one answer each cannot."""
    rng = random.Random(0)
    chances = [rng.choice([0.05, 0.4, 0.8, 0.99]) for _ in range(30)]
    rows = tuple(
        Row(str(i), f"{i}?", "1", ("1",) * 64, score=sum(rng.random() < c for _ in range(64)) / 64)
        for i, c in enumerate(chances)
    )
    run = Run("Qwen2.5-7B", "aime24", rows, Protocol(k=64, metric="avg@k"), Provenance("test", "nowhere"))
    published = replace(claim, benchmark="AIME24", metric="avg@k", k=64, score=100 * sum(chances) / 30)
    result = compare(run, published, claims.benchmarks["AIME24"])
    assert result.outcome in ("equivalent", "no difference seen")
    assert result.interval.half_width < 0.05 < result.ours.interval.half_width
    assert result.ours.kind == "clustered"


def test_steady_greedy_answers_do_not_make_sampled_ones_steady(claims, claim):
    """64 times the same answers but for one, against a mean of 64 sampled ones: theirs is as noisy as assumed."""
    rows = [Row(str(i), f"{i}?", "1", ("1",) * 64, score=float(i < 922)) for i in range(1319)]
    rows[-1] = replace(rows[-1], score=1 / 64)
    run = Run("Qwen2.5-7B", "gsm8k", tuple(rows), Protocol(k=64, metric="avg@k", temperature=0.0),
              Provenance("test", "nowhere"))  # fmt: skip
    published = replace(claim, score=69.70, metric="avg@k", k=64, temperature=0.7)
    result = compare(run, published, claims.benchmarks["GSM8K"], models=claims.models.resolve("Qwen2.5-7B"))
    ours, theirs = result.noise
    assert ours.source.startswith("measured")
    assert ours.variance < 0.001
    assert theirs.source.startswith("assumed (sampled)")
    assert theirs.variance > 0.05


@pytest.mark.parametrize(
    ("temperature", "score", "share"),
    [
        (0.7, 0.0075, 1),
        (0.7, 0.099, 1),
        (None, 0.014, 1),
        (0.7, 0.1, 0.35),
        (0.0, 0.014, 0.15),
        (0.7, 0.85, 0.35),
    ],
)
def test_right_answers_to_what_a_model_cannot_do_are_luck(temperature, score, share):
    """As the pack of eight sampled answers shows: no doc was answered right twice. Greedy answers draw no lots."""
    noise = assumed_noise(temperature, score)
    assert noise.variance == pytest.approx(share * score * (1 - score))


def test_docs_lost_to_api_errors_are_left_out_of_the_score():
    rows = (*(Row(str(i), "?", "1", ("1",), score=1.0) for i in range(9)),
            Row("9", "?", "1", ("",), metrics={"api_error,none": 1.0}))  # fmt: skip
    score = score_of(Run("x", "gsm8k", rows, Protocol(), Provenance("test", "nowhere")))
    assert (score.value, score.docs) == (1.0, 9)


# --- finding claims


def test_wrong_and_unpublished_numbers_are_not_found(claims):
    run = run_of("Qwen/Qwen2.5-0.5B", "gsm8k", 1319, 487)
    found, _, _ = find_claims(run, claims)
    assert 36.92 not in {c.score for c in found}
    assert 36.92 in {c.score for c in find_claims(run, claims, every=True)[0]}


@pytest.mark.parametrize(
    ("model", "task", "words"),
    [
        ("acme/unheard-of", "gsm8k", "a model that claims name"),
        (None, "gsm8k", "Pass --model"),
        ("Qwen/Qwen2.5-7B", "hellaswag", "--benchmark, one of GSM8K"),
        ("abel-7b", "aime24", "none on AIME24; there are claims on GSM8K, MATH"),
    ],
)
def test_what_cannot_be_found_is_said(claims, model, task, words):
    with pytest.raises(ClaimError, match=words):
        find_claims(run_of(model, task, 30, 5), claims)


def test_the_nearest_claim_is_the_comparable_one(claims):
    run = run_of("meta-llama/Llama-3.1-8B-Instruct", "gsm8k", 1319, 1035, shots=8, chat_template=True)
    best = nearest(run, claims)
    assert best.claim.shots == 8
    assert best.claim.reported_by == "vendor"
    assert best.outcome != "not comparable"


def test_a_vendors_mean_of_several_answers_is_as_near_as_one_answer(claims):
    silent = dict.fromkeys(("shots", "cot", "tools", "chat_template", "temperature"))
    run = run_of("deepseek-ai/DeepSeek-R1-Distill-Qwen-7B", "math_500", 500, 450, **silent)
    best = nearest(run, claims).claim
    assert (best.score, best.metric, best.reported_by) == (92.8, "avg@k", "vendor")


def test_differences_point_to_known_causes(claims, claim):
    run = run_of("Qwen/Qwen2.5-7B", "gsm8k", 1319, 700, shots=0)
    hits = causes_of(list(against(claims, run, claim.id).parts), load_causes())
    assert (hits[0][0].effect, hits[0][1].key) == ("breaks", "shots")
    assert all(cause.examples for _, cause in hits)


# --- two runs

DOCS = [doc(i, i) for i in range(60)]


def two(tmp_path, right_a, right_b, **second):
    """Two logs on the same docs; right_x(i) says whether doc i is right."""
    logs = []
    for name, right, options in (("a", right_a, {}), ("b", right_b, second)):
        answers = [i if right(i) else i + 1 for i in range(60)]
        texts = [f"It is \\boxed{{{a}}}." for a in answers]
        logs.append(
            write_lm_eval(tmp_path / name, DOCS, texts, scores=[right(i) for i in range(60)], **options)
        )
    return [read_run(log) for log in logs]


def test_paired_runs(tmp_path):
    first, second = two(tmp_path, lambda i: i % 3 > 0, lambda i: i % 3 > 0 and i > 20, model="acme/toy-2")
    result = compare_runs(first, second)
    assert (result.only_first, result.only_second) == (14, 0)
    assert result.p_value == pytest.approx(2 / 2**14)
    assert result.significant
    assert result.delta == pytest.approx(14 / 60)
    assert 14 / 60 in result.interval
    assert [f.doc_id for f in result.flips] == [str(i) for i in range(21) if i % 3]
    assert ("model", "acme/toy-1", "acme/toy-2") in result.changes


def test_pairing_sees_what_two_intervals_do_not(tmp_path):
    """Nine flips one way are no accident, though the two scores' own intervals overlap."""
    first, second = two(tmp_path, lambda i: i < 40, lambda i: i < 31)
    assert score_of(first).interval.low < score_of(second).interval.high
    assert compare_runs(first, second).significant


def test_the_same_run_twice_is_no_difference(tmp_path):
    first, second = two(tmp_path, lambda i: i < 40, lambda i: i < 40)
    result = compare_runs(first, second)
    assert (result.delta, result.p_value, result.flips, result.significant) == (0, 1.0, (), False)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"prompt": "Q: {question}"}, "the same prompts"),
        ({"version": 2.0}, "versions 1.0 and 2.0"),
    ],
)
def test_unlike_runs_are_refused_unless_forced(tmp_path, options, words):
    first, second = two(tmp_path, lambda i: i < 40, lambda i: i < 30, **options)
    with pytest.raises(EvidenceError, match=words):
        compare_runs(first, second)
    assert compare_runs(first, second, force=True).only_first == 10


def test_unlike_docs_are_refused_unless_forced(tmp_path):
    first, second = two(tmp_path, lambda i: i < 40, lambda i: i < 30)
    other = replace(second, rows=(replace(second.rows[0], doc_hash="x"), *second.rows[1:]))
    with pytest.raises(EvidenceError, match="1 docs with another text, for instance 0"):
        compare_runs(first, other)
    half = replace(second, rows=second.rows[:30])
    with pytest.raises(EvidenceError, match="30 docs in only one run"):
        compare_runs(first, half)
    assert compare_runs(first, half, force=True).scores == (1.0, 1.0)


def test_docs_with_other_ids_are_matched_by_their_questions(tmp_path):
    first, second = two(tmp_path, lambda i: i < 40, lambda i: i < 31)
    renamed = replace(second, rows=tuple(replace(r, doc_id=f"b:{r.doc_id}") for r in second.rows[::-1]))
    assert compare_runs(first, aligned(first, renamed)).only_first == 9
    # A question that comes twice could be either doc: then nothing is guessed.
    twins = replace(renamed, rows=tuple(replace(r, question="the same") for r in renamed.rows))
    assert aligned(first, twins) == twins
    with pytest.raises(EvidenceError, match="120 docs in only one run"):
        compare_runs(first, aligned(first, twins))


def test_repeats_are_compared_by_the_bootstrap():
    rng = random.Random(4)
    rows = [Row(str(i), f"{i}?", "1", ("1",) * 4, score=rng.choice([0.25, 0.5, 0.75])) for i in range(80)]
    better = [replace(r, score=r.score + 0.25) for r in rows]
    first, second = (Run("x", "t", tuple(r), Protocol(k=4), Provenance("test", "")) for r in (better, rows))
    result = compare_runs(first, second)
    assert result.p_value is None
    assert result.significant


# --- many runs


def shares(right, docs=200):
    return {str(i): float(i in right) for i in range(docs)}


def test_ranking_groups_what_cannot_be_told_apart():
    strong, twin, weak = set(range(150)), set(range(2, 151)), set(range(90))
    ranked = rank([("weak", shares(weak)), ("twin", shares(twin)), ("strong", shares(strong))])
    assert [(r.name, r.group) for r in ranked] == [("strong", "A"), ("twin", "A"), ("weak", "B")]
    assert ranked[0].score == 0.75
    with pytest.raises(EvidenceError, match="different docs"):
        rank([("a", shares(strong)), ("b", shares(strong, docs=100))])


def test_ratios_to_a_baseline():
    base = {"gsm8k": 0.5, "math500": 0.25}
    ratios, mean = harmonic_ratio({"gsm8k": 0.6, "math500": 0.2}, base)
    assert ratios == pytest.approx({"gsm8k": 1.2, "math500": 0.8})
    assert mean == pytest.approx(2 / (1 / 1.2 + 1 / 0.8))
    with pytest.raises(EvidenceError, match="only one side has math500"):
        harmonic_ratio({"gsm8k": 0.6}, base)
    with pytest.raises(EvidenceError, match="0 on gsm8k"):
        harmonic_ratio(base, {"gsm8k": 0.0, "math500": 0.25})


# --- the measured page


def test_the_measured_page_links_each_score_to_its_log_and_claim(tmp_path, claims):
    docs = [doc(i, i) for i in range(1319)]
    folder = tmp_path / "logs" / "Qwen2.5-7B" / "gsm8k-cot"
    right = [i < 1126 for i in range(1319)]
    write_lm_eval(
        folder, docs, ["x"] * 1319, scores=right, task="gsm8k-cot", model="Qwen/Qwen2.5-7B", shots=4
    )
    (folder / "manifest.json").write_text('{"command": "mathtasks run ...", "commit": "0123456789abcdef"}')
    page = measured_page(tmp_path / "logs", replace(claims, folder=tmp_path / "leaderboards"))
    cited = re.search(r"\| \[(\S+)\]\(claims/(\S+)#L(\d+)\), \S+ \| [^|]+ \|", page)
    line = (claims.folder / "claims" / cited[2]).read_text().splitlines()[int(cited[3]) - 1]
    assert f"{{model: Qwen2.5-7B, score: {cited[1]}" in line
    assert "| Qwen/Qwen2.5-7B | gsm8k-cot | 85.37 [83.36, 87.17] | 1319 × 1 |" in page
    assert "| hf | shots 4, T 0, max tokens 512 |" in page
    assert "| [0123456789ab](../logs/Qwen2.5-7B/gsm8k-cot/manifest.json) | [1](#commands) |" in page
    assert "## Commands\n\n1. `mathtasks run ...`\n" in page
    assert "](../logs/Qwen2.5-7B/gsm8k-cot/results_" in page
    assert measured_page(tmp_path / "nowhere", claims).endswith("No run yet.\n")


def test_a_log_that_cannot_be_read_is_not_left_out(tmp_path, claims):
    folder = tmp_path / "logs" / "a"
    write_lm_eval(folder, DOCS, ["x"] * 60, scores=[1] * 60)
    next(folder.glob("samples_*")).write_text("")
    with pytest.raises(EvidenceError, match="an empty file"):
        measured_page(tmp_path / "logs", claims)


def test_the_measured_command_checks_and_writes(tmp_path, capsys):
    copy = tmp_path / "leaderboards"
    shutil.copytree(ROOT / "leaderboards", copy)
    write_lm_eval(tmp_path / "logs" / "a", DOCS, ["x"] * 60, scores=[1] * 60)
    parser = argparse.ArgumentParser()
    commands.add_arguments(parser)

    def measured(*more):
        given = ["measured", "--logs", str(tmp_path / "logs"), "--leaderboards", str(copy), *more]
        return commands.main(parser.parse_args(given))

    assert measured("--check") == 1
    assert measured() == 0
    assert measured("--check") == 0
    assert "acme/toy-1" in (copy / "MEASURED.md").read_text()


# --- the commands


def call(which, *arguments):
    main = {"compare": compare_command, "explain": explain_command}[which].main
    return main(parser_of(which).parse_args([str(a) for a in arguments]))


def texts(right, docs):
    return [f"It is \\boxed{{{i if right(i) else i + 1}}}." for i in range(docs)]


def test_compare_prints_claims_with_verdicts(tmp_path, capsys):
    docs = [doc(i, i) for i in range(1319)]
    log = write_lm_eval(tmp_path, docs, texts(lambda i: i < 1126, 1319), scores=[i < 1126 for i in range(1319)],
                        task="gsm8k-cot", model="Qwen/Qwen2.5-7B", shots=4)  # fmt: skip
    assert call("compare", log, "--format", "markdown") == 0
    out = capsys.readouterr().out
    assert "equivalent" in out
    assert "not comparable" in out
    assert "85.37 [83.36, 87.17]" in out
    assert call("explain", log, "--format", "csv") == 0
    assert "gsm8k-cot,published score,,0.85" in capsys.readouterr().out
    assert call("explain", log, "--format", "markdown") == 0
    out = capsys.readouterr().out
    assert re.search(r"set against \S+/GSM8K/Qwen2.5-7B\S*: equivalent", out)
    assert "--claim ID takes another" in out


@pytest.mark.parametrize(
    ("scores", "flags", "said"), [(None, (), True), ([1] * 30, (), False), (None, ("--regrade",), False)]
)
def test_compare_says_that_our_grader_scored_where_the_log_did_not(tmp_path, capsys, scores, flags, said):
    docs = [doc(i, i) for i in range(30)]
    log = write_lm_eval(tmp_path, docs, texts(lambda i: True, 30), scores=scores, task="aime24",
                        model="Qwen/Qwen2.5-7B-Instruct", shots=0)  # fmt: skip
    assert call("compare", log, *flags) == 0
    assert (
        "scored by our grader: the log has no verdict" in " ".join(capsys.readouterr().out.split())
    ) is said


def test_compare_of_two_and_of_many_and_to_a_baseline(tmp_path, capsys):
    two(tmp_path, lambda i: i < 40, lambda i: i < 31)
    a, b = tmp_path / "a", tmp_path / "b"
    assert call("compare", a, b, "--format", "markdown") == 0
    out = capsys.readouterr().out
    assert "the runs differ" in out
    assert "9 flipped docs" in out
    assert "| 31 | 1 | 0 | 31 | 32 |" in out
    assert call("compare", a, b, a, "--format", "markdown") == 0
    assert "| A | 66.7" in capsys.readouterr().out
    assert call("compare", a, b, "--baseline", b, "--format", "csv") == 0
    assert "0.666667,1.2903,1.2903" in capsys.readouterr().out


def test_regrading_overrules_the_log(tmp_path, capsys):
    log = write_lm_eval(tmp_path / "x", DOCS, texts(lambda i: True, 60), scores=[0] * 60)
    good = write_lm_eval(tmp_path / "y", DOCS, texts(lambda i: True, 60), scores=[1] * 60)
    assert call("compare", log, good, "--regrade", "--format", "markdown") == 0
    assert "may be noise" in capsys.readouterr().out


def test_one_grader_for_both_where_only_one_log_has_verdicts(tmp_path, capsys):
    judged = [{"id": i, "gold": str(i), "response": f"\\boxed{{{i}}}", "correct": i > 20} for i in range(60)]
    silent = [{name: row[name] for name in ("id", "gold", "response")} for row in judged]
    files = [write_json_lines(tmp_path / f"{n}.jsonl", rows) for n, rows in enumerate((judged, silent))]
    assert call("compare", *files, "--format", "markdown") == 0
    out = capsys.readouterr().out
    assert "both by our grader" in out
    assert out.count("| unnamed model · unnamed task | 100.00 |") == 2
    assert "| metric of the log | correct | not stated |" in out
    assert call("compare", files[0], files[0], "--format", "markdown") == 0
    assert "65.00" in capsys.readouterr().out


def test_explain_without_a_claim_still_explains(tmp_path, capsys):
    answers = texts(lambda i: True, 60)
    log = write_lm_eval(tmp_path, DOCS, [*answers[:50], *[""] * 10], scores=[1] * 50 + [0] * 10)
    assert call("explain", log, "--docs") == 0
    out = capsys.readouterr().out
    assert "empty responses" in out
    assert "published: " not in out
    assert "No published score of this model on" in " ".join(out.split())
    with pytest.raises(ClaimError, match="a model that claims name"):
        call("explain", log, "--model", "acme/toy-1", "--benchmark", "GSM8K")


def two_models(tmp_path):
    rows = [
        {"id": i, "question": f"{i}?", "gold": str(i), "response": f"\\boxed{{{i + (i % step == 0)}}}",
         "label": i % step > 0, "model": f"toy-{step}", "dataset": "gsm8k"}
        for step in (2, 3) for i in range(1, 61)
    ]  # fmt: skip
    return write_json_lines(tmp_path / "both.jsonl", rows)


def test_two_models_of_one_file(tmp_path, capsys):
    path = two_models(tmp_path)
    assert call("compare", path, "--models", "toy-2", "toy-3", "--format", "markdown") == 0
    named = capsys.readouterr().out
    assert "| first | toy-2 · gsm8k | 50.00 |" in named
    assert call("compare", f"{path}#toy-2", f"{path}#toy-3", "--format", "markdown") == 0
    assert capsys.readouterr().out == named
    assert call("compare", path, "--models", "toy-3", "--baseline", f"{path}#toy-2", "--format", "csv") == 0
    assert "0.666667,1.3333," in capsys.readouterr().out
    with pytest.raises(EvidenceError, match="a run of toy-9"):
        call("compare", path, "--models", "toy-2", "toy-9")
    with pytest.raises(EvidenceError, match=r"one run of each task in .* Pick a model"):
        call("compare", path, path)
    with pytest.raises(EvidenceError, match="FILE#MODEL"):
        call("compare", path, path, "--models", "toy-2", "toy-3")


def test_every_flip_and_every_lost_doc_can_be_had(tmp_path, capsys):
    path = two_models(tmp_path)
    pair = (f"{path}#toy-2", f"{path}#toy-3")
    assert call("compare", *pair) == 0
    assert "and 10 more: --docs lists them all" in capsys.readouterr().out
    assert call("compare", *pair, "--format", "json") == 0
    tables = json.loads(capsys.readouterr().out)
    flips = next(t for t in tables if "flipped" in t["title"])
    assert len(flips["rows"]) == 30
    assert not any("one log" in note for table in tables for note in table["notes"])
    assert call("compare", pair[0], pair[0]) == 0
    assert "both are one log" in capsys.readouterr().out
    wrong = json.loads(path.read_text().splitlines()[0])
    write_json_lines(tmp_path / "odd.jsonl", [{**wrong, "response": "", "label": True, "score": 0.3}])
    assert call("explain", tmp_path / "odd.jsonl", "--format", "json") == 0
    out = json.loads(capsys.readouterr().out)
    assert [list(row.values()) for row in out[-1]["rows"]] == [
        ["1", 0, "wrong, but the run's grader said right", "surely", "the log's label against our grader", None, "1",
         1.0, "no_answer"],
    ]  # fmt: skip
    assert "column `score` is not a verdict" in " ".join(out[0]["notes"])
