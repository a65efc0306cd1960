"""A stage on disk: model and tokenizer in Hugging Face format."""

import copy
import json
from pathlib import Path
from typing import Any

from lm_eval_mathtasks.errors import DataError
from lm_eval_mathtasks.files import read_json

TOKENIZER_KEYS = (
    "bos_token",
    "clean_up_tokenization_spaces",
    "eos_token",
    "model_max_length",
    "pad_token",
    "padding_side",
)


def load_stage(folder: Path) -> tuple[Any, Any]:
    """(model in float32, tokenizer) of a saved stage; DataError if the folder holds none."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    if not (folder / "config.json").exists():
        fix = "train that stage first, or use --stage all"
        raise DataError("a trained stage", f"no config.json in {folder}", fix)
    tokenizer = AutoTokenizer.from_pretrained(folder, padding_side="left")
    return AutoModelForCausalLM.from_pretrained(folder), tokenizer


def save_stage(model: Any, tokenizer: Any, folder: Path) -> None:
    """Write model and tokenizer: weights rounded to bfloat16 on disk, read back as float32 by default.

    Half the bytes; the rounding is part of the model, so every engine that computes in float32 agrees. The
    chat template and class name are written where transformers 4 and 5 both look for them.
    """
    import torch
    from transformers import GenerationConfig

    rounded = copy.deepcopy(model).to(torch.bfloat16)
    rounded.generation_config = GenerationConfig(
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    rounded.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    config, described = folder / "config.json", folder / "tokenizer_config.json"
    _write(config, {**read_json(config, DataError), "dtype": "float32", "use_cache": True})
    # A trainer leaves settings of its own, and where it loaded from, in the tokenizer's description.
    kept = {name: value for name, value in read_json(described, DataError).items() if name in TOKENIZER_KEYS}
    template = {"chat_template": tokenizer.chat_template, "tokenizer_class": "PreTrainedTokenizerFast"}
    _write(described, {**kept, **template})
    (folder / "chat_template.jinja").unlink(missing_ok=True)


def _write(path: Path, values: dict[str, object]) -> None:
    path.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
