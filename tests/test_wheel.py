"""The built wheel, alone: tasks travel inside it, and the command works with the source tree out of reach."""

import json
import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from tests.conftest import ROOT


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """A fresh environment with the built wheel; the dependencies are those of the environment that tests run in."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    venv.create(folder / "env", with_pip=False, system_site_packages=False)
    python = folder / "env" / "bin" / "python"
    site = Path(
        subprocess.check_output(
            [python, "-c", "import site; print(site.getsitepackages()[0])"], text=True
        ).strip()
    )
    subprocess.run([sys.executable, "-m", "zipfile", "-e", str(wheel), str(site)], check=True)
    # The dependencies come as a path, not as a .pth file: an editable install of this package stays out of reach.
    dependencies = [path for path in sys.path if path.endswith("site-packages")]
    return python, {**os.environ, "PYTHONPATH": os.pathsep.join([str(site), *dependencies])}, folder


def call(python, *arguments):
    interpreter, env, folder = python
    command = [str(interpreter), *arguments]
    return subprocess.run(command, env=env, cwd=folder, capture_output=True, text=True, check=False)


def test_the_wheel_finds_its_own_tasks_not_the_source_tree(python):
    done = call(python, "-m", "lm_eval_mathtasks", "tasks-path")
    path = Path(done.stdout.strip())
    assert done.returncode == 0, done.stderr
    assert path.name == "_tasks"
    assert ROOT not in path.parents
    ours = sorted(str(p.relative_to(ROOT / "tasks")) for p in (ROOT / "tasks").rglob("*.yaml"))
    assert sorted(str(p.relative_to(path)) for p in path.rglob("*.yaml")) == ours


def test_plain_lm_eval_runs_a_task_of_the_wheel(python):
    folder = python[2]
    path = call(python, "-m", "lm_eval_mathtasks", "tasks-path").stdout.strip()
    model = call(python, "-m", "lm_eval_mathtasks", "model-path").stdout.strip()
    command = ["-m", "lm_eval", "run", "--model", "hf", "--model_args", f"pretrained={model},dtype=float32"]
    command += ["--device", "cpu", "--include_path", path, "--tasks", "sample-gsm8k", "--limit", "2"]
    done = call(python, *command, "--apply_chat_template", "--output_path", "out")
    assert done.returncode == 0, done.stderr[-2000:]
    (results,) = (folder / "out").rglob("results_*.json")
    assert "exact_match,none" in json.loads(results.read_text())["results"]["sample-gsm8k"]


def test_the_report_finds_its_template_style_and_scripts_in_the_wheel(python):
    line = {
        "question": "1+1?",
        "gold": "2",
        "response": "It is $\\boxed{2}$.",
        "model": "toy",
        "task": "sums",
    }
    (python[2] / "one.jsonl").write_text(json.dumps(line))
    done = call(python, "-m", "lm_eval_mathtasks", "report", "one.jsonl", "-o", "one.html")
    assert done.returncode == 0, done.stderr[-2000:]
    page = (python[2] / "one.html").read_text(encoding="utf-8")
    assert "readMath" in page
    assert "--paper" in page
