//! The short cut for what has nothing to do with us: most statements of most sessions (I7).
//!
//! Nothing here looks anything up, allocates or panics, so the hooks ask it without a guard around it. Whatever is not
//! known for certain is not plain, and takes the long way, on which it becomes known.

use std::ffi::c_void;

use pgrx::pg_sys::{self, Node, NodeTag, PlannedStmt, Query, RTEKind, RangeTblEntry};

use super::stamp;
use crate::catalog::{extension, protection, session};
use crate::pg::{function, nesting, raw, tree};

/// Sub-queries within sub-queries that are followed. The long way watches the stack.
const DEEPEST: u32 = 16;

/// Nothing needs to be done about the query before it is planned. What its plan turns out to read is for [`plan`] to say.
///
/// # Safety
/// `query` must be a valid rewritten query tree.
pub unsafe fn query(query: *const Query) -> bool {
    if extension::known_absent() {
        return true;
    }
    // SAFETY: as for the caller.
    unsafe { extension::known().is_some() && session::is_current() && level(query, DEEPEST) && !may_be_direct(query) }
}

/// It may be the client's own call of a deciding function, see `direct`.
unsafe fn may_be_direct(query: *const Query) -> bool {
    // SAFETY: as for query(). The walk may raise, when the stack is too deep for it: no frame on the way out to the
    // planner hook has anything to drop.
    #[allow(ffi_unwind_calls, reason = "nothing on this frame needs dropping")]
    unsafe {
        nesting::depths().level <= 1
            && tree::iter::<RangeTblEntry>((*query).rtable)
                .all(|entry| matches!((*entry).rtekind, RTEKind::RTE_FUNCTION | RTEKind::RTE_RESULT))
            && raw::query_tree_walker(query.cast_mut(), calls_ours, std::ptr::null_mut(), 0)
    }
}

/// A walker that stops at calls of functions that are ours, or not known not to be.
#[allow(ffi_unwind_calls, reason = "nothing on this frame needs dropping")]
unsafe extern "C-unwind" fn calls_ours(node: *mut Node, context: *mut c_void) -> bool {
    if node.is_null() {
        return false;
    }
    // SAFETY: nodes are checked by tag before they are cast.
    unsafe {
        match tree::tag(node) {
            NodeTag::T_Query => true,
            NodeTag::T_FuncExpr if !extension::is_known_other((*node.cast::<pg_sys::FuncExpr>()).funcid) => true,
            _ => raw::expression_tree_walker(node, calls_ours, context),
        }
    }
}

/// One query level, and those in its FROM and WITH. Others stand in expressions, which are not searched: where there are
/// any, the query says so.
unsafe fn level(query: *const Query, left: u32) -> bool {
    // SAFETY: as for query(); list members are of the kinds that these lists hold.
    unsafe {
        left > 0
            && !(*query).hasSubLinks
            && tree::iter::<pg_sys::CommonTableExpr>((*query).cteList).all(|cte| {
                let query = (*cte).ctequery;
                !query.is_null() && tree::tag(query) == NodeTag::T_Query && level(query.cast(), left - 1)
            })
            && tree::iter::<RangeTblEntry>((*query).rtable).all(|entry| match (*entry).rtekind {
                RTEKind::RTE_RELATION => protection::is_known_plain((*entry).relid),
                RTEKind::RTE_SUBQUERY => level((*entry).subquery, left - 1),
                RTEKind::RTE_FUNCTION => calls_builtins_only(entry),
                RTEKind::RTE_JOIN
                | RTEKind::RTE_VALUES
                | RTEKind::RTE_CTE
                | RTEKind::RTE_TABLEFUNC
                | RTEKind::RTE_NAMEDTUPLESTORE
                | RTEKind::RTE_RESULT => true,
                _ => false,
            })
    }
}

/// Others may have to be expanded into queries.
unsafe fn calls_builtins_only(entry: *const RangeTblEntry) -> bool {
    // SAFETY: as for query().
    unsafe {
        tree::iter::<pg_sys::RangeTblFunction>((*entry).functions).all(|call| {
            let expression = (*call).funcexpr;
            !expression.is_null()
                && tree::tag(expression) == NodeTag::T_FuncExpr
                && function::is_builtin((*expression.cast::<pg_sys::FuncExpr>()).funcid)
        })
    }
}

/// The plan needs no stamp and has none, and may be run.
///
/// # Safety
/// `plan` must be valid.
pub unsafe fn plan(plan: *const PlannedStmt) -> bool {
    // SAFETY: as for the caller.
    unsafe {
        if stamp::is_there(plan) {
            return false;
        }
        extension::known_absent()
            || extension::known().is_some()
                && tree::iter::<RangeTblEntry>((*plan).rtable).all(|entry| {
                    (*entry).rtekind != RTEKind::RTE_RELATION || protection::is_known_plain((*entry).relid)
                })
    }
}
