# A fresh machine needs Python 3.11 or newer, make and git. Everything else goes into .venv.

# The first Python on the path that is new enough; or say which: make PYTHON=/opt/python3.12/bin/python3 test
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	$$python -c '$(NEW_ENOUGH)' 2>/dev/null && echo $$python && break; done)
VENV   := .venv
BIN    := $(VENV)/bin
STAMPS := .stamps
JOBS   ?= 2
# File by file, in the order of tests/conftest.py: what takes long is begun first.
SPREAD := -n $(JOBS) --dist loadfile --no-loadscope-reorder -q

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test soak check lint format types imports bench bench-peers lock sbom clean

help:  ## this list
	@awk -F ':.*  ## ' '/^[a-z-]+:.*  ## / { printf "%-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(STAMPS)/core $(STAMPS)/kernels  ## the whole story on the sample tape, in under a minute
	$(BIN)/gametape demo

test: $(STAMPS)/dev $(STAMPS)/kernels  ## every test
	$(BIN)/pytest $(SPREAD)

soak: $(STAMPS)/dev $(STAMPS)/kernels  ## the long proofs of the tape at full size: every kill point, 500 kills, 2,000 flips
	GAMETAPE_ALL_KILL_POINTS=1 GAMETAPE_KILLS=500 GAMETAPE_FLIPS=2000 $(BIN)/pytest $(SPREAD) tests/durability

check: lint format types imports test  ## lint, format, types, import contracts, then every test

lint: $(STAMPS)/dev  ## ruff's rules
	$(BIN)/ruff check .

format: $(STAMPS)/dev  ## is everything formatted?
	$(BIN)/ruff format --check .

types: $(STAMPS)/dev  ## mypy, strict
	$(BIN)/mypy

imports: $(STAMPS)/dev  ## the import contracts
	$(BIN)/lint-imports

bench: $(STAMPS)/dev  ## the figures that the documentation speaks of
	$(BIN)/python benchmarks/run.py

bench-peers: $(STAMPS)/dev  ## the race against the peers, installed into .venvs; PEERS="--quick", PEERS="--only polars"
	$(BIN)/python benchmarks/peers $(PEERS)

# Versions and hashes only: where packages come from is the business of whoever installs them.
LOCK := --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links --quiet
lock: $(STAMPS)/dev  ## pin requirements/*.txt anew
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile $(LOCK) pyproject.toml requirements/build.in -o requirements/core.txt
	$(BIN)/uv pip compile $(LOCK) --extra dev --extra dist --extra live --extra redis --extra research pyproject.toml requirements/build.in -o requirements/dev.txt
	for peer in flumine hftbacktest stores vectorbt; do \
		$(BIN)/uv pip compile $(LOCK) requirements/peers/$$peer.in -o requirements/peers/$$peer.txt; done
	$(BIN)/uv pip compile $(subst 3.11,3.12,$(LOCK)) requirements/peers/nautilus.in -o requirements/peers/nautilus.txt

sbom: $(STAMPS)/dev  ## the bill of materials of what is pinned, CycloneDX, and how many packages a plain install takes
	@$(BIN)/python requirements/sbom.py build/gametape.cdx.json

$(BIN)/python:
	@test -n "$(PYTHON)" && $(PYTHON) -c '$(NEW_ENOUGH)' || \
		{ echo "gametape needs Python 3.11 or newer; say where it is: make PYTHON=…"; exit 1; }
	$(PYTHON) -m venv $(VENV)

# Installed with hashes first, then the program itself without asking anybody for anything. Bytecode is made by all cores at
# once, where pip takes one, and not of the packages' own tests.
INSTALL := $(BIN)/python -m pip install --quiet --no-compile
BYTECODE = $(BIN)/python -m compileall -qq -j 0 -x '/tests?/' $(VENV)/lib || true
$(STAMPS)/core: requirements/core.txt pyproject.toml | $(BIN)/python
	$(INSTALL) --require-hashes -r requirements/core.txt
	$(INSTALL) --no-deps --no-build-isolation -e .
	@$(BYTECODE)
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/dev: requirements/dev.txt pyproject.toml | $(BIN)/python
	$(INSTALL) --require-hashes -r requirements/dev.txt
	$(INSTALL) --no-deps --no-build-isolation -e .
	@$(BYTECODE)
	@mkdir -p $(STAMPS) && touch $@ $(STAMPS)/core

# The engine is compiled once for every version of its source and kept in the user's cache; here, so that neither the demo
# nor a test waits for a compiler, and two tests never compile the same. A sweep with a page needs what a replay does not.
KERNELS := $(shell find recorder/jit.py replay/core strategies -name '*.py'; grep -rlE '^@(kernel|inner|inlined)' recorder replay)
$(STAMPS)/kernels: $(KERNELS) | $(STAMPS)/core
	@$(BIN)/gametape replay data/sample --min-edge 50 >/dev/null && \
		$(BIN)/gametape sweep data/sample --min-edge 4,50 --poll 10,0.5 --bounds --recheck 0 --out $(STAMPS)/sweep >/dev/null || \
		echo "not compiled; the tests will say why"
	@rm -rf $(STAMPS)/sweep && touch $@

clean:  ## remove all that was made
	rm -rf $(VENV) .venvs $(STAMPS) build dist demo-out .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
