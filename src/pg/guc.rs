//! Settings that hold only for a stretch of code.

use pgrx::pg_sys;
use std::ffi::{CStr, CString};

/// The present `search_path`.
pub fn search_path() -> CString {
    // SAFETY: a GUC string, never null once the server runs.
    unsafe { CStr::from_ptr(pg_sys::namespace_search_path).to_owned() }
}

/// Runs `body` with `search_path` set to `path`; an ERROR puts the old one back when the transaction aborts.
pub fn with_search_path<T>(path: &CStr, body: impl FnOnce() -> T) -> T {
    with(c"search_path", path, body)
}

/// Runs `body` so that it can't write.
pub fn read_only<T>(body: impl FnOnce() -> T) -> T {
    with(c"transaction_read_only", c"on", body)
}

fn with<T>(name: &CStr, value: &CStr, body: impl FnOnce() -> T) -> T {
    // SAFETY: a GUC nest level is closed below, or by AtEOXact_GUC/AtEOSubXact at abort if `body` raises;
    // GUC_ACTION_SAVE within a nest level is what functions with SET clauses do.
    unsafe {
        let level = pg_sys::NewGUCNestLevel();
        pg_sys::set_config_option(
            name.as_ptr(),
            value.as_ptr(),
            pg_sys::GucContext::PGC_USERSET,
            pg_sys::GucSource::PGC_S_SESSION,
            pg_sys::GucAction::GUC_ACTION_SAVE,
            true,
            0,
            false,
        );
        let result = body();
        pg_sys::AtEOXact_GUC(true, level);
        result
    }
}
