"""The generated parts of README and CONTRIBUTING: `python -m tests.docs --write` puts them in, test_docs compares."""

import ast
import re
import sys
from functools import cache
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
CONTRIBUTING = ROOT / "CONTRIBUTING.md"

# Captions of what has no docstring of its own; everything at the top level must be here.
CAPTIONS = {
    "pyproject.toml": "dependencies, extras, entry points, ruff, mypy, pytest",
    "Makefile": "`make demo`, `make test`, and what they are made of",
    "constraints.txt": "the versions that `make` installs, renewed by `make constraints`",
    "constraints-vllm.txt": "the same for vLLM's environment",
    "README.md": "this page",
    "CHANGELOG.md": "what changed, by version",
    "CONTRIBUTING.md": "rooms, laws, habits; how to test, measure and release",
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
    for path in sorted((ROOT / "tasks").rglob("[!_]*.yaml")):
        task = _yaml(path)
        data = task["dataset_path"] or "bundled"
        about = path.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ").split(". ")[0].rstrip(".")
        cells = [f"[`{path.stem}`]({path.parent.relative_to(ROOT)}/README.md)", data, str(_docs(task))]
        cells += [str(task.get("num_fewshot") or 0), about, str(task["generation_kwargs"]["max_gen_toks"])]
        cells += [
            str(task["metadata"]["version"]),
            _claims(path.stem, _docs(task), task.get("num_fewshot") or 0),
        ]
        rows.append("| " + " | ".join(cells) + " |")
    return "\n".join(rows)


def docs_of_tasks() -> dict[str, int]:
    """How many docs each task has."""
    return {path.stem: _docs(_yaml(path)) for path in sorted((ROOT / "tasks").rglob("[!_]*.yaml"))}


def tags_of_tasks() -> dict[str, list[str]]:
    """The tags of each task."""
    tags = {path.stem: _yaml(path)["tag"] for path in sorted((ROOT / "tasks").rglob("[!_]*.yaml"))}
    return {name: [tag] if isinstance(tag, str) else tag for name, tag in tags.items()}


def _claims(name: str, docs: int, shots: int) -> str:
    """The benchmark of a task in `leaderboards/`, and how many of its scores state nothing that a plain run of the
    task contradicts: another number of shots, tools, a vote, answers without reasoning (or with)."""
    claims = _all_claims()
    benchmark = claims.benchmark_of(name, docs)
    scores = [c for c in claims.rows if c.ranked and benchmark and c.benchmark == benchmark.name]
    if not scores or benchmark.docs != docs:
        return "none"
    fitting = [
        claim
        for claim in scores
        if claim.shots in (None, shots)
        and claim.tools in (None, "none")
        and claim.metric in ("pass@1", "avg@k")
        and claim.cot in (None, "direct" not in name)
    ]
    return f"{benchmark.name}: {len(fitting)} of {len(scores)}"


@cache
def _all_claims():
    from lm_eval_mathtasks.leaderboard.claims import load_claims

    return load_claims()


def _docs(task: dict) -> int:
    from lm_eval_mathtasks.problems.sets import known_sets

    return known_sets()[task["dataset_kwargs"]["set"]].docs


def _yaml(path: Path) -> dict:
    class Loader(yaml.SafeLoader):
        pass

    Loader.add_constructor("!function", lambda loader, node: loader.construct_scalar(node))
    task = yaml.load(path.read_text(encoding="utf-8"), Loader=Loader)
    base = _yaml(path.parent / task.pop("include")) if "include" in task else {}
    return {**base, **task}


def tree() -> str:
    """The file tree, two levels deep inside the package, each line with a caption."""
    lines = []
    for name, caption in CAPTIONS.items():
        path = ROOT / name
        if path.exists():
            lines.append((name + "/" * path.is_dir(), caption))
        if name == "lm_eval_mathtasks":
            lines += list(_package_lines(path))
    width = max(len(name) for name, _ in lines)
    return "```text\n" + "\n".join(f"{name:{width}}  {caption}" for name, caption in lines) + "\n```"


def _package_lines(package: Path):
    for path in sorted(package.iterdir(), key=lambda p: (p.is_file(), p.name)):
        if path.name.startswith("__") or path.suffix not in ("", ".py"):
            continue
        file = path / "__init__.py" if path.is_dir() else path
        caption = _first_line(file) if file.exists() else CAPTIONS.get(path.name, "")
        yield "  " + path.name + "/" * path.is_dir(), CAPTIONS.get(path.name, caption)


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


# The generated parts of each page.
PARTS = {README: {"tasks": tasks_table, "tree": tree}, CONTRIBUTING: {"rooms": rooms}}


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
