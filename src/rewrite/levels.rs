//! Query levels on the way down the tree, and what it means to name a column from a level below.

use std::cell::Cell;
use std::ffi::c_void;

use pgrx::pg_sys::{self, List, Node, NodeTag, Oid, Query, Var};

use crate::pg::relation::ColumnType;
use crate::pg::{raw, tree};

/// A query level on the way down.
pub struct Level {
    /// The query.
    pub query: *mut Query,
    /// The level around it; null at the top.
    pub parent: *const Level,
    /// What is walked now is computed from groups, of several sets of columns.
    pub grouped: Cell<bool>,
    /// Aggregates of this level around what is walked now.
    pub aggregates: Cell<u32>,
    /// The select list, as it was before it was walked.
    pub targets: *const List,
}

/// The level so many levels up; null if there is none.
///
/// # Safety
/// Levels must be linked frames of a walk under way.
pub unsafe fn level_above(level: *const Level, above: u32) -> *const Level {
    let mut level = level;
    for _ in 0..above {
        if level.is_null() {
            break;
        }
        // SAFETY: levels are linked frames of the walk.
        level = unsafe { (*level).parent };
    }
    level
}

/// What stands for a grouped column in a sub-query, where the rows around it are grouped by several sets: NULL in rows
/// of sets without the column. The server makes the column itself NULL there, but what is handed down to the sub-query,
/// to be masked inside, is not a grouped expression to it.
///
/// # Safety
/// `level` must be a frame of a walk under way, `var` one of its Vars, `masked` the mask over it.
pub unsafe fn grouped(level: *const Level, var: *const Var, masked: *mut Node, storage: (i16, bool)) -> *mut Node {
    // SAFETY: the level is a frame of the walk; fresh nodes; lists hold what the server says they do.
    unsafe {
        if (*var).varlevelsup == 0 || !(*level).grouped.get() || (*level).aggregates.get() > 0 {
            return masked;
        }
        let is_var = |target: *mut pg_sys::TargetEntry| {
            let expression: *const Var = (*target).expr.cast();
            tree::tag(expression.cast()) == NodeTag::T_Var
                && ((*expression).varno, (*expression).varattno, (*expression).varlevelsup)
                    == ((*var).varno, (*var).varattno, 0)
        };
        let is_key = |target: *mut pg_sys::TargetEntry| {
            tree::iter::<pg_sys::SortGroupClause>((*(*level).query).groupClause)
                .any(|key| (*key).tleSortGroupRef == (*target).ressortgroupref)
        };
        let key = tree::iter::<pg_sys::TargetEntry>((*level).targets).find(|target| is_var(*target) && is_key(*target));
        let Some(key) = key else { return masked };
        let grouping = tree::make::<pg_sys::GroupingFunc>(NodeTag::T_GroupingFunc);
        (*grouping).args = raw::lappend(std::ptr::null_mut(), raw::copyObjectImpl(masked.cast_const().cast()));
        (*grouping).refs = raw::lappend_int(std::ptr::null_mut(), (*key).ressortgroupref as i32);
        (*grouping).agglevelsup = (*var).varlevelsup;
        (*grouping).location = -1;
        let absent = tree::make::<pg_sys::FuncExpr>(NodeTag::T_FuncExpr);
        (*absent).funcid = Oid::from(pg_sys::F_BOOL_INT4);
        (*absent).funcresulttype = pg_sys::BOOLOID;
        (*absent).funcformat = pg_sys::CoercionForm::COERCE_EXPLICIT_CAST;
        (*absent).args = raw::lappend(std::ptr::null_mut(), grouping.cast());
        (*absent).location = -1;
        let of = ColumnType { oid: (*var).vartype, typmod: (*var).vartypmod, collation: (*var).varcollid };
        tree::case(absent.cast(), tree::null_constant(of, storage.0, storage.1), masked, of)
    }
}

/// The first so many of a list, and the rest.
///
/// # Safety
/// `list` must be null or a valid list of pointers.
pub unsafe fn split(list: *mut List, first: usize) -> (*mut List, *mut List) {
    let (mut own, mut rest): (*mut List, *mut List) = (std::ptr::null_mut(), std::ptr::null_mut());
    // SAFETY: as for the caller.
    unsafe {
        for (place, item) in tree::iter::<c_void>(list).enumerate() {
            if place < first {
                own = raw::lappend(own, item);
            } else {
                rest = raw::lappend(rest, item);
            }
        }
    }
    (own, rest)
}

/// Two lists, one behind the other.
///
/// # Safety
/// Both must be null or valid lists of pointers; the first is changed.
pub unsafe fn joined(first: *mut List, then: *const List) -> *mut List {
    // SAFETY: as for the caller.
    unsafe { tree::iter::<c_void>(then).fold(first, |list, item| raw::lappend(list, item)) }
}
