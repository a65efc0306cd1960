"""The flags that `mathtasks run` has and lm-eval has not, and what its --help says before lm-eval's flags."""

import argparse

from lm_eval_mathtasks.command_line import declare
from lm_eval_mathtasks.errors import TaskError
from lm_eval_mathtasks.host.resume import NEWEST

OUTPUT_PATH = "mathtasks-results"  # where the logs go if the user does not say
_USAGE = "mathtasks run --model MODEL --model_args NAME=VALUE,... --tasks TASK,... [flags]"
_HELP = f"""\
Run tasks on a model; the logs are kept, and a line for each task ends it.

tasks     ours, such as gsm8k-cot and math500 (`mathtasks tasks` lists them);
          math500@8: eight answers to each problem; or any task of lm-eval
models    hf, vllm: weights. --model_args pretrained=FOLDER_OR_HUB_NAME
          mathtasks-chat, mathtasks-completions: an API, which costs nothing
          twice. --model_args model=NAME,base_url=URL
          replay: responses from elsewhere. --model_args path=FILE,model=NAME
          or any model of lm-eval
logs      {OUTPUT_PATH}/, or --output_path; `mathtasks report` reads them

examples:
  mathtasks run --model hf --model_args pretrained=Qwen/Qwen2.5-Math-1.5B \\
      --tasks gsm8k-cot,math500-fewshot --batch_size auto
  mathtasks run --model mathtasks-chat --model_args model=gpt-4o-mini \\
      --apply_chat_template --tasks math500 --dry-run
"""


def add_own_flags(parser: argparse.ArgumentParser) -> None:
    """Declare what `mathtasks run` has and lm-eval has not, and have its --help begin with that."""
    parser.usage, parser.description, parser.epilog = _USAGE, _HELP, None
    for group in parser._action_groups:
        group.title = f"lm-eval: {group.title}" if group.title else None
    ours = parser.add_argument_group("flags of mathtasks")
    # argparse shows groups in their order, and has no other way to say it.
    parser._action_groups.insert(0, parser._action_groups.pop())
    parser._option_string_actions["--tasks"].help = "names, separated by commas"
    preset = "ask as a publisher documents, where you give no other flag; `mathtasks presets` lists them"
    declare(ours, {"--preset NAME": preset})
    declare(ours, {
        "--dry-run": "say what a run of our API models would ask, take and cost",
        "--report": "write the page of `mathtasks report` at the end",
        "--table": "print lm-eval's whole table too",
    }, action="store_true")  # fmt: skip
    graders = "report other graders beside ours: math-verify, as the metric math_verify of every task"
    declare(ours, {"--graders NAMES": graders})
    declare(ours, {"--repeats K": "sample K responses to every doc; by task: --tasks math500@8"}, type=int)
    declare(ours, {
        "--resume FILE": "ask only for responses that a killed run did not keep: of FILE, or of all responses_*.jsonl "
        "in the folder of the logs (local models; our API models have a journal, which always resumes)",
    }, nargs="?", const=NEWEST)  # fmt: skip


def fill_from_config(args: argparse.Namespace) -> None:
    """Take the flags that a command line leaves open from the file of --config, as lm-eval does later. Raises TaskError
    for one that cannot be read, ValueError for arguments in it that are not named."""
    from lm_eval.config.evaluate_config import EvaluatorConfig
    from lm_eval.utils import simple_parse_args_string

    try:
        stated = EvaluatorConfig.load_yaml_config(args.config) if args.config else {}
    # lm-eval raises what PyYAML and the system do.
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise TaskError("a YAML file of flags for --config", reason, "check the path and the file") from error
    for name, value in stated.items():
        if getattr(args, name, None) is None:
            setattr(args, name, value)
    for name in ("model_args", "gen_kwargs", "metadata"):
        if isinstance(value := getattr(args, name, None), str):
            setattr(args, name, simple_parse_args_string(value))
        elif not isinstance(value, dict | None):
            raise ValueError(name)
