"""Every way a request can fail, sorted by what it means: for the run, for this doc, or for this moment.

The order of the tests matters. "insufficient_quota" arrives as a 429 but no waiting helps; "Request too large"
arrives as a 429 but concerns one doc; a parameter the server does not know is a 400 but the request can do without it.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from lm_eval_mathtasks.keys import redact
from lm_eval_mathtasks.models import wordings
from lm_eval_mathtasks.models.dispatch import LOAD, Refusal
from lm_eval_mathtasks.models.headers import (
    REQUESTS,
    TOKENS,
    Quota,
    read_behind,
    read_limits,
    read_loading,
    read_quota,
    read_sentence,
    read_wait,
)
from lm_eval_mathtasks.text import visible

Severity = Literal["run", "item", "transient"]
# Under these names an error says what is wrong, OpenAI's first; Baidu's and MiniMax's are the last.
SAID_IN = ("message", "msg", "detail", "error_msg", "status_msg")
MESSAGE_CHARS = 300  # of a server's message that an error repeats
SAID_CHARS = 80  # of something that is not understood
READ_CHARS = 100_000  # of it that are looked through
SHORTEN = "lower max_gen_toks or shorten the prompt"
RUN_AGAIN = "run the same command again: what is in the journal is not asked twice"

_GONE = re.compile(r"disconnect|closed|terminated", re.I)
_PAGE = re.compile(r"\s*<(?:!doctype|html|head|body)\b(?:.*?<title[^>]*>\s*(.*?)\s*</title)?", re.I | re.S)

HINTS = {
    "key": "export the right key (see api_key_env), then " + RUN_AGAIN,
    "quota": "add credit or raise the limit of this account, then " + RUN_AGAIN,
    "permission": "use a key that may use this model, then " + RUN_AGAIN,
    "model": "correct model= or base_url=, then " + RUN_AGAIN,
    "no_api": "correct base_url= or model=, then " + RUN_AGAIN,
    "no_choices": "correct base_url=, then " + RUN_AGAIN,
    "packing": "have the server, or the gateway before it, send gzip or plain bodies, then " + RUN_AGAIN,
    "certificate": f"name the certificate that this server's is signed with in SSL_CERT_FILE, then {RUN_AGAIN}",
    "network": "sign in to this network, or to its proxy (HTTPS_PROXY), then " + RUN_AGAIN,
}


def as_said(text: str, chars: int = MESSAGE_CHARS) -> str:
    """What a server said, as a message repeats it: on one line, without secrets, nothing in it that steers a terminal.

    It is cut last: half a key is no longer known as one.
    """
    # Far more than what is shown, so that a body of megabytes is not searched.
    known = redact(text[: max(READ_CHARS, chars)])
    return visible(" ".join(known.split()))[:chars]


@dataclass(eq=False)
class Fault(Exception):
    """A request that failed: how far it reaches, of what kind, and what the server said (without secrets).

    `paid`: it was answered with something that is no response; `usage`: what that cost, if the server said;
    `unsure`: nobody knows whether it will be charged; `wanted`: what was expected, if not an answer.
    """

    severity: Severity
    kind: str
    said: str = ""
    fix: str = ""
    paid: bool = False
    unsure: bool = False
    usage: Mapping[str, Any] | None = None
    wanted: str = ""

    def __post_init__(self) -> None:
        self.wanted = self.wanted or f"an answer from the model ({self.kind})"
        self.unsure = (self.unsure or self.paid) and not self.usage
        self.said = as_said(self.said)
        self.fix = self.fix or HINTS.get(self.kind, "")

    def reaching(self, severity: Severity) -> "Fault":
        """The same, where it reaches further or less far than it seemed to."""
        return replace(self, severity=severity)

    def __str__(self) -> str:
        return f"{self.kind}: {self.said}" if self.said else self.kind


class Refused(Exception):
    """Not now: the dispatcher decides when."""

    def __init__(self, refusal: Refusal, said: str) -> None:
        super().__init__(as_said(said))
        self.refusal = refusal


class Rejected(Exception):
    """A parameter is refused; the request can be sent without it."""

    def __init__(self, parameter: str, fault: Fault) -> None:
        super().__init__(parameter)
        self.parameter, self.fault = parameter, fault


def page_title(text: str) -> str | None:
    """What a web page is called, or its beginning where it has no title; None for any other text."""
    page = _PAGE.match(text)
    return (page[1] or text) if page else None


def error_part(body: Any) -> dict[str, Any]:
    """The error object in a body, whatever its shape: {"error": {...}}, {"error": "..."}, {"message": ...}, text, or a
    list that holds one of these."""
    while isinstance(body, list) and body:
        body = body[0]
    if isinstance(body, Mapping):
        inner = body.get("error", body)
        # A proxy may put the whole error of the server behind it into its own message.
        while isinstance(inner, Mapping) and isinstance(inner.get("message"), Mapping):
            inner = inner["message"]
        return dict(inner) if isinstance(inner, Mapping) else {"message": str(inner)}
    said = "" if body is None else str(body)
    return {"message": page_title(said) or said}


def status_inside(error: Mapping[str, Any]) -> int:
    """The HTTP status that an error inside HTTP 200 would have had."""
    code = error.get("code") or error.get("status")
    if str(code).isdigit() and 400 <= int(str(code)) < 600:
        return int(str(code))
    words = " ".join(str(error.get(name)) for name in ("code", "status", "type", *SAID_IN))
    if wordings.LIMITED.search(words):
        return 429
    return 400 if "invalid_request" in words else 500


def classify(  # noqa: PLR0911, PLR0912  (one return per meaning is the shape of a classification)
    status: int, body: Any, headers: Mapping[str, str], sent: Mapping[str, Any], shown: str = ""
) -> Exception:
    """The Fault, Refused or Rejected that a response without an answer means; `sent` is the request's payload, `shown`
    what messages say for the status."""
    error = error_part(body)
    headers = {**read_loading(body), **headers, **read_behind(error)}
    said = next((str(error[name]) for name in SAID_IN if error.get(name)), "")
    said = said or (json.dumps(error, default=str) if any(error.values()) else "")
    code = str(error.get("code") or "")
    words = f"{error.get('type') or ''} {code} {said}"
    about = ": ".join(filter(None, (shown or f"HTTP {status}", said)))
    quota = read_quota(error)
    if quota.wait_s is None:
        quota = quota._replace(wait_s=read_wait(headers, said))
    # What reads like an empty account may be a limit of a minute, or say when to ask again.
    emptied = wordings.QUOTA_WORDS.search(said) and not quota.by_minute and quota.wait_s is None
    if status == 402 or wordings.QUOTA & {code, str(error.get("type"))} or emptied:
        return Fault("run", "quota", about)
    if status == 401 or wordings.KEY_WORDS.search(words):
        return Fault("run", "key", about)
    if wordings.NO_MODEL.search(words) and status != 403:
        return Fault("run", "model", about)
    filtered = wordings.FILTER.search(words)
    if filtered and (filtered[1] or status in (400, 403, 422, 451)):
        return Fault("item", "content_filter", about)
    if wordings.TOO_LARGE.search(said):
        return Fault("item", "too_large", about, SHORTEN)
    passing = status in (408, 409, 424, 425, 499) or status >= 500
    later = {name: headers[name] for name in headers if name.lower().startswith("retry-after")}
    if status in (429, 503, 529) or wordings.LIMITED.search(words) or (passing and read_wait(later, said)):
        refusal = _refusal(status, error, said, quota, headers)
        if refusal.limit and (refusal.need or 0.0) > refusal.limit:
            return Fault("item", "too_large", about, SHORTEN)
        return Refused(refusal, about)
    if status in (407, 511):
        return Fault("run", "network", about)
    if status == 403 or wordings.DENIED.search(words):
        return Fault("run", "permission", about)
    if status in (404, 405, 410, 501):
        # A server of such an interface says it in JSON, and what stands before it does not.
        return Fault("run", "no_api" if isinstance(body, str) and body.strip() else "model", about)
    if status == 413 or (status >= 400 and wordings.CONTEXT.search(words)):
        return Fault("item", "context_length", about, SHORTEN)
    # A server that is written in Python may fail by it.
    names_one = status in (400, 422) or "keyword argument" in words
    if names_one and (parameter := _parameter(error, words, sent)):
        return Rejected(parameter, Fault("item", "bad_request", about))
    if passing:
        return Fault("transient", "server_error" if status >= 500 else "conflict", about)
    if 300 <= status < 400:
        return Fault("run", "redirect", about, "correct base_url=")
    if isinstance(body, str) and page_title(body):
        return Fault("run", "no_api", about)
    return Fault("item", "bad_request", about)


def _refusal(
    status: int, error: Mapping[str, Any], said: str, quota: Quota, headers: Mapping[str, str]
) -> Refusal:
    kind, limit, need = read_sentence(said)
    kind, limit = kind or quota.kind, limit or quota.limit
    if kind is None and error.get("type") in (REQUESTS, TOKENS) and "rate" in str(error.get("code")):
        kind = str(error["type"])
    if kind is None and (status != 429 or wordings.OVERLOAD.search(f"{error.get('code')} {said}")):
        kind = LOAD
    return Refusal(kind, limit, need, quota.wait_s, read_limits(headers))


def _parameter(error: Mapping[str, Any], words: str, sent: Mapping[str, Any]) -> str | None:
    """The parameter of ours that a 400 complains about, if it complains about a parameter."""
    if not wordings.UNSUPPORTED.search(words):
        return None
    named = [str(error.get("param") or ""), *wordings.NAMED.findall(words)]
    # In quotes or before a colon; a name of several words is no part of a sentence. A model that takes temperature or
    # top_p keeps the temperature, which says more.
    marks = {name: rf"\b{name}\b" if "_" in name else rf"['\"`]{name}['\"`]|\b{name}: " for name in sent}
    named += sorted(
        (name for name in sent if re.search(marks[name], words)), key=lambda name: name == "temperature"
    )
    for name in named:
        top = name.split(".", 1)[0].split("[", 1)[0]
        if top in sent:
            return str(top)
    return "stream" if sent.get("stream") and re.search(r"\bstream", words, re.I) else None


def of_transport(error: BaseException) -> Fault:
    """A connection that failed: refused, reset, cut off, unreadable."""
    name, cause = type(error).__name__, type(error.__cause__).__name__
    kind = "timeout" if "timeout" in name.lower() else "connection"
    said = f"{name}: {error}" + (f" ({cause})" if error.__cause__ else "")
    if "CERTIFICATE_VERIFY_FAILED" in said:
        return Fault("run", "certificate", said)
    if "DecodingError" in (name, cause):
        said = f"a body that is not packed as its headers say: {error}"
        return Fault("transient", "malformed", said, paid=True)
    if "RemoteProtocolError" in (name, cause) and not _GONE.search(str(error)):
        return Fault("transient", "no_api", f"no HTTP: {error}", paid=True)
    unsure = not {name, cause} & {"ConnectError", "ConnectTimeout"}  # then it never left
    return Fault("transient", kind, said, unsure=unsure)
