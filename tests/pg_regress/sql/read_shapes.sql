-- A masked SELECT in every shape: the mask stands wherever the column or the whole row can be named, and all that
-- has nothing to do with the column (joins, locks, NULLs, types) stays as it was. Raw values look like 111-22-3333.
\set VERBOSITY default
CREATE ROLE regress_read_shapes_user;
GRANT ALL ON SCHEMA public TO regress_read_shapes_user;

CREATE TABLE people (
    id    int PRIMARY KEY,
    gone1 int,
    name  text,
    ssn   text,
    gone2 text DEFAULT 'dropped',
    dept  int,
    pay   numeric(10,2)
);
INSERT INTO people (id, name, ssn, dept, pay) VALUES
    (1, 'ann', '111-22-3331', 10, 1111.11),
    (2, 'bob', '111-22-3332', 10, 2222.22),
    (3, 'cyd', '111-22-3333', 20, 3333.33),
    (4, 'dan', NULL,          20, NULL),
    (5, 'eve', '111-22-3333', NULL, 5555.55);
ALTER TABLE people DROP COLUMN gone1, DROP COLUMN gone2;
CREATE TABLE dept (dept int PRIMARY KEY, dname text);
INSERT INTO dept VALUES (10, 'ten'), (20, 'twenty'), (30, 'thirty');
CREATE TABLE wanted (ssn text, why text);
INSERT INTO wanted VALUES ('111-22-3331', 'raw'), ('*******3331', 'masked'), ('*******3332', 'masked');
GRANT SELECT ON people, dept, wanted TO regress_read_shapes_user;
GRANT UPDATE ON people TO regress_read_shapes_user;

SELECT policy FROM jitmask.create_policy('last4', 'mask_partial(value, 0, 4)');
SELECT policy FROM jitmask.create_policy('nothing', 'mask_null(value)');
SELECT policy FROM jitmask.create_policy('fixed', $$mask_constant(value, 'X')$$);
SELECT policy FROM jitmask.create_policy('zero', 'mask_constant(value, 0.0)');
SELECT "column", state FROM jitmask.attach('last4', 'public.people.ssn');
SELECT "column", state FROM jitmask.attach('zero', 'public.people.pay');

SET SESSION AUTHORIZATION regress_read_shapes_user;

-- Names of a column.
SELECT ssn FROM people ORDER BY id;
SELECT p.ssn AS a, public.people.ssn FROM people, people p WHERE p.id = people.id AND p.id < 3 ORDER BY p.id;
SELECT public.people.ssn, people.ssn FROM public.people WHERE id = 1;
SELECT p.a, p.c FROM people AS p(a, b, c, d, e) WHERE p.a = 1;
SELECT ssn(p), p.ssn, (p).ssn, (p.*).ssn FROM people p WHERE id = 1;
SELECT x FROM (SELECT ssn FROM people WHERE id = 1) AS s(x);
SELECT a.ssn FROM (people JOIN dept USING (dept)) AS a WHERE a.id = 1;
SELECT "ssn" || '' AS e, ssn::varchar(5) AS v, ssn::char(3) AS c, length(ssn), ssn ~ '22' AS m FROM people WHERE id = 1;

-- Whole rows.
SELECT p FROM people p ORDER BY id;
SELECT * FROM people ORDER BY id;
SELECT (p).* FROM people p WHERE id = 1;
SELECT (p.*)::text, p::text FROM people p WHERE id = 1;
SELECT row_to_json(p), to_jsonb(p), json_build_object('p', p) FROM people p WHERE id = 1;
SELECT jsonb_pretty(to_jsonb(p)) FROM people p WHERE id = 4;
SELECT json_agg(p ORDER BY id), array_agg(p ORDER BY id) FROM people p WHERE id < 3;
SELECT ROW(p.*), ROW(p), ROW(p.ssn, 1) FROM people p WHERE id = 1;
SELECT p = p AS same, p IS NULL AS n, p IS NOT NULL AS nn, p IS DISTINCT FROM NULL AS d FROM people p ORDER BY id;
SELECT x.* FROM people p, LATERAL json_to_record(row_to_json(p)) AS x(ssn text, pay numeric) WHERE id = 1;
SELECT x.* FROM people p, LATERAL (SELECT (json_populate_record(NULL::people, row_to_json(p))).*) x WHERE p.id = 1;
SELECT (SELECT p).ssn FROM people p WHERE id = 1;
SELECT (ARRAY[p])[1].ssn, (ARRAY(SELECT q FROM people q WHERE id = 2))[1].pay FROM people p WHERE id = 1;
SELECT concat(p), format('%s', p), quote_literal(p), md5(p::text) = md5('(1,ann,*******3331,10,0.00)') AS masked FROM people p WHERE id = 1;
SELECT count(p), count(p.ssn), count(DISTINCT p.ssn), max(p.ssn), min(p::text) FROM people p;
SELECT p.id FROM people p WHERE p = ROW(1, 'ann', '111-22-3331', 10, 1111.11)::people;
SELECT p.id FROM people p WHERE p.* = ROW(1, 'ann', '*******3331', 10, 0.00)::people;
SELECT p.id FROM people p WHERE (p.id, p.ssn) = (1, '111-22-3331');
SELECT p.id FROM people p WHERE (p.id, p.ssn) IN (SELECT id, ssn FROM people) ORDER BY id;
SELECT s.p, (s.p).ssn FROM (SELECT p FROM people p OFFSET 0) s ORDER BY (s.p).id LIMIT 2;
SELECT xmlforest(p.ssn AS ssn), xmlelement(name p, p.ssn) FROM people p WHERE id = 1;
SELECT table_to_xml('people', false, true, '') ::text ~ '111-22' AS raw;
SELECT query_to_xml('SELECT ssn FROM people WHERE id = 1', false, true, '')::text ~ '111-22' AS raw;

-- Predicates, order, groups: all by the masked value.
SELECT id FROM people WHERE ssn = '111-22-3331';
SELECT id FROM people WHERE ssn LIKE '111%' OR ssn BETWEEN '1' AND '2' OR ssn IN ('111-22-3331') OR ssn = ANY ('{111-22-3331}');
SELECT id FROM people WHERE ssn = '*******3333' ORDER BY id;
SELECT id, ssn FROM people ORDER BY ssn DESC NULLS LAST, id;
SELECT ssn, count(*), sum(pay) FROM people GROUP BY ssn ORDER BY ssn;
SELECT DISTINCT ssn FROM people ORDER BY 1;
SELECT DISTINCT ON (ssn) ssn, id FROM people ORDER BY ssn, id;
SELECT left(ssn, 3) AS l, count(*) FROM people GROUP BY 1 HAVING max(ssn) > '*' ORDER BY 1;
SELECT id, ssn, name FROM people GROUP BY id ORDER BY id LIMIT 2;
SELECT id, ssn, count(d.*) FROM people p LEFT JOIN dept d USING (dept) GROUP BY p.id ORDER BY p.id;
SELECT ssn, dept, count(*), grouping(ssn, dept) FROM people GROUP BY GROUPING SETS ((ssn), (dept), (ssn, dept), ()) ORDER BY 4, 1, 2;
SELECT ssn, length(ssn) AS l, count(*) FROM people GROUP BY ROLLUP (ssn) ORDER BY 1, 3;
SELECT dept, ssn, count(*) FROM people GROUP BY CUBE (dept, ssn) ORDER BY 1, 2, 3;
SELECT id, rank() OVER (ORDER BY ssn), first_value(ssn) OVER w, lag(ssn) OVER w, count(*) OVER (PARTITION BY ssn)
    FROM people WINDOW w AS (ORDER BY id) ORDER BY id;
SELECT id, sum(pay) OVER (ORDER BY pay RANGE BETWEEN 1000 PRECEDING AND CURRENT ROW) FROM people ORDER BY id;
SELECT mode() WITHIN GROUP (ORDER BY ssn), percentile_disc(0.5) WITHIN GROUP (ORDER BY pay), string_agg(ssn, ',' ORDER BY ssn, id),
    rank('*******3333') WITHIN GROUP (ORDER BY ssn), array_agg(DISTINCT ssn), max(ssn) FILTER (WHERE ssn <> '111-22-3331') FROM people;
SELECT sum(pay), avg(pay), stddev(pay), corr(pay, id), regr_slope(pay, id) FROM people;

-- Joins.
SELECT p.id, w.why FROM people p JOIN wanted w ON p.ssn = w.ssn ORDER BY 1, 2;
SELECT ssn, p.id, w.why FROM people p JOIN wanted w USING (ssn) ORDER BY 2;
SELECT ssn, id, why FROM people NATURAL JOIN wanted ORDER BY id;
SELECT j.ssn, p2.ssn, id FROM people JOIN wanted USING (ssn) AS j JOIN people p2 USING (id) ORDER BY id;
SELECT j FROM people JOIN wanted USING (ssn) AS j ORDER BY 1;
SELECT left(ssn, 7) AS merged, p.ssn, left(w.ssn, 7) AS w, id, why FROM people p FULL JOIN wanted w USING (ssn) ORDER BY id, why;
SELECT ssn, id, why FROM wanted w RIGHT JOIN people p USING (ssn) ORDER BY id;
SELECT d.dname, p.ssn, p.pay, p FROM dept d LEFT JOIN people p USING (dept) ORDER BY d.dept, p.id;
SELECT d.dname, p.ssn IS NULL AS n, p IS NULL AS pn, p.id FROM dept d LEFT JOIN people p ON p.dept = d.dept AND p.ssn = '111-22-3331' ORDER BY d.dept;
SELECT d.dname, s.ssn, s.k FROM dept d LEFT JOIN (SELECT dept, ssn, 'k' AS k FROM people WHERE pay >= 0) s USING (dept) ORDER BY 1, 2;
SELECT count(*) FROM people a CROSS JOIN people b WHERE a.ssn < b.ssn;
SELECT a.id, b.id FROM people a JOIN people b ON a.ssn = b.ssn AND a.id < b.id;
SELECT id FROM people p WHERE EXISTS (SELECT FROM wanted w WHERE w.ssn = p.ssn) ORDER BY 1;
SELECT id FROM people p WHERE NOT EXISTS (SELECT FROM wanted w WHERE w.ssn = p.ssn) ORDER BY 1;
SET enable_hashjoin = off; SET enable_mergejoin = off;
SELECT p.id, w.why FROM people p JOIN wanted w ON p.ssn = w.ssn ORDER BY 1, 2;
SET enable_mergejoin = on; SET enable_nestloop = off;
SELECT p.id, w.why FROM people p JOIN wanted w ON p.ssn = w.ssn ORDER BY 1, 2;
SELECT left(ssn, 7) AS merged, p.ssn, left(w.ssn, 7) AS w, id, why FROM people p FULL JOIN wanted w USING (ssn) ORDER BY id, why;
RESET ALL;

-- CTEs, sub-queries, LATERAL, set operations, VALUES, table functions.
WITH c AS (SELECT id, ssn FROM people) SELECT * FROM c WHERE id = 1;
WITH c AS MATERIALIZED (SELECT p FROM people p) SELECT (p).ssn FROM c ORDER BY (p).id;
WITH RECURSIVE r(id, s) AS (SELECT id, ssn FROM people WHERE id = 1
    UNION ALL SELECT p.id, r.s || '/' || p.ssn FROM r JOIN people p ON p.id = r.id + 1) SELECT * FROM r ORDER BY id;
WITH RECURSIVE r AS (SELECT id, ssn FROM people WHERE id = 1
    UNION ALL SELECT p.id, p.ssn FROM r JOIN people p ON p.id = r.id + 1)
    SEARCH DEPTH FIRST BY ssn SET o CYCLE ssn SET yes USING path SELECT id, ssn, o, yes, path FROM r ORDER BY id;
SELECT x.s FROM dept d, LATERAL (SELECT max(p.ssn) AS s FROM people p WHERE p.dept = d.dept) x ORDER BY d.dept;
SELECT p.id, x FROM people p, LATERAL (VALUES (p.ssn), (p.pay::text)) v(x) WHERE id = 1;
SELECT p.id, x FROM people p, LATERAL unnest(ARRAY[p.ssn, p.name]) WITH ORDINALITY u(x, o) WHERE id = 1;
SELECT p.id, x FROM people p, LATERAL regexp_split_to_table(p.ssn, '-') x WHERE id = 1;
SELECT p.id, x.v FROM people p, ROWS FROM (unnest(string_to_array(p.ssn, '-')), generate_series(1, 2)) x(v, n) WHERE id = 1;
SELECT p.id, x.* FROM people p, XMLTABLE('/a' PASSING xmlelement(name a, p.ssn) COLUMNS s text PATH '.') x WHERE id = 1;
SELECT p.id, x.* FROM people p, jsonb_each_text(to_jsonb(p)) x WHERE id = 1 ORDER BY key;
SELECT ssn FROM people WHERE id = 1 UNION ALL SELECT ssn FROM people WHERE id = 2 ORDER BY 1;
SELECT ssn FROM people INTERSECT SELECT ssn FROM wanted ORDER BY 1;
SELECT left(ssn, 6) FROM (SELECT ssn FROM wanted EXCEPT SELECT ssn FROM people) s ORDER BY 1;
SELECT ssn FROM people UNION SELECT ssn FROM wanted WHERE why = 'masked' ORDER BY 1;
VALUES ((SELECT ssn FROM people WHERE id = 1), (SELECT p FROM people p WHERE id = 1)::text);
SELECT (SELECT ssn FROM people WHERE id = d.dept / 10) FROM dept d ORDER BY dept;
SELECT (SELECT (SELECT p.ssn FROM dept LIMIT 1) FROM dept LIMIT 1) FROM people p WHERE id = 1;
SELECT ARRAY(SELECT ssn FROM people ORDER BY id);
SELECT id FROM people ORDER BY (SELECT w.why FROM wanted w WHERE w.ssn = people.ssn), id;
SELECT id FROM people ORDER BY id LIMIT (SELECT CASE WHEN ssn = '111-22-3331' THEN 3 ELSE 1 END FROM people WHERE id = 1);
SELECT id FROM people ORDER BY id OFFSET (SELECT count(*) FROM people WHERE ssn > '1');
SELECT CASE ssn WHEN '111-22-3331' THEN 'raw' WHEN '*******3331' THEN 'masked' END, COALESCE(ssn, '-'), NULLIF(ssn, '111-22-3331'),
    GREATEST(ssn, '*'), ssn IS DISTINCT FROM '111-22-3331' AS d FROM people WHERE id IN (1, 4) ORDER BY id;
SELECT id FROM people WHERE ssn > ALL (SELECT ssn FROM people WHERE id = 1) ORDER BY id;
SELECT id, EXISTS (SELECT FROM wanted w WHERE w.ssn = p.ssn AND w.why = 'raw') AS hit FROM people p ORDER BY id;

-- Modifying CTEs on a table of one's own.
CREATE TABLE mine (id int, s text);
WITH i AS (INSERT INTO mine SELECT id, ssn FROM people RETURNING *) SELECT * FROM i ORDER BY id;
WITH u AS (UPDATE mine SET s = p.ssn || '!' FROM people p WHERE p.id = mine.id RETURNING mine.id, p.ssn, p, s)
    SELECT * FROM u ORDER BY id;
WITH d AS (DELETE FROM mine USING people p WHERE p.id = mine.id AND p.ssn = '111-22-3331' RETURNING *) SELECT count(*) FROM d;
MERGE INTO mine USING people p ON p.id = mine.id AND p.ssn = '*******3331'
    WHEN MATCHED AND p.ssn <> '111-22-3331' THEN UPDATE SET s = p.ssn WHEN NOT MATCHED THEN INSERT VALUES (p.id + 100, p.ssn);
SELECT * FROM mine ORDER BY id;

-- Locks, samples, ONLY, system columns stay what they are.
SELECT id, ssn FROM people WHERE id = 1 FOR UPDATE;
SELECT id, ssn FROM people WHERE id = 1 FOR NO KEY UPDATE OF people SKIP LOCKED;
SELECT p.ssn, d.dname FROM people p JOIN dept d USING (dept) WHERE id = 1 FOR SHARE OF p;
SELECT ssn FROM (SELECT * FROM people WHERE id = 1 FOR KEY SHARE) s;
SELECT ssn FROM people TABLESAMPLE BERNOULLI (100) REPEATABLE (1) ORDER BY id;
SELECT count(ssn) FROM people TABLESAMPLE SYSTEM (0);
SELECT ssn FROM ONLY people ORDER BY id LIMIT 1;
SELECT ctid, tableoid::regclass, xmin <> '0' AS x, ssn FROM people WHERE ctid = '(0,1)';
SELECT ssn, p.tableoid::regclass FROM people p WHERE p.ctid = (SELECT ctid FROM people WHERE id = 2);

-- Nobody's errors show more than the mask.
SELECT ssn::int FROM people WHERE id = 1;
SELECT p::text::int FROM people p WHERE id = 1;
SELECT ssn::xml, (ssn || '<')::xml FROM people WHERE id = 1;
SELECT ('[' || ssn)::json FROM people WHERE id = 1;
SELECT ssn::regclass FROM people WHERE id = 1;
SELECT ssn::inet FROM people WHERE id = 1;
SELECT ssn::date FROM people WHERE id = 1;
SELECT 1 / (ssn <> '111-22-3331')::int FROM people WHERE id = 1;

-- Column privileges: what may not be named may not be read as part of a row either, and what may is masked.
RESET SESSION AUTHORIZATION;
CREATE TABLE half (id int, ssn text, note text);
INSERT INTO half VALUES (1, '111-22-3339', 'secret note');
GRANT SELECT (id, ssn) ON half TO regress_read_shapes_user;
SELECT "column", state FROM jitmask.attach('last4', 'public.half.ssn');
SET SESSION AUTHORIZATION regress_read_shapes_user;
SELECT id, ssn FROM half;
SELECT note FROM half;
SELECT half FROM half;
SELECT ssn FROM half WHERE note = 'secret note';

-- Renamed and added columns.
RESET SESSION AUTHORIZATION;
ALTER TABLE half RENAME COLUMN ssn TO tax_id;
ALTER TABLE half RENAME TO halves;
ALTER TABLE halves ADD COLUMN ssn text DEFAULT 'not it';
GRANT SELECT ON halves TO regress_read_shapes_user;
SET SESSION AUTHORIZATION regress_read_shapes_user;
SELECT * FROM halves;
SELECT halves FROM halves;

-- Types: the masked value has the column's type to the letter, whatever the mask gives.
RESET SESSION AUTHORIZATION;
CREATE DOMAIN short AS varchar(6);
CREATE TYPE pair AS (a int, b text);
CREATE TABLE typed (id int, v varchar(8), c char(6), d short, n numeric(10,2), dt date, ts timestamptz(0), a text[], p pair,
    j jsonb, u uuid, b bytea, i inet, bo boolean, e text COLLATE "C");
INSERT INTO typed VALUES (1, '1112', '111223', '111223', 1112233.39, '1999-12-11', '1999-12-11 11:22:33+00', '{111-22-3333,b}',
    '(1112233,111-22-3333)', '{"ssn": "111-22-3333"}', '11122333-0000-0000-0000-000000000000', '\x111223', '111.22.33.3', true, '111-22-3333');
SELECT policy FROM jitmask.create_policy('long', $$value || '-is-far-too-long'$$);
SELECT policy FROM jitmask.create_policy('usual', 'mask_default(value)');
SELECT policy FROM jitmask.create_policy('third', 'mask_constant(value, 0.129)');
SELECT policy FROM jitmask.create_policy('cut', $$date_trunc('year', value::timestamp)::date$$);
SELECT "column" FROM jitmask.attach('long', 'public.typed.v');
SELECT "column" FROM jitmask.attach('fixed', '{public.typed.c,public.typed.d}'::text[]);
SELECT "column" FROM jitmask.attach('third', 'public.typed.n');
SELECT "column" FROM jitmask.attach('cut', 'public.typed.dt');
SELECT "column" FROM jitmask.attach('usual', '{public.typed.ts,public.typed.a,public.typed.p,public.typed.j,public.typed.u,public.typed.b,public.typed.i,public.typed.bo}'::text[]);
SELECT "column" FROM jitmask.attach('last4', 'public.typed.e');
GRANT SELECT ON typed TO regress_read_shapes_user;
SET SESSION AUTHORIZATION regress_read_shapes_user;
SELECT v, c || '|' AS c, d, n, dt, ts, a, p, j, u, b, i, bo, e FROM typed;
SELECT (t).v, (t).c || '|' AS c, (t).d, (t).n, (t).dt, (t).a, ((t).p).b, (p).a, a[1], j ->> 'ssn' AS j FROM typed t;
CREATE TABLE copied AS SELECT * FROM typed;
SELECT attname, format_type(atttypid, atttypmod), attcollation::regcollation FROM pg_attribute
    WHERE attrelid = 'copied'::regclass AND attnum > 0 ORDER BY attnum;
SELECT v, c || '|' AS c, d, n FROM copied;
CREATE TABLE copied2 AS SELECT (s.r).v, (s.r).n, (s.r).c, (s.r).v || '' AS x FROM (SELECT t FROM typed t UNION ALL SELECT t FROM typed t) s(r);
SELECT * FROM copied2;
SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'copied2'::regclass AND attnum > 0 ORDER BY attnum;

-- NULL stays NULL for constants, in outer joins as well.
RESET SESSION AUTHORIZATION;
CREATE TABLE consts (id int PRIMARY KEY, a text, b text, c int);
INSERT INTO consts VALUES (1, '111-22-3333', '111-22-3333', 111223333), (2, NULL, NULL, NULL);
SELECT policy FROM jitmask.create_policy('bare', $$'CONST'$$);
SELECT policy FROM jitmask.create_policy('dash', $$coalesce(left(value, 0), '') || '-'$$);
SELECT policy FROM jitmask.create_policy('seven', '7');
SELECT "column" FROM jitmask.attach('bare', 'public.consts.a');
SELECT "column" FROM jitmask.attach('dash', 'public.consts.b');
SELECT "column" FROM jitmask.attach('seven', 'public.consts.c');
GRANT SELECT ON consts TO regress_read_shapes_user;
SET SESSION AUTHORIZATION regress_read_shapes_user;
SELECT * FROM consts ORDER BY id;
SELECT d.dept, k.*, k AS whole FROM dept d LEFT JOIN consts k ON k.id * 10 = d.dept ORDER BY 1;
SELECT d.dept, s.* FROM dept d LEFT JOIN (SELECT id, a, b, c, a || b AS ab FROM consts) s ON s.id * 10 = d.dept ORDER BY 1;
SELECT a, count(*) FROM consts RIGHT JOIN dept ON id * 10 = dept GROUP BY a ORDER BY a;
SELECT a, b, c, count(*) FROM consts GROUP BY ROLLUP (a, b, c) ORDER BY 1, 2, 3, 4;

-- The keyed mask: equal for equal values, and nothing else to see.
RESET SESSION AUTHORIZATION;
CREATE TABLE keyed (id int, ssn text);
INSERT INTO keyed VALUES (1, '111-22-3333'), (2, '111-22-3333'), (3, '111-22-3334');
SELECT policy FROM jitmask.create_policy('hashed', 'mask_hash(value)');
SELECT "column" FROM jitmask.attach('hashed', 'public.keyed.ssn');
GRANT SELECT ON keyed TO regress_read_shapes_user;
SET SESSION AUTHORIZATION regress_read_shapes_user;
SELECT a.id, b.id, a.ssn ~ '^[0-9a-f]{16,}$' AS hex FROM keyed a JOIN keyed b USING (ssn) ORDER BY 1, 2;

-- A column computed from nothing but the protected one is protected as well.
RESET SESSION AUTHORIZATION;
CREATE TABLE computed (id int, ssn text, same text GENERATED ALWAYS AS (ssn) STORED);
INSERT INTO computed VALUES (1, '111-22-3333');
SELECT "column" FROM jitmask.attach('last4', 'public.computed.ssn') ORDER BY 1;
GRANT SELECT ON computed TO regress_read_shapes_user;
SET SESSION AUTHORIZATION regress_read_shapes_user;
SELECT * FROM computed;
RESET SESSION AUTHORIZATION;

-- Raw below: a superuser sees what is stored, before and after.
SELECT id, ssn, pay FROM people ORDER BY id;

-- Grouped columns within expressions, where a cast or an operator stands around the mask: NULL where they aren't grouped.
RESET SESSION AUTHORIZATION;
CREATE DOMAIN mail AS text CHECK (length(VALUE) < 100);
CREATE TABLE grouped (id int, name varchar, mail mail, paid boolean, spent boolean);
INSERT INTO grouped VALUES (1, '111-22-3331', 'a@111-22-3331.com', true, true), (2, '111-22-3332', 'b@111-22-3332.org', false, true), (3, NULL, NULL, NULL, NULL);
GRANT SELECT ON grouped TO regress_read_shapes_user;
SELECT policy FROM jitmask.create_policy('grouped_email', 'mask_email(value)');
SELECT policy FROM jitmask.create_policy('grouped_other', 'value = false');
SELECT policy FROM jitmask.create_policy('grouped_both', 'value AND (value OR NOT value)');
SELECT "column", state FROM jitmask.attach('last4', 'public.grouped.name');
SELECT "column", state FROM jitmask.attach('grouped_email', 'public.grouped.mail');
SELECT "column", state FROM jitmask.attach('grouped_other', 'public.grouped.paid');
SELECT "column", state FROM jitmask.attach('grouped_both', 'public.grouped.spent');
SET SESSION AUTHORIZATION regress_read_shapes_user;
SELECT name, lower(name), name::text || '!' AS more, count(*) FROM grouped GROUP BY ROLLUP (name) ORDER BY name;
SELECT mail, upper(mail), count(*) FROM grouped GROUP BY CUBE (mail) ORDER BY mail, 3;
SELECT paid, NOT paid AS other, count(*) FROM grouped GROUP BY GROUPING SETS ((paid), ()) ORDER BY paid, 3;
SELECT spent, spent AND id > 0 AS more, count(*) FROM grouped GROUP BY GROUPING SETS ((spent, id), (id)) ORDER BY id, spent;
SELECT name, count(*) FROM grouped GROUP BY name HAVING lower(name) ~ '\*' ORDER BY 1;
-- In sub-queries around which rows are grouped, too.
SELECT name, (SELECT g.name) AS again, (SELECT count(*) FROM people p WHERE p.ssn = g.name) AS n, count(*)
  FROM grouped g GROUP BY ROLLUP (g.name) ORDER BY name, 4;
SELECT (SELECT g) IS NULL AS gone, (SELECT lower(g.name)), id, count(*) FROM grouped g GROUP BY GROUPING SETS ((g, g.id), (g.name), (g.id)) ORDER BY 1, 2, 3;
SELECT name, mail, (SELECT g.name || coalesce(g.mail, '-') FROM people WHERE ssn LIKE '%3331') FROM grouped g GROUP BY CUBE (name, mail) ORDER BY 1, 2, 3;
SELECT name, max((SELECT g.name)) AS within, (SELECT max(g.name || p.id) FROM people p WHERE p.id = 1) AS above FROM grouped g WHERE EXISTS (SELECT g.name) GROUP BY ROLLUP (name) ORDER BY 1, 2;
SELECT name, count(*) FROM grouped g GROUP BY ROLLUP (name) HAVING (SELECT g.name) IS NULL ORDER BY 2;
SELECT name, (SELECT (SELECT g.name || GROUPING(g.name))) AS deep, GROUPING(name) FROM grouped g GROUP BY ROLLUP (name) ORDER BY 1, 3;
SELECT name, (SELECT g.name) AS again FROM grouped g GROUP BY name ORDER BY 1;
