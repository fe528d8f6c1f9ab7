//! Which statements may call deciding functions: the client's own, and nothing but the call.
//!
//! An approver who reads a prepared view must not approve unawares (design, section 3). So the statement may hold no
//! relation, no sub-query, and no code but built-in functions of built-in types and jitmask's own; the calls must come
//! from the statement's text, which expressions stored in views, rules, policies and defaults do not (their position is
//! lost when they are stored). That the call is made by the top-level executor run is checked when it happens.

use std::ffi::c_void;

use pgrx::pg_sys::ffi::pg_guard_ffi_boundary;
use pgrx::pg_sys::{self, CmdType, Node, NodeTag, Oid, Query, RTEKind, RangeTblEntry};

use crate::catalog::extension::Installed;
use crate::pg::{function, nesting, raw, tree};

/// What the walk finds. Nothing is looked up on the way: a look-up may raise, and the walk's frames can't be unwound.
#[derive(Default)]
struct Seen {
    /// Functions called by expressions of the statement's text.
    written: Vec<Oid>,
    /// Functions called by expressions that were stored somewhere.
    stored: Vec<Oid>,
    /// Every function that operators, casts and the like call as well.
    all: Vec<Oid>,
    /// Something that rules the statement out whatever it calls.
    unfit: bool,
}

/// Whether the query is of that form, and arrives as the client's own top-level statement.
///
/// # Safety
/// `query` must be a valid rewritten query tree.
pub unsafe fn qualifies(ours: &Installed, query: *mut Query) -> bool {
    // The planner hook's own frame is the one level there may be.
    if nesting::depths().level > 1 || !nesting::straight_from_client() {
        return false;
    }
    // SAFETY: as for the caller.
    unsafe {
        let plain = (*query).commandType == CmdType::CMD_SELECT
            && (*query).cteList.is_null()
            && !(*query).hasSubLinks
            && !(*query).hasModifyingCTE
            && (*query).rowMarks.is_null()
            && tree::iter::<RangeTblEntry>((*query).rtable)
                .all(|entry| matches!((*entry).rtekind, RTEKind::RTE_FUNCTION | RTEKind::RTE_RESULT));
        if !plain {
            return false;
        }
        let mut seen = Seen::default();
        let context = (&raw mut seen).cast::<c_void>();
        pg_guard_ffi_boundary(|| visit(query.cast(), context));
        let is_ours = |called: &Oid| ours.owns_function(*called);
        !seen.unfit
            && seen.written.iter().any(is_ours)
            && !seen.stored.iter().any(is_ours)
            && seen.all.iter().all(|called| is_ours(called) || is_closed(*called))
    }
}

/// A function of the server's own that can't call anybody's code: those that build rows of any type run that type's
/// input, and so its domains' conditions.
fn is_closed(called: Oid) -> bool {
    let open = [pg_sys::RECORDOID, pg_sys::ANYELEMENTOID, pg_sys::ANYCOMPATIBLEOID];
    function::is_builtin(called)
        && function::facts(called)
            .is_some_and(|facts| !open.contains(&facts.result) && function::is_builtin(facts.result))
}

#[allow(ffi_unwind_calls, reason = "nothing on this frame needs dropping")]
unsafe extern "C-unwind" fn visit(node: *mut Node, context: *mut c_void) -> bool {
    if node.is_null() {
        return false;
    }
    // SAFETY: `context` is qualifies()'s Seen; nodes are checked by tag before they are cast.
    unsafe {
        let seen = &mut *context.cast::<Seen>();
        match tree::tag(node) {
            NodeTag::T_Query => return raw::query_tree_walker(node.cast(), visit, context, 0),
            // A domain's conditions are code of whoever made the domain.
            NodeTag::T_CoerceToDomain | NodeTag::T_SubLink => seen.unfit = true,
            NodeTag::T_FuncExpr => {
                let call = node.cast::<pg_sys::FuncExpr>();
                let list = if (*call).location < 0 { &mut seen.stored } else { &mut seen.written };
                list.push((*call).funcid);
            }
            _ => {}
        }
        raw::check_functions_in_node(node, note, context);
        seen.unfit || raw::expression_tree_walker(node, visit, context)
    }
}

unsafe extern "C-unwind" fn note(called: Oid, context: *mut c_void) -> bool {
    // SAFETY: as in visit().
    unsafe { (*context.cast::<Seen>()).all.push(called) };
    false
}
