"""Prove that two algebraic numbers are equal: they are, if they are closer than two different ones could be.

A separation bound in the manner of Burnikel, Funke, Mehlhorn, Schirra and Schmitt, "A separation bound for
real algebraic expressions" (ESA 2001): an expression of integers with +, -, ·, / and k-th roots is U/L, where
U and L are algebraic integers in the field of its roots, and all their conjugates are at most u and l large.
The degree of the field is at most the product D of the degrees of the distinct roots, and the norm of U, if
not 0, is at least 1. Hence the expression is 0, or at least 1/(l · u^(D-1)) large. Sines and cosines of
rational multiples of π are sums of roots of unity.
"""

from fractions import Fraction
from math import lcm, log2

from lm_eval_mathtasks.grading.exact import quotient_form
from lm_eval_mathtasks.grading.expr import Expr, add, div, neg
from lm_eval_mathtasks.grading.fields import mp_field
from lm_eval_mathtasks.grading.numeric import FAILURES, evaluate
from lm_eval_mathtasks.grading.polynomials import TooBig, as_number

# Digits that a proof may need; to evaluate a root of a few terms to so many takes about ten milliseconds.
MAX_DIGITS = 6_000
_BITS_PER_DIGIT = log2(10)


class NotAlgebraic(Exception):
    """The expression has a part that is no algebraic number, or the bound is too small to use."""


class _Bound:
    """log2 of u and l of an expression, while its distinct roots are collected."""

    def __init__(self) -> None:
        self.roots: dict[Expr, int] = {}
        self.order = 1  # all roots of unity together are powers of one of this order

    def of(self, e: Expr) -> tuple[float, float]:
        if e.op == "num":
            return log2(max(abs(e.value.numerator), 1)), log2(e.value.denominator)
        if e == Expr("const", name="i"):
            self.order = lcm(self.order, 4)
            return 0.0, 0.0
        if e.op == "add":
            u, bottom = self.of(e.args[0])
            for term in e.args[1:]:
                u2, l2 = self.of(term)
                u, bottom = max(u + l2, bottom + u2) + 1, bottom + l2
            return u, bottom
        if e.op == "mul":
            sizes = [self.of(factor) for factor in e.args]
            return sum(u for u, _ in sizes), sum(b for _, b in sizes)
        if e.op == "div":
            (u1, l1), (u2, l2) = self.of(e.args[0]), self.of(e.args[1])
            return u1 + l2, l1 + u2
        if e.op == "pow":
            return self.power(e.args[0], e.args[1])
        if e.op == "call" and e.name == "sqrt" and e.args[1].op == "num":
            return self.power(e.args[0], div(Expr("num", value=Fraction(1)), e.args[1]))
        if e.op == "call" and e.name in {"sin", "cos", "tan"}:
            return self.trigonometric(e)
        raise NotAlgebraic(e.op)

    def power(self, base: Expr, exponent: Expr) -> tuple[float, float]:
        turn = (("i", Fraction(1)), ("pi", Fraction(1)))
        top, bottom_poly = quotient_form(exponent)
        if base == Expr("const", name="e") and set(top) == {turn} and bottom_poly == {(): Fraction(1)}:
            self.order = lcm(self.order, (top[turn] / 2).denominator)
            return 0.0, 0.0
        value = as_number(quotient_form(exponent))
        if value is None or value.denominator > 20 or abs(value) > 1_000:
            raise NotAlgebraic("an exponent")
        u, bottom = self.of(base)
        k = value.denominator
        if k > 1:
            self.roots[Expr("pow", (base, Expr("num", value=Fraction(1, k))))] = k
            u, bottom = (
                ((u + (k - 1) * bottom) / k, bottom) if u >= bottom else (u, ((k - 1) * u + bottom) / k)
            )
        n = value.numerator
        return (u * n, bottom * n) if n >= 0 else (bottom * -n, u * -n)

    def trigonometric(self, e: Expr) -> tuple[float, float]:
        top, bottom = quotient_form(e.args[0])
        if set(top) - {(("pi", Fraction(1)),)} or bottom != {(): Fraction(1)}:
            raise NotAlgebraic("an angle")
        turns = next(iter(top.values()), Fraction(0)) / 2
        self.order = lcm(self.order, turns.denominator, 4)
        return (2.0, 2.0) if e.name == "tan" else (1.0, 1.0)


def _totient(n: int) -> int:
    count, rest, divisor = n, n, 2
    while rest > 1:
        if rest % divisor == 0:
            count -= count // divisor
            while rest % divisor == 0:
                rest //= divisor
        divisor += 1
    return count


def too_close(a: Expr, b: Expr) -> bool:
    """True if a = b is proven. Constants only; False means no more than that this proof does not apply."""
    difference = add(a, neg(b))
    bound = _Bound()
    try:
        u, bottom = bound.of(difference)
        if bound.order > 5_000:
            return False
        degree = _totient(bound.order)
        for k in bound.roots.values():
            degree *= k
        bits = (degree - 1) * u + bottom
        if bits > MAX_DIGITS * _BITS_PER_DIGIT:
            return False
        field = mp_field(int(bits / _BITS_PER_DIGIT) + 30)
        value = evaluate(difference, {}, field)
        return bool(abs(value) < field.mp.mpf(2) ** -int(bits + 1))
    except (NotAlgebraic, TooBig, *FAILURES):
        return False
