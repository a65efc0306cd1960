"""Are two scalar answers the same number or the same function? Exact first; a decimal only under the rounding rule."""

import re
from collections.abc import Callable
from fractions import Fraction
from itertools import permutations
from typing import NamedTuple

from lm_eval_mathtasks.grading import algebraic, numeric
from lm_eval_mathtasks.grading.exact import same_form
from lm_eval_mathtasks.grading.expr import (
    INDEX,
    INFINITY,
    MINUS_ONE,
    ONE,
    PI,
    Expr,
    add,
    div,
    mul,
    num,
    numeral_value,
    rewrite,
    variables,
    walk,
)
from lm_eval_mathtasks.grading.remarks import opposed, says_nothing
from lm_eval_mathtasks.grading.rounding import rounds
from lm_eval_mathtasks.grading.units import Unit, parse_unit

# Letters that abbreviate a unit where the gold has no such variable: "340 m" for 340.
_LETTER_UNITS = {"m", "g", "s", "h", "l", "L", "N", "J", "W", "V", "A", "K", "C", "F"}
# "2 m/g" is no rate
_RATE = re.compile(r"/(?:time|volume)\b")
_PER = re.compile(r"(?:/|\bper\b|\b(?:each|every)\b)\s*([a-z]+)\W*\Z")
_COUNTERS = {"k", "n", "m", "l"}
_CONSTANTS = {"C", "c", "K", "C_1", "c_1"}
_SEVERAL_CONSTANTS = {"A", "B", *(f"{name}_{k}" for name in "CcKk" for k in range(1, 5))}
_BIG = {"sum", "prod", "int", "lim"}
_TRIGONOMETRIC = {"sin", "cos", "tan", "cot", "sec", "csc"}


class Outcome(NamedTuple):
    """equal: True, False, or None for "cannot tell"; tier: which part decided; reason: for people."""

    equal: bool | None
    tier: str
    reason: str


Ask = Callable[[Expr, Expr], Outcome]


class Quantity(NamedTuple):
    """A number with what was written around it."""

    core: Expr
    unit: Unit | None
    percent: bool
    degrees: bool
    words: str


def quantity(e: Expr) -> Quantity:
    """Take units, a percent sign and degree marks off a scalar."""
    unit: Unit | None = None
    percent = degrees = False
    words = ""

    def take_off(node: Expr) -> Expr | None:
        nonlocal unit, percent, degrees, words
        if node.op == "unit":
            found = parse_unit(node.name)
            degrees |= found is not None and found.dimension == "degree"
            unit = unit or found
            words += node.name
            return rewrite(node.args[0], take_off)
        if node.op == "deg":
            degrees = True
            return rewrite(node.args[0], take_off)
        if node.op == "pct" and not percent and node is _innermost_sign(e):
            percent = True
            return node.args[0]
        return node if node.op == "call" and node.name in _TRIGONOMETRIC else None

    return Quantity(rewrite(e, take_off), unit, percent, degrees, words)


def _innermost_sign(e: Expr) -> Expr:
    """-(5%) is a percentage too; 5% + 1 is not."""
    while (e.op == "mul" and len(e.args) == 2 and e.args[0] == MINUS_ONE) or e.op == "unit":
        e = e.args[-1]
    return e


def compare_scalars(gold: Expr, pred: Expr, ask: Ask) -> Outcome:
    """Compare two scalars with their units, percent and degree signs; the README lists the conventions."""
    if gold.name == pred.name == "mod" and gold.args[1:] != pred.args[1:]:
        return Outcome(False, "structure", "residues by different moduli")
    # Of "numbers of the form 4k + 3" words are a part, and 7 has none of them. Words of the answer may say nothing.
    if _in_words(gold) and not _in_words(pred):
        return Outcome(False, "structure", "words that are part of the answer")
    gold = gold if gold.op == "num" else _measured(gold, pred)
    gold, pred = _same_logarithm(*_same_angles(gold, _same_letters(gold, pred)))
    g, p = quantity(gold), quantity(pred)
    kinds = {_kind(g), _kind(p)} - {""}
    if opposed(g.words, p.words) or _is_clock_beside_time(g, p) or _is_clock_beside_time(p, g):
        return Outcome(False, "structure", f"{p.words!r} is not {g.words!r}")
    # "$3.50 per pound" for "$3.50"
    if _kind(g) == "money" and _kind(p).startswith("money/") and same_number(g.core, p.core, ask).equal:
        return Outcome(None, "structure", f"not known whether {_kind(p)} is meant as {_kind(g)}")
    # 25° may be degrees Celsius
    if len(kinds) > 1 and kinds not in ({"degree", "celsius"}, {"degree", "fahrenheit"}):
        return Outcome(False, "structure", f"{_kind(p)} is not {_kind(g)}")
    if g.unit and p.unit and g.unit != p.unit:
        same_kind = g.unit.dimension == p.unit.dimension
        if same_kind:
            scaled = mul(num(g.unit.factor), g.core), mul(num(p.unit.factor), p.core)
            return same_number(*scaled, ask)._replace(tier="structure")
    # "12 words per hour" beside "12 words/min"
    if (per := [_per(q.words) for q in (g, p)]) and None not in per and per[0] != per[1]:
        rates = [div(q.core, num(unit.factor)) for q, unit in zip((g, p), per, strict=True) if unit]
        same_kind = len({unit.dimension for unit in per if unit}) == 1
        return (
            same_number(rates[0], rates[1], ask) if same_kind else Outcome(False, "structure", "other rates")
        )
    plain = same_number(g.core, p.core, ask)
    for other_gold, other_pred in _conventions(g, p) if not plain.equal else ():
        other = same_number(other_gold, other_pred, ask)
        plain = other if other.equal else plain
    if (
        plain.equal
        and g.words.rstrip("s") != p.words.rstrip("s")
        and not says_nothing(p.words, of_one=p.core.op == "num" and 0 < p.core.value <= 1)
    ):
        return Outcome(None, "structure", f"not known what {p.words!r} says of the value")
    return plain


def _per(words: str) -> Unit | None:
    """The unit that a rate of things is told for: hours of "words per hour"; None for others."""
    found = _PER.search(words)
    return parse_unit(found[1]) if found and not parse_unit(words) else None


def _is_clock_beside_time(a: Quantity, b: Quantity) -> bool:
    return "o'clock" in a.words and b.unit is not None and b.unit.dimension == "time"


def _in_words(e: Expr) -> bool:
    return any(node.op == "worded" for node in walk(e))


def _kind(q: Quantity) -> str:
    """What is measured, as far as it is written: length, money, degree, percent; powers do not count."""
    if q.percent:
        return "percent"
    if q.unit:
        return re.sub(r"\^\d", "", q.unit.dimension)
    return "degree" if q.degrees else ""


def _conventions(g: Quantity, p: Quantity) -> list[tuple[Expr, Expr]]:
    """Other readings of the same quantities: 25% = 0.25, 30° = π/6, "340 m" = 340."""
    readings = []
    if p.unit and p.unit.dimension == "money" and not g.unit and not g.percent:
        readings.append((g.core, mul(num(p.unit.factor), p.core)))
    if g.percent != p.percent:
        hundredth = num(Fraction(1, 100))
        readings.append((mul(hundredth, g.core), p.core) if g.percent else (g.core, mul(hundredth, p.core)))
    if g.degrees != p.degrees and PI in walk(p.core if g.degrees else g.core):
        degree = div(PI, num(180))
        readings.append((mul(degree, g.core), p.core) if g.degrees else (g.core, mul(degree, p.core)))
    return readings


def _same_letters(gold: Expr, pred: Expr) -> Expr:
    """Read letters of the prediction as the gold needs them.

    Where the gold has no variable, a last letter is a unit ("340 m") and I or j is i. In a family of angles
    the counter may have any name: π/2 + 2πn for π/2 + 2πk.
    """
    g, p = variables(gold), variables(pred)
    if len(g) == len(p) == 1 and g != p and g | p <= _COUNTERS and PI in walk(gold) and PI in walk(pred):
        counter = Expr("var", name=min(g))
        return rewrite(pred, lambda n: counter if n.op == "var" else None)
    # a constant of integration is C or c or K, two are c_1 and c_2 or A and B
    apart = len(g - p)
    if len(p - g) == apart > 0 and (g - p) | (p - g) <= (_CONSTANTS if apart == 1 else _SEVERAL_CONSTANTS):
        # which of them is which is free
        for order in permutations(sorted(g - p)):
            pairs = zip(sorted(p - g), order, strict=True)
            names = {Expr("var", name=old): Expr("var", name=new) for old, new in pairs}
            renamed = rewrite(pred, names.get)
            if same_form(gold, renamed):
                return renamed
        return renamed
    if g or gold.op == "base" or not p:
        return pred
    if p in ({"I"}, {"j"}):
        imaginary = Expr("const", name="i")
        return rewrite(pred, lambda n: imaginary if n.op == "var" else None)
    first = pred
    while first.args:
        first = first.args[0]
    unit = _letters(pred) if p <= _LETTER_UNITS and first.op != "var" else None
    if unit is None:
        return pred
    return Expr("unit", (rewrite(pred, lambda n: ONE if n.op == "var" else None),), unit)


def _measured(gold: Expr, pred: Expr) -> Expr:
    """Read "2 L" beside "2000 mL" as a quantity: a letter is a unit where the other side names one of its kind, and
    "m/s" is one beside a bare number."""
    names = variables(gold)
    letters = _letters(gold) if names and names <= _LETTER_UNITS and not variables(pred) else None
    unit, asked = parse_unit(letters or ""), quantity(pred).unit
    if unit is None or (unit.dimension != asked.dimension if asked else not _RATE.search(unit.dimension)):
        return gold
    return Expr("unit", (rewrite(gold, lambda n: ONE if n.op == "var" else None),), letters or "")


def _letters(e: Expr) -> str | None:
    """The unit that the letters of a product or quotient are, "m/s" of 5 m/s; None if they stand elsewhere."""
    if e.op in {"var", "unit"}:
        return e.name
    if e.op == "pow" and e.args[0].op == "var" and e.args[1].op == "num":
        return f"{e.args[0].name}^{e.args[1].value}"
    if e.op not in {"mul", "div"}:
        return None if variables(e) else ""
    parts = [part for a in e.args if (part := _letters(a)) is not None]
    if len(parts) < len(e.args):
        return None
    return "/".join(parts) if e.op == "div" and parts[1] else " ".join(filter(None, parts))


def _same_angles(a: Expr, b: Expr) -> tuple[Expr, Expr]:
    """Where one side writes degrees inside sin, cos..., plain numbers inside those of the other are degrees too."""

    def uses(e: Expr, *, degrees: bool) -> bool:
        inside = [n.args[0] for n in walk(e) if n.op == "call" and n.name in _TRIGONOMETRIC]
        return any((n.op == "deg") == degrees and not variables(n) and PI not in walk(n) for n in inside)

    def in_degrees(n: Expr) -> Expr | None:
        if n.op == "call" and n.name in _TRIGONOMETRIC and n.args[0].op == "num":
            return n._replace(args=(Expr("deg", n.args),))
        return None

    if uses(a, degrees=True) and uses(b, degrees=False):
        return a, rewrite(b, in_degrees)
    if uses(b, degrees=True) and uses(a, degrees=False):
        return rewrite(a, in_degrees), b
    return a, b


def _same_logarithm(a: Expr, b: Expr) -> tuple[Expr, Expr]:
    """A bare log is natural, unless the other side writes the base 10."""

    def to_ten(n: Expr) -> Expr | None:
        return Expr("call", (n.args[0], num(10)), "logb") if n.op == "call" and n.name == "log" else None

    def has_ten(e: Expr) -> bool:
        return any(n.op == "call" and n.name == "logb" and n.args[1] == num(10) for n in walk(e))

    return (rewrite(a, to_ten) if has_ten(b) else a), (rewrite(b, to_ten) if has_ten(a) else b)


def same_number(gold: Expr, pred: Expr, ask: Ask) -> Outcome:
    """Compare two expressions without units: exact numbers, then proofs, then the symbolic tier."""
    if gold.op == pred.op == "num":
        return _compare_rationals(gold, pred)
    if gold.op == "base" or pred.op == "base":
        return _compare_bases(gold, pred)
    if any(n.op in {"group", "seq", "text"} for e in (gold, pred) for n in walk(e)):
        return Outcome(False, "structure", "not a single value")
    if any(_is_infinite(e) for e in (gold, pred)):
        return Outcome(
            gold == pred, "structure", "infinities of one sign" if gold == pred else "not both infinite"
        )
    if gold == pred:
        return Outcome(True, "structure", "the same expression")
    # of a sequence F_n the sum may be a number
    unknowns = [any("_" not in name for name in variables(e) - {INDEX.name}) for e in (gold, pred)]
    if INFINITY in walk(gold if unknowns[0] else pred) and unknowns[0] != unknowns[1]:
        return Outcome(False, "structure", "a series in an unknown is no number")
    if numeric.differ(gold, pred):
        if rounds(gold, pred):
            return Outcome(True, "numeric", "a decimal, correctly rounded")
        return Outcome(False, "numeric", "proven different by evaluation")
    form = same_form(gold, pred)
    if form is not None:
        return Outcome(form, "exact", "one exact normal form" if form else "two different exact numbers")
    if gold.name == pred.name and gold.name in {"sum", "prod"}:
        ours, theirs = _from_zero(pred), _from_zero(gold)
        if ours.args[:-1] == theirs.args[:-1] and same_form(theirs.args[-1], ours.args[-1]):
            return Outcome(True, "exact", "one sum, from another index on")
    if algebraic.too_close(gold, pred):
        return Outcome(True, "exact", "algebraic numbers closer than different ones can be")
    return ask(gold, pred)


def _from_zero(e: Expr) -> Expr:
    """Return an infinite sum with its index counted from 0 on; any other as it is."""
    bounds = e.args[0]
    if len(e.args) != 3 or bounds.op != "rel" or bounds.args[-1].op != "num" or e.args[1] != INFINITY:
        return e
    later = {INDEX: add(INDEX, bounds.args[-1])}
    return e._replace(args=(bounds._replace(args=(INDEX, num(0))), INFINITY, rewrite(e.args[2], later.get)))


def _is_infinite(e: Expr) -> bool:
    """Is e infinite, or made of what is? A sum over infinitely many terms need not be."""
    return e == INFINITY or (not (e.op == "call" and e.name in _BIG) and any(map(_is_infinite, e.args)))


def _compare_rationals(gold: Expr, pred: Expr) -> Outcome:
    if gold.value == pred.value:
        return Outcome(True, "number", "the same number")
    if rounds(gold, pred):
        return Outcome(True, "number", "a decimal, correctly rounded")
    return Outcome(False, "number", "different numbers")


def _compare_bases(gold: Expr, pred: Expr) -> Outcome:
    """Numerals in a base: the same digits, and the same base where both name one."""

    def parts(e: Expr) -> tuple[str, str]:
        digits, _, base = e.name.partition("_") if e.op == "base" else (_digits(e), "", "")
        sign = "-" if digits.startswith("-") else ""
        return sign + (digits.removeprefix("-").lstrip("0") or "0"), base

    # 100_2 is 4, but where a base is asked for 4 is no numeral in it
    if gold.op == "num" and numeral_value(pred) == gold.value:
        return Outcome(True, "structure", "the numeral of the same number")
    (g, g_base), (p, p_base) = parts(gold), parts(pred)
    bases_agree = g_base == p_base or not (g_base and p_base) or g_base.isalpha() or p_base.isalpha()
    # for the gold 101 it may be that 101_2 was asked for, or it is another number
    if g == p and not g_base and p_base.lstrip("-").isdigit() and p_base != "10":
        return Outcome(None, "structure", "the same digits, in a base that the reference does not name")
    if g == p and bases_agree:
        return Outcome(True, "structure", "the same numeral")
    return Outcome(False, "structure", "different numerals or bases")


def _digits(e: Expr) -> str:
    """The digits of a numeral as they were written; "?" if it is none. 37B was read as a product."""
    if e.op == "num" and e.value < 0:
        return "-" + _digits(e._replace(value=-e.value))
    if e.op == "mul":
        return "".join(a.name if a.op == "var" else _digits(a) for a in e.args)
    if e.op != "num" or not 0 <= e.value < 10**300:
        return "?"
    if e.places > 0:
        digits = str(int(e.value * 10**e.places)).rjust(e.places + 1, "0")
        return f"{digits[: -e.places]}.{digits[-e.places :]}"
    return str(e.value.numerator) if e.value.denominator == 1 else "?"
