"""Where the parser stands in its tokens, and what its three parts ask of one another."""

from collections.abc import Callable

from lm_eval_mathtasks.grading.expr import Expr
from lm_eval_mathtasks.grading.tokens import Token, Unreadable

END = Token("end", "")
# Brackets and powers nested deeper than this are not an answer; it also bounds the interpreter's stack.
MAX_DEPTH = 40
# tokens.py spells LaTeX's own brackets with a round one, so that they cannot be confused with ASCII
_CLOSERS = {")", "]", "}", "})", ")>", ")floor", ")ceil", "&"}
_STARTS = {"(", "[", "{", "{(", "<(", "floor(", "ceil(", "frac", "binom", "overline", "underbrace"}


class Cursor:
    """A place in a list of tokens; `latex.Parser` inherits it through `atoms.Atoms`, `brackets.Brackets`."""

    # The levels of the grammar, which `atoms` and `latex` define: a list up to a closing bracket, one item of it, and
    # in it terms, factors, one factor with what is behind it, what stands behind ^, and the smallest parts.
    items: Callable[[], list[Expr]]
    relation: Callable[[], Expr]
    sum: Callable[[], Expr]
    product: Callable[[], Expr]
    factor: Callable[[], Expr]
    exponent: Callable[[], Expr]
    primary: Callable[[], Expr]

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens, self.at, self.depth, self.in_abs = tokens, 0, 0, 0
        self.condition: Expr | None = None

    @property
    def tok(self) -> Token:
        """The next token."""
        return self.tokens[self.at] if self.at < len(self.tokens) else END

    def ahead(self, k: int) -> Token:
        """Return the token k places further on."""
        return self.tokens[self.at + k] if self.at + k < len(self.tokens) else END

    def take(self) -> Token:
        """Return the next token and move behind it."""
        self.at += 1
        return self.tokens[self.at - 1]

    def skip(self, text: str) -> bool:
        """Move behind the next token if it is this one."""
        if self.tok.text == text and self.tok.kind in {"op", "sep"}:
            self.at += 1
            return True
        return False

    def expect(self, text: str) -> None:
        """Move behind this token. Raises Unreadable if it is not the next."""
        if not self.skip(text):
            raise Unreadable(f"{text} expected, got {self.tok.text or 'the end'}")

    def deeper(self) -> None:
        """Count one level of nesting; raises Unreadable at the limit."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise Unreadable("nested too deeply")

    def closes(self) -> bool:
        """Is the next token the end of a bracket?"""
        kind, text, _ = self.tok
        return kind == "op" and (
            text in _CLOSERS or text.startswith("end:") or (text == "|" and self.in_abs > 0)
        )

    def starts_factor(self) -> bool:
        """Can the next token begin a factor, so that a product goes on without a sign?"""
        kind, text, _ = self.tok
        if kind in {"num", "var", "const", "func", "base", "dots"}:
            return True
        return kind == "op" and (
            text in _STARTS or (text == "|" and not self.in_abs) or text.startswith(("begin:", "big:"))
        )
