//! DDL by whoever sees masks in a relation, its owner included: an allow-list.
//!
//! Twice. Before a statement runs, what it says is looked at ([`check`]): that catches what reads or moves rows without
//! announcing it, and makes for early errors. While it runs, the server announces what it has really made or altered
//! ([`access::look`]), by number and before any row is read for it: that is where most is decided, and no name that was
//! moved about in between can mislead it. See docs/adr/0012-ddl-by-what-was-made.md.

pub mod access;
mod alter;
mod code;
pub mod command;
mod kept;
mod parts;
mod refusal;
mod rows;

use jitmask_core::model::decide::Subject;
use pgrx::pg_sys::{self, Node, NodeTag, Oid, RangeVar};

use self::command::{Command, Kind};
use super::guard;
use super::statement::is_masked_in;
use crate::catalog::extension::{self, Installed};
use crate::error::Result;
use crate::pg::{relation, roles, tree};

/// Looks at a statement before it runs. What it gives back is to be known while it runs.
///
/// # Safety
/// `node` must be a valid utility statement.
pub unsafe fn check(ours: &Installed, subject: &Subject, node: *mut Node) -> Result<Command> {
    // SAFETY: as for the caller; nodes are checked by tag before they are cast.
    unsafe {
        let command = Command::new(*subject, node);
        if tree::tag(node) == NodeTag::T_AlterTableStmt {
            let alter = node.cast::<pg_sys::AlterTableStmt>();
            kept::check(ours, alter)?;
            if let Kind::Alter(steps) = &command.kind
                && !subject.superuser
                && let Some(altered) = owned((*alter).relation, pg_sys::NoLock)
            {
                alter::check(ours, subject, &command, steps, altered)?;
            }
        }
        if !subject.superuser {
            rows::check(ours, subject, &command, node)?;
        }
        Ok(command)
    }
}

/// Refuses to lock our own tables: whoever holds such a lock holds up every decision in the database.
///
/// # Safety
/// `lock` must be valid.
pub unsafe fn no_lock_on_ours(subject: &Subject, lock: *mut pg_sys::LockStmt) -> Result<()> {
    let Some(ours) = extension::installed() else { return Ok(()) };
    if roles::is_superuser(Oid::from(subject.role)) {
        return Ok(());
    }
    // SAFETY: as for the caller; a list of RangeVars.
    unsafe {
        for range in tree::iter::<RangeVar>((*lock).relations) {
            if let Some(relation) = find(range)
                && ours.owns(relation)
            {
                return Err(guard::own_table(relation));
            }
        }
    }
    Ok(())
}

/// The relation named, if there is one, without a lock.
unsafe fn find(range: *mut RangeVar) -> Option<Oid> {
    // SAFETY: as for the callers.
    unsafe { look_up(range, pg_sys::NoLock) }
}

/// The relation named if the current user owns it: what others own the server refuses. With the very lock the command is
/// about to take nobody can give that name to another relation meanwhile.
unsafe fn owned(range: *mut RangeVar, lock: u32) -> Option<Oid> {
    let user = roles::current_user();
    // SAFETY: as for the callers.
    unsafe {
        let table = |found| relation::index_table(found).unwrap_or(found);
        find(range).filter(|found| relation::owned_by(table(*found), user))?;
        look_up(range, lock)
    }
}

unsafe fn look_up(range: *mut RangeVar, lock: u32) -> Option<Oid> {
    if range.is_null() {
        return None;
    }
    // SAFETY: as for the callers.
    let found = unsafe {
        pg_sys::RangeVarGetRelidExtended(
            range,
            lock as i32,
            pg_sys::RVROption::RVR_MISSING_OK,
            None,
            std::ptr::null_mut(),
        )
    };
    (found != Oid::INVALID).then_some(found)
}

/// The table behind a relation, if the subject sees masks in it: itself, or what it is an index of.
fn masked_table(ours: &Installed, subject: &Subject, relation: Oid) -> Option<Oid> {
    let table = relation::index_table(relation).unwrap_or(relation);
    is_masked_in(ours, subject, table).then_some(table)
}
