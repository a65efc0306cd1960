"""The smallest parts of an answer: numbers, variables, functions, roots."""

from fractions import Fraction

from lm_eval_mathtasks.grading.brackets import Brackets, fraction
from lm_eval_mathtasks.grading.expr import MINUS_ONE, ONE, Expr, add, mul, neg, num
from lm_eval_mathtasks.grading.tokens import Unreadable

# int() refuses longer texts by default since Python 3.11; no reference answer has more than 310 digits.
MAX_DIGITS = 2_000

_STOPS_ARGUMENT = {"(", "[", "{(", "|", "floor(", "ceil(", "<("}
# letters that a bracket behind them makes a function; a(b+c) is a product
APPLIED = set("fghFGHPQ")


def number(text: str) -> Expr:
    """Return the exact value of a decimal literal ("12", ".5", "6.72e-5"). Raises Unreadable if it is too long."""
    mantissa, _, exponent = text.lower().partition("e")
    if len(mantissa) > MAX_DIGITS or abs(int(exponent or 0)) > MAX_DIGITS:
        raise Unreadable("a number of too many digits")
    value = num(Fraction(mantissa.rstrip(".")), len(mantissa.partition(".")[2]) if "." in mantissa else -1)
    return scientific(value, Expr("pow", (num(10), num(int(exponent))))) if exponent else value


def scientific(left: Expr, right: Expr) -> Expr:
    """Return the product; of a number and a power of ten as one number, whose last digit says how far it is rounded."""
    is_power = right.op == "pow" and right.args[0] == num(10) and right.args[1].op == "num"
    if not is_power or left.op != "num" or left.value.denominator > 1 > left.places:
        return mul(left, right)
    exponent = right.args[1].value
    if exponent.denominator > 1 or abs(exponent) > MAX_DIGITS:
        return mul(left, right)
    shift = int(exponent)
    return Expr("num", name="e", value=left.value * Fraction(10) ** shift, places=max(left.places, 0) - shift)


class Atoms(Brackets):
    """The part of the parser below powers."""

    def primary(self) -> Expr:
        """Read a number, a name, a function or a bracket."""
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
        if kind == "dots":
            self.take()
            return Expr("dots")
        if kind == "op":
            return self.bracketed()
        raise Unreadable(f"a value expected, got {text or 'the end'}")

    def number(self) -> Expr:
        """Read a number: mixed (2 1/2), with a repeating part, or plain."""
        value = number(self.take().text)
        if self.tok.text == "overline" and "." in self.ahead(-1).text:
            return self.repeating(value)
        # 0.666... goes on; 1, 2, 3... is a list
        if value.places > 0 and self.tok.kind == "dots":
            self.take()
            return value._replace(name="...")
        whole = value.places < 0
        if whole and self.tok.text == "frac" and self.plain_fraction_ahead():
            start, tokens = self.at, self.tokens
            part = self.bracketed()
            if part.op == "num" and 0 < part.value < 1:
                return num(value.value + part.value)
            self.at, self.tokens = start, tokens
        # "2 1/2": a blank, two integers and a slash are a mixed number
        two_follow = self.tok.kind == self.ahead(2).kind == "num" and self.ahead(1).text == "/"
        if whole and two_follow and self.tok.gap:
            top, bottom = number(self.tok.text), number(self.ahead(2).text)
            if 0 < top.value < bottom.value:
                self.at += 3
                return num(value.value + top.value / bottom.value)
        return value

    def plain_fraction_ahead(self) -> bool:
        """Is the next fraction one of two numbers? Only such a one is read twice."""
        at = 1
        # as in \frac12
        if self.ahead(at).kind == "num" and len(self.ahead(at).text) > 1:
            return True
        for _ in range(2):
            braced = self.ahead(at).text == "{"
            if self.ahead(at + braced).kind != "num" or (braced and self.ahead(at + 2).text != "}"):
                return False
            at += 3 if braced else 1
        return True

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
        """Read a variable with its subscript and primes, or an unknown function applied to something."""
        name = self.take().text
        if self.skip("_"):
            name += "_" + self.subscript()
        while self.tok.text == "'":
            name += self.take().text
        # C(5, 2) counts; C(x) is a product
        if name == "C" and self.tok.text == "(":
            chosen = self.bracketed()
            pair = chosen.op == "group" and len(chosen.args) == 2
            return Expr("call", chosen.args, "binom") if pair else mul(Expr("var", name=name), chosen)
        if name[0] in APPLIED and self.tok.text == "(" and not self.tok.gap:
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
        """Read a function with its base, its power and its argument."""
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
        """Name the function that is meant: sin^{-1} is arcsin, lg is log to the base 10."""
        name = {"asin": "arcsin", "acos": "arccos", "atan": "arctan", "ceiling": "ceil"}.get(name, name)
        if inverse:
            name = "arc" + name
        if name == "exp" and len(args) == 1:
            return Expr("pow", (Expr("const", name="e"), args[0]))
        if name == "cbrt":
            return Expr("call", (args[0], num(3)), "sqrt")
        if name == "factorial":
            return Expr("fact", args)
        if name == "cis":
            return add(Expr("call", args, "cos"), mul(Expr("const", name="i"), Expr("call", args, "sin")))
        if name in {"Rational", "Fraction"} and len(args) == 2:
            return fraction(*args)
        if name == "lg":
            name, base = "log", num(10)
        if name == "log" and base is None and len(args) > 1:
            args, base = args[:1], args[-1]
        return Expr("call", args, name) if base is None else Expr("call", (*args, base), "logb")

    def arguments(self) -> tuple[Expr, ...]:
        """What a function is applied to: a bracket, or the product up to a sign or another function."""
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
            argument = fraction(argument, self.factor())
        return (neg(argument) if minus else argument,)

    def root(self) -> Expr:
        """Read a root with its index."""
        index = num(2)
        if self.skip("["):
            index = self.sum()
            self.expect("]")
        return Expr("call", (self.primary(), index), "sqrt")
