# Everything runs in .venv, which is made on demand; PYTHON=python3.12 chooses another interpreter.
PYTHON ?= python3
DATA ?= data
VENV := .venv
RUN := $(VENV)/bin/python
PYTEST := $(RUN) -m pytest

.DEFAULT_GOAL := help
.PHONY: help demo test test-unit check format bench chaos docs idl clean

help:  ## show what can be made
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

demo: $(VENV)/.runtime  ## a whole farm on this machine; DATA=dir for your own images
	@$(RUN) -m pixfarm.demo "$(DATA)"

test: $(VENV)/.dev  ## all tests, with branch coverage
	$(PYTEST) -n 4 --dist loadgroup --cov --cov-report=term:skip-covered

test-unit: $(VENV)/.dev  ## the tests that need no socket
	$(PYTEST) tests/unit -q -p no:xdist -p no:cov

check: $(VENV)/.dev  ## format, lint, types, import contracts
	$(RUN) -m ruff format --check .
	$(RUN) -m ruff check .
	$(RUN) -m mypy
	$(VENV)/bin/lint-imports --no-cache

format: $(VENV)/.dev  ## put the code into shape
	$(RUN) -m ruff format .
	$(RUN) -m ruff check --fix .

bench: $(VENV)/.dev  ## measure, print, and write benchmarks/results/*.json
	$(RUN) -m benchmarks

chaos: $(VENV)/.dev  ## an hour of faults; CHAOS="--quick" for minutes, or "--minutes 10 --seed 3 --only faults"
	$(RUN) -m tests.chaos $(CHAOS)

docs: $(VENV)/.dev  ## make the pictures and docs/operations.md again
	$(RUN) docs/make_pictures.py
	$(RUN) docs/make_operations.py

idl:  ## generate gen-py/ again (needs thrift-compiler 0.17.0)
	thrift --gen py:enum,slots -out gen-py thrift/pixfarm.thrift

clean:  ## remove what make has made
	rm -rf $(VENV) .coverage .mypy_cache .pytest_cache .ruff_cache *.egg-info benchmarks/work

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "pixfarm needs Python 3.11 or later; $(PYTHON) is older: make PYTHON=python3.12 ..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: requirements.txt | $(VENV)/bin/python
	$(RUN) -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/.dev: requirements.txt pyproject.toml | $(VENV)/bin/python
	$(RUN) -m pip install --quiet --disable-pip-version-check -e ".[dev]"
	@touch $@ $(VENV)/.runtime
