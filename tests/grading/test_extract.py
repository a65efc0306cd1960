"""Extraction: every output shape beside a near miss, properties on any text, and real solutions and responses."""

import json
import time
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lm_eval_mathtasks.grading.extract import CLOSED, STATED, candidates, extract_answer
from lm_eval_mathtasks.grading.view import view
from tests.conftest import shared_rows

CASES = [
    json.loads(line)
    for line in (Path(__file__).parents[1] / "cases" / "extract.jsonl").read_text().splitlines()
]
BY_ID = {case["id"]: case for case in CASES}


def got(case):
    found = extract_answer(case["response"], finish_reason=case.get("finish_reason"))
    return found.answer, found.rule, found.truncated


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_a_server_that_says_stop_changes_no_answer_and_nothing_is_cut_off(case):
    told, silent = (extract_answer(case["response"], finish_reason=reason) for reason in ("stop", None))
    assert told == silent._replace(truncated=False)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_output_shape(case):
    assert got(case) == (case["answer"], case["rule"], case.get("truncated", False))


def test_every_shape_has_a_near_miss_with_another_outcome():
    assert len(BY_ID) == len(CASES) >= 160
    for case in CASES:
        twin = BY_ID[case["pair"]]
        assert twin["pair"] == case["id"]
        assert got(twin) != got(case), f"{case['id']}: its twin is no near miss"
        assert case["source"]


def test_every_rule_has_cases():
    module = Path(extract_answer.__code__.co_filename).read_text(encoding="utf-8")
    rules = {case["rule"] for case in CASES} - {"none"}
    assert rules >= STATED >= CLOSED
    for rule in rules:
        assert f" {rule} |" in module, f"the module's table does not explain {rule}"


# --- any text at all ---

PIECES = [
    *(
        "\\boxed{",
        "\\boxed{5}",
        "\\fbox{",
        "}",
        "{",
        "$",
        "$$",
        "\\(",
        "\\)",
        "\\[",
        "\\]",
        "\\\\",
        "\\",
        "####",
        " and ",
    ),
    *(
        "the answer is ",
        "Answer:",
        "\nAnswer:\n",
        "A: ",
        "**",
        "I hope it is correct",
        "Final Answer: The final answer is ",
    ),
    *(
        "<think>",
        "</think>",
        "<answer>",
        "</answer>",
        "<SOLUTION>",
        "<|im_end|>",
        "<|channel|>final<|message|>",
        "[asy]",
    ),
    *(
        "\nQ:",
        "\nQuestion:",
        "```",
        "```python\n",
        "```output\n",
        "答案是",
        "１２",
        "％",
        "，",
        "\ud800",
        "\x00",
        "\x08oxed{",
    ),
    *(
        "12",
        "-3.5",
        "1,000",
        "x = ",
        "\\frac{1}{2}",
        ".",
        ",",
        " ",
        "\n",
        "\n\n",
        "dollars",
        "(C)",
        "\\begin{align}",
        "^",
        "_",
    ),
]
ANY_TEXT = st.one_of(
    st.text(alphabet=st.characters(codec=None, exclude_categories=()), max_size=200),
    st.lists(st.sampled_from(PIECES), max_size=40).map("".join),
)
FINISH = st.sampled_from([None, "stop", "length"])


@settings(max_examples=400, deadline=None)
@given(ANY_TEXT, FINISH)
@example("\ud800", None)
@example("\\boxed{", "length")
def test_any_text_gives_a_consistent_extraction(text, finish_reason):
    found = extract_answer(text, finish_reason=finish_reason)
    assert found == extract_answer(text, finish_reason=finish_reason)
    if found.answer is None:
        assert (found.rule, found.span) == ("none", None)
        return
    assert not found.truncated
    start, stop = found.span
    assert 0 <= start < stop <= len(text)
    if ", " not in found.answer:
        assert found.answer == text[start:stop].strip()
    assert found.answer == candidates(text)[0].answer
    assert found.rule == candidates(text)[0].rule


@settings(max_examples=200, deadline=None)
@given(ANY_TEXT)
def test_candidates_are_places_in_the_text_each_once(text):
    found = candidates(text)
    assert [candidate.priority for candidate in found] == list(range(len(found)))
    assert len({(c.span, c.answer) for c in found}) == len(found)
    for candidate in found:
        start, stop = candidate.span
        assert 0 <= start < stop <= len(text)
        assert candidate.answer.split(", ")[0].strip() in text


@settings(max_examples=200, deadline=None)
@given(ANY_TEXT)
def test_a_view_keeps_every_position(text):
    seen = view(text)
    assert len(seen.text) <= len(text)
    folded = {chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}
    for place, character in enumerate(seen.text):
        assert character == text[place] or character in folded or character == "\n"


BALANCED = st.recursive(
    st.text(alphabet="abcxyz0123456789+-=^_()[],./ |", min_size=1, max_size=12),
    lambda inner: st.one_of(
        inner.map(lambda x: "\\sqrt{" + x + "}"),
        inner.map(lambda x: "\\{" + x + "\\}"),
        st.tuples(inner, inner).map(lambda pair: "\\frac{" + pair[0] + "}{" + pair[1] + "}"),
    ),
    max_leaves=6,
).filter(lambda x: any(character.isalnum() for character in x) and "answer" not in x)


@settings(max_examples=300, deadline=None)
@given(
    BALANCED,
    st.sampled_from(["\\boxed", "\\fbox", "\\framebox", "\\boxed "]),
    st.sampled_from(["$%s$.", "\\[%s\\]", "%s"]),
)
def test_what_is_boxed_comes_out(content, box, around):
    found = extract_answer("So it is " + around.replace("%s", box + "{" + content + "}"))
    assert (found.answer, found.rule) == (content.strip(), "box")


@settings(max_examples=200, deadline=None)
@given(
    st.integers(-(10**12), 10**12),
    st.sampled_from(["#### %d", "The answer is %d.", "A: %d", "<answer>%d</answer>", "%d", "**%d**"]),
)
def test_a_number_comes_out_of_every_slot_and_again_of_itself(number, slot):
    answer = extract_answer(
        "Some work: 1 + 1.\n" * ("%d" not in (slot, slot.strip("*"))) + slot % number
    ).answer
    assert answer == str(number)
    assert extract_answer(answer).answer == answer


@settings(max_examples=100, deadline=None)
@given(
    ANY_TEXT.filter(lambda t: "<" not in t and "◁" not in t and "[" not in t and "assistantfinal" not in t)
)
def test_thinking_changes_nothing(text):
    """Whatever is thought before is not seen, and an unfinished thought is no answer."""
    thought = "<think>The answer is \\boxed{31337}.</think>\n"
    plain, after = extract_answer("\n" + text), extract_answer(thought + text)
    assert (plain.answer, plain.rule, plain.truncated) == (after.answer, after.rule, after.truncated)
    assert extract_answer("<think>" + text + "\\boxed{31337} wait").truncated


# --- bad input and hostile input ---


@pytest.mark.parametrize(
    "response", [None, "", " \n\t", "\ud800\udfff", "\x00", "{}", "$$", "\\boxed{}", "**", "<think></think>"]
)
def test_nothing_is_found_in_nothing(response):
    found = extract_answer(response)
    assert (found.answer, found.rule, found.span, found.truncated) == (None, "none", None, False)
    assert candidates(response) == []


@pytest.mark.parametrize("finish_reason", [None, "stop", "length"])
def test_an_empty_response_is_truncated_only_if_the_limit_cut_it(finish_reason):
    assert extract_answer("", finish_reason=finish_reason).truncated == (finish_reason == "length")


REPEATED = sorted(
    {
        *PIECES,
        "1",
        "(1,",
        "1/",
        "The answer is 5. ",
        "**5** ",
        "$a$",
        "\\boxed{1} and ",
        "\\[x\\]",
        "\\begin{align*}1\\end{align*}",
        "\\frac{",
        "B ",
        "a b ",
        "=",
    }
)


@pytest.mark.parametrize("piece", REPEATED, ids=lambda piece: ascii(piece)[1:-1])
def test_time_is_linear_in_the_length(piece):
    """Fifty thousand characters of one thing: seconds would mean a square somewhere (a square takes minutes)."""
    text = (piece * 50_000)[:50_000]
    began = time.process_time()
    extract_answer(text)
    candidates(text)
    assert time.process_time() - began < 3


# --- real data ---


@pytest.mark.parametrize("name", ["gsm8k_test", "gsm8k_train"])
def test_gsm8k_solutions_give_their_answer(name):
    for number, doc in enumerate(shared_rows(f"data/{name}.jsonl")):
        found = extract_answer(doc["answer"])
        assert (found.answer, found.rule) == (doc["answer"].rpartition("####")[2].strip(), "hash"), number


def test_math500_solutions_give_their_answer():
    """All but the one solution that boxes two spellings of its answer, 15 39/40 and 639/40."""
    different = []
    for doc in shared_rows("data/math500.jsonl"):
        found = extract_answer(doc["solution"])
        assert found.rule == "box"
        if found.answer.replace(" ", "") != doc["answer"].replace(" ", ""):
            different.append((doc["unique_id"], found.answer))
    assert different == [("test/number_theory/459.json", "15\\frac{39}{40}, \\frac{639}{40}")]


# Docs of the MATH test set whose solution joins two boxes: "-2 and 1"; MATH's own scripts keep the last box only.
JOINED_BOXES = {414, 2549, 2703, 2716, 2912, 3341, 3628, 4258, 4559, 4860}


def test_math_solutions_give_their_last_box():
    from lm_eval.tasks.hendrycks_math.utils import last_boxed_only_string, remove_boxed

    joined = set()
    for doc in shared_rows("data/math_test.jsonl"):
        found = extract_answer(doc["solution"])
        last = remove_boxed(last_boxed_only_string(doc["solution"]))
        assert found.rule == "box"
        if found.answer != last.strip():
            joined.add(doc["idx"])
            assert found.answer.endswith(", " + last.strip())
    assert joined == JOINED_BOXES
