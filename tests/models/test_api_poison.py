"""Docs that alone fail, and models that nobody knows: what is asked again, what is said, and what the others lose."""

import json
import random
import time

import pytest

from lm_eval_mathtasks.errors import ItemFatal, RunFatal
from lm_eval_mathtasks.models import asking, blame, dispatch
from tests.models.api_helpers import answered, answers_of, asks, chat, short
from tests.models.fake_server import FakeServer, error, raw

__all__ = ["short"]
pytestmark = pytest.mark.usefixtures("short")
PROMPTS = [f"q{i}" for i in range(30)]
BAD = {"q3", "q17", "q29"}


@pytest.fixture(autouse=True)
def ending(monkeypatch):
    monkeypatch.setattr(blame, "END_S", 0.5)
    monkeypatch.setattr(blame, "END_SEEN_S", 0.1)


FAILS = {
    "500": lambda: error(500, "boom"),
    "503": lambda: error(503, "boom"),
    "504 with a page": lambda: raw("<html><title>Gateway Time-out</title></html>", 504, "text/html"),
    "409": lambda: error(409, "boom"),
    "an error in 200": lambda: raw('{"error": {"message": "boom", "code": 500}}'),
    "a reset": lambda: "reset",
}


@pytest.mark.parametrize("name", FAILS)
def test_docs_that_alone_fail_are_set_aside_and_named(name, caplog):
    """Each was asked for 600 s, and several together stopped the run."""
    with FakeServer(lambda call: FAILS[name]() if call.prompt in BAD else None, latency=0.01) as server:
        model = chat(server, retry_budget=600)
        with pytest.raises(
            ItemFatal, match=r"3 without one \(toy doc \d+, toy doc \d+, toy doc \d+\).*same command"
        ):
            model.generate_until(asks(model, PROMPTS))
        assert {prompt for prompt, n in server.answered.items() if n == 1} == {*PROMPTS} - BAD
        assert "docs without an answer: toy doc" in caplog.text
        server.plan = lambda call: None
        again = answered(server, PROMPTS)
    assert again.report.from_journal == len(PROMPTS) - len(BAD)


def test_a_wait_named_to_a_doc_that_alone_fails_is_kept_by_that_doc():
    asked_at, early = {}, []

    def plan(call):
        if call.prompt not in BAD:
            return None
        early.extend([call.prompt] if call.at < asked_at.get(call.prompt, 0.0) + 0.2 else [])
        asked_at[call.prompt] = call.at
        return error(503, "boom", headers={"retry-after": "0.2"})

    with FakeServer(plan, latency=0.02) as server, pytest.raises(ItemFatal, match="3 without one"):
        answers_of(server, PROMPTS, num_concurrent=4)
    assert {prompt for prompt, n in server.answered.items() if n == 1} == {*PROMPTS} - BAD
    assert not early


@pytest.mark.parametrize("status", [500, 503])
def test_a_server_that_fails_half_of_the_time_costs_no_doc(status):
    draw = random.Random(7)
    with FakeServer(lambda call: error(status, "boom") if draw.random() < 0.5 else None) as server:
        answered(server, PROMPTS, retry_budget=600)
    assert max(server.answered.values()) == 1


def test_a_server_that_is_away_at_the_end_of_a_run_costs_no_doc(monkeypatch):
    monkeypatch.setattr(blame, "END_S", 60.0)
    monkeypatch.setattr(blame, "END_SEEN_S", 60.0)
    away = []

    def plan(call):
        if call.serial == 24:
            away.append(time.monotonic() + 1.0)
        return error(500, "down") if away and time.monotonic() < away[0] else None

    with FakeServer(plan) as server:
        answered(server, PROMPTS, retry_budget=600)


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("bad", ["q2", "q2 and all that follow", "all"])
def test_a_doc_that_alone_is_refused_for_half_an_hour_does_not_end_the_run(status, bad, monkeypatch):
    """With one worker nobody else can be answered meanwhile, so that the next doc tells whose fault it is."""
    monkeypatch.setattr(asking, "MAX_WAIT_S", 0.1)
    monkeypatch.setattr(blame, "END_S", 60.0)
    prompts = PROMPTS[:4]
    refused = {"q2"} if bad == "q2" else prompts[2:] if bad != "all" else prompts
    later = {"retry-after": "0.06"}
    with FakeServer(
        lambda call: error(status, "later", headers=later) if call.prompt in refused else None
    ) as server:
        model = chat(server, num_concurrent=1)
        ended, said = (
            (ItemFatal, r"1 without one \(toy doc 2\)")
            if bad == "q2"
            else (RunFatal, r"\(rate\).*refused for")
        )
        with pytest.raises(ended, match=said):
            model.generate_until(asks(model, prompts))
    assert sorted(server.answered) == [prompt for prompt in prompts if prompt not in refused]


@pytest.mark.parametrize(("status", "later"), [(429, {"retry-after": "0.06"}), (503, {})])
@pytest.mark.parametrize("served", [True, False])
def test_docs_that_are_refused_for_half_an_hour_are_set_aside_if_others_were_served(
    status, later, served, monkeypatch
):
    """Several, at the end of a run; where nobody was answered since they were refused, it may be the account."""
    monkeypatch.setattr(asking, "MAX_WAIT_S", 2.0)
    monkeypatch.setattr(blame, "END_S", 60.0)
    monkeypatch.setattr(blame, "END_SEEN_S", 60.0)
    refused = {"q0", "q3", "q4"} if served else {"q27", "q28", "q29"}

    def plan(call):
        held = call.prompt in refused and (not served or call.serial > 2)
        return error(status, "later", headers=later) if held else None

    with FakeServer(plan, latency=0.01) as server, pytest.raises(ItemFatal if served else RunFatal) as raised:
        answers_of(server, PROMPTS, num_concurrent=4 if served else 1, retry_budget=600, rpm=60_000)
    kept = {*PROMPTS} - refused
    assert kept <= {*server.answered}
    if served:
        assert "such as " in str(raised.value)
    else:
        assert "refused for" in str(raised.value)


def test_a_request_that_is_more_than_the_limit_is_not_waited_for():
    said = "Rate limit on tokens per min (TPM): Limit 100, Requested 500."
    with FakeServer(lambda call: error(429, said) if call.prompt == "q3" else None) as server:
        answers = answers_of(server, PROMPTS[:9], on_item_error="skip")
    assert [bool(text) for text in answers] == [prompt != "q3" for prompt in PROMPTS[:9]]
    assert len(server.calls) == 9


# As servers say it: the status, and the error or the whole body.
UNKNOWN = [
    (400, "m is not a valid model ID"),
    (400, "Unable to access non-serverless model m. Please create a dedicated endpoint for the model."),
    (400, "The dedicated endpoint for m is not running."),
    (400, "Calling Converse: The provided model identifier is invalid."),
    (500, "Invocation of model ID m with on-demand throughput isn't supported."),
    (500, "Could not resolve the foundation model from the provided model identifier."),
    (500, "model 'm' not found"),
    (500, "Could not find model m"),
    (400, 'Failed to load model "m". Error: Error loading model.'),
    (400, "No models loaded. Please load a model."),
    (400, "The model `m` has been decommissioned and is no longer supported."),
    (400, "Model Not Exist"),
    (400, "The requested model is not supported."),
    (400, "Model m is not supported by any provider you have enabled."),
    (400, "* GenerateContentRequest.model: unexpected model name format"),
    (503, "当前分组 default 下对于模型 m 无可用渠道"),
    (503, "No available channel for model m under group default"),
    (400, "模型不存在，请检查模型代码。"),
    (400, "Unsupported model: m"),
    (400, "There is no model with the name m."),
    (424, "Model m not found"),
    (200, "Model m does not exist"),
    (200, {"detail": "Model not found"}),
    (200, {"success": False, "errors": [{"message": "No such model @cf/m or task", "code": 5007}]}),
    (400, {"type": "error", "error": {"type": "not_found_error", "message": "model: m"}}),
    (422, {"detail": [{"loc": ["body", "model"], "msg": "Value error, unknown model"}]}),
]  # fmt: skip


@pytest.mark.parametrize(("status", "said"), UNKNOWN)
def test_an_unknown_model_is_said_at_once(status, said, monkeypatch):
    monkeypatch.setattr(dispatch, "ALONE_S", 60.0)  # whatever else the machine does
    body = said if isinstance(said, dict) else {"error": {"message": said}}
    with (
        FakeServer(lambda call: raw(json.dumps(body), status)) as server,
        pytest.raises(RunFatal, match=r"\(model\).*Correct model="),
    ):
        answers_of(server, PROMPTS)
    assert len(server.calls) <= (8 if status == 200 else 2)


@pytest.mark.parametrize(
    "said",
    ["Unsupported value: 'temperature' is not supported with this model.", "Unsupported parameter: 'seed'"],
)
def test_a_parameter_that_a_model_does_not_know_is_no_unknown_model(said):
    refused = said.split("'")[1]
    with FakeServer(lambda call: error(400, said) if refused in call.body else None) as server:
        answered(server, PROMPTS[:3])


@pytest.mark.parametrize("alike", [True, False])
def test_what_is_refused_in_the_same_words_each_time_is_not_about_the_docs(alike):
    with FakeServer(lambda call: error(400, "no chat template" + ("" if alike else call.prompt))) as server:
        model = chat(server, num_concurrent=1, on_item_error="skip")
        if alike:
            with pytest.raises(RunFatal, match="no chat template"):
                model.generate_until(asks(model, PROMPTS[:9]))
        else:
            assert not any(model.generate_until(asks(model, PROMPTS[:9])))
    assert len(server.calls) == (3 if alike else 9)
