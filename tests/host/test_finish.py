"""How responses of a local model ended: known from tokens, carried to the log, and never guessed."""

import json
from types import SimpleNamespace

import pytest

from lm_eval_mathtasks import embedded
from lm_eval_mathtasks.cli import main
from lm_eval_mathtasks.host import finish as endings
from tests.conftest import read_jsonl

DOCS = 4
TASK = "sample-gsm8k"


def run(folder, *more):
    arguments = ["--model", "hf", "--model_args", f"pretrained={embedded.path('grpo')},dtype=float32"]
    arguments += ["--tasks", TASK, "--limit", str(DOCS), "--apply_chat_template", "--device", "cpu"]
    assert main(["run", *arguments, "--output_path", str(folder), *more]) == 0
    (samples,), (results,) = folder.rglob("samples_*.jsonl"), folder.rglob("results_*.json")
    rows = sorted(read_jsonl(samples), key=lambda row: row["doc_id"])
    return rows, json.loads(results.read_text())["results"][TASK]


def reasons(rows):
    return [row["finish_reasons"][0][0] for row in rows]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The docs, each with room enough: its response and how many tokens it has, with the one that ends it."""
    from transformers import AutoTokenizer

    rows, scores = run(tmp_path_factory.mktemp("finished"), "--batch_size", "3")
    tokenizer = AutoTokenizer.from_pretrained(embedded.path("grpo"))
    counts = [len(tokenizer(row["resps"][0][0], add_special_tokens=False).input_ids) + 1 for row in rows]
    return rows, scores, counts


def test_responses_that_end_are_not_cut(finished):
    rows, scores, _ = finished
    assert reasons(rows) == ["stop"] * DOCS
    assert scores["truncated,none"] == 0


@pytest.mark.parametrize("batch", ["1", "3"])
def test_a_response_of_exactly_the_budget_that_ends_is_not_cut_and_a_longer_one_is(
    finished, tmp_path, capsys, batch
):
    *_, counts = finished
    budget = sorted(counts)[1]
    rows, scores = run(tmp_path, "--gen_kwargs", f"max_gen_toks={budget}", "--batch_size", batch)
    expected = ["length" if count > budget else "stop" for count in counts]
    assert budget in counts
    assert reasons(rows) == expected
    assert scores["truncated,none"] == pytest.approx(expected.count("length") / DOCS)
    assert "of the responses were cut off" in capsys.readouterr().out


def test_a_response_that_its_stop_string_ends_is_not_cut(finished, tmp_path):
    """Also where the batch goes on behind the string until the budget is used."""
    rows, _, counts = finished
    stop = rows[0]["resps"][0][0][5:9]
    gen_kwargs = json.dumps({"until": [stop], "max_gen_toks": min(counts) - 1})
    found, _ = run(tmp_path, "--gen_kwargs", gen_kwargs, "--batch_size", str(DOCS))
    assert reasons(found)[0] == "stop"
    for row, before, ended in zip(found, rows, reasons(found), strict=True):
        assert (ended == "stop") == (
            len(row["resps"][0][0]) < len(before["resps"][0][0]) and ended != "length"
        )
        assert stop not in row["resps"][0][0]


def test_the_cache_of_lm_eval_keeps_how_a_response_ended(finished, tmp_path):
    more = ("--gen_kwargs", "max_gen_toks=5", "--use_cache", str(tmp_path / "cache"))
    for folder in ("asked", "cached"):
        rows, scores = run(tmp_path / folder, *more)
        assert reasons(rows) == ["length"] * DOCS
        assert scores["truncated,none"] == 1


class Letters:
    """A tokenizer whose tokens are code points; 0 is a special token."""

    def decode(self, tokens, skip_special_tokens=True):
        return "".join(chr(t) if t else ("" if skip_special_tokens else "<0>") for t in tokens)


@pytest.mark.parametrize(
    ("text", "budget", "think", "expected"),
    [
        ("abcdef", 6, None, "length"),
        ("abc\0\0\0", 6, None, "stop"),
        ("abcde\0", 6, None, "stop"),
        ("abQ:ef", 6, None, "stop"),
        ("abQ:ef", 9, None, "stop"),
        # ended early and nothing says why: a limit of time, perhaps
        ("abcdef", 9, None, None),
        # a stop string in thinking cuts nothing
        ("aQ:/bc", 6, "/", "length"),
        ("aQ:/bc", 6, ord("/"), "length"),
        ("a/bQ:c", 6, "/", "stop"),
        # nor does one that is still being written
        ("abcdeQ", 6, None, "length"),
    ],
)
def test_tokens_say_how_a_response_ended(text, budget, think, expected):
    model = SimpleNamespace(tokenizer=Letters(), think_end_token=think)
    tokens = [ord(letter) for letter in text]
    assert endings._hf_ending(model, tokens, {0}, ["Q:", ""], budget) == expected


def test_an_end_token_that_is_only_a_stop_string_counts():
    model = SimpleNamespace(tokenizer=Letters(), think_end_token=None)
    assert endings._hf_ending(model, [97, 0], set(), ["<0>"], 2) == "stop"
    assert endings._hf_ending(model, [97, 0], set(), ["Q:"], 2) == "length"


def test_a_task_without_a_rate_of_cuts_is_named_and_a_rate_of_some_is_none():
    def doc(**cut):
        return {"exact_match": 1.0, "metrics": ["exact_match", *cut], **cut}

    samples = {
        "told": [doc(truncated=0.0), {"metrics": ["api_error"]}],
        "some": [doc(truncated=1.0), doc()],
        "untold": [doc()],
        "another's": [{"acc": 1.0, "metrics": ["acc"]}],
    }
    rate = {"extracted,none": 1.0, "truncated,none": 1.0, "truncated_stderr,none": 0.0}
    results = {
        "told": {**rate},
        "some": {**rate},
        "untold": {"extracted,none": 1.0},
        "another's": {"acc,none": 1.0},
    }
    assert endings.unknown_cuts({"results": results, "samples": samples}) == ["some", "untold"]
    assert results["told"] == rate
    assert results["some"] == {"extracted,none": 1.0}
    assert samples["some"] == [doc(), doc()]


def test_vllm_says_it_itself_and_a_later_stop_string_overrules_it():
    from collections import deque

    from lm_eval.models.utils import postprocess_generated_text

    outputs = [
        SimpleNamespace(outputs=[SimpleNamespace(finish_reason=r)]) for r in ("length", "stop", "length")
    ]
    told = endings._telling(postprocess_generated_text, deque(endings._vllm_endings(None, outputs, {})))
    found = [told(text, ["Q:"], "/") for text in ("Q:/ab", "ab", "aQ:b")]
    assert [(str(r), r.finish_reason) for r in found] == [("ab", "length"), ("ab", "stop"), ("a", "stop")]
    assert told("beyond what was generated", [], None).finish_reason is None
