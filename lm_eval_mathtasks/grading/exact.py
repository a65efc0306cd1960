"""Exact normal forms: an expression as a quotient of polynomials over the rationals.

A polynomial maps monomials to rational coefficients; a monomial is a sorted tuple of (generator, exponent) with rational
exponents. Generators are variables, π, e, i, the primes under a root (2^(1/2)), and whatever has no rule of its own, such
as sin(x), named by its own normal form. Powers of primes are reduced below 1 and powers of i below 2, so products
of roots of integers come out in their one normal form (Besicovitch 1940: roots of distinct primes are linearly
independent over the rationals). Two expressions with the same form are equal; that is a proof, not an approximation.
Variables are read as positive where that matters, (x^2)^(1/2) = x; `numeric` has looked at negative values before.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from math import comb, factorial, isqrt

from lm_eval_mathtasks.grading.expr import Expr, show

Monomial = tuple[tuple[str, Fraction], ...]
Poly = dict[Monomial, Fraction]

# A polynomial with more terms than this is left to the symbolic tier; the longest in the MATH test set has 9.
MAX_TERMS = 400
# (x+1)^n is multiplied out only up to this n, and numbers are raised to powers of at most this many bits.
MAX_POWER, MAX_BITS = 40, 60_000
# Integers are factored by trial division up to this divisor; a larger rest stays under its root as it is.
MAX_DIVISOR = 10_000
# Roots are simplified of numbers up to this size: 1,200 digits.
MAX_ROOT_BITS = 4_000
# Largest n whose factorial is computed: 3000! has 9,131 digits and takes a millisecond.
MAX_FACTORIAL = 3_000

_UNIT: Monomial = ()


class TooBig(Exception):
    """The normal form would be too large, or the expression has none."""


class Quotient(tuple[Poly, Poly]):
    """numerator, denominator."""

    __slots__ = ()


def constant(value: Fraction | int) -> Poly:
    """Return the polynomial of one number."""
    return {_UNIT: Fraction(value)} if value else {}


ONE_POLY = constant(1)


def _reduce(powers: dict[str, Fraction]) -> tuple[Monomial, Fraction]:
    """Return the monomial of these powers and the rational factor that comes out of its roots."""
    factor = Fraction(1)
    kept: list[tuple[str, Fraction]] = []
    for generator, exponent in powers.items():
        if generator == "i" and exponent.denominator == 1:
            turns = exponent.numerator % 4
            factor = -factor if turns >= 2 else factor
            exponent = Fraction(turns % 2)
        elif generator.isdigit():
            whole = exponent.numerator // exponent.denominator
            factor *= Fraction(int(generator)) ** whole
            exponent -= whole
        if exponent:
            kept.append((generator, exponent))
    return tuple(sorted(kept)), factor


def _times(a: Monomial, b: Monomial) -> tuple[Monomial, Fraction]:
    if not a or not b:
        return a or b, Fraction(1)
    powers = dict(a)
    for generator, exponent in b:
        powers[generator] = powers.get(generator, Fraction(0)) + exponent
    return _reduce(powers)


def plus(a: Poly, b: Poly, sign: int = 1) -> Poly:
    """Return a + sign·b."""
    total = dict(a)
    for monomial, coefficient in b.items():
        new = total.get(monomial, Fraction(0)) + sign * coefficient
        if new:
            total[monomial] = new
        else:
            total.pop(monomial, None)
    return total


def times(a: Poly, b: Poly) -> Poly:
    """Return a·b. Raises TooBig."""
    if len(a) * len(b) > MAX_TERMS * 4:
        raise TooBig("too many terms")
    total: Poly = {}
    for m, x in a.items():
        for n, y in b.items():
            monomial, factor = _times(m, n)
            new = total.get(monomial, Fraction(0)) + x * y * factor
            if new:
                total[monomial] = new
            else:
                total.pop(monomial, None)
    if len(total) > MAX_TERMS:
        raise TooBig("too many terms")
    return total


def _invert_monomial(p: Poly) -> Poly:
    ((monomial, coefficient),) = p.items()
    inverse, factor = _reduce({g: -e for g, e in monomial})
    return {inverse: factor / coefficient}


def _simplify(top: Poly, bottom: Poly) -> Quotient:
    """Divide by a denominator of one term."""
    if len(bottom) == 1 and bottom != ONE_POLY:
        return Quotient((times(top, _invert_monomial(bottom)), ONE_POLY))
    return Quotient((top, bottom))


def _order(item: tuple[Monomial, Fraction]) -> Monomial:
    return item[0]


def _key(q: Quotient) -> str:
    """A name for the value, the same for equal forms."""
    def side(p: Poly) -> str:
        # hexadecimal: decimal texts of more than 4,300 digits are refused by Python
        return "+".join(f"{c.numerator:x}/{c.denominator:x}*{m}" for m, c in sorted(p.items(), key=_order))

    top, bottom = q
    if bottom != ONE_POLY:
        lead = bottom[min(bottom)]
        top = {m: c / lead for m, c in top.items()}
        bottom = {m: c / lead for m, c in bottom.items()}
    return f"({side(top)})/({side(bottom)})"


def _atom(name: str, exponent: Fraction = Fraction(1)) -> Quotient:
    return Quotient(({((name, exponent),): Fraction(1)}, ONE_POLY))


def as_number(q: Quotient) -> Fraction | None:
    """Return the rational number q is, or None."""
    top, bottom = q
    if bottom != ONE_POLY or any(m for m in top):
        return None
    return top.get(_UNIT, Fraction(0))


@lru_cache(maxsize=2048)
def _prime_powers(n: int) -> tuple[tuple[int, int], ...]:
    found, divisor = [], 2
    while divisor * divisor <= n and divisor <= MAX_DIVISOR:
        count = 0
        while n % divisor == 0:
            n, count = n // divisor, count + 1
        if count:
            found.append((divisor, count))
        divisor += 1 if divisor == 2 else 2
    if n > 1:
        square = isqrt(n)
        found.append((square, 2) if square * square == n else (n, 1))
    return tuple(found)


def _number_power(value: Fraction, exponent: Fraction) -> Quotient:
    """value^exponent for a rational value; a negative value has its real odd root, or i from its square root."""
    if value == 0:
        if exponent <= 0:
            raise TooBig("a power of zero")
        return Quotient(({}, ONE_POLY))
    bits = max(value.numerator.bit_length(), value.denominator.bit_length())
    if abs(exponent) * bits > MAX_BITS:
        raise TooBig("a huge power")
    if exponent.denominator == 1:
        return Quotient((constant(value**exponent.numerator), ONE_POLY))
    if bits > MAX_ROOT_BITS:
        raise TooBig("a root of a huge number")
    sign = Fraction(1)
    powers: dict[str, Fraction] = {}
    if value < 0:
        if exponent.denominator % 2:
            sign = Fraction(-1) ** exponent.numerator
        elif exponent.denominator == 2:
            powers["i"] = Fraction(exponent.numerator)
        else:
            raise TooBig("a root of a negative number")
    for part, direction in ((abs(value.numerator), 1), (value.denominator, -1)):
        for prime, count in _prime_powers(part):
            powers[str(prime)] = powers.get(str(prime), Fraction(0)) + direction * count * exponent
    monomial, factor = _reduce(powers)
    return Quotient(({monomial: sign * factor}, ONE_POLY))


def power(base: Quotient, exponent: Fraction) -> Quotient:
    """Return base^exponent. Raises TooBig."""
    value = as_number(base)
    if value is not None:
        return _number_power(value, exponent)
    top, bottom = base
    if exponent < 0:
        if not top:
            raise TooBig("division by zero")
        return power(_simplify(bottom, top), -exponent)
    if exponent.denominator == 1:
        n = exponent.numerator
        if n > MAX_POWER and (len(top) > 1 or len(bottom) > 1):
            raise TooBig("a huge power")
        return Quotient((_repeat(top, n), _repeat(bottom, n)))
    if len(top) == 1 and bottom == ONE_POLY:
        ((monomial, coefficient),) = top.items()
        if all(g != "i" and not g.startswith("(") for g, _ in monomial):
            root = _number_power(coefficient, exponent)
            rest, factor = _reduce({g: e * exponent for g, e in monomial})
            return Quotient((times(root[0], {rest: factor}), ONE_POLY))
    return _atom(f"({_key(base)})^({exponent})") if exponent != 1 else base


def _repeat(p: Poly, n: int) -> Poly:
    if len(p) == 1:
        ((monomial, coefficient),) = p.items()
        if n * max(coefficient.numerator.bit_length(), coefficient.denominator.bit_length()) > MAX_BITS:
            raise TooBig("a huge power")
        reduced, factor = _reduce({g: e * n for g, e in monomial})
        return {reduced: factor * coefficient**n}
    result = ONE_POLY
    for _ in range(n):
        result = times(result, p)
    return result


def _combine(parts: list[Quotient], *, product: bool) -> Quotient:
    top, bottom = parts[0]
    for t, b in parts[1:]:
        if product:
            top, bottom = _simplify(times(top, t), times(bottom, b))
        elif bottom == b:
            top = plus(top, t)
        else:
            top, bottom = _simplify(plus(times(top, b), times(t, bottom)), times(bottom, b))
    return Quotient((top, bottom))


def _call(e: Expr) -> Quotient:
    args = [normal_form(a) for a in e.args]
    values = [as_number(a) for a in args]
    first = values[0]
    if e.name == "sqrt":
        index = values[1]
        if not index:
            raise TooBig("a root without index")
        return power(args[0], 1 / index)
    if e.name == "abs" and first is not None:
        return Quotient((constant(abs(first)), ONE_POLY))
    if e.name in {"floor", "ceil"} and first is not None:
        whole = first.numerator // first.denominator if e.name == "floor" else -(-first.numerator // first.denominator)
        return Quotient((constant(whole), ONE_POLY))
    if e.name == "binom" and all(v is not None and v.denominator == 1 and 0 <= v <= 10_000 for v in values):
        n, k = (int(v or 0) for v in values)
        if min(k, n - k) > MAX_FACTORIAL:
            raise TooBig("a huge binomial")
        return Quotient((constant(comb(n, k)), ONE_POLY))
    if e.name in {"ln", "log"} and first == 1:
        return Quotient(({}, ONE_POLY))
    name = {"log": "ln"}.get(e.name, e.name)
    return _atom(f"({name} {' , '.join(_key(a) for a in args)})")


@lru_cache(maxsize=4096)
def normal_form(e: Expr) -> Quotient:
    """Return the exact form of a scalar expression. Raises TooBig where there is none or it is too large."""
    op = e.op
    if op == "num":
        return Quotient((constant(e.value), ONE_POLY))
    if op == "var" or (op == "const" and e.name != "oo"):
        return _atom(e.name)
    if op in {"add", "mul"}:
        return _combine([normal_form(a) for a in e.args], product=op == "mul")
    if op == "div":
        below = normal_form(e.args[1])
        return _combine([normal_form(e.args[0]), power(below, Fraction(-1))], product=True)
    if op == "pow":
        return _power(e)
    if op == "fact":
        n = as_number(normal_form(e.args[0]))
        if n is not None and n.denominator == 1 and 0 <= n <= MAX_FACTORIAL:
            return Quotient((constant(factorial(int(n))), ONE_POLY))
        return _atom(f"(fact {_key(normal_form(e.args[0]))})")
    if op == "pct":
        return _combine([normal_form(e.args[0]), Quotient((constant(Fraction(1, 100)), ONE_POLY))], product=True)
    if op == "deg":
        whole = [normal_form(e.args[0]), _atom("pi"), Quotient((constant(Fraction(1, 180)), ONE_POLY))]
        return _combine(whole, product=True)
    if op == "call":
        return _call(e)
    if op == "rel":
        return _atom(f"(rel {e.name} {' , '.join(_key(normal_form(a)) for a in e.args)})")
    raise TooBig(f"no normal form for {show(e)[:60]}")


def _power(e: Expr) -> Quotient:
    """b^x; an exponent that is a sum splits, 2^(n+1) = 2·2^n, so that such forms meet."""
    base, exponent = normal_form(e.args[0]), normal_form(e.args[1])
    value = as_number(exponent)
    if value is not None:
        return power(base, value)
    top, bottom = exponent
    if bottom != ONE_POLY:
        return _atom(f"({_key(base)})^({_key(exponent)})")
    parts = []
    for monomial, coefficient in top.items():
        if monomial == _UNIT:
            parts.append(power(base, coefficient))
            continue
        whole = coefficient.numerator if coefficient.denominator == 1 else 1
        rest = Fraction(coefficient, whole) if whole else coefficient
        inner = Quotient(({monomial: rest}, ONE_POLY))
        number = as_number(base)
        if number is not None and number > 0 and number.denominator == 1:
            factors = [
                _atom(f"({p})^({_key(inner)})", Fraction(whole * k)) for p, k in _prime_powers(int(number))
            ] or [Quotient((ONE_POLY, ONE_POLY))]
            parts.append(_combine(factors, product=True))
        else:
            parts.append(_atom(f"({_key(base)})^({_key(inner)})", Fraction(whole)))
    return _combine(parts, product=True)


def same_form(a: Expr, b: Expr) -> bool | None:
    """True if a and b have one exact form, False if both are rational numbers and differ, None if it is not known."""
    try:
        left, right = normal_form(a), normal_form(b)
        x, y = as_number(left), as_number(right)
        if x is not None and y is not None:
            return x == y
        return True if not plus(times(left[0], right[1]), times(right[0], left[1]), -1) else None
    except (TooBig, RecursionError, ZeroDivisionError):
        return None


def proportional(a: Expr, b: Expr) -> bool | None:
    """Say whether a = c·b for a rational number c other than 0, as the two sides of one equation are."""
    try:
        (top_a, bottom_a), (top_b, bottom_b) = normal_form(a), normal_form(b)
    except (TooBig, RecursionError, ZeroDivisionError):
        return None
    if not top_a or not top_b:
        return top_a == top_b
    if set(top_a) != set(top_b) or bottom_a != bottom_b:
        return None
    ratios = {top_a[m] / top_b[m] for m in top_a}
    return len(ratios) == 1
