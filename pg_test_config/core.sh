#!/usr/bin/env bash
# The server's own tests, with jitmask and without: their results have to be the same.
#   core.sh [plain] [protected] [isolation]      all three if none is named
# plain      the regression suite, jitmask preloaded and created, nothing attached
# protected  the same, with a protected table that the tests have nothing to do with, so that jitmask is at work
# isolation  the isolation tests, with such a table
#
# The tests come from the source package, whose version may lag behind the server's, and some depend on the machine. So
# each suite first runs on a server without jitmask. A test is passed if it prints what its authors expect, or else what
# it printed there; or differs from that by just what tests/server/deviations/ says, which gives the reasons.
# What is kept of the runs: target/core/.
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
cluster=$ROOT/pg_test_config/cluster.sh
ours=$ROOT/tests/server
name=core.$$
trap '"$cluster" stop "$name"' EXIT
trap 'exit 130' INT TERM
passed=0 failed=0

suites=("$@")
[ ${#suites[@]} -gt 0 ] || suites=(plain protected isolation)
tests=$("$ROOT/pg_test_config/server_source.sh")
pgxs=$("$HOUSE_PG_CONFIG" --pkglibdir)/pgxs/src/test
# Tests print the names of these directories: they are the same in every run, and results are moved out afterwards.
work=$(place)/core-work
kept=$TARGET/core
mkdir -p "$kept"

# put_first SUITE SCHEDULE: our test that makes the protected table, at the beginning. (Databases of a suite are made
# from template0, so it can't be there before.)
put_first() {
    case $1 in
    regress)
        cp "$ours/protected.regress.sql" "$work/in/sql/jitmask_protected.sql"
        sed -i 's/^test: test_setup$/&\ntest: jitmask_protected/' "$2"
        ;;
    isolation)
        cp "$ours/protected.isolation.spec" "$work/in/specs/jitmask_protected.spec"
        sed -i '1i test: jitmask_protected' "$2"
        ;;
    esac
    cp "$ours/protected.$1.out" "$work/in/expected/jitmask_protected.out"
}

# at_work DATABASE: after all those tests, is the table there and masked?
at_work() {
    local seen
    seen=$("$cluster" psql "$name" -Atq -d "$1" -c 'SET ROLE pg_monitor' \
        -c 'SELECT ssn FROM jitmask_elsewhere.people') || true
    [ "$seen" = '*******9921' ] || { say "jitmask was not at work: $seen"; return 1; }
}

# run LABEL regress|isolation no|plain|protected: a suite on a server of its own; its results to target/core/LABEL.
run() {
    local label=$1 suite=$2 jitmask=$3 status=0 socket schedule driver database
    local settings=(autovacuum_naptime=1min max_prepared_transactions=10) options=()
    say "running the server's $suite tests: $label"
    rm -rf "$work" "$kept/$label"
    mkdir -p "$work/out" "$kept/$label"
    cp -r "$tests/src/test/$suite" "$work/in"
    case $suite in
    regress)
        schedule=$work/in/parallel_schedule driver=$pgxs/regress/pg_regress database=regression
        options+=("--dlpath=$tests/modules")
        ;;
    isolation)
        schedule=$work/in/isolation_schedule driver=$pgxs/isolation/pg_isolation_regress database=isolation_regression
        ;;
    esac
    if [ "$jitmask" = no ]; then
        settings+=(shared_preload_libraries=)
    else
        settings+=(shared_preload_libraries=jitmask)
        options+=(--load-extension=jitmask)
    fi
    [ "$jitmask" != protected ] || put_first "$suite" "$schedule"
    if is_root; then chown -R "$DB_USER" "$work"; fi
    "$cluster" start "$name" --server release "${settings[@]}"
    socket=$(eval "$("$cluster" env "$name")" && printf '%s' "$PGHOST")
    # Its status says no more than that some test did not print what was expected.
    as_db_user "$driver" --bindir="$tests/client" --host="$socket" --port=5432 --user=postgres --inputdir="$work/in" \
        --outputdir="$work/out" --max-concurrent-tests=20 --schedule="$schedule" --dbname="$database" "${options[@]}" >"$kept/$label/summary" || true
    "$cluster" log "$name" >"$kept/$label/log"
    mv "$work"/out/results "$kept/$label/"
    [ ! -f "$work/out/regression.diffs" ] || mv "$work/out/regression.diffs" "$kept/$label/"
    "$cluster" check "$name" || status=1
    [ "$jitmask" != protected ] || at_work "$database" || status=1
    "$cluster" stop "$name"
    rm -rf "$work"
    return "$status"
}

# What differs from the run without, in a form that can be kept: OIDs differ from build to build.
difference() {
    { diff -U3 --label without --label with "$kept/$1/results/$3.out" "$kept/$2/results/$3.out" || true; } | sed -E 's/^([-+ ]) *[0-9]{5,} \|/\1 OID |/'
}

# verdict LABEL BASELINE: counts what every test came to.
verdict() {
    local label=$1 baseline=$2 test status same=0 known=0 count=0
    # "test NAME ... ok 12 ms" of one alone, "     NAME ... ok 12 ms" of one in a group.
    while read -r test status; do
        count=$((count + 1))
        if [ "$status" = ok ]; then
            continue
        elif cmp -s "$kept/$label/results/$test.out" "$kept/$baseline/results/$test.out"; then
            same=$((same + 1))
        elif [ -f "$ours/deviations/$test.diff" ] \
            && difference "$baseline" "$label" "$test" | cmp -s - <(grep -v '^#' "$ours/deviations/$test.diff"); then
            known=$((known + 1))
        else
            failed=$((failed + 1)) count=$((count - 1))
            printf '%s: %s FAILED, without jitmask against with it:\n' "$label" "$test"
            difference "$baseline" "$label" "$test" | head -n 80
        fi
    done < <(sed -nE 's/^(test)? +([a-z0-9_.-]+) +\.\.\. ([a-zA-Z]+).*/\2 \3/p' "$kept/$label/summary")
    [ "$count" -gt 100 ] || { failed=$((failed + 1)); printf '%s: only %d tests ran\n' "$label" "$count"; }
    passed=$((passed + count))
    printf '%s: %d tests as without jitmask, %d of them not as expected in either; %d with a reviewed deviation\n' \
        "$label" $((count - known)) "$same" "$known"
}

for suite in "${suites[@]}"; do
    case $suite in
    plain | protected) kind=regress mode=$suite ;;
    isolation) kind=isolation mode=protected ;;
    *) die "usage: core.sh [plain] [protected] [isolation]" ;;
    esac
    # One run without jitmask does for both regression suites.
    [ "${ran:-}" = "$kind" ] || run "without-$kind" "$kind" no
    ran=$kind
    run "$suite" "$kind" "$mode" || failed=$((failed + 1))
    verdict "$suite" "without-$kind"
done
printf 'core: %d passed, %d failed\n' "$passed" "$failed"
[ "$failed" = 0 ]
