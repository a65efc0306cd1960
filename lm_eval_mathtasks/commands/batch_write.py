"""The command `mathtasks batch write`: a run's requests as a batch file, with the flags of `run`."""

from collections.abc import Sequence

from lm_eval_mathtasks.errors import ModelError

_HELP = """\
usage: mathtasks batch write FILE --model MODEL --model_args model=NAME
           --tasks TASK,... [flags]

Write the requests of a run as an OpenAI batch file, which is answered at half
the price within a day. Nothing is asked.

required:
  FILE                     the file to write, the first word
  --model MODEL            mathtasks-chat or mathtasks-completions
  --model_args model=NAME  the model that is to answer
  --tasks TASK,...         as for run

optional:
  every flag of `mathtasks run`, for instance --apply_chat_template

example:
  mathtasks batch write batch.jsonl --model mathtasks-chat \\
      --model_args model=gpt-4o-mini --tasks math500 --apply_chat_template
  mathtasks batch collect batch_output.jsonl    # what the upload came back as
  mathtasks run ...    # the same flags: every answer is in the journal
"""


def main(arguments: Sequence[str]) -> int:
    """Write the requests of a run as a batch file: the file's name, then the flags of `run`."""
    if {"-h", "--help"} & {*arguments}:
        print(_HELP, end="")
        return 0
    if not arguments or arguments[0].startswith("-"):
        fix = "write `mathtasks batch write FILE --model ...`; --help has an example"
        raise ModelError("a file to write", " ".join(arguments[:1]) or "nothing", fix)
    from lm_eval_mathtasks.host.run import run

    return run([*arguments[1:], "--model_args", f"batch_out={arguments[0]}"])
