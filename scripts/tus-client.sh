#!/usr/bin/env bash
# Makes the tus client of the acceptance tests ready to run. Prints the directory;
# `node upload.mjs` there uploads a file.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
exec "$root/scripts/node-package.sh" "$root/tests/tus" "${SHARESTACK_TUS_DIR:-$root/target/tus-client}"
