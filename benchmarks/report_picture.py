"""The picture of a report in the README: one run beside another, scores in light, a sample in dark.

    python benchmarks/report_picture.py RUN... -o lm_eval_mathtasks/report/screenshot.png [--doc 14]

Give it runs of the bundled sample tasks: pictures of other datasets would publish their text.
"""

from __future__ import annotations

import argparse
import io
import os
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from lm_eval_mathtasks.leaderboard.claims import load_claims
from lm_eval_mathtasks.report.examine import Choice, examine
from lm_eval_mathtasks.report.page import page
from lm_eval_mathtasks.runs.reading import read_runs

SIZE = {"width": 1040, "height": 1000}  # pixels of each half
COLOURS = 200  # of the palette: a quarter of the bytes, and no visible difference


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", nargs="+")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--task", default="sample-math")
    parser.add_argument("--doc", type=int, default=0, help="which line of the sample browser is open")
    args = parser.parse_args()
    runs = [run for path in args.runs for run in read_runs(path, task=args.task)]
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        file = Path(folder) / "report.html"
        file.write_text(page(examine(runs, load_claims(), Choice())), encoding="utf-8")
        chromium = os.environ.get("CHROMIUM", "/usr/bin/chromium")
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        halves = []
        for scheme, address in (("light", "#parts"), ("dark", f"#browse&doc={args.doc}")):
            tab = browser.new_page(viewport=SIZE, color_scheme=scheme)
            tab.goto(f"file://{file}{address}")
            tab.wait_for_timeout(1_000)
            halves.append(Image.open(io.BytesIO(tab.screenshot())))
        browser.close()
    whole = Image.new("RGB", (2 * SIZE["width"], SIZE["height"]))
    for number, half in enumerate(halves):
        whole.paste(half, (number * SIZE["width"], 0))
    whole.quantize(COLOURS).save(args.output, optimize=True)
    print(f"{args.output}: {args.output.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
