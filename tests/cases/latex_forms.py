"""Computed values written as the LaTeX an answer should have: one way for each kind of answer."""

import re
from fractions import Fraction

import sympy

NAMED = {sympy.oo: r"\infty", -sympy.oo: r"-\infty"}


def only(found):
    """The single member; a check with two answers, or none, is a broken problem."""
    (one,) = found
    return one


def plain(value) -> str:
    """sympy's LaTeX without spaces, sizes of brackets, and braces around one digit."""
    tex = sympy.latex(value).replace(" ", "").replace(r"\left", "").replace(r"\right", "")
    return re.sub(r"\^\{(\d)\}", r"^\1", tex)


def same(computed, stated, form: str) -> str:
    """`form` if what was computed equals what the form states; several forms of one value are right."""
    if isinstance(computed, sympy.Set):
        assert computed == stated
    else:
        assert sympy.simplify(computed - stated) == 0
    return form


def interval(found: sympy.Interval) -> str:
    left, right = "(" if found.left_open else "[", ")" if found.right_open else "]"
    ends = [NAMED.get(end) or plain(end) for end in (found.start, found.end)]
    return f"{left}{ends[0]},{ends[1]}{right}"


def list_of(values) -> str:
    return ",".join(plain(sympy.sympify(value)) for value in values)


def tuple_of(values) -> str:
    return f"({list_of(values)})"


def set_of(values) -> str:
    return rf"\{{{list_of(sorted(values))}\}}"


def pmatrix(matrix: sympy.Matrix) -> str:
    rows = [[plain(sympy.nsimplify(entry)) for entry in matrix.row(i)] for i in range(matrix.rows)]
    return r"\begin{pmatrix}" + r"\\".join("&".join(row) for row in rows) + r"\end{pmatrix}"


def poly_of(expression) -> str:
    return plain(sympy.expand(expression))


def complex_of(value) -> str:
    real, imaginary = value.as_real_imag()
    return f"{int(real)}{int(imaginary):+d}i"


def in_base(value: int, base: int) -> str:
    digits = ""
    while value:
        value, digit = divmod(value, base)
        digits = f"{digit}{digits}"
    return f"{digits}_{base}"


def share(count: int, total: int) -> str:
    part = Fraction(count, total)
    return rf"\frac{{{part.numerator}}}{{{part.denominator}}}"


def scientific(value) -> str:
    power = len(str(int(value))) - 1
    return rf"{float(value / 10**power)}\times10^{power}"


def text(words: str) -> str:
    return rf"\text{{{words}}}"
