"""What prompts and responses show, whatever a log states."""

import json
from dataclasses import replace

import pytest

from lm_eval_mathtasks.runs.records import Protocol, Provenance, Row, Run
from lm_eval_mathtasks.runs.shown import shown_by

QUESTIONS = [f"A shelf has {i} jars and gets {i + 2} more. How many?" for i in range(20)]
GOLDS = [str(1_000 + i) for i in range(20)]
SOLUTION = (
    "It has so many jars at first, and gets two more than that many, which makes twice as many, and two beside them. "
    "So it has 1 of them in the end.\n#### 1"
)
EXAMPLE = "Question: A bag has 2 nuts and gets 3. How many?\nAnswer: It has 2 + 3 = 5.\n\n"


def run_of(prompt, responses=("1",), system=None):
    rows = tuple(
        Row(str(i), q, g, tuple(responses), prompt=prompt(i, q, g))
        for i, (q, g) in enumerate(zip(QUESTIONS, GOLDS, strict=True))
    )
    settings = {"system_instruction": system}
    return Run("a/b", "t", rows, Protocol(), Provenance("test", "nowhere", settings=settings))


def chat(*turns):
    return json.dumps([{"role": "user", "content": turn} for turn in turns])


@pytest.mark.parametrize(
    ("prompt", "examples"),
    [
        (lambda i, q, g: f"{EXAMPLE * 5}Question: {q}\nAnswer:", 5),
        (
            lambda i, q, g: (
                f"{EXAMPLE.replace('Question: ', 'Problem:' + chr(10)) * 3}Problem:\n{q}\n\nSolution:"
            ),
            3,
        ),
        (lambda i, q, g: f"Question: {q}\nAnswer:", 0),
        (lambda i, q, g: f"Think in steps.\nQ: {q}", 0),
        (lambda i, q, g: chat(f"{EXAMPLE * 2}Question: {q}"), 2),
        (lambda i, q, g: chat("Question: 1 + 1?", f"Question: {q}"), 1),
        # Nothing tells: no label, examples under another one, no question in the prompt, no prompt.
        (lambda i, q, g: q, None),
        (lambda i, q, g: f"{EXAMPLE * 5}{q}", None),
        (lambda i, q, g: f"{EXAMPLE * 5}Task: {q}", None),
        (lambda i, q, g: "Question: what else?", None),
        (lambda i, q, g: None, None),
    ],
)
def test_examples_are_counted_by_the_label_of_the_question(prompt, examples):
    assert shown_by(run_of(prompt)).examples == examples


@pytest.mark.parametrize(
    ("prompt", "told"),
    [
        (lambda i, q, g: f"Hint: it is {g}.\nQuestion: {q}\nAnswer:", 20),
        (lambda i, q, g: f"Question: {q}\nThe answer is {g}, show why.", 20),
        (lambda i, q, g: chat(f"{q}\n(Answer: {g})"), 20),
        (lambda i, q, g: f"Question {i}: {q}\nAnswer:", 0),
        (lambda i, q, g: f"{EXAMPLE}Question: {q}\nAnswer:", 0),
        # In all prompts, of which it is the answer to one; inside a longer number; an option.
        (lambda i, q, g: f"In 1003 words or less.\nQuestion: {q}", 0),
        (lambda i, q, g: f"Number {g}7\nQuestion: {q}", 0),
        (lambda i, q, g: f"{q}\n(A) {i}\n(B) {g}\n(C) 5\n(D) 6", 0),
        (lambda i, q, g: None, 0),
    ],
)
def test_prompts_that_hold_the_answer_are_counted(prompt, told):
    assert shown_by(run_of(prompt)).told == told


@pytest.mark.parametrize(
    ("prompt", "among"),
    [
        (lambda i, q, g: f"Question: {QUESTIONS[3]}\nAnswer: 8\n\nQuestion: {q}\nAnswer:", True),
        (
            lambda i, q, g: f"Question: {QUESTIONS[i - 1]}\nAnswer: {GOLDS[i - 1]}\n\nQuestion: {q}\nAnswer:",
            True,
        ),
        (lambda i, q, g: chat(QUESTIONS[3], q), True),
        # An example of another set; the doc's own question again; a text that begins like one.
        (lambda i, q, g: f"{EXAMPLE}Question: {q}\nAnswer:", False),
        (lambda i, q, g: chat(q, f"Once more: {q}"), False),
        (lambda i, q, g: f"Question: A shelf has 3 jars.\nAnswer: 3\n\nQuestion: {q}", False),
        (lambda i, q, g: None, False),
    ],
)
def test_examples_that_are_docs_of_the_run_are_seen(prompt, among):
    assert shown_by(run_of(prompt)).among is among


@pytest.mark.parametrize(
    ("response", "shown"),
    [
        ("```python\nprint(1)\n```\n```output\n1\n```\nSo 1.", True),
        ("<tool_call>{}</tool_call>\n<tool_response>1</tool_response>", True),
        ("[TOOL_RESULTS] 1", True),
        ("```python\nprint(1)\n```\nSo 1.", False),
        ("The output of the machine is 1.", False),
    ],
)
def test_outputs_of_tools_are_seen_and_programs_are_not(response, shown):
    assert bool(shown_by(run_of(lambda i, q, g: q, [response])).with_tools) is shown


@pytest.mark.parametrize(
    ("reference", "response", "copied"),
    [
        (SOLUTION, f"Here it is. {SOLUTION.upper()}", 20),
        (SOLUTION, SOLUTION.replace("jars", "tins"), 0),
        ("1", "1", 0),
    ],
)
def test_responses_that_are_the_published_solutions_are_counted(reference, response, copied):
    run = run_of(lambda i, q, g: q, [response])
    rows = tuple(replace(row, reference=reference) for row in run.rows)
    assert shown_by(replace(run, rows=rows)).copied == copied


@pytest.mark.parametrize(
    ("response", "prompt", "system", "thinks"),
    [
        ("<think>\nLet me see.\n</think>\n1", "{}", None, True),
        ("<think>\n\n</think>\n\n1", "{}", None, False),
        ("1", "{}", None, None),
        ("1", "{} /no_think", None, False),
        ("1", "{}", "Be brief. /no_think", False),
        ("1", "{} see a/no_think", None, None),
    ],
)
def test_thinking_is_seen_where_it_is(response, prompt, system, thinks):
    assert shown_by(run_of(lambda i, q, g: prompt.format(q), [response], system)).thinks is thinks


def test_options_behind_a_question_are_not_its_own_unless_one_answers_it():
    options = run_of(lambda i, q, g: f"{q}\nA) {i} B) {g} C) {2 * i}")
    assert shown_by(options).own == len(QUESTIONS)
    by_letter = replace(options, rows=tuple(replace(row, gold="A") for row in options.rows))
    assert shown_by(by_letter).own == 0
    assert shown_by(run_of(lambda i, q, g: f"{q}\nA) or B)")).own == 0
