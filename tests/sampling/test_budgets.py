"""Accuracy at every token budget: cut as a server cuts, judged as a run judges."""

import csv
import io

import pytest

from lm_eval_mathtasks import embedded
from lm_eval_mathtasks.cli import main
from lm_eval_mathtasks.errors import EvidenceError, Undefined
from lm_eval_mathtasks.runs.judged import judge_run
from lm_eval_mathtasks.runs.reading import read_run
from lm_eval_mathtasks.runs.records import Row
from lm_eval_mathtasks.sampling.budgets import _cut, at_budgets
from lm_eval_mathtasks.token_counts import CHARS_PER_TOKEN, Ruler, read_ruler
from tests.conftest import read_jsonl
from tests.runs.logs_of_runs import doc, write_json_lines, write_lm_eval

WORDS = Ruler("words", lambda text: [i + 1 for i, c in enumerate(text + " ") if c == " "])


def run_of(tmp_path, responses, **named):
    docs = [doc(i, 12) for i in range(len(responses))]
    return read_run(write_lm_eval(tmp_path / "run", docs, responses, **named))


def accuracies(found):
    return [(point.k, point.value) for point in found.curve.points]


def test_an_answer_counts_from_where_it_is_complete(tmp_path):
    run = run_of(tmp_path, ["we add 3 and 9 so \\boxed{12} is it", "x " * 20 + "\\boxed{12}"])
    found = at_budgets(run, WORDS, [5, 6, 7, 20, 21, 30])
    assert accuracies(found) == [(5, 0), (6, 0), (7, 0.5), (20, 0.5), (21, 1), (30, 1)]
    assert found.finished == (0, 0, 0, 0.5, 1, 1)
    assert (found.responses, found.longest) == (2, 21)


def test_a_guess_does_not_survive_the_cut_and_the_curve_may_fall(tmp_path):
    """Uncut, the last number is taken for the answer; cut there, it is a number that was passed."""
    run = run_of(tmp_path, ["so it has to be 12", "it is \\boxed{12} no wait it is \\boxed{13}"])
    assert accuracies(at_budgets(run, WORDS, [3, 5, 6, 7, 8])) == [
        (3, 0.5),
        (5, 0.5),
        (6, 1),
        (7, 1),
        (8, 0.5),
    ]


@pytest.mark.parametrize("opened", ["<think>", ""])
def test_thinking_that_was_not_over_has_no_answer(tmp_path, opened):
    """Also where the template opened it: then only the end that comes later shows that it was thinking."""
    run = run_of(
        tmp_path, [f"{opened}I try \\boxed{{12}} and check it twice </think> so \\boxed{{12}} it is"]
    )
    assert accuracies(at_budgets(run, WORDS, [4, 7, 8, 10, 11])) == [(4, 0), (7, 0), (8, 0), (10, 1), (11, 1)]


def test_repeats_are_averaged_by_doc_and_the_runs_own_cuts_are_counted(tmp_path):
    rows = [
        {"id": "a", "question": "q", "gold": "12", "repeat": r, "response": text, "finish_reason": reason}
        for r, (text, reason) in enumerate(
            [("\\boxed{12}", "stop"), ("1 2 3", "length"), ("x y \\boxed{12}", None)]
        )
    ]
    run = read_run(write_json_lines(tmp_path / "r.jsonl", rows))
    found = at_budgets(run, WORDS, [1, 3])
    assert accuracies(found) == [(1, pytest.approx(1 / 3)), (3, pytest.approx(2 / 3))]
    assert found.cut_off == {"surely": 1, "likely": 0}
    # the second is three tokens long because its limit was: it never ended
    assert found.finished == (pytest.approx(1 / 3), pytest.approx(2 / 3))
    assert all(point.low < point.value < point.high for point in found.curve.points)


@pytest.mark.parametrize(("tokens", "few"), [(0, [1]), (1, [1]), (5, [1, 2, 4, 5]), (32_768, [16, 32, 64])])
def test_budgets_by_default(tmp_path, tokens, few):
    ruler = Ruler("so many tokens", lambda text: range(1, tokens + 1))
    curve = at_budgets(run_of(tmp_path, ["a" * (tokens + 1)]), ruler).curve
    assert [point.k for point in curve.points][: len(few)] == few
    assert curve.points[-1].k == max(1, tokens)


def test_what_cannot_be(tmp_path):
    run = run_of(tmp_path, ["\\boxed{12}"])
    with pytest.raises(Undefined, match="at least one token, got 0"):
        at_budgets(run, WORDS, [0, 5])


def test_the_estimate_says_so():
    ruler = read_ruler(None, "acme/model")
    assert "an estimate" in ruler.name
    assert list(ruler.ends("a" * 9)) == [CHARS_PER_TOKEN, 2 * CHARS_PER_TOKEN, 9]
    assert list(ruler.ends("")) == []


def test_a_tokenizer_that_cannot_be_read(tmp_path):
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(EvidenceError, match="or --tokenizer chars for an estimate"):
        read_ruler(str(tmp_path), None)


def test_the_models_own_tokenizer_is_found():
    ruler = read_ruler(None, str(embedded.path("grpo")))
    assert "estimate" not in ruler.name
    text = "3 * 4 = 12. So \\boxed{12}."
    assert ruler.ends(text)[-1] == len(text)
    assert list(ruler.ends(text)) == sorted(ruler.ends(text))


def test_a_cut_is_what_the_model_would_have_returned_at_that_limit(tmp_path):
    """Greedy, in transformers: generating at most 12 tokens, and cutting a long response after 12."""
    torch = pytest.importorskip("torch")
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = embedded.path("grpo")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    rows = read_jsonl(embedded.path("grpo").parent / "sample" / "gsm8k.jsonl")[:12]

    def respond(question, limit):
        chat = [{"role": "user", "content": question}]
        ids = tokenizer.apply_chat_template(
            chat, add_generation_prompt=True, return_tensors="pt", return_dict=True
        )
        with torch.no_grad():
            out = model.generate(**ids, max_new_tokens=limit, do_sample=False)[0, ids["input_ids"].shape[1] :]
        return tokenizer.decode(out, skip_special_tokens=True)

    limit, ruler = 12, read_ruler(str(folder), None)
    whole_texts = [respond(row["question"], 96) for row in rows]
    short = [respond(row["question"], limit) for row in rows]
    was_cut = [len(ruler.ends(text)) > limit for text in whole_texts]
    assert sum(was_cut) > 6
    cut = [
        _cut(Row("0", "", None, (t,)), {("0", 0): ruler.ends(t)[limit - 1]}).responses[0] if c else t
        for t, c in zip(whole_texts, was_cut, strict=True)
    ]
    assert cut == short
    docs = [doc(i, row["answer"].split("#### ")[1]) for i, row in enumerate(rows)]
    whole = read_run(write_lm_eval(tmp_path / "long", docs, whole_texts))
    there = read_run(
        write_json_lines(
            tmp_path / "short.jsonl",
            [
                {"id": i, "gold": d["gold"], "response": t, "finish_reason": "length" if c else "stop"}
                for i, (d, t, c) in enumerate(zip(docs, short, was_cut, strict=True))
            ],
        )
    )
    expected = sum(j.verdict.correct for j in judge_run(there)) / len(rows)
    assert at_budgets(whole, ruler, [limit]).curve.points[0].value == expected


def test_the_command(tmp_path, capsys):
    responses = [["so \\boxed{12} and nothing more", "it is \\boxed{13}"]] * 3
    write_lm_eval(tmp_path / "run", [doc(i, 12) for i in range(3)], responses, repeats=2)
    assert main(["budgets", str(tmp_path / "run"), "--tokenizer", "chars"]) == 0
    out = capsys.readouterr().out
    assert "tokens by 4 characters a token (an estimate); the longest of 6 responses has 8" in out
    assert "tokens = 1 to 8" in out
    assert main(["budgets", str(tmp_path / "run"), "--budgets", "2,8", "--format", "csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [(row["metric"], row["k"], row["value"]) for row in rows] == [
        ("accuracy", "2", "0"), ("accuracy", "8", "0.5")
    ]  # fmt: skip
    assert main(["budgets", str(tmp_path / "run"), "--budgets", "many"]) == 2
    assert "got 'many'" in capsys.readouterr().err
