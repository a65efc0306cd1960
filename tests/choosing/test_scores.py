"""Files of scores: every shape that is read, every fault that is named; and the command that uses them."""

import gzip
import json

import pytest

from lm_eval_mathtasks.choosing.kept_scores import score_run
from lm_eval_mathtasks.choosing.score_files import has_steps, one_score, read_scores
from lm_eval_mathtasks.cli import main
from lm_eval_mathtasks.errors import EvidenceError, ScoreError
from lm_eval_mathtasks.runs.reading import read_run

RIGHT, WRONG = r"So \boxed{7}.", r"So \boxed{8}."
DOCS = [{"doc_id": i, "question": f"What is {i} + {7 - i}?", "gold": "7"} for i in range(4)]
SCORES = [[0.9, 0.1], [0.2, 0.8], [0.5, 0.25], [1.0, 0.0]]


def write(path, rows):
    text = "".join(row + "\n" if isinstance(row, str) else json.dumps(row) + "\n" for row in rows)
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text)
    return path


@pytest.fixture
def run_file(tmp_path):
    return write(tmp_path / "run.jsonl", [{**doc, "responses": [RIGHT, WRONG]} for doc in DOCS])


@pytest.fixture
def run(run_file):
    return read_run(run_file)


def by_doc(scores):
    return {str(i): scores[i] for i in range(len(scores))}


def flat(**names):
    doc, repeat, score = (names.get(n, n) for n in ("doc", "repeat", "score"))
    return [{doc: i, repeat: k, score: s} for i, own in enumerate(SCORES) for k, s in enumerate(own)]


SHAPES = {
    "a line a response": flat(),
    "ids as text, other names": [{**row, "id": str(row["id"])} for row in flat(doc="id", score="reward")],
    "repeats from 1": [{**row, "repeat": row["repeat"] + 1} for row in flat(doc="doc_id")],
    "any order": flat()[::-1],
    "a line a doc": [{"doc_id": i, "scores": own} for i, own in enumerate(SCORES)],
    "by question": [{"question": d["question"], "rm_scores": s} for d, s in zip(DOCS, SCORES, strict=True)][
        ::-1
    ],
    "by place": [{"rewards": own} for own in SCORES],
    "another numbering beside the question": [
        {"idx": (i + 1) % 4, "question": DOCS[i]["question"], "pred_score": own}
        for i, own in enumerate(SCORES)
    ],
    "inside the responses": [
        {"doc_id": i, "samples": [{"text": "x", "reward": s} for s in own]} for i, own in enumerate(SCORES)
    ],
    "lines in order": [{"doc_id": i, "score": s} for i, own in enumerate(SCORES) for s in own],
    "lines in order without ids": [{"score": s} for own in SCORES for s in own],
    "lines with the text, in another order": [
        {"question": DOCS[i]["question"], "response": (RIGHT, WRONG)[k], "skywork_reward": own[k]}
        for i, own in enumerate(SCORES)
        for k in (1, 0)
    ],
    "beside numbers that are other things": [
        {"doc_id": i, "difficulty_score": 0.3, "verify_score": [1.0, 0.0], "rm_score": own}
        for i, own in enumerate(SCORES)
    ],
    "by a vague name": [{"doc_id": i, "probs": own} for i, own in enumerate(SCORES)],
    "beside verdicts": [
        {"doc_id": i, "score": [True, False], "pred_score": [[s] for s in own]}
        for i, own in enumerate(SCORES)
    ],
}


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("suffix", [".jsonl", ".jsonl.gz"])
def test_every_shape_gives_the_same_scores(tmp_path, run, name, suffix):
    scores = read_scores(write(tmp_path / f"s{suffix}", SHAPES[name]), run)
    numbers = {doc: [one_score(own[k], "last") for k in (0, 1)] for doc, own in scores.items()}
    assert numbers == by_doc(SCORES)
    assert not has_steps(scores)


def test_a_json_list_and_integers_are_read(tmp_path, run):
    path = tmp_path / "s.json"
    path.write_text(json.dumps([{"doc": i, "scores": [1, 2]} for i in range(4)]))
    assert read_scores(path, run)["3"] == {0: 1.0, 1: 2.0}


@pytest.mark.parametrize("content", [SCORES, by_doc(SCORES)], ids=["list of lists", "by doc"])
def test_bare_json_is_read(tmp_path, run, content):
    path = tmp_path / "s.json"
    path.write_text(json.dumps(content))
    assert [list(own.values()) for own in read_scores(path, run).values()] == SCORES


ALONE = {
    "no id": lambda i, k: {},
    "an id a doc": lambda i, k: {"id": f"q{i}"},
    "an id a line": lambda i, k: {"id": 3 * i + k},
    "a number of the response that we do not know": lambda i, k: {"idx": i, "sample_id": k},
    "doc and repeat": lambda i, k: {"doc": i, "repeat": k},
    "a repeat alone": lambda i, k: {"repeat": k},
    "verdicts that disagree": lambda i, k: {"label": True, "is_correct": False},
}


@pytest.mark.parametrize("name", ALONE)
@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
def test_lines_of_one_question_are_its_responses(tmp_path, capsys, name, suffix):
    """The right one of three has the highest score: best-of-3 is always right, whatever names the lines."""
    rows = [
        {**ALONE[name](i, k), "question": doc["question"], "gold": "7", "response": text, "rm_score": 0.1 * k}
        for i, doc in enumerate(DOCS)
        for k, text in enumerate((WRONG, r"So \boxed{9}.", RIGHT))
    ]
    path = tmp_path / f"run{suffix}"
    if suffix == ".parquet":
        pytest.importorskip("pyarrow.parquet").write_table(
            pytest.importorskip("pyarrow").Table.from_pylist(rows), path
        )
    else:
        write(path, rows)
    assert main(["choose", str(path)]) == 0
    said = "the same question are taken as repeats" in " ".join(capsys.readouterr().out.split())
    assert said == ("repeat" not in rows[0])
    assert main(["choose", str(path), "--format", "csv"]) == 0
    found = {tuple(row.split(",")[2:4]): row.split(",")[4] for row in capsys.readouterr().out.splitlines()}
    assert (found["best-of-k", "3"], found["maj@k", "3"]) == ("1", "0.333333")


def test_responses_in_steps_are_whole_responses(tmp_path):
    rows = [{**doc, "responses": [["Add.", RIGHT], ["Guess.", WRONG]]} for doc in DOCS]
    assert read_run(write(tmp_path / "run.jsonl", rows)).rows[0].responses[1] == f"Guess.\n\n{WRONG}"


@pytest.mark.parametrize(
    "rows",
    [
        [{"doc": i, "repeat": k, "scores": [0.5, 0.25, 0.75]} for i in range(4) for k in range(2)],
        [{"doc": i, "step_scores": [[0.5, 0.25, 0.75], [0.5, 0.25, 0.75]]} for i in range(4)],
    ],
    ids=["a line a response", "a line a doc"],
)
def test_scores_of_steps_become_one_number(tmp_path, run, rows):
    scores = read_scores(write(tmp_path / "s.jsonl", rows), run)
    assert has_steps(scores)
    numbers = {how: one_score(scores["2"][1], how) for how in ("min", "last", "mean", "product")}
    assert numbers == {"min": 0.25, "last": 0.75, "mean": 0.5, "product": 0.09375}


FAULTS = {
    "unknown doc": ([*flat(), {"doc": 9, "repeat": 0, "score": 1}], r"row 9 .*no doc 9"),
    "missing": (flat()[:-1], r"none for 1, for instance doc 3, repeat 1"),
    "doubled": ([*flat(), flat()[2]], r"row 9 .*doc 1.* repeat 0 is scored again"),
    "doubled by a whole line": ([*flat(), {"doc": 2, "score": [1, 2]}], r"row 9 .*scored again"),
    "NaN": (['{"doc": 0, "repeat": 0, "score": NaN}', *flat()[1:]], r"row 1 .*nan"),
    "infinity": ([*flat()[:-1], '{"doc": 3, "repeat": 1, "score": -Infinity}'], r"row 8 .*-inf"),
    "null": ([*flat()[:-1], {"doc": 3, "repeat": 1, "score": None}], r"row 8 .*None"),
    "verdict": ([*flat()[:-1], {"doc": 3, "repeat": 1, "score": True}], r"row 8 .*verdict"),
    "text": ([*flat()[:-1], {"doc": 3, "repeat": 1, "score": "0.5"}], r"row 8 .*'0.5'"),
    "too many": (
        [{"doc": i, "scores": [1.0, 2.0, 3.0]} for i in range(4)],
        r"2 scores, one a response \(row 1.*got 3",
    ),
    "another text": (
        [{"doc": i, "response": f"{k}", "score": 1.0} for i in range(4) for k in range(2)],
        r"doc 0 in row 1 of.*another text",
    ),
    "two kinds of reward": (
        [{"doc": i, "rewards": [1.0, 2.0], "orm_score": [0.5, 0.25]} for i in range(4)],
        r"several: rewards, orm_score",
    ),
    "two kinds of scores": (
        [{"doc": i, "reward": [1.0, 2.0], "score": [0.5, 0.25]} for i in range(4)],
        r"several: reward, score",
    ),
    "numbers as text": ([{"doc": i, "rewards": ["0.5", "1"]} for i in range(4)], "quotation marks"),
    "which response": ([{"doc": i, "score": 1.0} for i in range(4)], r"row 1 .*one score.*`repeat`"),
    "repeat beyond": ([*flat(), {"doc": 0, "repeat": 2, "score": 1}], r"row 9 .*repeat 2"),
    "repeat as text": ([{"doc": 0, "repeat": "a", "score": 1}], r"row 1 .*'a'"),
    "no steps": ([{"doc": i, "step_scores": [[], [0.5]]} for i in range(4)], r"row 1 .*an empty list"),
    "only verdicts": ([{"doc": i, "score": [True, False]} for i in range(4)], r"only doc, score.*verdicts"),
    "two columns": (
        [{"doc": i, "rewards": [1.0, 2.0], "prm_scores": [1.0, 2.0]} for i in range(4)],
        r"several: rewards, prm_scores.*--score-column",
    ),
    "a question that is another doc's": (
        [{"question": "What is 1 + 1?", "scores": [1.0, 2.0]}],
        r"row 1 .*no id",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_named_with_its_row(tmp_path, run, name):
    rows, message = FAULTS[name]
    with pytest.raises(ScoreError, match=message):
        read_scores(write(tmp_path / "s.jsonl", rows), run)


def test_half_a_line_and_a_missing_file(tmp_path, run):
    with pytest.raises(EvidenceError, match="line 9"):
        read_scores(write(tmp_path / "s.jsonl", [*flat(), '{"doc": 1, "rep']), run)
    with pytest.raises(ScoreError, match="no file"):
        read_scores(tmp_path / "none.jsonl", run)


def test_the_column_can_be_named(tmp_path, run):
    rows = [{"doc": i, "rewards": [1.0, 2.0], "quality": [3.0, 4.0]} for i in range(4)]
    assert read_scores(write(tmp_path / "s.jsonl", rows), run, "quality")["0"] == {0: 3.0, 1: 4.0}


def test_a_response_that_an_api_error_took_needs_no_score(tmp_path):
    reasons = [["stop", "stop"], ["api_error", "stop"], ["stop", "stop"], ["stop", "api_error"]]
    rows = [
        {**d, "responses": [RIGHT, WRONG], "finish_reasons": r} for d, r in zip(DOCS, reasons, strict=True)
    ]
    run = read_run(write(tmp_path / "run.jsonl", rows))
    assert run.rows[1].there == (1,)
    lines = [{"doc": i, "scores": own} for i, own in enumerate(SCORES)]
    lines[1] = {"doc": 1, "scores": [None, 0.8]}
    assert read_scores(write(tmp_path / "s.jsonl", lines), run)["1"] == {1: 0.8}
    lines[2] = {"doc": 2, "scores": [None, 0.8]}
    with pytest.raises(ScoreError, match=r"row 3 .*None"):
        read_scores(write(tmp_path / "s.jsonl", lines), run)


class Length:
    """A scorer that counts characters, and what it was asked."""

    of_prompt = False

    def __init__(self, dies_at=None):
        self.asked, self.dies_at = [], dies_at

    def score(self, question, responses):
        if self.dies_at in question:
            raise ScoreError("a shorter response", "a long one", "none")
        self.asked += [question] * len(responses)
        return [(float(len(r)), 0.5) for r in responses]


def test_a_killed_scoring_goes_on_where_it_was(tmp_path, run):
    path = tmp_path / "kept.jsonl"
    with pytest.raises(ScoreError, match=r"a shorter response \(doc 2\)"):
        score_run(run, Length(dies_at="2 + 5"), "length", path)
    with path.open("a") as file:
        file.write('{"doc_id": "2", "rep')  # killed while it wrote
    second = Length(dies_at="no question")
    scores = score_run(run, second, "length", path)
    assert len(second.asked) == 4  # two docs, two responses each
    assert scores == read_scores(path, run)
    third = Length(dies_at="?")
    assert score_run(run, third, "length", path) == scores


def test_a_score_that_is_not_finite_is_an_error(tmp_path, run):
    scorer = Length(dies_at="no question")
    scorer.score = lambda question, responses: [(1.0, float("nan"))] * len(responses)
    with pytest.raises(ScoreError, match="finite score of doc 0, repeat 0"):
        score_run(run, scorer, "nan", tmp_path / "new" / "kept.jsonl")


def test_scores_of_another_scorer_or_text_are_not_mixed(tmp_path, run):
    path = tmp_path / "kept.jsonl"
    score_run(run, Length(dies_at="no question"), "length", path)
    with pytest.raises(ScoreError, match="scores by length"):
        score_run(run, Length(dies_at="no question"), "other", path)
    rows = [{**doc, "responses": [RIGHT, RIGHT]} for doc in DOCS]
    changed = read_run(write(tmp_path / "changed.jsonl", rows))
    with pytest.raises(ScoreError, match="another text for doc 0, repeat 1"):
        score_run(changed, Length(dies_at="no question"), "length", path)
    with pytest.raises(ScoreError, match="--save-scores wrote"):
        score_run(run, Length(dies_at="no question"), "length", write(tmp_path / "x.jsonl", flat()))


def test_the_command_prints_every_way_of_choosing(tmp_path, run_file, capsys):
    scores = write(tmp_path / "s.jsonl", flat())
    assert main(["choose", str(run_file), "--scores", str(scores), "--format", "csv"]) == 0
    lines = [line.split(",") for line in capsys.readouterr().out.splitlines()]
    values = {(row[2], int(row[3])): float(row[4]) for row in lines[1:]}
    # The scores are right about docs 0, 2 and 3, so are the weights of two votes; plain votes tie.
    expected = {"pass@k": (0.5, 1.0), "maj@k": (0.5, 0.5), "avg@k": (0.5, 0.5)}
    expected |= {"best-of-k": (0.5, 0.75), "weighted@k": (0.5, 0.75)}
    assert values == {(way, k): pair[k - 1] for way, pair in expected.items() for k in (1, 2)}


def test_the_command_says_whose_verdicts_it_uses(tmp_path, run_file, capsys):
    scores = write(tmp_path / "s.jsonl", flat())
    assert main(["choose", str(run_file), "--scores", str(scores), "--regrade"]) == 0
    assert "verdicts: our grader's on every response" in " ".join(capsys.readouterr().out.split())
    assert main(["choose", str(run_file), "--scores", str(scores), "--metric", "exact_match"]) == 2
    assert "got --metric. Leave that out." in " ".join(capsys.readouterr().err.split())


def test_the_command_reads_scores_from_the_run_itself(tmp_path, capsys):
    rows = [{**d, "responses": [RIGHT, WRONG], "rewards": s} for d, s in zip(DOCS, SCORES, strict=True)]
    path = write(tmp_path / "both.jsonl", rows)
    assert main(["choose", str(path), "--format", "markdown"]) == 0
    out = capsys.readouterr().out
    assert "| 2 | 100.0 [" in out
    assert "scores: " + str(path) in out
    assert "a vote in weighted@k counts its score" in out
    assert "in 75.0 % of pairs" in out


INSIDE = {
    "lists": lambda doc, s: {**doc, "responses": [RIGHT, WRONG], "rewards": s},
    "steps": lambda doc, s: {**doc, "completions": [RIGHT, WRONG], "scores": [[1.0, x] for x in s]},
    "objects": lambda doc, s: {
        **doc,
        "samples": [{"response": t, "reward": x} for t, x in zip((RIGHT, WRONG), s, strict=True)],
    },
    "verdicts beside": lambda doc, s: {
        **doc,
        "code": [RIGHT, WRONG],
        "pred": ["7", "8"],
        "score": [True, False],
        "pred_score": [[x] for x in s],
    },
    "no ids": lambda doc, s: {
        "problem": doc["question"],
        "answer": "7",
        "generations": [RIGHT, WRONG],
        "rm_scores": s,
    },
}


@pytest.mark.parametrize("shape", INSIDE)
def test_responses_and_scores_in_one_file(tmp_path, shape, capsys):
    rows = [INSIDE[shape](doc, own) for doc, own in zip(DOCS, SCORES, strict=True)]
    path = write(tmp_path / "both.jsonl", rows)
    assert main(["choose", str(path), "--format", "csv"]) == 0
    values = {
        tuple(line.split(",")[2:4]): line.split(",")[4] for line in capsys.readouterr().out.splitlines()
    }
    assert values["best-of-k", "2"] == values["weighted@k", "2"] == "0.75"
    assert values["maj@k", "2"] == "0.5"


def test_negative_scores_are_weighed_by_their_exponential(tmp_path, run_file, capsys):
    rows = [{**row, "score": row["score"] - 3} for row in flat()]
    path = str(write(tmp_path / "s.jsonl", rows))
    assert main(["choose", str(run_file), "--scores", path, "--format", "markdown"]) == 0
    assert "counts e^score" in capsys.readouterr().out
    assert main(["choose", str(run_file), "--scores", path, "--weights", "sum"]) == 2
    assert "--weights exp" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--k", "3"], "at least 3 responses"),
        (["--scorer", "judge:x"], "KIND is one of"),
        (["--scorer", "orm:/nowhere"], "no config.json"),
        (["--scorer", "logprob:http://localhost:1"], "a kind that a server can score"),
        (["--save-scores", "x"], "--scorer"),
        ([], "only doc_id, question, gold, responses"),
    ],
)
def test_what_the_user_can_mend_is_said(run_file, more, said, capsys):
    assert main(["choose", str(run_file), *more]) == 2
    assert said in capsys.readouterr().err
