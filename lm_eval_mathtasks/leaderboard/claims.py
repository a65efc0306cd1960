"""Claims: published scores with their protocol and source, read from `leaderboards/claims/*.yaml`."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lm_eval_mathtasks.errors import ClaimError, did_you_mean
from lm_eval_mathtasks.leaderboard.aliases import Models
from lm_eval_mathtasks.leaderboard.benchmarks import Benchmark as Benchmark  # noqa: PLC0414  # seen from outside here
from lm_eval_mathtasks.leaderboard.benchmarks import read_benchmarks
from lm_eval_mathtasks.leaderboard.yaml_files import LINE, Problem, leaderboards_dir, load_table, load_yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lm_eval_mathtasks.leaderboard.claim_files import FileEntry, RowEntry, TableEntry


@dataclass(frozen=True)
class Source:
    """Who published a number, and where a reader finds it."""

    title: str
    url: str | None
    publisher: str | None
    date: str | None
    published: bool


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A published score. `None` means that the source does not say; scores are percent, sizes billions."""

    id: str
    benchmark: str
    model: str
    hf_id: str | None
    organisation: str
    kind: str
    size_b: float | None
    mode: str | None
    score: float
    metric: str
    k: int | None = None
    shots: int | None = None
    cot: bool | None = None
    tools: str | None = None
    chat_template: bool | None = None
    prompting: str | None = None
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    grader: str | None = None
    reported_by: str
    source: Source
    locator: str
    read_from: str = "original"
    quoted_in: str | None = None
    status: str = "ok"
    note: str | None
    file: str
    line: int

    @property
    def ranked(self) -> bool:
        """Whether the score may be ranked or compared with: published, and not known to be wrong."""
        return self.status == "ok" and self.source.published


@dataclass(frozen=True)
class Claims:
    """All claims, with the models and benchmarks they name."""

    rows: tuple[Claim, ...]
    models: Models
    benchmarks: dict[str, Benchmark]
    folder: Path

    def by_id(self, claim_id: str) -> Claim:
        """Return one claim; raises ClaimError with near ids."""
        found = {claim.id: claim for claim in self.rows}
        if claim_id not in found:
            fix = did_you_mean(claim_id, found, "`mathtasks leaderboard search WORDS` prints the ids", n=3)
            raise ClaimError("the id of a claim", repr(claim_id), fix)
        return found[claim_id]

    def benchmark_of(self, task: str, docs: int | None = None) -> Benchmark | None:
        """Return the benchmark that a harness's task name stands for, `docs` deciding between two of one name."""
        bare = task.split("|")[1] if task.count("|") else task
        hits = [b for b in self.benchmarks.values() if b.tasks.match(bare) or b.name.lower() == bare.lower()]
        exact = [b for b in hits if docs in (b.docs, *b.editions)]
        return next(iter(exact or hits), None)


def load_claims(folder: str | Path | None = None) -> Claims:
    """Return every claim; raises one ClaimError that lists all problems with file and line."""
    claims, problems = read_claims(folder)
    if problems:
        listing = "\n  ".join(str(problem) for problem in problems)
        raise ClaimError("valid claims", f"{len(problems)} problems:\n  {listing}", "correct the lines named")
    return claims


def read_claims(folder: str | Path | None = None) -> tuple[Claims, list[Problem]]:
    """Return the claims that could be read, and all problems of all files."""
    root = leaderboards_dir(folder)
    models = Models.from_table(load_table(root / "models.yaml"))
    benchmarks, problems = read_benchmarks(root / "benchmarks.yaml")
    rows: list[Claim] = []
    for path in sorted((root / "claims").glob("*.yaml")):
        entry, trouble = _read_file(path)
        problems += trouble
        if entry is not None:
            problems += _cross_check(path, entry, models, benchmarks)
            rows += _claims_of(path, entry, models)
    return Claims(tuple(rows), models, benchmarks, root), problems


def _read_file(path: Path) -> tuple[FileEntry | None, list[Problem]]:
    content, problems = load_yaml(path)
    if problems:
        return None, problems
    try:
        from pydantic import ValidationError

        from lm_eval_mathtasks.leaderboard.claim_files import FileEntry
    except ImportError as error:
        fix = "run pip install 'lm-eval-mathtasks[report]'"
        raise ClaimError("pydantic", "it is not installed", fix) from error
    try:
        return FileEntry.model_validate(content), []
    except ValidationError as error:
        return None, [Problem(path.name, _line_of(content, e["loc"]), _describe(e)) for e in error.errors()]


def _line_of(content: Any, location: tuple[int | str, ...]) -> int:
    """Line of the innermost mapping on the way to a pydantic error."""
    line = 1
    for step in location:
        try:
            content = content[step]
        except (KeyError, IndexError, TypeError):
            break
        if isinstance(content, dict):
            line = content.get(LINE, line)
    return line


def _describe(error: Any) -> str:
    where = ".".join(str(step) for step in error["loc"] if not isinstance(step, int))
    given = error.get("input")
    shown = "" if isinstance(given, dict | list) else f" (got {given!r})"
    return f"{where}: {error['msg'].removeprefix('Value error, ')}{shown}"


def _cross_check(
    path: Path, entry: FileEntry, models: Models, benchmarks: dict[str, Benchmark]
) -> Iterator[Problem]:
    """What needs the other files: names that exist, and no row twice."""
    seen: set[tuple[Any, ...]] = set()
    for table in entry.tables:
        if table.benchmark not in benchmarks:
            known = ", ".join(benchmarks)
            yield Problem(path.name, table.line, f"unknown benchmark {table.benchmark!r}; known: {known}")
        shared = table.model_dump(exclude={"rows", "line", "note"})
        for row in table.rows:
            if row.model not in models:
                said = f"unknown model {row.model!r}; {models.suggestion(row.model)}"
                yield Problem(path.name, row.line, said)
            key = (row.model, row.score, *sorted((k, str(v)) for k, v in shared.items()))
            if key in seen:
                yield Problem(path.name, row.line, f"the same score of {row.model!r} twice")
            seen.add(key)
            if table.benchmark in benchmarks:
                yield from _no_count(path, table, row, benchmarks[table.benchmark])


def _no_count(path: Path, table: TableEntry, row: RowEntry, benchmark: Benchmark) -> Iterator[Problem]:
    """A score that no count of right answers gives, unless the file says why, and a reason where none is needed."""
    answers = table.answers()
    gives = answers is None or benchmark.gives(row.score, answers)
    if not gives and not (row.uncounted or table.uncounted) and row.status == "ok":
        of = f"{benchmark.docs} problems" + (f" with {answers} answers each" if answers != 1 else "")
        fix = "look at the source again, or say why in `uncounted`"
        yield Problem(path.name, row.line, f"{row.score:g} of {row.model!r} is no share of {of}; {fix}")
    elif gives and row.uncounted:
        said = f"{row.score:g} of {row.model!r} is a count; leave `uncounted` out"
        yield Problem(path.name, row.line, said)


def _claims_of(path: Path, entry: FileEntry, models: Models) -> Iterator[Claim]:
    stated = entry.source
    source = Source(stated.title, stated.url, stated.publisher, stated.date, stated.published)
    numbers: Counter[str] = Counter()
    for table in entry.tables:
        # The facts of a table and of a model have in a claim the names that they have there.
        shared = {name: value for name, value in vars(table).items() if name in Claim.__dataclass_fields__}
        for row in table.rows:
            if row.model not in models:
                continue
            model = models[row.model]
            base = f"{path.stem}/{table.benchmark}/{row.model}"
            why = row.uncounted or table.uncounted
            uncounted = why and f"no count of answers gives this score: {why}"
            numbers[base] += 1
            own = {
                "id": base if numbers[base] == 1 else f"{base}/{numbers[base]}",
                "model": row.model,
                "score": row.score,
                "reported_by": row.reported_by or table.reported_by,
                "source": source,
                "read_from": table.read_from or stated.read_from,
                "quoted_in": table.quoted_in or stated.quoted_in,
                "status": row.status,
                "note": "; ".join(filter(None, (table.note, row.note, uncounted))) or None,
                "file": path.name,
                "line": row.line,
            }
            yield Claim(**{**shared, **model.facts, **own})
