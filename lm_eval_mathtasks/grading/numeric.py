"""Evaluate expressions to prove that they differ. Nothing here ever says that two expressions are equal."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from math import comb, gcd, lcm
from typing import TYPE_CHECKING, Any

from lm_eval_mathtasks.grading.exact import MAX_SUM
from lm_eval_mathtasks.grading.expr import Expr, numeral_value, variables, walk
from lm_eval_mathtasks.grading.fields import Ball, BallField, Undecided, mp_field

if TYPE_CHECKING:
    from random import Random

# Digits that two values are compared to, and of the second evaluation that must confirm a difference.
DIGITS, CONFIRM_DIGITS = 50, 100
# Points at which expressions with variables are compared; one proven difference is enough
# (in this order: between 1 and 9, between 0 and 1, whole, negative).
REAL_POINTS, SMALL_POINTS, INTEGER_POINTS, NEGATIVE_POINTS = 5, 2, 6, 3
_INTEGER_FUNCTIONS = {"floor", "ceil", "binom", "gcd", "lcm", "sum", "prod", "mod", "fact2"}
_RECIPROCALS = {"cot": "tan", "sec": "cos", "csc": "sin", "coth": "tanh"}
FAILURES = (Undecided, ZeroDivisionError, OverflowError, ValueError, RecursionError, KeyError, TypeError)

Point = dict[str, Fraction]


def evaluate(e: Expr, point: Point, field: Any) -> Any:
    """Return the value of e in the field at the point. Raises Undecided, or what the field's arithmetic raises."""
    op = e.op
    if op == "num":
        return field.number(e.value)
    if op == "var":
        return field.number(point[e.name])
    if op == "const":
        return field.constant(e.name)
    if op == "call":
        return _call(e, point, field)
    if op == "base" and (value := numeral_value(e)) is not None:
        return field.number(value)
    args = [evaluate(a, point, field) for a in e.args]
    if op == "add":
        return sum(args[1:], args[0])
    if op == "mul":
        product = args[0]
        for factor in args[1:]:
            product = product * factor
        return product
    if op == "div":
        return args[0] / args[1]
    if op == "pow":
        if e.args[0] == Expr("const", name="e"):
            return field.exp(args[1])
        exponent = e.args[1]
        if exponent.op == "num" and exponent.value.denominator > 1:
            q = exponent.value
            return field.power(field.root(args[0], q.denominator), field.number(Fraction(q.numerator)))
        return field.power(args[0], args[1])
    if op == "fact":
        return field.factorial(args[0])
    if op == "pct":
        return args[0] / field.number(Fraction(100))
    if op == "deg":
        return args[0] * field.constant("pi") / field.number(Fraction(180))
    raise Undecided(op)


def _call(e: Expr, point: Point, field: Any) -> Any:
    name = e.name
    if name in {"sum", "prod"}:
        return _big(e, point, field)
    args = [evaluate(a, point, field) for a in e.args]
    x = args[0]
    if name == "sqrt":
        index = e.args[1]
        if index.op != "num" or index.value.denominator != 1 or not 1 <= index.value <= 60:
            return field.power(x, field.number(Fraction(1)) / args[1])
        return field.root(x, int(index.value))
    if name in {"ln", "log"}:
        return field.log(x)
    if name == "fact2":
        return field.factorial2(x)
    if name == "logb":
        return field.log(x) / field.log(args[1])
    if name in _RECIPROCALS:
        return field.number(Fraction(1)) / field.call(_RECIPROCALS[name], args)
    if name in {"floor", "ceil"}:
        sign = field.number(Fraction(1 if name == "floor" else -1))
        return sign * field.number(field.floor(sign * x))
    if name in _INTEGER_FUNCTIONS or name in {"max", "min"}:
        return field.number(_integers(name, [field.value(a) for a in args]))
    if name.startswith("apply "):
        return field.number(_unknown_function(name, [field.value(a) for a in args]))
    return field.call(name, args)


def _integers(name: str, values: list[Fraction | None]) -> Fraction:
    """Functions of exact arguments only."""
    known = [v for v in values if v is not None]
    if len(known) < len(values):
        raise Undecided(f"{name} of an inexact value")
    if name in {"max", "min"}:
        return max(known) if name == "max" else min(known)
    if any(v.denominator != 1 for v in known):
        raise Undecided(f"{name} of a fraction")
    whole = [int(v) for v in known]
    if name == "binom":
        if not 0 <= whole[0] <= 2_000 or whole[1] < 0:
            raise Undecided("a huge binomial")
        return Fraction(comb(whole[0], whole[1]))
    if name == "mod":
        return Fraction(whole[0] % whole[1])
    return Fraction(gcd(*whole) if name == "gcd" else lcm(*whole))


def _dice(seed: str) -> Random:
    from random import Random

    return Random(seed)


def _unknown_function(name: str, values: list[Fraction | None]) -> Fraction:
    """f(x) for an unknown f: a fixed arbitrary value for each argument."""
    if any(v is None for v in values):
        raise Undecided("an unknown function of an inexact value")
    # between 1 and 3, so that towers of such values stay small
    return Fraction(_dice(f"{name}{values}").randrange(10**4, 3 * 10**4), 9973)


def _big(e: Expr, point: Point, field: Any) -> Any:
    """A written-out sum or product over integers."""
    if len(e.args) != 3 or e.args[0].op != "rel" or e.args[0].args[0].op != "var":
        raise Undecided("a sum without bounds")
    start, stop = (field.value(evaluate(a, point, field)) for a in (e.args[0].args[1], e.args[1]))
    if start is None or stop is None or stop - start > MAX_SUM or start.denominator * stop.denominator != 1:
        raise Undecided("a long sum")
    total = field.number(Fraction(e.name == "prod"))
    for k in range(int(start), int(stop) + 1):
        term = evaluate(e.args[2], {**point, e.args[0].args[0].name: Fraction(k)}, field)
        total = total * term if e.name == "prod" else total + term
    return total


def _points(names: list[str], *, integers_only: bool) -> Iterator[Point]:
    """Seeded sample points: positive fractions, positive integers (ascending and not), negative ones."""
    dice = _dice("points of lm_eval_mathtasks")
    if not integers_only:
        for _ in range(REAL_POINTS):
            yield {n: Fraction(dice.randrange(1_000, 9_000), 997) for n in names}
        for _ in range(SMALL_POINTS):
            yield {n: Fraction(dice.randrange(50, 950), 997) for n in names}
    for k in range(INTEGER_POINTS):
        # in order and not: binomials want n > k, other formulas must not depend on it
        drawn = sorted(dice.sample(range(2, 14 + 3 * k + len(names)), len(names)), reverse=k % 2 == 1)
        yield dict(zip(names, map(Fraction, drawn), strict=True))
    if not integers_only:
        for _ in range(NEGATIVE_POINTS):
            yield {n: Fraction(-dice.randrange(1_000, 5_000), 991) for n in names}


def differ(a: Expr, b: Expr) -> bool | None:
    """True: a proof that a and b differ, as values or, with variables, at a real point. None: no such proof.

    Where both sides are real at no sampled point, or one is undefined, nothing is said.
    """
    names = sorted(variables(a) | variables(b))
    nodes = [*walk(a), *walk(b)]
    imaginary = any(n.op == "const" and n.name == "i" for n in nodes)
    integers = any(n.op == "fact" or (n.op == "call" and n.name in _INTEGER_FUNCTIONS) for n in nodes)
    points = list(_points(names, integers_only=integers)) if names else [{}]
    unsure: list[Point] = []
    for point in points:
        try:
            left, right = evaluate(a, point, BallField()), evaluate(b, point, BallField())
        except FAILURES:
            unsure.append(point)
            continue
        if left.differs(right) and (imaginary or not names or (left.real and right.real)):
            return True
        # balls that overlap at one point are no reason to compute more digits: the next point decides
        if names and not left.differs(right):
            continue
        unsure.append(point)
    return _differ_precisely(a, b, unsure, imaginary or not names) if unsure else None


def _differ_precisely(a: Expr, b: Expr, points: list[Point], complex_counts: bool) -> bool | None:
    """The same with DIGITS digits, each difference confirmed with CONFIRM_DIGITS."""
    for point in points[:4]:
        seen = []
        for digits in (DIGITS, CONFIRM_DIGITS):
            field = mp_field(digits + 15)
            try:
                left, right = evaluate(a, point, field), evaluate(b, point, field)
                small = field.mp.mpf(10) ** -(digits - 10) * max(abs(left), abs(right))
                real = abs(left.imag) <= small and abs(right.imag) <= small
                seen.append(bool(abs(left - right) > small) and (complex_counts or real))
            except FAILURES:
                seen.append(False)
            if not seen[-1]:
                break
        if len(seen) == 2 and all(seen):
            return True
    return None


def approximate(e: Expr) -> Ball | None:
    """Return the value of a constant with its error, or None where it has none."""
    try:
        value: Ball = evaluate(e, {}, BallField())
        return value
    except FAILURES:
        return None
