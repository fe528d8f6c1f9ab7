-- Rights, exemptions and trust: who may give them, what they do, what is refused; and who may use jitmask's objects at all.
\set code '\\echo SQLSTATE :LAST_ERROR_SQLSTATE'
CREATE ROLE regress_rights_admin LOGIN;
CREATE ROLE regress_rights_admins;
CREATE ROLE regress_rights_member LOGIN IN ROLE regress_rights_admins;
CREATE ROLE regress_rights_user LOGIN;
CREATE ROLE regress_rights_etl LOGIN;
CREATE ROLE regress_rights_etl_job LOGIN IN ROLE regress_rights_etl;
CREATE ROLE regress_rights_reads_all LOGIN IN ROLE pg_read_all_data, pg_write_all_data;
CREATE TABLE people (id int, ssn text);
INSERT INTO people VALUES (1, '473-11-4137');
GRANT SELECT ON people TO regress_rights_etl, regress_rights_etl_job, regress_rights_user;
SELECT * FROM jitmask.create_policy('ssn', 'mask_partial(value, 0, 4)');
SELECT "column", state FROM jitmask.attach('ssn', 'people.ssn');

-- Rights.
SELECT * FROM jitmask.grant_right('regress_rights_admin', 'admin');
SELECT * FROM jitmask.grant_right('regress_rights_admin', 'admin');
SELECT * FROM jitmask.grant_right('regress_rights_admin', 'emperor');
:code
SELECT * FROM jitmask.grant_right('admin', 'regress_rights_admin');
:code
SELECT * FROM jitmask.grant_right('no_such_role', 'admin');
:code
SELECT * FROM jitmask.grant_right(NULL, 'admin');
:code
SELECT * FROM jitmask.revoke_right('regress_rights_user', 'auditor');
:code
-- Everybody else is refused, in every administrative function.
SET SESSION AUTHORIZATION regress_rights_user;
SELECT jitmask.my_rights();
SELECT * FROM jitmask.create_policy('p', 'mask_null(value)');
:code
SELECT * FROM jitmask.alter_policy('ssn', mask => 'value');
:code
SELECT * FROM jitmask.drop_policy('ssn');
:code
SELECT * FROM jitmask.attach('ssn', 'people.ssn');
:code
SELECT * FROM jitmask.detach('people.ssn');
:code
SELECT * FROM jitmask.exempt('regress_rights_etl', 'because');
:code
SELECT * FROM jitmask.unexempt('regress_rights_etl');
:code
SELECT * FROM jitmask.grant_right('regress_rights_user', 'admin');
:code
SELECT * FROM jitmask.revoke_right('regress_rights_admin', 'admin');
:code
SELECT * FROM jitmask.trust_owner('regress_rights_user', 'because');
:code
SELECT * FROM jitmask.untrust_owner('regress_rights_user');
:code
SELECT * FROM jitmask.trust_function('pg_catalog.upper(text)', 'because');
:code
SELECT * FROM jitmask.untrust_function('pg_catalog.upper(text)');
:code
SELECT * FROM jitmask.shared_login('regress_rights_admin');
:code
SELECT jitmask.create_default_key();
:code
-- A right held through a role counts; SET ROLE gives none.
RESET SESSION AUTHORIZATION;
SELECT * FROM jitmask.grant_right('regress_rights_admins', 'admin');
SET SESSION AUTHORIZATION regress_rights_member;
SELECT jitmask.my_rights();
SELECT state FROM jitmask.grant_right('regress_rights_user', 'auditor');
RESET SESSION AUTHORIZATION;
SET SESSION AUTHORIZATION regress_rights_user;
SELECT jitmask.my_rights();
RESET SESSION AUTHORIZATION;
SELECT * FROM jitmask.revoke_right('regress_rights_admins', 'admin');
SET SESSION AUTHORIZATION regress_rights_member;
SELECT * FROM jitmask.grant_right('regress_rights_user', 'admin');
:code
-- A superuser who has become somebody else for now acts as that.
RESET SESSION AUTHORIZATION;
SET ROLE regress_rights_user;
SELECT * FROM jitmask.grant_right('regress_rights_user', 'admin');
:code
RESET ROLE;

-- Exemptions match the role exactly unless they inherit; nobody exempts a role of their own.
SET SESSION AUTHORIZATION regress_rights_admin;
SELECT role, state, until, message FROM jitmask.exempt('regress_rights_etl', 'loads the warehouse');
SELECT masked, because FROM jitmask.why('people.ssn', 'regress_rights_etl');
SELECT masked, because FROM jitmask.why('people.ssn', 'regress_rights_etl_job');
SELECT role, state, until, message FROM jitmask.exempt('regress_rights_etl', 'loads the warehouse', until => '2099-01-01 00:00+00', inherit => true);
SELECT masked, because FROM jitmask.why('people.ssn', 'regress_rights_etl_job');
SELECT * FROM jitmask.exempt('regress_rights_admin', 'me');
:code
SELECT * FROM jitmask.exempt('regress_rights_etl', 'late', until => '2001-01-01');
:code
SELECT * FROM jitmask.exempt('regress_rights_etl', '');
:code
SELECT * FROM jitmask.exempt('no_such_role', 'because');
:code
SET SESSION AUTHORIZATION regress_rights_etl_job;
SELECT * FROM people;
SELECT * FROM jitmask.request('people.ssn', 'because');
:code
SET SESSION AUTHORIZATION regress_rights_admin;
SELECT * FROM jitmask.unexempt('regress_rights_etl');
SELECT * FROM jitmask.unexempt('regress_rights_etl');
:code
SET SESSION AUTHORIZATION regress_rights_etl_job;
SELECT * FROM people;

-- Trust.
SET SESSION AUTHORIZATION regress_rights_admin;
SELECT * FROM jitmask.trust_owner('regress_rights_etl', 'reviewed');
SELECT * FROM jitmask.untrust_owner('regress_rights_etl');
SELECT * FROM jitmask.untrust_owner('regress_rights_etl');
:code
SELECT * FROM jitmask.trust_function('no_such.function(text)', 'reviewed');
:code
RESET SESSION AUTHORIZATION;
CREATE FUNCTION public.stars(text) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS $$SELECT repeat('*', length($1))$$;
SELECT * FROM jitmask.create_policy('stars', 'public.stars(value)');
:code
SELECT * FROM jitmask.trust_function('public.stars(text)', 'reviewed');
SELECT * FROM jitmask.create_policy('stars', 'public.stars(value)');
SELECT * FROM jitmask.untrust_function('public.stars(text)');
SELECT object, problem FROM jitmask.health() WHERE object LIKE '%stars%';

SET SESSION AUTHORIZATION regress_rights_admin;
SELECT name, value FROM jitmask.status()
 WHERE name NOT IN ('version', 'shared_preload_libraries', 'database', 'clock');

-- The tables are closed, even to those who read or write everything.
SET SESSION AUTHORIZATION regress_rights_reads_all;
SELECT * FROM jitmask.key_;
:code
SELECT * FROM jitmask.grant_;
:code
INSERT INTO jitmask.right_ (role, "right") VALUES ('regress_rights_reads_all', 'admin');
:code
DELETE FROM jitmask.audit_log;
:code
COPY jitmask.key_ TO STDOUT;
:code
SELECT last_value FROM jitmask.request__id_seq;
:code
SELECT count(*) FROM jitmask.audit;
RESET SESSION AUTHORIZATION;

-- Default deny: this is all that PUBLIC can use. A new object is on this list because somebody thought about it.
SELECT p.oid::regprocedure AS function
  FROM pg_proc p
 WHERE p.pronamespace = 'jitmask'::regnamespace AND has_function_privilege('public', p.oid, 'EXECUTE')
 ORDER BY p.oid::regprocedure::text COLLATE "C";
SELECT c.relname, c.relkind, a.privilege_type
  FROM pg_class c, aclexplode(coalesce(c.relacl, acldefault(CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", c.relowner))) a
 WHERE c.relnamespace = 'jitmask'::regnamespace AND c.relkind IN ('r', 'v', 'S') AND a.grantee = 0
 ORDER BY c.relname COLLATE "C", a.privilege_type;
-- Every function and table says what it is for, and whatever runs with its owner's rights pins search_path or, where
-- it looks up the caller's names, does so before anything else.
SELECT p.oid::regprocedure FROM pg_proc p
 WHERE p.pronamespace = 'jitmask'::regnamespace AND obj_description(p.oid, 'pg_proc') IS NULL;
SELECT c.relname FROM pg_class c
 WHERE c.relnamespace = 'jitmask'::regnamespace AND c.relkind IN ('r', 'v') AND obj_description(c.oid, 'pg_class') IS NULL;
SELECT p.oid::regprocedure AS definer_without_search_path FROM pg_proc p
 WHERE p.pronamespace = 'jitmask'::regnamespace AND p.prosecdef AND p.proconfig IS NULL
 ORDER BY p.oid::regprocedure::text COLLATE "C";

SELECT event, login, object, detail FROM jitmask.audit WHERE event !~ '^policy' ORDER BY seq;
