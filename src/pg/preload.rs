//! Being loaded at server start.

use pgrx::pg_sys;
use std::ffi::CStr;

/// The server is loading shared_preload_libraries right now.
pub fn in_progress() -> bool {
    // SAFETY: reads a variable.
    unsafe { pg_sys::process_shared_preload_libraries_in_progress }
}

/// The present value of shared_preload_libraries with one more library at the end, as ALTER SYSTEM wants it written.
pub fn libraries_with(library: &CStr) -> String {
    // SAFETY: palloc'd string; null if there is no such setting, which can't be.
    let present = unsafe {
        let value = pg_sys::GetConfigOptionByName(c"shared_preload_libraries".as_ptr(), std::ptr::null_mut(), true);
        if value.is_null() { String::new() } else { CStr::from_ptr(value).to_string_lossy().into_owned() }
    };
    let added = library.to_string_lossy();
    let names = present.split(',').map(|name| name.trim().trim_matches('"')).filter(|name| !name.is_empty());
    let others = names.filter(|name| *name != added);
    let all: Vec<String> = others.chain([&*added]).map(|name| format!("'{}'", name.replace('\'', "''"))).collect();
    all.join(", ")
}

/// Settings under this prefix that nobody defined become errors instead of silent place-holders.
pub fn reserve_prefix(prefix: &CStr) {
    // SAFETY: called while the library is loaded, after its settings were defined.
    unsafe { pg_sys::MarkGUCPrefixReserved(prefix.as_ptr()) }
}
