"""The command `mathtasks explain-answer`: the whole path from one response to its verdict."""

import argparse
import sys

from lm_eval_mathtasks.grading.explain_answer import explain_answer


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `mathtasks explain-answer`."""
    parser.add_argument("--gold", required=True, help="the reference answer")
    parser.add_argument("--response", required=True, help="the model's text; - reads it from standard input")
    parser.add_argument("--finish-reason", help='"length" if the token limit cut the response off')


def main(args: argparse.Namespace) -> int:
    """Print what was extracted from a response, how, and how it was judged."""
    response = sys.stdin.read() if args.response == "-" else args.response
    print(explain_answer(gold=args.gold, response=response, finish_reason=args.finish_reason))
    return 0
