"""Two kinds of numbers to evaluate in: balls (fast, with a proven error), and 50 digits and more (mpmath)."""

from __future__ import annotations

import cmath
import math
import threading
from fractions import Fraction
from typing import Any

_EPS = 2.0**-50  # four units in the last place: what one operation of the C library may lose
_MAX_EXPONENT = 1e9  # beyond, exp() and powers are refused: the result would not fit into memory
_MAX_EXACT_BITS = 2_000  # exact values are carried along while they are small
_MAX_FACTORIAL = 10_000


class Undecided(Exception):
    """The value is undefined here, or not known well enough."""


class Ball:
    """All complex numbers within `r` of `v`; `q` is the exact value where it is a known rational."""

    __slots__ = ("q", "r", "v")

    def __init__(self, v: complex, r: float, q: Fraction | None = None) -> None:
        if not (math.isfinite(v.real) and math.isfinite(v.imag) and r < math.inf):
            raise Undecided("overflow")
        self.v, self.r, self.q = v, r + abs(v) * _EPS, q

    @classmethod
    def exact(cls, q: Fraction) -> Ball:
        """Return the ball of a rational number."""
        try:
            value = float(q)
        except OverflowError:
            raise Undecided("overflow") from None
        if q and abs(value) < 1e-290:
            raise Undecided("underflow")
        return cls(
            complex(value),
            0.0,
            q if q.numerator.bit_length() + q.denominator.bit_length() < _MAX_EXACT_BITS else None,
        )

    def __add__(self, o: Ball) -> Ball:
        if self.q is not None and o.q is not None:
            return Ball.exact(self.q + o.q)
        return Ball(self.v + o.v, self.r + o.r)

    def __mul__(self, o: Ball) -> Ball:
        if self.q is not None and o.q is not None:
            return Ball.exact(self.q * o.q)
        return Ball(self.v * o.v, abs(self.v) * o.r + abs(o.v) * self.r + self.r * o.r)

    def __truediv__(self, o: Ball) -> Ball:
        if self.q is not None and o.q:
            return Ball.exact(self.q / o.q)
        size = abs(o.v) - o.r
        if size <= 0:
            raise Undecided("division by what may be zero")
        return Ball(self.v / o.v, (abs(self.v) * o.r / abs(o.v) + self.r) / size)

    def differs(self, o: Ball) -> bool:
        """Is it proven that the two values are not the same?"""
        if self.q is not None and o.q is not None:
            return self.q != o.q
        return abs(self.v - o.v) > self.r + o.r

    @property
    def real(self) -> bool:
        """May the value be real?"""
        return abs(self.v.imag) <= self.r


def _real_ball(v: complex, r: float) -> Ball:
    """A ball on the real axis where the value is real: its imaginary part is exactly +0.0, off every branch cut."""
    return Ball(complex(v.real, 0.0) if v.imag == 0 else v, r)


class BallField:
    """Elementary functions on balls. An error is twice the first-order one, which covers curvature for small radii."""

    def number(self, q: Fraction) -> Ball:
        """Return a rational number."""
        return Ball.exact(q)

    def constant(self, name: str) -> Ball:
        """Return π, e or i."""
        if name == "i":
            return Ball(1j, 0.0)
        return Ball(complex({"pi": math.pi, "e": math.e}[name]), 0.0)

    def value(self, b: Ball) -> Fraction | None:
        """Return the exact value, or None."""
        return b.q

    def root(self, x: Ball, n: int) -> Ball:
        """Return the n-th root: the real one of a negative number for odd n."""
        if abs(x.v) <= 4 * x.r:
            if x.q == 0:
                return x
            raise Undecided("a root of what may be zero")
        if x.real and x.v.real < 0:
            size = self.root(Ball(-x.v, x.r), n)
            if n % 2:
                return Ball(-size.v, size.r)
            if n == 2:
                return Ball(complex(0.0, size.v.real), size.r)
            raise Undecided("a higher root of a negative number")
        v = math.sqrt(x.v.real) if n == 2 and x.v.imag == 0 else x.v ** (1 / n)
        return _real_ball(complex(v), 2 * x.r * abs(v) / (n * abs(x.v)))

    def power(self, a: Ball, b: Ball) -> Ball:
        """Return a^b."""
        if b.q is not None and b.q.denominator == 1:
            return self.integer_power(a, int(b.q))
        if b.q is not None and b.q.denominator <= 60:
            return self.integer_power(self.root(a, b.q.denominator), b.q.numerator)
        if abs(a.v) <= 4 * a.r or (a.real and a.v.real < 0):
            raise Undecided("a power of what may be zero or negative")
        return self.exp(b * self.log(a))

    def integer_power(self, a: Ball, n: int) -> Ball:
        """Return a^n."""
        if (
            a.q is not None
            and abs(n) * max(a.q.numerator.bit_length(), a.q.denominator.bit_length()) < _MAX_EXACT_BITS
        ):
            if a.q == 0 and n <= 0:
                raise Undecided("a power of zero")
            return Ball.exact(a.q**n)
        if abs(a.v) <= 4 * a.r or abs(n) > 10**6:
            raise Undecided("a power of what may be zero")
        try:
            v = a.v**n
        except (OverflowError, ZeroDivisionError):
            raise Undecided("overflow") from None
        if abs(v) < 1e-290:
            raise Undecided("underflow")
        return _real_ball(v, abs(v) * abs(n) * (2 * a.r / abs(a.v) + _EPS))

    def exp(self, x: Ball) -> Ball:
        """Return e^x."""
        if abs(x.v.real) > 600 or x.r > 0.1:
            raise Undecided("overflow")
        v = cmath.exp(x.v)
        return _real_ball(v, 2 * abs(v) * x.r)

    def log(self, x: Ball) -> Ball:
        """Return the natural logarithm."""
        if abs(x.v) <= 4 * x.r or (x.real and x.v.real < 0):
            raise Undecided("a logarithm of what may be zero or negative")
        return _real_ball(cmath.log(x.v), 2 * x.r / abs(x.v))

    def call(self, name: str, args: list[Ball]) -> Ball:
        """Return a function of one argument."""
        x = args[0]
        if name == "abs":
            return Ball(complex(abs(x.v)), x.r, None if x.q is None else abs(x.q))
        if name not in _DERIVATIVES or x.r > 1e-4:
            raise Undecided(f"no {name} of balls")
        try:
            v, slope = getattr(cmath, _PYTHON_NAMES.get(name, name))(x.v), abs(_DERIVATIVES[name](x.v))
        except (ValueError, OverflowError, ZeroDivisionError):
            raise Undecided(name) from None
        if slope > 1e6:
            raise Undecided("too steep")
        return _real_ball(v, 2 * x.r * (slope + x.r * 10) + _EPS * slope * abs(x.v))

    def floor(self, x: Ball) -> Fraction:
        """Return the largest integer below, where it is known."""
        if x.q is not None:
            return Fraction(math.floor(x.q))
        low, high = math.floor(x.v.real - x.r), math.floor(x.v.real + x.r)
        if not x.real or low != high:
            raise Undecided("a floor between two integers")
        return Fraction(low)

    def factorial(self, x: Ball) -> Ball:
        """Return x! for a whole number."""
        if x.q is None or x.q.denominator != 1 or not 0 <= x.q <= 170:
            raise Undecided("a factorial of what is no small number")
        return Ball.exact(Fraction(math.factorial(int(x.q))))

    def factorial2(self, x: Ball) -> Ball:
        """Return x!! = x(x-2)(x-4)... for a whole number."""
        if x.q is None or x.q.denominator != 1 or not -1 <= x.q <= 300:
            raise Undecided("a double factorial of what is no small number")
        return Ball.exact(Fraction(math.prod(range(int(x.q), 0, -2))))


_PYTHON_NAMES = {"arcsin": "asin", "arccos": "acos", "arctan": "atan"}
_DERIVATIVES: dict[str, Any] = {
    "sin": cmath.cos,
    "cos": cmath.sin,
    "tan": lambda z: 1 / cmath.cos(z) ** 2,
    "arcsin": lambda z: 1 / cmath.sqrt(1 - z * z),
    "arccos": lambda z: 1 / cmath.sqrt(1 - z * z),
    "arctan": lambda z: 1 / (1 + z * z),
    "sinh": cmath.cosh,
    "cosh": cmath.sinh,
    "tanh": lambda z: 1 / cmath.cosh(z) ** 2,
}


class MpField:
    """Complex numbers of `digits` decimal digits."""

    def __init__(self, digits: int) -> None:
        import mpmath

        self.mp = mpmath.mp.clone()
        self.mp.dps = digits

    def number(self, q: Fraction) -> Any:
        """Return a rational number."""
        return self.mp.mpc(q.numerator) / self.mp.mpf(q.denominator)

    def constant(self, name: str) -> Any:
        """Return π, e or i."""
        return self.mp.mpc(0, 1) if name == "i" else self.mp.mpc({"pi": self.mp.pi, "e": self.mp.e}[name])

    def value(self, x: Any) -> Fraction | None:
        """An integer, where x is one to within rounding; asked of arguments such as n in n!."""
        nearest = self.mp.nint(x.real)
        close = abs(x - nearest) < self.mp.mpf(10) ** (-self.mp.dps // 2)
        return Fraction(int(nearest)) if close and abs(nearest) < 10**15 else None

    def root(self, x: Any, n: int) -> Any:
        """Return the n-th root: the real one of a negative number for odd n."""
        if x.imag == 0 and x.real < 0 and n % 2:
            return -self.mp.root(-x.real, n) * self.mp.mpc(1)
        return self.mp.mpc(self.mp.root(x, n))

    def power(self, a: Any, b: Any) -> Any:
        """Return a^b."""
        if a == 0:
            if b.real > 0:
                return a
            raise Undecided("a power of zero")
        if abs(b) * (1 + abs(self.mp.log(a))) > _MAX_EXPONENT:
            raise Undecided("a huge power")
        return self.mp.mpc(a**b)

    def exp(self, x: Any) -> Any:
        """Return e^x."""
        if abs(x) > _MAX_EXPONENT:
            raise Undecided("a huge power")
        return self.mp.exp(x)

    def log(self, x: Any) -> Any:
        """Return the natural logarithm."""
        if x == 0:
            raise Undecided("a logarithm of zero")
        return self.mp.mpc(self.mp.log(x))

    def call(self, name: str, args: list[Any]) -> Any:
        """Return a function of one argument."""
        function = getattr(self.mp, _MP_NAMES.get(name, name), None) if name in _MP_CALLS else None
        if function is None or abs(args[0]) > _MAX_EXPONENT:
            raise Undecided(f"no {name}")
        return self.mp.mpc(function(args[0]))

    def floor(self, x: Any) -> Fraction:
        """Return the largest integer below, where it is known."""
        exact = self.value(x)
        if exact is None and (abs(x.imag) > 0 or abs(x) > _MAX_EXPONENT):
            raise Undecided("a floor of no moderate real number")
        return Fraction(int(self.mp.floor(x.real))) if exact is None else exact

    def factorial(self, x: Any) -> Any:
        """Return x! for a whole number."""
        n = self.value(x)
        if n is None or not 0 <= n <= _MAX_FACTORIAL:
            raise Undecided("a huge factorial")
        return self.mp.mpc(self.mp.factorial(int(n)))

    def factorial2(self, x: Any) -> Any:
        """Return x!! = x(x-2)(x-4)... for a whole number."""
        n = self.value(x)
        if n is None or not -1 <= n <= _MAX_FACTORIAL:
            raise Undecided("a huge double factorial")
        return self.mp.mpc(self.mp.fac2(int(n)))


_fields = threading.local()  # mpmath changes the precision of a context while it works: one context a thread


def mp_field(digits: int) -> MpField:
    """Return this thread's field of at least so many digits; making one takes a millisecond."""
    rounded = -(-digits // 100) * 100
    known: dict[int, MpField] = _fields.__dict__.setdefault("by_digits", {})
    if rounded not in known:
        known[rounded] = MpField(rounded)
    return known[rounded]


_MP_NAMES = {"arcsin": "asin", "arccos": "acos", "arctan": "atan", "abs": "fabs"}
_MP_CALLS = {*_DERIVATIVES, "abs"}
