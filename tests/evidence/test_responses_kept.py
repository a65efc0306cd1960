"""Packs of responses without the problems: what is in them, what is not, and that they are judged again."""

import shutil

import pytest

from lm_eval_mathtasks.cli import main
from lm_eval_mathtasks.errors import EvidenceError
from lm_eval_mathtasks.evidence.pack import Choices, prepare
from lm_eval_mathtasks.evidence.pack_lines import MARK, QUOTED_WORDS, without_quotes
from lm_eval_mathtasks.evidence.verify import verify, verify_pack
from lm_eval_mathtasks.problems.rows import SAMPLES
from lm_eval_mathtasks.runs.reading import read_run
from tests.evidence.test_evidence import (
    DOCS,
    edit_json,
    edit_lines,
    everything,
    lines_of,
    manifest_of,
    packed,
    replayed,
    response,
)

# A problem that is long enough to be quoted.
QUOTED = next(n for n, doc in enumerate(DOCS) if len(doc["question"].split()) > QUOTED_WORDS + 5)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    answers = [response(n, doc) for n, doc in enumerate(DOCS)]
    answers[QUOTED] = f"{DOCS[QUOTED]['question'].upper()} So \\boxed{{-7}}"
    return replayed(tmp_path_factory.mktemp("run"), answers)


@pytest.fixture(scope="module")
def kept(run, tmp_path_factory):
    return packed(run, tmp_path_factory.mktemp("responses") / "logs", text="responses")


def test_responses_stay_and_benchmark_text_does_not(kept, run):
    text = everything(kept)
    for doc in DOCS:
        assert doc["question"][:40] not in text
        assert doc["answer"][:60] not in text
    before = {row.doc_id: row.responses for row in read_run(run).rows}
    after = {row.doc_id: row.responses for row in read_run(kept).rows}
    assert [doc for doc, texts in after.items() if texts != before[doc]] == [str(QUOTED)]
    assert after[str(QUOTED)] == (f"{MARK}{DOCS[QUOTED]['question'][-1]} So \\boxed{{-7}}",)
    assert not {"doc", "target", "arguments", "filtered_resps"} & set(lines_of(kept)[0])
    manifest = manifest_of(kept)
    assert (manifest["text"], manifest["taken_out"]["quotation of a problem"]) == ("responses", 1)


def test_it_is_judged_again_from_the_references_alone(kept):
    assert verify_pack(kept).regraded == 0
    report, _ = verify(kept.parents[2], data=[SAMPLES])
    assert (report.findings, report.regraded) == ([], 100)


def test_another_response_is_found(kept, tmp_path):
    folder = shutil.copytree(kept, tmp_path / "logs" / "p")
    edit_lines(folder, lambda lines: lines[0].update(resps=[["\\boxed{-7}"]]))
    findings = verify(tmp_path / "logs", data=[SAMPLES])[0].findings
    assert any("graded correct then, incorrect now" in text for text in findings), findings


def test_it_does_not_pass_for_a_pack_with_all_text(kept, tmp_path):
    folder = shutil.copytree(kept, tmp_path / "logs" / "p")
    edit_json(folder, "manifest.json", lambda manifest: manifest.update(text="full"))
    assert any(text.startswith("text: the manifest says full") for text in verify_pack(folder).findings)


def test_rescore_wants_the_references_and_takes_them(kept, tmp_path, capsys):
    assert main(["rescore", str(kept), "-o", str(tmp_path / "a")]) == 1
    assert "reference answer for every doc" in " ".join(capsys.readouterr().err.split())
    gold = str(SAMPLES / "gsm8k.jsonl")
    assert main(["rescore", str(kept), "--gold", gold, "-o", str(tmp_path / "b")]) == 0


def test_an_answer_inside_a_quotation_stops_the_pack(tmp_path):
    """The number at the end of a quoted problem is the answer that a guess finds: without the words it is another."""
    words = DOCS[QUOTED]["question"].split()
    answers = [response(n, doc) for n, doc in enumerate(DOCS)]
    answers[QUOTED] = f"\\boxed{{{' '.join(words)}}}"
    run = replayed(tmp_path, answers)
    with pytest.raises(EvidenceError, match="judged the same without its quotation"):
        prepare(run, tmp_path / "logs", Choices(text="responses"))


def test_a_response_of_nothing_but_its_problem_keeps_the_words_that_it_is_judged_by(tmp_path):
    """A number that it repeats is what a guess finds; fewer words stay than would be a quotation."""
    question = DOCS[1]["question"]
    facts = question[: question.rindex(".") + 1]
    answers = [response(n, doc) for n, doc in enumerate(DOCS)]
    answers[1] = facts
    kept = packed(replayed(tmp_path, answers), tmp_path / "logs", text="responses")
    ((text,),) = [row.responses for row in read_run(kept).rows if row.doc_id == "1"]
    assert text.startswith(MARK)
    assert facts.endswith(text.removeprefix(MARK))
    report, _ = verify(kept.parents[2], data=[SAMPLES])
    assert (report.findings, report.regraded) == ([], 100)


WORDS = " ".join(f"w{number}" for number in range(40))


@pytest.mark.parametrize(
    ("response", "left", "count"),
    [
        (WORDS, MARK, 1),
        (f"I say {WORDS.upper()}, so 3", f"I say {MARK}, so 3", 1),
        (f"{WORDS} and again {WORDS}", f"{MARK} and again {MARK}", 2),
        # A word fewer than the limit is no quotation, and neither are the same words in another order.
        (" ".join(WORDS.split()[: QUOTED_WORDS - 1]), " ".join(WORDS.split()[: QUOTED_WORDS - 1]), 0),
        (" ".join(reversed(WORDS.split())), " ".join(reversed(WORDS.split())), 0),
        ("", "", 0),
    ],
)
def test_what_is_a_quotation(response, left, count):
    assert without_quotes(response, [WORDS]) == (left, count)


def test_a_part_of_a_quotation_that_is_none_may_stay():
    assert without_quotes(f"I say {WORDS}, so 3", [WORDS], tail=2) == (f"I say {MARK} w38 w39, so 3", 1)
    assert without_quotes(f"I say {WORDS}, so 3", [WORDS], head=2) == (f"I say w0 w1 {MARK}, so 3", 1)
