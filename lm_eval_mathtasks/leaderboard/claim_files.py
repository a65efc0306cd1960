"""The shape of a file of claims, checked by pydantic. Empty means: the source does not say."""

from __future__ import annotations

from datetime import date as day
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

Text = Annotated[str, StringConstraints(min_length=1, max_length=300)]
Metric = Literal["pass@1", "avg@k", "maj@k", "rm@k", "best-of-n"]
Status = Literal["ok", "wrong", "misquoted", "not-confirmed"]
ReadFrom = Literal["original", "copy", "notes", "quotation", "draft"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, populate_by_name=True)
    line: int = Field(default=0, alias="__line__")


class SourceEntry(_Strict):
    """Who published the numbers, and where a reader finds them."""

    title: Text
    url: Annotated[str, StringConstraints(pattern=r"^https?://\S+$")] | None = None
    publisher: Text | None = None
    date: Annotated[str, StringConstraints(pattern=r"^\d{4}(-\d\d(-\d\d)?)?$")] | None = None
    published: bool = True
    read_from: ReadFrom = "original"
    quoted_in: Text | None = None

    @model_validator(mode="after")
    def _has_a_source(self) -> SourceEntry:
        if self.published and not self.url:
            raise ValueError("a published source needs its url; an unpublished one says `published: false`")
        return self

    @field_validator("date")
    @classmethod
    def _is_in_the_calendar(cls, value: str | None) -> str | None:
        if value is not None:
            day.fromisoformat(f"{value}-01-01"[: len("2024-01-01")])
        return value


class RowEntry(_Strict):
    """One score of one model."""

    model: Text
    score: float = Field(ge=0, le=100, description="percent")
    reported_by: Literal["vendor", "third-party"] | None = None
    status: Status = "ok"
    note: Text | None = None
    uncounted: Text | None = None

    @model_validator(mode="after")
    def _doubt_has_a_reason(self) -> RowEntry:
        if self.status != "ok" and not self.note:
            raise ValueError(f"a row with status {self.status} needs a note that says why")
        return self


class TableEntry(_Strict):
    """Rows that share a benchmark and a protocol."""

    benchmark: Text
    metric: Metric
    locator: Text
    rows: list[RowEntry] = Field(min_length=1)
    k: int | None = Field(default=None, ge=1, description="samples per problem")
    shots: int | None = Field(default=None, ge=0)
    cot: bool | None = None
    tools: Literal["none", "python", "calculator", "some"] | None = None
    chat_template: bool | None = None
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, gt=0, le=1)
    max_tokens: int | None = Field(default=None, ge=1)
    grader: Text | None = None
    prompting: Text | None = None
    reported_by: Literal["vendor", "third-party"] = "third-party"
    read_from: ReadFrom | None = None
    quoted_in: Text | None = None
    note: Text | None = None
    uncounted: Text | None = Field(default=None, description="why a score is no count of right answers")

    @model_validator(mode="after")
    def _several_answers_have_a_number(self) -> TableEntry:
        if self.metric != "pass@1" and "k" not in self.model_fields_set:
            raise ValueError(
                f"{self.metric} needs k, the answers to each problem; null if the source is silent"
            )
        if self.metric == "pass@1" and self.k not in (None, 1):
            raise ValueError(f"pass@1 of {self.k} answers to each problem is avg@k")
        if self.metric != "pass@1" and (self.k == 1 or self.temperature == 0):
            why = "one answer" if self.k == 1 else "answers at temperature 0, which are all the same,"
            raise ValueError(f"{self.metric} of {why} is pass@1")
        return self

    @model_validator(mode="after")
    def _scores_are_percent(self) -> TableEntry:
        finer = [row.score for row in self.rows if 0 < row.score < 1 and round(row.score, 2) != row.score]
        if finer or (0 < max(row.score for row in self.rows) < 1 and not any(row.note for row in self.rows)):
            score = (finer or [row.score for row in self.rows])[0]
            raise ValueError(
                f"{score:g} may be a fraction, and scores are percent; if it is so low, say so in a note"
            )
        return self

    def answers(self) -> int | None:
        """How many answers to each problem a score counts; None where the source does not say.

        A vote or a choice counts one. pass@1 without a temperature of 0 is often the mean of several runs.
        """
        if self.metric in ("maj@k", "rm@k", "best-of-n"):
            return 1
        if self.metric == "pass@1" and self.temperature == 0:
            return 1
        return self.k


class FileEntry(_Strict):
    """A file of claims: one source, its tables."""

    source: SourceEntry
    tables: list[TableEntry] = Field(min_length=1)
