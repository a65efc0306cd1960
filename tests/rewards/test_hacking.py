r"""A hunt for reward without the right answer: every text here is to the question whose answer is 7.

What is no fault: of several marked answers the last one counts, as in the evaluation. That is one answer, so that
nothing is won by giving two; the last test holds that no text is right for two references.
"""

import math
from decimal import Decimal

import pytest

from lm_eval_mathtasks.errors import DataError
from lm_eval_mathtasks.rewards import accuracy, length_bonus, ruling, tags_format

OPEN, CLOSE, SOLUTION, END = "<start_working_out>", "<end_working_out>", "<SOLUTION>", "</SOLUTION>"
WORKED = f"{OPEN}3+4{CLOSE}"

SEVERAL_ANSWERS = r"""
\boxed{7} \boxed{8}
\boxed{7} or \boxed{8}
\boxed{7} and \boxed{8}
\boxed{7}, \boxed{8}
\boxed{7 \text{ or } 8}
\boxed{7, 8}
\boxed{7; 8}
\boxed{7 | 8}
\boxed{7 / 8}
\boxed{6\text{ to }8}
\boxed{6-8}
\boxed{\text{either 7 or 8}}
\boxed{\text{7 or 8}}
\boxed{7 \text{ or maybe } 8}
\boxed{7 \lor 8}
\boxed{x=7 \text{ or } x=8}
\boxed{7 \pm 1}
\boxed{8 \approx 7}
\boxed{8 \approx 9 \approx 7}
\boxed{x = 8 \approx x = 7}
\boxed{a \approx 8, b \approx 7}
\boxed{7=8}
\boxed{7 \neq 8}
\boxed{7 (8)}
\boxed{7 (or 8)}
\boxed{7 \to 8}
\boxed{7 \Rightarrow 8}
\boxed{8, \text{i.e. } 7}
\boxed{7\\8}
\boxed{\begin{array}{c}7\\8\end{array}}
\boxed{\begin{cases}7\\8\end{cases}}
\boxed{(7,8)}
\boxed{[7,8]}
\boxed{\{7,8\}}
\boxed{7:8}
\boxed{\$7 \text{ or } \$8}
\boxed{7 \text{ apples and } 8 \text{ pears}}
\boxed{\text{A: 7, B: 8}}
\boxed{7 \text{ if } n = 1, 8 \text{ else}}
\boxed{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}
\boxed{1\ 2\ 3\ 4\ 5\ 6\ 7}
\boxed{\{1,2,...,7\}}
\boxed{1234567890}
<answer>7</answer><answer>8</answer>
<answer>7</answer> <SOLUTION>8</SOLUTION>
<answer>7</answer> \boxed{8}
\boxed{7} <answer>8</answer>
\boxed{7} #### 8
<answer><answer>8</answer>7</answer>
<answer>7 or 8</answer>
<answer>7, 8</answer>
<answer>7 8</answer>
<answer>either 7 or 8</answer>
<answer>1 2 3 4 5 6 7</answer>
<answer>It could be 8, 9, 10 or 7</answer>
<answer>maybe 8. maybe 7.</answer>
<answer>8 (maybe 7)</answer>
<answer>\boxed{8} \boxed{7}</answer>
<answer>7</answer> but I think that it is 8
<answer>7</answer> No: 8.
<answer>7</answer> Actually the answer is 8.
\boxed{7} Actually, the answer is 8.
#### 7 or 8
#### 7, 8
#### 7 8
#### 8 7
Final Answer: The final answer is $7$ or $8$. I hope it is correct.
""".strip().split("\n")
SEVERAL_ANSWERS += [
    "<answer>7\n8</answer>",
    "<answer>8\n7</answer>",
    "#### 7\n#### 8",
    "<answer>1\n2\n3\n4\n5\n6\n7</answer>",
    f"{WORKED}{SOLUTION}7{END}{SOLUTION}8{END}",
    f"{WORKED}{SOLUTION}all of 1 2 3 4 5 6 7 8{END}",
    rf"\boxed{{{'1,' * 5000}7}}",
    r"\boxed{7}" * 3000 + r"\boxed{8}",
]
NOT_AN_ANSWER = r"""
It is not \boxed{7}.
The answer cannot be \boxed{7}.
\boxed{\text{not } 7}
\boxed{\neq 7}
\boxed{> 7}
\boxed{\geq 7}
\boxed{6 < x < 8}
\boxed{\text{at least } 7}
\boxed{\text{more than } 7}
\boxed{7 \text{ or more}}
\boxed{7+}
\boxed{7x}
\boxed{7 + 8k}
\boxed{x}
\boxed{\text{the answer}}
\boxed{answer}
\boxed{?}
\boxed{\ldots}
\boxed{}
\boxed{ }
\boxed{\boxed{}}
\boxed{-7}
\boxed{7!}
\boxed{7i}
\boxed{70}
\boxed{0.7}
\boxed{7 \times 10^1}
\boxed{\infty}
\boxed{\text{NaN}}
\boxed{None}
<answer></answer>
<answer> </answer>
<answer></answer>7
<answer>7</answer><answer></answer>
<answer></answer> The answer is 7
<answer>not 7</answer>
<answer>the answer</answer>
#### not 7
####
Final Answer: The final answer is not $7$. I hope it is correct.
""".strip().split("\n")
UNMARKED = r"""
7
$7$
**7**
seven
Answer: 7
A: 7
The answer is \(7\)
The final answer is 7
### 7
boxed{7}
\ boxed{7}
\boxed(7)
\boxed[7]
\boxed 7
&lt;answer&gt;7&lt;/answer&gt;
‹answer›7‹/answer›
＜answer＞7＜/answer＞
＜SOLUTION＞7＜/SOLUTION＞
<ａnswer>7</ａnswer>
<аnswer>7</аnswer>
\bоxed{7}
</answer>7<answer>
</SOLUTION>7<SOLUTION>
<think>\boxed{7}</think>
<think>\boxed{7}</think> I am not sure.
<think>\boxed{7}</think> The answer is 7.
<think>\boxed{7}</think> \boxed{8}
<think><answer>7</answer></think>
<think>so <answer>7</answer></think> done
""".strip().split("\n")
UNMARKED += [
    f"{OPEN}3{CLOSE}{END}7{SOLUTION}",
    f"{CLOSE}7{OPEN}",
    rf"{OPEN}\boxed{{7}}{CLOSE}",
    f"{OPEN}{SOLUTION}7{END}{CLOSE}",
    f"{SOLUTION}7{END}{WORKED}{SOLUTION}{END}",
    f"{WORKED}{SOLUTION} {END}7",
    "\\box\x00ed{7}",
    "<ans\u200bwer>7</answer>",
    "<answer>\u200b</answer>",
    "\\boxed{\u200b}",
    "\x00\x01\x02",
    "\ud800",
    "\\boxed{7\u202e8}",
    "x" * 1_000_000,
    "<answer>" * 100_000,
]
# Without word of how they ended.
UNFINISHED = r"""
\boxed{7
\boxed{\text{7
\framebox{7
<answer>7
#### 8 #### 7 ####
<think>\boxed{7}
<think><answer>7</answer>
<think>3+4, so <answer>7</answer>
The final answer is $7$
\boxed{7}. Thus we can see that the
\boxed{7}. Let me double check: 3 +
\boxed{7}. The next problem: what is
<answer>7</answer> and now we
""".strip().split("\n")
UNFINISHED += [
    f"{OPEN}3+4{SOLUTION}7{END}",
    "#### 8\n#### 7\n#### ",
    "#### 7\n" * 300 + "####",
    r"\boxed{7} " + "and so on " * 400,
    r"\boxed{7} " + "la " * 3000,
    "<answer>7</answer> " + "la " * 3000,
    "#### 7\n" + "la " * 3000,
    "#### 7\n\nQuestion: What is 2+2?\nAnswer: 2+2=4\n#### 4",
]
NOT_PAID = [*SEVERAL_ANSWERS, *NOT_AN_ANSWER, *UNMARKED, *UNFINISHED]

PAID = r"""
\boxed{7}
So \boxed{7}.
$\boxed{7}$
$$\boxed{7}$$
\[\boxed{7}\]
\(\boxed{7}\)
\boxed{7 \text{ apples}}
\boxed{7\,\mathrm{cm}}
\boxed{\text{7}}
\boxed{\$7}
\boxed{7.0}
\boxed{x = 7}
\boxed{3+4=7}
\boxed{\frac{14}{2}}
\boxed{7.000 \approx 7}
\boxed{6.96 \approx 7.0}
\boxed{\boxed{7}}
\boxed{７}
\fbox{7}
\framebox{7}
\boxed 7$
We added wrongly: it is no \boxed{8}, but \boxed{7}.
We have \boxed{7} apples, as there were $3$ and $4$.
\boxed{7} is the number of primes below 18.
\boxed{7} apples in 3 boxes.
\boxed{7}<|im_end|>
\boxed{7}</s>
<think>3+4=7</think>\boxed{7}
<think>Is it \boxed{8}?</think>\boxed{7}
3+4=7</think>\boxed{7}
<think>3+4</think><answer>7</answer>
<answer>7</answer>
<answer> 7 </answer>
<answer>7 apples</answer>
<answer>$7$</answer>
<answer>\boxed{7}</answer>
<answer>x = 7</answer>
<answer>3 + 4 = 7</answer>
<answer>The answer is 7.</answer>
<answer>**7**</answer>
<answer>7</answer>.
<answer>7</answer> Done.
<answer>7</answer> Let me verify: 3 + 4 = 7.
The answer stands in <answer> tags: <answer>7</answer>
<answer>8</answer> No, that is wrong. <answer>7</answer>
<final_answer>7</final_answer>
<ans>7</ans>
<SOLUTION>7</SOLUTION>
#### 7
#### 7 apples
#### $7
#### 7.
####7
Final Answer: The final answer is $7$. I hope it is correct.
The final answer is 7. I hope it is correct.
我们得到 \boxed{7}。
Ответ: \boxed{7}
""".strip().split("\n")
PAID += [
    f"{WORKED}{SOLUTION}7{END}",
    f"{WORKED}\n{SOLUTION}7{END}\n",
    f"{WORKED}{SOLUTION}7 apples{END}",
    "<answer>\n7\n</answer>",
    "3+4=7\n#### 7",
    "Step 1\n#### 3\n#### 7",
    "The answer is 7.\n#### 7",
    "#### 7\n\nThe answer is 7.",
    "\\boxed{7}\n\n",
]


def test_there_are_enough_of_both():
    assert len(NOT_PAID) > 150
    assert len(PAID) > 60


@pytest.mark.parametrize("response", NOT_PAID, ids=lambda text: repr(text[:50]))
def test_it_is_not_paid_for(response):
    assert accuracy([response], gold=["7"]) == [0.0]


@pytest.mark.parametrize("response", PAID, ids=lambda text: repr(text[:50]))
def test_it_is_paid_for_unless_it_was_ended_from_outside(response):
    assert accuracy([response, response], gold=["7", "7"], finish_reason=[None, "stop"]) == [1.0, 1.0]
    ends = ["length", "max_tokens", "abort", "error", "content_filter", "Aborted", "SAFETY"]
    assert accuracy([response] * len(ends), gold=["7"] * len(ends), finish_reason=ends) == [0.0] * len(ends)


def test_no_text_is_right_for_two_references():
    golds = [str(number) for number in range(1, 11)]
    for text in (
        *NOT_PAID,
        *PAID,
        *(
            f"<answer>7 {sign} 8 {sign} 9</answer>"
            for sign in (r"\approx", "=", "~", r"\sim", r"\equiv", "≈", "|")
        ),
    ):
        assert sum(ruling(text, gold).kind == "right" for gold in golds) <= 1, text[:80]


class Column:
    """As numpy's arrays and scalars."""

    def __init__(self, value):
        self.value = value

    def tolist(self):
        return self.value


@pytest.mark.parametrize(
    ("gold", "value"),
    [
        (7, 1.0),
        (7.0, 1.0),
        ([7], 1.0),
        (("7",), 1.0),
        ([[7]], 1.0),
        (Decimal("7.0"), 1.0),
        (Column(7), 1.0),
        (Column(["7"]), 1.0),
        ("#### 7", 1.0),
        (7.5, 0.0),
        (None, None),
        (math.nan, None),
        ("nan", None),
        (Column(math.nan), None),
        ([], None),
        ([None], None),
        (True, None),
        (Column(value=True), None),
        ({"answer": 7}, None),
        (b"7", None),
        (object(), None),
        (10**5000, None),
    ],
    ids=lambda value: type(value).__name__,
)
def test_odd_references(gold, value):
    """What is missing in a table rewards nobody, nor who writes NaN or None."""
    assert accuracy([r"\boxed{7}"], gold=[gold]) == [value]
    for text in (r"\boxed{nan}", r"\boxed{\text{None}}", r"\boxed{[None]}", r"\boxed{}", ""):
        assert accuracy([text], gold=[gold]) in ([0.0], [None])


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"gold": ["7"]}, "2 values as `gold`, one a completion, got 1"),
        ({"answer": "77"}, "got '77'"),
        ({"gold": 7}, "got 7"),
        ({"gold": ["7"] * 3}, "got 3"),
        ({"gold": ["7"] * 2, "finish_reason": "ab"}, "as `finish_reason`"),
        ({}, "a column with the reference"),
    ],
)
def test_columns_that_are_no_columns(columns, message):
    with pytest.raises(DataError, match=message):
        accuracy([r"\boxed{7}"] * 2, **columns)


@pytest.mark.parametrize("kind", ["thinking", "reasoning", "tool_use", "tool_result", "image"])
def test_parts_of_a_message_that_are_not_said(kind):
    parts = [{"type": kind, "text": r"\boxed{7}"}, None, 7]
    assert accuracy([[{"role": "assistant", "content": parts}]], gold=["7"]) == [0.0]
    parts.append({"type": "output_text", "text": r"\boxed{7}"})
    assert accuracy([[{"role": "assistant", "content": parts}]], gold=["7"]) == [1.0]


def test_calls_that_cannot_be_meant():
    with pytest.raises(DataError, match="a list of completions, got one text"):
        accuracy(r"\boxed{7}", gold=["7"] * 9)
    with pytest.raises(DataError, match="words of at least 1"):
        length_bonus(["a b"], words=0)
    assert tags_format([None, f"{WORKED}{SOLUTION}7{END}"]) == [0.0, 1.0]


def test_an_answer_in_the_prompt_is_none_of_the_response():
    torch = pytest.importorskip("torch")
    from lm_eval_mathtasks.rewards.openrlhf import reward_func

    asked = r"Example: \boxed{7}. Now, what is 3+4?"
    queries = [
        f"{asked} nothing",
        f"<s>{asked} nothing",
        f"other words {asked[:9]}" + r" \boxed{7}",
        f"<s>{asked}" + r" \boxed{7}",
    ]
    assert torch.equal(
        reward_func(queries, [asked] * 4, ["7"] * 4)["rewards"], torch.tensor([0.0, 0.0, 0.0, 1.0])
    )
