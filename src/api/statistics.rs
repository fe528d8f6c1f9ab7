//! Whose statistics may be seen: called by the engine inside queries that read pg_statistic.

use pgrx::prelude::*;

use crate::catalog::protection::{self, Class};
use crate::catalog::verdict;
use crate::catalog::{extension, session};
use crate::error::or_raise;
use crate::pg::relation;

/// Whether the current role may see planner statistics of a column (of a table, or of an index over one).
#[pg_extern(stable, parallel_restricted)]
fn statistics_visible(relid: pg_sys::Oid, attnum: i16) -> bool {
    match relation::index_table(relid) {
        // An index over expressions keeps statistics of what it computes: hidden if any column of its table is masked.
        Some(table) => table_visible(table),
        None => column_visible(relid, attnum),
    }
}

/// Whether the current role may see an extended statistics object: it tells of several columns at once.
#[pg_extern(stable, parallel_restricted)]
fn extended_statistics_visible(statistics: pg_sys::Oid) -> bool {
    relation::statistics_table(statistics).is_some_and(table_visible)
}

fn table_visible(table: pg_sys::Oid) -> bool {
    let Some(ours) = extension::installed() else { return true };
    match protection::class(&ours, table) {
        Class::Protected(protected) => protected.columns.iter().all(|column| column_visible(table, column.number)),
        Class::Own | Class::Statistics | Class::Toast | Class::Plain => true,
    }
}

fn column_visible(relid: pg_sys::Oid, attnum: i16) -> bool {
    let subject = session::subject();
    let explained = or_raise(verdict::explain(relid, attnum, subject.login.into(), subject.role.into()));
    // A grant reveals rows to its holder, and is counted when it does; statistics are not part of it.
    !explained.masked && explained.grant.is_none()
}
