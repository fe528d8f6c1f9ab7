//! After CREATE MATERIALIZED VIEW and REFRESH: what was filled with raw values is protected before anybody can read it.
//! After ATTACH PARTITION and INHERIT: so is what was filled from the table that came under a parent's protection.
//!
//! These hold a lock on the view or table until the transaction ends, so nobody reads it between the two.

use pgrx::pg_sys::{
    self, AlterTableType, CreateTableAsStmt, Node, NodeTag, ObjectType, Oid, PlannedStmt, Query, RangeVar,
};

use crate::catalog::carried::{self, Carried};
use crate::catalog::dependants::{carries, listed};
use crate::catalog::extension;
use crate::catalog::session;
use crate::error::Result;
use crate::pg::{relation, report, tree};

/// What a statement has done that concerns materialized views.
pub enum Done {
    /// It has made and filled one.
    Created(Oid),
    /// It has filled one.
    Refreshed(Oid),
    /// It has given a table a parent.
    Adopted(Oid),
}

/// What a utility statement, which has just run, has done.
///
/// # Safety
/// `statement` must be the server's.
pub unsafe fn by(statement: *mut PlannedStmt) -> Option<Done> {
    // SAFETY: as for the caller; nodes are checked by tag before they are cast.
    unsafe {
        let node = (*statement).utilityStmt;
        match tree::tag(node) {
            NodeTag::T_CreateTableAsStmt => created(node.cast()),
            NodeTag::T_ExplainStmt => {
                // EXPLAIN ANALYZE creates and fills it.
                let query = (*node.cast::<pg_sys::ExplainStmt>()).query.cast::<Node>();
                if query.is_null() || tree::tag(query) != NodeTag::T_Query {
                    return None;
                }
                let utility = (*query.cast::<Query>()).utilityStmt;
                let creates = !utility.is_null() && tree::tag(utility) == NodeTag::T_CreateTableAsStmt;
                if creates { created(utility.cast()) } else { None }
            }
            NodeTag::T_RefreshMatViewStmt => {
                let refresh = node.cast::<pg_sys::RefreshMatViewStmt>();
                if (*refresh).skipData {
                    return None;
                }
                materialized(named((*refresh).relation)?).map(Done::Refreshed)
            }
            NodeTag::T_AlterTableStmt => {
                let alter = node.cast::<pg_sys::AlterTableStmt>();
                tree::iter::<pg_sys::AlterTableCmd>((*alter).cmds).find_map(|command| match (*command).subtype {
                    AlterTableType::AT_AttachPartition => {
                        named((*(*command).def.cast::<pg_sys::PartitionCmd>()).name).map(Done::Adopted)
                    }
                    AlterTableType::AT_AddInherit => named((*alter).relation).map(Done::Adopted),
                    _ => None,
                })
            }
            _ => None,
        }
    }
}

unsafe fn created(create: *mut CreateTableAsStmt) -> Option<Done> {
    // SAFETY: as for by().
    unsafe {
        if (*create).objtype != ObjectType::OBJECT_MATVIEW || (*(*create).into).skipData {
            return None;
        }
        let range = (*(*create).into).rel;
        // Where its like is created, not where a name is found first.
        let created = pg_sys::get_relname_relid((*range).relname, pg_sys::RangeVarGetCreationNamespace(range));
        materialized(created).map(Done::Created)
    }
}

unsafe fn named(range: *mut RangeVar) -> Option<Oid> {
    let missing_ok = pg_sys::RVROption::RVR_MISSING_OK;
    // SAFETY: as for by().
    let found = unsafe {
        pg_sys::RangeVarGetRelidExtended(range, pg_sys::NoLock as i32, missing_ok, None, std::ptr::null_mut())
    };
    (found != Oid::INVALID).then_some(found)
}

fn materialized(found: Oid) -> Option<Oid> {
    (found != Oid::INVALID && relation::kind(found) == b'm').then_some(found)
}

/// Protects what carries protected columns straight through; warns of what is computed from raw values.
pub fn protect(done: &Done) -> Result<()> {
    let Some(ours) = extension::installed() else { return Ok(()) };
    session::sync(&ours);
    let view = match *done {
        Done::Created(view) | Done::Refreshed(view) => view,
        Done::Adopted(table) => {
            tell(&carried::protect_adopted(&ours, table)?);
            return Ok(());
        }
    };
    let held = carried::protect_filled(&ours, view)?;
    tell(&held.labelled);
    if matches!(done, Done::Created(_)) && !held.computed.is_empty() {
        let computed: Vec<String> = held
            .computed
            .iter()
            .map(|one| {
                let column = relation::column_name(one.column.0, one.column.1).unwrap_or_default();
                format!("Column {column} is computed from {}.", relation::qualified_name(one.from.0))
            })
            .collect();
        let name = relation::qualified_name(view);
        report::warning(
            &format!("{name} holds what was computed from raw values of protected columns"),
            Some(&listed(computed)),
            Some(&format!(
                "Whoever may read it sees that. SELECT * FROM jitmask.attach('policy', '{}.column');",
                name.replace('\'', "''")
            )),
        );
    }
    Ok(())
}

fn tell(labelled: &[Carried]) {
    if !labelled.is_empty() {
        let lines = listed(labelled.iter().map(carries).collect());
        report::notice("materialized views carry protected columns, and are protected there, too", Some(&lines), None);
    }
}
