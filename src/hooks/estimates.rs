//! What the planner asks catalogs for: relations, statistics, widths.

use pgrx::pg_sys::{self, Oid, PlannerInfo, RangeTblEntry, RelOptInfo, VariableStatData};

use crate::rewrite::estimates;

static mut PREVIOUS_RELATION: pg_sys::get_relation_info_hook_type = None;
static mut PREVIOUS_STATISTICS: pg_sys::get_relation_stats_hook_type = None;
static mut PREVIOUS_INDEX: pg_sys::get_index_stats_hook_type = None;
static mut PREVIOUS_WIDTH: pg_sys::get_attavgwidth_hook_type = None;

/// Installs the hooks.
pub fn init() {
    // SAFETY: single-threaded, before the server serves anybody.
    unsafe {
        PREVIOUS_RELATION = pg_sys::get_relation_info_hook;
        pg_sys::get_relation_info_hook = Some(relation);
        PREVIOUS_STATISTICS = pg_sys::get_relation_stats_hook;
        pg_sys::get_relation_stats_hook = Some(statistics);
        PREVIOUS_INDEX = pg_sys::get_index_stats_hook;
        pg_sys::get_index_stats_hook = Some(index_statistics);
        PREVIOUS_WIDTH = pg_sys::get_attavgwidth_hook;
        pg_sys::get_attavgwidth_hook = Some(width);
    }
}

/// The last to look: others may have added indexes of their own making.
#[allow(ffi_unwind_calls, reason = "nothing on this frame needs dropping")]
unsafe extern "C-unwind" fn relation(root: *mut PlannerInfo, oid: Oid, parent: bool, relation: *mut RelOptInfo) {
    // SAFETY: arguments are passed on as they came.
    unsafe {
        if let Some(previous) = PREVIOUS_RELATION {
            previous(root, oid, parent, relation);
        }
        if estimates::hides() {
            blind(relation, oid);
        }
    }
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn blind(relation: *mut RelOptInfo, oid: Oid) {
    // SAFETY: the planner's own.
    unsafe { estimates::blind(relation, oid) }
}

/// True without a tuple: there are none.
#[allow(ffi_unwind_calls, reason = "nothing on this frame needs dropping")]
unsafe extern "C-unwind" fn statistics(
    root: *mut PlannerInfo,
    entry: *mut RangeTblEntry,
    column: i16,
    data: *mut VariableStatData,
) -> bool {
    // SAFETY: arguments are passed on as they came.
    unsafe {
        let of_relation = (*entry).rtekind == pg_sys::RTEKind::RTE_RELATION;
        if estimates::hides() && of_relation && is_masked((*entry).relid, column) {
            return true;
        }
        PREVIOUS_STATISTICS.is_some_and(|previous| previous(root, entry, column, data))
    }
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn is_masked(relation: Oid, column: i16) -> bool {
    estimates::masked(relation).is_some_and(|masked| masked.contains(&column))
}

#[allow(ffi_unwind_calls, reason = "nothing on this frame needs dropping")]
unsafe extern "C-unwind" fn index_statistics(
    root: *mut PlannerInfo,
    index: Oid,
    column: i16,
    data: *mut VariableStatData,
) -> bool {
    // SAFETY: arguments are passed on as they came.
    unsafe {
        if estimates::hides() && hides_index(root, index) {
            return true;
        }
        PREVIOUS_INDEX.is_some_and(|previous| previous(root, index, column, data))
    }
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn hides_index(root: *mut PlannerInfo, index: Oid) -> bool {
    // SAFETY: the planner's own.
    unsafe { estimates::hides_index(root, index) }
}

/// 0: look at the statistics.
#[allow(ffi_unwind_calls, reason = "nothing on this frame needs dropping")]
unsafe extern "C-unwind" fn width(relation: Oid, column: i16) -> i32 {
    // SAFETY: arguments are passed on as they came.
    unsafe {
        let width = if estimates::hides() { masked_width(relation, column) } else { 0 };
        if width > 0 {
            return width;
        }
        PREVIOUS_WIDTH.map_or(0, |previous| previous(relation, column))
    }
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn masked_width(relation: Oid, column: i16) -> i32 {
    estimates::width(relation, column).unwrap_or(0)
}
