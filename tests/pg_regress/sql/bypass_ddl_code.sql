-- Code that runs over a protected table's stored values, changed by those who own it and see masks: functions however
-- far away, domains, types, casts, and what they may change. Raw values look like 111-22-3333.
\set VERBOSITY default
CREATE ROLE regress_bypass_ddl_code_owner;
CREATE ROLE regress_bypass_ddl_code_app;
GRANT ALL ON SCHEMA public TO regress_bypass_ddl_code_owner;
SET ROLE regress_bypass_ddl_code_owner;
-- Before anything was protected.
CREATE FUNCTION ok(text) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN true; END';
CREATE FUNCTION ok_id(int) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN true; END';
CREATE FUNCTION calls_ok(text) RETURNS bool LANGUAGE sql IMMUTABLE RETURN ok($1);
CREATE FUNCTION same(text, text) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN $1 = $2; END';
CREATE OPERATOR === (LEFTARG = text, RIGHTARG = text, FUNCTION = same);
CREATE FUNCTION step(text, text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN $2; END';
CREATE AGGREGATE last_of(text) (SFUNC = step, STYPE = text);
CREATE FUNCTION by_aggregate(text) RETURNS text LANGUAGE sql IMMUTABLE BEGIN ATOMIC SELECT last_of(x) FROM (VALUES ($1)) AS v (x); END;
CREATE FUNCTION valid(text) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN true; END';
CREATE DOMAIN tax AS text CHECK (valid(VALUE));
CREATE DOMAIN taxes AS tax[];
CREATE TYPE person AS (name text, tax tax);
CREATE TYPE color AS ENUM ('red', 'blue');
CREATE FUNCTION gap(text, text) RETURNS float8 LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN 1; END';
CREATE TYPE span AS RANGE (SUBTYPE = text, SUBTYPE_DIFF = gap);
CREATE FUNCTION inner_one(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN upper($1); END';
CREATE FUNCTION outer_one(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN inner_one($1); END';
CREATE FUNCTION seen_by_policy() RETURNS bool LANGUAGE plpgsql STABLE AS 'BEGIN RETURN true; END';
CREATE VIEW allowed AS SELECT '111-22-3331'::text AS ssn WHERE seen_by_policy();
CREATE FUNCTION new_id() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 7; END';
CREATE TABLE people (id int DEFAULT new_id() CHECK (ok_id(id)), ssn text CHECK (calls_ok(ssn)), other text CHECK (other === ssn));
CREATE TABLE typed (id int, tax tax, taxes taxes, person person, color color, span span);
CREATE TABLE ruled (id int, ssn text);
CREATE TABLE indexed (id int, ssn text);
CREATE INDEX indexed_both ON indexed (outer_one(ssn));
CREATE INDEX indexed_span ON typed USING gist (span);
CREATE INDEX indexed_agg ON indexed (by_aggregate(ssn));
ALTER TABLE ruled ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON ruled USING (ssn IN (SELECT ssn FROM allowed));
INSERT INTO people VALUES (1, '111-22-3331', '111-22-3331');
INSERT INTO typed VALUES (1, '111-22-3331', '{111-22-3332}', ROW('ann', '111-22-3333'), 'red', '[111-22-3331,111-22-3332]');
INSERT INTO ruled VALUES (1, '111-22-3331');
INSERT INTO indexed VALUES (1, '111-22-3331'), (2, '111-22-3332');
GRANT SELECT ON typed TO regress_bypass_ddl_code_app;
RESET ROLE;
SELECT policy FROM jitmask.create_policy('last4', 'mask_partial(value, 0, 4)');
SELECT policy FROM jitmask.create_policy('none', 'mask_null(value)');
SELECT "column" FROM jitmask.attach('last4', '{public.people.ssn,public.ruled.ssn,public.indexed.ssn}'::text[]);
SELECT "column" FROM jitmask.attach('none', '{public.typed.tax,public.typed.taxes,public.typed.person,public.typed.color,public.typed.span}'::text[]);

SET SESSION AUTHORIZATION regress_bypass_ddl_code_owner;
CREATE OR REPLACE FUNCTION ok(text) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RAISE NOTICE ''saw %'', $1; RETURN true; END';
CREATE OR REPLACE FUNCTION same(text, text) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RAISE NOTICE ''saw %'', $1; RETURN true; END';
CREATE OR REPLACE FUNCTION step(text, text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RAISE NOTICE ''saw %'', $2; RETURN $2; END';
CREATE OR REPLACE AGGREGATE last_of(text) (SFUNC = textcat, STYPE = text);
CREATE OR REPLACE FUNCTION by_aggregate(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RAISE NOTICE ''saw %'', $1; RETURN $1; END';
CREATE OR REPLACE FUNCTION valid(text) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RAISE NOTICE ''saw %'', $1; RETURN true; END';
CREATE OR REPLACE FUNCTION gap(text, text) RETURNS float8 LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RAISE NOTICE ''saw %'', $1; RETURN 1; END';
CREATE OR REPLACE FUNCTION seen_by_policy() RETURNS bool LANGUAGE plpgsql STABLE AS 'BEGIN RETURN false; END';
CREATE OR REPLACE VIEW allowed AS SELECT ssn FROM people;
ALTER FUNCTION ok(text) SET search_path = public;
ALTER FUNCTION ok(text) SECURITY DEFINER;
ALTER FUNCTION valid(text) RESET ALL;
ALTER ROUTINE valid(text) STABLE;
-- What a function calls by name is not on record; nor, then, is it run over every row at the owner's word.
CREATE OR REPLACE FUNCTION inner_one(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RAISE NOTICE ''saw %'', $1; RETURN upper($1); END';
REINDEX INDEX indexed_both;
REINDEX TABLE CONCURRENTLY indexed;
REINDEX SCHEMA public;
ANALYZE indexed;
ANALYZE;
VACUUM (FULL) indexed;
VACUUM (ANALYZE) indexed;
VACUUM indexed;
CLUSTER indexed USING indexed_both;
ALTER TABLE indexed SET UNLOGGED;
ALTER TABLE indexed ADD COLUMN n serial;
ALTER TABLE indexed ADD COLUMN n int DEFAULT 1;
ALTER TABLE indexed ALTER COLUMN id TYPE bigint;
-- Names and owners stay free.
ALTER FUNCTION ok(text) RENAME TO fine;
CREATE FUNCTION ok(text) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RAISE NOTICE ''saw %'', $1; RETURN true; END';
CREATE OR REPLACE FUNCTION fine(text) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RAISE NOTICE ''saw %'', $1; RETURN true; END';
-- It would run as whoever writes to the table.
CREATE OR REPLACE FUNCTION ok_id(int) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN $1 > 0; END';
CREATE OR REPLACE FUNCTION new_id() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 8; END';
DROP FUNCTION ok(text);
ALTER OPERATOR === (text, text) SET (RESTRICT = eqsel);
DROP OPERATOR === (text, text);

-- Domains and types.
ALTER DOMAIN tax ADD CHECK (length(VALUE) < 12);
ALTER DOMAIN tax ADD CHECK (length(VALUE) < 12) NOT VALID;
ALTER DOMAIN taxes ADD CHECK (VALUE[1] > '111-22-3331');
ALTER DOMAIN tax RENAME CONSTRAINT tax_check TO checked;
ALTER DOMAIN tax SET NOT NULL;
ALTER DOMAIN tax DROP NOT NULL;
ALTER DOMAIN tax DROP CONSTRAINT checked;
ALTER TYPE person ADD ATTRIBUTE age int;
ALTER TYPE person ALTER ATTRIBUTE tax TYPE int CASCADE;
ALTER TYPE color ADD VALUE 'green';
ALTER TYPE color RENAME VALUE 'red' TO 'crimson';
CREATE FUNCTION see(tax) RETURNS text LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RAISE NOTICE ''saw a tax''; RETURN ''x''; END';
CREATE FUNCTION see(person) RETURNS text LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RAISE NOTICE ''saw %'', $1.name; RETURN ''x''; END';
CREATE FUNCTION see(color) RETURNS text LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RAISE NOTICE ''saw %'', enum_out($1); RETURN ''x''; END';
-- A cast made for one of one's own types must not come to stand in a mask.
SET SESSION AUTHORIZATION regress_bypass_ddl_code_owner;
CREATE CAST (person AS text) WITH FUNCTION see(person) AS IMPLICIT;
CREATE CAST (color AS text) WITH FUNCTION see(color) AS IMPLICIT;
CREATE CAST (text AS color) WITH INOUT AS IMPLICIT;
CREATE CAST (text AS person) WITH INOUT AS IMPLICIT;
SET SESSION AUTHORIZATION regress_bypass_ddl_code_app;
SELECT * FROM typed;
SELECT person::text, color::text FROM typed;
\c -
SET SESSION AUTHORIZATION regress_bypass_ddl_code_app;
SELECT * FROM typed;
RESET SESSION AUTHORIZATION;
SELECT policy FROM jitmask.create_policy('text4', 'mask_partial(value, 0, 4)');
SELECT "column" FROM jitmask.attach('text4', 'public.typed.person', priority => 5);
SELECT id, ssn FROM people;
SELECT id, tax FROM typed;
