//! Rights inside jitmask: rows in this database, not cluster roles.

use pgrx::pg_sys::Oid;

use super::cache::{Remembered, Source};
use super::extension::{self, Installed};
use super::session;
use crate::error::{Code, Error, Result};
use crate::pg::roles;
use crate::pg::scan;

thread_local! {
    static RIGHTS: Remembered<Vec<(Oid, String)>> = const { Remembered::new(Source::People) };
}

/// Whether a login holds a right, itself or through a role it is a member of. Being superuser is not holding a right.
pub fn holds(login: Oid, right: &str) -> bool {
    let Some(ours) = extension::installed() else { return false };
    let rights = RIGHTS.with(|remembered| remembered.get(|| read(&ours)));
    rights.iter().any(|(role, held)| held == right && (*role == login || roles::is_member(login, *role)))
}

fn read(ours: &Installed) -> Vec<(Oid, String)> {
    let mut rights = Vec::new();
    let table = ours.right;
    let (role, right) = (scan::column_number(table, c"role"), scan::column_number(table, c"right"));
    scan::rows(table, None, &[], |row| {
        if let (Some(role), Some(right)) = (row.get::<Oid>(role), row.get::<String>(right)) {
            rights.push((role, right));
        }
    });
    rights
}

/// 42501 unless the caller administers jitmask: acts as a superuser, or its login holds the right `admin`.
pub fn require_admin(what: &str) -> Result<()> {
    let caller = session::caller();
    if roles::is_superuser(caller.role) || holds(caller.login, "admin") {
        return Ok(());
    }
    let name = roles::name(caller.login);
    Err(Error::new(Code::Privilege, format!("permission denied for {what}"))
        .detail(format!("Role \"{name}\" does not hold jitmask's right \"admin\"."))
        .hint(format!("A superuser can give it: SELECT * FROM jitmask.grant_right('{name}', 'admin');")))
}
