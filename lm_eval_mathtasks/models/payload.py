"""From lm-eval's generation arguments to a request: what is asked, under which key, and what is cut afterwards."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, TypeAlias

from lm_eval_mathtasks.errors import ModelError
from lm_eval_mathtasks.response import LIMIT_NAMES

# JSON of a request or a part of one: the keys are those of the server, which each has more of.
Payload: TypeAlias = dict[str, Any]
KEY_BYTES = 16  # 32 hexadecimal digits: a batch's custom_id may hold 64 characters


class ChatPrompt(NamedTuple):
    """A chat as JSON, in the form lm-eval's own API models use, so that logs look alike."""

    prompt: str

    def encode(self, encoding: str = "utf-8") -> bytes:
        """The bytes lm-eval hashes."""
        return self.prompt.encode(encoding)


class Ask(NamedTuple):
    """One request: its journal `key`, and what its payload is made of. `repeat` counts the samples of one doc.

    context: lm-eval's own object; settings: shared by all requests of a task. The payload is put together when it is
    sent, so that no prompt is held twice. prompt_chars: characters of all that is sent as the prompt.
    """

    key: str
    context: Any
    chat: bool
    settings: Payload
    seed: int | None
    prompt_chars: int
    task: str | None
    doc_id: int | None
    repeat: int

    @property
    def payload(self) -> Payload:
        """What to send, with all stop strings, before anything that a server refuses is left out."""
        return payload_of(self.settings, prompt_of(self.context, self.chat), self.seed)

    @property
    def max_tokens(self) -> int:
        """The most tokens the response may have."""
        return int(self.settings["max_tokens"])


def payload_of(settings: Mapping[str, Any], prompt: Mapping[str, Any], seed: int | None) -> Payload:
    """A payload from its parts."""
    return {**settings, **prompt, **({} if seed is None else {"seed": seed})}


def prompt_text(payload: Mapping[str, Any]) -> str:
    """The last user message of a payload, or its prompt's text."""
    messages = payload.get("messages")
    if messages is None:
        return str(payload["prompt"])
    said = [m.get("content") for m in messages if m.get("role") == "user"]
    return said[-1] if said and isinstance(said[-1], str) else json.dumps(said[-1:], ensure_ascii=False)


def prompt_chars(prompt: Mapping[str, Any]) -> int:
    """Characters of all that is sent as the prompt; a message counts a few more, for its frame."""
    if "prompt" in prompt:
        return len(str(prompt["prompt"]))
    return sum(len(str(m.get("content"))) + len(str(m.get("role"))) + 8 for m in prompt["messages"])


def prompt_of(context: Any, chat: bool) -> Payload:
    """{"messages": [...]} or {"prompt": ...} from an lm-eval context: text, or JSON of a chat."""
    text = getattr(context, "prompt", context)
    if not chat:
        if text is not context:
            fix = "leave out --apply_chat_template, or use mathtasks-chat"
            raise ModelError("a prompt without chat template for /v1/completions", "a chat", fix)
        return {"prompt": text}
    return {"messages": json.loads(text) if text is not context else [{"role": "user", "content": text}]}


def with_one_limit(given: Mapping[str, Any]) -> Payload:
    """Generation arguments of a command line, their limit of tokens under the name that tasks use, so that it takes
    the place of the task's. Raises ModelError for two that differ."""
    limits = {name: given[name] for name in LIMIT_NAMES if given.get(name) is not None}
    if len({str(limit) for limit in limits.values()}) > 1:
        said = ", ".join(f"{name}={limit}" for name, limit in limits.items())
        raise ModelError("one limit of generated tokens", said, "keep one of them in --gen_kwargs")
    rest = {name: value for name, value in given.items() if name not in limits}
    return {**rest, LIMIT_NAMES[0]: next(iter(limits.values()))} if limits else rest


def token_limit(gen_kwargs: Mapping[str, Any], default: int | None) -> int:
    """The most tokens to generate, under any of its names; an error rather than a silent default.

    lm-eval adds what the command line gives to what the task says, so the last of two names is the user's.
    """
    given = [int(value) for name, value in gen_kwargs.items() if name in LIMIT_NAMES and value is not None]
    limit = given[-1] if given else default
    if limit is None or limit < 1:
        fix = "add --gen_kwargs max_gen_toks=2048, or max_gen_toks=2048 to the model arguments"
        raise ModelError("a limit of generated tokens", "none" if limit is None else str(limit), fix)
    return limit


def stops_of(gen_kwargs: Mapping[str, Any]) -> tuple[str, ...]:
    """The task's stop strings, without empty ones and doubles."""
    until = gen_kwargs.get("until") or gen_kwargs.get("stop") or ()
    return tuple(dict.fromkeys(s for s in ([until] if isinstance(until, str) else until) if s))


def sampling_of(gen_kwargs: Mapping[str, Any]) -> Payload:
    """Everything else to send. Greedy unless sampling is asked for: do_sample=false means temperature 0."""
    known = {*LIMIT_NAMES, "until", "stop", "do_sample", "temperature", "seed"}
    rest = {name: value for name, value in gen_kwargs.items() if name not in known and value is not None}
    sample, temperature = gen_kwargs.get("do_sample"), gen_kwargs.get("temperature")
    if sample is False or (sample is None and temperature is None):
        temperature = 0.0
    return {"temperature": 1.0 if temperature is None else float(temperature), **rest}


def digest(parts: Any) -> str:
    """The journal's key of anything that JSON can hold."""
    return _hashed(_canonical(parts))


def _hashed(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=KEY_BYTES).hexdigest()


_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode
# Stands for a prompt where all but it is the same for many requests.
_PLACE = "\0the prompt\0"


class AskBuilder(NamedTuple):
    """Turns lm-eval Instances into Asks, counting how often the same request was asked for: that number is part
    of the key and added to the seed, so that samples of one prompt differ and are the same in the next run."""

    endpoint: str
    chat: bool
    model: str
    seed: int | None
    default_limit: int | None
    extra: Payload

    def plan(self, instances: Iterable[Any]) -> list[Ask]:
        """The Ask of each Instance, in order."""
        settings: dict[str, Payload] = {}
        written: dict[str, Payload] = {}
        frames: dict[tuple[int, int | None, int], tuple[str, str]] = {}
        occurrences: Counter[tuple[int, str]] = Counter()
        repeats: Counter[int] = Counter()
        asks = []
        for instance in instances:
            context, gen_kwargs = instance.args
            shared = written.get(said := repr(gen_kwargs))
            if shared is None:
                name = json.dumps({**gen_kwargs, "seed": None}, sort_keys=True, default=str)
                shared = settings.get(name) or settings.setdefault(name, self._settings(gen_kwargs))
                written[said] = shared
            same = (id(shared), getattr(context, "prompt", context))
            occurrence, repeat = occurrences[same], repeats[id(instance)]
            occurrences[same], repeats[id(instance)] = occurrence + 1, repeat + 1
            base = gen_kwargs.get("seed", self.seed)
            seed = None if base is None else int(base) + occurrence
            prompt = prompt_of(context, self.chat)
            (field,) = prompt
            if (frame := frames.get((id(shared), seed, occurrence))) is None:
                payload = payload_of(shared, {field: _PLACE}, seed)
                written_out = _canonical([self.endpoint, self.chat, payload, occurrence])
                before, _, after = written_out.partition(_canonical(_PLACE))
                frame = frames[id(shared), seed, occurrence] = before, after
            # As digest() of the list with the payload; this way it takes half as long, for 200,000 requests seconds.
            key = _hashed(f"{frame[0]}{_canonical(prompt[field])}{frame[1]}")
            place = (instance.task_name, instance.doc_id, repeat)
            asks.append(Ask(key, context, self.chat, shared, seed, prompt_chars(prompt), *place))
        return asks

    def _settings(self, gen_kwargs: Mapping[str, Any]) -> Payload:
        """The payload without prompt and seed."""
        settings = {"model": self.model, **self.extra, **sampling_of(gen_kwargs)}
        settings["max_tokens"] = token_limit(gen_kwargs, self.default_limit)
        stops = stops_of(gen_kwargs)
        return {**settings, "stop": list(stops)} if stops else settings
