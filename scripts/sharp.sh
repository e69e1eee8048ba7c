#!/usr/bin/env bash
# Makes npm's sharp ready for the benchmark of pictures. Prints the directory;
# `node measure.mjs DIRECTORY` there measures.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
# A benchmark installs nothing on the machine.
command -v npm >/dev/null && command -v node >/dev/null || { echo "sharp: node and npm are missing" >&2; exit 1; }
exec "$root/scripts/node-package.sh" "$root/bench/sharp" "${SHARESTACK_SHARP_DIR:-$root/target/sharp}"
