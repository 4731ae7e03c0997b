# make demo     the main job: one customer's journey through four departments
# make test     the test-suite, with branch coverage
# make lint     ruff, mypy and pyright
# make floors   the test-suite on the lowest versions that pyproject.toml allows
# make clean    remove everything that the others made
#
# All that is needed is Python 3.11 or newer; another than `python3` is chosen with
# `make PYTHON=python3.13 test`. The rest goes into .venv.

PYTHON ?= python3
BIN := .venv/bin
CORE := src/cxcontext/core/**

.PHONY: demo test lint floors clean

demo: .venv/demo.installed
	@$(BIN)/cxcontext demo

test: .venv/tests.installed
	$(BIN)/pytest -n auto --cov --cov-report=
	$(BIN)/coverage report --include='$(CORE)' --fail-under=100
	$(BIN)/coverage report --omit='$(CORE)' --fail-under=95

lint: .venv/dev.installed
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/pyright --pythonpath $(BIN)/python

floors: .venv-floors/made
	.venv-floors/bin/python .ci/floors.py > .venv-floors/floors.txt
	.venv-floors/bin/pip install --quiet --constraint .venv-floors/floors.txt --editable . --group tests
	.venv-floors/bin/pytest -n auto

clean:
	rm -rf .venv .venv-floors build dist htmlcov .coverage .coverage.*
	rm -rf .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -prune -exec rm -rf {} +

# Each *.installed says that these were installed from the present pyproject.toml.

.venv/demo.installed: pyproject.toml .venv/made
	$(BIN)/pip install --quiet --editable '.[demo]'
	@touch $@

.venv/tests.installed .venv/dev.installed: .venv/%.installed: pyproject.toml .venv/made
	$(BIN)/pip install --quiet --editable . --group $*
	@touch $@

# pip before 25.1 does not know dependency groups.
%/made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo 'cxcontext needs Python 3.11 or newer, and $(PYTHON) is not;' \
	    'choose another, as in: make PYTHON=python3.13 $(MAKECMDGOALS)' >&2; \
	  exit 1; }
	$(PYTHON) -m venv $*
	$*/bin/python -m pip install --quiet --upgrade 'pip>=25.1'
	@touch $@
