-- Attacks by writing: what a statement that changes data gives back, asks, copies or fails with.
SET client_min_messages = warning;
\set SHOW_CONTEXT never
CREATE ROLE regress_bypass_writes_user LOGIN;
CREATE TABLE people (id int PRIMARY KEY, ssn text UNIQUE, pay int CHECK (pay >= 0), tags text[], doc jsonb, note text);
INSERT INTO people VALUES (1, '111-22-3331', 1110001, '{111-22-3331,b}', '{"k": "111-22-3331"}', 'one'), (2, '111-22-3332', 1110002, NULL, NULL, 'two');
SELECT jitmask.create_policy('last4', 'mask_partial(value, 0, 4)') \g /dev/null
SELECT jitmask.create_policy('hidden', 'mask_default(value)') \g /dev/null
SELECT jitmask.attach('last4', 'people.ssn'), jitmask.attach('hidden', '{people.pay,people.tags,people.doc}'::text[]) \g /dev/null
GRANT ALL ON people TO regress_bypass_writes_user;
CREATE SCHEMA evil AUTHORIZATION regress_bypass_writes_user;
SET SESSION AUTHORIZATION regress_bypass_writes_user;
SET search_path = evil, public;

\echo -- Errors: DETAIL of whatever part of the statement fails, at once or when it is finished.
CREATE VIEW low AS SELECT * FROM people WHERE id < 9 WITH CHECK OPTION;
UPDATE low SET id = 10;
WITH c AS (UPDATE low SET id = 10 RETURNING id) SELECT 1 AS ran;
WITH c AS (UPDATE low SET id = 10 RETURNING id) SELECT id FROM c;
WITH c AS (UPDATE people SET pay = -1) SELECT 1 AS ran;
WITH c AS (INSERT INTO people (id, ssn) VALUES (3, '111-22-3331')) SELECT 1 AS ran;
MERGE INTO people t USING (VALUES (1)) AS s(id) ON s.id = t.id WHEN MATCHED THEN UPDATE SET pay = -1;
UPDATE people SET id = 2 WHERE id = 1;
UPDATE people SET doc['k']['deeper'] = '1' WHERE id = 1;

\echo -- Conditions: a right guess and a wrong one look the same.
UPDATE people SET note = note WHERE ssn = '111-22-3331' RETURNING id;
DELETE FROM people WHERE pay > 1110001 RETURNING id;
CREATE VIEW guess WITH (security_barrier) AS SELECT * FROM people WHERE ssn = '111-22-3331';
UPDATE guess SET note = 'hit' RETURNING id;
DELETE FROM guess RETURNING id;
CREATE VIEW guess_checked WITH (security_barrier) AS SELECT * FROM guess WITH CHECK OPTION;
UPDATE guess_checked SET note = 'hit' RETURNING id;
MERGE INTO people t USING (VALUES ('111-22-3331')) AS s(ssn) ON s.ssn = t.ssn WHEN MATCHED THEN UPDATE SET note = 'hit';
MERGE INTO people t USING (VALUES (1)) AS s(id) ON s.id = t.id WHEN MATCHED AND t.ssn = '111-22-3331' THEN UPDATE SET note = 'hit';
INSERT INTO people AS p (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET note = 'hit' WHERE p.ssn = '111-22-3331' RETURNING id;
SELECT id, note FROM people ORDER BY id;

\echo -- Copies into other columns and tables.
CREATE TABLE inbox (t text);
UPDATE people SET note = tags[1] WHERE id = 1 RETURNING note;
UPDATE people SET note = doc ->> 'k' WHERE id = 1 RETURNING note;
UPDATE people SET tags[2] = 'x', note = tags[1] || (people).tags[1] WHERE id = 1 RETURNING note;
UPDATE people SET note = (SELECT p.tags[1] FROM people p WHERE p.id = people.id) WHERE id = 1 RETURNING note;
WITH c AS (UPDATE people SET tags[2] = 'y' WHERE id = 1 RETURNING tags, people) INSERT INTO inbox SELECT c::text FROM c RETURNING *;
CREATE RULE tell AS ON UPDATE TO low DO ALSO INSERT INTO inbox VALUES (OLD.ssn), (NEW.ssn), (NEW.tags[1]);
UPDATE low SET note = 'ruled' WHERE id = 1;
UPDATE low SET tags[2] = 'z' WHERE id = 1;
INSERT INTO people (id, ssn) VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET note = EXCLUDED.ssn || people.ssn RETURNING note;
SELECT * FROM inbox;

\echo -- EXCLUDED after a trigger has filled it, and as a way around JM003.
RESET SESSION AUTHORIZATION;
CREATE TABLE filled (id int PRIMARY KEY, ssn text, note text);
CREATE FUNCTION fills() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$BEGIN NEW.ssn := '111-22-3339'; RETURN NEW; END $$;
CREATE TRIGGER fills BEFORE INSERT ON filled FOR EACH ROW EXECUTE FUNCTION fills();
INSERT INTO filled VALUES (1, NULL, 'n');
SELECT jitmask.attach('last4', 'filled.ssn') \g /dev/null
GRANT ALL ON filled TO regress_bypass_writes_user;
SET SESSION AUTHORIZATION regress_bypass_writes_user;
INSERT INTO filled (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET note = EXCLUDED.ssn RETURNING *;
INSERT INTO filled (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET note = EXCLUDED::text RETURNING *;
INSERT INTO filled (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET note = 'hit' WHERE EXCLUDED.ssn LIKE '111%' RETURNING *;
INSERT INTO filled (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET ssn = EXCLUDED.ssn RETURNING *;
INSERT INTO filled (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET ssn = EXCLUDED.ssn || 'x' RETURNING *;
INSERT INTO people (id, note) SELECT id, ssn FROM people WHERE id = 1 ON CONFLICT (id) DO UPDATE SET ssn = EXCLUDED.note;
INSERT INTO people (id, note) SELECT id, ssn FROM people WHERE id = 1 ON CONFLICT (id) DO UPDATE SET ssn = (EXCLUDED).note;
INSERT INTO people (id, note) VALUES (1, 'new') ON CONFLICT (id) DO UPDATE SET ssn = EXCLUDED.note WHERE people.ssn IS DISTINCT FROM EXCLUDED.ssn AND false;
WITH w AS (UPDATE people SET note = ssn WHERE id = 1 RETURNING id, note) UPDATE people SET ssn = w.note || 'x' FROM w WHERE w.id = people.id AND people.id = 2;
WITH w AS (INSERT INTO inbox SELECT ssn FROM people RETURNING t) UPDATE people SET ssn = w.t FROM w;
WITH w AS (UPDATE people SET note = id::text WHERE id = 9 RETURNING id, note) UPDATE people SET ssn = w.note FROM w WHERE w.id = people.id;

\echo -- The helper of the engine gives back what it is given.
SELECT jitmask.keep('new'::text, 'mask'::text, 'old'::text, 'keep'), jitmask.keep('mask'::text, 'mask'::text, 'old'::text, 'keep');
SELECT jitmask.keep('new', ssn, ssn, 'keep'), jitmask.keep(ssn, ssn, ssn, 'keep') FROM people WHERE id = 1;

\echo -- Nothing was lost.
RESET SESSION AUTHORIZATION;
SELECT id, right(ssn, 4) AS ssn, pay, tags[1] = '111-22-3331' AS first_tag, tags[2], doc = '{"k": "111-22-3331"}' AS doc, note FROM people ORDER BY id;
SET client_min_messages = error;
DROP SCHEMA evil CASCADE;
DROP TABLE people;
