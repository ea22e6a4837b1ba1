# Every target sets up .venv by itself: with uv when it is there, else with venv and pip.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.callboard-ready
CODE   := callboard tests bench examples
ARGS   ?=
# Most tests wait for servers and processes: side by side, file by file, they take half the time.
PARALLEL := --numprocesses 4 --dist loadfile

.DEFAULT_GOAL := help
.PHONY: help demo test test-long lint bench bench-timers bench-rebuild bench-submissions bench-request-log bench-patterns bench-check

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(READY) ## run the whole path once and show it
	$(BIN)/python -m callboard demo $(ARGS)

test: $(READY) ## run the suite against a real nats-server
	$(BIN)/pytest $(PARALLEL) $(ARGS)

test-long: $(READY) ## run the suite and what takes minutes or needs Node
	$(BIN)/pytest -m "long or not long" $(PARALLEL) $(ARGS)

lint: $(READY) ## check style and types
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/mypy $(CODE)

bench: $(READY) ## measure throughput, latency and memory
	$(BIN)/python -m bench.pipeline $(ARGS)

bench-timers: $(READY) ## measure how late timers are
	$(BIN)/python -m bench.timers $(ARGS)

bench-rebuild: $(READY) ## measure how fast views are rebuilt
	$(BIN)/python -m bench.rebuild $(ARGS)

bench-submissions: $(READY) ## measure how many submissions are stored
	$(BIN)/python -m bench.submissions $(ARGS)

bench-request-log: $(READY) ## measure what logging costs a request
	$(BIN)/python -m bench.request_log $(ARGS)

bench-patterns: $(READY) ## measure how fast the request log is counted, and what asking takes
	$(BIN)/python -m bench.patterns $(ARGS)

bench-check: $(READY) ## measure how fast a log is checked
	$(BIN)/python -m bench.check $(ARGS)

$(READY): pyproject.toml
	@if command -v uv >/dev/null 2>&1; then \
		uv venv --quiet --allow-existing --python '>=3.11' $(VENV) && \
		uv pip install --quiet --python $(BIN)/python --editable '.[dev]'; \
	else \
		$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "callboard needs Python 3.11 or newer: set PYTHON=…")' && \
		$(PYTHON) -m venv $(VENV) && \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'; \
	fi
	@touch $@
