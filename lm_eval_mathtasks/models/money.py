"""Tokens and cost: prices from a file, and what is spent, kept within its bounds."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from lm_eval_mathtasks.errors import ModelError
from lm_eval_mathtasks.models.capabilities import DATE
from lm_eval_mathtasks.models.dispatch import Stopped
from lm_eval_mathtasks.models.faults import RUN_AGAIN, Fault
from lm_eval_mathtasks.models.run_report import RunReport

MILLION = 1e6
# Characters in a prompt token until a server has told better: mathematics in LaTeX has fewer than prose's four,
# and too many reserved is only a little time, while too few is a refusal.
CHARS_PER_TOKEN = 3.0
MESSAGE_TOKENS = 8  # around a chat's messages


@dataclass(frozen=True)
class Price:
    """US dollars per million tokens; `batch`: the factor for a batch; `source` says from where and of which day."""

    input: float
    output: float
    cached: float
    batch: float
    source: str

    def cost(self, usage: Mapping[str, Any]) -> float:
        """US dollars of one answer's `usage` as the server reported it."""
        details = usage.get("prompt_tokens_details") or {}
        cached = float(details.get("cached_tokens") or 0)
        prompt, written = float(usage.get("prompt_tokens") or 0), float(usage.get("completion_tokens") or 0)
        return ((prompt - cached) * self.input + cached * self.cached + written * self.output) / MILLION


def read_price(model: str, path: str | Path | None = None) -> Price | None:
    """The price of `model` from `path` or the packaged prices.yaml; None if it is not listed there."""
    try:
        packaged = resources.files("lm_eval_mathtasks.models").joinpath("prices.yaml")
        table = yaml.safe_load((Path(path) if path else packaged).read_text(encoding="utf-8"))
        name, known = model.rsplit("/", 1)[-1], table["models"]
        entry = known.get(model) or known.get(name) or known.get(DATE.sub("", name))
        if entry is None:
            return None
        source = f"{table['source']}, {table['checked']}"
        cached = entry.get("cached", entry["input"])
        return Price(entry["input"], entry["output"], cached, table["batch"], source)
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        wanted = "a price file with checked, source, batch and models"
        raise ModelError(wanted, f"{type(error).__name__}: {error}", f"correct {path}") from None


class TokenMeter:
    """Estimates prompt tokens from characters, corrected by every usage that a server reports."""

    def __init__(self) -> None:
        self._chars = self._tokens = 0

    def estimate(self, chars: int) -> float:
        """Tokens in a prompt of `chars` characters."""
        if self._chars:
            return chars * self._tokens / self._chars
        return chars / CHARS_PER_TOKEN + MESSAGE_TOKENS

    def learn(self, chars: int, usage: Mapping[str, Any]) -> None:
        """Take in what a prompt of `chars` characters counted as."""
        tokens = usage.get("prompt_tokens")
        if tokens:
            self._chars, self._tokens = self._chars + chars, self._tokens + int(tokens)


def require_price(price: Price | None, max_cost: float | None) -> None:
    """Raise ModelError for a bound of cost without a price."""
    if max_cost is not None and price is None:
        fix = "add it to a file and give prices=path"
        raise ModelError("a price for this model, because max_cost is set", "none", fix)


class Spending:
    """Keeps what `report` accounts for within `max_cost` (US dollars) and `max_tokens` (prompt and response together).

    The worst case of every request is reserved before it leaves and settled by its usage, so the bounds hold
    whatever is in flight; near them, fewer requests are.
    """

    def __init__(
        self, price: Price | None, max_cost: float | None, max_tokens: int | None, report: RunReport
    ) -> None:
        self.price, self.max_cost, self.max_tokens, self.report = price, max_cost, max_tokens, report
        report.price_source = price.source if price else None
        self._reserved_cost = self._reserved_tokens = 0.0
        self._open = 0
        self._stopped = False
        self._changed: asyncio.Event | None = None

    async def reserve(self, prompt: float, written: int) -> dict[str, float]:
        """Set aside the worst case of a request; returns it for `settle`. Raises Fault when nothing more fits,
        Stopped when the run is over."""
        worst = {"prompt_tokens": prompt, "completion_tokens": float(written)}
        while not self._fits(worst):
            if self._open == 0:
                fix = f"raise max_cost or max_tokens_total; {RUN_AGAIN}"
                raise Fault("run", "budget", self._spent(), fix)
            self._changed = self._changed or asyncio.Event()
            self._changed.clear()
            await self._changed.wait()
            if self._stopped:
                raise Stopped
        self._move(worst, 1)
        return worst

    def settle(
        self, worst: dict[str, float], usage: Mapping[str, Any] | None, *, unsure: bool = False
    ) -> None:
        """Replace a reservation by what the request used; None: it was not answered. `unsure`: and nobody knows
        whether it is charged, so the worst case stays, apart from what is known."""
        self._move(worst, -1)
        report = self.report
        if usage:
            report.prompt_tokens += int(usage.get("prompt_tokens") or 0)
            report.completion_tokens += int(usage.get("completion_tokens") or 0)
            report.cost += self._cost(usage)
        elif unsure:
            report.unsure += 1
            report.unsure_tokens += sum(worst.values())
            report.unsure_cost += self._cost(worst)
        if self._changed:
            self._changed.set()

    def stop(self) -> None:
        """Let nobody wait any more."""
        self._stopped = True
        if self._changed:
            self._changed.set()

    def _move(self, worst: dict[str, float], sign: int) -> None:
        self._open += sign
        self._reserved_tokens += sign * sum(worst.values())
        self._reserved_cost += sign * self._cost(worst)

    def _cost(self, usage: Mapping[str, Any]) -> float:
        return self.price.cost(usage) if self.price else 0.0

    def _fits(self, worst: dict[str, float]) -> bool:
        report = self.report
        tokens = report.tokens + report.unsure_tokens + self._reserved_tokens + sum(worst.values())
        cost = report.cost + report.unsure_cost + self._reserved_cost + self._cost(worst)
        return (self.max_tokens is None or tokens <= self.max_tokens) and (
            self.max_cost is None or cost <= self.max_cost
        )

    def _spent(self) -> str:
        bounds = [f"max_cost={self.max_cost}"] if self.max_cost is not None else []
        bounds += [f"max_tokens_total={self.max_tokens}"] if self.max_tokens is not None else []
        report, more = self.report, ""
        if report.unsure:
            more = f" and at most {report.unsure_tokens:.0f} tokens, ${report.unsure_cost:.4f} for"
            more += f" {report.unsure} attempts that died without an account"
        spent = f"{report.tokens} tokens, ${report.cost:.4f} spent{more}"
        return f"{spent}; the next request may pass {' and '.join(bounds)}"
