"""What the generator's wordings mean, read from the text alone: kind, numbers in their roles, and the answer.

Written from the wordings, not from the generator's own formulas; where there is a choice, by search instead of
formula. `read(question)` finds the one rule that matches.
"""

import re
from fractions import Fraction
from math import isqrt


def fraction(value: Fraction) -> str:
    return str(value) if value.denominator == 1 else rf"\frac{{{value.numerator}}}{{{value.denominator}}}"


def root(n: int) -> str:
    inside = next(m for m in range(1, n) if n % m == 0 and isqrt(n // m) ** 2 == n // m)
    return rf"{isqrt(n // inside)}\sqrt{{{inside}}}"


def solutions(equation) -> str:
    return rf"\{{{','.join(str(x) for x in range(-99, 100) if equation(x))}\}}"


# (kind, answer from the numbers, wordings with the numbers as named groups; W is any words)
RULES = [
    (
        "sum",
        lambda a, b: a + b,
        [
            "#a {W} at home and is handed #b more",
            "#a visitors before noon and #b after",
            "#a {W} on the table and #b {W} on the floor",
        ],
    ),
    (
        "difference",
        lambda a, b: a - b,
        [
            "owned #a {W} but #b got lost",
            "Out of #a seats on a ferry, #b are occupied",
            "wants #a {W} and has collected #b.",
        ],
    ),
    (
        "product",
        lambda a, b: sum([b] * a),
        [
            "contains #b {W}. How many {W} do #a {W} contain",
            "plants #a rows with #b tulips",
            "swims #b laps a day for #a days",
        ],
    ),
    (
        "quotient",
        lambda a, b: next(q for q in range(a) if q * b == a),
        [
            "#a {W} are divided evenly among #b",
            "splits #a {W} fairly between #b cousins",
            "rope of #a meters is cut into #b equal",
        ],
    ),
    (
        "in_and_out",
        lambda a, b, c: a + b - c,
        [
            "carries #a people. #b people board and then #c leave",
            "has #a {W}, wins #b more, and then trades away #c",
            "bakes #a rolls and {W} bakes #b rolls. They eat #c rolls",
        ],
    ),
    (
        "groups_and_more",
        lambda a, b, c: sum([b] * a, c),
        [
            "fills #a {W} with #b {W} each and has #c {W} left",
            "saves #b dollars a week for #a weeks and then finds #c dollars",
        ],
    ),
    (
        "groups_less",
        lambda a, b, c: sum([b] * a, -c),
        ["opens #a {W} of #b {W} and uses up #c", "#a rows of #b chairs. #c chairs are broken"],
    ),
    (
        "more_than",
        lambda a, b: sum([a, a + b]),
        ["has #a {W}. {W} has #b more than", "walked #a miles in May and #b miles more than that"],
    ),
    (
        "times_as_many",
        lambda a, b: a * (1 + b),
        ["has #a {W}. {W} has #b times as many", "hen weighs #a pounds and a goat weighs #b times"],
    ),
    (
        "change",
        lambda a, b, c: c - sum([b] * a),
        [
            "picks #a {W} at #b dollars apiece and hands over #c",
            "has #c dollars and pays for #a rides at #b dollars",
        ],
    ),
    (
        "shared_rest",
        lambda a, b, c: next(q for q in range(a) if q * c + b == a),
        [
            "has #a {W}, keeps #b, and deals out the rest equally to #c",
            "#a liters of juice #b liters are spilled. The rest fills #c",
        ],
    ),
    (
        "two_prices",
        lambda a, b, c, d: sum([b] * a + [d] * c),
        [
            "buys #a {W} for #b dollars each and #c hats for #d",
            "sells #a large flags at #b dollars and #c small flags at #d",
        ],
    ),
    (
        "fraction_sum",
        lambda a, b, c, d: fraction(Fraction(a, b) + Fraction(c, d)),
        [r"Add $\frac{#a}{#b}$ and $\frac{#c}{#d}$", r"\frac{#a}{#b}+\frac{#c}{#d}$ as a fraction"],
    ),
    ("root", root, [r"square out of $\sqrt{#n}$", r"Write $\sqrt{#n}$ with the smallest"]),
    (
        "linear",
        lambda a, b, c: next(x for x in range(99) if a * x + b == c),
        ["Solve $#ax+#b=#c$ for", "satisfies $#ax+#b=#c$"],
    ),
    (
        "polynomial",
        lambda a, b, x: x**2 + a * x + b,
        ["f(x)=x^2+#ax+#b$. Find $f(#x)$", "Put $x=#x$ into $x^2+#ax+#b$"],
    ),
    (
        "roots",
        lambda a, b: solutions(lambda x: (x - a) * (x + b) == 0),
        ["solutions of $(x-#a)(x+#b)=0", "product $(x-#a)(x+#b)$ vanish"],
    ),
    (
        "distance",
        lambda a, b: solutions(lambda x: abs(x - a) == b),
        ["all $x$ with $|x-#a|=#b", "at distance $#b$ from $#a$"],
    ),
    (
        "percent",
        lambda a, b: fraction(Fraction(a, b) * 100) + r"\%",
        ["What percent of $#b$ is $#a$", "$#a$ out of $#b$"],
    ),
    (
        "common_divisor",
        lambda a, b: max(d for d in range(1, a + 1) if a % d == b % d == 0),
        [r"\gcd(#a,#b)", "divides both $#a$ and $#b$"],
    ),
    (
        "third_angle",
        lambda a, b: rf"{180 - (a + b)}^\circ",
        [r"measure $#a^\circ$ and $#b^\circ$", r"angles of $#a^\circ$ and $#b^\circ$"],
    ),
    (
        "inequality",
        lambda a, b, c: rf"(-\infty,{next(x for x in range(99) if a * x + b == c)})",
        ["Solve $#ax+#b<#c$", "which $x$ is $#ax+#b<#c"],
    ),
    (
        "midpoint",
        lambda a, b, c, d: f"({Fraction(a + c, 2)},{Fraction(b + d, 2)})",
        ["from $(#a,#b)$ to $(#c,#d)$", "between $(#a,#b)$ and $(#c,#d)$"],
    ),
    (
        "complex_sum",
        lambda a, b, c, d: f"{int((z := complex(a, b) + complex(c, d)).real)}+{int(z.imag)}i",
        ["Compute $(#a+#bi)+(#c+#di)", "sum of $#a+#bi$ and $#c+#di$"],
    ),
    (
        "expand",
        lambda a, b: f"x^2+{a + b}x+{a * b}",
        ["Multiply out $(x+#a)(x+#b)", "Write $(x+#a)(x+#b)$ as a poly"],
    ),
]


def pattern(wording: str) -> re.Pattern[str]:
    escaped = re.escape(wording).replace(r"\{W\}", "[A-Za-z]+")
    return re.compile(re.sub(r"\\#([abcdnx])", r"(?P<\1>\\d+)", escaped))


PATTERNS = [(kind, answer, pattern(wording)) for kind, answer, wordings in RULES for wording in wordings]


def read(question: str) -> tuple[str, dict[str, int], str] | None:
    """(kind, numbers, answer) of a generated question; None if no rule knows it, an error if two do."""
    found = [(kind, answer, m) for kind, answer, p in PATTERNS if (m := p.search(question))]
    assert len(found) <= 1, f"{question}: {[kind for kind, *_ in found]}"
    for kind, answer, match in found:
        numbers = {name: int(digits) for name, digits in match.groupdict().items()}
        return kind, numbers, str(answer(**numbers))
    return None
