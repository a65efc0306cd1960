"""The answer of every hand-written problem of the bundled sample, computed apart from its solution.

GSM8K: line number in `sample/gsm8k.jsonl` -> number. MATH: unique_id -> the answer's LaTeX.
"""

import math
from datetime import date, timedelta
from fractions import Fraction
from itertools import combinations, pairwise, permutations, product
from statistics import median

from sympy import (
    Abs,
    Circle,
    I,
    Integer,
    Line,
    Matrix,
    Point,
    Poly,
    Rational,
    S,
    Triangle,
    acos,
    atan2,
    cos,
    deg,
    div,
    expand,
    factor,
    factorint,
    im,
    integrate,
    interpolate,
    isprime,
    limit,
    minimal_polynomial,
    oo,
    pi,
    primefactors,
    rem,
    sign,
    simplify,
    sin,
    solve,
    solveset,
    sqrt,
    sqrtdenest,
    summation,
    symbols,
)
from sympy.calculus.util import function_range

from tests.cases.latex_forms import (
    complex_of,
    in_base,
    interval,
    list_of,
    only,
    plain,
    pmatrix,
    poly_of,
    same,
    scientific,
    set_of,
    share,
    text,
    tuple_of,
)

x, y, n, V, h, R = symbols("x y n V h R")
a, b = symbols("a b", positive=True)

GSM8K = {
    2: lambda: (24 * 60 - (21 * 60 + 40)) + (5 * 60 + 15) - 50,
    4: lambda: Fraction(92 - 56) / Fraction(3, 8),
    6: lambda: Fraction(210, 14) + Fraction(90, 6),
    8: lambda: 64 * (1 - Fraction(3, 8)) * Fraction(1, 4),
    10: lambda: 70 * 4 + 40 * 4 * Fraction(75, 100),
    12: lambda: next(2 * s for s in range(1, 376) if 2 * s + 3 * s == 375),
    14: lambda: next(t for t in range(1, 900) if 25 * t - 7 * t >= 900),
    16: lambda: next(x for x in range(200) if Fraction(71 + 84 + 79 + x, 4) == 80),
    18: lambda: Fraction(1260, 30 * 6),
    20: lambda: next(t for t in range(9) if 15 * (t + 1) + 20 * t == 85),
    22: lambda: sum(1 for x in range(-1, 19) for y in range(-1, 12) if not (0 <= x < 18 and 0 <= y < 11)),
    24: lambda: next(m for m in range(5, 60) if (m + 7) + (m - 5 + 7) == 49),
    26: lambda: 14 * Fraction(450, 6) - 800,
    28: lambda: 125 * 3 - (45 if 125 * 3 > 300 else 0) + 12,
    30: lambda: sum([7] * 5 + [-9] + [4] * 6),
    32: lambda: 240 + 2 * 240 * Fraction(85, 100) + 12,
    34: lambda: next(n for n in range(0, 126, 2) if n + (n - 2) + (n - 4) == 126),
    36: lambda: 500 % 35,
    38: lambda: Fraction(400 * 5 * 3 * 8, 1000),
    40: lambda: 3 + 2 * (math.ceil(Fraction(15 * 60 + 5 - (10 * 60 + 20), 60)) - 1),
    42: lambda: next(2 * m for m in range(4, 24) if m + 2 * m + (m - 4) == 24),
    44: lambda: sum(15 + 6 * month for month in range(6)),
    46: lambda: 20 * 60 * Fraction(18, 45),
    48: lambda: 80 * Fraction(130, 100) * Fraction(75, 100),
    50: lambda: next(t for t in range(16) if 3 * t + 2 * (15 - t) == 36),
    52: lambda: next(w for w in range(400) if 12 * 9 + 2 * w == 318),
    54: lambda: 3 * 72 * Fraction(5, 6) + 5 * 72 * Fraction(1, 2),
    56: lambda: (315 - 99) * Fraction(40, 24),
    58: lambda: next(s + 3 * s for s in range(1, 100) if 3 * s - s == 54),
    60: lambda: next(110 - s for s in range(1, 110) if (110 - s) * 100 == s * 120),
    62: lambda: 3 * 24 * Fraction(4, 6),
    64: lambda: Fraction(34 - 10, 9 - 1),
    66: lambda: next(b for b in range(50) if 9 * 6 + 5 * b == 84),
    68: lambda: 350 - 180 / Fraction(12, 10),
    70: lambda: len(
        {(side, d) if d < 12 else ((side + 1) % 6, 0) for side in range(6) for d in range(0, 13, 3)}
    ),
    72: lambda: 300 * Fraction(96, 100) * Fraction(2, 3) / 16,
    74: lambda: sum(14 if hour < 38 else Fraction(3, 2) * 14 for hour in range(44)),
    76: lambda: Fraction(25 * 8 * 2, 2) / 5,
    78: lambda: Fraction(26 + 4, 2) - Fraction(26 + 4, 3),
    80: lambda: 45 * (32 - 18) + (60 - 45) * (15 - 18),
    82: lambda: next(w * (w + 5) for w in range(1, 29) if 2 * (w + w + 5) == 58),
    84: lambda: 2500 + sum(120 - 95 for _ in range(4 * 7)),
    86: lambda: next(5 + 2 * n for n in range(50) if 5 * 20 + 60 * n == 460),
    88: lambda: 7 * 26 + (26 - 7) + (26 - 11),
    90: lambda: 1 / (Fraction(1, 6) + Fraction(1, 12)),
    92: lambda: next(w for w in range(100) if Fraction(3, 20 + w) == Fraction(1, 10)),
    94: lambda: next(a for a in range(181) if 12 * a + 7 * (180 - a) == 1785),
    96: lambda: 64 * Fraction(3, 2) ** 3,
    98: lambda: 18 * len(range(25, 401, 25)),
    100: lambda: 50 - Fraction(9, 2) * 2 - Fraction(750, 1000) * 16,
}

MATH = {
    "sample/intermediate_algebra/1": lambda: plain(
        only(q for q in (Rational(p, 3) for p in range(1, 12)) if 8**q == 32)
    ),
    "sample/intermediate_algebra/3": lambda: complex_of(simplify((5 + I) / (1 - I))),
    "sample/prealgebra/4": lambda: plain(Rational(median([3, 11, 7, 4, 10, 4]))),
    "sample/number_theory/6": lambda: set_of(p for p in primefactors(30030) if p % 4 == 1),
    "sample/precalculus/7": lambda: pmatrix(Matrix([1, 2, 0]).cross(Matrix([0, 1, 3]))),
    "sample/number_theory/9": lambda: text((date(2024, 1, 2) + timedelta(days=100)).strftime("%A")),
    "sample/number_theory/10": lambda: str(next(m for m in range(2, 999) if m % 4 == m % 5 == m % 6 == 1)),
    "sample/intermediate_algebra/11": lambda: poly_of(minimal_polynomial(1 + sqrt(2), x)),
    "sample/intermediate_algebra/13": lambda: r"\cup".join(
        interval(part) for part in solveset(x**2 > 3 * x + 10, x, S.Reals).args
    ),
    "sample/precalculus/14": lambda: pmatrix(
        Matrix([[cos(pi / 2), -sin(pi / 2)], [sin(pi / 2), cos(pi / 2)]])
    ),
    "sample/precalculus/16": lambda: list_of(sorted(solve(2 * sin(x) - 1, x))),
    "sample/geometry/17": lambda: f"{Fraction((9 - 2) * 180, 9)}^\\circ",
    "sample/algebra/19": lambda: interval(solveset(x <= 5, x, S.Reals) & solveset(x >= -2, x, S.Reals)),
    "sample/geometry/20": lambda: tuple_of(
        Point(4, -7).reflect(Line(Point(0, 0), Point(1, 1))).translate(-3, 0)
    ),
    "sample/geometry/21": lambda: plain(Triangle(Point(0, 0), Point(8, 0), Point(0, 15)).inradius),
    "sample/counting_and_probability/23": lambda: share(
        sum(p == q for p, q in combinations("rrrrrbbbb", 2)), 36
    ),
    "sample/algebra/24": lambda: tuple_of(
        only(solve([2 * x + y - 11, x - 3 * y + 12], [x, y], dict=True)).values()
    ),
    "sample/prealgebra/26": lambda: f"{100 * (1 - Fraction(120, 100) * Fraction(80, 100))}\\%",
    "sample/geometry/27": lambda: text(
        {-1: "obtuse", 0: "right", 1: "acute"}[int(sign(7**2 + 24**2 - 26**2))]
    ),
    "sample/precalculus/29": lambda: plain(Matrix([[2, 0, 1], [1, 3, -1], [0, 5, 4]]).det()),
    "sample/counting_and_probability/30": lambda: (
        f"\\${Fraction(sum(k for k in range(1, 7) if k % 2 == 0), 6)}"
    ),
    "sample/algebra/31": lambda: rf"2\pm{plain(only({abs(r - 2) for r in solve((x - 2) ** 2 - 5, x)}))}",
    "sample/intermediate_algebra/33": lambda: plain(summation(6 * Rational(-1, 3) ** n, (n, 0, oo))),
    "sample/precalculus/34": lambda: pmatrix(Matrix([[1, 2], [0, 3]]) * Matrix([[2, -1], [4, 1]])),
    "sample/prealgebra/36": lambda: f"\\${64 * 0.85:.2f}",
    "sample/intermediate_algebra/37": lambda: "y=" + plain(limit((6 * x**2 - 1) / (4 * x**2 + x), x, oo)),
    "sample/algebra/39": lambda: plain(Point(-1, 2).distance(Point(4, -1))),
    "sample/intermediate_algebra/40": lambda: text(
        only(
            f"({k})"
            for k, f in {"A": x**2 + 1, "B": x**3 - x, "C": Abs(x)}.items()
            if simplify(f + f.subs(x, -x)) == 0
        )
    ),
    "sample/prealgebra/41": lambda: plain(summation(27 / Integer(100) ** n, (n, 1, oo))),
    "sample/number_theory/43": lambda: str(only(m for m in range(1, 26) if 7 * m % 26 == 1)),
    "sample/algebra/44": lambda: same(
        Circle(Point(2, -3), 5).equation(x, y), (x - 2) ** 2 + (y + 3) ** 2 - 25, "(x-2)^2+(y+3)^2=25"
    ),
    "sample/counting_and_probability/46": lambda: share(
        sum(isprime(p + q) for p, q in product(range(1, 7), repeat=2)), 36
    ),
    "sample/algebra/47": lambda: same(solveset(Abs(x + 3) + 2, x, S.Reals), S.EmptySet, r"\emptyset"),
    "sample/number_theory/49": lambda: str(sum(360 % d == 0 for d in range(1, 361))),
    "sample/geometry/50": lambda: tuple_of(Triangle(Point(0, 0), Point(6, 3), Point(3, 9)).centroid),
    "sample/precalculus/51": lambda: pmatrix(Matrix([[3, 5], [1, 2]]).inv()),
    "sample/precalculus/53": lambda: complex_of(expand((3 - 2 * I) * (1 + 4 * I))),
    "sample/counting_and_probability/54": lambda: str(sum(1 for _ in permutations(range(10), 3))),
    "sample/number_theory/56": lambda: tuple_of(factorint(21600)[p] for p in (2, 3, 5)),
    "sample/number_theory/57": lambda: in_base(int("243", 5) + int("134", 5), 5),
    "sample/intermediate_algebra/59": lambda: interval(function_range(x**2 - 4 * x + 9, x, S.Reals)),
    "sample/precalculus/60": lambda: (
        rf"\left({plain(Point(-3, 3).distance(Point(0, 0)))},{plain(atan2(3, -3))}\right)"
    ),
    "sample/precalculus/61": lambda: same(
        cos(5 * pi / 12), (sqrt(6) - sqrt(2)) / 4, r"\frac{\sqrt{6}-\sqrt{2}}{4}"
    ),
    "sample/geometry/63": lambda: plain(integrate(pi * (3 * x / 4) ** 2, (x, 0, 4))),
    "sample/geometry/64": lambda: rf"\sqrt{{{plain(only(solve(V - pi * R * h / 3, R)))}}}",
    "sample/prealgebra/66": lambda: plain(max(Rational(6, 10), Rational(5, 8), Rational(61, 100))),
    "sample/geometry/67": lambda: plain(integrate(x, (x, 0, 6)) * 2 * pi * Rational(40, 360)),
    "sample/geometry/69": lambda: plain(Triangle(Point(0, 0), Point(6, 0), Point(3, 3 * sqrt(3))).area),
    "sample/intermediate_algebra/70": lambda: list_of(sorted(solve(x**4 - 13 * x**2 + 36, x))),
    "sample/algebra/71": lambda: plain(simplify((2 * a**2 * b) ** 3 / (4 * a * b**2))),
    "sample/prealgebra/73": lambda: f"{only(s for s in range(1, 28) if 4 * s == 28) ** 2}\\text{{ cm}}^2",
    "sample/algebra/74": lambda: "y=" + poly_of(interpolate([(1, 4), (3, 10)], x)),
    "sample/number_theory/76": lambda: str(pow(7, 2023, 10)),
    "sample/intermediate_algebra/77": lambda: same(
        sqrtdenest(sqrt(7 + 4 * sqrt(3))), 2 + sqrt(3), r"2+\sqrt{3}"
    ),
    "sample/intermediate_algebra/79": lambda: f"3+{plain(max(solve(x**2 - 6 * x + 2, x)) - 3)}",
    "sample/prealgebra/80": lambda: str(7 * 50000 / 100000),
    "sample/algebra/81": lambda: same(
        factor(x**3 * y - 4 * x * y**3), x * y * (x - 2 * y) * (x + 2 * y), "xy(x-2y)(x+2y)"
    ),
    "sample/precalculus/83": lambda: pmatrix(Matrix([3, 4]).project(Matrix([1, 2]))),
    "sample/algebra/84": lambda: poly_of(div(x**3 - 4 * x**2 + x + 6, x - 2, x)[0]),
    "sample/precalculus/86": lambda: (
        plain(
            deg(
                acos(
                    Matrix([1, 0, 1]).dot(Matrix([0, 1, 1]))
                    / Matrix([1, 0, 1]).norm()
                    / Matrix([0, 1, 1]).norm()
                )
            )
        )
        + r"^\circ"
    ),
    "sample/algebra/87": lambda: interval(
        solveset(2 * x + 1 >= -5, x, S.Reals) & solveset(2 * x + 1 < 9, x, S.Reals)
    ),
    "sample/counting_and_probability/89": lambda: str(len(set(permutations("COCONUT")))),
    "sample/counting_and_probability/90": lambda: str(
        sum(
            1
            for k in range(7)
            for c in combinations(range(1, 7), k)
            if all(q - p > 1 for p, q in pairwise(c))
        )
    ),
    "sample/counting_and_probability/91": lambda: plain(Poly((2 * x - 1) ** 5, x).coeff_monomial(x**3)),
    "sample/intermediate_algebra/93": lambda: list_of(sorted(solve(x**2 + 16, x), key=im, reverse=True)),
    "sample/number_theory/94": lambda: in_base(157, 6),
    "sample/algebra/96": lambda: same(
        only(solve((3 * y - 1) / 2 - x, y)), (2 * x + 1) / 3, r"\frac{2x+1}{3}"
    ),
    "sample/algebra/97": lambda: plain(only(solve(2 / x + 3 / x - 7, x))),
    "sample/intermediate_algebra/99": lambda: plain(rem(x**10 + x**5 + 1, x + 1, x)),
    "sample/prealgebra/100": lambda: scientific(Rational(42, 100000) * 5000000),
}
