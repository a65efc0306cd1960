"""Verifiers of every kind, tiny and with random weights, with the tokenizer of the embedded model: real files."""

from pathlib import Path

import torch
from transformers import (
    AutoTokenizer,
    LlamaConfig,
    LlamaForCausalLM,
    LlamaForSequenceClassification,
    LlamaForTokenClassification,
    Qwen2Config,
)

from lm_eval_mathtasks import embedded
from lm_eval_mathtasks.choosing.verifiers import QWEN_SEPARATOR, STEP_TAG, _qwen_class

CONTEXT = 512
SHAPE = {
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "max_position_embeddings": CONTEXT,
    "initializer_range": 0.3,  # large enough that positions and texts differ in their scores
    "tie_word_embeddings": False,
}


def save(folder: Path, kind: str, *, labels: int = 1, chat: bool = True) -> Path:
    """Write a verifier of one of the kinds orm, prm-tokens, prm-math-shepherd, prm-qwen into a folder."""
    tokenizer = AutoTokenizer.from_pretrained(embedded.path("sft"))
    tokenizer.add_special_tokens({"additional_special_tokens": [STEP_TAG, QWEN_SEPARATOR, "+", "-"]})
    # Templates of chat models end a turn with a marker.
    template = "{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}<eos>{% endfor %}"
    tokenizer.chat_template = template if chat else None
    special = {name: getattr(tokenizer, name) for name in ("pad_token_id", "bos_token_id", "eos_token_id")}
    shape = {**SHAPE, **special, "vocab_size": len(tokenizer)}
    makers = {
        "orm": lambda: LlamaForSequenceClassification(LlamaConfig(**shape, num_labels=labels)),
        "prm-tokens": lambda: LlamaForTokenClassification(LlamaConfig(**shape, num_labels=2)),
        "prm-math-shepherd": lambda: LlamaForCausalLM(LlamaConfig(**shape)),
        "prm-qwen": lambda: _qwen_class()(Qwen2Config(**shape)),
    }
    torch.manual_seed(7)
    makers[kind]().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
