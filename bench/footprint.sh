#!/usr/bin/env bash
# What jitmask costs statements that touch nothing protected, in instructions: callgrind counts those of a single-user
# server that runs a statement N times, and 2 N times; the difference is what N of them take. No noise of the machine is
# in it, so tenths of a percent mean something. Each is compared with the same database and no jitmask loaded:
#   loaded     the library is preloaded, the extension not created in this database
#   at work    created, and a policy attached to some other table
#   granted    that, and the session's person holds a grant on it
#   footprint.sh [WORKLOAD...]      all of them if none is named
# Targets: 0.5 %; where grants are held, 3 % for native functions. PROFILE=1 keeps callgrind's profiles in target/footprint.
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/../pg_test_config/lib.sh"
cluster=$ROOT/pg_test_config/cluster.sh
name=footprint.$$
out=$(place)/footprint
n=${N:-100}
workloads=("$@")
[ ${#workloads[@]} -gt 0 ] || workloads=(select join insert update execute scan native call)
"$ROOT/pg_test_config/setup.sh" valgrind
trap '"$cluster" stop "$name"' EXIT
trap 'exit 130' INT TERM
rm -rf "$out"
mkdir -p "$out"
if is_root; then chown "$DB_USER" "$out"; fi

"$cluster" start "$name" --server release autovacuum=off
sql() { "$cluster" psql "$name" -At -q -v ON_ERROR_STOP=1 "$@"; }
sql -c 'CREATE ROLE clerk LOGIN' -c 'CREATE ROLE boss LOGIN' -c 'CREATE ROLE coder'
for database in bare shop granted; do
    sql -c "CREATE DATABASE $database"
    sql -d "$database" <<'END'
CREATE TABLE orders (id int PRIMARY KEY, customer int, amount numeric, note text);
CREATE TABLE customers (id int PRIMARY KEY, name text);
INSERT INTO customers SELECT n, 'customer ' || n FROM generate_series(1, 1000) AS n;
INSERT INTO orders SELECT n, n % 1000 + 1, n, 'note ' || n FROM generate_series(1, 10000) AS n;
CREATE SEQUENCE ids START 1000000;
CREATE FUNCTION total(n int) RETURNS numeric LANGUAGE plpgsql AS
  'DECLARE t numeric; BEGIN SELECT amount INTO t FROM orders WHERE id = n; RETURN t; END';
CREATE FUNCTION twice(n int) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 2 * n; END';
ALTER FUNCTION twice OWNER TO coder;
GRANT ALL ON orders, customers, ids TO clerk;
VACUUM (ANALYZE, FREEZE) orders, customers;
END
done
for database in shop granted; do
    sql -d "$database" >/dev/null <<'END'
CREATE EXTENSION jitmask;
CREATE TABLE people (id int, ssn text);
INSERT INTO people VALUES (1, '473-11-9921');
GRANT SELECT ON people TO clerk;
SELECT jitmask.create_policy('last4', 'mask_partial(value, 0, 4)');
SELECT jitmask.attach('last4', 'people.ssn');
SELECT jitmask.grant_right('boss', 'approver');
END
done
request=$(sql -U clerk -d granted -c "SELECT id FROM jitmask.request('people.ssn', 'to see what it costs', duration => '1 hour')")
sql -U boss -d granted -c "SELECT * FROM jitmask.approve($request)" >/dev/null 2>&1
[ "$(sql -U clerk -d granted -c 'SELECT ssn FROM people')" = 473-11-9921 ] || die "the grant reveals nothing: nothing would be measured"
data=$(place)/clusters/$name/data
as_db_user "$(server_bin release pg_ctl)" stop -s -D "$data" -m fast
# Every run begins with the same data.
cp -a "$data" "$data.fresh"

statement() {
    case $1 in
    select) echo 'SELECT * FROM orders WHERE id = 4711' ;;
    join) echo 'SELECT o.id, o.amount, c.name FROM orders o JOIN customers c ON c.id = o.customer WHERE o.id = 4711' ;;
    insert) echo "INSERT INTO orders VALUES (nextval('ids'), 1, 1, 'new')" ;;
    update) echo "UPDATE orders SET note = 'changed' WHERE id = 4711" ;;
    execute) echo 'EXECUTE by_id(4711)' ;;
    scan) echo 'SELECT count(*), sum(amount) FROM orders WHERE note IS NOT NULL' ;;
    native) echo 'SELECT count(*) FROM orders WHERE length(upper(note)) + abs(customer) + sqrt(amount) > 0' ;;
    call) echo 'SELECT total(4711)' ;;             # a superuser's function
    stranger) echo 'SELECT sum(twice(id)) FROM customers' ;; # somebody else's, once for each of 1000 rows
    *) die "no workload $1" ;;
    esac
}

# server LIBRARIES DATABASE [VALGRIND OPTION...]: a single-user server that reads statements, one a line.
server() {
    local libraries=$1 database=$2
    shift 2
    as_db_user valgrind --tool=callgrind "$@" "$(server_bin release postgres)" --single -D "$data" \
        -c shared_preload_libraries="$libraries" "$database"
}

# instructions LIBRARIES DATABASE WORKLOAD N
instructions() {
    local files=/dev/null
    [ -z "${PROFILE:-}" ] || files=$out/${1:-none}.$2.$3.$4
    {
        # The same for all, so that it cancels out; and some statements to get warm.
        echo 'SET SESSION AUTHORIZATION clerk'
        echo 'PREPARE by_id(int) AS SELECT * FROM orders WHERE id = $1'
        echo 'SET plan_cache_mode = force_generic_plan'
        for _ in $(seq $((5 + $4))); do statement "$3"; done
    } >"$out/statements"
    rm -rf "$data"
    cp -a "$data.fresh" "$data"
    server "$1" "$2" --callgrind-out-file="$files" <"$out/statements" >/dev/null 2>"$out/said"
    ! grep -E 'ERROR|FATAL|WARNING' "$out/said" >&2 || die "a statement of '$3' failed"
    sed -n 's/.*Collected : \([0-9]*\).*/\1/p' "$out/said" | grep . || { cat "$out/said" >&2; die "callgrind counted nothing"; }
}

# each LIBRARIES DATABASE WORKLOAD: instructions of one statement.
each() {
    local once twice
    once=$(instructions "$1" "$2" "$3" "$n")
    twice=$(instructions "$1" "$2" "$3" $((2 * n)))
    echo $(((twice - once) / n))
}

# Is jitmask at work in such a server at all?
printf '%s\n' 'SET SESSION AUTHORIZATION clerk' 'SELECT ssn FROM people' | server jitmask shop --callgrind-out-file=/dev/null 2>/dev/null |
    grep -qF '*******9921' || die "the single-user server shows no mask: nothing would be measured"

printf '%-9s %12s %20s %20s %20s\n' statement without loaded 'at work' granted
for workload in "${workloads[@]}"; do
    printf '%-9s' "$workload"
    for database in bare shop granted; do
        without=$(each '' "$database" "$workload")
        [ "$database" != bare ] || printf ' %12d' "$without"
        awk -v a="$without" -v b="$(each jitmask "$database" "$workload")" 'BEGIN { printf " %+11d %+7.2f%%", b - a, 100 * (b / a - 1) }'
    done
    echo
done
