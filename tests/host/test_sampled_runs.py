"""The embedded model's samples through lm-eval's hf: k different texts, of the distribution that its weights define."""

from types import SimpleNamespace

import pytest

from lm_eval_mathtasks import embedded
from lm_eval_mathtasks.cli import main
from lm_eval_mathtasks.grading import extract_answer
from lm_eval_mathtasks.host.answer import answer
from tests.conftest import read_jsonl
from tests.numbers.distributions import same_distribution
from tests.runs.logs_of_runs import doc, write_lm_eval

DOCS, K, TEMPERATURE = 6, 16, 1.2
# transformers samples from the 50 likeliest tokens unless told otherwise.
SAMPLED = f"do_sample=true,temperature={TEMPERATURE},top_k=0"


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sampled")
    arguments = ["--model", "hf", "--model_args", f"pretrained={embedded.path('grpo')},dtype=float32"]
    arguments += ["--tasks", f"sample-gsm8k@{K}", "--limit", str(DOCS), "--apply_chat_template"]
    arguments += ["--gen_kwargs", SAMPLED, "--device", "cpu", "--batch_size", "64"]
    assert main(["run", *arguments, "--output_path", str(folder)]) == 0
    (samples,) = folder.rglob("samples_*.jsonl")
    return read_jsonl(samples)


def answers(rows):
    return {row["doc_id"]: [extract_answer(text).answer for text in row["resps"][0]] for row in rows}


def drawn_by_hand(prompt, generator):
    """K continuations by multinomial draws from the softmax of the model's logits: no generate(), no lm-eval."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(embedded.path("grpo"))
    model = AutoModelForCausalLM.from_pretrained(embedded.path("grpo"), dtype=torch.float32).eval()
    ids = tokenizer(prompt, add_special_tokens=False, return_tensors="pt").input_ids.expand(K, -1)
    begun, texts = ids.shape[1], []
    with torch.no_grad():
        # Every step reads the whole text anew: what keeps the earlier steps changes its name between releases.
        while len(ids) and ids.shape[1] < begun + 256:
            weights = torch.softmax(model(input_ids=ids).logits[:, -1] / TEMPERATURE, dim=-1)
            ids = torch.cat([ids, torch.multinomial(weights, 1, generator=generator)], dim=1)
            ended = ids[:, -1] == tokenizer.eos_token_id
            texts += ids[ended, begun:].tolist()
            ids = ids[~ended]
    texts += ids[:, begun:].tolist()
    return [extract_answer(tokenizer.decode(text, skip_special_tokens=True)).answer for text in texts]


def test_the_samples_of_a_doc_differ(rows):
    assert all(len(row["resps"][0]) == K for row in rows)
    assert sum(len(set(row["resps"][0])) > K / 4 for row in rows) > DOCS / 2


def test_they_are_of_the_models_distribution(rows):
    import torch

    generator = torch.Generator().manual_seed(9)
    expected = {}
    for row in rows:
        prompt = row["arguments"]["gen_args_0"]["arg_0"]
        expected[row["doc_id"]] = drawn_by_hand(prompt if isinstance(prompt, str) else prompt[0], generator)
    assert same_distribution(answers(rows), expected) > 0.001


def test_the_comparison_sees_another_distribution(rows):
    greedier = {doc: [max(set(a), key=a.count)] * K for doc, a in answers(rows).items()}
    assert same_distribution(answers(rows), greedier) < 0.001


def test_answers_that_are_the_same_each_time_are_said_after_the_run(tmp_path, capsys):
    """A server that ignores temperature and seed makes one answer of k."""
    settings = {"until": [], "do_sample": True, "temperature": 0.7, "max_gen_toks": 512}
    docs = [doc(i, i) for i in range(4)]
    same = [
        "It is the same long text each time, to the letter. " * 3 + f"So \\boxed{{{i}}}." for i in range(4)
    ]
    for name, texts, said in (
        ("same", [[text] * 4 for text in same], True),
        ("other", [[text + "!" * k for k in range(4)] for text in same], False),
    ):
        log = write_lm_eval(tmp_path / name, docs, texts, scores=[1.0] * 4, repeats=4, settings=settings)
        results = {"results": {"gsm8k-cot-zeroshot": {"pass@4,none": 1.0}}}
        assert answer(SimpleNamespace(results=results, logs=list(log.iterdir()), unknown_cuts=[])) == 0
        assert ("whoever answered ignored temperature and seed" in capsys.readouterr().out) == said
