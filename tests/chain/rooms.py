"""One check for each command: what it says of a run, against the table of what is true of each response."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest

from lm_eval_mathtasks.cli import main
from lm_eval_mathtasks.grading.verdict import STATUS_WORDS
from lm_eval_mathtasks.runs.judged import judge_run
from lm_eval_mathtasks.runs.reading import read_runs
from lm_eval_mathtasks.sampling.curves import votes
from tests.chain.models import NO_RESPONSE, Doc, Fact, Facts, write_answers
from tests.conftest import read_jsonl

MODEL = "acme/toy"
STATUS_OF = {words: str(status) for status, words in STATUS_WORDS.items()}
NO_ANSWER = ("no_answer", "unfinished")  # the statuses of a response without an answer
# Metrics of a run's log that are the share of responses with the status of the same name.
SAME_NAME = ("no_answer", "unparsable", "over_limit", "gold_unreadable")


def call(*arguments: Any, status: int = 0) -> str:
    """Run a command of ours; return what it printed."""
    out, errors = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(errors):
        ended = main([str(argument) for argument in arguments])
    assert ended == status, f"{arguments}\n{errors.getvalue()}\n{out.getvalue()[-2000:]}"
    return out.getvalue()


@dataclass(frozen=True)
class Chain:
    """One run of some tasks and what is true of it. log: the folder of its logs; out: a folder to write to."""

    k: int
    truth: Mapping[str, Facts]
    log: Path
    out: Path

    @cached_property
    def rescored(self) -> tuple[str, Path]:
        """What `mathtasks rescore` printed, and the folder of the logs that it wrote."""
        folder = self.out / "rescored"
        return call("rescore", self.log, "-o", folder, "--workers", "1", "--show", "0"), folder

    @cached_property
    def packs(self) -> Path:
        """The folder of packs that `mathtasks evidence pack` made."""
        call("evidence", "pack", self.log, "-o", self.out / "packs")
        return self.out / "packs"


def run_chain(out: Path, docs: Mapping[str, Sequence[Doc]], model: str, k: int, *more: str) -> Chain:
    """Have a model of `models.MODELS` answer the docs of some tasks, through `mathtasks run`."""
    out.mkdir()
    answers = write_answers(out / "responses.jsonl", docs, model, k)
    lost = any(
        fact == NO_RESPONSE for facts in answers.truth.values() for doc in facts.values() for fact in doc
    )
    repeats = ("--repeats", k) if k > 1 else ()
    arguments = ("--model", "replay", "--model_args", f"path={answers.path},model={MODEL}", *repeats, *more)
    call("run", *arguments, "--tasks", ",".join(docs), "--output_path", out / "logs", status=int(lost))
    return Chain(k, answers.truth, out / "logs", out)


# --- the table, as the commands count


def statuses(facts: Facts) -> Counter[str]:
    """How many responses have each status, API errors included."""
    return Counter(fact.status for doc in facts.values() for fact in doc)


def cut_off(facts: Facts) -> dict[str, int]:
    """How many responses were cut off, surely and likely."""
    found = Counter(fact.cut_off for doc in facts.values() for fact in doc)
    return {sure: found[sure] for sure in ("surely", "likely")}


def there(facts: Facts) -> dict[str, list[Fact]]:
    """The responses that are there, by doc; docs that were never answered are left out."""
    found = {doc_id: [fact for fact in doc if fact != NO_RESPONSE] for doc_id, doc in facts.items()}
    return {doc_id: doc for doc_id, doc in found.items() if doc}


def shares(facts: Facts) -> dict[str, float]:
    """The share of right responses of every doc that was answered."""
    return {doc_id: share(doc, "correct") for doc_id, doc in there(facts).items()}


def share(doc: Sequence[Fact], status: str) -> float:
    return sum(fact.status == status for fact in doc) / len(doc)


def score(facts: Facts) -> float:
    return fmean(shares(facts).values())


def lost(facts: Facts) -> int:
    return statuses(facts)[NO_RESPONSE.status]


# --- the run and its log


def check_log(chain: Chain) -> None:
    """The scores of the run: of every doc, and their means."""
    (file,) = chain.log.rglob("results_*.json")
    results = json.loads(file.read_text(encoding="utf-8"))["results"]
    for task, facts in chain.truth.items():
        (samples,) = chain.log.rglob(f"samples_{task}_*.jsonl")
        lines = {str(line["doc_id"]): line for line in read_jsonl(samples)}
        told = all_told(facts, lines)
        wanted = {doc_id: metrics_of(doc, told) for doc_id, doc in facts.items()}
        said = {
            i: {n: line[n] for n in {*wanted[i], "truncated"} if n in line["metrics"]}
            for i, line in lines.items()
        }
        assert said == approximately(wanted), task
        for name in {name for metrics in wanted.values() for name in metrics}:
            mean = fmean(metrics[name] for metrics in wanted.values() if name in metrics)
            assert results[task][f"{name},none"] == pytest.approx(mean), (task, name)


def all_told(facts: Facts, lines: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether a log says of every response that is there how it ended."""
    return all(
        reason
        for doc_id, doc in facts.items()
        for reason, fact in zip(lines[doc_id].get("finish_reasons", [[None] * len(doc)])[0], doc, strict=True)
        if fact != NO_RESPONSE
    )


def metrics_of(doc: Sequence[Fact], told: bool) -> dict[str, float]:
    """The metrics of a doc in the log, as far as statuses and cuts make them. `truncated` is the metric of cuts; it is
    there if it is told of every response of the task how it ended."""
    answered = [fact for fact in doc if fact != NO_RESPONSE]
    found = {"api_error": 1 - len(answered) / len(doc)}
    if answered:
        found["exact_match"] = share(answered, "correct")
        found["extracted"] = 1 - sum(share(answered, status) for status in NO_ANSWER)
        found |= (
            {"truncated": sum(fact.cut_off is not None for fact in answered) / len(answered)} if told else {}
        )
        found |= {name: share(answered, name) for name in SAME_NAME}
    return found


def approximately(nested: Mapping[str, Mapping[str, float]]) -> dict[str, Any]:
    return {key: pytest.approx(value) for key, value in nested.items()}


def check_reading(chain: Chain, path: Path | None = None) -> None:
    """What every reader of a log works with: its own scores, and our judgement of each response."""
    runs = {run.task: run for run in read_runs(path or chain.log)}
    assert runs.keys() == chain.truth.keys()
    for task, facts in chain.truth.items():
        found = {doc_id: [NO_RESPONSE] * chain.k for doc_id in facts}
        for one in judge_run(runs[task]):
            found[one.doc_id][one.repeat] = Fact(str(one.verdict.status), one.cut_off)
        assert {doc_id: tuple(doc) for doc_id, doc in found.items()} == facts, task
        assert {row.doc_id: row.score for row in runs[task].answered} == pytest.approx(shares(facts)), task
        assert {row.doc_id for row in runs[task].rows if row.missing} == facts.keys() - shares(facts).keys()


# --- explain, compare


def check_explain(chain: Chain) -> None:
    """The waterfall: its counts, its causes response by response, and that nothing is mis-graded."""
    for task, tables in explained(chain.log).items():
        facts, (waterfall, *_) = chain.truth[task], tables
        notes = " ".join(waterfall["notes"])
        rows = {row["from_the_published_score_to_this_run"]: row for row in waterfall["rows"]}
        assert statuses_said(notes) == +(statuses(facts) - Counter({NO_RESPONSE.status: lost(facts)})), task
        assert cuts_said(notes) == cut_off(facts), task
        assert (
            not {"right, but the run's grader said wrong", "wrong, but the run's grader said right"}
            & rows.keys()
        )
        assert rows["this run, by its own grader (exact_match,none)"]["points"] == pytest.approx(
            score(facts)
        ), task
        assert f"by our grader: {100 * score(facts):.1f} [" in notes, task
        assert rows.get("API errors", {"responses": 0})["responses"] == lost(facts), task
        listed = {(row["doc"], int(row["repeat"])): row for table in tables for row in responses_of(table)}
        for (doc_id, repeat), row in listed.items():
            assert row["ours"] == facts[doc_id][repeat].status, (task, doc_id, repeat)
        rest = Counter(
            fact.status
            for doc_id, doc in facts.items()
            for repeat, fact in enumerate(doc)
            if (doc_id, repeat) not in listed
        )
        assert rest.keys() <= {"correct", "incorrect"}, task
        assert f"plainly wrong answers: {rest['incorrect']} responses" in notes, task


def explained(path: Path) -> dict[str, list[dict[str, Any]]]:
    """The tables of `mathtasks explain` by task, its waterfall first."""
    found: dict[str, list[dict[str, Any]]] = {}
    for table in json.loads(call("explain", path, "--format", "json")):
        if named := re.fullmatch(rf"{MODEL} · (.+): where the points went", table["title"]):
            found[named[1]] = []
        list(found.values())[-1].append(table)
    return found


def responses_of(table: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rows of the table that lists responses, none of another table."""
    return [row for row in table["rows"] if "ours" in row]


def statuses_said(text: str) -> Counter[str]:
    """The counts of "correct 3, no answer 1", by status."""
    words = "|".join(map(re.escape, STATUS_OF))
    return Counter({STATUS_OF[name]: int(n) for name, n in re.findall(rf"(?<!\w)({words}) (\d+)", text)})


def cuts_said(text: str) -> dict[str, int]:
    """The counts of "cut off: 6 responses (5 surely, 1 likely), those that had answered before included"."""
    found = re.search(
        r"cut off: (\d+) responses \((\d+) surely, (\d+) likely\), those that had answered", text
    )
    assert found, text
    assert int(found[1]) == int(found[2]) + int(found[3])
    return {"surely": int(found[2]), "likely": int(found[3])}


def check_compare(chain: Chain, other: Chain) -> None:
    """Set beside another run: the same score by the log's verdicts and by ours, and the docs that flip."""
    common = [task for task in chain.truth if task in other.truth]
    said = call("compare", other.log, chain.log, "--format", "json")
    assert said == call("compare", other.log, chain.log, "--format", "json", "--regrade")
    flips = [table for table in json.loads(said) if table["title"].endswith("flipped docs")]
    results = [table for table in json.loads(said) if table["title"].endswith("common docs")]
    assert len(flips) == len(results) == len(common)
    for result, flipped in zip(results, flips, strict=True):
        rows = {row["what"]: row for row in result["rows"]}
        task = rows["second"]["of"].removeprefix(f"{MODEL} · ")
        one, two = shares(other.truth[task]), shares(chain.truth[task])
        docs = [doc_id for doc_id in one if doc_id in two]
        for name, values in (("first", one), ("second", two)):
            wanted = fmean(values[doc_id] for doc_id in docs)
            assert rows[name]["value"] == pytest.approx(wanted), (task, name)
        turned = {i: (one[i], two[i]) for i in docs if (one[i] > 0.5) != (two[i] > 0.5)}
        seen = {row["doc"]: (row["first"], row["second"]) for row in flipped["rows"]}
        assert seen == {doc_id: pytest.approx(pair) for doc_id, pair in turned.items()}, task


# --- rescore


def check_rescore(chain: Chain) -> None:
    """What rescore prints, and what its logs say of each doc and response."""
    printed, folder = chain.rescored
    blocks = dict(
        re.findall(rf"^{MODEL} · (\S+): \d+(?: of \d+)? docs.*\n((?:  .*\n)+)", printed, re.MULTILINE)
    )
    assert blocks.keys() == chain.truth.keys()
    for task, facts in chain.truth.items():
        lines = blocks[task]
        percent = f"{100 * score(facts):.2f}"
        assert re.search(rf"exact_match,none {percent} → exact_match(?: \(.*\))? {percent} \[", lines), task
        assert "changed: 0 docs up, 0 down" in lines, task
        assert statuses_said(lines) == +(statuses(facts) - Counter({NO_RESPONSE.status: lost(facts)})), task
        assert cuts_said(lines) == cut_off(facts), task
        assert left_out(lines) == (len(facts) - len(there(facts)), lost(facts)), task
        (samples,) = folder.rglob(f"samples_{task}_*.jsonl")
        lines_of = {str(line["doc_id"]): line for line in read_jsonl(samples)}
        told = any("truncated" in line for line in lines_of.values())
        for line in lines_of.values():
            doc = facts[str(line["doc_id"])]
            judged = [Fact(one["status"], one["cut_off"]) for one in line["judged"]]
            assert judged == [fact for fact in doc if fact != NO_RESPONSE], (task, line["doc_id"])
            wanted = metrics_of(doc, told)
            assert {name: line[name] for name in wanted} == pytest.approx(wanted), task


def left_out(lines: str) -> tuple[int, int]:
    """How many docs were never answered, and how many responses never came, as rescore prints it."""
    docs = re.search(r"left out: (\d+) docs? that (?:was|were) never answered \(API errors\)", lines)
    responses = re.search(r"left out: (\d+) responses? that never came \(API errors\)", lines)
    return int(docs[1]) if docs else 0, int(responses[1]) if responses else 0


def check_rescored_again(chain: Chain) -> None:
    """The logs that rescore wrote are logs like others: read with the same outcome, and nothing is left to rescore."""
    _, folder = chain.rescored
    again = replace(chain, log=folder, out=chain.out / "again")
    check_reading(again)
    check_rescore(again)


# --- report


def check_report(chain: Chain) -> None:
    """The report for programs, as JSON and as CSV."""
    document = json.loads(call("report", chain.log, "--format", "json"))
    runs = {run["task"]: run for run in document["runs"]}
    assert runs.keys() == chain.truth.keys()
    for task, facts in chain.truth.items():
        run = runs[task]
        assert Counter(run["statuses"]) == statuses(facts), task
        assert run["cut_off"] == cut_off(facts), task
        assert run["gap"]["cut_share"] == pytest.approx(sum(cut_off(facts).values()) / responses(facts)), task
        for by in ("score", "own", "ours"):
            assert run[by]["value"] == pytest.approx(score(facts)), (task, by)
        assert run["disputed"] == 0, task
        said = {
            doc["doc_id"]: tuple(Fact(one["status"], one["cut_off"]) for one in doc["responses"])
            for doc in run["docs"]
        }
        assert said == facts, task
    check_csv(chain)


def responses(facts: Facts) -> int:
    return sum(map(len, there(facts).values()))


def check_csv(chain: Chain) -> None:
    said: dict[str, dict[str, list[Fact]]] = {task: {} for task in chain.truth}
    for row in csv.DictReader(io.StringIO(call("report", chain.log, "--format", "csv"))):
        fact = Fact(row["status"], row["cut_off"] or None)
        said[row["task"]].setdefault(row["doc_id"], []).append(fact)
        assert row["correct"] == {"correct": "1", "api_error": ""}.get(row["status"], "0")
    for task, facts in chain.truth.items():
        assert {doc_id: tuple(doc) for doc_id, doc in said[task].items()} == facts, task


def check_page(chain: Chain, task: str) -> None:
    """The report for people: its card, its chart of statuses, its sample browser."""
    facts, file = chain.truth[task], chain.out / "page.html"
    call("report", chain.log, "--task", task, "-o", file)
    html = file.read_text(encoding="utf-8")
    index = json.loads(
        re.search(r'<script type="application/json" id="index"[^>]*>(.*?)</script>', html, re.S)[1]
    )
    said = {
        doc_id: tuple(index["statuses"][mark] for mark in marks[0][::2])
        for doc_id, marks in zip(index["doc"], index["marks"], strict=True)
    }
    assert said == {doc_id: tuple(fact.status for fact in doc) for doc_id, doc in facts.items()}
    cut = f"{sum(cut_off(facts).values()):,} of {responses(facts):,} responses were cut off"
    assert f"{cut}, those that had answered before included" in html
    rows = dict(re.findall(r'<th scope="row">([^<]+)</th><td>(\d+)</td></tr>', html))
    words = {**{str(status): words for status, words in STATUS_WORDS.items()}, "api_error": "no response"}
    assert {words[status]: str(count) for status, count in statuses(facts).items()}.items() <= rows.items()


# --- sampling, budgets


def check_sampling(chain: Chain) -> None:
    """avg@k at every k is the score; of each doc, which responses are right and which have an answer to vote with."""
    for run in read_runs(chain.log):
        task, facts = run.task, chain.truth[run.task]
        found = {one.doc_id: one for one in votes(run, judge_run(run))}
        answered = there(facts)
        assert found.keys() == answered.keys(), task
        for doc_id, doc in answered.items():
            assert found[doc_id].correct == tuple(fact.status == "correct" for fact in doc), (task, doc_id)
            silent = tuple(fact.status in NO_ANSWER for fact in doc)
            assert tuple(one is None for one in found[doc_id].classes) == silent, (task, doc_id)
    printed = call("sampling", chain.log, "--format", "csv", "--metrics", "avg,pass")
    for row in points(printed):
        if row["metric"] == "avg@k" or row["k"] == "1":
            wanted = score(chain.truth[row["task"]])
            assert float(row["value"]) == pytest.approx(wanted, abs=1e-5), row


def check_budgets(chain: Chain) -> None:
    """With room for the longest response the accuracy is the score, and cuts are counted as everywhere."""
    last = {row["task"]: row for row in points(call("budgets", chain.log, "--format", "csv"))}
    tables = re.split(r"^\*\*", call("budgets", chain.log, "--format", "markdown"), flags=re.MULTILINE)[1:]
    assert len(last) == len(tables) == len(chain.truth)
    for table, (task, row) in zip(tables, last.items(), strict=True):
        assert table.startswith(f"{MODEL} · {task}: ")
        assert float(row["value"]) == pytest.approx(score(chain.truth[task]), abs=1e-5), task
        assert cuts_said(table) == cut_off(chain.truth[task]), task


def points(printed: str) -> Iterator[dict[str, str]]:
    """The rows of the CSV tables one after the other."""
    for block in re.split(r"^(?=model,)", printed, flags=re.MULTILINE):
        yield from (row for row in csv.DictReader(io.StringIO(block.strip())))


# --- evidence


def check_pack(chain: Chain) -> None:
    """The verdicts that a pack keeps, and that verify makes each of them anew and finds nothing."""
    assert verdicts_of(chain.packs) == chain.truth
    verified(chain, chain.packs, regraded=True)
    check_reading(chain, chain.packs)


def check_pack_without_text(chain: Chain) -> None:
    """A pack that keeps verdicts only says the same; with the run's log at hand it is verified from the texts."""
    packs = chain.out / "bare"
    call("evidence", "pack", chain.log, "-o", packs, "--text", "none")
    assert verdicts_of(packs) == chain.truth
    verified(chain, packs, regraded=False)
    (samples,) = {file.parent for file in chain.log.rglob("samples_*.jsonl")}
    verified(chain, packs, "--data", samples, regraded=True)


def verdicts_of(packs: Path) -> dict[str, Facts]:
    found: dict[str, Facts] = {}
    for file in packs.rglob("samples_*.jsonl.gz"):
        task = file.parents[1].name
        with gzip.open(file, "rt", encoding="utf-8") as lines:
            found[task] = {str(row["doc_id"]): verdicts(row) for row in map(json.loads, lines)}
    return found


def verdicts(row: Mapping[str, Any]) -> tuple[Fact, ...]:
    return tuple(
        NO_RESPONSE if said is None else Fact(said["status"], said["cut_off"]) for said in row["verdicts"]
    )


def verified(chain: Chain, packs: Path, *more: Any, regraded: bool) -> None:
    printed = call("evidence", "verify", packs, *more)
    for task, facts in chain.truth.items():
        again = responses(facts) if regraded else 0
        said = f"{100 * score(facts):.2f} on {len(facts)} docs, {again} of {responses(facts)} responses graded again"
        assert re.search(rf"^ok: \S*/{task}/\S+: {re.escape(said)}$", printed, re.MULTILINE), (task, printed)
    assert ", 0 findings" in printed


CHECKS: dict[str, Callable[[Chain], None]] = {
    "the log": check_log,
    "the log read again": check_reading,
    "explain": check_explain,
    "rescore": check_rescore,
    "the rescored log": check_rescored_again,
    "report": check_report,
    "sampling": check_sampling,
    "budgets": check_budgets,
    "a pack": check_pack,
    "a pack without text": check_pack_without_text,
}
