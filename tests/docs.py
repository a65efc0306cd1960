"""The generated parts of README and CONTRIBUTING: `python -m tests.docs --write` puts them in, test_docs compares."""

import ast
import gzip
import io
import json
import os
import re
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

from lm_eval_mathtasks.commands.tasks import claims_in_words
from lm_eval_mathtasks.leaderboard.claims import load_claims
from lm_eval_mathtasks.problems.catalogue import our_tasks

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
TASKS = ROOT / "tasks" / "README.md"
LOGS = ROOT / "logs" / "README.md"
CONTRIBUTING = ROOT / "CONTRIBUTING.md"
LEADERBOARDS = ROOT / "leaderboards" / "README.md"

# Captions of what has no docstring of its own; everything at the top level must be here.
CAPTIONS = {
    "pyproject.toml": "dependencies, extras, entry points, ruff, mypy, pytest",
    "Makefile": "`make demo`, `make test`, and what they are made of",
    "constraints.txt": "the versions that `make` installs, renewed by `make constraints`",
    "constraints-vllm.txt": "the same for vLLM's environment",
    "constraints-servers.txt": "the same for the environment of other servers",
    "README.md": "promise, tasks, commands, and where to read on",
    "CHANGELOG.md": "what changed, by version",
    "CONTRIBUTING.md": "this page",
    "lm_eval_mathtasks": "the package",
    "tasks": "what is asked: YAML and README, a folder a family",
    "leaderboards": "what others claim: published scores, each with its source",
    "logs": "what was measured: evidence",
    "tests": "one file a module; `cases/` holds the graded examples, each with its source",
    "benchmarks": "measured, not timed in tests: `make bench-graders` and its kin, `make fuzz`",
    ".ci": "what a change must pass",
    "embedded": "the tiny model, a folder per training stage, and the bundled sample problems",
}


def tasks_table() -> str:
    """A Markdown row per task, from its YAML, with the claims that it can be compared with."""
    rows = [
        "| task | data | docs | shots | prompt | tokens | version | claims |",
        "|---|---|---|---|---|---|---|---|",
    ]
    claims = load_claims()
    for task in our_tasks():
        cells = [f"[`{task.name}`]({task.family}/README.md)", _data_of(task), str(task.data.docs)]
        cells += [str(task.shots), task.about, str(task.tokens), task.version, claims_in_words(task, claims)]
        rows.append("| " + " | ".join(cells) + " |")
    return "\n".join(rows)


def _data_of(task) -> str:
    return "bundled" if task.data.bundled else task.data.hub or task.data.github


def tree() -> str:
    """What lies at the top of the repository, each line with a caption."""
    there = [(ROOT / name, caption) for name, caption in CAPTIONS.items()]
    lines = [(path.name + "/" * path.is_dir(), caption) for path, caption in there if path.exists()]
    width = max(len(name) for name, _ in lines)
    return "```text\n" + "\n".join(f"{name:{width}}  {caption}" for name, caption in lines) + "\n```"


def _first_line(file: Path) -> str:
    """The first sentence of a module's docstring."""
    text = " ".join((ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or "").split())
    return re.split(r"(?<=[.?!])\s", text)[0].rstrip(".")


def rooms() -> str:
    """The floors of tests/test_layers.py, the top one first, with what each room is and may import from outside."""
    from tests.test_layers import FLOORS, PACKAGES

    package = ROOT / "lm_eval_mathtasks"
    lines = ["| floor | room | what | packages |", "|---|---|---|---|"]
    for number, names in reversed(list(enumerate(FLOORS))):
        for name in names:
            folder, module = package / name / "__init__.py", package / f"{name}.py"
            file = folder if folder.exists() else module
            if file.exists() and not name.startswith("__"):
                what = CAPTIONS.get(name, _first_line(file))
                lines.append(f"| {number} | `{name}` | {what} | {', '.join(sorted(PACKAGES[name])) or '-'} |")
    return "\n".join(lines)


def model_arguments() -> str:
    """A Markdown row per argument of the API model, from its settings."""
    from dataclasses import MISSING, fields

    from lm_eval_mathtasks.models.settings import Settings

    rows = ["| argument | default | what |", "|---|---|---|"]
    for one in fields(Settings):
        default = (
            "required" if one.default is MISSING else "none" if one.default is None else f"`{one.default}`"
        )
        rows.append(f"| `{one.name}` | {default} | {one.metadata['about']} |")
    return "\n".join(rows)


FIVE_SHOTS = Path("logs/SmolLM2-135M-Instruct-Q4_1-dequantised/gsm8k/2026-11-29T06-16-35")
MODELS = ROOT / "lm_eval_mathtasks" / "models" / "README.md"


def _printed(*words: str | Path) -> str:
    """What a command prints on a terminal of 80 columns, with the command above it."""
    from lm_eval_mathtasks.cli import main

    out = io.StringIO()
    with patch.dict(os.environ, {"COLUMNS": "80"}), redirect_stdout(out), redirect_stderr(io.StringIO()):
        main([str(word) for word in words])
    return out.getvalue().rstrip()


def compared() -> str:
    """A published model's run under the protocol of its publisher's score, without further claims and the notes."""
    said = _printed("compare", ROOT / FIVE_SHOTS)
    shown, rest = (said.split("\n\noutcome")[n] for n in (1, -1))
    shown = f"{said.partition(chr(10) * 2)[0]}\n\noutcome{shown}"
    return f"```text\n{shown}\n\n[...]\n\n{rest.rpartition(chr(10) * 2)[2]}\n```"


def rescored() -> str:
    """The demo's responses as a log of Inspect, whose match(numeric=True) finds none of them right."""
    (samples,) = next((ROOT / "logs/embedded__grpo/sample-gsm8k").iterdir()).glob("samples_*")
    with gzip.open(samples, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    kept = [
        {"id": row["doc_id"], "epoch": 1, "input": row["doc"]["question"], "target": row["target"],
         "output": {"choices": [{"message": {"role": "assistant", "content": row["resps"][0][0]}}]},
         "scores": {"match": {"value": "I"}}}
        for row in rows
    ]  # fmt: skip
    log = {"status": "success", "eval": {"task": "sample-gsm8k", "model": "embedded-grpo"}, "samples": kept}
    with TemporaryDirectory() as folder:
        path = Path(folder) / "inspect.json"
        path.write_text(json.dumps(log), encoding="utf-8")
        said = _printed("rescore", path, "-o", Path(folder) / "out", "--workers", "1", "--show", "1")
    shown = said[: said.index("written:")].rstrip()
    return f"```text\n{shown}\n```"


WHY = """\
- **Grading.** Of {items} labelled answers ours gets {ours} wrong, {labels} of them by wrong labels; math-verify {peer}.
  The strict pattern of lm-eval's `gsm8k` misreads {strict:,} of {published:,} published responses to GSM8K
  ([the table](lm_eval_mathtasks/grading/README.md)).
- **Speed.** {times} times as many answers a second as math-verify, each with a deadline, none ever evaluated as code.
- **API.** 500 prompts at a limit of 250 requests a minute: {refused} refused requests, in {least} times the least
  possible time; lm-eval, tuned, {theirs_refused} in {theirs} times. What is answered is never paid for twice
  ([the table](benchmarks/README.md)).
- **Truth.** No answer, cut off, unreadable and failed are counted apart. An API error is not a wrong answer.
- **Comparison.** {claims:,} published scores of {sources} sources, with protocol, and whether yours reproduces one."""
_IN_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def why() -> str:
    """What is better than plain lm-eval, with the numbers that the tables of grading/ and benchmarks/ have."""
    graders = (ROOT / "lm_eval_mathtasks/grading/README.md").read_text(encoding="utf-8")
    api = (ROOT / "benchmarks/README.md").read_text(encoding="utf-8")
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in graders.splitlines()
        if line[:1] == "|"
    ]
    # Rows of the table of errors that say how lm-eval's strict pattern did.
    strict = [(_number(row[1]), _number(row[5])) for row in rows if len(row) == 7 and row[5][:1].isdecimal()]
    whole = next(row for row in rows if row[0] == "all")
    labels = re.search(r"(\w+) of our \w+ are labels that are wrong", graders)
    times = re.search(r"graded (\d+) times as many items", graders)
    limited = re.search(r"^\| `b` [^|]*\| ([\d.]+) \(([\d,]+)\) \| ([\d.]+) \(([\d,]+)\) \|", api, re.M)
    claims = load_claims().rows
    return WHY.format(
        items=whole[1],
        ours=whole[2],
        peer=whole[3],
        labels=_IN_WORDS.index(labels[1].lower()),
        strict=sum(errors for _, errors in strict),
        published=sum(items for items, _ in strict),
        times=times[1],
        least=limited[1],
        refused=limited[2],
        theirs=limited[3],
        theirs_refused=limited[4],
        claims=len(claims),
        sources=len({claim.file for claim in claims}),
    )


def _number(text: str) -> int:
    return int(text.replace(",", ""))


def published() -> str:
    """Published responses that were graded again, as tests/hooks/test_published.py holds them."""
    from tests.hooks.test_published import SETS

    lines = [
        "| model | task | docs | published | ours | differs from the label |",
        "|---|---|---|---|---|---|",
    ]
    for _, model, _, task, docs, theirs, ours, differ in SETS:
        reasons = [
            f"{sum(why == one for why in differ.values())}: {one}" for one in dict.fromkeys(differ.values())
        ]
        cells = (model, f"`{task}`", f"{docs:,}", f"{theirs}", f"{ours:.2f}", "; ".join(reasons) or "0")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def situations() -> str:
    """What `compare` says of situations that were called reproduced, or nearly; each is a test."""
    from tests.leaderboard.situations import situations_table

    return situations_table()


# The generated parts of each page.
PARTS = {
    README: {"why": why, "compare": compared, "rescore": rescored},
    TASKS: {"tasks": tasks_table},
    LOGS: {"published": published},
    CONTRIBUTING: {"rooms": rooms, "tree": tree},
    LEADERBOARDS: {"situations": situations},
    MODELS: {"arguments": model_arguments},
}


def filled(page: Path) -> str:
    """A page with its generated parts as they should be."""
    text = page.read_text(encoding="utf-8")
    for name, make in PARTS[page].items():
        pattern = re.compile(rf"(<!-- {name}: generated, see tests/docs.py -->\n).*?<!-- /{name} -->", re.S)
        if not pattern.search(text):
            raise SystemExit(f"{page.name} has no place for the part {name!r}")
        part = make()
        text = pattern.sub(lambda match, part=part, name=name: f"{match[1]}{part}\n<!-- /{name} -->", text)
    return text


if __name__ == "__main__":
    stale = [page for page in PARTS if page.read_text(encoding="utf-8") != filled(page)]
    for page in stale if "--write" in sys.argv else ():
        page.write_text(filled(page), encoding="utf-8")
    sys.exit(int(bool(stale) and "--write" not in sys.argv))
