"""How long a report of 5,000 responses takes to build and to open, and how large it is: printed, nothing is asserted.

    python benchmarks/report.py [--docs 5000] [--characters 1500] [--runs FILE]

The responses are generated: prose and formulas, one response a doc, most of them right. --runs measures real logs.
Opening is measured in chromium (CHROMIUM or /usr/bin/chromium), from the start of the navigation.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import tempfile
import time
from pathlib import Path

from lm_eval_mathtasks.leaderboard.claims import load_claims
from lm_eval_mathtasks.report.examine import Choice, examine
from lm_eval_mathtasks.report.page import page
from lm_eval_mathtasks.runs.reading import read_runs

PROSE = "thus we know from this that both sides of the equation give us a value which has to be checked again"
FRAMES = """async () => {
  const list = document.getElementById("list"), times = [];
  let last = performance.now();
  for (let i = 0; i < 120; i++) {
    list.scrollTop += 400;
    await new Promise(requestAnimationFrame);
    const now = performance.now();
    times.push(now - last);
    last = now;
  }
  return times.sort((a, b) => a - b);
}"""
SEARCH = """async text => {
  const start = performance.now(), box = document.getElementById("q"), count = document.getElementById("count");
  count.textContent = "";
  box.value = text;
  box.dispatchEvent(new Event("input"));
  do await new Promise(requestAnimationFrame); while (!/ of /.test(count.textContent));
  return performance.now() - start;
}"""


def response(rng: random.Random, answer: str, characters: int) -> str:
    parts = [rf"The number of ways is \(\binom{{{rng.randint(4, 99)}}}{{{rng.randint(1, 4)}}}\)."]
    while sum(map(len, parts)) < characters:
        a, b, c = (rng.randint(1, 999) for _ in range(3))
        prose = " ".join(rng.choices(PROSE.split(), k=rng.randint(6, 16)))
        parts.append(rf"{prose} $x_{{{a}}}^2 + \frac{{{b}}}{{{c}}} = \sqrt{{{a * b}}}$,")
        if rng.random() < 0.2:
            parts.append(rf"\[ \sum_{{k=1}}^{{{a}}} \left( k^{{2}} - {b} \right) \le {c} \cdot \pi \]")
    return "\n".join(parts) + rf" so the answer is $\boxed{{{answer}}}$."


def generated(path: Path, docs: int, characters: int) -> Path:
    rng = random.Random(0)
    subjects = ("Algebra", "Geometry", "Number Theory", "Precalculus", "Prealgebra")
    with path.open("w", encoding="utf-8") as file:
        for n in range(docs):
            gold = rng.choice(
                (f"{n}", rf"\frac{{{n + 1}}}{{{n + 2}}}", rf"{n}\sqrt{{2}}", rf"({n}, {n + 1})")
            )
            said = gold if rng.random() < 0.6 else str(rng.randint(-99, 99))
            row = {
                "id": n,
                "question": rf"Problem {n}: which value of $x$ makes $x^2 - {n} = \frac{{x}}{{{n + 1}}}$ true?",
                "gold": gold,
                "response": response(rng, said, rng.randint(characters // 3, characters * 5 // 3)),
                "subject": rng.choice(subjects),
                "level": rng.randint(1, 5),
                "model": "generated",
                "task": "generated-math",
                "label": said == gold,
            }
            file.write(json.dumps(row) + "\n")
    return path


def build(path: Path, out: Path) -> None:
    start = time.perf_counter()
    runs = read_runs(path)
    read = time.perf_counter()
    examined = examine(runs, load_claims(), Choice())
    judged = time.perf_counter()
    out.write_text(page(examined), encoding="utf-8")
    done = time.perf_counter()
    print(f"responses       {sum(len(one.judgements) for one in examined):>10,}")
    print(f"characters      {sum(len(t) for run in runs for row in run.rows for t in row.responses):>10,}")
    print(f"read            {read - start:>10.2f} s")
    print(f"judge, explain  {judged - read:>10.2f} s")
    print(f"page            {done - judged:>10.2f} s")
    print(f"build in all    {done - start:>10.2f} s")
    print(f"size            {out.stat().st_size / 1e6:>10.2f} MB")


def browse(out: Path) -> None:
    from playwright.sync_api import sync_playwright

    chromium = os.environ.get("CHROMIUM", "/usr/bin/chromium")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        ready = []
        for _ in range(3):
            tab = browser.new_page(viewport={"width": 1280, "height": 900})
            tab.goto(f"file://{out}")
            tab.wait_for_timeout(1_500)
            ready.append(tab.evaluate("performance.getEntriesByName('ready')[0].startTime"))
        times = tab.evaluate(FRAMES)
        print(
            f"first sample shown, after {min(ready):,.0f} ms (of 3: {', '.join(f'{r:,.0f}' for r in ready)})"
        )
        print(f"scrolling       {times[60]:>10.1f} ms a frame, 95th percentile {times[114]:.1f} ms")
        print(f"first search    {tab.evaluate(SEARCH, 'value 4711'):>10.0f} ms (all texts are read)")
        print(f"second search   {tab.evaluate(SEARCH, 'equation 12'):>10.0f} ms")
        browser.close()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--docs", type=int, default=5_000)
    parser.add_argument("--characters", type=int, default=1_500, help="of a response, on average")
    parser.add_argument("--runs", type=Path, help="real logs instead of generated ones")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = args.runs or generated(Path(folder) / "generated.jsonl", args.docs, args.characters)
        out = Path(folder) / "report.html"
        build(path, out)
        browse(out)


if __name__ == "__main__":
    main()
