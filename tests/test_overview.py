"""The command without a command, and with one that is misspelt."""

import pytest

from lm_eval_mathtasks.cli import COMMANDS, main


def test_alone_it_prints_the_overview(capsys):
    assert main([]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in COMMANDS)


@pytest.mark.parametrize(("given", "meant"), [("repot", "report"), ("comapre", "compare"), ("rnu", "run")])
def test_a_slip_is_named(given, meant, capsys):
    assert main([given, "--help"]) == 2
    assert f"Did you mean mathtasks {meant}?" in capsys.readouterr().err


def test_for_what_is_near_to_nothing_the_list_is_named(capsys):
    assert main(["xyzzy"]) == 2
    assert "`mathtasks` alone lists them" in capsys.readouterr().err
