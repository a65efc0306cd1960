"""The reference answer in a reference: by the rule of each set, and of an answer the answer itself."""

import pytest

from lm_eval_mathtasks.problems.gold import answer_in

CASES = [
    ("9*2=18\n#### 18", "18"),
    ("18", "18"),
    ("073", "73"),
    ("000", "0"),
    ("-07", "-07"),
    ("0.5", "0.5"),
    ("9 (apples)", "9"),
    ("57 ( science books)", "57"),
    ("3/4 (sq. ft)", "3/4"),
    ("3 (mod 4)", "3 (mod 4)"),
    ("(3, 4)", "(3, 4)"),
    ("f(x)", "f(x)"),
    (27.0, "27"),
    (["2", "3.0"], "2, 3.0"),
    ("It is \\boxed{\\frac12}.", "\\frac12"),
    ("\\boxed{7}", "7"),
    ("They are $\\boxed{-2}$ and $\\boxed{1}$.", "1"),
    ("So $x = \\fbox{4}$", "4"),
    ("np.arcsin(10/13)", "\\arcsin(10/13)"),
    ("4 \\pi$ $r", "4 \\pi r"),
    ("", ""),
]


@pytest.mark.parametrize(("reference", "answer"), CASES)
def test_the_answer_in_a_reference(reference, answer):
    assert answer_in(reference) == answer
    assert answer_in(answer) == answer
