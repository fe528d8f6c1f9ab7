//! Security labels of columns, for one provider.

use pgrx::pg_sys::{self, Oid};
use std::ffi::{CStr, CString};

use super::scan::{self, Key};

const OBJOID: i16 = 1;
const CLASSOID: i16 = 2;
const OBJSUBID: i16 = 3;
const PROVIDER: i16 = 4;
const LABEL: i16 = 5;

/// Every labelled column of the relation and its label.
pub fn of_columns(relation: Oid, provider: &CStr) -> Vec<(i16, String)> {
    let keys = [Key::Oid(OBJOID, relation), Key::Oid(CLASSOID, pg_sys::RelationRelationId)];
    let mut found = Vec::new();
    collect(Some(Oid::from(pg_sys::SecLabelObjectIndexId)), &keys, provider, |_, column, label| {
        found.push((column, label));
    });
    found
}

/// Every labelled column of the database: relation, column, label.
pub fn everywhere(provider: &CStr) -> Vec<(Oid, i16, String)> {
    let mut found = Vec::new();
    collect(None, &[Key::Oid(CLASSOID, pg_sys::RelationRelationId)], provider, |relation, column, label| {
        found.push((relation, column, label));
    });
    found
}

fn collect(index: Option<Oid>, keys: &[Key], provider: &CStr, mut each: impl FnMut(Oid, i16, String)) {
    scan::rows(pg_sys::SecLabelRelationId, index, keys, |row| {
        if row.get::<String>(PROVIDER).is_none_or(|name| name.as_bytes() != provider.to_bytes()) {
            return;
        }
        let column = row.get::<i32>(OBJSUBID).and_then(|number| i16::try_from(number).ok());
        if let (Some(relation), Some(column), Some(label)) = (row.get::<Oid>(OBJOID), column, row.get(LABEL))
            && column > 0
        {
            each(relation, column, label);
        }
    });
}

/// Writes, replaces or (with `None`) removes the label of a column. Checks nothing.
pub fn set_on_column(relation: Oid, column: i16, provider: &CStr, label: Option<&CStr>) {
    let object = pg_sys::ObjectAddress {
        classId: pg_sys::RelationRelationId,
        objectId: relation,
        objectSubId: i32::from(column),
    };
    let label: Option<CString> = label.map(CStr::to_owned);
    // SAFETY: all strings live until the call returns; a null label deletes.
    unsafe {
        pg_sys::SetSecurityLabel(
            &object,
            provider.as_ptr(),
            label.as_ref().map_or(std::ptr::null(), |label| label.as_ptr()),
        );
        pg_sys::CommandCounterIncrement();
    }
}
