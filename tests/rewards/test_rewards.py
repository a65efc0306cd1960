"""Rewards pay for a marked, finished, right answer and for nothing else; every face says the same."""

import asyncio
import functools
import pickle
import re
import subprocess
import sys
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

import pytest

from lm_eval_mathtasks import rewards
from lm_eval_mathtasks.errors import DataError
from lm_eval_mathtasks.evidence.rescore.engines import cluster
from lm_eval_mathtasks.grading.extract import MARKED, extract_answer
from lm_eval_mathtasks.rewards import (
    accuracy,
    accuracy_async,
    boxed_format,
    length_bonus,
    no_repetition,
    one_language,
    ruling,
    staged,
    staged_async,
    tags_count,
    tags_format,
)
from lm_eval_mathtasks.rewards.openrlhf import reward_func
from lm_eval_mathtasks.rewards.verl import compute_score
from tests.conftest import ROOT, read_jsonl, shared_rows
from tests.grading.test_safety import HOSTILE

# (response, finish_reason, kind) for a problem whose answer is 7: each right one has a twin that must earn nothing.
CASES = [
    (r"3+4=7, so \boxed{7}.", None, "right"),
    (r"3+4=7, so \boxed{7}.", "stop", "right"),
    (r"3+4=7, so \boxed{7}.", "length", "unreadable"),
    (r"3+4=8, so \boxed{8}.", None, "wrong"),
    (r"3+4=7, so \boxed{7", None, "unreadable"),
    ("<answer>7</answer>", None, "right"),
    ("<answer>7", None, "unreadable"),
    ("<answer>7 apples", None, "unreadable"),
    ("<start_working_out>3+4=7<end_working_out><SOLUTION>7</SOLUTION>", None, "right"),
    ("<start_working_out>3+4=7<end_working_out><SOLUTION>7", None, "unreadable"),
    ("<start_working_out>We add 3 and 4, and \\boxed{7}", None, "unreadable"),
    ("<think>3+4=7, \\boxed{7}", None, "unreadable"),
    ("<think>3+4=7</think>\\boxed{7}", None, "right"),
    ("3+4=7\n#### 7", None, "right"),
    ("3+4=7\n#### 7", "length", "unreadable"),
    ("3+4=7\n#### -7", None, "wrong"),
    ("Final Answer: The final answer is $7$. I hope it is correct.", None, "right"),
    ("Final Answer: The final answer is $7$.", None, "unreadable"),
    ("The answer is 7.", None, "unreadable"),
    ("A: 7", None, "unreadable"),
    ("**7**", None, "unreadable"),
    ("7", None, "unreadable"),
    ("We add 3 and 4 and get 7", None, "unreadable"),
    ("We add 3 and 4 and then", None, "unreadable"),
    ("We add 3 and 4 and then", "stop", "unreadable"),
    (r"\boxed{7^{7^{7^{7}}}}", None, "unreadable"),
    (r"\boxed{}", None, "unreadable"),
    ("", None, "unreadable"),
    ("", "stop", "unreadable"),
]
VALUES = {"right": 1.0, "wrong": 0.0, "unreadable": 0.0, "no gold": None}
TAGGED = "<start_working_out>3+4=7<end_working_out>\n<SOLUTION>7</SOLUTION>"


@pytest.mark.parametrize(("response", "end", "kind"), CASES)
def test_only_a_marked_and_finished_answer_is_right_or_wrong(response, end, kind):
    assert ruling(response, "7", end).kind == kind
    assert accuracy([response], gold=["7"], finish_reason=[end]) == [VALUES[kind]]
    by_kind = {"right": 100.0, "wrong": 0.0, "unreadable": -1.0}
    assert staged([response], gold=["7"], finish_reason=[end]) == [by_kind[kind]]


@pytest.mark.parametrize("case", read_jsonl(ROOT / "tests/cases/extract.jsonl"), ids=lambda case: case["id"])
def test_no_reward_for_what_is_unmarked_or_unfinished(case):
    """The extractor's own cases: what an evaluation accepts as an answer is rewarded only where it is marked, and no
    beginning of a response is, if it was cut there."""
    response, gold = case["response"], case["answer"] or "7"
    if case["rule"] not in MARKED:
        assert accuracy([response], gold=[gold]) in ([0.0], [None])
    beginnings = [response[:stop] for stop in range(0, len(response) + 1, max(1, len(response) // 50))]
    values = accuracy(beginnings, gold=[gold] * len(beginnings), finish_reason=["length"] * len(beginnings))
    assert set(values) <= {0.0, None}


@pytest.mark.parametrize("response", [TAGGED, "<answer>42</answer>", r"So \boxed{42}, done."])
def test_no_beginning_of_an_open_mark_is_right(response):
    """Without word of how it ended: an answer counts once its mark is closed, not before."""
    gold = extract_answer(response).answer
    closed = response.index("}" if "boxed" in response else "</") + 1
    kinds = [ruling(response[:stop], gold).kind for stop in range(len(response) + 1)]
    assert set(kinds[:closed]) == {"unreadable"}
    assert kinds[-1] == "right"


@pytest.mark.parametrize(
    ("columns", "value"),
    [
        ({"gold": "7"}, 1.0),
        ({"gold": 7}, 1.0),
        ({"gold": 7.0}, 1.0),
        ({"gold": ["7"]}, 1.0),
        ({"answer": "3+4=<<3+4=7>>7\n#### 7"}, 1.0),
        ({"solution": r"We add: $\boxed{8}$, no, $\boxed{7}$."}, 1.0),
        ({"gold": "7", "answer": "8", "solution": r"\boxed{9}"}, 1.0),
        ({"gold": "", "answer": "7"}, None),
        ({"answer": "7", "solution": r"\boxed{9}"}, 1.0),
        ({"gold": "8"}, 0.0),
        ({"gold": ""}, None),
        ({"gold": "  "}, None),
        ({"gold": None, "answer": None, "solution": ""}, None),
        ({"gold": "7 \\frac{"}, None),
        ({"solution": "We add $3$ and $4$, so there are $x = 7$ of them, as we saw in part (a)."}, None),
        ({"solution": "$7$"}, 1.0),
        ({"solution": 7}, 1.0),
        ({"gold": {"value": 7}}, None),
        ({"gold": True}, None),
    ],
)
def test_the_reference_is_taken_by_the_rule_of_its_set(columns, value):
    given = {name: [one] for name, one in columns.items() if one is not None or name == "solution"}
    assert accuracy([r"\boxed{7}"], **given) == [value]


def test_an_unreadable_reference_rewards_nobody():
    """Not even a response that repeats it, nor one without an answer: no group is split by it."""
    texts = [r"\boxed{7 \frac{}", r"\boxed{1}", "", "nothing"]
    assert accuracy(texts, gold=["7 \\frac{"] * 4) == [None] * 4
    assert staged(texts, gold=[""] * 4) == [None] * 4


def test_without_a_reference_the_columns_are_named():
    with pytest.raises(DataError, match=r"gold, answer, solution.*got label"):
        accuracy([r"\boxed{7}"], label=["7"], prompts=None)


CONVERSATIONS = [
    [{"role": "assistant", "content": r"\boxed{7}"}],
    [{"role": "assistant", "content": [{"type": "text", "text": "So "}, {"type": "text", "text": r"\boxed{7}"}]}],
    [{"role": "assistant", "content": "\\boxed{1}"}, {"role": "tool", "content": "7"},
     {"role": "assistant", "content": r"\boxed{7}"}],
    {"role": "assistant", "content": r"\boxed{7}"},
    [{"role": "assistant", "content": None}],
    [{"role": "assistant", "content": "", "tool_calls": []}],
    [],
    "",
]  # fmt: skip


def test_conversations():
    assert accuracy(CONVERSATIONS, gold=["7"] * 8) == [1.0] * 4 + [0.0] * 4
    assert boxed_format(CONVERSATIONS) == [1.0] * 4 + [0.0] * 4


class Trainer:
    """What TRL's trainers show a reward: a method of theirs as `log_extra`."""

    def __init__(self, ends=(2,), pad=0):
        self.eos_token_ids, self._tokenizer, self.record = (
            list(ends),
            type("T", (), {"pad_token_id": pad}),
            {},
        )

    def log_extra(self, column, values):
        self.record.setdefault(column, []).extend(values)


def test_in_trl_a_response_without_its_end_token_is_unfinished():
    trainer = Trainer()
    texts, ids = [r"\boxed{7}"] * 4, [[5, 2], [5, 6], [5, 0], []]
    given = {"gold": ["7"] * 4, "completion_ids": ids, "log_extra": trainer.log_extra}
    assert accuracy(texts, **given) == [1.0, 0.0, 1.0, 0.0]
    assert boxed_format(texts, **given) == [1.0, 0.0, 1.0, 0.0]
    assert tags_format([TAGGED] * 4, **given) == [1.0, 0.0, 1.0, 0.0]
    assert tags_count([TAGGED] * 4, **given) == [1.0, 0.0, 1.0, 0.0]
    assert length_bonus(["a b c d"] * 4, words=4, **given) == [1.0, 0.0, 1.0, 0.0]
    assert one_language(["a b c d"] * 4, **given) == [1.0, 0.0, 1.0, 0.0]
    # A trainer that does not say which tokens end a response leaves it to the text.
    assert accuracy(texts, **{**given, "log_extra": lambda *_: None}) == [1.0] * 4


def test_what_a_trainer_knows_of_an_end_is_worth_more_than_a_column():
    """A column `finish_reason` of the data, of the responses they were made from, says nothing of this response."""
    trainer, ids = Trainer(), [[5, 2], [5, 6]]
    given = {"gold": ["7"] * 2, "completion_ids": ids, "log_extra": trainer.log_extra}
    assert accuracy([r"\boxed{7}"] * 2, finish_reason=["length", "stop"], **given) == [1.0, 0.0]


def test_every_verdict_goes_into_the_record():
    trainer = Trainer()
    texts = [r"\boxed{7}", r"\boxed{8}", "7", "cut"]
    given = {"gold": ["7"] * 4, "completion_ids": [[2], [2], [2], [9]], "log_extra": trainer.log_extra}
    accuracy(texts, **given)
    staged(texts, **given)
    assert trainer.record["verdict"] == ["right", "wrong", "unreadable", "unreadable"]
    assert trainer.record["extracted"][:3] == ["7", "8", "7"]
    assert "not marked" in trainer.record["reason"][2]
    assert "not finished" in trainer.record["reason"][3]
    assert trainer.record["staged_verdict"] == trainer.record["verdict"]
    # Columns that TRL would make twice as long as the others, and fail on.
    assert {len(values) for values in trainer.record.values()} == {4}


def test_staged_values_are_ones_own_and_survive_pickling():
    second = pickle.loads(pickle.dumps(functools.partial(staged, right=1.0, wrong=-0.5, unreadable=-10.0)))
    assert second([r"\boxed{7}", r"\boxed{8}", "7"], gold=["7"] * 3) == [1.0, -0.5, -10.0]


@pytest.mark.parametrize(
    ("text", "whole", "count"),
    [
        (TAGGED, 1.0, 1.0),
        (f"  {TAGGED}\n", 1.0, 1.0),
        ("Well. " + TAGGED, 0.0, 1.0),
        (TAGGED + " Done.", 0.0, 1.0),
        (TAGGED.replace("7</", "</"), 0.0, 1.0),
        (TAGGED + TAGGED, 0.0, -1.0),
        (TAGGED.replace("3+4=7", " "), 0.0, 1.0),
        ("<SOLUTION>7</SOLUTION><start_working_out>3+4<end_working_out>", 0.0, 1.0),
        ("<SOLUTION>7</SOLUTION>", 0.0, 0.0),
        ("7", 0.0, -1.0),
        ("", 0.0, -1.0),
        # Three tags stand there, but the response broke off.
        ("<start_working_out>3+4=7<end_working_out><SOLUTION>7", 0.0, 0.0),
    ],
)
def test_the_tags_format(text, whole, count):
    assert tags_format([text]) == [whole]
    assert tags_count([text]) == [count]
    assert tags_count([text], finish_reason=["length"]) == [min(count, 0.0)]


# What a text alone shows of its end, and twins that are whole.
OPEN = [
    (r"\boxed{7}\boxed{", r"\boxed{7}\boxed{7}"),
    (r"\boxed{7} so \boxed{\frac{7", r"\boxed{7} so \boxed{\frac{7}{1}}"),
    (r"\boxed{8} \boxed{\left\{7", r"\boxed{8} and f is \{ open, so \boxed{7}"),
    (r"<answer>\boxed{7}", r"<answer>\boxed{7}</answer>"),
    ("<answer>7</answer> <answer>", "<answer>8</answer> <answer>7</answer>"),
    ("<SOLUTION>7<SOLUTION>", "<SOLUTION>7</SOLUTION>"),
    ("<start_working_out>3+4=7<end_working_out><SOLUTION>7</SOLUTIO", TAGGED),
    ("<start_working_out>3+4=7<end_working_out><SOLUTION>7</SOLUTION\n", TAGGED),
    ("<answer>7</answer", "<answer>7</answer>\n"),
    (r"\boxed{7}</", r"\boxed{7} < / >"),
    (r"So \(\boxed{7}", r"It cost $5, so \boxed{7}"),
    (r"\begin{align} x &= \boxed{7}", r"\begin{align} x &= \boxed{7} \end{align}"),
    (r"\boxed{7} \(x = 7", r"\boxed{7} \(x = 7\)"),
    (r"$\boxed{7}$ for \(x = 7", r"$\boxed{7}$. I hope that \$ x \frac is correct."),
    # Money is no formula.
    (r"$3 + $4 = $7, so \boxed{7", r"$3 + $4 = $7, so \boxed{7}"),
]


@pytest.mark.parametrize(("text", "whole"), OPEN)
def test_an_open_box_tag_or_formula_earns_nothing(text, whole):
    assert accuracy([text, whole], gold=["7", "7"]) == [0.0, 1.0]
    for bonus in (tags_format, tags_count, boxed_format, length_bonus, one_language):
        assert bonus([text])[0] <= 0.0
    assert one_language([whole]) == [1.0]


MESSAGES = [
    ([{"role": "assistant", "content": r"\boxed{7}"}], 1.0),
    ([{"content": r"\boxed{7}"}], 1.0),
    ({"role": "assistant", "content": r"\boxed{7}"}, 1.0),
    ([{"role": "assistant", "content": [{"type": "image"}, {"type": "text", "text": r"\boxed{7}"}]}], 1.0),
    ([{"role": "assistant", "content": [r"\boxed{7}"]}], 1.0),
    ([{"role": "tool", "content": "7"}, {"role": "assistant", "content": r"\boxed{7}"}], 1.0),
    # What a tool, a user or the thinking says is no answer of the model.
    ([{"role": "assistant", "content": "I ask"}, {"role": "tool", "content": r"\boxed{7}"}], 0.0),
    ([{"role": "user", "content": r"\boxed{7}"}], 0.0),
    ([{"role": "assistant", "content": "", "reasoning_content": r"\boxed{7}"}], 0.0),
    ([{"role": "assistant", "content": None}], 0.0),
    ([{"role": "assistant"}], 0.0),
    ([{"role": "assistant", "content": 7}], 0.0),
    ([None], 0.0),
    ([], 0.0),
    (None, 0.0),
]


@pytest.mark.parametrize(("completion", "value"), MESSAGES)
def test_the_model_has_the_last_word(completion, value):
    assert accuracy([completion], gold=["7"]) == [value]
    assert boxed_format([completion]) == [value]
    assert one_language([completion]) == [value]


@pytest.mark.parametrize("completion", [7, b"\\boxed{7}", ["\\boxed{7}"], [7]])
def test_what_is_no_completion_is_said(completion):
    with pytest.raises(DataError, match="completions as texts, or as lists of messages"):
        accuracy([completion], gold=["7"])


LOOP = "the number of apples is seven and " * 20


def test_length_and_repetition():
    text = " ".join(f"word{'a' * (i % 97)}{'b' * (i % 89)}" for i in range(399)) + " end"
    assert length_bonus([text], words=400) == [1.0]
    assert length_bonus([text], words=800, most=10.0) == [5.0]
    assert length_bonus([LOOP, ""]) == [0.0, 0.0]
    assert no_repetition([text, "", "a b"]) == [0.0, 0.0, 0.0]
    assert no_repetition([LOOP])[0] < -0.9
    # Saying one thing twice is no loop.
    assert -0.1 < no_repetition([text + " ".join(text.split()[:30])])[0] < 0


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("We add 3 and 4.", 1.0),
        ("We add 3 and 4, 所以答案是 7.", 0.0),
        ("Wir addieren α und β zu $x_1$.", 1.0),
        ("Also ist x ∈ ℝ, 𝑥 = 7 und π > 3.", 1.0),
        ("我们把三和四相加，得到七，所以 $x = 7$，点 A 在圆上。", 1.0),
        ("我们把 three and four 相加得到 seven which is the answer", 0.0),
        ("ひらがなとカタカナと漢字は一つの言語です", 1.0),
        ("Складываем 3 и 4.", 1.0),
        ("Складываем three and four вместе.", 0.0),
        (r"\text{所} \alpha We add.", 0.0),
        ("3 + 4 = 7", 1.0),
        ("", 0.0),
    ],
)
def test_one_language(text, value):
    assert one_language([text]) == [value]


def sample_of_labelled():
    """(response, gold, label or None) of the real outputs, one in twenty, and the answer pairs, boxed."""
    responses = [row for name in ("abel_gsm8k", "gpt3_gsm8k", "rho_gsm8k", "rho_math500")
                 for row in shared_rows(f"labelled/responses_{name}.jsonl")]  # fmt: skip
    pairs = [row for name in ("real_math_half", "unequal_math500_half", "lighteval", "nemo", "skythought")
             for row in shared_rows(f"labelled/pairs_{name}.jsonl")]  # fmt: skip
    boxed = [(rf"So \boxed{{{row['pred']}}}.", row["gold"], None) for row in pairs]
    return [(row["response"], row["gold"], row["label"]) for row in responses][::20] + boxed[::20]


def test_every_face_says_the_same_on_real_outputs():
    rows = sample_of_labelled()
    texts, golds = [row[0] for row in rows], [row[1] for row in rows]
    values = accuracy(texts, gold=golds)
    assert sum(value == 1.0 for value in values) > 100
    assert accuracy([[{"role": "assistant", "content": text}] for text in texts], answer=golds) == values
    assert asyncio.run(accuracy_async(texts, gold=golds)) == values
    assert asyncio.run(staged_async(texts, gold=golds)) == staged(texts, gold=golds)
    plain = [0.0 if value is None else value for value in values]
    assert [
        compute_score("gsm8k", text, gold, None)["score"] for text, gold in zip(texts, golds, strict=True)
    ] == plain
    asked = ["What? "] * len(texts)
    pytest.importorskip("torch")
    theirs = reward_func([a + t for a, t in zip(asked, texts, strict=True)], asked, golds)
    assert theirs["rewards"].tolist() == theirs["scores"].tolist() == plain
    with ThreadPoolExecutor(4) as threads:
        again = list(threads.map(lambda row: accuracy([row[0]], gold=[row[1]])[0], rows))
    assert again == values
    # None of these is right by its label and yet wrong: unmarked answers earn nothing, right or not.
    assert not [row for row, value in zip(rows, values, strict=True) if row[2] is False and value == 1.0]


def test_the_face_for_verl():
    assert compute_score(
        data_source="gsm8k",
        solution_str=r"\boxed{1{,}000}",
        ground_truth="x\n#### 1000",
        extra_info={"split": "train"},
    ) == {"score": 1.0, "acc": 1.0, "verdict": "right", "reason": "the same number", "pred": "1{,}000"}
    cut = compute_score("math", r"\boxed{7}", "7", {"finish_reason": "length"}, unreadable=-1.0)
    assert (cut["score"], cut["verdict"]) == (-1.0, "unreadable")
    none = compute_score("math", "nothing", "", wrong=-0.5, unreadable=-1.0)
    assert (none["score"], none["verdict"], none["pred"]) == (0.0, "no gold", "")


@pytest.mark.parametrize("name", ["verl", "openrlhf"])
def test_a_face_loads_as_a_file(name):
    """As verl and OpenRLHF load a reward: a file, under a name of their own."""
    path = ROOT / f"lm_eval_mathtasks/rewards/{name}.py"
    code = (
        "import importlib.util, sys\n"
        f"spec = importlib.util.spec_from_file_location('custom_module', {str(path)!r})\n"
        "module = importlib.util.module_from_spec(spec)\nsys.modules['custom_module'] = module\n"
        "spec.loader.exec_module(module)\n"
        "heavy = {'torch', 'lm_eval', 'datasets', 'transformers', 'sympy'} & set(sys.modules)\n"
        "print(sorted(heavy), [n for n in dir(module) if n in ('compute_score', 'reward_func')])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert run.stdout.strip() == f"[] ['{'compute_score' if name == 'verl' else 'reward_func'}']"


PUBLIC = [name for name in rewards.__all__ if name not in ("Ruling", "ruling")]


@pytest.mark.parametrize("name", PUBLIC)
def test_every_reward_can_be_named_and_pickled(name):
    reward = getattr(rewards, name)
    assert pickle.loads(pickle.dumps(reward)) is reward
    assert reward.__name__ == name
    value = reward([r"\boxed{7}"], gold=["7"], prompts=["a"], trainer_state=None, anything=[1])
    assert len(asyncio.run(value) if asyncio.iscoroutine(value) else value) == 1


HOSTILE_BATCH = [rf"So \boxed{{{text}}}" for text in HOSTILE] + HOSTILE + [r"So \boxed{\frac{2}{6}}"]
HOSTILE_GOLD = [r"\frac{1}{3}"] * len(HOSTILE_BATCH)


@pytest.fixture(scope="module")
def hostile_values():
    """The values of the main thread; the right answer is the last one."""
    values = accuracy(HOSTILE_BATCH, gold=HOSTILE_GOLD)
    assert values[-1] == 1.0
    assert set(values[:-1]) == {0.0}
    return values


def test_hostile_text_in_a_thread(hostile_values):
    found = []
    thread = threading.Thread(
        target=lambda: found.append(accuracy(HOSTILE_BATCH, gold=HOSTILE_GOLD)), daemon=True
    )
    thread.start()
    thread.join()
    assert found == [hostile_values]


def test_hostile_text_under_asyncio(hostile_values):
    async def both():
        given = {"gold": HOSTILE_GOLD}
        return await asyncio.gather(*(accuracy_async(HOSTILE_BATCH, **given) for _ in range(3)))

    assert asyncio.run(both()) == [hostile_values] * 3


def test_hostile_text_in_a_spawned_process(hostile_values):
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        assert pool.submit(accuracy, HOSTILE_BATCH, gold=HOSTILE_GOLD).result() == hostile_values


@pytest.mark.xdist_group("ray")
@pytest.mark.slow
def test_hostile_text_in_a_ray_worker(hostile_values):
    ray = pytest.importorskip("ray", reason="needs the extra [scale]")
    with cluster(ray, 1):
        worker = ray.remote(lambda texts, golds: accuracy(texts, gold=golds))
        assert ray.get(worker.remote(HOSTILE_BATCH, HOSTILE_GOLD)) == hostile_values


@pytest.mark.parametrize(("gold", "workers"), [("7", 0), ("1,000", 0), ("7 frac{", 0), (r"\frac{1}{3}", 1)])
def test_a_worker_starts_with_the_first_reference_that_is_a_formula(gold, workers):
    """Not in the middle of a batch, and not where all references are numbers."""
    code = (
        "from lm_eval_mathtasks.grading import deadline\nfrom lm_eval_mathtasks.rewards import accuracy\n"
        f"accuracy(['nothing'] * 2, gold=[{gold!r}, {gold!r}])\nprint(len(deadline._pool.idle))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert run.stdout.strip() == str(workers)


def blocks(language):
    page = (ROOT / "lm_eval_mathtasks/rewards/README.md").read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL)


def test_the_snippets_of_the_readme_run(monkeypatch):
    """Each against the smallest stand-in of its trainer: the names and values it uses are ours."""
    environments = []
    stand_in = type(sys)("verifiers")
    stand_in.Rubric = lambda funcs, weights: dict(zip(weights, funcs, strict=True))
    stand_in.SingleTurnEnv = lambda **given: environments.append(given) or given
    monkeypatch.setitem(sys.modules, "verifiers", stand_in)
    fake_ray = type(sys)("ray")
    fake_ray.remote = lambda cls: cls
    monkeypatch.setitem(sys.modules, "ray", fake_ray)
    space = {}
    for block in blocks("python"):
        exec(block, space)
    worker = space["MathtasksVerifyWorker"]()
    assert worker.verify([r"\boxed{7}", "7"], ["7", "7"]) == [1.0, 0.0]
    assert worker.verify([r"\boxed{7}", ""], ["7", "7"], True) == ([1.0, 0.0], ["7", None])
    rubric = space["load_environment"](dataset=[])["rubric"]
    (reward,) = rubric.values()
    assert asyncio.run(reward([{"role": "assistant", "content": r"\boxed{7}"}], "7")) == 1.0
