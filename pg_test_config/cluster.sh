#!/usr/bin/env bash
# Throwaway PostgreSQL clusters, on a Unix socket only, run by an unprivileged user in a clean environment.
#   cluster.sh start NAME [--server test|release] [key=value ...]   from scratch, whatever was there under that name
#   cluster.sh restart NAME         same data
#   cluster.sh stop NAME            stops it and removes every trace
#   cluster.sh psql NAME [ARG...]   psql as the superuser postgres
#   cluster.sh env NAME             its address as export lines, for eval
#   cluster.sh check NAME           fails if a server process crashed in it
#   cluster.sh log NAME | list | stop-all
# key=value are settings for postgresql.conf, e.g. shared_preload_libraries=''
# JITMASK_TEST_SERVER in the environment is the tree to take where none is named.
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

usage() { sed -n '2,11s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2; }

[ $# -ge 1 ] || usage
verb=$1
shift
clusters=$(place)/clusters
case $verb in
list) mkdir -p "$clusters" && ls "$clusters"; exit ;;
stop-all)
    mkdir -p "$clusters"
    for dir in "$clusters"/*/; do [ ! -d "$dir" ] || "${BASH_SOURCE[0]}" stop "$(basename "$dir")"; done
    exit
    ;;
esac
name=${1:-}
[[ $name =~ ^[a-z0-9_.-]+$ && $name != .* ]] || usage
shift
home=$clusters/$name
data=$home/data

# The tree this cluster was started from.
server() { cat "$home/server"; }
socket() { cat "$home/socket.path" 2>/dev/null || die "there is no cluster '$name': cluster.sh start $name"; }

stop() {
    if [ -f "$data/postmaster.pid" ]; then
        # By its own pid file. Immediate as the last word: nothing here is worth waiting for.
        as_db_user "$(server_bin "$(server)" pg_ctl)" stop -s -D "$data" -m fast -t 20 \
            || as_db_user "$(server_bin "$(server)" pg_ctl)" stop -s -D "$data" -m immediate || true
    fi
    if [ -f "$home/socket.path" ]; then
        case $(socket) in /tmp/jitmask-socket.*) rm -rf "$(socket)" ;; esac
    fi
    rm -rf "$home"
}

launch() {
    as_db_user "$(server_bin "$(server)" pg_ctl)" start -s -w -t 60 -D "$data" -l "$home/log" </dev/null >"$home/pg_ctl.out" 2>&1 || {
        cat "$home/pg_ctl.out" >&2
        tail -n 20 "$home/log" >&2
        die "cluster '$name' did not start; its log is above"
    }
}

start() {
    local server=${JITMASK_TEST_SERVER:-test} settings=() setting value
    while [ $# -gt 0 ]; do
        case $1 in
        --server) server=$2; shift 2 ;;
        *=*) settings+=("$1"); shift ;;
        *) usage ;;
        esac
    done
    [ -x "$(server_bin "$server" initdb)" ] || die "there is no server tree '$server' yet: pg_test_config/build.sh $server"
    [ ! -d "$home" ] || stop
    mkdir -p "$home"
    printf '%s\n' "$server" > "$home/server"
    if is_root; then chown "$DB_USER" "$home"; fi
    chmod 755 "$home"

    # The kernel's limit for a socket's path is 107 bytes.
    local dir=$home sample=$home/.s.PGSQL.5432
    if [ ${#sample} -gt 107 ]; then
        dir=$(mktemp -d /tmp/jitmask-socket.XXXXXX)
        if is_root; then chown "$DB_USER" "$dir"; fi
        chmod 755 "$dir"
    fi
    printf '%s\n' "$dir" > "$home/socket.path"

    as_db_user "$(server_bin "$server" initdb)" -D "$data" -U postgres -E UTF8 --locale=C.UTF-8 --auth=trust --no-sync --no-instructions \
        > "$home/initdb.out" 2>&1 || { cat "$home/initdb.out" >&2; die "initdb failed for cluster '$name'"; }
    cp "$ROOT/pg_test_config/pg_hba.conf" "$data/pg_hba.conf"
    {
        cat "$ROOT/pg_test_config/postgresql.conf"
        printf "unix_socket_directories = '%s'\n" "$dir"
        for setting in "${settings[@]}"; do
            value=${setting#*=}
            value=${value#\'}
            value=${value%\'}
            printf "%s = '%s'\n" "${setting%%=*}" "${value//\'/\'\'}"
        done
    } > "$data/postgresql.conf"
    launch
}

case $verb in
start) start "$@" ;;
stop) stop ;;
restart)
    as_db_user "$(server_bin "$(server)" pg_ctl)" stop -s -D "$data" -m fast || true
    launch
    ;;
psql)
    exec env -i "PATH=$PATH" HOME=/nonexistent "TERM=${TERM:-dumb}" LC_ALL=C.UTF-8 PSQL_HISTORY=/dev/null \
        "$(psql_bin)" -X -h "$(socket)" -p 5432 -U postgres "$@"
    ;;
env) printf 'export PGHOST=%q PGPORT=5432 PGUSER=postgres PGDATABASE=postgres\n' "$(socket)" ;;
log) cat "$home/log" ;;
check)
    # A backend that died took its sessions' errors with it: no test may pass over that.
    if grep -nE 'PANIC:|was terminated by signal|exited with exit code [^01]|TRAP:' "$home/log" >&2; then
        die "a server process of cluster '$name' crashed; the lines above are from its log"
    fi
    ;;
*) usage ;;
esac
