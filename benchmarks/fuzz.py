"""Fuzz extraction and grading with hostile text: `python benchmarks/fuzz.py --seconds 600`.

With atheris installed its coverage-guided mutation is used, else hypothesis with a grammar of the pieces that answers
are made of. Each call must return (no exception of any kind), within `--call-limit` seconds, and the process must not
grow by more than `--memory-limit` MiB. The first input that breaks a rule is printed, and the exit status is 1.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import gettempdir

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from lm_eval_mathtasks.grading import extract_answer, grade  # noqa: E402  (needs the repository on the path)
from lm_eval_mathtasks.grading.explain_answer import explain_answer  # noqa: E402
from lm_eval_mathtasks.grading.verdict import Status  # noqa: E402

HANG_FACTOR = 4  # a call that takes so many times its limit is not waited for
MAX_LENGTH = 20_000  # characters of a repeated piece
_COMMANDS = (
    r"\boxed{ \frac{ \sqrt{ \sqrt[3]{ \left( \right) \begin{pmatrix} \end{pmatrix} \cup \infty \pm \text{ \%"
)
_SIGNS = r"{ } ^ _ $ \( \) \[ \] ! !! ^{9^{9^9}} 9^{9^9} 10^{10^{10}} \pi i x y = < > \le ( ) [ ] , ; : / * + - . % °"
_VALUES = (
    r"1 0 7 12 3.14 1,000 0.5 1/3 1e400 999999999999999999999999 x^2 sin(x) \ln \binom{100}{50} 100! \log"
)
PIECES = [
    *(piece for line in (_COMMANDS, _SIGNS, _VALUES) for piece in line.split()),
    *(
        "the answer is ",
        "#### ",
        "A: ",
        "<think>",
        "</think>",
        "<answer>",
        "**",
        "\n",
        "\n\n",
        " and ",
        " or ",
    ),
    *(
        "答案是",
        "１２％",
        "，",
        "\ud800",
        "\x00",
        "\\\\",
        "& ",
        "\\\\frac",
        "__import__('os').system('x')",
        " dollars",
    ),
]


class Broken(Exception):
    """A rule was broken: the text says which, the inputs are attached."""


class Checker:
    """Calls everything that takes text of a model, under the rules."""

    def __init__(self, call_limit: float, memory_limit: float) -> None:
        self.call_limit, self.memory_limit = call_limit, memory_limit
        self.calls, self.slowest = 0, (0.0, "")
        self._running: tuple[float, str] | None = None
        self._call(lambda: grade(gold="\\sin x", pred="\\cos x"), "warm-up")
        self._base = peak_memory()

    def watch(self) -> None:
        """End the process, with the input, when a call does not come back; runs in a thread."""
        while True:
            time.sleep(1)
            began, shown = self._running or (time.perf_counter(), "")
            if time.perf_counter() - began > HANG_FACTOR * self.call_limit:
                print(printable(f"BROKEN after {self.calls} calls: does not return: {shown}"), flush=True)
                os._exit(1)

    def _call(self, call: Callable[[], object], shown: str) -> None:
        began = time.perf_counter()
        self._running = (began, shown)
        try:
            call()
        except Exception as error:
            raise Broken(f"{type(error).__name__}: {error}: {shown}") from error
        finally:
            self._running = None
        seconds = time.perf_counter() - began
        self.calls += 1
        self.slowest = max(self.slowest, (seconds, shown))
        if shown != "warm-up" and seconds > self.call_limit:
            raise Broken(f"took {seconds:.1f} s: {shown}")

    def check(self, gold: str, text: str) -> None:
        """Extract from `text`, grade it against `gold` and the other way round, explain it."""
        shown = f"gold={gold!r:.2000} text={text!r:.2000}"
        self._call(lambda: extract_answer(text, finish_reason="length"), shown)
        pred = extract_answer(text).answer
        self._call(lambda: grade(gold=gold, pred=pred), shown)
        self._call(lambda: grade(gold=text, pred=gold), shown)
        self._call(lambda: explain_answer(gold=gold, response=text), shown)
        if text.strip() and grade(gold=text, pred=text).status is Status.INCORRECT:
            raise Broken(f"a text is not equal to itself: {text!r:.2000}")
        if peak_memory() - self._base > self.memory_limit:
            raise Broken(f"memory grew by more than {self.memory_limit} MiB: {shown}")


def printable(text: str) -> str:
    """Escape what a terminal cannot show."""
    return text.encode("utf-8", "backslashreplace").decode()


def peak_memory() -> float:
    """Return the peak resident memory of this process in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (
        1024 if sys.platform != "darwin" else 1024**2
    )


def piece_text(draw: random.Random) -> str:
    """Draw a text: pieces in any order, sometimes one piece very often."""
    if draw.random() < 0.05:
        return (draw.choice(PIECES) * MAX_LENGTH)[: draw.randrange(1, MAX_LENGTH)]
    text = "".join(draw.choice(PIECES) for _ in range(draw.randrange(1, 25)))
    if draw.random() < 0.3:
        place = draw.randrange(len(text) + 1)
        text = text[:place] + chr(draw.randrange(0x11000)) + text[place:]
    return text


def with_hypothesis(checker: Checker, seconds: float, seed: int) -> None:
    """Draw random programs for `piece_text`; hypothesis shrinks the first input that breaks a rule."""
    from hypothesis import HealthCheck, given, settings
    from hypothesis import seed as with_seed
    from hypothesis import strategies as st

    until = time.monotonic() + seconds
    text = st.one_of(
        st.randoms(use_true_random=False).map(piece_text),
        st.lists(st.sampled_from(PIECES), max_size=30).map("".join),
        st.text(alphabet=st.characters(codec=None, exclude_categories=()), max_size=80),
    )
    while time.monotonic() < until:

        @with_seed(seed)
        @settings(max_examples=200, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(text, text)
        def run(gold: str, response: str) -> None:
            if time.monotonic() < until:
                checker.check(gold, response)

        run()
        seed += 1


def with_atheris(checker: Checker, seconds: float, seed: int) -> None:
    """Let libFuzzer mutate bytes by the coverage of our modules."""
    import atheris

    def one(data: bytes) -> None:
        provider = atheris.FuzzedDataProvider(data)
        gold = provider.ConsumeUnicode(60)
        draw = random.Random(provider.ConsumeInt(8))
        checker.check(gold, piece_text(draw) + provider.ConsumeUnicode(400))

    atheris.instrument_all()
    options = (
        f"-max_total_time={int(seconds)}",
        f"-seed={seed}",
        "-verbosity=0",
        f"-artifact_prefix={gettempdir()}/",
    )
    atheris.Setup([sys.argv[0], *options], one)
    atheris.Fuzz()  # ends the process itself, with its own report


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(3), "big"))
    parser.add_argument(
        "--call-limit", type=float, default=5.0, help="seconds one call may take (default %(default)s)"
    )
    parser.add_argument(
        "--memory-limit", type=float, default=1024.0, help="MiB the process may grow (default %(default)s)"
    )
    parser.add_argument("--engine", choices=["auto", "atheris", "hypothesis"], default="auto")
    options = parser.parse_args()
    checker = Checker(options.call_limit, options.memory_limit)
    threading.Thread(target=checker.watch, daemon=True).start()
    engine = options.engine
    if engine == "auto":
        from importlib.util import find_spec

        engine = "atheris" if find_spec("atheris") else "hypothesis"
    print(f"fuzzing with {engine} for {options.seconds:.0f} s, seed {options.seed}", flush=True)
    try:
        (with_atheris if engine == "atheris" else with_hypothesis)(checker, options.seconds, options.seed)
    except Broken as broken:
        print(printable(f"BROKEN after {checker.calls} calls: {broken}"))
        return 1
    slowest, shown = checker.slowest
    print(
        f"{checker.calls} calls, none broke a rule; peak memory {peak_memory():.0f} MiB; slowest {slowest:.2f} s:"
    )
    print(printable(shown[:300]))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
