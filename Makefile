# Two commands do all the set-up: `make showcase` and `make test`. The rest is for developers.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: showcase test quick lint format bench clean

$(VENV)/.ready: requirements.lock pyproject.toml
	@echo 'setting up $(VENV)'
	@$(PYTHON) -c 'import sys; sys.exit("vmpack needs Python 3.11 or newer; set PYTHON=") if sys.version_info < (3, 11) else None'
	@$(PYTHON) -m venv $(VENV) || { echo 'no venv module: on Debian and Ubuntu, apt-get install python3-venv' >&2; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable .
	@touch $@

showcase: $(VENV)/.ready ## build the showcase sample and show the result
	$(BIN)/vmpack build samples/status-page -o dist
	$(BIN)/vmpack inspect dist/status-page/1.0.0

test: $(VENV)/.ready ## everything CI runs: system packages, linters, types, all tests
	tests/setup-machine
	$(MAKE) lint
	$(BIN)/python -m pytest -n 2

quick: $(VENV)/.ready ## the tests without the slow ones
	$(BIN)/python -m pytest -n 2 -m 'not slow and not azurite'

lint: $(VENV)/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.ready
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.ready ## how fast builds are beside tar | zstd and other packagers; takes minutes
	$(BIN)/python benchmarks/run.py --svg docs/performance.svg

clean:
	rm -rf $(VENV) node_modules dist build
