"""Where the tokens of a text end: by a model's own tokenizer, or by an estimate that says so."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from lm_eval_mathtasks.errors import EvidenceError

ESTIMATE = "chars"
CHARS_PER_TOKEN = 4  # English prose; LaTeX is nearer to 3, so that an estimated budget is a generous one


class Ruler(NamedTuple):
    """What counts tokens. ends(text): the positions in the text at which its 1st, 2nd, ... token is over."""

    name: str
    ends: Callable[[str], Sequence[int]]


def read_ruler(name: str | None, model: str | None) -> Ruler:
    """Return the ruler of --tokenizer: "chars", a folder with tokenizer.json, or a hub name.

    Without a name: the tokenizer in the model's own folder, if `model` is one that is here, else the estimate.
    Raises EvidenceError for a tokenizer that cannot be read or that has no fast form (only that knows positions).
    """
    if name is None and model and (Path(model) / "tokenizer.json").is_file():
        name = model
    if name in (None, ESTIMATE):
        return Ruler(f"{CHARS_PER_TOKEN} characters a token (an estimate)", _every_four)
    try:
        tokenizer = _read(str(name))
    except Exception as error:  # each of the two packages raises its own kinds, bare ones among them
        got = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
        fix = "pass a folder with tokenizer.json, or --tokenizer chars for an estimate"
        raise EvidenceError(f"a tokenizer at {name}", got, fix) from error

    def ends(text: str) -> list[int]:
        return [end for _, end in tokenizer.encode(text, add_special_tokens=False).offsets]

    return Ruler(str(name), ends)


def _read(name: str):  # type: ignore[no-untyped-def]  # noqa: ANN202  # a tokenizers.Tokenizer, imported here only
    file = Path(name) / "tokenizer.json" if Path(name).is_dir() else Path(name)
    if file.is_file():
        from tokenizers import Tokenizer

        return Tokenizer.from_file(str(file))
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(name).backend_tokenizer


def _every_four(text: str) -> Sequence[int]:
    return [*range(CHARS_PER_TOKEN, len(text), CHARS_PER_TOKEN), *([len(text)] if text else [])]
