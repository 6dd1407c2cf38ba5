# Everything a developer does. `make` alone lists it.
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
INSTALL := $(shell command -v uv >/dev/null 2>&1 && echo "uv pip install --quiet --python $(BIN)/python" || echo "$(PYTHON) -m pip --python $(BIN)/python install --quiet --disable-pip-version-check")
UP_FLAGS ?=
PYTEST_FLAGS ?=

.DEFAULT_GOAL := help
.PHONY: help up test check lint types docs bench services-up services-down lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

up: .venv/installed ## install, then run everything in one process (UP_FLAGS="--port 9090")
	@exec $(BIN)/chronoverse up $(UP_FLAGS)

test: .venv/installed-dev ## install, start the real services, lint, type-check, and run every test
	@trap '$(BIN)/python -m tests.services down' EXIT; \
	$(BIN)/python -m tests.services up && $(MAKE) --no-print-directory check && \
	$(BIN)/python -m pytest -n 2 --dist worksteal $(PYTEST_FLAGS)

check: lint types ## what needs no running: lint, types, import contracts

lint: .venv/installed-dev ## ruff and the import contracts
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/lint-imports >.venv/contracts.txt || { cat .venv/contracts.txt 2>/dev/null; exit 1; }

types: .venv/installed-dev ## mypy, strict
	@$(BIN)/mypy

docs: .venv/installed-dev ## write the generated parts of docs/ again
	@$(BIN)/python -m tests.docs

bench: .venv/installed-dev ## measure the targets and write docs/benchmarks.md
	@trap '$(BIN)/python -m tests.services down' EXIT; \
	$(BIN)/python -m tests.services up && $(BIN)/python -m tests.bench

services-up: .venv/installed-dev ## start PostgreSQL, RabbitMQ and Docker for the tests, and leave them running
	@$(BIN)/python -m tests.services up

services-down: .venv/installed-dev ## stop what services-up started
	@$(BIN)/python -m tests.services down

lock: ## pin the dependencies again (needs uv)
	uv pip compile --quiet --no-emit-index-url --upgrade --python-version 3.11 pyproject.toml -o requirements.txt
	uv pip compile --quiet --no-emit-index-url --upgrade --python-version 3.11 --extra dev pyproject.toml -o requirements-dev.txt

clean: ## remove what was installed and built (never .chronoverse)
	rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

.venv/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; hint: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv --without-pip .venv
	@touch $@

.venv/installed: .venv/python requirements.txt pyproject.toml
	@$(INSTALL) -r requirements.txt
	@$(INSTALL) --no-deps --editable .
	@touch $@

.venv/installed-dev: .venv/installed requirements-dev.txt
	@$(INSTALL) -r requirements-dev.txt
	@touch $@
