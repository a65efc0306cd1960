"""Equations, inequalities and the sets they describe: "x = 5", "y = 2x + 3", "-2 < x < 5", "x ≠ 3"."""

from __future__ import annotations

from itertools import pairwise

from lm_eval_mathtasks.grading.exact import proportional
from lm_eval_mathtasks.grading.expr import INFINITY, Expr, add, neg, variables, walk

# what a relation becomes when its sides change places
_FLIPPED = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "=": "=", "!=": "!="}
_ALL = Expr("group", (neg(INFINITY), INFINITY), "()")
_SETS = {"R": _ALL}


def relations_of(e: Expr) -> list[str]:
    """Return the relation signs of a chain."""
    return e.name.split()


def is_equation(e: Expr) -> bool:
    """Is e a chain of equalities?"""
    return e.op == "rel" and set(relations_of(e)) <= {"=", "=="}


def is_label(e: Expr) -> bool:
    """Does e only name the answer, as x, a_3, f(n), |AB|, (x, y), S_1:S_2 or "the area" before a sign of
    equality?
    """
    if e.op in {"var", "text"}:
        return True
    if e.op == "call" and (e.name.startswith("apply ") or e.name == "abs"):
        return all(is_label(a) or a.op == "num" for a in e.args)
    if e.op in {"group", "ratio", "seq"}:
        return all(a.op in {"var", "mul"} and is_label(a) for a in e.args)
    # AB, ABC, xy: a product of names; P(X) read as a product
    return e.op == "mul" and all(a.op in {"var", "const"} for a in e.args) and len(e.args) <= 4


def without_approximation(e: Expr) -> Expr:
    """√3/3 ≈ 0.577 answers √3/3, but x ≈ 3.01 answers x = 3.01."""
    if e.op != "rel" or "~" not in relations_of(e):
        return e
    names = relations_of(e)
    first = names.index("~")
    if first == 0:
        if not is_label(e.args[0]):
            return e.args[0]
        return Expr("rel", (e.args[0], e.args[1]), "=")
    return Expr("rel", e.args[: first + 1], " ".join(names[:first]))


def value_answered(e: Expr) -> Expr | None:
    """What a chain of equalities answers: the part behind its last sign; None for an equation like x + y = 3."""
    if not is_equation(e):
        return e.args[-1] if e.op == "rel" and relations_of(e) == ["in"] else None
    left, right = e.args[-2], e.args[-1]
    if is_label(left) or len(e.args) > 2 or not variables(left) | variables(right):
        return right
    return left if is_label(right) and left.op == "num" else None


def same_equation(gold: Expr, pred: Expr) -> bool | None:
    """Two equations are the same if the differences of their sides are the same up to a constant factor."""
    if len(gold.args) != 2 or len(pred.args) != 2:
        return None
    # the same unknowns first: x = 2 is not y = 2, though both differences are linear
    g, p = (add(e.args[0], neg(e.args[1])) for e in (gold, pred))
    return proportional(g, p) if variables(g) == variables(p) else False


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
    if e.op != "rel":
        return None
    if relations_of(e) == ["in"]:
        return as_set(e.args[1])
    chain = ascending(e)
    names = relations_of(chain)
    if names == ["!="] and is_label(chain.args[0]):
        return _gaps([chain.args[1]])
    if not set(names) <= {"<", "<="}:
        return None
    # "0 < f(x) < 1" is about f(x): whatever is named there is the unknown
    unknown = [k for k, a in enumerate(chain.args) if is_label(a)]
    if len(names) == 2 and 1 in unknown:
        low, high = chain.args[0], chain.args[2]
        return Expr("group", (low, high), "[("[names[0] == "<"] + "])"[names[1] == "<"])
    if len(names) == 1 and 0 in unknown:
        return Expr("group", (neg(INFINITY), chain.args[1]), "(" + "])"[names[0] == "<"])
    if len(names) == 1 and 1 in unknown:
        return Expr("group", (chain.args[0], INFINITY), "[("[names[0] == "<"] + ")")
    return None


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
    if as_set(whole) == _ALL and points.op == "group" and points.name == "{}":
        return _gaps(list(points.args))
    return None


def has_inequality(e: Expr) -> bool:
    """Is e an inequality (or a chain of them)?"""
    return e.op == "rel" and bool({"<", ">", "<=", ">=", "!="} & set(relations_of(e)))


def mentions_infinity(e: Expr) -> bool:
    """Does ∞ occur in e?"""
    return INFINITY in walk(e)
