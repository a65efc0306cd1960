"""`--repeats`: k responses kept, scored as k, asked with k seeds, and taken up again after a kill."""

import itertools
import json
import re

import pytest
from lm_eval.api.registry import model_registry

from lm_eval_mathtasks.cli import main
from lm_eval_mathtasks.errors import TaskError
from lm_eval_mathtasks.host import repeats
from lm_eval_mathtasks.package import data_folder
from lm_eval_mathtasks.response import Response
from lm_eval_mathtasks.runs.judged import judge_run, shares
from lm_eval_mathtasks.runs.reading import read_run
from tests.conftest import read_jsonl
from tests.host import test_run
from tests.host.scripted import Scripted
from tests.host.test_run import logs, write
from tests.models.api_helpers import KEY
from tests.models.fake_server import FakeServer

place = test_run.place
SAMPLED = ["--gen_kwargs", "do_sample=true,temperature=0.7"]
TASK = "gsm8k-cot-zeroshot"
names = itertools.count()


@pytest.fixture
def model():
    """Register a scripted model that answers by `answer(doc, how many requests came before)`; give its name and log."""

    def make(answer, title="Model"):
        asked = []

        class Model(Scripted):
            def __init__(self, **_):
                super().__init__(None)

            def generate_until(self, requests, disable_tqdm=False):
                texts = []
                for request in requests:
                    asked.append(request)
                    texts.append(answer(request.doc, len(asked) - 1))
                    self.cache_hook.add_partial("generate_until", request.args, texts[-1])
                return texts

        Model.__name__ = title
        name = f"repeated-{next(names)}"
        model_registry.register(name, target=Model)
        return name, asked

    return make


def run(name, *more, tasks=TASK):
    return main(["run", "--model", name, "--model_args", "model=m", "--tasks", tasks, *more])


def test_all_responses_are_kept_and_scored(place, model, capsys):
    """Four responses to each of three docs; every second one says 12, the answer to the first doc."""
    name, asked = model(lambda doc, i: Response(f"\\boxed{{{12 if i % 2 else i}}}", finish_reason="stop"))
    assert run(name, "--repeats", "4", *SAMPLED) == 0
    assert [request.doc_id for request in asked] == [0] * 4 + [1] * 4 + [2] * 4
    results, samples = logs(place / "mathtasks-results")
    scores = results["results"][TASK]
    assert scores["exact_match,none"] == pytest.approx(0.5 / 3)
    assert scores["pass@4,none"] == pytest.approx(1 / 3)
    assert scores["maj@4,none"] == pytest.approx(1 / 3), "12 has two votes, 0 and 2 have one each"
    assert isinstance(scores["pass@2_stderr,none"], float)
    assert results["higher_is_better"][TASK]["maj@2"] is True
    assert results["configs"][TASK]["repeats"] == 4
    rows = read_jsonl(samples[TASK])
    assert rows[0]["resps"] == [["\\boxed{0}", "\\boxed{12}", "\\boxed{2}", "\\boxed{12}"]]
    assert rows[0]["finish_reasons"] == [["stop"] * 4]
    assert "mathtasks sampling mathtasks-results" in capsys.readouterr().out
    one = read_run(place / "mathtasks-results")
    assert one.protocol.k == 4
    assert one.rows[0].finish == ("stop",) * 4
    assert one.rows[0].score == 0.5
    assert main(["sampling", str(place / "mathtasks-results"), "--k", "4", "--format", "csv"]) == 0
    assert "maj@k,4,0.333333" in capsys.readouterr().out


def test_a_missing_response_is_no_wrong_one(place, model):
    name, _ = model(lambda doc, i: Response("", error="429") if i % 4 == 3 else "\\boxed{12}")
    assert run(name, "--repeats", "4", *SAMPLED) == 1
    results, samples = logs(place / "mathtasks-results")
    scores = results["results"][TASK]
    assert scores["exact_match,none"] == pytest.approx(1 / 3)
    assert scores["api_error,none"] == 0.25
    # Three of the four that were asked for say something about two, nothing about four; three was not asked for.
    assert {key for key in scores if re.match(r"(pass|maj)@\d,", key)} == {"pass@2,none", "maj@2,none"}
    assert read_jsonl(samples[TASK])[0]["finish_reasons"] == [[None, None, None, "api_error"]]
    one = read_run(place / "mathtasks-results")
    assert shares(one, judge_run(one)) == {"0": 1.0, "1": 0.0, "2": 0.0}


def test_repeats_by_task_name(place, model):
    name, asked = model(lambda doc, i: "7")
    assert (
        run(name, "--repeats", "3", "--limit", "1", *SAMPLED, tasks=f"{TASK}@2,gsm8k-direct,gsm8k-cot@1") == 0
    )
    assert [r.task_name for r in asked] == [TASK] * 2 + ["gsm8k-direct"] * 3 + ["gsm8k-cot"]
    results, _ = logs(place / "mathtasks-results")
    assert {name: results["configs"][name]["repeats"] for name in results["results"]} == {
        TASK: 2, "gsm8k-direct": 3, "gsm8k-cot": 1
    }  # fmt: skip


def test_repeats_of_a_tag(place, model):
    name, asked = model(lambda doc, i: "7")
    assert run(name, "--limit", "1", *SAMPLED, tasks="mathtasks-sample@2") == 0
    assert [request.task_name for request in asked] == ["sample-gsm8k"] * 2 + ["sample-math"] * 2


def test_replayed_responses_need_no_sampling(place):
    write(place / "r.jsonl", [{"doc_id": i, "responses": ["\\boxed{12}", "\\boxed{600}"]} for i in range(3)])
    assert test_run.run("--repeats", "2") == 0
    results, _ = logs(place / "mathtasks-results")
    assert results["results"][TASK]["pass@2,none"] == pytest.approx(2 / 3)


FOREIGN = """
task: theirs
custom_dataset: !function lm_eval_mathtasks.hooks.load
dataset_kwargs: {set: sample-gsm8k}
test_split: test
output_type: generate_until
doc_to_text: question
doc_to_target: gold
"""


@pytest.mark.parametrize(
    ("tasks", "more", "message"),
    [
        (TASK, ["--repeats", "4"], "sampling, for 4 responses to each doc of gsm8k-cot-zeroshot, got greedy decoding"),
        (TASK, ["--repeats", "4", "--gen_kwargs", "temperature=0.7"], "do_sample=true,temperature=0.6"),
        (TASK, ["--repeats", "0", *SAMPLED], "at least 1, got --repeats 0"),
        (f"{TASK}@x", SAMPLED, "such as math500@8, got gsm8k-cot-zeroshot@x"),
        (f"{TASK}@2,{TASK}@3", SAMPLED, "one number of repeats for gsm8k-cot-zeroshot, got 2 and 3"),
        ("mathtasks-sample@2,sample-math@3", SAMPLED, "one number of repeats for sample-math, got 2 and 3"),
        ("theirs@2", ["--include_path", "more", *SAMPLED], "a task that scores 2 responses a doc, got theirs"),
        (TASK, ["--repeats", "2", "--cache_requests", "true", *SAMPLED], "--cache_requests, whose requests know no"),
        (TASK, ["--resume", "none.jsonl"], "--resume none.jsonl, which does not exist"),
    ],
)  # fmt: skip
def test_what_cannot_be_repeated_is_said_before_a_model_is_loaded(place, capsys, tasks, more, message):
    class Loaded(Scripted):
        def __init__(self, **_):
            raise AssertionError("the model was loaded")

    (place / "more").mkdir()
    (place / "more" / "theirs.yaml").write_text(FOREIGN)
    name = f"repeated-{next(names)}"
    model_registry.register(name, target=Loaded)
    assert run(name, *more, tasks=tasks) == 2
    assert message in capsys.readouterr().err


# --- seeds


@pytest.mark.parametrize(
    ("title", "more", "seeds"),
    [
        ("VLLM", SAMPLED, [1234, 1235, 1236]),
        ("VLLM", ["--gen_kwargs", "do_sample=true,temperature=1,seed=7"], [7, 8, 9]),
        ("HFLM", SAMPLED, [None] * 3),  # transformers would refuse the argument
    ],
)
def test_each_repeat_has_its_seed_where_requests_take_one(place, model, title, more, seeds):
    name, asked = model(lambda doc, i: f"{i}", title)
    assert run(name, "--repeats", "3", "--limit", "2", *more) == 0
    assert [request.args[1].get("seed") for request in asked] == seeds * 2
    assert asked[0].args[0] == asked[1].args[0]
    _, samples = logs(place / "mathtasks-results")
    logged = read_jsonl(samples[TASK])[0]["arguments"]["gen_args_0"]["arg_1"]
    assert logged.get("seed") == (7 if "seed=7" in more[1] else None), (
        "the log says what was asked for the doc"
    )


@pytest.mark.parametrize("concurrent", [1, 4])
def test_lm_evals_own_api_model_sends_them(place, monkeypatch, concurrent):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with FakeServer(lambda call: {"text": f"\\boxed{{{call.body['seed']}}}"}, streams=False) as server:
        arguments = f"model=m,base_url={server.url}/chat/completions,num_concurrent={concurrent}"
        command = ["run", "--model", "local-chat-completions", "--model_args", arguments, "--tasks", TASK]
        assert main([*command, "--apply_chat_template", "--repeats", "3", "--limit", "2", *SAMPLED]) == 0
        assert sorted(call.body["seed"] for call in server.calls) == [1234, 1234, 1235, 1235, 1236, 1236]
    _, samples = logs(place / "mathtasks-results")
    for row in read_jsonl(samples[TASK]):
        assert row["resps"] == [["\\boxed{1234}", "\\boxed{1235}", "\\boxed{1236}"]]


def test_the_cache_of_lm_eval_does_not_collapse_repeats(place, model):
    """Sampling by temperature alone, its second run would give every repeat the last answer of the first."""
    (place / "hot.yaml").write_text(
        f"include: {data_folder('tasks') / 'sample' / 'sample-gsm8k.yaml'}\ntask: hot\n"
        "generation_kwargs: {temperature: 0.7, max_gen_toks: 64, until: ['</s>']}\n"
    )
    name, _ = model(lambda doc, i: f"{i}")
    for folder in ("first", "second"):
        more = ["--use_cache", "cache", "--include_path", str(place), "--output_path", folder, "--limit", "1"]
        assert run(name, *more, tasks="hot@3") == 0
        (samples,) = (place / folder).rglob("samples_*.jsonl")
        assert len(set(read_jsonl(samples)[0]["resps"][0])) == 3


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, False),
        ({"temperature": 0.0}, False),
        ({"temperature": 0.6}, True),
        ({"do_sample": False, "temperature": 0.6}, False),
        ({"do_sample": True}, True),
        ({"do_sample": True, "temperature": 0}, False),
        ({"do_sample": "true", "temperature": "1.0"}, True),
    ],
)
def test_what_counts_as_sampling(settings, expected):
    assert repeats.sampled(settings) is expected


def test_names_with_repeats():
    assert repeats.named_repeats(["a@2", "b", "a@2", "x/y@z.yaml"]) == (["a", "b", "x/y@z.yaml"], {"a": 2})
    with pytest.raises(TaskError, match="such as math500@8, got a@0"):
        repeats.named_repeats(["a@0"])


# --- resume


def kill_after(count):
    def answer(doc, i):
        if i == count:
            raise MemoryError
        return Response(f"\\boxed{{{i}}}", finish_reason="stop")

    return answer


@pytest.fixture
def killed(place, model):
    """A run of three docs with three repeats that died after four responses; its file."""
    name, _ = model(kill_after(4))
    with pytest.raises(MemoryError):
        run(name, "--repeats", "3", *SAMPLED)
    (kept,) = (place / "mathtasks-results").rglob("responses_*.jsonl")
    return kept


@pytest.mark.parametrize("how", ["newest", "file"])
def test_a_killed_run_asks_only_for_what_is_missing(place, model, killed, capsys, how):
    with killed.open("a") as file:
        file.write('{"task": "gsm8k-cot-ze')  # as a kill leaves it
    name, asked = model(lambda doc, i: f"new {i}")
    assert run(name, "--repeats", "3", *SAMPLED, "--resume", *([str(killed)] if how == "file" else [])) == 0
    assert [request.doc_id for request in asked] == [1, 1, 2, 2, 2]
    out = capsys.readouterr().out
    assert "4 of 9 responses are kept in " in out
    assert f"{killed.name}; 5 are asked for now" in out
    _, samples = logs(place / "mathtasks-results")
    texts = [row["resps"][0] for row in read_jsonl(samples[TASK])]
    assert texts == [[f"\\boxed{{{i}}}" for i in range(3)], ["\\boxed{3}", "new 0", "new 1"],
                     ["new 2", "new 3", "new 4"]]  # fmt: skip
    assert read_jsonl(samples[TASK])[1]["finish_reasons"] == [["stop", None, None]]
    assert not list(place.rglob("responses_*")), "what they held is in the samples"


def test_killed_twice(place, model, killed):
    name, _ = model(kill_after(2))
    with pytest.raises(MemoryError):
        run(name, "--repeats", "3", *SAMPLED, "--resume")
    newest = max((place / "mathtasks-results").rglob("responses_*.jsonl"))
    assert newest != killed
    assert len(read_jsonl(newest)) == 6, "the second file holds the first one's too"
    name, asked = model(lambda doc, i: "last")
    assert run(name, "--repeats", "3", *SAMPLED, "--resume", str(newest)) == 0
    assert len(asked) == 3


def test_other_settings_resume_nothing(place, model, killed, capsys):
    name, asked = model(lambda doc, i: "x")
    hotter = ["--gen_kwargs", "do_sample=true,temperature=0.9"]
    assert run(name, "--repeats", "3", *hotter, "--resume", str(killed)) == 2
    assert (
        "with none of them: another model, task, prompt or other generation arguments"
        in capsys.readouterr().err
    )
    assert not asked
    assert run(name, "--repeats", "3", *hotter, "--resume") == 0, "in a folder there may be nothing yet"
    assert len(asked) == 9
    assert killed.exists(), "responses that nobody took stay"


def test_a_damaged_file_is_named_by_its_line(place, model, killed, capsys):
    lines = killed.read_text().splitlines()
    killed.write_text("\n".join([lines[0], "{}x", *lines[1:]]) + "\n")
    name, _ = model(lambda doc, i: "x")
    assert run(name, "--repeats", "3", *SAMPLED, "--resume", str(killed)) == 2
    assert f"a JSON object on line 2 of {killed}" in capsys.readouterr().err


def test_seeded_repeats_that_come_out_of_order_keep_their_number(place, model):
    """A server answers repeat 2 first: after a kill repeats 0 and 1 are missing, not the last two."""

    class VLLM(Scripted):
        def __init__(self, **_):
            super().__init__(None)

        def generate_until(self, requests, disable_tqdm=False):
            self.cache_hook.add_partial("generate_until", requests[2].args, "the third came first")
            raise MemoryError

    first = f"repeated-{next(names)}"
    model_registry.register(first, target=VLLM)
    with pytest.raises(MemoryError):
        run(first, "--repeats", "3", "--limit", "1", *SAMPLED)
    name, asked = model(lambda doc, i: "later", "VLLM")
    assert run(name, "--repeats", "3", "--limit", "1", *SAMPLED, "--resume") == 0
    assert [request.args[1]["seed"] for request in asked] == [1234, 1235]
    _, samples = logs(place / "mathtasks-results")
    assert read_jsonl(samples[TASK])[0]["resps"] == [["later", "later", "the third came first"]]


def test_kept_repeats_keep_their_number_when_earlier_ones_are_missing(place, model, killed):
    """Without seeds too: of the file only the third response to the first doc is left."""
    killed.write_text(killed.read_text().splitlines()[2] + "\n")
    name, _ = model(kill_after(1))
    with pytest.raises(MemoryError):
        run(name, "--repeats", "3", "--limit", "1", *SAMPLED, "--resume")
    newest = max((place / "mathtasks-results").rglob("responses_*.jsonl"))
    assert {row["repeat"]: row["response"] for row in read_jsonl(newest)} == {
        2: "\\boxed{2}",
        0: "\\boxed{0}",
    }


def test_resume_is_not_for_models_with_a_journal(place, capsys):
    write(place / "r.jsonl", [{"doc_id": 0, "response": "x"}])
    assert (
        main(["run", "--model", "replay", "--model_args", "path=r.jsonl", "--tasks", TASK, "--resume"]) == 2
    )
    assert "--resume with replay" in capsys.readouterr().err
    assert json.loads((place / "r.jsonl").read_text())["doc_id"] == 0


def test_missing_repeats_are_not_the_ones_that_are_there(place):
    """torch starts from the run's seed again, so it must be moved on, or a resumed run repeats its first texts."""
    torch = pytest.importorskip("torch")

    class Torch(Scripted):
        """Draws each text from torch's generator, as transformers does; dies after three where `Torch.dies`."""

        dies = True

        def __init__(self, **_):
            super().__init__(None)

        def generate_until(self, requests, disable_tqdm=False):
            texts = []
            for i, request in enumerate(requests):
                if Torch.dies and i == 3:
                    raise MemoryError
                texts.append(str(torch.rand(1).item()))
                self.cache_hook.add_partial("generate_until", request.args, texts[-1])
            return texts

    name = f"repeated-{next(names)}"
    model_registry.register(name, target=Torch)
    with pytest.raises(MemoryError):
        run(name, "--repeats", "6", "--limit", "1", *SAMPLED)
    Torch.dies = False
    assert run(name, "--repeats", "6", "--limit", "1", *SAMPLED, "--resume") == 0
    _, samples = logs(place / "mathtasks-results")
    assert len(set(read_jsonl(samples[TASK])[0]["resps"][0])) == 6
