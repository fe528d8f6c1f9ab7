-- Attacks that once worked, each as it was made. 111-22-… is what nobody here may receive, except where it says Raw.
SET client_min_messages = warning;
CREATE ROLE regress_bypass_attacks_eve LOGIN;
CREATE ROLE regress_bypass_attacks_own LOGIN;
CREATE ROLE regress_bypass_attacks_gil LOGIN;
CREATE ROLE regress_bypass_attacks_app LOGIN;
CREATE SCHEMA evil AUTHORIZATION regress_bypass_attacks_eve;
CREATE SCHEMA owns AUTHORIZATION regress_bypass_attacks_own;
GRANT USAGE ON SCHEMA evil, owns TO PUBLIC;
SELECT state FROM jitmask.grant_right('regress_bypass_attacks_app', 'approver');
SELECT state FROM jitmask.create_policy('last4', 'mask_partial(value, 0, 4)');
CREATE TABLE cust (id int PRIMARY KEY, ssn text);
INSERT INTO cust VALUES (1, '111-22-3333');
GRANT SELECT, TRIGGER ON cust TO PUBLIC;
SELECT state FROM jitmask.attach('last4', 'cust.ssn');

-- A literal in a mask is read by the type's own code: as nobody, not as a superuser.
SET SESSION AUTHORIZATION regress_bypass_attacks_own;
CREATE FUNCTION owns.chk(text) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN
    IF current_user = 'postgres' THEN EXECUTE 'ALTER ROLE regress_bypass_attacks_own SUPERUSER'; END IF; RETURN true; END $$;
CREATE DOMAIN owns.d AS text CHECK (owns.chk(value));
CREATE TABLE owns.tagged (id int, tags owns.d[]);
RESET SESSION AUTHORIZATION;
SELECT state FROM jitmask.create_policy('tags', $$mask_constant(value, '{redacted}')$$);
SELECT state FROM jitmask.attach('tags', 'owns.tagged.tags');
SELECT rolsuper FROM pg_roles WHERE rolname = 'regress_bypass_attacks_own';

-- A keyed hash does not answer guesses, called in whatever way.
SELECT state FROM jitmask.create_policy('hashed', 'mask_hash(value)');
CREATE TABLE pins (pin text);
INSERT INTO pins VALUES ('4711');
GRANT SELECT ON pins TO PUBLIC;
SELECT state FROM jitmask.attach('hashed', 'pins.pin');
SET SESSION AUTHORIZATION regress_bypass_attacks_eve;
SELECT length(pin) FROM pins;
SELECT g FROM pins, generate_series(4710, 4712) AS g WHERE pin = jitmask.mask_hash(g::text);
SELECT * FROM jitmask.mask_hash('4711');
CREATE FUNCTION evil.h(text) RETURNS text LANGUAGE sql AS 'SELECT jitmask.mask_hash($1)';
SELECT evil.h('4711');

-- Approving unawares: a deferred trigger that moves a cursor over approve().
SELECT id, state FROM jitmask.request('public.cust.ssn', 'let me');
CREATE TABLE evil.inbox (x int);
GRANT INSERT ON evil.inbox TO PUBLIC;
CREATE FUNCTION evil.appr() RETURNS trigger LANGUAGE plpgsql AS
    $$ DECLARE c refcursor; BEGIN OPEN c FOR SELECT * FROM jitmask.approve(1); MOVE c; RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER t AFTER INSERT ON evil.inbox DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION evil.appr();
-- And code of a type, while the approver's literal is read.
CREATE FUNCTION evil.sw(text) RETURNS bool LANGUAGE plpgsql AS
    $$ DECLARE c refcursor; BEGIN IF current_user LIKE '%app' THEN OPEN c FOR SELECT * FROM jitmask.approve(1); MOVE c; END IF; RETURN true; END $$;
CREATE DOMAIN evil.sd AS text CHECK (evil.sw(value));
CREATE TYPE evil.sc AS (a evil.sd);
CREATE TABLE evil.inbox2 (x evil.sc);
GRANT INSERT ON evil.inbox2 TO PUBLIC;
SET SESSION AUTHORIZATION regress_bypass_attacks_app;
INSERT INTO evil.inbox VALUES (1);
INSERT INTO evil.inbox2 VALUES ('(1)');
SELECT id, state FROM jitmask.requests;

-- Altering the type a table was made OF.
SET SESSION AUTHORIZATION regress_bypass_attacks_own;
CREATE FUNCTION owns.lk(text) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING 'saw %', $1; RETURN true; END $$;
CREATE DOMAIN owns.ld AS text CHECK (owns.lk(value));
CREATE TYPE owns.row_t AS (id int, ssn text);
CREATE TABLE owns.typed OF owns.row_t;
INSERT INTO owns.typed VALUES (1, '111-22-4444');
-- Row security whose code is the owner's, prints what it can't read, or asks the reader.
CREATE FUNCTION owns.pf(text) RETURNS bool LANGUAGE plpgsql STABLE AS $$ BEGIN RAISE WARNING 'policy saw %', $1; RETURN true; END $$;
CREATE TABLE owns.rl (id int, ssn text);
INSERT INTO owns.rl VALUES (1, '111-22-5555');
ALTER TABLE owns.rl ENABLE ROW LEVEL SECURITY;
CREATE POLICY a ON owns.rl USING (owns.pf(ssn));
CREATE TABLE owns.rc (id int, ssn text);
INSERT INTO owns.rc VALUES (1, '111-22-6666');
ALTER TABLE owns.rc ENABLE ROW LEVEL SECURITY;
CREATE POLICY a ON owns.rc USING (ssn LIKE current_setting('my.guess', true));
GRANT SELECT ON owns.rl, owns.rc TO PUBLIC;
RESET SESSION AUTHORIZATION;
SELECT count(*) FROM jitmask.attach('last4', ARRAY['owns.typed.ssn', 'owns.rl.ssn', 'owns.rc.ssn']);
SET SESSION AUTHORIZATION regress_bypass_attacks_own;
ALTER TYPE owns.row_t ALTER ATTRIBUTE ssn TYPE owns.ld CASCADE;
SET SESSION AUTHORIZATION regress_bypass_attacks_eve;
SELECT * FROM owns.rl;
SET my.guess = '111%';
SELECT * FROM owns.rc;
-- The mask is what it sees.
SET my.guess = '%6666';
SELECT * FROM owns.rc;

-- A stranger's conditions, rules, domains and XMLTABLE columns under somebody's grant.
CREATE FUNCTION evil.chk2(text) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING 'got %', $1; RETURN true; END $$;
CREATE DOMAIN evil.dd AS text CHECK (evil.chk2(value));
CREATE TYPE evil.cc AS (a evil.dd);
CREATE TABLE evil.news (t text);
INSERT INTO evil.news VALUES ('n');
ALTER TABLE evil.news ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON evil.news USING ((SELECT min(ssn) FROM public.cust) IS NOT NULL AND
    (SELECT set_config('evil.seen', min(ssn), false) FROM public.cust) IS NOT NULL);
GRANT SELECT ON evil.news TO PUBLIC;
SET SESSION AUTHORIZATION regress_bypass_attacks_gil;
SELECT id, state FROM jitmask.request('public.cust.ssn', 'a case');
SET SESSION AUTHORIZATION regress_bypass_attacks_app;
SELECT id, state FROM jitmask.approve(2);
SET SESSION AUTHORIZATION regress_bypass_attacks_gil;
-- Raw: the person's own statement.
SELECT ssn FROM cust;
SELECT t FROM evil.news;
SELECT current_setting('evil.seen');
SELECT ('(' || ssn || ')')::evil.cc FROM cust;
SELECT (json_populate_record(NULL::evil.cc, json_build_object('a', ssn))).a FROM cust;
SELECT x.a FROM cust, json_to_record(json_build_object('a', ssn)) AS x(a evil.dd);
SELECT x.a FROM cust, XMLTABLE('/r' PASSING xmlelement(name r, ssn) COLUMNS a evil.dd PATH '.') AS x;

RESET SESSION AUTHORIZATION;
