"""The API model's parts by themselves: faults, capabilities, requests, the window, settings, prices, the journal."""

import json
import os
import resource
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from lm_eval_mathtasks.errors import JournalError, ModelError
from lm_eval_mathtasks.journal.listing import journal_export, journal_show, journal_stats
from lm_eval_mathtasks.journal.queries import places
from lm_eval_mathtasks.journal.schema import Answer, connect
from lm_eval_mathtasks.journal.store import Journal
from lm_eval_mathtasks.models.capabilities import Capabilities, family_of
from lm_eval_mathtasks.models.faults import Fault, Refused, Rejected, classify
from lm_eval_mathtasks.models.limits import Bucket
from lm_eval_mathtasks.models.money import Price, TokenMeter, read_price
from lm_eval_mathtasks.models.payload import sampling_of, stops_of, token_limit, with_one_limit
from lm_eval_mathtasks.models.settings import read_settings
from lm_eval_mathtasks.models.window import Permit, Window
from tests.models.fake_server import gemini

ROOT = Path(__file__).parents[2]


# -- faults


def meaning(status, message="", code=None, sent=(), **more):
    body = {"error": {"message": message, "code": code, **more}}
    found = classify(status, body, {}, dict.fromkeys(sent, 1))
    if isinstance(found, Fault):
        return f"{found.severity} {found.kind}"
    if isinstance(found, Rejected):
        return f"rejected {found.parameter}"
    assert isinstance(found, Refused)
    return f"refused {found.refusal.kind}"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((401,), "run key"),
        ((400, "API key not valid. Please pass a valid API key."), "run key"),
        ((402, "Payment required"), "run quota"),
        ((403, "Country not supported"), "run permission"),
        ((403, "Input flagged by moderation"), "item content_filter"),
        ((404, "Not found"), "run model"),
        ((400, "The model `x` does not exist", "model_not_found"), "run model"),
        ((429, "You exceeded your current quota", "insufficient_quota"), "run quota"),
        (
            (429, "on requests per min (RPM): Limit 3, Used 3, Requested 1", "rate_limit_exceeded"),
            "refused requests",
        ),
        (
            (429, "on tokens per min (TPM): Limit 3, Used 3, Requested 1", "rate_limit_exceeded"),
            "refused tokens",
        ),
        ((429, "Request too large for x on tokens per min: Limit 9, Requested 12"), "item too_large"),
        ((429, "Too many concurrent requests"), "refused load"),
        ((429, "slow down"), "refused None"),
        ((503, "overloaded"), "refused load"),
        ((529, "Overloaded"), "refused load"),
        ((498, "Flex tier capacity exceeded", "capacity_exceeded"), "refused load"),
        ((498, "invalid token"), "item bad_request"),
        ((500,), "transient server_error"),
        ((504,), "transient server_error"),
        ((409,), "transient conflict"),
        ((413, "too big"), "item context_length"),
        ((400, "This model's maximum context length is 8192 tokens"), "item context_length"),
        ((400, "content management policy", "content_filter"), "item content_filter"),
        ((302,), "run redirect"),
        ((429, "You have reached your daily limit of 50 requests. Try again tomorrow."), "run quota"),
        ((429, "tokens per day (TPD) limit reached, please try again in 5m45s"), "refused None"),
        ((429, "weekly usage limit reached"), "run quota"),
        ((429, "You have exceeded your monthly included credits"), "run quota"),
        ((400, "Budget has been exceeded! Current cost: 10.1"), "run quota"),
        ((403, "Your team doesn't have any credits yet"), "run quota"),
        ((403, "The free tier of the model has been exhausted."), "run quota"),
        ((429, "You are using a trial key, which is limited to 1000 calls / month."), "run quota"),
        ((429, "You are using a trial key, which is limited to 20 calls / minute."), "refused None"),
        ((429, "Too many tokens per day, please wait before trying again."), "run quota"),
        ((429, "Too many tokens per minute, please wait before trying again."), "refused tokens"),
        ((429, "no more", "exceeded_current_quota_error"), "run quota"),
        ((412, "Account x is suspended, possibly due to reaching the monthly spending limit."), "run quota"),
        ((403, "Sorry, your account balance is insufficient"), "run quota"),
        ((429, "you have used up your daily free allocation of 10,000 neurons"), "run quota"),
        ((403, "您的免费额度已用完"), "run quota"),
        ((403, "The request failed because your account has an overdue balance."), "run quota"),
        ((429, "Exceeded 50 per 86400s. Please wait 40000 seconds before retrying."), "refused None"),
        ((400, "User location is not supported for the API use."), "run permission"),
        ((500, "ThrottlingException: Too many tokens, please wait"), "refused load"),
        ((429, "Limit 100, Requested 500"), "refused None"),
        ((429, "on tokens per min (TPM): Limit 100, Requested 500"), "item too_large"),
        ((500, "context shift is disabled"), "item context_length"),
        ((422, "`inputs` tokens + `max_new_tokens` must be <= 4096"), "item context_length"),
        ((400, "Please reduce the length of the messages"), "item context_length"),
        ((400, "Input is too long for requested model."), "item context_length"),
        ((500, "blocked", "content_filter"), "item content_filter"),
        ((500, "the safety service is down"), "transient server_error"),
        ((400, "Content Exists Risk"), "item content_filter"),
        ((400, "系统检测到输入或生成内容可能包含不安全或敏感内容"), "item content_filter"),
        ((400, "names of files are case-sensitive"), "item bad_request"),
        ((429, "You've hit your monthly spend limit."), "run quota"),
        (
            (400, "You have reached your specified API usage limits. You regain access next month."),
            "run quota",
        ),
        ((429, "You have reached the usage limit of 20 requests per minute"), "refused requests"),
        ((429, "The account has exhausted its free trial quota for the model."), "run quota"),
        ((403, "This account has reached its quota of tokens for the month"), "run quota"),
        ((403, "Out of call volume quota. Quota will be replenished in 2.12:30:30."), "run quota"),
        ((400, "Max Budget for Token: 2e-07", "budget_exceeded"), "run quota"),
        ((429, "The service has been paused.", "SetLimitExceeded"), "run quota"),
        ((400, "Too many tokens, please wait before trying again."), "refused load"),
        ((400, "Too many tokens in the prompt"), "item context_length"),
        ((400, "API key expired. Please renew the API key."), "run key"),
        ((500, "Access token invalid or no longer valid"), "run key"),
        ((400, "Invalid token in the prompt"), "item bad_request"),
        ((500, "output new_sensitive"), "item content_filter"),
        ((400, "Your organization must be verified to use the model `x`."), "run permission"),
        ((400, "The operation does not work with the specified model, x."), "run model"),
    ],
)
def test_what_a_status_means(arguments, expected):
    assert meaning(*arguments) == expected


@pytest.mark.parametrize(
    ("message", "more", "expected"),
    [
        ("Unrecognized request argument supplied: top_k", {}, "rejected top_k"),
        ("Unsupported parameter: 'stop' is not supported with this model.", {"param": "stop"}, "rejected stop"),
        ("Unsupported value: 'temperature' does not support 0 with this model.", {}, "rejected temperature"),
        ("[{'type': 'extra_forbidden', 'loc': ('body', 'seed'), 'msg': 'Extra inputs are not permitted'}]", {},
         "rejected seed"),
        ("seed: Extra inputs are not permitted", {}, "rejected seed"),
        ("`temperature` may only be set to 1 when thinking is enabled.", {}, "rejected temperature"),
        ("`temperature` and `top_k` cannot both be specified. Use only one.", {}, "rejected top_k"),
        ("Unrecognized request arguments supplied: stream_options, seed", {}, "rejected stream_options"),
        ("stream_options is not supported by this model", {}, "rejected stream_options"),
        ("a stop to what is not supported", {}, "item bad_request"),
        ("Unsupported parameter: 'tools'", {}, "item bad_request"),
        ("Invalid 'stop': at most 4", {"param": "stop"}, "item bad_request"),
    ],
)  # fmt: skip
def test_which_parameter_is_refused(message, more, expected):
    sent = ("model", "messages", "temperature", "top_k", "stop", "seed", "stream_options")
    assert meaning(400, message, sent=sent, **more) == expected


MINUTE, DAY = (
    "GenerateRequestsPerMinutePerProjectPerModel-FreeTier",
    "GenerateRequestsPerDayPerProjectPerModel",
)


@pytest.mark.parametrize(
    ("body", "kind", "wait"),
    [
        (gemini(MINUTE, wait="27s"), "requests", 27.0),
        (gemini(MINUTE), "requests", None),
        (gemini("GenerateContentInputTokensPerModelPerMinute", wait="3.5s"), "tokens", 3.5),
        (gemini(DAY, wait="40s"), "requests", 40.0),
        (gemini(message="You exceeded your current quota. Please retry in 27.6s."), None, 27.6),
        (gemini(DAY, MINUTE), "requests", None),
    ],
)
def test_a_quota_by_the_minute_is_a_pace(body, kind, wait):
    found = classify(429, body, {}, {})
    assert isinstance(found, Refused)
    assert (found.refusal.kind, found.refusal.wait_s) == (kind, wait)


def test_a_limit_that_names_itself_tells_its_size_unless_it_is_by_the_day():
    assert classify(429, gemini(MINUTE), {}, {}).refusal.limit == 15
    assert classify(429, gemini(DAY, wait="40s"), {}, {}).refusal.limit is None


@pytest.mark.parametrize("body", [gemini(DAY), gemini()])
def test_a_quota_by_the_day_or_of_no_period_ends_the_run(body):
    assert classify(429, body, {}, {}).kind == "quota"


def test_an_account_without_money_ends_the_run_whatever_it_says_of_waiting():
    body = {
        "error": {
            "code": "insufficient_quota",
            "message": "You exceeded your current quota. Try again in 20s.",
        }
    }
    assert classify(429, body, {"retry-after": "20"}, {}).kind == "quota"


def test_a_field_that_a_server_cannot_find_is_a_refused_parameter():
    said = 'Invalid JSON payload received. Unknown name "seed": Cannot find field.'
    body = [{"error": {"code": 400, "message": said, "status": "INVALID_ARGUMENT"}}]
    found = classify(400, body, {}, {"model": "m", "seed": 1})
    assert isinstance(found, Rejected)
    assert found.parameter == "seed"


@pytest.mark.parametrize(
    "body", [None, "<html>", {"error": "text"}, {"detail": "text"}, {"message": "x"}, [1], 7]
)
def test_no_shape_of_body_is_too_strange(body):
    assert isinstance(classify(500, body, {}, {}), Fault)


# -- capabilities


@pytest.mark.parametrize("name", ["o3-mini", "o3-mini-2025-01-31", "openai/o1", "gpt-5", "gpt-5-2025-08-07", "QwQ-32B",
                                  "deepseek-ai/DeepSeek-R1"])  # fmt: skip
def test_reasoning_models_by_exact_name(name):
    assert Capabilities.of(name).reasoning


@pytest.mark.parametrize("name", ["gpt-3.5-turbo", "gpt-4o-2024-05-13", "qwen2.5-7b", "gpt-4.1", "my-o1-clone", "o10",
                                  "gpt-5-chat-latest", "gpt-50", "llama-3.5-o3"])  # fmt: skip
def test_no_part_of_a_name_makes_a_model_think(name):
    capabilities = Capabilities.of(name)
    assert not capabilities.reasoning
    sent = capabilities.apply({"model": name, "temperature": 0.0, "stop": ["a"], "max_tokens": 5})
    assert sent["temperature"] == 0.0
    assert sent["stop"] == ["a"]


def test_the_user_may_overrule_the_table():
    assert Capabilities.of("local", reasoning=True).apply({"stop": ["a"], "temperature": 0}) == {
        "temperature": 0
    }
    assert not Capabilities.of("o3", reasoning=False).reasoning
    assert family_of("nobody/knows") == {}


def test_an_essential_parameter_is_never_dropped():
    capabilities = Capabilities.of("m")
    assert not capabilities.drop("messages", "no", {"messages": []})
    assert not capabilities.drop("absent", "no", {})


def test_both_names_of_the_token_limit_refused_ends():
    capabilities = Capabilities.of("m")
    assert capabilities.drop("max_tokens", "no", {"max_tokens": 1})
    assert capabilities.token_limit == "max_completion_tokens"
    assert not capabilities.drop("max_completion_tokens", "no", {"max_completion_tokens": 1})


# -- requests


def test_greedy_unless_sampling_is_asked_for():
    assert sampling_of({})["temperature"] == 0
    assert sampling_of({"do_sample": False, "temperature": 0.7})["temperature"] == 0
    assert sampling_of({"temperature": 0.7})["temperature"] == 0.7
    assert sampling_of({"do_sample": True})["temperature"] == 1.0
    assert sampling_of({"do_sample": True, "temperature": 0.6, "top_p": 0.95, "min_p": None}) == {
        "temperature": 0.6,
        "top_p": 0.95,
    }


@pytest.mark.parametrize("name", ["max_gen_toks", "max_tokens", "max_new_tokens", "max_completion_tokens"])
def test_every_name_of_the_token_limit_is_understood(name):
    assert token_limit({name: 300}, 9) == 300
    assert name not in sampling_of({name: 300})


def test_the_command_lines_limit_wins_over_the_tasks():
    assert token_limit({"max_gen_toks": 1, "until": [], "max_tokens": 2}, None) == 2
    assert with_one_limit({"max_tokens": 2, "top_p": 1.0}) == {"max_gen_toks": 2, "top_p": 1.0}
    assert with_one_limit({"temperature": 0.6}) == {"temperature": 0.6}
    assert with_one_limit({"max_new_tokens": 2, "max_tokens": 2}) == {"max_gen_toks": 2}


def test_contradicting_limits_are_refused():
    with pytest.raises(ModelError, match="one limit"):
        with_one_limit({"max_gen_toks": 1, "max_tokens": 2})
    with pytest.raises(ModelError):
        token_limit({"max_gen_toks": 0}, None)


def test_stops():
    assert stops_of({"until": "x"}) == ("x",)
    assert stops_of({"until": ["", "a", "a", "b"]}) == ("a", "b")


# -- the window


def permit(at):
    return Permit(1.0, at, {})


def test_the_window_finds_a_limit_of_forty():
    window, now = Window(64, 16), 0.0
    assert window.allowed(now) == 16
    window.admitted()
    assert window.allowed(now) == 64
    sent = [permit(1.0) for _ in range(64)]
    for k in range(24):  # those beyond forty come back at once
        window.refused(sent[k], 63 - k, 1.1)
    assert window.allowed(1.2) == 40
    for _ in range(41):
        window.admitted()
    assert window.allowed(2.0) == 41


def test_single_failures_do_not_close_the_window():
    window = Window(64, 64)
    for second in range(10):
        for _ in range(9):
            window.admitted()
        assert not window.refused(permit(second), 15, second + 0.1)
    assert window.allowed(20) == 64


def test_without_answers_the_probe_grows_by_itself():
    window = Window(64, 4)
    assert [window.allowed(t) for t in (0.0, 0.9, 1.0, 2.0, 9.0)] == [4, 4, 8, 16, 64]


# -- settings


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({}, "model="),
        ({"model": "m", "rmp": 5}, "rmp"),
        ({"model": "m", "rpm": "many"}, "rpm"),
        ({"model": "m", "rpm": 0}, "rpm"),
        ({"model": "m", "stream": "perhaps"}, "stream"),
        ({"model": "m", "on_item_error": "ignore"}, "on_item_error"),
        ({"model": "m", "base_url": "localhost:8000"}, "base_url"),
        ({"model": "m", "num_concurrent": 1.5}, "num_concurrent"),
    ],
)
def test_bad_settings_are_refused(arguments, match):
    with pytest.raises(ModelError, match=match):
        read_settings(arguments)


def test_settings_as_the_command_line_gives_them():
    settings = read_settings({
        "model": "m", "rpm": "500", "num_concurrent": "8", "stream": "False", "seed": "None", "batch_size": 1,
        "device": "cpu", "base_url": "http://h:1/v1/chat/completions",
    })  # fmt: skip
    assert (settings.rpm, settings.num_concurrent, settings.stream, settings.seed) == (500.0, 8, False, None)
    assert settings.base_url == "http://h:1/v1"


# -- prices


def test_prices(tmp_path):
    price = read_price("openai/gpt-4o-mini-2024-07-18")
    assert price == Price(0.15, 0.60, 0.075, 0.5, price.source)
    assert "20" in price.source
    assert read_price("gpt-4o-mini-but-not-quite") is None
    assert price.cost(
        {"prompt_tokens": 1_000_000, "prompt_tokens_details": {"cached_tokens": 400_000}}
    ) == pytest.approx(0.6 * 0.15 + 0.4 * 0.075)
    mine = tmp_path / "mine.yaml"
    mine.write_text("checked: 2026-01-01\nsource: me\nbatch: 1\nmodels: {m: {input: 1, output: 2}}\n")
    assert read_price("m", mine).cost({"prompt_tokens": 1e6, "completion_tokens": 1e6}) == 3
    mine.write_text("models: [")
    with pytest.raises(ModelError, match="price file"):
        read_price("m", mine)


def test_the_meter_learns_from_usage():
    meter = TokenMeter()
    assert meter.estimate(300) > 75  # reserves rather too much
    meter.learn(1000, {"prompt_tokens": 250})
    assert meter.estimate(300) == 75


# -- the journal


def answer(key="k", **more):
    return Answer(key, "http://h/v1", "m", {"model": "m", "stop": ["Q:"]}, "the prompt", "5 Q: more",
                  usage={"prompt_tokens": 3, "completion_tokens": 2}, **more)  # fmt: skip


def test_rows_come_back_as_they_were(tmp_path):
    journal = Journal(tmp_path / "j.sqlite")
    stored = answer(reasoning="hm", dropped={"seed": "no"}, finish_reason="length", latency_s=1.5)
    journal.put(stored).result(10)
    journal.put(answer(finish_reason="stop")).result(10)  # the first answer stays
    journal.note_docs([("k", "t", 3, 0), ("k", "u", 4, 1)])
    assert list(journal.find(["k", "x"])) == [("k", stored.response, "length")]
    (place, _) = places(tmp_path / "j.sqlite")
    assert place.answer == stored
    journal.close()
    rows = [json.loads(line) for line in journal_export(tmp_path / "j.sqlite")]
    assert [(r["task"], r["doc_id"], r["repeat"]) for r in rows] == [("t", 3, 0), ("u", 4, 1)]
    assert {r["response"] for r in rows} == {"5 "}  # as it was scored: cut at the stop string
    assert {r["finish_reason"] for r in rows} == {"stop"}
    assert len(list(journal_export(tmp_path / "j.sqlite", task="u"))) == 1
    assert any("1 answers" in line for line in journal_stats(tmp_path / "j.sqlite"))
    assert "t doc 3" in next(journal_show(tmp_path / "j.sqlite"))
    assert json.loads(next(journal_show(tmp_path / "j.sqlite", key="k")))["reasoning"] == "hm"
    with pytest.raises(JournalError, match="key"):
        list(journal_show(tmp_path / "j.sqlite", key="zzz"))


WRITER = """
import sys
sys.path.insert(0, {root!r})
from lm_eval_mathtasks.journal.schema import Answer
from lm_eval_mathtasks.journal.store import Journal
journal = Journal({path!r})
for i in range(200):
    journal.put(Answer(f"{{i}}", "u", "m", {{}}, "p", {name!r} * 500)).result()
journal.close()
"""


def test_two_processes_do_not_corrupt_it(tmp_path):
    path = str(tmp_path / "j.sqlite")
    running = [
        subprocess.Popen([sys.executable, "-c", WRITER.format(root=str(ROOT), path=path, name=name)])
        for name in ("one ", "two ")
    ]
    assert [process.wait(60) for process in running] == [0, 0]
    db = sqlite3.connect(path)
    assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert db.execute("SELECT count(*) FROM answers").fetchone() == (200,)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_an_error_at_once(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(JournalError, match="journal"):
        Journal(tmp_path / "j.sqlite")


def test_a_path_that_cannot_be_a_journal(tmp_path):
    (tmp_path / "file").write_text("not a database, but long enough to be read as one" * 100)
    with pytest.raises(JournalError, match="journal"):
        Journal(tmp_path / "file")
    with pytest.raises(JournalError, match="journal"):
        Journal(tmp_path / "file" / "below.sqlite")
    with pytest.raises(JournalError, match="existing"):
        connect(tmp_path / "none.sqlite")


FULL = """
import resource, signal, sys
sys.path.insert(0, {root!r})
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
from lm_eval_mathtasks.errors import JournalError
from lm_eval_mathtasks.journal.schema import Answer
from lm_eval_mathtasks.journal.store import Journal
try:
    if {early}:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
    journal = Journal({path!r})
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
    for i in range(200):
        journal.put(Answer(f"{{i}}", "u", "m", {{}}, "p", "x" * 5000)).result()
except JournalError as error:
    print("stopped:", error)
"""


@pytest.mark.skipif(not hasattr(resource, "RLIMIT_FSIZE"), reason="needs a limit of file size")
@pytest.mark.parametrize("early", [True, False])
def test_a_full_disk_is_an_error_not_a_loss(tmp_path, early):
    path = str(tmp_path / "j.sqlite")
    code = FULL.format(root=str(ROOT), path=path, early=early)
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert "stopped: Expected a journal on a disk with room" in out.stdout
    if not early:
        assert sqlite3.connect(path).execute("SELECT count(*) FROM answers").fetchone()[0] > 0


def test_room_for_the_run_is_checked_before_it(tmp_path):
    journal = Journal(tmp_path / "j.sqlite")
    journal.require_space(10, 100)
    with pytest.raises(JournalError, match="MB"):
        journal.require_space(10**9, 10**5)
    journal.close()


def test_a_request_that_is_more_than_a_limit_holds_waits_for_a_full_bucket_and_no_longer():
    """A server that states 100 tokens a minute and takes 2,000 counts less: 20 minutes a request would be for ever."""
    bucket = Bucket(100.0, 0.0)
    bucket.take(2000.0, 0.0)
    assert 59 < bucket.wait(2000.0, 0.0) < 62
    fitting = Bucket(100.0, 0.0)
    fitting.take(80.0, 0.0)
    fitting.take(80.0, 0.0)
    assert fitting.wait(80.0, 0.0) > 80, "what fits is charged in full"
