#!/usr/bin/env bash
# Formatting and clippy, warnings denied, for every crate and with the in-server tests compiled in.
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
cd "$ROOT"
for tool in fmt clippy; do
    cargo "$tool" --version >/dev/null 2>&1 || die "cargo $tool is missing: rustup component add rustfmt clippy"
done
cargo fmt --all --check || die "not formatted: run cargo fmt --all"
# A target directory of its own: plain cargo and cargo-pgrx use different flags and would evict each other's work.
CARGO_TARGET_DIR=$TARGET/lint PGRX_PG_CONFIG_PATH=$HOUSE_PG_CONFIG \
    cargo clippy --workspace --all-targets --features "pg$PG_MAJOR,pg_test" -- -D warnings
printf 'lint: 2 passed, 0 failed\n'
