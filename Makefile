# Two commands do everything: `make compare` and `make test`. The rest is for developers: `make help`.
VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
PIP := $(BIN)/pip --disable-pip-version-check --quiet
FASHION := /usr/share/datasets/fashion-mnist
JOBS ?= 2
OLD := $(VENV)-neural-tangents
OLD_PYTHON ?= python3.11

.PHONY: compare help test test-slow check docs figures claims claims-medium benchmarks measured neural-tangents \
  install install-test clean

## The main job: networks beside their linearizations on bundled real data, ending in runs/*/report.html
compare: $(VENV)/.installed
	$(BIN)/tangentlab compare --jobs $(JOBS)

## What can be made
help:
	@awk '/^## / { told = told "\n    " substr($$0, 4) } \
	  /^[a-z-]+:/ && told { print $$1 told; told = "" }' Makefile

## Every test that fits the everyday suite, doctests and tutorials included
test: install-test
	$(BIN)/ruff check .
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal

## The long ones: kill -9 at random moments, full grids
test-slow: install-test
	$(BIN)/python -m pytest -m slow -n $(JOBS)

## Style and types
check: install-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --pythonpath $(BIN)/python

## The pages, warnings as errors
docs: install-test
	$(PIP) install -c constraints.txt -e ".[docs]"
	$(BIN)/sphinx-build -W -q docs docs/_build

## Every figure that README and docs show
figures: install-test
	$(BIN)/python docs/figures/make_figures.py

## Every experiment of the papers at the scale small, and the page of what holds; what has run is kept
claims: install-test
	$(BIN)/python docs/make_claims.py --jobs $(JOBS)

## The same at the scale medium: an hour an experiment on two cores
claims-medium: install-test
	$(BIN)/python docs/make_claims.py --scale medium --jobs $(JOBS)

## Every benchmark, an hour alone on the machine: half of it the kernel against its peers, six minutes the 60,000 rows
## twice, four the forecasts, two function space, ten the eigenpairs of SciPy. Then the figures that pages quote
benchmarks: install-test neural-tangents
	$(PIP) install -c constraints.txt -e ".[benchmarks,store,dask]"
	$(BIN)/python benchmarks/kernel_against_peers.py --neural-tangents-python $(OLD)/bin/python
	$(BIN)/python benchmarks/any_n.py
	$(BIN)/python benchmarks/little_memory.py
	$(BIN)/python benchmarks/sixty_thousand.py
	$(BIN)/python benchmarks/two_workers.py
	$(BIN)/python benchmarks/plan_forecast.py
	$(BIN)/python benchmarks/function_space.py
	$(BIN)/python benchmarks/linearized_step.py
	$(BIN)/python benchmarks/many_runs.py
	for data in fashion-mnist noise; do for dtype in float32 float64; do \
	  $(BIN)/python benchmarks/top_eigenpairs.py --rows 8192 --k 1000 --pairs 1 --data $$data --dtype $$dtype || exit 1; \
	done; done
	$(BIN)/python benchmarks/low_rank.py
	$(BIN)/python benchmarks/quoted_figures.py

## The fastest peer, in an environment of its own: it works with the jax of February 2024, on Python up to 3.12
neural-tangents: $(OLD)/.installed

$(OLD)/.installed: benchmarks/peers/neural-tangents.txt
	$(OLD_PYTHON) -m venv $(OLD)
	$(OLD)/bin/pip --disable-pip-version-check --quiet install -r $<
	touch $@

## Measured figures into README and docs, from what is kept of the benchmarks
measured: install-test
	$(BIN)/python benchmarks/quoted_figures.py

## The package and what it needs, in .venv
install: $(VENV)/.installed

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

# torch first and alone: a resolver that sees a range may choose a build with several GB of CUDA
$(VENV)/.installed: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) install -c constraints.txt torch
	$(PIP) install -c constraints.txt -e .
	touch $@

## The same with what tests and checks need
install-test: $(VENV)/.installed-test

$(VENV)/.installed-test: $(VENV)/.installed
	$(PIP) install -c constraints.txt -e ".[dev]"
	-@[ -d $(FASHION) ] || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
	  && apt-get update -qq && apt-get install -y -qq dataset-fashion-mnist; } >/dev/null 2>&1
	-@command -v chromium >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
	  && apt-get install -y -qq chromium; } >/dev/null 2>&1
	touch $@

## Take away what make has made
clean:
	rm -rf $(VENV) $(OLD) .pytest_cache .ruff_cache docs/_build
