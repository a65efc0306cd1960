"""Answers as people write them, with the ways to write them differently and the ways to make them wrong."""

import re
from collections.abc import Callable
from fractions import Fraction

from hypothesis import strategies as st

DIGITS = st.integers(min_value=2, max_value=999)
SIGNED = st.integers(min_value=-99, max_value=99).filter(lambda n: abs(n) > 1)


def _fraction(top: int, bottom: int) -> str:
    return rf"\frac{{{top}}}{{{bottom}}}"


def _value(scalar: str) -> tuple[Fraction, str]:
    """The factor in front of a root, of pi or of nothing, reduced, and what it multiplies: equal for equal values.

    Sums of a real and an imaginary part are kept as they are written: no two spellings of one are drawn.
    """
    if fraction := re.fullmatch(r"\\frac\{(-?\d+)( \\pi)?\}\{(\d+)\}", scalar):
        return Fraction(int(fraction[1]), int(fraction[3])), fraction[2] or ""
    number, _, rest = scalar.partition(" ")
    return Fraction(number), rest


integers = st.integers(min_value=-(10**9), max_value=10**9).map(str)
fractions = st.builds(_fraction, SIGNED, st.integers(min_value=2, max_value=97))
roots = st.builds(lambda a, b: rf"{a} \sqrt{{{b}}}", DIGITS, st.sampled_from([2, 3, 5, 6, 7, 10, 30]))
multiples_of_pi = st.builds(lambda a, b: rf"\frac{{{a} \pi}}{{{b}}}", DIGITS, st.sampled_from([2, 3, 5, 7]))
complex_numbers = st.builds(lambda a, b: f"{a} + {b} i", SIGNED, DIGITS)
polynomials = st.builds(lambda a, b, c: f"{a} x^2 + {b} x - {c}", DIGITS, DIGITS, DIGITS)
degrees = DIGITS.map(lambda n: rf"{n}^\circ")
money = DIGITS.map(lambda n: rf"\${n}.50")
numerals = st.builds(lambda n, b: f"{n:o}_{{{b}}}", DIGITS, st.sampled_from([8, 9]))
scalars = st.one_of(integers, fractions, roots, multiples_of_pi, complex_numbers)
distinct = st.lists(scalars, min_size=2, max_size=4, unique_by=_value)


@st.composite
def tuples(draw: st.DrawFn) -> str:
    """Three ordered parts of different values."""
    parts = draw(st.lists(fractions | integers, min_size=3, max_size=3, unique_by=_value))
    return "(" + ", ".join(parts) + ")"


intervals = st.builds(
    lambda ends, low, width: f"{ends[0]}{low}, {low + width}{ends[1]}",
    st.sampled_from(["[]", "[)", "(]"]),
    SIGNED,
    DIGITS,
)
sets = distinct.map(lambda parts: r"\{" + ", ".join(parts) + r"\}")
lists = distinct.map(", ".join)
equations = st.builds(lambda a, b: f"y = {a} x + {b}", DIGITS, DIGITS)
matrices = st.lists(fractions, min_size=4, max_size=4).map(
    lambda c: rf"\begin{{pmatrix}} {c[0]} & {c[1]} \\ {c[2]} & {c[3]} \end{{pmatrix}}"
)
words = st.sampled_from(["even", "Tuesday", "parabola", "Evelyn", "no solution", "north"]).map(
    lambda w: rf"\text{{{w}}}"
)
answers = st.one_of(
    scalars,
    polynomials,
    degrees,
    money,
    numerals,
    tuples(),
    intervals,
    sets,
    lists,
    equations,
    matrices,
    words,
)

constants = st.recursive(
    st.integers(1, 30).map(str) | st.sampled_from([r"\pi", "e", "0.37", "7/3"]),
    lambda inner: st.one_of(
        st.builds(lambda a, b: f"({a} + {b})", inner, inner),
        st.builds(lambda a, b: f"({a} - {b})", inner, inner),
        st.builds(lambda a, b: rf"({a} \cdot {b})", inner, inner),
        st.builds(lambda a, b: rf"\frac{{{a}}}{{{b}}}", inner, inner),
        st.builds(lambda f, a: rf"\{f}({a})", st.sampled_from(["sin", "cos", "arctan", "ln", "tanh"]), inner),
        st.builds(lambda n, a: rf"\sqrt[{n}]{{{a}}}", st.sampled_from([2, 3, 5]), inner),
        st.builds(lambda a, n: f"({a})^{{{n}}}", inner, st.integers(-3, 4)),
        st.builds(lambda a: f"|{a}|", inner),
    ),
    max_leaves=8,
)

# Other spellings of the same answer: each takes LaTeX and gives LaTeX.
HARMLESS: dict[str, Callable[[str], str]] = {
    "dollars around": lambda a: f"${a}$" if "\\$" not in a else a,
    "display brackets": lambda a: rf"\[ {a} \]",
    "inline brackets": lambda a: rf"\({a}\)",
    "a box": lambda a: rf"\boxed{{{a}}}",
    "bold": lambda a: f"**{a}**",
    "a full stop": lambda a: f"{a}.",
    "dfrac": lambda a: a.replace(r"\frac", r"\dfrac"),
    "tfrac": lambda a: a.replace(r"\frac", r"\tfrac"),
    "blanks": lambda a: re.sub(r"([+,=])", r" \1  ", a),
    "thin spaces": lambda a: a.replace(", ", r",\, "),
    "left and right": lambda a: re.sub(
        r"(?<!\\)([(\[])", r"\\left\1", re.sub(r"(?<!\\)([)\]])", r"\\right\1", a)
    ),
    "a factor of one": lambda a: a.replace(r"\pi", r"\cdot 1 \cdot \pi"),
    "escaped": lambda a: a.replace("\\", "\\\\") if "matrix" not in a and "\\$" not in a else a,
}


def _next_digit(answer: str) -> str:
    return re.sub(r"[1-7]", lambda m: str(int(m.group()) + 1), answer, count=1)


with_digit = answers.filter(lambda a: re.match(r"\D*[1-7]", a) is not None)
positive = st.one_of(DIGITS.map(str), roots, multiples_of_pi)
half_open = intervals.filter(lambda a: a[0] == "[")
half_closed = intervals.filter(lambda a: a[-1] == "]")

# Changes of one thing that make the answer another one, with the answers they apply to.
HARMFUL: dict[str, tuple[st.SearchStrategy[str], Callable[[str], str]]] = {
    "another digit": (with_digit, _next_digit),
    "another sign": (positive, lambda a: f"-{a}"),
    "one more answer": (sets, lambda a: rf"{a[:-2]}, 123456789123\}}"),
    "one answer less": (sets, lambda a: re.sub(r", [^,]*\\\}$", r"\\}", a)),
    "another order": (tuples(), lambda a: "(" + ", ".join(reversed(a[1:-1].split(", "))) + ")"),
    "an open lower end": (half_open, lambda a: a.replace("[", "(")),
    "an open upper end": (half_closed, lambda a: a.replace("]", ")")),
}
