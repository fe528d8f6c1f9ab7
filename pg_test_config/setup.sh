#!/usr/bin/env bash
# Installs what building and testing need and is not there yet. Run it again at will: it only adds what is missing.
# Needs Rust and, when Debian packages are missing, root or sudo. Says what it does before it does it.
# `setup.sh packages` stops after the Debian packages; `setup.sh valgrind` adds valgrind to them, and stops there, too.
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

# libclang: bindgen reads the server's headers with it. libssl-dev, pkg-config: cargo-pgrx links OpenSSL.
packages=(make gcc libc6-dev pkg-config libssl-dev libclang-14-dev
    "postgresql-$PG_MAJOR" "postgresql-server-dev-$PG_MAJOR")

[ "${1:-}" != valgrind ] || packages=(valgrind)

as_root() { if is_root; then "$@"; else sudo "$@"; fi; }

missing_packages() {
    local name
    for name in "${packages[@]}"; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null)" = installed ] || printf '%s\n' "$name"
    done
}

install_packages() {
    local missing=()
    command -v apt-get >/dev/null || {
        [ -x "$HOUSE_PG_CONFIG" ] && return 0
        die "no apt-get here, and no $HOUSE_PG_CONFIG: install PostgreSQL $PG_MAJOR with its server headers, a C compiler and libclang"
    }
    mapfile -t missing < <(missing_packages)
    [ ${#missing[@]} -gt 0 ] || return 0
    say "set-up: installing Debian packages: ${missing[*]}"
    is_root || command -v sudo >/dev/null \
        || die "these packages are missing and neither root nor sudo is at hand; as root run: apt-get install ${missing[*]}"
    # The package would create and start a cluster 'main' of its own. Nobody asked for that; our clusters are throwaway
    # ones. The file is there for the time of the installation only, and an existing cluster is not touched.
    local quiet=/etc/postgresql-common/createcluster.d/jitmask-setup.conf
    as_root mkdir -p "${quiet%/*}"
    printf "create_main_cluster = false\n" | as_root tee "$quiet" >/dev/null
    # shellcheck disable=SC2064  # the path is fixed now
    trap "as_root rm -f $quiet" EXIT
    as_root apt-get update -q || say "set-up: apt-get update failed; trying with the lists at hand"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}" \
        || die "apt could not install: ${missing[*]}"
    as_root rm -f "$quiet"
    trap - EXIT
    [ -x "$HOUSE_PG_CONFIG" ] || die "the packages are installed but $HOUSE_PG_CONFIG is not there"
}

check_rust() {
    command -v cargo >/dev/null || die "cargo is not in PATH: install Rust $RUST_VERSION or later (https://rustup.rs)"
    local have
    have=$(rustc --version | awk '{ print $2 }')
    [ "$(printf '%s\n' "$RUST_VERSION" "$have" | sort -V | head -n 1)" = "$RUST_VERSION" ] \
        || die "Rust $have is too old, $RUST_VERSION or later is needed: rustup update stable"
}

# Prints nothing when there is none.
pgrx_version() { cargo-pgrx pgrx --version 2>/dev/null | awk '{ print $2 }' || true; }

install_cargo_pgrx() {
    local have where=()
    have=$(pgrx_version)
    [ "$have" != "$CARGO_PGRX_VERSION" ] || return 0
    if [ -n "$have" ]; then
        say "set-up: cargo-pgrx $have is installed, $CARGO_PGRX_VERSION is needed: putting ours into target/tools (3 to 8 minutes)"
        where=(--root "$TARGET/tools")
    else
        say "set-up: installing cargo-pgrx $CARGO_PGRX_VERSION (3 to 8 minutes)"
    fi
    CARGO_TARGET_DIR=$TARGET/tools-build cargo install cargo-pgrx --version "=$CARGO_PGRX_VERSION" --locked "${where[@]}" \
        || die "cargo could not install cargo-pgrx $CARGO_PGRX_VERSION"
    rm -rf "$TARGET/tools-build"
    hash -r
    # ~/.cargo/bin may not be in PATH at all.
    [ "$(pgrx_version)" = "$CARGO_PGRX_VERSION" ] || die "cargo-pgrx is installed but not found: put ${CARGO_HOME:-$HOME/.cargo}/bin into PATH"
}

install_packages
case ${1:-} in packages | valgrind) exit 0 ;; esac
check_rust
install_cargo_pgrx
# cargo-pgrx wants to be told about the server once; our own home for it keeps the user's untouched.
if ! grep -qsF "\"$HOUSE_PG_CONFIG\"" "$PGRX_HOME/config.toml"; then
    mkdir -p "$PGRX_HOME"
    printf '[configs]\npg%s = "%s"\n' "$PG_MAJOR" "$HOUSE_PG_CONFIG" > "$PGRX_HOME/config.toml"
fi
say "set-up: $("$HOUSE_PG_CONFIG" --version), cargo-pgrx $CARGO_PGRX_VERSION, $(rustc --version)"
