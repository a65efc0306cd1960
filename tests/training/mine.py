"""A user's own reward, named by its dotted path."""

import os
import signal


def brevity(completions, **_):
    return [-len(str(completion)) / 1000 for completion in completions]


def interrupting(completions, trainer_state=None, **_):
    """Ctrl-C in the third batch."""
    if trainer_state is not None and trainer_state.global_step >= 2:
        raise KeyboardInterrupt
    return [0.0 if index % 2 else 1.0 for index, _ in enumerate(completions)]


def terminated(completions, trainer_state=None, **_):
    """SIGTERM in the third batch."""
    if trainer_state is not None and trainer_state.global_step >= 2:
        os.kill(os.getpid(), signal.SIGTERM)
    return [0.0 if index % 2 else 1.0 for index, _ in enumerate(completions)]


def of_solutions(completions, solution, **_):
    """A reward that needs a column which is not in all data."""
    return [float(str(own) in str(said)) for said, own in zip(completions, solution, strict=True)]


def faulty(completions, **_):
    raise ValueError("of the user's own")
