"""Labels of steps by completion: what they mean, and that a killed call leaves the same bytes."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from lm_eval_mathtasks import cli, embedded
from lm_eval_mathtasks.errors import MathtasksError, TrainingError
from lm_eval_mathtasks.training.completers import LocalModel, ServedModel
from lm_eval_mathtasks.training.pairs import sampled_run
from lm_eval_mathtasks.training.shepherd import JOURNAL, Settings, Start, chosen_responses, label_steps
from lm_eval_mathtasks.training.steps import read_steps
from tests.conftest import read_jsonl

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*deprecated.*:FutureWarning"),
    pytest.mark.xdist_group("training"),
]
RESPONSES = [
    "3+4=7\n\n7*2=14\n\\boxed{14}",
    "3+4=8\n8*2=16\n\\boxed{16}",
    "3+4=7\n7*2=14\n\\boxed{14}",
    "",
    "14",
]


@pytest.fixture
def run(tmp_path):
    path = tmp_path / "samples.jsonl"
    rows = [
        {"question": f"(3+4)*2? {doc}", "gold": "14", "response": text}
        for doc in range(6)
        for text in RESPONSES
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return sampled_run(path)


class Honest:
    """Goes on rightly from a right step in three of four endings, never from a wrong one; may fail in some batch."""

    name = "honest"

    def __init__(self, fails_in=None):
        self.asked, self.fails_in = 0, fails_in

    def complete(self, starts, settings, seed):
        if self.asked == self.fails_in:
            raise KeyboardInterrupt
        self.asked += 1
        lost = [("8" in start.written) for start in starts]
        return [
            [
                (r"\boxed{16}" if bad or i % 4 == 3 else r"\boxed{14}", "stop")
                for i in range(settings.rollouts)
            ]
            for bad in lost
        ]


SETTINGS = Settings(rollouts=4, batch=3, responses=4)


def test_labels_are_the_share_of_right_endings(run, tmp_path):
    facts = label_steps(run, Honest(), SETTINGS, tmp_path / "out.jsonl")
    rows = read_jsonl(tmp_path / "out.jsonl")
    by_text = {"\n".join(row["steps"]): row["labels"] for row in rows}
    assert by_text == {
        RESPONSES[2]: [0.75, 0.75, 1.0],
        RESPONSES[1]: [0.0, 0.0, 0.0],
        "14": [1.0],
    }
    assert all(row["labels"][-1] == float(row["right"]) for row in rows)
    assert facts["docs"] == 6
    assert facts["steps"] == sum(len(row["steps"]) for row in rows)
    assert len(read_steps(tmp_path / "out.jsonl")) == len(rows)


def test_an_ending_goes_on_from_the_text_as_it_was(run):
    first = next(
        one for one in chosen_responses(run, SETTINGS) if one.row.responses[one.repeat] == RESPONSES[0]
    )
    assert [start.written for start in first.starts] == ["3+4=7\n", "3+4=7\n\n7*2=14\n"]
    assert first.steps == ["3+4=7", "7*2=14", "\\boxed{14}"]


@pytest.mark.parametrize("torn", ["", '{"batch": 2, "endi'])
def test_a_killed_call_goes_on_and_leaves_the_same_bytes(run, tmp_path, torn):
    label_steps(run, Honest(), SETTINGS, tmp_path / "whole.jsonl")
    out = tmp_path / "killed.jsonl"
    with pytest.raises(KeyboardInterrupt):
        label_steps(run, Honest(fails_in=2), SETTINGS, out)
    assert not out.exists()
    with (tmp_path / f"killed.jsonl{JOURNAL}").open("a") as file:
        file.write(torn)
    second = Honest()
    label_steps(run, second, SETTINGS, out)
    assert out.read_bytes() == (tmp_path / "whole.jsonl").read_bytes()
    journals = [(tmp_path / f"{name}.jsonl{JOURNAL}").read_bytes() for name in ("whole", "killed")]
    assert journals[0] == journals[1]
    third = Honest()
    label_steps(run, third, SETTINGS, out)
    assert third.asked == 0 < second.asked


def test_another_runs_journal_is_refused(run, tmp_path):
    label_steps(run, Honest(), SETTINGS, tmp_path / "out.jsonl")
    with pytest.raises(TrainingError, match="another one's"):
        label_steps(run, Honest(), SETTINGS._replace(seed=1), tmp_path / "out.jsonl")
    journal = tmp_path / f"out.jsonl{JOURNAL}"
    first, *_ = journal.read_text().split("\n")
    journal.write_text(f"{first}\nbroken\n")
    with pytest.raises(TrainingError, match="JSON object on line 2"):
        label_steps(run, Honest(), SETTINGS, tmp_path / "out.jsonl")


def test_a_local_model_draws_a_batch_from_its_seed():
    model = LocalModel(str(embedded.path("sft")), "cpu", "float32")
    asked = json.dumps([{"role": "user", "content": "What is 3+4? Put the answer in \\boxed{}."}])
    starts = [Start(asked, "3+4=7\n"), Start("Question: What is 3+4?\nAnswer:", " 3+4=7\n")]
    settings = Settings(rollouts=3, max_tokens=24)
    first = model.complete(starts, settings, 5)
    assert [len(own) for own in first] == [3, 3]
    assert model.complete(starts, settings, 5) == first
    hot = settings._replace(temperature=3.0)
    assert model.complete(starts, hot, 5) == model.complete(starts, hot, 5) != model.complete(starts, hot, 6)
    assert {finish for own in first for _, finish in own} <= {"stop", "length"}
    short = model.complete(starts, settings._replace(max_tokens=1), 5)
    assert {finish for own in short for _, finish in own} <= {"stop", "length"}
    with pytest.raises(TrainingError, match="Check the path"):
        LocalModel("/no/such/model", "cpu", "float32")


SEEN = []


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        SEEN.append((self.path, body))
        if "messages" in body:
            choices = [
                {"message": {"content": f"end {i}"}, "finish_reason": "stop"} for i in range(body["n"])
            ]
        else:
            choices = [{"text": f"end {i}", "finish_reason": "length"} for i in range(body["n"] - 1)]
        reply = json.dumps({"choices": choices}).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(reply)

    def log_message(self, *_):
        pass


def test_a_server_goes_on_with_a_message_that_was_begun():
    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        model = ServedModel(f"http://127.0.0.1:{server.server_port}/v1", "m", workers=2)
        asked = json.dumps([{"role": "user", "content": "Q"}])
        assert model.complete([Start(asked, "a\n")], Settings(rollouts=2), 7) == [
            [("end 0", "stop"), ("end 1", "stop")]
        ]
        path, body = SEEN[-1]
        assert path == "/v1/chat/completions"
        assert body["messages"][-1] == {"role": "assistant", "content": "a\n"}
        assert (body["continue_final_message"], body["add_generation_prompt"], body["seed"]) == (
            True,
            False,
            7,
        )
        with pytest.raises(TrainingError, match="2 endings from the server, got 1"):
            model.complete([Start("Q: ", "a\n")], Settings(rollouts=2), 7)
        path, body = SEEN[-1]
        assert (path, body["prompt"]) == ("/v1/completions", "Q: a\n")
    finally:
        server.shutdown()
        server.server_close()
    with pytest.raises(TrainingError, match="http://localhost"):
        ServedModel("file:///etc/passwd", None, 1)
    with pytest.raises(MathtasksError, match="Is the server up"):
        ServedModel("http://127.0.0.1:1", None, 1).complete([Start("Q", "")], Settings(rollouts=1), 0)


def test_the_command(run, tmp_path, capsys, monkeypatch):
    out = tmp_path / "steps.jsonl"
    few = ["--rollouts", "2", "--responses", "1", "--max-tokens", "12"]
    where = [
        "--samples",
        str(tmp_path / "samples.jsonl"),
        "--model",
        str(embedded.path("sft")),
        "--out",
        str(out),
    ]
    given = ["shepherd", *where, *few]
    whole, done = LocalModel.complete, []

    def interrupted(*arguments):
        if done:
            raise KeyboardInterrupt
        done.append(1)
        return whole(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(LocalModel, "complete", interrupted)
        assert cli.main([*given, "--batch-size", "4"]) == cli.EXIT_INTERRUPTED
    assert "interrupted: 1 of 3 batches are kept; the same command goes on" in capsys.readouterr().out
    assert cli.main([*given, "--batch-size", "4"]) == 0
    assert "steps of 6 responses to 6 docs" in capsys.readouterr().out
    assert len(read_steps(out)) == 6
    capsys.readouterr()
    for wrong, message in (
        (["--temperature", "0"], "a --temperature above 0"),
        (["--device", "cuda:7"], "a device of this machine"),
        (["--out", str(tmp_path)], f"a file to write to as --out, got {tmp_path} is a folder"),
    ):
        assert cli.main([*given, "--batch-size", "4", *wrong]) == 2
        assert message in " ".join(capsys.readouterr().err.split())
