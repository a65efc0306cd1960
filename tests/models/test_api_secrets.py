"""A planted key must appear in nothing that is written, whatever goes wrong; and batches are the same evaluation."""

import json
import logging
import traceback
from base64 import b64encode
from urllib.parse import quote

import pytest

from lm_eval_mathtasks.errors import MathtasksError, ModelError
from lm_eval_mathtasks.keys import Key, read_key, redact
from lm_eval_mathtasks.models import asking
from lm_eval_mathtasks.models.batch_api import batch_collect
from lm_eval_mathtasks.models.settings import read_settings
from tests.models.api_helpers import KEY, answers_of, asks, chat, short
from tests.models.fake_server import FakeServer, error

__all__ = ["short"]
pytestmark = pytest.mark.usefixtures("short")


def echo(status):
    """A server that repeats the key it was sent in its message, as some do."""

    def plan(call):
        said = f"Incorrect API key provided: {call.headers['Authorization']}"
        return error(status, said) if call.serial > 2 else {"text": f"your key is {KEY}"}

    return plan


@pytest.mark.parametrize("status", [400, 401, 429, 500])
def test_the_key_is_written_nowhere(status, tmp_path, caplog, capfd, monkeypatch):
    monkeypatch.setattr(asking, "MAX_WAIT_S", 0.3)
    caplog.set_level(logging.DEBUG)
    with FakeServer(echo(status)) as server:
        model = chat(server, num_concurrent=2, retry_budget=0.1, max_tokens_total=500, max_gen_toks=8)
        with pytest.raises((MathtasksError, SystemExit)) as failure:
            model.generate_until(asks(model, [f"p{i}" for i in range(6)]))
    assert {call.headers["Authorization"] for call in server.calls} == {f"Bearer {KEY}"}
    shown = "".join(traceback.format_exception(failure.type, failure.value, failure.tb))
    printed = capfd.readouterr()
    for where in (shown, caplog.text, printed.out, printed.err, repr(vars(model)), repr(model.report)):
        assert KEY not in where
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files
    for path in files:
        assert KEY.encode() not in path.read_bytes(), path


LONG_KEY = "ab/cd+ef-0123456789.GHIJKLMNOP:qr"
FORMS = {
    "as it is": str,
    "in capitals": str.upper,
    "for JSON": lambda key: "".join(rf"\u{ord(c):04x}" for c in key),
    "for JSON where it must": lambda key: key.replace("/", r"\u002F"),
    "for a URL": lambda key: quote(key, safe=""),
    "for a URL, all of it": lambda key: "".join(f"%{ord(c):02X}" for c in key),
    "for HTML": lambda key: "".join(f"&#{ord(c)};" for c in key),
    "for HTML in hexadecimal": lambda key: "".join(f"&#x{ord(c):X};" for c in key),
    "for Python": lambda key: "".join(rf"\x{ord(c):02x}" for c in key),
    "in base64": lambda key: b64encode(b"user:" + key.encode()).decode(),
    "in hexadecimal": lambda key: key.encode().hex(" "),
    "wrapped": lambda key: f"{key[:9]}\n    {key[9:]}",
    "letter by letter": " ".join,
    "with what nobody sees": "\u200b".join,
    "its beginning": lambda key: key[:20],
    "its end": lambda key: key[-16:],
}


@pytest.mark.parametrize("form", FORMS)
def test_a_key_is_known_in_every_form(form):
    Key(LONG_KEY)
    held = FORMS[form](LONG_KEY)
    shown = redact(f"before {held} after", shapes=False)
    assert "[redacted]" in shown
    assert not any(held[at : at + 9] in shown for at in range(len(held) - 8))
    assert shown.startswith("before ")
    assert shown.endswith(" after")


@pytest.mark.parametrize("near", ["ab/cd+ef-0123456789", "0123456789", "ab / cd + ef - 01234"])
def test_a_part_that_gives_no_key_away_stays(near):
    Key(LONG_KEY)
    assert redact(near[:15], shapes=False) == near[:15]


@pytest.mark.parametrize(
    "arguments",
    [{"api_key": KEY}, {"auth_token": KEY}, {"token": "abc"}, {"header": {"Authorization": "x"}}, {"api_key": ""},
     {"base_url": f"https://u:{KEY}@h/v1"}, {"base_url": f"https://h/v1?key={KEY}"}, {"prices": KEY},
     {"openai_api_key": "x"}],
)  # fmt: skip
def test_keys_in_arguments_are_refused_without_repeating_them(arguments):
    with pytest.raises(ModelError) as failure:
        read_settings({"model": "m", **arguments})
    assert KEY not in str(failure.value)


@pytest.mark.parametrize("name", ["..", ".", " ", "a\x1b[2Jb", "a\nb", "a\u202eb", "x" * 300])
def test_a_name_that_no_folder_may_have_is_refused(name):
    """lm-eval wrote its logs beside the folder they were for."""
    with pytest.raises(ModelError, match="a model's name") as failure:
        read_settings({"model": name})
    assert str(failure.value).isprintable()


@pytest.mark.parametrize("name", ["a.b/c..d", "Qwen2.5 7B", "模型-1", "..a"])
def test_a_name_that_a_folder_may_have_is_taken(name):
    assert read_settings({"model": name}).model == name


def test_ordinary_arguments_are_no_secrets():
    settings = read_settings(
        {"model": "m", "max_gen_toks": 5, "max_tokens_total": 9, "api_key_env": "MY_KEY"}
    )
    assert settings.api_key_env == "MY_KEY"


def test_a_key_from_a_file_named_by_the_environment(monkeypatch, tmp_path):
    (tmp_path / "key").write_text("from-a-file-123\n")
    monkeypatch.delenv("OPENAI_API_KEY")
    monkeypatch.setenv("OPENAI_API_KEY_FILE", str(tmp_path / "key"))
    key = read_key()
    assert key.reveal() == "from-a-file-123"
    assert "from-a-file" not in f"{key} {key!r}"
    assert redact("x from-a-file-123 y") == "x [redacted] y"
    monkeypatch.setenv("OPENAI_API_KEY_FILE", str(tmp_path / "absent"))
    with pytest.raises(ModelError, match="OPENAI_API_KEY_FILE"):
        read_key()


@pytest.mark.parametrize(
    "value", ["sk-ключ-0123456789abcdef", "sk-aaaa0123456789\nabcdef", "sk-aaaa\x7f0123456789"]
)
def test_a_key_that_no_header_can_hold_is_said_and_not_shown(value, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", value)
    with pytest.raises(ModelError, match="Correct OPENAI_API_KEY") as raised:
        read_key()
    assert value[-10:] not in str(raised.value)


def test_short_placeholders_do_not_blot_out_words():
    Key("none")
    assert redact("none of these") == "none of these"


# -- batches


def test_a_batch_and_a_live_run_are_the_same_evaluation(tmp_path, capsys):
    questions = [f"p{i}" for i in range(5)]
    with FakeServer() as server:
        live = chat(server, journal=str(tmp_path / "live.sqlite"))
        expected = live.generate_until(asks(live, questions, until=["q"]))
        server.calls.clear()
        batch = str(tmp_path / "batch.jsonl")
        writing = chat(server, journal=str(tmp_path / "batch.sqlite"), batch_out=batch)
        with pytest.raises(SystemExit) as ended:
            writing.generate_until(asks(writing, questions, until=["q"]))
        assert ended.value.code == 0
        assert "5 requests" in capsys.readouterr().out
        lines = [json.loads(line) for line in (tmp_path / "batch.jsonl").read_text().splitlines()]
        assert {line["url"] for line in lines} == {"/v1/chat/completions"}
        assert all(len(line["custom_id"]) <= 64 and "stream" not in line["body"] for line in lines)
        output = tmp_path / "output.jsonl"
        output.write_text("".join(json.dumps(played(line)) + "\n" for line in lines))
        said = "\n".join(batch_collect(output, tmp_path / "batch.sqlite"))
        assert "4 answers" in said
        assert "1 without" in said
        again = chat(server, journal=str(tmp_path / "batch.sqlite"))
        assert again.generate_until(asks(again, questions, until=["q"])) == expected
    assert [call.prompt for call in server.calls] == ["p3"]  # the one that the batch could not answer


def played(line):
    """What OpenAI writes for a line of a batch."""
    prompt = line["body"]["messages"][-1]["content"]
    if prompt == "p3":
        body = {"error": {"message": "server error"}}
        return {"custom_id": line["custom_id"], "response": {"status_code": 500, "body": body}, "error": None}
    choice = {"index": 0, "finish_reason": "stop", "message": {"content": f"answer to {prompt}"}}
    body = {"model": "m-served", "choices": [choice], "usage": {"prompt_tokens": 2, "completion_tokens": 5}}
    return {"custom_id": line["custom_id"], "response": {"status_code": 200, "body": body}, "error": None}


def test_a_foreign_batch_is_refused(tmp_path):
    with FakeServer() as server:
        answers_of(server, ["a"], journal=str(tmp_path / "j.sqlite"))
    (tmp_path / "foreign.jsonl").write_text('{"custom_id": "theirs", "response": {}}\n')
    with pytest.raises(ModelError, match="line 1"):
        list(batch_collect(tmp_path / "foreign.jsonl", tmp_path / "j.sqlite"))


def test_an_export_is_a_replay_file(tmp_path):
    from lm_eval_mathtasks.journal.listing import journal_export
    from lm_eval_mathtasks.models.replay import Replay

    with FakeServer() as server:
        model = chat(server)
        requests = asks(model, ["a", "b"], repeats=2, do_sample=True)
        live = model.generate_until(requests)
    (tmp_path / "export.jsonl").write_text("\n".join(journal_export(model.settings.journal)) + "\n")
    replayed = Replay(path=str(tmp_path / "export.jsonl")).generate_until(requests)
    assert replayed == live
    assert [r.finish_reason for r in replayed] == [r.finish_reason for r in live]
