"""The command `mathtasks shepherd`: labels of steps, by whether a model can still reach the right answer from them."""

import argparse
from pathlib import Path

from lm_eval_mathtasks.commands.arguments import FORMATS, refuse_unused, whole_number
from lm_eval_mathtasks.errors import TrainingError
from lm_eval_mathtasks.files import write_fault


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `mathtasks shepherd`."""
    parser.add_argument(
        "--samples", type=Path, required=True, help=f"responses with reference answers: {FORMATS}"
    )
    parser.add_argument(
        "--out", type=Path, required=True, help="JSON lines, which `train prm` reads; a journal lies beside"
    )
    model = parser.add_mutually_exclusive_group(required=True)
    model.add_argument("--model", metavar="FOLDER", help="a Hugging Face model that writes the endings here")
    model.add_argument(
        "--base-url", metavar="URL", help="a server that does (vLLM, SGLang); its key: VLLM_API_KEY"
    )
    parser.add_argument("--model-name", metavar="NAME", help="the model's name on the server")
    parser.add_argument(
        "--rollouts", type=whole_number, default=8, help="endings a step (default: %(default)s)"
    )
    parser.add_argument(
        "--responses", type=whole_number, default=4, help="distinct ones a doc (default: %(default)s)"
    )
    parser.add_argument(
        "--batch-size", type=whole_number, default=16, help="steps at once (default: %(default)s)"
    )
    parser.add_argument(
        "--max-tokens", type=whole_number, default=512, help="of an ending (default: %(default)s)"
    )
    parser.add_argument("--temperature", type=float, default=1.0, help="(default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", help="of a local model (default: cpu)")
    dtypes = ("float32", "bfloat16", "float16")
    parser.add_argument("--dtype", choices=dtypes, help="of a local model (default: float32)")


def main(args: argparse.Namespace) -> int:
    """Run `mathtasks shepherd`; the same command goes on where it was stopped."""
    from lm_eval_mathtasks.host.local_models import check_device
    from lm_eval_mathtasks.training.completers import LocalModel, ServedModel
    from lm_eval_mathtasks.training.pairs import sampled_run
    from lm_eval_mathtasks.training.shepherd import Completer, Settings, label_steps

    if args.temperature <= 0:
        raise TrainingError(
            "a --temperature above 0: endings are drawn", str(args.temperature), "--temperature 1.0"
        )
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

    with tqdm(desc="batches of endings") as bar:

        def tick(done: int, of: int) -> None:
            bar.total = of
            bar.update(done - bar.n)

        found = label_steps(run, completer, settings, args.out, tick)
    print(
        f"{args.out}: {found['steps']} steps of {found['responses']} responses to {found['docs']} docs, "
        f"{found['endings']} endings; {100 * found['good']:.1f} % of the steps are good (some ending is right)"
    )
    return 0
