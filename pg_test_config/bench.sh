#!/usr/bin/env bash
# Runs bench/NAME.sh, or all of them, each with a fresh cluster of the release build. A benchmark finds the cluster by
# PGHOST, PGPORT, PGUSER and PGDATABASE, and prints its own result.
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
cluster=$ROOT/pg_test_config/cluster.sh
name=bench.$$
shopt -s nullglob
scripts=("$ROOT"/bench/${1:-*}.sh)
[ ${#scripts[@]} -gt 0 ] || die "there is no benchmark bench/${1:-*}.sh yet"
trap '"$cluster" stop "$name"' EXIT
trap 'exit 130' INT TERM
"$ROOT/pg_test_config/build.sh" release
for script in "${scripts[@]}"; do
    printf '\n== %s\n' "${script#"$ROOT"/}"
    "$cluster" start "$name" --server release
    (eval "$("$cluster" env "$name")" && cd "$ROOT" && "$script")
done
