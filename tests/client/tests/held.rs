//! Cursors WITH HOLD keep rows across transactions and changes of role: who may not see them raw is given none of them.

use jitmask_client_tests::session::RAW;
use jitmask_client_tests::wire::Wire;
use jitmask_client_tests::{Sight, World};

/// A superuser's session with a filled cursor `h`.
fn held(world: &World) -> Wire {
    let mut chief = Wire::open(&world.role("chief"), world.name());
    chief.run("BEGIN; DECLARE h SCROLL CURSOR WITH HOLD FOR SELECT ssn FROM customers ORDER BY id; COMMIT").fine();
    assert_eq!(chief.run("FETCH 2 FROM h").fine().column(), ["RAW-SSN-0001", "RAW-SSN-0002"]);
    chief
}

/// Reads the cursor past every hook.
const IN_CODE: &str =
    "DO $$DECLARE c refcursor := 'h'; value text; BEGIN FETCH NEXT FROM c INTO value; RAISE NOTICE '%', value; END$$";

/// Tries every way of reading `h`; none gives anything.
#[track_caller]
fn gives_nothing(session: &mut Wire, why: &str) {
    let executed = session.execute("h", 0).sync();
    assert_eq!(executed.error().as_deref(), Some("55000"), "{why}: Execute first");
    for (sql, code) in [
        ("FETCH h", "JM002"),
        ("FETCH FIRST FROM h", "JM002"),
        ("MOVE BACKWARD ALL FROM h", "JM002"),
        (IN_CODE, "55000"),
    ] {
        let reply = session.run(sql);
        assert_eq!(reply.error().as_deref(), Some(code), "{why}: {sql}");
        assert!(!format!("{reply:?}").contains(RAW));
    }
    let executed = session.parse("", "FETCH ALL FROM h").bind("p", "", &[]).execute("p", 1).sync();
    assert_eq!(executed.error().as_deref(), Some("JM002"), "{why}: Execute of FETCH");
}

#[test]
fn a_held_cursor_gives_nothing_to_another_role() {
    let world = World::new("held_role");
    let sam = world.role("sam");
    let mut chief = held(&world);
    for (change, back) in [
        (format!("SET ROLE {sam}"), "RESET ROLE"),
        (format!("SET SESSION AUTHORIZATION {sam}"), "RESET SESSION AUTHORIZATION"),
        (format!("SELECT set_config('role', '{sam}', false)"), "RESET ROLE"),
        ("SET jitmask.mask_superusers = on".to_owned(), "RESET jitmask.mask_superusers"),
    ] {
        chief.run(&change).fine();
        gives_nothing(&mut chief, &change);
        assert!(chief.run("SELECT 1 / 0").error().is_some());
        gives_nothing(&mut chief, "after an error");
        chief.run(back).fine();
        assert!(chief.run("FETCH h").fine().column()[0].starts_with(RAW), "{back}");
    }
}

#[test]
fn a_held_cursor_gives_nothing_when_a_role_comes_back_with_the_transaction_s_end() {
    let world = World::new("held_local");
    let mut chief = Wire::open(&world.role("chief"), world.name());
    chief.run(&format!("SET ROLE {}", world.role("sam"))).fine();
    chief
        .run(&format!(
            "BEGIN; SET LOCAL ROLE {}; DECLARE h SCROLL CURSOR WITH HOLD FOR SELECT ssn FROM customers ORDER BY id; COMMIT",
            world.role("chief")
        ))
        .fine();
    gives_nothing(&mut chief, "after SET LOCAL ROLE and COMMIT");
    for end in ["COMMIT", "ROLLBACK"] {
        chief.run(&format!("BEGIN; SET LOCAL ROLE {}", world.role("chief"))).fine();
        assert!(chief.run("FETCH h").fine().column()[0].starts_with(RAW));
        chief.run(end).fine();
        gives_nothing(&mut chief, end);
    }
    let failing = format!("SET LOCAL ROLE {}; SELECT 1 / (i - 2) FROM generate_series(1, 2) AS i", world.role("chief"));
    assert_eq!(chief.run(&failing).error().as_deref(), Some("22012"));
    gives_nothing(&mut chief, "after an error while it was open");
    chief.run("BEGIN; SAVEPOINT s").fine();
    chief.run(&format!("SET LOCAL ROLE {}", world.role("chief"))).fine();
    assert!(chief.run("FETCH h; SELECT 1 / 0").error().is_some());
    chief.run("ROLLBACK TO s").fine();
    assert_eq!(chief.execute("h", 0).sync().error().as_deref(), Some("55000"));
    chief.run("ROLLBACK").fine();
    chief.run("CLOSE h").fine();
}

#[test]
fn its_owner_reads_a_held_cursor_by_fetch_and_in_code() {
    let world = World::new("held_own");
    let mut chief = held(&world);
    assert_eq!(chief.run("FETCH h").fine().column(), ["RAW-SSN-0003"]);
    let told = chief.run(IN_CODE).fine();
    assert!(
        format!("{:?}", told.0.iter().map(|message| message.field('M')).collect::<Vec<_>>()).contains("RAW-SSN-0004")
    );
    assert!(chief.run("SELECT 1 / 0").error().is_some());
    assert_eq!(chief.run("FETCH FIRST FROM h").fine().column(), ["RAW-SSN-0001"]);
    assert_eq!(
        chief.parse("", "FETCH 2 FROM h").bind("p", "", &[]).execute("p", 1).sync().fine().column(),
        ["RAW-SSN-0002"]
    );
    // A message that names it as a portal passes nobody who could look.
    assert_eq!(chief.execute("h", 0).sync().error().as_deref(), Some("55000"));
    chief.run("CLOSE h").fine();
    chief.run("BEGIN; DECLARE h CURSOR WITH HOLD FOR SELECT generate_series(1, 9); COMMIT").fine();
    assert_eq!(chief.execute("h", 1).sync().fine().column(), ["1"], "nothing protected in it");
}

#[test]
fn a_masked_held_cursor_is_as_free_as_any() {
    let world = World::new("held_masked");
    let mut sam = Wire::open(&world.role("sam"), world.name());
    sam.run("BEGIN; DECLARE h CURSOR WITH HOLD FOR SELECT ssn FROM customers ORDER BY id; COMMIT").fine();
    assert_eq!(Sight::of(&sam.run("FETCH h").fine().column()[0]), Sight::Masked);
    sam.run(IN_CODE).fine();
    assert_eq!(sam.execute("h", 0).sync().fine().column().len(), 18);
}

#[test]
fn a_loop_across_commits_of_somebody_exempt_goes_on() {
    let world = World::new("held_loop");
    let mut chief = world.chief();
    chief.run(
        "CREATE TABLE copies (ssn text);
         CREATE PROCEDURE copies() LANGUAGE plpgsql AS
            $$DECLARE value text; BEGIN
              FOR value IN SELECT ssn FROM public.customers LOOP INSERT INTO copies VALUES (value); COMMIT; END LOOP; END$$;",
    );
    chief.run("CALL copies()");
    assert_eq!(chief.value("SELECT count(DISTINCT ssn) FROM copies WHERE ssn LIKE 'RAW%'"), "20");
}

/// Beside what is masked for everybody, a role may see a column raw.
#[test]
fn a_column_raw_for_one_role_is_not_fetched_by_another() {
    let world = World::new("held_mixed");
    let mut chief = world.chief();
    let (sam, eve) = (world.role("sam"), world.role("eve"));
    chief.run("SELECT jitmask.detach('public.customers.salary')");
    chief.run(&format!(
        "SELECT jitmask.attach('salary_hidden', 'public.customers.salary', except_roles => '{{{sam}}}')"
    ));
    chief.run(&format!("GRANT {eve} TO {sam}"));
    let mut session = world.login("sam");
    session.run("BEGIN; DECLARE c CURSOR FOR SELECT ssn, salary FROM customers ORDER BY id");
    session.run("DECLARE h CURSOR WITH HOLD FOR SELECT ssn, salary FROM customers ORDER BY id");
    assert_eq!(session.rows("FETCH c")[0][1].as_deref(), Some("777001"));
    session.run(&format!("SAVEPOINT s; SET ROLE {eve}"));
    session.refused("JM002", "FETCH c");
    session.run("ROLLBACK TO s; COMMIT");
    assert_eq!(session.rows("FETCH h")[0][1].as_deref(), Some("777001"));
    session.run(&format!("SET ROLE {eve}"));
    session.refused("JM002", "FETCH h");
    session.run("RESET ROLE");
    assert_eq!(session.rows("FETCH h")[0][1].as_deref(), Some("777002"));
}
