#!/usr/bin/env bash
# Builds and runs every test. The servers' addresses come from the environment
# (scripts/services.sh with scripts/test.sh), or SHARESTACK_TEST_EMBEDDED=1 says that only
# what needs no server is meant. Arguments go to the test runner.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
cargo=${CARGO:-cargo}

# The acceptance tests start the real program. Built together with the tests it shares
# their features, so that nothing is compiled twice.
"$cargo" build --workspace --bins --tests

(($#)) || "$cargo" test --workspace --doc --quiet

if "$cargo" nextest --version >/dev/null 2>&1; then
  "$cargo" nextest run --workspace "$@"
else
  "$cargo" test --workspace --lib --bins --tests --no-fail-fast "$@"
fi
