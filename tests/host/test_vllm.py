"""The embedded model through vLLM for real, in process and behind its server: the same greedy answers as through hf.

Run by `make test-vllm`, in an environment with vLLM's CPU build. Greedy decoding in float32 gives the same tokens on
every path unless two logits tie to the last bits. Sampled texts differ, and are of one distribution.
"""

import os

import pytest

from lm_eval_mathtasks.grading import extract_answer
from lm_eval_mathtasks.problems import rows, sources
from tests.conftest import read_jsonl
from tests.numbers.distributions import same_distribution
from tests.serving import TASK, model_path, run, vllm_serve

pytestmark = pytest.mark.vllm
pytest.importorskip("vllm", reason="needs vLLM: make test-vllm")

LIMIT = 40  # docs
SAMPLED_LIMIT = 10  # docs
REPEATS = 16
VLLM = {
    "VLLM_CPU_KVCACHE_SPACE": "1",  # GiB; without it vLLM wants nearly all memory of the node
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    "HF_HUB_OFFLINE": "1",
    "OMP_NUM_THREADS": "1",
}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder for logs, and an environment in which the bundled problems stand in for GSM8K's (same columns)."""
    data = {
        rows.DATA_DIR_VARIABLE: str(rows.SAMPLES / "gsm8k.jsonl"),
        sources.CHECKSUM_VARIABLE: "warn",
    }
    return tmp_path_factory.mktemp("vllm"), {**os.environ, **VLLM, **data}


def responses(place, name, model, model_args, *more):
    """Run the task; return (accuracy, the first responses by doc)."""
    accuracy, texts = run(place, name, model, model_args, "--tasks", TASK, "--limit", str(LIMIT), *more)
    return accuracy, {doc: found[0] for doc, found in texts.items()}


@pytest.fixture(scope="module")
def reference(place):
    return responses(place, "hf", "hf", f"pretrained={model_path()},dtype=float32")


def test_in_process(place, reference):
    arguments = f"pretrained={model_path()},dtype=float32,enforce_eager=True,kv_cache_memory_bytes=268435456"
    assert responses(place, "vllm", "vllm", arguments) == reference
    assert len(reference[1]) == LIMIT


def test_how_responses_ended_is_the_same_as_through_hf(place):
    """Eight tokens are too few for most docs; a response that ends with the eighth is not cut off."""
    vllm = f"pretrained={model_path()},dtype=float32,enforce_eager=True,kv_cache_memory_bytes=268435456"
    models = {"hf": f"pretrained={model_path()},dtype=float32", "vllm": vllm}
    found = {}
    for model, arguments in models.items():
        name = f"cut-{model}"
        flags = ("--tasks", TASK, "--limit", str(LIMIT), "--gen_kwargs", "max_gen_toks=8")
        run(place, name, model, arguments, *flags)
        (samples,) = (place[0] / name).rglob("samples_*.jsonl")
        found[model] = {row["doc_id"]: row["finish_reasons"] for row in read_jsonl(samples)}
    assert found["vllm"] == found["hf"]
    assert [["length"]] in found["vllm"].values()


def test_an_adapter_answers_as_through_hf(place, reference):
    """As `train evaluate` asks vLLM: the adapter is applied without merging; its rank is above lm-eval's default."""
    peft, transformers = pytest.importorskip("peft"), pytest.importorskip("transformers")
    adapter, torch = place[0] / "adapter", pytest.importorskip("torch")
    torch.manual_seed(0)
    shape = peft.LoraConfig(r=32, lora_alpha=32, target_modules="all-linear", init_lora_weights=False)
    model = peft.get_peft_model(transformers.AutoModelForCausalLM.from_pretrained(model_path()), shape)
    model.save_pretrained(adapter)
    whole = f"pretrained={model_path()},dtype=float32"
    expected = responses(place, "hf-adapter", "hf", f"{whole},peft={adapter}")
    engine = f"{whole},enforce_eager=True,kv_cache_memory_bytes=268435456"
    told = f"{engine},max_lora_rank=32,lora_local_path={adapter}"
    assert responses(place, "vllm-adapter", "vllm", told) == expected
    assert expected[1] != reference[1]


@pytest.fixture(scope="module")
def server(place):
    with vllm_serve(model_path(), "embedded", place[0], place[1]) as address:
        yield address


def test_behind_the_server_with_lm_evals_chat_model(place, server, reference):
    arguments = f"model=embedded,base_url={server}/v1/chat/completions,num_concurrent=4,max_retries=3"
    assert responses(place, "server", "local-chat-completions", arguments) == reference


# --- sampled: other texts, one distribution


def sampled(place, name, model, model_args):
    """All responses of a sampled run. top_k=0: transformers alone would otherwise draw from 50 tokens only."""
    asked = ["do_sample=true", "temperature=1.2", "top_k=0"]
    asked += ["--tasks", f"{TASK}@{REPEATS}", "--limit", str(SAMPLED_LIMIT)]
    return run(place, name, model, model_args, *asked)[1]


@pytest.fixture(scope="module")
def samples_of_hf(place):
    return sampled(place, "hf-sampled", "hf", f"pretrained={model_path()},dtype=float32")


def like_hf(found, expected):
    """Of the same distribution by doc, other texts than hf's, and different texts within a doc."""
    answers = [
        {doc: [extract_answer(text).answer for text in texts] for doc, texts in one.items()}
        for one in (found, expected)
    ]
    assert all(len(texts) == REPEATS for texts in found.values())
    assert same_distribution(*answers) > 0.001
    assert sum(found[doc] != expected[doc] for doc in found) >= SAMPLED_LIMIT - 1
    assert sum(len(set(texts)) > REPEATS / 4 for texts in found.values()) > SAMPLED_LIMIT / 2


@pytest.fixture(scope="module")
def samples_in_process(place):
    arguments = f"pretrained={model_path()},dtype=float32,enforce_eager=True,kv_cache_memory_bytes=268435456"
    return sampled(place, "vllm-sampled", "vllm", arguments)


def test_samples_in_process(samples_in_process, samples_of_hf):
    like_hf(samples_in_process, samples_of_hf)


def test_samples_behind_the_server_with_our_chat_model(place, server, samples_in_process):
    """seed + i on both ways: the very same samples."""
    journal = place[0] / "journal.sqlite"
    arguments = f"model=embedded,base_url={server}/v1,num_concurrent=8,journal={journal}"
    assert sampled(place, "chat-sampled", "mathtasks-chat", arguments) == samples_in_process


def test_samples_behind_the_server_with_lm_evals_chat_model(place, server, samples_in_process):
    """lm-eval alone would send one seed, and this server would return one text 16 times."""
    arguments = f"model=embedded,base_url={server}/v1/chat/completions,num_concurrent=8,max_retries=3"
    assert sampled(place, "server-sampled", "local-chat-completions", arguments) == samples_in_process
