//! Every difference between the server's majors, under a name that says what it does.

use pgrx::pg_sys::{self, Oid};

/// The user a permission check on this range table entry would use; 0 for the current one.
///
/// # Safety
/// `entry` must be an entry of `query`'s range table.
#[cfg(feature = "pg15")]
pub unsafe fn checked_as(_query: *mut pg_sys::Query, entry: *mut pg_sys::RangeTblEntry) -> Oid {
    // SAFETY: see above.
    unsafe { (*entry).checkAsUser }
}

/// The user a permission check on this range table entry would use; 0 for the current one.
///
/// # Safety
/// `entry` must be an entry of `query`'s range table.
#[cfg(not(feature = "pg15"))]
pub unsafe fn checked_as(query: *mut pg_sys::Query, entry: *mut pg_sys::RangeTblEntry) -> Oid {
    // SAFETY: see above; an entry without permission info is a child or needs none.
    unsafe {
        if (*entry).perminfoindex == 0 {
            return Oid::INVALID;
        }
        (*pg_sys::getRTEPermissionInfo((*query).rteperminfos, entry)).checkAsUser
    }
}

/// The view a sub-query entry came from, where the server keeps it there (16 on); 0 otherwise. On 15 the view stands in
/// the sub-query's own range table.
///
/// # Safety
/// `entry` must be a valid sub-query entry.
pub unsafe fn view_behind(entry: *mut pg_sys::RangeTblEntry) -> Oid {
    if cfg!(feature = "pg15") {
        Oid::INVALID
    } else {
        // SAFETY: see above.
        unsafe { (*entry).relid }
    }
}

/// Sets the syntactic position of a Var that stands for another column of the same entry.
///
/// # Safety
/// `var` must be valid.
pub unsafe fn point_at(var: *mut pg_sys::Var, column: i16) {
    // SAFETY: see above. The outer-join and RETURNING marks of newer majors were copied with the Var.
    unsafe {
        (*var).varattno = column;
        (*var).varattnosyn = column;
    }
}

/// The statement's query id, 0 where none is computed. 18 made it a signed number.
///
/// # Safety
/// `plan` must be valid.
pub unsafe fn query_id(plan: *const pg_sys::PlannedStmt) -> u64 {
    // SAFETY: see above.
    #[cfg(not(feature = "pg18"))]
    unsafe {
        (*plan).queryId
    }
    // SAFETY: see above.
    #[cfg(feature = "pg18")]
    unsafe {
        (*plan).queryId as u64
    }
}

/// Whether a relation has virtual generated columns, which 18 brought.
///
/// # Safety
/// `constraints` must be valid.
pub unsafe fn has_virtual_columns(constraints: *const pg_sys::TupleConstr) -> bool {
    // SAFETY: see above.
    #[cfg(feature = "pg18")]
    unsafe {
        (*constraints).has_generated_virtual
    }
    #[cfg(not(feature = "pg18"))]
    {
        let _ = constraints;
        false
    }
}

/// The first number of a timer that extensions may have (utils/timeout.h). 17 added one of the server's own before it.
#[cfg(any(feature = "pg15", feature = "pg16"))]
pub const USER_TIMEOUT: i32 = 12;
/// The first number of a timer that extensions may have (utils/timeout.h).
#[cfg(any(feature = "pg17", feature = "pg18"))]
pub const USER_TIMEOUT: i32 = 13;

/// The expression behind a column of the entry that stands for the groups of a query, which 18 brought.
///
/// # Safety
/// `entry` must be valid.
pub unsafe fn group_expression(entry: *mut pg_sys::RangeTblEntry, number: i16) -> Option<*mut pg_sys::Node> {
    // SAFETY: see above; the list is there for such entries only.
    #[cfg(feature = "pg18")]
    unsafe {
        if (*entry).rtekind != pg_sys::RTEKind::RTE_GROUP {
            return None;
        }
        let place = usize::try_from(number).ok()?.checked_sub(1)?;
        let found = super::tree::nth::<pg_sys::Node>((*entry).groupexprs, place);
        (!found.is_null()).then_some(found)
    }
    #[cfg(not(feature = "pg18"))]
    {
        let _ = (entry, number);
        None
    }
}
