//! The live grants of a login, in this database, on this cluster.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use jitmask_core::model::decide::Grant;
use pgrx::pg_sys::Oid;

use super::cache::{Remembered, Source};
use super::extension::Installed;
use crate::pg::instance;
use crate::pg::local::Local;
use crate::pg::scan::{self, Key};

/// A grant and what it covers.
#[derive(Clone, Debug)]
pub struct Granted {
    /// Its id and its time.
    pub grant: Grant,
    /// Relation and column, by number.
    pub columns: Vec<(Oid, i16)>,
}

/// One login's live grants.
pub struct GrantsOf {
    /// In no particular order; some may still be to start, some may have run out since they were read.
    pub granted: Vec<Granted>,
}

// The login whose grants are remembered is part of the value: a session rarely has more than one.
static GRANTS: Local<RefCell<Option<Rc<Remembered<GrantsOf>>>>> = Local::new(RefCell::new(None));
static OF: Local<Cell<Oid>> = Local::new(Cell::new(Oid::INVALID));

/// The login's grants that are live or still to start. Whether the clock is past their end is for the decision to say.
pub fn grants_of(installed: &Installed, login: Oid) -> Rc<GrantsOf> {
    let remembered = {
        let mut slot = GRANTS.borrow_mut();
        if OF.replace(login) != login {
            *slot = None;
        }
        Rc::clone(slot.get_or_insert_with(|| Rc::new(Remembered::new(Source::Grants))))
    };
    remembered.get(|| read(installed, login))
}

/// Whether the login has any, live now or not yet; `None` if that has to be looked up. Can neither raise nor panic.
pub fn known_any(login: Oid) -> Option<bool> {
    if OF.get() != login {
        return None;
    }
    GRANTS.try_borrow().ok()?.as_ref()?.known(GrantsOf::any)
}

fn read(installed: &Installed, login: Oid) -> GrantsOf {
    let grant = installed.grant;
    let number = |name| scan::column_number(grant, name);
    let (id, grantee, state) = (number(c"id"), number(c"grantee"), number(c"state"));
    let (starts_at, expires_at) = (number(c"starts_at"), number(c"expires_at"));
    let (database, system) = (number(c"database"), number(c"system_identifier"));
    let here = instance::identifier();
    let mut granted = Vec::new();
    // The index holds only the states that can reveal; they are checked again, for an index is a plan, not a proof.
    scan::rows(grant, Some(installed.grants_live), &[Key::Oid(grantee, login)], |row| {
        let live = matches!(row.get::<String>(state).as_deref(), Some("scheduled" | "active"));
        // A grant is bound to the database and the cluster it was given in: no copy of either brings it along.
        let at_home = row.get::<Oid>(database) == Some(instance::database()) && row.get::<i64>(system) == Some(here);
        if !live || !at_home || row.get::<Oid>(grantee) != Some(login) {
            return;
        }
        if let (Some(id), Some(starts_at), Some(expires_at)) =
            (row.get::<i64>(id), row.get::<i64>(starts_at), row.get::<i64>(expires_at))
        {
            granted.push(Granted { grant: Grant { id, starts_at, expires_at }, columns: Vec::new() });
        }
    });
    for entry in &mut granted {
        entry.columns = columns_of(installed, entry.grant.id);
    }
    GrantsOf { granted }
}

fn columns_of(installed: &Installed, grant: i64) -> Vec<(Oid, i16)> {
    let table = installed.grant_column;
    let grant_id = scan::column_number(table, c"grant_id");
    let relid = scan::column_number(table, c"relid");
    let attnum = scan::column_number(table, c"attnum");
    let mut columns = Vec::new();
    scan::rows(table, Some(installed.grant_column_pkey), &[Key::BigInt(grant_id, grant)], |row| {
        if let (Some(relation), Some(column)) = (row.get::<Oid>(relid), row.get::<i16>(attnum)) {
            columns.push((relation, column));
        }
    });
    columns
}

impl GrantsOf {
    /// The grants that cover this column.
    pub fn on(&self, relation: Oid, column: i16) -> impl Iterator<Item = &Granted> {
        self.granted.iter().filter(move |granted| granted.columns.contains(&(relation, column)))
    }

    /// Whether there is any at all, live now or not yet.
    pub fn any(&self) -> bool {
        !self.granted.is_empty()
    }
}
