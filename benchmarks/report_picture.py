"""The picture of a report in the README: a published model, a score that others published of it, and the gap.

    python benchmarks/report_picture.py -o lm_eval_mathtasks/report/screenshot.png

`mathtasks report` of the pack of SmolLM2-135M-Instruct on gsm8k-cot-zeroshot, beside the score of no shots that was
published. The reference answers are data/gsm8k_test.jsonl in the folder that MATHTASKS_SHARED names. The picture shows
scores and the gap, in light and in dark, and no text of the data set.
"""

from __future__ import annotations

import argparse
import io
import os
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from lm_eval_mathtasks.cli import main as mathtasks

SIZE = {"width": 1040, "height": 900}  # pixels of each half
COLOURS, REFINED = 256, 2  # of the palette, and how often it is improved: a quarter of the bytes
PACK = "logs/SmolLM2-135M-Instruct-Q4_1-dequantised/gsm8k-cot-zeroshot/2026-11-29T05-59-22"
CLAIM = "mobilellm-r1/GSM8K/SmolLM2-135M-Instruct"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("-o", "--output", type=Path, required=True)
    args = parser.parse_args()
    pack = Path(__file__).resolve().parents[1] / PACK
    gold = Path(os.environ.get("MATHTASKS_SHARED", "../shared")) / "data" / "gsm8k_test.jsonl"
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        page = Path(folder) / "report.html"
        words = [str(pack), "--gold", str(gold), "--claim", CLAIM, "-o", str(page)]
        if mathtasks(["report", *words]):
            raise SystemExit(1)
        chromium = os.environ.get("CHROMIUM", "/usr/bin/chromium")
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        halves = []
        for scheme, address in (("light", ""), ("dark", "#gap")):
            tab = browser.new_page(viewport=SIZE, color_scheme=scheme)
            tab.goto(f"file://{page}{address}")
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
