"""The buckets against a simulated server, in simulated time: no refusals, and close to the least time."""

import heapq
import random

import pytest

from lm_eval_mathtasks.models.headers import Reading
from lm_eval_mathtasks.models.limits import BRIM_S, Bucket, Mark


class Server:
    """A continuously refilled bucket with its own idea of time."""

    def __init__(self, per_minute, burst_s=60.0, refused_cost=1.0):
        self.limit, self.rate = per_minute, per_minute / 60
        self.capacity = max(1.0, self.rate * burst_s)
        self.level, self.at, self.refused_cost, self.refused = self.capacity, 0.0, refused_cost, 0

    def ask(self, cost, now):
        """(admitted?, Reading)"""
        self.level, self.at = min(self.capacity, self.level + (now - self.at) * self.rate), now
        admitted = self.level >= cost
        if admitted:
            self.level -= cost
        else:
            self.refused += 1
            self.level = max(0.0, self.level - self.refused_cost)
        return admitted, Reading(self.limit, int(self.level), (self.capacity - self.level) / self.rate)


def drive(server, bucket, jobs, *, latency=3.0, headers=True, in_flight=64, cost=1.0, jitter=0.02, seed=0):
    """Seconds until `jobs` requests are answered by a client that keeps to `bucket`; headers come 0.3 s after
    sending, requests travel up to `jitter` seconds."""
    rng, now, events, flying, order = random.Random(seed), 0.0, [], 0, 0
    while jobs or events:
        while jobs and flying < in_flight and bucket.wait(cost, now) == 0:
            mark = bucket.take(cost, now)
            order, flying, jobs = order + 1, flying + 1, jobs - 1
            heapq.heappush(events, (now + rng.uniform(0, jitter), order, "arrive", mark, None))
        next_send = now + bucket.wait(cost, now) if jobs and flying < in_flight else float("inf")
        if not events or next_send < events[0][0]:
            now = next_send + 1e-6
            continue
        now, _, what, mark, reading = heapq.heappop(events)
        order += 1
        if what == "arrive":
            admitted, reading = server.ask(cost, now)
            kind = "headers" if admitted else "refused"
            heapq.heappush(events, (now + (0.3 if admitted else 0.01), order, kind, mark, reading))
        elif what == "headers":
            bucket.observe(reading if headers else Reading(None, None, None), mark, now)
            heapq.heappush(events, (now + latency, order, "done", mark, None))
        elif what == "refused":
            flying, jobs = flying - 1, jobs + 1
            if headers:
                news = not bucket.known
                news = bucket.learn_refusal(reading, now) or news
                bucket.refused(mark, now, need=cost, wait_s=None, news=news)
            else:
                bucket.guess(mark, now)
        else:
            flying -= 1
    return now


@pytest.mark.parametrize("seed", range(5))
def test_known_limit_no_refusals_and_least_time(seed):
    server, bucket = Server(250), Bucket(250, 0.0)
    took = drive(server, bucket, 500, seed=seed)
    assert server.refused == 0
    assert took < 1.02 * (250 / 250 * 60 + 3.3)


@pytest.mark.parametrize("seed", range(5))
def test_known_limit_without_headers(seed):
    server, bucket = Server(250), Bucket(250, 0.0)
    took = drive(server, bucket, 500, headers=False, seed=seed)
    assert server.refused == 0
    assert took < 1.02 * 63.3


@pytest.mark.parametrize("seed", range(5))
def test_unknown_limit_is_learned_from_headers(seed):
    server, bucket = Server(250), Bucket(None, 0.0)
    took = drive(server, bucket, 500, seed=seed)
    assert server.refused == 0
    assert took < 1.03 * 63.3


@pytest.mark.parametrize("per_minute", [120, 250, 3000])
def test_a_limit_kept_by_the_second_is_survived(per_minute):
    server, bucket = Server(per_minute, burst_s=1.0), Bucket(per_minute, 0.0)
    n = per_minute // 2
    took = drive(server, bucket, n, in_flight=max(16, per_minute // 10))
    assert (
        server.refused <= max(16, per_minute // 10) + 4
    )  # the first burst, before any header; then hardly any
    assert took < 1.06 * (n / (per_minute / 60) + 3.3)


@pytest.mark.parametrize("refused_cost", [0.0, 1.0])
def test_nothing_is_said_at_all(refused_cost):
    """Neither headers nor numbers in refusals: the rate is found from the distance of empty buckets."""
    server, bucket = Server(250, refused_cost=refused_cost), Bucket(None, 0.0)
    took = drive(server, bucket, 500, headers=False)
    assert took < 1.25 * 63.3
    assert server.refused < 150


def test_a_guess_does_not_grow_while_nothing_but_refusals_comes():
    """A server that counts refused requests never lets one through at a rate that grows."""
    bucket = Bucket(None, 0.0)
    for turn in range(200):
        now = 1.0 + 3.0 * turn
        bucket.advance(now)
        bucket.guess(Mark(now, 0.0, 0.0), now)
        assert bucket.rate <= 1.0
    assert bucket.rate < 0.1


def test_tokens_given_back_are_used():
    """The server refunds half of each charge at once: its headers tell, and the run is faster for it."""

    class Refunding(Server):
        def ask(self, cost, now):
            admitted, reading = super().ask(cost, now)
            self.level = min(self.capacity, self.level + cost / 2 * admitted)
            return admitted, reading

    took = drive(Refunding(540_000), Bucket(540_000, 0.0), 900, cost=2200)
    plain = drive(Server(540_000), Bucket(540_000, 0.0), 900, cost=2200)
    assert took < 0.75 * plain


def test_the_users_bound_holds_below_the_servers():
    server, bucket = Server(1000), Bucket(120, 0.0)
    assert drive(server, bucket, 240) >= 60  # 120 at once, then two a second


def test_a_fixed_window_is_recognised():
    bucket = Bucket(None, 0.0)
    mark = bucket.take(1, 0.0)
    bucket.observe(Reading(100, 99, 58.0), mark, 0.1)  # 99 + 58 s of refill would be more than 100
    for _ in range(99):
        bucket.take(1, 0.2)
    assert bucket.wait(1, 1.0) == pytest.approx(57.0, abs=0.1)
    assert bucket.wait(1, 58.1) == 0


def test_a_reset_that_stands_still_is_a_window():
    bucket = Bucket(60, 0.0)
    mark = bucket.take(1, 0.0)
    for now, reset in ((1.0, 12.0), (2.5, 10.5)):
        bucket.learn_refusal(Reading(60, 0, reset), now)
        bucket.refused(mark, now, need=1, wait_s=None)
    assert bucket.wait(1, 3.0) == pytest.approx(10.0, abs=0.1)


def test_clock_jumps_refill_nothing_twice():
    bucket = Bucket(60, 100.0)
    for _ in range(60):
        bucket.take(1, 100.0)
    assert bucket.wait(1, 40.0) > 0  # a clock that went backwards
    assert bucket.wait(1, 101.5) == 0


def test_a_request_larger_than_the_bucket_waits_for_a_full_one():
    bucket = Bucket(1000, 0.0)
    assert bucket.wait(5000, 0.0) < 2 * BRIM_S
    bucket.take(5000, 0.0)
    assert 0 < bucket.wait(100, 0.0) < float("inf")


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("lag", [0.3, 3.3])
def test_two_clients_on_one_key_share_it(lag, seed):
    """Each learns from the headers what the other uses; together they keep close to the limit."""
    server = Server(250)
    now, events, order = 0.0, [], 0
    clients = [[Bucket(None, 0.0), 250, 0] for _ in range(2)]  # bucket, jobs, in flight
    rng = random.Random(seed)
    while events or any(jobs for _, jobs, _ in clients):
        times = []
        for c in clients:
            while c[1] and c[2] < 32 and c[0].wait(1, now) == 0:
                mark = c[0].take(1, now)
                c[1], c[2], order = c[1] - 1, c[2] + 1, order + 1
                heapq.heappush(events, (now + rng.uniform(0, 0.02), order, "arrive", c, mark, None))
            if c[1] and c[2] < 32:
                times.append(now + c[0].wait(1, now) + 1e-6)
        if not events or (times and min(times) < events[0][0]):
            now = min(times)
            continue
        now, _, what, c, mark, reading = heapq.heappop(events)
        order += 1
        if what == "arrive":
            admitted, reading = server.ask(1, now)
            kind = "headers" if admitted else "refused"
            heapq.heappush(events, (now + (lag if admitted else 0.01), order, kind, c, mark, reading))
        elif what == "headers":
            c[0].observe(reading, mark, now)
            heapq.heappush(events, (now + 3.3 - lag, order, "done", c, mark, None))
        elif what == "refused":
            c[1], c[2] = c[1] + 1, c[2] - 1
            news = not c[0].known
            news = c[0].learn_refusal(reading, now) or news
            c[0].refused(mark, now, need=1, wait_s=0.24, news=news)
        else:
            c[2] -= 1
    assert now < 1.15 * 63.3
    assert server.refused < 60
