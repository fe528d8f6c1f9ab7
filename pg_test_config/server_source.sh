#!/usr/bin/env bash
# The server's own tests, of the version that is installed: fetches its source package and prints the directory.
# There are its tests, below src/; the modules they load, in modules/; and a psql that fits them, in client/. All of it
# goes to target/server-source, and nothing is ever committed.
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

package=postgresql-$PG_MAJOR
installed=$(dpkg-query -W -f '${Version}' "$package") || die "package $package is not installed: make setup"
home=$(place)/server-source
tree=$home/$installed

# apt with lists of its own: the machine's sources, asked for source packages. The machine's own set-up stays as it is.
private() {
    "$1" -q -o Dir::Etc::sourcelist=/dev/null -o "Dir::Etc::sourceparts=$home/apt/sources" -o "Dir::State::lists=$home/apt/lists" \
        -o "Dir::Cache=$home/apt/cache" -o Debug::NoLocking=true "${@:2}"
}

fetch() {
    command -v apt-get >/dev/null || die "no apt-get here: the server's tests come from its source package"
    mkdir -p "$home"/apt/{sources,lists/partial,cache/archives/partial} "$home/download"
    local from
    for from in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
        [ ! -f "$from" ] || sed -nE 's/^deb([[:space:]])/deb-src\1/p' "$from" >"$home/apt/sources/${from##*/}"
    done
    mv "$home/apt/sources/sources.list" "$home/apt/sources/main.list" 2>/dev/null || true
    for from in /etc/apt/sources.list.d/*.sources; do
        [ ! -f "$from" ] || sed -E 's/^Types:.*/Types: deb-src/' "$from" >"$home/apt/sources/${from##*/}"
    done
    private apt-get update >&2 || die "apt could not read the lists of source packages"
    # The very version that is installed, or else the newest that can be had: mirrors list what they don't hold yet.
    # So nobody may take what these tests expect as absolute; core.sh compares with a run of its own.
    local version
    for version in "$installed" $(private apt-cache showsrc "$package" | sed -n 's/^Version: //p' | sort -Vru); do
        if (cd "$home/download" && private apt-get source --download-only "$package=$version" >&2); then
            [ "$version" = "$installed" ] || old_client "$version"
            return
        fi
        say "source of $package $version can't be had"
    done
    die "apt has no source of $package"
}

# Tests fit the psql of their own version: what it makes of the input after a COPY that failed has changed within 15.
old_client() {
    (cd "$home/download" && apt-get -q download "postgresql-client-$PG_MAJOR=$1" >&2 && dpkg -x postgresql-client-*.deb client) \
        || say "no psql of version $1: tests that depend on it will end early, with jitmask and without"
}

if [ ! -f "$tree/complete" ]; then
    fetch
    rm -rf "$tree"
    mkdir -p "$tree"
    archive=$(find "$home/download" -name "${package}_*.orig.tar.*" ! -name '*.asc' | sort -V | tail -n 1)
    [ -n "$archive" ] || die "the source package of $package holds no archive"
    say "unpacking the tests from ${archive##*/}"
    tar -xf "$archive" -C "$tree" --strip-components=1 --wildcards \
        '*/src/test/regress/*' '*/src/test/isolation/*' '*/contrib/spi/*'
    mkdir "$tree/client"
    find "$home/download" -path '*/bin/*' -name psql -exec cp {} "$tree/client/" \;
    [ -x "$tree/client/psql" ] || ln -s "$(psql_bin)" "$tree/client/psql"
    rm -rf "$home/apt" "$home/download"
    # What the tests load; regress.c and two modules need no more than the installed headers.
    mkdir -p "$tree/modules"
    for module in src/test/regress/regress contrib/spi/refint contrib/spi/autoinc; do
        gcc -O2 -fPIC -shared -w -I"$("$HOUSE_PG_CONFIG" --includedir-server)" -o "$tree/modules/${module##*/}.so" "$tree/$module.c"
    done
    touch "$tree/complete"
fi
printf '%s\n' "$tree"
