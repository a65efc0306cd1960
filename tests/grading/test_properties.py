"""Properties of the grader, on generated answers."""

import re

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from lm_eval_mathtasks.grading import Status, algebraic, grade
from lm_eval_mathtasks.grading.equivalence import equivalent
from lm_eval_mathtasks.grading.exact import same_form
from lm_eval_mathtasks.grading.fields import BallField, mp_field
from lm_eval_mathtasks.grading.latex import read_latex
from lm_eval_mathtasks.grading.normalize import clean
from lm_eval_mathtasks.grading.numeric import FAILURES, evaluate
from tests.grading import strategies as our

FRAGMENTS = [
    r"\frac", "{", "}", "(", ")", "[", "]", "^", "_", r"\sqrt", r"\pm", r"\cup", r"\text{ and }", ",", ";", "$",
    r"^\circ", "!", "|", r"\left", "&", r"\\", r"\begin{pmatrix}", r"\end{pmatrix}", "=", r"\infty", "%", "i",
    r"\pi", "x", "-", "/", "**", "9", "0", "12", "3.5", ".", "e22", r"\log", r"\sin", r"\binom", r"\sum", "e",
    "<", r"\approx", r"\overline", r"\boxed{", r"\text{", "½", "²", "10^{10}", ":", r"\{", r"\}", "_8", "or", " ",
]  # fmt: skip


@given(our.answers)
def test_reflexive(answer):
    assert grade(gold=answer, pred=answer).correct


@given(our.answers | st.text(max_size=60))
def test_cleaning_is_idempotent(text):
    once = clean(text)
    assert clean(once) == once


@pytest.mark.parametrize("name", our.HARMLESS)
@given(answer=our.answers)
def test_harmless_rewriting_changes_nothing(name, answer):
    rewritten = our.HARMLESS[name](answer)
    verdict = grade(gold=answer, pred=rewritten)
    assert verdict.correct, (answer, rewritten, verdict)
    assert grade(gold=rewritten, pred=answer).correct


@pytest.mark.parametrize("name", our.HARMFUL)
@given(data=st.data())
def test_harmful_rewriting_is_noticed(name, data):
    answers, change = our.HARMFUL[name]
    answer = data.draw(answers)
    rewritten = change(answer)
    assert rewritten != answer
    verdict = grade(gold=answer, pred=rewritten)
    assert verdict.status is Status.INCORRECT, (answer, rewritten, verdict)


@given(our.distinct, st.randoms())
def test_the_order_of_a_set_means_nothing(parts, dice):
    mixed = list(parts)
    dice.shuffle(mixed)
    assert grade(gold=r"\{" + ", ".join(parts) + r"\}", pred=r"\{" + ", ".join(mixed) + r"\}").correct
    assert grade(gold=", ".join(parts), pred=r" \text{ and } ".join(mixed)).correct


@given(our.distinct)
def test_a_missing_answer_is_missed(parts):
    assert not grade(gold=", ".join(parts), pred=", ".join(parts[1:])).correct
    assert not grade(gold=", ".join(parts[1:]), pred=", ".join(parts)).correct


@given(our.scalars | our.polynomials, our.scalars | our.polynomials)
def test_symmetric_on_scalars(a, b):
    """Promised for numbers and functions without units, percent signs and labels."""
    assert grade(gold=a, pred=b).correct == grade(gold=b, pred=a).correct


@given(st.integers(-(10**6), 10**6), st.integers(1, 10**4), st.integers(2, 50))
def test_fractions_are_compared_by_value(top, bottom, factor):
    gold = rf"\frac{{{top}}}{{{bottom}}}"
    assert grade(gold=gold, pred=f"{top * factor}/{bottom * factor}").correct
    assert grade(gold=gold, pred=f"{top * factor + 1}/{bottom * factor}").status is Status.INCORRECT


@given(st.integers(1, 60), st.integers(2, 60), st.integers(1, 9))
def test_roots_are_compared_by_value(a, b, c):
    assert grade(gold=rf"{a}\sqrt{{{b}}}", pred=rf"\sqrt{{{a * a * b}}}").correct
    assert grade(gold=rf"{a}\sqrt{{{b}}}", pred=rf"\sqrt{{{a * a * b + c}}}").status is Status.INCORRECT


@given(*[st.integers(-9, 9).filter(bool)] * 3)
def test_products_are_multiplied_out(a, b, c):
    factored = f"({a}x + {b})(x - {c})".replace("+ -", "- ").replace("- -", "+ ")
    expanded = f"{a}x^2 + ({b - a * c})x - ({b * c})"
    assert grade(gold=factored, pred=expanded).correct
    assert grade(gold=factored, pred=expanded + " + 1").status is Status.INCORRECT


@given(our.scalars, st.text(alphabet="0123456789x+-*/^(){}[]\\,.|!%$= sqrtfacpi", max_size=30))
def test_any_text_gets_a_verdict(gold, text):
    # `grade` would report a fault of ours as over_limit: ask what is below it
    verdict = equivalent(gold, text + "1", 0.0)
    assert verdict.reason
    assert re.fullmatch(r"[a-z-]+", verdict.tier)


@given(st.lists(st.sampled_from(FRAGMENTS), max_size=12).map("".join), our.scalars)
def test_any_pieces_of_latex_get_a_verdict(text, gold):
    equivalent(gold, text + "1", 0.0)
    equivalent(text + "1", gold, 0.0)


def value_of(e, field):
    try:
        return evaluate(e, {}, field)
    except FAILURES:
        return None


@given(our.constants)
@settings(max_examples=300)
def test_balls_contain_the_value(text):
    """What "proven different by evaluation" rests on."""
    e = read_latex(clean(text))
    ball, precise = value_of(e, BallField()), value_of(e, mp_field(60))
    assume(ball is not None and precise is not None)
    assert abs(complex(precise) - ball.v) <= ball.r + abs(ball.v) * 2**-52
    if ball.q is not None:
        assert abs(precise.real - mp_field(60).number(ball.q).real) < 1e-40 * (1 + abs(precise))


@given(our.constants, our.constants)
@settings(max_examples=200)
def test_one_exact_form_means_one_value(a, b):
    """What "one exact normal form" rests on, with a sum rearranged so that forms do coincide."""
    left, right = (
        read_latex(clean(f"({a}) - ({b})^2")),
        read_latex(clean(f"({a} - {b})({a} + {b}) - ({a})^2 + {a}")),
    )
    field = mp_field(60)
    values = [value_of(e, field) for e in (left, right)]
    assume(None not in values)
    if same_form(left, right):
        assert abs(values[0] - values[1]) <= 1e-30 * (1 + abs(values[0]))
    if same_form(left, right) is False:
        assert values[0] != values[1]


@given(st.integers(2, 200), st.integers(2, 200), st.integers(1, 40))
def test_the_algebraic_proof_tells_equal_from_close(m, n, k):
    nested = read_latex(rf"\sqrt{{{m + n} + 2\sqrt{{{m * n}}}}}")
    assert algebraic.too_close(nested, read_latex(rf"\sqrt{{{m}}} + \sqrt{{{n}}}"))
    assert not algebraic.too_close(nested, read_latex(rf"\sqrt{{{m}}} + \sqrt{{{n}}} + 10^{{-{k}}}"))


@given(our.constants, our.constants)
def test_the_algebraic_proof_agrees_with_the_value(a, b):
    one, other = read_latex(clean(a)), read_latex(clean(rf"\sqrt{{({b})^2}}"))
    values = [value_of(e, mp_field(60)) for e in (one, other)]
    assume(None not in values)
    if algebraic.too_close(one, other):
        assert abs(values[0] - values[1]) <= 1e-30 * (1 + abs(values[0]))
