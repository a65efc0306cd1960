"""Who may import whom: DESIGN's table, enforced on every import statement of the package."""

import ast
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "lm_eval_mathtasks"
LEAVES = {"errors", "response"}

# room -> (our rooms it may import, third-party packages it may import)
ROOMS = {
    "errors": (set(), set()),
    "response": (set(), set()),
    "grading": ({"grading", "metrics", *LEAVES}, {"sympy", "mpmath", "math_verify", "latex2sympy2_extended"}),
    "metrics": ({"grading", *LEAVES}, set()),
    "intervals": (set(), set()),
    "catalogue": (LEAVES, set()),
    "sources": ({"catalogue", *LEAVES}, {"datasets", "huggingface_hub"}),
    "hooks": (
        {"hooks", "grading", "sampling", "metrics", "catalogue", "sources", *LEAVES},
        {"lm_eval", "yaml"},
    ),
    "choosing": (
        {"choosing", "sampling", "leaderboard", "intervals", "evidence", "grading", *LEAVES},
        {"numpy", "torch", "transformers"},
    ),
    "sampling": (
        {"sampling", "evidence", "leaderboard", "intervals", "grading", "metrics", *LEAVES},
        {"rich", "tokenizers", "transformers"},
    ),
    "models": ({"models", *LEAVES}, {"lm_eval", "openai", "httpx", "tenacity", "tqdm", "yaml"}),
    # A manifest names the dataset's revision and checksum; sources loads nothing until it is asked for docs.
    # Of sampling only what works on judged responses; sampling's readers of logs import evidence.
    "evidence": (
        {"evidence", "grading", "metrics", "intervals", "sampling", "catalogue", "sources", *LEAVES},
        {"yaml", "pyarrow", "tqdm", "ray"},
    ),
    "peers": ({"grading"}, {"lm_eval", "math_verify", "yaml"}),
    "presets": ({"presets", *LEAVES}, {"yaml"}),
    "leaderboard": (
        {"leaderboard", "evidence", "presets", "intervals", *LEAVES},
        {"yaml", "pydantic", "rich"},
    ),
    "report": (
        {"report", "leaderboard", "evidence", "intervals", "sampling", *LEAVES},
        {"jinja2", "matplotlib"},
    ),
    "training": (
        {"training", "grading", *LEAVES},
        {"trl", "torch", "transformers", "tokenizers", "datasets", "peft"},
    ),
    "check": (LEAVES, {"lm_eval"}),
    "host": ({"host", "check", "models", "presets", "sampling", *LEAVES}, {"lm_eval"}),
    "embedded": (set(), set()),
    "cli": (None, {"lm_eval", "yaml", "rich"}),
    "__main__": ({"cli"}, set()),
    "__init__": ({"grading"}, set()),
}
# Inside these rooms the heavy packages may be imported only where they are needed.
ONLY_IN = {
    "sympy": {"grading/symbolic.py", "grading/worker.py"},
    "mpmath": {"grading/fields.py"},
    "math_verify": {"grading/opinion.py", "peers.py"},
}
# Modules that load these at import time would make start-up slow for everybody.
LAZY = {
    "sympy",
    "mpmath",
    "math_verify",
    "datasets",
    "torch",
    "tokenizers",
    "transformers",
    "trl",
    "lm_eval",
    "openai",
    "jinja2",
    "matplotlib",
    "pydantic",
    "pyarrow",
    "ray",
    "rich",
    "tqdm",
}
MAY_LOAD_AT_IMPORT = {
    "models/replay.py": {"lm_eval"},
    "models/chat_api.py": {"lm_eval", "openai"},
    # Its classes are pydantic models, and only reading claims imports it.
    "leaderboard/schema.py": {"pydantic"},
}
FILES = sorted(p for p in PACKAGE.rglob("*.py"))


def room_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).parts
    return parts[0].removesuffix(".py")


def imports(path: Path):
    """Yield (top-level module, our room or None, lazily?) of every import statement, TYPE_CHECKING ones excepted."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    for node in ast.walk(tree):
        if not isinstance(node, (ast.Import, ast.ImportFrom)):
            continue
        lazy, above = False, node
        while above := parents.get(above):
            if isinstance(above, (ast.FunctionDef, ast.AsyncFunctionDef)):
                lazy = True
            if isinstance(above, ast.If) and "TYPE_CHECKING" in ast.dump(above.test):
                break
        else:
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            assert not (isinstance(node, ast.ImportFrom) and node.level), (
                f"{path}: relative import; write it out"
            )
            for name in names:
                parts = name.split(".")
                if parts[0] != "lm_eval_mathtasks":
                    yield parts[0], None, lazy
                elif len(parts) > 1:
                    yield parts[0], parts[1], lazy
                else:
                    for alias in node.names:
                        yield parts[0], alias.name, lazy


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_only_what_its_room_may(path):
    room, where = room_of(path), str(path.relative_to(PACKAGE))
    assert room in ROOMS, f"{where}: a new room; add it to DESIGN's table and to this one"
    ours, third_party = ROOMS[room]
    for top, our_room, lazy in imports(path):
        if our_room is not None:
            known = ours is None or our_room in ours or our_room.startswith("__")
            assert known, f"{where} imports {our_room}: not in DESIGN's table"
        elif top not in sys.stdlib_module_names:
            assert top in third_party, f"{where} imports {top}: not in DESIGN's table"
            assert top not in ONLY_IN or where in ONLY_IN[top], (
                f"{where} imports {top}: only {ONLY_IN[top]} may"
            )
            assert lazy or top not in LAZY or top in MAY_LOAD_AT_IMPORT.get(where, ()), (
                f"{where} imports {top} at import time: move it into the function that needs it"
            )


def test_the_table_can_fail(tmp_path):
    """The reader sees plain, from-, nested and package-level imports."""
    source = "import torch\nfrom lm_eval_mathtasks import hooks\ndef f():\n    import sympy.abc\n"
    (tmp_path / "x.py").write_text(source)
    assert set(imports(tmp_path / "x.py")) == {
        ("torch", None, False),
        ("lm_eval_mathtasks", "hooks", False),
        ("sympy", None, True),
    }
