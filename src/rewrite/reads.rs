//! Which protected columns does a statement read at all? A grant is used only where it reveals something.

use std::ffi::c_void;

use pgrx::pg_sys::ffi::pg_guard_ffi_boundary;
use pgrx::pg_sys::{Node, NodeTag, Oid, Query, RTEKind, RangeTblEntry, Var};

use crate::pg::{raw, tree};

/// A query level on the way down.
struct Level {
    query: *mut Query,
    parent: *const Level,
}

struct Context {
    level: *const Level,
    /// Relation and column, 0 for a whole row; each once.
    found: Vec<(Oid, i16)>,
}

/// What a statement reads: relations and their columns, system columns left out.
pub struct Reads(Vec<(Oid, i16)>);

impl Reads {
    /// Whether the column is read, by name or within a whole row.
    pub fn column(&self, relation: Oid, column: i16) -> bool {
        self.0.iter().any(|(read, number)| *read == relation && (*number == column || *number == 0))
    }
}

/// Looks through a rewritten query.
///
/// # Safety
/// `query` must be a valid rewritten query tree.
pub unsafe fn reads(query: *mut Query) -> Reads {
    let mut context = Context { level: std::ptr::null(), found: Vec::new() };
    let pointer = (&raw mut context).cast::<c_void>();
    // SAFETY: as for the caller; an ERROR unwinds from here on.
    unsafe {
        pg_guard_ffi_boundary(|| visit(query.cast(), pointer));
    }
    Reads(context.found)
}

#[allow(ffi_unwind_calls, reason = "nothing on this frame needs dropping")]
unsafe extern "C-unwind" fn visit(node: *mut Node, context: *mut c_void) -> bool {
    if node.is_null() {
        return false;
    }
    // SAFETY: `context` is reads()'s; nodes are checked by tag before they are cast; a level outlives the walk below it.
    unsafe {
        let within = context.cast::<Context>();
        match tree::tag(node) {
            NodeTag::T_Query => {
                let parent = (*within).level;
                let level = Level { query: node.cast(), parent };
                (*within).level = &level;
                let stopped = raw::query_tree_walker(node.cast(), visit, context, 0);
                (*within).level = parent;
                stopped
            }
            NodeTag::T_Var => {
                note(node.cast(), &mut *within);
                false
            }
            _ => raw::expression_tree_walker(node, visit, context),
        }
    }
}

unsafe fn note(var: *const Var, context: &mut Context) {
    // SAFETY: as in visit(); coordinates are checked.
    unsafe {
        let mut level = context.level;
        for _ in 0..(*var).varlevelsup {
            if level.is_null() {
                return;
            }
            level = (*level).parent;
        }
        let Ok(place) = usize::try_from((*var).varno - 1) else { return };
        if level.is_null() || (*var).varattno < 0 {
            return;
        }
        let entry = tree::nth::<RangeTblEntry>((*(*level).query).rtable, place);
        if !entry.is_null() && (*entry).rtekind == RTEKind::RTE_RELATION {
            let read = ((*entry).relid, (*var).varattno);
            if !context.found.contains(&read) {
                context.found.push(read);
            }
        }
    }
}
