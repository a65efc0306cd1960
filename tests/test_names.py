"""A name means one thing: no two modules of the package share a name, and no two public functions do."""

import ast
from collections import defaultdict

from tests.test_layers import FILES, PACKAGE

# A command's module has the name of the command, which may be that of the room or module it calls.
# Every command has these two, and a program its `main`.
OF_COMMANDS = {"add_arguments", "main"}
# Known, and to be renamed where they are: a batch of judgements and one of requests; the path of an answer and that of
# a score.
MODULES_TWICE = {"batch", "explain"}
FUNCTIONS_TWICE = {
    "answer_of", "breaks_off", "compare", "equal", "fingerprint", "is_prose", "load", "normal_form", "same_equation",
    "serve",
}  # fmt: skip


def twice(found):
    return {name: places for name, places in found.items() if len(places) > 1}


def test_no_two_modules_share_a_name():
    found = defaultdict(list)
    for path in FILES:
        place = path.relative_to(PACKAGE)
        if place.parts[0] != "commands" and place.stem != "__main__":
            found[path.parent.name if place.stem == "__init__" else place.stem].append(str(place))
    assert twice(found).keys() <= MODULES_TWICE, twice(found)


def test_no_two_public_functions_share_a_name():
    found = defaultdict(list)
    for path in FILES:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and not node.name.startswith("_"):
                found[node.name].append(str(path.relative_to(PACKAGE)))
    assert twice(found).keys() <= FUNCTIONS_TWICE | OF_COMMANDS, twice(found)
