"""Every option of every command is shown to change something, is refused, or is named here with the test that shows it.

`test_options_used.py` tries those of the commands that read runs; this file holds the others, and that none is missing.
"""

import argparse
import json
import shutil
from pathlib import Path

import pytest

from lm_eval_mathtasks import cli, embedded
from lm_eval_mathtasks.journal.schema import Answer
from lm_eval_mathtasks.journal.store import Journal
from lm_eval_mathtasks.leaderboard.claims import load_claims
from lm_eval_mathtasks.problems import sources
from tests.commands.test_options_used import COMMANDS as READ_RUNS
from tests.commands.test_options_used import OUTPUT
from tests.runs.logs_of_runs import doc, write_json_lines, write_lm_eval

ROOT = Path(__file__).parents[2]
PACK = next((ROOT / "logs" / "abel-7b").rglob("manifest.json")).parent
# command: its line, and for each option what to give it, besides which the line is the same.
SHOWN = {
    "tasks": (["tasks", "gsm8k"], {"--for": ["base"], "--tag": ["mathtasks-core"], "--format": ["csv"]}),
    "check": (["check"], {"--include_path": ["more"], "--need-data": [], "--metadata": ['{"data_dir": "nowhere"}']}),
    "leaderboard show": (
        ["leaderboard", "show", "GSM8K"],
        {"--model": ["Qwen2.5-7B"], "--family": ["qwen"], "--min-size": ["50"], "--max-size": ["3"], "--k": ["8"],
         "--shots": ["4"], "--kind": ["base"], "--metric": ["maj@k"], "--tools": ["python"],
         "--reported-by": ["vendor"],
         "--plot": [], "--long": [], "--cot": [], "--no-cot": [], "--all": [], "--limit": ["3"], "--format": ["csv"],
         "--leaderboards": ["nowhere"]},
    ),
    "leaderboard show as csv": (["leaderboard", "show", "GSM8K", "--format", "csv"], {"--long": [], "--plot": []}),
    "leaderboard show as a plot": (["leaderboard", "show", "GSM8K", "--plot"], {"--long": [], "--limit": ["1"]}),
    "leaderboard search": (
        ["leaderboard", "search", "qwen"], {"--limit": ["3"], "--format": ["csv"], "--leaderboards": ["nowhere"]},
    ),
    "leaderboard validate": (["leaderboard", "validate"], {"--leaderboards": ["nowhere"]}),
    "leaderboard measured": (
        ["leaderboard", "measured", "--leaderboards", "board", "--logs", "run"],
        {"--logs": ["nowhere"], "--check": [], "--leaderboards": ["nowhere"]},
    ),
    "journal show": (
        ["journal", "show", "j.sqlite"],
        {"--task": ["t"], "--model": ["other"], "--key": ["k1"], "--limit": ["1"], "--out": ["x"], "--journal": ["y"]},
    ),
    "journal export": (
        ["journal", "export", "j.sqlite"],
        {"--task": ["t"], "--model": ["other"], "--key": ["k1"], "--limit": ["1"], "--out": ["x"]},
    ),
    "journal stats": (
        ["journal", "stats", "j.sqlite"],
        {"--task": ["t"], "--model": ["other"], "--key": ["k1"], "--limit": ["1"], "--out": ["x"]},
    ),
    "journal salvage": (
        ["journal", "salvage", "j.sqlite", "--out", "saved.sqlite"],
        {"--task": ["t"], "--model": ["other"], "--key": ["k1"], "--limit": ["1"], "--out": ["other.sqlite"]},
    ),
    "explain-answer": (
        ["explain-answer", "--gold", "7", "--response", "It is 7"],
        {"--gold": ["8"], "--response": ["It is 8"], "--finish-reason": ["length"]},
    ),
    "evidence pack": (
        ["evidence", "pack", "sound", "--out", "logs"],
        {"--out": ["other"], "--text": ["none"], "--command": ["mine"], "--weights": ["nowhere"],
         "--journal": ["nowhere"], "--max-mb": ["0.0001"], "--allow": ["e-mail"], "--dry-run": []},
    ),
    "evidence verify": (["evidence", "verify", str(PACK)], {"--data": ["nowhere"], "--measured": ["nowhere"]}),
    "view": (
        ["view", "run", "-o", "page"], {"--out": ["other"], "--leaderboards": ["nowhere"], "--regrade": []},
    ),
    "train data": (
        ["train", "data", "--source", "problems.jsonl", "--format", "tags", "--dev", "2", "--out", "data", "--against",
         "amc23"],
        {"--source": ["nowhere"], "--format": ["boxed"], "--count": ["3"], "--dev": ["1"], "--out": ["other"],
         "--seed": ["7"], "--prompt": ["text"], "--against": ["aime24"], "--allow": ["amc23"]},
    ),
    "train data with a test question": (
        ["train", "data", "--source", "problems.jsonl", "--format", "tags", "--dev", "2", "--out", "data", "--against",
         "aime24"],
        {"--allow": ["aime24"], "--decontaminate": []},
    ),
    "shepherd": (
        ["shepherd", "--samples", "nowhere", "--out", "steps.jsonl", "--model", str(embedded.path("grpo"))],
        {"--samples": ["run"], "--out": ["run"], "--base-url": ["x"],
         "--model-name": ["x"], "--device": ["cuda:7"], "--temperature": ["0"]},
    ),
    "shepherd on a server": (
        ["shepherd", "--samples", "nowhere", "--out", "steps.jsonl", "--base-url", "http://localhost:9"],
        {"--device": ["cpu"], "--dtype": ["bfloat16"], "--model": ["x"]},
    ),
}  # fmt: skip
# Lines that end with an error without the option as well, so that only the message tells.
FAILS = {"shepherd", "shepherd on a server", "train data with a test question"}
# The test that shows an option whose effect takes a model, a server or a training.
ELSEWHERE = {
    ("shepherd", "--rollouts"): "tests/training/test_shepherd.py",
    ("shepherd", "--responses"): "tests/training/test_shepherd.py",
    ("shepherd", "--max-tokens"): "tests/training/test_shepherd.py",
    ("shepherd", "--seed"): "tests/training/test_shepherd.py",
    **{(f"train {stage}", option): "tests/training/test_running.py"
       for stage in ("sft", "grpo", "orm", "prm") for option in ("--resume", "--preflight")},
    ("batch collect", "--journal"): "tests/models/test_api_cli.py",
    ("evidence pack", "--redact"): "tests/evidence/test_evidence.py",
    ("leaderboard add", "--yes"): "tests/leaderboard/test_claims.py",
}  # fmt: skip
# How, and not what: steps at once.
HOW = {("shepherd", "--batch-size")}
# lm-eval's own parser reads all but ours, and passes them on; ours are shown where they are named.
OF_RUN = {
    "--preset": "tests/presets/test_presets.py",
    "--dry-run": "tests/models/test_api_cli.py",
    "--report": "tests/host/test_answer.py",
    "--table": "tests/host/test_answer.py",
    "--graders": "tests/host/test_graders.py",
    "--repeats": "tests/chain/rooms.py",
    "--resume": "tests/host/test_run_killed.py",
}
CASES = [(name, option) for name, (_, options) in SHOWN.items() for option in options]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A run that our grader and the log's own judge differently, a journal, a pack, a board and problems."""
    place = tmp_path_factory.mktemp("place")
    docs = [doc(i, i) for i in range(20)]
    texts = [f"So \\boxed{{{i if i < 12 else -1}}}." for i in range(20)]
    write_lm_eval(place / "run", docs, texts, scores=[i < 10 for i in range(20)], model="Qwen/Qwen2.5-7B")
    write_lm_eval(place / "sound", docs, texts, scores=[i < 12 for i in range(20)], model="Qwen/Qwen2.5-7B")
    (results,) = (place / "sound").glob("results_*.json")
    said = json.loads(results.read_text())
    said["results"]["gsm8k-cot-zeroshot"]["exact_match,none"] = 0.6
    results.write_text(json.dumps(said))
    journal = Journal(place / "j.sqlite")
    request = {"model": "m", "messages": [{"role": "user", "content": "?"}]}
    answers = [
        Answer(f"k{i}", "http://h/v1", "m", request, f"p{i}", "5", usage={"prompt_tokens": 3})
        for i in range(3)
    ]
    for future in [journal.put(one) for one in answers]:
        future.result(20)
    journal.close()
    questions = [
        f"A box holds {i} apples and {i + 1} pears; how many pieces of fruit are in it?" for i in range(30)
    ]
    rows = [
        {"question": q, "answer": f"{i} + {i + 1} = {2 * i + 1}\n#### {2 * i + 1}"}
        for i, q in enumerate(questions)
    ]
    write_json_lines(place / "problems.jsonl", rows)
    aime = [{"question": q, "answer": "1", "solution": "1"} for q in ("What else?", questions[3])]
    write_json_lines(place / "sets" / "aime24.jsonl", aime)
    write_json_lines(place / "sets" / "amc23.jsonl", [{"question": "What else?", "answer": "1"}])
    (place / "more").mkdir()
    (place / "more" / "broken.yaml").write_text("task: [")
    shutil.copytree(load_claims().folder, place / "board")
    return place


@pytest.fixture(scope="module")
def plain():
    """What command lines without the option come to, once each."""
    return {}


def outcome(line, capsys):
    """What a command prints, and the files it leaves, by name and content."""
    before = {path: path.stat().st_mtime_ns for path in Path().rglob("*") if path.is_file()}
    try:
        status = cli.main(line)
    except SystemExit as error:
        status = error.code
    shown = capsys.readouterr()
    left = {
        str(path): path.read_bytes() for path in Path().rglob("*") if path.is_file() and path not in before
    }
    for path in left:
        Path(path).unlink()
    for folder in sorted((path for path in Path().rglob("*") if path.is_dir()), reverse=True):
        if not any(folder.iterdir()):
            folder.rmdir()
    for path in before:
        assert path.exists(), f"{path} is gone"
    return status, shown.out, shown.err, left


@pytest.mark.parametrize(("name", "option"), CASES)
def test_an_option_shows_or_is_refused(name, option, place, plain, monkeypatch, capsys):
    monkeypatch.chdir(place)
    monkeypatch.setenv(sources.DATA_DIR_VARIABLE, str(place / "sets"))
    monkeypatch.setenv(sources.CHECKSUM_VARIABLE, "warn")
    line, options = SHOWN[name]
    without = plain.get(name) or plain.setdefault(name, outcome(line, capsys))
    assert (without[0] == 0) == (name not in FAILS), without[2]
    assert outcome([*line, option, *options[option]], capsys) != without


def parsers(name, parser):
    """A command's parser and those of its actions, by what is typed."""
    actions = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not actions:
        yield name, parser
    for action in actions:
        for word, below in action.choices.items():
            yield from parsers(f"{name} {word}", below)


def options_of(parser):
    return {
        option
        for action in parser._actions
        for option in action.option_strings
        if option.startswith("--")
        and not option.startswith("--no-")
        and option not in {"--help", "--model-name"}
    } - OUTPUT


def test_no_option_is_left_out():
    shown = {
        (" ".join(name.split()[: len(line)]), option)
        for name, (line, given) in SHOWN.items()
        for option in given
    }
    for name, option in [*shown]:
        shown |= {(part, option) for part in (name.split()[0], " ".join(name.split()[:2]))}
    named = {*shown, *ELSEWHERE, *HOW}
    left = []
    for command in cli.COMMANDS:
        if command in cli.LM_EVAL_FLAGS or command in READ_RUNS:
            continue
        for name, parser in parsers(command, cli.parser_of(command)):
            fields = name == "leaderboard add"
            left += [(name, one) for one in options_of(parser) if (name, one) not in named and not fields]
    assert not left


def test_the_tests_that_show_the_others_name_them():
    for (name, option), file in [
        *ELSEWHERE.items(),
        *((("run", option), file) for option, file in OF_RUN.items()),
    ]:
        text = (ROOT / file).read_text()
        assert option in text or option.strip("-").replace("-", "_") in text, (name, option)
