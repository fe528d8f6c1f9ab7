#!/usr/bin/env bash
# Builds the extension and puts it where a server finds it.
#   build.sh test               dev build with the in-server tests, into our private server tree `test`
#   build.sh release            release build, into the private tree `release` (the demo's)
#   build.sh install PG_CONFIG  release build, into the installed server PG_CONFIG belongs to
#
# A private tree is a copy of the server's executables beside links to all else. PostgreSQL finds its directories
# relative to its executable, so a server started from the tree sees the system's files plus our extension: no root, no
# trace in the system, and several checkouts don't share one jitmask.so.
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

# package DIR PG_CONFIG FEATURES [OPTION...]: the files as they will be installed, below DIR.
package() {
    local out=$1 pg_config=$2 features=$3
    shift 3
    rm -rf "$out"
    # A target directory for cargo-pgrx alone: its flags differ from plain cargo's, and they would evict each other.
    (cd "$ROOT" && CARGO_TARGET_DIR=$TARGET/pgrx pgrx package "$@" --pg-config "$pg_config" --out-dir "$out" \
        --no-default-features --features "$features") || die "the build failed; its messages are above"
}

# make_tree NAME: links to the installed server, fresh each time (it takes milliseconds, and apt may have been at work).
make_tree() {
    local tree dir
    tree=$(place)/server/$1
    local bin=$tree$(server_rel bindir) lib=$tree$(server_rel pkglibdir) share=$tree$(server_rel sharedir)
    mkdir -p "$bin" "$lib" "$share"
    for name in postgres initdb pg_ctl; do
        # Renamed into place: a running server keeps the file it has.
        cmp -s "$("$HOUSE_PG_CONFIG" --bindir)/$name" "$bin/$name" || {
            cp "$("$HOUSE_PG_CONFIG" --bindir)/$name" "$bin/$name.new"
            mv -f "$bin/$name.new" "$bin/$name"
        }
    done
    ln -sfn "$("$HOUSE_PG_CONFIG" --pkglibdir)"/* "$lib/"
    mkdir -p "$share/extension"
    for dir in "$("$HOUSE_PG_CONFIG" --sharedir)"/*; do
        [ "${dir##*/}" = extension ] || ln -sfn "$dir" "$share/"
    done
    ln -sf "$("$HOUSE_PG_CONFIG" --sharedir)"/extension/* "$share/extension/"
    # A jitmask installed in the system must not show through.
    rm -f "$share"/extension/jitmask*
    printf '%s\n' "$tree"
}

# put FROM TO [COMMAND...]: copies the packaged files, each renamed into place: overwriting a library that a running
# server has mapped would crash it.
put() {
    local from=$1 to=$2 file mode
    shift 2
    while IFS= read -r -d '' file; do
        mode=644
        case $file in *.so) mode=755 ;; esac
        "$@" install -D -m "$mode" "$from/$file" "$to/$file.new"
        "$@" mv -f "$to/$file.new" "$to/$file"
    done < <(cd "$from" && find . -type f -printf '%P\0')
}

case ${1:-} in
test | release)
    [ -x "$HOUSE_PG_CONFIG" ] || die "PostgreSQL $PG_MAJOR is not installed: run pg_test_config/setup.sh"
    if [ "$1" = test ]; then
        package "$TARGET/package/test" "$HOUSE_PG_CONFIG" "pg$PG_MAJOR,pg_test" --debug
    else
        package "$TARGET/package/release" "$HOUSE_PG_CONFIG" "pg$PG_MAJOR"
    fi
    tree=$(make_tree "$1")
    put "$TARGET/package/$1/usr" "$tree"
    say "installed into the private server tree $tree"
    ;;
install)
    pg_config=${2:-}
    [ -n "$pg_config" ] && command -v "$pg_config" >/dev/null \
        || die "which server? make install PG_CONFIG=/usr/lib/postgresql/$PG_MAJOR/bin/pg_config"
    major=$("$pg_config" --version | sed -E 's/^PostgreSQL ([0-9]+).*/\1/')
    case $major in 15 | 16 | 17 | 18) ;; *) die "$("$pg_config" --version) is not supported: 15 to 18 are" ;; esac
    package "$TARGET/package/install" "$(command -v "$pg_config")" "pg$major"
    become=()
    if ! is_root && ! [ -w "$("$pg_config" --pkglibdir)" -a -w "$("$pg_config" --sharedir)/extension" ]; then
        say "writing into $("$pg_config" --pkglibdir) and $("$pg_config" --sharedir)/extension with sudo"
        become=(sudo)
    fi
    put "$TARGET/package/install" "" "${become[@]}"
    say "installed for $("$pg_config" --version). Next: add jitmask to shared_preload_libraries (last), restart, CREATE EXTENSION jitmask."
    ;;
*)
    die "usage: build.sh test|release|install PG_CONFIG"
    ;;
esac
