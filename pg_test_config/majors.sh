#!/usr/bin/env bash
# Does the extension compile for every supported major? `cargo check` against the bindings that pgrx ships, so that no
# server of that major need be installed. A compile check only: the tests run on PostgreSQL 15.
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
passed=0 failed=0
cd "$ROOT"
for major in 15 16 17 18; do
    if DOCS_RS=1 RUSTC_WRAPPER=$ROOT/pg_test_config/rustc-docsrs.sh CARGO_TARGET_DIR=$TARGET/majors \
        cargo check -q -p jitmask --lib --no-default-features --features "pg$major"; then
        say "PostgreSQL $major: compiles"
        passed=$((passed + 1))
    else
        say "PostgreSQL $major: does NOT compile; differences between majors belong into src/pg/compat.rs"
        failed=$((failed + 1))
    fi
done
printf 'majors: %d passed, %d failed\n' "$passed" "$failed"
[ "$failed" = 0 ]
