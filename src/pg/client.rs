//! The client behind this session.

use pgrx::pg_sys;
use std::ffi::CStr;

/// The client's IP address, or `[local]` for a Unix socket or a background process.
pub fn address() -> String {
    // SAFETY: the function takes no arguments and answers NULL where there is no address.
    let address = unsafe { pgrx::direct_function_call::<pgrx::Inet>(pg_sys::inet_client_addr, &[]) };
    address.map_or_else(|| "[local]".to_owned(), |address| address.0)
}

/// What the client calls itself. It can say what it likes.
pub fn application() -> String {
    // SAFETY: a GUC string, never null once the server runs.
    unsafe {
        let name = pg_sys::application_name;
        if name.is_null() { String::new() } else { CStr::from_ptr(name).to_string_lossy().into_owned() }
    }
}

/// The name of the database this session is connected to.
pub fn database_name() -> String {
    // SAFETY: palloc'd string or null.
    unsafe {
        let name = pg_sys::get_database_name(pg_sys::MyDatabaseId);
        if name.is_null() { String::new() } else { CStr::from_ptr(name).to_string_lossy().into_owned() }
    }
}
