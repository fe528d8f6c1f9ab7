//! DETAIL of errors that come at the end of a transaction, by every road the protocol offers, and in the server log.
//!
//! Constraints that are checked at COMMIT raise their errors below no statement. The server's main loop forgets who
//! looks at errors whenever an error reaches it, so errors come before errors here, too.

use jitmask_client_tests::session::RAW;
use jitmask_client_tests::wire::{Reply, Wire};
use jitmask_client_tests::{World, outside};

const SENTENCE: &str = "The key holds values that are masked for you.";

/// `writes()` belongs to a superuser; what it does is checked only at the end.
fn deferred(name: &str) -> World {
    let world = World::new(name);
    world.chief().run(
        "ALTER TABLE public.customers ADD CONSTRAINT once UNIQUE (ssn) DEFERRABLE INITIALLY DEFERRED;
         CREATE FUNCTION writes() RETURNS text LANGUAGE sql SECURITY DEFINER AS
            $$INSERT INTO public.customers SELECT 99, 'x', ssn FROM public.customers WHERE id = 7 RETURNING 'done'$$",
    );
    world
}

fn wire(world: &World) -> Wire {
    Wire::open(&world.role("sam"), world.name())
}

#[track_caller]
fn quotes_nothing(reply: &Reply) {
    let error = reply.0.iter().find(|message| message.tag == 'E').unwrap_or_else(|| panic!("no error: {reply:?}"));
    let field = |code| error.field(code);
    assert_eq!(field('C').as_deref(), Some("23505"), "{error:?}");
    assert_eq!(field('D').as_deref(), Some(SENTENCE));
    let rest = [
        field('M').as_deref() == Some("duplicate key value violates unique constraint \"once\""),
        field('n').as_deref() == Some("once"),
        field('t').as_deref() == Some("customers"),
        field('s').as_deref() == Some("public"),
    ];
    assert_eq!(rest, [true; 4], "the other fields stay: {error:?}");
    assert!(!String::from_utf8_lossy(&error.body).contains(RAW));
}

#[test]
fn simple_messages_quote_nothing_when_they_commit() {
    let world = deferred("details_simple");
    let mut sam = wire(&world);
    for message in [
        "SELECT writes()",
        "SELECT writes(); SELECT 1",
        "BEGIN; SELECT writes(); COMMIT",
        "BEGIN; SELECT writes(); COMMIT AND CHAIN",
        "BEGIN; SAVEPOINT a; SELECT writes(); SAVEPOINT b; COMMIT",
        "BEGIN; SELECT writes(); PREPARE TRANSACTION 'details'",
        "BEGIN; SELECT writes(); SET CONSTRAINTS ALL IMMEDIATE",
        "DO 'BEGIN PERFORM writes(); COMMIT; END'",
        "DO 'BEGIN PERFORM writes(); SET CONSTRAINTS ALL IMMEDIATE; END'",
    ] {
        quotes_nothing(&sam.run(message));
        sam.run("ROLLBACK");
    }
}

#[test]
fn messages_of_their_own_quote_nothing() {
    let world = deferred("details_apart");
    let mut sam = wire(&world);
    for end in ["COMMIT", "END", "PREPARE TRANSACTION 'details'"] {
        sam.run("BEGIN").fine();
        sam.run("SELECT writes()").fine();
        quotes_nothing(&sam.run(end));
        assert_eq!(sam.run("SELECT 1").fine().column(), ["1"], "a failed COMMIT ends the transaction");
    }
}

/// A session in which everything has been parsed and planned, so that nothing but execution is left to do.
fn prepared(world: &World) -> Wire {
    let mut sam = wire(world);
    sam.run("SET plan_cache_mode = force_generic_plan").fine();
    for (name, sql) in [
        ("b", "BEGIN"),
        ("w", "SELECT writes()"),
        ("c", "COMMIT"),
        ("r", "ROLLBACK"),
        ("s", "SAVEPOINT s"),
        ("t", "ROLLBACK TO s"),
        ("x", "SELECT 1 / 0"),
    ] {
        sam.parse(name, sql).sync().fine();
    }
    for name in ["b", "w", "r"] {
        sam.bind("", name, &[]).execute("", 0).sync().fine();
    }
    sam
}

fn execute<'a>(sam: &'a mut Wire, statements: &[&str]) -> &'a mut Wire {
    for name in statements {
        sam.bind("", name, &[]).execute("", 0);
    }
    sam
}

#[test]
fn prepared_statements_quote_nothing_at_sync_or_commit() {
    let world = deferred("details_prepared");
    let mut sam = prepared(&world);
    quotes_nothing(&execute(&mut sam, &["w"]).sync());
    quotes_nothing(&execute(&mut sam, &["w"]).sync());
    quotes_nothing(&execute(&mut sam, &["b", "w", "c"]).sync());
    execute(&mut sam, &["b", "w"]).sync().fine();
    quotes_nothing(&execute(&mut sam, &["c"]).sync());
    quotes_nothing(&execute(&mut sam, &["b", "s", "w", "c"]).sync());
}

#[test]
fn errors_before_do_not_help() {
    let world = deferred("details_errors");
    let mut sam = prepared(&world);
    // In no transaction at all: what can't be parsed, what can't be bound, what can't be described.
    for _ in 0..3 {
        assert!(sam.run("SELEC 1").error().is_some());
        assert!(sam.run("SELEC 1").error().is_some());
        assert!(sam.bind("", "nosuch", &[]).sync().error().is_some());
        assert!(sam.describe("nosuch").sync().error().is_some());
        quotes_nothing(&execute(&mut sam, &["w"]).sync());
        assert!(sam.bind("", "nosuch", &[]).sync().error().is_some());
        quotes_nothing(&execute(&mut sam, &["b", "w", "c"]).sync());
    }
    // In a transaction that has failed.
    execute(&mut sam, &["b"]).sync().fine();
    for _ in 0..3 {
        assert!(execute(&mut sam, &["x"]).sync().error().is_some());
        assert!(sam.run("SELECT 1").error().is_some());
    }
    execute(&mut sam, &["r"]).sync().fine();
    quotes_nothing(&execute(&mut sam, &["w"]).sync());
    // In a subtransaction, after which the transaction goes on.
    execute(&mut sam, &["b", "w", "s"]).sync().fine();
    assert!(execute(&mut sam, &["x"]).sync().error().is_some());
    assert!(execute(&mut sam, &["x"]).sync().error().is_some());
    execute(&mut sam, &["t"]).sync().fine();
    quotes_nothing(&execute(&mut sam, &["c"]).sync());
}

#[test]
fn somebody_exempt_reads_the_key() {
    let world = deferred("details_exempt");
    let mut chief = Wire::open(&world.role("chief"), world.name());
    for message in ["SELECT writes()", "BEGIN; SELECT writes(); COMMIT"] {
        let reply = chief.run(message);
        let detail = reply.0.iter().find(|message| message.tag == 'E').and_then(|error| error.field('D'));
        assert_eq!(detail.as_deref(), Some("Key (ssn)=(RAW-SSN-0007) already exists."));
    }
}

#[test]
fn a_unique_index_built_by_parallel_workers_quotes_nothing() {
    let world = World::new("details_parallel");
    world.chief().run(
        "INSERT INTO public.customers SELECT i, 'x', 'RAW-' || i / 2 FROM generate_series(100, 30000) AS i;
         ALTER TABLE public.customers SET (parallel_workers = 2);
         CREATE FUNCTION builds() RETURNS void LANGUAGE sql SECURITY DEFINER
            SET min_parallel_table_scan_size = 0 SET max_parallel_maintenance_workers = 2 SET maintenance_work_mem = '256MB' AS
            'CREATE UNIQUE INDEX built ON public.customers (ssn)'",
    );
    let mut sam = world.login("sam");
    let error = sam.refused("23505", "SELECT builds()");
    assert_eq!(error.detail(), Some(SENTENCE));
    log_quotes_nothing(&world);
}

/// No line of the log about this database but the statements themselves holds a value.
#[track_caller]
fn log_quotes_nothing(world: &World) {
    let log = outside::log();
    let ours: Vec<_> = log.lines().filter(|line| line.contains("DETAIL:") || line.contains("ERROR:")).collect();
    let ours: Vec<_> =
        ours.into_iter().filter(|line| line.contains(&format!("@{}", world.name())) || !line.contains('@')).collect();
    assert!(ours.iter().any(|line| line.contains(SENTENCE)), "{ours:#?}");
    assert!(!ours.iter().any(|line| line.contains("(RAW-")), "{ours:#?}");
}

#[test]
fn the_server_log_quotes_nothing() {
    let world = deferred("details_log");
    quotes_nothing(&wire(&world).run("SELECT writes()"));
    quotes_nothing(&wire(&world).run("BEGIN; SELECT writes(); COMMIT"));
    log_quotes_nothing(&world);
}
