"""Keys: read from the environment only, and taken out of every text that leaves this process.

lm-eval writes model_args into the results file and prints them, so a key given there is published with the score.
"""

import base64
import os
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from lm_eval_mathtasks.errors import ModelError

DEFAULT_ENV = "OPENAI_API_KEY"
REDACTED = "[redacted]"
# Characters. A shorter "key", or one that is a word or a number and not LONG, is a placeholder such as "ollama", and
# would blot out what a response says.
SHORTEST, LONG = 6, 12
# Characters at the beginning or end of a key that give it away: an answer may be cut in the middle of it. Fewer may be
# what all keys of a service begin with.
HEAD = 16
# White space, as where a text is wrapped, and characters that nobody sees.
_BETWEEN = "[\\s\u200b-\u200f\u2060\ufeff]*"
SECRET_ARGUMENT = re.compile(
    r"(api|auth|access|secret|bearer)[_-]?(key|token)?$|^hf[_-]?token$|password|passwd|credential|^(token|key)$"
    r"|(^|[_-])(headers?|authorization|cookies?)$",
    re.I,
)
SECRET_SHAPE = re.compile(r"\b(?:sk|pk|key|gsk|hf|xai)[-_][\w-]{8,}|(?<=Bearer )\S+", re.I)
# A model's name may begin like a key (hf-internal-testing/..., key-phrase-large), and is shorter or has a slash.
_KEY_AS_MODEL = re.compile(r"(?:sk|pk|gsk|xai)[-_](?=[\w-]*\d)[\w-]{16,}|hf_\w{16,}|Bearer .+", re.I)
# What a base_url may ask: the version of an interface, as Azure wants it.
_VERSION = re.compile(r"(?:api[-_]?)?version", re.I)
_known: dict[str, str] = {}  # keys, and the pattern of each


class Key:
    """An API key that does not show itself in a repr or a traceback."""

    def __init__(self, value: str) -> None:
        self._value = value
        mixed = len(value) >= SHORTEST and not (value.isalpha() or value.isdigit())
        if (mixed or len(value) >= LONG) and value not in _known:
            _known[value] = "|".join(_forms(value))

    def reveal(self) -> str:
        """The key itself, for the one client that sends it."""
        return self._value

    def __repr__(self) -> str:
        return f"Key({REDACTED})"


def _forms(key: str) -> Iterator[str]:
    """Patterns of a key as texts may hold it: as it is, cut off, with each character escaped as JSON, a URL, HTML or
    Python does, in capitals or with something between, in hexadecimal digits or in base64."""
    if len(key) < LONG:
        yield re.escape(key)
        return
    yield f"(?i:{_BETWEEN.join(map(_character, key))})"
    if len(key) > HEAD:
        yield re.escape(key[:HEAD]) + r"[^\s\"'<>]*"
        yield re.escape(key[-HEAD:])
    data = key.encode()
    yield f"(?i:{'[ :]?'.join(f'{byte:02x}' for byte in data)})"
    for before in range(3):
        # What stands before it moves a text by up to two bytes; characters that it shares with others are left out.
        coded = base64.b64encode(b"\0" * before + data).decode().rstrip("=")
        own = coded[(before * 8 + 5) // 6 : len(coded) - (1 if (before + len(data)) % 3 else 0)]
        yield re.escape(own).replace(r"\+", "[+-]").replace("/", "[/_]")


def _character(one: str) -> str:
    """The pattern of one character, as it is or escaped."""
    in_bytes = one.encode()
    percents, exes = ("".join(f"{mark}{byte:02x}" for byte in in_bytes) for mark in ("%", r"\\x"))
    return rf"(?:{re.escape(one)}|{percents}|{exes}|\\u{ord(one):04x}|&\#(?:0*{ord(one)}|x0*{ord(one):x});)"


def read_key(env: str = DEFAULT_ENV) -> Key:
    """The key in the variable `env`, or in the file that `env`_FILE names; a placeholder if neither is set, which
    a local server takes and a real one answers with 401."""
    value = os.environ.get(env, "").strip()
    path = os.environ.get(f"{env}_FILE")
    if not value and path:
        try:
            value = Path(path).expanduser().read_text(encoding="utf-8").strip()
        except OSError as error:
            wanted = f"a readable file with the key ({env}_FILE)"
            raise ModelError(wanted, type(error).__name__, f"set {env} or correct the path") from None
    if not (value.isascii() and value.isprintable()):
        wanted, got = "a key of printable ASCII characters, as headers of HTTP hold them", "others in it"
        raise ModelError(wanted, got, f"correct {env}, or the file of {env}_FILE")
    return Key(value or "none")


def refuse_secrets(arguments: Mapping[str, Any]) -> None:
    """Raise ModelError if a model argument is, names or holds a secret; its value is not repeated."""
    own = {os.environ.get(env, "").strip() for env in (DEFAULT_ENV, str(arguments.get("api_key_env")))}
    own = {value for value in own if len(value) >= LONG}
    for name, value in arguments.items():
        text = value if isinstance(value, str) else repr(value)
        named = SECRET_ARGUMENT.search(name) and name != "api_key_env"
        shaped = (_KEY_AS_MODEL.fullmatch if name in ("model", "pretrained") else SECRET_SHAPE.search)(text)
        if named or shaped or any(value in text for value in own):
            wanted = "no secret among the model arguments, because lm-eval writes them into the results file"
            fix = f"export {DEFAULT_ENV}=..., or name another variable with api_key_env="
            raise ModelError(wanted, f"{name}={REDACTED}", fix)
        if "url" in name and value:
            check_url(text)


def check_url(url: str) -> str:
    """`url` as the base of an OpenAI-compatible API; its query, if any, names the version of the interface.

    Raises ModelError if it holds what may be a password or a key, which is not repeated.
    """
    wanted = "base_url=http(s)://host/v1"
    try:
        parts = urlsplit(url := url.strip())
        usable = parts.scheme in ("http", "https") and parts.hostname and (parts.port or 1)
    except ValueError as fault:
        # Other words of the fault repeat what may be a key.
        known = {"Port out of range": "a port beyond 65535", "Invalid IPv6": "an IPv6 address that is none"}
        got = next(
            (said for words, said in known.items() if str(fault).startswith(words)), "no number as its port"
        )
        raise ModelError(wanted, got, "correct its host or port") from None
    asked = parse_qsl(parts.query, keep_blank_values=True)
    if "@" in url.partition("?")[0] or parts.fragment or not all(map(_harmless, asked)):
        raise ModelError(
            "a base_url without password, key or fragment, because it is written into logs and the journal",
            f"{_bare(url)} with one",
            f"put the key into {DEFAULT_ENV}",
        )
    if not usable or re.search(r"\s", url):
        raise ModelError(wanted, redact(url), "add the scheme and the host")
    path = re.sub(r"/(chat/)?completions/?$", "", parts.path).rstrip("/")
    return parts._replace(path=path).geturl()


def _harmless(asked: tuple[str, str]) -> bool:
    """Whether a part of a URL's query is the version of an interface, which is short and begins with a digit or v."""
    name, value = asked
    return bool(_VERSION.fullmatch(name) and re.fullmatch(r"v?\d[\w.-]{0,20}|latest|preview", value))


def _bare(url: str) -> str:
    """A URL without anything that may be a secret."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}{parts.path}" if parts.hostname else "a URL"


@lru_cache(maxsize=1)
def _patterns(_: int) -> re.Pattern[str]:
    """That of all known keys, of which there are so many; two may end alike."""
    return re.compile("|".join(_known.values()))


def redact(text: str, shapes: bool = True) -> str:
    """`text` without any key read in this process, in any form, and (`shapes`) without anything that looks like one.

    A text that is to be cut is redacted before: half a key is a key to those who have the other half.
    """
    if _known:
        text = _patterns(len(_known)).sub(REDACTED, text)
    return SECRET_SHAPE.sub(REDACTED, text) if shapes else text
