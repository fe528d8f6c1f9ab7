//! Who may call what: the checks every function that changes something starts with.
//!
//! For: all of `api/`. Must hold: a function that decides or administers calls [`admin`] or [`decider`] before it looks
//! at anything else; both demand that the client called it directly, so that nobody decides by reading a view.
//! Rights are rows in this database (`jitmask.right_`); a login holds one if it is a member of a role that has it. Being
//! superuser is no membership; but a session whose acting role is a superuser may administer.

use pgrx::pg_sys::Oid;

use super::store;
use crate::catalog::rights;
use crate::catalog::session::{self, Caller};
use crate::error::{Code, Error, Result};
use crate::pg::instance;

/// The rights there are.
pub const RIGHTS: [&str; 4] = ["admin", "approver", "auditor", "relay"];

/// Passes an administrator who calls `function` directly in a session that can write; answers who it is.
pub fn admin(function: &str) -> Result<Caller> {
    let caller = decider(function)?;
    if session::is_superuser(caller.role) || rights::holds(caller.login, "admin") {
        return Ok(caller);
    }
    let (login, role) = (session::role_name(caller.login), session::role_name(caller.role));
    Err(Error::new(Code::Privilege, format!("jitmask.{function}() is for administrators of jitmask"))
        .detail(format!("Login \"{login}\", acting as \"{role}\", does not hold the right admin."))
        .hint(format!("An administrator can give it: SELECT * FROM jitmask.grant_right({}, 'admin');", quoted(&login))))
}

/// Passes whoever calls `function` directly in a session that can write.
pub fn decider(function: &str) -> Result<Caller> {
    session::require_direct(function)?;
    writable(function)?;
    Ok(session::caller())
}

/// Passes a session that can write. 25006 on a standby or in a read-only transaction.
pub fn writable(function: &str) -> Result<()> {
    let refused = |detail: &str, hint: &str| {
        Error::new(Code::ReadOnly, format!("jitmask.{function}() can't be called here")).detail(detail).hint(hint)
    };
    if instance::in_recovery() {
        return Err(refused(
            "This server is a standby, and the call has to write.",
            "Call it on the primary: what is decided there holds here as soon as it has been replayed.",
        ));
    }
    let read_only = store::read_one("SELECT pg_catalog.current_setting('transaction_read_only') = 'on'", &[], |row| {
        row.need::<bool>(1)
    })?;
    if read_only != Some(false) {
        return Err(refused("This transaction is read-only, and the call has to write.", "BEGIN READ WRITE;"));
    }
    Ok(())
}

/// The roles that were given a right.
pub fn holders(right: &str) -> Result<Vec<Oid>> {
    store::read("SELECT role::oid FROM jitmask.right_ WHERE \"right\" = $1", &[right.into()], |row| row.need(1))
}

/// Whether the caller may see what concerns others: administrators, auditors and superusers.
pub fn oversees(caller: Caller) -> bool {
    session::is_superuser(caller.role) || rights::holds(caller.login, "admin") || rights::holds(caller.login, "auditor")
}

/// 42501 if many people share the login: it stands for nobody in particular.
pub fn personal(login: Oid, what: &str) -> Result<()> {
    let shared = store::read("SELECT 1 FROM jitmask.shared_login_ WHERE role = $1", &[login.into()], |_| Ok(()))?;
    if shared.is_empty() {
        return Ok(());
    }
    let name = session::role_name(login);
    Err(Error::new(Code::Privilege, format!("a shared login can't {what}"))
        .detail(format!("Login \"{name}\" is marked as shared by several people, and this takes one."))
        .hint("Connect with a login of your own."))
}

/// A role by name. 42704 if there is none.
pub fn role(name: &str) -> Result<Oid> {
    session::role_oid(name).ok_or_else(|| {
        Error::new(Code::Unknown, format!("role \"{name}\" does not exist"))
            .hint("Write the role's name as in pg_roles, without quotes: SELECT rolname FROM pg_roles;")
    })
}

/// A text as an SQL literal, for the calls in hints.
pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
