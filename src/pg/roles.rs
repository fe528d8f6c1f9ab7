//! Roles: who is connected, who is acting, who belongs to whom.

use pgrx::pg_sys::{self, Oid};
use std::ffi::{CStr, CString};

use super::raw;

/// `session_user`: the login.
pub fn session_user() -> Oid {
    // SAFETY: reads a variable; can't raise.
    unsafe { raw::GetSessionUserId() }
}

/// `current_user`: whose privileges count right now.
pub fn current_user() -> Oid {
    // SAFETY: reads a variable; can't raise.
    unsafe { raw::GetUserId() }
}

/// The login or what SET ROLE made of it; SECURITY DEFINER does not change it.
pub fn outer_user() -> Oid {
    // SAFETY: reads a variable.
    unsafe { raw::GetOuterUserId() }
}

/// Whether the role has the SUPERUSER attribute.
pub fn is_superuser(role: Oid) -> bool {
    // SAFETY: a syscache look-up; false for a role that is gone.
    unsafe { pg_sys::superuser_arg(role) }
}

/// Whether `role` is `of` or has been granted it, directly or not. Being superuser is not membership.
pub fn is_member(role: Oid, of: Oid) -> bool {
    // SAFETY: syscache look-ups.
    unsafe { pg_sys::is_member_of_role_nosuper(role, of) }
}

/// The role's name; its number in words if it is gone.
pub fn name(role: Oid) -> String {
    // SAFETY: with noerr the result is a palloc'd string or null.
    unsafe {
        let name = pg_sys::GetUserNameFromId(role, true);
        if name.is_null() {
            return format!("role {} (dropped)", role.to_u32());
        }
        CStr::from_ptr(name).to_string_lossy().into_owned()
    }
}

/// The role of that name.
pub fn oid(name: &str) -> Option<Oid> {
    let name = CString::new(name).ok()?;
    // SAFETY: a syscache look-up that answers 0 when there is none.
    let role = unsafe { pg_sys::get_role_oid(name.as_ptr(), true) };
    (role != Oid::INVALID).then_some(role)
}

/// Code runs with somebody's rights lent for a limited purpose: index functions, REFRESH, maintenance.
pub fn in_restricted_operation() -> bool {
    // SAFETY: reads a variable.
    unsafe { pg_sys::InSecurityRestrictedOperation() }
}

/// A foreign key check is under way, or code below one.
pub fn in_foreign_key_check() -> bool {
    // SAFETY: reads a variable; can't raise.
    unsafe { raw::InNoForceRLSOperation() }
}

/// Runs `body` as the login, or what SET ROLE made of it, from within code that runs as somebody else (SECURITY DEFINER):
/// `"$user"` and privileges on schemas are the caller's then. After an ERROR the (sub)transaction's abort puts it back.
pub fn as_outer_user<T>(body: impl FnOnce() -> T) -> T {
    as_user(outer_user(), pg_sys::SECURITY_LOCAL_USERID_CHANGE, body)
}

/// Runs `body` as the bootstrap superuser, where what it finds must not depend on the session's privileges. Only for
/// code that runs nobody's functions. After an ERROR the (sub)transaction's abort puts the user back.
pub fn as_bootstrap_superuser<T>(body: impl FnOnce() -> T) -> T {
    let flags = pg_sys::SECURITY_LOCAL_USERID_CHANGE | pg_sys::SECURITY_RESTRICTED_OPERATION;
    as_user(Oid::from(pg_sys::BOOTSTRAP_SUPERUSERID), flags, body)
}

/// Runs `body` as a role that may do next to nothing: for what can run code of whoever made a type or a function. What
/// it finds does not depend on the session's privileges either. After an ERROR the (sub)transaction's abort puts the
/// user back.
pub fn as_nobody<T>(body: impl FnOnce() -> T) -> T {
    // pg_checkpoint, there from 15 on (catalog/pg_authid.dat): a role of the server's own, no login, no member of
    // anything; all it may do is CHECKPOINT.
    const PG_CHECKPOINT: u32 = 4544;
    let flags = pg_sys::SECURITY_LOCAL_USERID_CHANGE | pg_sys::SECURITY_RESTRICTED_OPERATION;
    as_user(Oid::from(PG_CHECKPOINT), flags, body)
}

/// Runs `body` as some role, restricted as the functions of an index are.
pub fn as_restricted<T>(role: Oid, body: impl FnOnce() -> T) -> T {
    as_user(role, pg_sys::SECURITY_LOCAL_USERID_CHANGE | pg_sys::SECURITY_RESTRICTED_OPERATION, body)
}

fn as_user<T>(as_user: Oid, flags: u32, body: impl FnOnce() -> T) -> T {
    let (mut user, mut context) = (Oid::INVALID, 0);
    // SAFETY: what core does around index and trigger functions; the flags forbid SET ROLE meanwhile, and the
    // restricted one also changing settings that would outlive it.
    unsafe {
        pg_sys::GetUserIdAndSecContext(&mut user, &mut context);
        pg_sys::SetUserIdAndSecContext(as_user, context | flags as i32);
        let result = body();
        pg_sys::SetUserIdAndSecContext(user, context);
        result
    }
}
