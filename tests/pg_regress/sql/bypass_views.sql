-- Views mask for whoever asks, whoever owns them and whatever they compute. Raw values look like 111-22-3333.
\set VERBOSITY default
CREATE ROLE regress_bypass_views_user;
CREATE ROLE regress_bypass_views_exempt;
CREATE SCHEMA evil AUTHORIZATION regress_bypass_views_user;
GRANT ALL ON SCHEMA public TO regress_bypass_views_exempt;
CREATE TABLE people (id int PRIMARY KEY, ssn text, dept int);
INSERT INTO people VALUES (1, '111-22-3331', 1), (2, '111-22-3332', 1), (3, NULL, 2);
CREATE TABLE noise (id int, said text);
GRANT SELECT ON people TO regress_bypass_views_user, regress_bypass_views_exempt;
SELECT policy FROM jitmask.create_policy('last4', 'mask_partial(value, 0, 4)');
SELECT "column" FROM jitmask.attach('last4', 'public.people.ssn');
SELECT role, state FROM jitmask.exempt('regress_bypass_views_exempt', 'test');

-- Views of the superuser and of an exempt role.
CREATE VIEW plain AS SELECT * FROM people;
CREATE VIEW barrier WITH (security_barrier) AS SELECT id, ssn, dept FROM people WHERE dept = 1;
CREATE VIEW invoker WITH (security_invoker) AS SELECT id, ssn FROM people;
CREATE VIEW computed AS SELECT id, substr(ssn, 1, 3) AS area, ssn = '111-22-3331' AS is_one, p AS row FROM people p;
CREATE VIEW nested AS SELECT v.*, upper(v.ssn) AS up FROM plain v JOIN barrier b USING (id);
CREATE VIEW grouped AS SELECT ssn, count(*) AS n FROM people GROUP BY ssn;
CREATE RECURSIVE VIEW chain(id, ssns) AS
    SELECT id, ssn FROM people WHERE id = 1 UNION ALL SELECT p.id, c.ssns || '+' || p.ssn FROM chain c JOIN people p ON p.id = c.id + 1;
CREATE VIEW unioned AS SELECT ssn FROM people UNION ALL SELECT ssn FROM plain;
CREATE VIEW filtered AS SELECT id FROM people WHERE ssn LIKE '111%';
GRANT UPDATE ON plain TO regress_bypass_views_user;
GRANT SELECT ON plain, barrier, invoker, computed, nested, grouped, chain, unioned, filtered TO regress_bypass_views_user;
SET ROLE regress_bypass_views_exempt;
CREATE VIEW exempts AS SELECT id, ssn FROM people;
GRANT SELECT ON exempts TO regress_bypass_views_user;
RESET ROLE;

SET SESSION AUTHORIZATION regress_bypass_views_user;
SELECT * FROM plain ORDER BY id;
SELECT * FROM barrier ORDER BY id;
SELECT * FROM invoker ORDER BY id;
SELECT * FROM computed ORDER BY id;
SELECT * FROM nested ORDER BY id;
SELECT * FROM grouped ORDER BY ssn;
SELECT * FROM chain ORDER BY id;
SELECT * FROM unioned ORDER BY ssn;
SELECT * FROM filtered ORDER BY id;
SELECT * FROM exempts ORDER BY id;
SELECT plain, row_to_json(plain) FROM plain ORDER BY id;
SELECT barrier FROM barrier WHERE ssn = '111-22-3331';
SELECT id FROM plain WHERE ssn = '*******3331' FOR UPDATE;
SELECT pg_get_viewdef('plain'::regclass);

-- Views of the attacker's own: conditions, cheap leaky functions, CHECK OPTION, INSTEAD OF, rules.
CREATE FUNCTION evil.leak(text) RETURNS bool LANGUAGE plpgsql COST 0.0000001 AS $$ BEGIN RAISE NOTICE 'saw %', $1; RETURN true; END $$;
CREATE FUNCTION evil.leak(people) RETURNS bool LANGUAGE plpgsql COST 0.0000001 AS $$ BEGIN RAISE NOTICE 'saw %', $1; RETURN true; END $$;
CREATE VIEW evil.v AS SELECT * FROM people WHERE evil.leak(ssn) WITH CHECK OPTION;
CREATE VIEW evil.b WITH (security_barrier) AS SELECT * FROM people p WHERE evil.leak(p);
SELECT id FROM evil.v ORDER BY id;
SELECT ssn FROM evil.b ORDER BY id;
SELECT id FROM barrier WHERE evil.leak(ssn) ORDER BY id;
SELECT id FROM barrier b WHERE evil.leak(b::text) ORDER BY id;
CREATE VIEW evil.like_table AS SELECT p.*::text AS t, (SELECT string_agg(ssn, ',' ORDER BY id) FROM people) AS everyone FROM people p;
SELECT * FROM evil.like_table ORDER BY t;
CREATE TABLE evil.target (id int, said text);
CREATE VIEW evil.upd AS SELECT t.id, t.said FROM evil.target t WHERE EXISTS (SELECT FROM people p WHERE p.id = t.id AND evil.leak(p.ssn))
    WITH CASCADED CHECK OPTION;
INSERT INTO evil.upd VALUES (1, 'x');
UPDATE evil.upd SET said = 'y' RETURNING *;
CREATE FUNCTION evil.instead() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'old %', OLD; RETURN NULL; END $$;
CREATE VIEW evil.inst AS SELECT * FROM people;
CREATE TRIGGER t INSTEAD OF UPDATE OR DELETE ON evil.inst FOR EACH ROW EXECUTE FUNCTION evil.instead();
UPDATE evil.inst SET dept = 9 WHERE id = 1;
DELETE FROM evil.inst WHERE ssn LIKE '%1';
CREATE RULE r AS ON INSERT TO evil.target DO ALSO SELECT id, ssn FROM people ORDER BY id;
INSERT INTO evil.target VALUES (7, 'z');
CREATE VIEW evil.ruled AS SELECT 1 AS a;
CREATE RULE r AS ON DELETE TO evil.ruled DO INSTEAD UPDATE evil.target SET said = p.ssn FROM people p WHERE p.id = 1 RETURNING 1;
DELETE FROM evil.ruled;
SELECT * FROM evil.target ORDER BY id;

-- Writing through a view of somebody else's is a write on the table.
RESET SESSION AUTHORIZATION;
GRANT INSERT, UPDATE, DELETE ON plain, people TO regress_bypass_views_user;
SET SESSION AUTHORIZATION regress_bypass_views_user;
BEGIN;
UPDATE plain SET dept = 5 WHERE ssn = '111-22-3331' RETURNING ssn;
UPDATE plain SET dept = 5 WHERE ssn = '*******3331' RETURNING ssn;
INSERT INTO plain VALUES (9, '111-22-3339', 1) RETURNING ssn;
DELETE FROM plain WHERE id = 1 RETURNING *;
CREATE OR REPLACE VIEW evil.v AS SELECT * FROM people WHERE evil.leak(ssn) WITH CHECK OPTION;
UPDATE evil.v SET dept = 5;
ROLLBACK;

-- An exempt role reads raw through the same views: raw below.
RESET SESSION AUTHORIZATION;
GRANT SELECT ON plain TO regress_bypass_views_exempt;
SET ROLE regress_bypass_views_exempt;
SELECT * FROM plain ORDER BY id;
