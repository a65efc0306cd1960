"""Verifiers: what is read where, against naive computations on each prefix of the text; and the client of a server."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import torch
from tenacity import wait_none
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    AutoTokenizer,
)

from lm_eval_mathtasks import embedded
from lm_eval_mathtasks.choosing import pooling
from lm_eval_mathtasks.choosing.scorer import Settings, steps
from lm_eval_mathtasks.choosing.scorers import make_scorer
from lm_eval_mathtasks.choosing.verifiers import QWEN_SYSTEM, _qwen_class
from lm_eval_mathtasks.cli import main
from lm_eval_mathtasks.errors import ScoreError
from tests.choosing import tiny_verifiers
from tests.runs.logs_of_runs import doc, write_lm_eval

QUESTION = "What is 3 + 4?"
RESPONSES = ["Add 3 and 4.\n\nThat is 7.\nSo\n\n\\boxed{7}", "7", "", "It is 8.\n\n\n8"]
BATCH = 3  # four responses: a full batch and a rest, with texts of unlike lengths


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Make a verifier of a kind once."""
    made = {}

    def get(kind, **choices):
        key = kind, *choices.values()
        if key not in made:
            made[key] = tiny_verifiers.save(tmp_path_factory.mktemp("verifier") / kind, kind, **choices)
        return str(made[key])

    return get


def scorer(kind, path, batch=BATCH):
    return make_scorer(f"{kind}:{path}", Settings(batch=batch))


def loaded(auto, path):
    return auto.from_pretrained(path).eval(), AutoTokenizer.from_pretrained(path)


@torch.no_grad()
def last_logits(model, ids):
    return model(torch.tensor([ids])).logits[0, -1].float()


def close(scores, expected):
    assert len(scores) == len(expected)
    for found, wanted in zip(scores, expected, strict=True):
        assert found == pytest.approx(wanted, abs=1e-5)


def test_math_shepherd_reads_plus_against_minus_at_each_tag(folder):
    path = folder("prm-math-shepherd")
    model, tokenizer = loaded(AutoModelForCausalLM, path)
    plus, minus = tokenizer.convert_tokens_to_ids(["+", "-"])
    expected = []
    for lines in (["Add 3 and 4.", "That is 7.", "So", "\\boxed{7}"], ["7"], [""], ["It is 8.", "8"]):
        found, text = [], QUESTION + " "
        for line in lines:
            text += f"{line} ки"
            logits = last_logits(model, tokenizer(text)["input_ids"])
            found.append(float(logits[[plus, minus]].softmax(0)[0]))
            text += "\n"
        expected.append(tuple(found))
    close(scorer("prm-math-shepherd", path).score(QUESTION, RESPONSES), expected)
    assert len({round(score, 4) for doc in expected for score in doc}) > 4  # the places differ


def test_qwen_reads_the_second_class_at_each_separator(folder):
    path = folder("prm-qwen")
    tokenizer = AutoTokenizer.from_pretrained(path)
    model = _qwen_class().from_pretrained(path).eval()
    expected = []
    for parts in (["Add 3 and 4.", "That is 7.\nSo", "\\boxed{7}"], ["7"], [""], ["It is 8.", "8"]):
        found, text = [], f"<|system|>{QWEN_SYSTEM}<eos><|user|>{QUESTION}<eos><|assistant|>"
        for part in parts:
            text += f"{part}<extra_0>"
            ids = torch.tensor([tokenizer(text, add_special_tokens=False)["input_ids"]])
            with torch.no_grad():
                hidden = model.model(input_ids=ids).last_hidden_state[0, -1]
                first, _, second = model.score
                logits = second(torch.relu(first(hidden)))
            found.append(float(logits.softmax(0)[1]))
        expected.append(tuple(found))
    close(scorer("prm-qwen", path).score(QUESTION, RESPONSES), expected)


def test_token_classification_is_read_at_the_separator_after_each_step(folder):
    path = folder("prm-tokens")
    model, tokenizer = loaded(AutoModelForTokenClassification, path)

    def ids(text):
        return tokenizer(text, add_special_tokens=False)["input_ids"]

    expected = []
    for lines in (["Add 3 and 4.", "That is 7.", "So", "\\boxed{7}"], ["7"], [""], ["It is 8.", "8"]):
        found, text = [], [tokenizer.bos_token_id, *ids(QUESTION)]
        for line in lines:
            text = text + ids(line) + ids("\n")
            found.append(float(last_logits(model, text).softmax(0)[1]))
        expected.append(tuple(found))
    close(scorer("prm-tokens", path).score(QUESTION, RESPONSES), expected)


@pytest.mark.parametrize("labels", [1, 2])
def test_an_outcome_model_scores_the_end_of_the_conversation(folder, labels):
    path = folder("orm", labels=labels)
    model, tokenizer = loaded(AutoModelForSequenceClassification, path)
    expected = []
    for response in RESPONSES:
        text = f"<|user|>{QUESTION}<eos><|assistant|>{response}<eos>"
        ids = torch.tensor([tokenizer(text, add_special_tokens=False)["input_ids"]])
        with torch.no_grad():
            logits = model.score(model.model(ids).last_hidden_state)[0, -1]
        expected.append(float(logits[0]) if labels == 1 else float(logits.softmax(0)[1]))
    close(scorer("orm", path).score(QUESTION, RESPONSES), expected)


def test_an_outcome_model_without_template_or_padding_token(tmp_path):
    path = tiny_verifiers.save(tmp_path / "orm", "orm", chat=False)
    config = json.loads((path / "config.json").read_text())
    (path / "config.json").write_text(json.dumps({**config, "pad_token_id": None}))
    model, tokenizer = loaded(AutoModelForSequenceClassification, path)
    assert model.config.pad_token_id is None
    texts = [f"{QUESTION}\n{response}" for response in RESPONSES]
    expected = []
    for text in texts:
        with torch.no_grad():
            expected.append(float(model(torch.tensor([tokenizer(text)["input_ids"]])).logits[0, 0]))
    close(scorer("orm", path).score(QUESTION, RESPONSES), expected)


@pytest.mark.parametrize("prompt", ["<|user|>What is 3 + 4?<|assistant|>", "[conversation]"])
def test_log_probabilities_are_those_of_the_tokens_one_by_one(prompt):
    path = embedded.path("sft")
    model, tokenizer = loaded(AutoModelForCausalLM, path)
    text = "<|user|>What is 3 + 4?<|assistant|>"
    sums, means = [], []
    for response in RESPONSES:
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        after = tokenizer(response, add_special_tokens=False)["input_ids"] or [tokenizer.eos_token_id]
        total = 0.0
        for token in after:
            total += float(last_logits(model, ids).log_softmax(0)[token])
            ids = [*ids, token]
        sums.append(total)
        means.append(total / len(after))
    asked = json.dumps([{"role": "user", "content": QUESTION}]) if prompt == "[conversation]" else prompt
    close(scorer("logprob", path).score(asked, RESPONSES), means)
    assert scorer("logprob-sum", path).score(asked, RESPONSES) == pytest.approx(sums, rel=1e-5)


@pytest.mark.parametrize("kind", ["orm", "prm-tokens", "prm-math-shepherd", "prm-qwen"])
def test_a_batch_gives_what_single_texts_give(folder, kind):
    path = folder(kind)
    close(scorer(kind, path, 4).score(QUESTION, RESPONSES), scorer(kind, path, 1).score(QUESTION, RESPONSES))


@pytest.mark.parametrize("kind", ["orm", "prm-tokens", "prm-math-shepherd", "prm-qwen"])
def test_a_text_beyond_the_context_is_an_error(folder, kind):
    long = "\n\n".join(["It is 7."] * tiny_verifiers.CONTEXT)
    with pytest.raises(ScoreError, match=r"at most 512 tokens.*tokens with the response 'It is 7"):
        scorer(kind, folder(kind)).score(QUESTION, ["7", long])


@pytest.mark.parametrize(("kind", "marker"), [("prm-math-shepherd", "ки"), ("prm-qwen", "<extra_0>")])
def test_a_response_with_the_step_marker_is_an_error(folder, kind, marker):
    with pytest.raises(ScoreError, match="2 step markers for 1 steps"):
        scorer(kind, folder(kind)).score(QUESTION, [f"It is {marker} 7."])


@pytest.mark.parametrize("kind", ["orm", "prm-tokens", "prm-qwen"])
def test_a_model_without_the_head_is_not_filled_with_random_numbers(kind):
    with pytest.raises(ScoreError, match="no weights for"):
        scorer(kind, embedded.path("sft"))


def test_a_damaged_model_is_named(tmp_path):
    path = tiny_verifiers.save(tmp_path / "orm", "orm")
    (path / "model.safetensors").unlink()
    with pytest.raises(ScoreError, match="a model and a tokenizer in"):
        scorer("orm", path)


def test_a_vocabulary_without_the_tag_is_an_error():
    with pytest.raises(ScoreError, match="'ки' as a token"):
        scorer("prm-math-shepherd", embedded.path("sft"))


def test_the_command_scores_a_log_of_lm_eval_and_resumes(tmp_path, capsys):
    docs = [doc(i, 7) for i in range(3)]
    responses = [["\\boxed{7}", "\\boxed{8}"]] * 3
    log = write_lm_eval(tmp_path / "log", docs, responses, repeats=2, chat=True)
    kept = tmp_path / "kept.jsonl"
    command = ["choose", str(log), "--scorer", f"logprob:{embedded.path('sft')}", "--save-scores", str(kept)]
    assert main([*command, "--format", "csv"]) == 0
    first = capsys.readouterr().out
    lines = [json.loads(line) for line in kept.read_text().splitlines()]
    assert [(line["doc_id"], line["repeat"]) for line in lines] == [
        (str(i), k) for i in range(3) for k in range(2)
    ]
    # The prompt of a chat model is logged as a conversation, and read in the tokenizer's template.
    prompt = f"<|user|>{docs[2]['question']}<|assistant|>"
    expected = scorer("logprob", embedded.path("sft")).score(prompt, responses[2])
    assert [line["score"] for line in lines[4:]] == pytest.approx(expected, abs=1e-5)
    kept.write_text("".join(json.dumps(line) + "\n" for line in lines[:5]))
    assert main([*command, "--format", "csv"]) == 0
    assert capsys.readouterr().out == first
    assert main(["choose", str(log), "--scores", str(kept), "--format", "csv"]) == 0
    assert capsys.readouterr().out == first


def test_steps_are_what_stands_between_separators():
    assert steps("a\n\n\nb\n \nc\n", "\n\n") == ["a", "b\n \nc"]
    assert steps(" \n\n", "\n") == [""]


class Server:
    """A server with vLLM's two routes; `plan` turns a request (route, body) into (status, answer)."""

    def __init__(self, plan):
        self.seen = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(handler):
                body = json.loads(handler.rfile.read(int(handler.headers["Content-Length"])))
                self.seen.append((handler.path, body, handler.headers.get("Authorization")))
                status, answer = plan(handler.path, body, len(self.seen))
                text = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                handler.send_response(status)
                handler.send_header("Content-Length", str(len(text)))
                handler.end_headers()
                handler.wfile.write(text)

            def log_message(handler, *_):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"

    def __enter__(self):
        self.thread = threading.Thread(target=self.http.serve_forever, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()


def pooled(rows):
    return 200, {"data": [{"index": 0, "object": "pooling", "data": rows}]}


def classified(numbers):
    return 200, {"data": [{"index": 0, "label": None, "probs": numbers, "num_classes": len(numbers)}]}


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch):
    monkeypatch.setattr(pooling.Endpoint._exchange.retry, "wait", wait_none())
    monkeypatch.delenv(pooling.KEY_VARIABLE, raising=False)


def test_a_servers_outcome_model(monkeypatch):
    monkeypatch.setenv(pooling.KEY_VARIABLE, "k")
    with Server(lambda route, body, nth: classified([float(len(body["messages"][1]["content"]))])) as server:
        found = make_scorer(f"orm:{server.url}/v1", Settings(model="rm")).score(QUESTION, RESPONSES)
    assert found == [float(len(response)) for response in RESPONSES]  # in order, though asked at once
    route, body, key = server.seen[0]
    assert (route, body["model"], body["use_activation"], key) == ("/classify", "rm", False, "Bearer k")
    assert body["messages"][0] == {"role": "user", "content": QUESTION}


def test_a_servers_two_labels_become_a_probability():
    with Server(lambda *_: classified([1.0, 3.0])) as server:
        (score,) = make_scorer(f"orm:{server.url}").score(QUESTION, ["7"])
    assert score == pytest.approx(torch.tensor([1.0, 3.0]).softmax(0)[1].item())


@pytest.mark.parametrize(("kind", "good"), [("prm-qwen", 1), ("prm-math-shepherd", 0)])
def test_a_servers_steps(kind, good):
    with Server(lambda *_: pooled([[0.0, 2.0], [1.0, 1.0]])) as server:
        (score,) = make_scorer(f"{kind}:{server.url}").score(QUESTION, ["One.\n\nTwo."])
    first = torch.tensor([0.0, 2.0]).softmax(0)[good].item()
    assert score == pytest.approx((first, 0.5))
    route, body, _ = server.seen[0]
    assert (route, body["task"]) == ("/pooling", "token_classify")
    text = body["messages"][2]["content"] if kind == "prm-qwen" else body["input"]
    assert (
        text
        == {"prm-qwen": "One.<extra_0>Two.<extra_0>", "prm-math-shepherd": f"{QUESTION} One. ки\nTwo. ки"}[
            kind
        ]
    )


def test_a_server_that_pools_otherwise_is_an_error():
    with Server(lambda *_: pooled([[0.0, 2.0]] * 9)) as server, pytest.raises(ScoreError, match="9 rows"):
        make_scorer(f"prm-qwen:{server.url}").score(QUESTION, ["One.\n\nTwo."])


def test_another_kind_of_server_is_named():
    with (
        Server(lambda *_: (200, {"detail": "x"})) as server,
        pytest.raises(ScoreError, match=r"answer to /classify.*detail"),
    ):
        make_scorer(f"orm:{server.url}").score(QUESTION, ["7"])


def test_a_passing_fault_is_tried_again_and_a_refusal_is_not():
    answers = {1: (503, b"busy"), 2: (200, b"{half")}
    with Server(lambda route, body, nth: answers.get(nth, classified([4.0]))) as server:
        assert make_scorer(f"orm:{server.url}").score(QUESTION, ["7"]) == [4.0]
    assert len(server.seen) == 3
    with (
        Server(lambda *_: (400, b"no chat template")) as server,
        pytest.raises(ScoreError, match="no chat template"),
    ):
        make_scorer(f"orm:{server.url}").score(QUESTION, ["7"])
    assert len(server.seen) == 1
    with pytest.raises(ScoreError, match="Connection refused"):
        make_scorer(f"orm:{server.url}").score(QUESTION, ["7"])
