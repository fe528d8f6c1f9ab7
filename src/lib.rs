//! jitmask: masks sensitive columns on the fly, unless an approved, unexpired grant says otherwise.
//!
//! ARCHITECTURE.md has the map. This file only puts the parts together.

mod api;
mod audit;
mod catalog;
mod error;
mod guc;
mod hooks;
mod pg;
mod rewrite;

use pgrx::prelude::*;

use error::{Code, Error};

pgrx::pg_module_magic!(name, version);

#[cfg(not(panic = "unwind"))]
compile_error!("jitmask must be built with panic = \"unwind\": a panic becomes an ERROR at the nearest guard");

/// Called by the server when it loads the library. 55000 unless that happens at server start: a hook that is not there
/// from the first statement of every session would let raw values out.
#[pg_guard]
pub extern "C-unwind" fn _PG_init() {
    if !pg::preload::in_progress() {
        let libraries = pg::preload::libraries_with(c"jitmask");
        Error::new(Code::WrongState, "jitmask must be loaded when the server starts")
            .detail("The library is not in shared_preload_libraries, so sessions would run without it.")
            .hint(format!(
                "ALTER SYSTEM SET shared_preload_libraries = {libraries}; then restart the server, then CREATE EXTENSION jitmask;"
            ))
            .raise();
    }
    guc::init();
    pg::shared::init();
    catalog::session::init();
    hooks::init();
    rewrite::details::init();
    pg::preload::reserve_prefix(c"jitmask");
}
