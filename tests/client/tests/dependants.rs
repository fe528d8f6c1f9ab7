//! Materialized views that carry protected columns: through dumps, under prepared statements, and while others read.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use jitmask_client_tests::outside::{Temporary, program, restore};
use jitmask_client_tests::{Session, Sight, World};

/// One view of a superuser's, one computed, one over the first, and one of somebody's who is masked.
const VIEWS: &str = "
    CREATE MATERIALIZED VIEW carried AS SELECT id, ssn, left(ssn, 3) AS head FROM customers;
    CREATE MATERIALIZED VIEW again AS SELECT ssn AS number FROM carried;
    CREATE MATERIALIZED VIEW unfilled AS SELECT id, ssn FROM customers WITH NO DATA;
    GRANT SELECT ON carried, again, unfilled TO PUBLIC;";

fn with_views(name: &str) -> World {
    let world = World::new(name);
    world.chief().run(VIEWS);
    let mut eve = world.login("eve");
    eve.run("CREATE MATERIALIZED VIEW masks AS SELECT id, ssn FROM customers; GRANT SELECT ON masks TO PUBLIC");
    world
}

fn labels(session: &mut Session) -> Vec<String> {
    session.column(r#"SELECT "column" || ' ' || policy FROM jitmask.masked_columns ORDER BY 1"#)
}

fn sees_masks_only(sam: &mut Session) {
    for view in ["carried", "masks"] {
        let value = sam.value(&format!("SELECT ssn FROM {view} WHERE id = 1"));
        assert_eq!(Sight::of(&value), Sight::Masked, "{view}");
    }
    assert_eq!(sam.value("SELECT count(*) FROM again WHERE number LIKE 'RAW%'"), "0");
}

#[test]
fn a_dump_and_restore_keeps_what_is_protected_and_what_holds_masks() {
    let mut world = with_views("dep_dump");
    let before = labels(&mut world.chief());
    assert_eq!(
        before,
        [
            "public.again.number ssn_last4",
            "public.carried.ssn ssn_last4",
            "public.customers.salary salary_hidden",
            "public.customers.ssn ssn_last4",
        ]
    );
    sees_masks_only(&mut world.login("sam"));
    let plain = program("pg_dump", &["-d", world.name()]);
    let archive = Temporary::new("dep_dump.archive");
    program("pg_dump", &["-d", world.name(), "-Fc", "-f", &archive.path()]);
    let (first, second) = (world.database("plain"), world.database("archive"));
    restore(&first, &plain);
    program("pg_restore", &["-d", &second, "-j", "2", "--exit-on-error", &archive.path()]);
    for copy in [first, second] {
        let mut chief = Session::open(&world.role("chief"), &copy);
        assert_eq!(labels(&mut chief), before, "{copy}");
        assert_eq!(chief.value("SELECT ssn FROM carried WHERE id = 1"), "RAW-SSN-0001");
        assert_eq!(chief.value("SELECT count(*) FROM masks WHERE ssn LIKE 'RAW%'"), "0", "filled as its owner sees it");
        assert_eq!(chief.value("SELECT relispopulated FROM pg_class WHERE relname = 'unfilled'"), "f");
        sees_masks_only(&mut Session::open(&world.role("sam"), &copy));
        // Filled there for the first time, it is protected there.
        chief.run("REFRESH MATERIALIZED VIEW unfilled");
        let mut sam = Session::open(&world.role("sam"), &copy);
        assert_eq!(Sight::of(&sam.value("SELECT ssn FROM unfilled WHERE id = 1")), Sight::Masked);
    }
}

#[test]
fn a_statement_prepared_over_a_view_is_masked_once_the_view_is_filled_raw() {
    let world = with_views("dep_prepared");
    let mut sam = world.login("sam");
    let statement = sam.client().prepare("SELECT ssn FROM masks WHERE id = 1").unwrap();
    let read = |sam: &mut Session| sam.client().query_one(&statement, &[]).unwrap().get::<_, String>(0);
    for _ in 0..7 {
        assert_eq!(Sight::of(&read(&mut sam)), Sight::Masked);
    }
    let mut chief = world.chief();
    chief.run(&format!("SELECT jitmask.exempt('{}', 'fills it')", world.role("eve")));
    world.login("eve").run("CREATE UNIQUE INDEX ON masks (id); REFRESH MATERIALIZED VIEW CONCURRENTLY masks");
    assert_eq!(chief.value("SELECT ssn FROM masks WHERE id = 1"), "RAW-SSN-0001", "it holds raw values now");
    assert_eq!(Sight::of(&read(&mut sam)), Sight::Masked);
}

#[test]
fn nobody_reads_a_view_between_its_being_filled_and_its_being_protected() {
    let world = with_views("dep_between");
    let mut chief = world.chief();
    chief.run(&format!("SELECT jitmask.exempt('{}', 'fills it')", world.role("eve")));
    let mut eve = world.login("eve");
    eve.run("CREATE UNIQUE INDEX ON masks (id); BEGIN; REFRESH MATERIALIZED VIEW CONCURRENTLY masks");
    let mut sam = world.login("sam");
    let (tell, told) = mpsc::channel();
    let reader = thread::spawn(move || {
        tell.send(()).unwrap();
        sam.value("SELECT ssn FROM masks WHERE id = 1")
    });
    told.recv().unwrap();
    thread::sleep(Duration::from_millis(300));
    assert!(!reader.is_finished(), "it waits for the one who fills the view");
    eve.run("COMMIT");
    assert_eq!(Sight::of(&reader.join().unwrap()), Sight::Masked);
}

#[test]
fn a_policy_attached_while_somebody_reads_the_view_waits_for_them() {
    let world = World::new("dep_attach");
    let mut chief = world.chief();
    chief.run("SELECT jitmask.detach('public.customers.ssn')");
    chief.run("CREATE MATERIALIZED VIEW m AS SELECT id, ssn FROM customers; GRANT SELECT ON m TO PUBLIC");
    let mut sam = world.login("sam");
    sam.run("BEGIN");
    assert_eq!(sam.value("SELECT ssn FROM m WHERE id = 1"), "RAW-SSN-0001", "not protected yet");
    let attaching = thread::spawn(move || chief.run("SELECT jitmask.attach('ssn_last4', 'public.customers.ssn')"));
    thread::sleep(Duration::from_millis(300));
    assert!(!attaching.is_finished(), "it waits for the reader");
    sam.run("COMMIT");
    attaching.join().unwrap();
    assert_eq!(Sight::of(&sam.value("SELECT ssn FROM m WHERE id = 1")), Sight::Masked);
}
