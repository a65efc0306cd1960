"""Kinds of short competition-like items whose answers need LaTeX: fractions, roots, sets, intervals, degrees."""

from collections.abc import Callable
from fractions import Fraction
from math import gcd, lcm
from random import Random

from lm_eval_mathtasks.embedded.recipe.kinds import Kind, Numbers, Range, Solved, drawn, kind_of, worked


def tex(value: Fraction) -> str:
    r"""A fraction as LaTeX, whole numbers without a bar: 7/12 -> \frac{7}{12}."""
    sign = "-" if value < 0 else ""
    if value.denominator == 1:
        return str(value)
    return rf"{sign}\frac{{{abs(value.numerator)}}}{{{value.denominator}}}"


def _fraction_sum(a: int, b: int, c: int, d: int) -> Solved:
    common = lcm(b, d)
    left, right = a * common // b, c * common // d
    total = Fraction(a, b) + Fraction(c, d)
    shown = rf"\frac{{{left}}}{{{common}}}+\frac{{{right}}}{{{common}}}=\frac{{{left + right}}}{{{common}}}"
    return (shown,), tex(total)


def _root(n: int) -> Solved:
    outside = max(k for k in range(1, n) if n % (k * k) == 0)
    rest = n // outside**2
    return (rf"{n}={outside**2}*{rest}",), rf"{outside}\sqrt{{{rest}}}"


def _linear_numbers(rng: Random) -> Numbers:
    a, x, b = rng.randint(2, 9), rng.randint(2, 12), rng.randint(1, 20)
    return {"a": a, "b": b, "c": a * x + b}


def _percent_numbers(rng: Random) -> Numbers:
    whole = rng.choice((10, 20, 25, 50, 100, 200))
    part = whole * rng.randint(1, 19) // 20 if whole % 20 == 0 else rng.randint(1, whole - 1)
    return {"a": part, "b": whole}


def _percent(a: int, b: int) -> Solved:
    share = tex(Fraction(100 * a, b))
    return (rf"\frac{{{a}}}{{{b}}}=\frac{{{share}}}{{100}}",), rf"{share}\%"


def _divisor_numbers(rng: Random) -> Numbers:
    g = rng.randint(2, 9)
    a, b = rng.sample(range(2, 10), 2)
    return {"a": g * a, "b": g * b}


def _divisor(a: int, b: int) -> Solved:
    steps, high, low = [], max(a, b), min(a, b)
    while low:
        steps.append(f"{high}={high // low}*{low}+{high % low}")
        high, low = low, high % low
    return tuple(steps), str(gcd(a, b))


def _beyond(name: str) -> Callable[..., Range]:
    """A number of 2 to 12 more, an even distance away."""
    return lambda **numbers: (numbers[name] + 2, numbers[name] + 12, 2)


KINDS: dict[str, Kind] = {
    "fraction_sum": kind_of(
        drawn(b=(2, 8), d=(2, 8), a=lambda b, **_: (1, b - 1), c=lambda d, **_: (1, d - 1)),
        _fraction_sum,
        r"Add $\frac{{{a}}}{{{b}}}$ and $\frac{{{c}}}{{{d}}}$ and reduce the result.",
        r"Write $\frac{{{a}}}{{{b}}}+\frac{{{c}}}{{{d}}}$ as a fraction in lowest terms.",
    ),
    "root": kind_of(
        lambda rng: {"n": rng.randint(2, 9) ** 2 * rng.choice((2, 3, 5, 6, 7))},
        _root,
        r"Pull the largest possible square out of $\sqrt{{{n}}}$.",
        r"Write $\sqrt{{{n}}}$ with the smallest possible number under the root.",
    ),
    "linear": kind_of(
        _linear_numbers,
        worked("{a}x=c-b", "p/a"),
        r"Solve ${a}x+{b}={c}$ for $x$.",
        r"Which number $x$ satisfies ${a}x+{b}={c}$?",
    ),
    "polynomial": kind_of(
        drawn(a=(2, 9), b=(1, 9), x=(2, 9)),
        worked("x*x", "a*x", "p+q", "r+b"),
        r"Let $f(x)=x^2+{a}x+{b}$. Find $f({x})$.",
        r"Put $x={x}$ into $x^2+{a}x+{b}$. What comes out?",
    ),
    "roots": kind_of(
        lambda rng: dict(zip("ab", rng.sample(range(1, 13), 2), strict=True)),
        lambda a, b: ((f"x={a}", f"x=-{b}"), rf"\{{-{b},{a}\}}"),
        r"Give the set of all solutions of $(x-{a})(x+{b})=0$.",
        r"For which real $x$ does the product $(x-{a})(x+{b})$ vanish? Give a set.",
    ),
    "distance": kind_of(
        drawn(a=(2, 15), b=(2, 15)),
        worked("a-b", "a+b", answer=r"\{{{p},{q}\}}"),
        r"Give the set of all $x$ with $|x-{a}|={b}$.",
        r"Which points on the number line lie at distance ${b}$ from ${a}$? Give a set.",
    ),
    "percent": kind_of(
        _percent_numbers,
        _percent,
        r"What percent of ${b}$ is ${a}$?",
        r"A score of ${a}$ out of ${b}$ is how many percent?",
    ),
    "common_divisor": kind_of(
        _divisor_numbers,
        _divisor,
        r"Determine $\gcd({a},{b})$.",
        r"What is the largest integer that divides both ${a}$ and ${b}$?",
    ),
    "third_angle": kind_of(
        lambda rng: {name: 5 * rng.randint(4, 16) for name in "ab"},
        worked("a+b", "180-p", answer=r"{q}^\circ"),
        r"Two angles of a triangle measure ${a}^\circ$ and ${b}^\circ$. Find the third angle in degrees.",
        r"A triangle has angles of ${a}^\circ$ and ${b}^\circ$. How large is the remaining angle, in degrees?",
    ),
    "inequality": kind_of(
        _linear_numbers,
        worked("c-b", "p/a", answer=r"(-\infty,{q})"),
        r"Solve ${a}x+{b}<{c}$. Answer with an interval.",
        r"In interval notation, for which $x$ is ${a}x+{b}<{c}$?",
    ),
    "midpoint": kind_of(
        drawn(a=(1, 12), b=(1, 12), c=_beyond("a"), d=_beyond("b")),
        worked("a+c", "p/2", "b+d", "r/2", answer="({q},{s})"),
        r"Find the midpoint of the segment from $({a},{b})$ to $({c},{d})$.",
        r"Which point lies halfway between $({a},{b})$ and $({c},{d})$?",
    ),
    "complex_sum": kind_of(
        drawn(a=(2, 19), b=(2, 19), c=(2, 19), d=(2, 19)),
        worked("a+c", "b+d", answer="{p}+{q}i"),
        r"Compute $({a}+{b}i)+({c}+{d}i)$.",
        r"Write the sum of ${a}+{b}i$ and ${c}+{d}i$ in the form $p+qi$.",
    ),
    "expand": kind_of(
        drawn(a=(2, 9), b=(2, 9)),
        worked("a+b", "a*b", answer="x^2+{p}x+{q}"),
        r"Multiply out $(x+{a})(x+{b})$.",
        r"Write $(x+{a})(x+{b})$ as a polynomial in $x$.",
    ),
}
