//! DDL by masked sessions, with somebody else moving names about meanwhile.

use std::thread;
use std::time::Duration;

use jitmask_client_tests::{World, outside};

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

/// Two tables of the same shape in two schemas of eve's, `here` with nothing secret and `there` with a protected table,
/// which change their names all the time: whatever a command was let through for, it must not be done to the other.
#[test]
fn no_command_lands_on_a_protected_table_while_schemas_change_names() {
    let world = World::new("ddl_swap");
    let eve = world.role("eve");
    let mut chief = world.chief();
    chief.run(&format!("GRANT CREATE ON DATABASE {} TO {eve}", world.name()));
    for (schema, value) in [("here", "DECOY"), ("there", "RAW-SSN-0001")] {
        chief.run(&format!(
            "CREATE SCHEMA {schema};
             CREATE TABLE {schema}.t (id int, ssn text, other text);
             INSERT INTO {schema}.t VALUES (1, '{value}', 'x');
             CREATE FUNCTION {schema}.indexed(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS
                $$BEGIN RAISE NOTICE 'leak %', $1; RETURN $1; END$$;
             CREATE INDEX by_function ON {schema}.t ({schema}.indexed(ssn));
             ALTER FUNCTION {schema}.indexed(text) OWNER TO {eve};
             ALTER TABLE {schema}.t OWNER TO {eve};
             ALTER SCHEMA {schema} OWNER TO {eve};"
        ));
    }
    chief.run("SELECT jitmask.attach('ssn_last4', 'there.t.ssn')");
    let guarded = chief.value("SELECT 'there.t'::regclass::oid");
    chief.run("CREATE PUBLICATION pub");
    chief.run(&format!("ALTER PUBLICATION pub OWNER TO {eve}"));
    world.login("eve").run(
        "CREATE FUNCTION public.leak(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS
            $$BEGIN RAISE NOTICE 'leak %', $1; RETURN $1; END$$;
         CREATE FUNCTION public.leakt() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';",
    );
    let mut swapping = world.login("eve");
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let stopped = stop.clone();
    let swapper = thread::spawn(move || {
        while !stopped.load(std::sync::atomic::Ordering::Relaxed) {
            swapping.run(
                "BEGIN; ALTER SCHEMA here RENAME TO aside; ALTER SCHEMA there RENAME TO here;
                 ALTER SCHEMA aside RENAME TO there; COMMIT",
            );
        }
    });
    let statements = [
        "CREATE INDEX i ON here.t (public.leak(ssn))",
        "ALTER TABLE here.t ADD CONSTRAINT c CHECK (public.leak(ssn) IS NOT NULL)",
        "ALTER TABLE here.t ADD CONSTRAINT u UNIQUE (ssn)",
        "ALTER TABLE here.t ADD COLUMN g text GENERATED ALWAYS AS (public.leak(ssn)) STORED",
        "ALTER TABLE here.t ALTER COLUMN other TYPE text USING public.leak(ssn)",
        "CREATE TRIGGER g BEFORE UPDATE ON here.t FOR EACH ROW EXECUTE FUNCTION public.leakt()",
        "CREATE RULE r AS ON UPDATE TO here.t DO ALSO NOTIFY x",
        "CREATE STATISTICS s ON (public.leak(ssn)) FROM here.t",
        "CREATE POLICY p ON here.t USING (public.leak(ssn) IS NOT NULL)",
        "CREATE TABLE public.heir (CHECK (public.leak(ssn) IS NOT NULL)) INHERITS (here.t)",
        "ALTER PUBLICATION pub ADD TABLE here.t",
    ];
    let mut session = world.login("eve");
    let (mut done, mut refused) = (0, 0);
    for round in 0..60 {
        for statement in statements {
            // In a transaction that is taken back, so that there is something to do the next time.
            match session.try_rows(&format!("BEGIN; {statement}")) {
                Ok(_) => {
                    done += 1;
                    // What was made stands on the table that nobody protects.
                    let made = session.column(&format!(
                        "SELECT attname FROM pg_attribute WHERE attrelid = {guarded} AND attname = 'g'
                         UNION ALL SELECT indexrelid::regclass::text FROM pg_index WHERE indrelid = {guarded}
                             AND indexrelid::regclass::text !~ 'by_function'
                         UNION ALL SELECT conname FROM pg_constraint WHERE conrelid = {guarded}
                         UNION ALL SELECT tgname FROM pg_trigger WHERE tgrelid = {guarded}
                         UNION ALL SELECT rulename FROM pg_rewrite WHERE ev_class = {guarded}
                         UNION ALL SELECT polname FROM pg_policy WHERE polrelid = {guarded}
                         UNION ALL SELECT stxname FROM pg_statistic_ext WHERE stxrelid = {guarded}
                         UNION ALL SELECT 'published' FROM pg_publication_rel WHERE prrelid = {guarded}
                         UNION ALL SELECT 'child' FROM pg_inherits WHERE inhparent = {guarded}"
                    ));
                    assert_eq!(made, Vec::<String>::new(), "round {round}: {statement}");
                }
                Err(_) => refused += 1,
            }
            session.run("ROLLBACK");
        }
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    swapper.join().unwrap();
    let notices = session.notices();
    assert!(!notices.iter().any(|notice| notice.contains("RAW")), "{notices:?}");
    assert!(done > 20 && refused > 20, "done {done}, refused {refused}: the schemas did not change names often enough");
}

#[test]
fn a_command_on_somebody_elses_table_waits_for_no_lock() {
    let world = World::new("ddl_lock");
    let mut reader = world.chief();
    reader.run("BEGIN; LOCK TABLE public.customers IN ACCESS SHARE MODE");
    let mut eve = world.login("eve");
    eve.run("SET lock_timeout = '500ms'");
    // She may read it, and does not own it. Waiting for its lock, she would hold up everybody who comes after her.
    eve.refused("42501", "ALTER TABLE public.customers ADD CHECK (ssn > '')");
    eve.refused("42501", "CLUSTER public.customers USING customers_pkey");
    eve.refused("42501", "REINDEX TABLE public.customers");
    reader.run("ROLLBACK");
}

#[test]
fn a_protected_column_that_is_dropped_or_renamed_leaves_a_line_in_the_log() {
    let world = World::new("ddl_log");
    owner(&world);
    let login = format!("login=\"{}\"", world.role("eve"));
    let lines = || {
        let log = outside::log();
        let lines = log.lines().filter(|line| line.contains("jitmask protected column") && line.contains(&login));
        lines.map(|line| line.split("protected column ").nth(1).unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    let mut eve = world.login("eve");
    let commands = [
        ("ALTER TABLE public.decoy RENAME COLUMN ssn TO other", None),
        ("ALTER TABLE public.guarded RENAME COLUMN id TO number", None),
        ("ALTER TABLE public.guarded RENAME COLUMN ssn TO social", Some("renamed: column=\"public.guarded.ssn\"")),
        ("ALTER TABLE public.guarded RENAME TO folk", Some("renamed: column=\"public.guarded.social\"")),
        ("ALTER TABLE public.folk DROP COLUMN number", None),
        ("BEGIN; ALTER TABLE public.folk DROP COLUMN social; ROLLBACK", Some("dropped: column=\"public.folk.social\"")),
        ("DROP TABLE public.decoy", None),
        ("DROP TABLE public.folk", Some("dropped: column=\"public.folk.social\"")),
    ];
    for (command, expected) in commands {
        let before = lines().len();
        eve.run(command);
        let new: Vec<String> = lines().into_iter().skip(before).collect();
        match expected {
            None => assert_eq!(new, Vec::<String>::new(), "{command}"),
            Some(expected) => {
                assert!(new.len() == 1 && new.iter().all(|line| line.starts_with(expected)), "{command}: {new:?}")
            }
        }
    }
}

/// Commands that read rows without announcing it: the name is another table's by the time they get its lock.
#[test]
fn rows_are_not_handed_to_functions_of_a_table_that_took_the_name_meanwhile() {
    let statements = [
        "REINDEX TABLE public.decoy",
        "REINDEX INDEX public.decoy_index",
        "REINDEX TABLE CONCURRENTLY public.decoy",
        "CLUSTER public.decoy USING decoy_index",
        "ANALYZE public.decoy",
        "VACUUM FULL public.decoy",
        "ALTER TABLE public.decoy SET UNLOGGED",
    ];
    for (number, statement) in statements.into_iter().enumerate() {
        let world = World::new(&format!("ddl_rows{number}"));
        let mut eve = world.login("eve");
        let mut chief = world.chief();
        chief.run(&format!("GRANT CREATE ON SCHEMA public TO {}", world.role("eve")));
        eve.run(
            "CREATE FUNCTION public.inner(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN $1; END';
             CREATE FUNCTION public.indexed(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN public.inner($1); END';
             CREATE TABLE public.decoy (id int, ssn text);
             CREATE TABLE public.guarded (id int, ssn text);
             INSERT INTO public.guarded VALUES (1, 'RAW-SSN-0001');
             CREATE INDEX decoy_index ON public.decoy (public.indexed(ssn));
             CREATE INDEX guarded_index ON public.guarded (public.indexed(ssn));",
        );
        chief.run("SELECT jitmask.attach('ssn_last4', 'public.guarded.ssn')");
        eve.run(
            "CREATE OR REPLACE FUNCTION public.inner(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS
                $$BEGIN RAISE NOTICE 'leak %', $1; RETURN $1; END$$",
        );
        eve.run("BEGIN");
        if statement.starts_with("REINDEX INDEX") || statement.starts_with("CLUSTER") {
            eve.run("ALTER INDEX decoy_index RENAME TO gone_index; ALTER INDEX guarded_index RENAME TO decoy_index");
        }
        eve.run("ALTER TABLE public.decoy RENAME TO gone; ALTER TABLE public.guarded RENAME TO decoy");
        let mut session = world.login("eve");
        let waiting = thread::spawn(move || {
            let error = session.fails(statement);
            (error.code().code().to_owned(), error.message().to_owned(), session.notices())
        });
        thread::sleep(Duration::from_millis(500));
        eve.run("COMMIT");
        let (code, message, notices) = waiting.join().unwrap();
        assert_eq!(code, "JM001", "{statement}: {message}");
        assert!(message.contains("public.decoy"), "{statement}: {message}");
        assert!(!notices.iter().any(|notice| notice.contains("RAW")), "{statement}: {notices:?}");
    }
}
