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

# Subjects whose acceptance tests hold in every place. Most of them name none: above they
# run on SQLite with nothing beside it.
subjects=(
  access administration api_keys audit audit_acts billing code_uses content counted guessing identity
  invitations limits mfa oauth oauth_edges oauth_recorded oauth_sign_up oauth_tokens passkeys
  people permissions pictures preconditions privacy roles social step_up takeover tokens
  verification
)
for subject in "${subjects[@]}"; do
  [[ -e tests/tests/$subject.rs ]] || { echo "test.sh: there is no subject $subject" >&2; exit 1; }
done

if "$cargo" nextest --version >/dev/null 2>&1; then
  everything() { "$cargo" nextest run --workspace "$@"; }
  in_place() {
    local any
    any=$(IFS='|' && echo "${subjects[*]}")
    TEST_PLACE=$1 "$cargo" nextest run --workspace -E "package(sharestack-tests) and test(/^($any)::/)"
  }
else
  everything() { "$cargo" test --workspace --lib --bins --tests --no-fail-fast "$@"; }
  in_place() { TEST_PLACE=$1 "$cargo" test --workspace --test acceptance --no-fail-fast -- "${subjects[@]/%/::}"; }
fi

failed=
everything "$@" || failed=1
# What was asked for by arguments runs once, as the environment says.
if ((!$#)) && [[ -z ${SHARESTACK_TEST_EMBEDDED:-} ]]; then
  for place in postgres+redis mariadb+redis; do
    echo "test.sh: the acceptance tests of ${#subjects[@]} subjects once more, on $place"
    in_place "$place" || failed=1
  done
fi
[[ -z $failed ]]
