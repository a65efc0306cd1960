"""Read the cleaned text of an answer (LaTeX, plain text or Python notation) into an `Expr`.

A recursive-descent parser of our own: nothing is ever evaluated, and its time is linear in the text. It reads
what people and models write as *answers*; anything else raises `Unreadable`. This module has the levels of
the grammar from lists down to powers; `atoms` has numbers, names and functions, `brackets` has what is
enclosed, `tokens` the tokens.
"""

from __future__ import annotations

from lm_eval_mathtasks.grading.atoms import Atoms, number
from lm_eval_mathtasks.grading.brackets import fraction
from lm_eval_mathtasks.grading.expr import Expr, add, depth, mul, neg, num
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
        return items[0] if len(items) == 1 else Expr("seq", tuple(items))

    def items(self) -> list[Expr]:
        """A list up to a closing bracket; empty places are skipped."""
        found = []
        while True:
            while self.tok.kind == "sep":
                self.take()
            if self.tok.kind == "end" or self.closes():
                break
            found.append(self.relation())
            if self.tok.kind != "sep":
                break
        if not found:
            raise Unreadable("nothing is there")
        return found

    def relation(self) -> Expr:
        self.deeper()
        sides, relations = [self.sets()], []
        while self.tok.kind == "op" and self.tok.text in _RELATIONS:
            relations.append(self.take().text)
            sides.append(self.sets())
        self.depth -= 1
        if self.skip("mod"):
            sides[-1] = Expr("call", (sides[-1], self.primary()), "mod")
        return Expr("rel", tuple(sides), " ".join(relations)) if relations else sides[0]

    def sets(self) -> Expr:
        left = self.ratio()
        while self.tok.kind == "op" and self.tok.text in _SET_OPERATORS:
            op = _SET_OPERATORS[self.take().text]
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
                left = mul(left, self.signed())
            elif self.skip("/"):
                left = fraction(left, self.signed())
            elif self.tok.kind == "text":
                left = self.with_unit(left)
            elif left.op == "text" and self.starts_factor():
                # "the area is 5": words before a value are a remark
                left = Expr("unit", (self.factor(),), left.name)
            elif self.starts_factor():
                if self.tok.kind == "num" and self.tokens[self.at - 1].kind == "num":
                    raise Unreadable("two numbers side by side")
                left = mul(left, self.factor())
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
                base = Expr("fact", (base,))
            elif self.skip("deg"):
                base = Expr("deg", (base,))
            elif self.skip("%"):
                base = Expr("pct", (base,))
            elif self.tok.text == "'" and base.op == "var":
                self.take()
                base = base._replace(name=base.name + "'")
            elif self.skip("^"):
                base = Expr("pow", (base, self.exponent()))
            else:
                break
        return base

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


def read_latex(text: str) -> Expr:
    """Return the expression that a cleaned text stands for. Raises Unreadable."""
    e = Parser(tokenize(text)).answer()
    if depth(e) > MAX_TREE_DEPTH:
        raise Unreadable("nested too deeply")
    return e


__all__ = ["Unreadable", "number", "read_latex"]
