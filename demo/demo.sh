#!/usr/bin/env bash
# The demo.
#   demo.sh start     build, start a server, tell the story, leave the server running
#   demo.sh check     the story alone against the test build (a stage of make test); leaves nothing behind
#   demo.sh stop      stop the demo's server and remove it
source "$(dirname -- "${BASH_SOURCE[0]}")/../pg_test_config/lib.sh"
cluster=$ROOT/pg_test_config/cluster.sh
# shellcheck source=demo/tell.sh
source "$ROOT/demo/tell.sh"

# play SERVER NAME: a fresh cluster NAME, the data, the story.
play() {
    demo=$2
    say "demo: starting a throwaway PostgreSQL $PG_MAJOR cluster, Unix socket only, in $(place)/clusters/$2"
    "$cluster" start "$2" --server "$1"
    "$cluster" psql "$2" -q -d postgres -c 'CREATE DATABASE demo'
    say "demo: loading 5,000 made-up customers and their orders (tests/data)"
    (cd "$ROOT" && "$cluster" psql "$2" -q -d demo -v ON_ERROR_STOP=1 < demo/setup.sql)
    for chapter in "$ROOT"/demo/story/*.sql; do tell "$chapter"; done
    leave
}

case ${1:-} in
start)
    "$ROOT/pg_test_config/setup.sh"
    say "demo: building in release mode (a few minutes the first time)"
    "$ROOT/pg_test_config/build.sh" release
    trap leave EXIT
    play release demo
    eval "$("$cluster" env demo)"
    cat <<END

${bold}Your turn${plain}
=========
The server keeps running. Each line in a terminal of its own:

  psql -h $PGHOST -p $PGPORT -U sam_support demo      # asks:    SELECT * FROM jitmask.request('customers.ssn', 'reason …', '30 minutes');
  psql -h $PGHOST -p $PGPORT -U alex_approver demo    # decides: SELECT * FROM jitmask.approve(3);
  psql -h $PGHOST -p $PGPORT -U ada_auditor demo      # reads:   SELECT * FROM jitmask.audit;
  psql -h $PGHOST -p $PGPORT -U postgres demo         # the DBA

When done: make demo-stop
END
    ;;
check)
    name=story.$$
    trap 'leave; "$cluster" stop "$name"' EXIT
    trap 'exit 130' INT TERM
    play test "$name"
    "$cluster" check "$name"
    printf 'story: %d passed, 0 failed\n' "$checks"
    ;;
stop)
    "$cluster" stop demo
    say "demo: its server is stopped and removed"
    ;;
*) die "usage: demo.sh start | check | stop" ;;
esac
