# Every target is listed by `make help`: the text behind `##` is its help.
# The recipes need only sh and python3; what is installed goes into two virtual
# environments, because the S3 server pins its own botocore.
.POSIX:
PYTHON = python3
VENV = .venv
OBJECT_STORE_VENV = .venv-object-store
CLIENT_GENERATOR_VENV = .venv-client-generator
BIN = $(VENV)/bin
# As pip does, trust what the system trusts, a company's proxy for one; uv fails where that is nothing.
UV = $(BIN)/uv $$([ -s /etc/ssl/certs/ca-certificates.crt ] && echo --system-certs)
# Running from source trees that forbid byte code makes imports three times slower.
UV_INSTALL = $(UV) pip install --quiet --compile-bytecode --require-hashes

.PHONY: help install install-development run test test-long test-differential lint format docs client requirements clean

help:  ## List every target.
	@grep -hE '^[a-z-]+:.*## ' Makefile | sort | while IFS= read -r line; do \
	  printf '  %-22s %s\n' "$${line%%:*}" "$${line#*## }"; done

$(VENV)/.installer: requirements/installer.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or newer is needed; set PYTHON=/path/to/python3.11 on the make command line." >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	  echo "The Python modules venv and ensurepip are missing. On Debian or Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/installer.txt
	@touch $@

$(VENV)/.platform: $(VENV)/.installer requirements/platform.txt pyproject.toml
	@echo "Installing the platform (about a minute the first time) ..."
	VIRTUAL_ENV=$(VENV) $(UV_INSTALL) -r requirements/platform.txt
	VIRTUAL_ENV=$(VENV) $(UV) pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(OBJECT_STORE_VENV)/.installed: $(VENV)/.installer requirements/object_store.txt
	$(PYTHON) -m venv --without-pip $(OBJECT_STORE_VENV)
	VIRTUAL_ENV=$(OBJECT_STORE_VENV) $(UV_INSTALL) -r requirements/object_store.txt
	@touch $@

$(VENV)/.development: $(VENV)/.platform requirements/development.txt
	VIRTUAL_ENV=$(VENV) $(UV_INSTALL) -r requirements/development.txt
	@touch $@

install: $(VENV)/.platform $(OBJECT_STORE_VENV)/.installed  ## Make the environment; nothing is started.

install-development: install $(VENV)/.development  ## The environment and what lint and tests need.

run: install  ## Start the whole platform with demo data; Ctrl-C stops all of it.
	@$(BIN)/interview-data up --demo

# Tests wait for their stores a third of the time: three at once for two processors. Files stay
# whole, because their fixtures start stacks; in the order of their folders the long ones come first.
WORKERS = 3
PYTEST = $(BIN)/pytest --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder
test: install-development  ## Run the tests against embedded stores of their own, but for the long ones.
	@$(PYTEST) -m 'not long'

test-long: install-development  ## Run the tests that take minutes each.
	@$(PYTEST) -m long

MINUTES = 30
test-differential: install-development  ## Random changes and kills for MINUTES, or one STORY (or seed) alone.
	@story='$(STORY)'; PYTHONPATH=tests $(BIN)/python -m differential --minutes $(MINUTES) $${story:+--story "$$story"}

lint: install-development  ## Style, types, import rule, pinned requirements.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@if grep -nE 'https?://' requirements/*.txt; then \
	  echo "requirements/*.txt must not name a registry's address" >&2; exit 1; fi

format: install-development  ## Rewrite the sources in the house style.
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: install-development  ## Write the generated pages of docs/reference again.
	$(BIN)/python -m interview_data.reference

$(CLIENT_GENERATOR_VENV)/.installed: $(VENV)/.installer requirements/client_generator.txt
	$(PYTHON) -m venv --without-pip $(CLIENT_GENERATOR_VENV)
	VIRTUAL_ENV=$(CLIENT_GENERATOR_VENV) $(UV_INSTALL) -r requirements/client_generator.txt
	@touch $@

client: install-development $(CLIENT_GENERATOR_VENV)/.installed  ## Make the typed client anew, after a change of an endpoint.
	$(BIN)/python -m interview_data.client_generator
	$(BIN)/ruff format --quiet interview_data_client

UV_COMPILE = $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header
requirements: $(VENV)/.installer  ## Pin again what pyproject.toml and requirements/*.in ask for.
	$(UV_COMPILE) --upgrade requirements/installer.in -o requirements/installer.txt
	$(UV_COMPILE) --upgrade pyproject.toml -o requirements/platform.txt
	$(UV_COMPILE) --upgrade pyproject.toml --extra dev -c requirements/platform.txt -o requirements/development.txt
	$(UV_COMPILE) --upgrade requirements/object_store.in -o requirements/object_store.txt

clean:  ## Remove both environments and all local state (asks nothing; stop the platform first).
	rm -rf $(VENV) $(OBJECT_STORE_VENV) .local .test-state
