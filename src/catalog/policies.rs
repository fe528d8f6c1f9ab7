//! Masking policies by name, and the functions a mask may call beyond the built-in ones.

use std::collections::HashMap;
use std::rc::Rc;

use jitmask_core::model::write_back::WriteBack;
use pgrx::pg_sys::Oid;

use super::cache::{Remembered, Source};
use super::extension::Installed;
use crate::pg::scan;

/// A masking policy as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Its number, which a rename does not change.
    pub id: i32,
    /// The mask: an SQL expression over `value`.
    pub mask: String,
    /// What becomes of masked values that are written back.
    pub write_back: WriteBack,
    /// Goes up with every change.
    pub revision: i32,
}

/// What the tables say.
#[derive(Default)]
pub struct Policies {
    by_name: HashMap<String, Policy>,
    trusted_functions: Vec<Oid>,
}

thread_local! {
    static POLICIES: Remembered<Policies> = const { Remembered::new(Source::Policies) };
}

/// All policies of the database.
pub fn policies(installed: &Installed) -> Rc<Policies> {
    POLICIES.with(|remembered| remembered.get(|| read(installed)))
}

impl Policies {
    /// The policy of that name.
    pub fn named(&self, name: &str) -> Option<&Policy> {
        self.by_name.get(name)
    }

    /// Whether an administrator has listed the function as fit for masks.
    pub fn trusts_function(&self, function: Oid) -> bool {
        self.trusted_functions.contains(&function)
    }
}

fn read(installed: &Installed) -> Policies {
    let mut policies = Policies::default();
    let table = installed.policy;
    let number = |name| scan::column_number(table, name);
    let (id, name, mask, revision) = (number(c"policy_id"), number(c"name"), number(c"mask"), number(c"revision"));
    let write_back = number(c"write_back");
    scan::rows(table, None, &[], |row| {
        if let (Some(id), Some(name), Some(mask), Some(revision)) =
            (row.get::<i32>(id), row.get::<String>(name), row.get::<String>(mask), row.get::<i32>(revision))
        {
            let write_back = row.get::<String>(write_back).and_then(|name| WriteBack::named(&name)).unwrap_or_default();
            policies.by_name.insert(name, Policy { id, mask, write_back, revision });
        }
    });
    let table = installed.trusted_function;
    let function = scan::column_number(table, c"func");
    scan::rows(table, None, &[], |row| {
        policies.trusted_functions.extend(row.get::<Oid>(function));
    });
    policies
}
