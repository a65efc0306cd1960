"""What the tests of `Children` run in a child."""

import os
import time

from lm_eval_mathtasks.grading.children import serve


def serve_moods():
    serve(_handler)


def serve_deaths():
    serve(lambda _setup: lambda _task, _tick: os._exit(1))


def _handler(setup):
    if setup is None:
        raise KeyError("no setup")
    return lambda task, tick: _do(setup, task, tick)


def _do(setup, task, tick):
    if task == "die":
        os._exit(1)
    if task == "hang":
        time.sleep(60)
    if task == "raise":
        raise ValueError("in a mood")
    print("into nowhere")
    tick(1)
    return f"{task} after {setup}"
