#!/usr/bin/env bash
# Runs cargo-deny, installing it first where it is missing:
#   scripts/cargo-deny.sh check bans licenses sources
set -euo pipefail

version=0.20.2
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
tools=${CARGO_TARGET_DIR:-$root/target}/tools

deny=$tools/bin/cargo-deny
if [[ $("$deny" --version 2>/dev/null || true) != "cargo-deny $version" ]]; then
  if [[ $(cargo-deny --version 2>/dev/null || true) == cargo-deny\ * ]]; then
    deny=$(command -v cargo-deny)
  else
    build=$(mktemp -d)
    trap 'rm -rf "$build"' EXIT
    # From outside the clone: its rust-toolchain.toml and lock file are not this program's.
    (cd "$build" && cargo install --locked --version "$version" --root "$tools" --target-dir "$build/target" cargo-deny)
  fi
fi
cd "$root"
"$deny" "$@"
