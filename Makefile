# Needs Python 3.10 or newer with pip, and git. Everything else is installed
# into this folder: uv (.tools), the project (.venv), Meltano (.tools/meltano)
# and its plugins (.meltano). Each is made again when what it is made from
# changes, all of them when the folder was moved.

ifneq ($(findstring :,$(CURDIR))$(findstring %,$(CURDIR))$(findstring \,$(CURDIR)),)
$(error Rename this folder: its path must not contain a colon, % or \)
endif

PYTHON ?= python3
# What the pinned packages have wheels for; uv looks for such a Python.
PYTHON_VERSIONS := >=3.10,<3.15

UV := .tools/uv/bin/uv
UV_RUN := $(UV) --quiet
STAMPS := .tools/stamps
# What `make run` needs, and what only the tests need; every other plugin is
# installed with `meltano install NAME`.
PLUGINS := tap-oncehub target-duckdb
MORE_PLUGINS := target-postgres target-jsonl parquet-export dlt-export

# In a variable, since a path may contain quotes.
export PROJECT_FOLDER := $(CURDIR)
export UV_PYTHON_PREFERENCE ?= system
export MELTANO_CLI_DISABLE_VERSION_CHECK := true

.DEFAULT_GOAL := help
.PHONY: help install loaders run check status models assistant notebook test test-slow test-warehouses mutants bench lint format build hub lock clean
.DELETE_ON_ERROR:

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' Makefile

install: ## set up .venv/bin/tap-oncehub, .venv/bin/meltano and Meltano's plugins
	@$(MAKE) --silent --no-print-directory -j 3 $(STAMPS)/dev $(STAMPS)/plugins

loaders: install $(STAMPS)/loaders $(STAMPS)/dbt-duckdb $(STAMPS)/dbt-postgres $(STAMPS)/servers ## set up the other destinations that the tests load into

run: install ## load your account into output/warehouse.duckdb, or a sample one into output/demo.duckdb
	@.venv/bin/python -m scripts.run $(RUN_ARGS)

check: install ## ask OnceHub whether the key works, and PostgreSQL, if it is set, whether it lets you in
	@.venv/bin/python -m scripts.check

status: install ## show the last runs, bookmarks, and what the warehouse holds
	@.venv/bin/python -m scripts.status

models: install $(STAMPS)/dbt-duckdb ## build analyst-ready tables from what was loaded, with dbt
	@.venv/bin/python -m scripts.models

assistant: install $(STAMPS)/mcp ## write output/assistant/marts.duckdb, what a code assistant may read
	@.venv/bin/python -m scripts.assistant

notebook: install $(STAMPS)/notebook ## show what was loaded, in a browser
	@WAREHOUSE="$${WAREHOUSE:-$$(.venv/bin/python -m scripts.account)}" || exit 1; export WAREHOUSE; \
		.tools/notebook/bin/marimo run notebooks/account.py --host 127.0.0.1 --token $(NOTEBOOK_ARGS)

test: loaders ## run the tests; TEST_ARGS goes to pytest, COVERAGE=1 measures coverage (slower)
	@$(if $(COVERAGE),.venv/bin/coverage erase)
	@.venv/bin/$(if $(COVERAGE),coverage run -m )pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder -m 'not slow and not warehouses' $(TEST_ARGS)
	@$(if $(COVERAGE),.venv/bin/coverage combine --quiet && .venv/bin/coverage report)

test-slow: loaders $(STAMPS)/notebook $(STAMPS)/query $(STAMPS)/mcp ## run the tests that take minutes
	@.venv/bin/pytest -m slow $(TEST_ARGS)

test-warehouses: loaders $(addprefix $(STAMPS)/,exporters bqemulator fakesnow azurite) ## run the tests that need emulators of warehouses and stores
	@.venv/bin/pytest -m warehouses $(TEST_ARGS)

mutants: loaders ## spoil what matters, a thing at a time: a test must see each; MUTANTS chooses some by name
	@.venv/bin/python -m tests.mutants $(MUTANTS)

bench: install $(STAMPS)/bench-dlt $(STAMPS)/bench-airbyte $(STAMPS)/bench-pypi ## measure the tap and others; BENCH_ARGS=--help says what can be chosen
	@.venv/bin/python -m benchmarks $(BENCH_ARGS)

lint: $(STAMPS)/dev ## check style, types, meltano.yml and workflows
	@.venv/bin/ruff check --quiet .
	@.venv/bin/ruff format --quiet --check .
	@.venv/bin/mypy
	@.venv/bin/check-jsonschema --quiet --builtin-schema vendor.meltano meltano.yml
	@.venv/bin/zizmor --offline --quiet .github orchestrate/github_actions.yml

format: install ## format the code
	@.venv/bin/ruff check --quiet --fix-only .
	@.venv/bin/ruff format --quiet .

build: $(STAMPS)/dev $(STAMPS)/build ## make wheel and sdist in dist/, and check them
	@rm -rf dist
	@.venv/bin/hatchling build
	@.tools/build/bin/twine --no-color check --strict dist/*
	@.tools/build/bin/check-wheel-contents dist/*.whl

hub: $(STAMPS)/dev ## write hub/ and plugin.yaml from what the tap says of itself
	@.venv/bin/python -m scripts.hub

lock: $(STAMPS)/uv ## pin the newest versions that requirements/*.in and pyproject.toml allow
	@for name in uv meltano dev build servers exporter notebook dbt query mcp; do \
		$(UV_RUN) pip compile --universal --upgrade --python-version 3.10 \
			--generate-hashes --no-emit-index-url --custom-compile-command 'make lock' \
			--output-file requirements/$$name.txt requirements/$$name.in \
			$$([ $$name != dev ] || echo pyproject.toml) \
			$$([ ! -e requirements/$$name-overrides.in ] || \
				echo --override requirements/$$name-overrides.in) \
			>/dev/null || exit 1; \
	done
	@for name in bqemulator fakesnow; do \
		$(UV_RUN) pip compile --universal --upgrade --python-version 3.11 \
			--generate-hashes --no-emit-index-url --custom-compile-command 'make lock' \
			--output-file requirements/$$name.txt requirements/$$name.in >/dev/null || exit 1; \
	done
	@for name in dlt airbyte pypi; do \
		$(UV_RUN) pip compile --universal --upgrade --python-version 3.10 \
			--generate-hashes --no-emit-index-url --custom-compile-command 'make lock' \
			--output-file benchmarks/requirements-$$name.txt \
			benchmarks/requirements-$$name.in >/dev/null || exit 1; \
	done

clean: ## remove everything that make made, but not output/ and Meltano's state
	@rm -rf .venv .tools .coverage .coverage.* .hypothesis .mypy_cache .pytest_cache .ruff_cache dist
	@rm -rf .meltano/extractors .meltano/loaders .meltano/utilities .meltano/logs .meltano/run
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- what is installed where -------------------------------------------------

# A virtual environment does not survive being moved: begin again in a new place.
.tools/here: FORCE
	@[ "$$(cat $@ 2>/dev/null)" = "$$PROJECT_FOLDER" ] || { \
		rm -rf .venv .tools .meltano/extractors .meltano/loaders .meltano/utilities; \
		mkdir -p $(STAMPS); printf '%s\n' "$$PROJECT_FOLDER" > $@; }
FORCE:

$(STAMPS)/uv: requirements/uv.txt .tools/here
	@echo 'Setting up: uv ...'
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { \
		echo '$(PYTHON) is missing or older than 3.10: make PYTHON=python3.12 ...' >&2; exit 1; }
	@$(PYTHON) -m pip --version >/dev/null 2>&1 || { \
		echo '$(PYTHON) has no pip; on Debian and Ubuntu: apt-get install python3-pip' >&2; exit 1; }
	@rm -rf .tools/uv
	@$(PYTHON) -m pip install -qq --disable-pip-version-check --no-deps --require-hashes \
		--target .tools/uv --requirement requirements/uv.txt
	@touch $@

$(STAMPS)/dev: requirements/dev.txt pyproject.toml $(STAMPS)/uv $(STAMPS)/venv
	@echo 'Setting up: the tap, the sandbox and the tools ...'
	@$(UV_RUN) pip sync --python .venv --require-hashes requirements/dev.txt
	@$(UV_RUN) pip install --python .venv --no-deps --no-build-isolation --editable .
	@ln -sf ../../.tools/meltano/bin/meltano .venv/bin/meltano
	@touch $@

$(STAMPS)/venv: $(STAMPS)/uv
	@$(UV_RUN) venv --clear --no-project --python '$(PYTHON_VERSIONS)' .venv
	@touch $@

$(STAMPS)/meltano: requirements/meltano.txt $(STAMPS)/uv
	@echo 'Setting up: Meltano ...'
	@$(UV_RUN) venv --clear --no-project --python '$(PYTHON_VERSIONS)' .tools/meltano
	@$(UV_RUN) pip sync --python .tools/meltano --require-hashes requirements/meltano.txt
	@touch $@

$(STAMPS)/plugins: meltano.yml pyproject.toml load/target_duckdb/pyproject.toml $(STAMPS)/meltano
	@echo "Setting up: Meltano's plugins ..."
	@.tools/meltano/bin/meltano --log-level=warning install $(PLUGINS)
	@touch $@

$(STAMPS)/loaders: meltano.yml load/parquet_export/pyproject.toml load/dlt_export/pyproject.toml $(STAMPS)/plugins
	@echo 'Setting up: other destinations ...'
	@.tools/meltano/bin/meltano --log-level=warning install $(MORE_PLUGINS)
	@touch $@

$(STAMPS)/dbt-%: meltano.yml requirements/dbt.txt $(STAMPS)/plugins
	@echo 'Setting up: dbt for $* ...'
	@.tools/meltano/bin/meltano --log-level=warning install dbt-$*
	@touch $@

$(STAMPS)/bqemulator $(STAMPS)/fakesnow: PYTHON_VERSIONS := >=3.11,<3.14
$(STAMPS)/exporters: $(STAMPS)/exporter load/dlt_export/pyproject.toml load/parquet_export/pyproject.toml
	@$(UV_RUN) pip install --python .tools/exporter --no-deps --no-build-isolation \
		--editable load/dlt_export --editable load/parquet_export
	@touch $@

$(STAMPS)/azurite: $(STAMPS)/servers
	@echo 'Setting up: azurite, with npm ...'
	@npm install --silent --no-fund --no-audit --prefix .tools/azurite azurite@3.37.0
	@touch $@

$(STAMPS)/build $(STAMPS)/servers $(STAMPS)/exporter $(STAMPS)/bqemulator $(STAMPS)/fakesnow $(STAMPS)/notebook $(STAMPS)/query $(STAMPS)/mcp: $(STAMPS)/%: requirements/%.txt $(STAMPS)/uv
	@echo 'Setting up: the $* ...'
	@$(UV_RUN) venv --clear --no-project --python '$(PYTHON_VERSIONS)' .tools/$*
	@$(UV_RUN) pip sync --python .tools/$* --require-hashes requirements/$*.txt
	@touch $@

$(STAMPS)/bench-%: benchmarks/requirements-%.txt $(STAMPS)/uv
	@echo 'Setting up: $* to compare with ...'
	@$(UV_RUN) venv --clear --no-project --python '$(PYTHON_VERSIONS)' .tools/bench-$*
	@$(UV_RUN) pip sync --python .tools/bench-$* --require-hashes benchmarks/requirements-$*.txt
	@touch $@
