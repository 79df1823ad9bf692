# tocsin: `make help` lists the targets.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv pip install --python $(BIN)/python --quiet
ARGS ?=

.PHONY: help run demo test check format promql-compliance bench golden clean
.DEFAULT_GOAL := help

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(BIN)/uv:
	@echo "[1/3] making $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV) || { echo "python3 -m venv failed: on Debian, apt-get install python3-venv"; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv

.installed-run: pyproject.toml instrument/pyproject.toml | $(BIN)/uv
	@echo "[2/3] installing tocsin and what it runs on"
	@$(UV) -e '.[all]' -e './instrument[all]'
	@echo "[3/3] compiling its kernels (once on this machine)"
	@$(BIN)/tocsin compile
	@touch $@

.installed-test: .installed-run
	@echo "[+] installing what the tests need"
	@$(UV) -e '.[all,test]' -e './instrument[all,test]'
	@touch $@

run: .installed-run ## start tocsin on http://127.0.0.1:9900 with embedded defaults
	@$(BIN)/tocsin up $(ARGS)

demo: .installed-run ## run it, with an example shop under load and a switch to break it
	@$(BIN)/tocsin demo $(ARGS)

test: .installed-test ## run every test (peers and browser are skipped, with the reason, where absent)
	@$(BIN)/python -m pytest $(ARGS)

check: .installed-test ## lint, format, types and import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

format: .installed-test ## mend what lint and format can mend
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

promql-compliance: .installed-test ## count the evals of Prometheus's own scripts that pass; fails when any is lost
	@$(BIN)/python -m tests.oracles.promql_compliance

bench: .installed-test ## measure; ONLY=store|promql|slo|ingest|instrument runs a part
	@$(BIN)/python -m bench $(if $(ONLY),--only $(ONLY))

golden: .installed-test ## rewrite the golden files; review them as a diff
	@TOCSIN_WRITE_GOLDEN=1 $(BIN)/python -m pytest -k golden

clean: ## remove the environment and the caches
	@rm -rf $(VENV) .installed-* .mypy_cache .ruff_cache .pytest_cache
