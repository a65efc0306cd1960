"""How responses of local models ended: the token limit, or the end of text, or a stop string; unknown is not zero."""

import sys
from types import ModuleType, SimpleNamespace

import pytest

from lm_eval_mathtasks.cli import main
from lm_eval_mathtasks.host.finish import finish_reasons_kept
from tests.conftest import read_jsonl
from tests.host.scripted import evaluate
from tests.host.test_run import logs, place  # noqa: F401  a fixture

pytest.importorskip("transformers")
EOS = 9


def backend(name, outputs, *, think_end=None, stop=("Q:",), **more):
    """A model of lm-eval's class `name` that gives these outputs, and runs through lm-eval's own text cutting."""
    from lm_eval.models.utils import postprocess_generated_text

    module = ModuleType("backend_of_tests")
    module.postprocess_generated_text = postprocess_generated_text

    def generate_until(self, _requests):
        made = self._model_generate(context=self.context, stop=list(stop), max_length=99)
        return [module.postprocess_generated_text(text_of(one), list(stop), think_end) for one in made]

    text_of = more.pop("text_of", lambda one: one.outputs[0].text)
    kind = type(
        name,
        (),
        {
            "generate_until": generate_until,
            "_model_generate": lambda self, **_: outputs,
            "__module__": "backend_of_tests",
            "context": None,
            **more,
        },
    )
    sys.modules["backend_of_tests"] = module
    return kind()


def reasons(model):
    before = vars(sys.modules["backend_of_tests"])["postprocess_generated_text"]
    with finish_reasons_kept(model):
        found = [getattr(text, "finish_reason", None) for text in model.generate_until([])]
    assert vars(sys.modules["backend_of_tests"])["postprocess_generated_text"] is before
    assert "_model_generate" not in vars(model), "lm-eval is as it was"
    return found


def ended(text, reason):
    return SimpleNamespace(outputs=[SimpleNamespace(text=text, finish_reason=reason)])


@pytest.mark.parametrize(
    ("text", "said", "think_end", "wanted"),
    [
        ("It is 7", "length", None, "length"),
        ("It is 7", "stop", None, "stop"),
        ("It is 7\nQ: next", "length", None, "stop"),  # the limit cut what came after the response
        (
            "Q: first</think>It is",
            "length",
            "</think>",
            "length",
        ),  # a stop string in the thinking stops nothing
        ("so</think>It is 7\nQ: next", "length", "</think>", "stop"),
        ("It is 7", None, None, None),
    ],
)
def test_vllm_says_itself_how_a_response_ended(text, said, think_end, wanted):
    assert reasons(backend("VLLM", [ended(text, said)], think_end=think_end)) == [wanted]


def test_sglang():
    outputs = [
        {"text": "It is", "meta_info": {"finish_reason": {"type": "length", "length": 5}}},
        {"text": "It is 7", "meta_info": {"finish_reason": {"type": "stop", "matched": EOS}}},
        {"text": "It is 7"},
    ]
    model = backend("SGLangLM", outputs, text_of=lambda one: one["text"])
    assert reasons(model) == ["length", "stop", None]


def test_a_backend_that_nobody_looked_into_says_nothing():
    assert reasons(backend("SomebodysLM", [ended("It is", "length")])) == [None]


def hf(rows, texts, *, prompt=2, ends=EOS, backend_kind="causal"):
    torch = pytest.importorskip("torch")
    tokenizer = SimpleNamespace(all_special_tokens=["<end>"], convert_tokens_to_ids={"<end>": 8}.get)
    made, texts = torch.tensor(rows), iter(texts)
    config = SimpleNamespace(generation_config=SimpleNamespace(eos_token_id=ends))
    return backend(
        "HFLM",
        made,
        stop=("Q:", "<end>"),
        text_of=lambda _: next(texts),
        context=made[:, :prompt],
        tokenizer=tokenizer,
        model=config,
        eot_token_id=EOS,
        backend=backend_kind,
    )


def test_hf_rows_that_spend_their_tokens_are_cut_and_no_others():
    rows = [
        [9, 1, 2, 3, 4],  # the prompt's own end of text (left padding) ends nothing
        [1, 1, 2, 3, 9],  # as many tokens as the budget, and the last one ends it
        [1, 1, 2, 9, 0],  # padded
        [1, 1, 2, 8, 4],  # a stop string that is a special token, which the text does not show
        [1, 1, 2, 3, 4],  # a stop string in the text
    ]
    texts = ["It is", "It is 7", "7", "7", "7 Q: next"]
    assert reasons(hf(rows, texts)) == ["length", "stop", "stop", "stop", "stop"]
    assert reasons(hf([[1, 1, 2, 7, 0]], ["7"], ends=[6, 7])) == ["stop"], (
        "several tokens that end a response"
    )


def test_a_decoder_that_begins_with_the_end_of_text():
    rows = [[9, 1, 2, 3], [9, 1, 2, 9]]
    assert reasons(hf(rows, ["It is", "It is 7"], backend_kind="seq2seq")) == ["length", "stop"]


def test_where_nobody_says_how_it_ended_the_rate_is_absent():
    scores, _, _ = evaluate("sample-math", lambda _: "so \\boxed{1}", limit=2)
    assert "truncated" not in scores
    assert "extracted" in scores


@pytest.mark.parametrize("budget", [5, 200])
def test_a_run_of_hf_says_what_its_budget_cut(place, capsys, budget):  # noqa: F811
    pytest.importorskip("torch")
    main(["model-path"])
    path = capsys.readouterr().out.strip()
    arguments = ["run", "--model", "hf", "--model_args", f"pretrained={path},dtype=float32", "--limit", "3"]
    arguments += ["--tasks", "gsm8k-cot-zeroshot", "--device", "cpu", "--apply_chat_template"]
    assert main([*arguments, "--gen_kwargs", f"max_gen_toks={budget}", "--batch_size", "3"]) == 0
    results, samples = logs(place / "mathtasks-results")
    cut = 1.0 if budget == 5 else 0.0
    assert results["results"]["gsm8k-cot-zeroshot"]["truncated,none"] == cut
    rows = read_jsonl(samples["gsm8k-cot-zeroshot"])
    assert {row["finish_reasons"][0][0] for row in rows} == {"length" if cut else "stop"}
    assert ("were cut off" in capsys.readouterr().out) == bool(cut)
