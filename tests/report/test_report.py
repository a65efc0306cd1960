"""What `mathtasks report` works out and writes: the page as a file, Markdown, CSV, JSON, and what it refuses."""

import base64
import csv
import hashlib
import io
import json
import re
import sys
import zlib
from collections import Counter
from xml.etree import ElementTree

import pytest

from lm_eval_mathtasks.cli import main
from lm_eval_mathtasks.numbers.intervals import Interval
from lm_eval_mathtasks.report import charts, samples
from lm_eval_mathtasks.report.dates import moment
from lm_eval_mathtasks.report.examine import lengths
from lm_eval_mathtasks.report.exports import COLUMNS, csv_rows, json_document, markdown
from lm_eval_mathtasks.report.labels import short_model
from lm_eval_mathtasks.report.page import page
from lm_eval_mathtasks.runs.reading import read_runs
from lm_eval_mathtasks.runs.training_curves import CURVE, write_curve
from lm_eval_mathtasks.sampling.curves import Curve, Point
from lm_eval_mathtasks.text import visible
from tests.report.pages import HOSTILE, examined, write_hostile, write_runs
from tests.runs.logs_of_runs import doc, write_json_lines, write_lm_eval

DOCS = 45


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    path = write_runs(tmp_path_factory.mktemp("runs") / "runs.jsonl", DOCS)
    return examined(read_runs(path))


@pytest.fixture(scope="module")
def html(two):
    return page(two)


def scripts(html, kind):
    """The texts of the page's script elements of one class or id."""
    return re.findall(rf"<script type=\"application/json\" {kind}[^>]*>(.*?)</script>", html, re.DOTALL)


def test_the_page_is_one_file_that_forbids_everything_else(html):
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', html)[1]
    script = re.search(r"<script>(.*?)</script>", html, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert policy.startswith("default-src 'none'")
    assert f"script-src 'sha256-{digest}'" in policy
    own = {"http://www.w3.org/1998/Math/MathML", "http://www.w3.org/1999/xlink"}  # names, never fetched
    assert set(re.findall(r"https?://[^\s\"'<>)]+", html)) <= own
    assert not re.search(r"<(link|img|iframe|object|embed|base)\b|\bsrc=|@import|url\((?!#)", html)


def test_figures_take_the_colours_of_the_page_and_name_themselves(html):
    drawings = re.findall(r"<svg.*?</svg>", html, re.DOTALL)
    assert len(drawings) == 16  # scores, verdicts, two causes, subjects, levels, two lengths; wide and narrow
    for drawing in drawings:
        assert 'role="img" aria-label="' in drawing
        assert not re.search(r"#[0-9a-f]{6}\b(?!\))|<style|<script|DejaVu", drawing.replace("xlink:href", ""))
        assert "var(--" in drawing
    ids = re.findall(r'id="([^"]+)"', html)
    assert len(ids) == len(set(ids))


def test_every_doc_is_in_the_page_with_what_was_extracted(html, two):
    (index,) = (json.loads(text) for text in scripts(html, 'id="index"'))
    chunks = [one for text in scripts(html, 'class="chunk"') for one in json.loads(text)]
    assert index["doc"] == [str(n) for n in range(DOCS)]
    assert len(chunks) == DOCS
    assert index["subjects"] == ["Algebra", "Geometry", "Number Theory"]
    good, bad = chunks[7]["runs"]
    start, stop = good["responses"][0]["span"]
    assert good["responses"][0]["text"][start:stop] == good["responses"][0]["pred"] == "7"
    assert bad["responses"][0]["pred"] == "-1"
    statuses = [index["statuses"][run[0]] for run in index["marks"][7]]
    assert statuses == ["correct", "incorrect"]
    assert index["flags"][4] & samples.DISPUTED
    assert index["flags"][7] == samples.DIFFERS


def test_hostile_text_cannot_end_a_script_or_become_markup(tmp_path):
    html = page(examined(read_runs(write_hostile(tmp_path / "hostile.jsonl"))))
    (index,) = (json.loads(text) for text in scripts(html, 'id="index"'))
    details = [one for text in scripts(html, 'class="chunk"') for one in json.loads(text)]
    assert [one["q"] for one in details] == list(HOSTILE)  # nothing was lost on the way
    assert len(index["doc"]) == len(HOSTILE)
    tags = re.sub(r"<(script|style)\b.*?</\1>", "", html, flags=re.DOTALL)
    assert not re.search(
        r"<(img|b onmouse|textarea|div><table|math)|on(error|load)=[^&]*>", tags.replace("&lt;", "")
    )
    assert html.count("<script") == html.count("</script>") == 3 + len(scripts(html, 'class="chunk"'))
    assert not re.search("[\0\u202e\u2028\ud800]", html)
    html.encode("utf-8")


def test_large_texts_are_packed_and_the_longest_responses_lose_their_middle(monkeypatch, tmp_path, two):
    monkeypatch.setattr(samples, "PLAIN_BYTES", 100)
    packed = samples.samples(two)
    assert packed.packed
    (first, *_) = (json.loads(zlib.decompress(base64.b64decode(chunk))) for chunk in packed.chunks)
    assert first[3]["answer"] == "3"
    rows = [
        {"question": "q", "gold": "5", "response": f"{n} " + "é😀x" * 2_000 + r"\boxed{5}"} for n in range(9)
    ]
    long = examined(read_runs(write_json_lines(tmp_path / "long.jsonl", rows)))
    monkeypatch.setattr(samples, "PLAIN_BYTES", 10**9)
    monkeypatch.setattr(samples, "MOST_BYTES", 150_000)
    cut = samples.samples(long)
    shown = json.loads(cut.chunks[0])[0]["runs"][0]["responses"][0]
    assert shown["out"][1] == len(rows[0]["response"]) - 2_000
    units = shown["text"].encode("utf-16-le")
    start, stop = shown["span"]
    assert units[2 * start : 2 * stop].decode("utf-16-le") == "5"
    assert "2,000 characters" in cut.notes[0]


def test_too_many_responses_are_thinned_and_the_page_says_so(monkeypatch, tmp_path):
    rows = [{"question": f"q{n}", "gold": "1", "id": n, "response": ["1", "2", "1", "1"]} for n in range(10)]
    runs = examined(read_runs(write_json_lines(tmp_path / "k.jsonl", rows)))
    monkeypatch.setattr(samples, "MOST_RESPONSES", 20)
    thin = samples.samples(runs)
    # Two responses, status and tier each.
    assert {len(marks[0]) for marks in json.loads(thin.index)["marks"]} == {4}
    assert "first 2 responses of each of the first 10 docs; all 40" in thin.notes[0]


def test_repeats_have_curves_and_a_response_that_never_came_is_shown_as_such(tmp_path):
    rows = [
        {"question": f"q{n}", "gold": "1", "id": n, "response": ["1", "2", "", "1"],
         "finish_reason": ["stop", "length", "api_error", None]}
        for n in range(8)
    ]  # fmt: skip
    (one,) = runs = examined(read_runs(write_json_lines(tmp_path / "k.jsonl", rows)))
    assert one.statuses == {"correct": 16, "unfinished": 8, "api_error": 8}
    html = page(runs)
    assert "More responses to each problem" in html
    (index,) = (json.loads(text) for text in scripts(html, 'id="index"'))
    (chunk,) = (json.loads(text) for text in scripts(html, 'class="chunk"'))
    assert [index["statuses"][mark] for mark in index["marks"][0][0][::2]][2] == "api_error"
    assert len(chunk[0]["runs"][0]["responses"]) == 4
    assert "pass@k" in html
    rows = list(csv.DictReader(io.StringIO(csv_rows(runs))))
    assert Counter(row["status"] for row in rows) == {"correct": 16, "unfinished": 8, "api_error": 8}
    assert {row["correct"] for row in rows if row["status"] == "api_error"} == {""}
    first = json.loads(json_document(runs))["runs"][0]["docs"][0]["responses"]
    assert [response["status"] for response in first] == ["correct", "unfinished", "api_error", "correct"]


def test_csv_has_a_row_for_every_response_and_no_cell_that_a_sheet_would_run(tmp_path):
    runs = examined(read_runs(write_hostile(tmp_path / "h.jsonl")))
    text = csv_rows(runs)
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == len(HOSTILE)
    assert tuple(rows[0]) == COLUMNS
    line = [
        {"question": "=1+1", "gold": "-2", "response": "=cmd|' /C calc'!A0"},
        {"question": "@x", "gold": "1", "response": "-1"},
    ]
    text = csv_rows(examined(read_runs(write_json_lines(tmp_path / "f.jsonl", line))))
    first, second = csv.DictReader(io.StringIO(text))
    assert (first["question"], first["gold"]) == ("'=1+1", "-2")
    assert first["response"].startswith("'=")
    assert (second["question"], second["response"]) == ("'@x", "-1")


def test_markdown_has_scores_intervals_protocol_and_limits(tmp_path, capsys):
    docs, said = [doc(n, n) for n in range(20)], [rf"\boxed{{{n % 15}}}" for n in range(20)]
    marks = [1.0] * 15 + [0.0] * 5
    folder = write_lm_eval(tmp_path / "run", docs, said, scores=marks, model="/home/someone/models/toy")
    assert main(["report", str(folder), "--format", "markdown"]) == 0
    said = capsys.readouterr().out
    assert (
        "| models/toy | gsm8k-cot-zeroshot | 75.0 [53.1, 88.8] | 20 | 1 | Wilson | 0.0 | 0-shot, CoT" in said
    )
    assert "- Intervals are 95 %" in said
    assert "someone" not in said


def test_json_holds_every_number_of_the_page(two):
    document = json.loads(json_document(two))
    assert (document["schema"], document["schema_version"]) == ("mathtasks-report", 2)
    good, bad = document["runs"]
    assert bad["ours"]["value"] == pytest.approx(1 / 3)
    assert good["own"]["value"] == pytest.approx(1 - 1 / DOCS)
    assert good["disputed"] == 1
    assert sum(bad["statuses"].values()) == DOCS
    assert [part["label"] for part in bad["levels"]] == list("12345")
    assert sum(b["right"] + b["wrong"] for b in bad["lengths"]) == DOCS
    assert bad["docs"][5]["responses"][0]["status"] == "no_answer"
    (pair,) = document["pairs"]
    assert pair["delta"] == pytest.approx(good["own"]["value"] - 1 / 3)


def test_a_claim_is_set_beside_the_run_in_every_format(tmp_path):
    model, published = "meta-llama/Llama-2-7b-hf", "14.6"
    docs = [doc(n, n) for n in range(1319)]
    said = [rf"The answer is $\boxed{{{n if n % 7 == 0 else -1}}}$" for n in range(1319)]
    rows = [
        {**d, "id": n, "response": r, "model": model, "task": "gsm8k"}
        for n, (d, r) in enumerate(zip(docs, said, strict=True))
    ]
    runs = examined(read_runs(write_json_lines(tmp_path / "llama.jsonl", rows)))
    assert runs[0].compared
    assert published in markdown(runs)
    claim = json.loads(json_document(runs))["runs"][0]["claims"][0]
    assert claim["url"].startswith("https://")
    assert (claim["outcome"], claim["verdict"]) == (runs[0].best.outcome, runs[0].best.verdict)
    html = page(runs)
    assert "beside published ones" in html
    assert "From the published score to" in html
    assert "not accounted for" in html


def test_sampling_curves_are_drawn_with_bands_for_hostile_names():
    points = tuple(Point(k, 0.3 + 0.1 * i, 0.25, 0.75) for i, k in enumerate((1, 2, 4, 8)))
    svg = charts.curves_chart('a "title"', [Curve("pass@k <b>$x", points), Curve("avg@k", points)])
    assert svg.count("<svg") == 2
    assert "pass@k &lt;b&gt;$x" in svg
    assert 'aria-label="a &quot;title&quot;"' in svg


def test_a_label_that_looks_like_markup_or_style_leaves_the_drawing_whole():
    names = (
        'style="font: 9px x',
        "font: a; fill: #0000c9",
        "</text><script>1</script>",
        "<!-- -->",
        "#0000a0",
        "$x$ 汉",
    )
    dots = [charts.Dot(name, 0.5, Interval(0.4, 0.6), "c0") for name in names]
    for drawing in re.findall(r"<svg.*?</svg>", charts.dots_chart("t", dots), re.DOTALL):
        texts = [node.text for node in ElementTree.fromstring(drawing).iter() if node.tag == "text"]
        assert set(names) <= set(texts)


@pytest.mark.parametrize(("score", "beyond"), [(0.0, "-1 %"), (1.0, "101 %")])
def test_no_scale_names_a_share_that_there_is_not(score, beyond):
    svg = charts.dots_chart("t", [charts.Dot("toy", score, Interval(score, score), "c0")])
    assert f">{100 * score:g} %<" in svg
    assert f">{beyond}<" not in svg


def test_a_small_loss_is_not_called_none_and_a_card_says_what_breaks_its_comparison(tmp_path):
    """Of 2,500 docs one was cut off: 0.04 points at the most."""
    problems = [doc(n, n) for n in range(2_500)]
    said = [f"So it is \\boxed{{{n}}}." for n in range(2_499)] + ["So the first of the"]
    folder = write_lm_eval(
        tmp_path / "run", problems, said, shots=5, scores=[1] * 2_499 + [0], model="Qwen/Qwen2.5-7B-Instruct"
    )  # fmt: skip
    html = page(examined(read_runs(folder)))
    assert re.search("<b>not comparable: docs[a-z, ]*</b>", html)
    (gap,) = re.findall(r'<svg class="chart wide"[^>]*From the published.*?</svg>', html, re.DOTALL)
    assert re.search(r">-0\.0[1-9]<", gap)
    assert not re.search(r">[+-]0\.0<", gap)
    assert "1 of 2,500 responses was cut off, those that had answered before included." in html


def test_a_card_says_in_words_that_nothing_was_cut_off(tmp_path):
    html = page(examined(read_runs(write_lm_eval(tmp_path / "run", [doc(1, 1)], ["\\boxed{1}"], scores=[1]))))
    assert "No response was cut off." in html


def test_a_claim_of_two_runs_is_one_dot_and_long_names_keep_what_tells_them_apart(tmp_path):
    problems = [doc(n, n) for n in range(1_319)]
    said = [f"So it is \\boxed{{{n}}}." for n in range(1_319)]
    for number, chat in enumerate((False, True)):
        write_lm_eval(
            tmp_path / str(number), problems, said, scores=[1] * 1_319, model="Qwen/Qwen2.5-7B-Instruct", chat=chat
        )  # fmt: skip
    runs = [run for number in "01" for run in read_runs(tmp_path / number)]
    html = page(examined(runs))
    drawn, of = map(int, re.search(r"(\d+) of (\d+) claims drawn", html).groups())
    assert 0 < drawn <= of
    (chart,) = re.findall(r'<svg class="chart wide"[^>]*beside published.*?</svg>', html, re.DOTALL)
    assert chart.count("<circle") == drawn + 2
    names = [f"acme/{'a' * 60} ({how})" for how in ("chat template", "no chat template")]
    assert [charts.shortened(name, 44)[-10:] for name in names] == [name[-10:] for name in names]
    assert charts.shortened("b" * 60, 44) == "b" * 43 + "…"


def test_lengths_fall_into_round_bins_and_none_is_lost(tmp_path):
    rows = [{"question": "q", "gold": "1", "response": "1" + " " * n} for n in (0, 5, 99, 100, 250, 9_000)]
    (one,) = examined(read_runs(write_json_lines(tmp_path / "l.jsonl", rows)))
    bins = lengths(one)
    assert sum(b.right + b.wrong for b in bins) == 6
    assert len(bins) <= 14
    assert bins[-1].high is None
    assert (bins[0].low, bins[1].low) == (0, bins[0].high)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("acme/toy", "acme/toy"),
        ("/home/x/models/acme/toy", "acme/toy"),
        ("./out/toy", "out/toy"),
        (None, "unnamed model"),
    ],
)
def test_a_model_on_a_disk_is_called_by_its_last_two_folders(name, shown):
    assert short_model(name) == shown


def test_control_characters_are_shown_by_name():
    assert visible("a\u202eb\0c\ud800\td\n") == "a⟨U+202E⟩b⟨U+0000⟩c⟨U+D800⟩\td\n"


def test_an_interval_turns_around():
    assert Interval(-0.0, 0.2).turned == Interval(-0.2, 0.0)
    assert str(Interval(0.0, 0.2).turned.high) == "0.0"


def refused(arguments, capsys):
    assert main(["report", *map(str, arguments)]) == 2
    return capsys.readouterr().err


def test_what_cannot_be_reported_is_refused_with_the_way_out(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ungraded = write_json_lines(tmp_path / "nogold.jsonl", [{"question": "q", "response": "r"}])
    assert "--gold FILE" in refused([ungraded], capsys)
    (tmp_path / "empty.jsonl").touch()
    assert "empty file" in refused([tmp_path / "empty.jsonl"], capsys)
    (tmp_path / "half.jsonl").write_text('{"question": "q", "gold": "1", "resp')
    assert "line 1" in refused([tmp_path / "half.jsonl"], capsys)
    assert "no such file" in refused([tmp_path / "nowhere"], capsys)
    good = write_runs(tmp_path / "runs.jsonl", 6)
    assert "a file to write to" in refused([good, "--format", "csv", "-o", tmp_path], capsys)
    assert "leaderboard search" in refused([good, "--claim", "no/such/claim"], capsys)
    assert "one model, and one run of each task" in refused([good, "--format", "every-eval-ever"], capsys)
    monkeypatch.setitem(sys.modules, "jinja2", None)
    assert "pip install" in refused([good], capsys)
    assert not (tmp_path / "report.html").exists()


def test_the_command_writes_a_page_and_says_where(tmp_path, capsys):
    path = write_runs(tmp_path / "runs.jsonl", 6)
    assert main(["report", str(path), "-o", str(tmp_path / "new" / "r.html")]) == 0
    assert "2 runs, 12 responses" in capsys.readouterr().err
    assert (tmp_path / "new" / "r.html").read_text(encoding="utf-8").startswith("<!doctype html>")


def test_every_eval_ever_has_the_fields_that_its_schema_requires(tmp_path, capsys):
    path = write_runs(tmp_path / "runs.jsonl", 6)
    assert main(["report", str(path), "--run-model", "acme/good", "--format", "every-eval-ever"]) == 0
    document = json.loads(capsys.readouterr().out)
    top = {"schema_version", "evaluation_id", "retrieved_timestamp", "source_metadata", "model_info", "eval_library",
           "evaluation_results"}  # fmt: skip
    assert set(document) == top
    (result,) = document["evaluation_results"]
    assert result["score_details"]["score"] == pytest.approx(5 / 6)
    assert {"evaluation_name", "source_data", "metric_config", "score_details"} <= set(result)
    assert all(isinstance(value, str) for value in result["score_details"]["details"].values())


@pytest.mark.parametrize(
    ("stated", "seconds"),
    [
        ("1700000000.5", 1700000000),
        ("2023-11-14T22:13:20", 1700000000),
        ("2023-11-15T00:13:20+02:00", 1700000000),
        ("yesterday", None),
        (None, None),
    ],
)
def test_the_date_of_a_log_is_a_moment_in_any_of_its_forms(stated, seconds):
    found = moment(stated)
    assert (None if found is None else int(found.timestamp())) == seconds


def test_the_curves_of_a_training_run(tmp_path, capsys):
    """Of a folder that `train` wrote, reward, accuracy and loss by step; a step that logged none is left out."""
    folder = tmp_path / "grpo-1"
    write_lm_eval(folder / "evaluation/final", [doc(i, i) for i in range(6)], ["The answer is 3."] * 6)
    history = [
        {"step": step, "loss": 0.5 / step, "reward": 100.0 * step, "rewards/accuracy/mean": step / 10}
        for step in (1, 2, 3)
    ]
    write_curve(folder / CURVE, [*history, {"step": 4, "loss": float("nan")}, {"step": 5, "eval_loss": 1.0}])
    place = tmp_path / "page.html"
    assert main(["report", str(folder), "-o", str(place)]) == 0
    text = place.read_text()
    assert [
        text.count(f"<figcaption>Training grpo-1: {what}<") for what in ("reward", "accuracy", "loss")
    ] == [1, 1, 1]
    assert "<td>300</td>" in text
    assert "nan" not in "".join(re.findall(r"<svg.*?</svg>", text))
    (folder / CURVE).write_text("step,loss\none,2\n")
    assert main(["report", str(folder), "-o", str(place)]) == 2
    assert "numbers in" in capsys.readouterr().err
    (folder / CURVE).unlink()
    assert main(["report", str(folder), "-o", str(place)]) == 0
    assert "Training" not in place.read_text()
