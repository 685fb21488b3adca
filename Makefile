# `make quickstart` and `make test` need only Python 3.11 to 3.13 with pip and venv, make and git.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: quickstart test portable slow check clean

quickstart: $(VENV)/installed
	$(BIN)/prefmill run examples/quickstart.yaml

test: $(VENV)/installed-dev
	$(BIN)/pytest -q -n 2 -m "not slow"

# What may differ between Python versions, without whole runs: quick enough for every version in CI.
portable: $(VENV)/installed-dev
	$(BIN)/pytest -q -n 2 -m "not slow" tests/schemas tests/curation tests/generators/sources tests/generators/judges \
		tests/generators/protocols tests/pipelines/test_recipe_reading.py tests/pipelines/test_engine.py

slow: $(VENV)/installed-dev
	$(BIN)/pytest -q -n 2 -m slow

check: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

$(VENV)/created:
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; (3, 11) <= v <= (3, 13) or sys.exit("prefmill needs Python 3.11, 3.12 or 3.13, and %s is %d.%d. Try: make PYTHON=python3.12 $(MAKECMDGOALS)" % (sys.executable, *v))'
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/installed: $(VENV)/created pyproject.toml constraints.txt
	$(PIP) -e .
	@touch $@

$(VENV)/installed-dev: $(VENV)/installed
	$(PIP) -e '.[dev]'
	@touch $@

clean:
	rm -rf $(VENV) runs .pytest_cache .mypy_cache .ruff_cache
