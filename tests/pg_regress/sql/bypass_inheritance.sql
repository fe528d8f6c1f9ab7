-- A policy on a parent covers every partition and child, however reached and whenever attached.
-- Raw values look like 111-22-3333.
\set VERBOSITY default
CREATE ROLE regress_bypass_inheritance_user;
CREATE ROLE regress_bypass_inheritance_owner;
GRANT ALL ON SCHEMA public TO regress_bypass_inheritance_user, regress_bypass_inheritance_owner;
CREATE TABLE parts (id int, ssn text, born date) PARTITION BY RANGE (id);
CREATE TABLE parts1 PARTITION OF parts FOR VALUES FROM (0) TO (100);
CREATE TABLE parts2 (born date, junk int, ssn text, id int);
ALTER TABLE parts2 DROP COLUMN junk;
ALTER TABLE parts ATTACH PARTITION parts2 FOR VALUES FROM (100) TO (200);
CREATE TABLE parts3 PARTITION OF parts FOR VALUES FROM (200) TO (300) PARTITION BY LIST (born);
CREATE TABLE parts31 PARTITION OF parts3 DEFAULT;
INSERT INTO parts VALUES (1, '111-22-3331', '1990-01-01'), (101, '111-22-3332', '1990-01-02'), (201, '111-22-3333', '1990-01-03');
CREATE TABLE base (id int, ssn text);
CREATE TABLE child (extra text) INHERITS (base);
CREATE TABLE second (ssn text, more int);
CREATE TABLE grandchild (deep text) INHERITS (child, second);
INSERT INTO base VALUES (1, '111-22-3331');
INSERT INTO child VALUES (2, '111-22-3332', 'c');
INSERT INTO second VALUES ('111-22-3334', 1);
INSERT INTO grandchild VALUES (3, '111-22-3333', 'c', 7, 'g');
SELECT policy FROM jitmask.create_policy('last4', 'mask_partial(value, 0, 4)');
SELECT policy FROM jitmask.create_policy('none', 'mask_null(value)');
GRANT SELECT, UPDATE ON ALL TABLES IN SCHEMA public TO regress_bypass_inheritance_user;

-- A child alone can't be protected while its parent shows the same values.
SELECT * FROM jitmask.attach('last4', 'public.parts1.ssn');
SELECT * FROM jitmask.attach('last4', 'public.parts31.ssn');
SELECT * FROM jitmask.attach('last4', 'public.child.ssn');
SECURITY LABEL FOR jitmask ON COLUMN parts1.ssn IS 'last4';
-- Protecting one parent of a child with two leaves the other parent open: refused as well.
SELECT * FROM jitmask.attach('last4', 'public.grandchild.ssn');
-- A column only the child has can be, and what the parent shows has nothing to do with it: raw below, but for extra.
SELECT "column", state FROM jitmask.attach('last4', 'public.child.extra');
SET ROLE regress_bypass_inheritance_user;
SELECT id, ssn FROM base ORDER BY id;
SELECT base FROM base ORDER BY id;
SELECT extra, child FROM child ORDER BY id;
SELECT grandchild::second FROM grandchild;
RESET ROLE;
SELECT id, ssn FROM base ORDER BY id;
SELECT "column", state FROM jitmask.detach('public.child.extra');

-- Another parent of a descendant is another way to the same values: refused, unless both are protected at once.
SELECT "column", state FROM jitmask.attach('last4', 'public.base.ssn');
SELECT "column", state FROM jitmask.attach('last4', '{public.parts.ssn,public.base.ssn,public.second.ssn}'::text[]);
SET SESSION AUTHORIZATION regress_bypass_inheritance_user;
SELECT * FROM parts ORDER BY id;
SELECT * FROM parts1;
SELECT * FROM parts2;
SELECT * FROM parts3;
SELECT * FROM parts31;
SELECT tableoid::regclass, ssn, p FROM parts p ORDER BY id;
SELECT parts2, parts2::parts, (parts2::parts).ssn FROM parts2;
SELECT p::text FROM parts p WHERE ssn = '111-22-3331' OR ssn = '*******3332';
SELECT count(*) FROM ONLY parts;
SELECT id, ssn FROM base ORDER BY id;
SELECT id, ssn FROM ONLY base ORDER BY id;
SELECT * FROM child ORDER BY id;
SELECT * FROM ONLY child;
SELECT * FROM grandchild;
SELECT b, tableoid::regclass FROM base b ORDER BY id;
SELECT grandchild::child, grandchild::base, grandchild::second, (grandchild::second).ssn FROM grandchild;
SELECT ssn FROM parts TABLESAMPLE BERNOULLI (100) ORDER BY ssn;
SELECT ssn FROM parts WHERE id = 101 FOR UPDATE;
SELECT p1.ssn, p2.ssn FROM parts1 p1 LEFT JOIN parts p2 USING (ssn);
SET enable_partitionwise_join = on; SET enable_partitionwise_aggregate = on;
SELECT a.ssn, b.ssn FROM parts a JOIN parts b ON a.id = b.id ORDER BY a.id;
SELECT id, max(ssn), count(*) FROM parts GROUP BY id ORDER BY id;
RESET ALL;
SELECT ssn FROM base UNION ALL SELECT ssn FROM child UNION ALL SELECT ssn FROM grandchild ORDER BY 1;
SELECT * FROM second ORDER BY 1;
SELECT * FROM grandchild;

-- Partitions and children that come later.
RESET SESSION AUTHORIZATION;
CREATE TABLE parts4 PARTITION OF parts FOR VALUES FROM (300) TO (400);
CREATE TABLE parts5 (id int, born date, ssn text);
INSERT INTO parts5 VALUES (401, '1990-01-05', '111-22-3335');
GRANT SELECT ON parts5 TO regress_bypass_inheritance_user;
CREATE TABLE loose (id int, ssn text);
INSERT INTO loose VALUES (9, '111-22-3339');
GRANT SELECT ON loose TO regress_bypass_inheritance_user;
SET SESSION AUTHORIZATION regress_bypass_inheritance_user;
-- Raw: these two are not protected yet.
SELECT * FROM parts5;
SELECT * FROM loose;
PREPARE later5 AS SELECT ssn FROM parts5;
PREPARE laterl AS SELECT ssn FROM loose;
EXECUTE later5;
EXECUTE laterl;
RESET SESSION AUTHORIZATION;
ALTER TABLE parts ATTACH PARTITION parts5 FOR VALUES FROM (400) TO (500);
ALTER TABLE loose INHERIT base;
INSERT INTO parts VALUES (301, '111-22-3334', '1990-01-04');
GRANT SELECT ON parts4 TO regress_bypass_inheritance_user;
SET SESSION AUTHORIZATION regress_bypass_inheritance_user;
-- Masked from here.
EXECUTE later5;
EXECUTE laterl;
SELECT * FROM parts4;
SELECT * FROM parts5;
SELECT * FROM loose;
SELECT id, ssn FROM parts ORDER BY id;
SELECT id, ssn FROM base ORDER BY id;

-- Renames go down with the hierarchy.
RESET SESSION AUTHORIZATION;
ALTER TABLE parts RENAME COLUMN ssn TO tax;
SET SESSION AUTHORIZATION regress_bypass_inheritance_user;
SELECT tax FROM parts2;
SELECT tax FROM parts ORDER BY id;
RESET SESSION AUTHORIZATION;

-- A stricter policy of a partition's own.
SELECT "column", state FROM jitmask.attach('none', 'public.parts1.tax', priority => 5);
SET SESSION AUTHORIZATION regress_bypass_inheritance_user;
SELECT tax IS NULL AS n FROM parts1;
RESET SESSION AUTHORIZATION;

-- A masked owner moves nothing in or out.
CREATE TABLE owned (id int, ssn text) PARTITION BY RANGE (id);
CREATE TABLE owned1 PARTITION OF owned FOR VALUES FROM (0) TO (100);
CREATE TABLE single (id int, ssn text);
INSERT INTO owned VALUES (1, '111-22-3331');
INSERT INTO single VALUES (1, '111-22-3331');
ALTER TABLE owned OWNER TO regress_bypass_inheritance_owner;
ALTER TABLE owned1 OWNER TO regress_bypass_inheritance_owner;
ALTER TABLE single OWNER TO regress_bypass_inheritance_owner;
SELECT "column", state FROM jitmask.attach('last4', '{public.owned.ssn,public.single.ssn}'::text[]);
SET SESSION AUTHORIZATION regress_bypass_inheritance_owner;
CREATE TABLE own_parent (id int, ssn text);
CREATE TABLE own_parts (id int, ssn text) PARTITION BY RANGE (id);
ALTER TABLE owned DETACH PARTITION owned1;
ALTER TABLE owned DETACH PARTITION owned1 CONCURRENTLY;
ALTER TABLE owned1 NO INHERIT owned;
ALTER TABLE single INHERIT own_parent;
ALTER TABLE own_parts ATTACH PARTITION single FOR VALUES FROM (0) TO (10);
ALTER TABLE own_parts ATTACH PARTITION owned1 FOR VALUES FROM (0) TO (10);
CREATE TABLE own_child () INHERITS (single);
CREATE TABLE own_part PARTITION OF owned FOR VALUES FROM (500) TO (600);
ALTER TABLE own_parent ADD COLUMN extra text;
SELECT * FROM own_parent;
SELECT * FROM own_parts;
SELECT * FROM owned1;
-- A write through a parent that has none of the protected columns reaches the children's rows: it is a write to them.
RESET SESSION AUTHORIZATION;
CREATE TABLE plain_base (id int NOT NULL, note text);
CREATE TABLE secret_child (ssn text) INHERITS (plain_base);
INSERT INTO secret_child VALUES (1, 'n', '111-22-3339');
GRANT SELECT, UPDATE, DELETE ON plain_base, secret_child TO regress_bypass_inheritance_user;
SELECT "column", state FROM jitmask.attach('last4', 'public.secret_child.ssn');
PREPARE writes AS UPDATE plain_base SET id = NULL;
PREPARE spares AS UPDATE ONLY plain_base SET id = 2;
SET ROLE regress_bypass_inheritance_user;
SELECT id, note FROM plain_base;
UPDATE plain_base SET id = NULL;
DELETE FROM plain_base;
EXECUTE writes;
EXECUTE spares;
UPDATE ONLY plain_base SET note = 'own rows';
RESET ROLE;
-- A superuser is not held up.
UPDATE plain_base SET id = NULL;

-- A child that protects a column only it has, below a parent that protects another: both are read, each by its masks.
CREATE TABLE kind (id int, ssn text);
CREATE TABLE special (tax text) INHERITS (kind);
INSERT INTO kind VALUES (1, '111-22-3331');
INSERT INTO special VALUES (2, '111-22-3332', '111-22-3342');
GRANT SELECT, UPDATE, DELETE ON kind, special TO regress_bypass_inheritance_user;
SELECT count(*) FROM jitmask.attach('last4', '{public.kind.ssn,public.special.tax}'::text[]);
SET SESSION AUTHORIZATION regress_bypass_inheritance_user;
SELECT kind, kind.*, tableoid::regclass FROM kind ORDER BY id;
SELECT special, special::kind FROM special;
SELECT count(*) FROM kind a JOIN special b USING (id, ssn);
RESET SESSION AUTHORIZATION;
