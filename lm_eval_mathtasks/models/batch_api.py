"""The same requests as an OpenAI batch, and its output back into the journal.

A batch costs half and takes up to a day. Each line's custom_id is the journal's key, so a run that finds a
collected batch in its journal asks nothing, and is the same evaluation as a live one.
Format: https://platform.openai.com/docs/guides/batch
"""

import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from lm_eval_mathtasks.errors import ModelError
from lm_eval_mathtasks.journal.queries import uncollected
from lm_eval_mathtasks.journal.schema import Answer
from lm_eval_mathtasks.journal.store import Journal
from lm_eval_mathtasks.models.capabilities import Capabilities
from lm_eval_mathtasks.models.faults import Fault, Refused, Rejected, classify
from lm_eval_mathtasks.models.payload import Ask, Payload, prompt_text
from lm_eval_mathtasks.models.reply import Reply, absorb, finish, understanding
from lm_eval_mathtasks.models.settings import Settings

MAX_LINES = 50_000  # requests in one batch file
MAX_BYTES = 190_000_000  # of one batch file; 200 MB are allowed


def _file(path: Path, number: int) -> Path:
    return path if number == 0 else path.with_name(f"{path.stem}-{number + 1}{path.suffix}")


def write_batch(
    asks: Sequence[Ask], journal: Journal, capabilities: Capabilities, settings: Settings, *, chat: bool
) -> Iterator[str]:
    """Write `asks` to the file of `batch_out` (and to FILE-2, FILE-3, ... beyond the limits of one batch) and note them
    in the journal; returns lines for a terminal."""
    first, url = Path(settings.batch_out or ""), "/v1/chat/completions" if chat else "/v1/completions"
    first.parent.mkdir(parents=True, exist_ok=True)
    written: Counter[Path] = Counter()
    target, size = first, 0
    with ExitStack() as stack:
        for ask in asks:
            body = capabilities.apply(ask.payload)
            line = json.dumps({"custom_id": ask.key, "method": "POST", "url": url, "body": body}) + "\n"
            if not written or written[target] == MAX_LINES or size + len(line) > MAX_BYTES:
                target, size = _file(first, len(written)), 0
                out = stack.enter_context(target.open("w", encoding="utf-8"))
            out.write(line)
            written[target] += 1
            size += len(line)
    asked = ((ask.key, ask.payload) for ask in asks)
    journal.note_pending((key, settings.base_url, payload, prompt_text(payload)) for key, payload in asked)
    if not written:
        yield "every request is in the journal already: no batch is needed"
        return
    for path, n in written.items():
        yield f"{n} requests for {url} in {path}"
    yield f"upload with purpose=batch; then: mathtasks batch collect <output file> --journal {journal.path}"


def batch_collect(output: str | Path, journal: str | Path) -> Iterator[str]:
    """Take a batch's output file (or its error file) into `journal`; returns lines for a terminal.

    Raises ModelError, when all others are kept, if lines are not of a batch that was written for this journal, as the
    last one of half a download; JournalError if there is no journal.
    """
    # Opening it to write would make one.
    uncollected(journal)
    kept = Journal(journal)
    good = bad = 0
    strange: list[int] = []
    try:
        with Path(output).open(encoding="utf-8-sig", errors="replace") as lines:
            for number, line in enumerate(lines, 1):
                if not line.strip():
                    continue
                outcome = _collected(line, kept)
                if outcome is None:
                    strange.append(number)
                elif isinstance(outcome, Answer):
                    kept.put(outcome).result()
                    good += 1
                else:
                    key, fault = outcome
                    kept.fail(key, fault.severity, fault.kind, fault.said, 1).result()
                    bad += 1
    finally:
        kept.close()
    yield f"{good} answers collected into {journal}, {bad} without an answer"
    if bad:
        yield "run the evaluation to ask for those live, or write another batch"
    if strange:
        got = f"{len(strange)} others, the first in line {strange[0]} of {output}"
        fix = "give the whole output file of that batch, and its journal"
        raise ModelError("lines of a batch written for this journal", got, fix)


def _collected(line: str, journal: Journal) -> Answer | tuple[str, Fault] | None:
    """The answer in a line or why there is none, with its key; None for a line of no batch of this journal."""
    asked = None
    with suppress(ValueError, TypeError, KeyError, RecursionError):
        row = json.loads(line)
        key = row["custom_id"]
        asked = journal.pending(key) if isinstance(key, str) else None
    if asked is None:
        return None
    url, request, prompt = asked
    try:
        with understanding():
            reply = _reply(row, request)
    except Fault as fault:
        return key, fault
    except (Refused, Rejected) as error:
        return key, Fault("item", "batch", str(error))
    model, now = request.get("model") or reply.served_model or "", time.time()
    return Answer(
        key, url, model, request, prompt, reply.text, reply.reasoning or None, reply.finish_reason, reply.usage,
        served_model=reply.served_model, fingerprint=reply.fingerprint, sent_at=now, finished_at=now, source="batch",
    )  # fmt: skip


def _reply(row: dict[str, Any], request: Payload) -> Reply:
    response = row.get("response") or {}
    status, body = int(response.get("status_code") or 0), response.get("body")
    if row.get("error") or status != 200:
        raise classify(status or 500, body or row.get("error"), {}, request)
    reply = Reply()
    absorb(reply, body, {}, request)
    return finish(reply)
