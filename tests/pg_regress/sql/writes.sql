-- A masked session writes: every kind of statement, every kind of table, as on a table that holds the masked values;
-- what is stored and not changed stays what it was.
SET client_min_messages = warning;
CREATE ROLE regress_writes_user LOGIN;
CREATE ROLE regress_writes_writer LOGIN;
\set SHOW_CONTEXT never
\pset null '~'

CREATE TYPE address AS (street text, zip text);
CREATE DOMAIN code AS text CHECK (value <> '');
CREATE TABLE people (
    id    int PRIMARY KEY,
    ssn   varchar(11),
    pay   numeric,
    mail  text DEFAULT 'none@example.org',
    tags  text[],
    home  address,
    doc   jsonb,
    pin   code,
    born  date,
    note  text
);
INSERT INTO people VALUES
    (1, '111-22-3331', 100, 'ann@example.com', '{red,green}', ROW('Elm 1', '11111'), '{"a": 1, "b": {"c": 2}}', 'p1', '1991-01-01', 'first'),
    (2, '111-22-3332', 200, 'bob@example.com', '{blue}', ROW('Oak 2', '22222'), '{"a": 5}', 'p2', '1992-02-02', 'second'),
    (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'empty');
SELECT jitmask.create_policy('last4', 'mask_partial(value, 0, 4)') IS NOT NULL AS ok;
SELECT jitmask.create_policy('hidden', 'mask_default(value)') IS NOT NULL AS ok;
SELECT jitmask.create_policy('email', 'mask_email(value)') IS NOT NULL AS ok;
SELECT jitmask.create_policy('nothing', 'mask_null(value)') IS NOT NULL AS ok;
SELECT jitmask.create_policy('arrays', 'mask_constant(value, ''{#}'')') IS NOT NULL AS ok;
SELECT jitmask.attach('last4', 'people.ssn'), jitmask.attach('hidden', 'people.pay'), jitmask.attach('email', 'people.mail') \g /dev/null
SELECT jitmask.attach('arrays', 'people.tags'), jitmask.attach('nothing', 'people.home'), jitmask.attach('hidden', 'people.doc') \g /dev/null
SELECT jitmask.attach('hidden', 'people.pin'), jitmask.attach('hidden', 'people.born') \g /dev/null
GRANT ALL ON people TO regress_writes_user, regress_writes_writer;
CREATE VIEW stored AS SELECT * FROM people;
CREATE TABLE before_it AS SELECT * FROM people;

\echo -- The round trip of an ORM: read every field, change one, save every field. Nothing is lost.
SET ROLE regress_writes_user;
SELECT * FROM people ORDER BY id;
SELECT format('UPDATE people SET ssn = %L, pay = %L, mail = %L, tags = %L, home = %L, doc = %L, pin = %L, born = %L, note = %L WHERE id = %L',
              ssn, pay, mail, tags, home, doc, pin, born, note || '!', id) FROM people ORDER BY id \gexec
SELECT id, note FROM people ORDER BY id;
RESET ROLE;
SELECT p.id, p.note, ROW(p.id, p.ssn, p.pay, p.mail, p.tags, p.home, p.doc, p.pin, p.born) IS NOT DISTINCT FROM
       ROW(b.id, b.ssn, b.pay, b.mail, b.tags, b.home, b.doc, b.pin, b.born) AS all_kept
  FROM people p JOIN before_it b USING (id) ORDER BY id;

\echo -- The same with parameters, whole rows, and a plan that is kept.
SET ROLE regress_writes_user;
SET plan_cache_mode = force_generic_plan;
PREPARE save AS UPDATE people SET ssn = $1, pay = $2, note = $3 WHERE id = $4 RETURNING id, ssn, pay, note;
EXECUTE save('*******3331', 0, 'by parameter', 1);
EXECUTE save('999-99-9999', 7, 'new values', 1);
EXECUTE save('*******9999', 0, 'and kept', 1);
EXECUTE save(NULL, NULL, 'nothing left', 1);
RESET plan_cache_mode;
RESET ROLE;
SELECT ssn, pay, note FROM people WHERE id = 1;
UPDATE people p SET ssn = b.ssn, pay = b.pay, note = b.note FROM before_it b WHERE p.id = b.id;

\echo -- A column assigned to itself; a new value; DEFAULT.
SET ROLE regress_writes_user;
UPDATE people SET ssn = ssn, pay = pay, home = home WHERE id = 1 RETURNING id, ssn, pay, home;
UPDATE people SET ssn = '222-33-4444', mail = DEFAULT WHERE id = 2 RETURNING id, ssn, mail;
UPDATE people SET ssn = NULL WHERE id = 2 RETURNING ssn;
RESET ROLE;
SELECT id, ssn, pay, mail, home FROM people ORDER BY id;
UPDATE people p SET ssn = b.ssn, mail = b.mail FROM before_it b WHERE p.id = b.id;

\echo -- Parts of values: what is not assigned stays as it is stored, and writing back a part changes nothing.
SET ROLE regress_writes_user;
UPDATE people SET tags[2] = 'yellow', home.zip = '99999', doc['b'] = '"new"' WHERE id = 1 RETURNING tags, home, doc;
UPDATE people SET tags[1] = '#' WHERE id IN (1, 2);
UPDATE people SET tags[2] = 'a', tags[3] = 'b', home.street = 'Ash 9', home.zip = '1' WHERE id = 2;
UPDATE people SET tags[1:2] = '{x,y}' WHERE id = 3;
UPDATE people SET tags[1] = 'r' || (random() * 0)::text WHERE id = 3;
RESET ROLE;
SELECT id, tags, home, doc FROM people ORDER BY id;
UPDATE people p SET tags = b.tags, home = b.home, doc = b.doc FROM before_it b WHERE p.id = b.id;

\echo -- Other containers: jsonb by a path, slices, types without arrays; and values that are only written differently.
CREATE TABLE parts_of (id int, p point, j jsonb, plain json, t text[]);
INSERT INTO parts_of VALUES (1, '(1,2)', '{"a": 1}', '{"a": 1}', '{a,b,c}');
SELECT jitmask.create_policy('stars', 'mask_constant(value, ''"***"'')') IS NOT NULL AS ok;
SELECT jitmask.create_policy('json_stars', 'mask_constant(value, ''{"a": "***"}'')') IS NOT NULL AS ok;
SELECT jitmask.attach('nothing', '{parts_of.p,parts_of.t}'::text[]), jitmask.attach('stars', 'parts_of.j'), jitmask.attach('json_stars', 'parts_of.plain') \g /dev/null
GRANT ALL ON parts_of TO regress_writes_user;
SET ROLE regress_writes_user;
SELECT * FROM parts_of;
UPDATE parts_of SET p[0] = 77, j['a'] = '2', t[2:] = '{x,y}', plain = '{"a":"***"}';
RESET ROLE;
SELECT * FROM parts_of;
DROP TABLE parts_of;

\echo -- What is made of masked values is not stored in a masked column: JM003.
SET ROLE regress_writes_user;
UPDATE people SET ssn = upper(ssn);
\set VERBOSITY sqlstate
UPDATE people SET ssn = mail;
UPDATE people SET ssn = note || right(ssn, 1);
UPDATE people SET pay = pay * 1.1;
UPDATE people SET ssn = (SELECT p.ssn FROM people p WHERE p.id = people.id);
UPDATE people SET (ssn, note) = (SELECT p.ssn, p.note FROM people p WHERE p.id = people.id);
UPDATE people SET ssn = o.ssn FROM people o WHERE o.id = people.id;
UPDATE people SET ssn = o.s FROM (SELECT max(ssn) AS s FROM people) o;
WITH o AS (SELECT id, ssn AS s FROM people) UPDATE people SET ssn = o.s FROM o WHERE o.id = people.id;
WITH o AS (UPDATE people SET note = note RETURNING id, ssn AS s) UPDATE people SET ssn = o.s FROM o WHERE o.id = people.id;
WITH RECURSIVE o(a, b, n) AS (SELECT note, ssn::text, 1 FROM people UNION ALL SELECT b, a, n + 1 FROM o WHERE n < 3)
UPDATE people SET ssn = o.a FROM o;
UPDATE people SET ssn = o.s FROM (SELECT note AS s FROM people UNION ALL SELECT ssn FROM people) o;
UPDATE people SET ssn = left(o.r::text, 11) FROM (SELECT p AS r FROM people p) o;
UPDATE people SET ssn = f.v FROM people o, LATERAL unnest(ARRAY[o.ssn]) AS f(v) WHERE o.id = people.id;
UPDATE people SET ssn = j.ssn FROM (people a JOIN (SELECT id AS k FROM people) b ON a.id = b.k) AS j(id, ssn) WHERE j.id = people.id;
UPDATE people SET ssn = v.s FROM people o, LATERAL (VALUES (o.ssn)) AS v(s) WHERE o.id = people.id;
UPDATE people SET ssn = CASE WHEN ssn LIKE '1%' THEN 'a' ELSE 'b' END;
UPDATE people SET tags[1] = tags[2];
UPDATE people SET tags[pay::int] = 'x' WHERE id = 1 RETURNING tags;
UPDATE people SET home.zip = (home).street;
UPDATE people SET tags[pay::int] = tags[1];
INSERT INTO people (id, ssn) SELECT id + 10, ssn FROM people;
INSERT INTO people (id, ssn) VALUES (11, (SELECT ssn FROM people LIMIT 1));
INSERT INTO people (id, note) VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET ssn = people.ssn || 'x';
MERGE INTO people t USING (SELECT id, ssn AS s FROM people) o ON o.id = t.id WHEN MATCHED THEN UPDATE SET ssn = o.s;
MERGE INTO people t USING (SELECT id + 50 AS id, ssn AS s FROM people) o ON o.id = t.id WHEN NOT MATCHED THEN INSERT (id, ssn) VALUES (o.id, o.s);
\set VERBOSITY default
\echo -- Which rows were chosen by a masked value does not make a value masked.
BEGIN;
UPDATE people SET ssn = (SELECT p.note FROM people p WHERE p.ssn = '*******3331') WHERE ssn = '*******3332' RETURNING id, ssn;
UPDATE people SET pin = 'n' || (SELECT count(*) FROM people WHERE ssn IS NOT NULL) WHERE id = 1 RETURNING pin;
UPDATE people SET note = ssn, pay = id RETURNING id, note, pay;
UPDATE people SET (note, ssn) = (SELECT p.ssn, p.note FROM people p WHERE p.id = people.id);
ROLLBACK;
RESET ROLE;
SELECT count(*) FROM people p JOIN before_it b USING (id) WHERE p.ssn IS DISTINCT FROM b.ssn;

\echo -- INSERT: what is new is stored, and shown masked.
SET ROLE regress_writes_user;
INSERT INTO people (id, ssn, pay, note) VALUES (4, '444-44-4444', 400, 'new') RETURNING *;
INSERT INTO people (id) VALUES (5) RETURNING id, mail;
INSERT INTO people (id, ssn) SELECT 6, '666-66-' || 6666;
INSERT INTO people (id, ssn, tags[2]) VALUES (7, '777-77-7777', 'two');
\echo -- ON CONFLICT: EXCLUDED is the new row; what equals the mask is kept.
INSERT INTO people (id, ssn, pay) VALUES (4, '*******4444', 0) ON CONFLICT (id) DO UPDATE SET ssn = EXCLUDED.ssn, pay = EXCLUDED.pay, note = 'again' RETURNING id, ssn, pay, note;
INSERT INTO people (id, ssn) VALUES (6, 'new-6') ON CONFLICT (id) DO UPDATE SET ssn = EXCLUDED.ssn RETURNING ssn;
INSERT INTO people AS p (id, ssn) VALUES (7, 'x') ON CONFLICT (id) DO UPDATE SET ssn = p.ssn, note = p.ssn WHERE p.ssn = '*******7777' RETURNING id, ssn, note;
INSERT INTO people AS p (id, ssn) VALUES (7, 'y') ON CONFLICT (id) DO UPDATE SET (ssn, note) = (SELECT EXCLUDED.ssn, p.ssn) RETURNING id, ssn, note;
INSERT INTO people (id, ssn) VALUES (7, 'z') ON CONFLICT DO NOTHING RETURNING id;
RESET ROLE;
SELECT id, ssn, pay, tags, note FROM people WHERE id > 3 ORDER BY id;

\echo -- DELETE sees masks in its conditions and gives masks back.
SET ROLE regress_writes_user;
DELETE FROM people WHERE ssn = '444-44-4444';
DELETE FROM people WHERE ssn = '*******4444' RETURNING id, ssn, pay;
DELETE FROM people USING people o WHERE o.id = people.id AND people.id = 5 RETURNING people.mail, o.mail;
DELETE FROM people WHERE id > 3 RETURNING id, people;

\echo -- MERGE.
MERGE INTO people t USING (VALUES (1, '*******3331', 'm1'), (2, '888-88-8888', 'm2'), (8, '8', 'm8')) AS s(id, ssn, note) ON s.id = t.id
 WHEN MATCHED AND t.ssn = '*******3331' THEN UPDATE SET ssn = s.ssn, note = s.note
 WHEN MATCHED THEN UPDATE SET ssn = s.ssn, pay = t.pay, note = t.ssn
 WHEN NOT MATCHED THEN INSERT (id, ssn, note) VALUES (s.id, s.ssn, s.note);
MERGE INTO people t USING people s ON s.id = t.id AND s.ssn = t.ssn AND t.id = 8 WHEN MATCHED AND s.ssn = '8' THEN DO NOTHING WHEN MATCHED THEN DELETE;
RESET ROLE;
SELECT id, ssn, pay, note FROM people ORDER BY id;
UPDATE people p SET ssn = b.ssn, pay = b.pay, note = b.note FROM before_it b WHERE p.id = b.id;

\echo -- WHERE CURRENT OF.
SET ROLE regress_writes_user;
BEGIN;
DECLARE c CURSOR FOR SELECT id, ssn FROM people ORDER BY id FOR UPDATE;
FETCH c;
UPDATE people SET ssn = '*******3331', pay = pay, note = 'current' WHERE CURRENT OF c RETURNING id, ssn, note;
FETCH c;
DELETE FROM people WHERE CURRENT OF c RETURNING id, ssn;
COMMIT;
RESET ROLE;
SELECT id, ssn, pay, note FROM people ORDER BY id;
DELETE FROM people;
INSERT INTO people SELECT * FROM before_it;

\echo -- Through views: plain, nested, with a condition and a check option, by rule and by trigger.
CREATE VIEW plain AS SELECT id, ssn AS s, note FROM people;
CREATE VIEW nested AS SELECT s AS social, id FROM plain WHERE id < 3;
CREATE VIEW checked AS SELECT id, ssn, note FROM people WHERE ssn LIKE '***%' WITH CHECK OPTION;
CREATE VIEW ruled AS SELECT id, ssn, note FROM people;
CREATE RULE upd AS ON UPDATE TO ruled DO INSTEAD UPDATE people SET ssn = NEW.ssn, note = NEW.note WHERE id = OLD.id;
CREATE VIEW triggered AS SELECT id, ssn, note FROM people;
CREATE FUNCTION instead() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.ssn LIKE '1%' THEN RAISE WARNING 'raw value in OLD'; END IF;
    UPDATE people SET ssn = NEW.ssn, note = NEW.note WHERE id = OLD.id;
    RETURN NEW;
END $$;
CREATE TRIGGER instead INSTEAD OF UPDATE ON triggered FOR EACH ROW EXECUTE FUNCTION instead();
GRANT ALL ON plain, nested, checked, ruled, triggered TO regress_writes_user;
SET ROLE regress_writes_user;
UPDATE plain SET s = s, note = 'plain' WHERE id = 1 RETURNING *;
UPDATE nested SET social = '*******3331' WHERE id = 1 RETURNING *;
UPDATE nested SET social = 'new' WHERE social = '*******3332' RETURNING *;
INSERT INTO plain VALUES (20, '202-02-0202', 'in') RETURNING *;
DELETE FROM plain WHERE s = '*******0202' RETURNING *;
UPDATE checked SET note = 'checked' WHERE id = 1 RETURNING *;
UPDATE checked SET ssn = '123' WHERE id = 1;
UPDATE ruled SET note = 'ruled' WHERE id = 1;
UPDATE ruled SET ssn = '*******3331' WHERE id = 1;
UPDATE ruled SET ssn = right(ssn, 2) WHERE id = 1;
UPDATE triggered SET note = 'triggered' WHERE id = 1 RETURNING *;
RESET ROLE;
SELECT id, ssn, note FROM people ORDER BY id;
DELETE FROM people;
INSERT INTO people SELECT * FROM before_it;

\echo -- write_back: error refuses what would be kept, allow stores it.
SELECT jitmask.alter_policy('last4', write_back => 'error') IS NOT NULL AS ok;
SET ROLE regress_writes_user;
UPDATE people SET ssn = '*******3331' WHERE id = 1;
UPDATE people SET ssn = ssn, note = 'itself' WHERE id = 1 RETURNING ssn;
UPDATE people SET ssn = 'other' WHERE id = 2 RETURNING ssn;
RESET ROLE;
SELECT jitmask.alter_policy('last4', write_back => 'allow') IS NOT NULL AS ok;
SET ROLE regress_writes_user;
UPDATE people SET ssn = '*******3331' WHERE id = 1;
UPDATE people SET ssn = left(upper(ssn), 3) WHERE id = 2;
RESET ROLE;
SELECT id, ssn FROM people ORDER BY id;
SELECT jitmask.alter_policy('last4', write_back => 'sometimes');
SELECT name, write_back FROM jitmask.policies ORDER BY name;
SELECT jitmask.alter_policy('last4', write_back => 'keep') IS NOT NULL AS ok;
DELETE FROM people;
INSERT INTO people SELECT * FROM before_it;

\echo -- Partitions: rows move between them with what is stored.
CREATE TABLE parts (id int, region text, ssn text, note text, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
CREATE TABLE parts_n PARTITION OF parts FOR VALUES IN ('n');
CREATE TABLE parts_s (note text, gone int, ssn text, region text NOT NULL, id int NOT NULL);
ALTER TABLE parts_s DROP COLUMN gone;
ALTER TABLE parts ATTACH PARTITION parts_s FOR VALUES IN ('s');
INSERT INTO parts VALUES (1, 'n', '111-22-3331', 'a'), (2, 's', '111-22-3332', 'b');
SELECT jitmask.attach('last4', 'parts.ssn') \g /dev/null
GRANT ALL ON parts, parts_n, parts_s TO regress_writes_user;
SET ROLE regress_writes_user;
UPDATE parts SET region = 's', ssn = '*******3331' WHERE id = 1 RETURNING tableoid::regclass, *;
UPDATE parts_s SET note = 'direct', ssn = ssn WHERE ssn = '*******3332' RETURNING *;
INSERT INTO parts VALUES (3, 's', '333', 'c') RETURNING *;
INSERT INTO parts VALUES (3, 's', '*33', 'c') ON CONFLICT (id, region) DO UPDATE SET ssn = EXCLUDED.ssn RETURNING *;
UPDATE parts SET ssn = ssn || 'x';
UPDATE parts_n SET ssn = parts_s.ssn FROM parts_s;
RESET ROLE;
SELECT tableoid::regclass, * FROM parts ORDER BY id;

\echo -- Row security that looks at the column sees what is stored; check options of views see masks.
CREATE TABLE guarded (id int, ssn text);
INSERT INTO guarded VALUES (1, '111-22-3331'), (2, '222-33-3332');
ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
CREATE POLICY ones ON guarded USING (ssn LIKE '1%') WITH CHECK (ssn LIKE '1%');
SELECT jitmask.attach('last4', 'guarded.ssn') \g /dev/null
GRANT ALL ON guarded TO regress_writes_user;
SET ROLE regress_writes_user;
UPDATE guarded SET id = id + 10 RETURNING *;
INSERT INTO guarded VALUES (3, '123') RETURNING *;
INSERT INTO guarded VALUES (4, '423');
UPDATE guarded SET ssn = '9';
UPDATE guarded SET ssn = '*******3331' WHERE id = 11;
MERGE INTO guarded g USING (VALUES (3), (5)) AS s(id) ON s.id = g.id WHEN MATCHED THEN UPDATE SET ssn = '*23' WHEN NOT MATCHED THEN INSERT VALUES (s.id, '155');
RESET ROLE;
SELECT * FROM guarded ORDER BY id;

\echo -- COPY FROM brings new rows.
SET ROLE regress_writes_user;
COPY people (id, ssn, note) FROM STDIN;
30	303-03-0303	copied
\.
SELECT id, ssn, note FROM people WHERE id = 30;
RESET ROLE;
SELECT id, ssn, note FROM people WHERE id = 30;

\echo -- Whoever sees raw values writes as always.
SELECT jitmask.exempt('regress_writes_writer', 'writes') \g /dev/null
SET compute_query_id = off;
SET ROLE regress_writes_writer;
UPDATE people SET ssn = '*******3331', pay = pay * 2 WHERE id = 1 RETURNING ssn, pay;
EXPLAIN (VERBOSE, COSTS OFF) UPDATE people SET ssn = 'x' WHERE id = 1;
RESET ROLE;

\echo -- A privilege to write is all it takes to write.
REVOKE ALL ON people FROM regress_writes_user;
GRANT UPDATE (ssn, note), INSERT (id, ssn) ON people TO regress_writes_user;
SET ROLE regress_writes_user;
UPDATE people SET ssn = 'blind';
INSERT INTO people (id, ssn) VALUES (40, 'blind');
UPDATE people SET ssn = 'blind' WHERE id = 1;
RESET ROLE;
SELECT DISTINCT ssn FROM people;

DROP VIEW stored, nested, plain, checked, ruled, triggered;
DROP TABLE people, before_it, parts, guarded;
DROP FUNCTION instead;
DROP TYPE address;
DROP DOMAIN code;
