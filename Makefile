# Everything a developer or a newcomer runs. Each target makes its own environment in .venv.
PYTHON ?= python3.11
BIN := .venv/bin

.PHONY: test check setup clean

.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt --editable ".[dev]"
	touch $@

setup: .venv/ready

test: .venv/ready
	$(BIN)/pytest -q

check: .venv/ready
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

clean:
	rm -rf .venv
