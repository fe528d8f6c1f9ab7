-- Materialized views hold what they were filled with: values from before the policy, and what roles that read raw values
-- fill them with. No raw value of what they carry straight through reaches somebody who is masked.
-- Raw values look like 111-22-3331.
CREATE ROLE regress_bypass_dependants_user LOGIN;
CREATE ROLE regress_bypass_dependants_owner LOGIN;
CREATE ROLE regress_bypass_dependants_exempt LOGIN;
CREATE ROLE regress_bypass_dependants_other LOGIN;
GRANT ALL ON SCHEMA public TO PUBLIC;
CREATE TABLE people (id int PRIMARY KEY, ssn varchar(11), pay numeric, gen varchar(11) GENERATED ALWAYS AS (ssn) STORED,
    head text GENERATED ALWAYS AS (left(ssn, 6)) STORED);
INSERT INTO people VALUES (1, '111-22-3331', 10), (2, '111-22-3332', 20), (3, NULL, 30);
CREATE TABLE parts (id int, ssn text) PARTITION BY RANGE (id);
CREATE TABLE parts1 PARTITION OF parts FOR VALUES FROM (0) TO (100);
INSERT INTO parts VALUES (1, '111-22-3331');
GRANT SELECT ON ALL TABLES IN SCHEMA public TO regress_bypass_dependants_user, regress_bypass_dependants_owner, regress_bypass_dependants_exempt;

-- Made before the policy, each by another way of carrying the column.
CREATE VIEW v AS SELECT id, ssn AS number, gen FROM people WHERE id > 0;
CREATE MATERIALIZED VIEW plain AS SELECT id, ssn FROM people;
CREATE MATERIALIZED VIEW through_view AS SELECT id, number, gen FROM v;
CREATE MATERIALIZED VIEW cast_along AS SELECT id, ssn::text AS t, ssn::char(11) AS c, ssn::varchar(4) COLLATE "C" AS four FROM people;
CREATE MATERIALIZED VIEW picked AS SELECT max(ssn) AS m, min(gen) AS n, coalesce(max(ssn), '-') AS c,
    CASE WHEN count(*) > 0 THEN max(ssn) END AS w, greatest(max(ssn), 'x') AS g, nullif(max(ssn), '') AS u FROM people;
CREATE MATERIALIZED VIEW windowed AS SELECT id, lag(ssn) OVER w AS before, first_value(ssn) OVER w AS first FROM people WINDOW w AS (ORDER BY id);
CREATE MATERIALIZED VIEW whole AS SELECT p AS row_, id FROM people p;
CREATE MATERIALIZED VIEW sub_select AS SELECT (SELECT ssn FROM people p WHERE p.id = n) AS s, (SELECT n) AS n FROM generate_series(1, 2) AS n;
CREATE MATERIALIZED VIEW in_cte AS WITH RECURSIVE x(id, s) AS (SELECT 1, ssn FROM people WHERE id = 1 UNION ALL SELECT id + 1, s FROM x WHERE id < 3) SELECT * FROM x;
CREATE MATERIALIZED VIEW arms AS SELECT 'none' AS s UNION ALL SELECT 'x' INTERSECT SELECT 'y' UNION ALL (SELECT ssn FROM people ORDER BY id LIMIT 1) UNION SELECT gen FROM people;
CREATE MATERIALIZED VIEW joined AS SELECT ssn, other, gen FROM people JOIN (SELECT ssn, id AS other FROM people) AS q USING (ssn);
CREATE MATERIALIZED VIEW full_join AS SELECT ssn, a.id FROM people a FULL JOIN plain b USING (ssn);
CREATE MATERIALIZED VIEW lateral_join AS SELECT l.s FROM people p, LATERAL (SELECT p.ssn AS s) AS l;
CREATE MATERIALIZED VIEW of_view AS SELECT number AS again FROM through_view;
CREATE MATERIALIZED VIEW of_partition AS SELECT id, ssn FROM parts1;
CREATE MATERIALIZED VIEW of_parent AS SELECT id, ssn FROM parts;
CREATE MATERIALIZED VIEW unfilled AS SELECT id, ssn FROM people WITH NO DATA;
CREATE MATERIALIZED VIEW not_it AS SELECT id, pay, 'ssn' AS ssn FROM people;
ALTER MATERIALIZED VIEW plain OWNER TO regress_bypass_dependants_owner;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO regress_bypass_dependants_user, regress_bypass_dependants_exempt;
SELECT policy FROM jitmask.create_policy('last4', 'mask_partial(value, 0, 4)');
SELECT role FROM jitmask.exempt('regress_bypass_dependants_exempt', 'test');

-- The attack, before: it is all there.
SET SESSION AUTHORIZATION regress_bypass_dependants_user;
SELECT count(*) AS raw FROM plain WHERE ssn LIKE '111-22-333%';
RESET SESSION AUTHORIZATION;
SELECT "column", state FROM jitmask.attach('last4', '{public.people.ssn,public.parts.ssn}'::text[]);
SELECT "column", inherited_from FROM jitmask.masked_columns;
-- And after.
SET SESSION AUTHORIZATION regress_bypass_dependants_user;
SELECT relname, query_to_xml(format('SELECT * FROM %I', relname), false, true, '')::text ~ '111-22' AS raw
  FROM pg_class WHERE relkind = 'm' AND relispopulated ORDER BY relname;
SELECT * FROM plain ORDER BY id;
SELECT * FROM through_view ORDER BY id;
SELECT * FROM cast_along ORDER BY id;
SELECT * FROM picked;
SELECT * FROM whole ORDER BY id;
SELECT (row_).ssn FROM whole;
SELECT * FROM of_view ORDER BY again;
SELECT * FROM in_cte ORDER BY id;
SELECT * FROM not_it ORDER BY id;
SELECT id FROM plain WHERE ssn = '111-22-3331';
SELECT most_common_vals, histogram_bounds FROM pg_stats WHERE tablename = 'plain' AND attname = 'ssn';
COPY plain TO STDOUT;
-- The owner of one is masked like anybody. An exempt role reads what is stored.
SET SESSION AUTHORIZATION regress_bypass_dependants_owner;
SELECT * FROM plain ORDER BY id;
SET SESSION AUTHORIZATION regress_bypass_dependants_exempt;
SELECT * FROM plain ORDER BY id;
SELECT m FROM picked;

-- Made by a role that reads raw values: protected from the first moment on. However it is made.
CREATE MATERIALIZED VIEW made AS SELECT id, ssn, left(ssn, 6) AS head FROM people;
CREATE MATERIALIZED VIEW IF NOT EXISTS made AS SELECT 1;
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) CREATE MATERIALIZED VIEW made_by_explain AS SELECT ssn FROM people;
EXPLAIN (COSTS OFF) CREATE MATERIALIZED VIEW not_made AS SELECT ssn FROM people;
PREPARE p AS SELECT ssn FROM people;
DO $$ BEGIN CREATE MATERIALIZED VIEW made_in_do AS SELECT ssn FROM people; END $$;
CREATE TEMP TABLE shadowed (x int);
CREATE MATERIALIZED VIEW shadowed AS SELECT ssn FROM people;
CREATE MATERIALIZED VIEW made_later AS SELECT ssn FROM people WITH NO DATA;
CREATE MATERIALIZED VIEW made_of_made AS SELECT ssn FROM made;
CREATE MATERIALIZED VIEW unconcerned AS SELECT id, pay FROM people;
REFRESH MATERIALIZED VIEW made_later;
REFRESH MATERIALIZED VIEW unconcerned;
REFRESH MATERIALIZED VIEW made;
GRANT SELECT ON made, made_by_explain, made_in_do, public.shadowed, made_later, made_of_made, unconcerned TO PUBLIC;
DROP TABLE pg_temp.shadowed;
SELECT ssn FROM made ORDER BY id;
RESET SESSION AUTHORIZATION;
SELECT "column" FROM jitmask.masked_columns WHERE relation ~ 'made|shadowed|unconcerned';
SET SESSION AUTHORIZATION regress_bypass_dependants_user;
SELECT * FROM made ORDER BY id;
SELECT * FROM made_by_explain ORDER BY 1;
SELECT * FROM made_in_do ORDER BY 1;
SELECT * FROM shadowed ORDER BY 1;
SELECT * FROM made_later ORDER BY 1;
SELECT * FROM made_of_made ORDER BY 1;
RESET SESSION AUTHORIZATION;
-- What was computed was told, and stays for an administrator to decide.
SELECT "column", object, held_by, severity, shows, remedy FROM jitmask.exposures WHERE object ~ 'made.head';
SELECT "column", state FROM jitmask.attach('last4', 'public.made.head');
SELECT count(*) FROM jitmask.exposures WHERE object ~ 'made.head';
-- Rolled back with its view.
BEGIN;
CREATE MATERIALIZED VIEW gone AS SELECT ssn FROM people;
ROLLBACK;
SELECT count(*) FROM jitmask.masked_columns WHERE relation ~ 'gone';

-- Made by somebody who is masked: it holds masks, belongs to its maker, and no label is in the way.
SET SESSION AUTHORIZATION regress_bypass_dependants_owner;
CREATE MATERIALIZED VIEW masks AS SELECT id, ssn, length(ssn) AS n FROM people;
CREATE UNIQUE INDEX ON masks (id);
REFRESH MATERIALIZED VIEW masks;
REFRESH MATERIALIZED VIEW CONCURRENTLY masks;
SELECT * FROM masks ORDER BY id;
RESET SESSION AUTHORIZATION;
REFRESH MATERIALIZED VIEW masks;
SELECT * FROM masks ORDER BY id;
SELECT count(*) FROM jitmask.masked_columns WHERE relation ~ 'masks';
SELECT object, severity, shows, remedy FROM jitmask.exposures WHERE object ~ 'masks';
-- Once its owner is exempt, filling it protects it; and the label stays when the owner is masked again.
SELECT role FROM jitmask.exempt('regress_bypass_dependants_owner', 'test');
REFRESH MATERIALIZED VIEW CONCURRENTLY masks;
SELECT role FROM jitmask.unexempt('regress_bypass_dependants_owner');
GRANT SELECT ON masks TO regress_bypass_dependants_user;
SET SESSION AUTHORIZATION regress_bypass_dependants_user;
SELECT id, ssn FROM masks ORDER BY id;
RESET SESSION AUTHORIZATION;

-- A role left out of the policy is one that reads raw values.
SELECT state FROM jitmask.detach('public.parts.ssn');
SELECT policy FROM jitmask.create_policy('hidden', 'mask_null(value)');
SELECT state FROM jitmask.attach('hidden', 'public.parts.ssn', except_roles => '{regress_bypass_dependants_other}');
GRANT SELECT ON parts, parts1 TO regress_bypass_dependants_other;
SET SESSION AUTHORIZATION regress_bypass_dependants_other;
CREATE MATERIALIZED VIEW from_other AS SELECT ssn FROM parts1;
SELECT * FROM from_other;
GRANT SELECT ON from_other TO PUBLIC;
SET SESSION AUTHORIZATION regress_bypass_dependants_user;
SELECT * FROM from_other;
RESET SESSION AUTHORIZATION;

-- One that was labelled for parts keeps what it had when it was detached: nothing becomes readable by that.
SELECT "column", policy FROM jitmask.masked_columns WHERE relation ~ 'of_part|of_parent|from_other';
-- A policy that is added goes on to what is still in step, and not to what an administrator has changed.
SELECT policy FROM jitmask.create_policy('stars', 'mask_default(value)');
SELECT state FROM jitmask.detach('public.plain.ssn');
SELECT state FROM jitmask.attach('hidden', 'public.plain.ssn');
SELECT state FROM jitmask.detach('public.through_view.number');
SELECT state FROM jitmask.attach('stars', 'public.people.ssn', to_roles => '{regress_bypass_dependants_user}', priority => 3);
SELECT "column", policy, to_roles FROM jitmask.masked_columns WHERE "column" ~ 'plain|through_view|people.ssn|lateral_join';
SET SESSION AUTHORIZATION regress_bypass_dependants_user;
SELECT ssn FROM people ORDER BY id;
SELECT s FROM lateral_join ORDER BY 1;
RESET SESSION AUTHORIZATION;
-- Detached from the table, the views keep their labels, and that is said.
SELECT policy, state FROM jitmask.detach('public.people.ssn');
SET SESSION AUTHORIZATION regress_bypass_dependants_user;
SELECT ssn FROM people ORDER BY id;
SELECT s FROM lateral_join ORDER BY 1;
RESET SESSION AUTHORIZATION;

-- A table that comes under a parent which protects it: what was filled from it before is protected with it.
CREATE TABLE joins (id int, ssn text);
INSERT INTO joins VALUES (101, '111-22-3338');
CREATE MATERIALIZED VIEW of_joins AS SELECT ssn FROM joins;
CREATE TABLE inherits (id int, ssn text);
INSERT INTO inherits VALUES (102, '111-22-3339');
CREATE MATERIALIZED VIEW of_inherits AS SELECT max(ssn) AS m FROM inherits;
CREATE TABLE parent (id int, ssn text);
GRANT SELECT ON of_joins, of_inherits TO regress_bypass_dependants_user;
SELECT state FROM jitmask.attach('last4', 'public.parent.ssn');
ALTER TABLE parts ATTACH PARTITION joins FOR VALUES FROM (100) TO (200);
ALTER TABLE inherits INHERIT parent;
SET SESSION AUTHORIZATION regress_bypass_dependants_user;
SELECT * FROM of_joins;
SELECT * FROM of_inherits;
RESET SESSION AUTHORIZATION;

-- Whole rows of views, sub-queries and joins. And functions: nobody can tell what they give, but that they read raw values
-- while a view was filled is told.
SELECT state FROM jitmask.attach('last4', 'public.people.ssn');
SET SESSION AUTHORIZATION regress_bypass_dependants_exempt;
CREATE MATERIALIZED VIEW rows_of_view AS SELECT v AS r, w::text AS t, 1 AS n FROM v JOIN people w USING (id);
CREATE FUNCTION numbers() RETURNS SETOF text LANGUAGE plpgsql AS 'BEGIN RETURN QUERY SELECT ssn::text FROM people ORDER BY id; END';
CREATE FUNCTION inlined() RETURNS SETOF text LANGUAGE sql STABLE AS 'SELECT ssn::text FROM people ORDER BY id';
CREATE MATERIALIZED VIEW by_function AS SELECT * FROM numbers() AS number;
CREATE MATERIALIZED VIEW by_inlined AS SELECT * FROM inlined() AS number;
REFRESH MATERIALIZED VIEW by_function;
GRANT SELECT ON rows_of_view, by_function TO PUBLIC;
RESET SESSION AUTHORIZATION;
SELECT object, severity, remedy FROM jitmask.exposures WHERE object ~ 'rows_of_view';
-- The remedy.
SELECT state FROM jitmask.attach('last4', '{public.by_function.number,public.by_inlined.number}'::text[]);
REFRESH MATERIALIZED VIEW by_function;
SET SESSION AUTHORIZATION regress_bypass_dependants_user;
SELECT r, n FROM rows_of_view ORDER BY (r).id;
SELECT * FROM by_function ORDER BY 1;
-- The same functions in a view of somebody's who is masked read masks, and nothing is told.
CREATE FUNCTION own_numbers() RETURNS SETOF text LANGUAGE plpgsql AS 'BEGIN RETURN QUERY SELECT ssn::text FROM people ORDER BY id; END';
CREATE MATERIALIZED VIEW by_own_function AS SELECT * FROM own_numbers() AS number;
SELECT * FROM by_own_function ORDER BY 1;
RESET SESSION AUTHORIZATION;

-- An exemption that ends while the view is being filled: what was read raw counts, and not who may read afterwards.
SELECT role FROM jitmask.exempt('regress_bypass_dependants_owner', 'for a moment', until => clock_timestamp() + '1 second');
SET SESSION AUTHORIZATION regress_bypass_dependants_owner;
CREATE MATERIALIZED VIEW slowly AS SELECT id, ssn FROM people, pg_sleep(1.3);
GRANT SELECT ON slowly TO PUBLIC;
SELECT jitmask.is_masked('public.people.ssn');
SET SESSION AUTHORIZATION regress_bypass_dependants_user;
SELECT * FROM slowly ORDER BY id;
RESET SESSION AUTHORIZATION;

-- A policy's mask can be changed although it is on columns of views that it never fitted.
SELECT mask, state FROM jitmask.alter_policy('last4', mask => 'mask_partial(value, 0, 2)');
SELECT object, problem FROM jitmask.health() WHERE object ~ 'whole';
