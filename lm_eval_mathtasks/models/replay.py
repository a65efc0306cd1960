"""`--model replay --model_args path=responses.jsonl`: score responses that were generated elsewhere.

Each line is a JSON object with the response(s) and one key to the doc:

    {"question": "...", "response": "..."}                      the doc's question, white space aside
    {"doc_id": 17, "response": "..."}                           its position in the test set, from 0
    {"doc_id": 17, "task": "math500", "responses": ["...", ...]}   one per repeat; `task` where a file serves several

`finish_reason` ("stop", "length", ...) and `error` (why there is no response) are handed on to the scoring; a null
response is an error too, an empty one is the model's. `repeat` orders the responses of a doc. Every requested doc must
have exactly as many responses as the task repeats it; anything else is an error that names the doc, before anything
is scored.
"""

import json
import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any

from lm_eval.api.model import LM

from lm_eval_mathtasks.errors import ReplayError
from lm_eval_mathtasks.files import json_lines
from lm_eval_mathtasks.response import Response
from lm_eval_mathtasks.text import collapsed, encodable

log = logging.getLogger(__name__)

Key = tuple[str | None, int | str]
_NAMED_DOCS = 5  # how many docs an error names before it says "..."


class Replay(LM):  # type: ignore[misc]  # lm-eval publishes no types
    """An lm-eval model that answers from a file; `path` as above, other arguments (`model=` names it) are free."""

    def __init__(self, path: str = "", **_: Any) -> None:
        super().__init__()
        if not path:
            raise ReplayError("a file of responses", "no path", "add --model_args path=responses.jsonl")
        self.path = Path(path).expanduser()
        self.responses = read_responses(self.path)

    def generate_until(self, requests: Sequence[Any], **_: Any) -> list[str]:
        """Return the response of every request, in order; the k-th request of a doc gets its k-th response."""
        matched = self._match(requests)
        given = {key: iter(found) for key, found in matched.items()}
        self._report_unused(matched.values())
        return [next(given[id(request)]) for request in requests]

    def _match(self, requests: Sequence[Any]) -> dict[int, list[Response]]:
        """Responses by id of the request. Raises ReplayError for all docs with too few or too many at once."""
        asked = Counter(map(id, requests))
        matched, wrong = {}, []
        for request in {id(r): r for r in requests}.values():
            found = self._find(request)
            matched[id(request)] = found
            if len(found) != asked[id(request)]:
                wrong.append((request, len(found), asked[id(request)]))
        if wrong:
            named = "; ".join(
                f"{r.task_name} doc {r.doc_id} ({_question(r.doc)[:40]!r}) has {n} of {k}"
                for r, n, k in wrong[:_NAMED_DOCS]
            )
            raise ReplayError(
                f"exactly one response per doc and repeat in {self.path}",
                f"{len(wrong)} docs that differ: {named}{'; ...' if len(wrong) > _NAMED_DOCS else ''}",
                "complete the file or remove the doubles; run a part with --limit or --samples; "
                "a doc's key is `doc_id` (and `task`) or `question`",
            )
        return matched

    def _find(self, request: Any) -> list[Response]:
        question = collapsed(_question(request.doc))
        keys: list[Key] = [(request.task_name, request.doc_id), (None, request.doc_id)]
        keys += [(request.task_name, question), (None, question)]
        return next((self.responses[key] for key in keys if key in self.responses), [])

    def _report_unused(self, used: Iterable[list[Response]]) -> None:
        unused = len(self.responses) - len({id(found) for found in used})
        if unused:
            log.warning("%s: %d docs of the file were not asked for", self.path, unused)

    def loglikelihood(self, *_: Any, **__: Any) -> Any:
        """A file of responses has no likelihoods: raises ReplayError."""
        fix = "run it with --model hf"
        raise ReplayError("a task that generates text", "one that needs likelihoods", fix)

    loglikelihood_rolling = loglikelihood

    @property
    def tokenizer_name(self) -> str:
        """There is none; lm-eval asks for one to build its prompt cache."""
        return "replay"

    def apply_chat_template(self, chat_history: list[dict[str, str]], **_: Any) -> str:
        """The messages as JSON: the prompt is logged but not used."""
        return json.dumps(chat_history, ensure_ascii=False)


def read_responses(path: Path) -> dict[Key, list[Response]]:
    """Responses of a file by key. Raises ReplayError with the line number of a malformed line."""
    if not path.is_file():
        raise ReplayError("a file of responses", f"{path}, which does not exist", "correct path=")
    found: dict[Key, list[tuple[int, Response]]] = {}
    replaced = 0
    for number, row in json_lines(path, ReplayError):
        key, responses, unwritable = _read_line(row, f"{path}, line {number}")
        found.setdefault(key, []).extend(responses)
        replaced += unwritable
    if replaced:
        said = "%s: %d responses held characters that no file can hold; replaced by U+FFFD"
        log.warning(said, path, replaced)
    return {key: [response for _, response in sorted(rows, key=itemgetter(0))] for key, rows in found.items()}


def _read_line(row: dict[str, Any], place: str) -> tuple[Key, list[tuple[int, Response]], int]:
    wanted = f'an object with "response" and "question" or "doc_id" in {place}'
    fix = 'write lines such as {"question": "...", "response": "..."}'
    if "response" not in row and "responses" not in row and not row.get("error"):
        raise ReplayError(wanted, f"{str(row)[:60]!r}", fix)
    key = _key(row)
    if key is None:
        raise ReplayError(wanted, f"neither key in {str(row)[:60]!r}", fix)
    given = row.get("responses", row.get("response"))
    texts = given if isinstance(given, list) else [given]
    if bad := [t for t in texts if t is not None and not isinstance(t, str)]:
        raise ReplayError(wanted, f"a response of type {type(bad[0]).__name__}", fix)
    reason, first = row.get("finish_reason"), row.get("repeat", 0)
    responses = []
    for repeat, text in enumerate(texts, start=first):
        missing = row.get("error") or ("no response in the file" if text is None else None)
        answer = Response(
            encodable(text or ""), finish_reason=reason, error=str(missing) if missing else None
        )
        responses.append((repeat, answer))
    return key, responses, sum(bool(text and encodable(text) != text) for text in texts)


def _key(row: dict[str, Any]) -> Key | None:
    task = row.get("task")
    if isinstance(row.get("doc_id"), int):
        return task, row["doc_id"]
    text = row.get("question", row.get("problem"))
    return (task, collapsed(text)) if isinstance(text, str) and text.strip() else None


def _question(doc: dict[str, Any]) -> str:
    return str(doc.get("question", doc.get("problem", "")))
