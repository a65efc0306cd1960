"""Is a run of the claim's weights and docs? A name is no proof: what the log says of both decides, else the user."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from lm_eval_mathtasks.leaderboard.aliases import Model, simplified
from lm_eval_mathtasks.leaderboard.claims import Benchmark, Claim
from lm_eval_mathtasks.leaderboard.protocol import STATED, Effect, Part, is_greedy, shown
from lm_eval_mathtasks.problems.fingerprints import ANSWERS_TOLD_APART, known_docs
from lm_eval_mathtasks.runs.identity import Docs
from lm_eval_mathtasks.runs.records import Run
from lm_eval_mathtasks.runs.shown import Shown, asked_otherwise, same_each_time
from lm_eval_mathtasks.runs.weights import QUANTISED, Weights, weights_of_log

# As the parts say that the user's word stands for what the log does not show.
BY_WORD = "by your word"
# As the verdict says it: of docs; of their reference answers; of weights that a server names as it likes, or a log
# without model arguments.
NOT_CHECKED = "docs not checked"
GOLDS_NOT_CHECKED = "reference answers not checked"
BY_NAME = "weights by name alone"
NUMBER_ONLY = "of the number only"
OWN_SETTINGS = "with settings of its own"
# Copies of a set differ in a few questions, and one fingerprint in 100,000 is of another question by chance.
_FEW = 0.01
# A model may write what looks like the output of a tool, and a level or a number be the answer, now and then.
_OFTEN = 0.1


class Said(NamedTuple):
    """What the user said of a run: that its model, or its benchmark, is the one that was named."""

    model: bool = False
    benchmark: bool = False


NOTHING = Said()


def rests_on(parts: Iterable[Part], *, number_only: bool) -> list[str]:
    """Return, in the words of a verdict, which parts differ that are known to matter, and what the outcome rests on
    that nobody checked.

    number_only: nothing of how it was asked is stated by both sides.
    """
    unknown = {part.name for part in parts if part.effect == "unknown"}
    matter = [part.name for part in parts if part.effect == "matters"]
    said = (
        (f"with its own {', '.join(matter)}", matter),
        (NUMBER_ONLY, number_only),
        (OWN_SETTINGS, unknown - STATED),
        (BY_WORD, any(BY_WORD in part.ours for part in parts)),
        (BY_NAME, "weights" in unknown),
        (NOT_CHECKED, not any(part.name == "questions" and part.effect == "same" for part in parts)),
        (GOLDS_NOT_CHECKED, "references" in unknown),
    )
    return [words for words, holds in said if holds]


def weights_part(run: Run, claim: Claim, model: Model | None, said: Said) -> Part:
    """Return whether the weights are the claim's: by the log, else by the user's word.

    model: the claim's own, with its other names, None if unknown.
    """
    weights = run.provenance.weights or weights_of_log(run.model, {})
    part = _by_log(weights, claim, model)
    if part.effect != "same" and (said.model or weights.by_user):
        return part._replace(ours=f"{part.ours} ({BY_WORD})", effect="same")
    return part


def _by_log(weights: Weights, claim: Claim, model: Model | None) -> Part:
    theirs = claim.hf_id or claim.model
    if weights.repository is None and weights.path is None:
        return Part("weights", f"{_shown(weights)} (--model says it)", theirs, "breaks")
    same_name = _same_name(weights, claim, model)
    # A claim of quantised weights has them in its name, as the log has.
    changes = [one for one in weights.changes if not (same_name and one.startswith(QUANTISED))]
    named = same_name and _same_owner(weights, claim)
    # Who resolved a name without an owner found the model by it.
    other_name = not named and (weights.owner is not None or model is None)
    if weights.path or (changes and not weights.pinned) or other_name:
        return Part("weights", f"other weights, {_shown(weights)}", theirs, "breaks")
    if changes:
        return Part("weights", f"{_shown(weights)}, a commit that was not looked up", theirs, "unknown")
    if weights.served:
        return Part("weights", f"{weights.repository}, as a server calls it", theirs, "unknown")
    if not weights.stated:
        return Part("weights", f"{weights.repository}, by its name alone", theirs, "unknown")
    return Part("weights", _shown(weights), theirs, "same")


def _same_owner(weights: Weights, claim: Claim) -> bool:
    """Whether a repository is the publisher's own, or names no owner."""
    owner = weights.owner
    if owner is None:
        return True
    if claim.hf_id and "/" in claim.hf_id:
        return owner.lower() == claim.hf_id.partition("/")[0].lower()
    words = {simplified(word) for word in re.split(r"[\s/]+", claim.organisation)}
    return simplified(owner) in {*words, simplified(claim.organisation)}


def _same_name(weights: Weights, claim: Claim, model: Model | None) -> bool:
    """Whether a repository has one of the model's names."""
    names = (claim.model, claim.hf_id or claim.model, *(model.aliases if model else ()))
    ours = (weights.repository or "").rpartition("/")[2]
    return simplified(ours) in {simplified(one.rpartition("/")[2]) for one in names}


def _shown(weights: Weights) -> str:
    what = weights.repository or (f"the folder {weights.path}" if weights.path else "not stated")
    return f"{what} with {', '.join(weights.changes)}" if weights.changes else what


def docs_parts(
    run: Run, docs: Docs, benchmark: Benchmark, said: Said, *, own: bool
) -> tuple[list[Part], float]:
    """Return what `_docs_parts` does. Where nothing tells which docs were asked, the log's own count of those that its
    task has may: some of a larger set are not the benchmark's."""
    (questions, *others), off = _docs_parts(run, docs, benchmark, said, own=own)
    of_task = run.provenance.docs_of_task or benchmark.docs
    other = of_task not in (benchmark.docs, *benchmark.editions)
    trained = run.provenance.settings.get("split") == "train" and f"{_set_of(benchmark)}train" in known_docs()
    if questions.effect == "unknown" and (other or trained) and not said.benchmark:
        ours = "the training split" if trained else f"some of the {of_task} of its task"
        questions = questions._replace(ours=ours, effect="breaks")
    return [questions, *others], off


def _docs_parts(
    run: Run, docs: Docs, benchmark: Benchmark, said: Said, *, own: bool
) -> tuple[list[Part], float]:
    """Return whether docs and reference answers are the benchmark's, as far as the log holds them and the set is known
    here; and the share of docs that are other ones, or graded by other answers: by so much the score may be off.

    Docs of another known set, one doc asked again under other ids, and a set of which few or no questions are known
    break the comparison; the user's word (`--benchmark`) outweighs the last of these. own: whether the run's own
    verdicts count, which were not given by reference answers that a file replaced.
    """
    if docs.with_question == 0:
        return [Part("questions", "not in the log", benchmark.name, "unknown")], 0.0
    name, different = _set_of(benchmark), len(docs.different)
    all_of_them = min(docs.asked, known_docs().get(name or "", docs.asked))
    if docs.with_question == docs.asked and different < (1 - _FEW) * all_of_them:
        return [Part("questions", f"{different} different ones", benchmark.name, "breaks")], 0.0
    if name is None:
        return [_of_an_unknown_set(docs, benchmark)], 0.0
    known, others = docs.of(name), docs.of_others(name)
    otherwise = asked_otherwise(run)
    effect: Effect = "unknown"
    found = f"{docs.with_question}, {known} known as {benchmark.name}'s"
    if others > _FEW * docs.asked:
        elsewhere = next(one for one, _ in docs.known if one != name)
        found, effect = f"{found}, {others} of other sets ({elsewhere})", "breaks"
    elif otherwise > _FEW * docs.asked:
        found = f"{found}, {otherwise} not in their prompts (--benchmark says that they are)"
        effect = "unknown" if said.benchmark else "breaks"
    elif known >= (1 - _FEW) * all_of_them:
        effect = "same"
    elif docs.with_question == docs.asked and not said.benchmark:
        # Translated, perturbed or told anew, all or some, under the same name.
        found, effect = f"{found} (--benchmark says that they are)", "breaks"
    questions = Part("questions", found, benchmark.name, effect)
    if effect != "same":
        return [questions], 0.0
    references, changed = _references(docs, name, run.provenance.replaced if own else 0)
    return [questions, references], (all_of_them - known + changed) / docs.asked


def _set_of(benchmark: Benchmark) -> str | None:
    """The known set that is a benchmark's, None for none: of its name and size."""
    sizes = (benchmark.docs, *benchmark.editions)
    named = (name for name in known_docs() if benchmark.tasks.fullmatch(name))
    return next((name for name in named if known_docs()[name] <= (1 + _FEW) * max(sizes)), None)


def _references(docs: Docs, name: str, replaced: int) -> tuple[Part, float]:
    """Whether the reference answers are the set's, and how many are estimated to be others."""
    there, differ = docs.with_gold(name), docs.other_golds(name)
    if not there:
        return Part("references", "not in the log", "as published", "unknown"), 0.0
    changed = differ * ANSWERS_TOLD_APART / (ANSWERS_TOLD_APART - 1) + replaced
    if not changed:
        rest = docs.asked - there
        some = f"{there} as published, {rest} not in the log" if rest > _FEW * docs.asked else "as published"
        return Part("references", some, "as published", "unknown" if some != "as published" else "same"), 0.0
    words = [f"{differ - docs.corrected} are not the published ones"] if differ > docs.corrected else []
    words += [f"{docs.corrected} as the list of known errors corrects them"] if docs.corrected else []
    words += [f"{replaced} that --gold replaced gave its verdicts"] if replaced else []
    effect: Effect = "breaks" if changed - docs.corrected > _FEW * docs.asked else "matters"
    return Part("references", ", ".join(words), "as published", effect), changed


def _of_an_unknown_set(docs: Docs, benchmark: Benchmark) -> Part:
    """Of a set that is not known here only one thing can be said: these are not its docs, but all those of another."""
    different = len(docs.different)
    if different == benchmark.docs:
        for other, count in docs.known:
            if count == different == known_docs()[other]:
                return Part("questions", f"{different}, all of {other}", benchmark.name, "breaks")
    return Part("questions", f"{different}, of a set not known here", benchmark.name, "unknown")


def with_shown(parts: Sequence[Part], run: Run, claim: Claim, seen: Shown) -> list[Part]:
    """Return the parts as the run's prompts and responses show them, which outweigh what its log states."""
    told = {part.name: part for part in _as_shown(run, claim, seen)}
    return [*(told.pop(part.name, part) for part in parts), *told.values()]


def _as_shown(run: Run, claim: Claim, seen: Shown) -> Iterator[Part]:
    stated, theirs = run.protocol.shots, claim.shots
    if seen.examples is not None and seen.examples != stated:
        effect: Effect = "unknown" if theirs is None else "same" if theirs == seen.examples else "breaks"
        by_log = "" if stated is None else f", {stated} by the log"
        yield Part("shots", f"{seen.examples} in the prompts{by_log}", shown(theirs), effect)
    heat = claim.temperature
    if (alike := same_each_time(run)) and not (heat is not None and is_greedy(heat)):
        # Whatever the log states, and whoever ignored it: that is no sampling.
        found = f"the same text each time on {alike[0]} of {alike[1]} docs"
        sampled = "sampled" if heat else shown(heat)
        yield Part("repeats", found, sampled, "unknown" if heat is None else "breaks")
    if seen.system and not run.protocol.system_prompt:
        yield Part("system_prompt", "in the prompts", shown(None), "unknown")
    if seen.begun:
        yield Part("prefix", "in the prompts", shown(None), "unknown")
    if seen.told > _OFTEN * len(run.rows):
        yield Part("prompt", f"{seen.told} docs are asked with their answer", "the question", "breaks")
    elif seen.among:
        yield Part("prompt", "examples that are docs of the run", shown(None), "unknown")
    elif seen.own > _OFTEN * len(run.rows):
        yield Part(
            "prompt", f"{seen.own} docs have a text of their own beside the question", shown(None), "unknown"
        )
    if seen.copied > _OFTEN * len(run.rows):
        yield Part(
            "responses", f"{seen.copied} are the published solutions, word for word", "the model's", "breaks"
        )
    used = seen.with_tools > _OFTEN * len(run.rows)
    if used or run.protocol.tools not in (None, "none"):
        # A source that lets a model use tools says so.
        effect = "breaks" if claim.tools in (None, "none") else "matters"
        outputs = f"their outputs stand in {seen.with_tools} responses" if used else str(run.protocol.tools)
        yield Part("tools", outputs, shown(claim.tools), effect)
