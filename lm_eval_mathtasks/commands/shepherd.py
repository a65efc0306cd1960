"""The command `mathtasks shepherd`: labels of steps, by whether a model can still reach the right answer from them."""

import argparse
from pathlib import Path

from lm_eval_mathtasks.command_line import declare
from lm_eval_mathtasks.commands.arguments import FORMATS, refuse_unused, whole_number
from lm_eval_mathtasks.errors import TrainingError
from lm_eval_mathtasks.files import write_fault


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `mathtasks shepherd`."""
    declare(parser, {
        "--samples": f"responses with reference answers: {FORMATS}",
        "--out": "JSON lines, which `train prm` reads; a journal lies beside",
    }, type=Path, required=True)  # fmt: skip
    model = parser.add_mutually_exclusive_group(required=True)
    declare(model, {
        "--model FOLDER": "a Hugging Face model that writes the endings here",
        "--base-url URL": "a server that does (vLLM, SGLang); its key: VLLM_API_KEY",
    })  # fmt: skip
    declare(parser, {"--model-name NAME": "the model's name on the server"})
    for flag, default, text in (
        ("--rollouts", 8, "endings a step"),
        ("--responses", 4, "distinct ones a doc"),
        ("--batch-size", 16, "steps at once"),
        ("--max-tokens", 512, "of an ending"),
    ):
        declare(parser, {flag: f"{text} (default: %(default)s)"}, type=whole_number, default=default)
    parser.add_argument("--temperature", type=float, default=1.0, help="(default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", help="of a local model (default: cpu)")
    dtypes = ("float32", "bfloat16", "float16")
    parser.add_argument("--dtype", choices=dtypes, help="of a local model (default: float32)")


def main(args: argparse.Namespace) -> int:
    """Run `mathtasks shepherd`; the same command goes on where it was stopped."""
    from lm_eval_mathtasks.host.local_models import check_device
    from lm_eval_mathtasks.training.completers import LocalModel, ServedModel
    from lm_eval_mathtasks.training.interruption import Terminated, sigterm_in_order
    from lm_eval_mathtasks.training.pairs import sampled_run
    from lm_eval_mathtasks.training.shepherd import Completer, Settings, label_steps

    if args.temperature <= 0:
        wanted = "a --temperature above 0: endings are drawn"
        raise TrainingError(wanted, str(args.temperature), "--temperature 1.0")
    if fault := write_fault(args.out):
        raise TrainingError("a file to write to as --out", fault, "name another")
    if args.model:
        refuse_unused(args, ("model_name",), "a local model")
        check_device(args.device or "cpu")
    else:
        refuse_unused(args, ("device", "dtype"), "a model on a server")
    run = sampled_run(args.samples)
    settings = Settings(
        args.rollouts, args.responses, args.batch_size, args.seed, args.temperature, args.max_tokens
    )
    completer: Completer = (
        LocalModel(args.model, args.device or "cpu", args.dtype or "float32")
        if args.model
        else ServedModel(args.base_url, args.model_name, args.batch_size)
    )
    from tqdm import tqdm

    with tqdm(desc="batches of endings") as bar, sigterm_in_order():

        def tick(done: int, of: int) -> None:
            if bar.total is None:
                bar.initial = bar.n = done
            bar.total = of
            bar.update(done - bar.n)

        try:
            found = label_steps(run, completer, settings, args.out, tick)
        except (KeyboardInterrupt, Terminated):
            bar.close()
            if bar.total:
                print(f"interrupted: {bar.n} of {bar.total} batches are kept; the same command goes on")
            raise
    print(
        f"{args.out}: {found['steps']} steps of {found['responses']} responses to {found['docs']} docs, "
        f"{found['endings']} endings; {100 * found['good']:.1f} % of the steps are good (more than an eighth right)"
    )
    return 0
