//! What depends on what, from pg_depend.

use std::ffi::CStr;

use pgrx::pg_sys::Oid;

use super::scan::{self, Key};

// Fixed by the server; pgrx has no names for them.
const PG_DEPEND: u32 = 2608;
const BY_DEPENDER: u32 = 2673;
const BY_REFERENCE: u32 = 2674;

/// Something in a catalog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Object {
    /// The catalog.
    pub class: Oid,
    /// The row.
    pub oid: Oid,
    /// The column, for columns of relations.
    pub column: i32,
}

/// What depends on an object directly, or on any of its columns.
pub fn dependents(class: Oid, oid: Oid) -> Vec<Object> {
    edges(BY_REFERENCE, [c"refclassid", c"refobjid"], [c"classid", c"objid", c"objsubid"], class, oid)
}

/// What an object depends on directly.
pub fn referenced(class: Oid, oid: Oid) -> Vec<Object> {
    edges(BY_DEPENDER, [c"classid", c"objid"], [c"refclassid", c"refobjid", c"refobjsubid"], class, oid)
}

fn edges(index: u32, from: [&CStr; 2], to: [&CStr; 3], class: Oid, oid: Oid) -> Vec<Object> {
    let table = Oid::from(PG_DEPEND);
    let [from_class, from_oid] = from.map(|name| scan::column_number(table, name));
    let [to_class, to_oid, to_column] = to.map(|name| scan::column_number(table, name));
    let mut found = Vec::new();
    scan::rows(table, Some(Oid::from(index)), &[Key::Oid(from_class, class), Key::Oid(from_oid, oid)], |row| {
        if let (Some(class), Some(oid)) = (row.get::<Oid>(to_class), row.get::<Oid>(to_oid)) {
            found.push(Object { class, oid, column: row.get::<i32>(to_column).unwrap_or(0) });
        }
    });
    found
}
