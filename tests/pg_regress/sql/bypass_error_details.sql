-- DETAIL of errors quotes stored rows and keys: whoever sees masks reads a sentence instead, everybody else and every
-- other field stays as it was. Raw values look like 111-22-3333.
\set VERBOSITY default
CREATE ROLE regress_bypass_error_details_dba;
CREATE ROLE regress_bypass_error_details_user;
CREATE ROLE regress_bypass_error_details_eve;
GRANT CREATE ON SCHEMA public TO PUBLIC;
SET ROLE regress_bypass_error_details_dba;
CREATE TABLE people (id int PRIMARY KEY, ssn text UNIQUE, name text NOT NULL, pay int CONSTRAINT paid CHECK (pay > 0),
    span int4range, EXCLUDE USING gist (span WITH &&), CONSTRAINT later UNIQUE (pay) DEFERRABLE INITIALLY DEFERRED);
CREATE UNIQUE INDEX mixed ON people (name, ssn);
CREATE UNIQUE INDEX computed ON people (lower(ssn));
CREATE TABLE calls (n int, ssn text CONSTRAINT calls_person REFERENCES people (ssn) DEFERRABLE, person int REFERENCES people);
CREATE TABLE cases (ssn text PRIMARY KEY REFERENCES people (ssn) ON UPDATE CASCADE, note text);
CREATE TABLE papers (ssn text REFERENCES cases, n int);
CREATE TABLE parts (n int, ssn text, CONSTRAINT small CHECK (n < 100)) PARTITION BY RANGE (ssn);
CREATE TABLE parts1 PARTITION OF parts (CONSTRAINT odd CHECK (n <> 13)) FOR VALUES FROM ('1') TO ('2');
CREATE VIEW young AS SELECT * FROM people WHERE id < 10 WITH CHECK OPTION;
CREATE TABLE plain (id int PRIMARY KEY, code text NOT NULL UNIQUE);
CREATE VIEW plain_view AS SELECT * FROM plain WHERE id < 10 WITH CHECK OPTION;
INSERT INTO people SELECT i, '111-22-333' || i, 'n' || i, 111220 + i, int4range(11122330 + i, 11122331 + i) FROM generate_series(1, 5) i;
INSERT INTO calls VALUES (1, '111-22-3331', 1);
INSERT INTO cases VALUES ('111-22-3332', 'a'), ('111-22-3333', 'b');
INSERT INTO papers VALUES ('111-22-3332', 1);
INSERT INTO parts VALUES (1, '111-22-3331');
INSERT INTO plain VALUES (1, 'a');
CREATE MATERIALIZED VIEW seen AS SELECT ssn, name FROM people UNION ALL SELECT ssn, name FROM people WHERE id < 0;
CREATE UNIQUE INDEX ON seen (ssn, name);
RESET ROLE;
SELECT policy FROM jitmask.create_policy('last', 'mask_partial(value, 0, 1)');
SELECT policy FROM jitmask.create_policy('none', 'mask_null(value)');
SELECT "column" FROM jitmask.attach('last', '{public.people.ssn,public.cases.ssn,public.parts.ssn,public.seen.ssn}'::text[]);
SELECT "column" FROM jitmask.attach('none', '{public.people.pay,public.people.span}'::text[]);
SELECT role, state FROM jitmask.exempt('regress_bypass_error_details_dba', 'test');
GRANT SELECT ON ALL TABLES IN SCHEMA public TO PUBLIC;
GRANT ALL ON calls, papers, plain, plain_view TO PUBLIC;
-- What an exempt role's function does on behalf of others.
SET ROLE regress_bypass_error_details_dba;
CREATE FUNCTION does(what text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN EXECUTE what; END $$;
RESET ROLE;
CREATE FUNCTION fields(what text) RETURNS TABLE (field text, value text) LANGUAGE plpgsql AS $$
DECLARE s text; m text; d text; h text; c text; k text; t text; col text; sch text;
BEGIN
    EXECUTE what;
    RETURN QUERY VALUES ('none', 'no error');
EXCEPTION WHEN others THEN
    GET STACKED DIAGNOSTICS s = RETURNED_SQLSTATE, m = MESSAGE_TEXT, d = PG_EXCEPTION_DETAIL, h = PG_EXCEPTION_HINT,
        c = PG_EXCEPTION_CONTEXT, k = CONSTRAINT_NAME, t = TABLE_NAME, col = COLUMN_NAME, sch = SCHEMA_NAME;
    RETURN QUERY SELECT * FROM (VALUES ('sqlstate', s), ('message', m), ('detail', d), ('hint', h), ('context', c),
        ('constraint', k), ('table', t), ('column', col), ('schema', sch)) x(a, b) WHERE b <> '';
END $$;
CREATE FUNCTION detail(what text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE d text; s text;
BEGIN
    EXECUTE what;
    RETURN 'no error';
EXCEPTION WHEN others THEN
    GET STACKED DIAGNOSTICS d = PG_EXCEPTION_DETAIL, s = RETURNED_SQLSTATE;
    RETURN s || ': ' || d;
END $$;

SET SESSION AUTHORIZATION regress_bypass_error_details_user;
SELECT ssn, pay, span FROM people WHERE id = 1;
-- Rows: CHECK, NOT NULL, a view's CHECK OPTION, partitions.
SELECT * FROM fields($$SELECT does('UPDATE people SET pay = -pay WHERE id = 1')$$);
SELECT * FROM fields($$SELECT does('UPDATE people SET name = NULL WHERE id = 1')$$);
SELECT * FROM fields($$SELECT does('UPDATE young SET id = 99 WHERE id = 1')$$);
SELECT * FROM fields($$SELECT does('UPDATE parts SET ssn = ''9'' || ssn')$$);
SELECT * FROM fields($$SELECT does('UPDATE parts1 SET ssn = ''9'' || ssn')$$);
SELECT * FROM fields($$SELECT does('UPDATE parts SET n = 100')$$);
SELECT * FROM fields($$SELECT does('UPDATE parts SET n = 13')$$);
-- Keys: UNIQUE at once and later, EXCLUDE, expressions, keys of several columns.
SELECT * FROM fields($$SELECT does('INSERT INTO people SELECT 9, ssn, ''n'' FROM people WHERE id = 1')$$);
SELECT detail($$SELECT does('INSERT INTO people SELECT 9, upper(ssn || ''x''), name, pay, span FROM people WHERE id = 1')$$);
SELECT detail($$SELECT does('INSERT INTO people SELECT 9, NULL, ''n'', NULL, span FROM people WHERE id = 1')$$);
SELECT detail($$SELECT does('DROP INDEX mixed; ALTER TABLE people DROP CONSTRAINT people_ssn_key CASCADE; INSERT INTO people SELECT 9, ssn, ''n'' FROM people WHERE id = 1')$$);
SELECT detail($$SELECT does('SET CONSTRAINTS later IMMEDIATE; INSERT INTO people SELECT 9, NULL, ''n'', pay FROM people WHERE id = 1')$$);
-- Foreign keys, from either side, and below a cascade.
SELECT * FROM fields($$SELECT does('DELETE FROM people WHERE id = 1')$$);
SELECT * FROM fields($$SELECT does('INSERT INTO cases SELECT ''1'' || ssn FROM people WHERE id = 1')$$);
SELECT * FROM fields($$SELECT does('UPDATE people SET ssn = ssn || ''0'' WHERE id = 2')$$);
-- Commands.
SELECT detail($$SELECT does('CREATE UNIQUE INDEX ON people (left(ssn, 3))')$$);
SELECT detail($$SELECT does('ALTER TABLE people ADD EXCLUDE (left(ssn, 3) WITH =)')$$);
SELECT detail($$SELECT does('ALTER TABLE calls ADD UNIQUE (n); UPDATE people SET name = name; ALTER TABLE people ADD FOREIGN KEY (pay) REFERENCES calls (n)')$$);
SELECT detail($$SELECT does('DROP VIEW young; DROP MATERIALIZED VIEW seen; ALTER TABLE people ALTER ssn TYPE text USING left(ssn, 3)')$$);
SELECT detail($$SELECT does('DROP INDEX seen_ssn_name_idx; CREATE UNIQUE INDEX ON seen (ssn); ALTER TABLE people DROP CONSTRAINT people_ssn_key CASCADE; DROP INDEX computed; INSERT INTO people SELECT id + 5, ssn, name || 9 FROM people WHERE id < 3; REFRESH MATERIALIZED VIEW seen')$$);
SELECT detail($$SELECT does('ALTER TABLE people DROP CONSTRAINT people_ssn_key CASCADE; DROP INDEX computed, mixed; INSERT INTO people SELECT 9, ssn, name FROM people WHERE id = 1; REFRESH MATERIALIZED VIEW CONCURRENTLY seen')$$);
-- Not by way of the client's own message, either.
SELECT does('UPDATE people SET pay = -pay WHERE id = 1');
SELECT does('INSERT INTO people SELECT 9, ssn, ''n'' FROM people WHERE id = 1');
BEGIN;
SELECT does('INSERT INTO people SELECT 9, NULL, ''n'', pay FROM people WHERE id = 1');
COMMIT;
SELECT does('INSERT INTO people SELECT 9, NULL, ''n'', pay FROM people WHERE id = 1');
BEGIN;
SELECT does('INSERT INTO people SELECT 9, NULL, ''n'', pay FROM people WHERE id = 1');
SAVEPOINT s;
SELECT 1 / 0;
ROLLBACK TO s;
COMMIT;
BEGIN;
SELECT does('INSERT INTO people SELECT 9, NULL, ''n'', pay FROM people WHERE id = 1');
SET CONSTRAINTS ALL IMMEDIATE;
ROLLBACK;
-- In a procedure that commits.
RESET SESSION AUTHORIZATION;
SET ROLE regress_bypass_error_details_dba;
CREATE PROCEDURE commits() LANGUAGE plpgsql AS $$
DECLARE d text;
BEGIN
    PERFORM does('INSERT INTO people SELECT 9, NULL, ''n'', pay FROM people WHERE id = 1');
    COMMIT;
END $$;
SET SESSION AUTHORIZATION regress_bypass_error_details_user;
CALL commits();

-- What holds nothing masked stays: keys of other columns, other tables, one's own words.
SELECT detail($$SELECT does('INSERT INTO people SELECT id, NULL, ''n'' FROM people WHERE id = 1')$$);
SELECT * FROM fields($$INSERT INTO plain VALUES (1, 'b')$$);
SELECT detail($$INSERT INTO plain VALUES (2, NULL)$$);
SELECT detail($$INSERT INTO plain_view VALUES (99, 'b')$$);
SELECT detail($$INSERT INTO calls VALUES (2, NULL, 99)$$);
SELECT detail($$INSERT INTO calls VALUES (2, 'unknown', NULL)$$);
SELECT detail($$DO 'BEGIN RAISE unique_violation USING DETAIL = ''my own words''; END'$$);
SELECT detail($$DO 'BEGIN RAISE unique_violation USING DETAIL = ''my own words'', SCHEMA = ''public'', TABLE = ''plain''; END'$$);
SELECT detail($$DO 'BEGIN RAISE unique_violation USING DETAIL = ''whose words?'', SCHEMA = ''public'', TABLE = ''people''; END'$$);
INSERT INTO plain VALUES (1, 'b');

-- Somebody exempt reads what is there, also by way of the server's own checks and builds, which run as the owner.
RESET SESSION AUTHORIZATION;
ALTER TABLE cases OWNER TO regress_bypass_error_details_eve;
ALTER TABLE papers OWNER TO regress_bypass_error_details_eve;
ALTER TABLE people OWNER TO regress_bypass_error_details_eve;
GRANT ALL ON people, cases, papers TO regress_bypass_error_details_dba;
SET ROLE regress_bypass_error_details_dba;
SELECT detail('UPDATE people SET pay = -pay WHERE id = 1');
SELECT detail('DELETE FROM people WHERE id = 1');
SELECT detail('UPDATE people SET ssn = ssn || ''0'' WHERE id = 2');
RESET ROLE;
SELECT detail('CREATE UNIQUE INDEX ON people (left(ssn, 3))');
UPDATE people SET pay = -pay WHERE id = 1;
-- But not through somebody else's function on the way.
SET ROLE regress_bypass_error_details_eve;
CREATE FUNCTION catches() RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE d text;
BEGIN
    PERFORM does('UPDATE people SET pay = -pay WHERE id = 1');
    RETURN 'no error';
EXCEPTION WHEN others THEN
    GET STACKED DIAGNOSTICS d = PG_EXCEPTION_DETAIL;
    RETURN d;
END $$;
RESET ROLE;
GRANT INSERT, UPDATE ON people TO regress_bypass_error_details_dba;
SELECT catches();
-- Without the extension nothing of this happens.
SET client_min_messages = error;
DROP EXTENSION jitmask CASCADE;
RESET client_min_messages;
SET SESSION AUTHORIZATION regress_bypass_error_details_user;
SELECT detail($$SELECT does('UPDATE people SET pay = -pay WHERE id = 1')$$) ~ '111';
RESET SESSION AUTHORIZATION;
CREATE EXTENSION jitmask;
