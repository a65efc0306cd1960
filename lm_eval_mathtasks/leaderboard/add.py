"""Add a claim: one row of YAML, written into the file of its source, validated before it stays."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from pathlib import Path

from lm_eval_mathtasks.errors import ClaimError
from lm_eval_mathtasks.leaderboard.aliases import KINDS
from lm_eval_mathtasks.leaderboard.claim_checks import check_claims
from lm_eval_mathtasks.leaderboard.claims import Claim, Claims, read_claims

Value = str | int | float | bool | None
Fields = Mapping[str, Value]
# In the order in which they are asked for and written: each field, and what it holds.
SOURCE = {
    "title": "of the report, paper or page",
    "url": "where a reader finds it",
    "publisher": "who published it",
    "date": "2025, 2025-01 or 2025-01-31",
    "read_from": "original (default), copy, notes, quotation",
    "quoted_in": "the source of a quotation",
}
TABLE = {
    "benchmark": "its name, or that of a task: GSM8K, math500",
    "metric": "pass@1, avg@k, maj@k, rm@k or best-of-n",
    "k": "answers to each problem; null: several, not said how many",
    "shots": "exemplars in the prompt",
    "cot": "whether it asks for reasoning: yes or no",
    "tools": "none, python, calculator or some",
    "chat_template": "yes or no",
    "temperature": "0 is greedy",
    "top_p": "",
    "max_tokens": "for a response",
    "grader": "a few words",
    "prompting": "a few words",
    "locator": "where in the source: a table, a section, a file at a commit",
}
ROW = {
    "model": "its name, hub id or API name",
    "score": "percent",
    "reported_by": "vendor or third-party (default)",
    "status": "ok (default), wrong, misquoted or not-confirmed",
    "note": "why, where the status is not ok",
    "uncounted": "why no count of right answers gives the score",
}
MODEL = {
    "hf_id": "owner/name on the hub",
    "organisation": "who made it",
    "kind": ", ".join(KINDS),
    "size_b": "billions of parameters",
    "mode": "thinking mode or effort",
}
REQUIRED = ("title", "url", "benchmark", "metric", "locator", "model", "score")


def _yes_or_no(text: str) -> bool:
    if text.lower() not in {"yes", "no", "true", "false"}:
        raise ValueError("say yes or no")
    return text.lower() in {"yes", "true"}


_KINDS: dict[str, Callable[[str], Value]] = {
    # `null` says that the source counts several answers, and not how many.
    "k": lambda text: None if text == "null" else int(text),
    **dict.fromkeys(("shots", "max_tokens"), int),
    **dict.fromkeys(("score", "temperature", "top_p", "size_b"), float),
    **dict.fromkeys(("cot", "chat_template"), _yes_or_no),
}
_PLAIN = re.compile(r"[A-Za-z][\w./()+@-]*( [\w./()+@-]+)*")
_WORDS = {"true", "false", "yes", "no", "on", "off", "null", "none"}


def parse_field(name: str, text: str) -> Value:
    """Return the value of a field from its text; raises ClaimError where it is of another kind."""
    try:
        return _KINDS.get(name, str)(text.strip())
    except ValueError as error:
        raise ClaimError(f"a value for {name}", repr(text), str(error)) from error


def ask_for_fields(known: dict[str, Value], answer: Callable[[str], str]) -> dict[str, Value]:
    """Return the fields with the missing ones asked for; an empty answer means that the source does not say.

    `answer` is called with a prompt. Required fields, and values of the wrong kind, are asked for again.
    """
    fields = dict(known)
    for name in (*SOURCE, *TABLE, *ROW):
        said = "(required)" if name in REQUIRED else ""
        while name not in fields:
            text = answer(f"{name} {said}".rstrip() + ": ").strip()
            if not text and name not in REQUIRED:
                break
            try:
                fields |= {name: parse_field(name, text)} if text else {}
            except ClaimError as error:
                said = f"({error})"
    return fields


def add_claim(folder: Path, fields: Mapping[str, Value]) -> Path:
    """Write a claim into the folder of claims and return the file it went to.

    fields: named as in SOURCE, TABLE, ROW and, for a model that is not known yet, MODEL. The file of the source is
    the one with its url, else a new one. Raises ClaimError, with nothing changed, where a required field is missing
    or the result does not validate.
    """
    if missing := ", ".join(name for name in REQUIRED if name not in fields):
        raise ClaimError("every required field of a claim", f"none for {missing}", "the source must say it")
    claims, problems = read_claims(folder)
    if problems:
        raise ClaimError("valid claims to add to", str(problems[0]), "run `mathtasks leaderboard validate`")
    fields = _as_claims_name_them(claims, fields)
    edits = {**_model_edit(folder, claims, fields), **_claim_edit(folder, claims, fields)}
    before = {path: path.read_text(encoding="utf-8") if path.exists() else None for path in edits}
    for path, text in edits.items():
        path.write_text(text, encoding="utf-8")
    try:
        there, problems = read_claims(folder)
        said = [str(problem) for problem in (*problems, *check_claims(there, date.today()))]
    except ClaimError as error:
        said = [str(error)]
    if said:
        for path, old in before.items():
            path.unlink() if old is None else path.write_text(old, encoding="utf-8")
        listing = "\n  ".join(said)
        raise ClaimError("a valid claim", f"\n  {listing}", "nothing was written; correct the fields named")
    return list(edits)[-1]


def _as_claims_name_them(claims: Claims, fields: Fields) -> Fields:
    """A hub id or an API name as the name of its model, a task's name as the name of its benchmark."""
    benchmark = claims.benchmark_of(str(fields["benchmark"]))
    model = claims.models.known(str(fields["model"]))
    name = benchmark.name if benchmark else fields["benchmark"]
    return {**fields, "benchmark": name, "model": model or fields["model"]}


def _same_source(claim: Claim, fields: Fields) -> None:
    """What is said of a source that is there must be what its file says: it would be dropped without a word."""
    stated = {name: getattr(claim.source, name) for name in ("publisher", "date")}
    for name, there in stated.items():
        if name in fields and fields[name] != there:
            fix = f"leave it out, or edit claims/{claim.file}"
            wanted = f"the {name} that {claim.file} states ({there or 'none'})"
            raise ClaimError(wanted, repr(fields[name]), fix)


def _claim_edit(folder: Path, claims: Claims, fields: Mapping[str, Value]) -> dict[Path, str]:
    table = _block(fields, TABLE, "    ").replace("    ", "  - ", 1)
    entry = f"{table}    rows:\n      - {_flow(fields, ROW)}\n"
    at_home = next((claim for claim in claims.rows if claim.source.url == fields["url"]), None)
    if at_home is not None:
        _same_source(at_home, fields)
        path = folder / "claims" / at_home.file
        return {path: path.read_text(encoding="utf-8").rstrip("\n") + "\n" + entry}
    slug = re.sub(r"[^a-z0-9.]+", "-", str(fields["title"]).lower())[:50].strip("-.")
    path = folder / "claims" / f"{slug}.yaml"
    if path.exists():
        got = f"{path.name} holds another url"
        raise ClaimError("a new file for a new source", got, "choose another title")
    source = _block({"read_from": "original", **fields}, SOURCE, "  ")
    return {path: f"source:\n{source}tables:\n{entry}"}


def _model_edit(folder: Path, claims: Claims, fields: Mapping[str, Value]) -> dict[Path, str]:
    name = str(fields["model"])
    if name in claims.models:
        return {}
    if "organisation" not in fields or "kind" not in fields:
        fix = f"{claims.models.suggestion(name)} Or give a new model's --organisation and --kind"
        raise ClaimError("a model that is known", repr(name), fix)
    if fields["kind"] not in KINDS:
        raise ClaimError("the kind of a new model", repr(fields["kind"]), f"take one of {', '.join(KINDS)}")
    path = folder / "models.yaml"
    text = path.read_text(encoding="utf-8").rstrip("\n")
    return {path: f"{text}\n{quoted(name)}: {_flow(fields, MODEL)}\n"}


def _block(fields: Mapping[str, Value], names: Iterable[str], indent: str) -> str:
    return "".join(f"{indent}{name}: {quoted(fields[name], name)}\n" for name in names if name in fields)


def _flow(fields: Mapping[str, Value], names: Iterable[str]) -> str:
    return "{" + ", ".join(f"{name}: {quoted(fields[name], name)}" for name in names if name in fields) + "}"


def quoted(value: Value, name: str = "") -> str:
    """Return a value as YAML in the style of the files: bare where that is safe, else in double quotes."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"{value:g}" if value == round(value, 4) else repr(value)
    if name != "date" and _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    # A JSON string is a YAML string in double quotes.
    return json.dumps(value.replace("\n", " "), ensure_ascii=False)
