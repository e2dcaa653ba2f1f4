# songmood: `make help` lists what there is.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
INSTALL := $(RUN) -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable
CORPUS ?= jamendo
SEEDS ?= 1
JOBS ?= 2

.PHONY: help demo data reproduce bench test lint docs format clean
.DEFAULT_GOAL := help

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/installed  ## from nothing to a trained tagger, its results, and a song's moods; no account, no download of data
	$(RUN) train.py "experiment=[run3,demo]"
	$(VENV)/bin/songmood tag "$${SONGMOOD_DATA:-data}/demo/audio/51/8000051.flac" --top 5

data: $(VENV)/installed  ## fetch the MTG-Jamendo mood/theme spectrograms (68 GB) into a cache (36 GB); resumes
	$(VENV)/bin/songmood data build

reproduce: $(VENV)/installed  ## every row of the paper's table, then results/RESULTS.md and index.html; CORPUS=demo SEEDS=3
	$(VENV)/bin/songmood reproduce --corpus $(CORPUS) --seeds $(SEEDS)

bench: $(VENV)/installed-test  ## speed against the obvious way, one table
	$(INSTALL) '.[bench]'
	$(RUN) -m benchmarks

test: $(VENV)/installed-test  ## every test
	$(RUN) -m pytest -n $(JOBS) --dist loadfile

lint: $(VENV)/installed-test  ## formatting, lint rules and types
	$(RUN) -m ruff format --check .
	$(RUN) -m ruff check .
	$(RUN) -m mypy

docs: $(VENV)/installed-test  ## the site, build/docs/index.html: these pages and the Python interface; a broken link fails
	$(RUN) -m sphinx -q -E -n -W --keep-going docs build/docs

format: $(VENV)/installed-test  ## reformat and mend what can be mended
	$(RUN) -m ruff format .
	$(RUN) -m ruff check --fix .

clean:  ## remove the virtual environment and tool caches; runs, results and data stay
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist
	find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' || \
		{ echo "songmood needs Python 3.11 to 3.14; $$($(PYTHON) --version) is $(PYTHON): make PYTHON=python3.12 ..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(INSTALL) .
	@touch $@

$(VENV)/installed-test: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(INSTALL) '.[test,lint,docs]'
	@touch $@ $(VENV)/installed
