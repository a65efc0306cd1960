"""Which model is meant: hub ids, API names with a date, names in papers, all to the names that claims use."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import Any

from lm_eval_mathtasks.errors import ClaimError
from lm_eval_mathtasks.runs.weights import WITH_ADAPTER, quantised

KINDS = ("base", "instruct", "reasoning")
# What harnesses add to a model's name: the backend that served it.
_BACKEND = re.compile(
    r"([-_](turbomind|lmdeploy|vllm|sglang|pytorch|hf|api|chat-?template))+$", re.IGNORECASE
)
_CACHE = re.compile(r"(?:^|/)models--[^/]+--([^/]+)(?:/snapshots/[^/]+)?/?$")  # the hub's own folders
_POINT = re.compile(r"(?<=[A-Za-z-]\d)_(?=\d[-_])")
_SIZE_TAG = re.compile(r":\d+(\.\d+)?[bm]\b", re.IGNORECASE)
_DATE = re.compile(r"-(\d{4}-\d{2}-\d{2}|\d{8}|latest)$")


@dataclass(frozen=True)
class Model:
    """Facts about a model. kind: base, instruct or reasoning; size_b: parameters in billions; mode: thinking mode
    or effort, where the claims tell several apart under one hub id."""

    name: str
    organisation: str
    kind: str
    hf_id: str | None = None
    size_b: float | None = None
    mode: str | None = None
    aliases: tuple[str, ...] = ()

    @property
    def facts(self) -> dict[str, Any]:
        """What a claim of the model says of it."""
        return {name: getattr(self, name) for name in ("hf_id", "organisation", "kind", "size_b", "mode")}


def simplified(name: str) -> str:
    """Return a name without case and punctuation, which is how people vary names."""
    return re.sub(r"[^a-z0-9.]+", "", name.lower().replace("_", "-"))


class Models(dict[str, Model]):
    """The models of `models.yaml` by the name claims use; `resolve` takes any other name."""

    def __init__(self, models: list[Model]) -> None:
        super().__init__({model.name: model for model in models})
        self._names: dict[str, list[str]] = {}
        for model in models:
            tail = model.hf_id.rsplit("/", 1)[-1] if model.hf_id else None
            for name in dict.fromkeys((model.name, model.hf_id, tail, *model.aliases)):
                if name and model.name not in self._names.setdefault(simplified(name), []):
                    self._names[simplified(name)].append(model.name)

    @classmethod
    def from_table(cls, table: dict[str, dict[str, Any]]) -> Models:
        """Read the mapping of `models.yaml`; raises ClaimError where an entry lacks a fact or has an unknown one."""
        models = []
        for name, facts in table.items():
            try:
                models.append(Model(name, **{**facts, "aliases": tuple(facts.get("aliases", ()))}))
            except TypeError as error:
                wanted = f"the facts of a model ({', '.join(Model.__dataclass_fields__)})"
                raise ClaimError(wanted, f"{name}: {error}", "correct it in models.yaml") from error
            if models[-1].kind not in KINDS:
                wanted = f"the kind of {name}, one of {', '.join(KINDS)}"
                raise ClaimError(wanted, repr(models[-1].kind), "correct it in models.yaml")
        return cls(models)

    def known(self, name: str) -> str | None:
        """Return the name that claims use for exactly this model, None where there is none or there are several."""
        found = self._names.get(simplified(name), [])
        return name if name in self else found[0] if len(found) == 1 else None

    def resolve(self, name: str) -> list[Model]:
        """Return the models a name may mean: one, or the modes of one hub id.

        A hub id, a path that ends in one, a name of an API with or without its date, a name from a paper, any of these
        with the name of a backend or of a quantisation behind it, a folder of the hub's cache, points written as
        underscores (2_5).
        Raises ClaimError with near names, also for a tag of Ollama's (`llama3.1:8b` is not the base model), and for
        a model with an adapter, whatever the adapter's folder is called.
        """
        if WITH_ADAPTER in name:
            raise ClaimError("a model that claims name", repr(name), "its adapter makes it another model")
        cached = _CACHE.search(name)
        name = name.partition("@")[0]
        tail = cached[1] if cached else name.rstrip("/").rsplit("/", 1)[-1]
        if _SIZE_TAG.search(tail):
            raise ClaimError("a model that claims name", repr(name), self.suggestion(name))
        # Weights of fewer bits have a claim of their own, or the claims of what they were made of, which `compare` then
        # calls other weights.
        made_of = _POINT.sub(".", quantised(_BACKEND.sub("", tail))[0])
        tail = _POINT.sub(".", tail)
        bare = _BACKEND.sub("", tail)
        for candidate in (name, tail, _DATE.sub("", tail), bare, _DATE.sub("", bare), made_of):
            if found := self._names.get(simplified(candidate)):
                return [self[key] for key in found]
        raise ClaimError("a model that claims name", repr(name), self.suggestion(name))

    def suggestion(self, name: str) -> str:
        """Return "did you mean ..." with up to three near names, or how to look for one."""
        near = difflib.get_close_matches(simplified(name.rsplit("/", 1)[-1]), self._names, n=3, cutoff=0.6)
        names = dict.fromkeys(n for key in near for n in self._names[key])
        if not names:
            return "`mathtasks leaderboard search` with part of a name lists the models that have claims"
        return "did you mean " + ", ".join(list(names)[:3]) + "?"
