"""Several responses a doc: `--repeats 8`, `--tasks math500@8`, and a seed for each of them.

lm-eval can repeat a request but scores the first response only, and gives every repeat the same seed, so a server that
honours seeds returns one text k times. Here the task keeps all k for the scoring hooks, and repeat i is asked with
seed + i wherever a request can carry a seed: vLLM, and OpenAI-compatible servers. lm-eval's `hf` draws all repeats from
torch's one generator (--seed), so they differ, and are the same again only in a run of the same batches. Our API models
count seeds themselves.
"""

import copy
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import count
from typing import Any, NamedTuple

from lm_eval_mathtasks.errors import TaskError
from lm_eval_mathtasks.numbers.estimators import powers_of_two

SEED = 1234  # lm-eval's own default for models
# Models (by class) whose requests take a seed among the generation arguments.
_TAKE_A_SEED = {"VLLM", "LocalCompletionsAPI", "LocalChatCompletion", "OpenAICompletionsAPI",
                "OpenAIChatCompletion"}  # fmt: skip
_NAME = re.compile(r"(?P<name>.+)@(?P<k>[^@/.]*)")
SAMPLE_FLAGS = "--gen_kwargs do_sample=true,temperature=0.6,top_p=0.95"


def named_repeats(names: Iterable[str]) -> tuple[list[str], dict[str, int]]:
    """Return names without their `@k`, and k by name. Raises TaskError for two different k, or none, of one name."""
    plain: list[str] = []
    repeats: dict[str, int] = {}
    for given in names:
        match = _NAME.fullmatch(given)
        plain.append(name := match["name"] if match else given)
        if match is None:
            continue
        if not match["k"].isdigit() or int(match["k"]) < 1:
            raise TaskError("a number of repeats such as math500@8", given, "write name@8")
        if repeats.setdefault(name, int(match["k"])) != int(match["k"]):
            fix = "drop one"
            raise TaskError(f"one number of repeats for {name}", f"{repeats[name]} and {match['k']}", fix)
    return list(dict.fromkeys(plain)), repeats


class Repeats(NamedTuple):
    """What the user asked for: k for every task (--repeats, None: as the YAML says), and k by name (math500@8)."""

    every: int | None
    named: Mapping[str, int]

    def install(self, manager: Any, names: Iterable[str], gen_kwargs: Mapping[str, Any] | None) -> None:
        """Have a TaskManager load tasks with their repeats; complain of these names now, before a model is loaded.

        gen_kwargs: of the command line; None where nothing is generated, so that nothing need be sampled.
        Raises TaskError for a task that cannot score k responses or would decode greedily, and for one that gets two k.
        """
        load = manager.load
        by_task = self._by_task(load, manager)

        def load_repeated(tasks: Any) -> Any:
            loaded = load(tasks)
            for name, task in loaded["tasks"].items():
                own = int(task.config.repeats or 1) if graded_here(task) else 1
                k = by_task.get(name, self.every or own)
                if k > 1 or self.every:
                    repeat(task, k)
            return loaded

        manager.load = load_repeated
        if self.every or self.named:
            for task in load_repeated(manager.match_tasks(list(names)))["tasks"].values():
                if gen_kwargs is not None:
                    require_sampling(task, gen_kwargs)

    def _by_task(self, load: Any, manager: Any) -> dict[str, int]:
        """k by task: a tag or group passes its own on to its members."""
        found: dict[str, int] = {}
        for name in self.named:
            for task in load(manager.match_tasks([name]))["tasks"]:
                if found.setdefault(task, self.named[name]) != self.named[name]:
                    got = f"{found[task]} and {self.named[name]}"
                    raise TaskError(f"one number of repeats for {task}", got, "drop one")
        return found


def repeat(task: Any, k: int) -> None:
    """Have an lm-eval task ask k times and hand all k responses to its scoring hook.

    The filter keeps its name, so the keys of the log stay `exact_match,none`. Raises TaskError for a task whose
    scoring is not ours: lm-eval's own tasks look at one response.
    """
    from lm_eval.api.registry import get_aggregation
    from lm_eval.filters import build_filter_ensemble

    if k > 1 and not graded_here(task):
        got = f"{task.config.task}, which scores one"
        raise TaskError(f"a task that scores {k} responses a doc", got, "use ours")
    task.set_config("repeats", k)
    if k > 1 and task.config.filter_list is None:
        keep_all = {"function": "take_first_k", "k": k}
        task.set_config("filter_list", [{"name": "none", "filter": [keep_all]}])
        task._filters = [build_filter_ensemble("none", [["take_first_k", {"k": k}]])]
    for metric in (f"{name}@{number}" for name in ("pass", "maj") for number in powers_of_two(k)[1:]):
        task._metric_fn_list[metric] = None
        task._metric_fn_kwargs[metric] = {}
        task._aggregation_list[metric] = get_aggregation("mean")
        task._higher_is_better[metric] = True


def graded_here(task: Any) -> bool:
    """Whether an lm-eval task is scored by our hooks."""
    scoring = getattr(getattr(task, "config", None), "process_results", None)
    return (getattr(scoring, "__module__", "") or "").startswith("lm_eval_mathtasks.hooks")


def require_sampling(task: Any, gen_kwargs: Mapping[str, Any] | None = None) -> None:
    """Raise TaskError for a task that is asked several times and decodes greedily; have others say that they sample.

    gen_kwargs: what the command line adds to the task's own generation arguments.
    """
    k = int(task.config.repeats or 1)
    if k == 1 or not graded_here(task):
        return
    if not sampled({**(task.config.generation_kwargs or {}), **(gen_kwargs or {})}):
        got = "greedy decoding, which gives the same response every time"
        fix = f"add {SAMPLE_FLAGS} (or your model's own settings)"
        raise TaskError(f"sampling, for {k} responses to each doc of {task.config.task}", got, fix)
    # lm-eval's --use_cache gives all repeats the one answer it holds, unless this says that it must not.
    task.config.generation_kwargs.setdefault("do_sample", True)


def sampled(settings: Mapping[str, Any]) -> bool:
    """Whether generation arguments ask for sampling, as lm-eval's models read them."""
    temperature = settings.get("temperature")
    if settings.get("do_sample") is None:
        return bool(temperature and float(temperature) > 0)
    wanted = str(settings["do_sample"]).lower() != "false"
    return wanted and (temperature is None or float(temperature) > 0)


def repeat_numbers(requests: Sequence[Any]) -> list[int]:
    """Which repeat of its doc each request is: lm-eval hands over the same Instance k times."""
    seen: defaultdict[int, count[int]] = defaultdict(count)
    return [next(seen[id(request)]) for request in requests]


def with_seeds(lm: Any, requests: Sequence[Any], numbers: Sequence[int]) -> list[Any]:
    """Return the requests, those that are sampled and repeated as copies with seed + repeat where `lm` takes a seed.

    The base is `seed` of --gen_kwargs, else of --model_args, else 1234. What lm-eval logs stays as it is.
    """
    model = getattr(lm, "lm", lm)  # inside lm-eval's cache
    if type(model).__name__ not in _TAKE_A_SEED:
        return list(requests)
    base = getattr(model, "_seed", None) or getattr(model, "model_args", {}).get("seed", SEED)
    return [_seeded(request, base, i) for request, i in zip(requests, numbers, strict=True)]


def _seeded(request: Any, base: int, number: int) -> Any:
    prompt, settings, *rest = request.args
    if (request.repeats or 1) == 1 or not sampled(settings):
        return request
    clone = copy.copy(request)
    clone.arguments = (prompt, {**settings, "seed": int(settings.get("seed", base)) + number}, *rest)
    return clone
