//! Where jitmask is not, nothing changes; where it can't work, it says so.

use jitmask_client_tests::outside::Cluster;
use jitmask_client_tests::{Session, Sight, World};

#[test]
fn a_database_without_the_extension_is_untouched() {
    let world = World::bare("inert");
    let mut chief = world.chief();
    chief.run(
        "CREATE TABLE customers (id int PRIMARY KEY, ssn text CONSTRAINT once UNIQUE);
         INSERT INTO customers VALUES (1, 'RAW-SSN-0001'); GRANT ALL ON customers TO PUBLIC; GRANT ALL ON SCHEMA public TO PUBLIC",
    );
    let mut sam = world.login("sam");
    assert_eq!(sam.sight(), Sight::Raw);
    sam.run("SET plan_cache_mode = force_generic_plan; PREPARE p AS SELECT ssn FROM customers");
    assert_eq!(sam.value("EXECUTE p"), "RAW-SSN-0001");
    sam.run("UPDATE customers SET ssn = 'RAW-SSN-0002'; CREATE TABLE t AS SELECT * FROM customers");
    assert_eq!(sam.value("SELECT ssn FROM t"), "RAW-SSN-0002");
    assert_eq!(sam.refused("23505", "INSERT INTO customers VALUES (2, 'RAW-SSN-0002')").constraint(), Some("once"));
    sam.run("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT * FROM customers; ROLLBACK");
    let error = chief.refused("55000", "SECURITY LABEL FOR jitmask ON COLUMN customers.ssn IS 'anything'");
    assert!(error.hint().is_some_and(|hint| hint.contains("CREATE EXTENSION jitmask")), "{error:?}");
    assert_eq!(sam.notices(), Vec::<String>::new());
}

#[test]
fn a_schema_named_jitmask_alone_fools_nobody() {
    let world = World::bare("inert_schema");
    let mut chief = world.chief();
    chief.run("CREATE SCHEMA jitmask; CREATE TABLE jitmask.grant_ (id int); CREATE TABLE jitmask.policy (id int)");
    chief.run("GRANT ALL ON SCHEMA jitmask, public TO PUBLIC; GRANT ALL ON ALL TABLES IN SCHEMA jitmask TO PUBLIC");
    let mut sam = world.login("sam");
    sam.run("INSERT INTO jitmask.grant_ VALUES (1); SELECT * FROM jitmask.grant_");
    sam.run("CREATE TABLE public.t (a text); INSERT INTO public.t VALUES ('x')");
    assert_eq!(sam.value("SELECT a FROM public.t"), "x");
}

#[test]
fn creating_and_dropping_the_extension_reaches_open_sessions() {
    let world = World::bare("inert_create");
    let mut chief = world.chief();
    chief.run("CREATE TABLE customers (id int, ssn text); INSERT INTO customers VALUES (1, 'RAW-SSN-0001')");
    chief.run("GRANT ALL ON customers TO PUBLIC");
    let mut sam = world.login("sam");
    sam.run("SET plan_cache_mode = force_generic_plan; PREPARE p AS SELECT ssn FROM customers WHERE id = 1");
    for _ in 0..2 {
        assert_eq!(Sight::of(&sam.value("EXECUTE p")), Sight::Raw);
        chief.run("CREATE EXTENSION jitmask");
        assert_eq!(Sight::of(&sam.value("EXECUTE p")), Sight::Raw, "nothing is attached yet");
        chief.run("SELECT jitmask.create_policy('p', 'mask_partial(value, 0, 4)')");
        chief.run("SELECT jitmask.attach('p', 'public.customers.ssn')");
        assert_eq!(Sight::of(&sam.value("EXECUTE p")), Sight::Masked);
        chief.run("SELECT jitmask.detach('public.customers.ssn')");
        assert_eq!(Sight::of(&sam.value("EXECUTE p")), Sight::Raw);
        chief.run("DROP EXTENSION jitmask CASCADE");
    }
    assert_eq!(Sight::of(&sam.value("EXECUTE p")), Sight::Raw);
}

#[test]
fn an_extension_created_and_rolled_back_leaves_nothing() {
    let world = World::bare("inert_rollback");
    let mut chief = world.chief();
    chief.run("CREATE TABLE customers (id int, ssn text); INSERT INTO customers VALUES (1, 'RAW-SSN-0001')");
    chief.run("GRANT ALL ON customers TO PUBLIC");
    let mut sam = world.login("sam");
    chief.run("BEGIN; CREATE EXTENSION jitmask; ROLLBACK");
    assert!(sam.sees_raw());
    chief.run("CREATE EXTENSION jitmask");
    assert!(sam.sees_raw());
}

#[test]
fn databases_do_not_share_policies_or_grants() {
    let mut world = World::new("inert_other");
    let other = world.database("other");
    let mut chief = Session::open(&world.role("chief"), &other);
    chief.run("CREATE TABLE customers (id int, ssn text); INSERT INTO customers VALUES (1, 'RAW-SSN-0001')");
    chief.run("GRANT ALL ON customers TO PUBLIC");
    let mut sam = Session::open(&world.role("sam"), &other);
    assert!(sam.sees_raw(), "protected in the other database only");
    chief.run("CREATE EXTENSION jitmask");
    chief.run("SELECT jitmask.create_policy('p', 'mask_partial(value, 0, 4)')");
    chief.run("SELECT jitmask.attach('p', 'public.customers.ssn')");
    world.grant("1 hour");
    assert!(sam.sees_masked(), "granted in the other database only");
}

#[test]
fn create_extension_without_preload_says_which_line_to_write() {
    let cluster = Cluster::start("nopreload", &["shared_preload_libraries='pg_stat_statements'"]);
    let said = cluster.psql("CREATE EXTENSION jitmask");
    assert!(said.contains("55000"), "{said}");
    let hint = said.lines().find(|line| line.starts_with("HINT:")).unwrap_or_else(|| panic!("no hint: {said}"));
    let line = "ALTER SYSTEM SET shared_preload_libraries = ";
    assert!(hint.contains(line), "{hint}");
    let statement = hint[hint.find(line).unwrap()..].split(';').next().unwrap().to_owned();
    let (before, after) = (statement.find("pg_stat_statements"), statement.find("jitmask"));
    assert!(before.is_some() && before < after, "what is there stays, jitmask comes last: {statement}");
    // The line does what it says.
    cluster.psql(&statement);
    assert_eq!(cluster.psql("SELECT count(*) FROM pg_extension WHERE extname = 'jitmask'").trim(), "0");
    cluster.restart();
    assert_eq!(cluster.psql("CREATE EXTENSION jitmask").trim(), "CREATE EXTENSION");
}
