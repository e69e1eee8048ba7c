#!/usr/bin/env bash
# Makes a program of npm packages ready to run: scripts/node-package.sh SOURCE DIRECTORY fetches
# the pinned packages of SOURCE once into DIRECTORY, puts the programs of SOURCE beside them, and
# prints DIRECTORY.
set -euo pipefail

source=$1
state=$2

say() { printf '%s: %s\n' "$(basename "$source")" "$*" >&2; }
die() { say "$*"; exit 1; }

have_node() { command -v npm >/dev/null && node -e 'process.exit(parseInt(process.versions.node) < 18 ? 1 : 0)' 2>/dev/null; }

install_node() {
  have_node && return 0
  local line='apt-get update && apt-get install --yes --no-install-recommends nodejs npm'
  [[ -e /etc/debian_version ]] && command -v apt-get >/dev/null || die "node 18 or later and npm are missing"
  ((EUID == 0)) || die "missing: node and npm. Install with: sudo sh -c '$line'"
  say "installing nodejs npm"
  export DEBIAN_FRONTEND=noninteractive
  { apt-get -qq -o DPkg::Lock::Timeout=300 update &&
    apt-get -qq -o DPkg::Lock::Timeout=300 install --yes --no-install-recommends nodejs npm; } >&2
  have_node || die "node 18 or later and npm are still missing"
}

mkdir -p "$state"
exec 9>"$state/lock"
flock 9
install_node
wanted=$(cat "$source/package.json" "$source/package-lock.json" | sha256sum)
if [[ $(cat "$state/installed" 2>/dev/null) != "$wanted" ]]; then
  say "fetching $(sed -n '/"dependencies"/,/}/s/.*"\(.*\)": "\(.*\)".*/\1 \2/p' "$source/package.json" | tr '\n' ' ')"
  cp "$source/package.json" "$source/package-lock.json" "$state/"
  (cd "$state" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2)
  printf '%s' "$wanted" >"$state/installed"
fi
for program in "$source"/*.mjs; do
  cmp -s "$program" "$state/$(basename "$program")" || cp "$program" "$state/"
done
echo "$state"
