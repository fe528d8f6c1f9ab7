#!/usr/bin/env bash
# make test: every kind of test, cheapest first, up to the first stage that fails.
# The closing line is the sum of what the stages themselves counted.
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
house=$ROOT/pg_test_config
logs=$TARGET/logs
mkdir -p "$logs"
passed=0 failed=0

# Sums the lines our runners ("regress: 3 passed, 0 failed") and cargo ("test result: ok. 3 passed; 0 failed; …") end with.
# count FILE WORD
count() {
    { grep -Eo "(^[a-z-]+: |^test result: .*)[0-9]+ passed[,;] [0-9]+ failed" "$1" || true; } \
        | { grep -Eo "[0-9]+ $2" || true; } | awk '{ n += $1 } END { print n + 0 }'
}

# stage KIND TITLE COMMAND...   KIND is `tests` if it has to count some, else `step`.
stage() {
    local kind=$1 title=$2 log=$logs/${2//[^a-z]/_}.log start=$SECONDS status=0
    shift 2
    printf '\n== %s\n' "$title"
    "$@" 2>&1 | tee "$log" || status=$?
    passed=$((passed + $(count "$log" passed)))
    failed=$((failed + $(count "$log" failed)))
    if [ "$status" = 0 ] && [ "$kind" = tests ] && [ "$(count "$log" passed)" = 0 ]; then
        printf 'no test ran, and a stage without tests proves nothing\n'
        status=1
    fi
    printf '== %s: %s in %d s\n' "$title" "$([ "$status" = 0 ] && echo done || echo FAILED)" $((SECONDS - start))
    [ "$status" = 0 ] && return
    # A stage can fail before it counts anything (a build, a server that does not start).
    [ "$(count "$log" failed)" != 0 ] || failed=$((failed + 1))
    printf '\nStopped at "%s"; later stages did not run. Its whole output: %s\n%d passed, %d failed\n' \
        "$title" "${log#"$ROOT"/}" "$passed" "$failed"
    exit 1
}

unit_tests() { cd "$ROOT" && CARGO_TARGET_DIR=$TARGET/host cargo test -p jitmask-core; }

stage step 'set-up' "$house/setup.sh"
stage tests 'layering' "$ROOT/tests/layering/layering.sh"
stage tests 'lint' "$house/lint.sh"
stage tests 'unit tests' unit_tests
stage tests 'check majors' "$house/majors.sh"
stage step 'test build' "$house/build.sh" test
stage tests 'in-server tests' "$house/in_server.sh"
stage tests 'sql regression' "$house/regress.sh" run
stage tests 'demo story' "$ROOT/demo/demo.sh" check
stage tests 'documentation' "$ROOT/tests/readme/readme.sh"
stage tests 'client tests' "$house/client.sh"
stage tests 'differential test' "$house/diff.sh"
printf '\nall stages done in %d min %d s\n%d passed, %d failed\n' $((SECONDS / 60)) $((SECONDS % 60)) "$passed" "$failed"
