//! A database with the schemas: `prot`, whose columns are masked, and `twin`, which holds what the masks make of them;
//! and `idle`, which holds the same as the twin, under masks that change nothing.

use jitmask_client_tests::{Session, outside};

use crate::leak;
use crate::schema::{Column, TABLES, Table, Ty, fixpoints};
use crate::side::Side;

const TABLES_SQL: &str = include_str!("../sql/tables.sql");
const ROWS_SQL: &str = include_str!("../sql/rows.sql");
const OPEN_SQL: &str = include_str!("../sql/open.sql");
const CODE_SQL: &str = include_str!("../sql/code.sql");

/// Owns a function, and may be acted as by both sides.
const KEEPER: &str = "diff_keeper";

/// A difference planted on purpose, to see that it is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plant {
    /// None.
    Nothing,
    /// One value of the twin is another than the mask's.
    ChangedValue,
    /// A protected column has no policy.
    Unprotected,
}

/// The database, dropped with this value.
pub struct World {
    name: String,
}

impl World {
    /// Builds it. `name` is nobody else's.
    pub fn new(name: &str, plant: Plant) -> World {
        let world = World { name: format!("diff_{name}") };
        let mut server = Session::open(&outside::superuser(), "postgres");
        world.remove(&mut server);
        for role in [world.masked(), world.plain()] {
            server.run(&format!("CREATE ROLE {role} LOGIN"));
        }
        // Its name is in statements, so it is every world's, and stays.
        if server.rows(&format!("SELECT FROM pg_roles WHERE rolname = '{KEEPER}'")).is_empty() {
            let _ = server.try_rows(&format!("CREATE ROLE {KEEPER}"));
        }
        server.run(&format!("GRANT {KEEPER} TO {}, {}", world.masked(), world.plain()));
        server.run(&format!("CREATE DATABASE {}", world.name));
        let mut chief = Session::open(&outside::superuser(), &world.name);
        chief.run("CREATE EXTENSION jitmask");
        for schema in ["prot", "twin", "idle"] {
            chief.run(&format!("CREATE SCHEMA {schema}; SET search_path = {schema}"));
            chief.run(&of_schema(TABLES_SQL, schema == "prot"));
        }
        chief.run("SET search_path = prot");
        chief.run(ROWS_SQL);
        fill_twin(&mut chief);
        fill_idle(&mut chief);
        attach(&mut chief, "prot", str::to_owned, |column| plant != Plant::Unprotected || column != "mail");
        for schema in ["prot", "twin", "idle"] {
            chief.run(&format!("SET search_path = {schema}"));
            chief.run(OPEN_SQL);
            chief.run(CODE_SQL);
            chief.run(&format!(
                "GRANT ALL ON SCHEMA {schema} TO PUBLIC; GRANT ALL ON ALL TABLES IN SCHEMA {schema} TO PUBLIC;
                 REVOKE ALL ON narrow FROM PUBLIC; GRANT SELECT (id, sec, n) ON narrow TO PUBLIC;
                 ALTER FUNCTION f_definer(int) OWNER TO {KEEPER};"
            ));
        }
        if plant == Plant::ChangedValue {
            chief.run("UPDATE twin.people SET score = score + 1 WHERE id = 5");
        }
        world
    }

    /// Leaves the database there, to look into.
    pub fn keep(self) {
        println!("database {}: roles {} in schema prot, {} in schema twin", self.name, self.masked(), self.plain());
        std::mem::forget(self);
    }

    fn masked(&self) -> String {
        format!("{}_masked", self.name)
    }

    fn plain(&self) -> String {
        format!("{}_plain", self.name)
    }

    /// The session that sees masks.
    pub fn masked_side(&self) -> Side {
        Side::open(&self.masked(), &self.name, "prot")
    }

    /// The session that sees what is stored, which is the same.
    pub fn twin_side(&self) -> Side {
        Side::open(&self.plain(), &self.name, "twin")
    }

    /// The session that sees the same through masks that change nothing.
    pub fn idle_side(&self) -> Side {
        Side::open(&self.masked(), &self.name, "idle")
    }

    fn remove(&self, server: &mut Session) {
        server.run(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
        for role in [self.masked(), self.plain()] {
            server.run(&format!("DROP ROLE IF EXISTS {role}"));
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Ok(mut server) = Session::try_open(&outside::superuser(), "postgres")
            && !std::thread::panicking()
        {
            self.remove(&mut server);
        }
    }
}

/// `@generated E | F@` is a column generated as E in schema prot and as F elsewhere; `@either X | Y@`, `@only_prot X@` likewise.
fn of_schema(sql: &str, prot: bool) -> String {
    let mut text = String::new();
    for (place, part) in sql.split('@').enumerate() {
        if place % 2 == 0 {
            text.push_str(part);
        } else if let Some((of_prot, of_others)) = part.strip_prefix("generated ").and_then(|part| part.split_once('|'))
        {
            let expression = if prot { of_prot } else { of_others };
            text.push_str(&format!("GENERATED ALWAYS AS ({}) STORED", expression.trim()));
        } else if let Some((of_prot, of_others)) = part.strip_prefix("either ").and_then(|part| part.split_once('|')) {
            text.push_str(if prot { of_prot } else { of_others }.trim());
        } else if prot && let Some(more) = part.strip_prefix("only_prot ") {
            text.push_str(more);
        }
    }
    text
}

/// The masks' own results, computed by somebody who reads raw values.
fn fill_twin(chief: &mut Session) {
    chief.run("SET search_path = pg_catalog, jitmask");
    for table in TABLES.iter().filter(|table| !table.open) {
        // A parent's own rows only; partitions are filled through their parent.
        let partition = table.name.starts_with("orders_");
        if partition {
            continue;
        }
        let only = if matches!(table.name, "animal") { "ONLY " } else { "" };
        let mut columns = Vec::new();
        let mut values = Vec::new();
        for column in table.columns.iter().filter(|column| !column.generated) {
            columns.push(column.name);
            values.push(match column.mask {
                None => format!("t.{}", column.name),
                Some(mask) => masked_value(chief, table, column.name, mask),
            });
            for fixed in column.mask.map_or(&[][..], |mask| fixpoints(mask, column.name)) {
                let of = masked_value(chief, table, column.name, column.mask.unwrap_or_default());
                let kept = format!(
                    "SELECT {of} IS NOT DISTINCT FROM {0} FROM (SELECT {fixed}::{1}) AS t({0})",
                    column.name,
                    typed(chief, table, column.name)
                );
                assert_eq!(chief.value(&kept), "t", "{kept}");
            }
        }
        chief.run(&format!(
            "INSERT INTO twin.{name} ({}) SELECT {} FROM {only}prot.{name} t",
            columns.join(", "),
            values.join(", "),
            name = table.name
        ));
        let held = chief.rows(&format!("SELECT t::text FROM {only}twin.{} t", table.name));
        let mut raw = Vec::new();
        held.iter().flatten().flatten().for_each(|row| leak::find(row.as_bytes(), &mut raw));
        assert!(raw.is_empty(), "masks of {} keep markers: {raw:?}", table.name);
        assert!(!held.is_empty(), "{} is empty", table.name);
    }
}

/// A copy of the twin under masks that give back what they are given.
fn fill_idle(chief: &mut Session) {
    for table in TABLES.iter().filter(|table| !table.open && !table.name.starts_with("orders_")) {
        let stored = || table.columns.iter().filter(|column| !column.generated);
        let list: Vec<String> = stored()
            .map(|column| match column.ty {
                // Of a type made in each schema; all of these are NULL.
                Ty::Other("addr" | "mood") => "NULL".to_owned(),
                _ => column.name.to_owned(),
            })
            .collect();
        let names: Vec<&str> = stored().map(|column| column.name).collect();
        let only = if table.name == "animal" { "ONLY " } else { "" };
        chief.run(&format!(
            "INSERT INTO idle.{0} ({1}) SELECT {2} FROM {only}twin.{0}",
            table.name,
            names.join(", "),
            list.join(", ")
        ));
    }
    // They cost what the masks cost: the planner puts cheap conditions first.
    let idle = |mask: &str| format!("CASE WHEN value IS NULL THEN {mask} ELSE value END");
    attach(chief, "idle", idle, |_| true);
}

/// The type of a column, with all that belongs to it.
fn typed(chief: &mut Session, table: &Table, column: &str) -> String {
    chief.value(&format!(
        "SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'twin.{}'::regclass AND attname = '{column}'",
        table.name
    ))
}

/// The columns that get policies of their own.
fn protected() -> impl Iterator<Item = (&'static str, &'static Column)> {
    TABLES.iter().flat_map(|table| {
        let own = |column: &&Column| column.mask.is_some() && (!table.child || column.name == "secret");
        table.columns.iter().filter(own).map(|column| (table.name, column))
    })
}

fn masked_value(chief: &mut Session, table: &Table, column: &str, mask: &str) -> String {
    let of = typed(chief, table, column);
    if mask == "mask_null(value)" {
        return format!("NULL::{of}");
    }
    format!("(SELECT CASE WHEN value IS NULL THEN NULL ELSE ({mask})::{of} END FROM (SELECT t.{column}) AS v(value))")
}

/// Puts policies on the columns of a schema for which `wanted` says yes, with what `form` makes of the masks.
fn attach(chief: &mut Session, schema: &str, form: impl Fn(&str) -> String, wanted: impl Fn(&str) -> bool) {
    chief.run(&format!("SET search_path = {schema}"));
    let mut masks: Vec<&str> = Vec::new();
    for (table, column) in protected() {
        if column.generated || !wanted(column.name) {
            continue;
        }
        let mask = column.mask.unwrap_or_default();
        let number = masks.iter().position(|known| *known == mask).unwrap_or_else(|| {
            masks.push(mask);
            let quoted = form(mask).replace('\'', "''");
            chief.run(&format!("SELECT jitmask.create_policy('{schema}{}', '{quoted}')", masks.len() - 1));
            masks.len() - 1
        });
        chief.run(&format!("SELECT jitmask.attach('{schema}{number}', '{schema}.{table}.{}')", column.name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_schemas_differ_where_they_are_meant_to() {
        let sql = "a text @generated b | c@, c @only_prot CHECK (c > 1)@ @either x | y@;";
        assert_eq!(of_schema(sql, true), "a text GENERATED ALWAYS AS (b) STORED, c CHECK (c > 1) x;");
        assert_eq!(of_schema(sql, false), "a text GENERATED ALWAYS AS (c) STORED, c  y;");
    }
}
