-- Foreign keys over protected columns keep working when the tables' owner sees masks (the server checks keys as the
-- owner); code of users' below such a check sees masks. Raw values look like 111-22-3333.
\set VERBOSITY default
CREATE ROLE regress_foreign_keys_owner;
CREATE ROLE regress_foreign_keys_evil;
CREATE ROLE regress_foreign_keys_clerk;
GRANT ALL ON SCHEMA public TO regress_foreign_keys_owner;
CREATE SCHEMA evil AUTHORIZATION regress_foreign_keys_evil;
GRANT USAGE ON SCHEMA evil TO PUBLIC;
SET ROLE regress_foreign_keys_owner;
CREATE TABLE people (ssn text PRIMARY KEY, id int UNIQUE, name text);
CREATE TABLE cascades (k int, ssn text REFERENCES people ON UPDATE CASCADE ON DELETE CASCADE);
CREATE TABLE nulls (k int, ssn varchar(20) REFERENCES people ON UPDATE SET NULL ON DELETE SET NULL);
CREATE TABLE defaults (k int, ssn text DEFAULT '111-22-3339' REFERENCES people ON UPDATE SET DEFAULT ON DELETE SET DEFAULT);
CREATE TABLE restricts (k int, ssn text REFERENCES people ON DELETE RESTRICT);
CREATE TABLE noaction (k int, ssn text REFERENCES people DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE self (ssn text PRIMARY KEY, boss text REFERENCES self ON UPDATE CASCADE ON DELETE SET NULL);
CREATE TABLE pairs (a int, ssn text, PRIMARY KEY (a, ssn));
CREATE TABLE pairrefs (k int, a int, ssn text, FOREIGN KEY (a, ssn) REFERENCES pairs ON UPDATE CASCADE ON DELETE SET NULL (ssn));
CREATE TABLE numbers (n bigint PRIMARY KEY);
CREATE TABLE numrefs (k int, n int REFERENCES numbers ON UPDATE CASCADE ON DELETE CASCADE);
CREATE TABLE parts (n int, ssn text, PRIMARY KEY (n, ssn)) PARTITION BY RANGE (n);
CREATE TABLE parts1 PARTITION OF parts FOR VALUES FROM (0) TO (10);
CREATE TABLE parts2 PARTITION OF parts FOR VALUES FROM (10) TO (20);
CREATE TABLE partrefs (k int, n int, ssn text, FOREIGN KEY (n, ssn) REFERENCES parts ON UPDATE CASCADE ON DELETE CASCADE) PARTITION BY LIST (k);
CREATE TABLE partrefs1 PARTITION OF partrefs DEFAULT;
INSERT INTO people SELECT '111-22-333' || i, i, 'n' || i FROM generate_series(1, 9) i;
INSERT INTO cascades SELECT i, '111-22-333' || i FROM generate_series(1, 3) i;
INSERT INTO nulls SELECT i, '111-22-333' || i FROM generate_series(1, 3) i;
INSERT INTO defaults SELECT i, '111-22-333' || i FROM generate_series(1, 3) i;
INSERT INTO restricts VALUES (4, '111-22-3334');
INSERT INTO noaction VALUES (5, '111-22-3335');
INSERT INTO self VALUES ('111-22-3331', NULL), ('111-22-3332', '111-22-3331');
INSERT INTO pairs VALUES (1, '111-22-3331'), (2, '111-22-3332');
INSERT INTO pairrefs VALUES (1, 1, '111-22-3331'), (2, 2, '111-22-3332');
INSERT INTO numbers VALUES (1113331), (1113332);
INSERT INTO numrefs VALUES (1, 1113331), (2, 1113332);
INSERT INTO parts VALUES (1, '111-22-3331'), (11, '111-22-3332');
INSERT INTO partrefs VALUES (1, 1, '111-22-3331'), (2, 11, '111-22-3332');
RESET ROLE;
SELECT policy FROM jitmask.create_policy('last4', 'mask_partial(value, 0, 4)');
SELECT policy FROM jitmask.create_policy('zero', 'mask_default(value)');
SELECT "column" FROM jitmask.attach('last4', '{public.people.ssn,public.cascades.ssn,public.nulls.ssn,public.defaults.ssn,public.self.ssn,public.self.boss,public.pairs.ssn,public.pairrefs.ssn,public.parts.ssn,public.partrefs.ssn}'::text[]);
SELECT "column" FROM jitmask.attach('zero', '{public.numbers.n,public.numrefs.n}'::text[]);
GRANT ALL ON ALL TABLES IN SCHEMA public TO regress_foreign_keys_clerk;
SELECT role, state FROM jitmask.exempt('regress_foreign_keys_clerk', 'test');

-- The masked owner writes to a table whose column is not protected: the key is checked on what is stored.
SET SESSION AUTHORIZATION regress_foreign_keys_owner;
INSERT INTO restricts VALUES (6, '111-22-3336');
INSERT INTO restricts VALUES (7, 'no such key');
INSERT INTO restricts VALUES (7, '*******3337');
UPDATE restricts SET ssn = '111-22-3337' WHERE k = 6;
UPDATE restricts SET ssn = 'no such key' WHERE k = 6;
INSERT INTO restricts SELECT 8, ssn FROM people WHERE id = 8;
DELETE FROM restricts WHERE k = 6;
BEGIN;
INSERT INTO noaction VALUES (8, 'no such key');
COMMIT;
BEGIN;
INSERT INTO noaction VALUES (8, '111-22-3338');
COMMIT;
SELECT count(*) FROM noaction;
RESET SESSION AUTHORIZATION;

-- An exempt clerk changes keys: cascades run as the masked owner, and reach what they must.
-- Raw below, up to "Masked".
SET SESSION AUTHORIZATION regress_foreign_keys_clerk;
UPDATE people SET ssn = '222-22-3331' WHERE id = 1;
DELETE FROM people WHERE id = 2;
DELETE FROM people WHERE id = 4;
DELETE FROM people WHERE id = 5;
BEGIN;
DELETE FROM people WHERE id = 8;
DELETE FROM noaction WHERE k = 8;
COMMIT;
UPDATE self SET ssn = '222-22-3331' WHERE boss IS NULL;
SELECT * FROM self ORDER BY ssn;
DELETE FROM self WHERE boss IS NULL;
UPDATE pairs SET ssn = '222-22-3331' WHERE a = 1;
DELETE FROM pairs WHERE a = 2;
UPDATE numbers SET n = 2223331 WHERE n = 1113331;
DELETE FROM numbers WHERE n = 1113332;
UPDATE parts SET ssn = '222-22-3331' WHERE n = 1;
DELETE FROM parts WHERE n = 11;
INSERT INTO cascades VALUES (9, '111-22-3339');
INSERT INTO cascades VALUES (9, 'no such key');
SELECT ssn, id FROM people ORDER BY id;
SELECT * FROM cascades ORDER BY k;
SELECT * FROM nulls ORDER BY k;
SELECT * FROM defaults ORDER BY k;
SELECT * FROM self ORDER BY ssn;
SELECT * FROM pairrefs ORDER BY k;
SELECT * FROM numrefs ORDER BY k;
SELECT * FROM partrefs ORDER BY k;
-- A superuser adds and validates one.
RESET SESSION AUTHORIZATION;
CREATE TABLE late (k int, ssn text);
INSERT INTO late VALUES (1, '111-22-3333');
ALTER TABLE late ADD FOREIGN KEY (ssn) REFERENCES people;
ALTER TABLE late DROP CONSTRAINT late_ssn_fkey;
INSERT INTO late VALUES (2, '*******3333');
ALTER TABLE late ADD FOREIGN KEY (ssn) REFERENCES people;

-- Masked: what the attacker's code below a check sees. It owns a table that a key of its own cascades to.
SET SESSION AUTHORIZATION regress_foreign_keys_evil;
CREATE FUNCTION evil.eq(text, text) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'compared %', $1; RETURN false; END $$;
CREATE OPERATOR evil.=== (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.eq);
CREATE TABLE evil.a (i int PRIMARY KEY);
CREATE TABLE evil.b (i int REFERENCES evil.a ON DELETE CASCADE);
INSERT INTO evil.a VALUES (1), (2);
INSERT INTO evil.b VALUES (1), (2);
CREATE FUNCTION evil.tries(q text, v text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE r text; n int;
BEGIN EXECUTE q INTO r USING v; GET DIAGNOSTICS n = ROW_COUNT; RETURN coalesce(r, 'null') || ' rows ' || n;
EXCEPTION WHEN others THEN RETURN SQLERRM; END $$;
CREATE FUNCTION evil.t() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE NOTICE '1 %', evil.tries('SELECT string_agg(ssn, '','' ORDER BY id) FROM public.people', NULL);
    RAISE NOTICE '2 %', evil.tries('SELECT ssn FROM ONLY public.people x WHERE ssn OPERATOR(pg_catalog.=) $1 FOR KEY SHARE OF x', '111-22-3333');
    RAISE NOTICE '3 %', evil.tries('SELECT 1 FROM ONLY public.people x WHERE ssn OPERATOR(pg_catalog.>=) $1 FOR KEY SHARE OF x', '111-22-3333');
    RAISE NOTICE '4 %', evil.tries('SELECT 1 FROM ONLY public.people x WHERE ssn OPERATOR(evil.===) $1 FOR KEY SHARE OF x', 'x');
    RAISE NOTICE '5 %', evil.tries('SELECT 1 FROM ONLY public.people x WHERE ssn OPERATOR(pg_catalog.~~) $1 FOR KEY SHARE OF x', '111%');
    RAISE NOTICE '6 %', evil.tries('SELECT 1 FROM ONLY public.people x WHERE ssn OPERATOR(pg_catalog.=) $1 FOR KEY SHARE OF x', '111-22-3333');
    RAISE NOTICE '7 %', evil.tries('SELECT 1 FROM public.people x WHERE ssn OPERATOR(pg_catalog.=) $1 FOR UPDATE OF x', '111-22-3333');
    RAISE NOTICE '8 %', evil.tries('UPDATE ONLY public.cascades SET ssn = $1 WHERE $1 OPERATOR(pg_catalog.<>) ssn', 'gone');
    RAISE NOTICE '9 %', evil.tries('DELETE FROM ONLY public.cascades WHERE $1 OPERATOR(pg_catalog.=) ssn RETURNING ssn', '111-22-3331');
    RETURN OLD;
END $$;
CREATE TRIGGER t BEFORE DELETE ON evil.b FOR EACH ROW EXECUTE FUNCTION evil.t();
RESET SESSION AUTHORIZATION;
GRANT SELECT, UPDATE, DELETE ON people, cascades TO regress_foreign_keys_evil;
SET SESSION AUTHORIZATION regress_foreign_keys_evil;
DELETE FROM evil.a WHERE i = 1;
-- A rule and a DEFAULT of the attacker's below the check.
DROP TRIGGER t ON evil.b;
CREATE TABLE evil.log (s text);
CREATE RULE r AS ON DELETE TO evil.b DO ALSO INSERT INTO evil.log SELECT ssn FROM public.people;
DELETE FROM evil.a WHERE i = 2;
SELECT * FROM evil.log ORDER BY s;
RESET SESSION AUTHORIZATION;
-- Nothing was changed by all that.
SELECT count(*) FROM cascades;

-- The same by the owner of the protected table itself, below a key of its own: masked too.
SET SESSION AUTHORIZATION regress_foreign_keys_owner;
CREATE TABLE oa (i int PRIMARY KEY);
CREATE TABLE ob (i int REFERENCES oa ON DELETE CASCADE);
INSERT INTO oa VALUES (1);
INSERT INTO ob VALUES (1);
CREATE FUNCTION ot() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE NOTICE '1 %', evil.tries('SELECT string_agg(ssn, '','' ORDER BY id) FROM public.people', NULL);
    RAISE NOTICE '3 %', evil.tries('SELECT 1 FROM ONLY public.people x WHERE ssn OPERATOR(pg_catalog.>=) $1 FOR KEY SHARE OF x', '111-22-3333');
    RAISE NOTICE '4 %', evil.tries('SELECT 1 FROM ONLY public.people x WHERE ssn OPERATOR(evil.===) $1 FOR KEY SHARE OF x', 'x');
    RETURN OLD;
END $$;
CREATE TRIGGER t BEFORE DELETE ON ob FOR EACH ROW EXECUTE FUNCTION ot();
DELETE FROM oa;
