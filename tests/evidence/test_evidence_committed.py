"""What is committed under logs/ and leaderboards/ holds: every hash, score and verdict, and every row of the page."""

import json
from collections import Counter

import pytest

from lm_eval_mathtasks.cli import main
from lm_eval_mathtasks.evidence.manifest import FILE, dataset_of, read_manifest
from lm_eval_mathtasks.evidence.verify import verify
from lm_eval_mathtasks.numbers.differences import mcnemar, within_doc_variance
from lm_eval_mathtasks.runs.reading import read_run
from lm_eval_mathtasks.smollm import FOLDER
from tests.conftest import ROOT, SHARED

LOGS = ROOT / "logs"
TRAINED = "SmolLM2-135M-Instruct-Q4_1-sft1024"
REAL = (FOLDER, TRAINED)  # the published model, as it is and fine-tuned, by the folders of its packs
PACKS = sorted(path.parent for path in LOGS.rglob(FILE))
# Of the eight sampled answers to each doc, and of the fine-tuned model, whose texts are too many for here: only the
# text of an answer says that it broke off.
UNFINISHED = 139 + 530
TOTAL_MB = 5.0  # a repository keeps every byte for ever


def test_every_pack_verifies():
    """With the problems and responses at hand (beside the repository) packs without text are graded anew as well."""
    data = [path for name in ("data", "labelled") if (path := SHARED / name).exists()]
    reports = verify(LOGS, data=data, measured=ROOT / "leaderboards" / "MEASURED.md")
    assert {str(report.folder): report.findings for report in reports if report.findings} == {}
    again, responses = sum(r.regraded for r in reports), sum(r.responses for r in reports)
    manifests = [read_manifest(folder) for folder in PACKS]
    textless = sum(manifest["responses"] for manifest in manifests if manifest["text"] != "full")
    assert again == responses - (UNFINISHED if data else textless)


def test_the_commands_say_so(capsys):
    assert main(["evidence", "verify", str(PACKS[0])]) == 0
    assert "1 packs" in capsys.readouterr().out
    where = ["--leaderboards", str(ROOT / "leaderboards")]
    assert main(["leaderboard", "measured", "--check", "--logs", str(LOGS), *where]) == 0
    assert main(["leaderboard", "validate", *where]) == 0


def is_real(folder):
    return folder.relative_to(LOGS).parts[0] in REAL


@pytest.mark.parametrize("folder", PACKS, ids=lambda path: "-".join(path.parts[-3:]))
def test_a_pack_says_what_it_is(folder):
    manifest = read_manifest(folder)
    assert manifest["dirty"] is False
    assert len(manifest["commit"]) == 40
    assert manifest["command_from"] == "given"
    # of lm-eval's own tasks the set is not known
    assert manifest["dataset"].get("is_published_set") is (True if manifest["text"] == "full" else None)
    bare = (
        manifest["backend"] == "replay" or manifest["responses"] > manifest["docs"] or TRAINED in folder.parts
    )
    kept = "none" if bare else "responses" if is_real(folder) else "full"
    assert manifest["text"] == kept


@pytest.mark.parametrize("stage", ["base", "sft", "grpo"])
@pytest.mark.parametrize("task", ["sample-gsm8k", "sample-math"])
def test_three_paths_give_one_number(stage, task):
    """Greedy in float32: in process through transformers, through vLLM, and our API model against a vLLM server."""
    runs = {
        read_manifest(folder)["backend"]: read_run(folder)
        for folder in PACKS
        if folder.parts[-3:-1] == (f"embedded__{stage}", task)
    }
    assert sorted(runs) == ["hf", "mathtasks-chat", "vllm"]
    answers = {name: [row.responses[0].strip() for row in run.rows] for name, run in runs.items()}
    assert answers["hf"] == answers["vllm"] == answers["mathtasks-chat"]
    assert len({tuple(row.score for row in run.rows) for run in runs.values()}) == 1


def test_the_numbers_in_the_readme_are_those_of_the_logs():
    scores = {}
    for folder in PACKS:
        manifest = read_manifest(folder)
        if is_real(folder):
            scores[manifest["task"], folder.name] = manifest
            continue
        scores[manifest["model"], manifest["task"], manifest["backend"]] = 100 * manifest["score"]["value"]
    rows = [line.strip("| ").split(" | ") for line in (LOGS / "README.md").read_text().splitlines()]
    for row in rows:
        if row[0] in ("base", "sft", "grpo"):
            for backend, cell in zip(("hf", "vllm", "mathtasks-chat"), row[2:], strict=True):
                assert float(cell) == round(scores.pop((f"embedded:{row[0]}", row[1], backend)), 2)
        elif (row[0], row[-1]) in scores:
            manifest = scores.pop((row[0], row[-1]))
            # lm-eval's own tasks leave the limit to the model, which takes 256
            limit = manifest["generation"].get("max_gen_toks", 256)
            counted = [manifest["prompts"]["shots"], manifest["docs"], limit]
            assert list(map(int, row[1:4])) == counted
            assert float(row[4]) == round(100 * manifest["score"]["value"], 2)
            (folder,) = (one for one in PACKS if is_real(one) and one.parts[-2:] == (row[0], row[-1]))
            assert int(row[5]) == sum(r.finish.count("length") for r in read_run(folder).rows)
        elif (pack := (row[0], row[1].strip("`"), "replay") if len(row) > 4 else None) in scores:
            assert float(row[4]) == round(scores.pop(pack), 2)
    assert not scores, "every pack is in the README"


def test_greedy_runs_of_the_published_model_are_the_same_texts_in_the_same_batches():
    """And in others 4 of 100 are not, as leaderboards/README.md says."""
    folders = [folder for folder in PACKS if folder.parts[-3:-1] == (FOLDER, "gsm8k-cot-zeroshot")]
    runs = [{row.doc_id: row.responses for row in read_run(folder).rows} for folder in folders]
    first, second, whole = sorted((run for run in runs if len(run) != 200), key=len)
    assert first == second
    assert sum(first[doc] != whole[doc] for doc in first) == 4


def test_of_eight_sampled_answers_none_is_right_twice():
    """The noise of sampled runs at the bottom of the scale, as leaderboards/README.md says: all of p(1-p)."""
    (folder,) = (one for one in PACKS if (m := read_manifest(one))["responses"] > m["docs"])
    scores = [row.score for row in read_run(folder).rows]
    assert Counter(scores) == {0.0: 188, 1 / 8: 12}
    mean = sum(scores) / 200
    assert within_doc_variance(scores, 8) / (mean * (1 - mean)) == pytest.approx(1.008, abs=0.001)


def test_training_on_a_thousand_problems_gained_nothing_that_is_shown():
    """As leaderboards/README.md says: before and after, doc by doc."""
    before, after = (
        {row.doc_id: row.score for row in read_run(next((LOGS / name / "gsm8k-cot-tags").iterdir())).rows}
        for name in REAL
    )
    changed = Counter((before[doc], after[doc]) for doc in before)
    assert (changed[0, 1], changed[1, 0], len(before)) == (30, 23, 1319)
    assert mcnemar(30, 23) == pytest.approx(0.4101, abs=0.0001)


def test_the_logs_stay_small():
    assert sum(path.stat().st_size for path in LOGS.rglob("*") if path.is_file()) < TOTAL_MB * 1e6


OF_OURS = [folder for folder in PACKS if folder.parent.name != "gsm8k"]


@pytest.mark.parametrize("folder", OF_OURS, ids=lambda path: "-".join(path.parts[-3:]))
def test_a_log_from_before_tasks_named_their_set_is_still_of_that_set(folder):
    """Without `dataset_kwargs`, as older logs are, the place and revision in the configuration say which set it was."""
    manifest, (file,) = read_manifest(folder), folder.glob("results_*.json")
    config = json.loads(file.read_text(encoding="utf-8"))["configs"][manifest["task"]]
    config.pop("dataset_kwargs", None)
    found = dataset_of(config, [])
    assert {key: found[key] for key in ("name", "hub", "revision", "checksum", "docs")} == {
        key: manifest["dataset"][key] for key in ("name", "hub", "revision", "checksum", "docs")
    }
