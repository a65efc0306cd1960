"""Tables on terminals of any width, and as values for programs."""

import csv
import io
import json

import pytest

from lm_eval_mathtasks.numbers.intervals import Interval
from lm_eval_mathtasks.tables import (
    Name,
    Share,
    Table,
    column_key,
    print_lines,
    print_tables,
    rendered,
    terminal_lines,
)
from lm_eval_mathtasks.tables.layout import cell_width, wrapped

WORDS = "a cell of many words that says why a comparison breaks and what one might do about it " * 2
ID = Name("some-report/MATH-500/A Model (high)")
TABLE = Table(
    "a run",
    ("outcome", "ours - claim [95 %]", "why", "known", "id"),
    (
        ("equivalent", Share(0.0125, Interval(-0.5, 0.75), signed=True), WORDS, None, ID),
        ("differs", Share(-0.00001, None, signed=True), "short", 3, ID),
    ),
    ("a note " * 30,),
    "The run is equivalent. " * 6,
    {"model": "toy", "ours": Share(0.5, Interval(0.25, 0.75))},
)


def whole(lines, width):
    """No line is wider than the terminal, save one that is a single word or a name."""
    return all(cell_width(line) <= width or " " not in line.strip() for line in lines)


@pytest.mark.parametrize("width", [40, 60, 80, 119, 120, 160, 200, 300])
def test_no_word_is_broken_and_no_name_folded_at_any_width(width):
    lines = terminal_lines(TABLE, width)
    assert whole(lines, width), [line for line in lines if cell_width(line) > width]
    said = " ".join(lines)
    assert set(WORDS.split()) <= set(said.split())
    assert sum(ID in line for line in lines) == 2
    assert " ".join(lines).replace("\n", " ").rstrip().endswith("The run is equivalent.")


@pytest.mark.parametrize(("width", "records"), [(80, True), (200, False)])
def test_below_120_columns_a_wide_table_is_records(width, records):
    assert (
        any("why      " in line and "known" not in line for line in terminal_lines(TABLE, width)) == records
    )
    small = Table("", ("a", "b"), (("1", "2"),))
    assert terminal_lines(small, width) == ["a  b", "─  ─", "1  2"]


def test_records_leave_out_what_is_not_there_and_grids_columns_that_are_empty():
    records = terminal_lines(TABLE, 80)
    assert sum(line.strip().startswith("known") for line in records) == 1
    assert "c" not in terminal_lines(Table("", ("a", "c"), (("x", None), ("y", None))), 80)[0]


def test_wide_characters_take_two_columns_and_accents_none():
    assert [cell_width(text) for text in ("abc", "数学", "é", "e\u0301")] == [3, 4, 1, 1]
    lines = terminal_lines(Table("", ("a", "b"), (("数学", "x"), ("abcd", "y"))), 80)
    assert {line.rstrip()[-1] for line in lines[2:]} == {"x", "y"}
    assert lines[2].index("x") == 4
    assert lines[3].index("y") == 6


def test_what_steers_a_terminal_is_shown_by_name():
    assert "⟨U+001B⟩[2J" in terminal_lines(Table("", ("a",), (("\033[2J",),)), 80)[-1]


def test_for_programs_cells_are_values():
    (row, other) = csv.DictReader(io.StringIO(rendered([TABLE], "csv")))
    assert row["model"] == "toy"
    assert (row["ours"], row["ours_low"], row["ours_high"]) == ("0.5", "0.25", "0.75")
    assert (row["ours_minus_claim"], row["ours_minus_claim_low"]) == ("0.0125", "-0.5")
    assert (other["ours_minus_claim"], other["ours_minus_claim_low"]) == ("-1e-05", "")
    assert row["known"] == ""
    (table,) = json.loads(rendered([TABLE], "json"))
    assert table["facts"] == {"model": "toy", "ours": 0.5, "ours_low": 0.25, "ours_high": 0.75}
    assert table["rows"][0]["ours_minus_claim_high"] == 0.75
    assert table["rows"][0]["known"] is None
    assert table["rows"][1]["known"] == 3
    assert table["sentence"] == TABLE.sentence


def test_tables_of_the_same_columns_are_one_in_csv():
    other = Table("b", ("x",), ((1,),))
    assert rendered([other, other, Table("", ("y",), ((2.5,),))], "csv") == "x\n1\n1\n\ny\n2.5\n"


@pytest.mark.parametrize(
    ("column", "key"),
    [("claim [95 %]", "claim"), ("ours - claim", "ours_minus_claim"), ("pass@k", "pass@k"), ("size B", "size_b"),
     ("G-Pass@k_0.5", "g_pass@k_0.5")],
)  # fmt: skip
def test_names_of_columns_for_programs(column, key):
    assert column_key(column) == key


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (Share(-0.0), "0.0"),
        (Share(-0.00001, signed=True), "+0.0"),
        (Share(0.5, Interval(0.4, 0.6)), "50.0 [40.0, 60.0]"),
        (Share(0.0, Interval(-0.0, 0.0), signed=True, digits=2), "+0.00 [+0.00, +0.00]"),
        (Share(0.123456, digits=2), "12.35"),
    ],
)
def test_shares_are_percent_for_people_and_never_minus_zero(share, text):
    assert str(share) == text


def test_a_terminal_says_how_wide_it_is(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "60")
    print_tables([TABLE])
    print_lines([f"  {WORDS}", "short"])
    lines = capsys.readouterr().out.splitlines()
    assert whole(lines, 60)
    assert lines[-1] == "short"
    monkeypatch.delenv("COLUMNS")
    print_lines([WORDS.strip()])
    assert capsys.readouterr().out == WORDS.strip() + "\n"


def test_wrapping_keeps_every_word():
    assert wrapped("", 10) == []
    assert wrapped("a bb ccc", 4) == ["a bb", "ccc"]
    assert wrapped("x" * 50, 10) == ["x" * 50]
