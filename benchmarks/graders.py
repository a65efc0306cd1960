"""Compare our grader with others on real, labelled model outputs: `python benchmarks/graders.py`.

Every grader judges the same items, each in a process of its own that is killed when it hangs. An item without a
verdict (hung, died, raised) counts as "not correct", as it would in an evaluation. Times are those of the judgement
alone, measured inside the worker, on one core: extraction and comparison of one item after the other.

The data lie outside the repository (`MATHTASKS_SHARED`, else `../shared`): `labelled/pairs_*.jsonl` and
`labelled/responses_*.jsonl` carry labels; on `data/` every reference solution must be graded correct.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.supervisor import Outcome, Supervised  # noqa: E402
from lm_eval_mathtasks.grading import Status  # noqa: E402  (needs the repository on the path)
from lm_eval_mathtasks.grading.peers import ADAPTERS, GSM8K_ONLY, MATH_ONLY, Item, our_verdict  # noqa: E402

SHARED = Path(os.environ.get("MATHTASKS_SHARED", ROOT.parent / "shared"))
SAMPLE_SEED = 20240229
COLUMNS = "file grader items accuracy % false- false+ hung raised pairs/s median_ms p99_ms".replace(
    " %", "_%"
).split()


DECIDER_COLUMNS = ["part", "name", "items", "correct", "incorrect", "neither", "wrong"]


class Judged(NamedTuple):
    """Outcomes of one grader on the items of one file."""

    file: str
    grader: str
    items: list[Item]
    outcomes: list[Outcome]

    def wrong(self) -> list[tuple[Item, Outcome]]:
        """Items judged against their label."""
        return [(i, o) for i, o in zip(self.items, self.outcomes, strict=True) if bool(o.verdict) != i.label]

    def row(self) -> list[str]:
        """The table's row, one text per column."""
        wrong = self.wrong()
        times = sorted(outcome.seconds for outcome in self.outcomes)
        missed = sum(item.label for item, _ in wrong)
        hung = sum(outcome.trouble in {"hung", "died"} for outcome in self.outcomes)
        raised = sum(bool(outcome.trouble) for outcome in self.outcomes) - hung
        count = len(self.items)
        figures = [f"{100 * (1 - len(wrong) / count):.2f}", missed, len(wrong) - missed, hung, raised]
        speed = [
            f"{count / sum(times):.0f}",
            f"{1000 * statistics.median(times):.3f}",
            f"{1000 * percentile(times, 99):.2f}",
        ]
        return [self.file, self.grader, str(count), *map(str, figures), *speed]


def percentile(ordered: list[float], percent: float) -> float:
    """Return the nearest-rank percentile of sorted values."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def rows(path: Path) -> Iterator[dict]:
    with path.open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def labelled_items() -> Iterator[Item]:
    """Yield the labelled pairs and responses."""
    for path in sorted((SHARED / "labelled").glob("*.jsonl")):
        for row in rows(path):
            text = row["response"] if "response" in row else row["pred"]
            yield Item(
                file=path.stem,
                id=row["id"],
                gold=row["gold"],
                text=text,
                label=bool(row["label"]),
                bare=row.get("style") == "bare",
                gold_text=row.get("gold_style") == "text",
                gsm8k=row.get("dataset", "").startswith("gsm8k"),
            )


def reference_items() -> Iterator[Item]:
    """Yield reference solutions as responses (and answers as answers where there is no solution): all are correct."""
    for number, row in enumerate(rows(SHARED / "data" / "gsm8k_test.jsonl")):
        gold = row["answer"].rpartition("#### ")[2]
        yield Item("data gsm8k_test", str(number), gold, row["answer"], label=True, gsm8k=True)
    for row in rows(SHARED / "data" / "math500.jsonl"):
        yield Item("data math500", row["unique_id"], row["answer"], row["solution"], label=True)
    for row in rows(SHARED / "data" / "math_test.jsonl"):
        yield Item(
            "data math_test", str(row["idx"]), row["solution"], row["solution"], label=True, gold_text=True
        )
    for row in rows(SHARED / "data" / "aime24.jsonl"):
        yield Item("data aime24", str(row["id"]), str(row["answer"]), row["solution"], label=True)
    for name, column in (("amc23", "answer"), ("olympiadbench", "final_answer")):
        for row in rows(SHARED / "data" / f"{name}.jsonl"):
            answers = row[column] if isinstance(row[column], list) else [row[column]]
            gold = ", ".join(map(str, answers))
            yield Item(f"data {name}", str(row["id"]), gold, gold, label=True, bare=True)


def sample(items: list[Item], limit: int | None) -> list[Item]:
    """Return at most `limit` items of each file, always the same ones, in the order of the files."""
    by_file: dict[str, list[Item]] = {}
    for item in items:
        by_file.setdefault(item.file, []).append(item)
    draw = random.Random(SAMPLE_SEED)  # a sample, not a secret
    return [
        i
        for group in by_file.values()
        for i in (draw.sample(group, limit) if limit and limit < len(group) else group)
    ]


def run(name: str, items: list[Item]) -> list[Judged]:
    """Judge the items with one grader; the result is grouped by file."""
    mine = [item for item in items if item.gsm8k or name not in GSM8K_ONLY]
    mine = [item for item in mine if not item.gsm8k or name not in MATH_ONLY]
    judged: dict[str, Judged] = {}
    with Supervised(name) as grader:
        if mine:
            grader.judge(mine[0])  # first use imports lazily; that is start-up, not judging
        for item, outcome in zip(mine, grader.judge_all(mine), strict=True):
            entry = judged.setdefault(item.file, Judged(item.file, name, [], []))
            entry.items.append(item)
            entry.outcomes.append(outcome)
            if len(entry.items) % 500 == 0:
                print(f"\r{name}: {item.file} {len(entry.items)}   ", end="", file=sys.stderr)
    print(f"\r{name}: {len(mine)} items judged{' ' * 40}", file=sys.stderr)
    return list(judged.values())


def merged(title: str, parts: list[Judged]) -> Judged:
    items = [item for part in parts for item in part.items]
    return Judged(title, parts[0].grader, items, [outcome for part in parts for outcome in part.outcomes])


def table(results: dict[str, list[Judged]]) -> list[list[str]]:
    """Return the rows: per file every grader, then the totals over the labelled files and the reference data."""
    files = list(dict.fromkeys(entry.file for entries in results.values() for entry in entries))
    lines = [e.row() for file in files for entries in results.values() for e in entries if e.file == file]
    for title, wanted in (("all labelled", False), ("all data", True)):
        for name, entries in results.items():
            parts = [entry for entry in entries if entry.file.startswith("data ") is wanted]
            if parts and name not in GSM8K_ONLY | MATH_ONLY:
                lines.append(merged(title, parts).row())
    return lines


def ratios(results: dict[str, list[Judged]], against: str = "math-verify") -> list[str]:
    """Compare ours with another grader on the same labelled items."""
    if not {"ours", against} <= results.keys():
        return []
    sides = [
        merged("", [e for e in results[name] if not e.file.startswith("data ")]) for name in ("ours", against)
    ]
    if not sides[0].items:
        return []
    times = [sorted(outcome.seconds for outcome in side.outcomes) for side in sides]
    errors = [len(side.wrong()) for side in sides]
    return [
        f"labelled items: {len(sides[0].items)}",
        f"errors: ours {errors[0]}, {against} {errors[1]}, ratio {errors[1] / max(1, errors[0]):.1f}",
        f"throughput: ours {sum(times[1]) / sum(times[0]):.1f} times {against}'s",
        f"p99 of ours {1000 * percentile(times[0], 99):.2f} ms, "
        f"median of {against} {1000 * statistics.median(times[1]):.2f} ms",
    ]


def deciders(items: list[Item]) -> list[list[str]]:
    """Return what each rule of extraction finds in the items and each tier decides, and how often against the label."""
    found: dict[tuple[str, str], Counter[str]] = {}
    for item in items:
        rule, verdict = our_verdict(item)
        kind = {Status.CORRECT: "correct", Status.INCORRECT: "incorrect"}.get(verdict.status, "neither")
        for part in (("rule", rule), ("tier", verdict.tier)):
            wrong = ["wrong"] if verdict.correct is not item.label else []
            found.setdefault(part, Counter()).update(["items", kind, *wrong])
    ordered = sorted(found.items(), key=lambda entry: (entry[0][0], -entry[1]["items"]))
    return [[*part, *(str(counts[column]) for column in DECIDER_COLUMNS[2:])] for part, counts in ordered]


def as_markdown(columns: list[str], lines: list[list[str]]) -> str:
    return "\n".join("| " + " | ".join(line) + " |" for line in [columns, ["---"] * len(columns), *lines])


def as_text(columns: list[str], lines: list[list[str]]) -> str:
    widths = [max(len(line[column]) for line in [columns, *lines]) for column in range(len(columns))]
    names = [not cell[:1].isdigit() for cell in lines[0]]
    out = []
    for line in [columns, *lines]:
        cells = zip(line, widths, names, strict=True)
        out.append("  ".join(cell.ljust(width) if name else cell.rjust(width) for cell, width, name in cells))
    return "\n".join(out)


def write_disagreements(path: Path, results: dict[str, list[Judged]]) -> None:
    """Write one JSON line per item and grader that disagree with the label."""
    with path.open("w", encoding="utf-8") as file:
        for entries in results.values():
            for entry in entries:
                for item, outcome in entry.wrong():
                    line = {
                        "grader": entry.grader,
                        **item._asdict(),
                        "verdict": outcome.verdict,
                        "trouble": outcome.trouble,
                    }
                    file.write(json.dumps(line, ensure_ascii=True) + "\n")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--graders", default=",".join(ADAPTERS), help="names, comma-separated: %(default)s")
    parser.add_argument("--limit", type=int, help="items per file, a fixed sample (default: all)")
    parser.add_argument("--files", default="", help="only files whose name contains this text")
    parser.add_argument("--markdown", action="store_true", help="print Markdown tables")
    parser.add_argument("--list-disagreements", type=Path, metavar="FILE", help="write them as JSON lines")
    options = parser.parse_args(arguments)
    names = options.graders.split(",")
    if unknown := set(names) - ADAPTERS.keys():
        parser.error(f"--graders wants names among {', '.join(ADAPTERS)}; got {', '.join(sorted(unknown))}")
    if not (SHARED / "labelled").is_dir():
        parser.error(
            f"needs labelled outputs in {SHARED}; set MATHTASKS_SHARED to the folder that holds labelled/ and data/"
        )
    everything = [*labelled_items(), *reference_items()]
    items = sample([item for item in everything if options.files in item.file], options.limit)
    if not items:
        parser.error(f"no file matches --files {options.files!r}")
    results = {name: run(name, items) for name in names}
    show = as_markdown if options.markdown else as_text
    print(show(COLUMNS, table(results)))
    labelled = [item for item in items if not item.file.startswith("data ")]
    if "ours" in names and labelled:
        print("\nWhat each part of our grader decides of the labelled items")
        print(show(DECIDER_COLUMNS, deciders(labelled)))
    print("\n" + "\n".join(ratios(results)))
    if options.list_disagreements:
        write_disagreements(options.list_disagreements, results)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
