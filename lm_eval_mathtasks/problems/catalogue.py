"""Our tasks as their YAMLs state them: what each asks, how, and on which set. No data, and nothing of lm-eval."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from lm_eval_mathtasks.package import data_folder
from lm_eval_mathtasks.problems.sets import Source, known_sets


class OurTask(NamedTuple):
    """A task of the folder `tasks`.

    family: its folder, with a README; about: the first sentence of its YAML; prompt: description and template as the
    YAML has them; shots, tokens: exemplars before the problem, and the most tokens that a response may have.
    """

    name: str
    family: str
    about: str
    prompt: str
    shots: int
    tokens: int
    version: str
    tags: tuple[str, ...]
    data: Source

    @property
    def model(self) -> str:
        """Whom it asks: exemplars show a base model what to write, an instruct model is told."""
        return "base" if self.shots else "instruct"


@cache
def our_tasks() -> tuple[OurTask, ...]:
    """Every task, by family and name."""
    return tuple(_task(path) for path in sorted(data_folder("tasks").rglob("[!_]*.yaml")))


def _task(path: Path) -> OurTask:
    stated = _yaml(path)
    comment = path.read_text(encoding="utf-8").partition("\n")[0]
    tags = stated["tag"]
    return OurTask(
        name=path.stem,
        family=path.parent.name,
        about=comment.removeprefix("# ").split(". ")[0].rstrip("."),
        prompt=f"{stated.get('description') or ''}{stated['doc_to_text']}",
        shots=stated.get("num_fewshot") or 0,
        tokens=stated["generation_kwargs"]["max_gen_toks"],
        version=str(stated["metadata"]["version"]),
        tags=(tags,) if isinstance(tags, str) else tuple(tags or ()),
        data=known_sets()[stated["dataset_kwargs"]["set"]],
    )


@cache
def _yaml(path: Path) -> Mapping[str, Any]:
    """A YAML with what it includes; hooks are their names."""
    import yaml

    class Loader(yaml.SafeLoader):
        pass

    Loader.add_constructor("!function", lambda _, node: node.value)
    task = yaml.load(path.read_text(encoding="utf-8"), Loader=Loader)  # noqa: S506  # it is a SafeLoader
    base = _yaml(path.parent / task["include"]) if "include" in task else {}
    return {**base, **task}
