"""What is too large to be worth a symbolic answer: power towers, huge factorials, long sums, thousands of nodes."""

from math import log2

from lm_eval_mathtasks.grading.expr import Expr, variables, walk
from lm_eval_mathtasks.grading.numeric import approximate

# Expressions of more nodes than this are not given to sympy: its time grows faster than any deadline.
MAX_NODES = 400
# Functions within functions: sin(ln(x^y)) is 3 deep, no reference answer has more, and sympy rarely ends beyond.
MAX_NESTING = 4
# Bits of a number that a power may have; 2^(2^16) has 65,537.
MAX_NUMBER_BITS = 60_000
# Exponent of an expression with variables: multiplying out takes sympy about a second at 100.
MAX_EXPONENT = 100
# Argument of a factorial or a binomial, and number of terms of a sum.
MAX_ARGUMENT = 3_000


def oversized(e: Expr) -> str | None:
    """Return what about e is too large for the symbolic tier, or None."""
    nodes = list(walk(e))
    if len(nodes) > MAX_NODES:
        return f"more than {MAX_NODES} parts"
    if _nesting(e) > MAX_NESTING:
        return f"functions nested more than {MAX_NESTING} deep"
    for node in nodes:
        if (
            node.op == "num"
            and node.value.numerator.bit_length() + node.value.denominator.bit_length() > MAX_NUMBER_BITS
        ):
            return "a number of too many digits"
        if node.op == "pow" and _huge_power(*node.args):
            return "a huge power"
        if (node.op == "fact" or node.name in {"binom", "sum", "prod", "fact2"}) and any(
            map(_huge_argument, node.args[:2])
        ):
            return "a factorial or sum of no moderate whole number"
    return None


def _nesting(e: Expr) -> int:
    """How deep functions, factorials and powers stand inside one another; the tree is at most 150 levels deep."""
    inner = max(map(_nesting, e.args), default=0)
    return inner + (e.op in {"call", "fact"} or (e.op == "pow" and e.args[1].op != "num"))


def _huge_power(base: Expr, exponent: Expr) -> bool:
    # the powers inside the exponent are looked at by themselves
    if variables(exponent):
        return False
    size = approximate(exponent)
    if size is None:
        return True
    if variables(base):
        return abs(size.v) > MAX_EXPONENT
    value = approximate(base)
    return value is None or (value.v != 0 and abs(size.v) * abs(log2(abs(value.v))) > MAX_NUMBER_BITS)


def _huge_argument(e: Expr) -> bool:
    if e.op == "rel" or variables(e):
        return False
    size = approximate(e)
    return size is None or size.q is None or size.q.denominator > 1 or abs(size.q) > MAX_ARGUMENT
