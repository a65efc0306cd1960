"""Inequalities and the sets they describe: "-2 < x < 5", "x ≠ 3", "4 < 2x < 10"."""

import math
from fractions import Fraction
from itertools import pairwise

from lm_eval_mathtasks.grading.exact import difference
from lm_eval_mathtasks.grading.expr import INFINITY, Expr, neg, num, variables, walk
from lm_eval_mathtasks.grading.polynomials import ONE_POLY, UNIT_MONOMIAL, Poly
from lm_eval_mathtasks.grading.relations import is_label, relations_of

# what a relation becomes when its sides change places
_FLIPPED = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "=": "=", "!=": "!="}
_ALL = Expr("group", (neg(INFINITY), INFINITY), "()")
_SETS = {"R": _ALL}
_ENDLESS = {INFINITY: math.inf, neg(INFINITY): -math.inf}
# Variables that stand for integers.
_INTEGERS = set("ijkmn")


def ascending(e: Expr) -> Expr:
    """Turn a chain of > and ≥ around, so that it reads from small to large."""
    names = relations_of(e)
    if set(names) <= {">", ">="}:
        return Expr("rel", tuple(reversed(e.args)), " ".join(_FLIPPED[n] for n in reversed(names)))
    return e


def as_set(e: Expr) -> Expr | None:
    """The set that an inequality in one unknown describes, or that a difference of sets is; None if it is neither."""
    if e.op == "const" and e.name in _SETS:
        return _SETS[e.name]
    if e.op in {"group", "union"}:
        return e
    if e.op == "minus":
        return _without_points(e)
    if e.op == "seq" and all(map(has_inequality, e.args)):
        return Expr("union", tuple(pieces_of(e)))
    if e.op != "rel":
        return None
    if relations_of(e) == ["in"]:
        return as_set(e.args[1])
    chain = ascending(e)
    names = relations_of(chain)
    if (between := _without_magnitude(chain)) is not None:
        return between
    if names == ["!="] and is_label(chain.args[0]):
        return _gaps([chain.args[1]])
    if not set(names) <= {"<", "<="}:
        return None
    # "0 < f(x) < 1" is about f(x): whatever is named there is the unknown
    unknown = [k for k, a in enumerate(chain.args) if is_label(a)]
    if not unknown or (len(names) == 2 and 1 not in unknown):
        return _solved(chain)
    if len(names) == 2 and 1 in unknown:
        low, high = chain.args[0], chain.args[2]
        return Expr("group", (low, high), "[("[names[0] == "<"] + "])"[names[1] == "<"])
    if len(names) == 1 and 0 in unknown:
        return Expr("group", (neg(INFINITY), chain.args[1]), "(" + "])"[names[0] == "<"])
    if len(names) == 1 and 1 in unknown:
        return Expr("group", (chain.args[0], INFINITY), "[("[names[0] == "<"] + ")")
    return None


def _without_magnitude(chain: Expr) -> Expr | None:
    """|x - 4| < 2 is 2 < x < 6, and |x| > 3 two rays; None where no magnitude of an unknown is bounded by a number.

    Capitals stand for lengths and sizes: |AB| < 4 is about |AB|.
    """
    names = relations_of(chain)
    if len(names) != 1 or {a.op for a in chain.args} != {"call", "num"} or names[0] not in {"<", "<="}:
        return None
    k = 0 if chain.args[0].op == "call" else 1
    magnitude, bound, unknown = chain.args[k], chain.args[1 - k], variables(chain)
    if magnitude.name != "abs" or bound.value <= 0 or any(name[0].isupper() for name in unknown):
        return None
    inner = magnitude.args[0]
    if k == 0:
        return as_set(Expr("rel", (neg(bound), inner, bound), f"{names[0]} {names[0]}"))
    rays = [as_set(Expr("rel", sides, names[0])) for sides in ((inner, neg(bound)), (bound, inner))]
    return None if None in rays else Expr("union", tuple(ray for ray in rays if ray))


def overlap(e: Expr) -> Expr | None:
    """Return the interval of "x > 2 and x < 6", of which either would bound nothing; None for others."""
    if e.op != "seq" or not has_inequality(e.args[0]) or len(variables(e)) != 1:
        return None
    # "x ≠ 0 and x ≠ 1", "x ≠ 0, 1"
    points = [a.args[-1] if has_inequality(a) and relations_of(a) == ["!="] else a for a in e.args]
    if (
        relations_of(e.args[0]) == ["!="]
        and is_label(e.args[0].args[0])
        and all(p.op == "num" for p in points)
    ):
        return _gaps(points)
    if len(e.args) != 2 or not all(map(has_inequality, e.args)):
        return None
    rays = [as_set(a) for a in e.args]
    low = next((r for r in rays if r and r.op == "group" and r.args[1] == INFINITY), None)
    high = next((r for r in rays if r and r.op == "group" and r.args[0] == neg(INFINITY)), None)
    if low is None or high is None or low.args[0].op != "num" or high.args[1].op != "num":
        return None
    bounds = (low.args[0], high.args[1])
    return Expr("group", bounds, low.name[0] + high.name[1]) if bounds[0].value < bounds[1].value else None


def excludes_all(e: Expr) -> bool:
    """Do two inequalities exclude each other, as "x < -1" and "x > 3" do?"""
    return (
        e.op == "seq"
        and len(e.args) == 2
        and all(map(has_inequality, e.args))
        and len(variables(e)) == 1
        and overlap(e) is None
    )


def _gaps(points: list[Expr]) -> Expr | None:
    """All reals but these numbers, as a union of open intervals."""
    if len(points) > 1 and not all(p.op == "num" for p in points):
        return None
    ordered = sorted(points, key=lambda p: p.value)
    ends = [neg(INFINITY), *ordered, INFINITY]
    pieces = tuple(Expr("group", pair, "()") for pair in pairwise(ends))
    return Expr("union", pieces)


def _without_points(e: Expr) -> Expr | None:
    whole, points = e.args[0], e.args[1]
    if points.op == "group" and points.name == "{}" and (parts := _split(whole, points.args)):
        return parts
    if as_set(whole) == _ALL and points.op == "group" and points.name == "{}":
        return _gaps(list(points.args))
    if (
        as_set(whole) == _ALL
        and points.op == "group"
        and len(points.args) == 2
        and not mentions_infinity(points)
    ):
        below = Expr("group", (neg(INFINITY), points.args[0]), "(" + ")]"[points.name[0] == "("])
        above = Expr("group", (points.args[1], INFINITY), "(["[points.name[1] == ")"] + ")")
        return Expr("union", (below, above))
    return None


def _split(whole: Expr, points: tuple[Expr, ...]) -> Expr | None:
    """An interval with numbers as its ends without numbers in it; None for others."""
    ends = intervals_of(whole) if whole.op == "group" else None
    if ends is None or any(p.op != "num" or not ends[0][0] <= p.value <= ends[0][1] for p in points):
        return None
    inner = sorted({p for p in points if p not in whole.args}, key=lambda p: p.value)
    left, right = (
        "(" if whole.args[0] in points else whole.name[0],
        ")" if whole.args[1] in points else whole.name[1],
    )
    places = pairwise([whole.args[0], *inner, whole.args[1]])
    brackets = [left + ")", *["()"] * (len(inner) - 1), "(" + right] if inner else [left + right]
    pieces = tuple(Expr("group", pair, name) for pair, name in zip(places, brackets, strict=True))
    return pieces[0] if len(pieces) == 1 else Expr("union", pieces)


def has_inequality(e: Expr) -> bool:
    """Is e an inequality (or a chain of them)?"""
    return e.op == "rel" and bool({"<", ">", "<=", ">=", "!="} & set(relations_of(e)))


def _bounds(e: Expr) -> list[tuple[Poly, bool]] | None:
    """The inequalities of a chain, each as (d, strict) for d < 0 or d ≤ 0; None where they are not polynomials."""
    chain = ascending(e)
    found = []
    for (left, right), sign in zip(pairwise(chain.args), relations_of(chain), strict=True):
        form = difference(left, right) if sign in {"<", "<="} else None
        if form is None or form[1] != ONE_POLY:
            return None
        found.append((form[0], sign == "<"))
    return found


def same_inequalities(a: Expr, b: Expr) -> bool:
    """Is it proven that two chains are the same inequalities, up to positive factors: x < 3 and 2x - 6 < 0?"""
    left, right = _bounds(a), _bounds(b)
    if not left or not right or len(left) != len(right):
        return False
    for p, strict in left:
        same = next((k for k, (q, s) in enumerate(right) if s == strict and _positive_multiple(p, q)), None)
        if same is None:
            return False
        del right[same]
    return True


def _positive_multiple(p: Poly, q: Poly) -> bool:
    ratios = {p[m] / q[m] for m in p} if p and set(p) == set(q) else set()
    return len(ratios) == 1 and ratios.pop() > 0


def _solved(chain: Expr) -> Expr | None:
    """The interval of a chain that is linear in one unknown, with rational coefficients."""
    names = variables(chain)
    bounds = _bounds(chain) if len(names) == 1 else None
    if not bounds:
        return None
    x = ((names.pop(), Fraction(1)),)
    low, high, brackets = neg(INFINITY), INFINITY, ["(", ")"]
    for d, strict in bounds:
        if not set(d) <= {x, UNIT_MONOMIAL} or x not in d:
            return None
        end = num(-d.get(UNIT_MONOMIAL, Fraction(0)) / d[x])
        if d[x] > 0:
            high, brackets[1] = end, "])"[strict]
        else:
            low, brackets[0] = end, "[("[strict]
    return Expr("group", (low, high), "".join(brackets))


def contradict(a: Expr, b: Expr) -> bool:
    """Do two conditions on one variable allow it other values, as x ≠ 2 and x ≠ 3 do, n ≥ 2 and n ≥ 5, or k in Z and
    k in N?

    Only where all ends are numbers. That the variable is real is no condition.
    """
    if a.name == b.name == "in" and a.op == b.op == "rel":
        sets = {a.args[1].name, b.args[1].name}
        return len(sets) == 2 and sets <= {"N", "Z", "Q"} and a.args[1].op == b.args[1].op == "const"
    names = variables(a) | variables(b)
    left, right = (intervals_of(as_set(e), integers=names <= _INTEGERS) for e in (a, b))
    return len(names) < 2 and left is not None and right is not None and left != right


def intervals_of(e: Expr | None, *, integers: bool = False) -> list[tuple[float, float, str]] | None:
    """Return the intervals of a set with numbers as their ends, in order; None for others and for all reals.

    Of integers n > 1 is n ≥ 2.
    """
    found = []
    for piece in _pieces(e) if e and e != _ALL else ():
        if piece.op != "group" or len(piece.args) != 2 or piece.name == "{}":
            return None
        low, high = (_ENDLESS.get(a, float(a.value) if a.op == "num" else None) for a in piece.args)
        if low is None or high is None:
            return None
        if integers:
            low, high = (low + (piece.name[0] == "("), high - (piece.name[1] == ")"))
        found.append((low, high, "" if integers else piece.name))
    return sorted(found) or None


def mentions_infinity(e: Expr) -> bool:
    """Does ∞ occur in e?"""
    return INFINITY in walk(e)


def names_a_set(e: Expr) -> bool:
    """Is e one of ℕ, ℤ, ℚ, ℝ, ℂ?"""
    return e.op == "const" and e.name in {"N", "Z", "Q", "R", "C"}


def pieces_of(e: Expr) -> list[Expr]:
    """The sets that a union joins, touching intervals as one; also of a list of inequalities, "x < 2 or x > 3"."""
    pieces = _pieces(e)
    if len(pieces) < 2 or intervals_of(Expr("union", tuple(pieces))) is None:
        return pieces

    def value(end: Expr) -> float | Fraction:
        return _ENDLESS.get(end, end.value)

    joined: list[Expr] = []
    for piece in sorted(pieces, key=lambda p: (value(p.args[0]), p.name[0] == "(")):
        last = joined[-1] if joined else piece
        low, high = value(piece.args[0]), value(last.args[1])
        if joined and (low < high or (low == high and last.name[1] + piece.name[0] != ")(")):
            far = max(last, piece, key=lambda p: (value(p.args[1]), p.name[1] == "]"))
            joined[-1] = Expr("group", (last.args[0], far.args[1]), last.name[0] + far.name[1])
        else:
            joined.append(piece)
    return joined


def _pieces(e: Expr) -> list[Expr]:
    parts = e.args if e.op in {"union", "seq"} else (e,)
    sets = [as_set(p) if p.op == "rel" else p for p in parts]
    return [
        piece
        for s, p in zip(sets, parts, strict=True)
        for piece in ((s or p).args if (s or p).op == "union" else (s or p,))
    ]
