//! Foreign keys, from pg_constraint.

use pgrx::pg_sys::Oid;

use super::scan::{self, Key};

// Fixed by the server; pgrx has no name for it.
const PG_CONSTRAINT: u32 = 2606;

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
    let table = Oid::from(PG_CONSTRAINT);
    let number = |name| scan::column_number(table, name);
    let (kind, conrelid, confrelid) = (number(c"contype"), number(c"conrelid"), number(c"confrelid"));
    let (conkey, confkey) = (number(c"conkey"), number(c"confkey"));
    let operators = [number(c"conpfeqop"), number(c"conppeqop"), number(c"conffeqop")];
    let mut keys = Vec::new();
    scan::rows(table, None, &[] as &[Key], |row| {
        if row.get::<i8>(kind) != Some(b'f' as i8) {
            return;
        }
        if let (Some(from), Some(to)) = (row.get::<Oid>(conrelid), row.get::<Oid>(confrelid))
            && (from == relation || to == relation)
        {
            keys.push(ForeignKey {
                relation: from,
                columns: row.get::<Vec<i16>>(conkey).unwrap_or_default(),
                referenced: to,
                referenced_columns: row.get::<Vec<i16>>(confkey).unwrap_or_default(),
                operators: operators.iter().filter_map(|number| row.get::<Vec<Oid>>(*number)).flatten().collect(),
            });
        }
    });
    keys
}
