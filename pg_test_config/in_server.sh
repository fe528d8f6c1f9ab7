#!/usr/bin/env bash
# The in-server tests: functions without arguments in schema `tests`, there only in the test build. Each runs in a
# transaction of its own that is rolled back; one that raises has failed.
#   in_server.sh [PATTERN]      only the tests whose name matches the regular expression
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
cluster=$ROOT/pg_test_config/cluster.sh
name=in_server.$$
trap '"$cluster" stop "$name"' EXIT
trap 'exit 130' INT TERM

"$cluster" start "$name"
psql() { "$cluster" psql "$name" -q -v ON_ERROR_STOP=1 "$@"; }
psql -d postgres -c 'CREATE DATABASE in_server'
psql -d in_server -c 'CREATE EXTENSION jitmask'
tests=$(psql -d in_server -At -c "SELECT proname FROM pg_proc
    WHERE pronamespace = 'tests'::regnamespace AND pronargs = 0 AND prokind = 'f' AND prorettype = 'void'::regtype
    ORDER BY proname") || die "schema tests is missing: was this the test build (pg_test_config/build.sh test)?"

passed=0 failed=0
while IFS= read -r test; do
    [[ -n $test && $test =~ ${1:-} ]] || continue
    if out=$(psql -d in_server -c 'BEGIN' -c "SELECT tests.\"$test\"()" -c 'ROLLBACK' 2>&1 >/dev/null); then
        printf '%-60s ok\n' "$test"
        passed=$((passed + 1))
    else
        printf '%-60s FAILED\n%s\n' "$test" "$out"
        failed=$((failed + 1))
        # After a crash the server needs a moment; the next test shall not fail for this one's sake.
        for _ in $(seq 50); do psql -d in_server -c 'SELECT 1' >/dev/null 2>&1 && break; sleep 0.2; done
    fi
done <<< "$tests"
"$cluster" check "$name" || failed=$((failed + 1))
printf 'in-server: %d passed, %d failed\n' "$passed" "$failed"
[ "$passed" -gt 0 ] || die "no in-server test ran"
[ "$failed" = 0 ]
