//! ProcessUtility_hook.

use std::ffi::c_char;

use pgrx::pg_sys::{
    self, DestReceiver, ParamListInfo, PlannedStmt, ProcessUtilityContext, QueryCompletion, QueryEnvironment,
};

use crate::error::or_raise;
use crate::pg::{self, composing, events, nesting, raw, waiting};
use crate::rewrite::ddl::command;
use crate::rewrite::statement::{self, Treated};
use crate::rewrite::{check, filled, held};

static mut PREVIOUS: pg_sys::ProcessUtility_hook_type = None;

/// Installs the hook.
pub fn init() {
    // SAFETY: single-threaded, before the server serves anybody.
    unsafe {
        PREVIOUS = pg_sys::ProcessUtility_hook;
        pg_sys::ProcessUtility_hook = Some(process);
    }
}

#[allow(clippy::too_many_arguments, reason = "the server's signature")]
#[allow(ffi_unwind_calls, reason = "nothing on this frame needs dropping")]
unsafe extern "C-unwind" fn process(
    statement: *mut PlannedStmt,
    text: *const c_char,
    read_only: bool,
    context: ProcessUtilityContext::Type,
    params: ParamListInfo,
    environment: *mut QueryEnvironment,
    dest: *mut DestReceiver,
    completion: *mut QueryCompletion,
) {
    let here = 0u8;
    let frame = &raw const here;
    // SAFETY: arguments are passed on as they came, but for the statement, which may be replaced by a copy.
    unsafe {
        let running = before(frame, statement, dest);
        let statement = running.statement;
        let mut refreshing = pg_sys::ErrorContextCallback {
            previous: pg_sys::error_context_stack,
            callback: Some(composing::look_at_refresh),
            arg: running.refreshes.to_u32() as usize as *mut std::ffi::c_void,
        };
        if running.refreshes != pg_sys::InvalidOid {
            pg_sys::error_context_stack = &raw mut refreshing;
        }
        match PREVIOUS {
            Some(previous) => previous(statement, text, read_only, context, params, environment, dest, completion),
            None => {
                raw::standard_ProcessUtility(statement, text, read_only, context, params, environment, dest, completion)
            }
        }
        if running.refreshes != pg_sys::InvalidOid {
            pg_sys::error_context_stack = refreshing.previous;
        }
        after(frame, statement, dest);
    }
}

/// What the hook's frame keeps of a statement. Plain data: an ERROR passes over it.
#[derive(Clone, Copy)]
#[repr(C)]
struct Running {
    /// The statement to run: the one given, or a copy that was changed.
    statement: *mut PlannedStmt,
    /// The materialized view it refreshes; 0 for none.
    refreshes: pg_sys::Oid,
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn before(frame: *const u8, statement: *mut PlannedStmt, dest: *mut DestReceiver) -> Running {
    // SAFETY: the server's own statement, which is not changed in place.
    let Treated { statement, stores, command, runs_code, refreshes } = or_raise(unsafe { statement::treat(statement) });
    held::open();
    // SAFETY: the server's own.
    let filled = unsafe { waiting::target(dest) };
    nesting::enter(frame as usize, |depths| {
        depths.storing += u32::from(stores);
        depths.code += u32::from(runs_code);
        depths.filled = filled.unwrap_or(depths.filled);
        command::begin(depths, command);
    });
    // SAFETY: the statement that is to run.
    unsafe { filled::begin(statement) };
    Running { statement, refreshes }
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn after(frame: *const u8, statement: *mut PlannedStmt, dest: *mut DestReceiver) {
    // SAFETY: the server's own.
    unsafe {
        if let Some(filled) = waiting::target(dest)
            && !waiting::pass_on(statement::fetched_from(statement), filled)
        {
            check::too_many_stored().raise();
        }
    }
    nesting::leave(frame as usize);
    // SAFETY: the statement that was run.
    if events::in_live_transaction()
        && let Some(done) = unsafe { filled::by(statement) }
    {
        or_raise(filled::protect(&done));
    }
    pg::held::shut_if_idle();
}
