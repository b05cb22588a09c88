# `make run` and `make test` need Python 3.11 or newer with pip, and make; nothing else, and nothing installed before.
# With a C compiler and Python's headers what runs for every frame is compiled; without, it is done in Python.

PYTHON ?= python3
HTTP_PORT ?= 8080

VENV := .venv
BIN := $(VENV)/bin
LOCK := requirements-dev.lock
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint $(LOCK)

.PHONY: help run demo test check lock clean

help:
	@echo "make run     start the orchestrator on port $(HTTP_PORT), its database in the working directory"
	@echo "make demo    eight simulated cameras, on this machine only, to look around in; nothing is kept"
	@echo "make test    run all tests, in several processes; about five minutes with two processors"
	@echo "make check   lint, formatting, types and import rules"
	@echo "make benchmark   measure delivery beside its peers and write docs/performance.md; about fifteen minutes"
	@echo "make lock    choose the newest versions that pyproject.toml allows and write them to $(LOCK)"
	@echo "make clean   remove the virtual environment and all caches (databases stay)"
	@echo
	@echo "PYTHON=python3.13 make run   uses another Python for a new environment; HTTP_PORT=80 make run, another port"

run: $(VENV)/.run
	@HTTP_PORT=$(HTTP_PORT) exec $(BIN)/python -m trio_orchestrator

demo: $(VENV)/.run
	@exec $(BIN)/python -m trio_orchestrator demo --port $(HTTP_PORT)

# In as many processes as there are processors, as much of it is waiting; `python -m pytest` does it in one.
test: $(VENV)/.dev
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadgroup

check: $(VENV)/.dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/mypy examples
	$(BIN)/lint-imports --no-logo

lock: $(VENV)/.run
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --upgrade --quiet \
		--no-header --no-emit-index-url --no-emit-find-links --annotation-style line --output-file $(LOCK)

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find trio_orchestrator tests examples -name __pycache__ -prune -exec rm -rf {} +
	rm -f trio_orchestrator/protocol/speedups*.so

# Made anew where what is to be installed has changed, so that nothing is left over from before. A Python whose
# distribution keeps `ensurepip` in a package of its own gets pip from the pip that it has.
$(VENV)/.run: pyproject.toml $(LOCK) hatch_build.py trio_orchestrator/protocol/speedups.c
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "Python 3.11 or newer is needed, and $(PYTHON) is $$($(PYTHON) --version 2>/dev/null || echo not there);" \
			"name another one: PYTHON=python3.13 make $(MAKECMDGOALS)" >&2; exit 1; }
	$(PYTHON) -m venv --clear $(VENV) >/dev/null 2>&1 || { $(PYTHON) -m venv --clear --without-pip $(VENV) \
		&& $(PYTHON) -m pip --quiet --python $(BIN)/python install pip; }
	$(PIP_INSTALL) --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.run
	$(PIP_INSTALL) --editable '.[dev]'
	@touch $@

# Takes about fifteen minutes and two cores to itself; see docs/performance.md.
.PHONY: benchmark
benchmark: $(VENV)/.bench
	$(BIN)/python -m benchmarks --output

$(VENV)/.bench: $(VENV)/.run
	$(PIP_INSTALL) --editable '.[bench]'
	@touch $@
