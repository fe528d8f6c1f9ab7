-- jitmask's own tables, TOAST relations and statistics are closed, whatever privileges a role holds.
-- Raw values look like 111-22-3333.
\set VERBOSITY default
CREATE ROLE regress_bypass_own_tables_user;
CREATE ROLE regress_bypass_own_tables_owner;
GRANT ALL ON DATABASE regress_bypass_own_tables TO regress_bypass_own_tables_user;
GRANT pg_read_all_data, pg_write_all_data TO regress_bypass_own_tables_user;
GRANT CREATE ON SCHEMA public TO regress_bypass_own_tables_user;
CREATE TABLE people (id int PRIMARY KEY, ssn text, big text);
ALTER TABLE people ALTER big SET STORAGE EXTERNAL;
INSERT INTO people SELECT i, '111-22-333' || i, repeat('111-22-3333 ', 1000) FROM generate_series(1, 9) i;
CREATE INDEX people_lower ON people (lower(ssn));
CREATE STATISTICS people_stats (mcv, dependencies) ON ssn, big FROM people;
CREATE STATISTICS people_expr ON (left(ssn, 3)) FROM people;
ANALYZE people;
CREATE TABLE free (id int, word text);
INSERT INTO free SELECT i, 'word' FROM generate_series(1, 9) i;
ANALYZE free;
SELECT policy FROM jitmask.create_policy('last4', 'mask_partial(value, 0, 4)');
SELECT policy FROM jitmask.create_policy('none', 'mask_null(value)');
SELECT "column" FROM jitmask.attach('last4', 'public.people.ssn');
SELECT "column" FROM jitmask.attach('none', 'public.people.big');

SET SESSION AUTHORIZATION regress_bypass_own_tables_user;
SELECT * FROM people WHERE id < 3 ORDER BY id;

-- Reading.
SELECT * FROM jitmask.policy;
SELECT count(*) FROM jitmask.key_;
SELECT secret FROM jitmask.key_ LIMIT 0;
TABLE jitmask.grant_;
SELECT EXISTS (SELECT FROM jitmask.exemption);
SELECT p.ssn FROM people p LEFT JOIN jitmask.key_ k ON true WHERE id = 1;
WITH x AS (SELECT * FROM jitmask.request_) SELECT 1;
SELECT (SELECT k FROM jitmask.key_ k LIMIT 1);
SELECT * FROM jitmask.audit_log FOR UPDATE;
EXPLAIN SELECT * FROM jitmask.vote;
PREPARE k AS SELECT * FROM jitmask.key_;
EXECUTE k;
DECLARE c CURSOR WITH HOLD FOR SELECT * FROM jitmask.key_;
CREATE TABLE stolen AS SELECT * FROM jitmask.key_;
CREATE VIEW pane AS SELECT * FROM jitmask.key_;
SELECT count(*) FROM pane;
CREATE FUNCTION inlined() RETURNS SETOF jitmask.key_ LANGUAGE sql STABLE AS 'SELECT * FROM jitmask.key_';
SELECT count(*) FROM inlined();
CREATE FUNCTION definer() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT count(*) FROM jitmask.key_';
SELECT definer();
CREATE FUNCTION pl() RETURNS void LANGUAGE plpgsql AS $$ DECLARE r record; BEGIN FOR r IN EXECUTE 'SELECT * FROM jitmask.key_' LOOP RAISE NOTICE '%', r; END LOOP; END $$;
SELECT pl();
SELECT table_to_xml('jitmask.key_', false, true, '');
COPY jitmask.key_ TO STDOUT;
COPY (SELECT * FROM jitmask.key_) TO STDOUT;
\copy jitmask.key_ to stdout
SELECT last_value > 0 AS read FROM jitmask.policy_policy_id_seq;

-- Writing.
INSERT INTO jitmask.exemption (role, reason) VALUES ('regress_bypass_own_tables_user', 'me');
INSERT INTO jitmask.right_ (role, "right") VALUES ('regress_bypass_own_tables_user', 'admin');
UPDATE jitmask.policy SET mask = 'value';
DELETE FROM jitmask.policy;
MERGE INTO jitmask.policy p USING (VALUES (1)) v(i) ON true WHEN MATCHED THEN UPDATE SET mask = 'value';
INSERT INTO jitmask.grant_ SELECT * FROM jitmask.grant_;
WITH x AS (DELETE FROM jitmask.audit_log RETURNING 1) SELECT count(*) FROM x;
TRUNCATE jitmask.audit_log;
COPY jitmask.exemption (role, reason) FROM STDIN;
regress_bypass_own_tables_user	me
\.
SELECT 1 AS still_in_sync;
CREATE VIEW door AS SELECT * FROM jitmask.exemption;
INSERT INTO door (role, reason) VALUES ('regress_bypass_own_tables_user', 'me');
CREATE TABLE ruled (id int);
CREATE RULE r AS ON INSERT TO ruled DO ALSO DELETE FROM jitmask.policy;
INSERT INTO ruled VALUES (10);
BEGIN; LOCK TABLE jitmask.grant_ IN ACCESS EXCLUSIVE MODE; ROLLBACK;
BEGIN; LOCK TABLE jitmask.policy IN ROW SHARE MODE; ROLLBACK;
ALTER TABLE jitmask.policy ADD COLUMN x int;
CREATE TRIGGER t BEFORE INSERT ON jitmask.grant_ FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
CREATE TABLE ref (id int REFERENCES jitmask.policy);
SELECT jitmask.create_default_key();
SELECT * FROM jitmask.create_policy('mine', 'value');
SELECT * FROM people WHERE id = 1;

-- TOAST relations, of protected tables and of any; those of catalogs are the server's business, but for statistics.
CREATE FUNCTION tries(q text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN EXECUTE q; RETURN 'done'; EXCEPTION WHEN others THEN RETURN SQLSTATE; END $$;
SELECT tries(format('SELECT * FROM %s', reltoastrelid::regclass)) FROM pg_class WHERE oid = 'people'::regclass;
SELECT tries(format('SELECT count(chunk_data) FROM %s x WHERE chunk_seq = 0', reltoastrelid::regclass)) FROM pg_class WHERE oid = 'people'::regclass;
SELECT tries(format('CREATE TABLE t1 AS TABLE %s', reltoastrelid::regclass)) FROM pg_class WHERE oid = 'people'::regclass;
SELECT tries(format('SELECT (SELECT chunk_data FROM %s LIMIT 1)', reltoastrelid::regclass)) FROM pg_class WHERE oid = 'people'::regclass;
SELECT format('COPY %s TO STDOUT', reltoastrelid::regclass) AS copy_toast FROM pg_class WHERE oid = 'people'::regclass \gset
\set ECHO none
\set VERBOSITY sqlstate
:copy_toast;
\set VERBOSITY default
\set ECHO all
SELECT tries(format('SELECT * FROM %s', reltoastrelid::regclass)) FROM pg_class WHERE oid = 'pg_statistic'::regclass;
SELECT tries(format('SELECT * FROM %s', reltoastrelid::regclass)) FROM pg_class WHERE oid = 'pg_statistic_ext_data'::regclass;
SELECT tries(format('SELECT count(*) FROM %s', reltoastrelid::regclass)) FROM pg_class WHERE oid = 'pg_proc'::regclass;

-- Statistics: nothing of protected columns, also not of indexes and statistics objects over them.
SELECT count(*) FROM pg_statistic WHERE starelid = 'people'::regclass;
SELECT stavalues1::text FROM pg_statistic WHERE starelid = 'people_lower'::regclass;
SELECT attname, most_common_vals, histogram_bounds FROM pg_stats WHERE tablename = 'people';
SELECT attname, histogram_bounds FROM pg_stats WHERE tablename = 'people_lower';
SELECT most_common_vals FROM pg_stats_ext WHERE tablename = 'people';
SELECT most_common_vals FROM pg_stats_ext_exprs WHERE tablename = 'people';
SELECT stxdmcv FROM pg_statistic_ext_data;
COPY pg_statistic TO STDOUT;
SELECT count(*) FROM information_schema.columns WHERE table_name = 'people';
-- Their owner, who sees masks, may look at more of the views, and not at more of the values.
RESET SESSION AUTHORIZATION;
ALTER TABLE people OWNER TO regress_bypass_own_tables_owner;
ALTER STATISTICS people_stats OWNER TO regress_bypass_own_tables_owner;
SET SESSION AUTHORIZATION regress_bypass_own_tables_owner;
SELECT attname, null_frac, avg_width, n_distinct, most_common_vals, most_common_freqs, histogram_bounds, correlation FROM pg_stats
    WHERE tablename IN ('people', 'people_lower') AND attname <> 'id' ORDER BY tablename, attname;
SELECT statistics_name, attnames, n_distinct, dependencies, most_common_vals FROM pg_stats_ext WHERE tablename = 'people' ORDER BY 1;
SELECT statistics_name, expr, n_distinct, most_common_vals, histogram_bounds FROM pg_stats_ext_exprs WHERE tablename = 'people' ORDER BY 1;
SELECT (pg_mcv_list_items(stxdmcv)).values FROM pg_statistic_ext_data;
SELECT histogram_bounds FROM pg_stats WHERE tablename = 'people' AND attname = 'id';
SET SESSION AUTHORIZATION regress_bypass_own_tables_user;
-- The catalog pages that psql shows.
\d people
\d+ free
\dx jitmask
\dp people

-- Raw below: a superuser reads it all.
RESET SESSION AUTHORIZATION;
SELECT name, mask FROM jitmask.policy ORDER BY 1;
SELECT count(*) FROM jitmask.exemption;
SELECT histogram_bounds FROM pg_stats WHERE tablename = 'people' AND attname = 'ssn';
SELECT count(*) FROM jitmask.key_;
-- Statistics keep their numbers when they are rewritten, also those of their TOAST tables: by these jitmask knows them.
VACUUM FULL pg_statistic, pg_statistic_ext_data;
SELECT oid::int, reltoastrelid::int FROM pg_class WHERE relname IN ('pg_statistic', 'pg_statistic_ext_data') ORDER BY 1;
