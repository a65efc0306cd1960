"""Before the weights: do the tasks fit the model? Its config and its tokenizer are enough to say.

A prompt that the context cannot hold would lose its beginning in silence, and a budget that it cannot hold ends a run
with a traceback after other tasks were paid for. Here every prompt is counted: a budget is clamped to what the longest
prompt leaves (said, and recorded in the task's generation arguments), a prompt that does not fit is refused.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from pathlib import Path
from typing import Any

from lm_eval_mathtasks.errors import ModelError, TaskError
from lm_eval_mathtasks.host.local_models import check_device
from lm_eval_mathtasks.host.repeats import graded_here
from lm_eval_mathtasks.network import hub_fault
from lm_eval_mathtasks.problems.catalogue import our_tasks
from lm_eval_mathtasks.tables import print_lines

log = logging.getLogger(__name__)

_DEFAULT_BUDGET = 256  # tokens; lm-eval's, where a task sets none
_BUDGET = "max_gen_toks"


def checked(original: Callable[..., Any], local: bool, device: str | None) -> Callable[..., Any]:
    """lm-eval's `simple_evaluate`, with tasks loaded and fitted to the model before the model itself is loaded.

    Raises TaskError or ModelError for what cannot work. local: whether the model is loaded by `pretrained=`; device:
    the one of torch that the user named.
    """

    def evaluate(*positional: Any, **named: Any) -> Any:
        manager = named["task_manager"]
        loaded = manager.load(named["tasks"])
        # Loaded once: lm-eval asks again after it has the model.
        manager.load = lambda _: loaded
        _check_tasks(loaded["tasks"], named)
        if (named.get("model_args") or {}).get("dry_run"):
            # Nothing is drawn, and importing torch to seed it is half of what a dry run takes.
            named["torch_random_seed"] = None
        if device is not None:
            check_device(device)
        if local and isinstance(named.get("model_args"), dict):
            _fit(loaded["tasks"], named)
        return original(*positional, **named)

    return evaluate


def _check_tasks(tasks: Mapping[str, Any], named: Mapping[str, Any]) -> None:
    samples, shots = named.get("samples") or {}, named.get("num_fewshot")
    for name, docs in samples.items():
        if name not in tasks:
            raise TaskError(f"a task of this run in --samples ({', '.join(tasks)})", name, "correct the name")
        there = len(tasks[name].eval_docs)
        if wrong := [doc for doc in docs if not 0 <= int(doc) < there]:
            raise TaskError(f"docs 0 to {there - 1} of {name}", f"--samples with {wrong[0]}", "correct it")
    for name, task in tasks.items():
        own = task.config.num_fewshot
        if shots is not None and not own and own != shots and own is not None:
            got = f"{name}, which is asked without any"
            fix = "leave --num_fewshot out, or take a few-shot task such as gsm8k-cot or math500-fewshot"
            raise TaskError(f"a task whose number of shots is open, for --num_fewshot {shots}", got, fix)
        held = _exemplars(task)
        if shots is not None and held is not None and shots > held:
            raise TaskError(f"at most the {held} shots that {name} has", f"--num_fewshot {shots}", "lower it")
    foreign = [name for name, task in tasks.items() if not graded_here(task)]
    if foreign:
        rules = "not a task of ours, graded by the task's own rules; ours are listed by `mathtasks tasks`"
        print_lines([f"{', '.join(foreign)}: {rules}{_twins(foreign)}"])


def _twins(foreign: list[str]) -> str:
    """Our tasks on the same sets, by the first word of a name: gsm8k -> gsm8k-cot, ..."""
    words = {name.replace("_", "-").split("-")[0] for name in foreign}
    near = [task.name for task in our_tasks() if task.name.split("-")[0] in words]
    return f", here {', '.join(near)}" if near else ""


def _exemplars(task: Any) -> int | None:
    """How many shots a task has, None where it draws them from a split."""
    samples = getattr(getattr(task.config, "fewshot_config", None), "samples", None)
    if callable(samples):
        samples = samples()
    return len(samples) if isinstance(samples, list) else None


# --- the model's context


def _fit(tasks: Mapping[str, Any], named: MutableMapping[str, Any]) -> None:
    from lm_eval.models.utils import resolve_max_length

    arguments = named["model_args"]
    found = _config_and_tokenizer(arguments)
    if found is None:
        return
    config, tokenizer = found
    _check_template(tokenizer, arguments, named)
    given = arguments.get("max_length") or arguments.get("max_model_len")
    context = int(given or resolve_max_length(config, tokenizer))
    chosen = {
        name: _fitted_budget(task, context, tokenizer, named)
        for name, task in tasks.items()
        if task.get_config("output_type") == "generate_until"
    }
    if any(clamped for _, clamped in chosen.values()):
        # lm-eval's --gen_kwargs would overrule the clamped budget of a task.
        named["gen_kwargs"] = {k: v for k, v in (named.get("gen_kwargs") or {}).items() if k != _BUDGET}
        for name, (budget, _) in chosen.items():
            own = tasks[name].config.generation_kwargs or {}
            tasks[name].set_config("generation_kwargs", {**own, _BUDGET: budget})


def _config_and_tokenizer(arguments: Mapping[str, Any]) -> tuple[Any, Any] | None:
    """The model's config and tokenizer; None where only its own loader can read them.

    Raises ModelError where the model is not there.
    """
    from transformers import AutoConfig, AutoTokenizer

    name, own = str(arguments["pretrained"]), arguments.get("tokenizer")
    options = {k: arguments[k] for k in ("revision", "trust_remote_code", "subfolder") if k in arguments}
    packed = {"gguf_file": file} if (file := arguments.get("gguf_file")) else {}
    here = all(Path(str(place)).expanduser().is_dir() for place in (name, own or name))
    fault = "" if here else hub_fault()
    try:
        config = AutoConfig.from_pretrained(name, **options, **packed)
        tokenizer = AutoTokenizer.from_pretrained(str(own or name), **options, **({} if own else packed))
    except OSError as error:
        reason = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
        fix = "check the name and the network; or name a folder that holds the model"
        raise ModelError(f"a model at pretrained={name}", fault or reason.rstrip("."), fix) from error
    except Exception as error:  # lm-eval's own loader decides: it knows formats that these two do not
        log.debug("the context of %s is not checked: %s", name, error)
        return None
    return config, tokenizer


def _check_template(tokenizer: Any, arguments: Mapping[str, Any], named: Mapping[str, Any]) -> None:
    template, applied = getattr(tokenizer, "chat_template", None), named.get("apply_chat_template")
    has = bool(template)
    if applied and not has:
        got = f"pretrained={arguments['pretrained']}, whose tokenizer has none"
        fix = "leave --apply_chat_template out: it is a base model"
        raise ModelError("a model with a chat template, for --apply_chat_template", got, fix)
    known = ("true", *(template if isinstance(template, dict) else ()))
    if isinstance(applied, str) and applied not in known:
        got = f"--apply_chat_template {applied}"
        raise ModelError("a chat template that the model has", got, "leave it out, or its name")
    if has and not applied:
        needs = "an instruct model needs --apply_chat_template"
        print_lines([f"the model has a chat template, which this run does not use; {needs}"])


def _fitted_budget(task: Any, context: int, tokenizer: Any, named: Mapping[str, Any]) -> tuple[int, bool]:
    """The task's budget of tokens, at most what its longest prompt leaves, and whether that is less than was asked."""
    name = task.config.task
    settings = {**(task.config.generation_kwargs or {}), **(named.get("gen_kwargs") or {})}
    budget = int(settings.get(_BUDGET, _DEFAULT_BUDGET))
    lengths = {doc: len(tokenizer(prompt).input_ids) for doc, prompt in _prompts(task, tokenizer, named)}
    if not lengths:
        return budget, False
    longest = max(lengths, key=lengths.__getitem__)
    room = context - lengths[longest]
    if room < 1:
        raise TaskError(
            f"prompts of {name} within the model's context of {context} tokens",
            f"{sum(n >= context for n in lengths.values())} that are longer (doc {longest}: {lengths[longest]})",
            "fewer shots, a model with a longer context, or another max_length in --model_args",
        )
    if budget <= room:
        return budget, False
    said = (
        f"{name}: {budget} tokens for a response do not fit the context of {context} beside the longest prompt "
        f"({lengths[longest]}); max_gen_toks is {room} in this run, and responses it cuts are counted"
    )
    print_lines([said])
    return room, True


def _prompts(task: Any, tokenizer: Any, named: Mapping[str, Any]) -> Iterator[tuple[int, str]]:
    """Every prompt of a task as the model will get it, by doc."""
    from lm_eval.evaluator_utils import get_sample_size

    shots = named.get("num_fewshot")
    shots = (task.config.num_fewshot or 0) if shots is None or task.config.num_fewshot == 0 else shots
    multiturn, templated = named.get("fewshot_as_multiturn"), bool(named.get("apply_chat_template"))

    def template(history: list[dict[str, str]], add_generation_prompt: bool = True) -> str:
        begins, goes_on = add_generation_prompt, not add_generation_prompt
        how = {"add_generation_prompt": begins, "continue_final_message": goes_on}
        return str(tokenizer.apply_chat_template(history, tokenize=False, **how))

    samples = (named.get("samples") or {}).get(task.config.task)
    limit = get_sample_size(task, named.get("limit"))
    for number, doc in task.doc_iterator(limit=limit, samples=samples):
        prompt = task.fewshot_context(
            doc,
            shots,
            system_instruction=named.get("system_instruction"),
            apply_chat_template=templated,
            fewshot_as_multiturn=templated if multiturn is None else bool(multiturn),
            chat_template=template if templated else None,
        )
        yield number, prompt if isinstance(prompt, str) else "".join(map(str, prompt))
