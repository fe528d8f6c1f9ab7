//! Every reveal leaves one line in the server log, before anything is revealed, and no value with it.

use jitmask_client_tests::wire::Wire;
use jitmask_client_tests::{World, outside};

/// The reveal lines of `sam` of this world.
fn reveals(world: &World) -> Vec<String> {
    let login = format!("login=\"{}\"", world.role("sam"));
    let log = outside::log();
    let lines = log.lines().filter(|line| line.contains("jitmask reveal:") && line.contains(&login));
    lines.map(str::to_owned).collect()
}

#[test]
fn each_reveal_writes_one_line_with_grant_and_login_and_no_value() {
    let world = World::new("log_each");
    let mut sam = world.login("sam");
    assert!(sam.sees_masked());
    assert_eq!(reveals(&world).len(), 0, "a masked read is no reveal");
    let grant = world.grant("1 hour");
    assert_eq!(reveals(&world).len(), 0, "an approval is no reveal");
    let reads = [
        "SELECT ssn FROM customers WHERE id = 1",
        "SELECT * FROM customers",
        "SELECT count(*) FROM customers WHERE ssn LIKE 'RAW-SSN-0001'",
        "COPY (SELECT ssn FROM customers) TO STDOUT",
        "PREPARE p AS SELECT ssn FROM customers; EXECUTE p",
        "BEGIN; SELECT ssn FROM customers; ROLLBACK",
        "BEGIN READ ONLY; SELECT ssn FROM customers; COMMIT",
    ];
    for (number, read) in reads.iter().enumerate() {
        if read.starts_with("COPY") {
            std::io::Read::read_to_end(&mut sam.client().copy_out(*read).unwrap(), &mut Vec::new()).unwrap();
        } else {
            sam.run(read);
        }
        assert_eq!(reveals(&world).len(), number + 1, "after {read}");
    }
    world.revoke(&grant);
    assert!(sam.sees_masked());
    let lines = reveals(&world);
    assert_eq!(lines.len(), reads.len(), "nothing is revealed any more");
    for line in lines {
        assert!(line.contains(&format!("grant={} ", grant.id)) && line.contains("public.customers.ssn"), "{line}");
        assert!(line.contains(" LOG:  ") && !line.contains("RAW-"), "{line}");
    }
}

/// The server computes constant calls while it plans, so a plan can be begun, and given up, within the making of another.
#[test]
fn a_plan_given_up_within_the_making_of_another_takes_nothing_from_it() {
    let world = World::new("log_given_up");
    let mut sam = world.login("sam");
    sam.run(
        "CREATE FUNCTION stumbles() RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$
         BEGIN EXECUTE 'SELECT 1/0 FROM pg_class'; RETURN 1; EXCEPTION WHEN division_by_zero THEN RETURN 2; END $$",
    );
    let grant = world.grant("1 hour");
    let mut revealed = 0;
    for read in [
        "SELECT ssn, stumbles() FROM customers",
        "SELECT ssn, stumbles(), 1 FROM customers",
        "PREPARE p AS SELECT ssn, stumbles() FROM customers; EXECUTE p",
    ] {
        sam.run(read);
        revealed += 1;
        assert_eq!(reveals(&world).len(), revealed, "after {read}");
    }
    world.revoke(&grant);
    assert!(sam.sees_masked());
    let kept = sam.client().simple_query("EXECUTE p").unwrap();
    assert!(!format!("{kept:?}").contains("RAW-"), "a kept plan reveals after the grant was revoked");
}

#[test]
fn a_statement_that_touches_nothing_revealed_writes_no_line() {
    let world = World::new("log_none");
    world.grant("1 hour");
    let mut sam = world.login("sam");
    sam.run("SELECT 1; CREATE TABLE t (id int); INSERT INTO t VALUES (1); SELECT * FROM t");
    sam.run("EXPLAIN SELECT ssn FROM customers");
    assert_eq!(reveals(&world), Vec::<String>::new());
}

#[test]
fn a_portal_read_in_pieces_is_one_reveal() {
    let world = World::new("log_portal");
    world.grant("1 hour");
    let mut sam = Wire::open(&world.role("sam"), world.name());
    sam.run("BEGIN").fine();
    sam.parse("", "SELECT ssn FROM customers").bind("p", "", &[]);
    for _ in 0..3 {
        sam.execute("p", 5).sync().fine();
    }
    assert_eq!(reveals(&world).len(), 1);
}

#[test]
fn a_cached_statement_that_was_masked_announces_its_first_reveal() {
    let world = World::new("log_cached");
    let mut sam = world.login("sam");
    sam.run("SET plan_cache_mode = force_generic_plan; PREPARE p AS SELECT ssn FROM customers; EXECUTE p");
    world.grant("1 hour");
    sam.run("EXECUTE p; EXECUTE p");
    assert_eq!(reveals(&world).len(), 2);
}

#[test]
fn the_line_is_there_before_the_first_row_is_sent() {
    let world = World::new("log_before");
    world.grant("1 hour");
    let mut sam = Wire::open(&world.role("sam"), world.name());
    // Two rows fill the server's buffer, so that one of them is sent; the rest takes long, so the line isn't the end's.
    sam.query("SELECT ssn, repeat('x', 20000), pg_sleep(CASE WHEN id > 2 THEN 10 ELSE 0 END) FROM customers").send();
    while sam.receive().tag != 'D' {}
    assert_eq!(reveals(&world).len(), 1);
}

#[test]
fn nobody_can_make_a_reveal_quiet() {
    let world = World::new("log_quiet");
    world.grant("1 hour");
    let mut sam = world.login("sam");
    sam.run("SET client_min_messages = error");
    sam.refused("42501", "SET log_min_messages = panic");
    assert!(sam.sees_raw());
    assert_eq!(reveals(&world).len(), 1);
}

#[test]
fn nothing_the_server_logs_of_jitmask_holds_a_value() {
    let world = World::new("log_values");
    let mut sam = world.login("sam");
    let grant = world.grant("1 hour");
    sam.run("SELECT * FROM customers");
    world.revoke(&grant);
    sam.refused("JM003", "UPDATE customers SET ssn = upper(ssn)");
    let lines = outside::log();
    let ours: Vec<_> = lines.lines().filter(|line| line.contains("jitmask") && line.contains(world.name())).collect();
    assert!(!ours.is_empty());
    assert!(!ours.iter().any(|line| line.contains("RAW-SSN-00") && !line.contains("STATEMENT")), "{ours:#?}");
}
