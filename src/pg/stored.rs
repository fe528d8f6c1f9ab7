//! Expressions as catalogs store them, over the columns of one relation.

use std::ffi::CString;

use pgrx::pg_sys::ffi::pg_guard_ffi_boundary;
use pgrx::pg_sys::{self, Node, NodeTag};

use super::raw;
use super::tree;

/// What an expression looks at.
#[derive(Default, Debug)]
pub struct Looks {
    /// Columns of the relation, each perhaps several times. A whole row is 0; system columns are left out.
    pub columns: Vec<i16>,
    /// A sub-select stands in it: what that looks at is not told.
    pub beyond: bool,
}

/// The tree of a stored expression, or list of expressions; null if it holds a NUL byte.
pub fn read(text: &str) -> *mut Node {
    let Ok(text) = CString::new(text) else { return std::ptr::null_mut() };
    // SAFETY: the server's own reader of what its own writer wrote; it raises for anything else.
    unsafe { pg_sys::stringToNode(text.as_ptr()).cast() }
}

/// What a stored expression looks at.
pub fn looks(expression: *mut Node) -> Looks {
    let mut looks = Looks::default();
    // SAFETY: a read-only walk over a fresh tree.
    unsafe {
        let context = (&raw mut looks).cast();
        pg_guard_ffi_boundary(|| visit(expression, context));
    }
    looks
}

#[allow(ffi_unwind_calls, reason = "nothing on this frame needs dropping")]
unsafe extern "C-unwind" fn visit(node: *mut Node, context: *mut std::ffi::c_void) -> bool {
    if node.is_null() {
        return false;
    }
    // SAFETY: `context` is looks()'s; nodes are checked by tag before they are cast.
    unsafe {
        let looks = &mut *context.cast::<Looks>();
        match tree::tag(node) {
            NodeTag::T_Var => {
                let column = (*node.cast::<pg_sys::Var>()).varattno;
                if column >= 0 {
                    looks.columns.push(column);
                }
                false
            }
            NodeTag::T_SubLink | NodeTag::T_Query => {
                looks.beyond = true;
                false
            }
            _ => raw::expression_tree_walker(node, visit, context),
        }
    }
}

/// The names an expression refers to that was parsed and not yet analysed: `None` for what is not a plain column, as a
/// whole row is.
///
/// # Safety
/// `expression` must be a valid raw parse tree.
pub unsafe fn names(expression: *mut Node) -> Vec<Option<String>> {
    let mut names = Vec::new();
    // SAFETY: as for the caller.
    unsafe {
        let context = (&raw mut names).cast();
        pg_guard_ffi_boundary(|| visit_raw(expression, context));
    }
    names
}

#[allow(ffi_unwind_calls, reason = "nothing on this frame needs dropping")]
unsafe extern "C-unwind" fn visit_raw(node: *mut Node, context: *mut std::ffi::c_void) -> bool {
    if node.is_null() {
        return false;
    }
    // SAFETY: `context` is names()'s; nodes are checked by tag before they are cast.
    unsafe {
        let names = &mut *context.cast::<Vec<Option<String>>>();
        match tree::tag(node) {
            NodeTag::T_ColumnRef => {
                let fields = (*node.cast::<pg_sys::ColumnRef>()).fields;
                let last = tree::nth::<Node>(fields, tree::len(fields).saturating_sub(1));
                let name = (!last.is_null() && tree::tag(last) == NodeTag::T_String).then(|| tree::text(last));
                names.push(name);
                false
            }
            NodeTag::T_SubLink => {
                names.push(None);
                false
            }
            _ => raw::raw_expression_tree_walker(node, visit_raw, context),
        }
    }
}
