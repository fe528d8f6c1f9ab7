//! Bookkeeping of what the clock has ended: requests nobody decided in time, grants that ran out.
//!
//! Nothing depends on it: decisions and views look at the clock. It keeps the indexes of what is pending and live small.
//! Called by: request, which is called often enough and writes anyway.

use super::store;
use crate::error::Result;

/// The most rows to put in order in one call, so that nobody's request pays for a backlog.
const BATCH: i32 = 100;

/// Records time-outs and ends that lie in the past. Rows somebody else is at are left to them.
pub fn overdue() -> Result<()> {
    // Under a stricter isolation level a row that somebody changed meanwhile would fail the caller's statement.
    let calm = store::read(
        "SELECT 1 WHERE pg_catalog.current_setting('transaction_isolation') = 'read committed'",
        &[],
        |_| Ok(()),
    )?;
    if calm.is_empty() {
        return Ok(());
    }
    store::run(
        "UPDATE jitmask.request_ SET state = 'timed_out', decided_at = decide_by
          WHERE id IN (SELECT id FROM jitmask.request_
                        WHERE state IN ('pending', 'changes_requested') AND decide_by <= clock_timestamp()
                        LIMIT $1 FOR UPDATE SKIP LOCKED)",
        &[BATCH.into()],
    )?;
    let ran_out = store::write(
        "SELECT id FROM jitmask.grant_
          WHERE state IN ('scheduled', 'active') AND expires_at <= clock_timestamp()
          LIMIT $1 FOR UPDATE SKIP LOCKED",
        &[BATCH.into()],
        |row| row.need::<i64>(1),
    )?;
    // Asked first, because the table's trigger makes every session look again, even if no row changes.
    if !ran_out.is_empty() {
        store::run(
            "UPDATE jitmask.grant_ SET state = 'ended', ended_at = expires_at WHERE id = ANY ($1)",
            &[ran_out.into()],
        )?;
    }
    Ok(())
}
