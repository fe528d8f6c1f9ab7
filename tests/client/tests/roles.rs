//! One session, many roles: what is decided follows the effective role and the login, in statements kept from before, too.
//!
//! The search path is pinned: with `"$user"` in it a change of role changes the path, which alone replans everything and
//! hides what these tests are after.

use jitmask_client_tests::{Session, Sight, World};

const PINNED: &str = "SET search_path = public, pg_catalog; SET plan_cache_mode = force_generic_plan;
    PREPARE p AS SELECT ssn FROM customers WHERE id = 1;
    CREATE FUNCTION pg_temp.f() RETURNS text LANGUAGE plpgsql AS
        $$DECLARE got text; BEGIN SELECT ssn INTO got FROM public.customers WHERE id = 1; RETURN got; END$$";

/// All three ways to ask must agree.
fn sees(session: &mut Session) -> Sight {
    let seen = session.sight();
    assert_eq!(Sight::of(&session.value("EXECUTE p")), seen, "the prepared statement disagrees");
    seen
}

#[test]
fn set_role_back_and_forth_masks_and_unmasks_prepared_statements() {
    let world = World::new("set_role");
    let mut chief = world.chief();
    chief.run(PINNED);
    for _ in 0..3 {
        assert_eq!(sees(&mut chief), Sight::Raw);
        chief.run(&format!("SET ROLE {}", world.role("sam")));
        assert_eq!(sees(&mut chief), Sight::Masked);
        chief.run(&format!("SET ROLE {}", world.role("eve")));
        assert_eq!(sees(&mut chief), Sight::Masked);
        chief.run("RESET ROLE");
    }
}

#[test]
fn set_session_authorization_back_and_forth_follows_the_login() {
    let world = World::new("set_auth");
    world.grant("1 hour");
    let mut chief = world.chief();
    chief.run(PINNED);
    let people = [("sam", Sight::Raw), ("eve", Sight::Masked), ("sam", Sight::Raw), ("alex", Sight::Masked)];
    for (who, expected) in people {
        assert_eq!(sees(&mut chief), Sight::Raw, "the superuser");
        chief.run(&format!("SET SESSION AUTHORIZATION {}", world.role(who)));
        assert_eq!(sees(&mut chief), expected, "{who}");
        chief.run("RESET SESSION AUTHORIZATION");
    }
    // And straight from one to the other.
    for (who, expected) in people {
        chief.run(&format!("SET SESSION AUTHORIZATION {}", world.role(who)));
        assert_eq!(sees(&mut chief), expected, "{who}");
    }
}

#[test]
fn a_grant_counts_for_the_login_through_set_role() {
    let world = World::new("keeps");
    world.chief().run(&format!("GRANT {} TO {}", world.role("eve"), world.role("sam")));
    let mut sam = world.login("sam");
    sam.run(PINNED);
    assert_eq!(sees(&mut sam), Sight::Masked);
    let grant = world.grant("1 hour");
    sam.run(&format!("SET ROLE {}", world.role("eve")));
    assert_eq!(sees(&mut sam), Sight::Raw, "SET ROLE keeps the person's grant");
    world.revoke(&grant);
    assert_eq!(sees(&mut sam), Sight::Masked);
    sam.run("RESET ROLE");
    assert_eq!(sees(&mut sam), Sight::Masked);
}

#[test]
fn becoming_the_grants_holder_by_set_role_alone_reveals_nothing() {
    let world = World::new("becoming");
    world.grant("1 hour");
    world.chief().run(&format!("GRANT {} TO {}", world.role("sam"), world.role("eve")));
    let mut eve = world.login("eve");
    eve.run(PINNED);
    eve.run(&format!("SET ROLE {}", world.role("sam")));
    assert_eq!(sees(&mut eve), Sight::Masked, "the login is still eve");
}

#[test]
fn a_function_with_a_cached_plan_follows_the_role() {
    let world = World::new("cached_f");
    let mut chief = world.chief();
    chief.run(
        "SET search_path = public, pg_catalog; SET plan_cache_mode = force_generic_plan;
         CREATE FUNCTION f() RETURNS text LANGUAGE plpgsql AS
            $$DECLARE got text; BEGIN SELECT ssn INTO got FROM public.customers WHERE id = 1; RETURN got; END$$",
    );
    let sam = world.role("sam");
    for _ in 0..3 {
        assert_eq!(Sight::of(&chief.value("SELECT f()")), Sight::Raw);
        chief.run(&format!("SET ROLE {sam}"));
        assert_eq!(Sight::of(&chief.value("SELECT f()")), Sight::Masked);
        chief.run("RESET ROLE");
    }
}

#[test]
fn an_exempt_role_reads_raw_and_no_longer_once_unexempted() {
    let world = World::new("exempt");
    let eve = world.role("eve");
    let mut chief = world.chief();
    let mut session = world.login("eve");
    session.run(PINNED);
    assert_eq!(sees(&mut session), Sight::Masked);
    chief.run(&format!("SELECT jitmask.exempt('{eve}', 'runs the payroll')"));
    assert_eq!(sees(&mut session), Sight::Raw);
    chief.run(&format!("SELECT jitmask.unexempt('{eve}')"));
    assert_eq!(sees(&mut session), Sight::Masked);
}

#[test]
fn a_superuser_is_masked_when_the_setting_says_so() {
    let world = World::new("mask_super");
    let mut chief = world.chief();
    chief.run(PINNED);
    assert_eq!(sees(&mut chief), Sight::Raw);
    chief.run("SET jitmask.mask_superusers = on");
    assert_eq!(sees(&mut chief), Sight::Masked);
    // A plan that was made, and kept, while masked.
    chief.run("DEALLOCATE p; PREPARE p AS SELECT ssn FROM customers WHERE id = 1");
    assert_eq!(sees(&mut chief), Sight::Masked);
    chief.run("SET jitmask.mask_superusers = off");
    assert_eq!(sees(&mut chief), Sight::Raw);
}

#[test]
fn a_security_definer_function_of_an_exempt_role_shows_what_its_owner_chose() {
    let world = World::new("definer");
    let (ada, eve) = (world.role("ada"), world.role("eve"));
    let mut chief = world.chief();
    chief.run(&format!("SELECT jitmask.exempt('{ada}', 'owns the report')"));
    for (name, owner) in [("by_exempt", &ada), ("by_nobody", &eve)] {
        chief.run(&format!(
            "CREATE FUNCTION {name}() RETURNS text LANGUAGE sql SECURITY DEFINER AS
                $$SELECT ssn FROM public.customers WHERE id = 1$$;
             ALTER FUNCTION {name}() OWNER TO {owner}"
        ));
    }
    let mut sam = world.login("sam");
    assert_eq!(Sight::of(&sam.value("SELECT by_exempt()")), Sight::Raw);
    assert_eq!(Sight::of(&sam.value("SELECT by_nobody()")), Sight::Masked);
    assert!(sam.sees_masked());
}

#[test]
fn a_kept_masked_plan_follows_membership_of_the_roles_a_policy_names() {
    let world = World::new("membership");
    let (ada, eve) = (world.role("ada"), world.role("eve"));
    let mut chief = world.chief();
    chief.run(&format!(
        "SELECT jitmask.create_policy('for_friends', 'mask_partial(value, 0, 6)', description => 'shows more');
         SELECT jitmask.attach('for_friends', 'public.customers.ssn', to_roles => '{{{ada}}}', priority => 9)"
    ));
    let mut session = world.login("eve");
    session.run(PINNED);
    let little = session.value("EXECUTE p");
    chief.run(&format!("GRANT {ada} TO {eve}"));
    let more = session.value("EXECUTE p");
    assert_ne!(more, little, "a member sees what the policy for members shows");
    session.run("DEALLOCATE p; PREPARE p AS SELECT ssn FROM customers WHERE id = 1");
    assert_eq!(session.value("EXECUTE p"), more, "in a plan that is made now");
    chief.run(&format!("REVOKE {ada} FROM {eve}"));
    assert_eq!(session.value("EXECUTE p"), little, "and no longer once she is none");
}
