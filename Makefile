# Every target that needs it sets up the virtual environment by itself, from the locked dependencies. They are not compiled:
# Python does that to what it imports, and compiling the rest takes longer than installing it.
PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3)
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# A process for every core, so one thread for each of them.
TOGETHER := POLARS_MAX_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --dist loadscope
DATA ?= data/sample
PERIOD ?=

.DEFAULT_GOAL := help
.PHONY: help demo test coverage slow fuzz lint check reports lab notebooks bench sample generated release lock clean

help: ## Show what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(READY): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "No Python found. Install Python 3.11 or newer, or say make PYTHON=/path/to/python."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PYTHON) is older than 3.11. Say make PYTHON=/path/to/python3.11."; exit 1; }
	@echo "Setting up $(VENV) (once) …"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes --no-deps -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(READY) ## Publish the reports of the synthetic company and print where they are
	@$(BIN)/idp demo

test: $(READY) ## Run the tests
	@$(TOGETHER)

coverage: $(READY) ## Run the tests with the coverage floor, which takes half as long again
	@$(TOGETHER) --cov --cov-report term

slow: $(READY) ## Run the tests that take minutes: simulations of false alarms and of companies where nothing changes
	@$(BIN)/python -m pytest -m slow

fuzz: $(READY) ## Spoil files of every kind for SECONDS and look whether anything goes wrong: make fuzz SECONDS=600
	@POLARS_MAX_THREADS=1 $(BIN)/python tests/trust/fuzzing.py --seconds $(or $(SECONDS),300)

lint: $(READY) ## Format, lint, types, floors
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

check: lint ## Lint, look at the dependencies, and run the gate over DATA both ways
	@$(BIN)/python .ci/supply_chain.py check
	@$(BIN)/python .ci/supply_chain.py audit
	@$(BIN)/idp check --data $(DATA)
	@$(BIN)/idp check --data $(DATA) --gate gx > /dev/null

reports: $(READY) ## Publish reports: make reports DATA=data/acme PERIOD=2026-03
	@$(BIN)/idp report --data $(DATA) $(if $(PERIOD),--period $(PERIOD))

lab: $(READY) ## Open JupyterLab at the tutorial, all notebooks beside it
	@$(BIN)/jupyter lab notebooks/tutorial.ipynb

notebooks: $(READY) ## Run every notebook as an analyst would
	@$(TOGETHER) --nbval-lax --nbval-kernel-name idp notebooks

bench: $(READY) ## Measure: our answers against pandas and PostgreSQL, our reports against papermill + nbconvert
	@$(BIN)/python bench/delivery.py
	@$(BIN)/python bench/answers.py
	@$(BIN)/python bench/sources.py
	@$(BIN)/python bench/showback.py
	@$(BIN)/python bench/kernels.py
	@$(BIN)/python bench/mart.py 50
	@$(BIN)/python bench/reports.py

sample: $(READY) ## Write data/sample anew (the same bytes, unless the generator changed)
	@$(BIN)/idp sample data/sample

generated: $(READY) ## Write METRICS.md, data/README.md, DEPENDENCIES.md and the shape part of expectations/ anew
	@$(BIN)/python -m idp_analytics.generated
	@$(BIN)/python .ci/supply_chain.py table

release: check ## Build the package and its bill of materials into dist/; known vulnerabilities stop it, and so does nobody to ask
	@$(BIN)/python .ci/supply_chain.py audit --must
	@$(BIN)/hatchling build
	@$(BIN)/python .ci/supply_chain.py sbom dist/idp-analytics.cdx.json

lock: ## Resolve the dependencies anew (needs uv)
	@uv pip compile --quiet --universal --generate-hashes --no-annotate --no-header --no-emit-index-url \
	  --python-version 3.11 --extra dev pyproject.toml --output-file requirements.lock

clean: ## Remove what was made: reports, caches, the virtual environment
	@rm -rf $(VENV) reports/*/ .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .coverage dist build
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
