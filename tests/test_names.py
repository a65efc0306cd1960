"""A name means one thing: no two modules of the package share a name, and no two public functions do."""

import ast
from collections import defaultdict

from tests.test_layers import FILES, PACKAGE

# A command's module has the name of the command, which may be that of the room or module it calls.
# Every command has these two, and a program its `main`.
OF_COMMANDS = {"add_arguments", "main"}
# Every reader of a harness's logs says whether a file is its own.
OF_READERS = {"source_of"}


def twice(found):
    return {name: places for name, places in found.items() if len(places) > 1}


def test_no_two_modules_share_a_name():
    found = defaultdict(list)
    for path in FILES:
        place = path.relative_to(PACKAGE)
        if place.parts[0] != "commands" and place.stem != "__main__":
            found[path.parent.name if place.stem == "__init__" else place.stem].append(str(place))
    assert not twice(found)


def test_no_two_public_functions_share_a_name():
    found = defaultdict(list)
    for path in FILES:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and not node.name.startswith("_"):
                found[node.name].append(str(path.relative_to(PACKAGE)))
    assert twice(found).keys() <= OF_COMMANDS | OF_READERS, twice(found)


def test_argparse_is_known_to_commands_only():
    """And to what reads lm-eval's own flags, and to the trainer of the embedded model, a program of its own."""
    places = [path.relative_to(PACKAGE).as_posix() for path in FILES if "import argparse" in path.read_text()]
    elsewhere = {place for place in places if not place.startswith("commands/")}
    assert elsewhere == {
        "cli.py",
        "host/run.py",
        "host/own_flags.py",
        "command_line.py",
        "embedded/recipe/__main__.py",
    }
