"""Bring lists of answers into one shape: ± written out, labels off, "p = 5, q = 2; p = 7, q = 2" as two pairs."""

import re
from fractions import Fraction
from itertools import pairwise

from lm_eval_mathtasks.grading.expr import ONE, Expr, add, div, mul, neg, num, rewrite, variables, walk
from lm_eval_mathtasks.grading.inequalities import overlap
from lm_eval_mathtasks.grading.phrases import REJECTED
from lm_eval_mathtasks.grading.relations import is_equation, is_label, relations_of, without_approximation
from lm_eval_mathtasks.grading.units import parse_unit

# "maximum" and "max", "radius" and "r" name one thing
_NAMES = re.compile(r"\b(max|min)imum\b")
_IS_NAME = re.compile(r"[A-Z][a-z]+")
_IS_REJECTED = re.compile(rf"^\W*(?:is |was |which is )?(?:{REJECTED})\W*$")


def shape(e: Expr) -> Expr:
    """Return e with every ± written out and every list of assignments as the list of what is assigned."""
    if e.op in {"add", "mul", "div"} and any(n.op == "matrix" for n in walk(e)):
        e = _folded(e)
    e = _condition_apart(_compound(without_approximation(_without_denied(e))))
    if e.op == "given":
        return Expr("given", (shape(e.args[0]), e.args[1]))
    if (interval := overlap(e)) is not None:
        return interval
    if e.op == "seq" or (e.op == "group" and e.name == "{}"):
        items = tuple(piece for item in _names(e.args) for piece in _branches(without_approximation(item)))
        return _assignments(Expr(e.op, tuple(shape(i) for i in items), e.name))
    # "t (0, 4]" lost its sign of membership
    if e.op == "mul" and len(e.args) == 2 and e.args[0].op == "var" and e.args[1].op in {"group", "union"}:
        return shape(e.args[1])
    # of "{1, 4} ∪ {9}" the braces around one member only group
    if e.op in {"union", "inter"} and any(a.name == "{}" for a in e.args):
        e = e._replace(args=tuple(Expr("group", (a,), "{}") if a.op == "num" else a for a in e.args))
    if e.op == "union" and all(a.op == "group" and a.name == "{}" for a in e.args):
        return Expr("group", tuple(dict.fromkeys(shape(item) for a in e.args for item in a.args)), "{}")
    if e.op == "inter" and all(a.op == "group" and a.name == "{}" for a in e.args):
        first, *others = (tuple(map(shape, a.args)) for a in e.args)
        return Expr("group", tuple(item for item in first if all(item in other for other in others)), "{}")
    if e.op in {"group", "union"} or (e.op == "rel" and any(n.op == "matrix" for n in walk(e))):
        return Expr(e.op, tuple(shape(a) for a in e.args), e.name)
    named = e.op == "rel" and is_equation(e) and is_label(e.args[0])
    if named and e.args[-1].op in {"group", "union", "pm", "add"}:
        branches = _branches(e)
        return _assignments(Expr("seq", tuple(branches))) if len(branches) > 1 else e
    branches = _branches(e)
    return Expr("seq", tuple(branches)) if len(branches) > 1 else e


def _folded(e: Expr) -> Expr:
    """Carry out sums of matrices and products with scalars, so that k·M and M/k compare by their cells."""
    if e.op == "add":
        parts = [_folded(a) for a in e.args]
        if (
            all(p.op == "matrix" for p in parts)
            and len({tuple(len(r.args) for r in p.args) for p in parts}) == 1
        ):
            rows = zip(*(p.args for p in parts), strict=True)
            return Expr("matrix", tuple(Expr("row", tuple(map(add, *(r.args for r in row)))) for row in rows))
        return e
    if e.op in {"mul", "div"}:
        parts = [_folded(a) for a in e.args]
        inside = [p for p in parts if p.op == "matrix"]
        if len(inside) != 1 or (e.op == "div" and parts[1].op == "matrix"):
            return e
        scalars = [p for p in parts if p.op != "matrix"]
        factor = mul(*scalars) if e.op == "mul" else div(ONE, scalars[0])
        return Expr(
            "matrix", tuple(Expr("row", tuple(mul(factor, c) for c in r.args)) for r in inside[0].args)
        )
    return e


def _without_denied(e: Expr) -> Expr:
    """ "20 dollars, not 30" are 20 dollars."""
    if e.op != "seq":
        return e
    left = tuple(
        item
        for item in e.args
        if not (item.op == "rel" and item.name == "!=" and item.args[0] == Expr("text"))
    )
    # A pattern of dots is a list of one.
    if len(left) in (0, len(e.args)):
        return e
    return left[0] if len(left) == 1 else e._replace(args=left)


def _condition_apart(e: Expr) -> Expr:
    """ "f(x) = ax, a > 0": inequalities behind something that is none are the condition it holds under."""
    if e.op != "seq" or _is_condition(e.args[0]):
        return e
    conditions = [item for item in e.args if _is_condition(item)]
    answers = e.args[: -len(conditions) or None]
    if (
        not conditions
        or any(map(_is_condition, answers))
        or not variables(conditions[0]) & variables(Expr("seq", answers))
    ):
        return e
    answer, condition = (
        items[0] if len(items) == 1 else Expr("seq", tuple(items)) for items in (answers, conditions)
    )
    return Expr("given", (answer, overlap(condition) or condition))


def _is_condition(e: Expr) -> bool:
    return e.op == "rel" and bool(set(relations_of(e)) & {"<", ">", "<=", ">=", "!=", "in"})


def _compound(e: Expr) -> Expr:
    """2 hours and 20 minutes are 140 minutes, 5 dollars and 50 cents are 5.50 dollars."""
    if e.op != "seq" or e.args[0].op != "unit":
        return e
    # "1 min 40 s": a letter alone is a unit behind a unit
    last = e.args[-1]
    if last.op == "mul" and [a.op for a in last.args] == ["num", "var"] and parse_unit(last.args[1].name):
        hours = parse_unit(e.args[0].name)
        name = (
            "min" if last.args[1].name == "m" and hours and hours.dimension == "time" else last.args[1].name
        )
        e = e._replace(args=(*e.args[:-1], Expr("unit", last.args[:1], name)))
    if not all(item.op == "unit" for item in e.args):
        return e
    units = [parse_unit(item.name) for item in e.args]
    known = [u for u in units if u is not None]
    # "3 hours or 180 minutes" says one thing twice
    falling = all(
        a.factor > b.factor and a.dimension == b.dimension and _below(item.args[0], a.factor / b.factor)
        for (a, b), item in zip(pairwise(known), e.args[1:], strict=False)
    )
    if len(known) < len(units) or not falling:
        return e
    base = 0 if known[0].dimension == "money" else -1
    parts = (
        mul(num(u.factor / known[base].factor), item.args[0]) for u, item in zip(known, e.args, strict=True)
    )
    return Expr("unit", (add(*parts),), e.args[base].name)


def _below(count: Expr, limit: Fraction) -> bool:
    return count.op != "num" or count.value < limit


def _branches(e: Expr) -> list[Expr]:
    """Write out a ±: all signs of one answer change together."""
    if not any(n.op == "pm" for n in walk(e)):
        return [e]

    def choose(sign: str) -> Expr:
        def change(n: Expr) -> Expr | None:
            if n.op != "pm":
                return None
            left, right = (rewrite(a, change) for a in n.args)
            right = right if n.name == sign else neg(right)
            return right if left.op == "num" and not left.value else add(left, right)

        return rewrite(e, change)

    return [choose("+"), choose("-")]


def _names(items: tuple[Expr, ...]) -> tuple[Expr, ...]:
    """ "A: 6, B: 15" was read as ratios; with a name before every colon they are values with names."""
    if len(items) > 1 and all(i.op == "ratio" and len(i.args) == 2 and i.args[0].op == "var" for i in items):
        return tuple(Expr("rel", i.args, "=") for i in items)
    # "Tom 5, Ann 3"
    if len(items) > 1 and all(
        i.op == "unit" and _IS_NAME.fullmatch(i.name) and not parse_unit(i.name) for i in items
    ):
        return tuple(Expr("rel", (Expr("text", name=i.name), *i.args), "=") for i in items)
    return (
        tuple(i for i in items if not _IS_REJECTED.search((i.args[-1] if i.op == "rel" else i).name)) or items
    )


def _label(e: Expr) -> str | None:
    """The name an answer is given, "" for one without, None for an equation that is no assignment."""
    if not is_equation(e):
        return ""
    name = e.args[0]
    if name.op == "text":
        name = name._replace(name=_NAMES.sub(r"\1", name.name.lower()))
    return repr(name) if is_label(name) else None


def _assignments(e: Expr) -> Expr:
    """A list of assignments becomes the list of values; with several names a record, a repeated record a list
    of tuples.
    """
    labels = [_label(item) for item in e.args]
    if None in labels or not any(labels):
        return e
    # "a = 4, -8, -10": a label in front of the first names them all
    values = tuple(item.args[-1] if label else item for item, label in zip(e.args, labels, strict=True))
    named = [label for label in labels if label]
    distinct = list(dict.fromkeys(named))
    if len(named) < len(labels) or len(distinct) == 1:
        return Expr(e.op, values, e.name)
    size = len(distinct)
    if len(named) > size and len(named) % size == 0 and named == distinct * (len(named) // size):
        rows = [values[k : k + size] for k in range(0, len(values), size)]
        return Expr(e.op, tuple(Expr("group", row, "()") for row in rows), e.name)
    if len(named) == size:
        return Expr("record", values, "\n".join(distinct))
    return e


def record_is_numbered(e: Expr) -> bool:
    """Are the names of a record one letter with indices (x_1, x_2), so that their order means nothing?"""
    stems = {name.partition("_")[0] for name in e.name.split("\n")}
    return len(stems) == 1 and all("_" in name.partition("name='")[2] for name in e.name.split("\n"))
