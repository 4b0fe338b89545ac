# Everything below needs python3 (3.11 or newer), make and PyPI: the first target that is called
# makes .venv with lepid and its tools in it, and makes it again when pyproject.toml changes.

PYTHON ?= python3
JOBS ?= 2
# Which tests `make test` runs: a pytest marker expression. Empty means all of them.
MARKERS ?= not slow
PYTEST_ARGS ?=
DEMO_OUTPUT ?= demo-output
REFERENCE_OUTPUT ?= reference-output

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help install demo demo-real test nojit lint format bench examples wheel \
  reference reference-full clean

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*  ## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

install: $(STAMP)  ## lepid and its tools in .venv

$(STAMP): pyproject.toml
	@command -v $(PYTHON) >/dev/null || \
	  { echo "lepid needs Python 3.11 or newer: there is no $(PYTHON); say make PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "lepid needs Python 3.11 or newer: $(PYTHON) is $$($(PYTHON) --version 2>&1); say make PYTHON=..." >&2; exit 1; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV) || \
	  { echo "$(PYTHON) cannot make a virtual environment; on Debian and Ubuntu install python3-venv" >&2; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python --group dev --editable .
	@touch $@

demo: $(STAMP)  ## decorate and count the sample in tests/data; tables and plots in demo-output
	@$(BIN)/python examples/demo.py --output $(DEMO_OUTPUT)

demo-real: $(STAMP)  ## the same on the real files of LEPID_REAL_DATA
	@$(BIN)/python examples/demo.py --real --output $(DEMO_OUTPUT)

test: $(STAMP)  ## the tests but the slow ones (MARKERS= for all)
	$(BIN)/python -m pytest -n $(JOBS) --benchmark-disable -m "$(MARKERS)" $(PYTEST_ARGS)

nojit: $(STAMP)  ## the same with numba's compiler off, so that indices are checked
	NUMBA_DISABLE_JIT=1 $(BIN)/python -m pytest -n $(JOBS) --benchmark-disable -m "$(MARKERS)" $(PYTEST_ARGS)

lint: $(STAMP)  ## ruff, mypy and sp-repo-review
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/sp-repo-review . --show errskip

format: $(STAMP)  ## mend what ruff can mend
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: $(STAMP)  ## the benchmarks, each against a named rival
	$(BIN)/python -m pytest --benchmark-only -s tests/benchmarks $(PYTEST_ARGS)

# demo.py is `make demo`.
examples: $(STAMP)  ## every other example as a script, from an empty folder
	@set -e; folder=$$(mktemp -d); trap 'rm -rf "$$folder"' EXIT; here=$$PWD; cd "$$folder"; \
	for example in "$$here"/examples/*.py; do \
	  case "$$example" in */demo.py) continue;; esac; \
	  echo "== $${example#"$$here"/}"; "$$here"/$(BIN)/python "$$example"; \
	done

wheel: $(STAMP)  ## the built wheel in an environment of its own, from an empty folder
	@set -e; folder=$$(mktemp -d); trap 'rm -rf "$$folder"' EXIT; \
	$(BIN)/python -m build --installer uv --outdir "$$folder/dist" .; \
	$(BIN)/uv venv --quiet --python $(BIN)/python "$$folder/venv"; \
	$(BIN)/uv pip install --quiet --python "$$folder/venv/bin/python" "$$folder"/dist/*.whl; \
	mkdir "$$folder/empty"; cd "$$folder/empty"; ../venv/bin/lepid taggers

# What the reference sample and networks take beside lepid.
$(VENV)/.reference: $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[reference]'
	@touch $@

reference: $(VENV)/.reference  ## the reference sample, its validation page and the networks; goes on where it stopped
	$(BIN)/python examples/reference/make.py --output $(REFERENCE_OUTPUT) --jobs $(JOBS)

reference-full: reference  ## the same with three more seeds: hours
	@set -e; for seed in 2 3 4; do \
	  $(BIN)/python examples/reference/make.py --output $(REFERENCE_OUTPUT)/seed-$$seed --seed $$seed \
	    --jobs $(JOBS); \
	done

clean:  ## remove what make has made, but not the reference sample
	rm -rf $(VENV) $(DEMO_OUTPUT) dist test-results*.xml
