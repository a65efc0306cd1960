"""Command lines: argparse's parser, whose errors are said in our words, with the nearest flag or choice."""

import argparse
import re
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

from lm_eval_mathtasks.errors import MathtasksError, did_you_mean

_KINDS = {"int": "a whole number", "float": "a number"}


class Parser(argparse.ArgumentParser):
    """argparse's parser, but that what it cannot read raises MathtasksError; of its commands too."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Raise the error for what is left over, in the name of the command that was meant: argparse hands it to the
        command above."""
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            raise self.unknown(unknown[0])
        return found, unknown

    def error(self, message: str) -> NoReturn:
        """Raise the error that argparse has written in its own words. Values that may hold a key are not repeated."""
        what, _, rest = message.partition(": ")
        if what == "the following arguments are required":
            of = next((one.choices for one in self._actions if one.choices and rest == one.dest), None)
            wanted = f"one of {', '.join(of)}" if of else rest
            raise MathtasksError(f"{wanted} for `{self.prog}`", "none", self._help("shows how"))
        if what == "ambiguous option":
            given, _, known = rest.partition(" could match ")
            fix = "write it out"
            raise MathtasksError("one flag", f"{given.partition('=')[0]}, which may be {known}", fix)
        name = what.removeprefix("argument ").partition("/")[0]
        if name == what:
            raise MathtasksError("arguments that can be read", message, self._help("shows how"))
        raise self._of_argument(name, rest)

    def _of_argument(self, name: str, said: str) -> MathtasksError:
        named = (one for one in self._actions if name in (*one.option_strings, one.metavar, one.dest))
        action = next(named, None)
        choices = [*map(str, action.choices)] if action is not None and action.choices else []
        wanted, got, given = said.removeprefix("expected ").rpartition(", got ")
        if choices and said.startswith("invalid choice: "):
            return self._of_choice(name, choices, said)
        if "key=value" in said:
            # lm-eval repeats the word, which may be a key.
            fix = "put quotes around what has spaces, and no space beside ="
            parts = (f"name=value,name=value for {name}", "a word without =", fix)
        elif got:
            parts = (f"{wanted} for {name}", given, "correct it")
        elif said.startswith("expected"):
            value = choices[0] if choices else self._value(action)
            parts = (f"a value for {name}", "none", f"{name} {value}")
        elif kind := re.fullmatch(r"invalid (.*) value: (.*)", said, re.S):
            wanted = f"{_KINDS[kind[1]]} for" if kind[1] in _KINDS else "a value that fits"
            parts = (f"{wanted} {name}", kind[2], self._help("says what does"))
        elif said.startswith("ignored explicit argument"):
            parts = (f"{name} without a value", "one", "leave the value out")
        else:
            parts = (f"{name} that can be read", said, self._help("shows how"))
        return MathtasksError(*parts)

    def _of_choice(self, name: str, choices: list[str], said: str) -> MathtasksError:
        given = said.removeprefix("invalid choice: ").partition(" (choose from")[0].strip("'\"")
        other = f"{name} {choices[0]}" if name.startswith("-") else self._help("says what each is")
        fix = did_you_mean(given.lower(), choices, other)
        return MathtasksError(f"{name}, one of {', '.join(choices)}", given, fix)

    def unknown(self, word: str) -> MathtasksError:
        """The error for a word that is no flag and no argument."""
        word = word.partition("=")[0]
        if not word.startswith("-"):
            fix = "take it out, put it behind its flag, or put quotes around what has spaces; "
            fix += self._help("lists what it takes")
            return MathtasksError(f"no further argument of `{self.prog}`", repr(word), fix)
        fix = did_you_mean(word, _flags(self), self._help("lists them"))
        return MathtasksError(f"flags of `{self.prog}`", word, fix)

    def _help(self, does: str) -> str:
        return f"`{self.prog} --help` {does}"

    @staticmethod
    def _value(action: argparse.Action | None) -> str:
        metavar = action.metavar if action is not None else None
        return metavar if isinstance(metavar, str) else "VALUE"


def declare(parser: argparse._ActionsContainer, flags: Mapping[str, str], **how: Any) -> None:
    """Declare flags by their help: {"--gold FILE": "reference answers"}. how: of all of them, as argparse takes it."""
    for flag, text in flags.items():
        *names, last = flag.split()
        if last.startswith("-"):
            parser.add_argument(*names, last, help=text, **how)
        else:
            parser.add_argument(*names, metavar=last, help=text, **how)


def _flags(parser: argparse.ArgumentParser) -> Iterator[str]:
    """All flags of a parser and of its commands."""
    yield from parser._option_string_actions
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield from _flags(command)
