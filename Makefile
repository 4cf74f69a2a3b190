PYTHON ?= python3
BIN := .venv/bin

.PHONY: run test test-slow test-cluster check bench notebooks clean

run: .venv/installed
	$(BIN)/python -m kanbench experiment=feynman basis=bspline

test: .venv/installed
	$(BIN)/python -m pytest

test-slow: .venv/installed
	$(BIN)/python -m pytest -m 'slow and not cluster'

test-cluster: .venv/installed
	$(BIN)/python -m pytest -n 0 -m cluster tests/cluster

check: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: .venv/installed
	$(BIN)/python -m benchmarks $(if $(PEERS),--peers $(PEERS))

notebooks: .venv/installed
	$(BIN)/python -m notebooks

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13) and "kanbench needs Python 3.11 to 3.13: make PYTHON=python3.12")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev,notebooks,tables,wandb,dashboard,slurm]'
	touch $@

clean:
	rm -rf .venv results/runs
