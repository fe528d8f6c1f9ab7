#!/usr/bin/env bash
# The differential test: crate tests/diff against a throwaway cluster. N statements (2000) of SEED, from number FIRST on,
# each as a masked session and as an ordinary one on tables that hold the masked values.
#   diff.sh          the crate's own tests first: can it fail?
#   diff.sh fuzz     statements only
# Also from the environment: SETTINGS, SQL that both sessions begin with; FAILURES, after which to stop (5);
# SHRINK_SECONDS for each failure (40); KEEP=1 to leave the database there (with a cluster of your own); WRITES=0 for reads only.
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
cluster=$ROOT/pg_test_config/cluster.sh
name=diff.$$
trap '"$cluster" stop "$name"' EXIT
trap 'exit 130' INT TERM

export CARGO_TARGET_DIR=$TARGET/host
cd "$ROOT"
cargo test -q -p jitmask-diff-tests --no-run
cargo build -q -p jitmask-diff-tests
# Compiling each of these many expressions takes longer than running it; some statements ask for JIT themselves.
"$cluster" start "$name" jit_above_cost=100000000
eval "$("$cluster" env "$name")"
export JITMASK_TEST_SOCKET=$PGHOST JITMASK_TEST_SUPERUSER=$PGUSER JITMASK_TEST_CLUSTER=$cluster
JITMASK_TEST_BINDIR=$("$HOUSE_PG_CONFIG" --bindir)
export JITMASK_TEST_BINDIR
unset PGHOST PGPORT PGUSER PGDATABASE
[ "${1:-}" = fuzz ] || cargo test -q -p jitmask-diff-tests --no-fail-fast -- --test-threads=3
"$TARGET/host/debug/jitmask-diff-tests"
"$cluster" check "$name"
