-- No question gets an answer that depends on a raw value. Raw values look like 111-22-3333.
\set VERBOSITY default
CREATE ROLE regress_bypass_oracles_user;
GRANT CREATE ON SCHEMA public TO regress_bypass_oracles_user;
CREATE TABLE people (id int PRIMARY KEY, ssn text UNIQUE, pay int, born date);
INSERT INTO people SELECT i, '111-22-' || to_char(3000 + i, 'FM0000'), 11100 + i, date '1991-12-01' + i FROM generate_series(1, 300) i;
CREATE INDEX ON people (pay);
CREATE INDEX ON people (born DESC);
CREATE INDEX ON people (lower(ssn));
CREATE INDEX only_one ON people (id) WHERE ssn = '111-22-3001';
VACUUM ANALYZE people;
GRANT SELECT ON people TO regress_bypass_oracles_user;
SELECT policy FROM jitmask.create_policy('none', 'mask_constant(value, ''masked'')');
SELECT policy FROM jitmask.create_policy('zero', 'mask_default(value)');
SELECT "column" FROM jitmask.attach('none', 'public.people.ssn');
SELECT "column" FROM jitmask.attach('zero', '{public.people.pay,public.people.born}'::text[]);
SET SESSION AUTHORIZATION regress_bypass_oracles_user;
SET enable_seqscan = off;

-- Guesses, prefixes, ranges.
SELECT count(*) FROM people WHERE ssn = '111-22-3001';
SELECT count(*) FROM people WHERE ssn LIKE '111-22-30%';
SELECT count(*) FROM people WHERE ssn ~ '^1' OR ssn SIMILAR TO '1%' OR starts_with(ssn, '1') OR ssn ^@ '1';
SELECT count(*) FROM people WHERE ssn >= '111' AND ssn < '112';
SELECT count(*) FROM people WHERE pay BETWEEN 11101 AND 11110;
SELECT count(*) FROM people WHERE pay > 0;
SELECT count(*) FROM people WHERE born > '1991-12-01';
SELECT count(*) FROM people WHERE lower(ssn) = '111-22-3001';
SELECT count(*) FROM people WHERE ssn = ANY (ARRAY(SELECT '111-22-' || g FROM generate_series(3001, 3010) g));
SELECT count(*) FROM people p JOIN (VALUES ('111-22-3001')) v(ssn) USING (ssn);
SELECT count(*) FROM generate_series(3001, 3010) g JOIN people p ON p.ssn = '111-22-' || g;
SELECT count(*) FROM people WHERE (ssn, id) > ('111-22-3100', 0) AND (ssn, id) < ('112', 0);
SELECT id FROM people WHERE id < 3 AND ssn = '111-22-3001';
SELECT count(*) FROM people WHERE ssn IS NULL;

-- Orders and extremes, with indexes at hand.
SELECT id FROM people ORDER BY pay DESC, id LIMIT 2;
SELECT id FROM people ORDER BY born, id DESC LIMIT 2;
SELECT min(ssn), max(ssn), min(pay), max(pay), min(born), max(born) FROM people;
SELECT min(ssn) FROM people WHERE ssn > '1';
SELECT id, rank() OVER (ORDER BY pay), ntile(2) OVER (ORDER BY ssn, id), percent_rank() OVER (ORDER BY born) FROM people ORDER BY id LIMIT 2;
SELECT id FROM people WHERE pay = (SELECT max(pay) FROM people) ORDER BY id DESC LIMIT 1;
SELECT DISTINCT ssn FROM people;
SELECT count(DISTINCT ssn), count(DISTINCT pay) FROM people;
SELECT width_bucket(pay, 0, 20000, 10) AS b, count(*) FROM people GROUP BY 1;
EXPLAIN (COSTS OFF) SELECT id FROM people WHERE ssn = '111-22-3001';
EXPLAIN (COSTS OFF) SELECT id FROM people WHERE id = 1 AND pay = 11101;
EXPLAIN (COSTS OFF) SELECT id FROM people ORDER BY pay LIMIT 1;
EXPLAIN (COSTS OFF) SELECT max(ssn) FROM people;
EXPLAIN (COSTS OFF) SELECT id FROM people WHERE ssn = '111-22-3001' AND id > 0;
-- Plans over other columns stay what they were.
EXPLAIN (COSTS OFF) SELECT ssn FROM people WHERE id = 1;

-- Errors that depend on a value depend on the mask.
SELECT CASE WHEN ssn = '111-22-3001' THEN 1 / (id - id) ELSE 1 END AS c, count(*) FROM people GROUP BY 1;
SELECT count(1 / (pay - 11101)) FROM people;
SELECT 1 / pay FROM people WHERE id = 1;
SELECT count(*) FROM people WHERE CASE WHEN ssn LIKE '111%' THEN 1 / (id - id) = 1 ELSE true END;
SELECT ssn::int FROM people WHERE id = 1;
SELECT ssn::numeric FROM people WHERE id = 1;
SELECT ssn::uuid FROM people WHERE id = 1;
SELECT ssn::timestamptz FROM people WHERE id = 1;
SELECT ssn::jsonb FROM people WHERE id = 1;
SELECT ssn::int[] FROM people WHERE id = 1;
SELECT ssn::bytea FROM people WHERE id = 1;
SELECT ('\x' || ssn)::bytea FROM people WHERE id = 1;
SELECT ssn::regrole FROM people WHERE id = 1;
SELECT to_date(ssn, 'YYYY-MM-DD') FROM people WHERE id = 1;
SELECT regexp_replace('x', '(' || ssn, '') FROM people WHERE id = 1;
SELECT set_config(ssn, 'x', false) FROM people WHERE id = 1;
SELECT pg_relation_size(ssn) FROM people WHERE id = 1;
SELECT nextval(ssn) FROM people WHERE id = 1;
SELECT jsonb_path_query('{}', ssn::jsonpath) FROM people WHERE id = 1;
SELECT lpad('x', pay * 1000000) = '' AS empty FROM people WHERE id = 1;
SELECT factorial(pay - 1) FROM people WHERE id = 1;
SELECT (people).* FROM people WHERE people::text::point IS NOT NULL LIMIT 1;
CREATE TABLE narrow (s varchar(3), c int CHECK (c > 100), e text UNIQUE);
INSERT INTO narrow (s) SELECT ssn FROM people WHERE id = 1;
INSERT INTO narrow (c) SELECT pay FROM people WHERE id = 1;
INSERT INTO narrow (e) SELECT ssn FROM people WHERE id < 3;
CREATE TABLE routed (s text) PARTITION BY LIST (s);
INSERT INTO routed SELECT ssn FROM people WHERE id = 1;
CREATE TABLE excl (r int4range, EXCLUDE USING gist (r WITH &&));
INSERT INTO excl SELECT int4range(pay, pay + 5) FROM people WHERE id < 3;
CREATE TABLE copy AS SELECT * FROM people;
CREATE UNIQUE INDEX ON copy (ssn);
SELECT count(*) FROM copy WHERE ssn LIKE '111%';
SELECT * FROM copy ORDER BY id LIMIT 1;

-- Estimates: what a guess would find does not show in them.
CREATE FUNCTION rows_of(q text) RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE j json; BEGIN EXECUTE 'EXPLAIN (FORMAT JSON) ' || q INTO j; RETURN j -> 0 -> 'Plan' -> 'Plan Rows'; END $$;
SELECT rows_of($$SELECT FROM people WHERE ssn = '111-22-3001'$$) = rows_of($$SELECT FROM people WHERE ssn = '999'$$) AS same;
SELECT rows_of($$SELECT FROM people WHERE ssn < '111-22-3100'$$) = rows_of($$SELECT FROM people WHERE ssn < '999'$$) AS same;
SELECT rows_of($$SELECT FROM people WHERE pay < 11110$$) = rows_of($$SELECT FROM people WHERE pay < 99999$$) AS same;
SELECT rows_of($$SELECT FROM people WHERE lower(ssn) < '111-22-3100'$$) = rows_of($$SELECT FROM people WHERE lower(ssn) < '999'$$) AS same;

-- A cache of results below a LATERAL sub-query: keyed by what is handed down, it would tell which raw values are equal.
RESET SESSION AUTHORIZATION;
CREATE TABLE visits (id int PRIMARY KEY, ssn text, ward text);
INSERT INTO visits SELECT i, '111-22-300' || i / 5, 'ward ' || i / 5 FROM generate_series(1, 20) i;
CREATE VIEW visits_view AS SELECT id, ssn, ward FROM visits;
ANALYZE visits;
GRANT SELECT ON visits, visits_view TO regress_bypass_oracles_user;
SELECT "column" FROM jitmask.attach('none', 'public.visits.ssn');
SET SESSION AUTHORIZATION regress_bypass_oracles_user;
CREATE TABLE own (k text, n int);
INSERT INTO own SELECT 'masked', g FROM generate_series(1, 3) g;
INSERT INTO own SELECT 'ward ' || g, g FROM generate_series(1, 1000) g;
CREATE INDEX ON own (k);
ANALYZE own;
SET enable_hashjoin = off;
SET enable_mergejoin = off;
CREATE SEQUENCE calls;
CREATE FUNCTION called(t text) RETURNS text LANGUAGE plpgsql AS $$BEGIN PERFORM nextval('calls'); RETURN t; END $$;
CREATE FUNCTION remembers(q text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE j text; BEGIN EXECUTE 'EXPLAIN (FORMAT JSON) ' || q INTO j; RETURN j ~ 'Memoize'; END $$;
SELECT remembers('SELECT l.* FROM visits v, LATERAL (SELECT count(*) FROM own WHERE own.k = v.ssn) l') AS by_column,
       remembers('SELECT l.* FROM visits_view v, LATERAL (SELECT count(*) FROM own WHERE own.k = v.ssn) l') AS by_view,
       remembers('SELECT l.* FROM visits v, LATERAL (SELECT count(*) FROM own WHERE own.k = (v).ssn AND v IS NOT NULL) l') AS by_row;
SELECT count(DISTINCT l.c) FROM visits v, LATERAL (SELECT max(called(own.k)) AS c FROM own WHERE own.k = v.ssn) l;
SELECT nextval('calls');
-- What is keyed by another column is remembered as ever.
SELECT remembers('SELECT l.* FROM visits v, LATERAL (SELECT count(*) FROM own WHERE own.k = v.ward) l') AS other_column,
       remembers('SELECT v.ssn, l.* FROM visits_view v, LATERAL (SELECT count(*) FROM own WHERE own.k = v.ward) l') AS other_column_of_view;
RESET SESSION AUTHORIZATION;
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SELECT remembers('SELECT l.* FROM visits v, LATERAL (SELECT count(*) FROM own WHERE own.k = v.ssn) l') AS exempt;
