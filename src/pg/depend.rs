//! What depends on what, from pg_depend.

use pgrx::pg_sys::{self, Oid};

use super::scan::{self, Key};

// Fixed by the server; pgrx has no names for the indexes.
const PG_DEPEND: u32 = 2608;
const BY_DEPENDER: u32 = 2673;
const BY_REFERENCE: u32 = 2674;

/// The functions that a relation's checks, indexes, triggers, rules, policies and defaults call, as recorded: what those
/// functions call in turn is not.
pub fn functions_called_by(relation: Oid) -> Vec<Oid> {
    let table = Oid::from(PG_DEPEND);
    let number = |name| scan::column_number(table, name);
    let (classid, objid) = (number(c"classid"), number(c"objid"));
    let (refclassid, refobjid) = (number(c"refclassid"), number(c"refobjid"));
    let mut parts: Vec<(Oid, Oid)> = vec![(pg_sys::RelationRelationId, relation)];
    let keys = [Key::Oid(refclassid, pg_sys::RelationRelationId), Key::Oid(refobjid, relation)];
    scan::rows(table, Some(Oid::from(BY_REFERENCE)), &keys, |row| {
        if let (Some(class), Some(object)) = (row.get::<Oid>(classid), row.get::<Oid>(objid)) {
            parts.push((class, object));
        }
    });
    let mut functions = Vec::new();
    for (class, object) in parts {
        let keys = [Key::Oid(classid, class), Key::Oid(objid, object)];
        scan::rows(table, Some(Oid::from(BY_DEPENDER)), &keys, |row| {
            if row.get::<Oid>(refclassid) == Some(pg_sys::ProcedureRelationId) {
                functions.extend(row.get::<Oid>(refobjid));
            }
        });
    }
    functions
}
