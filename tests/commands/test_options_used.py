"""No option is ignored in silence: it changes what a command prints, or is refused.

Every option of the commands that read runs stands in a table; one that is added must be added here, with what shows it.
"""

import re
from functools import cache

import pytest

from lm_eval_mathtasks import cli
from lm_eval_mathtasks.commands import compare, explain, report
from lm_eval_mathtasks.embedded import path
from lm_eval_mathtasks.leaderboard.claims import load_claims
from lm_eval_mathtasks.problems import fingerprints
from tests.runs.logs_of_runs import doc, write_json_lines, write_lm_eval

N = 30
CUT = "Two of them go, which leaves 0"
# What every command has, and options that only name where to write or how.
OUTPUT = {"--help", "--format", "--out", "--output"}
# option: what to give it, besides which the command line is the same.
OF_RUNS = {
    "--task": ["math500"],
    "--run-model": ["other"],
    "--metric": ["exact_match,strict"],
    "--gold": ["gold.jsonl"],
    "--columns": ["response=text"],
    "--journal": ["ends.jsonl"],
}
OF_CLAIMS = {
    "--claim": ["qwen3/AIME24/Qwen3-8B (non-thinking)"],
    "--model": ["Qwen3-32B"],
    "--benchmark": ["AIME25"],
    "--mode": ["thinking"],
    "--leaderboards": ["nowhere"],
    "--margin": ["90"],
    "--flips": ["40"],
}
OF_COMPARE = {
    **OF_RUNS, **OF_CLAIMS, "--hub-results": ["nowhere"], "--regrade": [], "--all": [], "--models": ["other", "more"],
    "--baseline": ["other"], "--docs": [], "--force": [],
}  # fmt: skip
OF_CHOOSE = {
    **OF_RUNS, "--scores": ["reversed.jsonl"], "--scorer": ["orm:nowhere"], "--aggregate": ["last"],
    "--weights": ["sigmoid"], "--score-column": ["second"], "--save-scores": ["kept.jsonl"],
    "--scorer-model": ["verifier"], "--k": ["2"], "--regrade": [], "--device": ["cuda"], "--dtype": ["bfloat16"],
    "--batch-size": ["2"],
}  # fmt: skip
OF_RESCORE = {
    **OF_RUNS, "--graders": ["ours,gsm8k-strict"], "--tokenizer": [str(path("grpo"))], "--workers": ["1"],
    "--engine": ["ray"], "--fresh": [], "--strict": [], "--show": ["0"],
}  # fmt: skip
# command: its line, and its options.
COMMANDS = {
    "sampling": (
        ["sampling", "run", "--task", "aime24"],
        {**OF_RUNS, "--metrics": ["pass@k"], "--k": ["2"], "--no-answer-votes": []},
    ),
    "budgets": (
        ["budgets", "run", "--task", "aime24"],
        {**OF_RUNS, "--budgets": ["1,2"], "--tokenizer": [str(path("grpo"))]},
    ),
    "explain": (
        ["explain", "run", "--task", "aime24"],
        {**OF_RUNS, **OF_CLAIMS, "--docs": [], "--against": ["other"]},
    ),
    "report": (
        ["report", "run", "--task", "aime24", "--format", "json"],
        {**OF_RUNS, **OF_CLAIMS, "--regrade": []},
    ),
    "report csv": (
        ["report", "run", "--task", "aime24", "--format", "csv"],
        {**OF_RUNS, **OF_CLAIMS, "--regrade": []},
    ),
    "choose": (["choose", "run", "--task", "aime24", "--scores", "scores.jsonl"], OF_CHOOSE),
    "rescore": (["rescore", "run", "--task", "aime24", "--workers", "1", "-o", "scored"], OF_RESCORE),
    "compare": (["compare", "run", "--task", "aime24"], OF_COMPARE),
    "compare two": (["compare", "run", "other", "--task", "aime24"], OF_COMPARE),
    "compare three": (["compare", "run", "other", "third", "--task", "aime24"], OF_COMPARE),
}
# These runs have like docs and no claims that are wrong, and their outcome is none that a margin changes:
# test_compare.py and test_claims.py show these options.
SAME = {("compare two", "--force"), ("compare", "--all"), ("explain", "--margin"), ("report", "--margin"),
        # Our grader's verdicts are all that it counts, as its help says.
        ("choose", "--regrade"),
        # Here argparse refuses a second source of scores, and a run of two tasks needs its name.
        ("choose", "--scorer"), ("choose", "--task"),
        # How, and not what: which processes, and whether what was done is done again. test_rescore.py shows them.
        ("rescore", "--workers"), ("rescore", "--engine"), ("rescore", "--fresh"),
        # Nothing here is wrong, or disputed.
        ("rescore", "--strict"), ("rescore", "--show"),
        # No response here has as many tokens as the log allowed.
        ("rescore", "--tokenizer"),
        # An index of responses says both verdicts of each.
        ("report csv", "--regrade")}  # fmt: skip
CASES = [
    (name, option)
    for name, (_, options) in COMMANDS.items()
    for option in options
    if (name, option) not in SAME
]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Runs of two tasks with two filters, one with a line that was cut, one of no answer, and one graded wrongly."""
    place = tmp_path_factory.mktemp("runs")
    docs = [doc(i, i) for i in range(N)]
    for folder, right in (("run", 26), ("other", 3), ("third", 4)):
        for task in ("aime24", "math500"):
            texts = [
                [f"So \\boxed{{{i if i < right else -1}}}.", "I do not know.", "Nor do I."] for i in range(N)
            ]
            texts[0] = [CUT] * 3
            marks = {"strict": [i < right for i in range(N)], "lenient": [i < right + 1 for i in range(N)]}
            write_lm_eval(
                place / folder, docs, texts, scores=marks, filters=("strict", "lenient"), task=task, repeats=3,
                model="Qwen/Qwen3-8B", stamp=f"2026-01-02T03-04-0{len(task)}.0"[:27],
            )  # fmt: skip
    for name, best in (("scores", 0), ("reversed", 1)):
        rows = [
            {"doc": i, "scores": [0.9, 0.2, 0.1][:: 1 - 2 * best], "second": [0.1, 0.2, 0.3]}
            for i in range(N)
        ]
        write_json_lines(place / f"{name}.jsonl", rows)
    write_json_lines(place / "gold.jsonl", [{**one, "gold": "7"} for one in docs])
    write_json_lines(place / "ends.jsonl", [{"response": CUT, "finish_reason": "length"}])
    return place


@pytest.fixture(scope="module")
def plain():
    """What command lines without the option print, once each."""
    return {}


load_once = cache(load_claims)


def said(line, capsys):
    status = cli.main(line)
    shown = capsys.readouterr()
    return status, shown.out, shown.err


@pytest.mark.parametrize(("name", "option"), CASES)
def test_an_option_shows_or_is_refused(name, option, place, plain, monkeypatch, capsys):
    monkeypatch.chdir(place)
    for module in (compare, explain, report):
        monkeypatch.setattr(module, "load_claims", load_once)
    line, options = COMMANDS[name]
    if option == "--task":
        line = line[: line.index("--task")] + line[line.index("--task") + 2 :]
    without = plain.get(tuple(line)) or plain.setdefault(tuple(line), said(line, capsys))
    assert without[0] == 0
    found = said([*line, option, *options[option]], capsys)
    assert found != without


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_stands_in_the_table(name):
    line, options = COMMANDS[name]
    declared = {
        option
        for action in cli.parser_of(line[0])._actions
        for option in action.option_strings[:1] + action.option_strings[1:2]
        if option.startswith("--") and option != "--model-name"
    }
    assert declared - OUTPUT == set(options)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (["choose", "run", "--task", "aime24", "--scorer", "orm:http://x", "--device", "cuda"], "a scorer on"),
        (["choose", "run", "--task", "aime24", "--scorer", "orm:nowhere", "--scorer-model", "x"], "a scorer in a"),
        (["choose", "run", "--task", "aime24", "--scorer", "orm:nowhere", "--score-column", "x"], "a scorer uses"),
        (["leaderboard", "show", "GSM8K", "--plot", "--limit", "3"], "--plot, which draws"),
        (["rescore", "run", "--task", "gsm8k", "-o", "scored"], "a run of any model on gsm8k"),
        (["rescore", "run", "--run-model", "other", "-o", "scored"], "a run of other, got only others"),
    ],
)  # fmt: skip
def test_options_of_another_mode_are_refused(line, words, place, monkeypatch, capsys):
    monkeypatch.chdir(place)
    assert cli.main(line) == 2
    assert words in " ".join(capsys.readouterr().err.split())


def test_a_margin_decides_in_every_command_that_takes_one(tmp_path, monkeypatch, capsys):
    """Ten points below the claim, which differs, and is equivalent within 20."""
    monkeypatch.setattr(fingerprints, "_known", dict)
    docs = [doc(i, i) for i in range(1319)]
    texts = [f"So \\boxed{{{i if i < 1000 else -1}}}." for i in range(1319)]
    log = write_lm_eval(tmp_path, docs, texts, scores=[i < 1000 for i in range(1319)], task="gsm8k-cot", shots=4,
                        model="Qwen/Qwen2.5-7B")  # fmt: skip
    claim = ["--claim", "qwen2.5/GSM8K/Qwen2.5-7B"]
    for line in (["compare"], ["explain"], ["report", "--format", "json"]):
        outcomes = []
        for margin in ([], ["--margin", "20"]):
            assert cli.main([line[0], str(log), *line[1:], *claim, *margin]) == 0
            shown = capsys.readouterr().out
            outcomes.append(bool(re.search(r'(?m)(: |"|^)differs\b', shown)))
        assert outcomes == [True, False], line
