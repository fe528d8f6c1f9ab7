//! A read grant lets rows out to the client and nowhere else: whatever is stored is masked, even under a grant.

use std::io::Read;

use jitmask_client_tests::outside::Temporary;
use jitmask_client_tests::{Session, Sight, World};

fn granted(name: &str) -> (World, Session) {
    let world = World::new(name);
    world.grant("1 hour");
    let mut sam = world.login("sam");
    assert!(sam.sees_raw());
    (world, sam)
}

#[test]
fn tables_made_from_a_query_hold_masked_values() {
    let (_world, mut sam) = granted("store_tables");
    sam.run("CREATE TABLE a AS SELECT * FROM customers; SELECT * INTO b FROM customers");
    sam.run("CREATE MATERIALIZED VIEW c AS SELECT * FROM customers");
    sam.run("CREATE TEMP TABLE d AS SELECT * FROM customers");
    sam.run("PREPARE p AS SELECT * FROM customers; EXECUTE p; CREATE TABLE e AS EXECUTE p");
    sam.run("CREATE TABLE f (id int, name text, ssn text, salary int); INSERT INTO f SELECT * FROM customers");
    sam.run("CREATE TABLE g (LIKE f); WITH x AS (SELECT * FROM customers) INSERT INTO g SELECT * FROM x");
    for table in ["a", "b", "c", "d", "e", "f", "g"] {
        let value = sam.value(&format!("SELECT ssn FROM {table} WHERE id = 1"));
        assert_eq!(Sight::of(&value), Sight::Masked, "{table}");
        assert_eq!(sam.value(&format!("SELECT count(*) FROM {table} WHERE ssn LIKE 'RAW%'")), "0", "{table}");
    }
    assert!(sam.sees_raw());
}

#[test]
fn writes_to_other_tables_store_masked_values() {
    let (_world, mut sam) = granted("store_writes");
    sam.run("CREATE TABLE t (id int PRIMARY KEY, ssn text); INSERT INTO t VALUES (1, ''), (2, '')");
    sam.run("UPDATE t SET ssn = c.ssn FROM customers c WHERE c.id = t.id AND t.id = 1");
    assert_eq!(Sight::of(&sam.value("SELECT ssn FROM t WHERE id = 1")), Sight::Masked, "UPDATE FROM");
    sam.run("UPDATE t SET ssn = (SELECT ssn FROM customers WHERE id = 1)");
    assert_eq!(Sight::of(&sam.value("SELECT ssn FROM t WHERE id = 1")), Sight::Masked, "UPDATE with a sub-select");
    sam.run(
        "MERGE INTO t USING customers c ON c.id = t.id
            WHEN MATCHED THEN UPDATE SET ssn = c.ssn WHEN NOT MATCHED THEN INSERT VALUES (c.id, c.ssn)",
    );
    assert_eq!(sam.value("SELECT count(*) FROM t WHERE ssn LIKE 'RAW%'"), "0", "MERGE");
    sam.run("INSERT INTO t SELECT id, ssn FROM customers ON CONFLICT (id) DO UPDATE SET ssn = excluded.ssn");
    assert_eq!(sam.value("SELECT count(*) FROM t WHERE ssn LIKE 'RAW%'"), "0", "ON CONFLICT");
    sam.run("DELETE FROM t");
    let returned =
        sam.value("WITH w AS (INSERT INTO t SELECT id, ssn FROM customers RETURNING *) SELECT count(*) FROM w");
    assert_eq!(returned, "20");
    assert_eq!(sam.value("SELECT count(*) FROM t WHERE ssn LIKE 'RAW%'"), "0", "a modifying CTE");
}

#[test]
fn what_ones_own_function_reads_below_a_storing_statement_is_masked() {
    let (_world, mut sam) = granted("store_function");
    sam.run(
        "CREATE TABLE t (ssn text);
         CREATE FUNCTION own() RETURNS text LANGUAGE plpgsql AS
            $$DECLARE got text; BEGIN SELECT ssn INTO got FROM public.customers WHERE id = 1; RETURN got; END$$",
    );
    assert_eq!(Sight::of(&sam.value("SELECT own()")), Sight::Raw);
    sam.run("INSERT INTO t SELECT own()");
    // Below a statement that stores, reads are masked even in one's own function.
    assert_eq!(Sight::of(&sam.value("SELECT ssn FROM t")), Sight::Masked);
}

#[test]
fn a_cursor_with_hold_is_masked() {
    let (world, mut sam) = granted("store_hold");
    sam.run("BEGIN; DECLARE c CURSOR WITH HOLD FOR SELECT ssn FROM customers ORDER BY id");
    assert_eq!(Sight::of(&sam.value("FETCH c")), Sight::Masked);
    sam.run("COMMIT");
    world.chief().run("UPDATE jitmask.grant_ SET state = 'revoked'");
    assert_eq!(sam.column("FETCH ALL FROM c").iter().filter(|value| value.contains("RAW-")).count(), 0);
}

#[test]
fn copy_to_a_file_or_program_writes_masked_values() {
    let (world, mut sam) = granted("store_copy");
    world.chief().run(&format!("GRANT pg_write_server_files, pg_execute_server_program TO {}", world.role("sam")));
    let file = Temporary::new("copy");
    let path = file.path();
    for copy in [
        format!("COPY customers TO '{path}'"),
        format!("COPY customers (id, ssn) TO '{path}' (FORMAT csv)"),
        format!("COPY (SELECT * FROM customers) TO '{path}'"),
        format!("COPY customers TO PROGRAM 'cat > {path}'"),
        format!("COPY (SELECT ssn FROM customers) TO PROGRAM 'cat > {path}'"),
    ] {
        sam.run(&copy);
        let text = file.text();
        assert!(text.lines().count() == 20 && text.contains("0001"), "{copy}: {text}");
        assert!(!text.contains("RAW-"), "{copy}: {text}");
        // The next one may be written by another user.
        std::fs::remove_file(&path).unwrap();
    }
}

fn copied(session: &mut Session, copy: &str) -> String {
    let mut text = String::new();
    session.client().copy_out(copy).unwrap().read_to_string(&mut text).unwrap();
    text
}

#[test]
fn copy_to_the_client_follows_the_grant() {
    let world = World::new("store_stdout");
    let mut sam = world.login("sam");
    let copies = [
        "COPY customers TO STDOUT",
        "COPY customers (ssn) TO STDOUT (FORMAT csv)",
        "COPY (SELECT ssn FROM customers) TO STDOUT",
        "COPY customers TO STDOUT (FORMAT binary)",
    ];
    let raw = |sam: &mut Session, copy: &str| {
        let mut bytes = Vec::new();
        sam.client().copy_out(copy).unwrap().read_to_end(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes).matches("RAW-SSN-").count()
    };
    for copy in copies {
        assert_eq!(raw(&mut sam, copy), 0, "{copy}");
    }
    let grant = world.grant("1 hour");
    for copy in copies {
        assert_eq!(raw(&mut sam, copy), 20, "{copy}");
    }
    world.revoke(&grant);
    for copy in copies {
        assert_eq!(raw(&mut sam, copy), 0, "{copy}");
    }
    assert_eq!(copied(&mut sam, copies[0]).lines().count(), 20);
}

#[test]
fn a_grant_allows_no_write_it_did_not_allow_before() {
    let (world, mut sam) = granted("store_writes_masked");
    // Whoever writes sees masks in that statement: in its conditions, in what it stores and in what it gives back.
    sam.refused("JM003", "UPDATE customers SET ssn = upper(ssn)");
    sam.refused(
        "JM003",
        "MERGE INTO customers c USING customers s ON c.id = s.id WHEN MATCHED THEN UPDATE SET ssn = s.ssn",
    );
    sam.run("BEGIN");
    for (write, rows) in [
        ("DELETE FROM customers WHERE ssn = 'RAW-SSN-0001' RETURNING ssn", 0),
        ("UPDATE customers SET name = ssn RETURNING name", 20),
        ("UPDATE customers SET name = name RETURNING ssn", 20),
        (
            "INSERT INTO customers VALUES (1, 'n', 's', 1) ON CONFLICT (id) DO UPDATE SET name = customers.ssn RETURNING name",
            1,
        ),
        ("DELETE FROM customers WHERE id = 2 RETURNING (customers).ssn", 1),
    ] {
        let given = sam.column(write);
        assert_eq!(given.len(), rows, "{write}");
        assert!(!given.iter().any(|value| value.contains("RAW-SSN")), "{write}: {given:?}");
    }
    sam.run("ROLLBACK");
    assert!(sam.sees_raw(), "reading goes on");
    assert_eq!(world.chief().value("SELECT count(*) FROM customers WHERE ssn LIKE 'RAW-SSN-%'"), "20");
}

#[test]
fn what_with_writes_unread_stores_masked_values_from_ones_own_functions() {
    let (_world, mut sam) = granted("store_unread");
    sam.run(
        "CREATE TABLE mine (t text);
         CREATE FUNCTION reads() RETURNS text LANGUAGE plpgsql AS
            $$DECLARE got text; BEGIN SELECT ssn INTO got FROM public.customers WHERE id = 1; RETURN got; END$$",
    );
    // Nobody reads from it, so the server runs it after everything else.
    sam.run("WITH unread AS (INSERT INTO mine SELECT reads()) SELECT 1");
    sam.run("WITH read AS (INSERT INTO mine SELECT reads() RETURNING 1) SELECT * FROM read");
    assert_eq!(sam.value("SELECT count(*) FROM mine WHERE t LIKE 'RAW%'"), "0");
    assert_eq!(sam.value("SELECT count(*) FROM mine"), "2");
    assert_eq!(Sight::of(&sam.value("SELECT reads()")), Sight::Raw, "to the client they give what the grant reveals");
}
