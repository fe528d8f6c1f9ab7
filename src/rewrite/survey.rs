//! One walk over a query tree: which relations does it read, which does it write, what does it call?

use std::ffi::c_void;

use pgrx::pg_sys::ffi::pg_guard_ffi_boundary;
use pgrx::pg_sys::{self, CmdType, Node, NodeTag, Oid, Query, RTEKind, RangeTblEntry};

use crate::pg::{compat, raw, tree};

/// A relation entry and the query whose range table it is in.
#[derive(Clone, Copy)]
pub struct Place {
    /// The query.
    pub query: *mut Query,
    /// The entry.
    pub entry: *mut RangeTblEntry,
}

/// What a query tree holds, all levels together.
#[derive(Default)]
pub struct Survey {
    /// Every relation entry.
    pub relations: Vec<Place>,
    /// Every query level.
    pub queries: Vec<*mut Query>,
    /// For each of them the place of the one around it.
    pub parents: Vec<Option<usize>>,
    /// The one being walked.
    current: Option<usize>,
    /// Views that were expanded into it.
    pub views: Vec<Oid>,
    /// Some level changes data.
    pub writes: bool,
    /// Some entry is a function call that a planner might expand into a query.
    pub calls_in_from: bool,
}

impl Survey {
    /// The relations' OIDs, each once, in order.
    pub fn oids(&self) -> Vec<Oid> {
        // SAFETY: entries live as long as the tree that was surveyed.
        let mut oids: Vec<Oid> = self.relations.iter().map(|place| unsafe { (*place.entry).relid }).collect();
        oids.sort_unstable_by_key(|oid| oid.to_u32());
        oids.dedup();
        oids
    }
}

/// Surveys a rewritten query.
///
/// # Safety
/// `query` must be a valid query tree, and must outlive the survey.
pub unsafe fn survey(query: *mut Query) -> Survey {
    let mut survey = Survey::default();
    let context = (&raw mut survey).cast::<c_void>();
    // SAFETY: the walk may raise (stack depth); the boundary turns that into an unwind of this frame.
    unsafe {
        pg_guard_ffi_boundary(|| visit(query.cast(), context));
    }
    survey
}

/// The walker. Its frames have nothing to drop.
unsafe extern "C-unwind" fn visit(node: *mut Node, context: *mut c_void) -> bool {
    if node.is_null() {
        return false;
    }
    // SAFETY: `context` is survey()'s Survey; nodes are checked by tag before they are cast.
    #[allow(ffi_unwind_calls, reason = "nothing on this frame needs dropping")]
    unsafe {
        if tree::tag(node) == NodeTag::T_Query {
            let query = node.cast::<Query>();
            let around = note_query(query, &mut *context.cast::<Survey>());
            let stopped = raw::query_tree_walker(query, visit, context, 0);
            (*context.cast::<Survey>()).current = around;
            return stopped;
        }
        raw::expression_tree_walker(node, visit, context)
    }
}

/// Notes a query and what is in its range table; returns the place of the one around it.
unsafe fn note_query(query: *mut Query, survey: &mut Survey) -> Option<usize> {
    // SAFETY: the query and its entries are valid; see visit().
    unsafe {
        let around = survey.current.replace(survey.queries.len());
        survey.queries.push(query);
        survey.parents.push(around);
        survey.writes |= (*query).commandType != CmdType::CMD_SELECT;
        for entry in tree::iter::<RangeTblEntry>((*query).rtable) {
            match (*entry).rtekind {
                RTEKind::RTE_RELATION => {
                    if (*entry).relkind as u8 == b'v' {
                        survey.views.push((*entry).relid);
                    }
                    survey.relations.push(Place { query, entry });
                }
                RTEKind::RTE_SUBQUERY => {
                    let view = compat::view_behind(entry);
                    if view != pg_sys::InvalidOid {
                        survey.views.push(view);
                    }
                }
                RTEKind::RTE_FUNCTION => survey.calls_in_from = true,
                _ => {}
            }
        }
        around
    }
}
