//! At the start of an execution, and while it runs: does what the plan relied on still hold?

use pgrx::pg_sys::{self, PlannedStmt, QueryDesc};

use super::rulings::{self, Revealed};
use super::stamp::{Kind, Stamp};
use super::{saved, trust, verify};
use crate::catalog::extension::{self, Installed};
use crate::catalog::session;
use crate::error::{Code, Error, Result};
use crate::pg::{report, roles, shared, watch};

/// Lets an execution start: with the plan it came with if that still holds, else with one made now in its place.
/// Returns the stamp of the plan that will run; `None` if it reads nothing of ours.
///
/// # Safety
/// `query` must be the executor's, before ExecutorStart.
pub unsafe fn admit(query: *mut QueryDesc) -> Result<Option<Stamp>> {
    let Some(ours) = extension::installed() else { return Ok(None) };
    // SAFETY: as for the caller.
    unsafe {
        let plan = (*query).plannedstmt;
        let Some(stamp) = Stamp::read(plan) else {
            nothing_protected(&ours, plan)?;
            return Ok(None);
        };
        if holds(&ours, &stamp)? {
            return Ok(Some(stamp));
        }
        replan(query, &stamp)?;
        let stamp = Stamp::read((*query).plannedstmt).ok_or_else(stale)?;
        // Planning took care of everything up to this moment; whatever happens after it is caught while rows are sent.
        Ok(Some(stamp))
    }
}

/// Whether a plan's decisions are the ones that would be made now.
pub fn holds(ours: &Installed, stamp: &Stamp) -> Result<bool> {
    match stamp.kind {
        Kind::Untouched => return Ok(true),
        Kind::ForeignKey if roles::in_foreign_key_check() => return Ok(true),
        Kind::ForeignKey => return Err(stale()),
        Kind::Masked | Kind::Revealing | Kind::Exempt => {}
    }
    session::sync(ours);
    let subject = session::subject();
    let counts = stamp.trusted && trust::circumstances_allow(&subject);
    let same_subject = (subject.login, subject.role, subject.superuser) == (stamp.login, stamp.role, stamp.superuser);
    let in_time = stamp.valid_until == i64::MAX || {
        let clock = shared::clock();
        // By a clock that was set back nobody can tell whether a grant is over: decide again, without grants.
        clock.time < stamp.valid_until && !clock.behind
    };
    if same_subject && in_time && stamp.state == session::state() && counts == stamp.counted {
        return Ok(true);
    }
    if stamp.row_security && subject.role != stamp.role {
        return Ok(false);
    }
    let relations: Vec<_> = stamp.relation_oids().collect();
    let protected = rulings::protected(ours, &relations);
    Ok(protected.len() == relations.len()
        && rulings::decide(ours, &subject, protected, counts).digest() == stamp.digest)
}

/// Plans the query afresh and puts the new plan in the place of the old.
unsafe fn replan(query: *mut QueryDesc, stamp: &Stamp) -> Result<()> {
    if stamp.row_security && session::subject().role != stamp.role {
        // The saved query holds another role's row security; only the server's own rewriter can redo that.
        return Err(stale());
    }
    let (saved, options) = saved::find(&stamp.query).ok_or_else(stale)?;
    // SAFETY: the saved tree is a fresh copy; the relations in it are locked, for they are in the plan about to run.
    unsafe {
        let plan = pg_sys::planner(saved, (*query).sourceText, options, (*query).params);
        (*plan).queryId = (*(*query).plannedstmt).queryId;
        (*query).plannedstmt = plan;
    }
    Ok(())
}

/// A plan without a stamp must not read anything protected.
unsafe fn nothing_protected(ours: &Installed, plan: *const PlannedStmt) -> Result<()> {
    // SAFETY: as for admit().
    unsafe {
        // The same look as after planning: what was planned by somebody else carries no marks.
        verify::every_entry_handled(ours, plan)
    }
}

/// Whether a running execution may go on sending rows. JM002 if not.
///
/// A masked one always may: what it sends is masked, whatever has changed.
pub fn goes_on(stamp: &Stamp) -> Result<()> {
    if matches!(stamp.kind, Kind::Untouched | Kind::Masked) {
        return Ok(());
    }
    let Some(ours) = extension::installed() else { return Err(ended(stamp)) };
    if holds(&ours, stamp)? { Ok(()) } else { Err(ended(stamp)) }
}

/// Which columns which grant reveals in an execution that was just admitted.
pub fn revealed(stamp: &Stamp) -> Vec<Revealed> {
    let Some(ours) = extension::installed() else { return Vec::new() };
    let relations: Vec<_> = stamp.relation_oids().collect();
    let protected = rulings::protected(&ours, &relations);
    rulings::decide(&ours, &session::subject(), protected, stamp.counted).revealed(&stamp.revealed)
}

const ENDED_DETAIL: &str =
    "It ran out or was revoked, or the session's role or the policy changed, while the statement was under way.";
const ENDED_HINT: &str = "Run the statement again to see masked values, or ask again: \
     SELECT * FROM jitmask.request('table.column', reason => 'why');";

fn ended_message(stamp: &Stamp) -> String {
    match stamp.grants.first() {
        Some(grant) => format!("grant {grant} no longer reveals what this statement was reading"),
        None => "the session may no longer see what this statement was reading".to_owned(),
    }
}

fn ended(stamp: &Stamp) -> Error {
    Error::new(Code::RevealEnded, ended_message(stamp)).detail(ENDED_DETAIL).hint(ENDED_HINT)
}

/// Says what the error is to be when the watch over a reveal stops it.
pub fn name_the_end(stamp: &Stamp) {
    watch::say(report::encode(b"JM002"), &ended_message(stamp), ENDED_DETAIL, ENDED_HINT);
}

fn stale() -> Error {
    Error::new(Code::Retry, "the statement's plan no longer matches what the session may see")
        .hint("Run the statement again.")
}
