# Every target makes .venv when it is missing and installs what it needs. To choose the interpreter or the torch build:
#   make demo PYTHON=python3.12
#   make demo TORCH="torch==2.13.0 --index-url https://download.pytorch.org/whl/cpu"

PYTHON ?= python3
TORCH ?= torch==2.13.0

BIN := .venv/bin
PIP := $(BIN)/python -m pip
# A stamp is touched when its step has succeeded, so that an interrupted install is tried again.
VENV_READY := .venv/.venv-ready
TORCH_READY := .venv/.torch-ready
DEMO_READY := .venv/.demo-ready
DEV_READY := .venv/.dev-ready
DOCS_READY := .venv/.docs-ready

define PYTHON_MISSING

$(PYTHON) is not a Python of version 3.10 or newer.
Install one and name it, as in: make demo PYTHON=python3.12

endef

define VENV_MISSING

$(PYTHON) could not make a virtual environment in .venv.
On Debian and Ubuntu install the package python3-venv, then run make again.

endef
export PYTHON_MISSING VENV_MISSING

# Tests of one file stay together: they share what is dear to make. Each process loads every library.
WORKERS := --numprocesses auto --maxprocesses 4 --dist loadfile

.DEFAULT_GOAL := help
.PHONY: help demo test test-slow test-all docs lint format venv clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

demo: $(DEMO_READY)  ## train a small VAE, sample it, and write figures to demo_output/
	$(BIN)/python -m benchmarks demo

# Most tests are many small operations: threads that share busy cores would wait for one another at each of them.
test test-slow test-all: export OMP_NUM_THREADS = 1

test: $(DEV_READY)  ## run the tests that are not slow
	$(BIN)/python -m pytest $(WORKERS)

test-slow: $(DEV_READY)  ## run the slow tests
	$(BIN)/python -m pytest -m slow $(WORKERS)

test-all: $(DEV_READY)  ## run every test and report the coverage
	$(BIN)/python -m pytest -m "" --cov $(WORKERS)

lint: $(DEV_READY)  ## run every check that is not a test
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	test "$$(readlink riemann_sampler/adapters)" = ../adapters
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pydoclint --quiet riemann_sampler adapters

format: $(DEV_READY)  ## format the code and mend what ruff can mend
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

docs: $(DOCS_READY)  ## build the documentation into docs/_build/html; warnings are errors
	OMP_NUM_THREADS=1 $(BIN)/python -m sphinx -W --keep-going -n -b html docs docs/_build/html

venv: $(DEV_READY)  ## make .venv with everything for development

clean:  ## remove caches, build products and demo_output/ (.venv stays)
	rm -rf .coverage .coverage.* htmlcov build dist *.egg-info demo_output
	rm -rf docs/_build docs/auto_* docs/sg_execution_times.rst
	rm -rf .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find riemann_sampler adapters benchmarks docs examples tests .ci -name __pycache__ -type d -prune -exec rm -rf {} +

# An environment that works is kept, whoever made it; a broken one is made anew.
$(VENV_READY):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "$$PYTHON_MISSING" >&2; exit 1; }
	@$(PIP) --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear .venv || { echo "$$VENV_MISSING" >&2; exit 1; }
	$(PIP) install "pip>=23.1"
	@touch $@

# On its own and first: the choice of the torch build is the user's, and what comes after finds it there.
$(TORCH_READY): $(VENV_READY)
	$(PIP) install $(TORCH)
	@touch $@

$(DEMO_READY): $(TORCH_READY) pyproject.toml
	$(PIP) install --editable ".[pythae,plot]"
	@touch $@

$(DEV_READY): $(TORCH_READY) pyproject.toml
	$(PIP) install --editable ".[dev,eval,imblearn,libraries,plot]"
	@touch $@

$(DOCS_READY): $(TORCH_READY) pyproject.toml
	$(PIP) install --editable ".[docs]"
	@touch $@
