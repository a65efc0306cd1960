"""Who may import whom: the floors of the house, enforced on every import statement, and no circles."""

import ast
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "lm_eval_mathtasks"
# The house from the ground up: a room imports from the floors below its own and from itself, not from beside or above.
FLOORS = (
    ("errors",),
    ("response", "text", "files", "keys", "package", "token_counts", "network", "command_line"),
    ("numbers", "journal", "presets", "smollm"),
    ("grading", "tables", "check"),
    ("problems", "models", "rewards"),
    ("runs", "embedded"),
    ("hooks", "evidence", "sampling"),
    ("host", "leaderboard", "choosing"),
    ("report", "training"),
    ("commands",),
    ("cli", "__init__"),
    ("__main__",),
)
# Rooms for which that is not enough said: a model never sees a reference answer, a reward works without lm-eval.
NEVER = {
    "models": {"grading", "problems"},
    "rewards": {"problems", "journal", "presets"},
    "grading": {"journal", "presets"},
}
# The third-party packages of each room.
PACKAGES = {
    "errors": set(),
    "response": set(),
    "text": set(),
    "files": {"pyarrow"},
    "keys": set(),
    "package": set(),
    "command_line": set(),
    "network": {"huggingface_hub"},
    "problems": {"datasets", "huggingface_hub", "yaml"},
    "numbers": {"numpy"},
    "journal": set(),
    "presets": {"yaml"},
    "smollm": {"torch", "transformers", "gguf"},
    "grading": {"sympy", "mpmath", "math_verify", "latex2sympy2_extended", "lm_eval", "yaml"},
    "tables": set(),
    "check": {"lm_eval"},
    "runs": {"pyarrow", "yaml"},
    "models": {"lm_eval", "openai", "httpx", "tenacity", "tqdm", "yaml"},
    # OpenRLHF takes tensors; only its face imports torch, when it is called.
    "rewards": {"torch"},
    "embedded": {"trl", "torch", "transformers", "tokenizers", "datasets", "peft"},
    "hooks": {"lm_eval", "yaml"},
    "evidence": {"yaml", "tqdm", "ray"},
    "sampling": set(),
    "token_counts": {"tokenizers", "transformers"},
    "host": {"lm_eval", "transformers", "huggingface_hub", "torch"},
    "leaderboard": {"yaml", "pydantic", "numpy"},
    "choosing": {"numpy", "torch", "transformers", "tenacity", "tqdm", "peft"},
    "report": {"jinja2", "yaml"},
    "training": {"trl", "torch", "transformers", "tokenizers", "datasets", "peft", "yaml", "numpy"},
    "commands": {"tqdm", "jinja2"},
    "cli": set(),
    "__init__": set(),
    "__main__": set(),
}
# Inside these rooms the heavy packages may be imported only where they are needed.
ONLY_IN = {
    "sympy": {"grading/symbolic.py", "grading/worker.py"},
    "mpmath": {"grading/fields.py"},
    "math_verify": {"grading/peers.py"},
    "lm_eval": {"grading/peers.py"},
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
    "pydantic",
    "pyarrow",
    "ray",
    "tqdm",
}
MAY_LOAD_AT_IMPORT = {
    "models/replay.py": {"lm_eval"},
    "models/chat_api.py": {"lm_eval", "openai"},
    # Its classes are pydantic models, and only reading claims imports it.
    "leaderboard/claim_files.py": {"pydantic"},
}
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
FILES = sorted(p for p in PACKAGE.rglob("*.py"))


def room_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).parts
    return parts[0].removesuffix(".py")


def import_statements(path: Path):
    """Yield (statement, lazily?) of every import statement, TYPE_CHECKING ones excepted."""
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
            yield node, lazy


def imports(path: Path):
    """Yield (top-level module, our room or None, lazily?) of every import."""
    for node, lazy in import_statements(path):
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else [node.module or ""]
        assert not (isinstance(node, ast.ImportFrom) and node.level), f"{path}: relative import; write it out"
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
def test_imports_only_from_below(path):
    room, where = room_of(path), str(path.relative_to(PACKAGE))
    assert room in FLOOR, f"{where}: a new room; give it a floor and its packages here"
    for top, our_room, lazy in imports(path):
        if our_room is not None:
            below = our_room == room or our_room.startswith("__") or FLOOR[our_room] < FLOOR[room]
            assert below, f"{where} imports {our_room}, which is not on a floor below"
            assert our_room not in NEVER.get(room, ()), f"{where} imports {our_room}: see NEVER"
        elif top not in sys.stdlib_module_names:
            assert top in PACKAGES[room], f"{where} imports {top}: not among the packages of its room"
            only = ONLY_IN.get(top, ()) if room == "grading" else ()
            assert not only or where in only, f"{where} imports {top}: only {only} may"
            assert lazy or top not in LAZY or top in MAY_LOAD_AT_IMPORT.get(where, ()), (
                f"{where} imports {top} at import time: move it into the function that needs it"
            )


def test_no_circle_between_modules():
    """Imports inside functions count: they hide a circle, and do not open it."""
    names = {module_of(path): path for path in FILES}
    needs = {name: set(modules_imported(path, names)) - {name} for name, path in names.items()}
    assert circles(needs) == []


def module_of(path: Path) -> str:
    return ".".join(("lm_eval_mathtasks", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(
        ".__init__"
    )


def modules_imported(path: Path, known):
    """Yield those of our modules that a file imports; `from package import module` is the module."""
    for node, _ in import_statements(path):
        for alias in node.names:
            whole = alias.name if isinstance(node, ast.Import) else f"{node.module}.{alias.name}"
            yield from [name for name in (whole, whole.rpartition(".")[0]) if name in known][:1]


def circles(needs: dict[str, set[str]]) -> list[list[str]]:
    """The groups of modules that import each other: a module is in one if it can be reached from itself."""
    reached = {name: set(found) for name, found in needs.items()}
    for middle in needs:
        for found in reached.values():
            if middle in found:
                found.update(reached[middle])
    return [
        sorted(m for m in found if name in reached[m]) for name, found in reached.items() if name in found
    ]


def test_circles_are_found():
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": set()}) == [["b", "c"], ["b", "c"]]


def test_the_table_can_fail(tmp_path):
    """The reader sees plain, from-, nested and package-level imports."""
    source = "import torch\nfrom lm_eval_mathtasks import hooks\ndef f():\n    import sympy.abc\n"
    (tmp_path / "x.py").write_text(source)
    assert set(imports(tmp_path / "x.py")) == {
        ("torch", None, False),
        ("lm_eval_mathtasks", "hooks", False),
        ("sympy", None, True),
    }
