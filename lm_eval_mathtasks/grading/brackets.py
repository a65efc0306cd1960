"""The bracketed half of the parser: groups, sets, matrices, fractions, sums, units and words."""

from math import ceil, floor

from lm_eval_mathtasks.grading.cursor import Cursor
from lm_eval_mathtasks.grading.expr import INDEX, INFINITY, Expr, div, mul, num, rewrite
from lm_eval_mathtasks.grading.languages import CHARACTERS
from lm_eval_mathtasks.grading.numerals import MAGNITUDES
from lm_eval_mathtasks.grading.phrases import beside
from lm_eval_mathtasks.grading.tokens import Token, Unreadable

_SIZES = MAGNITUDES | CHARACTERS
_PAIRS = {"(": {")": "()", "]": "(]"}, "[": {"]": "[]", ")": "[)"}}
# Words between the value of a case and its condition.
_CASE_WORDS = {"if", "when", "for", "where"}
MAX_LISTED = 100
_MATRICES = {"pmatrix", "bmatrix", "Bmatrix", "matrix", "array", "smallmatrix", "vmatrix", "cases"}


def fraction(a: Expr, b: Expr) -> Expr:
    """Return a/b, a number at once where both are integers."""
    if a.op == b.op == "num" and b.value and a.places < 0 and b.places < 0:
        return num(a.value / b.value)
    return div(a, b)


def _integers_between(e: Expr) -> Expr | None:
    """The set of the integers x with -1 < x < 4, None where the ends are no numbers or far apart."""
    signs = e.name.split()
    ends = [a.value for a in e.args[::2] if a.op == "num"]
    if len(e.args) != 3 or len(ends) < 2 or not set(signs) <= {"<", "<="}:
        return None
    low = ceil(ends[0]) + (signs[0] == "<" and ends[0].denominator == 1)
    high = floor(ends[1]) - (signs[1] == "<" and ends[1].denominator == 1)
    members = range(low, min(high, low + MAX_LISTED) + 1)
    return Expr("group", tuple(map(num, members)), "{}") if members and high - low < MAX_LISTED else None


class Brackets(Cursor):
    """The part of the parser that starts at an opening token."""

    def bracketed(self) -> Expr:
        """Read what an opening token encloses."""
        text = self.tok.text
        if text in {"frac", "binom"}:
            self.take()
            top, bottom = self.command_argument(), self.command_argument()
            return fraction(top, bottom) if text == "frac" else Expr("call", (top, bottom), "binom")
        if text == "underbrace":
            self.take()
            braced = self.primary()
            below = self.primary() if self.skip("_") else num(0)
            return Expr("call", (braced, below), "underbrace")
        if text == "overline":
            self.take()
            return self.primary()
        if text.startswith("begin:"):
            return self.matrix(self.take().text[6:])
        if text.startswith("big:"):
            return self.big_operator(self.take().text[4:])
        opener = self.take().text
        # inside any other bracket a bar opens again: |(|x|)|
        outside, self.in_abs = self.in_abs, 0
        try:
            return self.group(opener)
        finally:
            self.in_abs = outside

    def group(self, opener: str) -> Expr:
        """Read up to the bracket that closes this opener."""
        if opener in _PAIRS:
            return self.round_or_square(opener)
        # a brace before rows, which nothing closes, is a case distinction
        if opener == "{(" and self.tok.text.startswith("begin:"):
            rows = self.matrix(self.take().text[6:])
            return Expr("group", (rows,), "{}") if self.skip("})") else rows._replace(name="cases")
        if opener in {"{", "{("}:
            return self.braces("}" if opener == "{" else "})", is_set=opener == "{(")
        if opener == "<(":
            items = self.items()
            self.expect(")>")
            return Expr("group", tuple(items), "()")
        if opener in {"floor(", "ceil("}:
            inner = self.relation()
            self.expect(")" + opener[:-1])
            return Expr("call", (inner,), opener[:-1])
        if opener == "|":
            self.in_abs = 1
            inner = self.relation()
            self.expect("|")
            return Expr("call", (inner,), "abs") if inner.op != "matrix" else Expr("call", (inner,), "det")
        raise Unreadable(f"unexpected {opener}")

    def round_or_square(self, opener: str) -> Expr:
        """Read a tuple, an interval, or one expression in parentheses."""
        items = self.items()
        kind = _PAIRS[opener].get(self.tok.text)
        if kind is None:
            raise Unreadable(f"{opener} is not closed")
        self.take()
        # (x) only groups, and so does [x]; (x] with one part stays, so that nobody takes it for x
        if len(items) == 1 and kind in {"()", "[]"}:
            return items[0]
        return Expr("group", tuple(items), kind)

    def braces(self, closer: str, *, is_set: bool) -> Expr:
        """Read a set, or a TeX group."""
        start = self.at
        if is_set and self.skip(closer):
            return Expr("group", (), "{}")
        members: list[Token] = []
        if is_set and self.is_builder(closer):
            while (token := self.take()).text not in {"|", ":"}:
                members.append(token)
        items = self.items()
        if not self.skip(closer):
            raise Unreadable(f"{closer} expected, got {self.tok.text or 'the end'}")
        if self.tokens[start].kind == "end":
            raise Unreadable("empty braces")
        if members and len(items) > 1 and all(item.op == "rel" for item in items):
            return Expr("seq", tuple(items))
        if is_set and len(items) == 1 and items[0].op == "rel":
            # {2k | k in Z} is about 2k, {x | x > 3} and {x in R | x > 3} about x
            if len(members) < 2 or any(token.text == "in" for token in members):
                integers = members and members[-1].text == "Z"
                return (_integers_between(items[0]) if integers else None) or items[0]
            told = type(self)(members).items()
            return Expr("given", (told[0] if len(told) == 1 else Expr("group", tuple(told), "()"), items[0]))
        return Expr("group", tuple(items), "{}") if is_set or len(items) > 1 else items[0]

    def is_builder(self, closer: str) -> bool:
        """{x | x > 2}: is there a bar or a colon, followed by a relation, before the set ends?"""
        texts = []
        for token in self.tokens[self.at :]:
            if token.text == closer:
                break
            texts.append(token.text)
        # the first of them parts; more bars are those of absolute values
        mark = next((text for text in texts if text in {"|", ":"}), None)
        if mark is None or texts.count(mark) % 2 == 0 or (mark == ":" and texts.count(mark) > 1):
            return False
        return bool({"<", ">", "<=", ">=", "!=", "in"} & set(texts[texts.index(mark) :]))

    def command_argument(self) -> Expr:
        r"""An argument as TeX reads it: braces, or one token; of a number one digit (\frac12)."""
        token = self.tok
        if token.kind == "num" and len(token.text) > 1:
            if not (token.text[0] + token.text[1]).isdigit():
                raise Unreadable("a decimal without braces in a fraction")
            self.tokens = [*self.tokens]
            self.tokens[self.at] = Token("num", token.text[1:])
            return num(int(token.text[0]))
        return self.primary()

    def matrix(self, name: str) -> Expr:
        r"""Read rows up to \\end."""
        if name not in _MATRICES:
            raise Unreadable(f"unknown environment {name}")
        rows: list[Expr] = []
        cells: list[Expr] = []
        while True:
            while self.skip("\\") or self.skip("&"):
                if self.tokens[self.at - 1].text == "\\" and cells:
                    rows.append(Expr("row", tuple(cells)))
                    cells = []
            if self.skip(f"end:{name}"):
                break
            if self.tok.kind == "end":
                raise Unreadable(f"{name} is not closed")
            if (
                self.tok.kind == "text"
                and self.tok.text.lower() in _CASE_WORDS
                and self.ahead(1).text != "\\"
            ):
                self.take()
                continue
            cells.append(self.relation())
            if self.skip(",") and name != "cases":
                continue
        if cells:
            rows.append(Expr("row", tuple(cells)))
        if not rows or len({len(r.args) for r in rows}) > 1:
            raise Unreadable("a matrix whose rows differ in length")
        whole = Expr("matrix", tuple(rows), "cases" if name == "cases" else "")
        return Expr("call", (whole,), "det") if name == "vmatrix" else whole

    def big_operator(self, name: str) -> Expr:
        """Sums, products, integrals and limits: kept as they are written, with one name for the index of all."""
        bounds: list[Expr] = []
        if name == "lim":
            return self.limit()
        while self.tok.text in {"_", "^"}:
            lower = self.take().text == "_"
            # the n of \sum^n_{k=1} has no index
            bare = self.tok.kind == "var" and self.ahead(1).text == "_"
            bound = Expr("var", name=self.take().text) if bare else self.primary()
            bounds.insert(0 if lower else len(bounds), bound)
        if not bounds:
            raise Unreadable(f"a {name} without bounds")
        index = bounds[0].args[0] if bounds[0].op == "rel" else bounds[0]
        if len(bounds) == 1 and bounds[0].op == "rel" and bounds[0].name == ">=":
            bounds = [bounds[0]._replace(name="="), INFINITY]
        whole = Expr("call", (*bounds, self.product()), name)
        # the i of a sum over i is not the imaginary unit
        is_index = index.op in {"var", "const"} and name in {"sum", "prod"}
        return rewrite(whole, {index: INDEX}.get) if is_index else whole

    def limit(self) -> Expr:
        """Read what stands behind \\lim: where an unknown goes to, and of what."""
        self.expect("_")
        braced = self.skip("{")
        unknown = self.primary()
        self.expect("to")
        point = self.sum()
        if braced:
            self.expect("}")
        return rewrite(Expr("call", (unknown, point, self.product()), "lim"), {unknown: INDEX}.get)

    def text(self) -> Expr:
        """Read words, or a currency sign and its number."""
        words = self.take().text
        if words in {"$", "€", "£", "¥", "₹"} and self.tok.kind in {"num", "op"}:
            return Expr("unit", (self.primary(),), words)
        while self.tok.kind == "text":
            words += " " + self.take().text
        return Expr("text", name=words)

    def with_unit(self, value: Expr) -> Expr:
        """A value followed by words: "25 \\text{ cm}^2", "90 km/h", "14 points"."""
        words = []
        while True:
            if size := _SIZES.get(self.tok.text):
                self.take()
                value = mul(num(size), value)
            elif self.tok.kind == "text":
                words.append(self.take().text)
            # "L·min^{-1}"
            elif words and self.tok.text == "*" and self.ahead(1).kind == "text":
                self.take()
            elif self.tok.text == "^" and self.ahead(1).text in {"2", "3", "{"}:
                self.take()
                exponent = self.primary()
                words[-1] += f"^{exponent.value}"
            elif self.tok.text == "/" and (
                self.ahead(1).kind == "text" or (words and self.ahead(1).text in {"h", "s", "L", "m"})
            ):
                words.append(self.take().text + self.take().text)
            else:
                break
        # "$5 million dollars": the sign in front and the word behind are one unit
        if value.op == "unit" and value.name not in words:
            words.insert(0, value.name)
        inner = value.args[0] if value.op == "unit" else value
        text = " ".join(words).strip()
        # of "20 plus 5" the words join two values
        joins = text == "plus" and self.starts_factor()
        return Expr("unit", (inner,), text) if joins else beside(inner, text) if words else inner
