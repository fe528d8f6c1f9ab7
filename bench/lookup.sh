#!/usr/bin/env bash
# A point look-up by primary key on a protected table, against the same mask in a hand-written view: pgbench, one
# client, prepared and unprepared, interleaved rounds, medians of tps.
set -euo pipefail
rounds=${ROUNDS:-5} seconds=${SECONDS_EACH:-3}
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
psql -X -q -v ON_ERROR_STOP=1 >/dev/null <<'END'
SET client_min_messages = warning;
CREATE EXTENSION jitmask;
CREATE TABLE people (id int PRIMARY KEY, name text, ssn text);
INSERT INTO people SELECT n, 'person' || n, lpad(n::text, 11, '473-11-') FROM generate_series(1, 100000) AS n;
CREATE TABLE bare AS SELECT * FROM people;
ALTER TABLE bare ADD PRIMARY KEY (id);
CREATE VIEW hand AS SELECT id, name, repeat('*', greatest(length(ssn) - 4, 0)) || right(ssn, 4) AS ssn FROM bare;
VACUUM (ANALYZE, FREEZE) people, bare;
SELECT jitmask.create_policy('last4', 'mask_partial(value, 0, 4)');
SELECT jitmask.attach('last4', 'people.ssn');
CREATE ROLE bench_reader LOGIN;
GRANT SELECT ON people, bare, hand TO bench_reader;
END
for what in people bare hand; do
    printf '\\set id random(1, 100000)\nSELECT * FROM %s WHERE id = :id;\n' "$what" >"$out/$what.sql"
done
for _ in $(seq "$rounds"); do
    for mode in prepared simple; do
        for what in people hand bare; do
            pgbench -n -U bench_reader -M "$mode" -T "$seconds" -f "$out/$what.sql" 2>/dev/null |
                sed -n 's/^tps = \([0-9.]*\).*/\1/p' >>"$out/$mode $what"
        done
    done
done
median() { sort -n "$out/$1" | awk '{ tps[NR] = $1 } END { print tps[int((NR + 1) / 2)] }'; }
printf '%-9s %12s %12s %12s %12s\n' mode 'masked tps' 'view tps' 'raw tps' masked/view
for mode in prepared simple; do
    awk -v m="$mode" -v p="$(median "$mode people")" -v h="$(median "$mode hand")" -v b="$(median "$mode bare")" \
        'BEGIN { printf "%-9s %12.0f %12.0f %12.0f %11.2fx\n", m, p, h, b, p / h }'
done
