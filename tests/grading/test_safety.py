"""Model text is hostile input: it is never evaluated, never hangs the grader, never makes it raise."""

import builtins
import os
import sys
import threading
import time

import pytest

from lm_eval_mathtasks.grading import Status, grade, normal_form, symbolic
from lm_eval_mathtasks.grading.answers import readings
from lm_eval_mathtasks.grading.deadline import DEADLINE_S, warm_up
from lm_eval_mathtasks.grading.equivalence import equivalent
from lm_eval_mathtasks.grading.latex import read_latex
from lm_eval_mathtasks.grading.normalize import MAX_ANSWER_CHARS, clean

GOLDS = ["5", r"\frac{x+1}{2}", "(1,2)", r"\sqrt{2}+\pi", "y=2x", r"\text{even}"]
HOSTILE = [
    "__import__('os').system('touch hostile')",
    "exec('raise SystemExit')",
    "eval(input())",
    "lambda: (yield)",
    "[x for x in range(10**9)]",
    "().__class__.__bases__[0].__subclasses__()",
    r"\input{/etc/passwd}",
    r"\write18{ls}",
    "%s%n{0.__class__}",
    r"9^{9^{9^9}}",
    "9**9**9**9",
    "((10^5)!)!",
    r"10^{10^{10}}",
    r"\binom{10^9}{10^8}",
    r"\sum_{k=1}^{10^9} k",
    r"\sum_{i=1}^{300}\sum_{j=1}^{300}\sum_{k=1}^{300} ijk",
    r"\prod_{k=1}^{n} \frac{k^3-1}{k^3+1}",
    r"e^{e^{e^{e^{10}}}}",
    r"\sin(10^{50})",
    "1e999999999",
    "1e-999999999",
    "1" * 1_999,
    "1" * 100_000,
    "x" * 100_000,
    "(" * 1_900,
    "(" * 900 + "1" + ")" * 900,
    r"\frac{1}{" * 180 + "1" + "}" * 180,
    r"\sqrt{" * 250 + "2" + "}" * 250,
    "-" * 1_500 + "1",
    "2^" * 600 + "2",
    "{" * 1_000,
    "\\" * 1_999,
    "$" * 1_999,
    "|" * 1_000,
    r"\left" * 300,
    r"\text{" * 200,
    "a,b," * 400,
    r"\{1,2\}," * 200,
    ",".join(rf"\pm {k}" for k in range(200)),
    r"\begin{pmatrix}" + "1&" * 400 + r"1\end{pmatrix}",
    "(x+y+z+w)^{40}(a+b+c+d)^{40}",
    "+".join(f"(x+{k})^{{40}}" for k in range(150)),
    "*".join(["9^{9999}"] * 150),
    "*".join(f"(x_{{{k}}}+1)" for k in range(120)),
    "+".join(rf"\sqrt{{{k}+\sqrt{{{k + 1}}}}}" for k in range(2, 60)),
    r"(\sin x+\cos x+\tan x)^{30}",
    r"\log" * 30 + " y",
    r"\ln(" * 35 + "z" + ")" * 35,
    "x" + "!" * 60,
    "3" + "!" * 60,
    r"1\frac{" * 30 + "1" + "}{2}" * 30,
    "x^{" * 35 + "y" + "}" * 35,
    r"\sqrt{x+" * 35 + "y" + "}" * 35,
    r"\sin(1+" * 35 + "y" + ")" * 35,
    r"\frac{1}{x+" * 35 + "y" + "}" * 35,
    r"|1+" * 30 + "y" + "|" * 30,
    r"\binom{" * 30 + "y" + "}{2}" * 30,
    r"\{1," * 35 + "2" + r"\}" * 35,
    "1" + "/2" * 950,
    "5" + "!" * 1_900,
    "5" + "%" * 1_900,
    "x" + "'" * 1_900,
    "2" + "^{}" * 600,
    "0/0",
    "1/0",
    "0^0",
    r"\log 0",
    r"\infty-\infty",
    r"\tan 90^\circ",
    "\x00\x01",
    "\ud800",
    "٣٤",
    "१२",
    "\u202e123",
    "²",
    "x" + "²" * 900,
    "½" * 300,
]


class Trap(Exception):
    """Something of the text was about to be evaluated."""


def trapped(*_args, **_kwargs):
    raise Trap


def trapped_on_text(real):
    """Text is hostile; code objects (imports) are not, nor what sympy's polynomials write for themselves."""

    def guard(code, *args, **kwargs):
        if (
            isinstance(code, (str, bytes))
            and sys._getframe(1).f_globals["__name__"] != "sympy.polys.monomials"
        ):
            raise Trap
        return real(code, *args, **kwargs)

    return guard


@pytest.fixture
def traps(monkeypatch):
    """Everything that could run text raises; the symbolic tier runs in this process, where the traps are."""
    import sympy
    from sympy.parsing import sympy_parser

    symbolic.proves_equal(
        read_latex(r"\sin^2 x+\cos^2 x"), read_latex("1")
    )  # sympy's own lazy imports sympify names
    no_strings = trapped_on_text(sympy.sympify)
    for module in (sympy, sympy.core, sys.modules["sympy.core.sympify"]):
        monkeypatch.setattr(module, "sympify", no_strings)
    monkeypatch.setattr(sympy_parser, "parse_expr", trapped)
    monkeypatch.setattr(sympy_parser, "eval_expr", trapped)
    monkeypatch.setattr(os, "system", trapped)
    monkeypatch.setattr(builtins, "eval", trapped_on_text(eval))
    monkeypatch.setattr(builtins, "exec", trapped_on_text(exec))


def test_nothing_is_evaluated(traps, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for text in HOSTILE:
        for gold in GOLDS:
            equivalent(gold, text, 0.0)  # below `grade`, which would report what it raises as over_limit
            equivalent(text, gold, 0.0)
        normal_form(text)
    assert not list(tmp_path.iterdir())


def test_the_symbolic_tier_evaluates_nothing(traps):
    """The symbolic tier in this process, with expressions of every kind and names that are Python's."""
    texts = [
        r"\sin^2 x+\cos^2 x",
        r"\ln 8-\log_2 5",
        "n!",
        r"\sum_{k=1}^{n} k",
        "exec(x)",
        "__import__",
        r"\sqrt[3]{x}",
        "|x|",
    ]
    for text in texts:
        for read in readings(clean(text)):
            assert symbolic.proves_equal(read, read) in {True, None}
    assert symbolic.proves_equal(read_latex(r"\sin^2 x+\cos^2 x"), read_latex("1"))


def test_the_traps_can_trap(traps):
    import sympy

    calls = [lambda: eval("1"), lambda: exec("1"), lambda: sympy.sympify("1"), lambda: os.system("true")]
    calls += [lambda: sympy.simplify("x"), lambda: sympy.parsing.sympy_parser.parse_expr("1")]
    for call in calls:
        with pytest.raises(Trap):
            call()


def test_nothing_hangs_from_a_thread():
    warm_up()
    slow = []

    def run():
        for text in HOSTILE:
            for gold in GOLDS:
                for pair in ({"gold": gold, "pred": text}, {"gold": text, "pred": gold}):
                    began = time.thread_time()
                    verdict = grade(**pair)
                    slow.append((time.thread_time() - began, pair["pred"][:40], verdict.status))
                    assert not verdict.correct, pair

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert len(slow) == 2 * len(HOSTILE) * len(GOLDS)
    # of this thread's own work, whatever else the machine does; sympy's ends at the deadline, in another process
    assert max(slow)[0] < 2 * DEADLINE_S, max(slow)


def test_what_is_too_large_is_never_called_incorrect():
    for text in ("9^{9^{9^9}}", "((10^5)!)!", "x" * (MAX_ANSWER_CHARS + 1), r"\binom{10^9}{10^8}"):
        assert grade(gold="5", pred=text).status is Status.OVER_LIMIT


def test_lone_surrogates_and_controls_do_not_raise():
    for text in ("\ud800", "\x00", "\udfff1", "1\x00"):
        assert isinstance(grade(gold="1", pred=text).reason, str)
