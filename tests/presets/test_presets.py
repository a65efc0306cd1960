"""Presets: every fact has a source, the flags are those of the protocol, and what deviates from it is said."""

import argparse
import logging
import shlex
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from lm_eval._cli.run import Run as LmEvalRun

from lm_eval_mathtasks.cli import main
from lm_eval_mathtasks.embedded import path
from lm_eval_mathtasks.errors import PresetError
from lm_eval_mathtasks.host.own_flags import add_own_flags
from lm_eval_mathtasks.leaderboard.by_preset import measured_by, note_on_preset
from lm_eval_mathtasks.leaderboard.compare import compare
from lm_eval_mathtasks.presets import protocols
from lm_eval_mathtasks.presets.flags import applied, as_flags, fill_in
from lm_eval_mathtasks.presets.protocols import load_preset, names
from lm_eval_mathtasks.problems.catalogue import our_tasks
from lm_eval_mathtasks.runs.reading import read_run
from lm_eval_mathtasks.runs.records import Protocol, Provenance, Row, Run
from tests.presets.sound import TYPES, problems_of


@pytest.mark.parametrize("name", names())
def test_every_preset_is_sound(name, claims):
    assert problems_of(yaml.safe_load((protocols.FOLDER / f"{name}.yaml").read_text())) == []
    preset = load_preset(name)
    tasks = {task.name for task in our_tasks()}
    assert set(preset.tasks) <= tasks
    assert set(preset.benchmarks) <= set(claims.benchmarks)
    for stem in preset.claims:
        assert (claims.folder / "claims" / f"{stem}.yaml").exists()
    for source in preset.sources:
        assert source["url"].startswith("https://")


@pytest.mark.parametrize("name", names())
def test_a_preset_contradicts_none_of_its_claims(name, claims):
    """The claims of a preset's source state the same settings as the preset, where they state any."""
    preset = load_preset(name)
    mine = [
        c for c in claims.rows if c.ranked and c.benchmark in preset.benchmarks and measured_by(preset, c)
    ]
    vendor = [c for c in mine if c.reported_by == "vendor" and (preset.mode is None or c.mode == preset.mode)]
    for claim in vendor:
        stated = preset.stated(claim.benchmark)
        for field in ("temperature", "top_p", "max_tokens", "chat_template"):
            said = getattr(claim, field)
            assert said is None or field not in stated or said == stated[field], (claim.id, field)


def test_the_presets_that_were_asked_for_are_there():
    wanted = {"qwen2.5-math", "qwen2.5-math-8", "qwen2.5-instruct", "qwen3-thinking", "qwen3-non-thinking",
              "deepseek-r1",
              "deepseek-math", "llama-3.1-instruct", "gemma-3-it", "phi-4", "base-8shot", "minerva-4shot",
              "openai-simple-evals"}  # fmt: skip
    assert wanted <= set(names())


def test_the_preset_of_qwen_is_the_group_of_qwen():
    """`--preset qwen2.5-math --tasks mathtasks-qwen` runs what the preset states; MATH-500 stands beside MATH."""
    tagged = {task.name for task in our_tasks() if "mathtasks-qwen" in task.tags}
    assert set(load_preset("qwen2.5-math").tasks) - tagged == {"math500"}
    assert tagged <= set(load_preset("qwen2.5-math").tasks)
    by_tag = of("qwen2.5-math", "--tasks", "mathtasks-qwen")
    assert by_tag.deviations == ()
    assert {n: v for n, v in of("qwen2.5-math").added.items() if n != "tasks"} == by_tag.added
    (other,) = of("qwen2.5-math", "--tasks", "mathtasks-core").deviations
    assert other == "mathtasks-core is no task of the preset"


def test_base_models_are_asked_all_of_math():
    for name in ("llama-3.1-base", "gemma-3-pt", "minerva-4shot"):
        assert load_preset(name).benchmarks["MATH"]["task"] == "math-cot-fewshot"
        assert "MATH-500" not in load_preset(name).benchmarks


# --- bad files

GOOD = """\
title: Toy
claims: [toy]
temperature: 0.6
benchmarks:
  GSM8K: {task: gsm8k-cot, k: 4}
sources:
  - {title: Toy, url: "https://example.org", date: "2025", locator: Table 1, says: [temperature, k]}
"""


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("temperature: 0.6", "temperature: warm", "temperature: 'warm'"),
        ("temperature: 0.6", "temprature: 0.6", "unknown field temprature"),
        ("k: 4", "k: true", "GSM8K: k: True"),
        ("k: 4", "top_p: 0.9", "GSM8K: top_p cannot differ"),
        ("task: gsm8k-cot, ", "", "GSM8K without task"),
        (", says: [temperature, k]", "", "source 1 without says"),
        ("[temperature, k]", "[k]", "no source says temperature"),
        ("[temperature, k]", "[temperature, k, top_p]", "top_p is said but not given"),
        ("claims: [toy]\n", "", "no claims"),
    ],
)
def test_a_malformed_preset_is_told_by_its_problem(old, new, words):
    assert old in GOOD
    assert problems_of(yaml.safe_load(GOOD)) == []
    assert words in "; ".join(problems_of(yaml.safe_load(GOOD.replace(old, new, 1))))


def test_an_unknown_preset_gets_a_suggestion():
    with pytest.raises(PresetError, match="Did you mean qwen3-thinking"):
        load_preset("qwen3-thinkin")
    with pytest.raises(PresetError, match="mathtasks presets"):
        load_preset("zzz")


# --- flags


def given(*words):
    """What lm-eval's parser, with our flags, makes of a command line."""
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers()
    LmEvalRun.create(commands)
    add_own_flags(commands.choices["run"])
    return vars(parser.parse_args(["run", *words]))


def of(name, *words):
    return applied(load_preset(name), given(*words))


def test_the_arguments_are_those_of_the_protocol():
    r1 = of("deepseek-r1", "--tasks", "math500").added
    assert r1["repeats"] == 64
    assert r1["apply_chat_template"] is True
    sampled = {"do_sample": True, "temperature": 0.6, "top_p": 0.95, "max_gen_toks": 32768}
    assert r1["gen_kwargs"] == sampled
    base = of("base-8shot", "--tasks", "gsm8k-cot").added
    assert base == {"num_fewshot": 8, "gen_kwargs": {"do_sample": False}}
    math = of("qwen2.5-math", "--tasks", "math500").added
    assert (
        math["system_instruction"]
        == "Please reason step by step, and put your final answer within \\boxed{}."
    )


@pytest.mark.parametrize("name", names())
def test_the_flags_that_are_shown_are_read_as_the_same_arguments(name):
    preset = load_preset(name)
    for task in preset.tasks:
        added = {"tasks": [task], **applied(preset, {"tasks": [task]}).added}
        read = given(*shlex.split(as_flags(added)))
        assert {key: read[key] for key in added} == added
        assert applied(preset, read) == ({}, ())


def test_without_tasks_it_runs_those_of_the_preset():
    assert of("base-8shot").added["tasks"] == ["gsm8k-cot"]
    with pytest.raises(PresetError, match="MATH-500 and AIME24 differ in"):
        of("qwen3-thinking")
    assert "repeats" not in of("qwen3-thinking", "--tasks", "math500").added
    assert "repeats" in of("qwen3-thinking", "--tasks=aime24-cot,aime25-cot").added


@pytest.mark.parametrize(
    ("words", "deviation"),
    [
        (["--gen_kwargs", "temperature=1.0,top_p=0.95"], "temperature=1.0, not 0.6"),
        (["--gen_kwargs", '{"max_new_tokens": 512}'], "max_gen_toks=512, not 32768"),
        (["--repeats", "4"], "--repeats 4, not 64"),
        (["--tasks", "math500@8", "math500@64"], "math500@8, not @64"),
        (["--system_instruction", "Be brief."], "--system_instruction, where the protocol states none"),
    ],
)
def test_what_the_user_gives_wins_and_is_named(words, deviation, capsys):
    before = given("--tasks", "math500", *words)
    after = {**before, "preset": "deepseek-r1"}
    fill_in(after)
    assert after["metadata"] == {"preset": "deepseek-r1", "preset_deviations": [deviation]}
    assert "preset" not in after
    for key, value in before.items():
        same = value == after.get(key) or (isinstance(value, dict) and value.items() <= after[key].items())
        assert value is None or same, key
    assert f"preset deepseek-r1: deviates: {deviation}\n" in capsys.readouterr().out


def test_the_same_value_given_twice_is_no_deviation():
    sampling = ["--gen_kwargs", "temperature=0.6", "--repeats=64", "--apply_chat_template"]
    assert of("deepseek-r1", "--tasks", "math500", *sampling).deviations == ()
    assert (
        of("minerva-4shot", "--tasks", "math-cot-fewshot", "--gen_kwargs", "do_sample=false").deviations == ()
    )


def test_other_deviations():
    other = of("base-8shot", "--tasks", "gsm8k-cot,hellaswag").deviations
    assert other == ("hellaswag is no task of the preset",)
    templated = of("base-8shot", "--tasks", "gsm8k-cot", "--apply_chat_template").deviations
    assert "--apply_chat_template, where the protocol has none" in templated


def test_what_a_backend_cannot_take_is_said():
    local = of("qwen3-non-thinking", "--tasks", "math500", "--model", "vllm")
    assert local.added["model_args"] == {"enable_thinking": False}
    assert local.added["gen_kwargs"]["top_k"] == 20
    assert local.deviations == ()
    remote = of("qwen3-non-thinking", "--tasks", "math500", "--model", "mathtasks-chat")
    assert len(remote.deviations) == 2
    assert "top_k" not in remote.added["gen_kwargs"]


def test_a_preset_that_cannot_be_applied():
    with pytest.raises(PresetError, match="beside --config"):
        of("deepseek-r1", "--config", "run.yaml")
    assert main(["run", "--preset", "--tasks", "x"]) == 2


def test_without_a_preset_nothing_changes():
    after = given("--tasks", "x", "--limit", "3")
    fill_in(after)
    assert {"preset": None, **after} == given("--tasks", "x", "--limit", "3")


# --- the run and its comparison


def test_a_run_records_its_preset(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(logging.root, "handlers", [])
    model = ["--model", "hf", "--model_args", f"pretrained={path('grpo')}"]
    asked = ["--preset", "deepseek-math", "--tasks", "sample-gsm8k", "--limit", "1"]
    assert main(["run", *asked, "--gen_kwargs", "max_gen_toks=8", *model]) == 0
    out = capsys.readouterr().out
    assert "preset deepseek-math: --apply_chat_template" in out
    assert "deviates: sample-gsm8k is no task of the preset" in out
    run = read_run(tmp_path / "mathtasks-results")
    assert run.provenance.settings["preset"] == "deepseek-math"
    assert run.protocol.chat_template is True
    assert main(["compare", "mathtasks-results", "--model", "DeepSeekMath-RL 7B", "--benchmark", "GSM8K",
                 "--format", "markdown"]) == 0  # fmt: skip
    said = capsys.readouterr().out
    assert "run with the preset deepseek-math: comparable by construction" in said
    assert "deviates in: sample-gsm8k is no task of the preset" in said


def test_responses_that_are_there_already_take_no_preset():
    with pytest.raises(PresetError, match="Leave out --preset"):
        of("deepseek-r1", "--tasks", "math500", "--model", "replay")


def run_of(preset, task, docs, model, **protocol):
    rows = tuple(Row(str(i), "?", "1", ("1",), score=float(i % 5 > 0)) for i in range(docs))
    settings = {"preset": preset} if preset else {}
    return Run(model, task, rows, Protocol(**protocol), Provenance("test", "nowhere", settings=settings))


def test_a_run_by_the_preset_is_comparable_where_the_claim_says_nothing(claims):
    mine = [
        c for c in claims.rows if c.file == "qwen2.5-math.yaml" and c.benchmark == "GSM8K" and c.shots == 0
    ]
    claim = next(c for c in mine if c.model == "Qwen2.5-Math-7B-Instruct" and c.tools in (None, "none"))
    stated = {
        "shots": 0,
        "cot": True,
        "temperature": 0.0,
        "max_tokens": 2048,
        "chat_template": True,
        "metric": "pass@1",
    }
    docs = claims.benchmarks[claim.benchmark].docs

    def effects(preset, **other):
        run = run_of(preset, "gsm8k", docs, claim.model, **{**stated, **other})
        parts = compare(
            run, claim, claims.benchmarks[claim.benchmark], models=claims.models.resolve(claim.model)
        ).parts
        return {p.name: p.effect for p in parts}

    bare, known = effects(None), effects("qwen2.5-math")
    assert (bare["chat_template"], bare["max_tokens"]) == ("unknown", "unknown")
    assert (known["chat_template"], known["max_tokens"]) == ("same", "same")
    assert effects("qwen2.5-math", chat_template=False)["chat_template"] == "breaks"
    # The protocol of base models says nothing here.
    assert effects("base-8shot")["chat_template"] == "unknown"


def test_the_mode_of_the_preset_is_the_mode_of_the_run(claims):
    modes = {c.mode: c for c in claims.rows if c.file == "qwen3.yaml" and c.benchmark == "AIME24" and c.mode
             and c.hf_id == "Qwen/Qwen3-8B"}  # fmt: skip
    run = run_of(
        "qwen3-non-thinking", "aime24", 30, "Qwen/Qwen3-8B", temperature=0.7, top_p=0.8, k=64, metric="avg@k"
    )
    models = claims.models.resolve("Qwen/Qwen3-8B")
    for mode, claim in modes.items():
        parts = compare(run, claim, claims.benchmarks["AIME24"], models=models).parts
        expected = "same" if mode == "non-thinking" else "breaks"
        assert next(p for p in parts if p.name == "mode").effect == expected
    assert set(modes) == {"thinking", "non-thinking"}


def test_responses_that_think_are_of_the_thinking_mode(claims):
    rows = tuple(Row(str(i), "?", "1", ("<think>\nhm\n</think>\n1",), score=1.0) for i in range(30))
    run = Run("Qwen/Qwen3-8B", "aime24", rows, Protocol(), Provenance("test", "nowhere"))
    silent = replace(run, rows=tuple(replace(row, responses=("1",)) for row in rows))
    found = {}
    for claim in claims.rows:
        if claim.file == "qwen3.yaml" and claim.benchmark == "AIME24" and claim.hf_id == "Qwen/Qwen3-8B":
            both = [compare(r, claim, claims.benchmarks["AIME24"]).parts for r in (run, silent)]
            found[claim.mode] = [next(p.effect for p in parts if p.name == "mode") for parts in both]
    assert found == {"thinking": ["same", "unknown"], "non-thinking": ["breaks", "unknown"]}


def test_the_note_names_the_deviations(claims):
    run = run_of("deepseek-r1", "math500", 500, "deepseek-ai/DeepSeek-R1")
    mine = [c for c in claims.rows if c.file == "deepseek-r1.yaml" and c.benchmark == "MATH-500"]
    assert note_on_preset(run, mine) == [
        "run with the preset deepseek-r1: comparable by construction with deepseek-r1 (no deviation)"
    ]
    told = replace(
        run.provenance, settings={"preset": "deepseek-r1", "preset_deviations": ["--repeats 4, not 64"]}
    )
    assert "deviates in: --repeats 4, not 64" in note_on_preset(replace(run, provenance=told), mine)[0]
    assert note_on_preset(replace(run, provenance=replace(told, settings={"preset": "gone"})), mine) == []


def test_the_command_lists_and_shows(capsys):
    assert main(["presets"]) == 0
    listed = capsys.readouterr().out
    assert all(name in listed for name in names())
    assert main(["presets", "qwen2.5-math"]) == 0
    shown = capsys.readouterr().out
    assert "--tasks math500 --apply_chat_template --system_instruction 'Please reason" in shown
    assert "arXiv:2409.12122" in shown
    assert main(["presets", "nothing"]) == 2


def test_the_readme_names_every_field():
    assert set(TYPES) == set(protocols.FIELDS)
    text = (protocols.FOLDER / "README.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in text for name in (*TYPES, "benchmarks", "sources", "claims", "says"))
    example = text.split("```yaml\n")[1].split("```")[0]
    assert problems_of(yaml.safe_load(example)) == []
    assert Path(protocols.FOLDER).name == "presets"
