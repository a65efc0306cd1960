"""A model's response: a string that remembers how it ended.

lm-eval's interface between a model and the scoring is a list of plain strings. A `Response` is such a string, so
every part of the harness takes it, and it carries what the scoring must know and text cannot say: whether the
token limit cut it off, and whether there is a response at all.
"""

from __future__ import annotations

# As OpenAI, Anthropic, Google, lighteval and vLLM name the end by a limit of tokens.
_LIMIT = frozenset({"length", "max_tokens", "model_length", "max_output_tokens", "max_new_tokens",
                    "model_context_window_exceeded"})  # fmt: skip
# ... and the end that the model or one of the request's stop strings made, Cohere, TGI, Bedrock and HELM included.
_BY_ITSELF = frozenset({"stop", "eos", "eos_token", "end_turn", "stop_sequence", "stop_token", "complete", "completed",
                        "finish", "endoftext"})  # fmt: skip
# Finish reasons of an answer that its server gave up, and of one that somebody else than the model ended (Gemini's,
# Bedrock's, Zhipu's); the second of these is DeepSeek's.
BROKEN_OFF = {"error", "insufficient_system_resource", "abort", "aborted", "cancelled", "canceled", "failed", "timeout",
              "network_error"}  # fmt: skip
FILTERED = {"content_filter", "content_filtered", "sensitive", "safety", "recitation", "blocklist",
            "prohibited_content", "spii", "guardrail_intervened"}  # fmt: skip
# As lm-eval, its models and servers name the most tokens that a response may have; the first is lm-eval's own.
LIMIT_NAMES = ("max_gen_toks", "max_tokens", "max_new_tokens", "max_completion_tokens")


class Response(str):
    """Text as the model returned it, with `finish_reason` ("stop", "length", ... as the server names it; None:
    unknown) and `error` (why there is no response; None: there is one)."""

    # Without them each of 200,000 responses would carry a dict, 67 MB in all.
    __slots__ = ("error", "finish_reason")
    finish_reason: str | None
    error: str | None

    def __new__(
        cls, text: str = "", *, finish_reason: str | None = None, error: str | None = None
    ) -> Response:
        """As `str(text)`, with the two facts that text cannot hold."""
        self = super().__new__(cls, text)
        self.finish_reason, self.error = finish_reason, error
        return self


def hit_limit(finish_reason: str | None) -> bool:
    """Whether a finish reason, under any of its names, says that a limit of tokens cut the response off."""
    return finish_reason is not None and finish_reason.lower() in _LIMIT


def ended_itself(finish_reason: str | None) -> bool:
    """Whether a finish reason says that nothing cut the response off: the model or a stop string ended it."""
    return finish_reason is not None and finish_reason.lower() in _BY_ITSELF
