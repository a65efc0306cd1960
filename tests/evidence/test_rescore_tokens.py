"""`rescore --tokenizer`: a response of as many tokens as the run allowed was cut off, and every later log says so."""

import json

import pytest

from lm_eval_mathtasks import embedded
from lm_eval_mathtasks.cli import main
from lm_eval_mathtasks.evidence.pack import Choices, prepare
from lm_eval_mathtasks.token_counts import read_ruler
from tests.conftest import read_jsonl
from tests.runs.logs_of_runs import doc, write_lm_eval

LIMIT = 24
TOKENIZER = str(embedded.path("grpo"))
COUNT = read_ruler(TOKENIZER, None).ends
# A loop that happens to pass the right number, a whole answer, and a loop that is one token short of the limit.
LOOP = next(text for n in range(99) if len(COUNT(text := ("10 and " * 20)[:n])) == LIMIT)
SHORT = next(text for n in range(99) if len(COUNT(text := ("10 and " * 20)[:n])) == LIMIT - 1)
RESPONSES = [LOOP, "So it is \\boxed{11}.", SHORT, "So it is \\boxed{99}."]


@pytest.fixture
def run(tmp_path):
    settings = {"until": ["</s>"], "do_sample": False, "max_gen_toks": LIMIT}
    docs = [doc(number, 10 + number) for number in range(4)]
    return write_lm_eval(tmp_path / "run", docs, RESPONSES, scores=[1, 1, 0, 0], settings=settings)


def rescored(run, out, *more):
    assert main(["rescore", str(run), "-o", str(out), "--workers", "1", *more]) == 0
    (samples,), (results,) = out.rglob("samples_*.jsonl"), out.rglob("results_*.json")
    (scores,) = json.loads(results.read_text())["results"].values()
    return read_jsonl(samples), scores


def test_the_limit_is_seen_by_counting_and_by_nothing_else(run, tmp_path):
    _, before = rescored(run, tmp_path / "a")
    lines, after = rescored(run, tmp_path / "b", "--tokenizer", TOKENIZER)
    assert [line.get("finish_reasons") for line in lines] == [[["length"]], None, None, None]
    assert [line["judged"][0]["cut_off"] == "surely" for line in lines] == [True, False, False, False]
    assert lines[0]["exact_match"] == 0
    # Of three docs nobody knows how they ended: a rate of cuts would be that of one.
    assert "truncated,none" not in before.keys() | after.keys()
    assert not any("truncated" in line["metrics"] for line in lines)


def test_what_was_counted_stays_in_what_is_made_of_it(run, tmp_path):
    lines, scores = rescored(run, tmp_path / "b", "--tokenizer", TOKENIZER)
    again, once_more = rescored(tmp_path / "b", tmp_path / "c")
    assert [line["judged"] for line in again] == [line["judged"] for line in lines]
    assert once_more == scores
    (pack,) = prepare(tmp_path / "b", tmp_path / "logs", Choices())
    assert pack.docs == 4


def test_a_log_without_a_limit_is_named(tmp_path, capsys):
    run = write_lm_eval(tmp_path / "run", [doc(0, 10)], ["\\boxed{10}"], scores=[1], settings={"until": []})
    words = ["rescore", str(run), "-o", str(tmp_path / "o"), "--workers", "1", "--tokenizer", TOKENIZER]
    assert main(words) == 1
    assert "a limit of tokens" in " ".join(capsys.readouterr().err.split())
