"""One reading of text: thinking and where it ends, stop strings, the key of a question, text for files and paths."""

import json
import os

import pytest

from lm_eval_mathtasks.grading import extract_answer
from lm_eval_mathtasks.text import (
    collapsed,
    cut_at_stop,
    delivered,
    encodable,
    first_part,
    letters,
    safe_name,
    thinking,
    with_thinking,
)

# Every pair of marks that models are known to write around their thinking.
MARKS = [
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<THOUGHT>", "</thought>"),
    ("<reasoning>", "</reasoning>"),
    ("<reflection>", "</reflection>"),
    ("<scratchpad>", "</scratchpad>"),
    ("<antThinking>", "</antThinking>"),
    ("<seed:think>", "</seed:think>"),
    ("[THINK]", "[/THINK]"),
    ("◁think▷", "◁/think▷"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
    ("<start_working_out>", "<end_working_out>"),
    ("<|START_THINKING|>", "<|END_THINKING|>"),
    ("<|inner_prefix|>", "<|inner_suffix|>"),
    ("<|channel>thought\n", "<channel|>"),
    ("<|open|>think<|sep|>", "<|close|>think<|sep|>"),
    ("＜think＞", "＜／think＞"),
    ("<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>"),
    ("<|channel|>commentary<|message|>", "<|channel|> final <|constrain|>json<|message|>"),
    ("analysis", "assistantfinal"),
]
both = pytest.mark.parametrize(("opening", "closing"), MARKS, ids=[a for a, _ in MARKS])


@both
def test_a_stop_string_inside_thinking_cuts_nothing(opening, closing):
    thought = f"{opening}Look at Q: first.{closing}"
    text = f"{thought}The answer is 18."
    assert delivered(text, "stop", {"stop": ["Q:"]}) == (text, "stop")
    assert delivered(f"{text} Q: next", "length", {"stop": ["Q:"]}) == (f"{text} ", "stop")
    assert extract_answer(text).answer == "18"


@both
def test_thinking_that_never_ends_is_left_whole_and_has_no_answer(opening, closing):
    text = f"{opening}Look at Q: it is 5"
    assert delivered(text, "length", {"stop": ["Q:"]}) == (text, "length")
    assert thinking(text).unfinished
    assert extract_answer(text).truncated


@both
def test_cut_inside_its_thinking_a_text_shows_that_it_was_thinking(opening, closing):
    text = f"{opening}It is \\boxed{{5}}, or{closing}It is \\boxed{{6}}."
    for length in range(len(opening), len(text)):
        found = extract_answer(first_part(text, length), finish_reason="length").answer
        assert found == ("6" if length >= text.index("6}") + 2 else None)


@pytest.mark.parametrize("closing", [closing for _, closing in MARKS])
def test_the_prompt_may_have_opened_the_thinking(closing):
    text = f"It is 5, Q: or{closing}It is \\boxed{{6}}."
    assert cut_at_stop(text, ["Q:"]) == (text, False)
    assert thinking(first_part(text, 8)).unfinished


def test_several_blocks_and_what_stands_between_them():
    text = "<think>a Q:</think>b <think>c Q:</think>d Q: e"
    assert cut_at_stop(text, ["Q:"]) == ("<think>a Q:</think>b <think>c Q:</think>d ", True)
    assert cut_at_stop("It is 4. Q: next <think>Q:", ["Q:"]) == ("It is 4. ", True)
    assert cut_at_stop("It is 4.\n<think>5", ["\n<think>"]) == ("It is 4.", True)
    assert first_part("<think>a</think> b </think> c", 19).endswith("<think>\n")


def test_a_block_without_an_end_has_ended_where_the_answer_element_begins():
    text = "<think>Q: 4 or 5 <answer>5</answer>"
    assert not thinking(text).unfinished
    assert text[slice(*thinking(text).spans[0])] == "<think>Q: 4 or 5 "
    assert cut_at_stop(text + " Q:", ["Q:"]) == (text + " Q:", False)


def test_stops_without_thinking():
    assert cut_at_stop("one two", ["two", "one"]) == ("", True)
    assert cut_at_stop("one two", []) == ("one two", False)
    assert cut_at_stop("one two", ["three"]) == ("one two", False)
    assert cut_at_stop("not <thinks> Q:", ["Q:"]) == ("not <thinks> ", True)


def test_a_hundred_thousand_marks_take_no_time():
    text = "<think>Q:</think> \n" * 100_000
    assert cut_at_stop(text, ["Q:", "\n\n", "###"]) == (text, False)
    assert len(thinking("<think>" * 300_000).spans) == 1


def test_reasoning_kept_apart_comes_before_the_text_once():
    assert with_thinking("why", "18") == "<think>\nwhy\n</think>\n18"
    assert thinking(with_thinking("why", "")).unfinished
    assert with_thinking("", "18") == "18"
    assert with_thinking("why", "[THINK]why[/THINK]18") == "[THINK]why[/THINK]18"


def test_two_copies_of_a_question():
    assert collapsed("Caf\u00e9  at\n5 ") == collapsed("Cafe\u0301 at 5")
    assert collapsed("a b") != collapsed("ab")
    assert letters("If $x = 5$, what is “x-1”?") == letters("if x=5 what is x-1")
    assert letters("x - 1") != letters("x + 1")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (r"If $x \leq \dfrac12$, is $\left(x\right)^2 < 1,000$?", r"If \(x \le \frac{1}{2}\), is $(x)^{2} < 1000$?"),
        (r"$a_1, \ldots, a_{10}$ with $a_i \neq 0$", r"\[a_1, \dots, a_{10} \text{ with } a_i \ne 0\]"),
        (r"\begin{align*}3 \times \pi &\geqslant 9\end{align*}", "3 × π ≥ 9"),
        (r"$\tan 22.5^\circ \cdot 10{,}000$", r"$\tan{22.5^{\circ}} · 10\,000$"),
        ("3\u22121 and 1\u20442", "3-1 and 1/2"),
    ],
)  # fmt: skip
def test_a_question_in_another_spelling_of_latex_is_the_same(one, other):
    assert letters(one) == letters(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("22.5", "225"), ("0.5", "5"), (r"\frac{1}{23}", r"\frac{12}{3}"), (r"\frac12", "12"), ("1, 23", "12, 3"),
        ("x^2", "x2"), ("6_8", "68"), ("1.5", "1, 5"), (r"\leq", "<"), (r"\times", r"\cdot"), ("3 4", "34"),
        ("-3", "3"), (".5", "5"), (r"\left 2 \right 3", "23"), ("1,00", "100"),
    ],
)  # fmt: skip
def test_numbers_and_signs_of_a_question_stay_what_they_are(one, other):
    assert letters(f"What is {one} of it?") != letters(f"What is {other} of it?")


def test_every_text_can_be_written():
    assert encodable("a\ud83d\ude00b\ud83dc\ude00") == "a\U0001f600b\ufffdc\ufffd"
    assert encodable("plain \u2028 text\ufeff") == "plain \u2028 text\ufeff"
    assert json.loads(json.dumps(encodable("\ud800"))).encode()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("acme/toy-1", "acme__toy-1"),
        ("a[b]<c>", "a__b__c__"),
        ("", "_"),
        (".", "_."),
        ("..", "_.."),
        ("../x", "_..__x"),
        ("/etc/x", "__etc__x"),
        (".hidden", "_.hidden"),
        ("-rf", "_-rf"),
        ("a\n\x1b[31mb\0", "a__31mb__"),
        ("a\ud800", "a\ufffd"),
        ("é" * 100, None),
    ],
)
def test_a_name_is_one_harmless_part_of_a_path(tmp_path, name, expected):
    safe = safe_name(name)
    assert safe == (expected or safe)
    assert (tmp_path / safe).parent == tmp_path
    (tmp_path / safe).write_text("x")
    assert os.listdir(tmp_path) == [safe]
    assert safe_name(safe) == safe
