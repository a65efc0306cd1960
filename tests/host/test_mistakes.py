"""Plausible mistakes in a run: each has its message and the way out, and none loads weights first."""

import json
import logging

import pytest

from lm_eval_mathtasks import embedded
from lm_eval_mathtasks.cli import main
from lm_eval_mathtasks.host import local_models, mistakes
from lm_eval_mathtasks.problems import sources
from tests.conftest import read_jsonl

HF = ["--model", "hf", "--device", "cpu", "--limit", "2"]
TINY = ["--model_args", f"pretrained={embedded.path('grpo')},dtype=float32"]
WITH_DTYPE = ["--model_args", f"pretrained={embedded.path('grpo')},dtype="]
REPLAY = ["--model", "replay", "--model_args"]
CHAT = ["--model", "mathtasks-chat", "--model_args"]
SAMPLE = ["--tasks", "sample-gsm8k"]
# A port that the system gives to nobody: binding to it needs rights, and nothing listens there.
REFUSED = "http://127.0.0.1:1/v1"


def tiny(more):
    return ["--model_args", f"{TINY[1]},{more}"]


MISTAKES = {
    "no tasks": ([*HF, *TINY], "no --tasks"),
    "no such task": ([*HF, *TINY, "--tasks", "sample-gsm8kk"], "Did you mean sample-gsm8k, "),
    "no pretrained": ([*HF, *SAMPLE], "pretrained=<a folder or a name on the hub>"),
    "an empty pretrained": ([*HF, "--model_args", "pretrained=", *SAMPLE], "pretrained=<a folder"),
    "a slip in pretrained": ([*HF, "--model_args", "pretraned=x", *SAMPLE], "Did you mean pretrained?"),
    "a slip in max_length": ([*HF, *tiny("max_lenght=512"), *SAMPLE], "Did you mean max_length?"),
    "a slip in dtype": ([*HF, *tiny("dtypee=float32"), *SAMPLE], "Did you mean dtype?"),
    "no such folder": ([*HF, "--model_args", "pretrained=./none", *SAMPLE], "./none, which does not exist"),
    "a folder without a model": ([*HF, "--model_args", "pretrained=./empty", *SAMPLE], "a model at pretrained=./empty"),
    "a folder of GGUF": ([*HF, "--model_args", "pretrained=./packed", *SAMPLE], "Add gguf_file=toy.Q4_1.gguf"),
    "GGUF without what reads it": (
        [*HF, "--model_args", "pretrained=./packed,gguf_file=toy.Q4_1.gguf", *SAMPLE],
        "gguf, for gguf_file=..., got it is not installed",
    ),
    "a model's name as --model": (["--model", "acme/toy", *SAMPLE], "pretrained=acme/toy"),
    "--model openai": (["--model", "openai", *SAMPLE], "`--model mathtasks-chat` asks OpenAI-compatible servers"),
    "--model gpt-4o": (["--model", "gpt-4o", *SAMPLE], "mathtasks-chat` asks"),
    "--model vlm": (["--model", "vlm", *TINY, *SAMPLE], "vllm"),
    "--model mathtask-chat": (["--model", "mathtask-chat", *SAMPLE], "Did you mean mathtasks-chat"),
    "no key": ([*CHAT, "model=gpt-x", *SAMPLE], "a key in OPENAI_API_KEY"),
    "no key for lm-eval's model": (["--model", "openai-chat-completions", *SAMPLE], "a key in OPENAI_API_KEY"),
    "no model name": ([*CHAT, f"base_url={REFUSED}", *SAMPLE], "model=<name>"),
    "a refused port": ([*CHAT, f"model=x,base_url={REFUSED}", *SAMPLE], f"a server at {REFUSED}"),
    "a refused port, lm-eval's model": (
        ["--model", "local-completions", "--model_args", f"model=x,base_url={REFUSED}", *SAMPLE],
        f"a server at {REFUSED}",
    ),
    "no scheme": ([*CHAT, "model=x,base_url=localhost:8000", *SAMPLE], "base_url=http(s)://host/v1"),
    "a key as an argument": ([*CHAT, "model=x,api_key=sk-planted", *SAMPLE], "no secret"),
    "an unknown argument of an API model": ([*CHAT, "model=x,rmp=3", *SAMPLE], "known model arguments"),
    "a dry run of weights": ([*HF, *TINY, *SAMPLE, "--dry-run"], "an API model of ours for --dry-run"),
    "--limit 0": ([*HF[:-1], "0", *TINY, *SAMPLE], "--limit with a number of docs"),
    "--limit -1": ([*HF[:-1], "-1", *TINY, *SAMPLE], "got --limit -1"),
    "--limit 2.5": ([*HF[:-1], "2.5", *TINY, *SAMPLE], "got --limit 2.5"),
    "--samples with --limit": (
        [*HF, *TINY, *SAMPLE, "--samples", '{"sample-gsm8k": [0]}'],
        "--limit or --samples, got both",
    ),
    "--samples of another task": ([*HF[:-2], *TINY, *SAMPLE, "--samples", '{"math500": [0]}'], "got math500"),
    "--samples beyond the set": (
        [*HF[:-2], *TINY, *SAMPLE, "--samples", '{"sample-gsm8k": [999999]}'],
        "--samples with 999999",
    ),
    "a batch of 0": ([*HF, *TINY, *SAMPLE, "--batch_size", "0"], "--batch_size with a number"),
    "a batch of many": ([*HF, *TINY, *SAMPLE, "--batch_size", "many"], "got many"),
    "shots below 0": ([*HF, *TINY, *SAMPLE, "--num_fewshot", "-1"], "at least 0"),
    "shots for a task without": (
        [*HF, *TINY, *SAMPLE, "--num_fewshot", "8"],
        "sample-gsm8k, which is asked without any",
    ),
    "a negative temperature": ([*HF, *TINY, *SAMPLE, "--gen_kwargs", "temperature=-1"], "temperature=-1"),
    "a temperature in words": ([*HF, *TINY, *SAMPLE, "--gen_kwargs", "temperature=hot"], "temperature=hot"),
    "greedy with a temperature": (
        [*HF, *TINY, *SAMPLE, "--gen_kwargs", "do_sample=false,temperature=1.5"],
        "one way of decoding",
    ),
    "top_p for greedy decoding": ([*HF, *TINY, *SAMPLE, "--gen_kwargs", "top_p=0.9"], "because top_p is given"),
    "top_p of 95": ([*HF, *TINY, *SAMPLE, "--gen_kwargs", "do_sample=true,temperature=1,top_p=95"], "top_p=95"),
    "a slip in a generation argument": (
        [*HF, *TINY, *SAMPLE, "--gen_kwargs", "temprature=0.7"],
        "Did you mean temperature?",
    ),
    "no tokens": ([*HF, *TINY, *SAMPLE, "--gen_kwargs", "max_gen_toks=0"], "max_gen_toks=0"),
    "two limits": (
        [*HF, *TINY, *SAMPLE, "--gen_kwargs", "max_gen_toks=5,max_new_tokens=6"],
        "max_gen_toks=5, max_new_tokens=6",
    ),
    "generation arguments without a value": ([*HF, *TINY, *SAMPLE, "--gen_kwargs", "greedy"], "a word without ="),
    "prompts beyond the context": (
        [*HF, *tiny("max_length=10"), *SAMPLE],
        "prompts of sample-gsm8k within the model's context of 10",
    ),
    "a context in words": ([*HF, *tiny("max_length=long"), *SAMPLE], "max_length=long"),
    "a base model with a template": (
        [*HF, "--model_args", "pretrained=./base", *SAMPLE, "--apply_chat_template"],
        "a model with a chat template",
    ),
    "no such file of flags": (["--config", "none.yaml"], "a YAML file of flags for --config, got"),
    "a file of flags that is none": (["--config", "broken.yaml"], "a YAML file of flags for --config, got"),
    "a task without its flag": (["sample-gsm8k", *HF, *TINY], "put it behind its flag"),
    "a slip in a flag": ([*HF, *TINY, *SAMPLE, "--apply_chat_tmplate"], "Did you mean --apply_chat_template?"),
    "a slip with a key": ([*HF, *TINY, *SAMPLE, "--modl_args=api_key=sk-planted"], "Did you mean --model_args?"),
    "a flag of nobody": ([*HF, *TINY, *SAMPLE, "--xyzzy"], "`mathtasks run --help` lists them"),
    "metadata that is no JSON": ([*HF, *TINY, *SAMPLE, "--metadata", "{bad"], "JSON, for --model_args, --gen_kwargs"),
    "no such YAML": ([*HF, *TINY, "--tasks", "none.yaml"], "none.yaml, which holds none"),
    "a folder without tasks": ([*HF, *TINY, "--tasks", "./empty"], "./empty, which holds none"),
    "tasks in no folder": ([*HF, *TINY, *SAMPLE, "--include_path", "none"], "a folder of tasks"),
    "a pattern of nothing": ([*HF, *TINY, "--tasks", "sample-*x"], "Did you mean sample-math"),
    "no such grader": ([*HF, *TINY, *SAMPLE, "--graders", "sympy"], "graders among math-verify"),
    "no such responses": ([*HF, *TINY, *SAMPLE, "--resume", "none"], "--resume none, which does not exist"),
    "a replay of nothing": (["--model", "replay", "--model_args", "path=none.jsonl,model=x", *SAMPLE], "none.jsonl"),
    "a rate in words": ([*CHAT, "model=x,rpm=fast", *SAMPLE, "--dry-run"], "rpm=<float>, got 'fast'"),
    "a rate below 0": ([*CHAT, "model=x,rpm=-5", *SAMPLE, "--dry-run"], "rpm above 0"),
    "a batch file of weights": ([*HF, *tiny("batch_out=b.jsonl"), *SAMPLE], "an API model of ours for a batch file"),
    "no data": ([*HF, *TINY, "--tasks", "gsm8k-cot-zeroshot"], "nowhere"),
    "greedy repeats": ([*HF, *TINY, *SAMPLE, "--repeats", "4"], "sampling, for 4 responses"),
    "vllm without vllm": (["--model", "vllm", *TINY, *SAMPLE], "vllm, for --model vllm, got it is not installed"),
    "logs below a file": ([*HF, *TINY, *SAMPLE, "--output_path", "a file/logs"], "but a file is a file"),
    "a cache below a file": ([*HF, *TINY, *SAMPLE, "--use_cache", "a file/x.db"], "x.db, but a file is a file"),
    "a journal below a file": ([*CHAT, "model=x,journal=a file/j", *SAMPLE], "a place for one, at a file/j"),
    "a device of another machine": ([*HF, *TINY, *SAMPLE, "--device", "cuda:99"], "a device of this machine (cpu"),
    "a device among the model's arguments": ([*HF, *tiny("device=cuda:99"), *SAMPLE], "got --device cuda:99"),
    "a device by its number": ([*HF, *TINY, *SAMPLE, "--device", "0"], "Try --device c"),
    "a limit in words": ([*HF[:-1], "ten", *TINY, *SAMPLE], "Expected a number for --limit, got 'ten'"),
    "shots and a half": ([*HF, *TINY, *SAMPLE, "--num_fewshot", "2.5"], "a whole number for --num_fewshot"),
    "a flag without its value": ([*HF, *TINY, *SAMPLE, "--gen_kwargs"], "a value for --gen_kwargs, got none"),
    "a flag with a value too many": ([*HF, *TINY, *SAMPLE, "--dry-run=yes"], "--dry-run without a value"),
    "half a flag": ([*HF, *TINY, *SAMPLE, "--mod=api_key=sk-planted"], "may be --model, --model_args"),
    "a path with spaces, unquoted": ([*HF, "--model_args", "pretrained=my", "model", *SAMPLE], "got a word without ="),
    "spaces around =": ([*HF, "--model_args", "pretrained", "=", "x", *SAMPLE], "no space beside ="),
    "a colon for =": ([*HF, "--model_args", "pretrained:x", *SAMPLE], "name=value,name=value for --model_args"),
    "a key alone": ([*CHAT, "sk-planted", *SAMPLE], "got a word without ="),
    "a dictionary of Python": ([*HF, "--model_args", "{'pretrained': 'x'}", *SAMPLE], "JSON has double quotes"),
    "half of JSON": ([*HF, *TINY, *SAMPLE, "--gen_kwargs", '{"temperature": 0.5'], "Correct the brackets"),
    "a colon in --gen_kwargs": ([*HF, *TINY, *SAMPLE, "--gen_kwargs", "temperature:1"], "for --gen_kwargs, got"),
    "tokens with a unit": ([*HF, *TINY, *SAMPLE, "--gen_kwargs", "max_gen_toks=2k"], "got max_gen_toks=2k"),
    "sampling by yes": ([*HF, *TINY, *SAMPLE, "--gen_kwargs", "do_sample=yes"], "do_sample=true or false"),
    "half a batch": ([*HF, *TINY, *SAMPLE, "--batch_size", "8.5"], "--batch_size with a number"),
    "no dtype": ([*HF, *WITH_DTYPE[:-1], f"{WITH_DTYPE[-1]}", *SAMPLE], "dtype=auto, bfloat16"),
    "no such dtype": ([*HF, *WITH_DTYPE[:-1], f"{WITH_DTYPE[-1]}float99", *SAMPLE], "got dtype=float99"),
    "a file of a model": ([*HF, "--model_args", "pretrained=base/config.json", *SAMPLE], "Try pretrained=base."),
    "a file of weights": ([*HF, "--model_args", "pretrained=packed/toy.Q4_1.gguf", *SAMPLE], "gguf_file=toy.Q4_1.gguf"),
    "a file for a model": ([*HF, "--model_args", "pretrained=a file", *SAMPLE], "got the file a file"),
    "a tokenizer in no folder": ([*HF, *tiny("tokenizer=./none"), *SAMPLE], "tokenizer=./none, which does not exist"),
    "an adapter in an empty folder": ([*HF, *tiny("peft=./empty"), *SAMPLE], "a folder without adapter_config.json"),
    "a device by its make": ([*HF, *TINY, *SAMPLE, "--device", "gpu"], "got --device gpu"),
    "two tasks in quotes": ([*HF, *TINY, "--tasks", "sample-gsm8k sample-math"], "Did you mean sample-gsm8k, "),
    "a kind of model in capitals": (["--model", "HF", *TINY, *SAMPLE], "Did you mean hf?"),
    "a folder of broken tasks": ([*HF, *TINY, "--tasks", "./broken tasks"], "broken.yaml: cannot be read"),
    "a folder among tasks": ([*HF, *TINY, "--tasks", "sample-gsm8k", "./broken tasks"], "one folder of tasks"),
    "a key under another name": ([*CHAT, "model=x,api_key_env=OPENAI_KEYS", *SAMPLE], "got one in OPENAI_KEY."),
    "a port beyond all": ([*CHAT, "model=x,base_url=http://127.0.0.1:99999/v1", *SAMPLE], "got a port beyond 65535"),
    "a rate with a unit": ([*CHAT, "model=x,rpm=1k", *SAMPLE, "--dry-run"], "rpm=<float>, got '1k'"),
    "a folder for a journal": ([*CHAT, "model=x,journal=empty", *SAMPLE, "--dry-run"], "got empty is a folder"),
    "a journal of another kind": ([*CHAT, "model=x,journal=broken.yaml", *SAMPLE, "--dry-run"], "another kind of file"),
    "a model's name alone": ([*CHAT, "gpt-4o-mini", *SAMPLE], "name=value,name=value for --model_args"),
    "a replay of a folder": ([*REPLAY, "path=empty,model=x", *SAMPLE], "empty, which is a folder"),
    "a replay without responses": ([*REPLAY, "path=q.jsonl,model=x", *SAMPLE], 'an object with "response" and'),
    "a replay in Latin-1": ([*REPLAY, "path=latin.jsonl,model=x", *SAMPLE], "Write the file again, as UTF-8"),
    "a folder of flags": (["--config", "empty"], "a YAML file of flags for --config, got"),
    "lines for flags": (["--config", "q.jsonl"], "a YAML file of flags for --config, got"),
    "a place that nobody can make": ([*HF, *TINY, *SAMPLE, "--output_path", "/proc/logs"], "/proc/logs, but /proc"),
    "a seed in words": ([*HF, *TINY, *SAMPLE, "--seed", "abc"], "--seed, got 'abc'"),
    "a logger that is not there": ([*HF, *TINY, *SAMPLE, "--wandb_args", "project=x"], "wandb, for --wandb_args"),
    "a level in words": ([*HF, *TINY, *SAMPLE, "--verbosity", "LOUD"], "--verbosity with one of DEBUG, INFO"),
    "a batch of auto:x": ([*HF, *TINY, *SAMPLE, "--batch_size", "auto:x"], "got auto:x"),
    "turns alone": ([*HF, *TINY, *SAMPLE, "--fewshot_as_multiturn", "true"], "as_multiturn` is True"),
    "a slip for the hub": ([*HF, *TINY, *SAMPLE, "--hf_hub_log_args", "results_org=x"], "'results_org'"),
    "a template that is not there": ([*HF, *TINY, *SAMPLE, "--apply_chat_template", "tulu"], "got --apply_"),
    "no template, in words": ([*HF, *TINY, *SAMPLE, "--apply_chat_template", "false"], "Leave it out, or its name"),
    "a task in capitals": ([*HF, *TINY, "--tasks", "GSM8K-COT"], "Did you mean gsm8k-cot,"),
    "a key without its flag": (["OPENAI_API_KEY=sk-planted", *HF, *TINY, *SAMPLE], "got 'OPENAI_API_KEY'."),
    "weights alone": ([*HF, "--model_args", f"{TINY[1].partition(',')[0]}/model.safetensors", *SAMPLE], "got the file"),
    "a type of another kind": ([*HF, *WITH_DTYPE[:-1], f"{WITH_DTYPE[1]}fp16", *SAMPLE], "got dtype=fp16"),
    "no repeats": ([*HF, *TINY, "--tasks", "sample-gsm8k@0"], "math500@8, got sample-gsm8k@0"),
    "repeats in words": ([*HF, *TINY, "--tasks", "sample-gsm8k@x"], "got sample-gsm8k@x"),
    "spaces in arguments": ([*HF, *TINY, *SAMPLE, "--gen_kwargs", "temperature=0.7 top_p=1"], "at least 0"),
    "sampling, perhaps": ([*HF, *TINY, *SAMPLE, "--gen_kwargs", "do_sample=maybe"], "do_sample=true or false"),
    "no such file to resume from": ([*HF, *TINY, *SAMPLE, "--resume", "nowhere"], "--resume nowhere, which"),
    "no such preset": ([*HF, *TINY, *SAMPLE, "--preset", "qwen9"], "qwen9"),
}  # fmt: skip


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder to work in, with a model without a chat template, a folder without a model, and no data."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(sources.DATA_DIR_VARIABLE, str(tmp_path / "nowhere"))
    monkeypatch.setattr(logging.root, "handlers", [])
    monkeypatch.setattr(logging, "raiseExceptions", False)  # handlers of earlier tests hold closed streams
    for variable in (
        "OPENAI_API_KEY",
        "OPENAI_BASE_URL",
        "http_proxy",
        "https_proxy",
        "HTTP_PROXY",
        "HTTPS_PROXY",
    ):
        monkeypatch.delenv(variable, raising=False)
    (tmp_path / "empty").mkdir()
    (tmp_path / "base").mkdir()
    (tmp_path / "broken.yaml").write_text("tasks: [\n")
    (tmp_path / "packed").mkdir()
    (tmp_path / "packed" / "toy.Q4_1.gguf").write_bytes(b"GGUF")
    (tmp_path / "q.jsonl").write_text('{"doc_id": 0}\n{"doc_id": 1}\n')
    (tmp_path / "latin.jsonl").write_bytes(b'{"question": "caf\xe9", "response": ""}\n')
    (tmp_path / "broken tasks").mkdir()
    (tmp_path / "broken tasks" / "broken.yaml").write_text("task: [\n")
    monkeypatch.setenv("OPENAI_KEY", "sk-planted")
    for module in (mistakes, local_models):
        monkeypatch.setattr(
            module, "find_spec", lambda name: None if name in ("gguf", "vllm", "wandb") else name
        )
    (tmp_path / "a file").write_text("")
    source = embedded.path("grpo")
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        (tmp_path / "base" / name).write_bytes((source / name).read_bytes())
    config = json.loads((source / "tokenizer_config.json").read_text())
    config.pop("chat_template", None)
    (tmp_path / "base" / "tokenizer_config.json").write_text(json.dumps(config))
    return tmp_path


@pytest.fixture
def no_weights(monkeypatch):
    """Every way to a model's weights fails the test."""
    from lm_eval.models.huggingface import HFLM

    def loaded(*_, **__):
        raise AssertionError("the model was loaded")

    monkeypatch.setattr(HFLM, "__init__", loaded)


@pytest.mark.usefixtures("place", "no_weights")
@pytest.mark.xdist_group("index")
@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_said_before_anything_is_loaded(mistake, capsys):
    arguments, message = MISTAKES[mistake]
    try:
        status = main(["run", *arguments])
    except SystemExit as error:  # argparse
        status = error.code
    error = capsys.readouterr().err
    assert status == 2, error
    assert message in error
    assert "Traceback" not in error
    assert "sk-planted" not in error


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (tiny("dtype=float8_none"), "float8_none"),
        (tiny("peft=./adapter"), "peft_type"),
    ],
)
def test_a_model_that_cannot_be_loaded_is_said_without_a_traceback(arguments, reason, place, capsys):
    (place / "adapter").mkdir()
    (place / "adapter" / "adapter_config.json").write_text("{}")
    words = ["--model", "hf", *TINY, "--device", "cpu", *SAMPLE, "--limit", "2", *arguments]
    assert main(["run", *words]) == 2
    said = capsys.readouterr().err
    assert "Expected a run that can begin, got" in " ".join(said.split())
    assert reason in said.lower()
    assert "Traceback" not in said


def run(place, *more):
    assert main(["run", *HF, *SAMPLE, "--output_path", str(place / "logs"), *more]) == 0
    (samples,), (results,) = (
        (place / "logs").rglob("samples_*.jsonl"),
        (place / "logs").rglob("results_*.json"),
    )
    return read_jsonl(samples), json.loads(results.read_text())


def test_a_temperature_means_sampling_and_the_log_says_what_was_done(place, capsys):
    rows, results = run(
        place, *TINY, "--apply_chat_template", "--gen_kwargs", "temperature=1.5,max_new_tokens=5"
    )
    asked = rows[0]["arguments"]["gen_args_0"]["arg_1"]
    assert (asked["do_sample"], asked["temperature"], asked["max_gen_toks"]) == (True, 1.5, 5)
    assert "max_new_tokens" not in asked
    assert results["config"]["gen_kwargs"] == {"temperature": 1.5, "max_gen_toks": 5, "do_sample": True}
    assert "is read as do_sample=true" in capsys.readouterr().out


def test_a_budget_beyond_the_context_is_clamped_said_and_recorded(place, capsys):
    rows, results = run(place, *tiny("max_length=150"), "--gen_kwargs", "max_gen_toks=500")
    settings = results["configs"]["sample-gsm8k"]["generation_kwargs"]
    assert 0 < settings["max_gen_toks"] < 150
    assert rows[0]["arguments"]["gen_args_0"]["arg_1"]["max_gen_toks"] == settings["max_gen_toks"]
    assert "500 tokens for a response do not fit the context of 150" in capsys.readouterr().out


def test_an_instruct_model_without_its_template_is_said_once(place, capsys):
    run(place, *TINY, "--gen_kwargs", "max_gen_toks=5")
    assert capsys.readouterr().out.count("the model has a chat template") == 1


def test_nothing_is_said_of_a_run_without_mistakes(place, capsys):
    run(
        place,
        *TINY,
        "--apply_chat_template",
        "--gen_kwargs",
        "do_sample=true,temperature=0.6,top_p=0.95,max_gen_toks=5",
    )
    out = capsys.readouterr().out
    for words in ("is read as", "chat template", "do not fit", "not a task of ours"):
        assert words not in out
