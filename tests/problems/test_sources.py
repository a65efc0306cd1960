"""Where docs come from, and what is said when they are not there or not the right ones."""

import dataclasses
import json
import logging
import os
import re
import subprocess
import sys

import pytest

from lm_eval_mathtasks.errors import DataError
from lm_eval_mathtasks.problems import rows as module
from lm_eval_mathtasks.problems import sources
from lm_eval_mathtasks.problems.sets import known_sets, read_sets
from tests.conftest import shared_path
from tests.problems.fake_hub import FakeHub, files_of_gsm8k

ROWS = [
    {"question": "One plus one?", "answer": "#### 2", "extra": 1},
    {"question": "Two plus\n  two?", "answer": "#### 4", "extra": 2},
]


def write(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


DOCS = [{"question": row["question"], "gold": row["answer"], "extra": row["extra"]} for row in ROWS]


def load(place, **metadata):
    return sources.load_set("gsm8k", {"data_dir": str(place), "checksum": "warn", **metadata})[
        "test"
    ].to_list()


@pytest.mark.parametrize(
    "name", ["gsm8k_test.jsonl", "gsm8k.jsonl", "gsm8k/test.jsonl", "test.jsonl", "deep/gsm8k_test.jsonl"]
)
def test_a_folder_or_a_file_of_jsonl(tmp_path, name):
    path = write(tmp_path / name, ROWS)
    assert load(path) == DOCS
    if not name.startswith("deep"):
        assert load(tmp_path) == DOCS


@pytest.mark.parametrize("name", ["gsm8k_test.parquet", "main/test-00000-of-00001.parquet"])
def test_parquet_as_a_clone_of_the_hub_has_it(tmp_path, name):
    from datasets import Dataset

    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    Dataset.from_list(ROWS).to_parquet(str(path))
    assert load(tmp_path) == load(path) == DOCS


def test_the_environment_variable_and_that_metadata_wins(tmp_path, monkeypatch):
    here, there = write(tmp_path / "a" / "gsm8k.jsonl", ROWS), write(tmp_path / "b" / "gsm8k.jsonl", ROWS[:1])
    monkeypatch.setenv(sources.DATA_DIR_VARIABLE, str(here))
    assert len(sources.load_set("gsm8k", {"checksum": "warn"})["test"]) == 2
    assert len(load(there)) == 1


def test_checksum_sees_content_not_layout():
    same = [
        {"answer": "#### 2", "question": " One  plus one?"},
        {"question": "Two plus two?", "answer": "#### 4"},
    ]
    assert sources.checksum(ROWS, ["question", "answer"]) == sources.checksum(same, ["question", "answer"])
    other = [same[0], {"question": "Two plus two?", "answer": "#### 5"}]
    assert sources.checksum(ROWS, ["question", "answer"]) != sources.checksum(other, ["question", "answer"])
    assert sources.checksum(ROWS, ["question"]) != sources.checksum(ROWS[::-1], ["question"])


def test_another_content_is_refused_or_said(tmp_path, caplog, monkeypatch):
    path = write(tmp_path / "gsm8k.jsonl", ROWS)
    with pytest.raises(
        DataError, match=r"1319 docs, checksum f4d5.*got 2 docs, checksum .* MATHTASKS_CHECKSUM=warn"
    ):
        load(path, checksum="error")
    with caplog.at_level(logging.WARNING):
        load(path)
    assert "not the published set" in caplog.text
    monkeypatch.setenv(sources.CHECKSUM_VARIABLE, "never")
    with pytest.raises(DataError, match="'error' or 'warn'"):
        sources.load_set("gsm8k", {"data_dir": str(path)})


def test_no_network_and_nothing_local_names_three_ways_out(monkeypatch):
    monkeypatch.delenv(sources.DATA_DIR_VARIABLE, raising=False)
    with pytest.raises(DataError) as caught:
        sources.load_set("math500", {})
    text = str(caught.value)
    assert all(way in text for way in ("HF_ENDPOINT", "MATHTASKS_DATA_DIR", "sample-math", "6e4ed1a"))


@pytest.mark.parametrize(("name", "near"), [("gsm9k", "gsm8k"), (None, "gsm8k, .*sample-math")])
def test_a_set_that_is_not_known_is_named_with_those_that_are(name, near):
    with pytest.raises(DataError, match=rf"got {name!r}\. .*dataset_kwargs: {{set: .*: {near}"):
        sources.load_set(name, {})


def test_every_row_of_the_table_is_whole():
    """YAML reads some texts as numbers; a row that names no place could never be loaded."""
    for name, source in known_sets().items():
        for field in dataclasses.fields(source):
            kind = {"int": int, "str": str, "bool": bool, "str | None": str | None}.get(field.type)
            assert kind is None or isinstance(getattr(source, field.name), kind), (name, field.name)
        places = [bool(place) for place in (source.hub, source.github and source.file, source.bundled)]
        # Of a train split that lies on no hub only the checksum is known.
        assert sum(places) == 1 or (not any(places) and source.checksum), name
        assert not source.hub or re.fullmatch("[0-9a-f]{40}", source.revision)
        assert not source.github or re.fullmatch("[0-9a-f]{7,40}", source.revision)
        assert re.fullmatch(r"((rows:)?[0-9a-f]{64})?", source.checksum), name
        assert source.licence, name
        assert set(source.columns.values()) & {"question", "gold", "solution"} or not source.columns, name


def test_a_doc_that_is_published_without_an_answer_is_known_to_be(tmp_path, monkeypatch):
    path = write(tmp_path / "gsm8k.jsonl", [*ROWS, {"question": "And three?", "answer": ""}])
    with pytest.raises(DataError, match="1 without 'answer': doc 2"):
        load(path)
    monkeypatch.setitem(known_sets(), "gsm8k", dataclasses.replace(known_sets()["gsm8k"], without_gold=1))
    assert load(path)[2]["gold"] == ""


def test_a_row_with_a_field_that_does_not_exist_is_refused(tmp_path):
    (tmp_path / "sets.yaml").write_text("mine: {docs: 2, licence: MIT, pattern: x}\n")
    with pytest.raises(TypeError, match="pattern"):
        read_sets(tmp_path / "sets.yaml")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"question": "a", "answer": "#### 1"}\n{"question": ', r"line 2.*got '\{\"question\":'"),
        ('["a"]\n', "line 1 of .*, got list"),
        ("", "an empty file"),
        (
            '{"question": "a", "solution": "1"}\n',
            "columns 'question' and 'answer'.*got the columns question, solution",
        ),
        (
            '{"question": "a", "answer": "#### 1"}\n{"question": "b", "answer": null}\n'
            '{"question": "c", "answer": " "}\n',
            r"2 without 'answer': doc 1, 2",
        ),
    ],
)
def test_bad_files_are_named(tmp_path, content, message):
    path = tmp_path / "gsm8k.jsonl"
    path.write_text(content)
    with pytest.raises(DataError, match=message) as caught:
        load(path)
    assert str(path) in str(caught.value)
    assert caught.value.fix


def test_a_place_that_holds_nothing(tmp_path):
    with pytest.raises(DataError, match=r"holds none of its file names.*gsm8k_test\.jsonl"):
        load(tmp_path)
    with pytest.raises(DataError, match="does not exist"):
        load(tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["sample-gsm8k", "sample-math"])
def test_the_bundled_samples_are_the_ones_of_their_checksum(name):
    docs = sources.load_set(name, {})["test"]
    assert len(docs) == known_sets()[name].docs


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("gsm8k", 1319),
        ("math500", 500),
        ("math", 5000),
        ("amc23", 40),
        ("aime24", 30),
        ("olympiadbench", 675),
    ],
)
def test_the_real_sets_have_their_published_content(name, count, caplog):
    """The MATH-500 file is, byte for byte, the hub's at the pinned revision (its SHA-256 starts 35dc4108)."""
    folder = shared_path("data")
    docs = sources.load_set(name, {"data_dir": str(folder)})["test"]
    assert len(docs) == count == known_sets()[name].docs
    assert not caplog.records


@pytest.mark.parametrize(
    ("name", "published"),
    [
        ("math500", "553f055c842476cc47f45cd84e518ef1b423473f455624eda37b0649be232767"),
        ("amc23", "56076d9cff03e6883ff590c23681fa4c4a884b5992771008cffbd6eb4ed7239f"),
    ],
)
def test_the_other_form_of_checksum_is_the_one_that_others_publish(name, published):
    """Hence that form may stand in for ours where the content is not at hand: for Minerva Math."""
    source = known_sets()[name]
    rows = module.read_rows(shared_path(f"data/{name}.jsonl"))
    assert sources.rows_checksum(rows, source.question, source.gold) == published
    assert known_sets()["minerva-math"].checksum.startswith(sources.ROWS_FORM)


@pytest.fixture
def hub_copy(monkeypatch):
    """Make a variant of GSM8K's entry in the catalogue, and ROWS what the hub answers."""

    def make(**changes):
        source = dataclasses.replace(known_sets()["gsm8k"], **{"docs": 2, **changes})
        monkeypatch.setitem(known_sets(), "gsm8k", source)
        monkeypatch.setattr(module, "_hub_rows", lambda source: ROWS)
        monkeypatch.delenv(sources.DATA_DIR_VARIABLE, raising=False)

    return make


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"confirmed": False}, "differs from the copy that our checksum was made from"),
        ({"checksum": ""}, "has no published checksum to compare"),
        ({"docs": 3, "editions": {2: ""}}, "has no published checksum to compare"),
    ],
)
def test_content_that_cannot_be_verified_is_used_and_said(hub_copy, caplog, changes, said):
    hub_copy(**changes)
    assert len(sources.load_set("gsm8k", {})["test"]) == 2
    assert said in caplog.text
    assert "number of docs (2)" in caplog.text


@pytest.mark.parametrize("changes", [{}, {"docs": 3, "checksum": ""}, {"docs": 3, "editions": {4: ""}}])
def test_another_number_of_docs_or_confirmed_content_is_still_refused(hub_copy, changes):
    hub_copy(**changes)
    with pytest.raises(DataError, match="the published set gsm8k"):
        sources.load_set("gsm8k", {})


def test_a_gold_that_is_no_answer_of_its_contest_is_named(tmp_path):
    rows = [{"problem": f"What is {n}?", "answer": n} for n in ("073", "999", "1000")]
    path = write(tmp_path / "aime25.jsonl", rows)
    with pytest.raises(DataError, match=r"'1000' in doc 2 \(from 0\), and 0 more"):
        sources.load_set("aime25", {"data_dir": str(path), "checksum": "warn"})


def test_the_type_of_a_column_and_where_it_counts_the_order_do_not_change_a_checksum():
    numbers, texts = [[{"q": "a", "n": one}, {"q": "b", "n": two}] for one, two in ((27.0, 3), ("27", "3"))]
    assert sources.checksum(numbers, "qn") == sources.checksum(texts, "qn")
    assert sources.checksum(texts, "qn", ordered=False) == sources.checksum(texts[::-1], "qn", ordered=False)
    assert sources.checksum(texts, "qn") != sources.checksum(texts[::-1], "qn")


def test_several_configurations_make_one_set(monkeypatch):
    """MATH lies on the hub as seven configurations, in the order of the catalogue."""
    import datasets

    asked = []

    def load_dataset(hub, config, *, split, revision):
        asked.append((hub, config, split, revision))
        return datasets.Dataset.from_list([{"problem": config, "solution": "\\boxed{1}"}])

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    rows = module._hub_rows(known_sets()["math"])
    assert [row["problem"] for row in rows] == list(known_sets()["math"].configs)
    assert {(hub, revision) for hub, _, _, revision in asked} == {
        ("EleutherAI/hendrycks_math", "21a5633873b6a120296cce3e2df9d5550074f4a3")
    }


def test_a_mirror_is_asked_for_the_pinned_revision(tmp_path):
    """HF_ENDPOINT is read when the hub client is imported, hence the fresh process."""
    source = known_sets()["gsm8k"]
    with FakeHub(source.hub, source.revision, files_of_gsm8k(ROWS, tmp_path)) as hub:
        env = {**os.environ, "HF_ENDPOINT": hub.address, "HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "0"}
        env |= {sources.CHECKSUM_VARIABLE: "warn"}
        env.pop(sources.DATA_DIR_VARIABLE, None)
        code = "from lm_eval_mathtasks.problems.sources import load_set; print(load_set('gsm8k', {})['test'].to_list())"
        done = subprocess.run(
            [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False
        )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.strip().endswith(str(DOCS))
    assert all(source.revision in path for path in hub.asked if "gsm8k" in path)


@pytest.mark.parametrize(("name", "docs"), [("gsm8k-train", 7473), ("math-train-answers", 7500)])
def test_the_train_splits_are_pinned(name, docs):
    """Two problems of MATH's training set have an empty box as their answer; a third one would be a fault."""
    data = str(shared_path("data"))
    rows = sources.load_set(name, {"data_dir": data})["test"].to_list()
    source = known_sets()[name]
    assert len(rows) == docs == source.docs
    lost = [{"question": row["question"], "answer": "" if number < 3 else row["gold"]}
            for number, row in enumerate(rows)]  # fmt: skip
    with pytest.raises(DataError, match="without 'answer'"):
        sources._check_rows(source, lost, "here")


def test_a_set_without_a_hub_says_where_to_put_it(monkeypatch):
    monkeypatch.delenv(sources.DATA_DIR_VARIABLE, raising=False)
    with pytest.raises(DataError, match=r"no hub has.*math-train-answers_train.jsonl"):
        sources.load_set("math-train-answers", {})
