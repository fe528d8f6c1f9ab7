//! Standing facts about roles: exemptions, trusted owners, shared logins; and who is a member of whom.

use std::rc::Rc;

use jitmask_core::model::decide::{Exemption, Membership, RoleId};
use pgrx::pg_sys::Oid;

use super::cache::{Remembered, Source};
use super::extension::Installed;
use crate::pg::roles;
use crate::pg::scan;

/// What the tables say.
#[derive(Default)]
pub struct People {
    /// Standing exemptions.
    pub exemptions: Vec<Exemption>,
    /// Owners whose code may see what a grant reveals.
    pub trusted_owners: Vec<Oid>,
    /// Logins that many people share.
    pub shared_logins: Vec<Oid>,
}

thread_local! {
    static PEOPLE: Remembered<People> = const { Remembered::new(Source::People) };
}

/// Exemptions, trusted owners and shared logins as they stand.
pub fn people(installed: &Installed) -> Rc<People> {
    PEOPLE.with(|remembered| remembered.get(|| read(installed)))
}

fn read(installed: &Installed) -> People {
    let mut people = People::default();
    let exemption = installed.exemption;
    let role = scan::column_number(exemption, c"role");
    let inherit = scan::column_number(exemption, c"inherit");
    let until = scan::column_number(exemption, c"until");
    scan::rows(exemption, None, &[], |row| {
        if let (Some(role), Some(inherit)) = (row.get::<Oid>(role), row.get::<bool>(inherit)) {
            // timestamptz is stored as microseconds in an int8.
            people.exemptions.push(Exemption { role: role.to_u32(), inherit, until: row.get::<i64>(until) });
        }
    });
    people.trusted_owners = roles_in(installed.trusted_owner);
    people.shared_logins = roles_in(installed.shared_login);
    people
}

fn roles_in(table: Oid) -> Vec<Oid> {
    let role = scan::column_number(table, c"role");
    let mut roles = Vec::new();
    scan::rows(table, None, &[], |row| roles.extend(row.get::<Oid>(role)));
    roles
}

/// Membership as the server knows it.
pub struct Memberships;

impl Membership for Memberships {
    fn is_member(&self, role: RoleId, of: RoleId) -> bool {
        roles::is_member(Oid::from(role), Oid::from(of))
    }
}

impl People {
    /// Whether code of this owner may see what `login` was granted: its own, a superuser's, an exempt role's, or one
    /// listed as trusted.
    pub fn trusts(&self, login: Oid, owner: Oid, now: i64) -> bool {
        owner == login
            || roles::is_superuser(owner)
            || self.trusted_owners.contains(&owner)
            || self.exemptions.iter().any(|e| e.role == owner.to_u32() && e.until.is_none_or(|until| now < until))
    }
}
