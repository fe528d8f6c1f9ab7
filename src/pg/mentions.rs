//! Which columns and relations a piece of a stored query mentions.

use std::ffi::c_void;

use pgrx::pg_sys::ffi::pg_guard_ffi_boundary;
use pgrx::pg_sys::{self, Node, NodeTag, Oid, Query, RTEKind, RangeTblEntry, Var};

use super::{raw, tree};

/// The queries around a place, outermost first.
pub type Around = Vec<*mut Query>;

/// What a walk has come across.
#[derive(Default)]
pub struct Mentions {
    /// Vars, each with the queries around it.
    pub vars: Vec<(*mut Var, Around)>,
    /// Relations in range tables.
    pub relations: Vec<Oid>,
    around: Around,
    /// Above 0 everything counts; else what is merely given in a target list does not.
    everything: u32,
}

/// Everything mentioned in an expression that stands within the queries `around`.
///
/// # Safety
/// `expression` must be a valid expression or list of such.
pub unsafe fn all(expression: *mut Node, around: &Around) -> Mentions {
    // SAFETY: as for the caller.
    unsafe { walk(expression, Mentions { around: around.clone(), everything: 1, ..Mentions::default() }) }
}

/// What decides which rows a query gives and in what order: all but plain entries of target lists.
///
/// # Safety
/// `query` must be a valid query.
pub unsafe fn beside_targets(query: *mut Query) -> Mentions {
    // SAFETY: as for the caller.
    unsafe { walk(query.cast(), Mentions::default()) }
}

unsafe fn walk(node: *mut Node, mut mentions: Mentions) -> Mentions {
    let context = (&raw mut mentions).cast::<c_void>();
    // SAFETY: the walk may raise (stack depth); the boundary turns that into an unwind of this frame.
    unsafe {
        pg_guard_ffi_boundary(|| visit(node, context));
    }
    mentions
}

/// The walker. Its frames have nothing to drop.
unsafe extern "C-unwind" fn visit(node: *mut Node, context: *mut c_void) -> bool {
    if node.is_null() {
        return false;
    }
    // SAFETY: `context` is walk()'s Mentions; nodes are checked by tag before they are cast.
    #[allow(ffi_unwind_calls, reason = "nothing on this frame needs dropping")]
    unsafe {
        let seen = context.cast::<Mentions>();
        match tree::tag(node) {
            NodeTag::T_Var => {
                let around = (*seen).around.clone();
                (*seen).vars.push((node.cast(), around));
                false
            }
            NodeTag::T_RangeTblEntry => {
                let entry = node.cast::<RangeTblEntry>();
                if (*entry).rtekind == RTEKind::RTE_RELATION {
                    (*seen).relations.push((*entry).relid);
                }
                false
            }
            NodeTag::T_SubLink => {
                (*seen).everything += 1;
                let stop = raw::expression_tree_walker(node, visit, context);
                (*seen).everything -= 1;
                stop
            }
            NodeTag::T_Query => {
                let query = node.cast::<Query>();
                (*seen).around.push(query);
                let walked = if (*seen).everything > 0 { query } else { without_plain_targets(query) };
                let flags = pg_sys::QTW_EXAMINE_RTES_BEFORE | pg_sys::QTW_IGNORE_JOINALIASES;
                let stop = raw::query_tree_walker(walked, visit, context, flags as i32);
                (*seen).around.pop();
                stop
            }
            _ => raw::expression_tree_walker(node, visit, context),
        }
    }
}

/// The query without those target entries that only give a column, and neither sort nor group.
unsafe fn without_plain_targets(query: *mut Query) -> *mut Query {
    // SAFETY: a shallow copy in the current memory context.
    unsafe {
        let copy = raw::palloc0(size_of::<Query>()).cast::<Query>();
        std::ptr::copy_nonoverlapping(query, copy, 1);
        (*copy).targetList = std::ptr::null_mut();
        for place in 0..tree::len((*query).targetList) {
            let entry = tree::nth::<pg_sys::TargetEntry>((*query).targetList, place);
            if (*entry).ressortgroupref != 0 {
                (*copy).targetList = raw::lappend((*copy).targetList, entry.cast());
            }
        }
        copy
    }
}
