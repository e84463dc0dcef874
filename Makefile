.DEFAULT_GOAL := help
SHELL := /bin/sh

PYTHON ?= python3
ARGS ?=
ONLY ?=
SCALE ?=
PROFILE ?=

VENV := .venv
STAMP := $(VENV)/.stamp
BENCH_STAMP := $(VENV)/.stamp-bench
ARQ_VENV := .venv-arq
ARQ_STAMP := $(ARQ_VENV)/.stamp
NODE_PEERS := bench/peers/node
NODE_STAMP := $(NODE_PEERS)/node_modules/.stamp
RUN := $(VENV)/bin/
PIP := $(RUN)python -m pip --quiet --quiet --disable-pip-version-check

.PHONY: help setup demo up migrate test lint bench chaos clean

help: ## Show this list
	@echo 'make <target>; each one sets up what it needs in $(VENV)'
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(STAMP) ## Create .venv with the locked libraries

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	|| { echo 'Bellwork needs Python 3.11 or newer: make PYTHON=/path/to/python3.11 ...' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
	|| { echo '$(PYTHON) cannot create virtual environments: install them (on Debian and Ubuntu: apt-get install python3-venv)' >&2; exit 1; }
	@echo 'Setting up $(VENV): installing the locked libraries (a minute or two, once)'
	@$(RUN)python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $(STAMP)

demo: setup ## Play the main jobs on a running platform, leave demo-output/, stop everything
	@$(RUN)bellwork demo $(ARGS)

up: setup ## Run the platform until Ctrl-C: API, scheduler, workers, Flower
	@$(RUN)bellwork up $(ARGS)

migrate: setup ## Bring the database to the newest version of the tables
	@$(RUN)bellwork migrate

test: setup ## Run the tests (ARGS='-k name' passes on to pytest)
	@$(RUN)python -m pytest $(ARGS)

lint: setup ## Check style, types, import rules, migration drift and known vulnerabilities
	@$(RUN)ruff check .
	@$(RUN)ruff format --check .
	@$(RUN)mypy
	@$(RUN)lint-imports
	@$(RUN)bellwork migrations check
	@$(RUN)python -m cli.advisories requirements.lock

$(BENCH_STAMP): requirements-bench.lock $(STAMP)
	@$(PIP) install --require-hashes -r requirements-bench.lock
	@touch $(BENCH_STAMP)

$(ARQ_STAMP): requirements-bench-arq.lock | $(STAMP) # arq needs an older Redis client than the rest
	@$(RUN)python -m venv --clear $(ARQ_VENV)
	@$(ARQ_VENV)/bin/python -m pip --quiet --quiet --disable-pip-version-check install --require-hashes -r requirements-bench-arq.lock
	@touch $(ARQ_STAMP)

$(NODE_STAMP): $(NODE_PEERS)/package.json
	@if command -v npm >/dev/null; \
	then npm install --silent --no-audit --no-fund --no-package-lock --prefix $(NODE_PEERS) && touch $(NODE_STAMP); \
	else echo 'npm is missing: BullMQ and pg-boss are left out'; fi

bench: setup $(BENCH_STAMP) $(ARQ_STAMP) $(NODE_STAMP) ## Measure (ONLY=name: one figure, SCALE=0.1: smaller, PROFILE=1: py-spy)
	@$(RUN)python -m bench $(ONLY) $(if $(SCALE),--scale $(SCALE)) $(if $(PROFILE),--profile) $(ARGS)

chaos: setup ## Kill, pause and empty everything under 20,000 jobs, 10 minutes (ARGS='--seed 2')
	@$(RUN)python -m tests.chaos $(ARGS)

clean: ## Remove .venv, the local platform's data and all outputs
	@if test -x $(RUN)bellwork; then $(RUN)bellwork remove-state; \
	elif test -e .bellwork; then echo '.bellwork holds data but $(VENV) is missing: run make setup first' >&2; exit 1; fi
	@rm -rf $(VENV) $(ARQ_VENV) $(NODE_PEERS)/node_modules build *.egg-info demo-output bench-output chaos-output
	@rm -rf .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
