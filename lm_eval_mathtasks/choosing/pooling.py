"""Verifiers behind a vLLM server (`vllm serve --runner pooling`): its /classify for outcome models, /pooling for steps.

The shapes are those of vLLM 0.32 (vllm/entrypoints/pooling: classify/protocol.py, pooling/protocol.py). Logits are
asked for (`use_activation: false`), so that the same softmax is taken as for a local model.
"""

import http.client
import json
import math
import os
import urllib.error
import urllib.request
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import tenacity

from lm_eval_mathtasks.choosing.score_files import Score
from lm_eval_mathtasks.choosing.scorer import Settings, steps
from lm_eval_mathtasks.choosing.verifiers import qwen_messages, shepherd_text, turns
from lm_eval_mathtasks.errors import ScoreError

SERVED = ("orm", "prm-qwen", "prm-math-shepherd")  # of `scorers.KINDS`, those that a server can score
KEY_VARIABLE = "VLLM_API_KEY"  # vLLM's own
TIMEOUT_S = 600.0  # a queue of long responses before a large verifier
ATTEMPTS = 4
PAUSE_S = 1.0  # before the second attempt; doubled each time
_PASSING = {408, 429, 500, 502, 503, 504}  # a connection without any status may be there again, too


class Server:
    """A server with the routes of the APIs of OpenAI and vLLM. `post` raises ScoreError where it does not answer."""

    def __init__(self, base_url: str) -> None:
        # The routes are beside /v1, not below it.
        self._base = base_url.rstrip("/").removesuffix("/v1")
        key = os.environ.get(KEY_VARIABLE)
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}

    def post(self, route: str, body: dict[str, object]) -> Any:
        """Return the JSON that the server answers; what passes is tried again."""
        try:
            return self._exchange(route, body)
        except urllib.error.HTTPError as error:
            fault = f"HTTP {error.code}: {error.read().decode(errors='replace')[:300]}"
        except (OSError, http.client.HTTPException, json.JSONDecodeError) as error:
            fault = f"{type(error).__name__}: {error}"
        fix = "is the server up, and does it serve this kind of model? See choosing/README.md"
        raise ScoreError(f"an answer of {self._base}{route}", fault, fix)

    @tenacity.retry(
        retry=tenacity.retry_if_exception(lambda error: getattr(error, "code", 503) in _PASSING),
        stop=tenacity.stop_after_attempt(ATTEMPTS),
        wait=tenacity.wait_exponential(multiplier=PAUSE_S),
        reraise=True,
    )
    def _exchange(self, route: str, body: dict[str, object]) -> Any:
        headers = {"Content-Type": "application/json", **self._headers}
        # Whoever makes a Server lets only http and https through.
        request = urllib.request.Request(self._base + route, json.dumps(body).encode(), headers)  # noqa: S310
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as reply:  # noqa: S310
            return json.load(reply)


class Endpoint(Server):
    """A scorer of the kinds orm, prm-qwen and prm-math-shepherd on the server at `base_url`.

    Raises ScoreError for other kinds; `score` raises it for a server that refuses, or does not answer.
    """

    of_prompt = False

    def __init__(self, kind: str, base_url: str, settings: Settings) -> None:
        if kind not in SERVED:
            wanted = f"a kind that a server can score: {', '.join(SERVED)}"
            raise ScoreError(wanted, kind, f"run it here, as {kind}:FOLDER")
        self._kind, self._settings = kind, settings
        super().__init__(base_url)

    def score(self, question: str, responses: Sequence[str]) -> list[Score]:
        """Return the scores; see `scorer.Scorer`. As many requests are under way as a batch is large."""
        with ThreadPoolExecutor(self._settings.batch) as pool:
            return list(pool.map(lambda response: self._one(question, response), responses))

    def _one(self, question: str, response: str) -> Score:
        route, body, count = _request(self._kind, question, response)
        if self._settings.model:
            body["model"] = self._settings.model
        reply = self.post(route, {**body, "use_activation": False})
        try:
            (data,) = reply["data"]
            rows = [data["probs"]] if route == "/classify" else data["data"]
        except (KeyError, TypeError, ValueError):
            got, fix = json.dumps(reply)[:300], "is it a vLLM server?"
            raise ScoreError(f"vLLM's answer to {route}", got, fix) from None
        if not count:
            return rows[0][0] if len(rows[0]) == 1 else _softmax(rows[0])[-1]
        if len(rows) != count or any(not isinstance(row, list) or len(row) != 2 for row in rows):
            raise ScoreError(
                f"two numbers at each of {count} steps",
                f"{len(rows)} rows",
                "the server must pool by step (see choosing/README.md), and no response may hold the step marker",
            )
        good = 0 if self._kind == "prm-math-shepherd" else -1
        return tuple(_softmax(row)[good] for row in rows)


def _request(kind: str, question: str, response: str) -> tuple[str, dict[str, object], int]:
    """Route, body and number of steps (0: one score for the whole) of a request."""
    if kind == "orm":
        return "/classify", {"messages": turns(question, response)}, 0
    qwen = kind == "prm-qwen"
    parts = steps(response, "\n\n" if qwen else "\n")
    read = {"messages": qwen_messages(question, parts)} if qwen else {"input": shepherd_text(question, parts)}
    return "/pooling", {**read, "task": "token_classify"}, len(parts)


def _softmax(row: Sequence[float]) -> list[float]:
    top = max(row)
    powers = [math.exp(value - top) for value in row]
    return [power / sum(powers) for power in powers]
