"""Arguments that lm-eval's own API models and other clients have: passed over where they change nothing here, else
refused with what to write instead."""

from collections.abc import Mapping
from typing import Any

from lm_eval_mathtasks.errors import ModelError

# lm-eval hands these to every model.
_ANY_VALUE = {
    "batch_size", "max_batch_size", "device", "dtype", "parallelize",
    # How lm-eval counts tokens, and what it strips of thinking: texts are sent here, and scoring tells thinking apart.
    "tokenizer", "tokenizer_backend", "use_fast_tokenizer", "trust_remote_code", "revision", "max_images",
    "think_end_token", "custom_prefix_token_id", "add_bos_token",
}  # fmt: skip
# The value that is kept to here, and what to write for another.
_ONE_VALUE = {
    "tokenized_requests": ("false", "leave it out: the prompt is sent as text"),
    "truncate": ("false", "leave it out: a prompt that is too long is an error, not another prompt"),
    "verify_certificate": ("true", "leave it out, and name the server's certificate with SSL_CERT_FILE"),
    "eos_string": ("none", "name stop strings with --gen_kwargs until=..."),
}
_INSTEAD = {
    "max_retries": "write retry_budget=SECONDS, for which one request may fail",
    "timeout": "write request_timeout=SECONDS, of silence",
    "ca_cert_path": "name the file with SSL_CERT_FILE",
    "max_length": "leave it out: the server knows its context; max_gen_toks=N limits a response",
    "temperature": "write --gen_kwargs temperature=...",
    "top_p": "write --gen_kwargs top_p=...",
    "top_k": "write --gen_kwargs top_k=...",
    "stop": "write --gen_kwargs until=...",
    "system_prompt": "write --system_instruction TEXT",
    "model_name": "write model=NAME",
    "engine": "write model=NAME",
    "url": "write base_url=URL",
    "api_base": "write base_url=URL",
    "api_version": "write it into the address: base_url=https://.../v1?api-version=DATE",
    "concurrency": "write num_concurrent=N",
    **dict.fromkeys(("max_tokens", "max_new_tokens", "max_completion_tokens"), "write max_gen_toks=N"),
}


def without_foreign(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Model arguments without those that change nothing here. Raises ModelError for one that is written otherwise."""
    kept: dict[str, Any] = {}
    for name, value in arguments.items():
        allowed, instead = _ONE_VALUE.get(name, ("", _INSTEAD.get(name, "")))
        if name in _ANY_VALUE or (allowed and str(value).lower() == allowed):
            continue
        if instead:
            wanted = f"{name}={allowed}, if it is given" if allowed else "model arguments of this model"
            raise ModelError(wanted, f"{name}={value}", instead)
        kept[name] = value
    return kept
