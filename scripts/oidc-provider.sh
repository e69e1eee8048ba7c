#!/usr/bin/env bash
# Makes the OpenID provider of the acceptance tests ready to run. Prints the directory;
# `node server.mjs` there starts it.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
exec "$root/scripts/node-package.sh" "$root/tests/oidc" "${SHARESTACK_OIDC_DIR:-$root/target/oidc-provider}"
