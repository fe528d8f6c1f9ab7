//! After CREATE MATERIALIZED VIEW and REFRESH: what was filled with raw values is protected before anybody can read it.
//! After ATTACH PARTITION and INHERIT: so is what was filled from the table that came under a parent's protection.
//!
//! These hold a lock on the view or table until the transaction ends, so nobody reads it between the two.

use std::cell::RefCell;

use pgrx::pg_sys::{
    self, AlterTableType, CreateTableAsStmt, Node, NodeTag, ObjectType, Oid, PlannedStmt, Query, RangeVar,
};

use super::stamp::{Kind, Stamp};
use crate::catalog::carried::{self, Carried};
use crate::catalog::dependants::{carries, listed};
use crate::catalog::extension;
use crate::catalog::session;
use crate::error::Result;
use crate::pg::{nesting, relation, report, tree};

thread_local! {
    /// Protected relations that were read raw by what runs below a statement that fills a materialized view. It counts
    /// what was read and not who may read: an exemption may end while a view is being filled, and functions read, too.
    static READ: RefCell<Vec<Oid>> = const { RefCell::new(Vec::new()) };
}

/// A utility statement begins. Call within its frame (see [`nesting`]).
///
/// # Safety
/// `statement` must be the server's.
pub unsafe fn begin(statement: *mut PlannedStmt) {
    // SAFETY: as for the caller.
    let fills = unsafe {
        let node = (*statement).utilityStmt;
        tree::tag(node) == NodeTag::T_RefreshMatViewStmt || creation(node).is_some()
    };
    if fills {
        if nesting::depths().filling == 0 {
            READ.with_borrow_mut(Vec::clear);
        }
        nesting::update(|depths| depths.filling += 1);
    }
}

/// An execution begins that was decided so.
pub fn note(stamp: &Stamp) {
    if stamp.kind == Kind::Exempt && nesting::depths().filling > 0 {
        let relations = stamp.relations.iter().map(|relation| Oid::from(*relation));
        READ.with_borrow_mut(|read| {
            for relation in relations {
                if !read.contains(&relation) {
                    read.push(relation);
                }
            }
        });
    }
}

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
        let tag = tree::tag(node);
        let concerned = matches!(
            tag,
            NodeTag::T_CreateTableAsStmt
                | NodeTag::T_ExplainStmt
                | NodeTag::T_RefreshMatViewStmt
                | NodeTag::T_AlterTableStmt
        );
        if !concerned || extension::installed().is_none() {
            return None;
        }
        match tag {
            NodeTag::T_CreateTableAsStmt | NodeTag::T_ExplainStmt => created(creation(node)?),
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

/// The creation of a materialized view that a statement is, or explains: EXPLAIN ANALYZE creates and fills it.
unsafe fn creation(node: *mut Node) -> Option<*mut CreateTableAsStmt> {
    // SAFETY: as for by().
    unsafe {
        let create = match tree::tag(node) {
            NodeTag::T_CreateTableAsStmt => node,
            NodeTag::T_ExplainStmt => {
                let query = (*node.cast::<pg_sys::ExplainStmt>()).query.cast::<Node>();
                if query.is_null() || tree::tag(query) != NodeTag::T_Query {
                    return None;
                }
                (*query.cast::<Query>()).utilityStmt
            }
            _ => return None,
        };
        if create.is_null() || tree::tag(create) != NodeTag::T_CreateTableAsStmt {
            return None;
        }
        let create = create.cast::<CreateTableAsStmt>();
        ((*create).objtype == ObjectType::OBJECT_MATVIEW).then_some(create)
    }
}

unsafe fn created(create: *mut CreateTableAsStmt) -> Option<Done> {
    // SAFETY: as for by().
    unsafe {
        if (*(*create).into).skipData {
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
    let read = READ.with_borrow(Clone::clone);
    let held = carried::protect_filled(&ours, view, &read)?;
    let name = relation::qualified_name(view);
    tell(&held.labelled);
    if !held.unexplained.is_empty() {
        let read = held.unexplained.iter().map(|relation| relation::qualified_name(*relation)).collect();
        report::warning(
            &format!("{name} was filled by functions that read raw values of protected columns"),
            Some(&format!("They read:\n{}", listed(read))),
            Some(&format!(
                "Whoever may read it may see them. SELECT * FROM jitmask.attach('policy', '{}.column');",
                name.replace('\'', "''")
            )),
        );
    }
    if matches!(done, Done::Created(_)) && !held.computed.is_empty() {
        let computed: Vec<String> = held
            .computed
            .iter()
            .map(|one| {
                let column = relation::column_name(one.column.0, one.column.1).unwrap_or_default();
                format!("Column {column} is computed from {}.", relation::qualified_name(one.from.0))
            })
            .collect();
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
