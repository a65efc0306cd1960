"""Sums of matrices and their products with scalars, carried out."""

from __future__ import annotations

from lm_eval_mathtasks.grading.expr import ONE, Expr, add, div, mul


def fold_matrix(e: Expr) -> Expr:
    """Carry out sums of matrices and products with scalars, so that k·M and M/k compare by their cells."""
    if e.op == "add":
        parts = [fold_matrix(a) for a in e.args]
        if (
            all(p.op == "matrix" for p in parts)
            and len({tuple(len(r.args) for r in p.args) for p in parts}) == 1
        ):
            rows = zip(*(p.args for p in parts), strict=True)
            return Expr("matrix", tuple(Expr("row", tuple(map(add, *(r.args for r in row)))) for row in rows))
        return e
    if e.op in {"mul", "div"}:
        parts = [fold_matrix(a) for a in e.args]
        inside = [p for p in parts if p.op == "matrix"]
        if len(inside) != 1 or (e.op == "div" and parts[1].op == "matrix"):
            return e
        scalars = [p for p in parts if p.op != "matrix"]
        factor = mul(*scalars) if e.op == "mul" else div(ONE, scalars[0])
        return Expr(
            "matrix", tuple(Expr("row", tuple(mul(factor, c) for c in r.args)) for r in inside[0].args)
        )
    return e
