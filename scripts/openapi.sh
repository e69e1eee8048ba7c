#!/usr/bin/env bash
# docs/api/openapi.json is what the program says of itself.
#   scripts/openapi.sh write   writes the file
#   scripts/openapi.sh check   fails, with the difference, when the file is another
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

file=docs/api/openapi.json
program=${CARGO_TARGET_DIR:-target}/debug/sharestack
fresh=$(mktemp)
trap 'rm -f "$fresh"' EXIT
"$program" openapi >"$fresh"

case ${1:-} in
  write)
    mkdir -p "$(dirname "$file")"
    cp "$fresh" "$file"
    chmod 644 "$file"
    ;;
  check)
    if ! diff -u "$file" "$fresh" | head -n 80; then
      echo "$file is not what the program says: run make openapi and commit it" >&2
      exit 1
    fi
    ;;
  *)
    echo "usage: scripts/openapi.sh write|check" >&2
    exit 2
    ;;
esac
