#!/usr/bin/env bash
# Makes npm's sharp ready for the benchmark of pictures: the pinned package of bench/sharp,
# fetched once into target/. Prints the directory; `node measure.mjs DIRECTORY` there measures.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
source=$root/bench/sharp
state=${SHARESTACK_SHARP_DIR:-$root/target/sharp}

say() { printf 'sharp: %s\n' "$*" >&2; }
command -v npm >/dev/null && command -v node >/dev/null || { say "node and npm are missing"; exit 1; }

mkdir -p "$state"
exec 9>"$state/lock"
flock 9
wanted=$(cat "$source/package.json" "$source/package-lock.json" | sha256sum)
if [[ $(cat "$state/installed" 2>/dev/null) != "$wanted" ]]; then
  say "fetching the package"
  cp "$source/package.json" "$source/package-lock.json" "$state/"
  (cd "$state" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2)
  printf '%s' "$wanted" >"$state/installed"
fi
cmp -s "$source/measure.mjs" "$state/measure.mjs" || cp "$source/measure.mjs" "$state/measure.mjs"
echo "$state"
