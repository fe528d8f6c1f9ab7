//! Foreign keys, from pg_constraint.

use std::ffi::CStr;

use pgrx::pg_sys::Oid;

use super::scan::{self, Key, Row};

// Fixed by the server (catalog/pg_constraint.h); pgrx has no names for them.
const PG_CONSTRAINT: u32 = 2606;
const PG_CONSTRAINT_BY_RELATION: u32 = 2665;

/// A foreign key.
pub struct ForeignKey {
    /// The referencing relation.
    pub relation: Oid,
    /// Its columns.
    pub columns: Vec<i16>,
    /// The referenced relation.
    pub referenced: Oid,
    /// Its columns.
    pub referenced_columns: Vec<i16>,
    /// The operators the server compares the two sides with, and each side with itself.
    pub operators: Vec<Oid>,
}

impl ForeignKey {
    /// Whether these are exactly the columns on either side, on that relation.
    pub fn has_side(&self, relation: Oid, columns: &[i16]) -> bool {
        self.references_from(relation, columns)
            || (self.referenced == relation && same(&self.referenced_columns, columns))
    }

    /// Whether these are exactly the referencing columns.
    pub fn references_from(&self, relation: Oid, columns: &[i16]) -> bool {
        self.relation == relation && same(&self.columns, columns)
    }
}

fn same(a: &[i16], b: &[i16]) -> bool {
    a.len() == b.len() && a.iter().all(|column| b.contains(column))
}

/// The foreign keys from or to a relation. pg_constraint has no index on what is referenced, so it is read whole: this
/// is asked only while a foreign key is being checked on a protected relation, once for each plan.
pub fn foreign_keys(relation: Oid) -> Vec<ForeignKey> {
    let mut keys = Vec::new();
    let columns = Columns::find();
    scan::rows(Oid::from(PG_CONSTRAINT), None, &[] as &[Key], |row| {
        keys.extend(columns.read(row).filter(|key| key.relation == relation || key.referenced == relation));
    });
    keys
}

/// The foreign key of that name on the referencing relation.
pub fn foreign_key_named(relation: Oid, name: &CStr) -> Option<ForeignKey> {
    let mut found = None;
    let columns = Columns::find();
    let index = Oid::from(PG_CONSTRAINT_BY_RELATION);
    scan::rows(Oid::from(PG_CONSTRAINT), Some(index), &[Key::Oid(columns.relation, relation)], |row| {
        if row.get::<&CStr>(columns.name) == Some(name) {
            found = columns.read(row);
        }
    });
    found
}

/// Where things stand in pg_constraint.
struct Columns {
    name: i16,
    kind: i16,
    relation: i16,
    referenced: i16,
    columns: i16,
    referenced_columns: i16,
    operators: [i16; 3],
}

impl Columns {
    fn find() -> Self {
        let number = |name| scan::column_number(Oid::from(PG_CONSTRAINT), name);
        Columns {
            name: number(c"conname"),
            kind: number(c"contype"),
            relation: number(c"conrelid"),
            referenced: number(c"confrelid"),
            columns: number(c"conkey"),
            referenced_columns: number(c"confkey"),
            operators: [number(c"conpfeqop"), number(c"conppeqop"), number(c"conffeqop")],
        }
    }

    /// The row as a foreign key, if it is one.
    fn read(&self, row: &Row) -> Option<ForeignKey> {
        if row.get::<i8>(self.kind) != Some(b'f' as i8) {
            return None;
        }
        Some(ForeignKey {
            relation: row.get(self.relation)?,
            columns: row.get(self.columns).unwrap_or_default(),
            referenced: row.get(self.referenced)?,
            referenced_columns: row.get(self.referenced_columns).unwrap_or_default(),
            operators: self.operators.iter().filter_map(|number| row.get::<Vec<Oid>>(*number)).flatten().collect(),
        })
    }
}
