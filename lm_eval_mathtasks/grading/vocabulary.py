"""The names that the reader knows: functions, constants, commands of LaTeX, and words that are no products."""

FUNCTIONS = {
    "sin", "cos", "tan", "cot", "sec", "csc", "arcsin", "arccos", "arctan", "arccot", "asin", "acos", "atan",
    "sinh", "cosh", "tanh", "coth", "arcsinh", "arccosh", "arctanh", "log", "ln", "lg", "exp", "sqrt",
    "cbrt", "abs", "floor", "ceil", "ceiling", "gcd", "lcm", "max", "min", "det", "Re", "Im", "binomial",
    "factorial", "sgn", "Rational", "Fraction", "cis",
}  # fmt: skip
GREEK = {
    "alpha", "beta", "gamma", "delta", "epsilon", "varepsilon", "zeta", "eta", "theta", "vartheta", "iota",
    "kappa", "lambda", "mu", "nu", "xi", "rho", "varrho", "sigma", "tau", "upsilon", "phi", "varphi", "chi",
    "psi", "omega", "Gamma", "Delta", "Theta", "Lambda", "Xi", "Pi", "Sigma", "Phi", "Psi", "Omega", "ell",
    "hbar", "mho", "imath",
}  # fmt: skip
COMMAND_OPERATORS = {
    "cdot": "*", "times": "*", "ast": "*", "div": "/", "pm": "pm", "mp": "mp", "le": "<=", "ge": ">=",
    "ne": "!=", "approx": "~", "sim": "~", "simeq": "~", "doteq": "~", "equiv": "==", "in": "in",
    "cup": "cup", "cap": "cap", "setminus": "minus", "backslash": "minus", "colon": ":", "langle": "<(",
    "rangle": ")>", "lfloor": "floor(", "rfloor": ")floor", "lceil": "ceil(", "rceil": ")ceil",
    "lbrace": "{(", "rbrace": "})", "{": "{(", "}": "})", "lbrack": "[", "rbrack": "]", "lparen": "(",
    "rparen": ")", "prime": "'", "to": "to", "rightarrow": "to", "implies": "to", "Rightarrow": "to",
    "frac": "frac", "binom": "binom", "cup ": "cup", "|": "|",
    "underbrace": "underbrace", "overbrace": "underbrace",
}  # fmt: skip
CONSTANTS = {"pi": "pi", "Pi": "pi", "infty": "oo", "infinity": "oo", "inf": "oo", "oo": "oo"}
DROPPED_COMMANDS = {
    "angle", "triangle", "measuredangle", "circ", "boxed", "fbox", "small", "large", "Large", "huge", "ldotp",
    "mathop",
}  # fmt: skip
# repr() of sympy and numpy objects: what is inside the bracket says it all
PYTHON_WRAPPERS = {
    "Matrix", "ImmutableMatrix", "MutableDenseMatrix", "array", "FiniteSet", "Tuple", "Integer", "Float",
}  # fmt: skip
# words between answers; in \\text{} or bare
WORD_SEPARATORS = {
    "and", "or", "und", "oder", "et", "ou", "with", "where", "和", "与", "與", "及", "或", "或者", "や", "и", "или",
}  # fmt: skip
ALTERNATIVES = {"or", "oder", "ou", "或", "或者", "или"}
# Words of three letters that are no product of variables.
COMMON_WORDS = {
    "yes", "not", "the", "any", "all", "for", "are", "has", "had", "was", "its", "per", "but", "can", "odd", "him",
    "her", "his", "she", "who", "how", "day", "age", "one", "two", "six", "ten",
}  # fmt: skip
# ... and of one or two.
SMALL_WORDS = {
    "am", "an", "are", "as", "at", "be", "by", "do", "go", "he", "if", "in", "is", "it", "no", "of", "ok", "on", "or",
    "so", "to", "up", "us", "we",
}  # fmt: skip
DOTS = {"cdots", "ldots", "dots", "dotsb", "dotsc", "dotsm", "hdots", "vdots", "ddots"}
# Names of functions that are nouns behind a value, unless an argument follows.
NOUNS = {"min", "max", "sec", "floor", "factorial"}
# Letters that are a unit behind a number where the next number follows: "2 h 30 min"
SHORT_UNITS = {"h", "m", "s", "g", "l", "L"}
SPELLED_BASES = {
    "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7", "eight": "8", "nine": "9",
    "ten": "10", "eleven": "11", "twelve": "12", "sixteen": "16", "binary": "2", "octal": "8", "decimal": "10",
    "hexadecimal": "16",
}  # fmt: skip
