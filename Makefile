# make demo     the main job: one customer's journey through four departments
# make test     the test-suite, with branch coverage
# make lint     ruff, mypy and pyright
# make docs     the documentation, in docs/_build; warnings are errors
# make package  the wheel and the sdist, built once and tried without the sources
# make lock     the versions that CI installs, written anew
# make bench    what the library costs beside raw cryptography and beside its peers
# make fuzz     hostile input, five million of it: fuzz/README.md; FUZZ='--inputs 100000'
# make mutants  400 mutants of decode, verify, fold: docs/mutation-testing.md; most of an hour
# make flips    every bit of every valid vector, flipped: half an hour
# make bleed    200,000 requests of 500 customers on real servers: does anybody see another's
#               journey? BLEED='starlette --requests 10000'
# make outage   RabbitMQ killed and started again with 5,000 messages in flight
# make soak     Celery for half an hour: memory, and whether it errs; SOAK='--minutes 5'
# make floors   the test-suite on the lowest versions that pyproject.toml allows
# make clean    remove everything that the others made
#
# All that is needed is Python 3.11 or newer; another than `python3` is chosen with
# `make PYTHON=python3.13 test`. The rest goes into .venv.

PYTHON ?= python3
BIN := .venv/bin
CORE := src/cxcontext/core/**
# Twice as many as processors: many tests wait for servers.
WORKERS ?= $(shell echo $$((2 * $$(nproc 2>/dev/null || echo 2))))

.PHONY: demo test lint docs package lock bench fuzz mutants flips bleed outage soak floors clean

demo: .venv/demo.installed
	@$(BIN)/cxcontext demo

test: .venv/tests.installed
	$(BIN)/pytest -n $(WORKERS) --cov --cov-report=
	$(BIN)/coverage report --include='$(CORE)' --fail-under=100
	$(BIN)/coverage report --omit='$(CORE)' --fail-under=95

lint: .venv/dev.installed
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/pyright --pythonpath $(BIN)/python

docs: .venv/docs.installed
	$(BIN)/sphinx-build --quiet --fail-on-warning --keep-going docs docs/_build

package: .venv-bare/made .venv-all/made
	rm -rf dist
	.venv-bare/bin/pip install --quiet --group package
	.venv-bare/bin/python -m build --outdir dist
	.venv-bare/bin/pip install --quiet --force-reinstall --no-deps dist/*.whl
	.venv-bare/bin/pip install --quiet dist/*.whl hypothesis pytest pytest-xdist
	.venv-all/bin/pip install --quiet --force-reinstall --no-deps dist/*.whl
	.venv-all/bin/pip install --quiet --group tests --group package
	.venv-all/bin/python .ci/package.py dist .venv-bare .venv-all

lock: .venv-lock/made
	.venv-lock/bin/pip install --quiet --upgrade . --group dev --group docs
	.venv-lock/bin/pip freeze --exclude cxcontext > .ci/locked.txt

bench: .venv-bench/installed
	.venv-bench/bin/python -m bench --cwt .venv-bench/cwt $(BENCH)

fuzz: .venv/fuzz.installed
	$(BIN)/python -m fuzz $(FUZZ)

mutants: .venv/mutants.installed
	nice $(BIN)/python .ci/mutants.py $(MUTANTS)

flips: .venv/tests.installed
	$(BIN)/python -m fuzz.flips

bleed: .venv/tests.installed
	$(BIN)/python -m bleed $(BLEED)

outage: .venv/tests.installed
	CX_MESSAGES=5000 $(BIN)/pytest -s tests/queues/test_outage.py

soak: .venv/tests.installed
	nice $(BIN)/python -m bench.celery_soak $(SOAK)

floors: .venv-floors/made
	.venv-floors/bin/python .ci/floors.py > .venv-floors/floors.txt
	.venv-floors/bin/pip install --quiet --constraint .venv-floors/floors.txt --editable . --group tests
	.venv-floors/bin/pytest -n auto

clean:
	rm -rf .venv .venv-all .venv-bare .venv-bench .venv-floors .venv-lock
	rm -rf build dist docs/_build docs/reference/made htmlcov .coverage .coverage.*
	rm -rf .fuzz .mutants .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -prune -exec rm -rf {} +

# Each *.installed says that these were installed from the present pyproject.toml.

.venv/demo.installed: pyproject.toml .venv/made
	$(BIN)/pip install --quiet --editable '.[demo]'
	@touch $@

.venv/tests.installed .venv/dev.installed .venv/docs.installed .venv/fuzz.installed .venv/mutants.installed: .venv/%.installed: pyproject.toml .venv/made
	$(BIN)/pip install --quiet --editable . --group $*
	@touch $@

# cwt needs a cbor2 that the library cannot work with, so both go into a directory.
.venv-bench/installed: pyproject.toml .venv-bench/made
	.venv-bench/bin/pip install --quiet --editable . --group bench
	.venv-bench/bin/pip install --quiet --upgrade --no-deps --target .venv-bench/cwt \
	  'cwt>=3.3' pyhpke 'cbor2<6'
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
