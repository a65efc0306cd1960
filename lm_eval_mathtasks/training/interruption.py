"""The end from outside: what was made so far is kept, and how to go on is said."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Terminated(SystemExit):
    """SIGTERM came: a type of its own, because parsers of arguments raise SystemExit as well."""


@contextmanager
def sigterm_in_order() -> Iterator[None]:
    """SIGTERM, by which queues of jobs end one, leaves as Ctrl-C does what was made so far; the status is 143."""

    def leave(number: int, _: object) -> None:
        raise Terminated(128 + number)

    # Only the main thread may say what a signal does.
    main = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGTERM, leave) if main else None
    try:
        yield
    finally:
        if main:
            signal.signal(signal.SIGTERM, before)
