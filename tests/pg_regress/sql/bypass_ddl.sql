-- DDL by somebody who sees masks, the table's owner included: refused whenever it could show what is stored.
-- Raw values look like 111-22-3333.
\set VERBOSITY default
CREATE ROLE regress_bypass_ddl_owner;
CREATE ROLE regress_bypass_ddl_user;
GRANT ALL ON SCHEMA public TO regress_bypass_ddl_owner, regress_bypass_ddl_user;
GRANT CREATE ON DATABASE regress_bypass_ddl TO regress_bypass_ddl_owner, regress_bypass_ddl_user;
SET ROLE regress_bypass_ddl_user;
CREATE DOMAIN tax AS text;
CREATE FUNCTION helper(text) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN true; END';
CREATE FUNCTION indexed(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN upper($1); END';
CREATE FUNCTION filters(text) RETURNS bool LANGUAGE plpgsql STABLE AS 'BEGIN RETURN true; END';
CREATE FUNCTION fires() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
GRANT USAGE ON TYPE tax TO regress_bypass_ddl_owner;
RESET ROLE;
SET ROLE regress_bypass_ddl_owner;
CREATE TABLE people (id int PRIMARY KEY, ssn text, pay int, CONSTRAINT helped CHECK (helper(ssn)));
CREATE INDEX people_indexed ON people (indexed(ssn));
CREATE TRIGGER fires BEFORE UPDATE ON people FOR EACH ROW EXECUTE FUNCTION fires();
ALTER TABLE people ADD UNIQUE (pay), ADD UNIQUE (id, pay);
INSERT INTO people VALUES (1, '111-22-3331', 1110001), (2, '111-22-3332', 1110002);
CREATE TABLE domained (id int, ssn tax);
INSERT INTO domained VALUES (1, '111-22-3331');
CREATE TABLE guarded (id int, ssn text);
INSERT INTO guarded VALUES (1, '111-22-3331');
ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
CREATE POLICY filters ON guarded USING (filters(ssn));
CREATE TABLE other (id int, ssn text);
INSERT INTO other VALUES (1, '111-22-3331');
CREATE MATERIALIZED VIEW mv AS SELECT id, pay FROM people;
GRANT SELECT, TRIGGER, REFERENCES ON people, domained, guarded, mv TO regress_bypass_ddl_user;
RESET ROLE;
SELECT policy FROM jitmask.create_policy('last4', 'mask_partial(value, 0, 4)');
SELECT policy FROM jitmask.create_policy('zero', 'mask_default(value)');
SELECT "column" FROM jitmask.attach('last4', '{public.people.ssn,public.domained.ssn,public.guarded.ssn}'::text[]);
SELECT "column" FROM jitmask.attach('zero', '{public.people.pay,public.mv.pay}'::text[]);

SET SESSION AUTHORIZATION regress_bypass_ddl_owner;
CREATE FUNCTION leak(text) RETURNS bool LANGUAGE plpgsql IMMUTABLE COST 0.0000001 AS $$ BEGIN RAISE NOTICE 'saw %', $1; RETURN true; END $$;
CREATE FUNCTION leaks(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RAISE NOTICE 'saw %', $1; RETURN $1; END $$;
CREATE FUNCTION leakt() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'saw %', NEW; RETURN NEW; END $$;
CREATE TABLE sink (id int, ssn text);
SELECT * FROM people ORDER BY id;

-- Triggers, rules, policies, indexes, statistics.
CREATE TRIGGER t BEFORE UPDATE ON people FOR EACH ROW EXECUTE FUNCTION leakt();
CREATE CONSTRAINT TRIGGER t AFTER INSERT ON people FOR EACH ROW EXECUTE FUNCTION leakt();
CREATE RULE r AS ON UPDATE TO people DO ALSO INSERT INTO sink VALUES (OLD.id, OLD.ssn);
CREATE POLICY p ON people USING (leak(ssn));
ALTER POLICY filters ON guarded USING (leak(ssn));
CREATE INDEX ON people (leaks(ssn));
CREATE INDEX ON people (id) WHERE leak(ssn);
CREATE UNIQUE INDEX CONCURRENTLY ON people ((left(ssn, 3)));
CREATE STATISTICS s ON (left(ssn, 3)), id FROM people;
CREATE TABLE ref AS SELECT 1 AS i;

-- ALTER TABLE.
ALTER TABLE people ADD CONSTRAINT c CHECK (leak(ssn));
ALTER TABLE people ADD CONSTRAINT c CHECK (leak(ssn)) NOT VALID;
ALTER TABLE people ALTER COLUMN ssn TYPE varchar(20) USING leaks(ssn);
ALTER TABLE people ALTER COLUMN ssn TYPE int USING ssn::int;
ALTER TABLE people ADD COLUMN same text GENERATED ALWAYS AS (leaks(ssn)) STORED;
ALTER TABLE people ADD UNIQUE (ssn);
ALTER TABLE people ADD EXCLUDE USING btree (ssn WITH =);
ALTER TABLE people ADD FOREIGN KEY (ssn) REFERENCES people (ssn);
ALTER TABLE people VALIDATE CONSTRAINT helped;
ALTER TABLE people SET UNLOGGED;
ALTER TABLE IF EXISTS ONLY public.people ADD CHECK (leak(ssn));
ALTER TABLE sink INHERIT people;
ALTER TABLE people INHERIT sink;
CREATE TABLE fk (pay int REFERENCES people (pay) ON UPDATE CASCADE);
CREATE TABLE fk (id int, pay int, FOREIGN KEY (id, pay) REFERENCES people (id, pay));
ALTER TABLE sink ADD FOREIGN KEY (id) REFERENCES people (pay);
CREATE TABLE heir () INHERITS (people, other);
CREATE TABLE own (id int, ssn text, pay int) PARTITION BY RANGE (id);
ALTER TABLE own ATTACH PARTITION people FOR VALUES FROM (0) TO (100);
ALTER TABLE people ADD COLUMN c int, ADD CHECK (leak(ssn)), ALTER COLUMN c SET DEFAULT 1;
DO $$ BEGIN EXECUTE 'ALTER TABLE people ADD CHECK (leak(ssn))'; END $$;
DO $$ BEGIN ALTER TABLE people ADD CHECK (leak(ssn)); END $$;
CREATE FUNCTION ddl() RETURNS void LANGUAGE sql AS 'ALTER TABLE people ADD CHECK (leak(ssn))';
SELECT ddl();
CLUSTER people USING people_pkey;
CREATE PUBLICATION pub FOR TABLE people;
CREATE PUBLICATION pub FOR TABLE other;
ALTER PUBLICATION pub ADD TABLE people;
ALTER PUBLICATION pub SET TABLE people (id, ssn);
CREATE PUBLICATION pubs FOR TABLES IN SCHEMA public;
REFRESH MATERIALIZED VIEW mv;
REFRESH MATERIALIZED VIEW CONCURRENTLY mv;
CREATE UNIQUE INDEX ON mv (pay);
SECURITY LABEL FOR jitmask ON COLUMN people.ssn IS NULL;
SECURITY LABEL FOR jitmask ON COLUMN other.ssn IS 'last4';
SELECT * FROM jitmask.detach('public.people.ssn');
SELECT * FROM jitmask.exempt('regress_bypass_ddl_owner', 'me');
DROP EXTENSION jitmask;
ALTER EXTENSION jitmask DROP TABLE jitmask.policy;
CREATE OR REPLACE FUNCTION jitmask.mask_partial(value text, visible_prefix int, visible_suffix int, mask_char text DEFAULT '*')
    RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1';
DROP FUNCTION jitmask.note_change() CASCADE;
ALTER SCHEMA jitmask RENAME TO gone;

-- Code that the table already runs on stored values, and that its author changes afterwards.
SET SESSION AUTHORIZATION regress_bypass_ddl_user;
CREATE OR REPLACE FUNCTION helper(text) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RAISE NOTICE 'check saw %', $1; RETURN true; END $$;
CREATE OR REPLACE FUNCTION indexed(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RAISE NOTICE 'index saw %', $1; RETURN $1; END $$;
CREATE OR REPLACE FUNCTION filters(text) RETURNS bool LANGUAGE plpgsql STABLE AS $$ BEGIN RAISE NOTICE 'policy saw %', $1; RETURN true; END $$;
CREATE OR REPLACE FUNCTION fires() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'trigger saw %', NEW; RETURN NEW; END $$;
-- Functions nothing protected depends on can be replaced as ever.
CREATE FUNCTION unused(text) RETURNS bool LANGUAGE sql AS 'SELECT true';
CREATE OR REPLACE FUNCTION unused(text) RETURNS bool LANGUAGE sql AS 'SELECT false';
SELECT * FROM guarded;
ALTER DOMAIN tax ADD CONSTRAINT c CHECK (left(VALUE, 3) <> '111');
ALTER DOMAIN tax ADD CONSTRAINT c CHECK (VALUE <> '111-22-3331') NOT VALID;
ALTER DOMAIN tax VALIDATE CONSTRAINT c;
ALTER DOMAIN tax SET NOT NULL;
-- With the privileges TRIGGER and REFERENCES alone.
CREATE TRIGGER t BEFORE UPDATE ON people FOR EACH ROW EXECUTE FUNCTION fires();
CREATE TABLE fk (pay int REFERENCES people (pay));
CREATE TABLE heir () INHERITS (people);
SET SESSION AUTHORIZATION regress_bypass_ddl_owner;
-- Commands that run an index's function over every row again: what it calls in turn may have changed.
REINDEX TABLE people;
REINDEX INDEX people_indexed;
ANALYZE people;
VACUUM FULL people;

-- What shows nothing stays possible for an owner: comments, privileges, names, vacuum, locks, views, LIKE, and dropping.
COMMENT ON TABLE people IS 'x';
GRANT SELECT ON people TO regress_bypass_ddl_user;
CREATE VIEW v AS SELECT * FROM people;
CREATE TABLE likes (LIKE people);
VACUUM (ANALYZE) other;
BEGIN; LOCK TABLE people IN SHARE MODE; COMMIT;
ALTER TABLE other ADD COLUMN c int, ADD CHECK (leak(id::text));
CREATE INDEX ON other (lower(ssn));
ALTER TABLE people RENAME COLUMN ssn TO social;
SELECT * FROM people ORDER BY id;
ALTER TABLE people RENAME TO folk;
SELECT * FROM folk ORDER BY id;
DROP TABLE guarded;
