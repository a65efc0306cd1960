"""What stands behind the bar of an API model."""

import io
import sys
from collections import Counter
from types import SimpleNamespace

from lm_eval_mathtasks.models.progress import Progress


def progress(monkeypatch, allowed, **report):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    dispatcher = SimpleNamespace(
        requests_per_minute=lambda _: allowed, pause_until=0.0, refusals=Counter(report.pop("refused", {}))
    )
    faults = Counter(report.pop("faults", {}))
    made = Progress(40, 10, SimpleNamespace(cost=report.get("cost"), faults=faults), dispatcher, True)
    made._finished.extend([100.0 + second for second in range(11)])
    made._bar.update(11)
    return made


def test_it_says_rate_limit_and_time_left(monkeypatch):
    bar = progress(monkeypatch, 200.0)
    said = bar.describe(1.0, 110.0)
    assert said == " · 66/min of 200 · 17 s left"
    bar._bar.set_description_str(said)
    assert str(bar._bar).endswith("| 21/40 · 66/min of 200 · 17 s left")
    bar.close()


def test_without_a_limit_there_is_none_to_name_and_cost_and_faults_follow(monkeypatch):
    bar = progress(monkeypatch, None, cost=0.0125, faults={"timeout": 2})
    assert bar.describe(1.0, 110.0) == " · 66/min · 17 s left · $0.013 · 2 timeout"
    assert bar.describe(1.0, 1000.0) == " · 0/min · $0.013 · 2 timeout"
    bar.close()
