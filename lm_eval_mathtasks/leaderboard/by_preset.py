"""A run that was made with a preset, against a claim that was measured by that protocol.

Where the claim's row leaves a part of the protocol open, the preset's sources may state it: then the part is compared
with what they state, and a run that kept to the preset is comparable by construction.
"""

import re
from collections.abc import Sequence
from dataclasses import replace

from lm_eval_mathtasks.errors import PresetError
from lm_eval_mathtasks.leaderboard.claims import Claim
from lm_eval_mathtasks.leaderboard.protocol import Part, compare_parts, same_mode
from lm_eval_mathtasks.presets.protocols import Preset, load_preset
from lm_eval_mathtasks.runs.identity import Identity
from lm_eval_mathtasks.runs.records import Run

_THINKS = re.compile(r"\b(?:enable_)?think(?:ing)?\b\W+(true|false|on|off|enabled|disabled)\b", re.IGNORECASE)
_EFFORT = re.compile(r"reasoning_effort\W+(\w+)", re.IGNORECASE)
FIELDS = ("shots", "chat_template", "temperature", "top_p", "max_tokens")


def preset_of(run: Run) -> Preset | None:
    """Return the preset that a run's log names, None for none or for one that this version does not have."""
    name = run.provenance.settings.get("preset")
    try:
        return load_preset(str(name)) if name else None
    except PresetError:
        return None


def measured_by(preset: Preset, claim: Claim) -> bool:
    """Whether a claim is of this protocol: its file, kind and mode, one answer or the mean of several, no tools."""
    return (
        claim.file.removesuffix(".yaml") in preset.claims
        and (not preset.kinds or claim.kind in preset.kinds)
        and (preset.mode is None or claim.mode in (None, preset.mode))
        and claim.metric in ("pass@1", "avg@k")
        and claim.tools in (None, "none")
    )


def by_preset(run: Run, claim: Claim, parts: Sequence[Part]) -> list[Part]:
    """Return the parts with those that only the preset's sources state filled in."""
    preset = preset_of(run)
    if preset is None or not measured_by(preset, claim):
        return list(parts)
    stated = preset.stated(claim.benchmark)
    told = replace(claim, **{f: stated[f] for f in FIELDS if f in stated and getattr(claim, f) is None})
    filled = {part.name: part for part in compare_parts(run, told)}
    return [filled.get(part.name, part) if part.effect == "unknown" else part for part in parts]


def mode_of(run: Run, claim: Claim, identity: Identity) -> str | None:
    """Return the thinking mode of a run: what its preset asks for, else what its model arguments state, else what its
    responses show; None if none of them tells.

    Responses with thinking in them show it, or an empty block that there was none; without, it may have been taken out.
    """
    preset = preset_of(run)
    if preset is not None and preset.mode is not None:
        return preset.mode
    if stated := _mode_stated(identity):
        return stated
    thinks = identity.shown.thinks
    told = claim.mode and any(same_mode(claim.mode, mode) for mode in ("thinking", "non-thinking"))
    return None if thinks is None or not told else "thinking" if thinks else "non-thinking"


def _mode_stated(identity: Identity) -> str | None:
    """The mode or the effort that the model arguments state, in the words of claims."""
    text = " ".join(identity.prompt.thinking)
    if effort := _EFFORT.search(text):
        return effort[1].lower()
    if (thinks := _THINKS.search(text)) is None:
        return None
    return "thinking" if thinks[1].lower() in ("true", "on", "enabled") else "non-thinking"


def note_on_preset(run: Run, claims: Sequence[Claim]) -> list[str]:
    """Return what a reader should know of the run's preset: which claims are of its protocol, and what deviates."""
    preset = preset_of(run)
    if preset is None:
        return []
    files = sorted({claim.file.removesuffix(".yaml") for claim in claims if measured_by(preset, claim)})
    deviations = run.provenance.settings.get("preset_deviations") or []
    said = f"deviates in: {'; '.join(map(str, deviations))}" if deviations else "no deviation"
    what = (
        f"comparable by construction with {', '.join(files)}" if files else "no claim here is of its protocol"
    )
    return [f"run with the preset {preset.name}: {what} ({said})"]
