//! The trigger on grants that stops statements which are revealing by a grant that ends.

use pgrx::prelude::*;

use crate::catalog::session;

/// Row trigger after UPDATE or DELETE: a grant that is no longer live, or ends sooner than it did, is called off when
/// the transaction commits, whoever changed it and however.
#[pg_trigger]
fn note_grant_end<'a>(
    trigger: &'a pgrx::PgTrigger<'a>,
) -> Result<Option<PgHeapTuple<'a, impl WhoAllocated>>, pgrx::PgTriggerError> {
    let (old, new) = (trigger.old(), trigger.new());
    // What can't be read counts as ended.
    let end = |row: &PgHeapTuple<'a, pgrx::AllocatedByPostgres>| {
        row.get_by_name::<TimestampWithTimeZone>("expires_at").ok().flatten()
    };
    let live = |row: &PgHeapTuple<'a, pgrx::AllocatedByPostgres>| matches!(row.get_by_name::<String>("state"), Ok(Some(state)) if state == "scheduled" || state == "active");
    let goes_on = match (&old, &new) {
        (Some(old), Some(new)) => live(new) && end(new).is_some() && end(new) >= end(old),
        (Some(_), None) | (None, _) => false,
    };
    let id = old.as_ref().and_then(|old| old.get_by_name::<i64>("id").ok().flatten());
    if !goes_on && let Some(id) = id {
        session::grant_ended(id);
    }
    Ok::<Option<PgHeapTuple<'a, AllocatedByRust>>, _>(None)
}
