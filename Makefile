# The way in for people and for CI. What the targets do is in tools/, one program each.

# A private folder for a toolchain that `make setup` chose when the one first in PATH is too old.
export PATH := $(CURDIR)/_build/bin:$(PATH)
export CARGO_TARGET_DIR ?= $(CURDIR)/target
export APNS_SIM ?= $(abspath $(CARGO_TARGET_DIR))/release/apns_sim

.DEFAULT_GOAL := help
.PHONY: help setup build demo test test-sql check bench bench-quick fmt clean install uninstall

help:  ## show the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup:  ## install what is missing for building, tests and demo (Debian; starts no daemon)
	@tools/setup test

build:  ## build the library, the simulator and the Erlang applications
	@tools/build

demo:  ## show a push from a real ejabberd to a simulated phone; KEEP=1 stays up
	@tools/setup demo
	@tools/build --all
	@PYTHONDONTWRITEBYTECODE=1 _build/venv/bin/python test/demo $(if $(KEEP),--keep)

test:  ## run all tests and checks; the last line counts them
	@tools/setup test
	@tools/run_tests

test-sql:  ## run the tests of the stores alone: Mnesia, SQLite, PostgreSQL and MariaDB, started for it
	@tools/setup test
	@tools/run_tests build sql

check:  ## run the checks alone (format, lints, docs, dependencies, xref, dialyzer)
	@tools/run_tests build check

bench:  ## measure it beside other clients and in other circumstances; tables in target/bench
	@tools/setup bench
	@tools/bench

bench-quick:  ## measure what a push costs, in a minute; docs/performance.md tells what the numbers mean
	@tools/setup bench-quick >&2
	@tools/bench_quick

fmt:  ## format the sources
	@command -v cargo >/dev/null || { echo 'fmt: there is no cargo: run `make setup` first' >&2; exit 1; }
	cargo fmt --all

clean:  ## remove all that was built
	rm -rf _build erlang_src/*/doc erlang_src/apns_nif/priv erlang_src/apns_nif/src/apns_nif_build_id.hrl
	@command -v cargo >/dev/null || { echo 'clean: there is no cargo to remove what it built: $(CARGO_TARGET_DIR)' >&2; exit 1; }
	cargo clean

# Not after build: root, who installs, often has no Rust. What is missing or stale is refused.
install:  ## install what is built into this machine's ejabberd (DESTDIR, PREFIX, EJABBERD_LIB, KEEP_DEBUG)
	@tools/install

uninstall:  ## remove what install put there
	@tools/install --remove
