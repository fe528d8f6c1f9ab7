//! Errors arrive whole: jitmask's own with their codes, everybody else's with every field they were raised with.

use jitmask_client_tests::World;
use postgres::error::ErrorPosition;

#[test]
fn own_sqlstates_arrive_with_detail_and_hint() {
    let world = World::new("err_own");
    let mut sam = world.login("sam");
    let error = sam.refused("JM003", "UPDATE customers SET ssn = upper(ssn) WHERE id = 1");
    assert_eq!(error.severity(), "ERROR");
    assert!(error.message().contains("customers") && error.detail().is_some(), "{error:?}");
    assert!(error.hint().is_some_and(|hint| hint.contains("jitmask.")), "{error:?}");
    let error = sam.refused("JM004", "DO $$BEGIN PERFORM jitmask.cancel(1); END$$");
    assert!(error.hint().is_some_and(|hint| hint.contains("SELECT * FROM jitmask.cancel(")), "{error:?}");
    assert!(error.where_().is_some_and(|context| context.contains("PL/pgSQL")), "{error:?}");
}

#[test]
fn own_sqlstates_can_be_caught_in_plpgsql() {
    let world = World::new("err_caught");
    let mut sam = world.login("sam");
    sam.run(
        "CREATE FUNCTION own() RETURNS text LANGUAGE plpgsql AS $$
            DECLARE state text; BEGIN
                UPDATE public.customers SET ssn = upper(ssn) WHERE id = 1; RETURN 'done';
            EXCEPTION WHEN SQLSTATE 'JM003' THEN GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE; RETURN state;
            END$$",
    );
    assert_eq!(sam.value("SELECT own()"), "JM003");
    // And the next error is not taken for one of ours.
    sam.refused("22012", "SELECT 1 / 0");
}

#[test]
fn a_unique_violation_in_plpgsql_keeps_every_field() {
    let world = World::new("err_unique");
    let mut sam = world.login("sam");
    sam.run(
        "CREATE TABLE plain (id int CONSTRAINT plain_id_once UNIQUE); INSERT INTO plain VALUES (1);
         CREATE FUNCTION twice() RETURNS void LANGUAGE plpgsql AS $$BEGIN INSERT INTO public.plain VALUES (1); END$$",
    );
    let error = sam.refused("23505", "SELECT twice()");
    assert_eq!(error.constraint(), Some("plain_id_once"));
    assert_eq!((error.schema(), error.table()), (Some("public"), Some("plain")));
    assert_eq!(error.detail(), Some("Key (id)=(1) already exists."));
    let context = error.where_().unwrap();
    assert!(context.contains("INSERT INTO public.plain VALUES (1)"), "{context}");
    assert!(context.contains("PL/pgSQL function twice() line 1 at SQL statement"), "{context}");
    assert_eq!(error.file().map(|file| file.ends_with("nbtinsert.c")), Some(true), "{error:?}");
}

#[test]
fn column_and_datatype_fields_are_kept() {
    let world = World::new("err_column");
    let mut sam = world.login("sam");
    sam.run(
        "CREATE TABLE plain (id int NOT NULL); CREATE DOMAIN positive AS int CONSTRAINT above_zero CHECK (VALUE > 0)",
    );
    assert_eq!(sam.refused("23502", "INSERT INTO plain VALUES (NULL)").column(), Some("id"));
    let error = sam.refused("23514", "SELECT (-1)::positive");
    assert_eq!((error.datatype(), error.constraint()), (Some("positive"), Some("above_zero")));
}

#[test]
fn error_positions_are_kept() {
    let world = World::new("err_position");
    let mut sam = world.login("sam");
    let at = |error: postgres::error::DbError| match error.position() {
        Some(ErrorPosition::Original(at)) => *at,
        other => panic!("{other:?} in {error:?}"),
    };
    assert_eq!(at(sam.refused("42601", "SELECT ssn FRM customers x")), 16);
    assert_eq!(at(sam.refused("42703", "SELECT nothing FROM customers")), 8);
    assert_eq!(at(sam.refused("42P01", "SELECT * FROM nowhere")), 15);
    let error = sam.refused("42703", "DO $$BEGIN PERFORM nothing FROM customers; END$$");
    match error.position() {
        Some(ErrorPosition::Internal { position, query }) => {
            assert_eq!((*position, query.as_str()), (8, "SELECT nothing FROM customers"));
        }
        other => panic!("{other:?} in {error:?}"),
    }
}

#[test]
fn errors_of_the_planner_keep_their_context() {
    let world = World::new("err_planner");
    let mut sam = world.login("sam");
    sam.run("CREATE FUNCTION wrong(i int) RETURNS int LANGUAGE sql IMMUTABLE AS $$SELECT i / 0$$");
    let error = sam.refused("22012", "SELECT wrong(1)");
    assert!(error.where_().is_some_and(|context| context.contains("SQL function \"wrong\"")), "{error:?}");
    let error = sam.refused("22012", "SELECT wrong(1), ssn FROM customers");
    assert!(error.where_().is_some_and(|context| context.contains("SQL function \"wrong\"")), "{error:?}");
}

#[test]
fn errors_leave_the_session_working_and_masked() {
    let world = World::new("err_after");
    let mut sam = world.login("sam");
    sam.run("CREATE FUNCTION fails(t text) RETURNS text LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'no'; END$$");
    for _ in 0..3 {
        sam.refused("P0001", "SELECT fails(ssn) FROM customers");
        sam.refused("22P02", "SELECT ssn::int FROM customers");
        sam.refused("JM003", "UPDATE customers SET ssn = lower(ssn)");
        sam.run("BEGIN; SAVEPOINT s");
        sam.refused("P0001", "SELECT fails(ssn) FROM customers");
        sam.refused("25P02", "SELECT 1");
        sam.run("ROLLBACK TO s");
        assert!(sam.sees_masked());
        sam.run("COMMIT");
        assert!(sam.sees_masked());
    }
    world.grant("1 hour");
    assert!(sam.sees_raw());
}

#[test]
fn messages_about_masked_values_hold_no_raw_value() {
    let world = World::new("err_values");
    let mut sam = world.login("sam");
    for sql in [
        "SELECT ssn::int FROM customers",
        "SELECT jsonb_build_object(ssn, 1)::text::int FROM customers",
        "SELECT (ssn || salary)::date FROM customers",
        "SELECT ROW(customers.*)::text::int FROM customers",
        "SELECT xmlparse(document ssn) FROM customers",
    ] {
        let error = sam.fails(sql);
        let all = format!("{error:?}");
        assert!(!all.contains("RAW-") && !all.contains("7770"), "{sql}: {all}");
    }
}

#[test]
fn transaction_statements_do_what_they_always_did() {
    let world = World::new("err_transaction");
    let mut sam = world.login("sam");
    for level in ["read committed", "repeatable read", "serializable"] {
        sam.run(&format!("BEGIN ISOLATION LEVEL {level}"));
        assert_eq!(sam.value("SHOW transaction_isolation"), level);
        sam.run("COMMIT");
        sam.run(&format!("BEGIN; SET TRANSACTION ISOLATION LEVEL {level}, READ ONLY"));
        assert!(sam.sees_masked());
        sam.run("COMMIT");
        sam.run(&format!("SET default_transaction_isolation = '{level}'"));
        assert!(sam.sees_masked());
    }
    let mut chief = world.chief();
    chief.run("BEGIN ISOLATION LEVEL REPEATABLE READ");
    let snapshot = chief.value("SELECT pg_export_snapshot()");
    sam.run(&format!("BEGIN ISOLATION LEVEL REPEATABLE READ; SET TRANSACTION SNAPSHOT '{snapshot}'"));
    assert!(sam.sees_masked());
    sam.run("COMMIT");
    // Its snapshot is taken at its first query, not at BEGIN.
    sam.run("BEGIN ISOLATION LEVEL REPEATABLE READ");
    world.chief().run("UPDATE customers SET name = 'changed' WHERE id = 1");
    assert_eq!(sam.value("SELECT name FROM customers WHERE id = 1"), "changed");
    world.chief().run("UPDATE customers SET name = 'again' WHERE id = 1");
    assert_eq!(sam.value("SELECT name FROM customers WHERE id = 1"), "changed");
    sam.run("COMMIT");
    chief.run("ROLLBACK");
    chief.run("VACUUM (ANALYZE) customers");
}
