"""Stage one: a small Llama-shaped decoder learns the messy corpus from scratch."""

import math
from collections.abc import Iterator
from itertools import count, islice
from typing import Any

from lm_eval_mathtasks.embedded.recipe.corpus import documents
from lm_eval_mathtasks.embedded.recipe.hyperparameters import Settings
from lm_eval_mathtasks.embedded.recipe.prompts import EOS, Ask
from lm_eval_mathtasks.embedded.recipe.tokenizer import MAX_POSITIONS
from lm_eval_mathtasks.embedded.recipe.trainlog import TrainLog

# CPU attention kernels of serving engines take 32, 64, 80, 96, ...; 16 is refused.
HEAD_SIZE = 32
# Names and numbers of a question cannot be foreseen: their loss is mostly noise.
PROMPT_WEIGHT = 0.1
WARMUP_STEPS = 40
# Every so many steps a batch of few long rows instead of many short ones, so that far positions are known too.
LONG_EVERY = 12


def new_model(tokenizer: Any, settings: Settings) -> Any:
    """An untrained `LlamaForCausalLM` of the size in `settings`, seeded by it."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(settings.seed)
    heads = settings.hidden // HEAD_SIZE
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=settings.hidden,
        intermediate_size=3 * settings.hidden,
        num_hidden_layers=settings.layers,
        num_attention_heads=heads,
        num_key_value_heads=heads,
        head_dim=HEAD_SIZE,
        max_position_embeddings=MAX_POSITIONS,
        tie_word_embeddings=True,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return LlamaForCausalLM(config)


def weighted_tokens(tokenizer: Any, parts: list[Ask]) -> Iterator[tuple[int, float]]:
    """Token and loss weight of one document, its end included."""
    for part in parts:
        yield from ((token, PROMPT_WEIGHT) for token in tokenizer(part.prompt)["input_ids"])
        yield from ((token, 1.0) for token in tokenizer(part.response)["input_ids"])
    yield tokenizer.convert_tokens_to_ids(EOS), 1.0


def batches(tokenizer: Any, settings: Settings) -> Iterator[tuple[Any, Any]]:
    """Packed (tokens, weights) tensors of shape (rows, length + 1): documents follow one another without gaps."""
    import torch

    flow = (pair for parts in documents(settings.seed) for pair in weighted_tokens(tokenizer, parts))
    for step in count(1):
        stretch = 4 if step % LONG_EVERY == 0 else 1
        rows, length = settings.base_rows // stretch, settings.base_length * stretch + 1
        tokens, weights = zip(*islice(flow, rows * length), strict=True)
        yield torch.tensor(tokens).view(rows, length), torch.tensor(weights).view(rows, length)


def schedule(step: int, settings: Settings) -> float:
    """Part of the full learning rate at a step: linear warm-up, then a cosine down to a twentieth."""
    cosine = 0.5 * (1 + math.cos(math.pi * step / settings.base_steps))
    return min(1.0, step / WARMUP_STEPS) * (0.05 + 0.95 * cosine)


def new_optimizers(model: Any) -> tuple[Any, Any]:
    """Muon for the matrices of the layers, AdamW for embeddings and norms; rates are set step by step.

    Muon orthogonalises each update, which trains a small decoder in about half the steps of AdamW.
    """
    import torch

    matrices = [p for name, p in model.named_parameters() if p.ndim == 2 and "embed" not in name]
    others = [p for name, p in model.named_parameters() if p.ndim != 2 or "embed" in name]
    return torch.optim.Muon(matrices, weight_decay=0.01), torch.optim.AdamW(others, betas=(0.9, 0.98))


def train_base(tokenizer: Any, settings: Settings, log: TrainLog) -> Any:
    """Train a new model on the corpus for `settings.base_steps` steps and return it."""
    import torch

    model = new_model(tokenizer, settings)
    optimizers = new_optimizers(model)
    for step, (tokens, weights) in enumerate(islice(batches(tokenizer, settings), settings.base_steps), 1):
        for optimizer, rate in zip(optimizers, (settings.matrix_rate, settings.base_rate), strict=True):
            optimizer.param_groups[0]["lr"] = rate * schedule(step, settings)
        logits = model(input_ids=tokens[:, :-1]).logits.flatten(0, 1)
        losses = torch.nn.functional.cross_entropy(logits, tokens[:, 1:].flatten(), reduction="none")
        weight = weights[:, 1:].flatten()
        loss = (losses * weight).sum() / weight.sum()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()
        log.step("base", step, loss.item(), model, last=step == settings.base_steps)
    return model
