//! The mark on a range table entry that says: handled.
//!
//! It travels in `enrname`, which nobody uses for relations; the planner copies it to the entries of children and into
//! the finished plan (engine.md 1.8). It names the relation it was given for, so that a child is known by its parent.

use std::ffi::{CStr, CString};

use pgrx::pg_sys::{self, Oid, RangeTblEntry};

use super::survey::Place;

const PREFIX: &str = "jitmask ";

/// Marks an entry as handled.
///
/// # Safety
/// The entry must be valid.
pub unsafe fn set(place: &Place) {
    // SAFETY: see above; pstrdup copies into the current context, where the tree lives.
    unsafe {
        let text = CString::new(format!("{PREFIX}{}", (*place.entry).relid.to_u32())).unwrap_or_default();
        (*place.entry).enrname = pg_sys::pstrdup(text.as_ptr());
    }
}

/// The relation an entry was handled for; `None` if it wasn't.
///
/// # Safety
/// The entry must be valid.
pub unsafe fn get(entry: *const RangeTblEntry) -> Option<Oid> {
    // SAFETY: see above; enrname is null or a C string.
    unsafe {
        if (*entry).enrname.is_null() {
            return None;
        }
        let text = CStr::from_ptr((*entry).enrname).to_str().ok()?;
        text.strip_prefix(PREFIX)?.parse::<u32>().ok().map(Oid::from)
    }
}
