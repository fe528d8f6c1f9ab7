-- Plans that are kept: prepared statements, PL/pgSQL and SQL functions, while roles, policies and grants change under them.
-- The search_path is pinned throughout: "$user" in it would make the server plan anew for every role anyway.
-- Raw values look like 111-22-3333.
\set VERBOSITY default
SET search_path = public;
SET client_min_messages = warning;
CREATE ROLE regress_plans_user LOGIN;
CREATE ROLE regress_plans_approver LOGIN;
CREATE ROLE regress_plans_exempt;
CREATE ROLE regress_plans_team;
GRANT regress_plans_team, regress_plans_exempt TO regress_plans_user;
GRANT ALL ON SCHEMA public TO PUBLIC;
CREATE TABLE people (id int PRIMARY KEY, ssn text, pay int);
INSERT INTO people VALUES (1, '111-22-3331', 1110001), (2, '111-22-3332', 1110002);
GRANT SELECT, UPDATE ON people TO PUBLIC;
SELECT policy FROM jitmask.create_policy('last4', 'mask_partial(value, 0, 4)');
SELECT policy FROM jitmask.create_policy('zero', 'mask_default(value)');
SELECT "column" FROM jitmask.attach('last4', 'public.people.ssn');
SELECT "column" FROM jitmask.attach('zero', 'public.people.pay');
SELECT role, state FROM jitmask.exempt('regress_plans_exempt', 'test');
SELECT role, "right" FROM jitmask.grant_right('regress_plans_approver', 'approver');
CREATE FUNCTION pl(int) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT ssn FROM people WHERE id = $1); END $$;
CREATE FUNCTION sq(int) RETURNS text LANGUAGE sql AS 'SELECT ssn FROM people WHERE id = $1';
CREATE FUNCTION srf() RETURNS SETOF people LANGUAGE sql STABLE AS 'SELECT * FROM people';
CREATE FUNCTION atomic() RETURNS SETOF people LANGUAGE sql STABLE BEGIN ATOMIC SELECT * FROM people; END;
CREATE VIEW v AS SELECT id, ssn FROM people;
GRANT SELECT ON v TO PUBLIC;

-- Prepared by a superuser, in all modes: raw for it, masked for the others, and back.
SET plan_cache_mode = force_generic_plan;
PREPARE g AS SELECT id, ssn FROM people ORDER BY id;
PREPARE gi(int) AS SELECT ssn, pay FROM people WHERE id = $1;
PREPARE gp AS SELECT pl(1), sq(1);
PREPARE gs AS SELECT s.ssn, a.ssn AS atomic, v.ssn AS v FROM srf() s JOIN atomic() a USING (id) JOIN v USING (id) ORDER BY id;
-- Raw (superuser):
EXECUTE g; EXECUTE gi(1); EXECUTE gp; EXECUTE gs;
SET ROLE regress_plans_user;
-- Masked:
EXECUTE g; EXECUTE gi(1); EXECUTE gp; EXECUTE gs;
SET ROLE regress_plans_exempt;
-- Raw (exempt):
EXECUTE g; EXECUTE gi(1); EXECUTE gp; EXECUTE gs;
SET ROLE regress_plans_team;
-- Masked:
EXECUTE g; EXECUTE gi(1); EXECUTE gp; EXECUTE gs;
RESET ROLE;
-- Raw (superuser):
EXECUTE g;
SET SESSION AUTHORIZATION regress_plans_user;
-- Masked:
EXECUTE g; EXECUTE gi(1); EXECUTE gp; EXECUTE gs;
SET ROLE regress_plans_exempt;
-- Raw (exempt):
EXECUTE g; EXECUTE gp; EXECUTE gs;
RESET ROLE;
-- Masked:
EXECUTE g; EXECUTE gp; EXECUTE gs;
BEGIN;
EXECUTE g;
SET LOCAL ROLE regress_plans_exempt;
-- Raw (exempt):
EXECUTE g; EXECUTE gp;
ROLLBACK;
-- Masked:
EXECUTE g; EXECUTE gp;
BEGIN;
SAVEPOINT a;
SET LOCAL ROLE regress_plans_exempt;
ROLLBACK TO a;
-- Masked:
EXECUTE g; EXECUTE gp;
COMMIT;
RESET SESSION AUTHORIZATION;
-- Raw (superuser):
EXECUTE g; EXECUTE gp;
-- A function that changes the role by itself.
CREATE FUNCTION as_exempt() RETURNS text LANGUAGE sql SET role = 'regress_plans_exempt' AS 'SELECT ssn FROM people WHERE id = 1';
SET SESSION AUTHORIZATION regress_plans_user;
-- Raw: the user may SET ROLE to the exempt role, so it may here too.
SELECT as_exempt();
-- Masked:
SELECT pl(1);
RESET SESSION AUTHORIZATION;

-- Cursors outlive a change of role, what they may send does not.
SET SESSION AUTHORIZATION regress_plans_user;
BEGIN;
SET LOCAL ROLE regress_plans_exempt;
DECLARE c CURSOR FOR SELECT id, ssn FROM people ORDER BY id;
-- Raw (exempt):
FETCH 1 FROM c;
RESET ROLE;
FETCH 1 FROM c;
ROLLBACK;
BEGIN;
DECLARE c CURSOR FOR SELECT id, ssn FROM people ORDER BY id;
FETCH 1 FROM c;
SET LOCAL ROLE regress_plans_exempt;
FETCH 1 FROM c;
ROLLBACK;
RESET SESSION AUTHORIZATION;

-- Policies change between executions.
SET SESSION AUTHORIZATION regress_plans_user;
DEALLOCATE ALL;
PREPARE g AS SELECT id, ssn FROM people ORDER BY id;
EXECUTE g;
SELECT pl(1), sq(1);
RESET SESSION AUTHORIZATION;
SELECT policy, state FROM jitmask.alter_policy('last4', mask => 'mask_partial(value, 3, 0)');
SET SESSION AUTHORIZATION regress_plans_user;
EXECUTE g;
SELECT pl(1), sq(1);
RESET SESSION AUTHORIZATION;
SELECT "column", state FROM jitmask.detach('public.people.ssn');
SET SESSION AUTHORIZATION regress_plans_user;
-- Raw (not protected any more):
EXECUTE g;
SELECT pl(1), sq(1);
RESET SESSION AUTHORIZATION;
SELECT "column", state FROM jitmask.attach('last4', 'public.people.ssn', except_roles => '{regress_plans_team}');
SET SESSION AUTHORIZATION regress_plans_user;
-- Raw: a member of the role that the policy leaves out.
EXECUTE g;
SELECT pl(1), sq(1);
RESET SESSION AUTHORIZATION;
SELECT "column", state FROM jitmask.detach('public.people.ssn');
SELECT "column", state FROM jitmask.attach('last4', 'public.people.ssn', to_roles => '{regress_plans_team}');
SET SESSION AUTHORIZATION regress_plans_user;
EXECUTE g;
RESET SESSION AUTHORIZATION;
BEGIN;
SELECT "column", state FROM jitmask.detach('public.people.ssn');
SET LOCAL ROLE regress_plans_user;
-- Raw (not protected in here):
EXECUTE g;
ROLLBACK;
SET ROLE regress_plans_user;
EXECUTE g;
RESET ROLE;
SELECT role, state FROM jitmask.exempt('regress_plans_user', 'test');
SET SESSION AUTHORIZATION regress_plans_user;
-- Raw (exempt):
EXECUTE g;
SELECT pl(1), sq(1);
RESET SESSION AUTHORIZATION;
SELECT role, state FROM jitmask.unexempt('regress_plans_user');
SET SESSION AUTHORIZATION regress_plans_user;
EXECUTE g;
SELECT pl(1), sq(1);
RESET SESSION AUTHORIZATION;
SELECT policy, state FROM jitmask.alter_policy('last4', mask => 'mask_partial(value, 0, 4)');
SELECT "column", state FROM jitmask.detach('public.people.ssn');
SELECT "column", state FROM jitmask.attach('last4', 'public.people.ssn');

-- The column's type changes under the plan: the mask fits the new type, or gives NULL if it can't.
CREATE TABLE typed (id int, ssn text);
INSERT INTO typed VALUES (1, '111-22-3331');
GRANT SELECT ON typed TO PUBLIC;
SELECT "column", state FROM jitmask.attach('last4', 'public.typed.ssn');
SET SESSION AUTHORIZATION regress_plans_user;
PREPARE t AS SELECT id FROM typed WHERE ssn LIKE '%3331' AND ssn NOT LIKE '111%';
PREPARE tn AS SELECT id, ssn IS NULL AS n FROM typed;
EXECUTE t; EXECUTE tn;
RESET SESSION AUTHORIZATION;
ALTER TABLE typed ALTER COLUMN ssn TYPE varchar(11);
SET SESSION AUTHORIZATION regress_plans_user;
EXECUTE t; EXECUTE tn;
RESET SESSION AUTHORIZATION;
ALTER TABLE typed ALTER COLUMN ssn TYPE bytea USING ssn::bytea;
SET SESSION AUTHORIZATION regress_plans_user;
EXECUTE tn;
SELECT id, ssn FROM typed;
RESET SESSION AUTHORIZATION;
ALTER TABLE typed ALTER COLUMN ssn TYPE text USING convert_from(ssn, 'UTF8');
SET SESSION AUTHORIZATION regress_plans_user;
EXECUTE t; EXECUTE tn;
SELECT id, ssn FROM typed;
RESET SESSION AUTHORIZATION;

-- Grants come and go between executions.
SET SESSION AUTHORIZATION regress_plans_user;
DEALLOCATE ALL;
PREPARE g AS SELECT id, ssn, pay FROM people ORDER BY id;
PREPARE gi(int) AS SELECT ssn, pay FROM people WHERE id = $1;
CREATE FUNCTION mypl(int) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT ssn FROM people WHERE id = $1); END $$;
EXECUTE g; EXECUTE gi(1);
SELECT mypl(1);
SELECT id, state, columns FROM jitmask.request('public.people.ssn', 'to test', '1 hour');
EXECUTE g;
SET SESSION AUTHORIZATION regress_plans_approver;
SELECT id, state FROM jitmask.approve(1);
EXECUTE g;
SELECT ssn FROM people ORDER BY id;
SET SESSION AUTHORIZATION regress_plans_user;
-- Raw ssn, masked pay (grant 1):
EXECUTE g; EXECUTE gi(1);
SELECT mypl(1);
SELECT p FROM people p ORDER BY id;
SET ROLE regress_plans_team;
-- Raw: the grant is the login's, SET ROLE keeps it.
EXECUTE g;
RESET ROLE;
-- Masked: copies.
CREATE TABLE copied AS SELECT * FROM people;
CREATE TABLE copied2 AS EXECUTE g;
SELECT * FROM copied ORDER BY id;
SELECT * FROM copied2 ORDER BY id;
INSERT INTO copied SELECT * FROM people WHERE id = 1 RETURNING *;
WITH x AS (INSERT INTO copied SELECT * FROM people WHERE id = 2 RETURNING ssn) SELECT * FROM x;
BEGIN;
DECLARE h CURSOR WITH HOLD FOR SELECT id, ssn FROM people ORDER BY id;
COMMIT;
FETCH ALL FROM h;
CLOSE h;
-- Masked: code of a stranger's. Raw (grant 1) through a superuser's view and functions.
RESET SESSION AUTHORIZATION;
SET ROLE regress_plans_approver;
CREATE FUNCTION stranger(text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING 'saw %', $1; RETURN $1; END $$;
CREATE FUNCTION strangers() RETURNS SETOF text LANGUAGE plpgsql AS $$ BEGIN RETURN QUERY SELECT ssn FROM people ORDER BY id; END $$;
CREATE FUNCTION inlines() RETURNS SETOF people LANGUAGE sql STABLE AS 'SELECT * FROM people WHERE stranger(ssn) IS NOT NULL';
CREATE VIEW strange AS SELECT id, stranger(ssn) AS s FROM people;
CREATE VIEW strange2 AS SELECT id, ssn FROM people;
GRANT SELECT ON strange, strange2 TO PUBLIC;
RESET ROLE;
SET SESSION AUTHORIZATION regress_plans_user;
SELECT stranger(ssn) FROM people ORDER BY id;
SELECT * FROM strangers();
SELECT ssn FROM inlines() ORDER BY id;
SELECT s FROM strange ORDER BY id;
SELECT ssn FROM strange2 ORDER BY id;
SELECT ssn FROM v ORDER BY id;
SELECT ssn FROM srf() ORDER BY id;
SELECT pl(1), sq(1), mypl(1);
COPY people TO STDOUT;
UPDATE people SET pay = pay WHERE id = 1;
-- Raw (grant 1), in an open cursor, until it is revoked.
BEGIN;
DECLARE c CURSOR FOR SELECT id, ssn FROM people ORDER BY id;
FETCH 1 FROM c;
COMMIT;
SET SESSION AUTHORIZATION regress_plans_approver;
SELECT id, state FROM jitmask.revoke(1, 'enough');
SET SESSION AUTHORIZATION regress_plans_user;
-- Masked:
EXECUTE g; EXECUTE gi(1);
SELECT mypl(1);
-- A grant that runs out by itself.
SELECT id, state FROM jitmask.request('public.people.ssn', 'to test again', '1 second');
SET SESSION AUTHORIZATION regress_plans_approver;
SELECT id, state FROM jitmask.approve(2);
SET SESSION AUTHORIZATION regress_plans_user;
-- Raw (grant 2):
EXECUTE g;
SELECT pg_sleep(1.2);
-- Masked:
EXECUTE g; EXECUTE gi(1);
SELECT mypl(1);
-- In one transaction: now() stands still, the clock does not.
SELECT id, state FROM jitmask.request('public.people.ssn', 'and again', '1 second');
SET SESSION AUTHORIZATION regress_plans_approver;
SELECT id, state FROM jitmask.approve(3);
SET SESSION AUTHORIZATION regress_plans_user;
BEGIN;
-- Raw (grant 3):
EXECUTE gi(1);
DECLARE c CURSOR FOR SELECT id, ssn FROM people ORDER BY id;
FETCH 1 FROM c;
SELECT pg_sleep(1.2);
-- Masked, or refused:
EXECUTE gi(1);
SELECT mypl(1);
FETCH 1 FROM c;
COMMIT;
-- Detaching the policy ends the grant; attaching it again does not bring it back.
SELECT id, state FROM jitmask.request('public.people.ssn', 'once more', '1 hour');
SET SESSION AUTHORIZATION regress_plans_approver;
SELECT id, state FROM jitmask.approve(4);
RESET SESSION AUTHORIZATION;
SELECT "column", state FROM jitmask.detach('public.people.ssn');
SELECT "column", state FROM jitmask.attach('last4', 'public.people.ssn');
SET SESSION AUTHORIZATION regress_plans_user;
EXECUTE g;
RESET SESSION AUTHORIZATION;
SELECT id, state FROM jitmask.grant_ ORDER BY id;
-- Leaving a group that a policy leaves out: no table of jitmask's changes, and a kept plan notices all the same.
RESET SESSION AUTHORIZATION;
CREATE ROLE regress_plans_group;
CREATE ROLE regress_plans_member LOGIN IN ROLE regress_plans_group;
CREATE TABLE public.left_out (ssn text);
INSERT INTO public.left_out VALUES ('111-22-3377');
GRANT SELECT ON public.left_out TO regress_plans_member;
SELECT state FROM jitmask.create_policy('but_group', 'mask_partial(value, 0, 4)');
SELECT state FROM jitmask.attach('but_group', 'public.left_out.ssn', except_roles => '{regress_plans_group}');
SET plan_cache_mode = force_generic_plan;
SET ROLE regress_plans_member;
PREPARE kept AS SELECT ssn FROM public.left_out;
-- Raw: as a member of the group.
EXECUTE kept;
RESET ROLE;
REVOKE regress_plans_group FROM regress_plans_member;
SET ROLE regress_plans_member;
EXECUTE kept;
RESET ROLE;
