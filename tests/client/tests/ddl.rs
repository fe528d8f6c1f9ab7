//! DDL by masked sessions, with somebody else moving names about meanwhile.

use std::thread;
use std::time::Duration;

use jitmask_client_tests::World;

/// `eve` owns two tables: `decoy`, which is nobody's business and on which she holds no privilege of her own any more,
/// and `guarded`, which is protected; and a function that tells what it is given.
fn owner(world: &World) {
    let mut chief = world.chief();
    chief.run(&format!(
        "CREATE TABLE public.decoy (id int, ssn text);
         CREATE TABLE public.guarded (id int, ssn text);
         INSERT INTO public.guarded VALUES (1, 'RAW-SSN-0001');
         ALTER TABLE public.decoy OWNER TO {eve};
         ALTER TABLE public.guarded OWNER TO {eve};
         REVOKE ALL ON public.decoy FROM {eve};",
        eve = world.role("eve")
    ));
    chief.run("SELECT jitmask.attach('ssn_last4', 'public.guarded.ssn')");
    world.login("eve").run(
        "CREATE FUNCTION public.leak(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS
            $$BEGIN RAISE NOTICE 'leak %', $1; RETURN $1; END$$",
    );
}

#[test]
fn a_name_given_to_a_protected_table_meanwhile_is_not_let_through() {
    for statement in
        ["CREATE INDEX ON public.decoy (leak(ssn))", "ALTER TABLE public.decoy ADD CHECK (leak(ssn) IS NOT NULL)"]
    {
        let name = if statement.starts_with("CREATE") { "ddl_race_index" } else { "ddl_race_check" };
        let world = World::new(name);
        owner(&world);
        let mut mover = world.login("eve");
        mover.run("BEGIN");
        mover.run("ALTER TABLE public.decoy RENAME TO gone");
        mover.run("ALTER TABLE public.guarded RENAME TO decoy");
        let mut session = world.login("eve");
        let waiting = thread::spawn(move || {
            let refused = session.refused("JM001", statement);
            (refused.message().to_owned(), session.notices())
        });
        // Long enough for the other to have looked at the name and to be waiting for the lock.
        thread::sleep(Duration::from_millis(700));
        mover.run("COMMIT");
        let (message, notices) = waiting.join().unwrap();
        assert!(message.contains("public.decoy"), "{message}");
        assert!(!notices.iter().any(|notice| notice.contains("leak")), "{notices:?}");
    }
}

#[test]
fn masks_stay_each_columns_own_while_functions_are_replaced() {
    let world = World::new("ddl_replace");
    let mut chief = world.chief();
    chief.run(
        "CREATE TABLE public.many AS SELECT 'RAW' AS c0, 'RAW' AS c1, 'RAW' AS c2, 'RAW' AS c3, 7 AS c4, 'RAW' AS c5",
    );
    chief.run("GRANT SELECT ON public.many TO PUBLIC");
    for column in [0, 1, 2, 3, 5] {
        chief.run(&format!("SELECT jitmask.create_policy('own{column}', $$'m{column}' || left(value, 0)$$)"));
        chief.run(&format!("SELECT jitmask.attach('own{column}', 'public.many.c{column}')"));
    }
    chief.run("SELECT jitmask.create_policy('own4', 'value * 0 + 4')");
    chief.run("SELECT jitmask.attach('own4', 'public.many.c4')");
    let mut busy: Vec<_> = ["sam", "alex"].iter().map(|who| world.login(who)).collect();
    let replacing = thread::spawn(move || {
        for _ in 0..150 {
            for session in &mut busy {
                session.run("CREATE OR REPLACE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql AS 'SELECT 1'");
            }
        }
    });
    let mut eve = world.login("eve");
    let want: Vec<_> = ["m0", "m1", "m2", "m3", "4", "m5"].iter().map(|text| Some((*text).to_owned())).collect();
    while !replacing.is_finished() {
        assert_eq!(eve.rows("SELECT c0, c1, c2, c3, c4, c5 FROM public.many"), vec![want.clone()]);
    }
    replacing.join().unwrap();
}
