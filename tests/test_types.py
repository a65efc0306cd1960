"""Dicts of anything end at the border of a module: their number may only fall."""

import re
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "lm_eval_mathtasks"
UNTYPED = re.compile(r"\bdict\[str, Any\]")
# After giving some of them a name (TypedDict, NamedTuple, dataclass), write the number that the test found here.
MOST = 96


def test_untyped_dicts_only_become_fewer():
    counts = {
        str(path.relative_to(PACKAGE)): len(UNTYPED.findall(path.read_text(encoding="utf-8")))
        for path in sorted(PACKAGE.rglob("*.py"))
    }
    found = sum(counts.values())
    worst = ", ".join(f"{name} {count}" for name, count in sorted(counts.items(), key=lambda c: -c[1])[:5])
    assert found <= MOST, (
        f"{found} times `dict[str, Any]`, {MOST} before (most in {worst}): give what crosses a module a TypedDict, a "
        "NamedTuple or a dataclass, as runs/lm_eval_schema.py does"
    )
    assert found == MOST, f"Fewer than before: write MOST = {found} into {Path(__file__).name}."
