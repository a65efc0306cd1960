"""The page of `mathtasks report` in a real browser: Debian's chromium, headless, with the network watched."""

import csv
import json
import os
import re
from dataclasses import replace
from pathlib import Path

import pytest

from lm_eval_mathtasks.journal.schema import Answer
from lm_eval_mathtasks.journal.store import Journal
from lm_eval_mathtasks.report import samples
from lm_eval_mathtasks.runs.reading import read_runs
from tests.report.pages import HOSTILE, write_hostile, write_page, write_runs
from tests.runs.logs_of_runs import doc, write_lm_eval

CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))
DOCS = 240
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
pytestmark = pytest.mark.xdist_group("browser")  # one browser for all of these tests


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api")
    if not CHROMIUM.exists():
        pytest.skip(f"needs a chromium at {CHROMIUM} (set CHROMIUM)")
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield started
        started.close()


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    runs = read_runs(write_runs(folder / "runs.jsonl", DOCS))
    write_page(runs, folder / "plain.html")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(samples, "PLAIN_BYTES", 0)
        write_page(runs, folder / "packed.html")
    write_page(read_runs(write_hostile(folder / "hostile.jsonl")), folder / "hostile.html")
    return folder


class Opened:
    """An open page and everything that went wrong in it."""

    def __init__(self, browser, file, address="", **options):
        self.faults, self.asked = [], []
        options = {"viewport": {"width": 1200, "height": 900}, **options}
        self.context = browser.new_context(**options)
        self.page = self.context.new_page()
        self.page.set_default_timeout(60_000)
        self.page.on(
            "console", lambda m: self.faults.append(m.text) if m.type in ("error", "warning") else None
        )
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.faults.append("a dialog"), dialog.dismiss()))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(f"file://{file}{address}")
        self.wait("performance.getEntriesByName('ready').length > 0")

    def wait(self, condition):
        """Playwright's own waiting evaluates strings inside the page, which the page's policy forbids."""
        for _ in range(6_000):
            if self.page.evaluate(condition):
                return
            self.page.wait_for_timeout(10)
        raise AssertionError(f"never came true: {condition}; the count says {self.count()!r}")

    def count(self):
        return self.page.locator("#count").inner_text()

    def shown(self):
        """The number of the first problem in the list, and how many the count says there are."""
        return self.page.locator(".line").first.inner_text(), self.count()


@pytest.fixture
def opened(browser, pages, request):
    """Open a page; at the end nothing may have been logged, and only the file itself may have been asked for."""
    all_opened = []

    def open_page(name="plain", address="", **options):
        one = Opened(browser, pages / f"{name}.html", address, **options)
        all_opened.append(one)
        return one

    yield open_page
    for one in all_opened:
        one.context.close()
        assert one.faults == []
        assert [url for url in one.asked if not url.startswith("file:")] == []
        assert len(one.asked) == 1


def test_the_page_opens_and_says_what_was_measured(opened):
    page = opened().page
    assert page.title() == "2 runs compared · mathtasks report"
    cards = page.locator(".card").all_inner_texts()
    assert len(cards) == 2
    assert "33.3" in cards[1]
    assert page.locator("#count").inner_text() == f"{DOCS} problems"
    assert page.locator("svg.chart").count() > 10
    assert page.locator(".chart.narrow[aria-label='Accuracy by subject']").count() == 1


@pytest.mark.parametrize("name", ["plain", "packed"])
def test_search_reads_every_response_whether_packed_or_not(opened, name):
    one = opened(name)
    one.page.fill("#q", "needle3 Problem")
    one.wait(f"document.getElementById('count').textContent === '34 of {DOCS} problems'")
    assert "Problem 3:" in one.page.locator(".line").first.inner_text()
    one.page.fill("#q", "no such words")
    one.page.locator("#nothing").wait_for(state="visible")
    assert one.page.locator(".line").count() == 0
    one.page.fill("#q", "")
    one.wait(f"document.getElementById('count').textContent === '{DOCS} problems'")


def test_filters_combine_and_the_address_keeps_them(opened):
    one = opened()
    one.page.locator("#statuses button", has_text="no answer").click()
    assert one.count() == f"80 of {DOCS} problems"
    one.page.select_option("#subject", "Number Theory")
    one.page.select_option("#level", "3")
    assert one.count() == f"16 of {DOCS} problems"
    address = one.page.evaluate("location.hash")
    again = opened(address=address)
    assert again.shown() == one.shown()
    assert again.page.input_value("#level") == "3"
    assert again.page.locator("#statuses [aria-pressed=true]").count() == 1
    again.page.select_option("#run", "1")
    assert again.count() == f"16 of {DOCS} problems"
    again.page.select_option("#run", "0")
    assert again.count() == f"0 of {DOCS} problems"


def test_disputed_docs_and_docs_that_differ_between_runs_are_found(opened):
    one = opened()
    one.page.check("#disputed")
    assert one.count() == f"1 of {DOCS} problems"
    assert "do not agree" in one.page.locator("#doc").inner_text()
    one.page.uncheck("#disputed")
    one.page.check("#differs")
    # The two thirds that one model misses, by the verdicts that the badges show: the mislabelled doc is one of them.
    assert one.count() == f"160 of {DOCS} problems"


def test_only_the_lines_in_sight_are_drawn_and_keys_move_through_them(opened):
    one = opened()
    assert one.page.locator(".line").count() < 40
    for key in "jjk":
        one.page.keyboard.press(key)
    assert "Problem 1" in one.page.locator("#doc h3").inner_text()
    one.page.locator("#list").focus()
    one.page.keyboard.press("End")
    one.wait(f"document.querySelector('#doc h3').textContent.startsWith('Problem {DOCS - 1}')")
    assert one.page.locator(f"#line{DOCS - 1}").get_attribute("aria-selected") == "true"
    assert one.page.locator(".line").count() < 40
    one.page.keyboard.press("/")
    assert one.page.evaluate("document.activeElement.id") == "q"


def test_formulas_are_mathematics_the_extraction_is_marked_and_money_is_not_a_formula(opened):
    page = opened(address="#browse&doc=4").page
    page.locator("#doc .response").first.wait_for()
    good, bad = page.locator("#doc .response").all()
    assert page.locator("#doc msqrt").first.text_content() == "16"
    assert good.locator(".said mfrac").count() == 1
    assert good.locator("math .hit").text_content() == "4"
    assert good.locator(".said b").text_content() == "the answer"
    assert "It costs $5 and $6." in bad.inner_text()
    assert "different" in bad.inner_text() or "incorrect" in bad.inner_text()
    page.check("#raw")
    page.locator(".said.raw").first.wait_for()
    assert page.locator("#doc mark").first.text_content() == "4"
    assert page.locator("#doc math").count() == 0
    assert r"$\boxed{4}$" in page.locator("#doc").inner_text()


def test_a_line_of_bare_mathematics_is_mathematics_and_a_sentence_is_not(opened):
    page = opened().page
    count = "text => readText(text, null, false).querySelectorAll('math').length"
    assert page.evaluate(count, "First\n\\frac{2}{4}+\\sqrt{2}=x\nthen") == 1
    assert page.evaluate(count, "use \\frac{2}{4} here, and $x$ or \\boxed{3}") == 2
    assert page.evaluate(count, "a price of $5 and $10 a day, $7/day*$2") == 0


def test_every_formula_of_this_list_is_read(opened):
    page = opened().page
    formulas = (
        r"\frac12", r"\sqrt[3]{x}^2", r"x_1'^2", r"\left(\frac{a}{b}\right]", r"\begin{pmatrix}1&2\\3&4\end{pmatrix}",
        r"\begin{cases}x&\text{if $x>0$}\\-x\end{cases}", r"\sum_{n=1}^\infty \binom nk", r"\overline{AB}\cong\angle C",
        r"\mathbb{R}\setminus\{0\}", r"1{,}234.5\%", r"a\equiv b\pmod{7}", r"{n \choose k}+{a\over b}",
        r"\operatorname{lcm}(a,b)",
        r"a &= b\\ &= c", r"\underbrace{x+y}_{2}", r"\not=", r"\big|x\big|", r"90^\circ", r"\dfrac{\pi}{2}",
    )  # fmt: skip
    trees = page.evaluate("list => list.map(tex => readMath(tex, true, null).outerHTML)", list(formulas))
    assert len(trees) == len(formulas)
    assert all(tree.startswith("<math") for tree in trees)
    assert "<mfrac><mn>1</mn><mn>2</mn></mfrac>" in trees[0]
    unread = page.evaluate(r"readText('so $\\unknowncommand{x}$ it is', null, false).innerHTML")
    assert r"$\unknowncommand{x}$</code>" in unread


def test_hostile_text_is_only_shown(opened):
    one = opened("hostile")
    page = one.page
    for number in range(len(HOSTILE)):
        page.evaluate(f"location.hash = '#browse&doc={number}'")
        one.wait(f"document.querySelector('#doc h3').textContent.startsWith('Problem {number} ')")
        page.wait_for_timeout(5)
    page.check("#raw")
    page.fill("#q", "<script>")
    one.wait("document.getElementById('count').textContent.includes(' of ')")
    page.mouse.move(600, 400)
    assert page.evaluate("window.__pwned") is None
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    inside = "#doc :is(script, img, style, svg, textarea, iframe, object, a, [href], [onerror], [onload])"
    assert page.locator(inside).count() == 0
    assert page.locator("script").count() == page.evaluate("document.scripts.length")
    assert page.evaluate("[...document.scripts].filter(s => !s.type).length") == 1
    kinds = page.evaluate("[...new Set([...document.querySelectorAll('math *')].map(e => e.localName))]")
    allowed = {
        "mrow",
        "mi",
        "mn",
        "mo",
        "mtext",
        "mspace",
        "mfrac",
        "msqrt",
        "msub",
        "msup",
        "msubsup",
        "mtable",
        "mtr",
    }
    assert set(kinds) <= allowed | {"mtd", "mover", "munder", "munderover", "mroot"}
    whole = page.evaluate("document.body.innerText")
    assert "\u202e" not in whole
    assert "⟨U+202E⟩" in whole
    assert "49" not in page.locator("h1").inner_text()


def test_dark_mode_follows_the_system_and_the_button(opened):
    page = opened(color_scheme="dark").page
    back = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(back)
    page.click("#theme")
    light = page.evaluate(back)
    assert sum(map(int, dark[4:-1].split(","))) < 120 < 600 < sum(map(int, light[4:-1].split(",")))
    page.click("#theme")
    assert page.evaluate(back) == dark


def test_a_phone_scrolls_only_downwards_and_reads_one_problem_at_a_time(opened, tmp_path):
    page = opened(viewport={"width": 360, "height": 740}, is_mobile=True, has_touch=True).page
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert page.locator(".chart.wide >> visible=true").count() == 0
    page.locator(".line").nth(1).click()
    page.locator("#back").wait_for(state="visible")
    assert not page.locator("#list").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.click("#back")
    assert page.locator("#list").is_visible()
    page.screenshot(path=tmp_path / "phone.png", full_page=True)
    assert (tmp_path / "phone.png").stat().st_size > 20_000


def test_print_shows_the_figures_without_the_controls(opened):
    page = opened(color_scheme="dark").page
    page.emulate_media(media="print")
    assert not page.locator(".controls").is_visible()
    assert not page.locator(".panes").is_visible()
    assert page.locator(".chart.wide").first.is_visible()
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "light"


def test_the_figures_are_there_without_javascript(opened, browser, pages):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"file://{pages / 'plain.html'}")
    assert page.locator("noscript").is_visible()
    assert page.locator(".card").count() == 2
    context.close()


# --- prompts, and samples to take away


@pytest.fixture(scope="module")
def asked_page(pages):
    """A run with its conversation, shots in front of every question, and the journal of the API model."""
    folder, shots = pages / "asked", "Q: How much is one and one? " * 5
    problems = [doc(i, i) for i in range(3)]
    texts = [f"=It is \\boxed{{{i}}}." for i in range(3)]
    write_lm_eval(folder, problems, texts, prompt=shots + "{question}", chat=True, task="toy")
    journal = Journal(folder / "j.sqlite")
    for i, text in enumerate(texts):
        usage = {"prompt_tokens": 70 + i, "completion_tokens": 9, "cost": 0.25}
        answer = Answer(
            f"k{i}", "http://x/v1", "toy-1", {}, "p", text, finish_reason="stop", usage=usage, latency_s=1.5
        )
        journal.put(answer)
        journal.note_docs([(f"k{i}", "toy", i, 0)])
    journal.close()
    (run,) = read_runs(folder)
    run = replace(run, provenance=replace(run.provenance, journal=str(folder / "j.sqlite")))
    write_page([run], pages / "asked.html")
    return shots


def test_the_prompt_as_sent_and_what_the_answer_took(opened, asked_page):
    page = opened("asked").page
    reading = page.locator("#doc")
    assert "70 + 9 tokens · 1.5 s · cost 0.25" in reading.inner_text()
    page.locator(".asked summary").click()
    assert "1 message" in page.locator(".asked summary").inner_text()
    assert page.locator(".asked h5").inner_text() == "user"
    assert page.locator(".asked pre").inner_text() == asked_page + "What is the answer to number 0?"
    # The shots are in the page once, not with every problem.
    assert page.content().count(asked_page) <= 2


def test_prompts_of_other_harnesses(opened, pages, tmp_path):
    """OpenCompass's turns, a text that was written as JSON, and none."""
    texts = ["It is \\boxed{0}."] * 3
    (run,) = read_runs(write_lm_eval(tmp_path, [doc(i, 0) for i in range(3)], texts, task="toy"))
    prompts = ['[{"role": "HUMAN", "prompt": "How much?"}]', '"a \\"text\\""', "null"]
    rows = tuple(replace(row, prompt=prompt) for row, prompt in zip(run.rows, prompts, strict=True))
    write_page([replace(run, rows=rows)], pages / "others.html")
    page = opened("others").page
    seen = []
    for number in range(len(prompts)):
        page.locator(".line").nth(number).click()
        page.locator("#doc h3", has_text=f"Problem {number}").wait_for()
        for part in page.locator(".asked").all():
            part.locator("summary").click()
            seen.append(part.locator("h5, pre").all_inner_texts())
    assert seen == [["HUMAN", "How much?"], ['a "text"']]


def test_a_sample_can_be_copied_and_saved(opened, asked_page):
    page = opened("asked").page
    with page.expect_download() as saved:
        page.get_by_text("Download JSON").click()
    sample = json.loads(Path(saved.value.path()).read_text(encoding="utf-8"))
    assert saved.value.suggested_filename == "toy-0.json"
    (run,) = sample["runs"]
    assert json.loads(run["prompt"])[0]["content"].startswith(asked_page)
    (response,) = run["responses"]
    assert (response["status"], response["answer"], response["took"]["seconds"]) == ("correct", "0", 1.5)
    assert (sample["task"], sample["doc_id"], sample["gold"]) == ("toy", "0", "0")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_text("Copy JSON").click()
    page.get_by_text("Done").first.wait_for()


def test_the_sheet_holds_what_the_filters_show(opened, asked_page):
    one = opened()
    one.page.locator("#statuses button", has_text="no answer").click()
    one.page.select_option("#level", "3")
    with one.page.expect_download() as saved:
        one.page.click("#sheet")
    with open(saved.value.path(), encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert one.count() == f"{len(rows)} of {DOCS} problems"
    assert {(row["run"], row["status"], row["level"]) for row in rows} == {("acme/bad", "no_answer", "3")}
    asked = opened("asked").page
    with asked.expect_download() as saved:
        asked.click("#sheet")
    with open(saved.value.path(), encoding="utf-8", newline="") as file:
        assert next(csv.DictReader(file))["response"].startswith("'=It is")


def test_problems_are_sorted_by_length_and_by_score(opened):
    one = opened()
    lengths = {True: "longest", False: "shortest"}
    seen = {}
    for most, name in lengths.items():
        one.page.select_option("#order", name)
        seen[most] = one.shown()[0]
    assert seen[True] != seen[False]
    one.page.select_option("#order", "worst")
    assert "no. 1" in one.shown()[0]
    one.page.select_option("#order", "run1")
    assert one.page.locator(".line").first.locator(".badge").nth(1).get_attribute("class") != "badge correct"
    again = opened(address=one.page.evaluate("location.hash"))
    assert again.page.input_value("#order") == "run1"


def test_chips_count_what_search_and_filters_leave(opened):
    one = opened()

    def counts():
        return [int(re.sub(r"\D", "", text)) for text in one.page.locator(".chip").all_inner_texts()]

    assert sum(counts()) == 2 * DOCS
    one.page.select_option("#level", "3")
    assert sum(counts()) == 2 * DOCS / 5
    one.page.select_option("#run", "0")
    assert sum(counts()) == DOCS / 5
    one.page.locator("#statuses button", has_text="correct").first.click()
    assert sum(counts()) == DOCS / 5
    one.page.fill("#q", "needle3")
    one.wait(f"document.getElementById('count').textContent !== '48 of {DOCS} problems'")
    assert 0 < sum(counts()) < DOCS / 5


def test_at_390_pixels_every_section_is_in_the_navigation_and_targets_are_44_pixels(opened):
    page = opened(viewport={"width": 390, "height": 800}, is_mobile=True, has_touch=True).page
    shown = [link for link in page.locator("nav a").all() if link.is_visible()]
    assert [link.inner_text() for link in shown] == ["Scores", "Gap", "Breakdown", "Samples", "Source"]
    targets = page.locator("nav a, #theme, .chip, .plain, summary, select, #q, .controls label").all()
    small = [one.inner_text() for one in targets if one.is_visible() and one.bounding_box()["height"] < 43.5]
    assert small == []
