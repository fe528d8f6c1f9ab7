-- The masks, called by themselves and through columns of many types: same type out, NULL in NULL out.
\set code '\\echo SQLSTATE :LAST_ERROR_SQLSTATE'
CREATE ROLE regress_masks_reader LOGIN;
SET search_path = jitmask, public;
SELECT mask_partial('473-11-4137', 0, 4), mask_partial('4983093002760369', 4, 4, 'X'), mask_partial('abc', 2, 2), mask_partial('abcdef', 1, 1, ''),
       mask_partial('', 1, 1) = '' AS empty, mask_partial(NULL, 1, 1) IS NULL AS is_null;
SELECT mask_email('jane.doe@example.com'), mask_email('JANE@EXAMPLE.DE'), mask_email('not an address'), mask_email(NULL) IS NULL AS is_null;
SELECT mask_default('x'::text), mask_default(7::smallint), mask_default(7), mask_default(7::bigint), mask_default(7.5), mask_default(7.5::real),
       mask_default(7.5::float8), mask_default(true), mask_default('x'::bytea);
SELECT mask_default(date '2020-02-02'), mask_default(timestamp '2020-02-02 01:02:03'), mask_default(timestamptz '2020-02-02 01:02:03+00') AT TIME ZONE 'UTC',
       mask_default('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid), mask_default('{"a": 1}'::jsonb), mask_default('10.1.2.3'::inet);
SELECT mask_default('{1,2}'::int[]) IS NULL AS other_types, mask_null(1) IS NULL AS "null", mask_constant('x', 'hidden'), mask_constant(5, 0),
       mask_constant(NULL::text, 'hidden') IS NULL AS is_null, mask_constant(date '2020-02-02', '2000-01-01');
-- Keyed: the same value gives the same hash, and the key is nowhere to be seen.
SELECT mask_hash('a') = mask_hash('a') AS same, mask_hash('a') <> mask_hash('b') AS different, mask_hash('a') ~ '^[0-9a-f]{64}$' AS hex,
       mask_hash('a') <> encode(sha256('a'), 'hex') AS keyed, mask_hash(NULL) IS NULL AS is_null;
SELECT create_default_key();
:code
SELECT name, version, length(secret) FROM key_;
SET compute_query_id = off;
EXPLAIN (VERBOSE, COSTS OFF) SELECT mask_hash(relname::text) FROM pg_class;
RESET search_path;
SELECT p.proname, p.provolatile, p.proparallel, p.proisstrict, count(*)
  FROM pg_proc p WHERE p.pronamespace = 'jitmask'::regnamespace AND p.proname LIKE 'mask%'
 GROUP BY 1, 2, 3, 4 ORDER BY p.proname COLLATE "C";

-- mask_default fits every column.
CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE DOMAIN short AS varchar(3) CHECK (VALUE <> 'no');
CREATE TABLE everything (t text, v varchar(2), c char(3), i2 smallint, i4 int, i8 bigint, n numeric(4, 1), f4 real, f8 float8, b boolean,
    d date, ts timestamp(0), tz timestamptz, tm time, iv interval, u uuid, j json, jb jsonb, ip inet, net cidr, ba bytea, e mood, a text[], s short, r int4range);
INSERT INTO everything VALUES ('text', 've', 'cha', 1, 2, 3, 4.5, 5.5, 6.5, true, '2020-02-02', '2020-02-02', '2020-02-02', '12:00', '1 day',
    'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '{}', '{"a": 1}', '10.1.2.3', '10.0.0.0/8', 'x', 'good', '{a,b}', 'yes', '[1,2)');
INSERT INTO everything DEFAULT VALUES;
GRANT SELECT ON everything TO regress_masks_reader;
SELECT state FROM jitmask.create_policy('standard', 'mask_default(value)');
SELECT count(*), min(state) FROM jitmask.attach('standard', 'everything.*');
SET SESSION AUTHORIZATION regress_masks_reader;
SET timezone = 'UTC';
\x on
SELECT * FROM everything WHERE t IS NOT NULL;
SELECT * FROM everything WHERE t IS NULL;
\x off
SELECT pg_typeof(v), pg_typeof(n), pg_typeof(s), pg_typeof(net), pg_typeof(e) FROM everything LIMIT 1;
-- A keyed mask on a column of limited length is cut like any value that is cast to it.
RESET SESSION AUTHORIZATION;
CREATE TABLE logins (name varchar(12));
INSERT INTO logins VALUES ('ann'), ('ann'), ('bob');
GRANT SELECT ON logins TO regress_masks_reader;
SELECT state FROM jitmask.create_policy('hash', 'mask_hash(value)');
SELECT state FROM jitmask.attach('hash', 'logins.name');
SET SESSION AUTHORIZATION regress_masks_reader;
SELECT count(DISTINCT name), min(length(name)), max(length(name)) FROM logins;
SELECT secret FROM jitmask.key_;
:code
