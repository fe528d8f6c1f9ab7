//! Row layouts.

use std::ffi::{CStr, CString};

use pgrx::pg_sys::{self, Oid};

/// One column of a relation, dropped ones included.
pub struct Column {
    /// Its number, from 1.
    pub number: i16,
    /// It was dropped; only its place is left.
    pub dropped: bool,
    /// Its values are computed from other columns.
    pub generated: bool,
    /// Its type.
    pub type_oid: Oid,
    /// The type's modifier.
    pub typmod: i32,
    /// Its collation.
    pub collation: Oid,
    /// Its name.
    pub name: CString,
}

/// The columns of a relation that the caller holds a lock on.
pub fn columns(relation: Oid) -> Vec<Column> {
    // SAFETY: the descriptor is read while the relcache reference is held; attributes are looked up one by one by the
    // server's own function, since where they lie differs between majors.
    unsafe {
        let opened = pg_sys::RelationIdGetRelation(relation);
        if opened.is_null() {
            return Vec::new();
        }
        let descriptor = (*opened).rd_att;
        let count = (*descriptor).natts;
        let columns = (1..=count)
            .filter_map(|number| {
                let attribute = pgrx::PgTupleDesc::from_pg_unchecked(descriptor);
                let attribute = *attribute.get(usize::try_from(number - 1).ok()?)?;
                Some(Column {
                    number: i16::try_from(number).ok()?,
                    dropped: attribute.attisdropped,
                    generated: attribute.attgenerated != 0,
                    type_oid: attribute.atttypid,
                    typmod: attribute.atttypmod,
                    collation: attribute.attcollation,
                    name: CStr::from_ptr(attribute.attname.data.as_ptr()).to_owned(),
                })
            })
            .collect();
        pg_sys::RelationClose(opened);
        columns
    }
}

/// How a type's values are stored: length (-1 for variable) and whether they are passed by value.
pub fn storage(type_oid: Oid) -> (i16, bool) {
    let (mut length, mut by_value) = (-1, false);
    // SAFETY: fills two out-parameters from the type cache.
    unsafe { pg_sys::get_typlenbyval(type_oid, &mut length, &mut by_value) };
    (length, by_value)
}
