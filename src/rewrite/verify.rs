//! After planning: is every protected relation in the plan one that was handled? Then stamp it.

use pgrx::pg_sys::{self, Oid, PlannedStmt, RTEKind, RangeTblEntry};

use super::guard;
use super::mark;
use super::memoize;
use super::prepare::Prepared;
use super::stamp::Kind;
use super::statement::is_masked_in;
use crate::catalog::extension::{self, Installed};
use crate::catalog::protection::{self, Class, Protected};
use crate::catalog::session;
use crate::error::{Code, Error, Result};
use crate::pg::{raw, relation, tree};

/// Checks a finished plan and writes into it what it depends on.
///
/// # Safety
/// `plan` must be what the planner just returned.
pub unsafe fn finish(plan: *mut PlannedStmt, prepared: Option<Prepared>) -> Result<()> {
    let Some(ours) = extension::installed() else { return Ok(()) };
    // SAFETY: as for the caller.
    unsafe {
        every_entry_handled(&ours, plan)?;
        let Some(prepared) = prepared else { return Ok(()) };
        if !prepared.inval_items.is_null() {
            (*plan).invalItems = pg_sys::list_concat((*plan).invalItems, prepared.inval_items);
        }
        (*plan).dependsOnRole |= prepared.depends_on_role;
        if let Some(stamp) = prepared.stamp {
            if matches!(stamp.kind, Kind::Masked | Kind::Revealing) {
                memoize::take_out(&ours, plan);
            }
            if !stamp.relations.is_empty() {
                // The plan cache drops the plan when a decision may have changed, and plans anew for another role.
                (*plan).relationOids = raw::lappend_oid((*plan).relationOids, ours.grant);
                (*plan).dependsOnRole = true;
            }
            stamp.write(plan);
        }
    }
    Ok(())
}

/// Entry by entry: by OID or by count it could be fooled (engine.md 1.8).
///
/// # Safety
/// `plan` must be valid.
pub unsafe fn every_entry_handled(ours: &Installed, plan: *const PlannedStmt) -> Result<()> {
    // SAFETY: as for finish().
    unsafe {
        for (place, entry) in tree::iter::<RangeTblEntry>((*plan).rtable).enumerate() {
            if (*entry).rtekind != RTEKind::RTE_RELATION {
                continue;
            }
            if let Class::Protected(protected) = protection::class(ours, (*entry).relid)
                && !mark::get(entry).is_some_and(|handled| covers(ours, handled, &protected))
            {
                if !out_of_reach(plan, place + 1, &protected) {
                    return Err(unprepared(protected.relation));
                }
                // Read, nothing of it can be named. Written, its rows are at stake, and errors about them name keys.
                if writes_to(plan, place + 1) && is_masked_in(ours, &session::subject(), protected.relation) {
                    return Err(guard::masked_write(guard::verb((*plan).commandType), protected.relation));
                }
            }
        }
    }
    Ok(())
}

/// Whether handling `handled` took care of every protected column of this relation that can be named through it: it is
/// the same, or an ancestor in which each of them is protected too, or is none of its columns.
fn covers(ours: &Installed, handled: Oid, child: &Protected) -> bool {
    if handled == child.relation {
        return true;
    }
    let Class::Protected(parent) = protection::class(ours, handled) else { return false };
    child.columns.iter().all(|column| {
        relation::column_name(child.relation, column.number).is_some_and(|name| {
            relation::column_number(parent.relation, &name).is_none_or(|number| parent.column(number).is_some())
        })
    })
}

/// Whether the plan changes rows of the entry.
unsafe fn writes_to(plan: *const PlannedStmt, number: usize) -> bool {
    // SAFETY: as for finish(); the list holds integers.
    unsafe {
        let targets = (*plan).resultRelations;
        (0..tree::len(targets)).any(|place| (*(*targets).elements.add(place)).int_value as usize == number)
    }
}

/// Whether an entry is there only as the child of a parent that has none of its protected columns: a query over the
/// parent can't name them, and a row of the parent does not hold them.
unsafe fn out_of_reach(plan: *const PlannedStmt, number: usize, child: &Protected) -> bool {
    // SAFETY: as for finish(); the list holds AppendRelInfos, nulls where a child was pruned.
    unsafe {
        let link = tree::iter::<pg_sys::AppendRelInfo>((*plan).appendRelations)
            .find(|link| !link.is_null() && (**link).child_relid as usize == number);
        let Some(link) = link else { return false };
        let parent = (*link).parent_reloid;
        parent != Oid::INVALID
            && child.columns.iter().all(|column| {
                relation::column_name(child.relation, column.number)
                    .is_some_and(|name| relation::column_number(parent, &name).is_none())
            })
    }
}

/// The error for a protected relation that got into a plan by a way jitmask does not know.
pub fn unprepared(relation: Oid) -> Error {
    let name = relation::qualified_name(relation);
    Error::new(Code::Unprepared, format!("the plan reads the protected relation {name} in a way jitmask did not prepare"))
        .detail("Nothing was read. A child of a table may carry a policy that its parent does not have, or another extension planned the statement by itself.")
        .hint("Attach the policy to the parent as well, read the table itself, and see jitmask.health().")
}
