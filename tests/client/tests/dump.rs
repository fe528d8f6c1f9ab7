//! Dumps carry the protection and the history, and nothing that reveals.

use jitmask_client_tests::outside::{program, restore};
use jitmask_client_tests::{Session, World};

const LABEL: &str = "SECURITY LABEL FOR jitmask ON COLUMN public.customers.ssn IS ";

fn dump(world: &World, options: &[&str]) -> String {
    let mut arguments = vec!["-d", world.name()];
    arguments.extend(options);
    program("pg_dump", &arguments)
}

#[test]
fn every_kind_of_dump_carries_the_labels() {
    let world = World::new("dump_kinds");
    for options in [
        &[][..],
        &["-t", "public.customers"],
        &["--schema-only"],
        &["-n", "public"],
        &["--section=pre-data", "--section=post-data"],
    ] {
        let text = dump(&world, options);
        assert!(text.contains(LABEL) && text.contains("ssn_last4"), "{options:?}");
        assert!(text.contains("ON COLUMN public.customers.salary IS "), "{options:?}");
    }
}

#[test]
fn a_restored_database_masks_and_carries_no_live_grant() {
    let mut world = World::new("dump_restore");
    let old = world.grant("1 hour");
    world.revoke(&old);
    world.grant("1 hour");
    assert!(world.login("sam").sees_raw());
    let text = dump(&world, &[]);
    let copy = world.database("copy");
    restore(&copy, &text);
    let mut sam = Session::open(&world.role("sam"), &copy);
    assert!(sam.sees_masked());
    assert!(sam.rows("SELECT * FROM jitmask.my_grants WHERE state IN ('active', 'scheduled')").is_empty());
    let mut chief = Session::open(&world.role("chief"), &copy);
    assert_eq!(chief.value("SELECT ssn FROM customers WHERE id = 1"), "RAW-SSN-0001", "the data is all there");
    assert_eq!(
        chief.value("SELECT count(*) FROM jitmask.grant_ WHERE state IN ('active', 'scheduled', 'suspended')"),
        "0"
    );
    assert_eq!(chief.value("SELECT state FROM jitmask.grant_"), "revoked", "history is carried");
    assert_eq!(chief.value("SELECT count(*) FROM jitmask.request_"), "2");
    assert_eq!(chief.value("SELECT count(*) FROM jitmask.policy"), "2");
    // The workflow goes on there: rights came along, ids go on where they stopped.
    let id = sam.value("SELECT id FROM jitmask.request('public.customers.ssn', 'in the copy')");
    assert_eq!(id, "3");
    Session::open(&world.role("alex"), &copy).run(&format!("SELECT jitmask.approve({id})"));
    assert!(sam.sees_raw());
    // And the second dump is the first, but for what has happened since.
    let again = program("pg_dump", &["-d", &copy, "--schema-only"]);
    assert!(again.contains(LABEL));
}

#[test]
fn no_dump_holds_a_key() {
    let world = World::new("dump_keys");
    let mut chief = world.chief();
    let secret = chief.value("SELECT encode(secret, 'hex') FROM jitmask.key_ LIMIT 1");
    let text = dump(&world, &[]);
    assert!(secret.len() >= 32 && !text.contains(&secret));
    assert!(!text.contains("COPY jitmask.key_"));
}

#[test]
fn a_table_restored_alone_is_masked_even_without_its_policy() {
    let mut world = World::new("dump_table");
    let text = dump(&world, &["-t", "public.customers"]);
    let copy = world.database("table");
    let mut chief = Session::open(&world.role("chief"), &copy);
    chief.run("CREATE EXTENSION jitmask");
    restore(&copy, &text);
    let mut sam = Session::open(&world.role("sam"), &copy);
    assert_eq!(sam.value("SELECT ssn FROM customers WHERE id = 1"), "NULL", "no policy of that name yet");
    chief.run("SELECT jitmask.create_policy('ssn_last4', 'mask_partial(value, 0, 4)')");
    assert!(sam.sees_masked());
}

#[test]
fn a_masked_roles_dump_holds_no_raw_value() {
    let world = World::new("dump_masked");
    world.grant("1 hour");
    let text = program("pg_dump", &["-d", world.name(), "-t", "public.customers", "--role", &world.role("eve")]);
    assert!(text.contains("customer 20") && !text.contains("RAW-"), "{text}");
    assert!(dump(&world, &["-t", "public.customers"]).contains("RAW-SSN-0020"), "the superuser's is complete");
}

#[test]
fn a_template_copy_carries_no_live_grant() {
    let mut world = World::new("dump_template");
    world.grant("1 hour");
    let copy = world.database("template");
    let mut server = Session::open(&world.role("chief"), "postgres");
    server.run(&format!("DROP DATABASE {copy}"));
    server.run(&format!("CREATE DATABASE {copy} TEMPLATE {}", world.name()));
    assert!(Session::open(&world.role("sam"), &copy).sees_masked());
    assert!(world.login("sam").sees_raw(), "where it was given it goes on");
}
