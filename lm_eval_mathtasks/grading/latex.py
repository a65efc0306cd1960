"""Read the cleaned text of an answer (LaTeX, plain text or Python notation) into an `Expr`.

A recursive-descent parser of our own: nothing is ever evaluated, and its time is linear in the text. It reads what
people and models write as *answers*; anything else raises `Unreadable`.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache

from lm_eval_mathtasks.grading.brackets import BracketsMixin
from lm_eval_mathtasks.grading.expr import MINUS_ONE, ONE, PI, Expr, add, div, mul, neg, num
from lm_eval_mathtasks.grading.tokens import Token, Unreadable, tokenize

# Brackets and powers nested deeper than this are not an answer; it also bounds the interpreter's stack.
MAX_DEPTH = 40
# int() refuses longer texts by default since Python 3.11; no reference answer has more than 310 digits.
MAX_DIGITS = 2_000

_RELATIONS = {"=", "<", ">", "<=", ">=", "!=", "~", "==", "in"}
_SET_OPERATORS = {"cup": "union", "cap": "inter", "minus": "minus"}
_STARTS = {"(", "[", "{", "{(", "<(", "floor(", "ceil(", "frac", "binom", "overline"}
_STOPS_ARGUMENT = {"(", "[", "{(", "|", "floor(", "ceil(", "<("}
_APPLIED = set("fghFGHPQ")
END = Token("end", "")


def number(text: str) -> Expr:
    """Return the exact value of a decimal literal ("12", ".5", "6.72e-5"). Raises Unreadable if it is too long."""
    mantissa, _, exponent = text.lower().partition("e")
    if len(mantissa) > MAX_DIGITS or abs(int(exponent or 0)) > MAX_DIGITS:
        raise Unreadable("a number of too many digits")
    places = len(mantissa.partition(".")[2]) - int(exponent or 0) if "." in mantissa else -1
    return num(Fraction(mantissa.rstrip(".")) * Fraction(10) ** int(exponent or 0), max(places, -1))


class Parser(BracketsMixin):
    """One pass over the tokens; every method reads one level of precedence, lowest first."""

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens, self.at, self.depth, self.in_abs = tokens, 0, 0, 0

    # what the next token is
    @property
    def tok(self) -> Token:
        return self.tokens[self.at] if self.at < len(self.tokens) else END

    def ahead(self, k: int) -> Token:
        return self.tokens[self.at + k] if self.at + k < len(self.tokens) else END

    def take(self) -> Token:
        self.at += 1
        return self.tokens[self.at - 1]

    def skip(self, text: str) -> bool:
        if self.tok.text == text and self.tok.kind in {"op", "sep"}:
            self.at += 1
            return True
        return False

    def expect(self, text: str) -> None:
        if not self.skip(text):
            raise Unreadable(f"{text} expected, got {self.tok.text or 'the end'}")

    # lists, relations, sets
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
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise Unreadable("nested too deeply")
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
                left = self.fraction(left, self.signed())
            elif self.tok.kind == "text":
                left = self.with_unit(left)
            elif self.starts_factor():
                if self.tok.kind == "num" and self.tokens[self.at - 1].kind == "num":
                    raise Unreadable("two numbers side by side")
                left = mul(left, self.factor())
            else:
                return left

    @staticmethod
    def fraction(a: Expr, b: Expr) -> Expr:
        """a/b, a number at once where both are integers."""
        if a.op == b.op == "num" and b.value and a.places < 0 and b.places < 0:
            return num(a.value / b.value)
        return div(a, b)

    def signed(self) -> Expr:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise Unreadable("nested too deeply")
        minus = False
        while self.tok.kind == "op" and self.tok.text in {"-", "+"}:
            minus ^= self.take().text == "-"
        result = self.factor()
        self.depth -= 1
        return neg(result) if minus else result

    def starts_factor(self) -> bool:
        kind, text, _ = self.tok
        if kind in {"num", "var", "const", "func", "base"}:
            return True
        return kind == "op" and (
            text in _STARTS or (text == "|" and not self.in_abs) or text.startswith(("begin:", "big:"))
        )

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
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise Unreadable("nested too deeply")
        minus = self.skip("-")
        power = self.primary()
        if self.skip("^"):
            power = Expr("pow", (power, self.exponent()))
        elif self.skip("!"):
            power = Expr("fact", (power,))
        self.depth -= 1
        return neg(power) if minus else power

    # the smallest parts
    def primary(self) -> Expr:
        kind, text, _ = self.tok
        if kind == "num":
            return self.number()
        if kind == "base":
            return Expr("base", name=self.take().text)
        if kind == "const":
            self.take()
            return Expr("const", name=text)
        if kind == "var":
            return self.variable()
        if kind == "func":
            return self.function()
        if kind == "text":
            return self.text()
        if kind == "op":
            return self.bracketed()
        raise Unreadable(f"a value expected, got {text or 'the end'}")

    def number(self) -> Expr:
        value = number(self.take().text)
        if self.tok.text == "overline" and "." in self.ahead(-1).text:
            return self.repeating(value)
        whole = value.places < 0
        if whole and self.tok.text == "frac":
            start = self.at
            part = self.bracketed()
            if part.op == "num" and 0 < part.value < 1:
                return num(value.value + part.value)
            self.at = start
        # "2 1/2": a blank, two integers and a slash are a mixed number
        if whole and self.tok.kind == "num" and self.tok.gap and self.ahead(1).text == "/" and self.ahead(2).kind == "num":
            top, bottom = number(self.tok.text), number(self.ahead(2).text)
            if 0 < top.value < bottom.value:
                self.at += 3
                return num(value.value + top.value / bottom.value)
        return value

    def repeating(self, start: Expr) -> Expr:
        r"""0.1\overline{6}: the exact fraction."""
        self.expect("overline")
        self.expect("{")
        digits = self.take().text
        self.expect("}")
        if not digits.isdigit():
            raise Unreadable("digits expected under the bar")
        tail = Fraction(int(digits), (10 ** len(digits) - 1) * 10 ** max(start.places, 0))
        return num(start.value + tail)

    def variable(self) -> Expr:
        name = self.take().text
        if self.skip("_"):
            name += "_" + self.subscript()
        while self.tok.text == "'":
            name += self.take().text
        if name[0] in _APPLIED and self.tok.text == "(" and not self.tok.gap:
            argument = self.bracketed()
            return Expr("call", argument.args if argument.op == "group" else (argument,), "apply " + name)
        return Expr("var", name=name)

    def subscript(self) -> str:
        """The text of a subscript: part of a name."""
        if not self.skip("{"):
            return self.take().text if self.tok.kind != "end" else ""
        words = []
        while self.tok.text != "}":
            if self.tok.kind == "end":
                raise Unreadable("a subscript without end")
            words.append(self.take().text)
        self.take()
        return "".join(words)

    def function(self) -> Expr:
        name = self.take().text
        base: Expr | None = None
        power: Expr | None = None
        while self.tok.text in {"_", "^"}:
            if self.take().text == "_":
                base = self.primary()
            else:
                power = self.exponent()
        if name == "sqrt":
            return self.root()
        result = self.apply(name, base, self.arguments(), power == MINUS_ONE)
        return result if power in {None, MINUS_ONE} else Expr("pow", (result, power or ONE))

    @staticmethod
    def apply(name: str, base: Expr | None, args: tuple[Expr, ...], inverse: bool) -> Expr:
        name = {"asin": "arcsin", "acos": "arccos", "atan": "arctan", "ceiling": "ceil"}.get(name, name)
        if inverse:
            name = "arc" + name
        if name == "exp" and len(args) == 1:
            return Expr("pow", (Expr("const", name="e"), args[0]))
        if name == "cbrt":
            return Expr("call", (args[0], num(3)), "sqrt")
        if name == "factorial":
            return Expr("fact", args)
        if name in {"Rational", "Fraction"} and len(args) == 2:
            return Parser.fraction(*args)
        if name == "lg":
            name, base = "log", num(10)
        if name == "log" and len(args) == 2:
            args, base = args[:1], args[1]
        return Expr("call", args if base is None else (*args, base), name if base is None else "logb")

    def arguments(self) -> tuple[Expr, ...]:
        """What a function is applied to: a bracket, or the product that follows up to a sign or another function."""
        if self.tok.text in {"(", "[", "{", "|"}:
            braced = self.bracketed()
            if self.tok.text == "deg":
                self.take()
                braced = Expr("deg", (braced,))
            return braced.args if braced.op in {"group", "seq"} else (braced,)
        minus = self.skip("-")
        argument = self.factor()
        while self.starts_factor() and self.tok.kind != "func" and self.tok.text not in _STOPS_ARGUMENT:
            argument = mul(argument, self.factor())
        if self.tok.text == "/" and self.ahead(1).kind in {"num", "const", "var"}:
            self.take()
            argument = self.fraction(argument, self.factor())
        return (neg(argument) if minus else argument,)

    def root(self) -> Expr:
        index = num(2)
        if self.skip("["):
            index = self.sum()
            self.expect("]")
        return Expr("call", (self.primary(), index), "sqrt")


@lru_cache(maxsize=4096)
def read_latex(text: str) -> Expr:
    """Return the expression that a cleaned text stands for. Raises Unreadable."""
    return Parser(tokenize(text)).answer()


__all__ = ["PI", "Unreadable", "number", "read_latex"]
