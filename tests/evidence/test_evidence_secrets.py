"""What must not be published is found in every shape, and mathematics is not taken for it."""

import json
from collections import Counter

import pytest

from lm_eval_mathtasks.evidence.scrub import scrubbed_results, scrubbed_text
from lm_eval_mathtasks.evidence.secrets import KINDS, found_in, redacted, scan
from tests.conftest import shared_path

# Made by concatenation, so that no scanner takes this file for a leak.
BODY = "A1b2C3d4E5f6G7h8I9j0" * 3
PLANTED = [
    ("openai", "sk" + "-" + BODY),
    ("openai", "sk" + "-proj-" + BODY[:40] + "_" + BODY[:20]),
    ("openai", "sk" + "-or-v1-" + BODY),
    ("anthropic", "sk" + "-ant-api03-" + BODY),
    ("hugging-face", "hf" + "_" + BODY[:34]),
    ("google", "AI" + "za" + BODY[:35]),
    ("aws", "AK" + "IA" + "ABCDEFGH23456789"),
    ("github", "gh" + "p_" + BODY[:36]),
    ("github", "github" + "_pat_" + BODY[:30]),
    ("gitlab", "gl" + "pat-" + BODY[:20]),
    ("slack", "xo" + "xb-123456789012-" + BODY[:24]),
    ("slack", "https://hooks." + "slack.com/services/T0/B0/" + BODY[:24]),
    ("stripe", "sk" + "_live_" + BODY[:24]),
    ("provider", "gs" + "k_" + BODY[:50]),
    ("provider", "np" + "m_" + BODY[:36]),
    ("provider", "py" + "pi-" + BODY[:50]),
    ("provider", "SG" + "." + BODY[:22] + "." + BODY[:43]),
    ("provider", "dap" + "i" + "0123456789abcdef" * 2),
    ("provider", "ji" + "na_" + BODY[:40]),
    ("webhook", "https://discord.com/api/" + "webhooks/123456/" + BODY[:40]),
    ("webhook", "1234567890" + ":AA" + BODY[:33]),
    ("jwt", "ey" + "JhbGciOiJIUzI1NiJ9." + BODY[:20] + "." + BODY[:30]),
    ("private-key", "-----BEGIN " + "RSA PRIVATE KEY-----"),
    ("private-key", "-----BEGIN " + "PRIVATE KEY-----"),
    ("bearer", "Bearer " + BODY[:30]),
    ("authorization", "Authorization: " + "token " + BODY[:30]),
    ("authorization", "authorization=" + BODY[:30]),
    ("azure", '"key": "' + "0123456789abcdef" * 2 + '"'),
    ("assigned", "OPENAI_API_KEY=" + BODY[:12]),
    ("authorization", "Authorization: Bea" + "rer " + "abcdefghijklmnopqrstuvwxyzABCDEF"),
    ("assigned", "hf_" + "token=" + BODY[:14]),
    ("assigned", "HUGGING_FACE_HUB_" + "TOKEN=" + BODY[:20]),
    ("assigned", "OPENAI_" + "KEY=" + BODY[:20]),
    ("assigned", "Account" + "Key=" + BODY[:40]),
    ("assigned", "https://host.test/v1?ke" + "y=" + BODY[:20]),
    ("assigned", "password: " + "hunter2" * 2),
    ("url-password", "https://me:" + "secret1" + "@host.net/v1"),
    ("e-mail", "ada.lovelace" + "@" + "analytical-engine.org"),
    ("home-path", "/home/" + "ada/models"),
    ("home-path", "C:\\Users\\" + "ada\\models"),
    ("home-path", "/Users/" + "ada/x"),
]
HARMLESS = [
    "the bearer responsibilities of both",
    "password = something with words",
    "mask-1234567890123456789012345, task-abcdefghijklmnopqrst and disk-12345678901234567890",
    "x@y, 3@4.5 and f(x)@x=2",
    "write to ada@example.org or ada@mail.example.com",
    "/homework/ada and km/home/x",
    "the key = 12 and the token: 144",
    "$\\frac{1}{2}$ basic arithmetic, 0123456789abcdef0123456789abcdef",
    "draw((0,0)--(1,0)--cycle); label(\"$A$\", (0,0), SW); https://example.org/a:b@c",
    "Authorization: bearer of good news, the KEY = WORDS and MAX_TOKEN=2048",
    "eos_token=<|reserved_special_token_250|> and ?key=short&token=none, pa-rameter",
    "AIzawl and hf_space and sk-learn and xoxo",
]  # fmt: skip


@pytest.mark.parametrize(("kind", "text"), PLANTED, ids=[f"{k}-{n}" for n, (k, _) in enumerate(PLANTED)])
def test_a_planted_secret_is_found_wherever_it_stands(kind, text):
    for around in (text, f"so \\boxed{{3}}\n{text}\nand", f"({text})", f'{{"a": "{text}"}}'):
        assert kind in [found for found, _, _ in found_in(around)], around
    line = {"doc": {"question": f"Q {text}"}, "resps": [["ok", f"R\n{text}"]], text: 1}
    found = list(scan(line, "samples.jsonl.gz", 7))
    assert {f.path for f in found} >= {"doc.question", "resps[0][1]", "a key of the line"}
    for finding in found:
        assert str(finding).startswith("samples.jsonl.gz:7: ")
        assert text not in str(finding)


@pytest.mark.parametrize(("kind", "text"), PLANTED, ids=[f"{k}-{n}" for n, (k, _) in enumerate(PLANTED)])
def test_a_secret_in_json_within_a_string_is_found(kind, text):
    messages = json.dumps([{"role": "user", "content": f"mine:\n{text}\nü", text: {"a": f"ü{text}"}}])
    line = {"arguments": {"gen_args_0": {"arg_0": [messages]}}}
    assert kind in {finding.kind for finding in scan(line, "s", 1)}
    clean = redacted(line, lambda _: None)
    assert not list(scan(clean, "s", 1))
    json.loads(clean["arguments"]["gen_args_0"]["arg_0"][0])


def test_every_kind_is_planted():
    assert {kind for kind, _ in PLANTED} == set(KINDS)


@pytest.mark.parametrize("text", HARMLESS)
def test_mathematics_is_no_secret(text):
    assert list(found_in(text)) == []


def test_a_secret_name_makes_any_value_one():
    line = {"model_args": {"api_key": "correct horse battery", "hf_token": "x" * 9, "key_size": "128 tokens"}}
    assert [f.path for f in scan(line, "r", 1)] == ["model_args.api_key", "model_args.hf_token"]
    assert not list(scan({"api_key": "EMPTY", "tokenizer_pad_token": ["<pad>", "0"]}, "r", 1))


def test_redaction_takes_out_and_counts():
    (_, key), (_, mail) = PLANTED[0], next(p for p in PLANTED if p[0] == "e-mail")
    taken = Counter()
    line = {"resps": [[f"a {key} b {mail} c"]], "n": 1, "api_key": "s" * 10}
    clean = redacted(line, lambda kind: taken.update([kind]))
    assert clean == {
        "resps": [["a [redacted openai] b [redacted e-mail] c"]],
        "n": 1,
        "api_key": "[redacted assigned]",
    }
    assert taken == {"openai": 1, "e-mail": 1, "assigned": 1}
    assert not list(scan(clean, "x", 1))


@pytest.mark.parametrize(
    "name",
    [
        "labelled/responses_gpt3_gsm8k.jsonl",
        "labelled/responses_abel_gsm8k.jsonl",
        "labelled/responses_rho_gsm8k.jsonl",
        "labelled/responses_rho_math500.jsonl",
        "data/math_test.jsonl",
        "data/olympiadbench.jsonl",
        "data/gsm8k_test.jsonl",
    ],
)
def test_no_false_alarm_in_real_problems_and_responses(name):
    with shared_path(name).open(encoding="utf-8") as lines:
        third = list(enumerate(lines, 1))[::3]
    assert [str(f) for number, line in third for f in scan(json.loads(line), name, number)] == []


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("/srv/x/checkout/tasks/sample/sample-gsm8k.yaml", "tasks/sample/sample-gsm8k.yaml"),
        ("/usr/lib/site-packages/lm_eval_mathtasks/_tasks/a/b.yaml", "tasks/a/b.yaml"),
        ("pretrained=/x/lm_eval_mathtasks/embedded/grpo,dtype=float32", "pretrained=embedded:grpo,dtype=float32"),
        ("lm_eval_mathtasks/embedded/sft/", "embedded:sft"),
        ("/root/.cache/huggingface/hub/models--Acme--Toy-1.5B/snapshots/0a1b", "Acme/Toy-1.5B"),
        ("~/models/toy", "toy"),
        ("D:\\models\\toy", "toy"),
        ("http://127.0.0.1:8000/v1/chat/completions", "http://127.0.0.1:8000/v1/chat/completions"),
        ("https://api.openai.com/v1", "https://api.openai.com/v1"),
        ("http://gpu-17:8000/v1", "http://private-host:8000/v1"),
        ("http://10.1.2.3/v1 and http://vllm.team.svc/v1", "http://private-host/v1 and http://private-host/v1"),
        ("<function docs at 0x7f8e782580e0>", "<function docs>"),
        ("Acme/Toy-1.5B", "Acme/Toy-1.5B"),
        ("a/b and 3/4/5 and </s>/x/y", "a/b and 3/4/5 and </s>/x/y"),
    ],
)  # fmt: skip
def test_settings_lose_the_machine_and_keep_the_model(text, clean):
    taken = Counter()
    assert scrubbed_text(text, taken) == clean
    assert bool(taken) == (text != clean)


def test_results_keep_one_task_and_nothing_of_the_machine():
    results = {
        "results": {"a": {"exact_match,none": 1}, "b": {}},
        "configs": {"a": {"metadata": {"config_source": "/x/y/tasks/a.yaml"}}, "b": {}},
        "config": {"model_args": {"pretrained": "/data/models/Toy"}},
        "model_name": "/data/models/Toy",
        "model_name_sanitized": "__data__models__Toy",
        "pretty_env_info": "Host: secret",
        "date": 1.5,
    }
    clean = scrubbed_results(results, "a", Counter())
    assert clean["results"] == {"a": {"exact_match,none": 1}}
    assert clean["configs"] == {"a": {"metadata": {"config_source": "tasks/a.yaml"}}}
    assert clean["model_name_sanitized"] == clean["model_name"] == "Toy"
    assert "pretty_env_info" not in clean
    assert clean["date"] == 1.5
