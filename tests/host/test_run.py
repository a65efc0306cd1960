"""`mathtasks run` and plain `lm_eval`: the same score, every bad input named, nothing generated lost."""

import json
import logging
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
from lm_eval.api.registry import model_registry

from lm_eval_mathtasks.check import names_of_lm_eval
from lm_eval_mathtasks.cli import main
from lm_eval_mathtasks.host.keeper import Keeper
from lm_eval_mathtasks.package import data_folder
from lm_eval_mathtasks.problems import sources
from tests.conftest import read_jsonl
from tests.host.scripted import Scripted

DOCS = [
    {"question": "Mia has 3 jars of 4 olives. How many olives?", "answer": "3 * 4 = 12\n#### 12"},
    {"question": "How many is half of 1,200?", "answer": "1200/2\n#### 600"},
    {"question": "A dozen and one more?", "answer": "12 + 1\n#### 13"},
]
RESPONSES = ["It is \\boxed{12}.", "\\boxed{600}", "\\boxed{14}"]


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder to work in, with three docs and their responses; two are right."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(sources.DATA_DIR_VARIABLE, str(tmp_path / "gsm8k.jsonl"))
    monkeypatch.setenv(sources.CHECKSUM_VARIABLE, "warn")
    monkeypatch.setattr(logging.root, "handlers", [])  # lm-eval's would keep the stream of an earlier test
    write(tmp_path / "gsm8k.jsonl", DOCS)
    pairs = zip(DOCS, RESPONSES, strict=True)
    write(tmp_path / "r.jsonl", [{"question": d["question"], "response": r} for d, r in pairs])
    return tmp_path


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def run(*more, tasks="gsm8k-cot-zeroshot", model_args="path=r.jsonl,model=acme/toy"):
    return main(["run", "--model", "replay", "--model_args", model_args, "--tasks", tasks, *more])


def logs(folder):
    (results,) = folder.rglob("results_*.json")
    samples = {path.name.split("_")[1]: path for path in folder.rglob("samples_*.jsonl")}
    return json.loads(results.read_text()), samples


def test_a_run_writes_its_logs_and_says_where(place, capsys):
    assert run() == 0
    results, samples = logs(place / "mathtasks-results" / "acme__toy")
    assert results["results"]["gsm8k-cot-zeroshot"]["exact_match,none"] == pytest.approx(2 / 3)
    rows = read_jsonl(samples["gsm8k-cot-zeroshot"])
    assert [row["exact_match"] for row in rows] == [1.0, 1.0, 0.0]
    assert [row["target"] for row in rows] == ["12", "600", "13"]
    out = capsys.readouterr().out
    assert "gsm8k-cot-zeroshot   66.7 [20.8, 93.9]   3 docs\n" in out
    assert "logs  mathtasks-results/acme__toy/results_" in out
    assert "next  mathtasks report mathtasks-results/acme__toy\n" in out
    assert "|Version|" not in out
    assert not list(place.rglob("responses_*")), "the samples hold the responses: no second copy stays"


def test_plain_lm_eval_gives_the_same(place):
    """`lm_eval --include_path` on a model of its own: our hooks alone, nothing of `mathtasks run`."""
    code = (
        "import sys\n"
        "import lm_eval.models\n"
        "from lm_eval.api.registry import model_registry\n"
        "model_registry.register('replay', target='lm_eval_mathtasks.models.replay:Replay')\n"
        "from lm_eval.__main__ import cli_evaluate\n"
        "cli_evaluate()\n"
    )
    command = [
        sys.executable,
        "-c",
        code,
        "run",
        "--model",
        "replay",
        "--model_args",
        "path=r.jsonl,model=plain",
    ]
    command += [
        "--include_path",
        str(data_folder("tasks")),
        "--tasks",
        "gsm8k-cot-zeroshot",
        "--output_path",
        "plain",
    ]
    done = subprocess.run(
        [*command, "--log_samples"], capture_output=True, text=True, cwd=place, env=os.environ, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert run("--output_path", "ours") == 0
    plain, ours = logs(place / "plain")[0], logs(place / "ours")[0]
    for key in ("gsm8k-cot-zeroshot",):
        for metric, value in ours["results"][key].items():
            assert plain["results"][key][metric] == value
    assert plain["task_hashes"] == ours["task_hashes"]


def test_lm_evals_index_is_read_only_when_one_of_its_tasks_is_asked_for(place, monkeypatch):
    from lm_eval.tasks.manager import TaskManager

    built = []
    original = TaskManager.__init__

    def noted(self, *args, include_defaults=True, **named):
        built.append(include_defaults)
        original(self, *args, include_defaults=include_defaults, **named)

    monkeypatch.setattr(TaskManager, "__init__", noted)
    assert run() == 0
    assert built == [False]
    assert run(tasks="gsm9k_cot") == 2
    assert built == [False, False], "a name in none of lm-eval's files needs no index"


@pytest.mark.xdist_group("index")
def test_every_name_of_lm_evals_index_is_among_the_names_read_as_text(index_of_lm_eval):
    assert set(index_of_lm_eval) <= names_of_lm_eval()
    assert len(names_of_lm_eval()) < 1.1 * len(index_of_lm_eval)


@pytest.mark.xdist_group("index")
def test_unknown_task(place, capsys):
    (place / "more").mkdir()
    (place / "more" / "broken.yaml").write_text("task: mine\ndoc_to_text: [unclosed\n")
    assert run("--include_path", "more", tasks="gsm8k-cott") == 2
    error = capsys.readouterr().err
    assert "got 'gsm8k-cott'" in error
    assert "Did you mean gsm8k-cot" in error
    assert "broken.yaml: cannot be read" in error
    assert "Traceback" not in error


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"model_args": "path=none.jsonl"}, "none.jsonl, which does not exist"),
        (
            {"model_args": "path=r.jsonl,api_key=sk-planted"},
            "no secret among the model arguments",
        ),
        ({"tasks": ""}, "no --tasks"),
    ],
)
def test_bad_arguments(place, capsys, more, message):
    assert run(**more) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "sk-planted" not in error


def test_a_run_from_a_config_file(place, capsys):
    lines = ["model: replay", "model_args: {path: r.jsonl, model: acme/toy}", "tasks: [gsm8k-cot-zeroshot]"]
    (place / "run.yaml").write_text("\n".join([*lines, "output_path: from-config"]) + "\n")
    assert main(["run", "--config", "run.yaml"]) == 0
    assert logs(place / "from-config")[0]["results"]["gsm8k-cot-zeroshot"]["exact_match,none"] > 0.6
    (place / "run.yaml").write_text(
        "\n".join([*lines[:1], "model_args: {path: r.jsonl, token: x}", lines[2]]) + "\n"
    )
    assert main(["run", "--config", "run.yaml"]) == 2
    assert "no secret among the model arguments" in capsys.readouterr().err


def test_flags_of_a_config_file_stand_beside_those_of_the_command_line(place):
    from lm_eval_mathtasks.host.run import parse_run

    lines = ["model: mathtasks-chat", "model_args: {model: toy}", "tasks: [t]", "samples: {t: [2, 0, 2]}"]
    (place / "run.yaml").write_text("\n".join(lines) + "\n")
    args = parse_run(["--config", "run.yaml", "--dry-run"])
    assert args.model_args == {"model": "toy", "dry_run": True}
    assert args.samples == {"t": [0, 2]}
    assert parse_run(["--config", "run.yaml", "--model", "replay"]).model == "replay"


def test_arguments_that_a_config_file_holds_as_a_text_are_read_too(place, capsys):
    """As lm-eval reads them: a key among them was not seen, and stood in the results."""
    from lm_eval_mathtasks.host.run import parse_run

    lines = ["model: replay", "tasks: [gsm8k-cot-zeroshot]", "gen_kwargs: temperature=0.5,max_tokens=9"]
    (place / "run.yaml").write_text("\n".join([*lines, "model_args: path=r.jsonl,token=planted"]) + "\n")
    assert parse_run(["--config", "run.yaml"]).gen_kwargs == {"temperature": 0.5, "max_gen_toks": 9}
    assert main(["run", "--config", "run.yaml"]) == 2
    assert "no secret among the model arguments" in (error := capsys.readouterr().err)
    assert "planted" not in error
    for wrong in ("5", "[planted]"):
        (place / "run.yaml").write_text("\n".join([*lines, f"model_args: {wrong}"]) + "\n")
        assert main(["run", "--config", "run.yaml"]) == 2
        assert "Expected name=value,name=value, or JSON" in (error := capsys.readouterr().err)
        assert "planted" not in error


def test_as_many_prompts_are_counted_as_lm_eval_asks():
    """It rounds a share of the docs up."""
    from lm_eval_mathtasks.host.context import _prompts

    docs = list("abcde")
    task = SimpleNamespace(
        config=SimpleNamespace(num_fewshot=0, task="t"),
        eval_docs=docs,
        doc_iterator=lambda limit, samples: enumerate(docs[:limit]),
        fewshot_context=lambda doc, *_, **__: doc,
    )
    assert [doc for doc, _ in _prompts(task, None, {"limit": 0.3})] == [0, 1]
    assert [doc for doc, _ in _prompts(task, None, {"limit": 3.0})] == [0, 1, 2]


def test_samples_are_the_docs_that_were_named(place):
    """lm-eval numbers docs in the order of --samples but takes them in the order of the set."""
    assert run("--samples", '{"gsm8k-cot-zeroshot": [2, 0]}') == 0
    _, samples = logs(place / "mathtasks-results")
    rows = read_jsonl(samples["gsm8k-cot-zeroshot"])
    assert {row["doc_id"]: row["doc"]["question"] for row in rows} == {i: DOCS[i]["question"] for i in (0, 2)}


def test_a_dry_run_is_for_api_models(place, capsys):
    assert run("--dry-run") == 2
    assert "an API model of ours for --dry-run, got --model replay" in capsys.readouterr().err


def test_include_path_that_does_not_exist(place, capsys):
    assert run("--include_path", "nowhere") == 2
    assert "nowhere, which does not exist" in capsys.readouterr().err


def test_a_model_path_that_does_not_exist(place, capsys):
    arguments = ["--model", "hf", "--model_args", "pretrained=./no-such-model", "--tasks", "gsm8k-cot"]
    assert main(["run", *arguments]) == 2
    assert "pretrained=./no-such-model, which does not exist" in capsys.readouterr().err


def test_malformed_replay_line_and_missing_doc(place, capsys):
    (place / "r.jsonl").write_text('{"question": "A dozen')
    assert run() == 2
    assert 'line 1 of r.jsonl, got \'{"question": "A dozen\'' in capsys.readouterr().err
    write(place / "r.jsonl", [{"doc_id": 1, "response": "x"}])
    assert run() == 2
    assert "gsm8k-cot-zeroshot doc 0 ('Mia has" in capsys.readouterr().err


def test_a_doc_without_gold_is_found_before_the_model_is_asked(place, capsys):
    write(place / "gsm8k.jsonl", [DOCS[0], {"question": "And now?", "answer": ""}])
    assert run() == 2
    assert "1 without 'answer': doc 1" in capsys.readouterr().err


def test_missing_responses_are_not_wrong_and_the_status_says_so(place, capsys):
    rows = [{"doc_id": i, "response": r} for i, r in enumerate(RESPONSES[:2])]
    write(place / "r.jsonl", [*rows, {"doc_id": 2, "response": None, "error": "content filter"}])
    assert run() == 1
    results, _ = logs(place / "mathtasks-results")
    scores = results["results"]["gsm8k-cot-zeroshot"]
    assert scores["exact_match,none"] == 1.0
    assert scores["api_error,none"] == pytest.approx(1 / 3)
    assert "33.3% of the responses never came" in capsys.readouterr().out


def test_cut_off_responses_are_said(place, capsys):
    write(place / "r.jsonl", [{"doc_id": i, "response": "so", "finish_reason": "length"} for i in range(3)])
    assert run() == 0
    assert "100.0% of the responses were cut off" in capsys.readouterr().out


@pytest.fixture
def scripted(request):
    """A scripted model under a name of its own, so that `--model` finds it."""

    class Model(Scripted):
        def __init__(self, **_):
            super().__init__(request.param)

    name = f"scripted-{id(Model)}"
    model_registry.register(name, target=Model)
    return name


@pytest.mark.parametrize("scripted", [lambda doc: "\ud83d so \\boxed{12}"], indirect=True)
def test_a_lone_surrogate_from_a_model_does_not_empty_the_log(place, scripted):
    arguments = ["--model", scripted, "--model_args", "model=s", "--tasks", "gsm8k-cot-zeroshot"]
    assert main(["run", *arguments]) == 0
    _, samples = logs(place / "mathtasks-results")
    rows = read_jsonl(samples["gsm8k-cot-zeroshot"])
    assert [row["resps"] for row in rows] == [[["\ufffd so \\boxed{12}"]]] * 3


@pytest.mark.parametrize("scripted", [lambda doc: f"about {doc['question']}"], indirect=True)
def test_responses_survive_a_scoring_that_fails(place, scripted, monkeypatch, caplog):
    """Whatever breaks between the last response and the logs, the responses are on disk and can be replayed."""
    from lm_eval.api.task import ConfigurableTask

    def broken(*_):
        raise RuntimeError("scoring broke")

    arguments = ["--model", scripted, "--model_args", "model=s", "--tasks", "gsm8k-cot-zeroshot"]
    with monkeypatch.context() as patch:
        patch.setattr(ConfigurableTask, "process_results", broken)
        with pytest.raises(RuntimeError, match="scoring broke"):
            main(["run", *arguments])
    (kept,) = (place / "mathtasks-results").rglob("responses_*.jsonl")
    assert "3 responses are kept in" in caplog.text
    assert run(model_args=f"path={kept},model=again") == 0
    _, samples = logs(place / "mathtasks-results")
    assert ["about" in row["resps"][0][0] for row in read_jsonl(samples["gsm8k-cot-zeroshot"])] == [True] * 3


@pytest.mark.parametrize(
    ("scripted", "extra"),
    [(lambda _: __import__("vllm.of.nobody"), "vllm"), (lambda _: __import__("openai"), "api")],
    indirect=["scripted"],
)
def test_a_model_whose_packages_are_missing_says_what_to_install(place, scripted, extra, monkeypatch, capsys):
    for name in ("vllm", "openai"):
        monkeypatch.setitem(sys.modules, name, None)
    arguments = ["--model", scripted, "--model_args", "model=s", "--tasks", "gsm8k-cot-zeroshot"]
    assert main(["run", *arguments]) == 2
    assert f"Run pip install 'lm-eval-mathtasks[{extra}]'" in capsys.readouterr().err


def test_responses_survive_a_model_that_dies_half_way(place):
    """Models hand each answer to lm-eval's cache as it comes: whatever came is on disk when the process is gone."""

    class Dying(Scripted):
        def __init__(self, **_):
            super().__init__(lambda doc: "never asked")

        def generate_until(self, requests, disable_tqdm=False):
            self.cache_hook.add_partial("generate_until", requests[1].args, "the second came first")
            raise MemoryError

    model_registry.register("dying", target=Dying)
    with pytest.raises(MemoryError):
        main(["run", "--model", "dying", "--model_args", "model=d", "--tasks", "gsm8k-cot-zeroshot"])
    (kept,) = (place / "mathtasks-results").rglob("responses_*.jsonl")
    (row,) = read_jsonl(kept)
    assert (row["doc_id"], row["response"]) == (1, "the second came first")
    assert row["question"] == DOCS[1]["question"]


def test_a_log_that_lm_eval_could_not_write_is_written(tmp_path):
    keeper = Keeper()
    path = tmp_path / "new" / "samples_x.jsonl"
    keeper.saved(path, [{"doc_id": 0}, {"doc_id": 1}])
    assert path.read_text() == '{"doc_id": 0}\n{"doc_id": 1}\n'
    for left in ("", '{"doc_id": ', '{"doc_id": 0}\n{"doc_id": 1}\n'):
        path.write_text(left)
        keeper.saved(path, [{"doc_id": 0}])
        assert path.read_text() == '{"doc_id": 0}\n'
    for left in ("", '{"results": {"a":'):
        path.write_text(left)
        keeper.saved(path, {"results": {}})
        assert path.read_text() == '{"results": {}}\n'


@pytest.mark.parametrize("scripted", [lambda doc: pytest.fail("asked for nothing")], indirect=True)
def test_a_folder_that_cannot_be_made_is_said_before_the_model_is_asked(place, capsys, scripted):
    (place / "file").touch()
    arguments = ["--model", scripted, "--model_args", "model=s", "--tasks", "gsm8k-cot-zeroshot"]
    assert main(["run", *arguments, "--output_path", str(place / "file" / "logs")]) == 2
    assert "a folder for the logs, got " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("lost", "said"),
    [
        ("save_results_samples", "got 0 of 3 docs of gsm8k-cot-zeroshot"),
        ("save_results_aggregated", "got no results"),
    ],
)
def test_a_run_whose_logs_are_lost_fails(place, capsys, caplog, monkeypatch, lost, said):
    """Whatever lm-eval swallows: a run is not done before results and samples hold every doc that was asked."""
    from lm_eval_mathtasks.host import run as host

    original = host._tracker_class

    def forgetful(keeper):
        return type("Forgetful", (original(keeper),), {lost: lambda *_, **__: None})

    monkeypatch.setattr(host, "_tracker_class", forgetful)
    assert run() == 2
    assert f"results and samples of every doc, {said}" in capsys.readouterr().err
    assert "3 responses are kept in" in caplog.text
    (kept,) = (place / "mathtasks-results").rglob("responses_*.jsonl")
    assert len(read_jsonl(kept)) == 3


def test_writing_the_samples_makes_no_further_copies_that_stay(place, monkeypatch):
    """lm-eval's writer puts text copies of every answer into the samples it is given: two for each."""
    from lm_eval_mathtasks.host import run as host
    from lm_eval_mathtasks.response import Response

    original, given = host._tracker_class, []

    def noting(keeper):
        def noted(self, task_name, samples):
            given.extend(samples)
            original_class.save_results_samples(self, task_name, samples)

        original_class = original(keeper)
        return type("Noting", (original_class,), {"save_results_samples": noted})

    monkeypatch.setattr(host, "_tracker_class", noting)
    assert run() == 0
    written = read_jsonl(logs(place / "mathtasks-results")[1]["gsm8k-cot-zeroshot"])
    assert [sample["resps"] for sample in written] == [[[response]] for response in RESPONSES]
    assert all(sample["arguments"]["gen_args_0"] for sample in written)
    assert all(isinstance(sample["resps"][0][0], Response) for sample in given)
    assert all(sample["resps"][0][0] is sample["filtered_resps"][0] for sample in given)


def test_the_results_say_command_and_commit(place):
    assert run("--limit", "2") == 0
    noted = logs(place / "mathtasks-results")[0]["mathtasks"]
    assert noted["command"] == (
        "mathtasks run --model replay --model_args path=r.jsonl,model=acme/toy --tasks gsm8k-cot-zeroshot --limit 2"
    )
    assert set(noted) == {"command", "commit", "dirty"}


def test_a_log_that_cannot_be_written_is_an_error(tmp_path):
    from lm_eval_mathtasks.errors import EvidenceError

    (tmp_path / "file").write_text("")
    with pytest.raises(EvidenceError, match="a log on disk"):
        Keeper().saved(tmp_path / "file" / "samples.jsonl", [{}])


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["model-path", "nope"], "one of base, sft, grpo"),
        (
            ["check", "--metadata", "{bad"],
            "a JSON object such as '{\"data_dir\": \"/data\"}' for --metadata, got '{bad'",
        ),
        (["check", "--metadata", "[1]"], "got '[1]'"),
    ],
)
def test_wrong_arguments_of_other_commands(command, message, capsys):
    assert main(command) == 2
    assert message in capsys.readouterr().err


def test_tasks_path_and_help(capsys):
    assert main(["tasks-path"]) == 0
    assert capsys.readouterr().out.strip() == str(data_folder("tasks"))
    with pytest.raises(SystemExit) as done:
        main(["--help"])
    assert done.value.code == 0
    assert "tasks-path" in capsys.readouterr().out


@pytest.mark.xdist_group("index")
def test_check_finds_what_lm_eval_overlooks(tmp_path, capsys):
    files = {
        "clash.yaml": "task: gsm8k_cot\ntag: math_word_problems\n",
        "seen.yml": "task: never-seen\n",
        "broken.yaml": "task: [\n",
        "twice.yaml": "task: sample-math\n",
        "hookless.yaml": "task: hookless\nprocess_docs: !function lm_eval_mathtasks.hooks.no_such\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert main(["check", "--include_path", str(tmp_path)]) == 1
    out = capsys.readouterr().out
    assert "the name 'gsm8k_cot' is lm-eval's" in out
    assert "the name 'math_word_problems' is lm-eval's" in out
    assert "seen.yml: lm-eval reads *.yaml only" in out
    assert "broken.yaml: cannot be read" in out
    assert "twice.yaml: names 'sample-math'" in out
    assert "no_such" in out
    assert "HF_ENDPOINT" in out, "missing data is reported with its ways out"


@pytest.mark.xdist_group("index")
def test_check_fails_by_absent_data_only_where_it_is_needed(tmp_path, capsys):
    """An empty folder holds no set; one that does not exist is a wrong path."""
    for folder, flag, code in ((tmp_path, [], 0), (tmp_path, ["--need-data"], 1), (tmp_path / "none", [], 1)):
        place = json.dumps({"data_dir": str(folder)})
        assert main(["check", "--metadata", place, *flag]) == code
        assert (
            "which does not exist" if code and not flag else "no fault of theirs"
        ) in capsys.readouterr().out
