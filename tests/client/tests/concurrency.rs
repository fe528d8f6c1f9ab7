//! Several people at once: one grant, one outcome, nobody waits in vain.

use std::sync::{Arc, Barrier};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use jitmask_client_tests::session::sqlstate;
use jitmask_client_tests::world::{approve, ask, eventually};
use jitmask_client_tests::{Session, World};

/// Runs the statements of several sessions at the same moment; each one's first column, or its SQLSTATE.
fn at_once(statements: Vec<(Session, String)>) -> Vec<Result<Vec<String>, String>> {
    let start = Arc::new(Barrier::new(statements.len()));
    let threads: Vec<JoinHandle<_>> = statements
        .into_iter()
        .map(|(mut session, sql)| {
            let start = Arc::clone(&start);
            thread::spawn(move || {
                start.wait();
                let rows = session.try_rows(&sql).map_err(|error| sqlstate(&error))?;
                Ok(rows.into_iter().map(|row| row[0].clone().unwrap_or_default()).collect())
            })
        })
        .collect();
    threads.into_iter().map(|thread| thread.join().unwrap()).collect()
}

fn quorum(world: &World, people: u32) {
    world.chief().run(&format!("SELECT jitmask.alter_policy('ssn_last4', quorum => {people})"));
}

#[test]
fn two_last_approvals_at_once_give_one_grant() {
    let world = World::new("two_last");
    let mut sam = world.login("sam");
    for _ in 0..10 {
        world.end_grants();
        let id = ask(&mut sam, "1 hour");
        let sql = format!("SELECT state FROM jitmask.approve({id})");
        let mut outcomes = at_once(vec![(world.login("alex"), sql.clone()), (world.login("alma"), sql)]);
        outcomes.sort();
        assert_eq!(outcomes[0], Ok(vec!["active".to_owned()]));
        assert_eq!(outcomes[1], Err("55000".to_owned()), "it was decided already");
        let mut chief = world.chief();
        assert_eq!(chief.value(&format!("SELECT count(*) FROM jitmask.grant_ WHERE id = {id}")), "1");
        assert_eq!(chief.value(&format!("SELECT count(*) FROM jitmask.vote WHERE request_id = {id}")), "1");
    }
}

#[test]
fn two_approvals_of_two_at_once_are_both_counted() {
    let world = World::new("two_of_two");
    quorum(&world, 2);
    let mut sam = world.login("sam");
    for _ in 0..10 {
        world.end_grants();
        let id = ask(&mut sam, "1 hour");
        let sql = format!("SELECT state FROM jitmask.approve({id})");
        let mut outcomes = at_once(vec![(world.login("alex"), sql.clone()), (world.login("alma"), sql)]);
        outcomes.sort();
        assert_eq!(outcomes, [Ok(vec!["active".to_owned()]), Ok(vec!["pending".to_owned()])]);
    }
    assert!(sam.sees_raw());
}

#[test]
fn two_approvals_of_two_under_repeatable_read_are_never_miscounted() {
    let world = World::new("two_repeatable");
    quorum(&world, 2);
    let mut sam = world.login("sam");
    let id = ask(&mut sam, "1 hour");
    let (mut alex, mut alma) = (world.login("alex"), world.login("alma"));
    for session in [&mut alex, &mut alma] {
        session.run("BEGIN ISOLATION LEVEL REPEATABLE READ");
        session.run("SELECT 1 FROM customers");
    }
    alex.run(&format!("SELECT jitmask.approve({id})"));
    alex.run("COMMIT");
    // Her snapshot is older than his vote: she is told to try again, and then it counts.
    let stale = alma.try_rows(&format!("SELECT state FROM jitmask.approve({id})"));
    alma.run("ROLLBACK");
    assert!(stale.is_err(), "an older snapshot counted {stale:?}");
    assert!(sam.sees_masked());
    approve(&mut alma, id);
    assert!(sam.sees_raw());
}

#[test]
fn one_person_in_two_sessions_counts_once() {
    let world = World::new("counts_once");
    quorum(&world, 2);
    let mut sam = world.login("sam");
    for _ in 0..5 {
        world.end_grants();
        let id = ask(&mut sam, "1 hour");
        let sql = format!("SELECT state FROM jitmask.approve({id})");
        let mut outcomes = at_once(vec![(world.login("alex"), sql.clone()), (world.login("alex"), sql)]);
        outcomes.sort();
        assert_eq!(outcomes, [Ok(vec!["pending".to_owned()]), Err("55000".to_owned())]);
        assert!(sam.sees_masked());
    }
}

#[test]
fn approve_against_cancel_has_one_winner() {
    let world = World::new("against_cancel");
    for _ in 0..10 {
        let id = ask(&mut world.login("sam"), "1 hour");
        let outcomes = at_once(vec![
            (world.login("alex"), format!("SELECT state FROM jitmask.approve({id})")),
            (world.login("sam"), format!("SELECT state FROM jitmask.cancel({id})")),
        ]);
        let mut chief = world.chief();
        let state = chief.value(&format!("SELECT state FROM jitmask.request_ WHERE id = {id}"));
        let grants = chief.value(&format!("SELECT count(*) FROM jitmask.grant_ WHERE id = {id}"));
        match (&outcomes[0], &outcomes[1]) {
            (Ok(_), Err(code)) => {
                assert_eq!((state.as_str(), grants.as_str(), code.as_str()), ("approved", "1", "55000"))
            }
            (Err(code), Ok(_)) => {
                assert_eq!((state.as_str(), grants.as_str(), code.as_str()), ("cancelled", "0", "55000"))
            }
            other => panic!("{other:?}"),
        }
        chief.run("UPDATE jitmask.grant_ SET state = 'revoked' WHERE state = 'active'");
    }
}

#[test]
fn approve_against_deny_has_one_winner() {
    let world = World::new("against_deny");
    for _ in 0..5 {
        world.end_grants();
        let id = ask(&mut world.login("sam"), "1 hour");
        let outcomes = at_once(vec![
            (world.login("alex"), format!("SELECT state FROM jitmask.approve({id})")),
            (world.login("alma"), format!("SELECT state FROM jitmask.deny({id})")),
        ]);
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
        let grants = world.chief().value(&format!("SELECT count(*) FROM jitmask.grant_ WHERE id = {id}"));
        assert_eq!(grants == "1", outcomes[0].is_ok());
    }
}

#[test]
fn revoke_from_two_sides_at_once_ends_it_once() {
    let world = World::new("two_revoke");
    for _ in 0..5 {
        let grant = world.grant("1 hour");
        let sql = format!("SELECT state FROM jitmask.revoke({})", grant.id);
        let outcomes = at_once(vec![(world.login("alex"), sql.clone()), (world.login("alma"), sql)]);
        assert!(outcomes.iter().any(Result::is_ok), "{outcomes:?}");
        assert!(world.login("sam").sees_masked());
    }
}

/// Reads as fast as it can while grants come and go; no read begun after `revoke` returned may be raw.
#[test]
fn no_read_after_revoke_returned_is_raw() {
    let world = World::new("hammer");
    let mut sam = world.login("sam");
    let mut alex = world.login("alex");
    let mut others: Vec<Session> = (0..3).map(|_| world.login("sam")).collect();
    let statements: Vec<_> = others
        .iter_mut()
        .map(|session| {
            session.run("SET plan_cache_mode = force_generic_plan");
            session.client().prepare("SELECT ssn FROM customers WHERE id = 1").unwrap()
        })
        .collect();
    for _ in 0..40 {
        let id = ask(&mut sam, "1 hour");
        approve(&mut alex, id);
        for (session, statement) in others.iter_mut().zip(&statements) {
            let value: String = session.client().query_one(statement, &[]).unwrap().get(0);
            assert!(value.starts_with("RAW-"), "approve has returned: {value}");
        }
        alex.run(&format!("SELECT jitmask.revoke({id})"));
        for (session, statement) in others.iter_mut().zip(&statements) {
            let value: String = session.client().query_one(statement, &[]).unwrap().get(0);
            assert!(!value.starts_with("RAW-"), "revoke has returned");
        }
    }
}

/// Readers that never pause, so that their invalidations and plans meet the commit at every moment.
#[test]
fn readers_that_never_pause_see_each_revocation() {
    let world = World::new("never_pause");
    let role = world.role("sam");
    let name = world.name().to_owned();
    let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
    // Odd while a grant may be there.
    let phase = Arc::new(std::sync::atomic::AtomicU64::new(0));
    let readers: Vec<JoinHandle<u32>> = (0..2)
        .map(|_| {
            let (stop, phase, role, name) = (Arc::clone(&stop), Arc::clone(&phase), role.clone(), name.clone());
            thread::spawn(move || {
                use std::sync::atomic::Ordering::SeqCst;
                let mut session = Session::open(&role, &name);
                session.run("SET plan_cache_mode = force_generic_plan");
                let statement = session.client().prepare("SELECT ssn FROM customers WHERE id = 1").unwrap();
                let mut raw = 0;
                while !stop.load(SeqCst) {
                    let before = phase.load(SeqCst);
                    let read = session.client().query_one(&statement, &[]);
                    let after = phase.load(SeqCst);
                    // A grant that ends in mid-statement is an error, and a fair one.
                    let Ok(row) = read else { continue };
                    let is_raw = row.get::<_, String>(0).starts_with("RAW-");
                    raw += u32::from(is_raw);
                    assert!(!is_raw || before % 2 == 1 || after != before, "raw in phase {before}");
                }
                raw
            })
        })
        .collect();
    let (mut sam, mut alex) = (world.login("sam"), world.login("alex"));
    for _ in 0..60 {
        let id = ask(&mut sam, "1 hour");
        phase.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        approve(&mut alex, id);
        thread::sleep(Duration::from_millis(5));
        alex.run(&format!("SELECT jitmask.revoke({id})"));
        phase.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        thread::sleep(Duration::from_millis(5));
    }
    stop.store(true, std::sync::atomic::Ordering::SeqCst);
    let raw: u32 = readers.into_iter().map(|reader| reader.join().unwrap()).sum();
    assert!(raw > 0, "the readers never saw a grant, so this has shown nothing");
}

#[test]
fn wait_for_returns_when_another_session_approves() {
    let world = World::new("wait_approved");
    let mut sam = world.login("sam");
    let id = ask(&mut sam, "1 hour");
    let started = Instant::now();
    let waiting = thread::spawn(move || {
        let state = sam.value(&format!("SELECT state FROM jitmask.wait_for({id}, '60 seconds')"));
        (state, sam.sees_raw(), started.elapsed())
    });
    thread::sleep(Duration::from_millis(500));
    assert!(!waiting.is_finished(), "nothing was decided yet");
    approve(&mut world.login("alex"), id);
    let (state, raw, took) = waiting.join().unwrap();
    assert_eq!(state, "active");
    assert!(raw, "its next statement reveals");
    assert!(took < Duration::from_secs(30), "{took:?}");
}

#[test]
fn wait_for_returns_when_denied_and_when_time_is_up() {
    let world = World::new("wait_denied");
    let mut sam = world.login("sam");
    let id = ask(&mut sam, "1 hour");
    assert_eq!(sam.value(&format!("SELECT state FROM jitmask.wait_for({id}, '300 milliseconds')")), "pending");
    let waiting = thread::spawn(move || sam.value(&format!("SELECT state FROM jitmask.wait_for({id}, '60 seconds')")));
    thread::sleep(Duration::from_millis(300));
    world.login("alex").run(&format!("SELECT jitmask.deny({id})"));
    assert_eq!(waiting.join().unwrap(), "denied");
}

#[test]
fn wait_for_can_be_cancelled_and_holds_nobody_up() {
    let world = World::new("wait_cancel");
    let mut sam = world.login("sam");
    let id = ask(&mut sam, "1 hour");
    let cancel = sam.client().cancel_token();
    let waiting = thread::spawn(move || {
        let error = sam.try_rows(&format!("SELECT jitmask.wait_for({id}, '60 seconds')")).unwrap_err();
        (sqlstate(&error), sam.sees_masked())
    });
    thread::sleep(Duration::from_millis(300));
    let mut alex = world.login("alex");
    alex.run("SET lock_timeout = '5s'");
    alex.run(&format!("BEGIN; SELECT jitmask.approve({id}); ROLLBACK"));
    eventually("the wait ends", || {
        let _ = cancel.cancel_query(postgres::NoTls);
        waiting.is_finished()
    });
    assert_eq!(waiting.join().unwrap(), ("57014".to_owned(), true));
}
