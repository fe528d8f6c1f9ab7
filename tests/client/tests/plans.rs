//! Masked, granted, revoked, expired: whatever kind of plan a session keeps, its next read is what holds now.
//!
//! Each test keeps one way of reading alive through all states, both directions of each change included.

use jitmask_client_tests::wire::Wire;
use jitmask_client_tests::{Session, Sight, World};

const SSN: &str = "SELECT ssn FROM public.customers WHERE id = 1";

/// Takes the world through all states; `read` must see each as it comes.
fn follows(world: &World, mut read: impl FnMut() -> Sight) {
    let mut expect = |sight: Sight, state: &str| {
        // Twice: the first read after a change may replan where the second uses what is kept.
        for _ in 0..2 {
            assert_eq!(read(), sight, "{state}");
        }
    };
    expect(Sight::Masked, "before any grant");
    let long = world.grant("1 hour");
    expect(Sight::Raw, "granted");
    world.revoke(&long);
    expect(Sight::Masked, "revoked");
    let short = world.grant("3 seconds");
    expect(Sight::Raw, "granted for seconds");
    world.outlive(&short);
    expect(Sight::Masked, "expired");
    let again = world.grant("1 hour");
    expect(Sight::Raw, "granted after expiry");
    world.revoke(&again);
    expect(Sight::Masked, "revoked again");
}

/// The same for one statement that `sam` repeats, after a preparation.
fn statement_follows(name: &str, prepare: &str, read: &str) {
    let world = World::new(name);
    let mut sam = world.login("sam");
    sam.run(prepare);
    follows(&world, || Sight::of(&sam.value(read)));
}

#[test]
fn plain_statements_follow() {
    statement_follows("plan_plain", "", SSN);
}

#[test]
fn sql_prepared_generic_plans_follow() {
    statement_follows(
        "plan_generic",
        &format!("SET plan_cache_mode = force_generic_plan; PREPARE p AS {SSN}"),
        "EXECUTE p",
    );
}

#[test]
fn sql_prepared_custom_plans_follow() {
    statement_follows(
        "plan_custom",
        "SET plan_cache_mode = force_custom_plan; PREPARE p(int) AS SELECT ssn FROM customers WHERE id = $1",
        "EXECUTE p(1)",
    );
}

/// Parsed once, bound and executed again and again.
fn protocol_follows(name: &str, mode: &str) {
    let world = World::new(name);
    let mut sam = Wire::open(&world.role("sam"), world.name());
    sam.run(&format!("SET plan_cache_mode = {mode}")).fine();
    sam.parse("s", "SELECT ssn FROM public.customers WHERE id = $1").sync().fine();
    follows(&world, || {
        let rows = sam.bind("", "s", &["1"]).describe("").execute("", 0).sync().fine().column();
        Sight::of(&rows[0])
    });
}

#[test]
fn protocol_prepared_generic_plans_follow() {
    protocol_follows("plan_wire_generic", "force_generic_plan");
}

#[test]
fn protocol_prepared_custom_plans_follow() {
    protocol_follows("plan_wire_custom", "force_custom_plan");
}

#[test]
fn protocol_prepared_auto_plans_follow() {
    protocol_follows("plan_wire_auto", "auto");
}

#[test]
fn client_prepared_statements_follow() {
    let world = World::new("plan_client");
    let mut sam = world.login("sam");
    let statement = sam.client().prepare("SELECT ssn FROM customers WHERE id = $1").unwrap();
    follows(&world, || {
        let row = sam.client().query_one(&statement, &[&1_i32]).unwrap();
        Sight::of(row.get(0))
    });
}

#[test]
fn statements_prepared_while_granted_follow() {
    let world = World::new("plan_while_granted");
    let mut sam = world.login("sam");
    let grant = world.grant("1 hour");
    sam.run(&format!("SET plan_cache_mode = force_generic_plan; PREPARE p AS {SSN}"));
    assert_eq!(Sight::of(&sam.value("EXECUTE p")), Sight::Raw);
    world.revoke(&grant);
    assert_eq!(Sight::of(&sam.value("EXECUTE p")), Sight::Masked);
    follows(&world, || Sight::of(&sam.value("EXECUTE p")));
}

#[test]
fn plpgsql_functions_with_cached_plans_follow() {
    statement_follows(
        "plan_plpgsql",
        "SET plan_cache_mode = force_generic_plan;
         CREATE FUNCTION own() RETURNS text LANGUAGE plpgsql AS
            $$DECLARE got text; BEGIN SELECT ssn INTO got FROM public.customers WHERE id = 1; RETURN got; END$$",
        "SELECT own()",
    );
}

#[test]
fn plpgsql_loops_dynamic_statements_and_return_query_follow() {
    statement_follows(
        "plan_plpgsql_more",
        "CREATE FUNCTION own() RETURNS SETOF text LANGUAGE plpgsql AS $$
            DECLARE got text; other text; BEGIN
                FOR got IN SELECT ssn FROM public.customers WHERE id = 1 LOOP END LOOP;
                EXECUTE 'SELECT ssn FROM public.customers WHERE id = 1' INTO other;
                IF got IS DISTINCT FROM other THEN RAISE EXCEPTION 'they disagree'; END IF;
                RETURN QUERY SELECT ssn FROM public.customers WHERE id = 1;
            END$$",
        "SELECT * FROM own()",
    );
}

#[test]
fn inlined_sql_functions_with_string_bodies_follow() {
    statement_follows(
        "plan_inline_text",
        "SET plan_cache_mode = force_generic_plan;
         CREATE FUNCTION own() RETURNS SETOF text LANGUAGE sql STABLE AS
            $$SELECT ssn FROM public.customers WHERE id = 1$$;
         PREPARE p AS SELECT * FROM own()",
        "EXECUTE p",
    );
}

#[test]
fn inlined_sql_functions_with_atomic_bodies_follow() {
    statement_follows(
        "plan_inline_atomic",
        "SET plan_cache_mode = force_generic_plan;
         CREATE FUNCTION own() RETURNS SETOF text LANGUAGE sql STABLE
            BEGIN ATOMIC SELECT ssn FROM public.customers WHERE id = 1; END;
         PREPARE p AS SELECT * FROM own()",
        "EXECUTE p",
    );
}

#[test]
fn sql_functions_that_are_not_inlined_follow() {
    statement_follows(
        "plan_whole_sql",
        "CREATE FUNCTION text_body() RETURNS text LANGUAGE sql VOLATILE AS
            $$SELECT ssn FROM public.customers WHERE id = 1$$;
         CREATE FUNCTION own() RETURNS text LANGUAGE sql VOLATILE
            BEGIN ATOMIC SELECT coalesce(text_body(), ssn) FROM public.customers WHERE id = 1; END",
        "SELECT own()",
    );
}

#[test]
fn views_follow() {
    statement_follows(
        "plan_view",
        "SET plan_cache_mode = force_generic_plan;
         CREATE VIEW own AS SELECT * FROM public.customers; PREPARE p AS SELECT ssn FROM own WHERE id = 1",
        "EXECUTE p",
    );
}

#[test]
fn cursors_follow() {
    let world = World::new("plan_cursor");
    let mut sam = world.login("sam");
    sam.run(&format!("SET plan_cache_mode = force_generic_plan; PREPARE p AS {SSN}"));
    follows(&world, || {
        sam.run(&format!("BEGIN; DECLARE c CURSOR FOR {SSN}"));
        let seen = Sight::of(&sam.value("FETCH c"));
        sam.run("COMMIT");
        seen
    });
}

#[test]
fn parallel_workers_follow() {
    statement_follows(
        "plan_parallel",
        "SET plan_cache_mode = force_generic_plan; SET force_parallel_mode = on; SET parallel_setup_cost = 0;
         SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;
         PREPARE p AS SELECT min(ssn) FROM customers WHERE length(ssn) > 0 AND id = 1",
        "EXECUTE p",
    );
}

/// The reading side stays in one transaction while the approver decides in another session.
fn open_transaction_follows(name: &str, isolation: &str) {
    let world = World::new(name);
    let mut sam = world.login("sam");
    sam.run(&format!("SET plan_cache_mode = force_generic_plan; PREPARE p AS {SSN}"));
    // By itself: PREPARE has taken a snapshot in the transaction of its own message.
    sam.run(&format!("BEGIN ISOLATION LEVEL {isolation}"));
    follows(&world, || {
        let seen = sam.sight();
        assert_eq!(Sight::of(&sam.value("EXECUTE p")), seen, "the prepared statement disagrees");
        seen
    });
    sam.run("COMMIT");
}

#[test]
fn an_open_read_committed_transaction_follows() {
    open_transaction_follows("plan_committed", "READ COMMITTED");
}

#[test]
fn an_open_repeatable_read_transaction_follows() {
    open_transaction_follows("plan_repeatable", "REPEATABLE READ");
}

#[test]
fn an_open_serializable_read_only_transaction_follows() {
    open_transaction_follows("plan_serializable", "SERIALIZABLE READ ONLY");
}

#[test]
fn functions_in_an_open_transaction_mask_once_the_grant_is_over() {
    let world = World::new("plan_function_open");
    let mut sam = world.login("sam");
    sam.run(
        "CREATE FUNCTION own() RETURNS text LANGUAGE plpgsql AS
            $$DECLARE got text; BEGIN SELECT ssn INTO got FROM public.customers WHERE id = 1; RETURN got; END$$",
    );
    let grant = world.grant("1 hour");
    sam.run("BEGIN ISOLATION LEVEL REPEATABLE READ");
    let own = |sam: &mut Session| Sight::of(&sam.value("SELECT own()"));
    assert_eq!(own(&mut sam), Sight::Raw);
    world.revoke(&grant);
    assert_eq!(own(&mut sam), Sight::Masked);
    sam.run("COMMIT");
    assert_eq!(own(&mut sam), Sight::Masked);
}

#[test]
fn attaching_and_detaching_a_policy_reaches_kept_plans() {
    let world = World::new("plan_attach");
    let (mut sam, mut chief) = (world.login("sam"), world.chief());
    sam.run(
        "SET plan_cache_mode = force_generic_plan; PREPARE p AS SELECT name FROM customers WHERE id = 1;
         CREATE FUNCTION own() RETURNS text LANGUAGE plpgsql AS
            $$DECLARE got text; BEGIN SELECT name INTO got FROM public.customers WHERE id = 1; RETURN got; END$$",
    );
    for _ in 0..2 {
        assert_eq!(sam.value("EXECUTE p"), "customer 1");
        assert_eq!(sam.value("SELECT own()"), "customer 1");
        chief.run("SELECT jitmask.attach('salary_hidden', 'public.customers.name')");
        assert_ne!(sam.value("EXECUTE p"), "customer 1");
        assert_ne!(sam.value("SELECT own()"), "customer 1");
        chief.run("SELECT jitmask.detach('public.customers.name')");
    }
}

/// Sessions remember which tables have nothing protected, and make short work of them.
#[test]
fn a_table_that_was_plain_a_moment_ago_is_masked_in_every_shape() {
    let world = World::new("plan_plain");
    let (mut sam, mut other, mut chief) = (world.login("sam"), world.login("sam"), world.chief());
    chief.run(
        "CREATE TABLE notes (id int PRIMARY KEY, note text); INSERT INTO notes VALUES (1, 'RAW-NOTE');
         CREATE TABLE part (CHECK (id > 0)) INHERITS (notes); INSERT INTO part VALUES (2, 'RAW-NOTE');
         CREATE TABLE unlike (id int); CREATE VIEW seen AS SELECT * FROM notes;
         GRANT SELECT ON notes, part, unlike, seen TO PUBLIC",
    );
    let shapes = [
        "SELECT min(note) FROM notes",
        "SELECT note FROM part",
        "SELECT min(note) FROM seen",
        "SELECT s.note FROM (SELECT * FROM (SELECT * FROM notes) i) s WHERE id = 1",
        "WITH n AS (SELECT note FROM notes) SELECT min(note) FROM n",
        "SELECT (SELECT min(note) FROM notes) FROM (VALUES (1)) v",
        "SELECT (SELECT min(note) FROM notes) FROM pg_class LIMIT 1",
        "SELECT min(n.note) FROM pg_class c, LATERAL (SELECT note FROM notes) n, generate_series(1, 2)",
        "SELECT note FROM notes UNION SELECT note FROM part ORDER BY 1 LIMIT 1",
        "EXECUTE p",
    ];
    let reads = |session: &mut Session, raw: bool, when: &str| {
        for shape in shapes {
            for _ in 0..2 {
                assert_eq!(session.value(shape).contains("RAW-NOTE"), raw, "{when}: {shape}");
            }
        }
    };
    sam.run("SET plan_cache_mode = force_generic_plan; PREPARE p AS SELECT min(note) FROM notes");
    other.run("PREPARE p AS SELECT min(note) FROM notes");
    let attach = "SELECT jitmask.attach('salary_hidden', 'public.notes.note')";
    for _ in 0..2 {
        reads(&mut sam, true, "nothing attached");
        // Inside a transaction that began before.
        reads(&mut other, true, "nothing attached");
        other.run("BEGIN; SELECT count(*) FROM unlike");
        chief.run(attach);
        reads(&mut sam, false, "attached");
        reads(&mut other, false, "attached meanwhile");
        other.run("COMMIT");
        chief.run("SELECT jitmask.detach('public.notes.note')");
    }
    // As the one who attaches sees it, and takes it back.
    chief.run("SET jitmask.mask_superusers = on; PREPARE p AS SELECT min(note) FROM notes");
    reads(&mut chief, true, "nothing attached");
    chief.run(&format!("BEGIN; SAVEPOINT s; {attach}"));
    reads(&mut chief, false, "attached in this transaction");
    chief.run("ROLLBACK TO s");
    reads(&mut chief, true, "taken back");
    chief.run(&format!("{attach}; COMMIT"));
    reads(&mut chief, false, "committed");
}
