"""A set is the same set from every copy: whatever the copy calls its columns, and in whatever form it is."""

import functools
import http.server
import json
import os
import subprocess
import sys
import threading

import pytest

from lm_eval_mathtasks.errors import DataError
from lm_eval_mathtasks.problems.rows import find_file, set_rows
from lm_eval_mathtasks.problems.sets import Source

PAIRS = [("What is 1+1?", "2"), ('A "half", as a number?', "0.5")]
CSV = 'Id,Problem,Short Answer\n1,What is 1+1?,2\n2,"A ""half"", as a number?",0.5\n'
TSV = 'What is 1+1?\t2\nA "half", as a number?\t0.5\n'
XML = """<Set><Problem ID="1"><Body>Two apples, one gone</Body><Question>How many?</Question><Answer>1 (apples)</Answer>
</Problem><Problem ID="2"><Body>Three more?</Body><Question>How many?</Question><Answer>3</Answer></Problem></Set>"""
TABLE = Source(
    "table", docs=2, licence="MIT", question="Problem", gold="Short Answer", github="a/b", file="data/t.csv"
)
LINES = Source("lines-de", docs=2, licence="MIT", github="a/b", file="m_de.tsv", where={"lang": "de"})


def pairs(source, place):
    rows, _ = set_rows(source, str(place))
    return [(row[source.question], row[source.gold]) for row in rows]


@pytest.mark.parametrize(
    ("source", "name", "content"),
    [
        (TABLE, "t.csv", CSV),
        (TABLE, "table.json", json.dumps({"1": {"Problem": PAIRS[0][0], "Short Answer": PAIRS[0][1]},
                                          "2": {"Problem": PAIRS[1][0], "Short Answer": PAIRS[1][1]}})),
        (TABLE, "table.json", json.dumps([{"problem": q, "answer": a} for q, a in PAIRS])),
        (TABLE, "table_test.jsonl", "".join(json.dumps({"question": q, "answer": a}) + "\n" for q, a in PAIRS)),
        (LINES, "m_de.tsv", TSV),
        (LINES, "lines_de.jsonl", "".join(json.dumps({"question": q, "answer": a, "lang": lang}) + "\n"
                                          for lang in ("en", "de") for q, a in PAIRS)),
    ],
)  # fmt: skip
def test_every_form_gives_the_published_columns(tmp_path, source, name, content):
    (tmp_path / name).write_text(content, encoding="utf-8")
    assert pairs(source, tmp_path / name) == PAIRS
    if not name.endswith(".json"):
        assert pairs(source, tmp_path) == PAIRS, "and is found in its folder"


def test_a_question_in_two_columns_is_one_text(tmp_path):
    copies = {"body": "Body", "raw": "Answer"}
    source = Source(
        "w", 2, "MIT", question="Question", gold="Answer", body="Body", copies=copies, file="w.xml"
    )
    (tmp_path / "w.xml").write_text(XML)
    wanted = [("Two apples, one gone. How many?", "1 (apples)"), ("Three more? How many?", "3")]
    assert pairs(source, tmp_path) == wanted
    hub = [{"body": "Two apples, one gone", "question": "How many?", "answer": "1 (apples)"}]
    joined = [{"question": wanted[1][0], "answer": "three", "raw": "3"}]
    (tmp_path / "other.jsonl").write_text("".join(json.dumps(row) + "\n" for row in hub + joined))
    assert pairs(source, tmp_path / "other.jsonl") == wanted


def test_a_table_stands_on_lines_of_its_own(tmp_path):
    row = {"table": "a | b\n1 | 2", "question": "What is b?", "answer": "2"}
    (tmp_path / "t.jsonl").write_text(json.dumps(row) + "\n")
    source = Source("t", 1, "MIT", body="table")
    assert pairs(source, tmp_path / "t.jsonl") == [("a | b\n1 | 2\nWhat is b?", "2")]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.csv", b"\xff\xfe\x00", "the set table in .*t.csv"),
        ("table.json", b"{", "the set table in"),
        ("table.json", b"[1]", "the set table in"),
        ("table.xml", b"<Set>", "the set table in"),
        ("table.xlsx", b"", r"a set in \.jsonl, \.parquet, \.json, \.csv.*Convert it"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        set_rows(TABLE, str(tmp_path / name))


def test_the_published_name_is_among_those_that_are_looked_for(tmp_path):
    (tmp_path / "t.csv").write_text(CSV)
    assert find_file(TABLE, tmp_path) == tmp_path / "t.csv"


def test_a_file_of_a_repository_is_fetched_at_its_commit(tmp_path):
    """In a process of its own: the tests' are told to stay off the network."""
    folder = tmp_path / "web" / "a" / "b" / "0123abc" / "data"
    folder.mkdir(parents=True)
    (folder / "t.csv").write_text(CSV)
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path / "web"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        code = f"""
import dataclasses
from lm_eval_mathtasks.problems import rows
from tests.problems.test_rows import TABLE
rows.GITHUB = "http://127.0.0.1:{server.server_port}"
found, place = rows.set_rows(dataclasses.replace(TABLE, revision="0123abc"), None)
print([(row["Problem"], row["Short Answer"]) for row in found], place)
rows.set_rows(dataclasses.replace(TABLE, revision="fedcba9"), None)
"""
        env = {**os.environ, "HF_HUB_OFFLINE": "0", "HF_HOME": str(tmp_path)}
        done = subprocess.run(
            [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False
        )
        server.shutdown()
    assert done.stdout.strip() == f"{PAIRS} github.com/a/b at revision 0123abc"
    assert "the set table from github.com/a/b at revision fedcba9, got FileNotFoundError" in done.stderr
