"""Exact normal forms: an expression as a quotient of polynomials over the rationals (see `polynomials`).

Two expressions with the same form are equal; that is a proof, not an approximation. Variables are read as
positive where it matters, (x^2)^(1/2) = x; `numeric` has looked at negative values before.
"""

from fractions import Fraction
from functools import lru_cache
from math import ceil, comb, factorial, floor, prod

from lm_eval_mathtasks.grading.expr import MINUS_ONE, Expr, mul, num, numeral_value, rewrite, show_expr
from lm_eval_mathtasks.grading.polynomials import (
    ALTERNATING,
    ONE_POLY,
    UNIT_MONOMIAL,
    Quotient,
    TooBig,
    as_number,
    atom,
    combine,
    constant,
    key,
    plus,
    power,
    prime_powers,
    rational,
    start_work,
    times,
)

# Largest n whose factorial is computed: 3000! has 9,131 digits and takes a millisecond.
MAX_FACTORIAL = 3_000
# A sum or product is written out up to this many terms; a factor of a product by factorials has at most so many.
MAX_SUM, MAX_FACTOR_TERMS = 300, 3


def _call(e: Expr) -> Quotient:
    if e.name in {"sum", "prod"} and (written := _written_out(e)):
        return written
    args = [quotient_form(a) for a in e.args]
    values = [as_number(a) for a in args]
    first = values[0]
    if e.name == "sqrt":
        index = values[1]
        if not index:
            raise TooBig("a root without index")
        return power(args[0], 1 / index)
    if e.name == "abs" and first is not None:
        return rational(abs(first))
    if e.name in {"floor", "ceil"} and first is not None:
        return rational(floor(first) if e.name == "floor" else ceil(first))
    if e.name == "binom" and all(v is not None and v.denominator == 1 and 0 <= v <= 10_000 for v in values):
        n, k = (int(v or 0) for v in values)
        if min(k, n - k) > MAX_FACTORIAL:
            raise TooBig("a huge binomial")
        return rational(comb(n, k))
    if e.name == "fact2":
        return _double_factorial(args[0])
    if e.name in {"ln", "log"}:
        return _logarithm(args[0])
    if e.name == "logb":
        return combine([_logarithm(args[0]), power(_logarithm(args[1]), Fraction(-1))], product=True)
    return atom(f"({e.name} {' , '.join(key(a) for a in args)})")


def _written_out(e: Expr) -> Quotient | None:
    """A sum or product over a known range term by term; a product of s·i + c over i = 0 to n by factorials."""
    if len(e.args) != 3 or e.args[0].op != "rel" or e.args[0].args[0].op != "var":
        return None
    index, start = e.args[0].args
    low, high = (as_number(quotient_form(a)) for a in (start, e.args[1]))
    if low is not None and high is not None:
        if low.denominator * high.denominator > 1 or not 0 <= high - low < MAX_SUM:
            return None
        terms = [rewrite(e.args[2], {index: num(k)}.get) for k in range(int(low), int(high) + 1)]
        return combine([quotient_form(t) for t in terms], product=e.name == "prod")
    top, bottom = quotient_form(e.args[2])
    i = ((index.name, Fraction(1)),)
    if e.name == "sum" or low != 0 or bottom != ONE_POLY or i not in top or len(top) > MAX_FACTOR_TERMS:
        return None
    step = top[i]
    rest = {m: c for m, c in top.items() if m != i}
    if any(g == index.name for m in rest for g, _ in m):
        return None
    last = quotient_form(e.args[1])
    # (c/s + n)! / (c/s - 1)! and n + 1 factors s; (2n + 1)!! of odd numbers
    if step == 2 and rest == ONE_POLY:
        return _double_factorial(combine([*[last] * 2, rational(1)], product=False))
    first = Quotient(({m: c / step for m, c in rest.items()}, ONE_POLY))
    upper, lower = combine([first, last], product=False), Quotient((plus(first[0], ONE_POLY, -1), ONE_POLY))
    steps = _power(rational(step), combine([last, rational(1)], product=False))
    return combine([steps, _factorial(upper), power(_factorial(lower), Fraction(-1))], product=True)


def _factorial(q: Quotient) -> Quotient:
    n = as_number(q)
    if n is not None and n.denominator == 1 and 0 <= n <= MAX_FACTORIAL:
        return rational(factorial(int(n)))
    return atom(f"(fact {key(q)})")


def _double_factorial(q: Quotient) -> Quotient:
    """n!! by factorials: (2m)!! = 2^m m!, and (2m-1)!! = (2m)! / (2^m m!), where n is seen to be even or odd."""
    n = as_number(q)
    if n is not None and n.denominator == 1 and -1 <= n <= 2 * MAX_FACTORIAL:
        return rational(prod(range(int(n), 0, -2)))
    top, bottom = q
    rest = top.get(UNIT_MONOMIAL, Fraction(0))
    if bottom != ONE_POLY or any(c.denominator > 1 or (c.numerator % 2 and m) for m, c in top.items()):
        return atom(f"(fact2 {key(q)})")
    odd = rest.numerator % 2
    half = Quotient(({m: c / 2 for m, c in plus(top, constant(odd)).items()}, ONE_POLY))
    even = combine([_power(rational(2), half), _factorial(half)], product=True)
    if not odd:
        return even
    return combine(
        [_factorial(Quotient((plus(top, constant(1)), ONE_POLY))), power(even, Fraction(-1))], product=True
    )


def _logarithm(q: Quotient) -> Quotient:
    """ln q as a sum over the primes of q, ln(2^(1/2)·3) = ln(2)/2 + ln(3), so that logarithms of numbers meet."""
    top, bottom = q
    if len(top) == 1 and bottom == ONE_POLY:
        ((monomial, coefficient),) = top.items()
        if coefficient > 0 and all(g.isdigit() or g == "e" for g, _ in monomial):
            parts = {f"(ln {g})" if g != "e" else "": e for g, e in monomial}
            for number, sign in ((coefficient.numerator, 1), (coefficient.denominator, -1)):
                for prime, count in prime_powers(number):
                    parts[f"(ln {prime})"] = parts.get(f"(ln {prime})", Fraction(0)) + sign * count
            return Quotient(
                ({((g, Fraction(1)),) if g else UNIT_MONOMIAL: c for g, c in parts.items() if c}, ONE_POLY)
            )
    return atom(f"(ln {key(q)})")


@lru_cache(maxsize=1024)
def quotient_form(e: Expr) -> Quotient:
    """Return the exact form of a scalar expression. Raises TooBig where there is none or it is too large."""
    op = e.op
    if op == "num":
        return rational(e.value)
    if op == "var" or (op == "const" and e.name != "oo"):
        return atom(e.name)
    if op == "base" and (value := numeral_value(e)) is not None:
        return rational(value)
    if op in {"add", "mul"}:
        return combine([quotient_form(a) for a in e.args], product=op == "mul")
    if op == "div":
        below = quotient_form(e.args[1])
        return combine([quotient_form(e.args[0]), power(below, Fraction(-1))], product=True)
    if op == "pow":
        return _power(quotient_form(e.args[0]), quotient_form(e.args[1]))
    if op == "fact":
        return _factorial(quotient_form(e.args[0]))
    if op == "pct":
        return combine([quotient_form(e.args[0]), rational(Fraction(1, 100))], product=True)
    if op == "deg":
        whole = [quotient_form(e.args[0]), atom("pi"), rational(Fraction(1, 180))]
        return combine(whole, product=True)
    if op == "call":
        return _call(e)
    if op == "rel":
        return atom(f"(rel {e.name} {' , '.join(key(quotient_form(a)) for a in e.args)})")
    raise TooBig(f"no normal form for {show_expr(e)[:60]}")


def _power(base: Quotient, exponent: Quotient) -> Quotient:
    """b^x; an exponent that is a sum splits, 2^(n+1) = 2·2^n, so that such forms meet."""
    value = as_number(exponent)
    if value is not None:
        return power(base, value)
    top, bottom = exponent
    if bottom != ONE_POLY:
        return atom(f"({key(base)})^({key(exponent)})")
    parts = []
    for monomial, coefficient in top.items():
        if monomial == UNIT_MONOMIAL:
            parts.append(power(base, coefficient))
            continue
        # 4^(3n) = (2^n)^6: whole factors of the exponent come out, so that powers of one base meet
        whole = coefficient.numerator if coefficient.denominator == 1 else 1
        inner = Quotient(({monomial: Fraction(coefficient, whole)}, ONE_POLY))
        number = as_number(base)
        if number:
            parts += _exponential(number, inner, whole)
        else:
            parts.append(atom(f"({key(base)})^({key(inner)})", Fraction(whole)))
    return combine(parts, product=True)


def _exponential(base: Fraction, inner: Quotient, whole: int) -> list[Quotient]:
    """The factors of base^(inner·whole): one for every prime of the base, and one for its sign."""
    primes = [*prime_powers(abs(base.numerator)), *((p, -k) for p, k in prime_powers(base.denominator))]
    factors = [atom(f"({p})^({key(inner)})", Fraction(whole * k)) for p, k in primes]
    if base < 0:
        # only for integers has it a real value, and then its square is 1: see polynomials
        integral = set(inner[0].values()) == {Fraction(1)}
        sign = ALTERNATING if integral else "(-1)^"
        factors.append(atom(f"{sign}({key(inner)})", Fraction(whole % 2 if integral else whole)))
    return factors or [rational(1)]


def difference(a: Expr, b: Expr) -> Quotient | None:
    """Return the form of a - b, None where it has none."""
    start_work()
    try:
        return combine([quotient_form(a), quotient_form(mul(MINUS_ONE, b))], product=False)
    except (TooBig, RecursionError, ZeroDivisionError):
        return None


def same_form(a: Expr, b: Expr) -> bool | None:
    """True if a and b have one exact form, False if both are rational numbers and differ, None if it is not known."""
    start_work()
    try:
        left, right = quotient_form(a), quotient_form(b)
        x, y = as_number(left), as_number(right)
        if x is not None and y is not None:
            return x == y
        return True if not plus(times(left[0], right[1]), times(right[0], left[1]), -1) else None
    except (TooBig, RecursionError, ZeroDivisionError):
        return None


def proportional(a: Expr, b: Expr) -> bool | None:
    """Say whether a = c·b for a rational number c other than 0, as the two sides of one equation are."""
    start_work()
    try:
        (top_a, bottom_a), (top_b, bottom_b) = quotient_form(a), quotient_form(b)
    except (TooBig, RecursionError, ZeroDivisionError):
        return None
    if not top_a or not top_b:
        return top_a == top_b
    if set(top_a) != set(top_b) or bottom_a != bottom_b:
        return None
    ratios = {top_a[m] / top_b[m] for m in top_a}
    return len(ratios) == 1
