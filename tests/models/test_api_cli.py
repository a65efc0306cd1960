"""The API model on the command line: run, again, dry run, journal, batch; what the statuses say."""

import errno
import json

import pytest

from lm_eval_mathtasks.cli import main
from lm_eval_mathtasks.host.keeper import Keeper
from tests.conftest import read_jsonl
from tests.host.test_run import logs, place, write  # noqa: F401  (the fixture)
from tests.models.fake_server import FakeServer, error


@pytest.fixture
def key(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-planted-in-the-environment")


def run(server, *more, arguments=""):
    model_args = f"model=toy,base_url={server.url},rpm=6000{arguments}"
    command = ["run", "--model", "mathtasks-chat", "--model_args", model_args, "--apply_chat_template"]
    return main([*command, "--tasks", "gsm8k-cot-zeroshot", *more])


def boxed(call):
    return {"text": "So it is \\boxed{12}."}


@pytest.mark.usefixtures("key")
def test_run_again_journal_and_replay(place, capsys):  # noqa: F811
    with FakeServer(boxed) as server:
        assert main(["batch", "write"]) == 2
        with pytest.raises(SystemExit) as planned:
            run(server, "--dry-run")
        assert planned.value.code == 0
        assert "3 requests, 0 of them in the journal, 3 to ask" in capsys.readouterr().out
        assert not server.calls
        assert run(server) == 0
        assert "3 requests to toy: 0 from the journal, 3 answered" in capsys.readouterr().out
        assert run(server, "--output_path", "again") == 0
        assert len(server.calls) == 3, "what was paid for is not asked again"
    results, _ = logs(place / "again")
    assert results["results"]["gsm8k-cot-zeroshot"]["exact_match,none"] == pytest.approx(1 / 3)
    assert main(["journal", "stats"]) == 0
    assert "3 answers, 0 cut off" in capsys.readouterr().out
    assert main(["journal", "export"]) == 0
    (place / "export.jsonl").write_text(capsys.readouterr().out)
    assert len(read_jsonl(place / "export.jsonl")) == 3
    replayed = [
        "run",
        "--model",
        "replay",
        "--model_args",
        "path=export.jsonl,model=r",
        "--output_path",
        "replayed",
    ]
    assert main([*replayed, "--tasks", "gsm8k-cot-zeroshot"]) == 0
    assert logs(place / "replayed")[0]["results"] == results["results"]
    written = [path for path in place.rglob("*") if path.is_file()]
    assert not [path for path in written if b"sk-planted" in path.read_bytes()]


@pytest.mark.usefixtures("key")
def test_docs_without_an_answer_and_a_stopped_run_have_their_statuses(place, capsys):  # noqa: F811
    def too_long(call):
        return error(400, "too long", "context_length_exceeded") if "dozen" in call.prompt else boxed(call)

    with FakeServer(too_long) as server:
        assert run(server, arguments=",on_item_error=skip") == 1
        assert "33.3% of the responses never came" in capsys.readouterr().out
        assert run(server, arguments=",on_item_error=fail") == 2
        assert "answers to all 3 requests, got 1 without one" in capsys.readouterr().err
    with FakeServer(lambda call: error(401, "bad key", "invalid_api_key")) as server:
        assert run(server, "--gen_kwargs", "max_gen_toks=77") == 3
    assert "the answers are in" not in capsys.readouterr().err, "there is none"


@pytest.mark.usefixtures("key")
def test_batch(place, capsys):  # noqa: F811
    with FakeServer(boxed) as server:
        flags = ["--model", "mathtasks-chat", "--model_args", f"model=toy,base_url={server.url}"]
        flags += ["--apply_chat_template", "--tasks", "gsm8k-cot-zeroshot"]
        with pytest.raises(SystemExit) as planned:
            main(["batch", "write", "batch.jsonl", *flags])
        assert planned.value.code == 0
        replies = [
            {
                "custom_id": row["custom_id"],
                "response": {"status_code": 200, "body": completion("\\boxed{600}")},
                "error": None,
            }
            for row in read_jsonl(place / "batch.jsonl")
        ]
        write(place / "output.jsonl", replies[:2])
        half = json.dumps(replies[2])[:-9]
        (place / "half.jsonl").write_text(f"\ufeff{half}\n{json.dumps(replies[0])}\n", encoding="utf-8")
        assert main(["batch", "collect", "half.jsonl"]) == 2, "and yet what is whole is kept"
        assert "1 others, the first in line 1" in " ".join(capsys.readouterr().err.split())
        write(place / "output.jsonl", replies)
        assert main(["batch", "collect", "output.jsonl"]) == 0
        assert "3 answers collected" in capsys.readouterr().out
        assert main(["run", *flags]) == 0
        assert not server.calls
    assert main(["batch", "collect", "nowhere.jsonl"]) == 2
    assert main(["journal", "show", "--journal", "nowhere.sqlite"]) == 2


def completion(text):
    message = {"role": "assistant", "content": text}
    usage = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return json.loads(
        json.dumps(
            {"id": "x", "object": "chat.completion", "model": "toy", "choices": [choice], "usage": usage}
        )
    )


@pytest.mark.usefixtures("key")
@pytest.mark.parametrize("where", ["a response", "the logs"])
def test_a_full_disk_says_where_the_answers_are(place, monkeypatch, capsys, where):  # noqa: F811
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with FakeServer(boxed) as server:
        with monkeypatch.context() as broken:
            broken.setattr(Keeper, "_write" if where == "a response" else "saved", full)
            assert run(server) == 2
        said = capsys.readouterr().err
        assert "mathtasks: Expected logs on disk, got [Errno 28] No space left" in said
        assert "the answers are in" in said
        assert "--resume" not in said, "an API model has a journal"
        assert run(server) == 0
        assert len(server.calls) == 3, "what was paid for is not asked again"
