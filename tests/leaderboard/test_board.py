"""The board: what is not one quantity is not one list, a model and protocol are one line, and sizes are drawn."""

from dataclasses import replace
from datetime import date

import pytest

from lm_eval_mathtasks.commands import leaderboard as commands
from lm_eval_mathtasks.errors import ClaimError
from lm_eval_mathtasks.leaderboard.board import board_lines, board_tables, in_brief, months_old, plot_lines
from lm_eval_mathtasks.leaderboard.claim_tables import Filter
from lm_eval_mathtasks.tables import terminal_lines

TODAY = date(2026, 11, 29)


@pytest.fixture(scope="module")
def aime25(claims):
    return board_lines(Filter(benchmark="AIME25").keep(claims))


def test_a_vote_a_choice_and_tools_are_lists_of_their_own(aime25):
    assert len(aime25) > 3
    for (_, counted), lines in aime25.items():
        for line in lines:
            for claim in line.claims:
                assert (claim.metric in ("pass@1", "avg@k")) == counted.startswith("one answer")
                assert (claim.metric == "maj@k") == counted.startswith("the vote")
                assert (claim.tools not in (None, "none")) == counted.endswith("with tools")


def test_every_claim_is_in_one_line_and_the_best_stands_first(aime25, claims):
    chosen = Filter(benchmark="AIME25").keep(claims)
    assert sorted(c.id for lines in aime25.values() for line in lines for c in line.claims) == sorted(
        c.id for c in chosen
    )
    for lines in aime25.values():
        scores = [line.shown.score for line in lines]
        assert scores == sorted(scores, reverse=True)


def test_the_publishers_own_claim_is_shown_then_the_newest(claims):
    one = next(c for c in claims.rows if c.benchmark == "AIME25" and c.ranked)
    own = replace(one, id="own", reported_by="vendor", score=40.0, source=replace(one.source, date="2025-01"))
    old, new = (
        replace(one, id=i, reported_by="third-party", score=s, source=replace(one.source, date=d))
        for i, s, d in (("old", 41.0, "2024-05"), ("new", 42.0, "2026-05"))
    )
    (lines,) = board_lines([old, own, new]).values()
    assert [line.shown.id for line in lines] == ["own"]
    (lines,) = board_lines([old, new]).values()
    assert [line.shown.id for line in lines] == ["new"]
    # Another temperature is another protocol: a line of its own.
    (lines,) = board_lines([old, replace(new, temperature=0.31)]).values()
    assert len(lines) == 2
    (table,) = board_tables([old, own, new], claims, limit=0, today=TODAY)
    row = dict(zip(table.columns, table.rows[0], strict=True))
    assert (row["claims"], row["least"].value, row["most"].value) == (3, 0.4, 0.42)
    assert (row["published"], row["months old"]) == ("2025-01", 22)


def test_what_is_known_to_be_wrong_is_never_among_the_ranked(claims):
    lines = board_lines(Filter(benchmark="MATH-500", every=True).keep(claims))
    doubtful = lines["MATH-500", "known to be wrong, or not published"]
    assert doubtful
    assert not any(line.shown.ranked for line in doubtful)
    del lines["MATH-500", "known to be wrong, or not published"]
    assert all(c.ranked for found in lines.values() for line in found for c in line.claims)


@pytest.mark.parametrize(
    ("published", "months"),
    [("2026-11-28", 0), ("2025-11", 12), ("2025", 11), ("2026-12", 0), (None, None)],
)
def test_the_age_of_a_claim(published, months):
    assert months_old(published, TODAY) == months


def test_the_plot_puts_sizes_and_scores_where_they_are(claims):
    one = next(c for c in claims.rows if c.ranked)
    made = [
        replace(one, id=str(n), model=str(n), size_b=size, score=score, kind=kind)
        for n, (size, score, kind) in enumerate(
            [(1, 0, "base"), (100, 100, "reasoning"), (10, 50, "instruct"), (None, 70, "instruct")]
        )
    ]
    (lines,) = board_lines(made).values()
    drawn = plot_lines(lines)
    assert drawn[0] == " 100 |" + " " * 59 + "r"
    assert drawn[15] == "   0 |b"
    assert drawn[8].index("i") in (35, 36)
    assert "1 B" in drawn[17]
    assert drawn[17].endswith("100 B")
    assert drawn[18].endswith("no size known: 1")
    assert max(map(len, drawn[:18])) <= 80
    both = [replace(made[0], score=100, size_b=100, kind="base"), made[1]]
    (lines,) = board_lines([*both, made[0]]).values()
    assert plot_lines(lines)[0].endswith("*")
    (unknown,) = board_lines(made[3:]).values()
    assert plot_lines(unknown) == ["no size is known of these 1 models"]


def test_the_plot_is_for_people(capsys):
    from argparse import ArgumentParser

    parser = ArgumentParser()
    commands.add_arguments(parser)
    assert commands.main(parser.parse_args(["show", "AIME26", "--plot"])) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("AIME26: one answer, or the mean of several: score against size")
    with pytest.raises(ClaimError, match="Leave one of them out"):
        commands.main(parser.parse_args(["show", "AIME26", "--plot", "--format", "csv"]))


def test_on_a_terminal_a_model_and_protocol_is_a_line_with_its_age(claims):
    """Every benchmark at 80 columns, with all that is known to be wrong: no table falls apart into records."""
    high = []
    for table in board_tables(Filter(every=True).keep(claims), claims, limit=0, today=TODAY):
        lines = terminal_lines(in_brief(table), 80)
        assert max(map(len, lines)) <= 80
        if not any(line.startswith("──") for line in lines):
            high.append(table.title)
    assert high == []


def test_the_number_of_answers_stands_in_the_metric(claims):
    one = next(c for c in claims.rows if c.benchmark == "AIME25" and c.ranked)
    made = [
        replace(one, id=m, model=m, metric=m, k=k) for m, k in (("avg@k", 64), ("avg@k", None), ("pass@1", 1))
    ]
    (table,) = board_tables(made, claims, limit=0, today=TODAY)
    assert sorted(str(row[1]) for row in in_brief(table).rows) == ["avg@64", "avg@k", "pass@1"]
