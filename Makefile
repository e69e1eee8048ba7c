# What people and CI call. `make help` lists it.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

CARGO ?= cargo
export CARGO
TARGET := $(or $(CARGO_TARGET_DIR),target)
SHARESTACK := $(TARGET)/debug/sharestack

.PHONY: help
help: ## this list
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

.PHONY: run demo
run: build ## build, fill ./data with demo content when it is empty, serve on :8000
	$(SHARESTACK) serve --demo

demo: build ## fill an empty database with demo content
	$(SHARESTACK) demo

.PHONY: build
build:
	$(CARGO) build --workspace --bins

.PHONY: test test-fast
test: ## every test, on SQLite, PostgreSQL, MariaDB, Redis and S3
	scripts/services.sh with scripts/test.sh

test-fast: ## the embedded part: no server needed
	SHARESTACK_TEST_EMBEDDED=1 scripts/test.sh

.PHONY: check check-fmt check-clippy check-features check-tiers check-openapi check-deny check-docs
check: check-fmt check-deny check-clippy check-features check-docs check-tiers check-openapi ## fmt, clippy, features, tiers, OpenAPI, licences and bans, docs

check-fmt:
	$(CARGO) fmt --all --check

check-deny:
	scripts/cargo-deny.sh --all-features --log-level error check --hide-inclusion-graph --allow duplicate bans licenses sources

check-clippy:
	$(CARGO) clippy --workspace --all-targets -- -D warnings

# The program without its optional parts. Alone, because another crate of the workspace
# would switch them on again; the lints see the code, and nothing is generated.
check-features:
	$(CARGO) clippy --package sharestack-app --no-default-features --lib --bins -- -D warnings

check-docs:
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --workspace --no-deps

check-tiers: build-tests
	$(CARGO) test --workspace --test acceptance --quiet -- tiers::

check-openapi: build-tests
	scripts/openapi.sh check

.PHONY: build-tests
build-tests:
	$(CARGO) build --workspace --bins --tests

.PHONY: openapi
openapi: build-tests ## write docs/api/openapi.json
	scripts/openapi.sh write

.PHONY: bench
bench: ## measure the build that is shipped: figures for docs/performance.md
	$(CARGO) build --profile dist --workspace --bins
	scripts/services.sh with $(TARGET)/dist/sharestack-bench $(BENCH)

.PHONY: coverage
coverage: ## lines that the unit tests of the users crate run, in per cent
	scripts/coverage.sh users

.PHONY: fmt clean
fmt: ## format the code
	$(CARGO) fmt --all

clean: services-down ## remove what was built
	$(CARGO) clean

.PHONY: services-up services-down
services-up: ## start PostgreSQL, MariaDB and Redis for tests and leave them running
	scripts/services.sh up

services-down: ## stop them and delete their data
	scripts/services.sh down
