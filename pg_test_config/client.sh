#!/usr/bin/env bash
# The client tests: crate tests/client against a throwaway cluster. What follows goes to the test binaries, e.g. a name.
# The crate learns from its environment: JITMASK_TEST_SOCKET (directory), JITMASK_TEST_SUPERUSER, JITMASK_TEST_BINDIR
# (pg_dump and friends) and JITMASK_TEST_CLUSTER, the script to start further clusters with.
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
cluster=$ROOT/pg_test_config/cluster.sh
name=client.$$
trap '"$cluster" stop "$name"' EXIT
trap 'exit 130' INT TERM

# Compiled first: a server idling meanwhile helps nobody, and compile errors show sooner.
export CARGO_TARGET_DIR=$TARGET/host
cd "$ROOT"
cargo test -p jitmask-client-tests --no-run
"$cluster" start "$name"
eval "$("$cluster" env "$name")"
export JITMASK_TEST_SOCKET=$PGHOST JITMASK_TEST_SUPERUSER=$PGUSER JITMASK_TEST_CLUSTER=$cluster
JITMASK_TEST_BINDIR=$("$HOUSE_PG_CONFIG" --bindir)
export JITMASK_TEST_BINDIR
unset PGHOST PGPORT PGUSER PGDATABASE
# --no-fail-fast: the count at the end shall be of all tests, not of those up to the first file that fails.
cargo test -p jitmask-client-tests --no-fail-fast -- --test-threads=4 "$@"
"$cluster" check "$name"
