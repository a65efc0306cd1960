"""Answers that are silent for longer than any before: given up on a guess, and what a wrong guess may cost."""

import asyncio
from types import SimpleNamespace

import pytest

from lm_eval_mathtasks.models import client
from lm_eval_mathtasks.models import watch as watch_module
from lm_eval_mathtasks.models.client import Flight
from lm_eval_mathtasks.models.faults import Fault
from lm_eval_mathtasks.models.watch import GUESS_FLOOR_S, GUESS_KNOWN, GUESSES, Watch

SLOWEST_S, HUNG_S = 8.0, 13.0
SILENT_S = 35.0  # longer than any answer is waited for while others are served
DEAD, WAITING = "dead", "waiting"
NOW = 1_000.0


@pytest.fixture(autouse=True)
def clock_that_stands_still(monkeypatch):
    for module in (client, watch_module):
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: NOW))


def flight_of(age_s, **change):
    began = NOW - age_s
    return Flight(began, began, **{"streamed": False, **change})


async def watch_of(answers=GUESS_KNOWN, reasoning=False):
    watch = Watch(600.0, reasoning=reasoning)
    for _ in range(answers):
        await watch.run(flight_of(SLOWEST_S), asyncio.sleep(0))
    return watch


async def fates(watch, *flights):
    """What one look at these flights, none of which is ever answered, makes of them."""
    tasks = [asyncio.create_task(watch.run(flight, asyncio.Event().wait())) for flight in flights]
    await asyncio.sleep(0)
    watch._judge(NOW)
    for _ in range(5):  # a task that is cancelled ends a few turns of the loop later
        await asyncio.sleep(0)
    said = [DEAD if t.done() and isinstance(t.exception(), Fault) else WAITING for t in tasks]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return said


@pytest.mark.parametrize(
    ("age_s", "change", "fate"),
    [
        (HUNG_S, {}, DEAD),
        (SLOWEST_S * 1.4, {}, WAITING),
        (HUNG_S, {"patience": 2.0}, WAITING),
        (HUNG_S * 2, {"patience": 2.0}, WAITING),
    ],
    ids=["longer than any", "not much longer", "a second attempt", "a second attempt, long"],
)
def test_a_first_attempt_may_be_given_up_on_a_guess(age_s, change, fate):
    async def look():
        return await fates(await watch_of(), flight_of(age_s, **change))

    assert asyncio.run(look()) == [fate]


@pytest.mark.parametrize(("answers", "reasoning"), [(GUESS_KNOWN - 1, False), (GUESS_KNOWN, True)])
def test_nothing_is_guessed_from_few_answers_nor_of_hidden_thoughts(answers, reasoning):
    async def look():
        return await fates(await watch_of(answers, reasoning), flight_of(HUNG_S))

    assert asyncio.run(look()) == [WAITING]


def test_quick_servers_are_given_a_floor():
    async def look():
        watch = Watch(600.0, reasoning=False)
        for _ in range(GUESS_KNOWN):
            await watch.run(flight_of(0.1), asyncio.sleep(0))
        return await fates(watch, flight_of(0.9 * GUESS_FLOOR_S))

    assert asyncio.run(look()) == [WAITING]


def test_a_stream_that_is_alive_shows_how_long_answers_may_take():
    async def look():
        watch = await watch_of()
        stream = flight_of(HUNG_S, streamed=True, headed=True)
        stream.touch()
        return await fates(watch, stream, flight_of(HUNG_S))

    assert asyncio.run(look()) == [WAITING, WAITING]


async def retried(watch, flight, latency_s):
    """The second attempt of a request that was given up: its answer takes `latency_s`."""
    again = flight_of(latency_s, streamed=True, doubted=flight.doubted, patience=2.0)
    await watch.run(again, asyncio.sleep(0))


@pytest.mark.parametrize(
    ("latency_s", "guesses"), [(3.0, GUESSES + 1), (HUNG_S + 1, 0)], ids=["right", "wrong"]
)
def test_right_guesses_allow_more_and_a_wrong_one_ends_guessing(latency_s, guesses):
    async def look():
        watch = await watch_of()
        first = flight_of(HUNG_S)
        assert await fates(watch, first) == [DEAD]
        await retried(watch, first, latency_s)
        answers = [asyncio.create_task(watch.run(flight_of(0.1), asyncio.sleep(1))) for _ in range(30)]
        said = await fates(watch, *(flight_of(25.0) for _ in range(4)))
        for answer in answers:
            answer.cancel()
        await asyncio.gather(*answers, return_exceptions=True)
        return said.count(DEAD)

    assert asyncio.run(look()) == guesses


def test_a_crowd_that_is_silent_is_a_queue():
    async def look():
        return await fates(await watch_of(), *(flight_of(HUNG_S) for _ in range(10)))

    assert asyncio.run(look()) == [WAITING] * 10


async def run_of(docs, left, at_once=8):
    """A watch that has seen `docs` requests, `at_once` at a time, of which `left` are still in flight and silent."""
    watch = await watch_of(answers=docs - left - at_once)
    await asyncio.gather(*(watch.run(flight_of(SLOWEST_S), asyncio.sleep(0)) for _ in range(at_once)))
    return await fates(watch, *(flight_of(SILENT_S) for _ in range(left)))


@pytest.mark.parametrize("left", [1, 2, 3, 4])
def test_the_last_few_of_a_small_run_are_few_and_no_queue(left):
    """Three that hang at the end of thirty looked like a server that stalls, and were waited for four times as long."""
    assert asyncio.run(run_of(30, left)) == [DEAD] * left


@pytest.mark.parametrize(("docs", "left", "at_once"), [(30, 5, 8), (1000, 8, 8), (1000, 20, 64), (16, 3, 8)])
def test_many_that_are_silent_are_a_queue_whatever_was_answered_before(docs, left, at_once):
    """Too many of those asked; all that may be in flight; many in number; one more than a share of few docs."""
    assert asyncio.run(run_of(docs, left, at_once)) == [WAITING] * left
