"""Which weights answered, by all the model arguments of a log: the published ones of a name, or others."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from lm_eval_mathtasks.keys import SECRET_ARGUMENT

# Between the names of a model and of an adapter on top of it.
WITH_ADAPTER = " + "
QUANTISED = "quantised as "
# As Hugging Face, vLLM, SGLang and lm-eval name them.
_ADAPTERS = ("peft", "delta", "adapter", "adapter_path", "lora", "lora_path", "lora_paths", "lora_local_path",
             "lora_modules", "lora_name_or_path")  # fmt: skip
# The arguments of lm-eval's models, of vLLM's and SGLang's engines and of our own that leave the weights as they are.
# Any other one may make other weights: a name that we do not know is no promise. These say where and how fast; those
# below may shape the answers, though not the weights.
_HARMLESS_WORDS = """
    pretrained model model_id name model_name tokenizer_mode tokenizer_backend tokenized_requests
    skip_tokenizer_init use_fast_tokenizer eos_string max_length max_model_len max_seq_len seq_length max_gen_toks
    max_new_tokens max_tokens context_length trust_remote_code code_revision backend attn_implementation
    attention_backend sampling_backend use_cache device devices device_map device_map_option parallelize
    max_memory_per_gpu max_cpu_memory offload_folder low_cpu_mem_usage tp_plan batch_size max_batch_size
    enable_thinking thinking think think_start_token think_end_token reasoning_effort reasoning_parser seed
    random_seed tensor_parallel_size data_parallel_size pipeline_parallel_size expert_parallel_size
    enable_expert_parallel tensor_model_parallel_size pipeline_model_parallel_size expert_model_parallel_size
    tp_degree tp tp_size dp dp_size pp_size ep_size num_nodes nnodes nproc_per_node gpu_memory_utilization
    mem_fraction_static swap_space cpu_offload_gb enforce_eager enable_prefix_caching prefix_caching
    enable_chunked_prefill chunked_prefill_size max_num_seqs max_num_batched_tokens max_num_tokens micro_batch_size
    max_running_requests max_total_tokens max_seq_len_to_capture max_context_len_to_capture disable_log_stats
    disable_log_requests disable_custom_all_reduce disable_cuda_graph disable_radix_cache
    distributed_executor_backend worker_use_ray block_size schedule_policy schedule_conservativeness log_level
    is_async add_special_tokens multichoice_continuations_start_space pairwise_tokenization model_parallel compile
    batch_padding padding_side truncation_side use_fast session_len concurrency query_per_second retry verbose mode
    openai_api_base api_url host port responses_api path max_model_length rpm_verbose
    enable_lora max_lora_rank max_loras download_dir cache_dir local_files_only base_url num_concurrent max_retries
    timeout header headers verify_certificate ca_cert_path api_version max_images interleave image_width
    image_height image_max_side limit_mm_per_prompt api_key_env rpm tpm stream on_item_error journal prices max_cost
    max_tokens_total request_timeout retry_budget drain progress dry_run batch_out
"""
_SHAPING_WORDS = """
    override_chat_template system_prompt
    truncation truncate chat_template chat_template_path chat_template_args chat_template_kwargs generation_config
    temperature top_p top_k min_p repetition_penalty presence_penalty frequency_penalty do_sample reasoning
    add_bos_token prefix_token_id custom_prefix_token_id tokenizer_revision softmax_dtype mixed_precision_dtype
    add_generation_prompt disable_sliding_window thinking_budget max_thinking_tokens speculative_config
    speculative_model speculative_algorithm num_speculative_tokens logits_cache
"""
LEAVE_ANSWERS = frozenset(_HARMLESS_WORDS.split())
SHAPE_ANSWERS = frozenset(_SHAPING_WORDS.split())
_HARMLESS = SHAPE_ANSWERS | LEAVE_ANSWERS
_DTYPE = re.compile(r"(torch\.)?(auto|b?float(16|32)?|bf16|fp16|fp32|half)")
# Harmless with these values, and a quantisation or another format with others.
_BY_VALUE = {
    **dict.fromkeys(("dtype", "torch_dtype", "model_dtype"), _DTYPE),
    "precision": re.compile(r"(torch\.)?(b?float(16|32)|bf16|fp16|fp32|16|32|16-mixed|bf16-mixed)"),
    "load_format": re.compile(r"(auto|safetensors|pt|hf|npcache)"),
}
# All that we know by name, for telling a slip from an argument of an engine.
_NAMED = "revision tokenizer subfolder token quantization load_in_4bit load_in_8bit gguf_file"
MODEL_ARGUMENTS = _HARMLESS.union(_BY_VALUE, _ADAPTERS, _NAMED.split())
# In the names of other harnesses' settings and of columns, as words of their own.
OF_WEIGHTS = re.compile(
    r"(?<![a-z])(?:adapter|lora|delta|peft|quant(?!it)|load_in|gguf|gptq|awq|bnb|revision|subfolder|checkpoint|steer|dtype|precision"
    r"|tokenizer(?!_config)|rope|load_format|overrides)"
    r"|base_model$|model_(?:path|file)",
    re.IGNORECASE,
)
_NOT_SET = ("", "none", "false", "null", "main", "master", "auto", "0", "{}", "[]")
# A folder of the hub's cache names the repository it holds; a folder inside of it may be anything.
_CACHED = re.compile(
    r"(?:^|[/\\])models--(?P<owner>[^/\\]+?)--(?P<name>[^/\\]+)(?:[/\\]snapshots(?:[/\\](?P<commit>[^/\\]+))?)?[/\\]?$"
)
_SIZE = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?)[Bb](?![a-zA-Z])")
_VERSION = re.compile(r"-(?:\d{4}-?\d\d-?\d\d|\d{3}|latest)$")
# How people write a revision behind a repository. A commit may be the published one or not: only the hub knows.
_AT = re.compile(r"(?P<name>[\w.-]+/[\w.-]+)@(?P<revision>[\w./-]+)")
_COMMIT = re.compile(r"revision=[0-9a-f]{7,40}", re.IGNORECASE)
_PATH = re.compile(r"^(?:[/~.\\]|[A-Za-z]:[/\\])|/.*/|\\|\.(?:gguf|safetensors|bin|pt)$|^models--")
# What publishers and converters put behind a model's name for weights of fewer bits: -AWQ, -GPTQ-Int4, -bnb-4bit,
# -Q4_K_M.gguf, -FP8-dynamic.
_QUANTISED = re.compile(
    r"[-_.](?P<how>(?:awq|gptq|gguf|fp[48]|int[48]|nf4|bnb|exl[23]|mlx|w\d+a\d+|\d-?bit|i?q\d_[a-z0-9_]+)"
    r"(?:[-_.](?:int[48]|\d-?bit|dynamic|dequantised|dequantized|gguf|w\d+a\d+|g\d+|i?q\d_[a-z0-9_]+))*)$",
    re.IGNORECASE,
)

# lm-eval's models that ask a server; the publisher's own servers unless the log gives another address.
_API = re.compile(r"mathtasks-|local-|openai-|anthropic|azure|.*(completions|-chat)$")

# lm-eval's models that load published weights as they are; others convert, steer or ignore them.
_LIBRARIES = re.compile(
    r"(hf|huggingface|vllm|sglang)(-auto|-vlm|-multimodal|-generate)?$|replay$|mamba_ssm$"
)


@dataclass(frozen=True)
class Weights:
    """What a log says of the weights.

    repository: owner and name as on the hub, or the name alone where no owner is given; None where a log names none, or
    a folder of some machine, whose name proves nothing. path: such a folder. changes: what makes them other weights
    than the published ones of that name (an adapter, a quantisation, a revision, one file of several), or may: an
    argument that we do not know. stated: whether the log holds model arguments at all; without any, an adapter would
    not be seen. served: whether a server gave the name, which may call anything so. by_user: whether the name is the
    user's, because the log has none.
    """

    repository: str | None
    path: str | None
    changes: tuple[str, ...]
    stated: bool
    served: bool = False
    by_user: bool = False

    @property
    def pinned(self) -> bool:
        """Whether a commit is all that may make them other weights."""
        return bool(self.changes) and all(_COMMIT.fullmatch(one) for one in self.changes)

    @property
    def owner(self) -> str | None:
        """Who published them, None where that is not said."""
        return self.repository.partition("/")[0] if self.repository and "/" in self.repository else None


def weights_of_log(
    name: str | None, arguments: Mapping[str, object], backend: str | None = None, *, lm_eval: bool = True
) -> Weights:
    """Return which weights a log names.

    name: of the model; arguments: lm-eval's --model_args, or another harness's; backend: lm-eval's --model; lm_eval:
    whether they are lm-eval's. Those of other harnesses hold much beside the weights: there only a name that speaks of
    weights counts.

    >>> weights_of_log("Qwen/Qwen2.5-7B", {"pretrained": "Qwen/Qwen2.5-7B", "peft": "me/adapter"}).changes
    ('peft=me/adapter',)
    """
    stated = bool(arguments)
    api = bool(_API.match(backend or "")) or ("base_url" in arguments)
    if not lm_eval:
        arguments = {key: value for key, value in arguments.items() if OF_WEIGHTS.search(key)}
    changes = tuple(_changes(arguments))
    if not api:
        others = {k: v for k, v in arguments.items() if k in ("tokenizer", "tokenizer_path")}
        changes += tuple(f"{k}={v}" for k, v in others.items() if _is_set(v) and str(v) != name)
    if not api and lm_eval:
        changes += (f"--model {backend}",) if backend and not _LIBRARIES.match(backend) else ()
    if name and (at := _AT.fullmatch(name)):
        name = at["name"]
        changes += (f"revision={at['revision']}",) if _is_set(at["revision"]) else ()
    # Libraries take a name with a slash behind it for a folder, and nothing else.
    name = name.rstrip("/") if name and api else name
    bits = quantised(name or "")[1]
    changes += (f"{QUANTISED}{bits}",) if bits else ()
    if name and (cached := _CACHED.search(name)):
        changes += (f"revision={cached['commit']}",) if cached["commit"] else ()
        return Weights(f"{cached['owner']}/{cached['name']}", None, changes, stated)
    # A library that is given a name without an owner takes the folder of that name, if there is one.
    bare = not api and "pretrained" in arguments and "/" not in (name or "/")
    if name and (bare or _PATH.search(name)):
        return Weights(None, name, changes, stated)
    return Weights(name or None, None, changes, stated, served=api)


def quantised(name: str) -> tuple[str, str | None]:
    """Return the name of a model without what says that its weights were quantised, and that part, None without one.

    >>> quantised("Qwen2.5-7B-Instruct-GPTQ-Int4")
    ('Qwen2.5-7B-Instruct', 'GPTQ-Int4')
    """
    found = _QUANTISED.search(name)
    return (name[: found.start()], found["how"]) if found else (name, None)


def called_otherwise(name: str, others: Iterable[object]) -> tuple[str, ...]:
    """Return those of other names that are not of the model of this name. An owner says nothing here, nor does the day
    or the number of a version behind a name, as servers add them, where only one of the two has it.

    >>> called_otherwise("openai/gpt-4o", ["gpt-4o-2024-08-06", "gpt-4o-mini"])
    ('gpt-4o-mini',)
    >>> called_otherwise("gpt-4o-2024-05-13", ["gpt-4o", "gpt-4o-2024-08-06"])
    ('gpt-4o-2024-08-06',)
    """
    return tuple(
        dict.fromkeys(str(one) for one in others if one and not _alike(_bare(str(one)), _bare(name)))
    )


def _bare(name: str) -> str:
    return name.replace("__", "/").rstrip("/").rpartition("/")[2].lower()


def _alike(one: str, other: str) -> bool:
    return one == other or _VERSION.sub("", one) == other or one == _VERSION.sub("", other)


def sizes_in(name: str) -> list[float]:
    """Return the sizes that a model's name states, in billions of parameters."""
    return [float(size) for size in _SIZE.findall(re.sub(r"[-_]", " ", name))]


def adapters_of(arguments: Mapping[str, object]) -> list[str]:
    """Return the adapters that model arguments put on top of the weights."""
    return [str(arguments[key]) for key in _ADAPTERS if _is_set(arguments.get(key))]


def _changes(arguments: Mapping[str, object]) -> Iterator[str]:
    for key, value in arguments.items():
        name, text = key.strip().lower(), str(value).strip()
        if not _is_set(value) or name in _HARMLESS or SECRET_ARGUMENT.search(name):
            continue
        if name in _BY_VALUE and _BY_VALUE[name].fullmatch(text.lower()):
            continue
        if name not in ("tokenizer", "tokenizer_path"):
            yield f"{key}={text}"


def _is_set(value: object) -> bool:
    return str("" if value is None else value).strip().lower() not in _NOT_SET
