# HotelChat. `make` alone says what there is. Works with GNU make 3.81 and newer.
.DEFAULT_GOAL := help
.PHONY: help demo serve test check format lint types bench lock clean

PYTHON ?= python3
VENV ?= .venv
RUN := $(VENV)/bin/python
PIP := $(RUN) -m pip install --quiet --disable-pip-version-check
CHECKED := main.py hotelchat pages jobs

help: ## Show what can be done here
	@echo "HotelChat: the guest-messaging desk for hotels."
	@echo
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile
	@echo
	@echo "New here? \`make demo\`, then open the addresses it prints. No account is needed."

demo: $(VENV)/.installed ## Install what it needs and run the demo (ARGS=--fresh begins anew)
	@exec $(RUN) main.py demo $(ARGS)

serve: $(VENV)/.installed ## Run HotelChat with your own settings (environment or .env)
	@exec $(RUN) main.py

test: $(VENV)/.installed-dev ## Install what it needs and pass every test (ARGS="-k word" picks some)
	@$(call say_if_no_browser)
	@$(RUN) -m pytest $(ARGS)

check: lint types test ## Format, lint, types and tests: what must pass before a commit

format: $(VENV)/.installed-dev ## Format the code and mend what the linter can
	@$(RUN) -m ruff check --fix-only --quiet .
	@$(RUN) -m ruff format .

lint: $(VENV)/.installed-dev ## Check formatting and lint
	@$(RUN) -m ruff format --check --quiet . || { echo "Not formatted: run \`make format\`."; exit 1; }
	@$(RUN) -m ruff check .

types: $(VENV)/.installed-dev ## Check the types
	@$(RUN) -m mypy $(CHECKED)

bench: $(VENV)/.installed-dev ## Run the benchmarks (ONLY=worker runs one)
	@for each in tests/benchmarks/bench_$(or $(ONLY),*).py; do \
	  name=$$(basename $$each .py); echo "== $$name"; $(RUN) -m tests.benchmarks.$$name || exit 1; \
	done

lock: $(VENV)/.installed-dev ## Choose versions anew and write both lock files (needs uv)
	@command -v uv >/dev/null || { echo "This needs uv, the package tool: install it with pip or your system's packages."; exit 1; }
	uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-header --quiet -o requirements.lock
	uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-header --quiet -o requirements-dev.lock

clean: ## Remove what can be made again (not the data of .hotelchat and .hotelchat-demo)
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamps: an installation is done again only when what it installs has changed.

$(VENV)/.installed: requirements.lock pyproject.toml
	@$(call make_venv)
	@echo "Installing HotelChat into $(VENV) (once)."
	@$(PIP) --require-hashes -r requirements.lock
	@$(PIP) --no-deps -e .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed requirements-dev.lock
	@echo "Installing the tools for tests into $(VENV) (once)."
	@$(PIP) --require-hashes -r requirements-dev.lock
	@touch $@

# The first Python that is new enough; PYTHON=… goes first.
define make_venv
if [ ! -x $(RUN) ]; then \
  for each in $(PYTHON) python3.13 python3.12 python3.11; do \
    $$each -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && found=$$each && break; \
  done; \
  [ -n "$$found" ] || { echo "HotelChat needs Python 3.11 or newer: install it, or name it with PYTHON=…"; exit 1; }; \
  $$found -m venv $(VENV) || { rm -rf $(VENV); \
    echo "Python's venv does not work here: on Debian and Ubuntu, \`apt-get install python3-venv\`."; exit 1; }; \
fi
endef

# A sentence only: a test that needs a browser fails, it is never skipped.
define say_if_no_browser
[ -n "$$HOTELCHAT_CHROMIUM" ] || command -v chromium >/dev/null || command -v chromium-browser >/dev/null \
  || command -v google-chrome >/dev/null \
  || echo "No Chromium on the PATH, and the browser tests need one: \`apt-get install chromium\` on Debian and Ubuntu;" \
    "elsewhere install it and say HOTELCHAT_CHROMIUM=/path/to/its/program."
endef
