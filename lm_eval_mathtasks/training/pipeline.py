"""The stages one after the other, each saved in Hugging Face format."""

from __future__ import annotations

import copy
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lm_eval_mathtasks.errors import DataError
from lm_eval_mathtasks.training import STAGES, base, grpo, sft
from lm_eval_mathtasks.training.settings import Settings
from lm_eval_mathtasks.training.tokenizer import build
from lm_eval_mathtasks.training.trainlog import TrainLog


def run(stages: Sequence[str], out: Path, settings: Settings) -> None:
    """Train `stages` in order; each is saved as `out/<stage>`, the log as `out/training_log.jsonl`.

    DataError if the folder of the stage before the first one is missing.
    """
    import torch

    torch.set_num_threads(1)  # a model this small is slower on several threads
    torch.manual_seed(settings.seed)
    out.mkdir(parents=True, exist_ok=True)
    if stages[0] == STAGES[0]:
        model, tokenizer = None, build(settings.seed)
    else:
        model, tokenizer = load(out / STAGES[STAGES.index(stages[0]) - 1])
    for stage in stages:
        log = TrainLog(out / "training_log.jsonl", tokenizer, settings)
        save(_train(stage, model, tokenizer, settings, log), tokenizer, out / stage)
        model, tokenizer = load(out / stage)  # as saved: one run of all stages is the same as one run of each


def _train(stage: str, model: Any, tokenizer: Any, settings: Settings, log: TrainLog) -> Any:
    if stage == "base":
        return base.train(tokenizer, settings, log)
    with tempfile.TemporaryDirectory() as scratch:
        return {"sft": sft, "grpo": grpo}[stage].train(model, tokenizer, settings, log, Path(scratch))


def load(folder: Path) -> tuple[Any, Any]:
    """(model in float32, tokenizer) of a saved stage; DataError if the folder holds none."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    if not (folder / "config.json").exists():
        raise DataError(
            "a trained stage", f"no config.json in {folder}", "train that stage first, or use --stage all"
        )
    return AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(
        folder, padding_side="left"
    )


def save(model: Any, tokenizer: Any, folder: Path) -> None:
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
    _amend(folder / "config.json", dtype="float32", use_cache=True)
    _amend(
        folder / "tokenizer_config.json",
        chat_template=tokenizer.chat_template,
        tokenizer_class="PreTrainedTokenizerFast",
    )
    (folder / "chat_template.jinja").unlink(missing_ok=True)


def _amend(path: Path, **values: Any) -> None:
    described = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**described, **values}, indent=2) + "\n", encoding="utf-8")
