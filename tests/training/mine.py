"""A user's own reward, named by its dotted path."""


def brevity(completions, **_):
    return [-len(str(completion)) / 1000 for completion in completions]


def interrupting(completions, trainer_state=None, **_):
    """Ctrl-C in the third batch."""
    if trainer_state is not None and trainer_state.global_step >= 2:
        raise KeyboardInterrupt
    return [0.0 if index % 2 else 1.0 for index, _ in enumerate(completions)]
