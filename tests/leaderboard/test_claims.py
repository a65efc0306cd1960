"""Published scores: the shipped files are valid, bad ones are refused with file and line, names resolve."""

import csv
import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from datetime import date

import pytest
import yaml

from lm_eval_mathtasks.commands import leaderboard as commands
from lm_eval_mathtasks.errors import ClaimError
from lm_eval_mathtasks.leaderboard import add
from lm_eval_mathtasks.leaderboard.causes import load_causes
from lm_eval_mathtasks.leaderboard.claim_checks import check_claims
from lm_eval_mathtasks.leaderboard.claim_tables import Filter, claims_table, search
from lm_eval_mathtasks.leaderboard.claims import load_claims, read_claims
from lm_eval_mathtasks.leaderboard.measured import measured_page
from lm_eval_mathtasks.leaderboard.yaml_files import leaderboards_dir
from lm_eval_mathtasks.problems.catalogue import our_tasks
from lm_eval_mathtasks.runs.reading import read_run
from lm_eval_mathtasks.tables import rendered
from tests.conftest import ROOT, shared_path
from tests.runs.logs_of_runs import doc, write_lm_eval

MODELS = """\
Toy-1: {hf_id: acme/toy-1, organisation: Acme, kind: instruct, size_b: 1, aliases: [toy-one-2024-05-13]}
Toy-1 (thinking): {hf_id: acme/toy-1, organisation: Acme, kind: reasoning, size_b: 1, mode: thinking}
Toy-1-Base: {hf_id: acme/toy-1-base, organisation: Acme, kind: base, size_b: 1}
"""
BENCHMARKS = """\
GSM8K: {docs: 1319, tasks: "gsm8k(?!-p)"}
GSM8K-Platinum: {docs: 1209, tasks: "gsm8k-platinum"}
AIME24: {docs: 30, tasks: "aime(20)?24"}
"""
GOOD = """\
source:
  title: Toy report
  url: https://example.org/toy
  date: "2024-05"
tables:
  - benchmark: GSM8K
    metric: pass@1
    shots: 8
    locator: Table 1
    rows:
      - {model: Toy-1, score: 61.5, reported_by: vendor}
      - {model: Toy-1-Base, score: 40, status: misquoted, note: the card has 42}
"""


@pytest.fixture
def folder(tmp_path):
    """A small folder of claims."""
    (tmp_path / "claims").mkdir()
    (tmp_path / "models.yaml").write_text(MODELS)
    (tmp_path / "benchmarks.yaml").write_text(BENCHMARKS)
    (tmp_path / "claims" / "toy.yaml").write_text(GOOD)
    return tmp_path


@pytest.fixture(scope="session")
def shipped():
    return load_claims()


# --- the shipped files


def test_the_shipped_claims_are_valid(shipped):
    assert len(shipped.rows) == 3497
    assert len({claim.file for claim in shipped.rows}) == 193
    assert len({claim.id for claim in shipped.rows}) == 3497
    assert list(check_claims(shipped, date(2026, 11, 29))) == []


def test_every_published_claim_has_a_source_a_reader_can_open(shipped):
    for claim in shipped.rows:
        assert claim.locator
        assert bool(claim.source.url) == claim.source.published


def test_doubtful_numbers_are_never_ranked(shipped):
    doubtful = [c for c in shipped.rows if c.status != "ok" or not c.source.published]
    assert {"wrong", "misquoted", "not-confirmed"} <= {c.status for c in doubtful}
    shown = Filter().keep(shipped)
    assert len(shown) == 3497 - len(doubtful)
    assert not set(doubtful) & set(shown)
    # With --all they come after every ranked score of their benchmark, whatever their value.
    table = Filter(benchmark="MATH-500", every=True).keep(shipped)
    places = [c.ranked for c in table]
    assert places == sorted(places, reverse=True)
    assert not all(places)


def test_the_files_hold_no_pasted_prose():
    """Facts only: nothing in quotation marks inside a fact, no line of prose length."""
    for path in (ROOT / "leaderboards" / "claims").glob("*.yaml"):
        for line in path.read_text(encoding="utf-8").splitlines():
            assert len(line) < 320, f"{path.name}: {line}"
            assert "title:" in line or '\\"' not in line, f"{path.name}: {line}"


# What was found wrong in the collections: the benchmark of a row is another one than they say.
OF_BOTH_LANGUAGES = {
    ("GPT-4", 32.0), ("GPT-4o", 41.54), ("Llama-3-70B-Instruct", 20.92), ("Claude 3 Opus", 13.43)
}  # fmt: skip
# Read from sources of their own, in no collection.
BESIDE = {"omni-math-rule.yaml", "math-evaluation-harness-words.yaml", "simple-evals-mgsm.yaml",
          "dart-math-college.yaml"}  # fmt: skip


def _benchmark(row):
    if row["benchmark"] == "OlympiadBench" and (row["model"], float(row["score"])) in OF_BOTH_LANGUAGES:
        return "OlympiadBench-EN-ZH"
    # A set of November exists only since then: before it, HMMT without a month was the one of February.
    late = row["publication_date"] >= "2025-11" and "month not stated" in row["locator"]
    return "HMMT25" if row["benchmark"] == "HMMT-Feb-2025" and late else row["benchmark"]


def _page(url):
    """A page at any of its commits: claims name one that was read in full, collections the first digits of another."""
    return re.sub(r"/blob/[0-9a-f]+/", "/", url).replace("README_CN", "README")


def test_the_numbers_are_those_that_were_collected(shipped):
    """Every row of the collections is there once, with its score, protocol and source."""
    rows = []
    for name in ("scores/scores.csv", "scores/new_scores.csv"):
        with shared_path(name).open(encoding="utf-8") as lines:
            rows += list(csv.DictReader(lines))
    ours, theirs = Counter(), Counter()
    for claim in shipped.rows:
        if claim.file not in BESIDE:
            ours[claim.benchmark, _page(claim.source.url or ""), claim.score, claim.metric, claim.k] += 1
    for row in rows:
        k = int(row["n_samples"]) if row["n_samples"] else None
        url = row["source_url"] if row["source_url"].startswith("http") else ""
        theirs[_benchmark(row), _page(url), float(row["score"]), row["metric"], k] += 1
    assert ours == theirs


def test_every_task_has_its_benchmark_with_its_size(shipped):
    """Claims are found by a task's name and its number of docs; look-alikes are never taken for it."""
    found = {}
    for task in our_tasks():
        name, docs = task.name, task.data.docs
        benchmark = shipped.benchmark_of(name, docs)
        found[name] = benchmark and benchmark.name
        if benchmark is not None:
            assert docs in (benchmark.docs, *benchmark.editions), name
    # MGSM is published as a mean over its languages, the sample is ours.
    without = {name for name, benchmark in found.items() if benchmark is None}
    assert all(name.startswith(("mgsm-", "sample-")) for name in without), without
    assert found["hmmt-feb25-cot"] == "HMMT-Feb-2025"
    assert shipped.benchmark_of("hmmt25", 30).name == "HMMT25"
    assert shipped.benchmark_of("aime25_II", 15).name == "AIME25-II"
    assert shipped.benchmark_of("aime26_instruct", 30).name == "AIME26"
    assert shipped.benchmark_of("svamp", 300).name == "SVAMP-300"
    assert shipped.benchmark_of("cmath", 600).name == "CMATH-Dev"


def test_every_cause_has_an_example_that_the_claims_hold(shipped):
    causes = load_causes()
    assert len(causes) == 18
    for cause in causes:
        for example in cause.examples:
            for score, file in zip(example.scores, (example.files[0], example.files[-1]), strict=False):
                held = [
                    c.score
                    for c in shipped.rows
                    if (c.file, c.model, c.benchmark) == (f"{file}.yaml", example.model, example.benchmark)
                ]
                assert score in held, f"{cause.key}: {example} not in {file}.yaml"


def test_claims_are_found_in_a_wheel(tmp_path):
    """The package finds the claims beside itself, where a wheel puts them, before any source tree."""
    inside = tmp_path / "lm_eval_mathtasks"
    shutil.copytree(
        ROOT / "lm_eval_mathtasks", inside, ignore=shutil.ignore_patterns("__pycache__", "_*boards")
    )
    shutil.copytree(ROOT / "leaderboards", inside / "_leaderboards")
    code = "from lm_eval_mathtasks.leaderboard.yaml_files import leaderboards_dir as d; print(d())"
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == str(inside / "_leaderboards")


# --- bad files


BAD = {
    "an unknown model": ("model: Toy-1,", "model: Toy-2,", 11, "unknown model 'Toy-2'; did you mean Toy-1"),
    "a score above 100": ("score: 61.5", "score: 615", 11, "less than or equal to 100"),
    "a score in words": ("score: 61.5", "score: high", 11, "valid number"),
    "no url": ("  url: https://example.org/toy\n", "", 2, "needs its url"),
    "a url that is none": ("https://example.org/toy", "example.org", 2, "url"),
    "no locator": ("    locator: Table 1\n", "", 5, "locator"),
    "an unknown benchmark": (
        "benchmark: GSM8K",
        "benchmark: GSM9K",
        6,
        "unknown benchmark 'GSM9K'; known: GSM8K",
    ),
    "an unknown metric": ("metric: pass@1", "metric: pass@10", 6, "metric"),
    "an unknown field": ("shots: 8", "shoots: 8", 6, "shoots"),
    "doubt without a reason": (", note: the card has 42", "", 12, "needs a note"),
    "a date that is none": ('"2024-05"', '"May 2024"', 2, "date"),
    "a share of no count of answers": (
        GOOD[GOOD.index("    shots: 8") : GOOD.index(", reported_by")],
        "    temperature: 0\n    locator: Table 1\n    rows:\n      - {model: Toy-1, score: 61.53",
        11,
        "61.53 of 'Toy-1' is no share of 1319",
    ),
    "a reason that is not needed": ("61.5,", "61.5, uncounted: a guess,", 11, "leave `uncounted` out"),
    "several answers without a number": ("metric: pass@1", "metric: avg@k", 6, "avg@k needs k"),
    "one answer that is several": ("metric: pass@1", "metric: pass@1\n    k: 4", 6, "is avg@k"),
    "several that are one": ("metric: pass@1", "metric: avg@k\n    k: 1", 6, "is pass@1"),
    "a vote of equal answers": (
        "metric: pass@1",
        "metric: maj@k\n    k: 8\n    temperature: 0",
        6,
        "all the same",
    ),
    "a fraction": ("score: 61.5", "score: 0.615", 6, "0.615 may be a fraction"),
    "a temperature in percent": ("shots: 8", "temperature: 60", 6, "less than or equal to 2"),
    "a month that is none": ('"2024-05"', '"2024-13"', 2, "month must be in 1..12"),
    "a day that is none": ('"2024-05"', '"2024-02-30"', 2, "day is out of range"),
    "a date ahead": ('"2024-05"', '"2027-05"', 1, "after today, 2026-11-29"),
    "two scores under one protocol": (
        "      - {model: Toy-1, score: 61.5, reported_by: vendor}\n",
        "      - {model: Toy-1, score: 61.5}\n      - {model: Toy-1, score: 62.5}\n",
        12,
        "61.5, 62.5 of 'Toy-1' under one protocol",
    ),
    "a look-alike": (
        "Table 1",
        "Table 1, GSM8K-Platinum",
        11,
        "names GSM8K-Platinum, the benchmark is GSM8K",
    ),
    "a key twice": ("    shots: 8\n", "    shots: 8\n    shots: 4\n", 9, "given twice"),
    "broken YAML": ("rows:", "rows: {", 11, "YAML"),
    "a row twice": (
        "      - {model: Toy-1, score: 61.5, reported_by: vendor}\n",
        "      - {model: Toy-1, score: 61.5}\n      - {model: Toy-1, score: 61.5}\n",
        12,
        "twice",
    ),
}


def problems_in(folder):
    claims, problems = read_claims(folder)
    return [*problems, *check_claims(claims, date(2026, 11, 29))]


@pytest.mark.parametrize("name", BAD)
def test_bad_claims_are_named_with_file_and_line(folder, name):
    old, new, line, words = BAD[name]
    assert old in GOOD
    (folder / "claims" / "toy.yaml").write_text(GOOD.replace(old, new, 1))
    problems = problems_in(folder)
    assert problems
    assert all(p.file == "toy.yaml" for p in problems)
    assert words in str(problems[0]), problems
    # pydantic blames the innermost mapping; a table's own fields are at its first line
    assert abs(problems[0].line - line) <= 1, str(problems[0])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("docs: 30", "docs: thirty"), "counts of problems, got 'thirty'"),
        (("docs: 30, ", ""), "counts of problems, got None"),
        (("docs: 30", "docs: 30, editions: 29.5"), "got 30, 29.5"),
        (('"aime(20)?24"', '"aime(20?24"'), "regular expression"),
        ((', tasks: "aime(20)?24"', ""), "regular expression, got None"),
        (("docs: 30", "size: 30, docs: 30"), "unknown size"),
        (('AIME24: {docs: 30, tasks: "aime(20)?24"}', "AIME24: 30"), "expected docs and tasks, got 30"),
    ],
)
def test_a_benchmark_that_compare_could_not_use_is_named(folder, change, words):
    path = folder / "benchmarks.yaml"
    assert change[0] in path.read_text()
    path.write_text(path.read_text().replace(*change))
    problem = read_claims(folder)[1][0]
    assert problem.file == "benchmarks.yaml"
    assert words in str(problem)


@pytest.mark.parametrize(
    ("score", "answers", "given"),
    [
        (50.0, 1, True),
        (53.3, 1, True),  # 16 of 30 is 53.33
        (53.4, 1, True),  # rounded up
        (53.5, 1, False),
        (53, 1, True),
        (52, 1, False),  # 15 is 50.0, 16 is 53.3
        (53.5, 4, False),  # 64 of 120 is 53.33, 65 is 54.17
        (54.2, 4, True),
        (79.17, 4, True),  # 95 of 120
        (79.14, 4, False),
        (0, 1, True),
        (100, 1, True),
        (99.9, 1, False),
    ],
)
def test_which_scores_a_count_of_right_answers_gives(shipped, score, answers, given):
    assert shipped.benchmarks["AIME26"].gives(score, answers) == given


def test_every_count_is_a_possible_score(shipped):
    benchmark = shipped.benchmarks["MATH-500"]
    for digits in (0, 1, 2):
        assert all(benchmark.gives(round(count / 5, digits)) for count in range(501))


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        ("models.yaml", "kind: base, size_b: 1}", "kind: base, size_b: 1000000000}", "it is in billions"),
        ("models.yaml", "Toy-1-Base: {", "Toy-7B: {", "size_b of 'Toy-7B' is 1, its name says 7"),
        ("benchmarks.yaml", "docs: 1319", "docs: 1318", "GSM8K has 1318 problems, the task gsm8k"),
    ],
)
def test_a_size_that_a_name_or_a_set_denies_is_named(folder, file, old, new, words):
    assert problems_in(folder) == []
    path = folder / file
    path.write_text(path.read_text().replace(old, new))
    (problem,) = [problem for problem in problems_in(folder) if "unknown model" not in problem.text]
    assert problem.file == file
    assert words in problem.text


def test_what_looks_wrong_and_is_not_passes(folder):
    """Near misses: a low score that is explained, a size rounded by its name, a whole set beside its look-alike."""
    low = GOOD.replace("61.5, reported_by: vendor", "0.6, note: eight of 1319").replace(
        "score: 40, status: misquoted", "score: 0.4"
    )
    (folder / "claims" / "toy.yaml").write_text(
        low.replace("Table 1", "Table 1, GSM8K beside GSM8K-Platinum")
    )
    path = folder / "models.yaml"
    path.write_text(path.read_text() + "Toy-2B: {organisation: Acme, kind: base, size_b: 2.6}\n")
    assert problems_in(folder) == []


def test_one_source_is_one_file(folder):
    (folder / "claims" / "other.yaml").write_text(GOOD)
    assert [str(problem) for problem in problems_in(folder)] == [
        "toy.yaml:1: its url is that of other.yaml; put the tables of one source into one file"
    ]


def test_the_average_of_both_languages_is_another_benchmark(shipped):
    assert shipped.benchmarks["OlympiadBench-EN-ZH"].tasks.match("OlympiadBench, mean of English and Chinese")
    assert not shipped.benchmarks["OlympiadBench-EN-ZH"].tasks.match("OlympiadBench, text only, English")


def test_all_problems_come_in_one_error(folder):
    (folder / "claims" / "toy.yaml").write_text(GOOD.replace("61.5", "615").replace("shots: 8", "shots: -1"))
    (folder / "claims" / "other.yaml").write_text("source: {title: x}\ntables: []\n")
    with pytest.raises(ClaimError) as error:
        load_claims(folder)
    assert "toy.yaml:11" in str(error.value)
    assert "toy.yaml:6" in str(error.value)
    assert "other.yaml:1" in str(error.value)


def test_a_folder_without_claims_is_an_error(tmp_path):
    with pytest.raises(ClaimError, match="a folder of claims"):
        leaderboards_dir(tmp_path)


# --- names


@pytest.mark.parametrize(
    ("name", "models"),
    [
        ("acme/toy-1", ["Toy-1", "Toy-1 (thinking)"]),
        ("toy_1", ["Toy-1", "Toy-1 (thinking)"]),
        ("/models/toy-1-base/", ["Toy-1-Base"]),
        ("toy-one-2024-05-13", ["Toy-1"]),
        ("Toy-1-Base-2025-01-01", ["Toy-1-Base"]),
    ],
)
def test_names_resolve(folder, name, models):
    assert [m.name for m in load_claims(folder).models.resolve(name)] == models


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("Qwen/Qwen2.5-7B-Instruct", "Qwen2.5-7B-Instruct"),
        ("gpt-4o-2024-08-06", "GPT-4o-2024-08-06"),
        ("claude-3-5-sonnet-20241022", "Claude-3.5-Sonnet-1022"),
        ("o1-2024-12-17", "o1-2024-12-17 (o1-1217)"),
        ("meta-llama/Llama-2-7b-hf", "Llama 2 7B"),
        ("abel-7b", "Abel-7B-001"),
        ("qwen2.5-72b-instruct-turbomind", "Qwen2.5-72B-Instruct"),
        ("qwen2.5-7b-instruct-hf", "Qwen2.5-7B-Instruct"),
        ("llama-3.1-8b-instruct_vllm", "Llama-3.1-8B-Instruct"),
        ("qwen2_5-72b-instruct-turbomind", "Qwen2.5-72B-Instruct"),
        ("qwen2_5_72b_instruct", "Qwen2.5-72B-Instruct"),
        ("/cache/hub/models--Qwen--Qwen2.5-7B-Instruct/snapshots/a09a35", "Qwen2.5-7B-Instruct"),
    ],
)
def test_well_known_names_resolve(shipped, name, first):
    assert shipped.models.resolve(name)[0].name == first


def test_a_size_tag_does_not_say_base(shipped):
    with pytest.raises(ClaimError, match=r"Did you mean Llama-3\.1-8B"):
        shipped.models.resolve("llama3.1:8b")


@pytest.mark.parametrize("adapter", ["out/checkpoint-2", "me/Qwen2.5-7B", "Qwen/Qwen2.5-7B"])
def test_a_model_with_an_adapter_is_not_the_published_one(shipped, tmp_path, adapter):
    log = write_lm_eval(tmp_path, [doc(1, 1)], ["1"], scores=[1])
    (file,) = log.glob("results_*.json")
    results = json.loads(file.read_text())
    results["config"]["model_args"] = {"pretrained": "Qwen/Qwen2.5-7B", "peft": adapter}
    file.write_text(json.dumps(results))
    name = read_run(log).model
    assert name == f"Qwen/Qwen2.5-7B + {adapter}"
    with pytest.raises(ClaimError, match="adapter makes it another model"):
        shipped.models.resolve(name)


def test_an_unknown_model_gets_a_suggestion(shipped):
    with pytest.raises(ClaimError, match=r"Did you mean Qwen2.5-7B-Instruct"):
        shipped.models.resolve("Qwen2.5-7B-Instrct")
    with pytest.raises(ClaimError, match="leaderboard search"):
        shipped.models.resolve("zzzzzzzz")


@pytest.mark.parametrize(
    ("task", "docs", "benchmark"),
    [
        ("gsm8k-cot", 1319, "GSM8K"),
        ("gsm8k_cot_llama", 1319, "GSM8K"),
        ("gsm8k_platinum_cot", 1209, "GSM8K-Platinum"),
        ("sample-gsm8k", 100, None),
        ("lighteval|math_500|0", 500, "MATH-500"),
        ("minerva_math", 5000, "MATH"),
        ("minerva_math", 272, "Minerva-Math"),
        ("hendrycks_math_algebra", 1187, "MATH"),
        ("MATH-500", None, "MATH-500"),
        ("mathqa", 2985, None),
        ("math_prm800k_500", 500, "MATH-500"),
        ("aime2024", 30, "AIME24"),
        ("aime25", 30, "AIME25"),
        ("olympiadbench-cot", 675, "OlympiadBench"),
        ("olympiadbench-cot", 674, "OlympiadBench"),
        ("math-cot", 5000, "MATH"),
        ("minerva-math-cot", 272, "Minerva-Math"),
        ("aime25-cot", 30, "AIME25"),
        ("aime25-I", 15, "AIME25-I"),
        ("amc23-cot", 40, "AMC23"),
        ("aimo-validation-amc", 83, "AMC-83"),
    ],
)
def test_tasks_are_matched_to_benchmarks(shipped, task, docs, benchmark):
    found = shipped.benchmark_of(task, docs)
    assert (found.name if found else None) == benchmark


# --- show, search, add


def test_filters(shipped):
    kept = Filter(benchmark="gsm8k", family="qwen2.5", kind="base", max_size=2, shots=4).keep(shipped)
    assert kept
    assert all(c.benchmark == "GSM8K" and c.kind == "base" and c.size_b <= 2 and c.shots == 4 for c in kept)
    assert [c.score for c in kept] == sorted((c.score for c in kept), reverse=True)
    with pytest.raises(ClaimError, match="a benchmark"):
        Filter(benchmark="nonsense").keep(shipped)


def test_search_takes_every_word(shipped):
    assert {c.model for c in search(shipped, "abel gsm8k 70b-001")} == {"Abel-70B-001"}
    assert search(shipped, "no-such-thing") == []


def test_tables_as_markdown_and_csv(folder):
    claims = load_claims(folder)
    table = claims_table("toy", Filter(every=True).keep(claims), claims)
    rows = list(csv.reader(rendered([table], "csv").splitlines()))
    assert rows[0][0] == "id"
    assert rows[0][4:7] == ["score", "score_low", "score_high"]
    assert rows[1][:5] == ["toy/GSM8K/Toy-1", "GSM8K", "Toy-1", "1", "0.615"]
    assert "misquoted: the card has 42" in rows[2][-1]
    assert "| toy/GSM8K/Toy-1 | GSM8K |" in rendered([table], "markdown")


FIELDS = {"title": "Other: report", "url": "https://example.org/other", "benchmark": "AIME24", "metric": "avg@k",
          "k": 64, "temperature": 0.6, "cot": True, "locator": "Table 2, row 3", "model": "Toy-1", "score": 33.3,
          "date": "2025-01"}  # fmt: skip


def test_add_writes_a_new_file_that_loads(folder):
    path = add.add_claim(folder, FIELDS)
    assert path.name == "other-report.yaml"
    claim = load_claims(folder).by_id("other-report/AIME24/Toy-1")
    assert (claim.score, claim.k, claim.temperature, claim.cot) == (33.3, 64, 0.6, True)
    assert (claim.source.date, claim.locator) == ("2025-01", "Table 2, row 3")


def test_add_puts_a_known_source_into_its_file(folder):
    with pytest.raises(ClaimError, match=r"the date that toy.yaml states \(2024-05\), got '2025-01'"):
        add.add_claim(folder, {**FIELDS, "url": "https://example.org/toy"})
    path = add.add_claim(folder, {**FIELDS, "url": "https://example.org/toy", "date": "2024-05"})
    assert path.name == "toy.yaml"
    assert path.read_text().startswith(GOOD)
    assert {c.benchmark for c in load_claims(folder).rows} == {"GSM8K", "AIME24"}


def test_add_takes_a_new_model_with_its_facts(folder):
    with pytest.raises(ClaimError, match="--organisation"):
        add.add_claim(folder, {**FIELDS, "model": "Newcomer 3B"})
    add.add_claim(
        folder, {**FIELDS, "model": "Newcomer 3B", "organisation": "New", "kind": "base", "size_b": 3.0}
    )
    assert load_claims(folder).models["Newcomer 3B"].size_b == 3


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"score": 120.0}, "less than or equal"),
        ({"url": "nowhere"}, "url"),
        ({"metric": "best"}, "metric"),
        ({"model": "New 3B", "organisation": "New", "kind": "instrukt"}, "one of base, instruct, reasoning"),
    ],
)
def test_add_leaves_nothing_behind_when_it_is_refused(folder, change, words):
    before = {p: p.read_text() for p in folder.rglob("*.yaml")}
    with pytest.raises(ClaimError, match=words):
        add.add_claim(folder, {**FIELDS, **change})
    assert {p: p.read_text() for p in folder.rglob("*.yaml")} == before


def test_add_writes_the_names_that_claims_use(folder):
    add.add_claim(folder, {**FIELDS, "model": "toy-1-base", "benchmark": "aime2024"})
    claim = load_claims(folder).by_id("other-report/AIME24/Toy-1-Base")
    assert (claim.model, claim.benchmark) == ("Toy-1-Base", "AIME24")


def test_a_model_of_no_kind_is_refused(folder):
    path = folder / "models.yaml"
    path.write_text(path.read_text().replace("kind: base", "kind: basic"))
    with pytest.raises(
        ClaimError, match="the kind of Toy-1-Base, one of base, instruct, reasoning, got 'basic'"
    ):
        load_claims(folder)


def test_add_needs_a_source(folder):
    with pytest.raises(ClaimError, match="none for title, url"):
        add.add_claim(folder, {k: v for k, v in FIELDS.items() if k not in ("title", "url")})


def test_add_asks_until_required_fields_are_given():
    said = []
    wrong = "score (Expected a value for score, got 'high'. Could not convert string to float: 'high'.)"
    answers = {"model (required)": ["", "Toy-1"], "score (required)": ["high"], wrong: ["61.5"], "k": ["8"]}

    def answer(prompt):
        said.append(prompt)
        known = answers.get(prompt.removesuffix(": "), [])
        return known.pop(0) if known else ""

    fields = add.ask_for_fields({k: v for k, v in FIELDS.items() if k not in ("model", "score", "k")}, answer)
    assert (fields["model"], fields["score"], fields["k"]) == ("Toy-1", 61.5, 8)
    assert said.count("model (required): ") == 2
    assert "top_p" not in fields


@pytest.mark.parametrize(("name", "text"), [("score", "high"), ("k", "8.5"), ("cot", "maybe")])
def test_a_field_of_another_kind_is_refused(name, text):
    with pytest.raises(ClaimError, match=name):
        add.parse_field(name, text)


@pytest.mark.parametrize(
    "text", ["a: b", "yes", "it's 5 % #1", "2024-05", 'say "x"', "tab\tand\nline", "[1]", "é"]
)
def test_written_values_read_back(text):
    assert yaml.safe_load(add.quoted(text)) == text.replace("\n", " ")


# --- the command


def run(*arguments):
    import argparse

    parser = argparse.ArgumentParser()
    commands.add_arguments(parser)
    return commands.main(parser.parse_args(arguments))


def test_validate_prints_every_problem(folder, capsys):
    assert run("validate", "--leaderboards", str(folder)) == 0
    (folder / "claims" / "toy.yaml").write_text(GOOD.replace("61.5", "615").replace("Toy-1-Base", "Toy-9"))
    assert run("validate", "--leaderboards", str(folder)) == 1
    assert re.search(r"toy\.yaml:11: .*615", capsys.readouterr().out)


def test_show_and_search_print(folder, capsys):
    assert run("show", "GSM8K", "--format", "csv", "--leaderboards", str(folder)) == 0
    assert "Toy-1-Base" not in capsys.readouterr().out
    assert run("search", "toy", "base", "--format", "markdown", "--leaderboards", str(folder)) == 0
    assert "misquoted" in capsys.readouterr().out
    assert run("search", "nothing-here", "--leaderboards", str(folder)) == 1
    assert run("show", "--family", "nothing-here", "--leaderboards", str(folder)) == 1
    capsys.readouterr()
    assert run("show", "--all", "--limit", "1", "--format", "markdown", "--leaderboards", str(folder)) == 0
    first, second = re.findall(r"\*\*(.*)\*\*", capsys.readouterr().out)
    assert first == "GSM8K: one answer, or the mean of several: 1 line"
    assert second == "GSM8K: known to be wrong, or not published: 1 line"
    with pytest.raises(SystemExit):
        run("show", "--limit", "-1", "--leaderboards", str(folder))


def test_show_on_the_terminal(folder, capsys):
    assert run("show", "--leaderboards", str(folder)) == 0
    assert "61.5" in capsys.readouterr().out


def test_add_from_flags(folder):
    flags = [
        f"--{name.replace('_', '-')}={str(value).lower() if value is True else value}"
        for name, value in FIELDS.items()
    ]
    assert run("add", "--yes", "--leaderboards", str(folder), *flags) == 0
    assert len(load_claims(folder).rows) == 3


def test_the_measured_page_is_the_one_that_is_committed(shipped):
    """The page in the repository is what its logs say (no logs: an empty page)."""
    assert (ROOT / "leaderboards" / "MEASURED.md").read_text() == measured_page(ROOT / "logs", shipped)


# --- the documentation


def test_the_example_in_the_readme_is_a_valid_claim(tmp_path):
    text = (ROOT / "leaderboards" / "README.md").read_text(encoding="utf-8")
    example = re.search(r"```yaml\n(.*?)```", text, re.DOTALL)[1]
    for name in ("models.yaml", "benchmarks.yaml"):
        shutil.copy(ROOT / "leaderboards" / name, tmp_path)
    (tmp_path / "claims").mkdir()
    (tmp_path / "claims" / "example.yaml").write_text(example)
    (claim,) = load_claims(tmp_path).rows
    assert (claim.k, claim.score, claim.source.date) == (64, 79.8, "2025-01")


def test_the_readme_names_every_file_and_status():
    text = (ROOT / "leaderboards" / "README.md").read_text(encoding="utf-8")
    for path in (ROOT / "leaderboards").iterdir():
        assert path.name == "README.md" or path.name in text or f"{path.name}/" in text
    for word in ("wrong", "misquoted", "not-confirmed", "avg@k", "maj@k", "rm@k", "best-of-n"):
        assert f"`{word}`" in text or word in text
