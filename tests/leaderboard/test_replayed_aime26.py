"""A replayed run of AIME 2026: 30 docs, 16 answers each, against the claims, and what 30 docs can show."""

import argparse
import random

from lm_eval_mathtasks.commands import compare as compare_command
from lm_eval_mathtasks.leaderboard.compare import compare_all
from lm_eval_mathtasks.runs.reading import read_run
from tests.conftest import shared_rows
from tests.runs.logs_of_runs import doc, write_lm_eval

K, DOCS = 16, 30
PUBLISHED = 94.3  # VibeThinker-3B, the mean of 64


def replayed(folder, share, k=K, problems=()):
    """A log of VibeThinker-3B in which each answer is right with a probability that differs by doc."""
    draw = random.Random(26)
    asked = problems or [(None, 100 + number) for number in range(DOCS)]
    docs = [doc(number, gold, question) for number, (question, gold) in enumerate(asked)]
    # A few docs are hard and the others certain, so that the mean is the share.
    hard = [2 * share - 1 if number % 2 else 1.0 for number in range(DOCS)]
    right = [[draw.random() < chance for _ in range(k)] for chance in hard]
    responses = [
        [rf"The sum is \boxed{{{gold if ok else 1007}}}." for ok in marks]
        for (_, gold), marks in zip(asked, right, strict=True)
    ]
    settings = {"until": [], "do_sample": True, "temperature": 1.0, "top_p": 0.95, "max_gen_toks": 65536}
    return write_lm_eval(
        folder, docs, responses, scores=[sum(marks) / k for marks in right], task="aime26-cot",
        model="WeiboAI/VibeThinker-3B", chat=True, settings=settings, repeats=k,
    )  # fmt: skip


def shown(folder, capsys):
    parser = argparse.ArgumentParser()
    compare_command.add_arguments(parser)
    compare_command.main(parser.parse_args([str(folder), "--format", "markdown"]))
    return capsys.readouterr().out


def test_the_claims_are_those_of_the_model_and_the_year(tmp_path, claims):
    run = read_run(replayed(tmp_path, PUBLISHED / 100))
    assert (len(run.rows), run.protocol.k) == (DOCS, K)
    found = compare_all(run, claims)
    assert [c.claim.id for c in found] == ["vibethinker-3b/AIME26/VibeThinker-3B"]
    # Not AIME25 of the same source, and no other model's AIME26.
    others = [c for c in claims.rows if c.model == "VibeThinker-3B" and c.benchmark == "AIME25"]
    assert others


def test_the_published_score_is_not_called_different(tmp_path, claims):
    (result,) = compare_all(read_run(replayed(tmp_path, PUBLISHED / 100)), claims, benchmark="AIME26")
    assert result.outcome in ("equivalent", "no difference seen")
    assert not any(part.effect == "breaks" for part in result.parts)
    assert 0 in result.interval


def test_a_run_that_lost_twenty_points_differs(tmp_path, claims):
    (result,) = compare_all(read_run(replayed(tmp_path, 0.74)), claims, benchmark="AIME26")
    assert result.outcome == "differs"
    assert result.interval.high < 0


def test_thirty_other_questions_under_its_name_are_not_compared(tmp_path, claims):
    """The contest's own questions are known by their fingerprints, thirty of ours are not among them."""
    (result,) = compare_all(read_run(replayed(tmp_path, PUBLISHED / 100)), claims)
    assert result.outcome == "not comparable"


def test_the_contest_itself_is_compared_without_a_word_of_the_user(tmp_path, claims):
    problems = [(row["question"], row["answer"]) for row in shared_rows("data/aime26.jsonl")]
    (result,) = compare_all(read_run(replayed(tmp_path, PUBLISHED / 100, problems=problems)), claims)
    assert result.verdict in ("equivalent", "no difference seen")
    (result,) = compare_all(read_run(replayed(tmp_path, 0.74, problems=problems)), claims)
    assert result.verdict == "differs"


def test_what_thirty_docs_can_show_is_said(tmp_path, capsys, claims):
    out = shown(replayed(tmp_path, PUBLISHED / 100), capsys)
    assert "VibeThinker-3B Technical Report" in out
    assert "30 docs" in out
    # For problems like these, 30 of them leave a wide interval: it stands beside the score.
    (result,) = compare_all(read_run(tmp_path), claims)
    assert result.theirs.interval.high - result.theirs.interval.low > 0.1
