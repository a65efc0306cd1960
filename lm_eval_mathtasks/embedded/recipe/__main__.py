"""`python -m lm_eval_mathtasks.embedded.recipe`: run one stage or all of them and save each model."""

import argparse
import os
from pathlib import Path

from lm_eval_mathtasks.embedded import STAGES
from lm_eval_mathtasks.embedded.recipe.hyperparameters import TINY, Settings
from lm_eval_mathtasks.embedded.recipe.pipeline import train_stages


def main(argv: list[str] | None = None) -> None:
    """Parse the command line and train."""
    parser = argparse.ArgumentParser(prog="python -m lm_eval_mathtasks.embedded.recipe", description=__doc__)
    before = "a stage needs the one before it"
    parser.add_argument("--stage", choices=(*STAGES, "all"), default="all", help=before)
    parser.add_argument("--seed", type=int, default=0)
    folder = "folder for base/, sft/, grpo/ and training_log.jsonl"
    parser.add_argument("--out", type=Path, required=True, help=folder)
    parser.add_argument("--tiny", action="store_true", help="seconds instead of minutes, for a first look")
    args = parser.parse_args(argv)
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    settings = (TINY if args.tiny else Settings())._replace(seed=args.seed)
    train_stages(STAGES if args.stage == "all" else (args.stage,), args.out, settings)


if __name__ == "__main__":
    main()
