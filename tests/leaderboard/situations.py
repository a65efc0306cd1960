"""Situations in which a number could be called reproduced, with the outcome that a careful reviewer would sign.

`test_situations.py` makes each as a log and compares it; the table of leaderboards/README.md is made from them. The
questions are our own and stand for those of the sets, whose fingerprints are replaced by theirs.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from lm_eval_mathtasks.leaderboard.compare import compare_all
from lm_eval_mathtasks.problems.fingerprints import packed, unpacked
from lm_eval_mathtasks.runs.reading import read_runs
from tests.runs.logs_of_runs import write_json_lines, write_lm_eval

SETS = {
    "gsm8k": [f"A farmer has {i} hens and buys {i % 7} more: how many has she?" for i in range(1319)],
    "gsm8ktrain": [f"A train of {i} cars loses {i % 5} of them: how many are left?" for i in range(1319)],
    "math500": [f"What is the remainder of {i}^2 by 17?" for i in range(500)],
    "aime24": [f"Find the number of lattice paths of length {i} that return." for i in range(30)],
}
GOLD = "1"
KNOWN = {name: unpacked(packed((question, GOLD) for question in asked)) for name, asked in SETS.items()}
BASE = "qwen2.5/GSM8K/Qwen2.5-7B"  # 85.4, 4 shots
NAME = "Qwen/Qwen2.5-7B"
REPRODUCED = "equivalent"
NOT = "not comparable"
NUMBER = ", of the number only"
NAME_ALONE = ", weights by name alone"
OWN = ", with settings of its own"
UNUSUAL = f"{REPRODUCED}{OWN}"
COLUMNS = f"{REPRODUCED}{NUMBER}{NAME_ALONE}"
OWN_COLUMNS = f"{REPRODUCED}{NUMBER}{OWN}{NAME_ALONE}"
# Of a log without verdicts of its own.
OURS = {"shares": {str(number): float(number < 1126) for number in range(1319)}}
SEARCH = "a search or a steered answer"
OTHER = "other docs than the set's"
UNKNOWN = "named: what is not known to leave the answers alone may change them"


@dataclass(frozen=True)
class Situation:
    """what: in words. verdict: as printed. part: of the protocol that decides or must be named, "" for the number;
    effect: of that part. why: in words. claim: its id; changed: facts of it that are replaced. log: arguments of
    `make_log`; options: of `compare_all`. sets: docs of a set, where they are not of KNOWN. false: it was once called
    reproduced."""

    what: str
    verdict: str
    part: str
    why: str
    effect: str = "breaks"
    claim: str = BASE
    changed: dict = field(default_factory=dict)
    log: dict = field(default_factory=dict)
    options: dict = field(default_factory=dict)
    false: bool = False
    sets: dict = field(default_factory=dict)
    edit: Callable | None = None


def weights(what, arguments, why="other weights"):
    """One of the ten that were called reproduced."""
    return Situation(what, NOT, "weights", why, log={"arguments": arguments}, false=True)


def _with(**arguments):
    return {"pretrained": NAME, **arguments}


def named(what, name, why="other weights"):
    """Weights of a name that is like the claim's."""
    return Situation(what, NOT, "weights", why, log={"arguments": {"pretrained": name}})


def results_with(**facts):
    """Change what the results of the task state."""

    def edit(folder):
        (file,) = folder.glob("results_*.json")
        results = json.loads(file.read_text())
        for key, value in facts.items():
            results[key]["gsm8k-cot"].update(value)
        file.write_text(json.dumps(results))

    return edit


def lines_with(change):
    """Change each line of the samples: change(number, line, settings) in place."""

    def edit(folder):
        (file,) = folder.glob("samples_*")
        lines = [json.loads(line) for line in file.read_text().splitlines()]
        for number, line in enumerate(lines):
            change(number, line, line["arguments"]["gen_args_0"])
        file.write_text("".join(json.dumps(line) + "\n" for line in lines))

    return edit


def decoding(**settings):
    return results_with(configs={"generation_kwargs": {"max_gen_toks": 512, **settings}})


def _of_a_step(folder):
    (file,) = folder.glob("results_*.json")
    results = json.loads(file.read_text())
    results["config"]["model_revision"] = "step500"
    file.write_text(json.dumps(results))


def _half_sampled(number, _, asked):
    asked["arg_1"] = {**asked["arg_1"], "temperature": number % 2, "do_sample": bool(number % 2)}


def _half_short(number, _, asked):
    asked["arg_1"] = {**asked["arg_1"], "max_gen_toks": 64 if number % 2 else 512}


def _translated(number, _, asked):
    asked["arg_0"] = f"Eine Frau hat {number} Hennen und kauft noch mehr: wie viele hat sie?"


def _searched(_, line, asked):
    asked["arg_1"] = {**asked["arg_1"], "num_beams": 4}


def _half_searched(number, _, asked):
    # The first sample has none.
    asked["arg_1"] = {**asked["arg_1"], "num_beams": 4 if number % 2 else 1}


def _half_chat(number, _, asked):
    if number % 2:
        asked["arg_0"] = [json.dumps([{"role": "user", "content": asked["arg_0"]}])]


def _turns(number, line, asked):
    solved = [{"role": role, "content": said} for role, said in [("user", "1 + 1?"), ("assistant", "2")] * 8]
    asked["arg_0"] = [json.dumps([*solved, {"role": "user", "content": asked["arg_0"]}])]


def _begun(number, line, asked):
    turns = [{"role": "user", "content": asked["arg_0"]}, {"role": "assistant", "content": "Let me see:"}]
    asked["arg_0"] = [json.dumps(turns)]


def _among_examples(number, line, asked):
    doc = f"Question: {asked['arg_0']}\nAnswer: "
    asked["arg_0"] = (
        f"{doc}After some sums it is {line['doc']['gold']}.\n\nQuestion: 2 + 2?\nAnswer: 4\n\n{doc}"
    )


def _some_told(number, line, asked):
    if number % 11 == 0:
        asked["arg_0"] = f"It is {line['doc']['gold']}.\n{asked['arg_0']}"


def _attempt(number, line, asked):
    said = f"Of the {number + 2000} that there are, I would take {number % 7 + 20} away and add the others again."
    turns = [("user", asked["arg_0"]), ("assistant", said), ("user", "Check that.")]
    asked["arg_0"] = [json.dumps([{"role": role, "content": text} for role, text in turns])]


def _two_temperatures(file):
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    write_json_lines(file, [{**row, "temperature": number % 2} for number, row in enumerate(rows)])


def _reduced(log):
    content = json.loads(log.read_text())
    content["eval"]["config"]["epochs"] = 4
    log.write_text(json.dumps(content))


def _rubric(file):
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    write_json_lines(file, [{**row, "score": (6 + n % 5) / 10} for n, row in enumerate(rows)])


def _told_to(log):
    content = json.loads(log.read_text())
    content["plan"] = {"steps": [{"solver": "system_message", "params": {"template": "Be exact."}},
                                 {"solver": "generate", "params": {"tool_calls": "loop"}}]}  # fmt: skip
    log.write_text(json.dumps(content))


def _searching_solver(log):
    content = json.loads(log.read_text())
    content["plan"] = {"steps": [{"solver": "generate", "params": {"best_of": 8}}]}
    log.write_text(json.dumps(content))


def _half_right(log):
    content = json.loads(log.read_text())
    for sample in content["samples"]:
        sample["scores"]["match"]["value"] = "C" if sample["scores"]["match"]["value"] == "C" else "P"
    log.write_text(json.dumps(content))


def _summary_of(share, name="accuracy"):
    def edit(file):
        rows = [json.loads(line) for line in file.read_text().splitlines()]
        write_json_lines(file, [{k: v for k, v in row.items() if k != "correct"} for row in rows])
        (file.parent / "metrics.json").write_text(json.dumps({"gsm8k": {"greedy": {name: share}}}))

    return edit


def _hinted(number, _, asked):
    asked["arg_0"] = f"{asked['arg_0']}\nHint: {'add' if number % 3 else 'take away'}."


def column(name, value, verdict, why, part=None, effect="unknown"):
    """A plain file with one more column."""
    what = f"a file with a column `{name}`"
    return Situation(what, verdict, part or name, why, effect, log={"plain": {name: value}})


def _own_end(number, _, asked):
    asked["arg_1"] = {**asked["arg_1"], "until": [f"Question {number}:"]}


def _blank_line(_, line, asked):
    asked["arg_1"] = {**asked["arg_1"], "until": ["\n\n", "</s>"]}


def _with_system(_, line, asked):
    turns = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": asked["arg_0"]}]
    asked["arg_0"] = [json.dumps(turns)]


def _of_two_models(log):
    content = json.loads(log.read_text())
    for number, sample in enumerate(content["samples"]):
        sample["output"]["model"] = NAME if number % 2 else "other/model"
    log.write_text(json.dumps(content))


def _one_question(_, line, asked):
    asked["arg_0"] = SETS["gsm8k"][0]


def _respelt(_, line, asked):
    asked["arg_0"] = line["doc"]["question"].upper().replace(" ", "  ")


def _voted(answers):
    return {
        "arguments": {"pretrained": "mistralai/Mistral-7B-v0.1"}, "right": 659, "shots": 8, "answers": answers,
        "filter": (f"maj@{answers}", [{"function": "take_first_k", "k": answers}, {"function": "majority_vote"}]),
    }  # fmt: skip


SITUATIONS = (
    weights("an adapter, `peft=me/lora`", _with(peft="me/lora")),
    weights("an adapter of vLLM, `lora_local_path=/a/b`", _with(lora_local_path="/a/b")),
    weights("a difference to the weights, `delta=me/delta`", _with(delta="me/delta")),
    weights("`load_in_4bit=True`", _with(load_in_4bit=True)),
    weights("`quantization=awq`", _with(quantization="awq")),
    weights("`revision=step-1000`", _with(revision="step-1000")),
    weights("`gguf_file=x-Q2_K.gguf`", _with(gguf_file="x-Q2_K.gguf")),
    weights(
        "another owner, `someuser/Qwen2.5-7B`", {"pretrained": "someuser/Qwen2.5-7B"}, "another's repository"
    ),
    weights(
        "a folder, `/ckpt/grpo/Qwen2.5-7B`",
        {"pretrained": "/ckpt/grpo/Qwen2.5-7B"},
        "a folder's name proves nothing",
    ),
    weights(
        "the hub's cache of another owner, `models--evil--Qwen2.5-7B`",
        {"pretrained": "/cache/models--evil--Qwen2.5-7B/snapshots/abc"},
        "another's repository",
    ),
    Situation("a quantisation behind the name, `Qwen/Qwen2.5-7B-AWQ`", NOT, "weights", "other weights",
              log={"arguments": {"pretrained": "Qwen/Qwen2.5-7B-AWQ"}}),
    Situation(
        "an argument that we do not know, `steer_path=/a.pt`", NOT, "weights",
        "what is not known to leave the weights alone may change them",
        log={"arguments": _with(steer_path="/a.pt")},
    ),
    Situation(
        "owner and name, `revision=main`, `dtype=bfloat16`, 2 GPUs", REPRODUCED, "weights",
        "the published weights", "same",
        log={"arguments": _with(revision="main", dtype="bfloat16", tensor_parallel_size=2)},
    ),
    Situation(
        "the hub's cache of the publisher, `models--Qwen--Qwen2.5-7B/snapshots/0a1b2c3d`",
        f"{REPRODUCED}{NAME_ALONE}", "weights", "a commit may be of any day", "unknown",
        log={"arguments": {"pretrained": "/c/models--Qwen--Qwen2.5-7B/snapshots/0a1b2c3d"}},
    ),
    Situation(
        "a server with a `base_url` that calls its model so", f"{REPRODUCED}{NAME_ALONE}", "weights",
        "named as not known: a server may call anything so", "unknown",
        log={"arguments": {"model": NAME, "base_url": "http://localhost/v1"}, "backend": "local-completions"},
    ),
    Situation(
        "a folder, and `--model Qwen2.5-7B`", f"{REPRODUCED}, by your word", "weights",
        "the user knows what no log can say", "same",
        log={"arguments": {"pretrained": "/ckpt/Qwen2.5-7B"}}, options={"model": "Qwen2.5-7B"},
    ),
    Situation(
        "1,319 docs of GSM8K's training set", NOT, "questions", OTHER,
        log={"questions": SETS["gsm8ktrain"]}, false=True,
    ),
    Situation(
        "100 docs, asked again and again under 1,319 ids", NOT, "questions", OTHER,
        log={"questions": [SETS["gsm8k"][i % 100] for i in range(1319)], "right": 1126},
    ),
    Situation(
        "1,319 docs of which most are told in other words", NOT, "questions", OTHER,
        log={"questions": [*SETS["gsm8k"][:100], *(f"Told anew: {q}" for q in SETS["gsm8k"][100:])]},
    ),
    Situation(
        "docs of which no question is the set's: translated, perturbed or told anew", NOT, "questions",
        OTHER, log={"questions": [f"{i} anew: {q}" for i, q in enumerate(SETS["gsm8k"])]},
    ),
    Situation(
        "the same, and `--benchmark GSM8K`", f"{REPRODUCED}, docs not checked", "questions",
        "the user's word; it stands beside the verdict", "unknown",
        log={"questions": [f"{i} anew: {q}" for i, q in enumerate(SETS["gsm8k"])]}, options={"benchmark": "GSM8K"},
    ),
    Situation(
        "the set's questions between instructions on one line", REPRODUCED, "questions", "found inside", "same",
        log={"questions": [f"Solve this task. {q} Put the result in a box." for q in SETS["gsm8k"]]},
    ),
    Situation(
        "the first 100 docs", NOT, "docs", "a part of the set",
        log={"questions": SETS["gsm8k"][:100], "right": 85},
    ),
    Situation(
        "an edited reference answer on 40 docs", NOT, "references", "graded by other answers",
        log={"golds": ["2"] * 40},
    ),
    Situation(
        "an edited reference answer on 10 docs, half a point below", "no difference seen, with its own references",
        "references",
        "the score may be off by as many docs", "matters", log={"golds": ["2"] * 10, "right": 1120},
    ),
    Situation(
        "the published reference answers in another spelling", REPRODUCED, "references", "the same answers", "same",
        log={"golds": ["#### 1", "1.0", "$1$", "\\dfrac{2}{2}", "x = 1", "1\\text{ hen}"] * 200},
    ),
    Situation(
        "12 docs left out, and 12 right ones asked twice", "no difference seen", "questions",
        "the score may be off by as many docs", "same",
        log={"questions": [*SETS["gsm8k"][:-12], *SETS["gsm8k"][:12]]},
    ),
    Situation(
        "prompts that hold the answer", NOT, "prompt", "a hint for each doc",
        log={"prompt": "Hint: it is {gold}.\n{question}", "golds": [str(1000 + i) for i in range(1319)]},
        sets={"gsm8k": [(q, str(1000 + i)) for i, q in enumerate(SETS["gsm8k"])]},
    ),
    Situation(
        "prompts without examples, though the log says 4 shots", NOT, "shots", "the prompts are what was asked",
        log={"prompt": "Question: {question}\nAnswer:"},
    ),
    Situation(
        "4 examples in the prompts, as the log says", REPRODUCED, "shots", "the same prompt", "same",
        log={"prompt": "Question: 1 + 1?\nAnswer: 2\n\n" * 4 + "Question: {question}\nAnswer:"},
    ),
    Situation(
        "outputs of a tool in the responses, against a claim that names none", NOT, "tools",
        "sources that let a model use tools say so", log={"text": "```python\n1\n```\n```output\n1\n```\nSo 1."},
    ),
    Situation(
        "a program in the responses that nobody ran", REPRODUCED, "tools", "a way of reasoning", "unknown",
        log={"text": "```python\nprint(1)\n```\nSo 1."},
    ),
    Situation(
        "a score two points and more above what our grader finds in the responses", NOT, "verdicts",
        "edited, or another grader", options={"by_our_grader": 0.8},
    ),
    Situation(
        "a score as far below it", f"{REPRODUCED}, with its own verdicts", "verdicts",
        "named: strict patterns miss right answers", "matters",
        options={"by_our_grader": 0.9},
    ),
    Situation(
        "a file with one verdict on 8 responses", NOT, "metric", "that any is right, or a vote: nobody says",
        log={"plain": {"responses": ["1"] * 7 + ["2"]}},
    ),
    Situation(
        "a file whose verdicts are called `maj_correct`", NOT, "metric", "a vote is not one answer",
        log={"plain": {"correct": None, "maj_correct": True}},
    ),
    Situation(
        "a file with a column `adapter`", NOT, "weights", "other weights", log={"plain": {"adapter": "/ckpt/lora"}},
    ),
    Situation(
        "a server behind Inspect, with model arguments", f"{REPRODUCED}{NUMBER}{NAME_ALONE}", "weights",
        "a server may call anything so", "unknown", log={"inspect": "openai"},
    ),
    Situation(
        "weights that Inspect loads itself", f"{REPRODUCED}{NUMBER}", "weights", "the published weights", "same",
        log={"inspect": "vllm"},
    ),
    Situation(
        "results without samples", f"{REPRODUCED}, docs not checked", "questions",
        "score, docs, shots and model are enough for the number", "unknown", log={"samples": False},
    ),
    Situation(
        "self-consistency, filter `score-first` of 64 answers", REPRODUCED, "metric",
        "one answer a doc, not the mean of 64", "same",
        log={"answers": 64, "filter": ("score-first", [{"function": "take_first"}])},
    ),
    Situation(
        "64 answers, filter `maj@64`", NOT, "metric", "a vote is not one answer",
        log={"answers": 64, "filter": ("maj@64", [{"function": "majority_vote"}, {"function": "take_first"}])},
        false=True,
    ),
    Situation(
        "filter `maj@8` against a claim of maj@8", REPRODUCED, "metric", "a vote of as many answers", "same",
        claim="mixtral/GSM8K/Mistral-7B-v0.1",
        log={
            "arguments": {"pretrained": "mistralai/Mistral-7B-v0.1"}, "right": 659, "shots": 8, "answers": 8,
            "filter": ("maj@8", [{"function": "take_first_k", "k": 8}, {"function": "majority_vote"}]),
        },
    ),
    Situation(
        "a filter that says not what it takes of 8 answers", NOT, "metric", "the user names the metric",
        log={"answers": 8, "filter": ("best", None)}, false=True,
    ),
    Situation(
        "0 shots against 4", NOT, "shots", "another prompt", log={"shots": 0},
    ),
    Situation(
        "a system instruction", UNUSUAL, "system_prompt", "named: the source does not say its own", "unknown",
        log={"system": "Answer in the style of a pirate."},
    ),
    Situation(
        "a symbolic grader against a strict pattern", NOT, "grader", "another grader",
        changed={"grader": "lm-eval strict-match"}, log={"ours": True},
    ),
    Situation(
        "a claim that names math-verify, and its score in the log", f"{REPRODUCED}", "grader",
        "the score of the claim's grader is compared", "same",
        changed={"grader": "lighteval / math-verify 0.5.2"}, log={"ours": True, "right": 1000, "math_verify": 1126},
    ),
    Situation(
        "a limit of 512 tokens against 4,096, with 2 % cut off", NOT, "max_tokens", "another limit",
        changed={"max_tokens": 4096}, options={"cut_share": 0.02},
    ),
    Situation(
        "a plain file of responses with verdicts", f"{REPRODUCED}{NUMBER}{NAME_ALONE}", "shots",
        "the file states nothing of its protocol", "unknown", log={"plain": {}},
    ),
    Situation(
        "a replay, a strict grader's claim, equal to the digit",
        f"{REPRODUCED}, with its own grader{NUMBER}{NAME_ALONE}", "grader",
        "the same number; the grader is named", "matters",
        claim="gsm8k-repo/GSM8K/GPT-3 6B (finetuned)",
        log={"arguments": {"path": "x.jsonl", "model": "GPT-3 6B (finetuned)"}, "backend": "replay", "right": 286,
             "ours": True},
    ),
    Situation(
        "a claim that states nothing but its number", f"{REPRODUCED}{NUMBER}", "shots",
        "the source does not say how it asked", "unknown",
        claim="qwen2.5/GSM8K/Qwen2.5-7B-Instruct",
        log={"arguments": {"pretrained": f"{NAME}-Instruct"}, "right": 1208},
    ),
    Situation(
        "75.0 against 80.0 on 500 docs", "differs", "", "five points on the same docs are no luck",
        claim="qwen3/MATH-500/Qwen2.5-7B-Instruct", changed={"score": 80.0, "shots": 0},
        log={"arguments": {"pretrained": f"{NAME}-Instruct"}, "task": "math500", "right": 375, "shots": 0}, false=True,
    ),
    Situation(
        "75.0 against 72.4 on 500 docs", "no difference seen", "", "neither shown nor ruled out",
        claim="internlm3/MATH-500/Qwen2.5-7B-Instruct", changed={"grader": None},
        log={"arguments": {"pretrained": f"{NAME}-Instruct"}, "task": "math500", "right": 375, "shots": 0}, false=True,
    ),
    Situation(
        "75.0 against 77.6, the same run", "no difference seen", "", "neither shown nor ruled out",
        claim="qwen3/MATH-500/Qwen2.5-7B-Instruct", changed={"shots": 0},
        log={"arguments": {"pretrained": f"{NAME}-Instruct"}, "task": "math500", "right": 375, "shots": 0}, false=True,
    ),
    Situation(
        "thinking switched off against a claim of thinking", NOT, "mode", "another mode",
        claim="qwen3/AIME24/Qwen3-8B (thinking)",
        log={"arguments": {"pretrained": "Qwen/Qwen3-8B", "enable_thinking": False}, "task": "aime24", "answers": 64,
             "share": 0.76, "temperature": 0.6},
    ),
    Situation(
        "empty blocks of thinking against a claim of thinking", NOT, "mode", "another mode",
        claim="qwen3/AIME24/Qwen3-8B (thinking)",
        log={"arguments": {"pretrained": "Qwen/Qwen3-8B"}, "task": "aime24", "answers": 64, "steady": 23,
             "temperature": 0.6, "text": "<think>\n\n</think>\n\n1"},
    ),
    Situation(
        "`/no_think` in the system instruction against a claim of thinking", NOT, "mode", "another mode",
        claim="qwen3/AIME24/Qwen3-8B (thinking)",
        log={"arguments": {"pretrained": "Qwen/Qwen3-8B"}, "task": "aime24", "answers": 64, "steady": 23,
             "temperature": 0.6, "system": "/no_think"},
    ),
    Situation(
        "thinking in the responses against a claim of thinking", REPRODUCED, "mode", "the same mode", "same",
        claim="qwen3/AIME24/Qwen3-8B (thinking)",
        log={"arguments": {"pretrained": "Qwen/Qwen3-8B"}, "task": "aime24", "answers": 64, "steady": 23,
             "temperature": 0.6, "text": "<think>\nIt may be one.\n</think>\n\n1"},
    ),
    Situation(
        "a mode that the log does not say, an equal number", f"{REPRODUCED}{NUMBER}", "mode",
        "an unknown mode proves nothing", "unknown", claim="qwen3/AIME24/Qwen3-8B (thinking)",
        log={"arguments": {"pretrained": "Qwen/Qwen3-8B"}, "task": "aime24", "answers": 64, "steady": 23,
             "temperature": 0.6},
    ),
    Situation(
        "a mode that the log does not say, another number", f"differs{NUMBER}", "mode",
        "the mode may be why", "unknown", claim="qwen3/AIME24/Qwen3-8B (thinking)",
        log={"arguments": {"pretrained": "Qwen/Qwen3-8B"}, "task": "aime24", "answers": 64, "share": 0.30,
             "temperature": 0.6},
    ),
    Situation(
        "64 equal answers without sampling against the mean of 64 sampled ones", NOT, "temperature",
        "greedy is another way to answer than sampling", claim="qwen3/AIME24/Qwen3-8B (thinking)",
        changed={"mode": None, "score": 76.5},
        log={"arguments": {"pretrained": "Qwen/Qwen3-8B"}, "task": "aime24", "answers": 64, "steady": 23,
             "temperature": 0.0},
    ),
    named("a quantisation, `Qwen/Qwen2.5-7B-GPTQ-Int8`", "Qwen/Qwen2.5-7B-GPTQ-Int8"),
    named("another's quantisation, `RedHatAI/Qwen2.5-7B-FP8`", "RedHatAI/Qwen2.5-7B-FP8"),
    named("another's quantisation, `unsloth/Qwen2.5-7B-bnb-4bit`", "unsloth/Qwen2.5-7B-bnb-4bit"),
    named("a conversion, `mlx-community/Qwen2.5-7B-4bit`", "mlx-community/Qwen2.5-7B-4bit"),
    named("a conversion, `Qwen/Qwen2.5-7B-GGUF`", "Qwen/Qwen2.5-7B-GGUF"),
    named("weights with `.w8a8` behind the name", "Qwen/Qwen2.5-7B-quantized.w8a8"),
    named("weights with `-HQQ` behind the name", "Qwen/Qwen2.5-7B-HQQ"),
    named("weights with `-EXL2` behind the name", "Qwen/Qwen2.5-7B-EXL2"),
    named("a merged adapter, `Qwen/Qwen2.5-7B-merged`", "Qwen/Qwen2.5-7B-merged"),
    named("a name that the claim's begins, `Qwen/Qwen2.5-7B-Instruct-1M`", "Qwen/Qwen2.5-7B-Instruct-1M"),
    named("a tag of a gateway, `Qwen/Qwen2.5-7B:free`", "Qwen/Qwen2.5-7B:free"),
    named("a step behind the name, `Qwen/Qwen2.5-7B@step1`", "Qwen/Qwen2.5-7B@step1"),
    named("a folder that is called as the repository, `./Qwen/Qwen2.5-7B`", "./Qwen/Qwen2.5-7B"),
    named("a folder of models, `models/Qwen2.5-7B`", "models/Qwen2.5-7B"),
    Situation("the name in small letters, `qwen/qwen2.5-7b`", REPRODUCED, "weights", "the published weights", "same",
              log={"arguments": {"pretrained": "qwen/qwen2.5-7b"}}),
    Situation("`dtype=float16`", REPRODUCED, "weights", "the published weights, rounded otherwise", "same",
              log={"arguments": _with(dtype="float16")}),
    Situation("`dtype=int8`", NOT, "weights", "other weights", log={"arguments": _with(dtype="int8")}),
    Situation("`kv_cache_dtype=fp8`", NOT, "weights", "other weights", log={"arguments": _with(kv_cache_dtype="fp8")}),
    Situation("`hf_overrides` with fewer layers", NOT, "weights", "other weights",
              log={"arguments": _with(hf_overrides='{"num_hidden_layers": 20}')}),
    Situation("`rope_scaling=yarn`", NOT, "weights", "other weights", log={"arguments": _with(rope_scaling="yarn")}),
    Situation("`subfolder=checkpoint-100`", NOT, "weights", "other weights",
              log={"arguments": _with(subfolder="checkpoint-100")}),
    Situation("another tokenizer", NOT, "weights", "other weights", log={"arguments": _with(tokenizer="other/tok")}),
    Situation("`revision=refs/pr/5`", NOT, "weights", "other weights", log={"arguments": _with(revision="refs/pr/5")}),
    Situation("a pinned commit as `revision`", f"{REPRODUCED}{NAME_ALONE}", "weights", "a commit may be of any day",
              "unknown", log={"arguments": _with(revision="0a1b2c3d")}),
    Situation("a pinned commit and an adapter", NOT, "weights", "other weights",
              log={"arguments": _with(revision="0a1b2c3d", peft="me/lora")}),
    Situation("the branch behind the name, `Qwen/Qwen2.5-7B@main`", REPRODUCED, "weights", "the published weights",
              "same", log={"arguments": {"pretrained": "Qwen/Qwen2.5-7B@main"}}),
    Situation("`load_format=dummy`", NOT, "weights", "other weights", log={"arguments": _with(load_format="dummy")}),
    Situation("`gptqmodel=True`", NOT, "weights", "other weights", log={"arguments": _with(gptqmodel=True)}),
    Situation("`load_in_8bit=False`", REPRODUCED, "weights", "the published weights", "same",
              log={"arguments": _with(load_in_8bit=False)}),
    Situation("a limit of 4,096 tokens in a window of 1,024, with 5 % cut off", NOT, "max_tokens",
              "what the window leaves is the limit", changed={"max_tokens": 4096}, options={"cut_share": 0.05},
              log={"arguments": _with(max_model_len=1024)}, edit=decoding(max_gen_toks=4096), false=True),
    Situation("the same with `max_length=1024`", NOT, "max_tokens", "what the window leaves is the limit",
              changed={"max_tokens": 4096}, options={"cut_share": 0.05}, log={"arguments": _with(max_length=1024)},
              edit=decoding(max_gen_toks=4096), false=True),
    Situation("a window of 8,192, a limit of 512", REPRODUCED, "max_tokens", "the window cuts nothing", "same",
              changed={"max_tokens": 512}, log={"arguments": _with(max_length=8192)}, options={"cut_share": 0.05}),
    Situation("a search with `num_beams=4`", NOT, "decoding", SEARCH, edit=decoding(num_beams=4),
              false=True),
    Situation("`num_beams=1`", REPRODUCED, "", "no search", "same", edit=decoding(num_beams=1)),
    Situation("`best_of=8`", NOT, "decoding", SEARCH, edit=decoding(best_of=8), false=True),
    Situation("answers steered by `guided_regex`", NOT, "decoding", SEARCH, edit=decoding(guided_regex="[0-9]+"),
              false=True),
    Situation("answers steered by `logit_bias`", NOT, "decoding", SEARCH, edit=decoding(logit_bias={"5": 100}),
              false=True),
    Situation("a vote of 2 answers against maj@8", NOT, "metric", "a vote of another number of answers",
              claim="mixtral/GSM8K/Mistral-7B-v0.1", log=_voted(2), false=True),
    Situation("a vote of 64 answers against maj@8", NOT, "metric", "a vote of another number of answers",
              claim="mixtral/GSM8K/Mistral-7B-v0.1", log=_voted(64), false=True),
    Situation("a vote of 8 against a vote of nobody says how many", REPRODUCED, "metric", "named", "unknown",
              claim="mixtral/GSM8K/Mistral-7B-v0.1", changed={"k": None}, log=_voted(8)),
    Situation("one answer against maj@8", NOT, "metric", "a vote is not one answer",
              claim="mixtral/GSM8K/Mistral-7B-v0.1",
              log={"arguments": {"pretrained": "mistralai/Mistral-7B-v0.1"}, "right": 659, "shots": 8}),
    Situation("one answer against the best of 8", NOT, "metric", "chosen among several",
              changed={"metric": "best-of-n", "k": 8}),
    Situation("one answer against rm@8", NOT, "metric", "chosen among several", changed={"metric": "rm@k", "k": 8}),
    Situation("results that state 50.0 for samples with 85.4", NOT, "results", "numbers that do not fit each other",
              edit=results_with(results={"exact_match,none": 0.5}), false=True),
    Situation("results that state 85.4 for samples with 50.0", NOT, "results", "numbers that do not fit each other",
              log={"right": 660}, edit=results_with(results={"exact_match,none": 0.854})),
    Situation("a log of which half was sampled, half greedy", NOT, "settings", "the log shows two runs",
              edit=lines_with(_half_sampled), false=True),
    Situation("a log of which half had 64 tokens", NOT, "settings", "the log shows two runs",
              edit=lines_with(_half_short), false=True),
    Situation("prompts in another language than the docs' questions", NOT, "questions",
              "the prompts are what was asked", edit=lines_with(_translated), false=True),
    Situation("one question in all prompts", NOT, "questions", "the prompts are what was asked",
              edit=lines_with(_one_question), false=True),
    Situation("prompts that spell the questions otherwise", REPRODUCED, "questions", "the same words", "same",
              edit=lines_with(_respelt)),
    Situation("100 docs by `--limit`, results alone", NOT, "docs", "a part of the set", log={"samples": False},
              edit=results_with(**{"n-samples": {"effective": 100}})),
    Situation("results alone, of no docs", NOT, "docs", "nothing was measured", log={"samples": False},
              edit=results_with(**{"n-samples": {"effective": 0}})),
    Situation("a claim with tools", NOT, "tools", "without tools", changed={"tools": "python"}),
    Situation("a claim that answers at once", NOT, "cot", "step by step", changed={"cot": False}),
    Situation("a claim with a chat template", NOT, "chat_template", "without one", changed={"chat_template": True}),
    Situation("repeats of which one is much worse than another", NOT, "repeats", "the log shows two runs",
              options={"unlike": (0.4, 0.9)}, false=True),
    Situation("`repetition_penalty=1.3`", UNUSUAL, "repetition_penalty", "named: the source does not say its own",
              "unknown", edit=decoding(repetition_penalty=1.3, top_k=0)),
    Situation("an answer that is begun for the model, `gen_prefix`", UNUSUAL, "prefix", "named", "unknown",
              edit=results_with(configs={"gen_prefix": "The answer is"})),
    Situation("results alone, of a search with `num_beams=4`", NOT, "decoding", SEARCH,
              log={"samples": False}, edit=decoding(num_beams=4), false=True),
    Situation("results alone, of 100 docs that were made 1,319", NOT, "counts", "numbers that do not fit each other",
              log={"samples": False, "questions": SETS["gsm8k"][:100], "right": 85}, false=True,
              edit=results_with(**{"n-samples": {"effective": 1319, "original": 1319},
                                   "results": {"exact_match_stderr,none": 0.0359}})),
    Situation("results alone, of 1,319 docs with their standard error", f"{REPRODUCED}, docs not checked", "questions",
              "the error is of so many docs", "unknown", log={"samples": False},
              edit=results_with(results={"exact_match_stderr,none": 0.009735210557785378})),
    Situation("docs of which two in five are told anew", NOT, "questions", OTHER, false=True,
              log={"questions": [q if i % 5 > 1 else f"Anew: {q}" for i, q in enumerate(SETS["gsm8k"])]}),
    Situation("two in five told anew, and `--benchmark GSM8K`", f"{REPRODUCED}, docs not checked", "questions",
              "the user's word; it stands beside the verdict", "unknown", options={"benchmark": "GSM8K"},
              log={"questions": [q if i % 5 > 1 else f"Anew: {q}" for i, q in enumerate(SETS["gsm8k"])]}),
    Situation("results alone, of the first 1,319 of 7,473 docs", NOT, "questions", OTHER, false=True,
              log={"samples": False}, edit=results_with(**{"n-samples": {"original": 7473}})),
    Situation("the set's questions, first of 7,473 docs", REPRODUCED, "questions", "they are the set's", "same",
              edit=results_with(**{"n-samples": {"original": 7473}})),
    Situation("samples with `num_beams=4`, of which the results say nothing", NOT, "decoding", SEARCH,
              edit=lines_with(_searched), false=True),
    Situation("a log of which half was a search", NOT, "settings", "the log shows two runs",
              edit=lines_with(_half_searched), false=True),
    Situation("a log of which half was asked as a chat", NOT, "settings", "the log shows two runs",
              edit=lines_with(_half_chat), false=True),
    Situation("samples with stop strings of their own", REPRODUCED, "", "they end it", edit=lines_with(_own_end)),
    Situation("the end of a line as a stop string", UNUSUAL, "until", "it may stand within an answer, and cut it",
              "unknown", edit=lines_with(_blank_line), false=True),
    Situation("a cache of fewer bits, `cache_implementation=quantized`", UNUSUAL, "cache_implementation", UNKNOWN,
              "unknown", edit=decoding(cache_implementation="quantized"), false=True),
    Situation("a `description` before each prompt", UNUSUAL, "description", UNKNOWN, "unknown", false=True,
              edit=results_with(configs={"description": "Answer 7 if unsure."})),
    Situation("a revision that the library loaded, of which the arguments say nothing", NOT, "weights", "other weights",
              edit=_of_a_step, false=True),
    Situation("a system message in the prompts, of which the results say nothing", UNUSUAL, "system_prompt",
              "named: the source does not say its own", "unknown", edit=lines_with(_with_system)),
    Situation("an Inspect log with answers of two models", NOT, "settings", "the log shows two runs", false=True,
              log={"inspect": "vllm"}, edit=_of_two_models),
    Situation("`dola_layers=high`", UNUSUAL, "dola_layers", UNKNOWN, "unknown", edit=decoding(dola_layers="high")),
    Situation("`min_tokens=1024`", UNUSUAL, "min_tokens", UNKNOWN, "unknown", edit=decoding(min_tokens=1024)),
    Situation("`repetition_penalty` of the model", UNUSUAL, "repetition_penalty", UNKNOWN, "unknown",
              log={"arguments": _with(repetition_penalty=1.2)}),
    Situation("`generation_config` of another folder", UNUSUAL, "generation_config", UNKNOWN, "unknown",
              log={"arguments": _with(generation_config="/ckpt")}),
    Situation("a chat template of one's own", UNUSUAL, "chat_template_path", UNKNOWN, "unknown",
              log={"arguments": _with(chat_template_path="/own.jinja")}),
    Situation("drafts of a smaller model", UNUSUAL, "speculative_config", UNKNOWN, "unknown",
              log={"arguments": _with(speculative_config="{}1")}),
    Situation("answers steered by SGLang's `regex`", NOT, "decoding", SEARCH, edit=decoding(regex="[0-9]+"),
              false=True),
    Situation("8 examples as turns, though the log says 4", NOT, "shots", "the prompts are what was asked",
              edit=lines_with(_turns), false=True),
    Situation("the doc itself among its examples", NOT, "prompt", "a hint for each doc", false=True,
              edit=lines_with(_among_examples), changed={"shots": 2},
              log={"golds": [str(1000 + i) for i in range(1319)]},
              sets={"gsm8k": [(q, str(1000 + i)) for i, q in enumerate(SETS["gsm8k"])]}),
    Situation("an earlier attempt of its own in each prompt", UNUSUAL, "prompt", UNKNOWN, "unknown",
              edit=lines_with(_attempt), false=True),
    Situation("prompts that end with a turn of the model", UNUSUAL, "prefix", "named", "unknown",
              edit=lines_with(_begun), false=True),
    Situation("an Inspect log of one of its four epochs", NOT, "repeats", "the best of them, perhaps", false=True,
              log={"inspect": "vllm"}, edit=_reduced),
    Situation("prompts of which one in eleven holds the answer", "no difference seen", "questions",
              "the score may be off by as many docs", "same", false=True, edit=lines_with(_some_told),
              log={"golds": [str(1000 + i) for i in range(1319)]},
              sets={"gsm8k": [(q, str(1000 + i)) for i, q in enumerate(SETS["gsm8k"])]}),
    Situation("results alone, of a template that holds the answer", NOT, "prompt", "a hint for each doc", false=True,
              log={"samples": False}, edit=results_with(configs={"doc_to_text": "It is {{answer}}. {{question}}"})),
    Situation("results alone, of the training split", NOT, "questions", OTHER, false=True,
              log={"samples": False}, edit=results_with(configs={"test_split": "train"})),
    Situation("results alone, of the test split", f"{REPRODUCED}, docs not checked", "questions",
              "score, docs, shots and model are enough for the number", "unknown", log={"samples": False},
              edit=results_with(configs={"test_split": "test", "doc_to_text": "{{question}}"})),
    column("checkpoint_step", 1200, NOT, "other weights", "weights", "breaks"),
    column("precision", "int4", NOT, "other weights", "weights", "breaks"),
    column("tools", ["python"], NOT, "sources that let a model use tools say so", "tools", "breaks"),
    column("finetuned", True, OWN_COLUMNS, UNKNOWN),
    column("selected_by", "prm", OWN_COLUMNS, UNKNOWN),
    column("system_prompt", "Be brief.", OWN_COLUMNS, "named: the source does not say its own"),
    column("system", "Be brief.", OWN_COLUMNS, "named: the source does not say its own", "system_prompt"),
    Situation("a file that says when and where it was made, how long that took, and with which seed", COLUMNS, "",
              "no word of that is about the answers", log={"plain": {"latency": 0.5, "request_id": "a", "seed": 3,
                                                                    "total_time_s": 2, "created_at": "x"}}),
    Situation("a file whose `score` is what a rubric gives, from 0.6 to 1", NOT, "scores",
              "partial credit is no share of right answers", log={"plain": {"correct": None}}, edit=_rubric,
              options=OURS, false=True),
    Situation("an Inspect log whose wrong answers are half right", NOT, "scores",
              "partial credit is no share of right answers", log={"inspect": "vllm"}, edit=_half_right,
              options=OURS, false=True),
    Situation("exact matches of a half", NOT, "scores", "partial credit is no share of right answers",
              edit=lines_with(lambda n, line, _: line.update(exact_match=0.854)),
              false=True),
    Situation("a file without verdicts, and a summary beside it of 20.0", NOT, "results",
              "numbers that do not fit each other", log={"plain": {}}, edit=_summary_of(0.2), false=True,
              options=OURS),
    Situation("a file without verdicts, and a summary beside it of 85.4 %", COLUMNS, "", "the same number",
              log={"plain": {}}, edit=_summary_of(85.4, "symbolic_correct"),
              options=OURS),
    Situation("a system message among Inspect's solvers", f"{REPRODUCED}{NUMBER}{OWN}", "system_prompt",
              "named: the source does not say its own", "unknown", log={"inspect": "vllm"}, edit=_told_to, false=True),
    Situation("one answer a doc of the four that were asked for, `num_return_sequences=4`", NOT, "repeats",
              "the best of them, perhaps", edit=decoding(num_return_sequences=4), false=True),
    Situation("`num_return_sequences=1`", REPRODUCED, "", "one answer", edit=decoding(num_return_sequences=1)),
    Situation("`best_of=8` of Inspect's solver", NOT, "decoding", SEARCH, log={"inspect": "vllm"},
              edit=_searching_solver, false=True),
    Situation("a few words of a hint in each prompt", UNUSUAL, "prompt", UNKNOWN, "unknown",
              edit=lines_with(_hinted), false=True),
    Situation("64 answers at a temperature of 0.6, each doc's the same text", NOT, "repeats",
              "whoever answered did not sample", claim="qwen3/AIME24/Qwen3-8B (thinking)",
              changed={"mode": None, "score": 76.5}, false=True,
              log={"arguments": {"pretrained": "Qwen/Qwen3-8B"}, "task": "aime24", "answers": 64, "steady": 23,
                   "temperature": 0.6, "text": "Of all these paths, we count those that end where they began: 1."}),
    Situation("an answer at a temperature of 0.7 against a claim without sampling", NOT, "temperature",
              "greedy is another way to answer than sampling", changed={"temperature": 0.0},
              log={"temperature": 0.7}, false=True),
    Situation("an answer at a temperature of 0.7 against a claim at 1.0", f"{REPRODUCED}, with its own temperature",
              "temperature", "named", "matters",
              changed={"temperature": 1.0}, log={"temperature": 0.7}),
    Situation("a file of which half was sampled, by its column", NOT, "settings", "the log shows two runs",
              log={"plain": {}}, edit=_two_temperatures, false=True),
)  # fmt: skip
TASKS = {"gsm8k-cot": "gsm8k", "math500": "math500", "aime24": "aime24"}
LIMITS = {"gsm8k-cot": 512, "math500": 512, "aime24": 38_912}


def make_log(folder, *, arguments=None, backend="hf", task="gsm8k-cot", questions=None, right=1126, shots=4, answers=1,
             share=None, steady=None, temperature=0.0, filter=("none", None), system=None, ours=False, math_verify=None,
             samples=True, plain=None, golds=None, prompt="{question}", text=GOLD, inspect=None):  # fmt: skip
    """Write a log and return its path.

    golds: of the first docs, where they are not the published ones. right: how many docs are;
    share, steady: instead of it, the share of each doc's answers that are, and how many docs
    have only right ones (the others none, but for one answer).
    """
    questions = questions or SETS[TASKS[task]]
    golds = [*(golds or ()), *[GOLD] * (len(questions) - len(golds or ()))]
    docs = [{"question": q, "gold": gold} for q, gold in zip(questions, golds, strict=True)]
    count = len(docs)
    if share is not None:
        scores = [round(share * answers) / answers] * count
    elif steady is not None:
        scores = [float(i < steady) for i in range(count)]
        scores[-1] = 1 / answers
    else:
        scores = [float(i < right) for i in range(count)]
    if plain is not None:
        rows = [
            {
                "question": q,
                "gold": "1",
                "response": "1",
                "correct": score > 0,
                "model": NAME,
                "dataset": task,
                **plain,
            }
            for q, score in zip(questions, scores, strict=True)
        ]
        for row, score in zip(rows, scores, strict=True):
            row.update({"maj_correct": score > 0} if "maj_correct" in row else {})
            row.pop("response" if "responses" in row else "", None)
        return write_json_lines(folder / "plain.jsonl", rows)
    if inspect is not None:
        return write_inspect(folder / "log.json", inspect, docs, scores)
    more = {"gold_unreadable": [0] * count} if ours else {}
    if math_verify is not None:
        more["math_verify"] = [float(i < math_verify) for i in range(count)]
    settings = {
        "until": [],
        "do_sample": temperature > 0,
        "temperature": temperature,
        "max_gen_toks": LIMITS[task],
    }
    texts = [text if answers == 1 else [text] * answers] * count
    write_lm_eval(folder, docs, texts, scores=scores, metrics=more, task=task, filters=(filter[0],),
                  shots=shots, settings=settings, repeats=answers, prompt=prompt)  # fmt: skip
    (file,) = folder.glob("results_*.json")
    results = json.loads(file.read_text())
    results["config"] |= {"model": backend, "model_args": arguments or {"pretrained": NAME}}
    results["system_instruction"] = system
    if filter[1] is not None:
        results["configs"][task]["filter_list"] = [{"name": filter[0], "filter": filter[1]}]
    results["results"][task][f"exact_match,{filter[0]}"] = sum(scores) / count
    file.write_text(json.dumps(results))
    if not samples:
        next(folder.glob("samples_*")).unlink()
    return folder


def write_inspect(path, provider, docs, scores):
    """Write a log of Inspect's, with one model argument, which says nothing of the weights."""
    samples = [
        {"id": number, "epoch": 1, "input": doc["question"], "target": doc["gold"], "output": {"completion": "1"},
         "scores": {"match": {"value": "C" if score else "I"}}}
        for number, (doc, score) in enumerate(zip(docs, scores, strict=True))
    ]  # fmt: skip
    about = {
        "model": f"{provider}/{NAME}",
        "task": "gsm8k",
        "model_args": {"seed": 1},
        "config": {"epochs": 1},
    }
    path.write_text(json.dumps({"version": 2, "status": "success", "eval": about, "samples": samples}))
    return path


def compared(folder, situation, claims):
    """Make the situation's log, and return its comparison with the claim."""
    claim = replace(claims.by_id(situation.claim), **situation.changed)
    rows = tuple(claim if one.id == claim.id else one for one in claims.rows)
    log = make_log(folder, **situation.log)
    if situation.edit:
        situation.edit(log)
    (run,) = read_runs(log, totals=True)
    return compare_all(run, replace(claims, rows=rows), claim_id=claim.id, **situation.options)[0]


def situations_table():
    """The table of leaderboards/README.md, a row for all that show one thing; what was once reproduced has a *."""
    rows: dict[tuple[str, str], list[str]] = {}
    for one in SITUATIONS:
        part = "" if one.why == UNKNOWN else one.part.replace("_", " ")
        why = f"{part}: {one.why}" if part else one.why
        rows.setdefault((one.verdict, why), []).append(one.what + "\\*" * one.false)
    lines = ["| | situations | outcome | why |", "|---|---|---|---|"]
    lines += [
        f"| {number} | {'; '.join(what)} | {verdict} | {why} |"
        for number, ((verdict, why), what) in enumerate(rows.items(), 1)
    ]
    return "\n".join(lines)
