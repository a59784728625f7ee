# OpenRouter Anthropic Server. `make help` lists the commands.
# Needed: make and Python 3.11 to 3.14 with venv. Everything else is installed below .venv, build and tests/clients.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

# The newest Python that will do; another one: `make serve PYTHON=/path/to/python3`.
PYTHON_FITS := import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 15))
PYTHON ?= $(shell for python in python3.13 python3.12 python3.11 python3 python3.14 python; do \
	"$$python" -c '$(PYTHON_FITS)' 2>/dev/null && { echo "$$python"; break; }; done)

BIN := .venv/bin
READY := .venv/ready
CLIENTS := tests/clients
ANTHROPIC_0X := build/clients/anthropic-0x
SOURCES := src tests $(wildcard benchmarks)

PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check --no-input
INSTALL := $(PIP) install --require-hashes
INSTALL_PACKAGE := $(PIP) install --no-deps --no-build-isolation --editable .
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock' $(LOCK_ARGS)

.PHONY: help serve test coverage check check-static check-format check-lint check-types check-imports bench compat format lock \
	dev clean

help: ## list the commands
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | awk -F '\t' '{ printf "make %-14s %s\n", $$1, $$2 }'

serve: $(READY)/serve ## start the server; options in ARGS, e.g. make serve ARGS='--port 4001'
	@exec $(BIN)/openrouter-anthropic-server serve $(ARGS)

test: dev ## run all tests; a choice of them in PYTEST_ARGS
	@$(BIN)/python -m pytest $(PYTEST_ARGS)

coverage: dev ## run all tests and demand 90 % coverage
	@$(BIN)/python -m pytest --cov $(PYTEST_ARGS)

check: check-static coverage ## everything a change must pass: format, lint, types, import rules, tests with coverage

check-static: check-format check-lint check-types check-imports ## the checks that run nothing: format, lint, types, import rules

check-format: $(READY)/dev
	@$(BIN)/ruff format --check --quiet --output-format concise $(SOURCES) || { echo 'Run `make format`.' >&2; exit 1; }

check-lint: $(READY)/dev
	@$(BIN)/ruff check --quiet --output-format concise $(SOURCES)

check-types: $(READY)/dev
	@$(BIN)/mypy

check-imports: $(READY)/dev
	@$(BIN)/lint-imports --no-logo

bench: $(READY)/dev ## measure the server against a bare pass-through; options in ARGS
	@$(BIN)/python -m benchmarks $(ARGS)

compat: $(READY)/dev ## measure what works over each backend, and write docs/15-compatibility.md
	@PYTHONPATH=src:. $(BIN)/python -m tests.conformance

format: $(READY)/dev ## format the code and repair what lint can repair
	@$(BIN)/ruff check --quiet --fix-only $(SOURCES)
	@$(BIN)/ruff format $(SOURCES)

lock: $(READY)/dev ## resolve the dependencies anew where pyproject.toml asks for it; all of them: LOCK_ARGS=--upgrade
	@$(LOCK) pyproject.toml --group build -o requirements.lock
	@$(LOCK) pyproject.toml --group build --group dev -c requirements.lock -o requirements-dev.lock
	@cd $(CLIENTS) && ../../$(LOCK) requirements-anthropic-0x.in -o requirements-anthropic-0x.lock
	@$(LOCK) benchmarks/requirements-litellm-proxy.in -o benchmarks/requirements-litellm-proxy.lock
	@cd $(CLIENTS) && npm install --package-lock-only --ignore-scripts --silent

dev: $(READY)/dev $(ANTHROPIC_0X)/ready clients-js ## install what the tests need

clean: ## remove what was built or installed here
	@rm -rf .venv build dist $(CLIENTS)/node_modules .coverage* .hypothesis .import_linter_cache .mypy_cache .pytest_cache \
		.ruff_cache
	@find $(SOURCES) -name __pycache__ -type d -prune -exec rm -rf {} +

# ---------------------------------------------------------------------------- set-up, each part once per change of its lock

$(READY)/venv:
	@if [ -z '$(PYTHON)' ]; then \
		echo 'No Python 3.11 to 3.14 with venv found (Debian, Ubuntu: apt install python3-venv).' \
			'Name one: make serve PYTHON=/path/to/python3' >&2; exit 1; fi
	@'$(PYTHON)' -c '$(PYTHON_FITS)' || { \
		echo '$(PYTHON) will not do: Python 3.11 to 3.14 with venv is needed.' >&2; exit 1; }
	@$(BIN)/python -c '$(PYTHON_FITS)' 2>/dev/null || '$(PYTHON)' -m venv --clear .venv
	@mkdir -p $(READY) && touch $@

$(READY)/serve: $(READY)/venv requirements.lock pyproject.toml
	@echo 'Installing the server into .venv (once; about a minute) ...' >&2
	@$(INSTALL) -r requirements.lock
	@$(INSTALL_PACKAGE)
	@touch $@

$(READY)/dev: $(READY)/venv requirements-dev.lock pyproject.toml
	@echo 'Installing the server and its tools for development into .venv (once; about a minute) ...' >&2
	@$(INSTALL) -r requirements-dev.lock
	@$(INSTALL_PACKAGE)
	@touch $@ $(READY)/serve

$(ANTHROPIC_0X)/ready: $(READY)/venv $(CLIENTS)/requirements-anthropic-0x.lock
	@rm -rf $(ANTHROPIC_0X)
	@$(INSTALL) --target $(ANTHROPIC_0X) -r $(CLIENTS)/requirements-anthropic-0x.lock
	@touch $@

# Tests that need these skip without them, and fail without them where CI=true.
.PHONY: clients-js
clients-js:
	@if command -v npm >/dev/null; then $(MAKE) --silent $(CLIENTS)/node_modules/ready \
			|| { echo 'Without the JavaScript clients: npm could not install them.' >&2; [ "$$CI" != true ]; }; \
		else echo 'Without the JavaScript clients: there is no npm.' >&2; [ "$$CI" != true ]; fi

$(CLIENTS)/node_modules/ready: $(CLIENTS)/package-lock.json
	@echo 'Installing the JavaScript clients into $(CLIENTS)/node_modules (once; about 400 MB) ...' >&2
	@cd $(CLIENTS) && npm ci --ignore-scripts --loglevel=error
	@touch $@
