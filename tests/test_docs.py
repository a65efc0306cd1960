"""README and CONTRIBUTING are generated or tested, never trusted."""

import gzip
import json
import logging
import re
import shlex
import shutil
import zipfile
from pathlib import Path

import pytest

from lm_eval_mathtasks import cli, embedded
from lm_eval_mathtasks.host.run import parse_run
from lm_eval_mathtasks.leaderboard.claims import load_claims
from lm_eval_mathtasks.problems import sources
from tests import docs
from tests.conftest import ROOT, read_jsonl
from tests.runs.logs_of_runs import doc, write_json_lines, write_lm_eval

READMES = sorted(
    path
    for path in ROOT.rglob("README.md")
    if not {".venv", "out", "build", "dist"} & {*path.relative_to(ROOT).parts}
)
README = (ROOT / "README.md").read_text(encoding="utf-8")
# They train, ask a model, a cluster or the user, or load what is not here; that they are commands is tested.
ELSEWHERE = (
    "run",
    "batch",
    "train",
    "shepherd",
    "check",
    "choose RUN --scorer",
    "--engine ray",
    "leaderboard add",
    "RUN --hub-results",
    "--format eval-results",
)
MOST_WORDS = 1_400  # of the first page


def commands_of(page: Path) -> list[str]:
    """The commands of a page, one of each where it names alternatives, without comments and brackets."""
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", page.read_text(encoding="utf-8"), re.S | re.M)
    lines = (
        "\n".join(block for kind, block in blocks if kind in ("", "sh", "bash", "console"))
        .replace("\\\n", " ")
        .splitlines()
    )
    found = [line.split("  #")[0].split(" # ")[0].strip() for line in lines if line.startswith("mathtasks ")]
    found = [line.replace("RUN...", "RUN OTHER_RUN").replace("'...'", "TEXT") for line in found]
    return [re.sub(r"[\[\]]|\|[\w|-]+", "", line) for line in found]


COMMANDS = sorted({command for page in READMES for command in commands_of(page)})


@pytest.mark.parametrize("page", docs.PARTS, ids=lambda page: page.name)
def test_the_generated_parts_are_current(page):
    assert docs.filled(page) == page.read_text(encoding="utf-8"), "run `make docs`"


def test_every_top_level_entry_has_a_caption():
    tracked = {p.name for p in ROOT.iterdir() if not p.name.startswith(".") or p.name == ".ci"}
    ours = {name for name in tracked if (ROOT / name).is_file() or any((ROOT / name).rglob("[!.]*.*"))}
    assert ours - {"out", "dist", "build", "uv.lock"} <= set(docs.CAPTIONS)


LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
LINKS = sorted(
    {
        (page.parent / link).resolve()
        for page in READMES
        for link in LINK.findall(page.read_text(encoding="utf-8"))
    }
)


@pytest.mark.parametrize("link", LINKS, ids=lambda link: str(link.relative_to(ROOT)))
def test_links_lead_somewhere(link):
    assert link.exists()


def test_the_tasks_to_choose_from_exist():
    table = README[README.index("## Which task?") : README.index("## Run")]
    rows = [line for line in table.splitlines() if line.startswith("| ") and "`" in line]
    named = {name.partition("@")[0] for row in rows for name in re.findall(r"`([^`]+)`", row)}
    assert len(named) > 10
    assert named <= {path.stem for path in (ROOT / "tasks").rglob("*.yaml")}


def test_what_is_said_of_the_picture_is_in_its_pack():
    picture = pytest.importorskip("benchmarks.report_picture")
    (results,) = (ROOT / picture.PACK).glob("results_*.json")
    scores = json.loads(results.read_text(encoding="utf-8"))["results"]["gsm8k-cot-zeroshot"]
    cut, claimed = scores["truncated,none"] * 1319, load_claims().by_id(picture.CLAIM).score
    said = f"{100 * scores['exact_match,none']:.2f} where others publish {claimed}, with {cut:.0f} of 1,319"
    assert said in " ".join(README.split())


def test_the_first_page_is_short():
    assert len(README.split()) <= MOST_WORDS


@pytest.mark.parametrize("target", sorted(set(re.findall(r"`make ([\w-]+)`", README))))
def test_make_targets_exist(target):
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.M)


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_parse(command):
    words = shlex.split(command)[1:]
    name = " ".join(words[:2]) if words[0] == "batch" else words[0]
    flags = words[len(name.split()) :]
    if name in cli.LM_EVAL_FLAGS:
        known = {path.stem for path in (ROOT / "tasks").rglob("*.yaml")} | {"mathtasks"}
        tasks = parse_run(flags[name == "batch write" :]).tasks
        assert {name.split("@")[0] for name in ",".join(tasks).split(",")} <= known
    else:
        cli.parser_of(name).parse_args(flags)


@pytest.fixture(scope="module")
def folder_of_examples(tmp_path_factory):
    """A folder with everything that the commands of the READMEs name."""
    folder = tmp_path_factory.mktemp("examples")
    problems = [doc(i, i) for i in range(12)]
    several = [[f"It is \\boxed{{{i + i * r % 3}}}." for r in range(4)] for i in range(12)]
    one = [texts[0] for texts in several]
    for name in ("OTHER_RUN", "RUN_A", "RUN_B", "B", "logs/toy/gsm8k-cot/2026"):
        write_lm_eval(
            folder / name, problems, one, scores=[i % 2 for i in range(12)], model="Qwen/Qwen2.5-7B"
        )
    for name in ("RUN", "mathtasks-results/Qwen__Qwen2.5-7B-Instruct"):
        write_lm_eval(folder / name, problems, several, repeats=4, model="Qwen/Qwen2.5-7B")
    write_lm_eval(folder / "out/toy", problems, one, task="gsm8k")
    write_json_lines(folder / "DIR/model.safetensors", [])
    rows = [{"id": i, "question": f"{i}?", "gold": str(i), "response": text} for i, text in enumerate(one)]
    write_json_lines(folder / "FILE", [{**row, "model": name} for name in "AB" for row in rows])
    (folder / "FILE").rename(folder / "FILE.jsonl")
    write_json_lines(folder / "docs.jsonl", [{"id": row["id"], "gold": row["gold"]} for row in rows])
    for name in ("gsm8k_test.jsonl", "math500.jsonl", "FOLDER_WITH_THE_RESPONSES_TOO/answers.jsonl"):
        write_json_lines(folder / name, rows)
    silent = [{name: row[name] for name in ("id", "question", "response")} for row in rows]
    with gzip.open(folder / "answers.jsonl.gz", "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in silent)
    inspect = {"id": "1", "epoch": 1, "input": "?", "target": "1", "scores": {"match": {"value": "I"}},
               "output": {"choices": [{"message": {"role": "assistant", "content": "\\boxed{1}"}}]}}  # fmt: skip
    with zipfile.ZipFile(folder / "inspect.eval", "w") as log:
        log.writestr(
            "header.json", json.dumps({"status": "success", "eval": {"task": "gsm8k", "model": "toy"}})
        )
        log.writestr("samples/1.json", json.dumps(inspect))
    write_json_lines(
        folder / "scores.jsonl", [{"doc_id": i, "scores": [0.1, 0.4, 0.2, 0.3]} for i in range(12)]
    )
    return folder


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_run(command, folder_of_examples, tmp_path, monkeypatch, capsys):
    words = shlex.split(command)[1:]
    if words[0] in ELSEWHERE or any(part in command for part in ELSEWHERE if " " in part):
        pytest.skip("it trains, asks a model or a cluster, or loads what is not here")
    monkeypatch.chdir(shutil.copytree(folder_of_examples, tmp_path / "here"))
    words = [word + ".jsonl" if word.split("#")[0] == "FILE" else word for word in words]
    # What `evidence verify` checks without an argument are the logs of the repository.
    words += [str(ROOT / "logs" / "embedded__grpo")] if words[:2] == ["evidence", "verify"] else []
    assert cli.main(words) == 0, capsys.readouterr().err
    assert capsys.readouterr().out or words[0] == "report"


ASKING = [line for line in commands_of(ROOT / "README.md") if line.split()[1] in ("run", "batch", "check")]


@pytest.fixture
def place_of_models(tmp_path, monkeypatch):
    """A folder with what the first page asks models for: the embedded model under the names of the page's, two problems
    of each set, responses and what OpenAI's batches gave for them."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(logging.root, "handlers", [])
    monkeypatch.setenv(sources.DATA_DIR_VARIABLE, str(tmp_path))
    monkeypatch.setenv(sources.CHECKSUM_VARIABLE, "warn")
    for name in ("Qwen/Qwen2.5-1.5B-Instruct", "Qwen/Qwen2.5-7B-Instruct"):
        Path("Qwen").mkdir(exist_ok=True)
        Path(name).symlink_to(embedded.path("grpo"))
    questions = [f"What is {n} + {n}?" for n in (1, 2)]
    write_json_lines(
        Path("gsm8k_test.jsonl"),
        [{"question": text, "answer": f"#### {2 * n}"} for n, text in enumerate(questions, 1)],
    )
    write_json_lines(
        Path("math500.jsonl"),
        [
            {"problem": text, "solution": f"\\boxed{{{2 * n}}}", "answer": str(2 * n), "subject": "Algebra",
             "level": 1, "unique_id": f"{n}"}
            for n, text in enumerate(questions, 1)
        ],
    )  # fmt: skip
    write_json_lines(
        Path("responses.jsonl"), [{"question": text, "response": "\\boxed{2}"} for text in questions]
    )


def ran(command):
    """The exit status of a command; where nothing is asked, lm-eval is left by SystemExit."""
    try:
        return cli.main(shlex.split(command)[1:])
    except SystemExit as stopped:
        return stopped.code


@pytest.mark.usefixtures("place_of_models")
@pytest.mark.parametrize("command", ASKING)
def test_commands_of_the_first_page_that_ask_a_model_run(command, capsys):
    if "batch collect" in command:
        ran(next(line for line in ASKING if "batch write" in line))
        answer = {"message": {"role": "assistant", "content": "\\boxed{2}"}, "finish_reason": "stop"}
        replies = [
            {"custom_id": row["custom_id"], "response": {"status_code": 200, "body": {"choices": [answer]}}}
            for row in read_jsonl(Path("batch.jsonl"))
        ]
        write_json_lines(Path("batch_output.jsonl"), replies)
    # transformers stands for vLLM, which has an environment and tests of its own. A longer context would take minutes.
    words = re.sub(r",max_model_len=\d+", "", command).replace(
        "pretrained=...", "pretrained=Qwen/Qwen2.5-7B-Instruct"
    )
    words = re.sub(r"--model (hf|vllm)", "--model hf --device cpu --limit 1", words)
    words = re.sub(r"(pretrained=\S+)", r"\1,max_length=256,max_batch_size=4", words)
    # Not every set is at hand: `check` says so by its status.
    assert ran(words) in (0, int(command == "mathtasks check")), capsys.readouterr().err


def test_help_names_every_command(capsys):
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    shown = capsys.readouterr().out
    assert all(f"\n  {name} " in shown for name in cli.COMMANDS)
    assert max(map(len, shown.splitlines())) <= 110


@pytest.mark.parametrize("name", sorted(set(cli.COMMANDS) - set(cli.LM_EVAL_FLAGS)))
def test_commands_have_help(name, capsys):
    with pytest.raises(SystemExit):
        cli.main([*name.split(), "--help"])
    assert f"mathtasks {name}" in capsys.readouterr().out


def test_there_are_commands_to_test():
    assert len(COMMANDS) >= 5
