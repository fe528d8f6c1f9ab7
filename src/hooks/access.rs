//! object_access_hook: what a command has made, altered, or is about to drop.

use std::ffi::{c_int, c_void};

use pgrx::pg_sys::{self, ObjectAccessType, Oid};

use crate::error::or_raise;
use crate::pg::function;
use crate::rewrite::ddl::access::{self, Event, What};

static mut PREVIOUS: pg_sys::object_access_hook_type = None;

/// Installs the hook.
pub fn init() {
    // SAFETY: single-threaded, before the server serves anybody.
    unsafe {
        PREVIOUS = pg_sys::object_access_hook;
        pg_sys::object_access_hook = Some(accessed);
    }
}

#[allow(ffi_unwind_calls, reason = "nothing on this frame needs dropping")]
unsafe extern "C-unwind" fn accessed(
    kind: ObjectAccessType::Type,
    class: Oid,
    object: Oid,
    column: c_int,
    arg: *mut c_void,
) {
    // SAFETY: arguments are passed on as they came.
    unsafe {
        // Functions are announced before they are run, and schemas before they are searched: far more often.
        let concerns = match kind {
            ObjectAccessType::OAT_POST_CREATE | ObjectAccessType::OAT_POST_ALTER | ObjectAccessType::OAT_DROP => true,
            ObjectAccessType::OAT_FUNCTION_EXECUTE => !function::is_builtin(object),
            _ => false,
        };
        if concerns {
            look(kind, class, object, column, arg);
        }
        if let Some(previous) = PREVIOUS {
            previous(kind, class, object, column, arg);
        }
    }
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn look(
    kind: ObjectAccessType::Type,
    class: Oid,
    object: Oid,
    column: c_int,
    arg: *mut c_void,
) {
    let mut other = Oid::INVALID;
    let what = match kind {
        ObjectAccessType::OAT_POST_CREATE => What::Created,
        ObjectAccessType::OAT_DROP => What::Dropped,
        ObjectAccessType::OAT_FUNCTION_EXECUTE => What::Run,
        _ => What::Altered,
    };
    if what == What::Altered && !arg.is_null() {
        // SAFETY: the server's own, of the kind that belongs to this announcement.
        other = unsafe { (*arg.cast::<pg_sys::ObjectAccessPostAlter>()).auxiliary_id };
    }
    or_raise(access::look(Event { what, class, object, column, other }));
}
