//! ProcessUtility_hook.

use std::ffi::c_char;

use pgrx::pg_sys::{
    self, DestReceiver, ParamListInfo, PlannedStmt, ProcessUtilityContext, QueryCompletion, QueryEnvironment,
};

use crate::error::or_raise;
use crate::pg::{nesting, raw};
use crate::rewrite::ddl::command;
use crate::rewrite::statement;

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
        let statement = before(frame, statement);
        match PREVIOUS {
            Some(previous) => previous(statement, text, read_only, context, params, environment, dest, completion),
            None => {
                raw::standard_ProcessUtility(statement, text, read_only, context, params, environment, dest, completion)
            }
        }
        after(frame);
    }
}

/// The statement to run: the one given, or a copy that was changed.
#[pgrx::pg_guard]
unsafe extern "C-unwind" fn before(frame: *const u8, statement: *mut PlannedStmt) -> *mut PlannedStmt {
    // SAFETY: the server's own statement, which is not changed in place.
    let treated = or_raise(unsafe { statement::treat(statement) });
    nesting::enter(frame as usize, |depths| {
        depths.storing += u32::from(treated.stores);
        depths.code += u32::from(treated.runs_code);
        command::begin(depths, treated.command);
    });
    treated.statement
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn after(frame: *const u8) {
    nesting::leave(frame as usize);
}
