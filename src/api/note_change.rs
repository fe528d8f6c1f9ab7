//! The trigger on our own tables that makes every session see a change, whoever made it and however.

use pgrx::prelude::*;

use crate::catalog::session;
use crate::pg::relation;

/// Statement trigger: tells all sessions, at commit, that what they know from this table is out of date.
///
/// The functions of the API don't call anything themselves: a superuser's own UPDATE is honoured in the same way.
#[pg_trigger]
fn note_change<'a>(
    trigger: &'a pgrx::PgTrigger<'a>,
) -> Result<Option<PgHeapTuple<'a, impl WhoAllocated>>, pgrx::PgTriggerError> {
    relation::invalidate(trigger.relid()?);
    session::changed();
    Ok::<Option<PgHeapTuple<'a, AllocatedByRust>>, _>(None)
}
