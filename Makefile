# Every target prepares what it needs in .venv and target/. Needed on the machine: Python 3.11+, make, a C compiler, cargo.
.DEFAULT_GOAL := help
SHELL := /bin/bash

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# property tests of Rust draw the same cases in every run; SEED=2 draws others
SEED ?= 1
UV_VERSION := 0.13.9
RUST_SOURCES := Cargo.toml $(shell find crates -name '*.rs' -o -name Cargo.toml)

help: ## Show what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(VENV)/.native ## Prepare .venv with all dependencies and both native libraries
	@echo "Ready: $(BIN)/mizzen --help"

demo: $(VENV)/.native ## Watch real requests pass through Envoy, the filter and the Mixer
	@$(BIN)/mizzen demo

test: $(VENV)/.native ## Run all tests, Rust and Python, end to end with the real Envoy
	@tests/install-redis.sh
	@tests/install-opa.sh
	@tests/install-kubernetes.sh
	PROPTEST_RNG_SEED=$(SEED) cargo test --quiet --package mizzen-client --package mizzen-envoy
	$(BIN)/python -m pytest -q

bench: $(VENV)/.native ## Measure side by side with bare Envoy; prints ratios (BENCH=name for one)
	$(BIN)/python benches/run.py $(BENCH)

lint: $(VENV)/.native ## Check formatting, lints and types of both languages
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	cargo fmt --all --check
	cargo clippy --quiet --workspace --all-targets -- --deny warnings

proto: $(VENV)/.python ## Generate the protocol's Python classes again from proto/
	$(BIN)/python -m tests.wire.generate

schema: $(VENV)/.native ## Write the JSON schema of the configuration again
	$(BIN)/mizzen schema --output schema/mizzen.schema.json

FUZZ_TARGETS := $(basename $(notdir $(wildcard fuzz/fuzz_targets/*.rs)))
TARGET ?= $(FUZZ_TARGETS)
FUZZ_SECONDS ?= 30

fuzz: ## Fuzz every decoder for FUZZ_SECONDS each (30; TARGET=name for one); needs nightly Rust and cargo-fuzz
	@cargo +nightly fuzz --version >/dev/null 2>&1 || { echo "mizzen: fuzzing needs nightly Rust and cargo-fuzz: rustup toolchain install nightly && cargo install cargo-fuzz --version 0.13.1" >&2; exit 1; }
	@set -e; cd fuzz; for target in $(TARGET); do mkdir -p corpus/$$target; \
	  cargo +nightly fuzz run $$target corpus/$$target seeds/$$target -- -max_total_time=$(FUZZ_SECONDS) -timeout=10; done

clean: ## Remove .venv and all build outputs
	rm -rf $(VENV) target dist
	find src -name '*.so' -delete

# The machine's tools, checked with advice before anything long starts.
$(VENV)/.python: pyproject.toml hatch_build.py
	@command -v cargo >/dev/null || { echo "mizzen: cargo was not found (Rust 1.88 or later). Debian 12: apt-get install cargo-web rustc-web; elsewhere: https://rustup.rs" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "mizzen: Python 3.11 or later is needed; set PYTHON=..." >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --group dev --editable .
	@$(BIN)/python -m compileall -q -j 0 $(VENV)/lib >/dev/null || true
	@touch $@

$(VENV)/.native: $(VENV)/.python $(RUST_SOURCES)
	@$(BIN)/python hatch_build.py
	@touch $@

.PHONY: help setup demo test bench lint proto schema clean fuzz
