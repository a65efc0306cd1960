"""Other projects' graders behind one interface, so that one log can be judged by each of them.

`ADAPTERS[name]()` builds a grader: a function of one `Item` that says whether it takes the response for correct. The
graders of other projects are called as their projects call them; nothing of them is copied. Build one only in a
process of its own (`serve` in a `Children`): they install signal handlers, hang, and take long to import.
"""

import logging
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from lm_eval_mathtasks.grading import children
from lm_eval_mathtasks.grading.deadline import warm_up
from lm_eval_mathtasks.grading.extract import STATED, extract_answer
from lm_eval_mathtasks.grading.fields import mp_field
from lm_eval_mathtasks.grading.grade import grade
from lm_eval_mathtasks.grading.verdict import Verdict


class Item(NamedTuple):
    """One judgement: is `text` a correct answer where `gold` is the reference?

    file, id, label, gsm8k: whence it is, for those who print them; no grader looks at them.
    bare: `text` is an answer already extracted, not a response; gold_text: `gold` is a text that holds the answer.
    """

    file: str
    id: str
    gold: str
    text: str
    label: bool = False
    bare: bool = False
    gold_text: bool = False
    gsm8k: bool = False


Grader = Callable[[Item], bool]


def serve_peers() -> None:
    """In a child of `Children`, set up with a grader's name: judge (gold, response) pairs."""
    children.serve(_handler)


def _handler(name: str) -> children.Handler:
    # Graders report their timeouts by logging, at every call.
    logging.disable(logging.CRITICAL)
    grader = ADAPTERS[name]()
    return lambda pair, _tick: grader(Item("", "", gold=pair[0], text=pair[1]))


def our_verdict(item: Item) -> tuple[str, Verdict]:
    """Return the rule that found the answer ("given" for an item that is one), and this package's verdict."""
    gold = item.gold
    # a text is read as a response where it marks or states its answer
    if item.gold_text:
        found = extract_answer(gold)
        gold = found.answer or gold if found.rule in STATED else gold
    rule, answer = ("given", item.text) if item.bare else extract_answer(item.text)[1::-1]
    return rule, grade(gold=gold, pred=answer)


def ours() -> Grader:
    """This package's grader, as the others are called: with sympy and what it is built on imported, as they import them
    when they start."""
    mp_field(100)
    warm_up()
    return lambda item: our_verdict(item)[1].correct


def math_verify() -> Grader:
    """Math-Verify, as its own instructions use it."""
    from math_verify import parse, verify

    def judge(item: Item) -> bool:
        # Its own advice: LaTeX must stand in a LaTeX environment; a box is the one it trusts most.
        gold = parse(item.gold if item.gold_text else f"\\boxed{{{item.gold}}}")
        return bool(verify(gold, parse(f"\\boxed{{{item.text}}}" if item.bare else item.text)))

    return judge


def _minerva(*, boxed: bool) -> Grader:
    """lm-eval's minerva_math `exact_match`; boxed: on the last box, as its MATH-500 variants for chat models do."""
    _allow_any_antlr()
    from lm_eval.tasks.minerva_math import utils

    def found(text: str) -> str:
        box = utils.last_boxed_only_string(text) if boxed else None
        return str(utils.remove_boxed(box) if box else utils.get_unnormalized_answer(text))

    def judge(item: Item) -> bool:
        gold = utils.normalize_final_answer(_boxed_gold(utils, item))
        answer = item.text if item.bare else found(item.text)
        return bool(utils.is_equiv(utils.normalize_final_answer(answer), gold))

    return judge


def hendrycks() -> Grader:
    """lm-eval's hendrycks_math `exact_match`: what stands between the first and the last dollar sign."""
    from lm_eval.tasks.hendrycks_math import utils

    def judge(item: Item) -> bool:
        dollars = [place for place, character in enumerate(item.text) if character == "$"]
        whole = item.bare or len(dollars) <= 1
        answer = item.text if whole else item.text[dollars[0] + 1 : dollars[-1]]
        return bool(utils.is_equiv(answer, _boxed_gold(utils, item)))

    return judge


def _gsm8k_filter(name: str) -> Callable[[], Grader]:
    def build() -> Grader:
        import lm_eval.tasks
        import yaml
        from lm_eval.api.metrics import exact_match_hf_evaluate
        from lm_eval.filters.extraction import RegexFilter

        path = f"{lm_eval.tasks.__path__[0]}/gsm8k/gsm8k.yaml"
        with open(path, encoding="utf-8") as file:
            task = yaml.safe_load(file)
        filters = {entry["name"]: entry["filter"][0] for entry in task["filter_list"]}
        options = {key: value for key, value in filters[name].items() if key != "function"}
        metric = {key: task["metric_list"][0][key] for key in ("regexes_to_ignore", "ignore_case")}
        find = RegexFilter(**options)

        def judge(item: Item) -> bool:
            answer = next(iter(find.apply([[item.text]], [{}])))[0]
            return bool(
                exact_match_hf_evaluate(predictions=[answer], references=[item.gold], **metric)["exact_match"]
            )

        return judge

    return build


ADAPTERS: dict[str, Callable[[], Grader]] = {
    "ours": ours,
    "math-verify": math_verify,
    "minerva": partial(_minerva, boxed=False),
    "minerva-boxed": partial(_minerva, boxed=True),
    "hendrycks": hendrycks,
    "gsm8k-strict": _gsm8k_filter("strict-match"),
    "gsm8k-flexible": _gsm8k_filter("flexible-extract"),
}
# Each of these knows the output format of one family of tasks only.
GSM8K_ONLY = frozenset({"gsm8k-strict", "gsm8k-flexible"})
MATH_ONLY = frozenset({"minerva", "minerva-boxed", "hendrycks"})


def _boxed_gold(utils: Any, item: Item) -> str:
    box = utils.last_boxed_only_string(item.gold) if item.gold_text else None
    return str(utils.remove_boxed(box)) if box else item.gold


def _allow_any_antlr() -> None:
    """Let lm-eval's minerva utilities and sympy's reader run on the antlr that math-verify installed."""
    import importlib.metadata

    real = importlib.metadata.version

    def version(distribution_name: str) -> str:
        return "4.11.0" if distribution_name.startswith("antlr4") else real(distribution_name)

    importlib.metadata.version = version
