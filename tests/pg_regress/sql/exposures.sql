-- jitmask.exposures: what can still show something of a protected column, each kind with what to do about it.
\set code '\\echo SQLSTATE :LAST_ERROR_SQLSTATE'
CREATE ROLE regress_exposures_admin LOGIN;
CREATE ROLE regress_exposures_auditor LOGIN;
CREATE ROLE regress_exposures_approver LOGIN;
CREATE ROLE regress_exposures_reader LOGIN;
CREATE ROLE regress_exposures_stranger LOGIN;
CREATE ROLE regress_exposures_exempt LOGIN;
SELECT role FROM jitmask.grant_right('regress_exposures_admin', 'admin');
SELECT role FROM jitmask.grant_right('regress_exposures_auditor', 'auditor');
SELECT role FROM jitmask.grant_right('regress_exposures_approver', 'approver');
SELECT role FROM jitmask.exempt('regress_exposures_exempt', 'test');
SELECT policy FROM jitmask.create_policy('last4', 'mask_partial(value, 0, 4)');
CREATE SCHEMA s;
GRANT USAGE, CREATE ON SCHEMA s TO PUBLIC;

-- A plain table with nothing on it: nothing is said, and nothing is listed.
CREATE TABLE s.plain (id int PRIMARY KEY, ssn text);
SELECT "column", state FROM jitmask.attach('last4', 's.plain.ssn');
TABLE jitmask.exposures;

-- Indexes: an expression, a condition, uniqueness, exclusion. An index on another column, and a plain one, are none.
CREATE TABLE s.indexed (id int, ssn text, other text, period int4range);
CREATE INDEX as_it_is ON s.indexed (ssn);
CREATE INDEX covering ON s.indexed (id) INCLUDE (ssn);
CREATE INDEX others ON s.indexed (lower(other)) WHERE id > 0;
CREATE INDEX expression ON s.indexed (lower(ssn));
CREATE INDEX condition ON s.indexed (id) WHERE ssn LIKE '9%';
CREATE UNIQUE INDEX one ON s.indexed (ssn, id);
ALTER TABLE s.indexed ADD CONSTRAINT apart EXCLUDE USING btree (ssn WITH =);
CREATE FUNCTION s.whole(s.indexed) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT 1';
CREATE INDEX whole_row ON s.indexed (s.whole(indexed));
CREATE STATISTICS s.together ON ssn, id FROM s.indexed;
CREATE STATISTICS s.computed ON (lower(ssn)), id FROM s.indexed;
CREATE STATISTICS s.unconcerned ON other, id FROM s.indexed;
ALTER TABLE s.indexed ADD CONSTRAINT formed CHECK (ssn LIKE '%-%'), ADD CONSTRAINT positive CHECK (id > 0);
ALTER TABLE s.indexed REPLICA IDENTITY FULL;
SELECT "column", state FROM jitmask.attach('last4', 's.indexed.ssn');
\x on
SELECT * FROM jitmask.exposures;
\x off
-- What the remedies say, done. The rest is for people to decide.
SELECT remedy FROM jitmask.exposures WHERE remedy ~ '^(DROP|ALTER)' AND object !~ 'apart' \gexec
ALTER TABLE s.indexed DROP CONSTRAINT apart;
SELECT kind, object FROM jitmask.exposures;
DROP TABLE s.indexed CASCADE;
DROP FUNCTION IF EXISTS s.whole;

-- Code of somebody who sees masks, handed raw values when others write: triggers, functions of indexes, checks, generated
-- columns, domains. The same code of a superuser, an exempt role or a trusted owner is none.
SET SESSION AUTHORIZATION regress_exposures_stranger;
CREATE FUNCTION s.looks() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE FUNCTION s.sees(text) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT $1 IS NOT NULL';
CREATE FUNCTION s.makes(text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT $1 || ''!''';
CREATE FUNCTION s.equal(text, text) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT $1 = $2';
CREATE OPERATOR s.=== (LEFTARG = text, RIGHTARG = text, FUNCTION = s.equal);
RESET SESSION AUTHORIZATION;
CREATE FUNCTION s.mine() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE DOMAIN s.watched AS text CHECK (s.sees(VALUE)) CHECK (VALUE <> '');
CREATE TABLE s.coded (id int, ssn s.watched, made text GENERATED ALWAYS AS (s.makes(ssn::text)) STORED,
    CHECK (ssn::text OPERATOR(s.===) ssn::text));
CREATE INDEX coded_index ON s.coded (s.makes(ssn::text));
CREATE TRIGGER a_row BEFORE INSERT OR UPDATE ON s.coded FOR EACH ROW EXECUTE FUNCTION s.looks();
CREATE TRIGGER a_table AFTER INSERT ON s.coded REFERENCING NEW TABLE AS new FOR EACH STATEMENT EXECUTE FUNCTION s.looks();
CREATE TRIGGER blind AFTER INSERT ON s.coded FOR EACH STATEMENT EXECUTE FUNCTION s.looks();
CREATE TRIGGER when_seen BEFORE UPDATE ON s.coded FOR EACH ROW WHEN (s.sees(NEW.ssn::text)) EXECUTE FUNCTION s.mine();
CREATE TRIGGER of_a_superuser BEFORE INSERT ON s.coded FOR EACH ROW EXECUTE FUNCTION s.mine();
SELECT "column", state FROM jitmask.attach('last4', 's.coded.ssn');
SELECT "column", kind, object, held_by, severity, shows FROM jitmask.exposures WHERE relation = 's.coded';
SELECT remedy FROM jitmask.exposures WHERE relation = 's.coded' AND kind IN ('trigger', 'type');
SELECT role FROM jitmask.trust_owner('regress_exposures_stranger', 'reviewed');
SELECT "column", kind, object, severity FROM jitmask.exposures WHERE relation = 's.coded';
SELECT role FROM jitmask.untrust_owner('regress_exposures_stranger');
SELECT count(*) FROM jitmask.exposures WHERE relation = 's.coded' AND severity = 'raw';
DROP TABLE s.coded;
DROP DOMAIN s.watched;

-- Rules and row security.
CREATE TABLE s.log (what text);
CREATE TABLE s.ruled (id int, ssn text, owner text);
CREATE RULE logs AS ON INSERT TO s.ruled DO ALSO INSERT INTO s.log VALUES (NEW.ssn);
CREATE RULE harmless AS ON DELETE TO s.ruled DO ALSO NOTIFY gone;
ALTER TABLE s.ruled ENABLE ROW LEVEL SECURITY;
CREATE POLICY by_value ON s.ruled USING (ssn LIKE '1%');
CREATE POLICY by_owner ON s.ruled USING (owner = current_user);
SELECT "column", state FROM jitmask.attach('last4', 's.ruled.ssn');
SELECT "column", kind, object, held_by, severity, shows, remedy FROM jitmask.exposures WHERE relation = 's.ruled';
SELECT remedy FROM jitmask.exposures WHERE relation = 's.ruled' \gexec
SELECT count(*) FROM jitmask.exposures WHERE relation = 's.ruled';

-- Publications: of the table, of everything; not one that leaves the column out.
CREATE TABLE s.published (id int PRIMARY KEY, ssn text);
SET client_min_messages = error;
CREATE PUBLICATION whole FOR TABLE s.published;
CREATE PUBLICATION part FOR TABLE s.published (id);
CREATE PUBLICATION everything FOR ALL TABLES;
RESET client_min_messages;
SELECT "column", state FROM jitmask.attach('last4', 's.published.ssn');
SELECT "column", kind, object, severity, shows, remedy FROM jitmask.exposures WHERE relation = 's.published';
DROP PUBLICATION everything;
SELECT remedy FROM jitmask.exposures WHERE relation = 's.published' \gexec
SELECT count(*) FROM jitmask.exposures WHERE relation = 's.published';

-- Functions that run as somebody who reads raw values: known by their BEGIN ATOMIC body, or by their text.
CREATE TABLE s.called (id int, ssn text);
CREATE FUNCTION s.known() RETURNS text LANGUAGE sql SECURITY DEFINER BEGIN ATOMIC SELECT ssn FROM s.called; END;
CREATE FUNCTION s.by_text() RETURNS text LANGUAGE sql SECURITY DEFINER AS 'SELECT ssn FROM s.called';
CREATE FUNCTION s.other_table() RETURNS text LANGUAGE sql SECURITY DEFINER AS 'SELECT $$called_off$$::text';
CREATE VIEW s.called_view AS SELECT ssn FROM s.called;
CREATE VIEW s.called_again AS SELECT ssn FROM s.called_view;
CREATE FUNCTION s.by_view() RETURNS text LANGUAGE sql SECURITY DEFINER AS 'SELECT ssn FROM s.called_again';
CREATE FUNCTION s.known_by_view() RETURNS text LANGUAGE sql SECURITY DEFINER BEGIN ATOMIC SELECT ssn FROM s.called_view; END;
CREATE FUNCTION s.as_caller() RETURNS text LANGUAGE sql AS 'SELECT ssn FROM s.called';
CREATE FUNCTION s.kept() RETURNS text LANGUAGE sql SECURITY DEFINER AS 'SELECT ssn FROM s.called';
REVOKE EXECUTE ON FUNCTION s.kept() FROM PUBLIC;
CREATE FUNCTION s.as_stranger() RETURNS text LANGUAGE sql SECURITY DEFINER AS 'SELECT ssn FROM s.called';
ALTER FUNCTION s.as_stranger() OWNER TO regress_exposures_stranger;
CREATE FUNCTION s.as_exempt() RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN RETURN (SELECT max(ssn) FROM s.called); END';
ALTER FUNCTION s.as_exempt() OWNER TO regress_exposures_exempt;
GRANT EXECUTE ON FUNCTION s.by_text() TO regress_exposures_reader;
SELECT "column", state FROM jitmask.attach('last4', 's.called.ssn');
SELECT "column", kind, object, held_by, severity, shows, remedy FROM jitmask.exposures WHERE relation = 's.called';
SELECT remedy FROM jitmask.exposures WHERE relation = 's.called' \gexec
SELECT count(*) FROM jitmask.exposures WHERE relation = 's.called';

-- Privileges for putting code or references there, of those who see masks.
CREATE TABLE s.granted (id int, ssn text, note text);
GRANT ALL ON s.granted TO regress_exposures_reader, regress_exposures_exempt;
GRANT REFERENCES (ssn), SELECT (note) ON s.granted TO regress_exposures_stranger;
GRANT REFERENCES (note) ON s.granted TO regress_exposures_stranger;
GRANT TRIGGER ON s.granted TO PUBLIC;
SELECT "column", state FROM jitmask.attach('last4', '{s.granted.ssn,s.granted.note}'::text[]);
SELECT "column", kind, object, held_by, severity, shows, remedy FROM jitmask.exposures
 WHERE relation = 's.granted' AND object !~ 'MAINTAIN';
SELECT remedy FROM jitmask.exposures WHERE relation = 's.granted' \gexec
SELECT count(*) FROM jitmask.exposures WHERE relation = 's.granted';

-- Partition keys, by column and by expression; and a partition's own policy, which its parent's readers do not meet.
CREATE TABLE s.parted (id int, ssn text) PARTITION BY LIST (ssn);
CREATE TABLE s.parted_1 PARTITION OF s.parted FOR VALUES IN ('111-22-3331');
CREATE TABLE s.cut (id int, ssn text) PARTITION BY RANGE (left(ssn, 1));
CREATE TABLE s.cut_1 PARTITION OF s.cut FOR VALUES FROM ('1') TO ('2') PARTITION BY HASH (id);
SELECT policy FROM jitmask.create_policy('hidden', 'mask_null(value)');
SELECT "column", state FROM jitmask.attach('last4', '{s.parted.ssn,s.cut.ssn}'::text[]);
SELECT "column", state FROM jitmask.attach('hidden', 's.cut_1.ssn');
SELECT relation, "column", kind, object, severity, shows, remedy FROM jitmask.exposures WHERE relation ~ 'parted|cut';
SELECT state FROM jitmask.detach('s.cut_1.ssn');
-- The same policy on a partition, as before DETACH PARTITION, hides nothing.
SELECT "column", state FROM jitmask.attach('last4', 's.cut_1.ssn');
SELECT count(*) FROM jitmask.exposures WHERE kind = 'child_policy';

-- Foreign keys: the same values stand on the other side, whichever of the two is protected.
CREATE TABLE s.customer (ssn text PRIMARY KEY, alias text UNIQUE);
CREATE TABLE s.orders (id int, ssn text REFERENCES s.customer, alias text REFERENCES s.customer (alias));
CREATE TABLE s.lead (ssn text REFERENCES s.customer);
SELECT "column", state FROM jitmask.attach('last4', '{s.customer.ssn,s.orders.alias}'::text[]);
SELECT "column", kind, object, severity, shows, remedy FROM jitmask.exposures WHERE kind = 'foreign_key';
SELECT remedy FROM jitmask.exposures WHERE kind = 'foreign_key' \gexec
SELECT count(*) FROM jitmask.exposures WHERE kind = 'foreign_key';

-- Foreign tables.
CREATE FOREIGN DATA WRAPPER regress_exposures_wrapper;
CREATE SERVER elsewhere FOREIGN DATA WRAPPER regress_exposures_wrapper;
CREATE FOREIGN TABLE s.remote (id int, ssn text) SERVER elsewhere;
SELECT "column", state FROM jitmask.attach('last4', 's.remote.ssn');
SELECT "column", kind, object, severity, shows, remedy FROM jitmask.exposures WHERE relation = 's.remote';

-- A mask that is the value itself. It may be meant, for some roles; it is said each time.
SELECT policy FROM jitmask.create_policy('nothing', 'value');
SELECT policy FROM jitmask.create_policy('nothing_either', '(value)::text');
SELECT policy FROM jitmask.create_policy('shorter', 'left(value, 3)');
SELECT policy FROM jitmask.create_policy('cut', 'value::varchar(3)');
SELECT policy FROM jitmask.alter_policy('shorter', mask => 'value');
SELECT policy FROM jitmask.alter_policy('shorter', mask => 'left(value, 3)');
CREATE TABLE s.shown (id int, ssn text, v varchar(11));
SELECT "column", state FROM jitmask.attach('nothing', '{s.shown.ssn,s.shown.v}'::text[]);
SELECT "column", kind, object, severity, shows, remedy FROM jitmask.exposures WHERE kind = 'mask';
SELECT object, problem, hint FROM jitmask.health() WHERE problem ~ 'masks nothing' ORDER BY 1;
SELECT remedy FROM jitmask.exposures WHERE kind = 'mask' LIMIT 1 \gexec
SELECT count(*) FROM jitmask.exposures WHERE kind = 'mask';

-- The DDL form says the same.
CREATE TABLE s.by_ddl (id int, ssn text);
CREATE MATERIALIZED VIEW s.by_ddl_m AS SELECT id, ssn, left(ssn, 3) AS head FROM s.by_ddl;
SECURITY LABEL FOR jitmask ON COLUMN s.by_ddl.ssn IS 'last4';
SELECT "column", kind, object, severity, remedy FROM jitmask.exposures WHERE relation = 's.by_ddl';
SECURITY LABEL FOR jitmask ON COLUMN s.by_ddl.ssn IS 'hidden';
SELECT "column", policy FROM jitmask.masked_columns WHERE relation ~ 'by_ddl';
SECURITY LABEL FOR jitmask ON COLUMN s.by_ddl.ssn IS NULL;
SELECT "column", policy FROM jitmask.masked_columns WHERE relation ~ 'by_ddl';
SELECT event, object, detail FROM jitmask.audit WHERE object ~ 'by_ddl' ORDER BY seq;

-- A dry run says what attaching would, and changes nothing.
CREATE TABLE s.later (id int, ssn text);
CREATE MATERIALIZED VIEW s.later_m AS SELECT id, ssn, left(ssn, 3) AS head FROM s.later;
SELECT "column", state FROM jitmask.attach('last4', 's.later.ssn', dry_run => true);
SELECT count(*) FROM jitmask.masked_columns WHERE relation ~ 'later';

-- What is computed: by an expression, a generated column, an aggregate. And conditions.
CREATE TABLE s.base (id int, ssn text, pay int, head text GENERATED ALWAYS AS (left(ssn, 3)) STORED);
CREATE MATERIALIZED VIEW s.computing AS SELECT upper(ssn) AS up, head, array_agg(ssn) AS some FROM s.base GROUP BY 1, 2;
CREATE MATERIALIZED VIEW s.choosing AS SELECT id FROM s.base WHERE ssn LIKE '1%' UNION SELECT b.id FROM s.base b JOIN s.base c USING (ssn);
CREATE MATERIALIZED VIEW s.not_reading AS SELECT x.id FROM (SELECT * FROM s.base) AS x ORDER BY pay;
SELECT "column", state FROM jitmask.attach('last4', 's.base.ssn');
SELECT "column", kind, object, severity, shows, remedy FROM jitmask.exposures WHERE relation = 's.base';
SELECT state FROM jitmask.attach('hidden', '{s.computing.up,s.computing.head}'::text[]);
SELECT object, severity FROM jitmask.exposures WHERE relation = 's.base';

-- Many: counted, and the first few named.
CREATE TABLE s.many (ssn text);
SELECT format('CREATE MATERIALIZED VIEW s.many_%s AS SELECT left(ssn, 3) FROM s.many', n) FROM generate_series(1, 8) AS n \gexec
SELECT "column", state FROM jitmask.attach('last4', 's.many.ssn');

-- For administrators, auditors and superusers; to others it is empty.
SET SESSION AUTHORIZATION regress_exposures_admin;
SELECT count(*) > 10 AS all_of_it FROM jitmask.exposures;
SET SESSION AUTHORIZATION regress_exposures_auditor;
SELECT count(*) > 10 AS all_of_it FROM jitmask.exposures;
SET SESSION AUTHORIZATION regress_exposures_approver;
SELECT count(*) FROM jitmask.exposures;
SET SESSION AUTHORIZATION regress_exposures_reader;
SELECT count(*) FROM jitmask.exposures;
SELECT count(*) FROM jitmask.exposures();
RESET SESSION AUTHORIZATION;
DROP SERVER elsewhere CASCADE;
DROP FOREIGN DATA WRAPPER regress_exposures_wrapper;
