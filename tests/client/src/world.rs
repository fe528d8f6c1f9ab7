//! A world for one test: a database with the extension and a protected table, and people, all named after the test and
//! gone when it ends.
//!
//! `sam` (support) asks, `alex` and `alma` (approvers) decide, `ada` audits, `dan` administers, `eve` is nobody, `chief`
//! is a superuser. `customers.ssn` keeps its last four characters, `customers.salary` is masked wholly.

use std::time::{Duration, Instant};

use crate::outside;
use crate::session::Session;

/// The people of every world and what they are.
const PEOPLE: [(&str, &str); 7] =
    [("sam", ""), ("alex", ""), ("alma", ""), ("ada", ""), ("dan", ""), ("eve", ""), ("chief", "SUPERUSER")];

const TABLES: &str = "
    CREATE TABLE public.customers (id int PRIMARY KEY, name text NOT NULL, ssn text, salary int);
    INSERT INTO public.customers
        SELECT i, 'customer ' || i, 'RAW-SSN-' || lpad(i::text, 4, '0'), 777000 + i FROM generate_series(1, 20) AS i;
    GRANT SELECT, INSERT, UPDATE, DELETE ON public.customers TO PUBLIC;
    GRANT ALL ON SCHEMA public TO PUBLIC;";

const POLICIES: [&str; 4] = [
    "SELECT jitmask.create_policy('ssn_last4', 'mask_partial(value, 0, 4)')",
    "SELECT jitmask.create_policy('salary_hidden', 'mask_default(value)')",
    "SELECT jitmask.attach('ssn_last4', 'public.customers.ssn')",
    "SELECT jitmask.attach('salary_hidden', 'public.customers.salary')",
];

/// A database and the people in it.
pub struct World {
    name: String,
    databases: Vec<String>,
}

/// A grant that was just given.
#[derive(Clone, Debug)]
pub struct Grant {
    /// Its id and its request's.
    pub id: i64,
    /// Its end, as the server wrote it.
    pub until: String,
}

impl World {
    /// Builds one. `name` is at most 50 characters and no other test's.
    pub fn new(name: &str) -> World {
        let world = World::bare(name);
        let mut chief = world.chief();
        chief.run("CREATE EXTENSION jitmask");
        chief.run(TABLES);
        for statement in POLICIES {
            chief.run(statement);
        }
        for (who, right) in [("alex", "approver"), ("alma", "approver"), ("ada", "auditor"), ("dan", "admin")] {
            chief.run(&format!("SELECT jitmask.grant_right('{}', '{right}')", world.role(who)));
        }
        world
    }

    /// The people and an empty database, without the extension.
    pub fn bare(name: &str) -> World {
        assert!(name.len() <= 50 && !name.contains("__"), "roles and databases are named after it");
        let world = World { name: format!("t_{name}"), databases: vec![format!("t_{name}")] };
        let mut server = Session::open(&outside::superuser(), "postgres");
        // Whatever a killed or failed run left behind, its further databases included.
        let left =
            server.column(&format!("SELECT datname FROM pg_database WHERE starts_with(datname, '{}__')", world.name));
        for database in left {
            server.run(&format!("DROP DATABASE IF EXISTS {database} WITH (FORCE)"));
        }
        world.remove(&mut server);
        for (who, options) in PEOPLE {
            server.run(&format!("CREATE ROLE {} LOGIN {options}", world.role(who)));
        }
        server.run(&format!("CREATE DATABASE {}", world.name));
        world
    }

    /// One more database, empty; its name.
    pub fn database(&mut self, suffix: &str) -> String {
        // Two underscores, which no test's name holds: else one test's databases could be another test's.
        let name = format!("{}__{suffix}", self.name);
        let mut server = Session::open(&outside::superuser(), "postgres");
        server.run(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
        server.run(&format!("CREATE DATABASE {name}"));
        self.databases.push(name.clone());
        name
    }

    /// The database's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The name of one of the people.
    pub fn role(&self, who: &str) -> String {
        format!("{}_{who}", self.name)
    }

    /// A new session of one of the people.
    pub fn login(&self, who: &str) -> Session {
        Session::open(&self.role(who), &self.name)
    }

    /// A new session of the superuser.
    pub fn chief(&self) -> Session {
        self.login("chief")
    }

    /// `sam` asks for `customers.ssn`: the request's id.
    pub fn request(&self, duration: &str) -> i64 {
        ask(&mut self.login("sam"), duration)
    }

    /// `sam` asks for `customers.ssn` and `alex` approves, in sessions of their own.
    pub fn grant(&self, duration: &str) -> Grant {
        let id = self.request(duration);
        approve(&mut self.login("alex"), id)
    }

    /// `alex` revokes, in a session of his own.
    pub fn revoke(&self, grant: &Grant) {
        self.login("alex").run(&format!("SELECT * FROM jitmask.revoke({})", grant.id));
    }

    /// Ends all grants: nobody can ask for what they see already.
    pub fn end_grants(&self) {
        self.chief().run("UPDATE jitmask.grant_ SET state = 'revoked' WHERE state = 'active'");
    }

    /// Sleeps until a grant's time is over by the server's clock.
    pub fn outlive(&self, grant: &Grant) {
        let mut chief = self.chief();
        let over = format!("SELECT clock_timestamp() > '{}'", grant.until);
        eventually("the grant's time passes", || chief.value(&over) == "t");
    }

    fn remove(&self, server: &mut Session) {
        for database in &self.databases {
            server.run(&format!("DROP DATABASE IF EXISTS {database} WITH (FORCE)"));
        }
        for (who, _) in PEOPLE {
            server.run(&format!("DROP ROLE IF EXISTS {}", self.role(who)));
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // A server that crashed has failed the test already; a panic in a panic would hide why.
        if let Ok(mut server) = Session::try_open(&outside::superuser(), "postgres")
            && !std::thread::panicking()
        {
            self.remove(&mut server);
        }
    }
}

/// Asks for `customers.ssn`: the request's id.
pub fn ask(requester: &mut Session, duration: &str) -> i64 {
    let request = format!(
        "SELECT id FROM jitmask.request('public.customers.ssn', 'a customer called', duration => '{duration}')"
    );
    requester.value(&request).parse().unwrap()
}

/// Approves a request that needs one approval: the grant.
pub fn approve(approver: &mut Session, id: i64) -> Grant {
    let row = approver.rows(&format!("SELECT state, until FROM jitmask.approve({id})")).remove(0);
    assert_eq!(row[0].as_deref(), Some("active"), "{row:?}");
    Grant { id, until: row[1].clone().unwrap() }
}

/// Waits, generously, for something that must come true.
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(30), "in vain: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
