"""Compare two answers of any shape; the gold's shape decides what is asked of the prediction."""

import re
from collections.abc import Sequence
from fractions import Fraction
from math import prod

from lm_eval_mathtasks.grading.coordinates import in_one_form
from lm_eval_mathtasks.grading.expr import Expr, div, mul, num, rewrite, walk
from lm_eval_mathtasks.grading.inequalities import (
    as_set,
    ascending,
    contradict,
    has_inequality,
    mentions_infinity,
    names_a_set,
    pieces_of,
    same_inequalities,
)
from lm_eval_mathtasks.grading.relations import (
    is_equation,
    is_label,
    is_open,
    point_of,
    same_equation,
    value_answered,
    with_names_of,
)
from lm_eval_mathtasks.grading.remarks import known
from lm_eval_mathtasks.grading.rounding import shows
from lm_eval_mathtasks.grading.scalars import Ask, Outcome, compare_scalars
from lm_eval_mathtasks.grading.shapes import record_is_numbered
from lm_eval_mathtasks.grading.words import (
    by_words,
    compare_clocks,
    compare_words,
    plain_words,
    things_counted,
)

_COLLECTIONS = {"seq", "group", "record", "union"}
REALS = Expr("const", name="R")
# Order-free lists longer than this are compared in sorted textual order only: matching is quadratic.
MAX_UNORDERED = 64
_MULTIPLES = {
    f"{what}{of}" for what in ("", "integer ", "integers ", "numbers ", "whole numbers ", "integers that are ")
    for of in ("multiples of", "multiple of", "divisible by")
}  # fmt: skip
_EVEN = re.compile(r"(?:all |any |the )?(?:set of )?(?:all )?even (?:integer|number)s?", re.IGNORECASE)
# x = 2 and y = 2 are two lines; k = 2 and n = 2 are the same answer under two names
_COORDINATES = {"x", "y", "z"}


def _no(reason: str) -> Outcome:
    return Outcome(False, "structure", reason)


def compare_answers(gold: Expr, pred: Expr, ask: Ask) -> Outcome:
    """Compare two readings. `ask` is the symbolic tier, for the scalars that nothing here decides."""
    if gold == pred:
        return Outcome(True, "structure", "the same expression")
    if "clock" in {gold.op, pred.op}:
        return compare_clocks(gold, pred)
    classes = [_residue_class(e) for e in (gold, pred)]
    if None not in classes:
        same = classes[0] == classes[1]
        return Outcome(same, "structure", "the same integers" if same else "other integers")
    if "given" in {gold.op, pred.op}:
        return _compare_conditional(gold, pred, ask)
    if "text" in {gold.op, pred.op}:
        return compare_words(gold, pred)
    if "worded" in {gold.op, pred.op}:
        if gold.op == pred.op and gold.name == pred.name:
            return compare_answers(gold.args[0], pred.args[0], ask)
        if gold.op != "worded" and not known(pred.name) and compare_answers(gold, pred.args[0], ask).equal:
            return Outcome(None, "structure", f"not known what {pred.name!r} says of the value")
        return _no("words that are part of the answer")
    if gold.op == "rel" or pred.op == "rel":
        return _compare_relations(gold, pred, ask)
    gold, pred = in_one_form(gold, pred)
    if gold.op in {"minus", "inter"} or pred.op in {"minus", "inter"} or "R" in {gold.name, pred.name}:
        g, p = as_set(gold), as_set(pred)
        if g is not None and p is not None and (g, p) != (gold, pred):
            return compare_answers(g, p, ask)
    if gold.op == pred.op == "row":
        return _compare_cases(gold, pred, ask)
    if gold.op == "matrix" or pred.op == "matrix":
        return _compare_matrices(gold, pred, ask)
    if gold.op in _COLLECTIONS or pred.op in _COLLECTIONS:
        return _compare_collections(gold, pred, ask)
    if names_a_set(gold) or names_a_set(pred) or ("builder" in {gold.op, pred.op} and gold.op != pred.op):
        return _no("a set against something else")
    if "ratio" in {gold.op, pred.op}:
        return _compare_ratios(gold, pred, ask)
    return compare_scalars(gold, pred, ask)


def _residue_class(e: Expr) -> tuple[Fraction, Fraction] | None:
    """The rest and the modulus of the integers that "multiples of 7", "7k + 3, k in Z" and n ≡ 3 (mod 7) are."""
    if e.op == "text" and _EVEN.fullmatch(plain_words(e.name)):
        return Fraction(0), Fraction(2)
    if e.op == "worded" and e.args[0].op == "num" and e.name in _MULTIPLES:
        return Fraction(0), abs(e.args[0].value)
    if e.op == "rel" and e.name == "==" and e.args[0].op == "var" and e.args[1].name == "mod":
        rest, modulus = e.args[1].args
        if rest.op != "num" or modulus.op != "num" or not modulus.value:
            return None
        return rest.value % modulus.value, abs(modulus.value)
    if e.op != "given" or e.args[1].name != "in" or e.args[1].args[1] != Expr("const", name="Z"):
        return None
    said = value_answered(e.args[0]) or e.args[0]
    terms = said.args if said.op == "add" else (said,)
    sizes, constant = [], Fraction(0)
    for term in terms:
        factors = term.args if term.op == "mul" else (term,)
        if term.op == "num":
            constant += term.value
        elif factors[-1] == e.args[1].args[0] and all(f.op == "num" for f in factors[:-1]):
            sizes.append(prod((f.value for f in factors[:-1]), start=Fraction(1)))
        else:
            return None
    return (constant % abs(sizes[0]), abs(sizes[0])) if len(sizes) == 1 and sizes[0] else None


def _compare_conditional(gold: Expr, pred: Expr, ask: Ask) -> Outcome:
    """What is said under a condition is compared without it, unless both state one and these contradict."""
    if gold.op == pred.op and contradict(gold.args[1], pred.args[1]):
        return _no("the conditions contradict")
    g, p = (e.args[0] if e.op == "given" else e for e in (gold, pred))
    # any real constant, by whatever name
    names = [e.args[1].args[0] for e in (gold, pred) if e.op == "given" and e.args[1].args[1:] == (REALS,)]
    if len(names) == 2 and names[0].op == names[1].op == "var" and names[0] not in walk(p):
        p = rewrite(p, {names[1]: names[0]}.get)
    return compare_answers(g, p, ask)


def _compare_relations(gold: Expr, pred: Expr, ask: Ask) -> Outcome:
    g_value, p_value = value_answered(gold), value_answered(pred)
    if gold.op == "rel" and pred.op == "rel":
        if is_equation(gold) and is_equation(pred):
            return _compare_equations(gold, pred, g_value, p_value, ask)
        if has_inequality(gold) and has_inequality(pred):
            g, p = ascending(gold), ascending(pred)
            if g.name == p.name and len(g.args) == len(p.args):
                same = _in_order(g.args, p.args, ask)
                if same.equal:
                    return same
            if same_inequalities(gold, pred):
                return Outcome(True, "exact", "the same inequalities, up to positive factors")
    g_set, p_set = as_set(gold), as_set(pred)
    if g_set and p_set and (has_inequality(gold) or has_inequality(pred)):
        return compare_answers(g_set, p_set, ask)
    if has_inequality(gold) or has_inequality(pred):
        return _no("an inequality against something else")
    if gold.op == "rel" and g_value is None:
        return _no("the answer is an equation, this is not")
    if pred.op == "rel" and p_value is None and is_equation(pred) and not is_open(pred):
        # a + d = 2k answers 2k
        p_value = pred.args[-1]
    if p_value is None and pred.op == "rel" and pred.name == "=" and pred.args[0].op == "worded":
        return Outcome(None, "structure", f"not known what {pred.args[0].name!r} says of the value")
    if p_value is None and pred.op == "rel":
        return _no("a relation against a value")
    return compare_answers(g_value or gold, p_value or pred, ask)


def _compare_equations(
    gold: Expr, pred: Expr, g_value: Expr | None, p_value: Expr | None, ask: Ask
) -> Outcome:
    pred = with_names_of(gold, pred)
    turned = pred.args[0]._replace(args=pred.args[0].args[::-1])
    if (
        pred.args[0].op == "ratio"
        and len(pred.args) == 2
        and turned == gold.args[0]
        and pred.args[1].op == "ratio"
    ):
        pred = pred._replace(args=(turned, pred.args[1]._replace(args=pred.args[1].args[::-1])))
    p_value = value_answered(pred) if p_value is not None else None
    # 1 - P(A) = 2/5 beside P(A) = 3/5: with the gold's value in its place the sides are equal or not
    sums = {"add", "mul", "div", "pow"}
    if g_value is not None and pred.args[0].op in sums and gold.args[0] in walk(pred.args[0]):
        left, right = (rewrite(side, {gold.args[0]: g_value}.get) for side in pred.args[-2:])
        return compare_answers(left, right, ask)
    if g_value is not None and p_value is not None:
        same_label = gold.args[0] == pred.args[0] or not is_label(gold.args[0]) or not is_label(pred.args[0])
        if gold.args[0].name.count("'") != pred.args[0].name.count("'"):
            return _no("another derivative")
        if all(e.args[0].op == "call" for e in (gold, pred)) and _is_inverse(gold) != _is_inverse(pred):
            return _no("a function is not its inverse")
        if {gold.args[0].name, pred.args[0].name} <= _COORDINATES and not same_label:
            return _same_curve() if same_equation(gold, pred) else _no("another coordinate")
        outcome = compare_answers(g_value, p_value, ask)
        curve = outcome.equal is False and not same_label and same_equation(gold, pred)
        return _same_curve() if curve else outcome
    if same_equation(gold, pred):
        return _same_curve()
    if g_value is None:
        return _no("different equations")
    return compare_answers(g_value, p_value or pred.args[-1], ask)


def _is_inverse(e: Expr) -> bool:
    return e.args[0].name.endswith("^-1")


def _same_curve() -> Outcome:
    return Outcome(True, "exact", "one equation, up to a constant factor")


def _compare_ratios(gold: Expr, pred: Expr, ask: Ask) -> Outcome:
    """a:b is a/b; longer ratios are the same if they are proportional."""
    if gold.op == pred.op and len(gold.args) == len(pred.args):
        same = _in_order(gold.args, pred.args, ask)
        # a zero stands in both at the same places, and is no measure of the others
        zeros = [a == num(0) for a in gold.args]
        if same.equal or zeros != [b == num(0) for b in pred.args] or zeros.count(False) < 2:
            return same if same.equal else _no("ratios with zeros")
        k = zeros.index(False)
        lefts, rights = ([mul(a, other.args[k]) for a in e.args] for e, other in ((gold, pred), (pred, gold)))
        return _in_order(lefts, rights, ask)
    sides = []
    for e in (gold, pred):
        if e.op == "ratio" and (len(e.args) != 2 or e.args[1] == num(0)):
            return _no("a ratio of more than two, or to zero, is no number")
        sides.append(div(*e.args) if e.op == "ratio" else e)
    return compare_scalars(sides[0], sides[1], ask)


def _compare_cases(gold: Expr, pred: Expr, ask: Ask) -> Outcome:
    """Compare a value and its condition in a case distinction; the condition may be "otherwise"."""
    told = None if "text" not in {gold.args[-1].op, pred.args[-1].op} else -1
    return _in_order(gold.args[:told], pred.args[:told], ask)


def _compare_matrices(gold: Expr, pred: Expr, ask: Ask) -> Outcome:
    g, p = gold, pred
    if g.op == p.op == "matrix":
        if "cases" in {g.name, p.name}:
            return _any_order(g.args, p.args, ask)
        if [len(r.args) for r in g.args] != [len(r.args) for r in p.args]:
            return _no("matrices of different sizes")
        return _in_order([c for r in g.args for c in r.args], [c for r in p.args for c in r.args], ask)
    # a column or a row may be written as a tuple, and a tuple as a column
    matrix, other = (g, p) if g.op == "matrix" else (p, g)
    cells = [c for r in matrix.args for c in r.args]
    line = 1 in {len(matrix.args), len(matrix.args[0].args)}
    if other.op == "group" and other.name in {"()", "[]", "<>"} and line:
        return _in_order(cells, other.args, ask) if g is matrix else _in_order(other.args, cells, ask)
    if other.op == "group" and other.args and all(r.op == "group" for r in other.args):
        rows = Expr("matrix", tuple(Expr("row", r.args) for r in other.args))
        return compare_answers(g, rows, ask) if g is matrix else compare_answers(rows, p, ask)
    return _no("a matrix against something else")


def _compare_collections(gold: Expr, pred: Expr, ask: Ask) -> Outcome:
    if gold.op == "record":
        return _compare_record(gold, pred, ask)
    if pred.op == "record":
        pred = Expr("seq", pred.args) if gold.op == "seq" else Expr("group", pred.args, "()")
    if gold.op == "union" or pred.op == "union":
        return _any_order(pieces_of(gold), pieces_of(pred), ask)
    if pred.op not in _COLLECTIONS and any(a.name == "terms" for a in gold.args):
        return _no("several answers are asked for")
    if gold.op == "seq" and pred.op not in {"seq", "group", "union"} and _one_answer(gold, ask):
        outcomes = [compare_answers(g, pred, ask) for g in gold.args]
        return next((o for o in outcomes if o.equal), outcomes[0])
    if gold.op == "seq" or gold.name == "{}":
        sets_inside = {sum(a.name == "{}" for a in e.args) for e in (gold, pred)}
        if gold.name == pred.name == "{}" and len(sets_inside) > 1:
            return _no("a member is not the set of it")
        if pred.op == "group" and pred.name in {"[)", "(]"}:
            return _no("an interval is no list")
        items = pred.args if pred.op in {"seq", "group"} else (pred,)
        if pred.op == "group" and pred.name == "()" and all(i.op == "group" for i in gold.args):
            items = (pred,) if pred.args[0].op != "group" else pred.args
        elif pred.op == "group" and pred.name == "()":
            # round brackets say that the order is meant
            return _in_order(gold.args, items, ask)
        named = by_words(gold.args, items)
        outcome = _in_order(gold.args, named, ask) if named else _any_order(gold.args, items, ask)
        # a program prints the members of a set in these, and two of them may be an interval's ends
        if outcome.equal and gold.name == "{}" and pred.name == "[]" and _may_be_ends(items):
            return Outcome(None, "structure", "not known whether an interval or a list is meant")
        return outcome
    if gold.op != "group":
        # one answer in several spellings is one answer
        if pred.op == "seq":
            outcomes = [compare_answers(gold, p, ask) for p in pred.args]
            said = all(o.equal or shows(gold, p) for o, p in zip(outcomes, pred.args, strict=True))
            if said and len(set(things_counted(pred.args))) < 2:
                return outcomes[0]
        if pred.op == "group" and len(pred.args) == 1:
            return compare_answers(gold, pred.args[0], ask)
        return _no("one answer is asked for, several are given")
    return _compare_group(gold, pred, ask)


def _may_be_ends(parts: Sequence[Expr]) -> bool:
    return len(parts) == 2 and all(p.op == "num" for p in parts) and parts[0].value < parts[1].value


def _one_answer(gold: Expr, ask: Ask) -> bool:
    """Does a gold give one answer in several spellings, as "0.4 or 2/5" does?"""
    spellings = set(gold.args)
    # "4, 4" are two answers that are the same
    return len(spellings) > 1 and all(
        compare_answers(gold.args[0], other, ask).equal or shows(gold.args[0], other)
        for other in gold.args[1:]
    )


def _compare_group(gold: Expr, pred: Expr, ask: Ask) -> Outcome:
    """An interval with its ends, or an ordered tuple; a list of three or more in [ ] is a tuple too."""
    pred = point_of(pred)
    if pred.op not in {"seq", "group"}:
        return _no("a tuple or an interval is asked for")
    if pred.op == "seq" and len(pred.args) == 1:
        return compare_answers(gold, pred.args[0], ask)
    is_list = gold.name in {"()", "[]"} and len(gold.args) != 2
    same_ends = pred.op == "group" and pred.name == gold.name
    bare = pred.op == "seq" or pred.name == "{}" or (is_list and pred.name in {"()", "[]"})
    is_interval = gold.name != "()" and not is_list
    # (2, 5) may be a point or an interval, so its brackets may be missing; [2, 5) can only be an interval
    if not same_ends and (not bare or is_interval or mentions_infinity(gold)):
        return _no("other brackets: ends that belong to the interval or do not")
    return _in_order(gold.args, pred.args, ask)


def _compare_record(gold: Expr, pred: Expr, ask: Ask) -> Outcome:
    if pred.op == "record":
        names, given = gold.name.split("\n"), pred.name.split("\n")
        if sorted(names) == sorted(given):
            by_name = dict(zip(given, pred.args, strict=True))
            return _in_order(gold.args, [by_name[n] for n in names], ask)
    if pred.op not in {"record", "seq", "group"}:
        return _no("several answers are asked for")
    return (_any_order if record_is_numbered(gold) else _in_order)(gold.args, pred.args, ask)


def _in_order(gold: Sequence[Expr], pred: Sequence[Expr], ask: Ask) -> Outcome:
    if len(gold) != len(pred):
        return _no(f"{len(gold)} parts are asked for, {len(pred)} are given")
    undecided: Outcome | None = None
    best = Outcome(True, "structure", "the same, part by part")
    for g, p in zip(gold, pred, strict=True):
        outcome = compare_answers(g, p, ask)
        if outcome.equal is False:
            return outcome
        if outcome.equal is None:
            undecided = outcome
        elif outcome.tier == "symbolic":
            best = outcome
    return undecided or best


def _any_order(gold: Sequence[Expr], pred: Sequence[Expr], ask: Ask) -> Outcome:
    """Match every part of the gold with its own part of the prediction."""
    if len(set(gold)) == len(gold):
        # saying an answer twice adds nothing, unless the gold does too
        pred = list(dict.fromkeys(pred))
    if len(gold) != len(pred):
        return _no(f"{len(gold)} answers are asked for, {len(pred)} are given")
    if len(gold) > MAX_UNORDERED:
        return _in_order(sorted(gold, key=repr), sorted(pred, key=repr), ask)
    # greedy is enough: equality is transitive but for roundings, so it hardly matters which equal part is taken
    left = list(pred)
    undecided: Outcome | None = None
    for g in gold:
        for k, p in enumerate(left):
            outcome = compare_answers(g, p, ask)
            if outcome.equal:
                del left[k]
                break
            if outcome.equal is None:
                undecided = outcome
        else:
            return undecided or _no("an answer is missing")
    return Outcome(True, "structure", "the same answers in any order")
