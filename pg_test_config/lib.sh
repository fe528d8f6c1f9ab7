# shellcheck shell=bash
# What every script of the house shares: paths, the pinned versions, who the server runs as. Sourced, never run.
set -euo pipefail
# The server's user must be able to read what we build, whatever the caller's umask is.
umask 022

ROOT=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)
TARGET=$ROOT/target
PG_MAJOR=15
# Fixed on purpose: a PG_CONFIG or PATH of the caller's must not decide what the tests run against.
HOUSE_PG_CONFIG=/usr/lib/postgresql/$PG_MAJOR/bin/pg_config
CARGO_PGRX_VERSION=0.18.1
RUST_VERSION=1.95

# Nothing of the user's own pgrx set-up is read or changed.
export PGRX_HOME=$TARGET/pgrx-home
PATH=$TARGET/tools/bin:$PATH
# Flags from outside override the --no-gc-sections that cargo-pgrx needs to find the SQL entities in the library, and
# make every cargo call rebuild the world.
unset RUSTFLAGS CARGO_ENCODED_RUSTFLAGS CARGO_BUILD_TARGET CARGO_TARGET_DIR DOCS_RS

# Progress goes to stderr, so that what a script prints stays usable.
say() { printf '%s\n' "$*" >&2; }
die() { printf 'jitmask: %s\n' "$*" >&2; exit 1; }

# cargo-pgrx by its own name: `cargo pgrx` prefers ~/.cargo/bin, where another version may live.
pgrx() { cargo-pgrx pgrx "$@"; }

# PostgreSQL refuses to run as root; then the user of Debian's package runs it. Anybody else runs it as himself.
is_root() { [ "$(id -u)" = 0 ]; }
if is_root; then DB_USER=postgres; else DB_USER=$(id -un); fi

# Runs a command as the server's user, with nothing of the caller's environment (PG* variables, RUST_BACKTRACE, locale).
as_db_user() {
    local clean=(env -i PATH=/usr/local/bin:/usr/bin:/bin HOME=/ LC_ALL=C.UTF-8 "USER=$DB_USER" "LOGNAME=$DB_USER")
    # From /: the caller's directory may be closed to that user.
    if is_root; then
        (cd / && exec setpriv --reuid="$DB_USER" --regid="$DB_USER" --init-groups "${clean[@]}" "$@")
    else
        (cd / && exec "${clean[@]}" "$@")
    fi
}

# The directory for what the server reads and writes: target/, or one under /var/tmp (recorded in target/place) when
# the server's user cannot get there, as in a checkout under root's 0700 home.
place() {
    mkdir -p "$TARGET"
    if [ -s "$TARGET/place" ] && [ -d "$(cat "$TARGET/place")" ]; then
        cat "$TARGET/place"
    elif as_db_user test -r "$TARGET" -a -x "$TARGET"; then
        printf '%s\n' "$TARGET"
    else
        local dir
        dir=$(mktemp -d /var/tmp/jitmask.XXXXXX)
        chmod 755 "$dir"
        say "user $DB_USER cannot reach $TARGET: server files go to $dir (recorded in target/place)"
        printf '%s\n' "$dir" | tee "$TARGET/place"
    fi
}

# A file of our private server tree, e.g. `server_bin test pg_ctl`; build.sh makes the tree.
server_bin() { printf '%s/server/%s%s/%s\n' "$(place)" "$1" "${HOUSE_PG_BIN:=$(server_rel bindir)}" "$2"; }
# Where pg_config says a directory is, below the prefix /usr (Debian) that is replaced by the tree's root.
server_rel() {
    local dir
    dir=$("$HOUSE_PG_CONFIG" "--$1")
    printf '%s\n' "${dir#/usr}"
}
psql_bin() { printf '%s/psql\n' "$("$HOUSE_PG_CONFIG" --bindir)"; }
