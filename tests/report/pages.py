"""Runs that the tests of the report read: problems of our own, and hostile text in every place a log has text."""

from lm_eval_mathtasks.leaderboard.claims import load_claims
from lm_eval_mathtasks.report.examine import Choice, examine
from lm_eval_mathtasks.report.page import page
from tests.runs.logs_of_runs import write_json_lines

SUBJECTS = ("Algebra", "Geometry", "Number Theory")
HOSTILE = (
    "<script>window.__pwned=1</script>", "</script><script>window.__pwned=2</script>", "<!-- <script>", "]]>", "-->",
    "<img src=x onerror=window.__pwned=3>", "<svg onload=window.__pwned=4>", '"><b onmouseover=window.__pwned=5>',
    "javascript:window.__pwned=6", "[x](javascript:window.__pwned=7)", "{{ 7 * 7 }}{% raw %}",
    "<math href=javascript:8>",
    r"$\text{<img src=x onerror=window.__pwned=9>}$", r"$\href{javascript:window.__pwned=10}{click}$",
    r"\(\mathrm{<script>window.__pwned=11</script>}\)", "\u202ereversed\u202c", "nul \0 here", "lone \ud800 half",
    "line\u2028separator\u2029", "<div><table><b unclosed", "&lt;already&amp;escaped", r"\u003cscript\u003e", "$" * 40,
    "\\" * 30, "{" * 200, "$" + r"\frac{" * 400 + "$", "`${window.__pwned=12}`", "<textarea>", "<style>*{display:none}",
)  # fmt: skip


def docs(count):
    """Problems with the response of a good and of a bad model: right, wrong, cut off, without an answer."""
    for n in range(count):
        power = rf"\frac{{{n}^2}}{{{n + 1}}}"
        said = (
            rf"We get ${power}$, so **the answer** is $\boxed{{{n}}}$.",
            r"It costs $5 and $6. \boxed{-1}",
            "This is beyond what can be said in a few words. Let somebody else try.",
        )
        yield (
            {
                "id": n,
                "question": rf"Problem {n}: what is $\sqrt{{{n * n}}}$ for the needle{n % 7} of \(x_{{{n}}}\)?",
                "gold": str(n),
                "subject": SUBJECTS[n % 3],
                "level": n % 5 + 1,
            },
            said[0],
            said[n % 3],
        )


def write_runs(path, count, task="toy-math"):
    """Two models on one task, as JSON lines; the second is right on every third doc."""
    lines = []
    for doc, good, bad in docs(count):
        lines.append({**doc, "model": "acme/good", "task": task, "response": good, "label": doc["id"] != 4})
        lines.append({**doc, "model": "acme/bad", "task": task, "response": bad, "label": doc["id"] % 3 == 0})
    return write_json_lines(path, lines)


def write_hostile(path):
    """Every hostile text as question, gold, response and doc id, and some as names."""
    lines = [
        {
            "id": f"{n} {text}", "question": text, "prompt": text, "gold": text,
            "response": f"{text} so \\boxed{{{text}}}",
            "subject": text, "level": text, "model": "".join(HOSTILE[:9]), "task": "".join(HOSTILE[:9]),
            "finish_reason": text, "label": n % 2 == 0,
        }
        for n, text in enumerate(HOSTILE)
    ]  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    import json

    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="ascii")
    return path


def examined(runs, *, regrade=False, **claims):
    return examine(runs, load_claims(), Choice(claims, regrade))


def write_page(runs, path):
    path.write_text(page(examined(runs)), encoding="utf-8")
    return path
