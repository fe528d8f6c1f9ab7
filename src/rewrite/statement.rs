//! Utility statements: refused, changed, or let through.

use jitmask_core::model::decide::Subject;
use pgrx::pg_sys::{self, NodeTag, Oid, PlannedStmt};

use super::ddl::command::Command;
use super::rulings;
use super::{check, copy, ddl, removal};
use crate::catalog::extension::{self, Installed};
use crate::catalog::session;
use crate::error::Result;
use crate::pg::{events, tree};

/// A utility statement after it was looked at.
pub struct Treated {
    /// What to run.
    pub statement: *mut PlannedStmt,
    /// It stores what it reads, so grants don't count in it.
    pub stores: bool,
    /// The command it is, to be known while it runs.
    pub command: Option<Command>,
    /// It runs code, as CALL and DO do, and is not merely the way to a query of the client's own.
    pub runs_code: bool,
    /// The materialized view it refreshes; 0 for none.
    pub refreshes: Oid,
}

/// Looks at a utility statement before it runs.
///
/// # Safety
/// `statement` must be the server's; it is not changed in place.
pub unsafe fn treat(statement: *mut PlannedStmt) -> Result<Treated> {
    // SAFETY: as for the caller.
    let tag = unsafe { tree::tag((*statement).utilityStmt) };
    let as_it_is =
        Treated { statement, stores: false, command: None, runs_code: !leads_to_query(tag), refreshes: Oid::INVALID };
    // In a failed transaction only ROLLBACK and the like get through, and no catalog can be read. And what comes before
    // a transaction's first snapshot must not take one.
    if tag == NodeTag::T_LockStmt && events::in_live_transaction() {
        // SAFETY: as for the caller.
        unsafe { ddl::no_lock_on_ours(&session::subject(), (*statement).utilityStmt.cast())? };
    }
    if tag == NodeTag::T_FetchStmt {
        // SAFETY: as for the caller.
        unsafe { check::stored_rows((*(*statement).utilityStmt.cast::<pg_sys::FetchStmt>()).portalname)? };
    }
    if !events::in_live_transaction() || runs_without_snapshot(tag) {
        return Ok(as_it_is);
    }
    let Some(ours) = extension::installed() else { return Ok(as_it_is) };
    session::sync(&ours);
    let subject = session::subject();
    // SAFETY: as for the caller; nodes are checked by tag before they are cast.
    unsafe {
        let node = (*statement).utilityStmt;
        if tag == NodeTag::T_DropStmt {
            removal::check(node.cast())?;
        }
        let command = Some(ddl::check(&ours, &subject, node)?);
        let stores = match tag {
            NodeTag::T_CreateTableAsStmt | NodeTag::T_RefreshMatViewStmt => true,
            NodeTag::T_DeclareCursorStmt => {
                (*node.cast::<pg_sys::DeclareCursorStmt>()).options & pg_sys::CURSOR_OPT_HOLD as i32 != 0
            }
            NodeTag::T_CopyStmt => {
                let stmt = node.cast::<pg_sys::CopyStmt>();
                let changed = copy::treat(&ours, &subject, statement, stmt)?;
                return Ok(Treated {
                    statement: changed.unwrap_or(statement),
                    stores: !(*stmt).filename.is_null() || (*stmt).is_program,
                    command,
                    ..as_it_is
                });
            }
            _ => false,
        };
        let refreshes = match tag {
            NodeTag::T_RefreshMatViewStmt => pg_sys::RangeVarGetRelidExtended(
                (*node.cast::<pg_sys::RefreshMatViewStmt>()).relation,
                pg_sys::NoLock as i32,
                pg_sys::RVROption::RVR_MISSING_OK,
                None,
                std::ptr::null_mut(),
            ),
            _ => Oid::INVALID,
        };
        Ok(Treated { stores, command, refreshes, ..as_it_is })
    }
}

/// The portal a FETCH takes its rows from; null for anything else.
///
/// # Safety
/// `statement` must be valid.
pub unsafe fn fetched_from(statement: *const PlannedStmt) -> pg_sys::Portal {
    // SAFETY: as for the caller; the node is checked by tag.
    unsafe {
        let node = (*statement).utilityStmt;
        if tree::tag(node) != NodeTag::T_FetchStmt || (*node.cast::<pg_sys::FetchStmt>()).ismove {
            return std::ptr::null_mut();
        }
        pg_sys::GetPortalByName((*node.cast::<pg_sys::FetchStmt>()).portalname)
    }
}

/// Statements that only lead to a query which the client itself has written.
fn leads_to_query(tag: NodeTag) -> bool {
    matches!(
        tag,
        NodeTag::T_ExecuteStmt
            | NodeTag::T_PrepareStmt
            | NodeTag::T_DeclareCursorStmt
            | NodeTag::T_FetchStmt
            | NodeTag::T_ExplainStmt
            | NodeTag::T_CopyStmt
    )
}

/// Statements that the server itself runs without a snapshot (PlannedStmtRequiresSnapshot() in pquery.c): none of them
/// concerns us, and taking one would make `BEGIN ISOLATION LEVEL …` fail.
fn runs_without_snapshot(tag: NodeTag) -> bool {
    matches!(
        tag,
        NodeTag::T_TransactionStmt
            | NodeTag::T_LockStmt
            | NodeTag::T_VariableSetStmt
            | NodeTag::T_VariableShowStmt
            | NodeTag::T_ConstraintsSetStmt
            | NodeTag::T_FetchStmt
            | NodeTag::T_ListenStmt
            | NodeTag::T_NotifyStmt
            | NodeTag::T_UnlistenStmt
            | NodeTag::T_CheckPointStmt
            | NodeTag::T_DeallocateStmt
            | NodeTag::T_ClosePortalStmt
            | NodeTag::T_DiscardStmt
    )
}

/// Whether the subject sees masks in this relation. Grants don't count: a read grant allows nothing but reading.
pub fn is_masked_in(ours: &Installed, subject: &Subject, relation: Oid) -> bool {
    let protected = rulings::protected(ours, &[relation]);
    !protected.is_empty() && rulings::decide(ours, subject, protected, false).masks()
}
