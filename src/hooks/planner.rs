//! planner_hook.

use std::cell::RefCell;
use std::ffi::{c_char, c_int};

use pgrx::pg_sys::{self, ParamListInfo, PlannedStmt, Query};

use crate::catalog::{extension, session};
use crate::error::or_raise;
use crate::pg::{nesting, raw};
use crate::rewrite::inline::{self, Candidates};
use crate::rewrite::plain;
use crate::rewrite::prepare::{self, Prepared};
use crate::rewrite::verify;

static mut PREVIOUS: pg_sys::planner_hook_type = None;

thread_local! {
    // What each planner call under way needs when it is done. An ERROR leaves its entry behind; the next call at the
    // same depth takes its place.
    static PREPARED: RefCell<Vec<Option<Prepared>>> = const { RefCell::new(Vec::new()) };
}

/// Installs the hook.
pub fn init() {
    // SAFETY: single-threaded, before the server serves anybody.
    unsafe {
        PREVIOUS = pg_sys::planner_hook;
        pg_sys::planner_hook = Some(plan);
    }
}

#[allow(ffi_unwind_calls, reason = "nothing on this frame needs dropping")]
unsafe extern "C-unwind" fn plan(
    query: *mut Query,
    text: *const c_char,
    options: c_int,
    params: ParamListInfo,
) -> *mut PlannedStmt {
    let here = 0u8;
    let frame = &raw const here;
    // SAFETY: arguments are passed on as they came; what is allocated is palloc'd.
    unsafe {
        nesting::enter(frame as usize, |depths| {
            depths.planners += 1;
            depths.hides = false;
            // Functions may be called from here on, to simplify the query: they are code below the statement.
            depths.code += 1;
        });
        if !extension::known_absent() && !session::is_current() {
            sync();
        }
        let plain = plain::query(query);
        if !plain {
            let mut gathered: *mut pg_sys::PlannerGlobal = std::ptr::null_mut();
            let mut left = inline::MOST;
            while left > 0 {
                let candidates = find(query, &raw mut gathered);
                if candidates.is_null() {
                    break;
                }
                let expanded = inline::expand(candidates, left);
                if expanded == 0 {
                    break;
                }
                left -= expanded;
                if left == 0 {
                    too_many();
                }
            }
            before(query, options, gathered);
        }
        let plan = match PREVIOUS {
            Some(previous) => previous(query, text, options, params),
            None => raw::standard_planner(query, text, options, params),
        };
        if !plain {
            after(plan);
        } else if !plain::plan(plan) {
            check(plan);
        }
        nesting::leave(frame as usize);
        plan
    }
}

/// What was committed before this moment has to be known before anything is decided.
#[pgrx::pg_guard]
unsafe extern "C-unwind" fn sync() {
    if let Some(ours) = extension::installed() {
        session::sync(&ours);
    }
}

/// A function that calls itself in FROM would be expanded for ever.
#[pgrx::pg_guard]
unsafe extern "C-unwind" fn too_many() {
    inline::too_many().raise()
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn find(query: *mut Query, gathered: *mut *mut pg_sys::PlannerGlobal) -> *mut Candidates {
    // SAFETY: the planner's own tree.
    unsafe { inline::find(query, gathered) }
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn before(query: *mut Query, options: c_int, gathered: *mut pg_sys::PlannerGlobal) {
    let place = nesting::depths().planners;
    // What is decided now is decided for the statement, not for code below it.
    nesting::update(|depths| depths.code -= 1);
    // SAFETY: the planner's own tree.
    let prepared = or_raise(unsafe { prepare::prepare(query, options, gathered) });
    nesting::update(|depths| depths.code += 1);
    PREPARED.with_borrow_mut(|stack| {
        stack.truncate(place - 1);
        stack.resize_with(place - 1, || None);
        stack.push(prepared);
    });
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn after(plan: *mut PlannedStmt) {
    let place = nesting::depths().planners;
    let prepared = PREPARED.with_borrow_mut(|stack| {
        // What calls within this one left behind that ended in an ERROR which somebody caught.
        stack.truncate(place);
        stack.pop().flatten()
    });
    // SAFETY: the plan just made.
    or_raise(unsafe { verify::finish(plan, prepared) });
}

/// A plan for a query that held nothing of ours, but reads more than the query said: children of its tables, say.
#[pgrx::pg_guard]
unsafe extern "C-unwind" fn check(plan: *mut PlannedStmt) {
    // SAFETY: the plan just made.
    or_raise(unsafe { verify::finish(plan, None) });
}
