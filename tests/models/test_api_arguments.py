"""The model arguments: what other API models call them, addresses with a version, and secrets, refused unprinted."""

import base64
import json
import logging

import pytest

from lm_eval_mathtasks.cli import main
from lm_eval_mathtasks.errors import ModelError
from lm_eval_mathtasks.journal.listing import journal_export, journal_show, journal_stats
from lm_eval_mathtasks.keys import Key, check_url, redact, refuse_secrets
from lm_eval_mathtasks.models.faults import Fault, Refused
from lm_eval_mathtasks.models.settings import read_settings
from tests.host.test_run import place  # noqa: F401  (the fixture)
from tests.models.api_helpers import KEY, answers_of, asks, chat, short
from tests.models.fake_server import FakeServer, error, raw

__all__ = ["short"]


# -- names of other API models


@pytest.mark.parametrize(
    "arguments",
    [{"tokenized_requests": False}, {"tokenizer_backend": "None"}, {"tokenizer": "Qwen/Qwen3-0.6B"},
     {"think_end_token": "</think>"}, {"truncate": False}, {"verify_certificate": True}, {"batch_size": 8}],
)  # fmt: skip
def test_what_changes_nothing_here_is_passed_over(arguments):
    assert read_settings({"model": "m", **arguments}) == read_settings({"model": "m"})


@pytest.mark.parametrize(
    ("arguments", "instead"),
    [({"max_retries": 5}, "retry_budget="), ({"timeout": 300}, "request_timeout="), ({"truncate": True}, "truncate"),
     ({"tokenized_requests": True}, "tokenized_requests"), ({"max_tokens": 9}, "max_gen_toks="),
     ({"temperature": 0.6}, "--gen_kwargs temperature"), ({"max_length": 4096}, "max_gen_toks="),
     ({"no_such_thing": 1}, "num_concurrent"), ({"num_concurrent": 10**9}, "at most 10000")],
)  # fmt: skip
def test_what_is_written_otherwise_here_says_how(arguments, instead):
    with pytest.raises(ModelError, match=instead):
        read_settings({"model": "m", **arguments})


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize(("given", "sent"), [(True, True), ("False", False)])
def test_thinking_is_turned_on_and_off_in_the_chat_template(given, sent):
    with FakeServer() as server:
        answers_of(server, ["a"], enable_thinking=given)
    assert server.calls[0].body["chat_template_kwargs"] == {"enable_thinking": sent}


@pytest.mark.parametrize("name", ["max_tokens", "max_new_tokens", "max_completion_tokens"])
def test_the_limit_on_the_command_line_wins_under_any_name(name, place, monkeypatch):  # noqa: F811
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with FakeServer() as server:
        arguments = f"model=toy,base_url={server.url}"
        command = ["run", "--model", "mathtasks-chat", "--model_args", arguments, "--apply_chat_template"]
        assert main([*command, "--tasks", "gsm8k-cot-zeroshot", "--gen_kwargs", f"{name}=16"]) == 0
    assert {call.body["max_tokens"] for call in server.calls} == {16}


# -- addresses


def test_white_space_around_an_address_is_none_of_it():
    assert read_settings({"model": "m", "base_url": " http://h/v1/\n"}).base_url == "http://h/v1"


@pytest.mark.parametrize(
    "url", ["http://h/v 1", "http://[::1/v1", "http://h:port/v1", "http://h:99999/v1", "h/v1"]
)
@pytest.mark.parametrize("more", ["", "?key=hunter2-0123456789"])
def test_an_address_that_is_none_is_said(url, more):
    with pytest.raises(ModelError, match="base_url") as raised:
        read_settings({"model": "m", "base_url": url + more})
    assert "hunter2" not in str(raised.value)


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("tail", ["", "/chat/completions"])
def test_an_address_with_the_version_of_its_interface(tail):
    """Azure's: the version stays in every URL, and the key goes under its name."""
    with FakeServer() as server:
        url = f"{server.url}{tail}?api-version=2024-10-21"
        model = chat(server, base_url=url)
        assert all(model.generate_until(asks(model, ["a", "b"])))
    assert {call.query for call in server.calls} == {"api-version=2024-10-21"}
    assert {call.headers["api-key"] for call in server.calls} == {KEY}


@pytest.mark.usefixtures("short")
def test_an_address_without_one_gets_no_second_key():
    with FakeServer() as server:
        answers_of(server, ["a"])
    assert "api-key" not in server.calls[0].headers


SECRET = "hunter2-0123456789"


@pytest.mark.parametrize(
    "arguments",
    [{"base_url": f"http://user:{SECRET}@h/v1"}, {"base_url": f"http://{SECRET}@h/v1"},
     {"base_url": f"user:{SECRET}@h/v1"}, {"base_url": f"https://h/v1?key={SECRET}"},
     {"base_url": f"https://h/v1?api-version={SECRET}"}, {"base_url": f"https://h/v1#{SECRET}"},
     {"model": f"sk-{SECRET}"}, {"extra_headers": f"Authorization: Bearer {SECRET}"}, {"password": SECRET},
     {"default_headers": {"x": SECRET}}, {"journal": f"/tmp/{KEY}.sqlite"}],
)  # fmt: skip
def test_secrets_are_refused_before_anything_is_printed(arguments, capfd, caplog, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    caplog.set_level(logging.DEBUG)
    given = {"model": "m", **arguments}
    text = ",".join(f"{name}={value}" for name, value in given.items())
    assert main(["run", "--model", "mathtasks-chat", "--tasks", "gsm8k-cot", "--model_args", text]) == 2
    assert main(["run", "--model", "mathtasks-chat", "--tasks", "t", "--model_args", json.dumps(given)]) == 2
    with pytest.raises(ModelError):
        read_settings(given)
    printed = capfd.readouterr()
    for said in (printed.out, printed.err, caplog.text):
        assert SECRET not in said
        assert KEY not in said


@pytest.mark.parametrize(
    "model", ["hf-internal-testing/tiny-random-gpt2", "sk-small-chat", "gpt-4o-2024-08-06"]
)
def test_names_of_models_are_no_secrets(model):
    refuse_secrets({"model": model})
    check_url("http://localhost:8000/v1")


# -- what is written


@pytest.mark.parametrize("before", ["", "a", "ab", "user:"])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode, base64.b16encode])
def test_a_key_is_taken_out_in_every_form(before, encode):
    Key(KEY)
    coded = encode(f"{before}{KEY}".encode()).decode()
    assert coded[8:-8] not in redact(f"it is {coded}", shapes=False)
    assert redact("it is sk-plant", shapes=False) == "it is sk-plant", "what all keys of a service begin with"
    assert KEY[:20] not in redact(f"it is {KEY[:20]}", shapes=False), "an answer that was cut off"


def test_a_placeholder_for_a_key_takes_nothing_out_of_an_answer():
    for placeholder in ("EMPTY", "ollama", "123456"):
        Key(placeholder)
    assert redact("EMPTY ollama 123456", shapes=False) == "EMPTY ollama 123456"


@pytest.mark.usefixtures("short")
def test_an_answer_that_repeats_the_key_is_the_same_everywhere(tmp_path):
    """In the journal it was redacted, and not in what was scored and logged."""
    with FakeServer(lambda call: {"text": f"your key is {KEY}, so 4"}) as server:
        first = chat(server)
        second = chat(server)
        answers = [model.generate_until(asks(model, ["a"])) for model in (first, second)]
    assert answers == [["your key is [redacted], so 4"]] * 2


@pytest.mark.parametrize("kind", ["text", "number", "message", "unread"])
@pytest.mark.usefixtures("short")
def test_a_key_is_redacted_before_a_message_is_cut(kind, caplog, tmp_path):
    said = "x" * 70 + KEY
    bodies = {
        "text": said,
        "number": json.dumps([said]),
        "message": json.dumps({"choices": [{"message": [said]}]}),
        "unread": json.dumps({"odd": said}),
    }
    with FakeServer(lambda call: raw(bodies[kind]) if call.prompt == "a" else None) as server:
        model = chat(server, retry_budget=0.1, on_item_error="skip", num_concurrent=1)
        answers = model.generate_until(asks(model, ["b", "a"]))
    assert answers[1].error
    for where in (answers[1].error, caplog.text, *journal_stats(model.settings.journal)):
        assert KEY[:10] not in where


# -- terminals


ESCAPES = "\x1b[2J\x1b]0;gone\x07\x9b31m\u202e"


def test_what_a_server_says_cannot_steer_a_terminal():
    for said in (str(Fault("run", "key", f"no {ESCAPES}")), str(Refused(None, f"no {ESCAPES}"))):
        assert not any(c in said for c in ESCAPES if not c.isprintable())
        assert "⟨U+001B⟩[2J" in said


@pytest.mark.usefixtures("short")
def test_what_a_journal_shows_cannot_steer_a_terminal():
    with FakeServer(
        lambda call: (
            error(400, ESCAPES) if call.prompt == "b" else {"text": f"4 {ESCAPES}", "finish_reason": ESCAPES}
        )
    ) as server:
        model = chat(server, on_item_error="skip")
        model.generate_until(asks(model, ["a", "b"]))
    path = model.settings.journal
    (key,) = (line.split()[0] for line in journal_show(path))
    for lines in (journal_show(path), journal_show(path, key=key), journal_stats(path), journal_export(path)):
        text = "\n".join(lines)
        assert not any(c in text for c in ESCAPES if not c.isprintable())
    assert json.loads(next(iter(journal_export(path))))["response"] == f"4 {ESCAPES}"
