"""The command `mathtasks presets`: all presets, or one with its sources and its command line."""

import argparse

from lm_eval_mathtasks.errors import PresetError
from lm_eval_mathtasks.presets.flags import applied, as_flags
from lm_eval_mathtasks.presets.protocols import Preset, load_preset, names
from lm_eval_mathtasks.tables import print_lines


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `mathtasks presets`."""
    parser.add_argument("name", nargs="?", help="show one preset with its sources and commands")


def main(args: argparse.Namespace) -> int:
    """Run `mathtasks presets`."""
    for line in _listing() if args.name is None else described(load_preset(args.name)):
        # A command to be copied stays whole.
        if line.startswith("  --"):
            print(line)
        else:
            print_lines([line])
    return 0


def _listing() -> list[str]:
    width = max(map(len, names()))
    rows = [(name, load_preset(name)) for name in names()]
    lines = [f"{name:{width}}  {preset.title} ({', '.join(preset.benchmarks)})" for name, preset in rows]
    return [*lines, "", "mathtasks presets NAME shows one; mathtasks run --preset NAME --tasks ... runs it"]


def described(preset: Preset) -> list[str]:
    """Return what a preset states, by whom, and the command for each benchmark."""
    lines = [f"{preset.name}: {preset.title}"]
    lines += [f"  {name}: {value}" for name, value in preset.settings.items()]
    lines += [f"  note: {preset.note}"] if preset.note else []
    claims = ", ".join(f"leaderboards/claims/{stem}.yaml" for stem in preset.claims)
    lines.append(f"claims measured so: {claims}")
    for source in preset.sources:
        says = ", ".join(source["says"]) or "nothing more"
        stated = f"{source['title']}, {source['locator']} ({source['date']}) says {says}"
        lines.append(f"source: {stated}\n  {source['url']}")
    for benchmark, facts in preset.benchmarks.items():
        own = ", ".join(f"{name} {value}" for name, value in facts.items() if name != "task")
        lines.append(f"{benchmark}{f' ({own})' if own else ''}:")
        lines.append(f"  mathtasks run --preset {preset.name} --tasks {facts['task']} --model ... is")
        lines.append(f"  {_shown(preset, facts['task'])}")
    return lines


def _shown(preset: Preset, task: str) -> str:
    try:
        return as_flags({"tasks": [task], **applied(preset, {"tasks": [task]}).added})
    except PresetError as error:
        return str(error)
