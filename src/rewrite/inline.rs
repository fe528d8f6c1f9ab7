//! Expands SQL functions in FROM before anything else looks at the tree.
//!
//! The planner would do it later, where no hook sees the relations they bring along (engine.md 1.2). What can't be
//! expanded now must not be expanded during the one planning run that follows: see [`keep_whole`].
//!
//! An ERROR in a function's body must reach the client with its context and position, as it would without us. So the
//! planner hook calls [`find`] (guarded), which only looks, and [`expand`] (not guarded, nothing to drop), which calls
//! the server, in turn until nothing changes.

use std::cell::RefCell;

use pgrx::pg_sys::{self, List, Node, NodeTag, Oid, Query, RTEKind, RangeTblEntry};

use super::survey;
use crate::catalog::extension;
use crate::error::{Code, Error};
use crate::pg::{function, nesting, raw, tree};

/// Entries that may be expanded. Plain memory of the current context.
#[repr(C)]
pub struct Candidates {
    count: usize,
    entries: *mut Candidate,
}

#[repr(C)]
#[derive(Clone, Copy)]
struct Candidate {
    root: *mut pg_sys::PlannerInfo,
    entry: *mut RangeTblEntry,
}

thread_local! {
    static WHOLE: RefCell<Vec<Oid>> = const { RefCell::new(Vec::new()) };
}

/// The entries that call functions people have made; null if there are none, or nothing of ours is installed.
///
/// # Safety
/// `query` must be a rewritten query tree; `gathered` points to null or to what an earlier call put there: in it the
/// server gathers what expanded functions make the plan depend on.
pub unsafe fn find(query: *mut Query, gathered: *mut *mut pg_sys::PlannerGlobal) -> *mut Candidates {
    if extension::installed().is_none() {
        return std::ptr::null_mut();
    }
    // SAFETY: as for the caller. The planner state is a stand-in: the functions called later use only what is set here.
    unsafe {
        let survey = survey::survey(query);
        if !survey.calls_in_from {
            return std::ptr::null_mut();
        }
        if (*gathered).is_null() {
            *gathered = tree::make::<pg_sys::PlannerGlobal>(NodeTag::T_PlannerGlobal);
        }
        let global = *gathered;
        let mut found = Vec::new();
        for level in &survey.queries {
            let root = tree::make::<pg_sys::PlannerInfo>(NodeTag::T_PlannerInfo);
            (*root).parse = *level;
            (*root).glob = global;
            (*root).query_level = 1;
            (*root).planner_cxt = pg_sys::CurrentMemoryContext;
            let calls = tree::iter::<RangeTblEntry>((**level).rtable)
                .filter(|entry| (**entry).rtekind == RTEKind::RTE_FUNCTION)
                .filter(|entry| called_by(*entry).iter().any(|called| !function::is_builtin(*called)));
            found.extend(calls.map(|entry| Candidate { root, entry }));
        }
        if found.is_empty() {
            return std::ptr::null_mut();
        }
        let entries = raw::palloc0(found.len() * size_of::<Candidate>()).cast::<Candidate>();
        std::ptr::copy_nonoverlapping(found.as_ptr(), entries, found.len());
        let candidates = raw::palloc0(size_of::<Candidates>()).cast::<Candidates>();
        *candidates = Candidates { count: found.len(), entries };
        candidates
    }
}

/// More calls than any statement has. A function that calls itself never ends: the planner meets the end of the stack
/// there (54001), which this loop does not use up, so it gives up by count, with the same code.
pub const MOST: usize = 300;

/// The error for more than that.
pub fn too_many() -> Error {
    Error::new(Code::TooComplex, format!("statement calls more than {MOST} SQL functions in FROM"))
        .detail("They are expanded into the statement, one within the other. A function that calls itself never ends.")
        .hint("Write a function that calls itself in PL/pgSQL, or with WITH RECURSIVE.")
}

/// What the planner's own preprocess_function_rtes() does, for these entries, but for at most `most` of them. Returns how
/// many became sub-queries.
///
/// # Safety
/// `candidates` must come from [`find`], for a tree that may be changed in place. Call from a frame with nothing to drop.
pub unsafe fn expand(candidates: *mut Candidates, most: usize) -> usize {
    let mut expanded = 0;
    // SAFETY: as for the caller.
    #[allow(ffi_unwind_calls, reason = "nothing on this frame needs dropping")]
    unsafe {
        for place in 0..(*candidates).count {
            if expanded >= most {
                break;
            }
            if pg_sys::InterruptPending != 0 {
                raw::ProcessInterrupts();
            }
            let Candidate { root, entry } = *(*candidates).entries.add(place);
            (*entry).functions = raw::eval_const_expressions(root, (*entry).functions.cast::<Node>()).cast::<List>();
            let query = raw::inline_set_returning_function(root, entry);
            if !query.is_null() {
                (*entry).rtekind = RTEKind::RTE_SUBQUERY;
                (*entry).subquery = query;
                (*entry).security_barrier = false;
                (*entry).funcordinality = false;
                expanded += 1;
            }
        }
    }
    expanded
}

/// The functions an entry calls directly.
unsafe fn called_by(entry: *mut RangeTblEntry) -> Vec<Oid> {
    // SAFETY: see find(); each list member is a RangeTblFunction.
    unsafe {
        tree::iter::<pg_sys::RangeTblFunction>((*entry).functions)
            .map(|call| (*call).funcexpr)
            .filter(|expression| !expression.is_null() && tree::tag(*expression) == NodeTag::T_FuncExpr)
            .map(|expression| (*expression.cast::<pg_sys::FuncExpr>()).funcid)
            .collect()
    }
}

/// From here to the end of the planner run, functions that are still calls in FROM stay that. The counter in `nesting`
/// says how many of the list are in force, so an ERROR in the planner takes them off by itself.
///
/// # Safety
/// The survey's tree must be valid.
pub unsafe fn keep_whole(survey: &survey::Survey) {
    let mut functions = Vec::new();
    for level in &survey.queries {
        // SAFETY: as for the caller.
        unsafe {
            for entry in tree::iter::<RangeTblEntry>((**level).rtable) {
                if (*entry).rtekind == RTEKind::RTE_FUNCTION {
                    functions.extend(called_by(entry).into_iter().filter(|called| !function::is_builtin(*called)));
                }
            }
        }
    }
    let inforce = nesting::depths().not_inlined;
    WHOLE.with_borrow_mut(|whole| {
        whole.truncate(inforce);
        whole.extend(functions);
        let now = whole.len();
        nesting::update(|depths| depths.not_inlined = now);
    });
}

/// Whether a function must stay a call for now. Asked by the server for every function that is not built in.
pub fn is_kept_whole(function: Oid) -> bool {
    let inforce = nesting::depths().not_inlined;
    inforce > 0 && WHOLE.with_borrow(|whole| whole.iter().take(inforce).any(|kept| *kept == function))
}
