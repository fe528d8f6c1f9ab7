#!/usr/bin/env bash
# SQL regression: runs tests/pg_regress/sql/NAME.sql in psql and compares what it prints with expected/NAME.out.
#   regress.sh run [NAME...]    all files, or these
#   regress.sh accept NAME      take the last result of NAME as expected (read it first)
#
# Each file has a database of its own, regress_NAME, with the extension created, and runs as the superuser postgres in
# the project's root directory. Roles it creates start with regress_NAME and are dropped after it. A file's first line
# may ask for something else, in any order:
#   -- with: no-extension shared_preload_libraries=''      settings (no blanks in them) give it a cluster of its own
# Plain psql and diff instead of pg_regress: that has no database per file, and a missing expected file is no failure.
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
cluster=$ROOT/pg_test_config/cluster.sh
tests=$ROOT/tests/pg_regress
results=$TARGET/regress
shared=regress.$$
passed=0 failed=0
cleanup() { "$cluster" stop "$shared"; "$cluster" stop "$shared.own"; }

# Drops the file's database and roles. Role memberships and privileges in the database went with it.
drop() {
    "$cluster" psql "$1" -q -d postgres -c "DROP DATABASE IF EXISTS regress_$2 WITH (FORCE)"
    "$cluster" psql "$1" -At -d postgres -c "SELECT format('DROP ROLE %I;', rolname) FROM pg_roles
        WHERE starts_with(rolname, 'regress_$2')" | "$cluster" psql "$1" -q -d postgres
}

# run NAME: its output to target/regress/NAME.out; fails if that is not what was expected.
run() {
    local name=$1 first word on=$shared extension=yes settings=()
    IFS= read -r first < "$tests/sql/$name.sql" || true
    if [[ $first == "-- with: "* ]]; then
        for word in ${first#-- with: }; do
            if [ "$word" = no-extension ]; then extension=no; else settings+=("$word"); fi
        done
    fi
    if [ ${#settings[@]} -gt 0 ]; then
        on=$shared.own
        "$cluster" start "$on" "${settings[@]}"
    fi
    "$cluster" psql "$on" -q -d postgres -c "CREATE DATABASE regress_$name" || return 1
    if [ "$extension" = yes ]; then
        "$cluster" psql "$on" -q -d "regress_$name" -c 'CREATE EXTENSION jitmask' || return 1
    fi
    # From standard input, so that messages carry no file names. psql's own status says nothing here: tests provoke errors.
    (cd "$ROOT" && "$cluster" psql "$on" -a -q -d "regress_$name" < "$tests/sql/$name.sql" > "$results/$name.out" 2>&1) || true
    drop "$on" "$name"
    local crashed=0
    "$cluster" check "$on" || crashed=1
    [ "$on" = "$shared" ] || "$cluster" stop "$on"
    diff -U3 "$tests/expected/$name.out" "$results/$name.out" > "$results/$name.diff" && [ "$crashed" = 0 ]
}

names() { (cd "$tests" && find "$1" -maxdepth 1 -name "*.$2" -printf '%f\n' | sed "s/\.$2\$//" | LC_ALL=C sort); }

case ${1:-} in
run)
    shift
    only=("$@")
    for name in "${only[@]}"; do [ -f "$tests/sql/$name.sql" ] || die "there is no tests/pg_regress/sql/$name.sql"; done
    if [ ${#only[@]} = 0 ]; then
        mapfile -t only < <(names sql sql)
        for name in $(comm -13 <(names sql sql) <(names expected out)); do
            say "expected/$name.out has no sql/$name.sql"
            failed=$((failed + 1))
        done
    fi
    mkdir -p "$results"
    trap cleanup EXIT
    trap 'exit 130' INT TERM
    "$cluster" start "$shared"
    for name in "${only[@]}"; do
        [[ $name =~ ^[a-z0-9_]+$ ]] || die "tests/pg_regress/sql/$name.sql: use lower case, digits and _ in its name"
        if [ ! -f "$tests/expected/$name.out" ]; then
            run "$name" 2>/dev/null || true
            printf '%-40s FAILED: no expected file; read target/regress/%s.out, then make regress-accept T=%s\n' "$name" "$name" "$name"
            failed=$((failed + 1))
        elif run "$name"; then
            printf '%-40s ok\n' "$name"
            passed=$((passed + 1))
        else
            printf '%-40s FAILED\n' "$name"
            head -n 120 "$results/$name.diff"
            failed=$((failed + 1))
            # After a crash the next file gets a new cluster: it shall not fail for this one's sake.
            "$cluster" check "$shared" 2>/dev/null || "$cluster" start "$shared"
        fi
    done
    printf 'regress: %d passed, %d failed\n' "$passed" "$failed"
    [ $((passed + failed)) -gt 0 ] || die "there are no regression tests"
    [ "$failed" = 0 ]
    ;;
accept)
    [ -f "$results/${2:-}.out" ] || die "nothing to accept: run make regress T=${2:-NAME} first"
    cp "$results/$2.out" "$tests/expected/$2.out"
    say "tests/pg_regress/expected/$2.out is now what target/regress/$2.out was"
    ;;
*) die "usage: regress.sh run [NAME...] | accept NAME" ;;
esac
