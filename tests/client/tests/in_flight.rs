//! Statements under way when a grant ends: what has been sent is sent, what has not stays here.

use std::thread::sleep;
use std::time::Duration;

use jitmask_client_tests::session::RAW;
use jitmask_client_tests::wire::{Reply, Wire};
use jitmask_client_tests::world::{Grant, approve, eventually};
use jitmask_client_tests::{Session, Sight, World};

/// Enough to fill every buffer between server and client many times over.
const BIG: &str = "
    CREATE TABLE public.big (id int, ssn text);
    INSERT INTO public.big SELECT i, 'RAW-' || lpad(i::text, 12, '0') || repeat('x', 24) FROM generate_series(1, 150000) AS i;
    GRANT SELECT ON public.big TO PUBLIC;
    SELECT jitmask.attach('ssn_last4', 'public.big.ssn');";

/// What may still arrive once a grant is over: buffers of the socket and of the server.
const BUFFERED: usize = 1_000_000;

fn big(name: &str) -> World {
    let world = World::new(name);
    let mut chief = world.chief();
    for statement in BIG.split_inclusive(";\n") {
        chief.run(statement);
    }
    world
}

fn grant_big(world: &World, duration: &str) -> Grant {
    let sql = format!("SELECT id FROM jitmask.request('public.big.ssn', 'an export', duration => '{duration}')");
    let id = world.login("sam").value(&sql).parse().unwrap();
    approve(&mut world.login("alex"), id)
}

fn wire(world: &World) -> Wire {
    Wire::open(&world.role("sam"), world.name())
}

fn raw_rows(reply: &Reply) -> usize {
    reply.column().iter().filter(|value| value.contains(RAW)).count()
}

/// A reader that stops reading in the middle, until `end` has ended the grant.
fn slow_reader_is_cut_off(world: &World, end: impl FnOnce()) {
    let mut sam = wire(world);
    sam.query("SELECT ssn FROM public.big").send();
    let mut rows = 0;
    while rows < 100 {
        let message = sam.receive();
        assert_ne!(message.tag, 'E', "{message:?}");
        if message.tag == 'D' {
            assert!(message.values()[0].as_deref().unwrap().starts_with(RAW));
            rows += 1;
        }
    }
    end();
    let before = sam.received();
    let rest = sam.reply();
    assert_eq!(rest.error().as_deref(), Some("JM002"));
    let late = sam.received() - before;
    assert!(late < BUFFERED, "{late} bytes came after the end");
    // The session goes on, masked.
    assert_eq!(raw_rows(&sam.run("SELECT ssn FROM public.big LIMIT 10").fine()), 0);
}

#[test]
fn a_revoked_grant_cuts_off_a_slow_reader() {
    let world = big("flight_slow_revoke");
    let grant = grant_big(&world, "1 hour");
    slow_reader_is_cut_off(&world, || world.revoke(&grant));
}

#[test]
fn an_expired_grant_cuts_off_a_slow_reader() {
    let world = big("flight_slow_expiry");
    let grant = grant_big(&world, "3 seconds");
    slow_reader_is_cut_off(&world, || world.outlive(&grant));
}

/// A portal that gave its first rows while there was a grant gives none when `end` is done.
fn suspended_portal_is_cut_off(world: &World, sql: &str, end: impl FnOnce()) {
    let mut sam = wire(world);
    sam.run("BEGIN").fine();
    let first = sam.parse("", sql).bind("p", "", &[]).execute("p", 50).sync().fine();
    assert_eq!(raw_rows(&first), 50);
    assert!(first.has('s'), "the portal is suspended");
    end();
    let rest = sam.execute("p", 50).sync();
    assert_eq!(raw_rows(&rest), 0, "raw rows after the end");
    assert_eq!(rest.error().as_deref(), Some("JM002"));
}

#[test]
fn a_revoked_grant_cuts_off_a_suspended_portal() {
    let world = big("flight_portal_revoke");
    let grant = grant_big(&world, "1 hour");
    suspended_portal_is_cut_off(&world, "SELECT ssn FROM public.big", || world.revoke(&grant));
}

#[test]
fn an_expired_grant_cuts_off_a_suspended_portal() {
    let world = big("flight_portal_expiry");
    let grant = grant_big(&world, "3 seconds");
    suspended_portal_is_cut_off(&world, "SELECT ssn FROM public.big", || world.outlive(&grant));
}

#[test]
fn a_sorted_portal_is_cut_off_as_well() {
    let world = big("flight_portal_sorted");
    let grant = grant_big(&world, "1 hour");
    suspended_portal_is_cut_off(&world, "SELECT ssn FROM public.big ORDER BY md5(ssn)", || world.revoke(&grant));
}

/// A portal that stores its rows and hands them out bit by bit gives its first ones, and ends with its session when `end`
/// is done: nobody is asked on the way. `before` comes between the two.
fn stored_portal_is_cut_off(world: &World, sql: &str, before: impl FnOnce(&mut Wire), end: impl FnOnce()) {
    let mut sam = wire(world);
    sam.run("PREPARE big AS SELECT ssn FROM public.big LIMIT 1000").fine();
    sam.run("BEGIN; DECLARE c CURSOR FOR SELECT ssn FROM public.big LIMIT 1000").fine();
    let first = sam.parse("", sql).bind("p", "", &[]).execute("p", 50).sync().fine();
    assert_eq!(raw_rows(&first), 50);
    assert!(first.has('s'), "the portal is suspended");
    before(&mut sam);
    end();
    // At once: the answer may be the end of the connection.
    sam.execute("p", 0).try_sync();
    let last = sam.until_closed();
    assert_eq!(last.error().as_deref(), Some("JM002"), "{last:?}");
    assert!(last.0.iter().any(|message| message.field('V').as_deref() == Some("FATAL")));
    assert_eq!(raw_rows(&last), 0, "raw rows after the end");
}

#[test]
fn execute_through_a_portal_gives_none_after_the_end() {
    let world = big("flight_portal_stored");
    let grant = grant_big(&world, "1 hour");
    stored_portal_is_cut_off(&world, "EXECUTE big", |_| {}, || world.revoke(&grant));
}

#[test]
fn fetch_through_a_portal_gives_none_after_the_end() {
    let world = big("flight_portal_fetch");
    let grant = grant_big(&world, "1 hour");
    stored_portal_is_cut_off(&world, "FETCH ALL FROM c", |_| {}, || world.revoke(&grant));
}

#[test]
fn fetch_through_a_portal_gives_none_after_expiry() {
    let world = big("flight_portal_fexp");
    let grant = grant_big(&world, "3 seconds");
    stored_portal_is_cut_off(&world, "FETCH ALL FROM c", |_| {}, || world.outlive(&grant));
}

/// The server puts all timers off when an error has reached its main loop.
#[test]
fn fetch_through_a_portal_gives_none_after_the_end_though_there_was_an_error() {
    let world = big("flight_portal_ferr");
    let grant = grant_big(&world, "1 hour");
    let fail = |sam: &mut Wire| {
        sam.run("SAVEPOINT s").fine();
        assert_eq!(sam.run("SELECT 1 / 0").error().as_deref(), Some("22012"));
        sam.run("ROLLBACK TO s").fine();
    };
    // The savepoint is younger than the portal, which so outlives the error.
    stored_portal_is_cut_off(&world, "FETCH ALL FROM c", fail, || world.revoke(&grant));
}

#[test]
fn rows_passed_on_from_portal_to_portal_are_not_given_after_the_end() {
    let world = big("flight_portal_chain");
    let grant = grant_big(&world, "1 hour");
    let pass_on = |sam: &mut Wire| {
        let first = sam.parse("", "FETCH 900 FROM p").bind("q", "", &[]).execute("q", 10).sync().fine();
        assert_eq!(raw_rows(&first), 10);
        // The first portal is empty now, the second is not.
        sam.run("MOVE ALL FROM p").fine();
    };
    stored_portal_is_cut_off(&world, "FETCH ALL FROM c", pass_on, || world.revoke(&grant));
}

#[test]
fn the_end_disturbs_nobody_who_has_fetched_all() {
    let world = big("flight_portal_done");
    let grant = grant_big(&world, "1 hour");
    let mut sam = wire(&world);
    sam.run("PREPARE big AS SELECT ssn FROM public.big LIMIT 1000").fine();
    sam.run("BEGIN; DECLARE c CURSOR FOR SELECT ssn FROM public.big LIMIT 1000").fine();
    for sql in ["FETCH 100 FROM c", "EXECUTE big"] {
        let rows = sam.parse("", sql).bind(sql, "", &[]).execute(sql, 0).sync().fine();
        assert_eq!(raw_rows(&rows), rows.column().len());
    }
    sam.parse("", "FETCH 50 FROM c").bind("p", "", &[]).execute("p", 50).sync().fine();
    sam.run("FETCH 10 FROM c").fine();
    world.revoke(&grant);
    sleep(Duration::from_millis(50));
    assert_eq!(sam.run("SELECT 1").fine().column(), ["1"]);
    assert_eq!(sam.run("FETCH 10 FROM c").error().as_deref(), Some("JM002"));
    sam.run("ROLLBACK").fine();
    assert_eq!(raw_rows(&sam.run("SELECT ssn FROM public.big LIMIT 10").fine()), 0);
}

/// Rows that a procedure's loop has yet to see are stored when it commits.
#[test]
fn a_loop_across_commits_is_cut_off() {
    let world = big("flight_loop");
    let mut sam = wire(&world);
    sam.run(
        "CREATE PROCEDURE tells() LANGUAGE plpgsql AS
            $$DECLARE value text; BEGIN
              FOR value IN SELECT ssn FROM public.big LIMIT 1000 LOOP
                RAISE NOTICE 'told % at %', value, clock_timestamp(); PERFORM pg_sleep(0.1); COMMIT;
              END LOOP; END$$",
    )
    .fine();
    let grant = grant_big(&world, "1 hour");
    sam.query("CALL tells()").send();
    sleep(Duration::from_millis(500));
    world.revoke(&grant);
    let revoked = world.chief().value("SELECT clock_timestamp()");
    let reply = sam.until_closed();
    let told = reply.0.iter().filter(|message| message.tag == 'N').filter_map(|notice| notice.field('M'));
    let told: Vec<_> = told.filter(|text| text.contains(RAW)).collect();
    assert!(told.len() > 1, "{reply:?}");
    assert!(told.iter().filter(|text| text.rsplit(" at ").next() > Some(revoked.as_str())).count() <= 1, "{told:?}");
    assert_eq!(reply.error().as_deref(), Some("JM002"));
}

/// How many sessions `sam` has.
fn sessions(world: &World) -> String {
    world.chief().value(&format!("SELECT count(*) FROM pg_stat_activity WHERE usename = '{}'", world.role("sam")))
}

/// A reader that stops reading for good.
fn stuck(world: &World, setting: &str, sql: &str) -> Wire {
    world.chief().run(&format!("ALTER ROLE {} {setting}", world.role("sam")));
    let mut sam = wire(world);
    sam.run("BEGIN; DECLARE c CURSOR FOR SELECT ssn FROM public.big").fine();
    sam.query(sql).send();
    while sam.receive().tag != 'D' {}
    sleep(Duration::from_millis(300));
    sam
}

#[test]
fn terminate_ends_a_session_that_is_stuck_in_sending() {
    let world = big("flight_stuck");
    let grant = grant_big(&world, "1 hour");
    let mut sam = stuck(&world, "SET jitmask.on_revoke = terminate", "SELECT ssn FROM public.big");
    world.revoke(&grant);
    eventually("the session ends though nobody reads", || sessions(&world) == "0");
    let before = sam.received();
    sam.until_closed();
    assert!(sam.received() - before < BUFFERED);
}

#[test]
fn cancel_leaves_a_session_stuck_until_somebody_reads() {
    let world = big("flight_stuck_cancel");
    let grant = grant_big(&world, "1 hour");
    let mut sam = stuck(&world, "RESET jitmask.on_revoke", "SELECT ssn FROM public.big");
    world.revoke(&grant);
    sleep(Duration::from_millis(200));
    assert_eq!(sessions(&world), "1");
    let before = sam.received();
    assert_eq!(sam.reply().error().as_deref(), Some("JM002"));
    assert!(sam.received() - before < BUFFERED);
    assert_eq!(sam.run("ROLLBACK; SELECT 1").fine().column(), ["1"]);
}

#[test]
fn fetch_stuck_in_sending_ends_with_its_session() {
    let world = big("flight_stuck_fetch");
    let grant = grant_big(&world, "1 hour");
    let mut sam = stuck(&world, "RESET jitmask.on_revoke", "FETCH ALL FROM c");
    world.revoke(&grant);
    eventually("the session ends though nobody reads", || sessions(&world) == "0");
    let before = sam.received();
    sam.until_closed();
    assert!(sam.received() - before < BUFFERED);
}

#[test]
fn terminate_says_jm002_to_whoever_listens() {
    let world = World::new("flight_terminate");
    let grant = world.grant("1 hour");
    world.chief().run(&format!("ALTER ROLE {} SET jitmask.on_revoke = terminate", world.role("sam")));
    let mut sam = wire(&world);
    assert_eq!(sam.run("SET jitmask.on_revoke = cancel").error().as_deref(), Some("42501"));
    assert_eq!(sam.run("SELECT set_config('jitmask.on_revoke', 'cancel', false)").error().as_deref(), Some("42501"));
    sam.query("SELECT ssn, pg_sleep(0.2) FROM public.customers").send();
    sleep(Duration::from_millis(300));
    world.revoke(&grant);
    let reply = sam.until_closed();
    assert_eq!(reply.error().as_deref(), Some("JM002"));
    assert!(reply.0.iter().any(|message| message.field('V').as_deref() == Some("FATAL")));
    // Somebody masked is not disturbed by it.
    let mut sam = wire(&world);
    assert_eq!(raw_rows(&sam.run("SELECT ssn FROM public.customers").fine()), 0);
}

#[test]
fn a_masked_portal_stays_masked_when_a_grant_comes() {
    let world = big("flight_portal_masked");
    let mut sam = wire(&world);
    sam.run("BEGIN").fine();
    let first = sam.parse("", "SELECT ssn FROM public.big").bind("p", "", &[]).execute("p", 50).sync().fine();
    assert_eq!((first.column().len(), raw_rows(&first)), (50, 0));
    grant_big(&world, "1 hour");
    let rest = sam.execute("p", 50).sync().fine();
    assert_eq!((rest.column().len(), raw_rows(&rest)), (50, 0), "one statement, one decision");
}

#[test]
fn fetch_from_a_cursor_after_revoke_ends_with_jm002() {
    let world = World::new("flight_fetch");
    let mut sam = world.login("sam");
    let grant = world.grant("1 hour");
    sam.run("BEGIN; DECLARE c SCROLL CURSOR FOR SELECT ssn FROM customers ORDER BY id");
    assert_eq!(Sight::of(&sam.value("FETCH c")), Sight::Raw);
    world.revoke(&grant);
    sam.refused("JM002", "FETCH c");
    sam.run("ROLLBACK");
    assert!(sam.sees_masked());
}

#[test]
fn fetching_backward_after_revoke_ends_with_jm002() {
    let world = World::new("flight_backward");
    let mut sam = world.login("sam");
    let grant = world.grant("1 hour");
    sam.run("BEGIN; DECLARE c SCROLL CURSOR FOR SELECT ssn FROM customers ORDER BY id; FETCH 5 FROM c");
    world.revoke(&grant);
    sam.refused("JM002", "FETCH FIRST FROM c");
}

#[test]
fn a_cursor_opened_as_superuser_shows_nothing_after_set_role() {
    let world = World::new("flight_set_role");
    let mut chief = world.chief();
    chief.run("BEGIN; DECLARE c CURSOR FOR SELECT ssn FROM customers ORDER BY id");
    assert_eq!(Sight::of(&chief.value("FETCH c")), Sight::Raw);
    chief.run(&format!("SET ROLE {}", world.role("sam")));
    chief.refused("JM002", "FETCH c");
}

#[test]
fn a_cursor_handed_out_by_an_exempt_definer_shows_nothing() {
    let world = World::new("flight_refcursor");
    let mut chief = world.chief();
    chief.run(
        "CREATE FUNCTION open_it() RETURNS refcursor LANGUAGE plpgsql SECURITY DEFINER AS
            $$DECLARE c refcursor := 'c'; BEGIN OPEN c FOR SELECT ssn FROM public.customers ORDER BY id; RETURN c; END$$",
    );
    let mut sam = world.login("sam");
    sam.run("BEGIN; SELECT open_it()");
    sam.refused("JM002", "FETCH c");
}

/// A statement that runs for three seconds and gives its only row at the end; the grant ends meanwhile.
fn aggregate_is_cut_off(world: &World, end: impl FnOnce()) {
    let mut sam = wire(world);
    sam.query(
        "SELECT string_agg(ssn, ','), count(*) FILTER (WHERE ssn LIKE 'RAW%')
           FROM (SELECT ssn, pg_sleep(0.2) FROM public.customers OFFSET 0) AS slow",
    )
    .send();
    sleep(Duration::from_millis(300));
    end();
    let reply = sam.reply();
    assert_eq!(raw_rows(&reply), 0);
    assert_eq!(reply.error().as_deref(), Some("JM002"));
}

#[test]
fn an_aggregate_under_way_when_its_grant_is_revoked_ends_with_jm002() {
    let world = World::new("flight_agg_revoke");
    let grant = world.grant("1 hour");
    aggregate_is_cut_off(&world, || world.revoke(&grant));
}

#[test]
fn an_aggregate_under_way_when_its_grant_expires_ends_with_jm002() {
    let world = World::new("flight_agg_expiry");
    let grant = world.grant("2 seconds");
    aggregate_is_cut_off(&world, || world.outlive(&grant));
}

/// Rows sent are not the only way out: a function of one's own may tell what it is handed.
#[test]
fn functions_are_handed_no_more_raw_values_after_revoke() {
    let world = World::new("flight_function");
    let mut sam = wire(&world);
    sam.run(
        "CREATE FUNCTION tell(value text) RETURNS int LANGUAGE plpgsql AS
            $$BEGIN RAISE NOTICE 'told % at %', value, clock_timestamp(); PERFORM pg_sleep(0.2); RETURN 1; END$$",
    )
    .fine();
    let grant = world.grant("1 hour");
    sam.query("SELECT count(tell(ssn)) FROM public.customers").send();
    sleep(Duration::from_millis(500));
    world.revoke(&grant);
    let revoked = world.chief().value("SELECT clock_timestamp()");
    // One value may have been on its way.
    sleep(Duration::from_millis(500));
    let reply = sam.reply();
    let told = reply.0.iter().filter(|message| message.tag == 'N').filter_map(|notice| notice.field('M'));
    let late = told.filter(|text| text.contains(RAW) && text.rsplit(" at ").next() > Some(revoked.as_str())).count();
    assert!(late <= 1, "{late} raw values were handed out after the revocation");
    assert_eq!(reply.error().as_deref(), Some("JM002"));
}

#[test]
fn a_function_that_catches_the_end_is_not_fed_on() {
    let world = World::new("flight_catcher");
    let mut sam = wire(&world);
    sam.run(
        "CREATE FUNCTION catching(value text) RETURNS int LANGUAGE plpgsql AS
            $$BEGIN RAISE NOTICE 'told % at %', value, clock_timestamp();
              BEGIN PERFORM pg_sleep(0.2); EXCEPTION WHEN OTHERS OR query_canceled THEN NULL; END; RETURN 1; END$$",
    )
    .fine();
    let grant = world.grant("1 hour");
    sam.query("SELECT count(catching(ssn)) FROM public.customers").send();
    sleep(Duration::from_millis(500));
    world.revoke(&grant);
    let revoked = world.chief().value("SELECT clock_timestamp()");
    let reply = sam.reply();
    let told = reply.0.iter().filter(|message| message.tag == 'N').filter_map(|notice| notice.field('M'));
    let late = told.filter(|text| text.contains(RAW) && text.rsplit(" at ").next() > Some(revoked.as_str())).count();
    assert!(late <= 1, "{late} raw values were handed out after the revocation");
    assert_eq!(reply.error().as_deref(), Some("JM002"));
    let fatal = reply.0.iter().any(|message| message.field('V').as_deref() == Some("FATAL"));
    assert!(fatal, "an error that was caught can't be raised again: the session ends");
}

#[test]
fn a_masked_statement_under_way_is_not_disturbed() {
    let world = World::new("flight_masked");
    let mut eve = Wire::open(&world.role("eve"), world.name());
    eve.query("SELECT ssn, pg_sleep(0.1) FROM public.customers").send();
    let grant = world.grant("1 hour");
    world.revoke(&grant);
    let reply = eve.reply().fine();
    assert_eq!((reply.column().len(), raw_rows(&reply)), (20, 0));
}

#[test]
fn a_reveal_goes_on_when_somebody_elses_grant_ends() {
    let world = big("flight_others");
    let other = grant_big(&world, "1 hour");
    let mut alex = world.login("alex");
    let id = alex.value("SELECT id FROM jitmask.request('public.big.ssn', 'my turn')");
    let mut alma = world.login("alma");
    alma.run(&format!("SELECT jitmask.approve({id})"));
    let mut reader = Wire::open(&world.role("alex"), world.name());
    reader.run("BEGIN").fine();
    let sql = "SELECT ssn FROM public.big";
    assert_eq!(raw_rows(&reader.parse("", sql).bind("p", "", &[]).execute("p", 50).sync().fine()), 50);
    world.revoke(&other);
    assert_eq!(raw_rows(&reader.execute("p", 50).sync().fine()), 50);
}

#[test]
fn detaching_waits_for_open_readers() {
    let world = World::new("flight_detach");
    let mut sam = world.login("sam");
    sam.run("BEGIN; DECLARE c CURSOR FOR SELECT ssn FROM customers ORDER BY id");
    assert_eq!(Sight::of(&sam.value("FETCH c")), Sight::Masked);
    let mut chief: Session = world.chief();
    chief.run("SET lock_timeout = '200ms'");
    chief.refused("55P03", "SELECT jitmask.detach('public.customers.ssn')");
    assert_eq!(sam.value("FETCH c").len(), 12);
}
