//! At the start of an execution, and while it runs: does what the plan relied on still hold?

use jitmask_core::model::decide::Subject;
use pgrx::pg_sys::{self, PlannedStmt, QueryDesc};

use super::rulings::{self, Revealed};
use super::stamp::{Kind, Stamp};
use super::{held, saved, trust, verify};
use crate::catalog::extension::{self, Installed};
use crate::catalog::session;
use crate::error::{Code, Error, Result};
use crate::pg::{events, report, roles, shared, waiting, watch};

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
    let in_time = stamp.valid_until == i64::MAX || {
        let clock = shared::clock();
        // By a clock that was set back nobody can tell whether a grant is over: decide again, without grants.
        clock.time < stamp.valid_until && !clock.behind
    };
    if is_subject_of(&subject, stamp) && in_time && stamp.state == session::state() && counts == stamp.counted {
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

/// Whether it was planned for this subject.
fn is_subject_of(subject: &Subject, stamp: &Stamp) -> bool {
    (subject.login, subject.role, subject.superuser) == (stamp.login, stamp.role, stamp.superuser)
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
/// A masked one may, whatever has changed: what it sends is masked. What it shows raw because of the role, beside what is
/// masked, it shows to that role.
pub fn goes_on(stamp: &Stamp) -> Result<()> {
    match stamp.kind {
        Kind::Untouched => return Ok(()),
        Kind::Masked if stamp.state != Stamp::NO_STATE || is_subject_of(&session::subject(), stamp) => return Ok(()),
        Kind::Masked | Kind::Revealing | Kind::Exempt | Kind::ForeignKey => {}
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

/// Rows that would be stored for later, and nobody could keep an eye on them any more.
pub fn too_many_stored() -> Error {
    Error::new(Code::TooComplex, "too many portals hold revealed rows")
        .detail("Each of them has to be watched until it is closed, and a session can have only so many.")
        .hint("CLOSE cursors and portals that are not needed any more, or end the transaction.")
}

/// JM002 if the subject may not be given what a portal holds in store.
///
/// # Safety
/// `name` must be a C string.
pub unsafe fn stored_rows(name: *const std::ffi::c_char) -> Result<()> {
    // SAFETY: as for the caller.
    let portal = unsafe { pg_sys::GetPortalByName(name) };
    if waiting::is_over(portal) {
        return Err(Error::new(Code::RevealEnded, "what the cursor holds in store is no longer revealed")
            .detail(ENDED_DETAIL)
            .hint(ENDED_HINT));
    }
    if events::in_live_transaction() { held::may_be_read(portal) } else { Ok(()) }
}

fn stale() -> Error {
    Error::new(Code::Retry, "the statement's plan no longer matches what the session may see")
        .hint("Run the statement again.")
}
