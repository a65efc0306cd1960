"""The configuration of a training run: one YAML, read whole, every unknown key refused with the nearest known one.

```yaml
stage: grpo                      # sft, grpo, orm or prm
model: models/my-model           # a folder or a hub name; a LoRA adapter's folder goes on with the adapter
output: out/grpo
data: {train: out/data/train.jsonl, dev: out/data/dev.jsonl}
format: tags                     # tags, boxed or hash: must be that of the data
rewards: {accuracy: 1.0, tags_format: 0.2, staged: {weight: 1.0, unreadable: -10}, mine.rewards.brevity: 0.1}
preflight: {sample: 16, allow: [bonus]}
evaluate: {tasks: [gsm8k-cot-tags]}
trl: {learning_rate: 2.0e-4, use_peft: true, lora_r: 16}     # TRL's own keys, passed through untouched
```
"""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar, get_args

from lm_eval_mathtasks.errors import TrainingError, did_you_mean
from lm_eval_mathtasks.training.prompt_formats import FORMATS, Format

Stage = Literal["sft", "grpo", "orm", "prm"]
STAGES: tuple[Stage, ...] = get_args(Stage)
Labels = Literal["hard", "soft"]
Paths = Literal["one", "all"]
# Of a finding of the preflight: README.md says what each means.
Code = Literal[
    "eos", "masked", "truncated", "template", "gold", "completion", "twice", "format", "weight",
    "learning_rate", "epsilon_high", "reward_head", "groups", "tests", "bonus", "unfinished",
]  # fmt: skip
SAMPLED = 16  # prompts a preflight samples, in groups as large as those of the training
PAIRS = 4  # a doc, of an ORM

# Keys that belong to some stages alone.
_OF_STAGES: dict[str, tuple[Stage, ...]] = {
    "format": ("sft", "grpo"),
    "rewards": ("grpo",),
    "pairs": ("orm",),
    "labels": ("prm",),
    "paths": ("prm",),
}
_REQUIRED = ("stage", "model", "output", "data")
# How a value of a type is asked for, by the key that stands in the braces.
_TYPES: dict[type, str] = {
    str: "a text, a path or name, for {}",
    dict: "keys and values under {}:",
    list: "a list under {}:",
}
T = TypeVar("T")
_DATA = ("train", "dev", "processbench")
_EVALUATE = ("dev", "tasks", "baseline", "checkpoint", "model", "model_args", "gen_kwargs", "limit", "batch_size",
             "device", "chat")  # fmt: skip


class Preflight(NamedTuple):
    """sample: prompts to sample before the first step, 0 for none; allow: findings that shall not stop the run."""

    sample: int = SAMPLED
    allow: tuple[str, ...] = ()


class Config(NamedTuple):
    """What a user asks for.

    train: rows with prompts (sft, grpo), sampled responses (orm) or labelled steps (prm); dev: rows to evaluate on, for
    a verifier held-out sampled responses; processbench: its files, for a prm. rewards: name -> weight, or a mapping
    with `weight` and the reward's own parameters. pairs: at most so many a doc; labels, paths: see `steps`.
    """

    stage: Stage
    model: str
    output: Path
    train: Path
    dev: Path | None = None
    format: Format | None = None
    rewards: Mapping[str, Any] = {}
    processbench: tuple[Path, ...] = ()
    pairs: int = PAIRS
    labels: Labels = "hard"
    paths: Paths = "one"
    preflight: Preflight = Preflight()
    evaluate: Mapping[str, Any] = {}
    trl: Mapping[str, Any] = {}


def read_config(path: Path, stage: Stage | None = None) -> Config:
    """Return the configuration in a YAML file.

    stage: what the command does; None: any. Raises TrainingError that names the file and what is wrong with it.
    """
    import yaml

    try:
        text = path.read_text(encoding="utf-8")
        given, twice = yaml.safe_load(text), list(_given_twice(yaml.compose(text)))
    except OSError as error:
        raise TrainingError("a configuration", f"{path}: {error.strerror}", "check the path") from None
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise TrainingError(f"YAML in {path}", " ".join(str(error).split()), "correct it") from None
    if twice:
        raise TrainingError(f"each key once in {path}", f"{', '.join(twice)} again", "take one out")
    if not isinstance(given, dict):
        fix = f"begin with {', '.join(_REQUIRED)}"
        raise TrainingError(f"keys and values in {path}", type(given).__name__, fix)
    return _config(given, path, stage)


def _given_twice(node: Any) -> Iterator[str]:
    """The keys that a mapping of a YAML document has twice: of these YAML takes the last one in silence."""
    seen: set[str] = set()
    for key, value in node.value if getattr(node, "id", "") == "mapping" else ():
        if key.value in seen:
            yield f"{key.value} in line {key.start_mark.line + 1}"
        seen.add(str(key.value))
        yield from _given_twice(value)


def nearest_key(key: str, known: Collection[str]) -> str:
    """What to try instead of an unknown key: the nearest one, or all of them."""
    return did_you_mean(key, known, f"use one of {', '.join(known)}")


def known_keys(given: Collection[Any], known: Collection[str], where: str) -> None:
    """Raise TrainingError for a key that is not known."""
    for key in given:
        if key not in known:
            raise TrainingError(f"the names {where} to be known ones", str(key), nearest_key(str(key), known))


def _config(given: Mapping[str, Any], path: Path, stage: Stage | None) -> Config:
    known = (*_REQUIRED, *(name for name in Config._fields if name not in (*_REQUIRED, *_DATA)))
    known_keys(given, known, f"of {path}")
    if missing := [key for key in _REQUIRED if given.get(key) in (None, "")]:
        raise TrainingError(f"{', '.join(missing)} in {path}", "nothing", "add it")
    own = _one_of(given, "stage", STAGES, path)
    if stage is not None and own != stage:
        fix = f"mathtasks train {own}"
        raise TrainingError(f"a configuration of the stage {stage}", f"stage: {own} in {path}", fix)
    for key in given:
        if own not in _OF_STAGES.get(key, STAGES):
            fix = f"the key {key} belongs to {' and '.join(_OF_STAGES[key])}"
            raise TrainingError(f"keys of the stage {own} in {path}", key, fix)
    data = _mapping(given, "data", path, _DATA)
    if not data.get("train"):
        fix = "`mathtasks train data` writes one"
        raise TrainingError(f"data: {{train: FILE}} in {path}", str(data), fix)
    files = _typed(data.get("processbench") or [], list, "data: processbench", path)
    return Config(
        stage=own,
        model=_typed(given["model"], str, "model", path),
        output=_place(given["output"], "output", path),
        train=_place(data["train"], "data: train", path),
        dev=_place(data["dev"], "data: dev", path) if data.get("dev") else None,
        format=_one_of(given, "format", FORMATS, path) if given.get("format") is not None else None,
        rewards=_mapping(given, "rewards", path),
        processbench=tuple(_place(one, "data: processbench", path) for one in files),
        pairs=_whole(given.get("pairs", PAIRS), "pairs", path),
        labels=_one_of(given, "labels", get_args(Labels), path),
        paths=_one_of(given, "paths", get_args(Paths), path),
        preflight=_preflight(_mapping(given, "preflight", path, Preflight._fields), path),
        evaluate=_mapping(given, "evaluate", path, _EVALUATE),
        trl=_mapping(given, "trl", path),
    )


def _one_of(given: Mapping[str, Any], key: str, known: Collection[str], path: Path) -> Any:
    """A choice; the first one where nothing is said."""
    value = given.get(key, next(iter(known)))
    if value not in known:
        fix = nearest_key(str(value), known)
        raise TrainingError(f"{key} in {path}: {', '.join(known)}", repr(value), fix)
    return value


def _typed(value: Any, kind: type[T], key: str, path: Path) -> T:
    if not isinstance(value, kind):
        wanted = f"{_TYPES[kind].format(key)} in {path}"
        raise TrainingError(wanted, repr(value)[:80], "see lm_eval_mathtasks/training/recipes")
    return value


def _place(value: Any, key: str, path: Path) -> Path:
    return Path(_typed(value, str, key, path)).expanduser()


def _mapping(given: Mapping[str, Any], key: str, path: Path, known: Collection[str] = ()) -> dict[str, Any]:
    value = _typed({} if given.get(key) is None else given[key], dict, key, path)
    if known:
        known_keys(value, known, f"under {key}: of {path}")
    return value


def _preflight(given: Mapping[str, Any], path: Path) -> Preflight:
    allow = _typed(given.get("allow") or [], list, "preflight: allow", path)
    known_keys(allow, get_args(Code), f"under preflight: allow: of {path}")
    return Preflight(_whole(given.get("sample", SAMPLED), "preflight: sample", path, least=0), tuple(allow))


def _whole(value: Any, key: str, path: Path, least: int = 1) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        fix = "correct it"
        raise TrainingError(f"a whole number of at least {least} for {key} in {path}", repr(value), fix)
    return value
