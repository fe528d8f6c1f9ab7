#!/usr/bin/env bash
# A whole-table scan, sum(length(column)): raw, masked by jitmask, and through a hand-written view with the same mask
# from built-in functions. Medians of RUNS runs each, interleaved so that a noisy moment hits all of them; the ratios
# to raw are what counts.
set -euo pipefail
rows=${ROWS:-300000} runs=${RUNS:-9}
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
sql() { psql -X -q -At -v ON_ERROR_STOP=1 "$@"; }
sql >/dev/null <<END
SET client_min_messages = warning;
CREATE EXTENSION jitmask;
CREATE TABLE people (id int PRIMARY KEY, ssn text, email text, card text);
INSERT INTO people SELECT n, lpad(n::text, 11, '473-11-'), 'person' || n || '@example.com', lpad(n::text, 16, '4')
  FROM generate_series(1, $rows) AS n;
CREATE TABLE bare AS SELECT * FROM people;
CREATE VIEW hand AS
  SELECT id, repeat('*', greatest(length(ssn) - 4, 0)) || right(ssn, 4) AS ssn,
         left(email, 1) || '***@***.' || split_part(email, '.', -1) AS email,
         repeat('*', greatest(length(card) - 4, 0)) || right(card, 4) AS card FROM bare;
VACUUM (ANALYZE, FREEZE) people, bare;
SELECT jitmask.create_policy('last4', 'mask_partial(value, 0, 4)');
SELECT jitmask.create_policy('email', 'mask_email(value)');
SELECT jitmask.attach('last4', ARRAY['people.ssn', 'people.card']);
SELECT jitmask.attach('email', 'people.email');
CREATE ROLE bench_reader LOGIN;
GRANT SELECT ON people, bare, hand TO bench_reader;
END
one="sum(length(ssn))" three="sum(length(ssn)), sum(length(email)), sum(length(card))"
measure() { # NAME QUERY: appends one time in milliseconds
    sql -U bench_reader -c 'SET max_parallel_workers_per_gather = 0' -c '\timing on' -c "$2" |
        sed -n 's/^Time: \([0-9.]*\) ms.*/\1/p' | tail -n 1 >>"$out/$1"
}
for _ in $(seq "$runs"); do
    for columns in one three; do
        measure "raw $columns" "SELECT ${!columns} FROM bare"
        measure "masked $columns" "SELECT ${!columns} FROM people"
        measure "view $columns" "SELECT ${!columns} FROM hand"
    done
done
median() { sort -n "$out/$1" | awk '{ times[NR] = $1 } END { print times[int((NR + 1) / 2)] }'; }
printf '%s rows, medians of %s runs\n%-8s %10s %10s %10s %14s %12s\n' "$rows" "$runs" columns raw masked view masked/raw view/masked
for columns in one three; do
    raw=$(median "raw $columns") masked=$(median "masked $columns") view=$(median "view $columns")
    awk -v c="$columns" -v r="$raw" -v m="$masked" -v v="$view" \
        'BEGIN { printf "%-8s %7.1f ms %7.1f ms %7.1f ms %13.2fx %11.2fx\n", c, r, m, v, m / r, v / m }'
done
