"""The rounding rule: when a decimal stands for a number that it is not."""

from fractions import Fraction

from lm_eval_mathtasks.grading import numeric
from lm_eval_mathtasks.grading.expr import MINUS_ONE, Expr, num, variables, walk
from lm_eval_mathtasks.grading.relations import value_answered

# A decimal stands for a number that has no finite decimal if it is that number correctly rounded to at least
# this many significant digits: a relative error below 1e-4, the tolerance of the Qwen2.5-Math evaluation.
MIN_ROUNDED_DIGITS = 5
MIN_SHOWN_PLACES = 2
# A printed float: at least this many significant digits, and right to a relative error of FLOAT_ERROR.
FLOAT_DIGITS, FLOAT_ERROR = 12, Fraction(1, 10**9)


def _significant(value: Fraction, places: int) -> int:
    """How many significant digits a number has that is written with so many places."""
    scaled = abs(value) * Fraction(10) ** places
    return len(str(int(scaled))) if 0 < scaled < 10**400 else 0


def _goes_on(value: Fraction, places: int, target: Fraction, exact: Fraction | None) -> bool:
    """Is the target what "0.1666..." stands for: the repeating decimal its digits show, or a number that begins so?"""
    digits = f"{int(abs(value) * 10**places):0{places}d}"[-places:]
    for period in range(1, places // 2 + 1):
        repeats = places > 2 and digits[-period:] == digits[-2 * period : -period]
        if repeats and (period > 1 or digits[-3:] == 3 * digits[-1]):
            tail = Fraction(int(digits[-period:]), (10**period - 1) * 10**places)
            return exact is not None and abs(exact) == abs(value) + tail and (exact < 0) == (value < 0)
    long_enough = _significant(value, places) >= MIN_ROUNDED_DIGITS and (
        exact is None or not _terminates(exact)
    )
    return long_enough and 0 <= (abs(target) - abs(value)) * 10**places < 1 and target * value > 0


def _is_decimal(e: Expr) -> bool:
    return e.places > 0 or e.name == "e"


def _terminates(value: Fraction) -> bool:
    rest = value.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    return rest == 1


def rounds(gold: Expr, pred: Expr) -> bool:
    """The rounding rule, for numbers that are known to differ.

    A printed float stands for what it is closest to; a decimal of MIN_ROUNDED_DIGITS or more stands for a number
    without finite decimal that it is the correct rounding of. Either side may be the decimal; integers never round.
    """
    for decimal, other in ((pred, gold), (gold, pred)):
        sign, written = (
            (-1, decimal.args[-1]) if decimal.op == "mul" and decimal.args[0] == MINUS_ONE else (1, decimal)
        )
        if written.op != "num":
            continue
        value, places = sign * written.value, written.places
        exact = other.value if other.op == "num" else None
        target = exact if exact is not None else _value_of(other)
        if target is None or not target:
            continue
        if written.name == "...":
            if _goes_on(value, places, target, exact):
                return True
            continue
        # without a point it is an integer, however long: those never round
        is_float = (_is_decimal(written) and _significant(value, places) >= FLOAT_DIGITS) or _dyadic_print(
            value
        )
        if is_float and abs(value - target) <= FLOAT_ERROR * abs(target):
            return True
        finite = exact is not None and (_terminates(exact) if not _is_decimal(other) else decimal is pred)
        long_enough = (
            _is_decimal(written) and not finite and _significant(value, places) >= MIN_ROUNDED_DIGITS
        )
        if long_enough and _shown_as(target, value, places):
            return True
    return False


def is_rounding(exact: Expr, rounded: Expr) -> bool:
    r"""Whether "16\sqrt{8}/3 \approx 15.08" is one number: the right side rounds the left one, to the digits written.

    "7 \approx 8" and "a \approx 5, b \approx 7" are several answers. What is no number (x, \cos x) contradicts none.
    """
    exact, rounded = (_bare(value_answered(side) or side) for side in (exact, rounded))
    # nor is a product of quantities, "500 hp · 1 kW / 1.36 hp", a number
    if variables(exact) or any(node.op == "unit" for node in walk(exact)):
        return True
    left, right = _value_of(exact), _value_of(rounded)
    places = max((node.places for node in walk(rounded)), default=0)
    return left is not None and right is not None and _shown_as(left, right, max(places, 0))


def _shown_as(exact: Fraction, shown: Fraction, places: int) -> bool:
    """Whether a number rounded to so many places is what is shown; half a unit may go either way."""
    return abs(exact - shown) * 2 <= Fraction(10) ** -places


def _bare(e: Expr) -> Expr:
    """A value without its unit; of a percentage the hundredths."""
    e = e.args[0] if e.op == "unit" else e
    return num(e.args[0].value / 100, e.args[0].places + 2) if e.op == "pct" else e


def shows(exact: Expr, decimal: Expr) -> bool:
    """Is a decimal of two places or more an exact number rounded to them, as whoever writes "1/3, or 0.33" says?"""
    target = None if exact.places > 0 else exact.value if exact.op == "num" else _value_of(exact)
    if target is None or decimal.op != "num" or decimal.places < MIN_SHOWN_PLACES:
        return False
    return _shown_as(target, decimal.value, decimal.places)


def _dyadic_print(value: Fraction) -> bool:
    """A float written as the fraction it is: over a large power of two."""
    d = value.denominator
    return d > 10**FLOAT_DIGITS and d & (d - 1) == 0


def _value_of(e: Expr) -> Fraction | None:
    """The value of a constant to 15 digits, enough for rounding; None where it has none or is not real."""
    if variables(e):
        return None
    ball = numeric.approximate(e)
    if ball is None or not ball.real or ball.r > 1e-12 * abs(ball.v):
        return None
    return Fraction(ball.v.real)
