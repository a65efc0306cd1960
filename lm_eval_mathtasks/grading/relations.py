"""Equations and labels: "x = 5", "f(n) = 2n", "y = 2x + 3"."""

from lm_eval_mathtasks.grading.exact import proportional
from lm_eval_mathtasks.grading.expr import Expr, add, neg, num, rewrite, variables
from lm_eval_mathtasks.grading.remarks import known, only_names


def relations_of(e: Expr) -> list[str]:
    """Return the relation signs of a chain."""
    return e.name.split()


def is_equation(e: Expr) -> bool:
    """Is e a chain of equalities?"""
    return e.op == "rel" and set(relations_of(e)) <= {"=", "=="}


def is_label(e: Expr) -> bool:
    """Does e only name the answer, as x, a_3, f(n), |AB|, (x, y), S_1:S_2 or "the area" before "=" do?"""
    if e.op in {"var", "text"} or e.name == "lim":
        return True
    if e.op == "call" and (e.name.startswith("apply ") or e.name == "abs"):
        return all(is_label(a) or a.op in {"num", "rel", "union", "inter"} for a in e.args)
    if e.op in {"group", "ratio", "seq"}:
        return all(a.op in {"var", "mul", "call"} and is_label(a) for a in e.args)
    # AB/CD: lengths have names in capitals
    if e.op == "div":
        return all(
            a.op == "mul" and len(a.args) == 2 and all(n.op == "var" and n.name.isupper() for n in a.args)
            for a in e.args
        )
    # g (a, b), R(4, 2), T(0)
    if e.op == "mul" and len(e.args) == 2 and e.args[0].op == "var" and e.args[1].op in {"group", "num"}:
        return e.args[0].name.isupper() or all(a.op == "var" for a in e.args[1].args or e.args[1:])
    # AB, ABC, xy: a product of names; P(X) read as a product
    return e.op == "mul" and all(a.op in {"var", "const"} for a in e.args) and len(e.args) <= 4


def point_of(e: Expr) -> Expr:
    """Return the coordinates of "P(1, 2)", and what is no point as it is."""
    name = e.name.removeprefix("apply ") if e.op == "call" else ""
    if e.op == "mul" and len(e.args) == 2 and e.args[1].op == "group" and e.args[0].name.isupper():
        return e.args[1]
    return Expr("group", e.args, "()") if name.isupper() and name != e.name else e


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


def is_open(e: Expr) -> bool:
    """Is an equation still to be solved: in one unknown, x + 37 = 10, 2x = 8 or x/2 = 8, or in the form ... = 0?"""
    left, right = e.args[0], e.args[-1]
    term = left.op in {"mul", "div"} and any(a.op == "num" for a in left.args)
    arithmetic = left.op == "add" or (term and all(a.op in {"num", "var"} for a in left.args))
    # 2K = ab, [ABC]·2 = ab: twice what is asked; "all n ≡ 1 (mod 4)" is a class
    double = left.op == "mul" and term and all(a.op == "num" or a.name.isupper() for a in left.args)
    kind = (
        left.op == "worded"
        and ("==" in relations_of(e) or known(left.name))
        and not (left.name and only_names(left.name.split(), ""))
    )
    return (
        double
        or kind
        or right == num(0)
        or (arithmetic and len(variables(left)) == 1 and not variables(right))
    )


def same_equation(gold: Expr, pred: Expr) -> bool | None:
    """Two equations are the same if the differences of their sides are the same up to a constant factor."""
    if len(gold.args) != 2 or len(pred.args) != 2:
        return None
    # the same unknowns first: x = 2 is not y = 2, though both differences are linear
    g, p = (add(e.args[0], neg(e.args[1])) for e in (gold, pred))
    return proportional(g, p) if variables(g) == variables(p) else False


def with_names_of(gold: Expr, pred: Expr) -> Expr:
    """f(t) = 2t is f(x) = 2x: the argument of a function that is being defined may have any name."""
    g, p = gold.args[0], pred.args[0]
    defined = g.op == p.op == "call" and g.name == p.name and len(g.args) == len(p.args)
    if not defined or g == p or any(a.op != "var" for a in (*g.args, *p.args)):
        return pred
    # the names change places, so that f(t) = 2x does not become f(x) = 2x
    names = dict(zip((*g.args, *p.args), (*p.args, *g.args), strict=True))
    return rewrite(pred, names.get)
