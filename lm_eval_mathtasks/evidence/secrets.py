"""What must not be published: keys, tokens, addresses of people and home folders, found in every text of a log.

The shapes are those that their issuers document. A finding never repeats what it found.
"""

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, NamedTuple

# A log holds JSON within strings (a chat's messages): there a line end is a backslash and an n, which hides where a
# word starts, and quotes are escaped.
_START = r"(?:(?<![\w\\])|(?<=\\[nrt])|(?<=\\)(?![nrt]|u[0-9a-f]{4})|(?<=\\u[0-9a-f]{4}))"
_IS = r"(?:\\*[\"'])?\s*[:=]\s*(?:\\*[\"'])?"


def _shape(text: str, flags: int = 0) -> re.Pattern[str]:
    """A pattern whose alternatives may start a word in JSON within a string too; `=` in `{=}` stands for `_IS`."""
    starts = re.sub(r"(^|\|)\\b", lambda match: match[1] + _START, text)
    return re.compile(starts.replace("{=}", _IS), flags)


# Kind -> (words: a text without any of them, in lower case, holds none of it; the shape). The first kind that matches a
# place names it, so narrow shapes stand before wide ones. What follows a header or an assignment needs a digit:
# "bearer responsibilities" and "password = something" are prose. The domains that RFC 2606 keeps for examples are
# nobody's, so an address there is none.
_PROVIDERS = "gsk_ xai- nvapi- pplx- r8_ fw_ csk- jina_ up_ pa- dapi npm_ pypi- sg. dop_v1_"
_MAIL_START = r"(?:(?<![\w.+\\-])|(?<=\\[nrt])|(?<=\\)(?![nrt]|u[0-9a-f]{4})|(?<=\\u[0-9a-f]{4}))"
KINDS: dict[str, tuple[tuple[str, ...], re.Pattern[str]]] = {
    kind: (tuple(words.split("|")), _shape("".join(shape), flags))
    for kind, words, flags, *shape in (
        ("private-key", "private key", 0, r"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----"),
        ("url-password", "://", 0, r"\b[a-zA-Z][a-zA-Z0-9+.-]{1,20}://[^\s/:@\"']{1,64}:[^\s/@\"']{1,128}@[\w.-]+"),
        ("jwt", "eyj", 0, r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}"),
        ("anthropic", "sk-ant-", 0, r"\bsk-ant-[\w-]{16,}"),
        ("openai", "sk-|pk-", 0, r"\b[sp]k-(?:[a-z0-9]{1,8}-){0,4}[A-Za-z0-9_]{16,}[\w-]*"),
        ("stripe", "k_live|k_test", 0, r"\b[sr]k_(?:live|test)_[A-Za-z0-9]{16,}"),
        ("hugging-face", "hf_|api_org_", 0, r"\b(?:hf|api_org)_[A-Za-z0-9]{24,}"),
        ("google", "aiza|ya29.", 0, r"\bAIza[\w-]{30,}|\bya29\.[\w-]{20,}"),
        ("aws", "akia|asia|agpa|aida|aroa", 0, r"\b(?:AKIA|ASIA|AGPA|AIDA|AROA)[A-Z0-9]{16}\b"),
        ("github", "gh|github_pat_", 0, r"\bgh[pousr]_[A-Za-z0-9]{30,}|\bgithub_pat_\w{22,}"),
        ("gitlab", "glpat-", 0, r"\bglpat-[\w-]{18,}"),
        ("slack", "xox|hooks.slack", 0, r"\bxox[abeoprs]-[\w-]{10,}|\bhooks\.slack\.com/services/[\w/]{10,}"),
        ("provider", _PROVIDERS.replace(" ", "|"), 0,
         r"\b(?:gsk_|xai-|nvapi-|pplx-|r8_|fw_|csk-|jina_|npm_|pypi-)[A-Za-z0-9_-]{24,}|\bup_[A-Za-z0-9]{28,}"
         r"|\bpa-(?=[\w-]*\d)[\w-]{40,}|\bdapi[0-9a-f]{32}\b|\bSG\.[\w-]{20,}\.[\w-]{20,}|\bdop_v1_[0-9a-f]{32,}"),
        ("webhook", "webhooks/|:aa", 0, r"\bdiscord(?:app)?\.com/api/webhooks/\d+/[\w-]{20,}|\b\d{8,12}:AA[\w-]{30,}"),
        ("bearer", "bearer|basic", re.I, r"\b(?:bearer|basic)\s+(?=[\w.~+/-]*\d)[A-Za-z0-9][\w.~+/-]{14,}=*"),
        ("authorization", "authorization", re.I,
         r"\bauthorization{=}(?:[a-z]{1,16}\s+)?(?=\S*\d)[^\s\"']{12,}"
         r"|\bauthorization{=}(?:bearer|basic|token)\s+[A-Za-z0-9][\w.~+/-]{19,}"),
        # Last an assignment, a variable of the environment, and a parameter of an address.
        ("assigned", "key|token|secret|passw|sig=", re.I,
         r"(?:\b|(?<=_)|(?<=\\[nrt]))"
         r"(?:(?:api|access|secret|auth|client|subscription|account|hf|hub)[_-]?(?:key|token|secret)|passw(?:or)?d)"
         r"{=}(?=[^\s\"',;]*\d)[^\s\"',;]{8,}"
         r"|\b(?-i:[A-Z][A-Z0-9_]*_(?:TOKEN|KEY|SECRET|PASSWORD)){=}(?=\S*\d)[A-Za-z0-9][\w./+-]{11,}"
         r"|[?&](?:key|token|sig|signature)=(?=[\w%.-]*\d)[\w%.-]{16,}"),
        ("azure", "key", re.I, r"\bkey{=}[0-9a-f]{32}\b"),
        ("e-mail", "@", 0,
         _MAIL_START,
         r"[\w.+-]{1,64}@(?!(?:[\w-]+\.)*example\.)(?:[\w-]{1,63}\.){1,8}[A-Za-z]{2,24}\b"),
        ("home-path", "/home/|/users/|/root/|:\\", 0,
         r"(?:(?<![\w.])|(?<=\\[nrt]))/(?:home|Users|export/home|root)/[\w.-]+|\b[A-Z]:\\+Users\\+[\w.-]+"),
    )
}  # fmt: skip
_SECRET_NAME = re.compile(
    r"(?:api|access|secret|auth|bearer|hf|client)[_-]?(?:key|token|secret)$|^(?:token|password|passwd|authorization|credentials?|(?:set-)?cookie)$"
    r"|(?-i:^[A-Z][A-Z0-9_]*_(?:TOKEN|KEY|SECRET|PASSWORD)$)",
    re.I,
)
_REDACTED = "[redacted "
# Characters of a text that may come again on the next line.
_SHORT = 64
# Characters: a shorter value of a secret name is a placeholder such as "EMPTY".
_SHORTEST = 6


class Finding(NamedTuple):
    """Something that must not be published. file, line (from 1): where it would stand; path: the key in that line."""

    file: str
    line: int
    path: str
    kind: str
    length: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.kind} of {self.length} characters at {self.path}"


def found_in(text: str, name: str = "") -> Iterator[tuple[str, int, int]]:
    """Yield (kind, start, end) of everything secret in a text; `name` is the key that the text is the value of."""
    if _SECRET_NAME.search(name) and len(text) >= _SHORTEST and not text.startswith(_REDACTED):
        yield "assigned", 0, len(text)
        return
    taken: list[tuple[int, int]] = []
    small = text.lower()
    for kind, (words, shape) in KINDS.items():
        if not any(word in small for word in words):
            continue
        for match in shape.finditer(text):
            if not any(start < match.end() and match.start() < end for start, end in taken):
                taken.append(match.span())
                yield kind, *match.span()


def scan(content: Any, file: str, line: int) -> Iterator[Finding]:
    """Yield the findings in a JSON value that would become line `line` of `file`, mapping keys included."""
    for path, name, text in _texts(content):
        for kind, start, end in _found_in_short(text, name) if len(text) <= _SHORT else found_in(text, name):
            yield Finding(file, line, path, kind, end - start)


@lru_cache(maxsize=10_000)
def _found_in_short(text: str, name: str) -> tuple[tuple[str, int, int], ...]:
    """As `found_in`, once for the keys and words that every line repeats."""
    return tuple(found_in(text, name))


def redacted(content: Any, count: Callable[[str], None], name: str = "") -> Any:
    """Return a JSON value with every finding replaced by `[redacted KIND]`; `count` is told each kind; `name`: as in
    `found_in`."""
    if isinstance(content, dict):
        return {_redact(str(key), "", count): redacted(own, count, str(key)) for key, own in content.items()}
    if isinstance(content, list):
        return [redacted(value, count) for value in content]
    return _redact(content, name, count) if isinstance(content, str) else content


def _redact(text: str, name: str, count: Callable[[str], None]) -> str:
    for kind, start, end in sorted(found_in(text, name), key=lambda found: -found[1]):
        count(kind)
        text = f"{text[:start]}{_REDACTED}{kind}]{text[end:]}"
    return text


def _texts(content: Any, path: str = "", name: str = "") -> Iterator[tuple[str, str, str]]:
    """Yield (path, key, text) of every string in a JSON value; keys are texts too."""
    if isinstance(content, str):
        yield path or ".", name, content
    elif isinstance(content, dict):
        for key, value in content.items():
            inner = f"{path}.{key}" if path else str(key)
            yield from ((f"a key of {path or 'the line'}", "", t) for _, _, t in _texts(str(key)))
            yield from _texts(value, inner, str(key))
    elif isinstance(content, list):
        for place, value in enumerate(content):
            yield from _texts(value, f"{path}[{place}]", name)
