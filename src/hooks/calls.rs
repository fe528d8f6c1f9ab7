//! Function calls: which functions stay calls, and whose code is running.
//!
//! Only functions whose owner the session's person does not trust are watched, and only in sessions that hold live
//! grants; and what runs below foreign key checks. Native functions never are.

use pgrx::pg_sys::{self, Datum, FmgrHookEventType, FmgrInfo, Oid};

use crate::catalog::people::people;
use crate::catalog::{extension, session};
use crate::pg::{function, nesting, roles, shared};
use crate::rewrite::inline;

static mut PREVIOUS_NEEDS: pg_sys::needs_fmgr_hook_type = None;
static mut PREVIOUS: pg_sys::fmgr_hook_type = None;

/// Installs the hooks.
pub fn init() {
    // SAFETY: single-threaded, before the server serves anybody.
    unsafe {
        PREVIOUS_NEEDS = pg_sys::needs_fmgr_hook;
        pg_sys::needs_fmgr_hook = Some(needs);
        PREVIOUS = pg_sys::fmgr_hook;
        pg_sys::fmgr_hook = Some(call);
    }
}

#[allow(ffi_unwind_calls, reason = "nothing on this frame needs dropping")]
unsafe extern "C-unwind" fn needs(function: Oid) -> bool {
    // SAFETY: the previous hook is called as the server would.
    unsafe {
        if let Some(previous) = PREVIOUS_NEEDS
            && previous(function)
        {
            return true;
        }
        // Most sessions, without a guard: nothing here can raise.
        if nesting::depths().not_inlined == 0
            && !is_below_check(function)
            && (extension::known_absent() || session::known_not_to_watch_calls())
        {
            return false;
        }
        is_watched(function)
    }
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn is_watched(function: Oid) -> bool {
    inline::is_kept_whole(function) || is_below_check(function) || is_strangers(function)
}

/// Somebody's code below a foreign key check: it must not pass for the check itself.
fn is_below_check(function: Oid) -> bool {
    roles::in_foreign_key_check() && !function::is_builtin(function)
}

fn is_strangers(function: Oid) -> bool {
    if function::is_builtin(function) || !session::in_transaction() {
        return false;
    }
    let Some(ours) = extension::installed() else { return false };
    // A function that is gone has no owner to trust.
    let Some(owner) = function::facts(function).map(|facts| facts.owner) else { return true };
    // Most functions are a superuser's or the person's own: nothing more needs to be known about those.
    if roles::is_superuser(owner) || owner == roles::session_user() {
        return false;
    }
    session::sync(&ours);
    session::watches_calls(&ours) && !people(&ours).trusts(roles::session_user(), owner, shared::clock().time)
}

/// What the server keeps for us with each place a watched function is called from.
#[repr(C)]
struct CallSite {
    counted: bool,
    below_check: bool,
    for_previous: Datum,
}

#[allow(ffi_unwind_calls, reason = "nothing on this frame needs dropping")]
unsafe extern "C-unwind" fn call(event: FmgrHookEventType::Type, info: *mut FmgrInfo, arg: *mut Datum) {
    // SAFETY: the previous hook is called as the server would, with a place of its own for what it keeps.
    unsafe {
        let site = count(event, info, arg);
        if let Some(previous) = PREVIOUS {
            previous(event, info, &raw mut (*site).for_previous);
        }
    }
}

/// Counts a stranger's function in and out. Whether it is one is asked only on the way in: on the way out the
/// transaction may have failed, and nothing can be looked up.
#[pgrx::pg_guard]
unsafe extern "C-unwind" fn count(
    event: FmgrHookEventType::Type,
    info: *mut FmgrInfo,
    arg: *mut Datum,
) -> *mut CallSite {
    // SAFETY: `arg` is the server's zero-initialised slot for this call site; what it points to lives as long.
    unsafe {
        if (*arg).is_null() {
            *arg = Datum::from(pg_sys::MemoryContextAllocZero((*info).fn_mcxt, size_of::<CallSite>()));
        }
        let site = (*arg).cast_mut_ptr::<CallSite>();
        if event == FmgrHookEventType::FHET_START {
            (*site).counted = is_strangers((*info).fn_oid);
            (*site).below_check = is_below_check((*info).fn_oid);
            nesting::update(|depths| {
                depths.untrusted += u32::from((*site).counted);
                depths.below_check += u32::from((*site).below_check);
            });
        } else {
            nesting::update(|depths| {
                depths.untrusted = depths.untrusted.saturating_sub(u32::from((*site).counted));
                depths.below_check = depths.below_check.saturating_sub(u32::from((*site).below_check));
            });
            (*site).counted = false;
            (*site).below_check = false;
        }
        site
    }
}
