#!/usr/bin/env bash
# The lines that a domain crate's own unit tests run, in per cent, without any service.
#
#   scripts/coverage.sh [CRATE]     `users` unless told otherwise
#
# It needs the tools of the compiler's own LLVM: `rustup component add llvm-tools`, or
# Debian's `llvm-NN` of the version that `rustc -vV` names.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
crate=${1:-users}
out=${CARGO_TARGET_DIR:-target}/coverage
version=$(rustc -vV | sed -n 's/^LLVM version: \([0-9]*\).*/\1/p')

tool() {
  local found
  found=$(find "$(rustc --print sysroot)/lib/rustlib" -name "$1" -path '*/bin/*' 2>/dev/null | head -n 1)
  [[ -n $found ]] || found=$(command -v "$1-$version" || true)
  [[ -n $found ]] || { echo "coverage: no $1 of LLVM $version: rustup component add llvm-tools, or apt-get install llvm-$version" >&2; exit 2; }
  echo "$found"
}
profdata=$(tool llvm-profdata)
cov=$(tool llvm-cov)

rm -rf "$out/profiles"
mkdir -p "$out/profiles"
export RUSTFLAGS="${RUSTFLAGS:-} -C instrument-coverage" CARGO_TARGET_DIR=$out
export LLVM_PROFILE_FILE=$PWD/$out/profiles/%p.profraw
[[ $out = /* ]] && LLVM_PROFILE_FILE=$out/profiles/%p.profraw
binary=$(cargo test --package "sharestack-$crate" --lib --no-run --message-format json |
  sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' | tail -n 1)
rm -f "$out"/profiles/*   # of build scripts and macros
(cd "crates/$crate" && "$binary" --quiet)
"$profdata" merge -sparse "$out"/profiles/*.profraw -o "$out/$crate.profdata"
# Tests and what only they use (stores in memory) are no part of the figure.
"$cov" report "$binary" -instr-profile="$out/$crate.profdata" \
  --ignore-filename-regex='(/registry/|/rustc/|crates/kernel|/tests/|tests\.rs|/memory/|testing)' |
  awk '/^TOTAL/ || /\.rs/ { print $(NF - 3), $1 }' | sort -n
