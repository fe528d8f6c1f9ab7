//! The straight path: ask, approve, read, and every way it ends.

use jitmask_client_tests::world::{approve, ask, eventually};
use jitmask_client_tests::{Sight, World};

#[test]
fn a_grant_reveals_in_the_open_session_and_expires_in_front_of_it() {
    let world = World::new("straight");
    let (mut sam, mut alex) = (world.login("sam"), world.login("alex"));
    assert!(sam.sees_masked());
    let id = ask(&mut sam, "2 seconds");
    assert!(sam.sees_masked(), "asking reveals nothing");
    let grant = approve(&mut alex, id);
    assert!(sam.sees_raw());
    assert!(alex.sees_masked(), "an approval is for the requester");
    world.outlive(&grant);
    assert!(sam.sees_masked());
}

#[test]
fn an_expired_grant_masks_an_idle_session_and_a_new_one() {
    let world = World::new("expired");
    let grant = world.grant("1 second");
    let mut idle = world.login("sam");
    world.outlive(&grant);
    assert!(idle.sees_masked());
    assert!(world.login("sam").sees_masked());
}

#[test]
fn a_revoked_grant_masks_the_next_statement_of_every_session() {
    let world = World::new("revoked");
    let mut sessions: Vec<_> = (0..4).map(|_| world.login("sam")).collect();
    for _ in 0..5 {
        let grant = world.grant("1 hour");
        assert!(sessions.iter_mut().all(|session| session.sees_raw()));
        world.revoke(&grant);
        assert!(sessions.iter_mut().all(|session| session.sees_masked()));
    }
}

#[test]
fn an_approval_that_is_rolled_back_reveals_nothing() {
    let world = World::new("rolled_back");
    let (mut sam, mut alex) = (world.login("sam"), world.login("alex"));
    let id = ask(&mut sam, "1 hour");
    alex.run("BEGIN");
    approve(&mut alex, id);
    assert!(sam.sees_masked(), "not committed yet");
    alex.run("ROLLBACK");
    assert!(sam.sees_masked());
    approve(&mut alex, id);
    assert!(sam.sees_raw());
}

#[test]
fn a_revocation_that_is_rolled_back_takes_nothing_away() {
    let world = World::new("unrevoked");
    let (mut sam, mut alex) = (world.login("sam"), world.login("alex"));
    let grant = world.grant("1 hour");
    alex.run(&format!("BEGIN; SELECT jitmask.revoke({}); ROLLBACK", grant.id));
    assert!(sam.sees_raw());
}

#[test]
fn denied_and_cancelled_requests_never_reveal() {
    let world = World::new("denied");
    let (mut sam, mut alex) = (world.login("sam"), world.login("alex"));
    let denied = ask(&mut sam, "1 hour");
    assert_eq!(alex.value(&format!("SELECT state FROM jitmask.deny({denied}, 'no ticket')")), "denied");
    assert!(sam.sees_masked());
    let rejected = ask(&mut sam, "1 hour");
    assert_eq!(alex.value(&format!("SELECT state FROM jitmask.reject({rejected})")), "denied");
    let cancelled = ask(&mut sam, "1 hour");
    assert_eq!(sam.value(&format!("SELECT state FROM jitmask.cancel({cancelled})")), "cancelled");
    for over in [denied, rejected, cancelled] {
        alex.refused("55000", &format!("SELECT jitmask.approve({over})"));
    }
    assert!(sam.sees_masked());
}

#[test]
fn a_grant_of_one_column_reveals_no_other() {
    let world = World::new("one_column");
    let mut sam = world.login("sam");
    world.grant("1 hour");
    let row = sam.rows("SELECT ssn, salary FROM customers WHERE id = 1").remove(0);
    assert_eq!(Sight::of(row[0].as_deref().unwrap()), Sight::Raw);
    assert_ne!(row[1].as_deref(), Some("777001"));
}

#[test]
fn a_grant_is_its_holders_alone() {
    let world = World::new("alone");
    world.grant("1 hour");
    for other in ["alex", "alma", "ada", "dan", "eve"] {
        assert!(world.login(other).sees_masked(), "{other}");
    }
    assert!(world.login("sam").sees_raw());
}

#[test]
fn nobody_approves_their_own_request() {
    let world = World::new("own");
    let mut alex = world.login("alex");
    let id = ask(&mut alex, "1 hour");
    alex.refused("42501", &format!("SELECT jitmask.approve({id})"));
    world.login("sam").refused("42501", &format!("SELECT jitmask.approve({id})"));
    assert!(alex.sees_masked());
    assert_eq!(world.chief().value(&format!("SELECT state FROM jitmask.request_ WHERE id = {id}")), "pending");
}

#[test]
fn a_grant_that_starts_later_reveals_when_it_starts_and_no_sooner() {
    let world = World::new("later");
    let mut sam = world.login("sam");
    sam.run("SET plan_cache_mode = force_generic_plan; PREPARE p AS SELECT ssn FROM customers WHERE id = 1");
    let grant = world.grant("1 hour");
    // The workflow can't ask for it yet; the engine honours what the table says.
    world.chief().run(&format!(
        "UPDATE jitmask.grant_ SET state = 'scheduled', starts_at = clock_timestamp() + interval '2 seconds'
          WHERE id = {}",
        grant.id
    ));
    assert_eq!(Sight::of(&sam.value("EXECUTE p")), Sight::Masked);
    eventually("the grant starts", || Sight::of(&sam.value("EXECUTE p")) == Sight::Raw);
}

#[test]
fn ending_a_grant_in_the_table_itself_is_honoured() {
    let world = World::new("by_hand");
    let mut sam = world.login("sam");
    let grant = world.grant("1 hour");
    assert!(sam.sees_raw());
    world.chief().run(&format!("UPDATE jitmask.grant_ SET state = 'revoked' WHERE id = {}", grant.id));
    assert!(sam.sees_masked());
}

#[test]
fn the_first_reveal_of_a_grant_says_when_it_ends_and_later_ones_say_nothing() {
    let world = World::new("notice");
    let mut sam = world.login("sam");
    let grant = world.grant("1 hour");
    sam.notices();
    assert!(sam.sees_raw());
    let told = sam.notices();
    assert_eq!(told.len(), 1, "{told:?}");
    // The minute of its end, in the form both write it.
    let minute = grant.until[11..16].to_owned();
    assert!(told[0].contains(&format!("grant {}", grant.id)) && told[0].contains(&minute), "{told:?} {grant:?}");
    assert!(!told[0].contains("RAW-"));
    assert!(sam.sees_raw());
    assert_eq!(sam.notices(), Vec::<String>::new());
}

/// What a session remembers is dropped by messages of others; none may be lost behind another.
#[test]
fn a_revocation_is_noticed_whatever_changed_just_before() {
    let world = World::new("just_before");
    let (mut sam, mut chief) = (world.login("sam"), world.chief());
    let beside_readers = [
        "CREATE SCHEMA one_more",
        "DROP SCHEMA one_more",
        "ANALYZE jitmask.policy",
        "VACUUM jitmask.right_",
        "UPDATE jitmask.policy SET description = 'changed'",
        "SELECT jitmask.create_policy('one_more', 'mask_null(value)')",
        "CREATE FUNCTION one_more() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    ];
    let alone = ["ALTER TABLE customers ADD COLUMN more int", "VACUUM FULL pg_namespace", "VACUUM FULL jitmask.grant_"];
    let changes = beside_readers.iter().map(|sql| (sql, "BEGIN")).chain(alone.iter().map(|sql| (sql, "")));
    for (change, begin) in changes {
        let grant = world.grant("1 hour");
        sam.run(begin);
        assert!(sam.sees_raw());
        chief.run(change);
        world.revoke(&grant);
        assert!(sam.sees_masked(), "after {change}");
        sam.run("ROLLBACK");
    }
}
