"""Quotients of polynomials over the rationals, with roots, π, e, i and unknown functions as generators.

A polynomial maps monomials to rational coefficients; a monomial is a sorted tuple of (generator, exponent)
with rational exponents. Generators are variables, π, e, i, the primes under a root (2^(1/2)), and whatever
has no rule of its own, such as sin(x), named by its own normal form. Powers of primes are reduced below 1 and
powers of i below 2, so products of roots of integers come out in their one normal form (Besicovitch 1940:
roots of distinct primes are linearly independent over the rationals).
"""

import hashlib
import threading
from fractions import Fraction
from functools import lru_cache
from math import isqrt

Monomial = tuple[tuple[str, Fraction], ...]
Poly = dict[Monomial, Fraction]

# A polynomial with more terms than this is left to the symbolic tier; the longest in the MATH test set has 9.
MAX_TERMS = 400
# Names of generators contain those of what is inside them: longer ones are replaced by their SHA-256.
MAX_KEY = 300
# Products of coefficients in one comparison, about 2 µs each; large numbers count by their bits squared.
MAX_WORK, LARGE_BITS = 40_000, 1_000
# (x+1)^n is multiplied out only up to this n, and numbers are raised to powers of at most this many bits.
MAX_POWER, MAX_BITS = 40, 60_000
# Integers are factored by trial division up to this divisor; a larger rest stays under its root as it is.
MAX_DIVISOR = 10_000
# Roots are simplified of numbers up to this size: 1,200 digits.
MAX_ROOT_BITS = 4_000
# Characters in the name of a generator: a function's name holds its argument's, and grows with every nesting.
MAX_NAME = 2_000

UNIT_MONOMIAL: Monomial = ()
# How the generators begin that stand for (-1)^n with an integer n.
ALTERNATING = "(-1)^^"


class TooBig(Exception):
    """The polynomial would be too large, or the expression has no normal form."""


class Quotient(tuple[Poly, Poly]):
    """numerator, denominator."""

    __slots__ = ()


def constant(value: Fraction | int) -> Poly:
    """Return the polynomial of one number."""
    return {UNIT_MONOMIAL: Fraction(value)} if value else {}


ONE_POLY = constant(1)


def rational(value: Fraction | int) -> Quotient:
    """Return the form of a rational number."""
    return Quotient((constant(value), ONE_POLY))


def _reduce(powers: dict[str, Fraction]) -> tuple[Monomial, Fraction]:
    """Return the monomial of these powers and the rational factor that comes out of its roots."""
    factor = Fraction(1)
    kept: list[tuple[str, Fraction]] = []
    for generator, power_of_it in powers.items():
        exponent = power_of_it
        if generator == "i" and exponent.denominator == 1:
            turns = exponent.numerator % 4
            factor = -factor if turns >= 2 else factor
            exponent = Fraction(turns % 2)
        # (-1)^n for an integer n: its square is 1
        elif generator.startswith(ALTERNATING) and exponent.denominator == 1:
            exponent = Fraction(exponent.numerator % 2)
        # a prime under a root keeps only the part of its exponent below 1
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


_work = threading.local()


def start_work() -> None:
    """Begin a comparison: allow it MAX_WORK products of coefficients."""
    _work.left = MAX_WORK


def spend(products: int) -> None:
    """Count work; raises TooBig when there has been too much of it."""
    _work.left = getattr(_work, "left", MAX_WORK) - products
    if _work.left < 0:
        raise TooBig("too much to multiply out")


def times(a: Poly, b: Poly) -> Poly:
    """Return a·b. Raises TooBig."""
    if len(a) * len(b) > MAX_TERMS * 4:
        raise TooBig("too many terms")
    spend(len(a) * len(b))
    total: Poly = {}
    for m, x in a.items():
        for n, y in b.items():
            monomial, factor = _times(m, n)
            new = total.get(monomial, Fraction(0)) + x * y * factor
            if new.numerator.bit_length() > LARGE_BITS:
                spend(new.numerator.bit_length() ** 2 // LARGE_BITS**2)
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


def key(q: Quotient) -> str:
    """Return a name for the value, the same for equal forms and no longer than MAX_KEY."""

    def side(p: Poly) -> str:
        # hexadecimal: decimal texts of more than 4,300 digits are refused by Python
        return "+".join(
            f"{c.numerator:x}/{c.denominator:x}{named(m)}" for m, c in sorted(p.items(), key=_order)
        )

    def named(m: Monomial) -> str:
        # with lengths, so that no name of a variable can imitate a product
        return "".join(f"*{len(g)}:{g}^{e}" for g, e in m)

    top, bottom = q
    if bottom != ONE_POLY:
        lead = bottom[min(bottom)]
        top = {m: c / lead for m, c in top.items()}
        bottom = {m: c / lead for m, c in bottom.items()}
    name = f"({side(top)})/({side(bottom)})"
    return (
        name if len(name) <= MAX_KEY else f"(#{hashlib.sha256(name.encode('utf-8', 'replace')).hexdigest()})"
    )


def atom(name: str, exponent: Fraction = Fraction(1)) -> Quotient:
    """Return a generator, raised to a power. Raises TooBig for a name that nesting made longer than any answer's."""
    if len(name) > MAX_NAME:
        raise TooBig("functions nested too deep")
    return Quotient(({((name, exponent),): Fraction(1)}, ONE_POLY)) if exponent else rational(1)


def as_number(q: Quotient) -> Fraction | None:
    """Return the rational number q is, or None."""
    top, bottom = q
    if top and (bottom != ONE_POLY or any(m for m in top)):
        return None
    return top.get(UNIT_MONOMIAL, Fraction(0))


@lru_cache(maxsize=2048)
def prime_powers(n: int) -> tuple[tuple[int, int], ...]:
    """Factor n into (divisor, exponent) pairs: prime, but for a rest beyond MAX_DIVISOR squared."""
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
    """value^exponent for a rational value; a negative one has a real odd root, or i from its square root."""
    if value == 0:
        if exponent <= 0:
            raise TooBig("a power of zero")
        return Quotient(({}, ONE_POLY))
    bits = max(value.numerator.bit_length(), value.denominator.bit_length())
    if abs(exponent) * bits > MAX_BITS:
        raise TooBig("a huge power")
    if exponent.denominator == 1:
        return rational(value**exponent.numerator)
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
        for prime, count in prime_powers(part):
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
    return atom(f"({key(base)})^({exponent})") if exponent != 1 else base


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


def combine(parts: list[Quotient], *, product: bool) -> Quotient:
    """Return the product or the sum of the parts. Raises TooBig."""
    top, bottom = parts[0]
    for t, b in parts[1:]:
        if product:
            top, bottom = _simplify(times(top, t), times(bottom, b))
        elif bottom == b:
            top = plus(top, t)
        else:
            top, bottom = _simplify(plus(times(top, b), times(t, bottom)), times(bottom, b))
    return Quotient((top, bottom))
