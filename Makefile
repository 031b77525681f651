# make run    sets everything up and runs the whole experiment on the embedded model
# make test   sets everything up and passes the tests
# make quick  passes the quick tests: the core of every module
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: run test quick check types site wheel faults fuzz clean setup

setup: $(VENV)/.installed

# Two thirds of the installed modules are never imported: Python compiles the others when they are.
INSTALL := $(BIN)/python -m pip install --quiet --no-compile -c constraints.txt

# torch first and alone: with the others pip would weigh its many builds against each other.
$(VENV)/.torch: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed; set PYTHON=/path/to/it")'
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) torch
	@touch $@

# What a run needs; the tests need that and more.
$(VENV)/.runs: $(VENV)/.torch
	$(INSTALL) -e '.[cpu,ui]'
	@touch $@

$(VENV)/.installed: $(VENV)/.torch
	$(INSTALL) -e '.[cpu,dev,ui]'
	@touch $(VENV)/.runs $@

run: $(VENV)/.runs
	$(BIN)/emotion-vectors run --preset demo --out runs/demo

# The types and the site are independent of each other and take a core each.
check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	@$(MAKE) --no-print-directory -j2 types site

types: setup
	$(BIN)/pyright

site: setup
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

# One process for each core and one thread in each: most tests are too small for several threads.
test: check
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --maxprocesses=8 --dist loadfile --no-loadscope-reorder

quick: setup
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --maxprocesses=8 --dist loadfile -m "not slow and not browser and not ray"

# Builds the wheel and runs it in an empty environment; needs none of the tests' packages.
wheel:
	$(PYTHON) tools/check_wheel.py

# Kills and damages real runs at random moments, for up to 20 minutes; the last line is the tally.
faults: setup
	$(BIN)/python tools/faults.py --minutes 20 --kills 50

# 10,000 damaged files for each reader of strangers' files.
fuzz: setup
	FUZZ_CASES=10000 OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --maxprocesses=8 tests/hostile

clean:
	rm -rf $(VENV) build dist
