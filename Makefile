# puhui 普惠: every task of the project. `make` alone lists them.
#
#   ARGS=…     passed through:           make demo ARGS=--exit
#   PYTHON=…   which interpreter:        make env PYTHON=python3.13 VENV=.venv-3.13
#   VENV=…     which environment

PYTHON ?= python3
VENV   ?= .venv
ARGS   ?=

BIN   := $(VENV)/bin
STAMP := $(VENV)/.installed
UV    := $(BIN)/uv --quiet --no-progress

# Bytecode is kept, whatever the caller's environment says: the commands start many processes.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help env demo test quick-test bench soak endurance lint format audit secrets screenshots pages wheel-test parts lock clean

help: ## list the tasks
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

env: $(STAMP) ## create the environment (.venv) from the lock; does nothing when it is up to date
	@:

# The stamp is written last, so a broken-off installation is done again.
$(STAMP): requirements-dev.lock pyproject.toml scripts/venv.sh
	@scripts/venv.sh "$(PYTHON)" "$(VENV)" requirements-dev.lock
	@$(UV) pip install --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

demo: env ## from nothing to an alert, with everything embedded (ARGS=--exit stops by itself)
	@$(BIN)/puhui demo $(ARGS)

test: env ## the whole suite; what needs an absent part is skipped with its reason
	@$(BIN)/pytest $(ARGS)

quick-test: env ## the part of the suite that needs nothing installed
	@$(BIN)/pytest -m "not parts and not slow" $(ARGS)

bench: env ## measure, and write docs/benchmarks.md (ARGS=--quick: a short run that writes nothing)
	@$(BIN)/python -m tests.benchmarks $(ARGS)

soak: env ## hostile messages through a real Kafka; a report in JSON (ARGS="--messages 1000000 --seed 1")
	@$(BIN)/python -m tests.soak $(ARGS)

endurance: env ## events while workers and broker are killed; docs/soak.md (ARGS="--minutes 30 --events 20000000 --write")
	@$(BIN)/python -m tests.endurance $(ARGS)

lint: env ## ruff, mypy --strict, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict
	$(BIN)/lint-imports

format: env ## let ruff put the code in order
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

audit: env ## known vulnerabilities of the locked dependencies; says so where no advisories can be had
	@$(BIN)/python -m tests.audit

secrets: env ## look for secrets under version control (ARGS=--accept: these are none)
	@scripts/secrets.sh $(BIN) $(ARGS)

pages: env ## write docs/settings.md and docs/metrics.md from the tables of settings and metrics
	@$(BIN)/python -m tests.pages

screenshots: env ## pictures of the console for the documentation (needs chromium)
	@$(BIN)/python -m tests.screenshots $(ARGS)

wheel-test: env ## build the wheel and run the quick tests against it, away from the source tree
	@scripts/wheel-test.sh "$(VENV)"

parts: ## install what the real tests need: Kafka, PostgreSQL, Prometheus … (Debian)
	@scripts/parts.sh

lock: env ## resolve the dependencies anew, as far as needed (ARGS=--upgrade: to their newest)
	$(UV) pip compile --universal --generate-hashes --python-version 3.11 --no-header --no-annotate \
		$(ARGS) pyproject.toml --output-file requirements.lock
	$(UV) pip compile --universal --generate-hashes --python-version 3.11 --no-header --no-annotate \
		$(ARGS) pyproject.toml --group dev --constraints requirements.lock --output-file requirements-dev.lock

clean: ## remove the environment and everything built
	rm -rf $(VENV) .venv-newest build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
