"""The page: figures, tables and samples put into one file that asks nothing of a network."""

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timezone
from importlib.resources import files
from typing import Any, Literal, NamedTuple

from lm_eval_mathtasks import __version__
from lm_eval_mathtasks.leaderboard.compare import Comparison
from lm_eval_mathtasks.leaderboard.result_tables import comparison_tables, explanation_tables
from lm_eval_mathtasks.leaderboard.run_tables import paired_tables
from lm_eval_mathtasks.leaderboard.said import breaking
from lm_eval_mathtasks.numbers.estimators import powers_of_two
from lm_eval_mathtasks.report import charts
from lm_eval_mathtasks.report.caveats import caveats
from lm_eval_mathtasks.report.examine import Bin, Examined, Group, graded_by_us, lengths, names_of, pairs
from lm_eval_mathtasks.report.overview import MANY, colours, overview, pairs_table, runs_table, tint_of
from lm_eval_mathtasks.report.provenance import sources
from lm_eval_mathtasks.report.samples import as_script, samples
from lm_eval_mathtasks.report.status_words import STATUS_WORDS, STATUSES
from lm_eval_mathtasks.runs.training_curves import Curve as Course
from lm_eval_mathtasks.sampling.curves import curves, votes
from lm_eval_mathtasks.tables import Share, Table, for_people, percent, with_interval
from lm_eval_mathtasks.text import visible

SCRIPTS = ("math.js", "text.js", "browser.js")
DRAWN = "Formulas are drawn for reading; the grader read the text, which `raw text` shows."
OUR_EARLIER = "our grader when it ran"
NOTHING_LOST = "No response was lost to a cut, an empty text or a missing answer. "
RIGHT_WRONG = (("correct", "correct"), ("anything else", "incorrect"))
CLAIMS_DRAWN = 10  # the rest is in the table: more dots than this say less


class Figure(NamedTuple):
    """A drawing with the table behind it. keys: what its colours mean, as (word, colour)."""

    title: str
    svg: str
    table: Table
    about: str = ""
    keys: tuple[tuple[str, str], ...] = ()


def page(examined: Sequence[Examined], trained: Mapping[str, Sequence[Course]] | None = None) -> str:
    """Return the whole page for these runs as HTML. trained: curves of training runs, by the names of their folders."""
    script = "\n".join(map(asset, SCRIPTS))
    names, browser = names_of(examined), samples(examined)
    return filled(
        "page.html.j2",
        title=names[0] if len(names) == 1 else f"{len(examined)} runs compared",
        made=datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        style=asset("page.css") + colours(1 + max(one.number for one in examined)),
        overview=overview(examined),
        count=len(examined),
        script=script,
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        words=as_script(STATUS_WORDS),
        browser=browser,
        tasks=[_task(task, examined) for task in dict.fromkeys(one.run.task for one in examined)],
        training=[_course(name, one) for name, own in (trained or {}).items() for one in own],
        provenance=sources(examined),
        limits=caveats(examined, (*browser.notes, DRAWN)),
    )


def asset(name: str) -> str:
    """Return the text of a file beside this module."""
    return files("lm_eval_mathtasks.report").joinpath(name).read_text(encoding="utf-8")


def filled(template: str, **values: object) -> str:
    """Return a template filled: everything is escaped, and cells of tables are written as people read them."""
    import jinja2

    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, finalize=_shown
    )  # fmt: skip
    return environment.from_string(asset(template)).render(version=__version__, **values)


def _shown(value: Any) -> Any:
    if type(value) is str:
        return visible(value)
    return for_people(value) if value is None or isinstance(value, Share | float) else value


def _task(task: str, examined: Sequence[Examined]) -> dict[str, object]:
    group = [one for one in examined if one.run.task == task]
    paired = list(pairs(group))
    return {
        "name": task,
        "many": len(group) > MANY,
        "cards": [_card(one) for one in group],
        "scores": _scores(task, group),
        "unclaimed": next((one.unclaimed for one in group if one.unclaimed), ""),
        "gaps": [_gap(one) for one in group],
        "parts": list(_parts(group)),
        "curves": [figure for one in group for figure in _curves(one, len(group) > 1)],
        "statuses": _statuses(task, group),
        "lengths": [_lengths(one, len(group) > 1) for one in group],
        "against": pairs_table(paired),
        "pairs": [
            {"name": f"{pair.second.model} against {pair.first.model}", "tables": paired_tables(pair)[:2]}
            for pair in paired
        ],
    }


def _card(one: Examined) -> dict[str, object]:
    score, best = one.headline, one.best
    ours = graded_by_us(one.run)
    now = "our grader as it is now" if ours else "our grader"
    return {
        "name": one.name,
        "colour": tint_of(one),
        "score": percent(score.value, 1),
        "interval": f"{percent(score.interval.low, 1)} to {percent(score.interval.high, 1)}",
        "docs": score.docs,
        "k": score.k,
        "by": "our grader" if one.headline is one.ours else OUR_EARLIER if ours else "the run's own grader",
        "again": f"{percent(one.ours.value, 1)} by {now}"
        if one.graded_again and one.headline is one.own
        else "",
        "disputed": one.disputed,
        "cut": sum(one.explanation.cut_off.values()),
        "responses": sum(one.explanation.statuses.values()),
        "outcome": best.verdict if best else "",
        "breaking": breaking(best) if best else "",
        "claim": f"{percent(best.theirs.value, 1)} published by {best.claim.source.title}" if best else "",
    }


def _scores(task: str, group: Sequence[Examined]) -> Figure:
    rows, drawn = [], set()
    claims = {c.claim.id for one in group for c in one.compared}
    for one in group:
        rows.append(charts.Dot(one.name, one.headline.value, one.headline.interval, tint_of(one)))
        # A score that two runs are set beside is one dot.
        listed = one.compared[: max(2, CLAIMS_DRAWN // len(group))]
        rows += [_claim(compared) for compared in listed if compared.claim.id not in drawn]
        drawn |= {compared.claim.id for compared in listed}
    title = f"Scores on {task}" + (" beside published ones" if claims else "")
    count = f"{len(drawn)} of {len(claims)} claims drawn."
    about = f"Filled: measured. Hollow: published, grey where not comparable. {count}"
    return Figure(title, charts.dots_chart(title, rows), runs_table(group), about if claims else "")


def _claim(compared: Comparison) -> charts.Dot:
    tint = "soft" if compared.outcome == "not comparable" else "ink"
    label = f"{compared.claim.model}, {compared.claim.source.title}"
    return charts.Dot(label, compared.theirs.value, compared.theirs.interval, tint, hollow=True)


def _gap(one: Examined) -> dict[str, object]:
    explained, best = one.explanation, one.best
    told = best is not None or any(cause.fair for cause in explained.causes)
    title = one.name
    if told:
        title = f"From the published score to {one.name}" if best else f"What fixing {one.name} could give"
    return {
        "name": one.name,
        "title": title,
        "svg": charts.waterfall_chart(title, explained) if told else "",
        "words": ("" if told or explained.causes else NOTHING_LOST)
        + f"{explained.wrong:,} responses are plainly wrong answers.",
        "tables": explanation_tables(explained, best, ()),
        "claims": comparison_tables(one.run, one.compared)[0] if one.compared else None,
    }


def _parts(group: Sequence[Examined]) -> Iterator[Figure]:
    names = tuple(one.name for one in group)
    what: Literal["subject", "level"]
    for what in ("subject", "level"):
        found = [one.groups(what) for one in group]
        labels = sorted({part.label for parts in found for part in parts})
        if len(labels) > 1:
            title = f"Accuracy by {what}"
            svg = charts.groups_chart(title, found, labels, [tint_of(one) for one in group])
            keys = tuple((one.name, tint_of(one)) for one in group) if len(group) > 1 else ()
            yield Figure(title, svg, _parts_table(what, labels, found, names), "", keys)


def _parts_table(
    what: str, labels: Sequence[str], found: Sequence[Sequence[Group]], names: Sequence[str]
) -> Table:
    cells = [{part.label: part for part in parts} for parts in found]
    rows = tuple(
        (label, str(max(c[label].docs for c in cells if label in c)),
         *(with_interval(c[label].value, c[label].interval) if label in c else "" for c in cells))
        for label in labels
    )  # fmt: skip
    return Table("", (what, "docs", *names), rows)


def _statuses(task: str, group: Sequence[Examined]) -> Figure:
    seen = [status for status in STATUSES if any(one.statuses[status] for one in group)]
    rows = tuple((STATUS_WORDS[s], *(str(one.statuses[s]) for one in group)) for s in seen)
    title = f"What became of the responses to {task}"
    svg = charts.statuses_chart(title, [(one.name, one.statuses) for one in group])
    table = Table("", ("verdict", *(one.name for one in group)), rows)
    return Figure(title, svg, table, keys=tuple((STATUS_WORDS[status], status) for status in seen))


def _curves(one: Examined, several: bool) -> Iterator[Figure]:
    """avg@k, pass@k and maj@k up to the fewest responses that any doc has, where that is more than one."""
    found = votes(one.run, one.judgements)
    ks = powers_of_two(min(v.n for v in found)) if found else []
    if len(ks) < 2:
        return
    drawn = curves(found, ("pass", "maj", "avg"), ks)
    title = "More responses to each problem" + (f": {one.name}" if several else "")
    rows = tuple((str(k), *(with_interval(c.at(k).value, c.at(k).interval) for c in drawn)) for k in ks)
    table = Table("", ("k", *(c.label for c in drawn)), rows)
    yield Figure(title, charts.curves_chart(title, drawn), table)


def _course(name: str, course: Course) -> Figure:
    rows = tuple((str(step), f"{value:.4g}") for step, value in zip(course.steps, course.values, strict=True))
    title = f"Training {name}: {course.label}"
    return Figure(title, charts.course_chart(title, course), Table("", ("step", course.label), rows))


def _lengths(one: Examined, several: bool) -> Figure:
    bins = lengths(one)
    title = "Length and correctness" + (f": {one.name}" if several else "")
    rows = tuple((_span(b), str(b.right + b.wrong), _share(b)) for b in bins)
    table = Table("", ("characters", "responses", "correct"), rows)
    return Figure(title, charts.lengths_chart(title, bins), table, keys=RIGHT_WRONG)


def _span(one: Bin) -> str:
    return f"{one.low:,} or more" if one.high is None else f"{one.low:,} to {one.high - 1:,}"


def _share(one: Bin) -> str:
    count = one.right + one.wrong
    return f"{percent(one.right / count, 0)} %" if count else ""
