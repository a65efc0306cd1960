"""The reader: what becomes of a text, and that it refuses what is no answer."""

from fractions import Fraction

import pytest

from lm_eval_mathtasks.grading.answers import readings
from lm_eval_mathtasks.grading.expr import num, show_expr
from lm_eval_mathtasks.grading.latex import Unreadable, read_latex
from lm_eval_mathtasks.grading.normalize import clean


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (r"\frac12", "1/2"),
        (r"\frac{1}2", "1/2"),
        (r"\frac\pi4", "div(pi, 4)"),
        (r"\frac 123", "mul(1/2, 3)"),
        ("3\\frac{1}{2}", "7/2"),
        ("3\\frac{7}{2}", "mul(3, 7/2)"),
        ("2 1/2", "5/2"),
        ("2.5e-3", "1/400"),
        (r"0.1\overline{6}", "1/6"),
        ("1/2x", "mul(1/2, x)"),
        ("2^10", "pow(2, 10)"),
        ("2^{3^2}", "pow(2, pow(3, 2))"),
        ("x^-1", "pow(x, -1)"),
        ("-x^2", "mul(-1, pow(x, 2))"),
        ("2xy", "mul(2, x, y)"),
        (r"\sqrt[3]{2}", "call:sqrt(2, 3)"),
        (r"\sqrt12", "call:sqrt(12, 2)"),
        ("sqrt(2)/2", "div(call:sqrt(2, 2), 2)"),
        (r"\sin 2x \cos y", "mul(call:sin(mul(2, x)), call:cos(y))"),
        (r"\sin^2 t", "pow(call:sin(t), 2)"),
        (r"\sin^{-1} x", "call:arcsin(x)"),
        (r"\log_2 8", "call:logb(8, 2)"),
        ("|x-3|", "call:abs(add(x, -3))"),
        (r"\lfloor x \rfloor", "call:floor(x)"),
        ("n!", "fact(n)"),
        (r"\binom{n}{2}", "call:binom(n, 2)"),
        ("x_1", "x_1"),
        ("x_{12}", "x_12"),
        ("f'(x)", "call:apply f'(x)"),
        ("3127_8", "3127_8"),
        ("37B_{12}", "37B_12"),
        ("(1, 2)", "(1, 2)"),
        ("[0, 1)", "[0, 1)"),
        (r"\{1, 2\}", "{1, 2}"),
        ("1, 2", "seq(1, 2)"),
        (r"1 \text{ and } 2", "seq(1, 2)"),
        ("x < 3", "rel:<(x, 3)"),
        ("3:1", "ratio(3, 1)"),
        (r"25 \text{ cm}^2", "unit:cm^2(25)"),
        (r"\$5", "unit:$(5)"),
        ("50%", "pct(50)"),
        (r"30^\circ", "deg(30)"),
        (r"3 \pm 1", "pm:+(3, 1)"),
        (r"(0,1) \cup (2,3)", "union((0, 1), (2, 3))"),
        (r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}", "matrix(row(1, 2), row(3, 4))"),
        ("2**3", "pow(2, 3)"),
        ("e^{i\\pi}", "pow(e, mul(i, pi))"),
    ],
)
def test_reads(text, shown):
    assert show_expr(read_latex(clean(text))) == shown


@pytest.mark.parametrize(
    "text",
    [
        "",
        "(",
        "1 2",
        "x +",
        "\\frac{1}",
        "\\sqrt",
        "{",
        "}",
        "[1,2",
        "a & b",
        "^",
        "1 = ",
        "\\begin{foo}1\\end{foo}",
        "#",
    ],
)
def test_refuses(text):
    with pytest.raises(Unreadable):
        read_latex(clean(text))


@pytest.mark.parametrize(
    "text", ["(" * 3_000, "-" * 3_000 + "1", "{" * 900, "2^" * 900 + "2", "\\sqrt{" * 300]
)
def test_deep_nesting_is_refused_not_a_stack_overflow(text):
    with pytest.raises(Unreadable):
        read_latex(text)


def test_a_decimal_keeps_its_places():
    read = read_latex("3.140")
    assert (read.value, read.places) == (Fraction(157, 50), 3)
    assert read_latex("314").places == -1


@pytest.mark.parametrize(
    ("text", "count"), [("1,234", 2), ("1, 234", 1), ("12,34", 1), ("4:30", 2), ("(1,234)", 1), ("even", 1)]
)
def test_ambiguous_texts_have_several_readings(text, count):
    assert len(readings(clean(text))) == count


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        (r"$\boxed{\dfrac{1}{2}}$", r"\frac{1}{2}"),
        (r"\left( 1, 2 \right)", "( 1, 2 )"),
        (r"12,\!345", "12,345"),
        (r"10{,}000", "10,000"),
        ("½", r"\frac{1}{2}"),
        ("x²", "x^{2}"),
        ("５％", "5%"),
        ("**7**", "7"),
        ("7.", "7"),
        ("9 p.m.", "9 p.m."),
        (r"\\frac{1}{2}", r"\frac{1}{2}"),
        ("45 degrees", r"45^{\circ}"),
        ("$5", r"\$5"),
        ("$5$", "5"),
        (r"\mathrm{cm}", r"\text{cm}"),
        (r"a \leqslant b", r"a \le b"),
    ],
)
def test_clean(text, cleaned):
    assert clean(text) == cleaned
    assert clean(cleaned) == cleaned


def test_a_number_word_is_a_number():
    assert num(12) in readings("twelve")
