-- Views and functions over the tables, made in both schemas.
CREATE VIEW v_people AS SELECT id, name, score, dept, word, born FROM people WHERE dept IS NOT NULL;
CREATE VIEW v_strong WITH (security_barrier) AS SELECT id, name, mail, score, pay, word FROM people WHERE score > 3 AND length(name) > 0;
CREATE VIEW v_joined AS SELECT p.id, p.name, d.dname, d.budget, p.word, d.id AS dept FROM people p LEFT JOIN dept d ON d.id = p.dept;
CREATE VIEW v_nested WITH (security_barrier) AS SELECT v.id, v.name, v.score, w.word FROM v_strong v LEFT JOIN words w ON w.n = v.score;
CREATE VIEW v_groups AS SELECT dept, name, count(*)::int AS n, sum(score)::int AS score FROM v_people GROUP BY dept, name;
CREATE VIEW v_union AS SELECT id, card AS name, region AS word FROM orders UNION ALL SELECT id, chip, kind FROM animal;
CREATE VIEW v_rows AS SELECT p.id, p AS whole, to_jsonb(p) AS meta FROM people p;
CREATE VIEW v_secured AS SELECT id, val AS name, lvl AS score FROM secured WHERE lvl >= 0;
CREATE VIEW v_checked AS SELECT id, name, score, dept, word FROM people WHERE score < 5 WITH CHECK OPTION;
CREATE VIEW v_invoker WITH (security_invoker) AS SELECT s.id, s.val AS name, s.lvl AS score, o.card FROM secured s LEFT JOIN orders o ON o.id = s.id;

CREATE FUNCTION f_people(at_least int) RETURNS TABLE (id int, name text, score int) LANGUAGE sql STABLE
    AS 'SELECT p.id, p.name, p.score FROM people p WHERE p.score >= at_least';
CREATE FUNCTION f_volatile(of int) RETURNS TABLE (id int, name text, score int) LANGUAGE sql VOLATILE
    AS 'SELECT o.id, o.card, p.score FROM orders o LEFT JOIN people p ON p.id = o.person WHERE o.dept = of';
CREATE FUNCTION f_setof() RETURNS SETOF people LANGUAGE sql STABLE AS 'SELECT * FROM people WHERE active';
CREATE FUNCTION f_loop(below int) RETURNS TABLE (id int, name text, score int) LANGUAGE plpgsql AS $$
    DECLARE r record;
    BEGIN
        FOR r IN SELECT * FROM people p WHERE p.score < below OR p.name IS NULL LOOP
            id := r.id; name := r.name; score := r.score;
            RETURN NEXT;
        END LOOP;
        RETURN QUERY SELECT a.id, a.chip, length(a.chip) FROM animal a;
    END $$;
CREATE FUNCTION f_name(of int) RETURNS text LANGUAGE sql STABLE AS 'SELECT max(name) FROM people WHERE id = of';
CREATE FUNCTION f_score(of int) RETURNS int LANGUAGE plpgsql STABLE AS $$
    DECLARE found_score int;
    BEGIN
        SELECT score INTO found_score FROM people p WHERE p.id = of;
        RETURN found_score;
    END $$;
CREATE FUNCTION f_row(p people) RETURNS text LANGUAGE sql IMMUTABLE AS $$SELECT coalesce(p.name, '-') || coalesce(p.score, -1)$$;
CREATE FUNCTION f_plrow(p people) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN length(p::text) + coalesce(p.score, 0); END';
CREATE FUNCTION f_definer(of int) RETURNS text LANGUAGE sql SECURITY DEFINER STABLE AS $$SELECT string_agg(card, ',' ORDER BY card) FROM orders WHERE dept = of$$;
CREATE FUNCTION f_whole(of int) RETURNS people LANGUAGE sql STABLE AS 'SELECT * FROM people WHERE id = of';

-- Tells its caller what it was given, as a stranger's function would. Cheap, so that it is called before anything else.
-- Immutable, so that it is called while planning, too. Notices that begin with "fields" are searched, not compared.
CREATE FUNCTION peek(value anyelement) RETURNS anyelement LANGUAGE plpgsql IMMUTABLE COST 0.0001
    AS $$BEGIN RAISE NOTICE 'fields %', value; RETURN value; END$$;
CREATE FUNCTION same_text(one text, other text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE STRICT COST 0.0001
    AS $$BEGIN RAISE NOTICE 'fields % %', one, other; RETURN one = other; END$$;
-- Its selectivity functions may call it on what statistics hold.
CREATE OPERATOR ==~ (FUNCTION = same_text, LEFTARG = text, RIGHTARG = text, COMMUTATOR = ==~, RESTRICT = eqsel, JOIN = eqjoinsel);
CREATE FUNCTION longer(one int, other text) RETURNS int LANGUAGE plpgsql IMMUTABLE
    AS $$BEGIN RAISE NOTICE 'fields % %', one, other; RETURN greatest(one, length(other)); END$$;
CREATE AGGREGATE longest(text) (SFUNC = longer, STYPE = int, INITCOND = '0');

CREATE FUNCTION f_atomic(at_least int) RETURNS TABLE (id int, name text, score int) LANGUAGE sql STABLE
    BEGIN ATOMIC SELECT p.id, p.name, p.score FROM people p WHERE p.score >= at_least; END;
CREATE FUNCTION f_return(of int) RETURNS text LANGUAGE sql STABLE RETURN (SELECT max(o.card) FROM orders o WHERE o.person = of);
CREATE FUNCTION f_variables(of int) RETURNS text LANGUAGE plpgsql AS $$
    DECLARE whole people; second people%ROWTYPE; one people.name%TYPE; all_of text := '';
    BEGIN
        SELECT * INTO whole FROM people p WHERE p.id = of;
        SELECT p.* INTO second FROM people p WHERE p.id = of + 1;
        EXECUTE 'SELECT name FROM people WHERE score = $1 ORDER BY id LIMIT 1' INTO one USING whole.score;
        FOREACH one IN ARRAY ARRAY[whole.name, second.mail, one] LOOP all_of := all_of || '/' || coalesce(one, '-'); END LOOP;
        RETURN all_of || coalesce(to_jsonb(whole) ->> 'mail', '-') || coalesce(whole::text, '-');
    END $$;
