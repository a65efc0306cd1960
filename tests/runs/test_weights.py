"""Which weights a name means: those of fewer bits are others than the published ones."""

import pytest

from lm_eval_mathtasks.leaderboard.claims import load_claims
from lm_eval_mathtasks.runs.weights import quantised, weights_of_log


@pytest.mark.parametrize(
    ("name", "made_of"),
    [
        ("Qwen/Qwen2.5-7B-Instruct-AWQ", "Qwen/Qwen2.5-7B-Instruct"),
        ("Qwen2.5-7B-Instruct-GPTQ-Int4", "Qwen2.5-7B-Instruct"),
        ("Qwen2.5-7B-Instruct.Q4_K_M.gguf", "Qwen2.5-7B-Instruct"),
        ("Llama-3.1-8B-Instruct-FP8-dynamic", "Llama-3.1-8B-Instruct"),
        ("SmolLM2-135M-Instruct-Q4_1-dequantised", "SmolLM2-135M-Instruct"),
    ],
)
def test_a_quantised_model_is_made_of_another(name, made_of):
    assert quantised(name)[0] == made_of
    assert any("quantised" in change for change in weights_of_log(name, {"pretrained": name}).changes)


@pytest.mark.parametrize(
    "name", ["Qwen3-8B", "Phi-4", "gpt-4o-2024-08-06", "DeepSeek-R1-Distill-Qwen-7B", "Q2", "AWQ", ""]
)
def test_other_ends_of_names_are_no_quantisation(name):
    assert quantised(name) == (name, None)
    assert weights_of_log(name, {"pretrained": name}).changes == ()


def test_claims_of_what_it_was_made_of_are_found():
    models = load_claims().models
    (found,) = models.resolve("SmolLM2-135M-Instruct-Q4_1-dequantised")
    assert found.name == models.resolve("SmolLM2-135M-Instruct")[0].name
