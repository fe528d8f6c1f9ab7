-- Functions: whatever language, inlined or not, cheap, leaky, yours or other people's. Raw values look like 111-22-3333.
\set VERBOSITY default
CREATE ROLE regress_bypass_functions_user;
CREATE ROLE regress_bypass_functions_other;
CREATE ROLE regress_bypass_functions_exempt;
CREATE SCHEMA evil AUTHORIZATION regress_bypass_functions_user;
GRANT USAGE ON SCHEMA evil TO PUBLIC;
CREATE SCHEMA office;
GRANT ALL ON SCHEMA office TO regress_bypass_functions_other, regress_bypass_functions_exempt;
GRANT USAGE ON SCHEMA office TO PUBLIC;
CREATE TABLE people (id int PRIMARY KEY, ssn text, pay int);
INSERT INTO people VALUES (1, '111-22-3331', 1110001), (2, '111-22-3332', 1110002), (3, '111-22-3333', 1110003);
CREATE INDEX ON people (ssn);
ANALYZE people;
GRANT SELECT ON people TO PUBLIC;
SELECT policy FROM jitmask.create_policy('last4', 'mask_partial(value, 0, 4)');
SELECT policy FROM jitmask.create_policy('zero', 'mask_default(value)');
SELECT "column" FROM jitmask.attach('last4', 'public.people.ssn');
SELECT "column" FROM jitmask.attach('zero', 'public.people.pay');
SELECT role, state FROM jitmask.exempt('regress_bypass_functions_exempt', 'test');
SET SESSION AUTHORIZATION regress_bypass_functions_user;

-- SQL functions: string body, RETURN, BEGIN ATOMIC; scalar, set, table, inlined or not.
CREATE FUNCTION evil.s1(int) RETURNS text LANGUAGE sql STABLE AS 'SELECT ssn FROM people WHERE id = $1';
CREATE FUNCTION evil.s2(int) RETURNS text LANGUAGE sql STABLE RETURN (SELECT ssn FROM people WHERE id = $1);
CREATE FUNCTION evil.s3(int) RETURNS text LANGUAGE sql STABLE BEGIN ATOMIC SELECT ssn FROM people WHERE id = $1; END;
CREATE FUNCTION evil.t1() RETURNS SETOF people LANGUAGE sql STABLE AS 'SELECT * FROM people';
CREATE FUNCTION evil.t2() RETURNS TABLE (id int, ssn text) LANGUAGE sql STABLE BEGIN ATOMIC SELECT id, ssn FROM people; END;
CREATE FUNCTION evil.t3() RETURNS SETOF text LANGUAGE sql STABLE AS 'SELECT ssn FROM evil.t1() t WHERE t.ssn <> $q$111-22-3331$q$';
CREATE FUNCTION evil.t4(p people) RETURNS TABLE (a text) LANGUAGE sql STABLE AS 'SELECT p.ssn UNION ALL SELECT ($1).ssn';
CREATE FUNCTION evil.t5() RETURNS SETOF people LANGUAGE sql VOLATILE AS 'SELECT * FROM people ORDER BY id';
CREATE FUNCTION evil.t6() RETURNS SETOF record LANGUAGE sql STABLE AS 'SELECT id, ssn FROM people';
CREATE FUNCTION evil.t7(n int DEFAULT 1) RETURNS SETOF text LANGUAGE sql STABLE AS 'SELECT ssn FROM people WHERE id >= n';
CREATE FUNCTION evil.of(people) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT ($1).ssn';
CREATE FUNCTION evil.same(anyelement) RETURNS anyelement LANGUAGE sql IMMUTABLE AS 'SELECT $1';
SELECT evil.s1(1), evil.s2(1), evil.s3(1);
SELECT s FROM evil.s1(1) s, LATERAL evil.s2(2), evil.s3(3);
SELECT * FROM evil.t1() ORDER BY id;
SELECT * FROM evil.t2() ORDER BY id;
SELECT * FROM evil.t3() ORDER BY 1;
SELECT a FROM people p, evil.t4(p) ORDER BY a;
SELECT * FROM evil.t5();
SELECT * FROM evil.t6() AS x(id int, s text) ORDER BY id;
SELECT * FROM evil.t7() ORDER BY 1;
SELECT evil.t7(3), (evil.t1()).pay ORDER BY 1, 2;
SELECT x.of, evil.of(x.q), evil.same(x.q), evil.same(p.ssn), evil.same(p.pay) FROM (SELECT p, evil.of(p) FROM people p WHERE id = 1) x(q, of), people p
    WHERE p.id = 1;
SELECT evil.of(p), (evil.same(p)).ssn, evil.same(p.ssn) FROM people p ORDER BY id;
SELECT * FROM people WHERE ssn IN (SELECT * FROM evil.t7(1)) ORDER BY id;
WITH x AS (SELECT * FROM evil.t1()), unused AS (SELECT * FROM people) SELECT * FROM x ORDER BY id;
SELECT (SELECT string_agg(ssn, ',' ORDER BY id) FROM evil.t1() WHERE id <= p.id) FROM people p ORDER BY id;
SELECT * FROM ROWS FROM (evil.t1(), evil.t7()) AS x ORDER BY 1;
SELECT * FROM evil.t1() WITH ORDINALITY ORDER BY id;
UPDATE people SET pay = 0 WHERE ssn IN (SELECT * FROM evil.t3());

-- PL/pgSQL, static and dynamic, records, cursors, procedures, DO.
CREATE FUNCTION evil.p1() RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE r people; x record; v people.ssn%TYPE; c CURSOR FOR SELECT * FROM people ORDER BY id; a text[];
BEGIN
    SELECT * INTO r FROM people WHERE id = 1; RETURN NEXT r.ssn;
    SELECT p.* INTO r FROM people p WHERE id = 1; RETURN NEXT r::text;
    v := (SELECT ssn FROM people WHERE id = 2); RETURN NEXT v;
    FOR x IN SELECT * FROM people ORDER BY id LOOP RETURN NEXT x.ssn; END LOOP;
    OPEN c; FETCH c INTO r; RETURN NEXT r.ssn; CLOSE c;
    EXECUTE 'SELECT ssn FROM people WHERE id = $1' INTO v USING 3; RETURN NEXT v;
    RETURN QUERY SELECT ssn FROM people WHERE ssn > '1';
    RETURN QUERY EXECUTE 'SELECT p::text FROM people p ORDER BY id';
    SELECT array_agg(ssn ORDER BY id) INTO a FROM people; RETURN NEXT a[1];
    IF EXISTS (SELECT FROM people WHERE ssn = '111-22-3331') THEN RETURN NEXT 'guessed'; END IF;
    PERFORM 1 / (ssn <> '111-22-3331')::int FROM people;
    PERFORM ssn::int FROM people WHERE id = 1;
EXCEPTION WHEN others THEN RETURN NEXT SQLERRM;
END $$;
SELECT * FROM evil.p1();
CREATE PROCEDURE evil.proc(INOUT s text) LANGUAGE plpgsql AS $$ BEGIN SELECT ssn INTO s FROM people WHERE id = 1; COMMIT; SELECT s || ssn INTO s FROM people WHERE id = 2; END $$;
CALL evil.proc(NULL);
CREATE PROCEDURE evil.sqlproc(OUT s text) LANGUAGE sql BEGIN ATOMIC SELECT ssn FROM people WHERE id = 1; END;
CALL evil.sqlproc(NULL);
DO $$ DECLARE t text; BEGIN SELECT string_agg(ssn, ',' ORDER BY id) INTO t FROM people; RAISE NOTICE '%', t; PERFORM pg_notify('x', t); PERFORM set_config('evil.s', t, false); END $$;
SELECT current_setting('evil.s');

-- Cheap, leaky, and asked before anything else: functions, operators, aggregates, casts, support for estimates.
CREATE FUNCTION evil.leak(text) RETURNS bool LANGUAGE plpgsql IMMUTABLE COST 0.0000001 AS $$ BEGIN RAISE NOTICE 'saw %', $1; RETURN true; END $$;
CREATE FUNCTION evil.leak2(text, text) RETURNS bool LANGUAGE plpgsql IMMUTABLE COST 0.0000001 AS $$ BEGIN RAISE NOTICE 'compared % %', $1, $2; RETURN false; END $$;
CREATE OPERATOR evil.=== (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.leak2, RESTRICT = scalarltsel, JOIN = scalarltjoinsel, COMMUTATOR = OPERATOR(evil.===));
CREATE OPERATOR evil.=! (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.leak2, RESTRICT = eqsel, JOIN = eqjoinsel);
CREATE FUNCTION evil.acc(text, text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'aggregated %', $2; RETURN $2; END $$;
CREATE AGGREGATE evil.agg(text) (SFUNC = evil.acc, STYPE = text);
CREATE TYPE evil.box AS (t text);
CREATE FUNCTION evil.to_box(text) RETURNS evil.box LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'cast %', $1; RETURN ROW($1); END $$;
CREATE DOMAIN evil.dom AS text CHECK (evil.leak(VALUE));
SELECT id FROM people WHERE evil.leak(ssn) AND id = 1;
SELECT id FROM people WHERE ssn OPERATOR(evil.===) 'x' ORDER BY id;
EXPLAIN (COSTS OFF) SELECT id FROM people WHERE ssn OPERATOR(evil.===) 'x';
EXPLAIN (COSTS OFF) SELECT id FROM people WHERE ssn OPERATOR(evil.=!) '111-22-3331';
EXPLAIN (COSTS OFF) SELECT a.id FROM people a JOIN people b ON a.ssn OPERATOR(evil.=!) b.ssn;
SELECT evil.agg(ssn ORDER BY id) FROM people;
SELECT evil.to_box(ssn) FROM people WHERE id = 1;
SELECT ssn::evil.dom FROM people WHERE id = 1;
SELECT evil.leak(p::text) FROM people p WHERE id = 1;
SELECT id, CASE WHEN evil.leak(ssn) THEN evil.leak(pay::text) END FROM people WHERE id = 1;
CREATE FUNCTION evil.cmp(text, text) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RAISE NOTICE 'sorted % %', $1, $2; RETURN 0; END $$;
CREATE OPERATOR evil.<<< (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.leak2);
SELECT ssn FROM people ORDER BY ssn USING OPERATOR(evil.<<<);
SELECT ssn FROM people ORDER BY ssn USING > LIMIT 1;

-- Names of jitmask's and of the catalog shadowed by the attacker's.
CREATE FUNCTION evil.mask_partial(text, int, int, text DEFAULT '*') RETURNS text LANGUAGE sql AS 'SELECT $1';
CREATE FUNCTION pg_temp.mask_partial(text, int, int, text DEFAULT '*') RETURNS text LANGUAGE sql AS 'SELECT $1';
SET search_path = evil, pg_temp, public;
SELECT ssn FROM people WHERE id = 1;
CREATE TEMP TABLE policy (name text, mask text);
SET search_path = pg_temp, jitmask, public;
SELECT ssn FROM people WHERE id = 1;
RESET search_path;
SELECT jitmask.mask_constant(ssn, 'x'), jitmask.mask_email(ssn), jitmask.mask_partial(ssn, 11, 0) FROM people WHERE id = 1;

-- SECURITY DEFINER: an owner who is masked reads masks; one who is exempt reveals what it chose to.
RESET SESSION AUTHORIZATION;
SET ROLE regress_bypass_functions_other;
CREATE FUNCTION office.by_masked(int) RETURNS text LANGUAGE sql SECURITY DEFINER AS 'SELECT ssn FROM public.people WHERE id = $1';
CREATE FUNCTION office.by_masked_pl(int) RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN RETURN (SELECT ssn FROM public.people WHERE id = $1); END';
SET ROLE regress_bypass_functions_exempt;
CREATE FUNCTION office.first_three(int) RETURNS text LANGUAGE sql SECURITY DEFINER AS 'SELECT left(ssn, 3) FROM public.people WHERE id = $1';
CREATE FUNCTION office.first_three_pl(int) RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN RETURN (SELECT left(ssn, 3) FROM public.people WHERE id = $1); END';
CREATE FUNCTION office.invoker(int) RETURNS text LANGUAGE sql STABLE AS 'SELECT ssn FROM public.people WHERE id = $1';
RESET ROLE;
SET SESSION AUTHORIZATION regress_bypass_functions_user;
SELECT office.by_masked(1), office.by_masked_pl(1), office.first_three(1), office.first_three_pl(1), office.invoker(1);
SELECT id, office.first_three(id), office.by_masked(id), ssn FROM people ORDER BY id;
-- And the other way round: a masked owner's function called by an exempt role shows that role masks.
RESET SESSION AUTHORIZATION;
SET ROLE regress_bypass_functions_exempt;
SELECT office.by_masked(1), office.by_masked_pl(1);
-- Raw: the exempt role's own invoker function.
SELECT office.invoker(1);
-- A function that calls itself in FROM ends with an error, at once and in bounded memory.
RESET SESSION AUTHORIZATION;
SET check_function_bodies = off;
CREATE FUNCTION endless() RETURNS SETOF int LANGUAGE sql STABLE AS 'SELECT a.* FROM endless() a';
CREATE FUNCTION doubling(i int) RETURNS SETOF int LANGUAGE sql STABLE AS 'SELECT a.* FROM doubling(i + 1) a, doubling(i + 2) b';
SELECT * FROM endless();
SELECT * FROM doubling(1);
