"""Bring two answers into one form where one is a vector written as 2i + 3j, or a magnitude told case by case."""

import math

from lm_eval_mathtasks.grading.expr import ONE, Expr, mul, neg, num, rewrite, variables
from lm_eval_mathtasks.grading.inequalities import as_set, intervals_of

_UNIT_VECTORS = "ijk"


def in_one_form(gold: Expr, pred: Expr) -> tuple[Expr, Expr]:
    """Return both answers, a sum over unit vectors beside a tuple as a tuple, and |x| beside cases as cases."""
    if gold.op == pred.op or not {gold.op, pred.op} & {"group", "matrix"}:
        return gold, pred
    if pred.op in {"group", "matrix"}:
        return _in_form_of(pred, gold), pred
    return gold, _in_form_of(gold, pred)


def _in_form_of(other: Expr, e: Expr) -> Expr:
    if other.name == "cases":
        return _as_cases(e, other) or e
    size = len(other.args) if other.op == "group" else sum(len(row.args) for row in other.args)
    return _as_tuple(e, size) or e


def _as_tuple(e: Expr, size: int) -> Expr | None:
    """The coordinates of a sum over i, j and k; None for 1 + 2i and other sums, which are no vectors."""
    parts: dict[str, Expr] = {}
    for term in e.args if e.op == "add" else (e,):
        factors = term.args if term.op == "mul" else (term,)
        names = [f.name for f in factors if f.op in {"var", "const"} and f.name in _UNIT_VECTORS]
        if len(names) != 1 or names[0] in parts:
            return None
        parts[names[0]] = mul(*[f for f in factors if f.name != names[0]] or [ONE])
    if not {"j", "k"} & set(parts) or not set(parts) <= set(_UNIT_VECTORS[:size]):
        return None
    return Expr("group", tuple(parts.get(name, num(0)) for name in _UNIT_VECTORS[:size]), "()")


def _as_cases(e: Expr, cases: Expr) -> Expr | None:
    """The cases of an expression with magnitudes, on the intervals of another; None where these are not all reals."""
    ranges = [intervals_of(as_set(row.args[-1]) if len(row.args) == 2 else None) for row in cases.args]
    ends = sorted((part[0], part[1]) for found in ranges for part in found or ())
    whole = [-math.inf, *(high for _, high in ends)] == [*(low for low, _ in ends), math.inf]
    if not whole or None in ranges or len(variables(e)) != 1:
        return None
    rows = []
    for row, found in zip(cases.args, ranges, strict=True):
        low, high = found[0][:2] if found else (0.0, 0.0)

        def signed(n: Expr, low: float = low, high: float = high) -> Expr | None:
            if n.op != "call" or n.name != "abs":
                return None
            above, below = (intervals_of(as_set(Expr("rel", (n.args[0], num(0)), sign))) for sign in "><")
            if above and above[0][0] <= low and high <= above[0][1]:
                return n.args[0]
            return neg(n.args[0]) if below and below[0][0] <= low and high <= below[0][1] else None

        rows.append(Expr("row", (rewrite(e, signed), row.args[1])))
    return Expr("matrix", tuple(rows), "cases")
