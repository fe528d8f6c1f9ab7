//! Reporting: SQLSTATEs of an extension's own, and messages with fields pgrx's macros don't carry.

use pgrx::pg_sys;

use super::raw;

/// Makes the next ERROR raised carry `sqlstate` (five characters) in place of its own code.
///
/// pgrx reports errors through an enum of the server's codes; any other becomes XX000. The server calls every error
/// context callback while it composes an error, and a callback may set the code: so one is pushed just before the
/// error. The handler that catches the error restores `error_context_stack`, which pops it.
pub fn override_sqlstate(sqlstate: &[u8; 5]) {
    let code = encode(sqlstate);
    // SAFETY: palloc in a live context; the node outlives the error because the ERROR is raised right after and
    // contexts are reset only once it was handled, when the stack pointer has been put back.
    unsafe {
        let callback: *mut pg_sys::ErrorContextCallback =
            pg_sys::palloc0(std::mem::size_of::<pg_sys::ErrorContextCallback>()).cast();
        (*callback).previous = pg_sys::error_context_stack;
        (*callback).callback = Some(set_code);
        (*callback).arg = code as usize as *mut std::ffi::c_void;
        pg_sys::error_context_stack = callback;
    }
}

/// A SQLSTATE as the server encodes it: six bits a character.
pub fn encode(sqlstate: &[u8; 5]) -> i32 {
    sqlstate.iter().rev().fold(0i32, |code, ch| (code << 6) | i32::from((ch.wrapping_sub(b'0')) & 0x3F))
}

/// The error context callback: called by errfinish() with the code in its argument.
unsafe extern "C-unwind" fn set_code(arg: *mut std::ffi::c_void) {
    // SAFETY: errcode() only stores into the error being composed; it can't raise.
    unsafe {
        raw::errcode(arg as usize as i32);
    }
}

/// A NOTICE with an optional DETAIL and HINT.
pub fn notice(message: &str, detail: Option<&str>, hint: Option<&str>) {
    emit(pgrx::PgLogLevel::NOTICE, message, detail, hint);
}

/// A WARNING with an optional DETAIL and HINT.
pub fn warning(message: &str, detail: Option<&str>, hint: Option<&str>) {
    emit(pgrx::PgLogLevel::WARNING, message, detail, hint);
}

/// A line in the server log only, whatever `client_min_messages` says.
pub fn server_log(message: &str) {
    emit(pgrx::PgLogLevel::LOG_SERVER_ONLY, message, None, None);
}

fn emit(level: pgrx::PgLogLevel, message: &str, detail: Option<&str>, hint: Option<&str>) {
    let code = if matches!(level, pgrx::PgLogLevel::WARNING) {
        pgrx::PgSqlErrorCode::ERRCODE_WARNING
    } else {
        pgrx::PgSqlErrorCode::ERRCODE_SUCCESSFUL_COMPLETION
    };
    let mut report = pg_sys::panic::ErrorReport::new(code, message.to_owned(), "jitmask");
    if let Some(detail) = detail {
        report = report.set_detail(detail.to_owned());
    }
    if let Some(hint) = hint {
        report = report.set_hint(hint.to_owned());
    }
    report.report(level);
}
