"""Runs read back from every format, and every way in which a log can be wrong."""

import contextlib
import gzip
import json
import shutil
import sqlite3

import pytest

from lm_eval_mathtasks.errors import EvidenceError, JournalError
from lm_eval_mathtasks.journal.schema import Answer
from lm_eval_mathtasks.journal.store import Journal
from lm_eval_mathtasks.runs.judged import judge_run, shares
from lm_eval_mathtasks.runs.reading import read_run, read_runs
from lm_eval_mathtasks.runs.records import Row
from tests.conftest import shared_path
from tests.runs.logs_of_runs import doc, write_json_lines, write_lm_eval

DOCS = [doc(i, 10 + i) for i in range(4)]
RIGHT = [f"So it is \\boxed{{{10 + i}}}." for i in range(4)]


@pytest.fixture
def log(tmp_path):
    return write_lm_eval(tmp_path / "run", DOCS, RIGHT, scores=[1, 1, 0, 1])


def samples(folder):
    return next(folder.glob("samples_*"))


def test_our_task(log):
    run = read_run(log)
    assert (run.model, run.task, len(run.rows), run.metric) == (
        "acme/toy-1",
        "gsm8k-cot-zeroshot",
        4,
        "exact_match,none",
    )
    row = run.rows[2]
    assert (row.doc_id, row.gold, row.responses, row.score) == ("2", "12", (RIGHT[2],), 0.0)
    assert row.question == DOCS[2]["question"]
    assert run.provenance.version == "0.4.13"
    assert run.provenance.task_version == "1.0"
    assert run.provenance.commit == "abc1234"
    stated = run.protocol
    assert (stated.shots, stated.cot, stated.temperature, stated.max_tokens, stated.k) == (
        0,
        True,
        0.0,
        512,
        1,
    )
    assert (stated.chat_template, stated.metric) == (False, "pass@1")


def test_a_file_or_its_folder_or_the_folder_above(log):
    assert read_run(log) == read_run(next(log.glob("results_*"))) == read_run(log.parent)


def test_lm_evals_own_task_has_a_line_per_filter(tmp_path):
    scores = {"strict-match": [0, 0, 1, 0], "flexible-extract": [1, 1, 1, 0]}
    log = write_lm_eval(tmp_path, DOCS, RIGHT, scores=scores, task="gsm8k", filters=tuple(scores), shots=5)
    run = read_run(log)
    assert len(run.rows) == 4
    assert run.metric == "exact_match,flexible-extract"
    assert [row.score for row in run.rows] == [1, 1, 1, 0]
    assert run.rows[0].metrics == {"exact_match,strict-match": 0.0, "exact_match,flexible-extract": 1.0}
    assert run.protocol.grader == "flexible"
    strict = read_run(log, metric="exact_match,strict-match")
    assert [row.score for row in strict.rows] == [0, 0, 1, 0]
    assert strict.protocol.grader == "strict"
    with pytest.raises(EvidenceError, match="only exact_match,flexible-extract, exact_match,strict-match"):
        read_run(log, metric="acc")


def test_every_filter_of_a_long_log_is_seen_and_the_others_are_told(tmp_path):
    docs, scores = DOCS * 30, {"strict-match": [0] * 120, "flexible-extract": [1, 1, 1, 0] * 30}
    log = write_lm_eval(tmp_path, docs, RIGHT * 30, scores=scores, task="gsm8k", filters=tuple(scores))
    run = read_run(log)
    assert run.metric == "exact_match,flexible-extract"
    assert "by exact_match,strict-match it is 0.00%" in run.provenance.notes[0]


def test_repeats_keep_all_responses(tmp_path):
    texts = [[r, r, "\\boxed{0}"] for r in RIGHT]
    settings = {"do_sample": True, "temperature": 0.6, "top_p": 0.95, "max_gen_toks": 32768}
    run = read_run(write_lm_eval(tmp_path, DOCS, texts, scores=[2 / 3] * 4, repeats=3, settings=settings))
    assert run.rows[0].responses == tuple(texts[0])
    assert (run.protocol.k, run.protocol.metric, run.protocol.temperature) == (3, "avg@k", 0.6)
    assert shares(run, judge_run(run)) == {str(i): pytest.approx(2 / 3) for i in range(4)}


def test_a_chat_prompt_is_read(tmp_path):
    run = read_run(write_lm_eval(tmp_path, DOCS, RIGHT, scores=[1] * 4, chat=True))
    assert run.protocol.chat_template is True
    assert DOCS[0]["question"] in run.rows[0].prompt


def test_a_missing_answer_is_not_a_wrong_one(tmp_path):
    log = write_lm_eval(
        tmp_path, DOCS, [*RIGHT[:3], ""], scores=[1, 1, 0, None], metrics={"api_error": [0, 0, 0, 1]}
    )
    run = read_run(log)
    assert [row.missing for row in run.rows] == [False, False, False, True]
    assert run.scored
    assert len(run.answered) == 3


@pytest.mark.parametrize(
    ("texts", "finish", "lost"),
    [
        (["", "\\boxed{1}"], [], (0,)),  # plain lm-eval: one of two never came, and one is empty
        (["", ""], [], ()),  # the model may have said nothing once: which one it was, nobody knows
        (["", ""], ["stop", "api_error"], (1,)),
    ],
)
def test_which_responses_api_errors_took(texts, finish, lost):
    row = Row("0", "?", "1", tuple(texts), tuple(finish), score=1.0, metrics={"api_error,none": 0.5})
    assert row.lost == lost
    assert row.there == tuple({0, 1} - set(lost))


def test_several_tasks_and_models_are_told_apart(tmp_path):
    write_lm_eval(tmp_path / "a", DOCS, RIGHT, scores=[1] * 4)
    write_lm_eval(tmp_path / "b", DOCS, RIGHT, scores=[0] * 4, model="acme/toy-2")
    assert {run.model for run in read_runs(tmp_path)} == {"acme/toy-1", "acme/toy-2"}
    assert read_run(tmp_path, model="acme/toy-2").rows[0].score == 0
    with pytest.raises(EvidenceError, match="2 at"):
        read_run(tmp_path)
    with pytest.raises(EvidenceError, match="a run of acme/toy-3"):
        read_run(tmp_path, model="acme/toy-3")


def test_the_newest_of_two_runs_in_one_folder_counts(tmp_path):
    write_lm_eval(tmp_path, DOCS, RIGHT, scores=[0] * 4, stamp="2026-01-01T00-00-00.000000")
    write_lm_eval(tmp_path, DOCS, RIGHT, scores=[1] * 4, stamp="2026-01-02T00-00-00.000000")
    run = read_run(tmp_path)
    assert run.rows[0].score == 1
    older = "samples_gsm8k-cot-zeroshot_2026-01-01T00-00-00.000000.jsonl"
    assert run.provenance.notes == (f"older runs beside it are left out: {older}",)


def test_packed_samples_are_read(log):
    file = samples(log)
    with gzip.open(f"{file}.gz", "wt", encoding="utf-8") as packed:
        packed.write(file.read_text())
    file.unlink()
    assert len(read_run(log).rows) == 4


def test_finish_reasons_come_from_a_journal(log, tmp_path):
    journal = write_json_lines(
        tmp_path / "journal.jsonl", [{"response": RIGHT[1], "finish_reason": "length"}]
    )
    run = read_run(log, journal=journal)
    assert [row.finish_reason(0) for row in run.rows] == [None, "length", None, None]


TASK = "gsm8k-cot-zeroshot"


def test_finish_reasons_come_from_our_api_models_journal(log, tmp_path):
    """The text may be longer than the log's, where a stop string was applied, and may then not count as cut."""
    path = tmp_path / "journal.db"
    journal = Journal(path)
    for key, response, reason in [
        ("a", RIGHT[2] + " And so on.", "length"),
        ("b", RIGHT[3] + " Q: next", "length"),
        ("c", "another model's", "stop"),
    ]:
        request = {"stop": ["Q:"]}
        journal.put(Answer(key, "http://h/v1", "m", request, "p", response, finish_reason=reason)).result()
    places = [
        ("c", TASK, 2, 0),
        ("a", TASK, 2, 0),
        ("b", TASK, 3, 0),
        ("c", TASK, 1, 0),
        ("b", "other", 0, 0),
    ]
    journal.note_docs(places)
    journal.close()
    run = read_run(log, journal=path)
    assert [row.finish_reason(0) for row in run.rows] == [None, None, "length", "stop"]
    results = next(log.glob("results_*"))
    content = json.loads(results.read_text())
    content["config"] |= {"model": "mathtasks-chat", "model_args": {"model": "toy", "journal": str(path)}}
    results.write_text(json.dumps(content))
    assert [row.finish_reason(0) for row in read_run(log).rows] == [None, None, "length", "stop"]
    with contextlib.closing(sqlite3.connect(path)) as base, base:
        base.execute("DROP TABLE docs")
    with pytest.raises(JournalError, match="journal"):
        read_run(log, journal=path)
    with pytest.raises(EvidenceError, match="no file"):
        read_run(log, journal=tmp_path / "nowhere.db")


# --- bad logs


def test_no_such_path(tmp_path):
    with pytest.raises(EvidenceError, match="no such file"):
        read_runs(tmp_path / "nowhere")


def test_an_empty_folder(tmp_path):
    with pytest.raises(EvidenceError, match="no results_"):
        read_runs(tmp_path)


def test_results_without_samples(log):
    samples(log).unlink()
    with pytest.raises(EvidenceError, match="--log_samples"):
        read_runs(log)


def test_samples_without_results_are_a_run_without_names(log):
    next(log.glob("results_*")).unlink()
    for path in (log, samples(log)):
        run = read_run(path, model="toy")
        assert (run.model, run.task, [row.score for row in run.rows]) == (
            "toy",
            "gsm8k-cot-zeroshot",
            [1, 1, 0, 1],
        )
        assert run.protocol.shots is None


def test_samples_beside_damaged_results_are_read_with_a_warning(log, caplog):
    next(log.glob("results_*")).write_text('{"results": ')
    assert read_run(log).model is None
    assert "left out: Expected a readable" in caplog.text
    with pytest.raises(EvidenceError, match="a readable"):
        read_runs(log, strict=True)


def test_a_task_that_cannot_be_read_does_not_end_the_others(tmp_path, caplog):
    """Two tasks of one run: one compares likelihoods. Asked for by name it is an error, else it is left out by name."""
    log = write_lm_eval(tmp_path, DOCS, RIGHT, scores=[1] * 4)
    results = next(log.glob("results_*"))
    content = json.loads(results.read_text())
    write_lm_eval(tmp_path / "other", DOCS, RIGHT, scores=[1] * 4, task="mmlu_pro")
    other = json.loads(next((tmp_path / "other").glob("results_*")).read_text())
    for key in ("results", "configs", "versions", "n-shot", "n-samples"):
        content[key] |= other[key]
    results.write_text(json.dumps(content))
    lines = [json.loads(line) for line in samples(tmp_path / "other").read_text().splitlines()]
    choices = [{**line, "resps": [[[-1.5, "False"]], [[-2.0, "True"]]]} for line in lines]
    write_json_lines(log / samples(tmp_path / "other").name, choices)
    shutil.rmtree(tmp_path / "other")
    assert [run.task for run in read_runs(log)] == ["gsm8k-cot-zeroshot"]
    assert "left out: mmlu_pro: Expected responses of mmlu_pro as text" in caplog.text
    with pytest.raises(EvidenceError, match="the task compares likelihoods"):
        read_runs(log, task="mmlu_pro")
    with pytest.raises(EvidenceError, match="gsm8k-cot-zeroshot; mmlu_pro"):
        read_runs(log, task="math")


def test_of_several_runs_in_one_folder_the_newest_of_each_task_counts(tmp_path):
    for day, task, score in (("01", "a", 0), ("02", "a", 1), ("01", "b", 1)):
        stamp = f"2026-01-{day}T00-00-00"
        write_lm_eval(tmp_path, DOCS, RIGHT, scores=[score] * 4, task=task, stamp=stamp)
    runs = read_runs(tmp_path)
    assert [(run.task, run.rows[0].score) for run in runs] == [("b", 1.0), ("a", 1.0)]
    assert [len(run.provenance.notes) for run in runs] == [0, 1]


def test_an_empty_samples_file(log):
    samples(log).write_text("")
    with pytest.raises(EvidenceError, match="an empty file"):
        read_runs(log)


def test_half_a_line(log):
    file = samples(log)
    file.write_text(file.read_text()[:-40])
    with pytest.raises(EvidenceError, match="line 4"):
        read_runs(log)


def test_half_a_run(log):
    """With hashes the samples do not fit; without (an older log) the number of docs does not."""
    file = samples(log)
    lines = file.read_text().splitlines()
    file.write_text("\n".join(lines[:2]))
    with pytest.raises(EvidenceError, match="belong to its results"):
        read_runs(log)
    bare = [{k: v for k, v in json.loads(line).items() if not k.endswith("_hash")} for line in lines]
    write_json_lines(file, bare[:2])
    with pytest.raises(EvidenceError, match=r"4 docs .* 2 in"):
        read_runs(log)


def test_samples_of_another_task_version(log, tmp_path):
    """Another version asks another prompt: the hash that the results note does not fit."""
    other = write_lm_eval(tmp_path / "v2", DOCS, RIGHT, scores=[1] * 4, prompt="Q: {question}", version=2.0)
    samples(log).write_text(samples(other).read_text())
    with pytest.raises(EvidenceError, match="another run or task version"):
        read_runs(log)


def test_a_doc_twice(log):
    file = samples(log)
    lines = [
        {k: v for k, v in json.loads(line).items() if not k.endswith("_hash")}
        for line in file.read_text().splitlines()
    ]
    write_json_lines(file, [*lines[:3], lines[2]])
    with pytest.raises(EvidenceError, match="1 docs twice, for instance 2"):
        read_runs(log)


@pytest.mark.parametrize("content", ["{", "[]", '{"some": "thing"}'])
def test_a_broken_results_file(log, content):
    next(log.glob("results_*")).write_text(content)
    with pytest.raises(EvidenceError):
        read_runs(next(log.glob("results_*")))


def test_not_utf8(log):
    samples(log).write_bytes(b'{"doc_id": 0, "x": "\xff\xfe"}\n')
    with pytest.raises(EvidenceError, match="UTF-8 on line 1 of"):
        read_runs(log)


def test_corrupt_gzip(log):
    file = samples(log)
    (log / (file.name + ".gz")).write_bytes(b"\x1f\x8b\x08 not really")
    file.unlink()
    with pytest.raises(EvidenceError, match="damaged"):
        read_runs(log)


def test_a_samples_file_is_read_with_the_results_beside_it(log):
    assert read_run(samples(log)) == read_run(log)


# --- other formats


def test_plain_lines(tmp_path):
    rows = [{"id": f"d{i}", "question": d["question"], "gold": d["gold"], "response": r, "label": i != 2}
            for i, (d, r) in enumerate(zip(DOCS, RIGHT, strict=True))]  # fmt: skip
    run = read_run(write_json_lines(tmp_path / "answers.jsonl", rows), task="gsm8k", model="toy")
    assert [row.score for row in run.rows] == [1, 1, 0, 1]
    assert (run.model, run.task, run.protocol.metric) == ("toy", "gsm8k", None)
    assert run.rows[0].doc_id == "d0"


def test_plain_lines_without_gold_take_it_from_the_docs(tmp_path):
    rows = [{"question": d["question"], "response": r} for d, r in zip(DOCS, RIGHT, strict=True)]
    answers = write_json_lines(tmp_path / "answers.jsonl", rows)
    with pytest.raises(EvidenceError, match="--gold"):
        judge_run(read_run(answers))
    docs = write_json_lines(
        tmp_path / "docs.jsonl",
        [{"question": d["question"], "answer": f"... #### {d['gold']}"} for d in DOCS[::-1]],
    )
    assert all(j.verdict.correct for j in judge_run(read_run(answers, gold=docs)))


def test_an_empty_reference_is_none(tmp_path):
    rows = [{"id": 0, "gold": "", "response": "1"}, {"id": 1, "gold": "", "answer": "2", "response": "2"}]
    run = read_run(write_json_lines(tmp_path / "x.jsonl", rows))
    assert [row.gold for row in run.rows] == [None, "2"]
    with pytest.raises(EvidenceError, match="none for 1 docs, for instance 0"):
        judge_run(run)


def test_gold_is_found_by_the_question_inside_a_prompt(tmp_path):
    prompts = [f"Answer step by step. Question: {d['question']}\nAnswer:" for d in DOCS]
    rows = [{"question": q, "response": r} for q, r in zip(prompts, RIGHT, strict=True)]
    answers = write_json_lines(tmp_path / "answers.jsonl", rows)
    docs = write_json_lines(
        tmp_path / "docs.jsonl", [{"question": d["question"], "answer": d["gold"]} for d in DOCS[::-1]]
    )
    assert all(j.verdict.correct for j in judge_run(read_run(answers, gold=docs)))
    other = write_json_lines(
        tmp_path / "other.jsonl", [{"question": "What is the answer to number", "answer": "1"}] * 4
    )
    with pytest.raises(EvidenceError, match="none for 4 of 4"):
        judge_run(read_run(answers, gold=other))


LONG = [
    {"question": f"Anna’s {i} ducks lay ${i}$  eggs. How many eggs are that in a week?", "gold": str(i)}
    for i in range(12)
]


@pytest.mark.parametrize(
    "name",
    [
        lambda i: i,
        str,
        lambda i: f"{i:05d}",
        lambda i: f"test-{i}",
        lambda i: f"gsm8k/{i:04d}",
        lambda i: i + 1,
    ],
)
def test_gold_is_found_by_however_the_docs_are_numbered(tmp_path, name):
    rows = [{"id": name(i), "response": f"\\boxed{{{d['gold']}}}"} for i, d in enumerate(LONG)]
    answers = write_json_lines(tmp_path / "answers.jsonl", rows[::-1])
    docs = write_json_lines(tmp_path / "docs.jsonl", LONG)
    assert all(j.verdict.correct for j in judge_run(read_run(answers, gold=docs)))


def test_gold_is_found_by_an_id_that_the_docs_have(tmp_path):
    named = [{**d, "unique_id": f"test/ducks/{90 - i}.json"} for i, d in enumerate(LONG)]
    rows = [{"unique_id": d["unique_id"], "response": f"\\boxed{{{d['gold']}}}"} for d in named]
    docs = write_json_lines(tmp_path / "docs.jsonl", named)
    run = read_run(write_json_lines(tmp_path / "answers.jsonl", rows[::-1]), gold=docs)
    assert all(j.verdict.correct for j in judge_run(run))
    numbered = [{"id": i, "response": "1"} for i in range(12)]
    with pytest.raises(EvidenceError, match="none for 12 of 12, for instance id 0, which has no question"):
        read_run(write_json_lines(tmp_path / "numbered.jsonl", numbered), gold=docs)


@pytest.mark.parametrize(
    "copied",
    [
        lambda q: q.replace("’", "'").replace("$", "").replace("  ", " ").lower(),
        lambda q: f"Q: What is 1+1?\nA: 2\n\nQ: {q.replace('’', chr(39))}\nLet's think step by step.",
    ],
)
def test_gold_is_found_by_a_question_that_was_copied_loosely(tmp_path, copied):
    rows = [{"question": copied(d["question"]), "response": f"\\boxed{{{d['gold']}}}"} for d in LONG]
    answers = write_json_lines(tmp_path / "answers.jsonl", rows[::-1])
    docs = write_json_lines(tmp_path / "docs.jsonl", LONG)
    assert all(j.verdict.correct for j in judge_run(read_run(answers, gold=docs)))
    twins = [{"question": "(x+1)(x+2)?", "gold": "1"}, {"question": "x+1x+2?", "gold": "2"}]
    docs = write_json_lines(tmp_path / "twins.jsonl", twins)
    asked = write_json_lines(tmp_path / "asked.jsonl", [{"question": "[x+1][x+2]?", "response": "1"}])
    with pytest.raises(EvidenceError, match=r"none for 1 of 1, for instance id 0 \(\[x\+1\]"):
        read_run(asked, gold=docs)


def test_plain_lines_with_repeats(tmp_path):
    rows = [
        {"id": i, "gold": "1", "response": f"\\boxed{{{r}}}", "repeat": r}
        for i in range(3)
        for r in (2, 0, 1)
    ]
    run = read_run(write_json_lines(tmp_path / "k.jsonl", rows))
    assert run.protocol.k == 3
    assert run.rows[0].responses == ("\\boxed{0}", "\\boxed{1}", "\\boxed{2}")


def test_a_json_list_is_read_like_lines(tmp_path):
    path = tmp_path / "answers.json"
    path.write_text(
        json.dumps([{"problem": "1+1?", "answer": "2", "output": "\\boxed{2}", "is_correct": True}])
    )
    run = read_run(path, task="math500")
    assert (run.rows[0].question, run.rows[0].gold, run.rows[0].score) == ("1+1?", "2", 1.0)
    path.write_text("[]")
    with pytest.raises(EvidenceError, match="an empty list"):
        read_run(path)


def test_plain_lines_of_a_doc_twice(tmp_path):
    rows = [{"id": 7, "gold": "1", "response": "1"}] * 2
    with pytest.raises(EvidenceError, match="a column `repeat`"):
        read_run(write_json_lines(tmp_path / "twice.jsonl", rows))


def test_plain_lines_without_a_response(tmp_path):
    with pytest.raises(EvidenceError, match="Name the column `response`"):
        read_run(write_json_lines(tmp_path / "x.jsonl", [{"id": 1, "gold": "1", "text": "1"}]))


def test_opencompass(tmp_path):
    path = tmp_path / "predictions" / "toy-1" / "gsm8k.json"
    path.parent.mkdir(parents=True)
    asked = [[{"role": "HUMAN", "prompt": d["question"]}] for d in DOCS]
    entries = {
        str(i): {"origin_prompt": asked[i], "prediction": RIGHT[i], "gold": DOCS[i]["gold"]} for i in range(4)
    }
    path.write_text(json.dumps(entries))
    run = read_run(tmp_path)
    assert (run.model, run.task, run.scored) == ("toy-1", "gsm8k", False)
    assert run.rows[1].question == DOCS[1]["question"]
    verdicts = tmp_path / "results" / "toy-1" / "gsm8k.json"
    verdicts.parent.mkdir(parents=True)
    verdicts.write_text(json.dumps({"accuracy": 75.0, "details": [{"correct": i != 1} for i in range(4)]}))
    assert [row.score for row in read_run(path).rows] == [1, 0, 1, 1]
    path.write_text('{"accuracy": 75}')
    with pytest.raises(EvidenceError, match="OpenCompass predictions"):
        read_run(path)


def test_opencompass_in_shards(tmp_path):
    folder = tmp_path / "predictions" / "toy-1"
    folder.mkdir(parents=True)
    for shard, numbers in ((0, (0, 1)), (1, (2, 3))):
        part = {str(k): {"prediction": RIGHT[i], "gold": DOCS[i]["gold"]} for k, i in enumerate(numbers)}
        (folder / f"gsm8k_{shard}.json").write_text(json.dumps(part))
    (run,) = read_runs(tmp_path)
    assert (run.task, [row.doc_id for row in run.rows]) == ("gsm8k", ["0", "1", "2", "3"])
    assert all(j.verdict.correct for j in judge_run(run))
    assert read_run(folder / "gsm8k_1.json").rows == run.rows


NEW = [{"doc": {"query": d["question"], "choices": [d["gold"]], "gold_index": 0}, "model_response": {"text": [r]},
        "metric": {"extractive_match": 1.0}} for d, r in zip(DOCS, RIGHT, strict=True)]  # fmt: skip
OLD = [{"full_prompt": d["question"], "predictions": json.dumps([r]), "gold": json.dumps([d["gold"]]),
        "metrics": {"extractive_match": 1.0}} for d, r in zip(DOCS, RIGHT, strict=True)]  # fmt: skip


@pytest.mark.parametrize("rows", [NEW, OLD], ids=["new columns", "old columns"])
@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
def test_lighteval(tmp_path, rows, suffix):
    path = (
        tmp_path
        / "details"
        / "acme"
        / "toy-1"
        / "2026-01-02"
        / f"details_lighteval|gsm8k|5_2026-01-02T03-04-05.{suffix}"
    )
    path.parent.mkdir(parents=True)
    if suffix == "jsonl":
        write_json_lines(path, rows)
    else:
        pyarrow = pytest.importorskip("pyarrow")
        from pyarrow import parquet

        parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    run = read_run(tmp_path)
    assert (run.model, run.task, run.protocol.shots) == ("acme/toy-1", "lighteval|gsm8k|5", 5)
    assert all(j.verdict.correct for j in judge_run(run))
    assert all(row.score == 1 for row in run.rows)


def test_a_broken_parquet_file(tmp_path):
    path = tmp_path / "details_x_2026.parquet"
    path.write_bytes(b"PAR1 no")
    with pytest.raises(EvidenceError, match="damaged"):
        read_run(path)


# --- judging


def test_published_outputs_are_read(tmp_path):
    """Six runs in one file: three models, two wordings, 1,319 docs each, with the publisher's verdicts."""
    runs = read_runs(shared_path("labelled/responses_abel_gsm8k.jsonl"))
    assert sorted((run.model, run.task, len(run.rows)) for run in runs) == [
        (f"abel-{size}", task, 1319) for size in ("13b", "70b", "7b") for task in ("gsm8k", "gsm8k_robust")
    ]
    assert all(run.scored for run in runs)


@pytest.mark.slow
def test_what_the_installed_lm_eval_writes_is_read(tmp_path):
    """A real run of lm-eval on its own kind of task, two filters and three repeats, and what we read of it."""
    pytest.importorskip("lm_eval")
    from tests.evidence.real_lm_eval import run_lm_eval

    run_lm_eval(tmp_path)
    runs = {run.task: run for run in read_runs(tmp_path / "out")}
    two = runs["two-filters"]
    assert two.metric == "exact_match,flexible-extract"
    assert [row.score for row in two.rows] == [1.0] * 6
    assert {row.metrics["exact_match,strict-match"] for row in two.rows} == {0.0, 1.0}
    three = runs["three-repeats"]
    assert three.protocol.k == 3
    assert all(len(row.responses) == 3 for row in three.rows)
    assert three.provenance.task_version == "1.0"


def test_samples_in_another_order_are_those_of_the_results(log):
    file = samples(log)
    lines = file.read_text().splitlines()
    (before,) = read_runs(log)
    file.write_text("\n".join(lines[::-1]))
    (after,) = read_runs(log)
    assert sorted(after.rows, key=lambda row: row.doc_id) == sorted(before.rows, key=lambda row: row.doc_id)
