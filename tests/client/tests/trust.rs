//! A grant counts only where all code that sees the values is the person's own or trusted: `sam` holds a grant and uses
//! what `eve` has written. What `eve`'s code gets to see is masked, whatever way it was reached.

use jitmask_client_tests::{Session, Sight, World};

/// `sam` with a grant, and `eve`'s session.
fn granted(name: &str) -> (World, Session, Session) {
    let world = World::new(name);
    world.grant("1 hour");
    let (mut sam, eve) = (world.login("sam"), world.login("eve"));
    assert!(sam.sees_raw());
    (world, sam, eve)
}

const READER: &str = "LANGUAGE plpgsql AS
    $$DECLARE got text; BEGIN SELECT ssn INTO got FROM public.customers WHERE id = 1; RETURN got; END$$";

/// What `sam` sees through `read` after `eve` made something.
#[track_caller]
fn sees_through(name: &str, made_by_eve: &str, read: &str, expected: Sight) {
    let (_world, mut sam, mut eve) = granted(name);
    eve.run(made_by_eve);
    for _ in 0..2 {
        assert_eq!(Sight::of(&sam.value(read)), expected, "{read}");
    }
    assert!(sam.sees_raw(), "the grant counts again without it");
}

#[test]
fn a_strangers_plpgsql_function_reads_masked() {
    sees_through("trust_plpgsql", &format!("CREATE FUNCTION f() RETURNS text {READER}"), "SELECT f()", Sight::Masked);
}

#[test]
fn a_strangers_function_that_builds_its_statement_reads_masked() {
    sees_through(
        "trust_dynamic",
        "CREATE FUNCTION f() RETURNS text LANGUAGE plpgsql AS
            $$DECLARE got text; BEGIN EXECUTE 'SELECT ssn FROM customers WHERE id = 1' INTO got; RETURN got; END$$",
        "SELECT f()",
        Sight::Masked,
    );
}

#[test]
fn a_strangers_inlined_sql_function_reads_masked() {
    sees_through(
        "trust_inlined",
        "CREATE FUNCTION f() RETURNS SETOF text LANGUAGE sql STABLE AS
            $$SELECT ssn FROM public.customers WHERE id = 1$$",
        "SELECT * FROM f()",
        Sight::Masked,
    );
}

#[test]
fn a_strangers_atomic_sql_function_reads_masked() {
    sees_through(
        "trust_atomic",
        "CREATE FUNCTION f() RETURNS text LANGUAGE sql
            BEGIN ATOMIC SELECT ssn FROM public.customers WHERE id = 1; END",
        "SELECT f()",
        Sight::Masked,
    );
}

#[test]
fn a_strangers_function_is_handed_masked_values() {
    sees_through(
        "trust_handed",
        "CREATE FUNCTION f(t text) RETURNS text LANGUAGE plpgsql AS $$BEGIN RETURN t; END$$",
        "SELECT f(ssn) FROM customers WHERE id = 1",
        Sight::Masked,
    );
}

#[test]
fn a_strangers_function_in_a_condition_masks_the_statement() {
    sees_through(
        "trust_condition",
        "CREATE FUNCTION f(t text) RETURNS bool LANGUAGE plpgsql AS $$BEGIN RETURN true; END$$",
        "SELECT ssn FROM customers WHERE id = 1 AND f(ssn)",
        Sight::Masked,
    );
}

#[test]
fn a_strangers_view_reads_masked() {
    sees_through(
        "trust_view",
        "CREATE VIEW v AS SELECT * FROM customers; GRANT SELECT ON v TO PUBLIC",
        "SELECT ssn FROM v WHERE id = 1",
        Sight::Masked,
    );
}

#[test]
fn a_strangers_view_below_ones_own_reads_masked() {
    let (_world, mut sam, mut eve) = granted("trust_view_below");
    eve.run("CREATE VIEW v AS SELECT * FROM customers; GRANT SELECT ON v TO PUBLIC");
    sam.run("CREATE VIEW own AS SELECT * FROM v");
    assert_eq!(Sight::of(&sam.value("SELECT ssn FROM own WHERE id = 1")), Sight::Masked);
}

#[test]
fn a_strangers_operator_sees_masked_values() {
    sees_through(
        "trust_operator",
        "CREATE FUNCTION f(a text, b text) RETURNS text LANGUAGE plpgsql AS $$BEGIN RETURN a; END$$;
         CREATE OPERATOR <<<< (FUNCTION = f, LEFTARG = text, RIGHTARG = text)",
        "SELECT ssn <<<< '' FROM customers WHERE id = 1",
        Sight::Masked,
    );
}

#[test]
fn a_strangers_aggregate_sees_masked_values() {
    sees_through(
        "trust_aggregate",
        "CREATE FUNCTION f(state text, value text) RETURNS text LANGUAGE plpgsql AS $$BEGIN RETURN value; END$$;
         CREATE AGGREGATE agg(text) (SFUNC = f, STYPE = text)",
        "SELECT agg(ssn) FROM customers WHERE id = 1",
        Sight::Masked,
    );
}

#[test]
fn a_strangers_aggregate_of_builtin_parts_may_be_masked_but_never_breaks() {
    // Its parts are the server's own, so nobody's code sees anything; raw is right, masked would be safe.
    let (_world, mut sam, mut eve) = granted("trust_aggregate_builtin");
    eve.run("CREATE AGGREGATE agg(text) (SFUNC = text_larger, STYPE = text)");
    let seen = sam.value("SELECT agg(ssn) FROM customers WHERE id = 1");
    Sight::of(&seen);
}

#[test]
fn a_strangers_domain_sees_masked_values() {
    sees_through(
        "trust_domain",
        "CREATE FUNCTION f(t text) RETURNS bool LANGUAGE plpgsql AS $$BEGIN RETURN true; END$$;
         CREATE DOMAIN d AS text CHECK (f(VALUE))",
        "SELECT ssn::d FROM customers WHERE id = 1",
        Sight::Masked,
    );
}

#[test]
fn a_strangers_cast_sees_masked_values() {
    let (world, mut sam, mut eve) = granted("trust_cast");
    eve.run(
        "CREATE TYPE thing AS (t text);
         CREATE FUNCTION f(t text) RETURNS thing LANGUAGE plpgsql AS $$BEGIN RETURN ROW(t)::thing; END$$",
    );
    // Only a superuser could make it for a built-in type; the function is still the stranger's.
    world.chief().run("CREATE CAST (text AS thing) WITH FUNCTION f(text)");
    assert_eq!(Sight::of(&sam.value("SELECT (ssn::thing).t FROM customers WHERE id = 1")), Sight::Masked);
}

#[test]
fn a_strangers_trigger_reads_masked() {
    let (_world, mut sam, mut eve) = granted("trust_trigger");
    eve.run(
        "CREATE TABLE inbox (id int, loot text);
         CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS
            $$BEGIN SELECT ssn INTO NEW.loot FROM public.customers WHERE id = 1; RETURN NEW; END$$;
         CREATE TRIGGER t BEFORE INSERT ON inbox FOR EACH ROW EXECUTE FUNCTION f();
         GRANT ALL ON inbox TO PUBLIC",
    );
    sam.run("INSERT INTO inbox VALUES (1)");
    assert_eq!(Sight::of(&eve.value("SELECT loot FROM inbox")), Sight::Masked);
}

#[test]
fn a_strangers_deferred_trigger_reads_masked() {
    let (_world, mut sam, mut eve) = granted("trust_deferred");
    eve.run(
        "CREATE TABLE inbox (id int); CREATE TABLE loot (value text);
         CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS
            $$DECLARE got text; BEGIN
                SELECT ssn INTO got FROM public.customers WHERE id = 1; INSERT INTO public.loot VALUES (got); RETURN NULL;
            END$$;
         CREATE CONSTRAINT TRIGGER t AFTER INSERT ON inbox DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION f();
         GRANT ALL ON inbox, loot TO PUBLIC",
    );
    sam.run("BEGIN; SELECT 1 FROM customers; INSERT INTO inbox VALUES (1); COMMIT");
    assert_eq!(Sight::of(&eve.value("SELECT value FROM loot")), Sight::Masked);
}

#[test]
fn a_strangers_default_reads_masked() {
    let (_world, mut sam, mut eve) = granted("trust_default");
    eve.run(&format!(
        "CREATE FUNCTION f() RETURNS text {READER}; CREATE TABLE inbox (id int, loot text DEFAULT f());
         GRANT ALL ON inbox TO PUBLIC"
    ));
    sam.run("INSERT INTO inbox (id) VALUES (1)");
    assert_eq!(Sight::of(&eve.value("SELECT loot FROM inbox")), Sight::Masked);
}

#[test]
fn a_definer_chain_hides_no_stranger() {
    let (world, mut sam, mut eve) = granted("trust_chain");
    sam.run(&format!("CREATE FUNCTION own() RETURNS text SECURITY DEFINER {READER}"));
    assert_eq!(Sight::of(&sam.value("SELECT own()")), Sight::Raw);
    eve.run(
        "CREATE FUNCTION f() RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS
            $$DECLARE got text; BEGIN got := public.own(); RETURN got; END$$",
    );
    assert_eq!(Sight::of(&sam.value("SELECT f()")), Sight::Masked);
    assert_eq!(Sight::of(&sam.value("SELECT own()")), Sight::Raw, "not spoilt by what came before");
    assert_eq!(Sight::of(&world.login("eve").value("SELECT own()")), Sight::Masked, "a grant is the login's");
}

#[test]
fn a_strangers_function_that_fails_leaves_no_distrust_behind() {
    let (_world, mut sam, mut eve) = granted("trust_fails");
    eve.run("CREATE FUNCTION f() RETURNS text LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'no'; END$$");
    sam.run(&format!("CREATE FUNCTION own() RETURNS text {READER}"));
    sam.run(
        "CREATE FUNCTION careful() RETURNS text LANGUAGE plpgsql AS
            $$BEGIN BEGIN PERFORM f(); EXCEPTION WHEN OTHERS THEN NULL; END; RETURN own(); END$$",
    );
    for _ in 0..2 {
        assert_eq!(Sight::of(&sam.value("SELECT careful()")), Sight::Raw);
        sam.refused("P0001", "SELECT f()");
        assert_eq!(Sight::of(&sam.value("SELECT own()")), Sight::Raw);
    }
}

#[test]
fn a_strangers_function_called_by_ones_own_reads_masked() {
    let (_world, mut sam, mut eve) = granted("trust_called");
    eve.run(&format!("CREATE FUNCTION f() RETURNS text {READER}"));
    sam.run("CREATE FUNCTION own() RETURNS text LANGUAGE plpgsql AS $$BEGIN RETURN f(); END$$");
    assert_eq!(Sight::of(&sam.value("SELECT own()")), Sight::Masked);
}

/// Functions set up before there was a grant are not watched; what they read later in the transaction must be masked.
#[test]
fn a_strangers_function_set_up_before_the_grant_reads_masked_after_it() {
    let world = World::new("trust_before");
    let (mut sam, mut eve) = (world.login("sam"), world.login("eve"));
    eve.run(&format!("CREATE FUNCTION f() RETURNS text {READER}"));
    sam.run(
        "CREATE FUNCTION own() RETURNS text LANGUAGE plpgsql AS $$BEGIN RETURN f(); END$$;
         SET plan_cache_mode = force_generic_plan; PREPARE p AS SELECT f()",
    );
    let reads = ["SELECT f()", "SELECT own()", "EXECUTE p"];
    for read in reads {
        assert_eq!(Sight::of(&sam.value(read)), Sight::Masked, "{read}");
    }
    sam.run("BEGIN");
    for read in reads {
        assert_eq!(Sight::of(&sam.value(read)), Sight::Masked, "{read}");
    }
    sam.run("DECLARE c CURSOR FOR SELECT f() FROM generate_series(1, 5)");
    assert_eq!(Sight::of(&sam.value("FETCH c")), Sight::Masked);
    world.grant("1 hour");
    for read in reads.iter().chain(&["FETCH c"]) {
        assert_eq!(Sight::of(&sam.value(read)), Sight::Masked, "{read} in the transaction that began without a grant");
    }
    sam.run("COMMIT");
    for read in reads {
        assert_eq!(Sight::of(&sam.value(read)), Sight::Masked, "{read}");
    }
    assert!(sam.sees_raw());
}

#[test]
fn trust_is_given_and_taken_back() {
    let (world, mut sam, mut eve) = granted("trust_owner");
    eve.run(&format!("CREATE FUNCTION f() RETURNS text {READER}"));
    sam.run("SET plan_cache_mode = force_generic_plan; PREPARE p AS SELECT f()");
    let (mut chief, role) = (world.chief(), world.role("eve"));
    for _ in 0..2 {
        assert_eq!(Sight::of(&sam.value("EXECUTE p")), Sight::Masked);
        chief.run(&format!("SELECT jitmask.trust_owner('{role}', 'writes our reports')"));
        assert_eq!(Sight::of(&sam.value("EXECUTE p")), Sight::Raw);
        chief.run(&format!("SELECT jitmask.untrust_owner('{role}')"));
    }
}

#[test]
fn the_stranger_is_named_in_a_notice() {
    let (_world, mut sam, mut eve) = granted("trust_notice");
    eve.run("CREATE FUNCTION f(t text) RETURNS text LANGUAGE plpgsql AS $$BEGIN RETURN t; END$$");
    sam.notices();
    sam.value("SELECT f(ssn) FROM customers WHERE id = 1");
    let notices = sam.notices();
    assert!(notices.iter().any(|notice| notice.contains("f(text)") || notice.contains("public.f")), "{notices:?}");
}

#[test]
fn ones_own_code_and_the_superusers_count() {
    let (world, mut sam, _eve) = granted("trust_own");
    world.chief().run(
        "CREATE FUNCTION chiefs(t text) RETURNS text LANGUAGE plpgsql AS $$BEGIN RETURN t; END$$;
         CREATE VIEW chiefs_view AS SELECT * FROM customers; GRANT SELECT ON chiefs_view TO PUBLIC",
    );
    sam.run(&format!(
        "CREATE FUNCTION reads() RETURNS text {READER};
         CREATE FUNCTION own(t text) RETURNS text LANGUAGE plpgsql AS $$BEGIN RETURN t; END$$;
         CREATE OPERATOR <<<< (FUNCTION = own, RIGHTARG = text);
         CREATE VIEW own_view AS SELECT * FROM customers"
    ));
    for read in [
        "SELECT reads()",
        "SELECT own(ssn) FROM customers WHERE id = 1",
        "SELECT chiefs(ssn) FROM customers WHERE id = 1",
        "SELECT <<<< ssn FROM customers WHERE id = 1",
        "SELECT ssn FROM own_view WHERE id = 1",
        "SELECT ssn FROM chiefs_view WHERE id = 1",
        "SELECT upper(ssn) FROM customers c JOIN own_view USING (id, ssn) WHERE id = 1",
    ] {
        assert_eq!(Sight::of(&sam.value(read)), Sight::Raw, "{read}");
    }
}
