# Needs Python 3.10 or newer with pip, and git. Everything else is installed into this folder: uv
# (.tools), the project (.venv), Meltano (.tools/meltano), its plugins (.meltano). Each is made again
# when what it is made from changes, all of them when the folder was moved.

ifneq ($(findstring :,$(CURDIR))$(findstring %,$(CURDIR))$(findstring \,$(CURDIR)),)
$(error Rename this folder: its path must not contain a colon, % or \)
endif

PYTHON ?= python3
# What the pinned packages have wheels for; uv looks for such a Python.
PYTHON_VERSIONS := >=3.10,<3.15
UV := .tools/uv/bin/uv --quiet
DONE := .tools/stamps
# In a variable, since a path may contain quotes.
export PROJECT_FOLDER := $(CURDIR)
export UV_PYTHON_PREFERENCE ?= system
export MELTANO_CLI_DISABLE_VERSION_CHECK := true
unexport PYTHONDONTWRITEBYTECODE  # without bytecode, Meltano starts in twice the time

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install loaders run check status models assistant notebook test test-slow test-warehouses mutants bench lint format build generate hub lock clean FORCE

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-15s %s\n", $$1, $$2 }' Makefile
install: ## set up .venv/bin/tap-oncehub, .venv/bin/meltano and Meltano's plugins
	@$(MAKE) --silent --no-print-directory -j 3 $(DONE)/dev $(DONE)/plugins
loaders: install $(DONE)/loaders $(DONE)/dbt $(DONE)/servers ## set up the other destinations that the tests load into
run: ## load your account into output/warehouse.duckdb, or a sample one into output/demo.duckdb
check: ## ask OnceHub whether the key works, and PostgreSQL, if it is set, whether it lets you in
status: ## show the last runs, bookmarks, and what the warehouse holds
models: install $(DONE)/dbt ## build analyst-ready tables from what was loaded, with dbt
assistant: install $(DONE)/mcp ## write output/assistant/marts.duckdb, what a code assistant may read
run check status models assistant: install
	@.venv/bin/python -m scripts $@ $(RUN_ARGS)
notebook: install $(DONE)/notebook ## show what was loaded, in a browser
	@WAREHOUSE="$${WAREHOUSE:-$$(.venv/bin/python -m scripts.warehouse)}" || exit 1; export WAREHOUSE; \
		.tools/notebook/bin/marimo run notebooks/account.py --host 127.0.0.1 --token $(NOTEBOOK_ARGS)
test: loaders ## run the tests; TEST_ARGS goes to pytest, COVERAGE=1 measures that of tap and loader (slower)
	@$(if $(COVERAGE),.venv/bin/coverage erase && $(UV) pip install --python .meltano/loaders/target-duckdb/venv --constraint requirements/dev.txt coverage)
	@.venv/bin/$(if $(COVERAGE),coverage run -m )pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder -m 'not slow and not warehouses' $(TEST_ARGS)
	@$(if $(COVERAGE),.venv/bin/coverage combine --quiet && .venv/bin/coverage report)
test-slow: loaders $(DONE)/notebook $(DONE)/query $(DONE)/mcp ## run the tests that take minutes
	@.venv/bin/pytest -m slow $(TEST_ARGS)
test-warehouses: loaders $(addprefix $(DONE)/,exporters bqemulator fakesnow azurite snowflake) ## run the tests that need emulators of warehouses and stores
	@.venv/bin/pytest -m warehouses $(TEST_ARGS)
mutants: loaders ## spoil what matters, a thing at a time: a test must see each; MUTANTS chooses some by name
	@.venv/bin/python -m tests.mutants $(MUTANTS)
bench: install $(addprefix $(DONE)/bench-,dlt airbyte pypi) ## measure the tap and others; BENCH_ARGS=--help says what can be chosen
	@.venv/bin/python -m benchmarks $(BENCH_ARGS)
lint: $(DONE)/dev ## check style, types, meltano.yml and workflows
	@.venv/bin/ruff check --quiet .
	@.venv/bin/ruff format --quiet --check .
	@.venv/bin/mypy
	@.venv/bin/python -c 'import sys; sys.exit(sys.version_info > (3, 11))' || \
		.venv/bin/check-jsonschema --quiet --builtin-schema vendor.meltano meltano.yml # 3.10's knows an older Meltano
	@.venv/bin/zizmor --offline --quiet .github orchestrate/github_actions.yml
format: $(DONE)/dev ## format the code
	@.venv/bin/ruff check --quiet --fix-only . && .venv/bin/ruff format --quiet .
build: $(DONE)/dev $(DONE)/build ## make wheel and sdist in dist/, and check them
	@rm -rf dist && .venv/bin/hatchling build
	@.tools/build/bin/twine --no-color check --strict dist/* && .tools/build/bin/check-wheel-contents dist/*.whl
generate: ## write docs/streams.md, transform/models/sources.yml and plugin.yaml, after a change of the tap
hub: ## write dist/hub, the files of a pull request to Meltano Hub
generate hub: $(DONE)/dev
	@.venv/bin/python -m scripts generate $@
lock: $(DONE)/uv ## pin the newest versions that requirements/*.in and pyproject.toml allow
	@for name in $(filter-out %-overrides,$(basename $(notdir $(wildcard requirements/*.in)))); do \
		python=3.10; more=; case $$name in bqemulator|fakesnow) python=3.11;; dev) more=pyproject.toml;; \
			dbt) more='--override requirements/dbt-overrides.in';; esac; \
		$(UV) pip compile --universal --upgrade --python-version $$python --generate-hashes \
			--no-emit-index-url --custom-compile-command 'make lock' --output-file requirements/$$name.txt \
			requirements/$$name.in $$more >/dev/null || exit 1; done
clean: ## remove everything that make made, but not output/ and Meltano's state
	@rm -rf .venv .tools .coverage* .hypothesis .*_cache dist .meltano/extractors .meltano/loaders .meltano/utilities .meltano/logs .meltano/run; find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A virtual environment does not survive being moved: begin again in a new place.
.tools/here: FORCE
	@[ "$$(cat $@ 2>/dev/null)" = "$$PROJECT_FOLDER" ] || { \
		rm -rf .venv .tools .meltano/extractors .meltano/loaders .meltano/utilities; \
		mkdir -p $(DONE); printf '%s\n' "$$PROJECT_FOLDER" > $@; }
$(DONE)/uv: requirements/uv.txt .tools/here
	@echo 'Setting up: uv ...'
	@$(PYTHON) -c 'import pip, sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null || { echo '$(PYTHON) is missing, older than 3.10 or without pip: make PYTHON=python3.12 ..., or on Debian and Ubuntu apt-get install python3-pip' >&2; exit 1; }
	@rm -rf .tools/uv && $(PYTHON) -m pip install -qq --disable-pip-version-check --no-deps --require-hashes --target .tools/uv --requirement requirements/uv.txt
	@touch $@
$(DONE)/dev: requirements/dev.txt pyproject.toml $(DONE)/uv
	@echo 'Setting up: the tap, the sandbox and the tools ...'
	@$(UV) venv --clear --no-project --python '$(PYTHON_VERSIONS)' .venv
	@$(UV) pip sync --python .venv --require-hashes requirements/dev.txt
	@$(UV) pip install --python .venv --no-deps --no-build-isolation --editable .
	@ln -sf ../../.tools/meltano/bin/meltano .venv/bin/meltano && touch $@
$(DONE)/%: requirements/%.txt $(DONE)/uv
	@echo 'Setting up: $* ...'
	@$(UV) venv --clear --no-project --python '$(PYTHON_VERSIONS)' .tools/$*
	@$(UV) pip sync --python .tools/$* --require-hashes requirements/$*.txt && touch $@
$(DONE)/bqemulator $(DONE)/fakesnow: PYTHON_VERSIONS := >=3.11,<3.14
# Every other plugin is installed with `meltano install NAME`.
$(DONE)/plugins: NAMES := tap-oncehub target-duckdb
$(DONE)/loaders: NAMES := target-postgres target-jsonl parquet-export dlt-export
$(DONE)/dbt: NAMES := dbt-duckdb
$(DONE)/snowflake: NAMES := target-snowflake
$(DONE)/plugins $(DONE)/loaders $(DONE)/dbt $(DONE)/snowflake: meltano.yml pyproject.toml requirements/dbt.txt $(wildcard load/*/pyproject.toml) $(DONE)/meltano
	@echo "Setting up: $(NAMES) ..."
	@.tools/meltano/bin/meltano --log-level=warning install $(NAMES) && touch $@
$(DONE)/exporters: load/dlt_export/pyproject.toml load/parquet_export/pyproject.toml $(DONE)/exporter
	@$(UV) pip install --python .tools/exporter --no-deps --no-build-isolation --editable load/dlt_export --editable load/parquet_export && touch $@
$(DONE)/azurite: $(DONE)/servers
	@echo 'Setting up: azurite, with npm ...'
	@npm install --silent --no-fund --no-audit --prefix .tools/azurite azurite@3.37.0 && touch $@
