"""What an ellipsis stands for, where the terms around it show it: 1·2·3⋯n, 1 + 1/2 + … + 1/5, 2, 4, …, 50.

The terms before the dots and the last one behind them must be one pattern: a tree in which numbers, exponents or
indices change by a constant step, or numbers with a constant ratio. What fits no pattern, or two, keeps its dots, and
an answer with dots is never proven different from another.
"""

import re
from collections.abc import Sequence
from fractions import Fraction

from lm_eval_mathtasks.grading.exact import difference
from lm_eval_mathtasks.grading.expr import INDEX, ONE, Expr, add, div, mul, neg, num, rewrite, walk
from lm_eval_mathtasks.grading.polynomials import ONE_POLY, as_number

DOTS = Expr("dots")
# An ellipsis is written out up to this many terms.
MAX_WRITTEN = 300
_SUBSCRIPT = re.compile(r"([a-z])?([+-]?\d+)?")
_RUN_OF_DIGITS = re.compile(
    r"\\(?:under|over)brace\s*\{\s*(?P<digit>\d)(?P=digit)*\s*(?:\\[cl]?dots|\.{3}|…)\s*(?P=digit)+\s*\}\s*[_^]\s*"
    r"(?P<brace>\{\s*)?(?P<count>\d{1,3})(?:\s*\\text\s*\{[^{}]*\})?(?(brace)\s*\}|(?!\d))(?:\s(?=\d))?"
)

# Where terms differ: the path to a part, its value in the first term, and its step from one term to the next.
Change = tuple[tuple[int, ...], Expr, Fraction]


def written_out(text: str) -> str:
    r"""Write a run of one digit out that a brace counts, as in \underbrace{11\cdots1}_{5}."""

    def digits(run: re.Match[str]) -> str:
        return run["digit"] * int(run["count"]) if int(run["count"]) <= MAX_WRITTEN else run[0]

    return _RUN_OF_DIGITS.sub(digits, text)


def has_open_list(e: Expr) -> bool:
    """Is there a list in e with an ellipsis whose meaning is not known?"""
    return any(DOTS in node.args for node in walk(e) if node.op in {"seq", "group"})


def resolve(e: Expr) -> Expr:
    """Return an answer with each ellipsis that is understood written out, or as a sum, a product or a list of terms."""
    # "5...": whoever wrote it went on to something else
    if e.op == "mul" and len(e.args) == 2 and e.args[0].op == "num" and e.args[1] == DOTS:
        return e.args[0]
    return _resolved(e)


def _resolved(e: Expr) -> Expr:
    listed = e.op in {"seq", "group"}
    # "1, 2, 3..."
    if listed and e.args and e.args[-1].op == "mul" and e.args[-1].args[-1] == DOTS:
        e = e._replace(args=(*e.args[:-1], mul(*e.args[-1].args[:-1]), DOTS))
    e = e._replace(args=tuple(_resolved(a) for a in e.args)) if e.args else e
    if e.op not in {"add", "mul", "seq", "group"} or e.args.count(DOTS) != 1:
        return e
    at = e.args.index(DOTS)
    before, after = [[_indexed(a) for a in part] for part in (e.args[:at], e.args[at + 1 :])]
    if not before or (not after and (len(before) < 2 or not listed)):
        return e
    # 1 + 1 + 1/2 + … + 1/7: the terms right before the dots are the pattern
    for cut in range(1 if listed or not after else max(1, len(before) - 1)):
        terms = _numbers(before[cut:], after) if after else None
        if terms is not None:
            return Expr(e.op, (*before[:cut], *map(num, terms)), e.name)
    name = {"add": "sum", "mul": "prod"}.get(e.op, "terms")
    # behind the dots of 1 + 3 + … + (2n-1) stands one term, of a_k + … + a_1 + a_0 two
    joined = (
        None if listed or len(after) < 2 else _series(before, [{"add": add, "mul": mul}[e.op](*after)], name)
    )
    series = joined or _series(before, after, name)
    if series is None:
        return e
    return Expr(e.op, (series,), e.name) if listed else series


def _indexed(e: Expr) -> Expr:
    """Read a_k and a_{k-1} as values of one sequence."""

    def change(n: Expr) -> Expr | None:
        stem, _, index = n.name.partition("_")
        match = _SUBSCRIPT.fullmatch(index) if n.op == "var" else None
        if not match or not index:
            return None
        parts = [Expr("var", name=match[1])] if match[1] else []
        parts += [num(int(match[2]))] if match[2] else []
        return Expr("call", (add(*parts),), f"apply {stem}_")

    return rewrite(e, change)


def _numbers(before: list[Expr], after: list[Expr]) -> list[Fraction] | None:
    """The terms of a finite list of numbers, if exactly one kind of progression fits all that are given."""
    if any(t.op != "num" for t in (*before, *after)):
        return None
    first, last = [t.value for t in before], [t.value for t in after]
    fitting = []
    for kind in (_arithmetic, _geometric, _harmonic):
        terms = kind(first, last[-1])
        if (
            terms
            and len(terms) >= len(first) + len(last)
            and terms[: len(first)] == first
            and terms[-len(last) :] == last
        ):
            fitting.append(terms)
    return fitting[0] if len(fitting) == 1 else None


def _arithmetic(first: list[Fraction], last: Fraction) -> list[Fraction] | None:
    step = first[1] - first[0] if len(first) > 1 else Fraction(1 if last > first[0] else -1)
    count = (last - first[0]) / step if step else Fraction(-1)
    if count.denominator > 1 or not 0 < count <= MAX_WRITTEN:
        return None
    return [first[0] + k * step for k in range(int(count) + 1)]


def _geometric(first: list[Fraction], last: Fraction) -> list[Fraction] | None:
    if len(first) < 2 or not first[0] or abs(first[1]) == abs(first[0]) or not first[1]:
        return None
    ratio, terms = first[1] / first[0], [first[0]]
    while terms[-1] != last and len(terms) <= MAX_WRITTEN:
        terms.append(terms[-1] * ratio)
        if (abs(terms[-1]) > abs(last)) == (abs(ratio) > 1) and terms[-1] != last:
            return None
    return terms if terms[-1] == last else None


def _harmonic(first: list[Fraction], last: Fraction) -> list[Fraction] | None:
    if len(first) < 2 or 0 in first or not last:
        return None
    below = _arithmetic([1 / v for v in first], 1 / last)
    return [1 / v for v in below] if below and 0 not in below else None


def _series(before: list[Expr], after: list[Expr], name: str) -> Expr | None:
    """A sum, product or list by its general term and its range, or None; a list may have no end."""
    pattern = next((t for t in (*reversed(after), *before) if t.args), before[0])
    before, after = [[_like(pattern, t) for t in part] for part in (before, after)]
    # the parts that change first: 1², 2², …, n² is no arithmetic progression, though 4 - 1 is a number
    for whole in (False, True):
        changes = _changes(
            before[0], before[1] if len(before) > 1 else None, after[-1] if after else before[-1], whole
        )
        series = _by_changes(before, after, changes, name) if changes else None
        if series is not None:
            return series
    return None


def _by_changes(before: list[Expr], after: list[Expr], changes: list[Change], name: str) -> Expr | None:
    bounds = Expr("rel", (INDEX, num(0)), "=")
    places = list(map(num, range(len(before))))
    parts: tuple[Expr, ...] = (bounds, _at(before[0], changes, INDEX))
    if after:
        lengths = [_length(start, _part(after[-1], path), step) for path, start, step in changes]
        length = lengths[0]
        if length is None or any(other is None or _apart(other, length) != 0 for other in lengths[1:]):
            return None
        places += [add(length, num(k + 1 - len(after))) for k in range(len(after))]
        # the same sum from its other end is the same sum
        place = add(length, neg(INDEX)) if changes[0][2] < 0 else INDEX
        parts = (bounds, length, _at(before[0], changes, place))
    terms = zip(places, (*before, *after), strict=True)
    fits = all(_apart(_at(before[0], changes, place), term) == 0 for place, term in terms)
    return Expr("call", parts, name) if fits else None


def _like(pattern: Expr, e: Expr) -> Expr:
    """Write a number or a name as the pattern is written: 4 as 2^2 like 2^n, x as x^1 like x^n, 1/3 as a quotient."""
    if e.op == "num" and pattern.op == "div":
        parts = (num(e.value.numerator), num(e.value.denominator))
        return Expr("div", tuple(_like(p, part) for p, part in zip(pattern.args, parts, strict=True)))
    if pattern.op != "pow" or e.op == "pow":
        return e
    base, exponent = pattern.args
    if base.op != "num" and exponent.op != "num":
        return Expr("pow", (base, num(int(e == base)))) if e in {base, ONE} else e
    if e.op != "num" or e.value.denominator > 1 or not 0 < e.value < 2**60:
        return e
    for k in range(60):
        if base.op == "num" and exponent.op != "num" and base.value**k == e.value:
            return Expr("pow", (base, num(k)))
        if exponent.op == "num" and exponent.value > 1 and Fraction(k) ** exponent.value == e.value:
            return Expr("pow", (num(k), exponent))
    return e


def _part(e: Expr, path: Sequence[int]) -> Expr:
    """Return the part of a tree at a path; where there is none, the whole, which then fits nowhere."""
    for k in path:
        if k >= len(e.args):
            return e
        e = e.args[k]
    return e


def _changes(first: Expr, second: Expr | None, last: Expr, whole: bool) -> list[Change] | None:
    """How the second term differs from the first, as a whole or in its parts; without a second, the last is taken to be
    reached in steps of 1."""
    found: list[Change] = []
    pairs: list[tuple[tuple[int, ...], Expr, Expr]] = [((), first, second or last)]
    while pairs:
        path, a, b = pairs.pop()
        if a == b:
            continue
        alike = a.op == b.op and a.name == b.name and len(a.args) == len(b.args) > 0
        apart = None if alike and not whole else _apart(b, a)
        if apart is not None and second:
            found.append((path, a, apart))
        elif alike:
            pairs += [((*path, k), x, y) for k, (x, y) in enumerate(zip(a.args, b.args, strict=True))]
        elif not second and "num" in {a.op, b.op}:
            found.append((path, a, Fraction(-1 if a.op != "num" or (apart or 0) < 0 else 1)))
        else:
            return None
    return sorted(found) or None


def _apart(a: Expr, b: Expr) -> Fraction | None:
    """a - b where it is a rational number."""
    form = difference(a, b)
    return None if form is None else as_number(form)


def _length(start: Expr, end: Expr, step: Fraction) -> Expr | None:
    """How many steps lead from the first to the last; None if their number is known not to be whole."""
    form = difference(end, start)
    # a number of steps is a polynomial: 1, 1/2, ..., 1/n is no arithmetic progression
    if form is None or form[1] != ONE_POLY or any(p < 0 or p.denominator > 1 for m in form[0] for _, p in m):
        return None
    apart = as_number(form)
    if apart is not None:
        count = apart / step
        return num(count) if count.denominator == 1 and count >= 0 else None
    steps = add(end, neg(start))
    return steps if step == 1 else neg(steps) if step == -1 else div(steps, num(step))


def _at(template: Expr, changes: list[Change], index: Expr) -> Expr:
    """The term at an index."""
    for path, start, step in changes:
        template = _put(template, path, _moved(start, step, index))
    return template


def _moved(start: Expr, step: Fraction, index: Expr) -> Expr:
    shift = index if step == 1 else neg(index) if step == -1 else mul(num(step), index)
    return shift if start == num(0) else add(start, shift)


def _put(e: Expr, path: Sequence[int], part: Expr) -> Expr:
    if not path:
        return part
    args = list(e.args)
    args[path[0]] = _put(args[path[0]], path[1:], part)
    return e._replace(args=tuple(args))
