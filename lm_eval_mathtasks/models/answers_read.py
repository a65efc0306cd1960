"""What a run returns: its responses, each read from the journal when it is asked for."""

import weakref
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, overload

from lm_eval_mathtasks.errors import JournalError
from lm_eval_mathtasks.journal.store import Journal
from lm_eval_mathtasks.models.faults import Fault
from lm_eval_mathtasks.models.payload import Payload
from lm_eval_mathtasks.response import Response
from lm_eval_mathtasks.text import delivered

_READ_AT_ONCE = 500  # answers in memory


class Answers(Sequence[Response]):
    """The Response to each key, cut where its settings say, or empty with what is wrong in `faults`. None is kept in
    memory. The file is held open, so that all stay readable where it is deleted or replaced. Equal to a list of the
    same texts, and copied and pickled as one.

    Reading raises JournalError where an answer is there no more.
    """

    def __init__(
        self, journal: Journal, keys: Sequence[str], cuts: Sequence[Payload], faults: Mapping[str, Fault]
    ) -> None:
        self._journal, self._keys, self._cuts, self._faults = journal, keys, cuts, faults
        weakref.finalize(self, journal.close)

    def __len__(self) -> int:
        return len(self._keys)

    def __iter__(self) -> Iterator[Response]:
        for start in range(0, len(self), _READ_AT_ONCE):
            yield from self[start : start + _READ_AT_ONCE]

    @overload
    def __getitem__(self, at: int) -> Response: ...
    @overload
    def __getitem__(self, at: slice) -> list[Response]: ...
    def __getitem__(self, at: int | slice) -> Response | list[Response]:
        places = range(len(self))[at]
        if isinstance(places, int):
            return self[places : places + 1][0]
        keys = [self._keys[place] for place in places]
        said = {one.key: one for one in self._journal.find([key for key in keys if key not in self._faults])}
        responses = []
        for key, place in zip(keys, places, strict=True):
            if key in self._faults:
                responses.append(Response("", error=str(self._faults[key])))
                continue
            if key not in said:
                fix = "run the same command again, with the journal that holds the answers"
                raise JournalError(f"the answer {key[:12]} in {self._journal.path}", "none", fix)
            text, finish_reason = delivered(said[key].response, said[key].finish_reason, self._cuts[place])
            responses.append(Response(text, finish_reason=finish_reason))
        return responses

    def __eq__(self, other: object) -> bool:
        return list(self) == list(other) if isinstance(other, list | Answers) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[Any, ...]:
        return list, (list(self),)
