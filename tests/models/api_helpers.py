"""Building blocks of the API model's tests: Instances, a model on a fake server, short clocks."""

from dataclasses import dataclass, field

import pytest

KEY = "sk-planted-0123456789abcdef"


@pytest.fixture
def short(monkeypatch, tmp_path):
    """Milliseconds instead of seconds where the API model waits, a planted key, and a journal of its own."""
    from lm_eval_mathtasks.models import asking, dispatch

    monkeypatch.setattr(asking, "BACKOFF_S", 0.01)
    monkeypatch.setattr(asking, "BACKOFF_MAX_S", 0.05)
    monkeypatch.setattr(dispatch, "PAUSE_S", 0.02)
    monkeypatch.setattr(dispatch, "PAUSE_MAX_S", 0.1)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    monkeypatch.setenv("MATHTASKS_JOURNAL", str(tmp_path / "journal.sqlite"))
    return tmp_path


@dataclass
class Request:
    """As much of an lm-eval Instance as a model reads."""

    args: tuple
    task_name: str = "toy"
    doc_id: int = 0
    doc: dict = field(default_factory=dict)


def asks(model, prompts, repeats=1, **gen_kwargs):
    """Instances as lm-eval clones them: the same object once for each repeat."""
    gen_kwargs = {"max_gen_toks": 64, "do_sample": False, "until": [], **gen_kwargs}
    made = []
    for i, prompt in enumerate(prompts):
        chat = model.apply_chat_template([{"role": "user", "content": prompt}]) if model.chat else prompt
        made += [Request((chat, gen_kwargs), doc_id=i)] * repeats
    return made


def chat(server, **arguments):
    from lm_eval_mathtasks.models.chat_api import MathtasksChat

    return MathtasksChat(
        **{"model": "m", "base_url": server.url, "progress": False, "num_concurrent": 8, **arguments}
    )


def completions(server, **arguments):
    from lm_eval_mathtasks.models.chat_api import MathtasksCompletions

    return MathtasksCompletions(
        **{"model": "m", "base_url": server.url, "progress": False, "num_concurrent": 8, **arguments}
    )


def answers_of(server, prompts, **arguments):
    """What a model of these arguments answers."""
    model = chat(server, **arguments)
    return model.generate_until(asks(model, prompts))


def answered(server, prompts, **arguments):
    """The model that has answered all prompts."""
    model = chat(server, **arguments)
    assert all(model.generate_until(asks(model, prompts)))
    return model
