"""Read the cleaned text of an answer (LaTeX, plain text or Python notation) into an `Expr`.

A recursive-descent parser of our own: nothing is ever evaluated, and its time is linear in the text. It reads
what people and models write as *answers*; anything else raises `Unreadable`. This module has the levels of
the grammar from lists down to powers; `atoms` has numbers, names and functions, `brackets` has what is
enclosed, `tokens` the tokens.
"""

from fractions import Fraction

from lm_eval_mathtasks.grading.atoms import APPLIED, Atoms, number, scientific
from lm_eval_mathtasks.grading.brackets import fraction
from lm_eval_mathtasks.grading.expr import MINUS_ONE, Expr, add, depth, mul, neg, num
from lm_eval_mathtasks.grading.inequalities import has_inequality
from lm_eval_mathtasks.grading.phrases import between, under
from lm_eval_mathtasks.grading.tokens import Token, Unreadable, tokenize

_RELATIONS = {"=", "<", ">", "<=", ">=", "!=", "~", "==", "in"}
_SET_OPERATORS = {"cup": "union", "cap": "inter", "minus": "minus"}

# Without a bracket, 1/2/2/2... and 5!!!... nest too; later passes recurse, and Python stops at a depth of 1,000.
MAX_TREE_DEPTH = 150


class Parser(Atoms):
    """One pass over the tokens; every method reads one level of precedence, lowest first."""

    def answer(self) -> Expr:
        items = self.items()
        if self.tok.kind != "end":
            raise Unreadable(f"unexpected {self.tok.text}")
        # "x < 1 or x > 8"
        either = [token.text == "or" for token in self.tokens if token.kind == "sep"]
        joined = "union" if len(items) > 1 and all(either) and all(map(has_inequality, items)) else "seq"
        return items[0] if len(items) == 1 else Expr(joined, tuple(items))

    def items(self) -> list[Expr]:
        """A list up to a closing bracket; empty places are skipped."""
        found = []
        while True:
            while self.tok.kind == "sep":
                self.take()
            if self.tok.kind == "end" or self.closes():
                break
            self.condition = None
            found.append(self.relation())
            if self.condition is not None:
                found[-1] = Expr("given", (found[-1], self.condition))
            # "2 hours 15 minutes": two values with words between them are no product
            if self.tok.kind != "sep" and not (found[-1].op == "unit" and self.starts_factor()):
                break
        if not found:
            raise Unreadable("nothing is there")
        return found

    def relation(self) -> Expr:
        self.deeper()
        # "≥ 5" says it of what was asked for
        bare = self.tok.kind == "op" and self.tok.text in {"<", ">", "<=", ">=", "!="}
        sides, relations = [Expr("text") if bare else self.sets()], []
        while self.tok.kind == "op" and self.tok.text in _RELATIONS:
            relations.append(self.take().text)
            sides.append(self.sets())
        self.depth -= 1
        if len(relations) > 1 and any(side.op == "union" for side in sides[1:-1]):
            return _union_of_relations(sides, relations)
        if self.skip("mod"):
            sides[-1] = Expr("call", (sides[-1], self.primary()), "mod")
        return Expr("rel", tuple(sides), " ".join(relations)) if relations else sides[0]

    def sets(self) -> Expr:
        left = self.ratio()
        while self.tok.kind == "op" and self.tok.text in _SET_OPERATORS:
            op = _SET_OPERATORS[self.take().text]
            self.at += self.tok.kind == "sep"
            right = self.ratio()
            left = Expr(op, (*left.args, right)) if left.op == op != "minus" else Expr(op, (left, right))
        return left

    def ratio(self) -> Expr:
        parts = [self.sum()]
        while self.tok == Token("op", ":", self.tok.gap):
            self.take()
            parts.append(self.sum())
        return parts[0] if len(parts) == 1 else Expr("ratio", tuple(parts))

    # arithmetic
    def sum(self) -> Expr:
        sign = self.take().text if self.tok.text in {"+", "-", "pm", "mp"} and self.tok.kind == "op" else "+"
        left = self.product()
        if sign == "-":
            left = neg(left)
        elif sign in {"pm", "mp"}:
            left = Expr("pm", (num(0), left), "+" if sign == "pm" else "-")
        while self.tok.kind == "op" and self.tok.text in {"+", "-", "pm", "mp"}:
            sign = self.take().text
            right = self.product()
            if sign in {"pm", "mp"}:
                left = Expr("pm", (left, right), "+" if sign == "pm" else "-")
            else:
                left = add(left, right if sign == "+" else neg(right))
        return left

    def product(self) -> Expr:
        left = self.signed()
        while True:
            if self.skip("*"):
                left = scientific(left, self.signed())
            elif self.tok.kind == "text" or (self.tok.text == "/" and self.ahead(1).kind == "text"):
                left = self.with_unit(left)
            elif self.skip("/"):
                left = fraction(left, self.signed())
            elif left.op == "text" and (self.starts_factor() or self.tok.text == "-"):
                # "cube(7)" is no remark on 7
                applied = self.tok.text == "(" and not self.tok.gap and left.name.isalpha()
                left = under(left.name + " of" * applied, self.signed())
            elif left.op == "unit" and self.tokens[self.at - 1].kind == "text" and self.starts_factor():
                # "3 out of 10" goes on; of "2 hours 15 minutes" the second is the next of the list it stands in
                joined = between(left.args[0], left.name, self.factor)
                if joined is None:
                    return left
                left = joined
            elif self.starts_factor():
                if self.tok.kind == "num" and self.tokens[self.at - 1].kind == "num":
                    raise Unreadable("two numbers side by side")
                bracketed, factor = self.tok.text == "(", self.factor()
                # "3n - 2 (n > 4)": a relation in brackets is no factor
                if bracketed and factor.op == "rel":
                    self.condition = factor
                    return left
                left = mul(left, factor)
            else:
                return left

    def signed(self) -> Expr:
        self.deeper()
        minus = False
        while self.tok.kind == "op" and self.tok.text in {"-", "+"}:
            minus ^= self.take().text == "-"
        result = self.factor()
        self.depth -= 1
        return neg(result) if minus else result

    def factor(self) -> Expr:
        base = self.primary()
        while self.tok.kind == "op":
            if self.skip("!"):
                # n!! is no factorial of a factorial
                double = not self.tok.gap and self.skip("!")
                base = Expr("call", (base,), "fact2") if double else Expr("fact", (base,))
            elif self.skip("deg"):
                base = Expr("deg", (self.with_minutes(base),))
            elif self.tok.text == "'" and base.op == "num" and not self.tok.gap:
                base = self.feet(base)
            elif self.skip("%"):
                base = Expr("pct", (base,))
            elif self.tok.text == "'" and base.op == "var":
                self.take()
                base = base._replace(name=base.name + "'")
            elif self.skip("^"):
                if base.op in {"group", "matrix"} and (turned := self.transposed(base)):
                    base = turned
                    continue
                base = self.counted(Expr("pow", (base, self.exponent())))
                # u^3_0 is u_0^3
                if base.args[0].op == "var" and self.skip("_"):
                    named = Expr("var", name=f"{base.args[0].name}_{self.subscript()}")
                    base = self.counted(Expr("pow", (named, base.args[1])))
            else:
                break
        return base

    def counted(self, power: Expr) -> Expr:
        """C_8^3 as the number of choices and A_8^3 as that of arrangements, f^{-1}(x) as a function of x, others as
        they are."""
        base, exponent = power.args
        name, _, n = base.name.partition("_") if base.op == "var" else ("", "", "")
        if exponent == MINUS_ONE and not n and name in APPLIED and self.tok.text == "(" and not self.tok.gap:
            argument = self.bracketed()
            args = argument.args if argument.op == "group" else (argument,)
            return Expr("call", args, f"apply {name}^-1")
        k = exponent.value if exponent.op == "num" else Fraction(-1)
        # of C_1 and C_2 there are squares
        if name not in {"C", "A", "P"} or not n.isdigit() or not max(0, 3 - int(n)) <= k <= int(n):
            return power
        chosen = Expr("call", (num(int(n)), exponent), "binom")
        return chosen if name == "C" else mul(chosen, Expr("fact", (exponent,)))

    def transposed(self, base: Expr) -> Expr | None:
        """A row or a matrix with a T as its exponent, None behind which something else stands."""
        braced = self.tok.text == "{"
        if self.ahead(braced).text not in {"T", "top"} or (braced and self.ahead(2).text != "}"):
            return None
        self.at += 3 if braced else 1
        rows = [r.args for r in base.args] if base.op == "matrix" else [base.args]
        return Expr("matrix", tuple(Expr("row", column) for column in zip(*rows, strict=True)))

    def with_minutes(self, degrees: Expr) -> Expr:
        """63° 45' 10'': add the minutes and seconds that follow a number of degrees."""
        for marks, part in ((1, 60), (2, 3600)):
            marked = (
                all(self.ahead(k).text == "'" for k in range(1, marks + 1))
                and self.ahead(marks + 1).text != "'"
            )
            if degrees.op == self.tok.kind == "num" and marked:
                degrees = num(degrees.value + number(self.tok.text).value / part)
                self.at += 1 + marks
        return degrees

    def feet(self, value: Expr) -> Expr:
        """5' 10'': feet and inches."""
        marks = 0
        while self.skip("'"):
            marks += 1
        unit = Expr("unit", (value,), "ft" if marks == 1 else "in")
        inches = self.tok.kind == "num" and self.ahead(1).text == self.ahead(2).text == "'"
        return (
            Expr("unit", (add(mul(num(12), value), self.factor().args[0]),), "in")
            if marks == 1 and inches
            else unit
        )

    def exponent(self) -> Expr:
        self.deeper()
        minus = self.skip("-")
        power = self.primary()
        if self.skip("^"):
            power = Expr("pow", (power, self.exponent()))
        elif self.skip("!"):
            power = Expr("fact", (power,))
        self.depth -= 1
        return neg(power) if minus else power


def _union_of_relations(sides: list[Expr], relations: list[str]) -> Expr:
    """x < 1 ∪ x > 8 was read as x < (1 ∪ x) > 8: join the inequalities, not their sides."""
    pieces, chain, signs = [], [sides[0]], list[str]()
    for sign, side in zip(relations, sides[1:], strict=True):
        parts = side.args if side.op == "union" and side is not sides[-1] else (side,)
        pieces.append(Expr("rel", (*chain, parts[0]), " ".join([*signs, sign]))) if len(parts) > 1 else None
        chain, signs = ([parts[-1]], []) if len(parts) > 1 else ([*chain, side], [*signs, sign])
    return Expr("union", (*pieces, Expr("rel", tuple(chain), " ".join(signs))))


def read_latex(text: str) -> Expr:
    """Return the expression that a cleaned text stands for. Raises Unreadable."""
    e = Parser(tokenize(text)).answer()
    if depth(e) > MAX_TREE_DEPTH:
        raise Unreadable("nested too deeply")
    return e


__all__ = ["Unreadable", "number", "read_latex"]
