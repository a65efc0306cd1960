"""Are a run and a claim the same measurement? Part by part, with what each part does to the comparison."""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Literal, NamedTuple, TypeVar

from lm_eval_mathtasks.leaderboard.aliases import Model
from lm_eval_mathtasks.leaderboard.claims import Benchmark, Claim
from lm_eval_mathtasks.runs.decoding import SEVERAL, shaped_by, steered_by
from lm_eval_mathtasks.runs.doubts import fewer_repeats
from lm_eval_mathtasks.runs.records import GENERATION, NO_VERDICT, Protocol, Provenance, Run

T = TypeVar("T")
Effect = Literal["breaks", "matters", "unknown", "same"]
# A run cut below the claim's token limit is another measurement only if more responses than this were cut.
CUT_SHARE = 0.01
# A run that lost a few docs to API errors still measures the benchmark.
MISSING_SHARE = 0.01
_SAMPLED = 0.05  # temperatures up to this are greedy decoding for every practical purpose
_GREEDY_OR_SAMPLED = ("pass@1", "avg@k")  # both estimate the accuracy of one answer


# What claims call a thinking mode, by what it is.
_MODES = (
    ("thinking", "reasoning", "extended thinking"),
    ("non-thinking", "non-reasoning", "no extended thinking"),
)


# What a source may state. Any other part is a setting of ours that hardly any source says it did without.
STATED = {
    "metric", "shots", "cot", "tools", "chat_template", "temperature", "top_p", "max_tokens", "grader", "mode", "kind",
    "benchmark", "model", "docs", "weights", "questions", "references",
}  # fmt: skip
# The parts that say how it was asked.
_ASKED = ("shots", "cot", "chat_template", "temperature", "max_tokens")


class Part(NamedTuple):
    """One part of the protocol: ours, theirs, and the effect.

    breaks: not comparable. matters: comparable, and a known source of differences. unknown: one side does not say.
    """

    name: str
    ours: str
    theirs: str
    effect: Effect


def compare_protocols(  # noqa: PLR0913  # keyword-only choices
    run: Run, claim: Claim, benchmark: Benchmark, *, model: Model | None = None, mode: str | None = None,
    cut_share: float | None = None,
) -> list[Part]:  # fmt: skip
    """Return every part of the two protocols with its effect.

    model: what the run's name resolves to. mode: the thinking mode that was run. cut_share: the share of our
    responses that were cut off, None where unknown.
    """
    of_whom = (*_benchmark(run, claim, benchmark), *_kind(claim, model, mode))
    return [*of_whom, *compare_parts(run, claim, cut_share=cut_share)]


def compare_parts(run: Run, claim: Claim, *, cut_share: float | None = None) -> list[Part]:
    """Return the parts that say how it was asked and scored, not what was asked of whom."""
    ours = run.protocol
    return [
        _metric(run, claim),
        _exact("shots", ours.shots, claim.shots, "breaks"),
        _exact("cot", ours.cot, claim.cot, "breaks"),
        _exact("tools", ours.tools, claim.tools, "breaks"),
        _exact("chat_template", ours.chat_template, claim.chat_template, "breaks"),
        _temperature(ours.temperature, claim.temperature),
        _exact("top_p", ours.top_p, claim.top_p, "matters"),
        _limit(ours.max_tokens, claim.max_tokens, cut_share),
        _grader(ours.grader, claim.grader),
        # Sources hardly ever state theirs: one of ours is a difference that nobody can rule out.
        *([Part("system_prompt", "yes", shown(None), "unknown")] if ours.system_prompt else []),
    ]


def fitting(claims: Iterable[Claim], asked: Protocol) -> list[Claim]:
    """Return the claims that state nothing which breaks the comparison with a run that asked so."""
    run = Run(None, "", (), asked, Provenance("", ""))
    return [claim for claim in claims if comparable(compare_parts(run, claim))]


def states_nothing(run: Run) -> bool:
    """Whether a log says nothing of how it asked: a replay, or a plain file of responses."""
    return all(getattr(run.protocol, name) is None for name in _ASKED)


def number_alone(parts: list[Part]) -> bool:
    """Whether only the numbers can be compared: no part of how it was asked is stated by both sides, or the claim is of
    a thinking mode and the run does not say which it was."""
    asked = [part.effect for part in parts if part.name in _ASKED]
    mode = any(part.name == "mode" and part.ours == shown(None) for part in parts)
    return mode or all(effect == "unknown" for effect in asked)


def comparable(parts: list[Part]) -> bool:
    """Whether nothing breaks the comparison."""
    return not any(part.effect == "breaks" for part in parts)


def about_the_number(part: Part) -> Part:
    """Return a part of a comparison whose run states nothing of its protocol: another grader matters, as far as it is
    known, but the outcome is about the number alone."""
    return part._replace(effect="matters") if part.name == "grader" and part.effect == "breaks" else part


def docs_asked(run: Run) -> int | None:
    """How many docs a run asked, None where its log does not say."""
    return run.total.docs if run.total is not None else len(run.rows)


def lost_share(run: Run, benchmark: Benchmark) -> float:
    """The share of a benchmark's docs that a run does not have in its score, or has more: 0 where it is not known."""
    answered = docs_asked(run) if run.total is not None else len(run.answered)
    return 0.0 if answered is None else abs(benchmark.docs - answered) / benchmark.docs


def _benchmark(run: Run, claim: Claim, benchmark: Benchmark) -> Iterator[Part]:
    same = claim.benchmark == benchmark.name
    yield Part("benchmark", benchmark.name, claim.benchmark, "same" if same else "breaks")
    if not same:
        return
    asked = docs_asked(run)
    if asked is None:
        limit = run.provenance.settings.get("limit")
        stated = "not stated" if limit is None else f"a part of them: limit {limit}"
        yield Part("docs", stated, str(benchmark.docs), "unknown" if limit is None else "breaks")
        return
    answered = asked if run.total is not None else len(run.answered)
    if answered != benchmark.docs:
        few = asked == benchmark.docs and answered >= (1 - MISSING_SHARE) * benchmark.docs
        close = few or answered in benchmark.editions
        yield Part("docs", str(answered), str(benchmark.docs), "matters" if close else "breaks")


def _kind(claim: Claim, model: Model | None, mode: str | None) -> Iterator[Part]:
    if model is not None and model.name != claim.model and (model.hf_id or model.name) != claim.hf_id:
        yield Part("model", model.name, claim.model, "breaks")
    if model is not None:
        # Reasoning models are instruct models that think: one checkpoint is listed as either.
        base = (model.kind == "base", claim.kind == "base")
        yield Part("kind", model.kind, claim.kind, "same" if base[0] == base[1] else "breaks")
    if claim.mode is not None or mode is not None:
        alike = None not in (mode, claim.mode) and same_mode(str(mode), str(claim.mode))
        yield _exact("mode", claim.mode if alike else mode, claim.mode, "breaks")


def same_mode(ours: str, theirs: str) -> bool:
    """Whether two words for a thinking mode or an effort mean the same."""
    return ours == theirs or any(ours in words and theirs in words for words in _MODES)


def _metric(run: Run, claim: Claim) -> Part:
    ours = run.protocol.metric
    effect: Effect
    k = "" if claim.metric == "pass@1" else f", k={claim.k or 'not stated'}"
    if ours is None:
        several = f"not stated, of {run.protocol.k} answers (--metric names it)"
        stated, effect = ("not stated", "unknown") if run.protocol.k == 1 else (several, "breaks")
        return Part("metric", stated, claim.metric + k, effect)
    one_answer = ours in _GREEDY_OR_SAMPLED and claim.metric in _GREEDY_OR_SAMPLED
    effect = "same" if ours == claim.metric else "matters" if one_answer else "breaks"
    if effect == "same" and not one_answer and run.protocol.k != claim.k:
        # A vote of other numbers of answers is another score.
        effect = "unknown" if claim.k is None else "breaks"
    own = f"{ours}, k={run.protocol.k}" if run.protocol.k > 1 else ours
    return Part("metric", own, claim.metric + k, effect)


def _stated(name: str, ours: T | None, theirs: T | None, effect: Callable[[T, T], Effect]) -> Part:
    """A part with its effect, which is unknown where one side does not state it."""
    told: Effect = "unknown" if ours is None or theirs is None else effect(ours, theirs)
    return Part(name, shown(ours), shown(theirs), told)


def _exact(name: str, ours: object, theirs: object, effect: Effect) -> Part:
    return _stated(name, ours, theirs, lambda one, other: "same" if one == other else effect)


def is_greedy(temperature: float) -> bool:
    """Whether a temperature is greedy decoding for every practical purpose."""
    return temperature <= _SAMPLED


def _temperature(ours: float | None, theirs: float | None) -> Part:
    def effect(one: float, other: float) -> Effect:
        if is_greedy(one) != is_greedy(other):
            return "breaks"
        return "same" if abs(one - other) <= 0.1 else "matters"

    return _stated("temperature", ours, theirs, effect)


def _limit(ours: int | None, theirs: int | None, cut_share: float | None) -> Part:
    cut = cut_share is None or cut_share > CUT_SHARE
    return _stated("max_tokens", ours, theirs, lambda one, other: "breaks" if cut and one < other else "same")


def grader_class(grader: str) -> str:
    """Return the kind of a grader from its name: strict, flexible, judge or symbolic."""
    for kind, pattern in (
        ("strict", r"strict|get-answer|exact match of the number"),
        ("flexible", r"flexible"),
        ("judge", r"judge|verifier|llm equality|equality checker|gpt-4o"),
    ):
        if re.search(pattern, grader, re.IGNORECASE):
            return kind
    return "symbolic"


def _grader(ours: str | None, theirs: str | None) -> Part:
    def effect(one: str, other: str) -> Effect:
        kinds = {grader_class(one), grader_class(other)}
        return "same" if len(kinds) == 1 else "breaks" if "strict" in kinds else "matters"

    return _stated("grader", ours, theirs, effect)


def parts_of_log(run: Run) -> Iterator[Part]:
    """Yield what makes a log none of one run, or of another way to decode than any claim has; see
    `lm_eval_facts.doubts_of`. What else shapes the answers is named: sources hardly ever state it."""
    settings, there = run.provenance.settings, max((len(row.responses) for row in run.rows), default=0)
    asked = (settings.get(f"{GENERATION}{name}") for name in SEVERAL) if there else ()
    fewer = {k: v for number in asked for k, v in fewer_repeats(there, number).items()}
    for name, found in {**fewer, **(settings.get("doubts") or {})}.items():
        yield Part(name, str(found), shown(None), "breaks")
    if shares := sum(0 < (row.score or 0) < 1 and len(row.responses) == 1 for row in run.rows):
        yield Part("scores", f"partial credit on {shares} docs", "right or wrong", "breaks")
    if steered := steered_by(settings):
        yield Part("decoding", steered, shown(None), "breaks")
    for what, value in shaped_by(settings).items():
        # A template of one's own is another thing than whether there is one.
        yield Part(f"own {what}" if what in STATED else what, shown(value), shown(None), "unknown")


def results_part(run: Run, ours: float, margin: float) -> Iterator[Part]:
    """Yield what results state of a run whose log has no verdicts, where our grader finds another score."""
    stated = run.provenance.stated
    if stated and all(abs(one - ours) > margin for one in stated):
        words = f"{100 * max(stated):.1f} in the results, {100 * ours:.1f} by our grader"
        yield Part("results", f"{words} (--metric {NO_VERDICT}: by ours)", shown(None), "breaks")


def verdicts_part(run: Run, claim: Claim, surplus: float, margin: float) -> Iterator[Part]:
    """Yield the run's own verdicts, where its stored responses have another score by our grader.

    surplus: of its own, as a fraction. What the responses do not bear out breaks the comparison; a strict pattern
    misses right answers, which is known to matter. Of a vote, or the best of several, our grader's mean says nothing.
    """
    if abs(surplus) > margin and run.protocol.metric in (None, *_GREEDY_OR_SAMPLED):
        effect: Effect = "breaks" if surplus > 0 else "matters"
        ours = f"{abs(100 * surplus):.1f} points {'above' if surplus > 0 else 'below'} our grader's"
        yield Part("verdicts", ours, shown(claim.grader), effect)


def shown(value: object) -> str:
    """A part of a protocol for people."""
    if value is None:
        return "not stated"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)
