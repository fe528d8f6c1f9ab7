-- Row security: the owner's own conditions keep working on raw values (they decide rows, not what is shown); whatever
-- else stands in a policy, and policies on other tables, see masks. Raw values look like 111-22-3333.
\set VERBOSITY default
CREATE ROLE regress_bypass_rls_user;
CREATE ROLE regress_bypass_rls_owner;
CREATE ROLE regress_bypass_rls_bypass BYPASSRLS;
GRANT ALL ON SCHEMA public TO regress_bypass_rls_user;
CREATE TABLE people (id int PRIMARY KEY, ssn text, region text);
CREATE TABLE acl (ssn text, who text);
INSERT INTO people VALUES (1, '111-22-3331', 'n'), (2, '111-22-3332', 's'), (3, '999-22-3333', 'n');
INSERT INTO acl VALUES ('111-22-3331', 'regress_bypass_rls_user'), ('*******3332', 'regress_bypass_rls_user');
ALTER TABLE people ENABLE ROW LEVEL SECURITY;
CREATE POLICY shown ON people FOR SELECT USING (ssn LIKE '111%');
GRANT SELECT ON people, acl TO regress_bypass_rls_user, regress_bypass_rls_bypass, regress_bypass_rls_owner;
SELECT policy FROM jitmask.create_policy('last4', 'mask_partial(value, 0, 4)');
SELECT "column", state FROM jitmask.attach('last4', 'public.people.ssn');

SET SESSION AUTHORIZATION regress_bypass_rls_user;
-- Rows 1 and 2: the policy's condition holds for the stored values; what is read is masked.
SELECT * FROM people ORDER BY id;
SELECT p FROM people p WHERE ssn LIKE '111%';
SELECT id FROM people WHERE ssn = '*******3331';
SELECT (SELECT count(*) FROM people q WHERE q.ssn = p.ssn) FROM people p ORDER BY id;
CREATE VIEW v AS SELECT * FROM people;
SELECT * FROM v ORDER BY id;
COPY people TO STDOUT;
-- Leaky functions of the reader's run after the policy, and on masks.
CREATE FUNCTION leak(text) RETURNS bool LANGUAGE plpgsql COST 0.0000001 AS $$ BEGIN RAISE NOTICE 'saw %', $1; RETURN true; END $$;
SELECT id FROM people WHERE leak(ssn) ORDER BY id;
PREPARE q AS SELECT * FROM people ORDER BY id;
EXECUTE q;

-- Policies on the attacker's own table: they read people masked, and under people's own policy.
CREATE TABLE mine (id int, ssn text);
INSERT INTO mine VALUES (1, '111-22-3331'), (2, '*******3332'), (3, '999-22-3333');
ALTER TABLE mine ENABLE ROW LEVEL SECURITY;
ALTER TABLE mine FORCE ROW LEVEL SECURITY;
CREATE POLICY a ON mine USING (EXISTS (SELECT FROM people p WHERE p.ssn = mine.ssn AND leak(p.ssn)));
SELECT id FROM mine ORDER BY id;
UPDATE mine SET ssn = ssn RETURNING id;
INSERT INTO mine VALUES (4, '111-22-3331');
INSERT INTO mine VALUES (4, '*******3331') RETURNING id;
DELETE FROM mine WHERE id = 4 RETURNING id;
CREATE POLICY b ON mine AS RESTRICTIVE USING (leak((SELECT string_agg(p::text, ',' ORDER BY id) FROM people p)));
SELECT id FROM mine ORDER BY id;
-- Not on a table that isn't theirs.
CREATE POLICY c ON people USING (leak(ssn));

-- BYPASSRLS sees every row, and masks in it. So does a table's owner.
SET SESSION AUTHORIZATION DEFAULT;
SET SESSION AUTHORIZATION regress_bypass_rls_bypass;
SELECT * FROM people ORDER BY id;
SET row_security = off;
SELECT * FROM people ORDER BY id;
RESET row_security;
RESET SESSION AUTHORIZATION;
ALTER TABLE people OWNER TO regress_bypass_rls_owner;
SET SESSION AUTHORIZATION regress_bypass_rls_owner;
SELECT * FROM people ORDER BY id;
CREATE POLICY d ON people USING (leak(ssn));
ALTER POLICY shown ON people USING (ssn = '111-22-3331');
-- Which rows are seen is an owner's own business.
BEGIN;
CREATE POLICY d ON people USING (true);
ALTER POLICY shown ON people USING (true);
ALTER TABLE people FORCE ROW LEVEL SECURITY;
SELECT * FROM people ORDER BY id;
ALTER TABLE people DISABLE ROW LEVEL SECURITY;
ROLLBACK;
RESET SESSION AUTHORIZATION;
ALTER TABLE people FORCE ROW LEVEL SECURITY;
SET SESSION AUTHORIZATION regress_bypass_rls_owner;
SELECT * FROM people ORDER BY id;
RESET SESSION AUTHORIZATION;

-- Sub-selects inside the owner's policy are rewritten like any other: '*******3332' is in acl, '111-22-3331' too, but
-- only what people's own condition compares directly is raw.
DROP POLICY shown ON people;
CREATE POLICY listed ON people FOR SELECT USING (EXISTS (SELECT FROM acl WHERE acl.ssn = people.ssn));
SET SESSION AUTHORIZATION regress_bypass_rls_user;
SELECT * FROM people ORDER BY id;
RESET SESSION AUTHORIZATION;
DROP POLICY listed ON people;
CREATE POLICY listed ON people FOR SELECT USING (ssn IN (SELECT ssn FROM acl));
SET SESSION AUTHORIZATION regress_bypass_rls_user;
SELECT * FROM people ORDER BY id;

-- A plan follows the role, its row security and its masks.
RESET SESSION AUTHORIZATION;
DROP POLICY listed ON people;
CREATE POLICY mine ON people USING (region = current_setting('my.region', true));
SET SESSION AUTHORIZATION regress_bypass_rls_user;
PREPARE r AS SELECT * FROM people ORDER BY id;
SET my.region = 'n';
EXECUTE r;
SET my.region = 's';
EXECUTE r;

-- Conditions of security barrier views that are written through stand with those of row security: they are not the table's.
RESET SESSION AUTHORIZATION;
CREATE ROLE regress_bypass_rls_writer;
GRANT CREATE, USAGE ON SCHEMA public TO regress_bypass_rls_writer;
CREATE TABLE barred (id int PRIMARY KEY, team int, score int, note text);
INSERT INTO barred SELECT i, i % 3, 777000000 + i, 'n' FROM generate_series(1, 12) i;
SELECT policy FROM jitmask.create_policy('barred_digit', 'value % 10');
SELECT "column" FROM jitmask.attach('barred_digit', 'public.barred.score');
GRANT SELECT, UPDATE, DELETE ON barred TO regress_bypass_rls_writer;
SET SESSION AUTHORIZATION regress_bypass_rls_writer;
CREATE VIEW guess WITH (security_barrier) AS SELECT id, team, note FROM barred WHERE score = 777000003;
CREATE VIEW high WITH (security_barrier) AS SELECT * FROM barred WHERE score > 5;
CREATE VIEW higher WITH (security_barrier) AS SELECT * FROM high WHERE score > 7;
UPDATE guess SET note = 'found' RETURNING id;
DELETE FROM guess;
UPDATE high SET note = 'high' RETURNING id, score;
BEGIN; DELETE FROM higher RETURNING id, score; ROLLBACK;
-- The same with row security of the table's own, which reads the column raw: both hold.
RESET SESSION AUTHORIZATION;
ALTER TABLE barred ENABLE ROW LEVEL SECURITY;
CREATE POLICY raw_ones ON barred USING (score > 777000006);
CREATE POLICY not_that ON barred AS RESTRICTIVE USING (team <> 2);
SET SESSION AUTHORIZATION regress_bypass_rls_writer;
SELECT id, score FROM barred ORDER BY id;
SELECT id, score FROM high ORDER BY id;
UPDATE high SET note = 'again' RETURNING id, score;
UPDATE guess SET note = 'found' RETURNING id;
BEGIN; DELETE FROM higher RETURNING id, score; ROLLBACK;
RESET SESSION AUTHORIZATION;
