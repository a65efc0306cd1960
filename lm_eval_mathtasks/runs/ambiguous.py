"""Columns whose meaning only all lines of a run together tell: which is the reference answer, which the own verdict."""

from collections.abc import Callable, Sequence
from pathlib import Path

from lm_eval_mathtasks.errors import EvidenceError
from lm_eval_mathtasks.grading import Status, grade
from lm_eval_mathtasks.runs import columns
from lm_eval_mathtasks.runs.lines import Line
from lm_eval_mathtasks.runs.lm_eval_schema import number_in_cell
from lm_eval_mathtasks.runs.records import API_ERROR, NO_VERDICT
from lm_eval_mathtasks.runs.score_names import GRADED


def with_references(lines: Sequence[Line]) -> tuple[list[Line], tuple[str, ...]]:
    """Return the lines with their `reference`, and a note where it is not sure that it is one.

    A column whose name says that it is the reference answer comes first; `answer`, `final_answer` and `solution` count
    only where there is none, and not where they are the model's. Qwen2.5-Math writes the answer as published into
    `answer`, and what its own cleaning made of it into `gt`: there `answer` counts where `gt` cannot be read.
    """
    there = {name for line in lines for name in line.references}
    models = {name for name in there & columns.UNSURE if _is_the_models(name, lines)}
    sure = there - columns.UNSURE
    names = [name for name in columns.GOLD if name in (sure or there - models)]
    published = "answer" in there - models and all(line.qwen for line in lines)
    found = [line._replace(reference=_reference(line, names, published)) for line in lines]
    first = names[0] if names else ""
    having = [line for line in lines if line.answered and first in line.references]
    same = [line.references[first] == line.answered for line in having]
    notes: tuple[str, ...] = ()
    if first in columns.UNSURE and len(same) > 1 and all(same) and not any(line.verdicts for line in lines):
        notes = (f"`{first}` is the model's answer on every line: if it is not the reference, pass --gold",)
    return found, notes


def _reference(line: Line, names: Sequence[str], published: bool) -> str | None:
    found = next((line.references[name] for name in names if name in line.references), None)
    answer = line.references.get("answer")
    if published and answer is not None and (found is None or _unreadable(found)):
        return answer
    return found


def _unreadable(gold: str) -> bool:
    return grade(gold=gold, pred="0").status is Status.GOLD_UNREADABLE


def _is_the_models(name: str, lines: Sequence[Line]) -> bool:
    """Whether a column is the model's answer: it holds one for each response, it differs between the repeats of a doc,
    or it is what the model answered even where that was wrong."""
    having = [line for line in lines if name in line.references]
    by: list[Callable[[Line], str | None]] = [lambda line: line.id, lambda line: line.question or None]
    if any(_differs_between_repeats(name, having, doc) for doc in by):
        return True
    if all(name in line.for_each for line in having):
        return True
    judged = [line for line in having if line.answered is not None]
    wrong = any(min(verdict) < 1 for line in judged for verdict in line.verdicts.values())
    return wrong and all(line.references[name] == line.answered for line in judged)


def _differs_between_repeats(name: str, lines: Sequence[Line], doc: Callable[[Line], str | None]) -> bool:
    """Whether most lines are repeats of docs, and those of some doc differ.

    A data set may hold a problem twice with two answers; but then most lines are no repeats.
    """
    docs: dict[str, list[Line]] = {}
    for line in lines:
        if (own := doc(line)) is not None:
            docs.setdefault(own, []).append(line)
    repeated = [own for own in docs.values() if len(own) > 1]
    differ = any(len({line.references[name] for line in own}) > 1 for own in repeated)
    return differ and 2 * sum(map(len, repeated)) >= len(lines)


def partial_credit(lines: Sequence[Line]) -> dict[str, str]:
    """Return the doubt where the grades of a file are shares of what was to be had, and no verdicts: its own score is
    not what our grader finds in the responses."""
    kinds: dict[str, set[float]] = {}
    for line in lines:
        for name, value in (*line.verdicts.items(), *line.unfit.items()):
            numbers = value if isinstance(value, list | tuple) else [value]
            known = (number_in_cell(number) for number in numbers)
            kinds.setdefault(name, set()).update(number for number in known if number is not None)
    graded = {name: numbers for name, numbers in kinds.items() if GRADED.fullmatch(name)}
    found = [name for name, of in graded.items() if len(of) > 2 or any(0 < number < 1 for number in of)]
    return {"scores": f"partial credit in `{found[0]}` (--metric {NO_VERDICT}: by ours)"} if found else {}


def choose_verdict(
    lines: Sequence[Line], wanted: str | None, path: Path
) -> tuple[str | None, tuple[str, ...]]:
    """Return the column that holds the run's own verdicts, and notes about the columns that were not taken.

    A column counts where every line has it; wanted: its name, NO_VERDICT for none at all. Raises EvidenceError where
    `wanted` is not such a column, or where several disagree and it is left open.
    """
    if wanted == NO_VERDICT:
        return None, ()
    # A request that failed has no verdict.
    lines = [line for line in lines if not line.finish or set(line.finish) != {API_ERROR}] or lines
    complete = [name for name in lines[0].verdicts if all(name in line.verdicts for line in lines)]
    partial = {name for line in lines for name in (*line.verdicts, *line.unfit)} - set(complete)
    why = "is not a verdict for every line, and is not used"
    notes = tuple(f"column `{name}` {why}" for name in sorted(partial))
    if wanted:
        if wanted not in complete:
            known = ", ".join(complete) or "no column of verdicts"
            raise EvidenceError(f"a column of verdicts {wanted!r} in {path}", known, "choose one of these")
        return wanted, notes
    unlike = {name: tuple(line.verdicts[name] for line in lines) for name in complete}
    if len(set(unlike.values())) > 1:
        rights = ", ".join(f"{name} ({_mean(values):.2%} right)" for name, values in unlike.items())
        fix = "choose the one that counts with --metric"
        raise EvidenceError(f"one verdict for each line of {path}", f"columns that disagree: {rights}", fix)
    return (complete[0] if complete else None), notes


def _mean(values: Sequence[tuple[float, ...]]) -> float:
    return sum(sum(v) / len(v) for v in values) / len(values)
