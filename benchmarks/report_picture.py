"""The picture of a report in the README: published responses under lm-eval's own grader, and what it costs.

    python benchmarks/report_picture.py -o lm_eval_mathtasks/report/screenshot.png

Rho-Math 7B's responses to MATH-500 as their authors published them (labelled/responses_rho_math500.jsonl in the folder
that MATHTASKS_SHARED names), with the verdicts of lm-eval's minerva_math. The picture shows scores and the gap, in
light and in dark, and no text of the data set.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from lm_eval_mathtasks.grading.peers import ADAPTERS, Item
from lm_eval_mathtasks.leaderboard.claims import load_claims
from lm_eval_mathtasks.report.examine import Choice, examine
from lm_eval_mathtasks.report.page import page
from lm_eval_mathtasks.runs.reading import read_runs

SIZE = {"width": 1040, "height": 900}  # pixels of each half
COLOURS, REFINED = 256, 2  # of the palette, and how often it is improved: a quarter of the bytes
MODEL = "rho-math-7b-v0.1"
FILE = "labelled/responses_rho_math500.jsonl"
GRADER = "minerva"


def scored_by_lm_eval(responses: Path, out: Path) -> Path:
    """Write the responses of MODEL with the verdicts of GRADER; returns `out`."""
    judge = ADAPTERS[GRADER]()
    with responses.open(encoding="utf-8") as lines, out.open("w", encoding="utf-8") as file:
        for row in map(json.loads, lines):
            if row["model"] == MODEL:
                right = judge(Item(FILE, str(row["id"]), gold=row["gold"], text=row["response"]))
                kept = {name: row[name] for name in ("id", "question", "gold", "response", "model")}
                file.write(json.dumps({**kept, "dataset": "math500", "minerva_score": right}) + "\n")
    return out


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("-o", "--output", type=Path, required=True)
    args = parser.parse_args()
    shared = Path(os.environ.get("MATHTASKS_SHARED", "../shared"))
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        runs = read_runs(scored_by_lm_eval(shared / FILE, Path(folder) / "rho.jsonl"))
        file = Path(folder) / "report.html"
        file.write_text(page(examine(runs, load_claims(), Choice())), encoding="utf-8")
        chromium = os.environ.get("CHROMIUM", "/usr/bin/chromium")
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        halves = []
        for scheme, address in (("light", ""), ("dark", "#gap")):
            tab = browser.new_page(viewport=SIZE, color_scheme=scheme)
            tab.goto(f"file://{file}{address}")
            tab.wait_for_timeout(1_000)
            halves.append(Image.open(io.BytesIO(tab.screenshot())))
        browser.close()
    whole = Image.new("RGB", (2 * SIZE["width"], SIZE["height"]))
    for number, half in enumerate(halves):
        whole.paste(half, (number * SIZE["width"], 0))
    whole.quantize(COLOURS, kmeans=REFINED).save(args.output, optimize=True)
    print(f"{args.output}: {args.output.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
