"""The symbolic tier: sympy on trees that our own reader built. It runs in a worker process only (see `deadline`).

No text reaches sympy, so nothing of an answer is ever evaluated as code. It says "equal" or "cannot tell",
never "different": a difference has been looked for, and would have been proven, by evaluation before.
"""

from typing import Any

from lm_eval_mathtasks.grading.expr import ONE, Expr, div, mul


class Unsupported(Exception):
    """sympy has no counterpart for a part of the expression."""


_SAME_NAME = {
    "sin", "cos", "tan", "cot", "sec", "csc", "sinh", "cosh", "tanh", "coth", "abs", "floor", "gcd", "lcm",
    "re", "im",
}  # fmt: skip
_RENAMED = {
    "ln": "log", "log": "log", "logb": "log", "arcsin": "asin", "arccos": "acos", "arctan": "atan",
    "arccot": "acot", "abs": "Abs", "ceil": "ceiling", "binom": "binomial", "max": "Max", "min": "Min",
    "arcsinh": "asinh", "arccosh": "acosh", "arctanh": "atanh", "sgn": "sign", "Re": "re", "Im": "im",
    "mod": "Mod", "fact2": "factorial2",
}  # fmt: skip


def to_sympy(e: Expr) -> Any:
    """Return the sympy expression for a scalar. Raises Unsupported. Variables are real."""
    import sympy

    if e.op == "num":
        return sympy.Rational(e.value.numerator, e.value.denominator)
    if e.op == "var":
        return sympy.Symbol(e.name, real=True)
    if e.op == "const":
        constants = {"pi": sympy.pi, "e": sympy.E, "i": sympy.I, "oo": sympy.oo}
        if e.name not in constants:
            raise Unsupported(e.name)
        return constants[e.name]
    if e.op == "call" and e.name in {"sum", "prod", "det", "int", "lim"}:
        return _big(e)
    args = [to_sympy(a) for a in e.args]
    if e.op in {"add", "mul", "pow"}:
        return {"add": sympy.Add, "mul": sympy.Mul, "pow": sympy.Pow}[e.op](*args)
    if e.op == "div":
        return args[0] / args[1]
    if e.op == "fact":
        return sympy.factorial(args[0])
    if e.op == "deg":
        return args[0] * sympy.pi / 180
    if e.op == "pct":
        return args[0] / 100
    if e.op == "call":
        return _call(e, args)
    raise Unsupported(e.op)


def _call(e: Expr, args: list[Any]) -> Any:
    import sympy

    if e.name == "sqrt":
        # sympy's Pow takes the principal root: the cube root of -8 would be complex
        odd = getattr(args[1], "is_odd", False)
        return sympy.real_root(*args) if odd else sympy.Pow(args[0], 1 / args[1])
    if e.name.startswith("apply "):
        return sympy.Function(e.name[6:])(*args)
    name = _RENAMED.get(e.name, e.name if e.name in _SAME_NAME else "")
    if not name:
        raise Unsupported(e.name)
    return getattr(sympy, name)(*args)


def _big(e: Expr) -> Any:
    import sympy

    if e.name == "det" or len(e.args) != 3:
        raise Unsupported(e.name)
    if e.name == "lim":
        return sympy.limit(to_sympy(e.args[2]), to_sympy(e.args[0]), to_sympy(e.args[1]))
    if e.name == "int":
        integrand, name = _integrand(e.args[2])
        return sympy.integrate(
            to_sympy(integrand), (to_sympy(name), to_sympy(e.args[0]), to_sympy(e.args[1]))
        )
    if e.args[0].op != "rel" or e.args[0].args[0].op != "var":
        raise Unsupported(e.name)
    index = to_sympy(e.args[0].args[0])
    bounds = (index, to_sympy(e.args[0].args[1]), to_sympy(e.args[1]))
    return (sympy.summation if e.name == "sum" else sympy.product)(to_sympy(e.args[2]), bounds)


def _integrand(e: Expr) -> tuple[Expr, Expr]:
    """Return f and x of f dx, which was read as a product, or as a quotient with dx above."""
    if e.op == "div":
        above, name = _integrand(e.args[0])
        return div(above, e.args[1]), name
    d = Expr("var", name="d")
    if e.op != "mul" or e.args[-1].op != "var" or e.args[-2] != d or d in e.args[:-2]:
        raise Unsupported("int")
    return mul(*e.args[:-2]) if len(e.args) > 2 else ONE, e.args[-1]


def proves_equal(a: Expr, b: Expr) -> bool | None:
    """True if sympy proves a = b, None if it does not. May take any amount of time and memory."""
    import sympy

    try:
        difference = to_sympy(a) - to_sympy(b)
    except (Unsupported, TypeError, ValueError):
        return None
    for attempt in (sympy.expand, sympy.simplify, _by_logarithms, _by_exponentials, _by_derivative):
        try:
            if attempt(difference) == 0:
                return True
        except (TypeError, ValueError, NotImplementedError, AttributeError, ZeroDivisionError):
            continue
    return None


def _by_logarithms(d: Any) -> Any:
    import sympy

    return sympy.simplify(sympy.logcombine(sympy.expand_log(d, force=True), force=True))


def _by_derivative(d: Any) -> Any:
    """0 if d is constant, for its derivative is 0, and is 0 at a point: arccos(1-2a) is 2 arcsin √a."""
    import sympy

    (x,) = d.free_symbols
    positive = sympy.Symbol("x", positive=True)
    if sympy.simplify(sympy.diff(d.subs(x, positive), positive)) != 0:
        return None
    values = (sympy.simplify(d.subs(x, sympy.Rational(1, n))) for n in (4, 2, 1))
    return next((value for value in values if value.is_real), None)


def _by_exponentials(d: Any) -> Any:
    import sympy

    return sympy.simplify(sympy.expand(d.rewrite(sympy.exp), power_base=True, force=True))
