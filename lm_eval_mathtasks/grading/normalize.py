"""The text of an answer in one spelling: one way to write a fraction, a space, a minus, a degree, a dollar.

Nothing here knows mathematics; every rule removes a difference that no mathematician sees. `clean` is idempotent.
"""

import re
import unicodedata
from functools import lru_cache

from lm_eval_mathtasks.grading.listed_lines import list_of_lines

# Longest answer that is cleaned; the longest reference answer of the supported data sets has 300 characters.
MAX_ANSWER_CHARS = 2_000

_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ", "0123456789+-n")
_SUBSCRIPTS = str.maketrans("₀₁₂₃₄₅₆₇₈₉₊₋ₙ", "0123456789+-n")
_FRACTIONS = {
    "½": "1/2", "⅓": "1/3", "⅔": "2/3", "¼": "1/4", "¾": "3/4", "⅕": "1/5", "⅖": "2/5", "⅗": "3/5",
    "⅘": "4/5", "⅙": "1/6", "⅚": "5/6", "⅐": "1/7", "⅛": "1/8", "⅜": "3/8", "⅝": "5/8", "⅞": "7/8",
    "⅑": "1/9", "⅒": "1/10",
}  # fmt: skip
_SYMBOLS = {
    "−": "-", "–": "-", "—": "-", "‐": "-", "×": r"\times ", "·": r"\cdot ", "⋅": r"\cdot ", "÷": "/",
    "⁄": "/", "∕": "/", "π": r"\pi ", "∞": r"\infty ", "∪": r"\cup ", "∩": r"\cap ", "∈": r"\in ",
    "∖": r"\setminus ", "≤": r"\le ", "⩽": r"\le ", "≥": r"\ge ", "⩾": r"\ge ", "≠": r"\ne ",
    "≈": r"\approx ", "≡": r"\equiv ", "±": r"\pm ", "∓": r"\mp ", "°": r"^{\circ}", "º": r"^{\circ}",
    "√": r"\sqrt ", "∅": r"\emptyset ", "ℝ": r"\mathbb{R}", "ℤ": r"\mathbb{Z}", "∠": r"\angle ",
    "⌊": r"\lfloor ", "⌋": r"\rfloor ", "⌈": r"\lceil ", "⌉": r"\rceil ", "⟨": r"\langle ", "⟩": r"\rangle ",
    "′": "'", "’": "'", "‘": "'",
    "“": '"', "”": '"', "，": ",", "、": ",", "；": ";", "。": ".", "α": r"\alpha ",
    "β": r"\beta ", "γ": r"\gamma ", "θ": r"\theta ", "λ": r"\lambda ", "μ": r"\mu ", "φ": r"\phi ",
    "ω": r"\omega ", "σ": r"\sigma ", "Δ": r"\Delta ", "△": r"\triangle ", "→": r"\to ", "\u200b": "",
    "\ufeff": "", "\u2061": "",
}  # fmt: skip

_PLAIN = str.maketrans(_SYMBOLS)
_CIRCLED = re.compile("[\u2460-\u2487\u2776-\u2793\u24ea]")

_TEXT_FONTS = "mbox|hbox|textbf|textit|textrm|textsf|texttt|textnormal|emph|mathrm|mathit|mathsf|bold|textup"
_MATH_FONTS = "mathbf|boldsymbol|bm|mathcal|vec|overrightarrow|overleftrightarrow|widehat|hat|underline|pmb"

# The base of a numeral within `\text{...}` or behind it; a hyphen, as in "base-7", is no minus.
_BASE = r"base-?\s*(?:(-?\w+)\s*\)?\s*\}|\}\s*(-?\d+))"
_PERCENT = r"(?:percent(?:age)?(?: points?)?|pct|per ?cent)"
# Compiled on first use: these patterns are a third of the time that the import would take. An alternative that needs no
# backslash stands first.
_RULES = (
    (r"\\(?:begin|end)\{(?:aligned|align\*?|equation\*?|gathered|split)\}", " "),
    (r"\\(?:displaystyle|textstyle|limits|nolimits|boldmath|bf|rm|it|strut)(?![a-zA-Z])", " "),
    (r"</?(?:b|strong|em)(?:>|$)|\\phantom\{[^{}]*\}", " "),
    (r"\\(?:left|right)\s*\.", ""),
    (r"\\(?:left|right|[bB]igg?[lrm]?)(?![a-zA-Z])\s*\.?(?=\s*[\\()\[\]{}|/.]|\s*$)", ""),
    (r"\\(?:textcolor|colorbox)\s*\{[^{}]*\}|\\color\s*\{[^{}]*\}", ""),
    (r"\\\\\s*\[\s*-?[\d.]+\s*(?:pt|em|ex|mm|cm|in)\s*\]", r"\\\\ "),
    (r"\\[lr]vert(?![a-zA-Z])|\\vert(?![a-zA-Z])|\\mid(?![a-zA-Z])", "|"),
    (r"(?<![\\a-zA-Z])[dt]?frac(?=\s*\{)|\\[dtc]frac(?![a-zA-Z])", r"\\frac"),
    (r"\\[dt]binom(?![a-zA-Z])", r"\\binom"),
    (r"(?:\{|^)([^{}]*)\\over(?![a-zA-Z])([^{}]*)(?:\}|$)", r"\\frac{\1}{\2}"),
    (r"\\(?:cancel|bcancel|xcancel|sout|st)\s*\{[^{}]*\}", " "),
    (r"(?<![\\a-zA-Z])(?:as well as|together with|along with|and also)(?![a-zA-Z])", "and"),
    (r"^\\text\s*\{\s*[aA]n?\s*\}\s*(?=\\?\$|\d)", ""),
    # commands that lost their backslash
    (r"(?<![\\a-zA-Z])(cdot|infty|leq|geq|neq)(?![a-zA-Z])", r"\\\1"),
    (r"(?<![\\a-zA-Z])(text|mathbb|mathrm|binom)(?=\{)", r"\\\1"),
    (r"\^\{?circ(?![a-zA-Z])\}?", r"^{\\circ}"),
    (r"(?<![\\a-zA-Z])left([(\[|])(.*?)(?<![\\a-zA-Z])right([)\]|])", r"\1\2\3"),
    (r"(?<![\\a-zA-Z])log(2|10)\s*\(", r"\\log_{\1}("),
    # what repeats: 0.1(6), 0.\dot{1}4285\dot{7}
    (r"^(-?\d*\.\d*)\((\d{1,9})\)$", r"\1\\overline{\2}"),
    (r"(\.\d*)\\dot\s*\{?(\d)\}?(?:(\d*?)\\dot\s*\{?(\d)\}?)?", r"\1\\overline{\2\3\4}"),
    (r"(?<![\\a-zA-Z])(negative|minus) infinity(?![a-zA-Z])", r"-\\infty "),
    (r"(?<![\\a-zA-Z])(?:(?:positive|plus) )?infinity(?![a-zA-Z])", r"\\infty "),
    (r"(?<=[)\]])\s*U\s*(?=[(\[])", r"\\cup "),
    (r"^<\s*([^<>=,]+,[^<>=]+)>$", r"\\langle \1\\rangle "),
    # ]0, 2] and [0, 2[
    (r"(^|\\in\s*)\](?=[^\[\](),]+,[^\[\]()]+[\[\]]$)", r"\1("),
    (r"((?:^|\\in\s*)[(\[][^\[\](),]+,[^\[\]()]+)\[$", r"\1)"),
    (r"^\{([^{}|:]*[|:][^{}]*)\}$", r"\\{\1\\}"),
    (r"(?<!\d)\.\\overline", r"0.\\overline"),
    (r"^(?:\{\}\s*)?[_^]\s*\{?(\d+)\}?\s*C\s*_\s*\{?(\d+)\}?$", r"\\binom{\1}{\2}"),
    (r"^(\d{1,3})\s?C\s?(\d{1,3})$", r"\\binom{\1}{\2}"),
    (r":=", "="),
    # a calculator's 7.1E-4
    (r"(?<=\d)\s*\\text\{\s*E\s*\}\s*\{?\s*([+-]?\d{1,3})\s*\}?", r"\\times 10^{\1}"),
    (
        r"^(?:\\text\s*\{\s*)?(?:all |the )*reals?(?: numbers?)? (?:x )?"
        r"(?:except|but|excluding|other than) (?:for )?\}?\s*(?:x = )?",
        r"x \\ne ",
    ),
    (r"(?<=\d)(?:\s*[xX]\s*(?=10\s*\^)| [xX] (?=\d))", r"\\times "),
    (r"\\(?:lor|vee)(?![a-zA-Z])", r"\\text{ or }"),
    (r"(?<=\d)\((?=[a-z]{3,}\)$)", " ("),
    (r"\b(sq|cu|ft|in|yd|mi|lbs?|oz|hrs?|mins?|secs?)\.(?=\s|$)", r"\1"),
    (r"\*\*\s?(and|or)\s?\*\*", r"\1"),
    # bold that opens or closes inside; 2**3 is a power
    (
        r"(?<![\w)}\]\s])\s*\*\*(?=\S)|(?:(?<=, )|(?<=and )|(?<=or ))\*\*(?=\S)|\*\*(?=\s*(?:$|,|and\b|or\b))",
        " ",
    ),
    (rf"\\(?:{_TEXT_FONTS})\s*\{{", r"\\text{"),
    (rf"\\(?:{_MATH_FONTS})\s*\{{\s*([A-Za-z]|\\[a-z]+)\s*\}}", r" \1"),
    (rf"\\(?:{_MATH_FONTS})(?:\s*(?=\{{)|\s+(?=[A-Za-z](?![A-Za-z])))", " "),
    (r"\\operatorname\*?\{\s*([a-zA-Z]+)\s*\}", r"\\\1 "),
    (r"\\text\s*\{\s*\}", " "),
    (r"\\text\{([^{}()]*)\(([^{}()]*)\}", r"\\text{\1}(\\text{\2}"),
    (r"\\text\{([^{}()]*)\)([^{}()]*)\}", r"\\text{\1})\\text{\2}"),
    (r"\\text\s+\{", r"\\text{"),
    # letters with an index are a name, not a word; the minimum "at 2" is no function of it
    (r"\\text\{\s*([A-Z0-9]{1,8})\s*\}(?=[\dA-F]*\s*_)", r"\1"),
    (r"\\(min|max)\s*(\.|at\b)", r"\\text{\1 \2}"),
    (r"\\(min|max)\s*(?=[=:])", r"\\text{\1} "),
    (r"([a-zA-Z])\s*:\s*([a-z])\s*\\mapsto(?![a-zA-Z])", r"\1(\2) ="),
    (r"\(\s*(?:\\text\{\s*)?\\?mod(?:ulo)?\s*\}?\s*([^()]+)\)", r" \\pmod{\1}"),
    (r"(?<=\d)\s*\{,\}\s*(?=\d)", ","),
    (r"(?<=\d)\s*,?\s*\\!\s*,?\s*(?=\d{3})", ","),
    (r"(?<=\d)\\[, ;](?=\d{3}(?!\d))", ","),
    (r"(?<!\\)\\[!,;: ]|~|&nbsp;", " "),
    (r"\\(?:quad|qquad|thinspace|enspace|hspace\{[^{}]*\}|hfill|nobreak)(?![a-zA-Z])", " "),
    (r"<=|=<|\\(?:leqslant|leq|le|leqq)(?![a-zA-Z])|\\=<", r" \\le "),
    (r">=|\\(?:geqslant|geq|ge|geqq)(?![a-zA-Z])", r" \\ge "),
    (r"(?<![\d)}])!=|\\(?:neq|ne)(?![a-zA-Z])|\\not\s*(?:=|\\equiv(?![a-zA-Z]))|≢", r" \\ne "),
    (r"&lt;|\\lt(?![a-zA-Z])", "<"),
    (r"&gt;|\\gt(?![a-zA-Z])", ">"),
    (r"\\(?:varnothing|emptyset|O)(?![a-zA-Z])", r"\\emptyset "),
    (r"(?<=[\d}\s])degrees?(?![a-zA-Z])|\\text\{\s*(?:degrees?|deg)\s*\}", r"^{\\circ}"),
    (r"\\degree(?![a-zA-Z])", r"^{\\circ}"),
    (r"\s*\^\s*\{\s*\\prime\s*\\prime\s*\}", "''"),
    (r"\s*\^\s*(?:\{\s*\\prime\s*\}|\\prime(?![a-zA-Z]))", "'"),
    # 7^{\text{th}}, 2^{nd}; x^{st} is a power
    (r"(?<=\d)\s*\^\s*\{\s*\\text\{\s*(st|nd|rd|th)\s*\}\s*\}", r"\\text{\1}"),
    (r"(?<=\d)\s*\^\s*(?:\\text)?\s*\{\s*(st|nd|rd|th)\s*\}", r"\\text{\1}"),
    (r"(?<=[nmk])\s*\^\s*(?:\{\s*\\text\{\s*th\s*\}\s*\}|(?:\\text)?\s*\{\s*th\s*\})", r"\\text{th}"),
    (r"(?<=[\dA-Z)}])\s*_\s*\{?\s*\(\s*(-?\d+)\s*\)\s*\}?", r"_{\1}"),
    (rf"(?<=[\dA-Z)}}])\s*_\s*\{{?\s*\\text\{{\s*{_BASE}\s*\}}?", r"_{\1\2}"),
    (rf"(?<=[\dA-Z)}}])\s*\(?\\text\{{\s*\(?(?:in )?{_BASE}\)?", r"_{\1\2}"),
    (r"(?<=[\dA-Z)}])\s*\(?\b(?:in )?base(?:-|\s+)(-?\w+)\)?$", r"_{\1}"),
    (r"(?<![A-Za-z}])\(\s*([\dA-Z]*\d[\dA-Z]*)\s*\)\s*_(?=\s*\{?\s*-?\d)", r"\1_"),
    (r"(?<=\d)\{([:.])\}(?=\d)", r"\1"),
    (r"\s*\^\s*(?:\{\s*\\circ\s*\}|\\circ(?![a-zA-Z]))", r"^{\\circ}"),
    (
        r"(?:\^\{\\circ\}\s*(?:\\text\{\s*)?C|(?:\^\{\\circ\}|(?<=\d))\s*[Cc]elsius)\s*\}?$",
        r" \\text{celsius}",
    ),
    (
        r"(?:\^\{\\circ\}\s*(?:\\text\{\s*)?F|(?:\^\{\\circ\}|(?<=\d))\s*[Ff]ahrenheit)\s*\}?$",
        r" \\text{fahrenheit}",
    ),
    (rf"(?<=[\d}}\s]){_PERCENT}(?![a-zA-Z])|\\text\{{\s*{_PERCENT}\s*\}}", "%"),
    (r"[%％]|\\[%％]", "%"),
    (r"(?<![a-zA-Z])USD\s*(?=[\d.])|US\s*\\?\$(?=\s*\d)", r"\\$"),
    (r"\s+", " "),
)
# Each rule is tried only on texts that hold its word.
_RULES_OF_A_WORD = (
    ("symmetry", r"(?<![\\a-zA-Z])and,?\sby symmetry,?(?:\sat)?(?![a-zA-Z])", "and"),
    ("at ", r"(?<![\\a-zA-Z])and,?\s(?:finally|lastly),?\sat(?![a-zA-Z])", "and"),
    ("at ", r",\sat\s(?=\$?[a-z]\s?=)", ", "),
    # dy/dx is y', beside y' of the other side
    ("frac", r"\\frac\{\s*d\s*([a-z])\s*\}\{\s*d\s*[a-z]\s*\}", r"\1'"),
    ("frac", r"\\frac\{\s*d\^\{?2\}?\s*([a-z])\s*\}\{\s*d\s*[a-z]\s*\^\{?2\}?\s*\}", r"\1''"),
    ("or its", r"^(\\?[$]?[\d.]+)\s*(?:\\text\{\s*)?or its (?:negative|opposite)\s*\}?$", r"\\pm \1"),
    # "8.5\mathrm{e}6"; but "3\mathrm{e}-2" is three times e less two
    ("e}", r"(?<=\d)\\(?:mathrm|text|rm)\s?\{e\}(?:(\d+)|\{([-+]?\d+)\})", r"e\1\2"),
    ("E}", r"(?<=\d)\\(?:mathrm|text|rm)\s?\{E\}\{?([-+]?\d+)\}?", r"e\1"),
    ("math", r"\\math(?:bin|rel)\s?\{\s*:\s*\}", ":"),
    ("very ", r"\b[Ee]very ((?:[a-z]+ )?(?:integer|number|multiple|power))\b", r"all \1s"),
    ("factors of", r"\bfactors of\b", "divisors of"),
    ("base", r"(?<=\d),\s(?=\(?(?:in )?base\b)", " "),
    ("ary", r"(?<=\d)\s*(?:\\text\{\s*)?\(?in (binary)\)?\s*\}?$", r"_{\1}"),
    ("octal", r"(?<=\d)\s*(?:\\text\{\s*)?\(?in (octal)\)?\s*\}?$", r"_{\1}"),
    ("decimal", r"(?<=[\dA-F])\s*(?:\\text\{\s*)?\(?in (hexadecimal)\)?\s*\}?$", r"_{\1}"),
    (
        "_",
        r"\(\s*([\dA-Za-z]*\d[\dA-Za-z]*)\s*\)\s*_\s*\{?\s*\\text\{\s*(?:base\s*)?(\w+)\s*\}\s*\}?",
        r"\1_{\2}",
    ),
    ("m", r"^(?:(\d+)\s?h\s?)?(\d+)\s?m\s?(\d+(?:\.\d+)?)\s?s$", r"\1 h \2 min \3 s"),
    ("h", r"^(\d+)\s?h\s?(\d+)\s?m$", r"\1 h \2 min"),
    (
        "min",
        r"(\d)\s*(?:\^\s*\{?\s*\\circ\s*\}?|°|\bdegrees?)\s*(\d+(?:\.\d+)?)\s*(?:minutes?|min)"
        r"(?:\s*(?:and\s)?(\d+(?:\.\d+)?)\s*(?:seconds?|sec))?$",
        r"\1^{\\circ}\2'\3",
    ),
    ("colon", r"(?<=\d)\s*\\colon(?![a-zA-Z])\s*(?=\d)", ":"),
    ("textcircled", r"\\textcircled\s*\{\s*(\d{1,2})\s*\}", r"\1, "),
    # "\mathbf{C.}\ 3/8"
    ("mathbf", r"\\mathbf\s*\{\s*\(?([A-J])(?:\)|[.:])\s*\}(?:\\[ ,;]|~|\s)*", r"(\1) "),
)
_EMPHASIS = re.compile(r"^(\*{1,3}|_{2}|`{1,3})(.+?)\1$", re.DOTALL)
_MARKED_SECONDS = re.compile(r"(\d\s?'\s?[\d.]+)\s?\"$")
# "$x_1 = 4$ y $x_2 = 1/2$"
_FOREIGN_JOINT = re.compile(r"\$\s(?:y|e|et|und|sowie|и)\s\$")
_EXCLAIMED = re.compile(r"^([A-Za-z]{3,}|[Nn]o)!+$")
_BOX = re.compile(r"^\\(?:boxed|fbox|framebox)\s*\{")
# The delimiters of formulas inside an answer, those of code spans among them.
_INNER_DELIMITER = re.compile(r"(?<!\\)\\[()\[\]]|(?<!`)`(?!`)")
# What string escapes made of a backslash and the letter behind it: "\frac" is form feed, "rac"
_LOST = {"\a": "a", "\b": "b", "\t": "t", "\n": "n", "\v": "v", "\f": "f", "\r": "r"}
LOST_BACKSLASH = re.compile(
    "\a(?=lpha|ngle|pprox|rc(?:sin|cos|tan))|\b(?=oxed|eta|inom|ar\\b|mod|ig|egin|ullet)|\f(?=rac|orall|box|loor)"
    "|\t(?=ext|imes|heta|an\\b|au\\b|riangle|frac|op?\\b)|\v(?=ec\\b|ar(?:phi|epsilon|nothing|theta)|ert|dots)|\n(?=eq?\\b|abla|otin|u\\b)"
    "|\r(?=ho|ight|angle|floor|ceil|vert|m\\b)"
)
_LONE_COMMAND = re.compile(r"(?<!\\)\\[a-zA-Z]")
_DOUBLED_COMMAND = re.compile(r"(?<!\\)\\\\(?=[a-zA-Z{}%$(\[)\],!;:])")
# A row of a matrix never starts with a bare "frac": two backslashes before a known command are one, escaped
_KNOWN_COMMANDS = "[dtc]?frac|sqrt|pi|infty|cdot|times|left|right|text|mathrm|begin|end|cup|pm|circ|boxed"
_ESCAPED_TWICE = re.compile(rf"(?<!\\)\\\\(?=(?:{_KNOWN_COMMANDS})(?![a-zA-Z]))")
_MATRIX = re.compile(r"\\begin\{[pbvBV]?matrix\}.*?\\end\{[pbvBV]?matrix\}", re.DOTALL)


def _restore_rows(matrix: re.Match[str]) -> str:
    """Rows that lost one of their two backslashes to string escaping: 1 \\ 2 for 1 \\\\ 2."""
    body = matrix.group()
    return body if "\\\\" in body else re.sub(r"\\(?=[\s\d-])", r"\\\\ ", body)


def _unescape(text: str) -> str:
    """Undo one level of string escaping: `\\\\frac` is `\\frac` where no command is written with one backslash."""
    if "\\\\" in text and not _LONE_COMMAND.search(text) and re.search(r"(?<!\\)\\\\[a-zA-Z]", text):
        return _DOUBLED_COMMAND.sub(r"\\", text.replace("\\\\\\\\", "\\\\ "))
    return text


def _plain_symbols(text: str) -> str:
    """Write Unicode mathematics, full-width forms and CJK punctuation as LaTeX and ASCII."""
    if text.isascii():
        return text
    text = re.sub(
        r"([⁰¹²³⁴-⁹]+)⁄([₀-₉]+)", lambda m: unicodedata.normalize("NFKC", rf"\frac{{{m[1]}}}{{{m[2]}}}"), text
    )
    text = re.sub(r"[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ]+", lambda m: "^{" + m.group().translate(_SUPERSCRIPTS) + "}", text)
    text = re.sub(r"[₀₁₂₃₄₅₆₇₈₉₊₋ₙ]+", lambda m: "_{" + m.group().translate(_SUBSCRIPTS) + "}", text)
    text = re.sub(r"√\s*(\d+|[a-zA-Zπ])", r"\\sqrt{\1}", text)
    text = re.sub(r"√\s*\(", r"\\sqrt(", text)
    text = re.sub(r"∛\s*(\d+|[a-zA-Z]|\([^()]*\))", r"\\sqrt[3]{\1}", text)
    for char, plain in _FRACTIONS.items():
        if char in text:
            top, bottom = plain.split("/")
            text = text.replace(char, rf"\frac{{{top}}}{{{bottom}}}")
    # a Cyrillic x that stands alone is the unknown
    text = re.sub(r"(?<![^\W\d_])[хХ](?![^\W\d_])", "x", text)
    # the numbers of statements: ①④ are two
    text = _CIRCLED.sub(lambda m: f"{unicodedata.numeric(m.group()):.0f}, ", text)
    text = unicodedata.normalize("NFKC", text.translate(_PLAIN))
    return text if text.isascii() else text.translate(_PLAIN)


def closing_brace(text: str, start: int) -> int:
    """Return the index of the brace that closes the one at `start`, or -1."""
    depth = 0
    for k in range(start, len(text)):
        if text[k] == "{" and text[k - 1 : k] != "\\":
            depth += 1
        elif text[k] == "}" and text[k - 1 : k] != "\\":
            depth -= 1
            if depth == 0:
                return k
    return -1


def _unwrap_once(text: str) -> str:
    """Remove one pair of delimiters around the whole text: dollars, \\( \\), \\[ \\], a box, braces, emphasis."""
    text = text.strip()
    for left, right in (("$$", "$$"), ("\\[", "\\]"), ("\\(", "\\)"), ("$", "$")):
        inner = text[len(left) : len(text) - len(right)]
        enclosed = len(text) > len(left + right) and text.startswith(left) and text.endswith(right)
        # an escaped dollar at the end is a currency, and two formulas side by side are not one
        if enclosed and left not in inner and not inner.endswith("\\"):
            return inner
    box = _BOX.match(text)
    if box and closing_brace(text, box.end() - 1) == len(text) - 1:
        return text[box.end() : -1]
    # {1,2} without backslashes may be a plain set: only braces around something without a comma are grouping
    if text.startswith("{") and not {",", "|", ":"} & set(text) and closing_brace(text, 0) == len(text) - 1:
        return text[1:-1]
    emphasis = _EMPHASIS.match(text)
    if emphasis and emphasis.group(1) not in emphasis.group(2):
        return emphasis.group(2)
    return text


def _trim(text: str) -> str:
    """Remove what ends a sentence but not an answer; a factorial and "p.m." stay."""
    # the mark of 5'10" and 30°15'20" is no quotation mark
    text = text.strip()
    text = (_MARKED_SECONDS.sub(r"\1''", text) if text.endswith('"') else text).strip('"').strip()
    quoted = text[:1] in {"'", "`"} and text[-1:] == "'" and len(text) > 2
    text = text.strip("'`" if quoted else "`").strip()
    text = re.sub(r"^(?:\\approx|\\sim(?:eq)?(?![a-z])|\\doteq|\\to|:|=|\*\*|#)\s*", "", text)
    text = _EXCLAIMED.sub(r"\1", text) if text.endswith("!") else text
    text = re.sub(r"(?:(?<![apAP]\.[mM])(?<![.])\.|[,;:。]|\*\*|\\\\|(?<!\\)\\)\s*$", "", text)
    return text.strip()


def _dollars(text: str) -> str:
    """Keep currency as `\\$`; drop the dollars that open and close formulas."""
    if "$" not in text:
        return text
    bare = len(re.findall(r"(?<!\\)\$", text))
    # a dollar that opened a formula which is cut off
    if bare == 1 and "^" in text and text.startswith("$"):
        return text[1:]
    if bare == 1:
        match = re.search(r"(?<!\\)\$\s*(?=[-\d.])|(?<=\d)\s*\$$", text)
        return text[: match.start()] + "\\$" + text[match.end() :] if match else text.replace("$", "")
    if bare:
        # one formula a line is a list
        text = re.sub(r"(?<=[$)])\s*\n\s*(?=[$\d-])", ", ", text) if "\\begin" not in text else text
        text = _FOREIGN_JOINT.sub("$ and $", text)
        text = re.sub(r"(?<!\\)\$", " ", text)
    return re.sub(r"\\text\{\s*\\\$\s*\}", r"\\$", text)


@lru_cache(maxsize=2)
def _rules(latex: bool) -> list[tuple[re.Pattern[str], str]]:
    """The rules for texts with a backslash, or for those without: a pattern that begins with one needs one."""
    return [(re.compile(p), replacement) for p, replacement in _RULES if latex or not p.startswith(r"\\")]


@lru_cache(maxsize=1)
def _rules_of_a_word() -> list[tuple[str, re.Pattern[str], str]]:
    return [(word, re.compile(p), replacement) for word, p, replacement in _RULES_OF_A_WORD]


def _pass(text: str) -> str:
    before = None
    while before != text:
        before = text
        text = _trim(_unwrap_once(text))
    text = _INNER_DELIMITER.sub(" ", _dollars(text))
    for word, pattern, replacement in _rules_of_a_word():
        text = pattern.sub(replacement, text) if word in text else text
    for pattern, replacement in _rules("\\" in text):
        # most rules find nothing, and to look is cheaper than to expand a replacement
        text = pattern.sub(replacement, text) if pattern.search(text) else text
    return _trim(text)


@lru_cache(maxsize=4096)
def clean(text: str) -> str:
    """Return the answer in the one spelling that the reader understands; idempotent.

    The text must not be longer than MAX_ANSWER_CHARS (the caller refuses it before).
    """
    text = list_of_lines(text) if "\n" in text else text
    text = _MATRIX.sub(_restore_rows, LOST_BACKSLASH.sub(lambda m: "\\" + _LOST[m.group()], text))
    text = _ESCAPED_TWICE.sub(r"\\", _plain_symbols(_unescape(text)))
    # every pass only removes or respells: it settles in two or three
    for _ in range(6):
        new = _pass(text)
        if new == text:
            break
        text = new
    return text
