//! Reading tables without SPI: no parser, no planner, no privileges, no hooks.
//!
//! The engine calls this from inside the planner, where SPI must not be used (pgrx.md 4.4).

use pgrx::FromDatum;
use pgrx::pg_sys::{self, Oid};

/// A value to look for, in the column of the given number.
#[derive(Clone, Copy)]
pub enum Key {
    /// column = oid
    Oid(i16, Oid),
    /// column = int8
    BigInt(i16, i64),
}

/// One row, deformed. Values are valid only while the scan stands on it.
pub struct Row {
    values: Vec<pg_sys::Datum>,
    nulls: Vec<bool>,
}

impl Row {
    /// The value in column `number` (from 1) as a Rust type; `None` for NULL or a column that isn't there.
    ///
    /// The caller names the type the column has; a wrong one would be undefined, so it is asked for only with the
    /// tables whose definitions this library ships.
    pub fn get<T: FromDatum>(&self, number: i16) -> Option<T> {
        let place = usize::try_from(number).ok()?.checked_sub(1)?;
        let (value, null) = (self.values.get(place)?, self.nulls.get(place)?);
        // SAFETY: the tuple is held by the scan while `Row` is lent out; the type is the column's (see above).
        unsafe { T::from_datum(*value, *null) }
    }
}

/// The number of a relation's column, or 0 if there is none of that name.
pub fn column_number(relation: Oid, name: &std::ffi::CStr) -> i16 {
    // SAFETY: a syscache look-up by value.
    unsafe { pg_sys::get_attnum(relation, name.as_ptr()) }
}

/// Calls `each` for every row of `relation` that matches `keys`, through `index` if one is given. Sees everything
/// committed by now, and this transaction's own changes, whatever the isolation level.
pub fn rows(relation: Oid, index: Option<Oid>, keys: &[Key], each: impl FnMut(&Row)) {
    // A null snapshot is the catalog snapshot, which for a relation without a syscache is taken afresh: it sees all that
    // is committed by now, whatever the isolation level, and fixes no transaction snapshot.
    rows_under(std::ptr::null_mut(), relation, index, keys, each);
}

/// As [`rows`], and sees also what the command under way has written so far.
pub fn rows_just_written(relation: Oid, index: Option<Oid>, keys: &[Key], each: impl FnMut(&Row)) {
    // Sees every row as its latest version of this very transaction left it; needs no preparation (utils/snapmgr.h).
    rows_under(&raw mut pg_sys::SnapshotSelfData, relation, index, keys, each);
}

fn rows_under(snapshot: pg_sys::Snapshot, relation: Oid, index: Option<Oid>, keys: &[Key], mut each: impl FnMut(&Row)) {
    // SAFETY: the relation is opened and closed here; scan keys live on this frame until the end of the scan; tuples
    // are used only between two systable_getnext() calls. If `each` or the server raises, abort releases it all.
    unsafe {
        let heap = pg_sys::table_open(relation, pg_sys::AccessShareLock as i32);
        let mut scan_keys: Vec<pg_sys::ScanKeyData> = keys.iter().map(scan_key).collect();
        let scan = pg_sys::systable_beginscan(
            heap,
            index.unwrap_or(pg_sys::InvalidOid),
            index.is_some(),
            snapshot,
            scan_keys.len() as i32,
            scan_keys.as_mut_ptr(),
        );
        let width = usize::try_from((*(*heap).rd_att).natts).unwrap_or(0);
        let mut row = Row { values: vec![pg_sys::Datum::null(); width], nulls: vec![true; width] };
        loop {
            let tuple = pg_sys::systable_getnext(scan);
            if tuple.is_null() {
                break;
            }
            pg_sys::heap_deform_tuple(tuple, (*heap).rd_att, row.values.as_mut_ptr(), row.nulls.as_mut_ptr());
            each(&row);
        }
        pg_sys::systable_endscan(scan);
        pg_sys::table_close(heap, pg_sys::AccessShareLock as i32);
    }
}

fn scan_key(key: &Key) -> pg_sys::ScanKeyData {
    let mut entry = pg_sys::ScanKeyData::default();
    let (column, procedure, value) = match *key {
        Key::Oid(column, oid) => (column, pg_sys::F_OIDEQ, pg_sys::Datum::from(oid)),
        Key::BigInt(column, number) => (column, pg_sys::F_INT8EQ, pg_sys::Datum::from(number)),
    };
    // SAFETY: initialises the entry with a built-in equality function.
    unsafe {
        pg_sys::ScanKeyInit(&mut entry, column, pg_sys::BTEqualStrategyNumber as u16, procedure.into(), value);
    }
    entry
}
