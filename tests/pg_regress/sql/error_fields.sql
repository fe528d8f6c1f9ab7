-- With jitmask preloaded, every error keeps every field it was raised with: constraint, table, column, CONTEXT,
-- position, internal query. (\set VERBOSITY verbose would print source lines, so fields are read one by one.)
\set VERBOSITY default
CREATE TABLE plain (id int PRIMARY KEY, code text NOT NULL UNIQUE, n int CONSTRAINT positive CHECK (n > 0));
INSERT INTO plain VALUES (1, 'a', 1);
CREATE FUNCTION inserts(v text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO plain VALUES (2, v, 1);
END $$;
CREATE FUNCTION fields(statement text) RETURNS TABLE (field text, value text) LANGUAGE plpgsql AS $$
DECLARE s text; m text; d text; h text; c text; k text; t text; col text; sch text; typ text;
BEGIN
    EXECUTE statement;
    RETURN QUERY VALUES ('none', 'no error');
EXCEPTION WHEN others THEN
    GET STACKED DIAGNOSTICS s = RETURNED_SQLSTATE, m = MESSAGE_TEXT, d = PG_EXCEPTION_DETAIL, h = PG_EXCEPTION_HINT,
        c = PG_EXCEPTION_CONTEXT, k = CONSTRAINT_NAME, t = TABLE_NAME, col = COLUMN_NAME, sch = SCHEMA_NAME, typ = PG_DATATYPE_NAME;
    RETURN QUERY SELECT * FROM (VALUES ('sqlstate', s), ('message', m), ('detail', d), ('hint', h), ('context', c), ('constraint', k),
        ('table', t), ('column', col), ('schema', sch), ('type', typ)) x(a, b) WHERE b <> '';
END $$;
SELECT * FROM fields($$SELECT inserts('a')$$);
SELECT * FROM fields($$SELECT inserts(NULL)$$);
SELECT * FROM fields($$INSERT INTO plain VALUES (3, 'c', 0)$$);
SELECT * FROM fields($$UPDATE plain SET n = -1$$);
SELECT * FROM fields($$SELECT 1 / (id - 1) FROM plain$$);
SELECT * FROM fields($$SELECT nosuch FROM plain$$);
SELECT * FROM fields($$SELECT 'x'::int$$);
SELECT * FROM fields($$CREATE TABLE plain ()$$);
SELECT * FROM fields($$DO 'BEGIN PERFORM 1 / 0; END'$$);
SELECT inserts('a');
INSERT INTO plain VALUES (1, 'b', 1);
SELECT nosuch FROM plain;
SELECT id FROM plain WHERE id = 'x';
SELEC 1;
DO $$ BEGIN EXECUTE 'SELECT 1 +'; END $$;
DO $$ BEGIN PERFORM nosuch(1); END $$;
CREATE FUNCTION rows_fail() RETURNS SETOF int LANGUAGE sql AS 'SELECT 1 / (id - 1) FROM plain';
SELECT * FROM rows_fail();
-- Deferred, at COMMIT.
CREATE TABLE ref (id int REFERENCES plain DEFERRABLE INITIALLY DEFERRED);
BEGIN;
INSERT INTO ref VALUES (99);
COMMIT;
-- In a trigger, in an exception block, in a cursor.
CREATE FUNCTION tf() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no' USING DETAIL = 'd', HINT = 'h', CONSTRAINT = 'k', TABLE = 't', COLUMN = 'c', ERRCODE = '23P99'; END $$;
CREATE TRIGGER t AFTER INSERT ON ref FOR EACH ROW EXECUTE FUNCTION tf();
SELECT * FROM fields($$INSERT INTO ref VALUES (1)$$);
BEGIN;
DECLARE c CURSOR FOR SELECT 1 / (2 - g) FROM generate_series(1, 3) g;
FETCH 1 FROM c;
FETCH 1 FROM c;
ROLLBACK;
DO $$
BEGIN
    FOR i IN 1..3 LOOP
        BEGIN
            INSERT INTO plain VALUES (1, 'x', 1);
        EXCEPTION WHEN unique_violation THEN
            RAISE NOTICE 'caught % %', i, SQLERRM;
        END;
    END LOOP;
END $$;
-- The same with a protected table in the session, for somebody who sees everything.
CREATE TABLE people (id int PRIMARY KEY, ssn text UNIQUE);
SELECT policy FROM jitmask.create_policy('last4', 'mask_partial(value, 0, 4)');
SELECT "column", state FROM jitmask.attach('last4', 'public.people.ssn');
SELECT * FROM fields($$SELECT inserts('a')$$);
-- jitmask's own errors carry SQLSTATE, message, detail and hint, and where they happened.
CREATE ROLE regress_error_fields_user;
GRANT SELECT, INSERT ON people TO regress_error_fields_user;
SET ROLE regress_error_fields_user;
SELECT * FROM fields($$UPDATE people SET ssn = upper(ssn)$$);
DO $$ BEGIN UPDATE people SET ssn = upper(ssn); END $$;
-- Errors while a function in FROM is expanded are plain errors.
RESET ROLE;
SET check_function_bodies = off;
CREATE FUNCTION broken() RETURNS SETOF int LANGUAGE sql STABLE AS 'SELECT nosuch FROM nosuch';
SELECT * FROM broken();
SELECT * FROM fields($$SELECT * FROM broken()$$);
CREATE FUNCTION to_set(anyarray) RETURNS SETOF record LANGUAGE sql IMMUTABLE AS 'SELECT i, $1[i] FROM generate_subscripts($1, 1) i';
SELECT * FROM to_set(ARRAY['one', 'two']) AS t(a int, b text);
SELECT * FROM to_set(ARRAY['one', 'two']) AS t(a point, b text);
SELECT 1 AS alive;
