//! Nobody decides unawares: approving takes a statement of the approver's own that does just that.
//!
//! `eve` lays traps and `alex`, an approver, walks into them. The request must still be pending afterwards.

use jitmask_client_tests::World;
use jitmask_client_tests::session::sqlstate;
use jitmask_client_tests::wire::Wire;
use jitmask_client_tests::world::ask;

struct Scene {
    world: World,
    id: i64,
    alex: Wire,
}

impl Scene {
    fn new(name: &str) -> Scene {
        let world = World::new(name);
        let id = ask(&mut world.login("sam"), "1 hour");
        let alex = Wire::open(&world.role("alex"), world.name());
        Scene { world, id, alex }
    }

    /// `eve` runs this first; `$id` is the request.
    fn trap(self, sql: &str) -> Scene {
        self.world.login("eve").run(&sql.replace("$id", &self.id.to_string()));
        self
    }

    /// The statement fails with JM004 and decides nothing.
    #[track_caller]
    fn refused(&mut self, sql: &str) {
        let reply = self.alex.run(&sql.replace("$id", &self.id.to_string()));
        self.pending(sql);
        assert_eq!(reply.error().as_deref(), Some("JM004"), "{sql}\n{reply:?}");
        self.alex.run("ROLLBACK").fine();
    }

    #[track_caller]
    fn pending(&self, sql: &str) {
        let mut chief = self.world.chief();
        let state = chief.value(&format!("SELECT state FROM jitmask.request_ WHERE id = {}", self.id));
        assert_eq!(state, "pending", "after {sql}");
        assert_eq!(chief.value("SELECT count(*) FROM jitmask.vote"), "0", "after {sql}");
        assert!(self.world.login("sam").sees_masked());
    }
}

const FUNCTION: &str = "CREATE FUNCTION trap() RETURNS bigint LANGUAGE plpgsql AS
    $$DECLARE got bigint; BEGIN SELECT id INTO got FROM jitmask.approve($id); RETURN got; END$$;";

#[test]
fn a_view_approves_nothing() {
    let mut scene = Scene::new("direct_view").trap("CREATE VIEW v AS SELECT state FROM jitmask.approve($id)");
    scene.world.login("eve").run("GRANT SELECT ON v TO PUBLIC");
    scene.refused("SELECT * FROM v");
    scene.refused("COPY (SELECT * FROM v) TO STDOUT");
}

#[test]
fn a_view_over_the_bare_call_approves_nothing() {
    let mut scene = Scene::new("direct_view_bare")
        .trap("CREATE VIEW v AS SELECT jitmask.approve($id)::text AS x; GRANT SELECT ON v TO PUBLIC");
    scene.refused("SELECT x FROM v");
}

#[test]
fn functions_approve_nothing() {
    let mut scene = Scene::new("direct_function").trap(&format!(
        "{FUNCTION}
         CREATE FUNCTION trap_sql() RETURNS text LANGUAGE sql AS $$SELECT state FROM jitmask.approve($id)$$;
         CREATE FUNCTION trap_set() RETURNS SETOF text LANGUAGE sql STABLE AS $$SELECT state FROM jitmask.approve($id)$$;
         CREATE FUNCTION trap_const() RETURNS bigint LANGUAGE sql AS $$SELECT (jitmask.approve($id)).id$$;
         CREATE FUNCTION trap_atomic() RETURNS SETOF text LANGUAGE sql BEGIN ATOMIC SELECT state FROM jitmask.approve($id); END"
    ));
    for sql in [
        "SELECT trap()",
        "SELECT * FROM trap()",
        "SELECT trap_sql()",
        "SELECT * FROM trap_set()",
        "SELECT trap_const()",
        "SELECT * FROM trap_atomic()",
        "SELECT id FROM jitmask.approve(trap())",
        "SELECT trap(), jitmask.is_masked('public.customers.ssn')",
    ] {
        scene.refused(sql);
    }
}

#[test]
fn procedures_do_blocks_and_dynamic_statements_approve_nothing() {
    let mut scene = Scene::new("direct_do").trap(
        "CREATE PROCEDURE trap() LANGUAGE plpgsql AS $$BEGIN PERFORM jitmask.approve($id); END$$;
         CREATE PROCEDURE trap_commits() LANGUAGE plpgsql AS $$BEGIN COMMIT; PERFORM jitmask.approve($id); END$$",
    );
    scene.refused("DO $$BEGIN PERFORM jitmask.approve($id); END$$");
    scene.refused("DO $$BEGIN EXECUTE 'SELECT * FROM jitmask.approve($id)'; END$$");
    scene.refused("CALL trap()");
    scene.refused("CALL trap_commits()");
}

#[test]
fn sql_prepared_statements_and_cursors_approve_nothing() {
    let mut scene = Scene::new("direct_execute");
    scene.alex.run(&format!("PREPARE p AS SELECT * FROM jitmask.approve({})", scene.id)).fine();
    scene.refused("EXECUTE p");
    scene.refused("EXPLAIN ANALYZE SELECT * FROM jitmask.approve($id)");
    scene.refused("CREATE TABLE t AS SELECT * FROM jitmask.approve($id)");
    scene.refused("CREATE TABLE t AS EXECUTE p");
    scene.refused("COPY (SELECT * FROM jitmask.approve($id)) TO STDOUT");
}

#[test]
fn triggers_approve_nothing() {
    let mut scene = Scene::new("direct_trigger").trap(
        "CREATE TABLE inbox (id int); CREATE TABLE later (id int); GRANT ALL ON inbox, later TO PUBLIC;
         CREATE FUNCTION trap() RETURNS trigger LANGUAGE plpgsql AS
            $$BEGIN PERFORM jitmask.approve($id); RETURN NEW; END$$;
         CREATE TRIGGER t BEFORE INSERT ON inbox FOR EACH ROW EXECUTE FUNCTION trap();
         CREATE CONSTRAINT TRIGGER t AFTER INSERT ON later DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION trap()",
    );
    scene.refused("INSERT INTO inbox VALUES (1)");
    scene.refused("INSERT INTO later VALUES (1)");
    scene.refused("BEGIN; INSERT INTO later VALUES (1); COMMIT");
    // A direct call in the same transaction lends nothing to a trigger that fires after it.
    scene.refused("BEGIN; INSERT INTO later VALUES (1); SELECT jitmask.is_masked('public.customers.ssn'); SET CONSTRAINTS ALL IMMEDIATE");
}

#[test]
fn defaults_checks_and_policies_approve_nothing() {
    let mut scene = Scene::new("direct_default").trap(&format!(
        "{FUNCTION}
         CREATE TABLE d (id int, x bigint DEFAULT trap());
         CREATE TABLE c (id int CHECK (trap() > 0));
         CREATE TABLE r (id int); INSERT INTO r VALUES (1); ALTER TABLE r ENABLE ROW LEVEL SECURITY;
         CREATE POLICY p ON r USING (trap() > 0);
         GRANT ALL ON d, c, r TO PUBLIC"
    ));
    for sql in ["INSERT INTO d (id) VALUES (1)", "INSERT INTO c VALUES (1)", "SELECT * FROM r"] {
        scene.refused(sql);
    }
}

#[test]
fn rules_approve_nothing() {
    let mut scene = Scene::new("direct_rule").trap(
        "CREATE TABLE t (id int); GRANT ALL ON t TO PUBLIC;
         CREATE RULE r AS ON INSERT TO t DO INSTEAD SELECT state FROM jitmask.approve($id);
         CREATE TABLE u (id int); GRANT ALL ON u TO PUBLIC;
         CREATE RULE r AS ON DELETE TO u DO ALSO SELECT jitmask.approve($id)",
    );
    scene.refused("INSERT INTO t VALUES (1)");
    scene.refused("DELETE FROM u");
}

#[test]
fn statements_that_do_anything_else_approve_nothing() {
    let mut scene = Scene::new("direct_else");
    for sql in [
        "WITH x AS (SELECT * FROM jitmask.approve($id)) SELECT * FROM x",
        "WITH x AS MATERIALIZED (SELECT jitmask.approve($id)) SELECT 1 FROM x",
        "SELECT (SELECT state FROM jitmask.approve($id))",
        "SELECT * FROM (SELECT state FROM jitmask.approve($id)) s",
        "SELECT EXISTS (SELECT FROM jitmask.approve($id))",
        "SELECT state FROM customers c, jitmask.approve($id)",
        "SELECT jitmask.approve(r.id) FROM jitmask.pending_requests r",
        "SELECT 1 UNION ALL SELECT id::int FROM jitmask.approve($id)",
    ] {
        scene.refused(sql);
    }
}

#[test]
fn operators_and_aggregates_approve_nothing() {
    let mut scene = Scene::new("direct_operator").trap(&format!(
        "{FUNCTION}
         CREATE FUNCTION op(a int, b int) RETURNS bigint LANGUAGE plpgsql AS $$BEGIN RETURN trap(); END$$;
         CREATE OPERATOR <<<< (FUNCTION = op, LEFTARG = int, RIGHTARG = int);
         CREATE FUNCTION final(a int) RETURNS int LANGUAGE plpgsql AS $$BEGIN RETURN trap(); END$$;
         CREATE AGGREGATE agg(int) (SFUNC = int4larger, STYPE = int, FINALFUNC = final)"
    ));
    scene.refused("SELECT 1 <<<< 2");
    scene.refused("SELECT * FROM jitmask.approve(1 <<<< 2)");
    scene.refused("SELECT agg(1)");
}

#[test]
fn domains_of_bound_parameters_approve_nothing() {
    let scene = Scene::new("direct_domain").trap(
        "CREATE FUNCTION trap(ask bigint) RETURNS bool LANGUAGE plpgsql AS
            $$BEGIN PERFORM jitmask.approve($id); RETURN true; END$$;
         CREATE DOMAIN trapped AS bigint CHECK (trap(VALUE))",
    );
    let mut alex = Wire::open(&scene.world.role("alex"), scene.world.name());
    for sql in [
        "SELECT $1::trapped",
        "SELECT id FROM jitmask.approve($1::trapped)",
        "SELECT id FROM jitmask.approve($1::bigint::trapped)",
    ] {
        let reply = alex.parse("", sql).bind("", "", &[&scene.id.to_string()]).execute("", 0).sync();
        assert_eq!(reply.error().as_deref(), Some("JM004"), "{sql}");
        scene.pending(sql);
    }
}

#[test]
fn other_deciding_functions_refuse_detours_too() {
    let world = World::new("direct_others");
    let id = ask(&mut world.login("sam"), "1 hour");
    let grant = world.grant("1 hour");
    let (mut alex, mut dan, mut sam) = (world.login("alex"), world.login("dan"), world.login("sam"));
    let detour = |call: &str| format!("DO $$BEGIN PERFORM {call}; END$$");
    for call in
        [format!("jitmask.deny({id})"), format!("jitmask.reject({id})"), format!("jitmask.revoke({})", grant.id)]
    {
        alex.refused("JM004", &detour(&call));
    }
    sam.refused("JM004", &detour(&format!("jitmask.cancel({id})")));
    let eve = world.role("eve");
    for call in [
        format!("jitmask.exempt('{eve}', 'why')"),
        "jitmask.create_policy('p', 'mask_null(value)')".to_owned(),
        "jitmask.detach('public.customers.ssn')".to_owned(),
        "jitmask.attach('ssn_last4', 'public.customers.name')".to_owned(),
        format!("jitmask.grant_right('{eve}', 'approver')"),
        format!("jitmask.trust_owner('{eve}', 'why')"),
    ] {
        dan.refused("JM004", &detour(&call));
    }
    assert!(sam.sees_raw() && world.login("eve").sees_masked());
}

#[test]
fn direct_calls_in_every_form_work() {
    let world = World::new("direct_works");
    let (mut sam, mut alex) = (world.login("sam"), world.login("alex"));
    let mut ask = || {
        world.end_grants();
        ask(&mut sam, "1 hour")
    };
    let active = |id: i64| {
        let state = world.chief().value(&format!("SELECT state FROM jitmask.grant_ WHERE id = {id}"));
        assert_eq!(state, "active");
    };
    for form in [
        "SELECT jitmask.approve($id)",
        "SELECT * FROM jitmask.approve($id)",
        "SELECT state, message FROM jitmask.approve($id, comment => 'fine')",
        "SELECT id FROM jitmask.approve(id => $id) AS a",
        "BEGIN; SELECT jitmask.approve($id); COMMIT",
        "SELECT 1; SELECT jitmask.approve($id)",
        "SELECT jitmask.approve($id); SELECT 1",
        "SELECT jitmask.approve($id, 'shorter', '10 minutes'::interval)",
        "SELECT jitmask.approve($id, 'ticket ' || lower('ABC') || 1)",
    ] {
        let id = ask();
        alex.run(&form.replace("$id", &id.to_string()));
        active(id);
    }
    // As client libraries do it.
    let id = ask();
    alex.client().query("SELECT * FROM jitmask.approve($1)", &[&id]).unwrap();
    active(id);
    let statement = alex.client().prepare("SELECT * FROM jitmask.approve($1, $2)").unwrap();
    alex.run("SET plan_cache_mode = force_generic_plan");
    for _ in 0..3 {
        let id = ask();
        let row = alex.client().query_one(&statement, &[&id, &"looked at it"]).unwrap();
        assert_eq!(row.get::<_, i64>(0), id);
        active(id);
    }
    let error = alex.client().query(&statement, &[&id, &""]).unwrap_err();
    assert_eq!(sqlstate(&error), "55000", "decided already");
}

#[test]
fn protocol_prepared_calls_stay_direct_over_many_executions() {
    let world = World::new("direct_wire");
    let mut sam = world.login("sam");
    for mode in ["auto", "force_generic_plan", "force_custom_plan"] {
        let mut alex = Wire::open(&world.role("alex"), world.name());
        alex.run(&format!("SET plan_cache_mode = {mode}")).fine();
        alex.parse("a", "SELECT id, state FROM jitmask.approve($1)").sync().fine();
        for _ in 0..7 {
            world.end_grants();
            let id = ask(&mut sam, "1 hour").to_string();
            let reply = alex.bind("", "a", &[&id]).describe("").execute("", 0).sync().fine();
            assert_eq!(reply.column(), [id]);
        }
    }
}
