"""The expression tree that an answer is read into: a named tuple, so it compares, hashes and pickles by itself.

op       args                          name / value
-------  ----------------------------  -----------------------------------------------------------------
num      -                             value; places: digits after the point as written, -1 if no point; name "e" in
                                       scientific notation, with the place of the last digit, below 0 left of the point;
                                       name "..." where an ellipsis follows
dots     -                             an ellipsis that is not understood
var      -                             name
const    -                             name: "pi", "e", "i", "oo"
add mul  terms, factors                -
div pow  two                           -
pm       left, right                   name "+" for a ± b, "-" for a ∓ b
call     arguments                     name of the function ("sqrt" has the index as second argument, "fact2" is n!!)
fact deg pct  one                      n!, n°, n%
base     -                             name: the digits as written and the base, "3127_8"
unit     one                           name: the unit as written
text     -                             name: the words as written
builder  -                             name: a set {x : ...} as written, of which no more is understood
worded   one                           name: words that are part of the answer, as in "multiples of 7"
given    answer, condition             -
group    items                         name: the two brackets, "()", "[)", "{}"
seq      items                         a list without brackets
ratio    parts                         3:1
rel      compared expressions          name: the relations between them, separated by blanks ("< <=")
union inter minus  sets                -
matrix   rows, each a "row"            -
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import NamedTuple

ZERO = Fraction(0)
MAX_BASE = 36  # of a numeral, whose digits are 0 to 9 and A to Z


class Expr(NamedTuple):
    """One node of an answer; see the table above."""

    op: str
    args: tuple[Expr, ...] = ()
    name: str = ""
    value: Fraction = ZERO
    places: int = -1


def num(value: int | Fraction, places: int = -1) -> Expr:
    """Return a number; `places` is how many digits stood after its decimal point."""
    return Expr("num", value=Fraction(value), places=places)


# The index of a sum, product or list, also of one that an ellipsis stands for; no variable of an answer has this name.
INDEX = Expr("var", name="#")
ONE, MINUS_ONE, INFINITY, PI = num(1), num(-1), Expr("const", name="oo"), Expr("const", name="pi")


def neg(e: Expr) -> Expr:
    """Return -e; a written number keeps its decimal places."""
    if e.op == "num":
        return e._replace(value=-e.value)
    if e.op == "base":
        return e._replace(name=e.name[1:] if e.name[0] == "-" else "-" + e.name)
    if e.op == "unit":
        return e._replace(args=(neg(e.args[0]),))
    if e.op == "mul" and e.args[0] == MINUS_ONE:
        return mul(*e.args[1:])
    return mul(MINUS_ONE, e)


def mul(*factors: Expr) -> Expr:
    """Return the product, flat."""
    flat: list[Expr] = []
    for f in factors:
        flat.extend(f.args if f.op == "mul" else (f,))
    return flat[0] if len(flat) == 1 else Expr("mul", tuple(flat))


def add(*terms: Expr) -> Expr:
    """Return the sum, flat."""
    flat: list[Expr] = []
    for t in terms:
        flat.extend(t.args if t.op == "add" else (t,))
    return flat[0] if len(flat) == 1 else Expr("add", tuple(flat))


def div(a: Expr, b: Expr) -> Expr:
    """Return a/b."""
    return Expr("div", (a, b))


def numeral_value(e: Expr) -> Fraction | None:
    """Return the value of a numeral in a base from 2 to 36, or below zero, None where it has none."""
    digits, _, base = e.name.partition("_")
    whole, _, decimals = digits.partition(".")
    if base.isalpha() or not 2 <= abs(int(base)) <= MAX_BASE:
        return None
    places = [int(digit, MAX_BASE) for digit in whole + decimals]
    if max(places) >= abs(int(base)):
        return None
    value = 0
    for place in places:
        value = value * int(base) + place
    return Fraction(value, int(base) ** len(decimals))


def walk(e: Expr) -> Iterator[Expr]:
    """Yield every node, the root first."""
    stack = [e]
    while stack:
        node = stack.pop()
        yield node
        stack.extend(node.args)


def depth(e: Expr) -> int:
    """Return how many levels e has, without recursion."""
    deepest, level = 0, [e]
    while level:
        deepest, level = deepest + 1, [a for node in level for a in node.args]
    return deepest


def variables(e: Expr) -> set[str]:
    """Return the names of the variables in e."""
    return {n.name for n in walk(e) if n.op == "var"}


def rewrite(e: Expr, change: Callable[[Expr], Expr | None]) -> Expr:
    """Return e with every node for which `change` gives something replaced by it, outermost first."""
    new = change(e)
    if new is not None:
        return new
    if not e.args:
        return e
    return e._replace(args=tuple(rewrite(a, change) for a in e.args))


def show_expr(e: Expr) -> str:
    """Return a compact, unambiguous text of e, for people who ask how an answer was understood."""
    inner = ", ".join(show_expr(a) for a in e.args)
    if e.op == "num":
        return str(e.value)
    if e.op in {"var", "const", "base"}:
        return e.name
    if e.op == "text":
        return repr(e.name)
    if e.op == "group":
        return f"{e.name[0]}{inner}{e.name[1]}"
    label = f"{e.op}:{e.name}" if e.name else e.op
    return f"{label}({inner})"
