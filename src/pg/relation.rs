//! Facts about relations and their columns, from the system catalogs.

use pgrx::pg_sys::{self, Oid};
use std::ffi::{CStr, CString};

use super::scan::{self, Key};

// Fixed by the server (catalog/pg_inherits.h); pgrx has no names for them.
const PG_INHERITS: u32 = 2611;
const PG_INHERITS_RELID_SEQNO_INDEX: u32 = 2680;
const PG_INHERITS_PARENT_INDEX: u32 = 2187;

/// What a column's values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ColumnType {
    /// The type.
    pub oid: Oid,
    /// Its modifier, -1 for none.
    pub typmod: i32,
    /// Its collation, 0 for none.
    pub collation: Oid,
}

/// `pg_class.relkind`, or 0 for a relation that isn't there.
pub fn kind(relation: Oid) -> u8 {
    // SAFETY: a syscache look-up.
    unsafe { pg_sys::get_rel_relkind(relation) as u8 }
}

/// What pg_class says of a relation.
#[derive(Clone, Copy)]
pub struct Facts {
    /// Its owner.
    pub owner: Oid,
    /// `pg_class.relkind`.
    pub kind: u8,
    /// It has row security enabled.
    pub row_security: bool,
    /// It has rules (a view has one by nature).
    pub rules: bool,
    /// The type of its rows.
    pub row_type: Oid,
}

/// Facts about a relation; `None` if it is gone.
pub fn facts(relation: Oid) -> Option<Facts> {
    // SAFETY: the cache entry is released before returning; GETSTRUCT lies behind the tuple header.
    unsafe {
        let tuple = pg_sys::SearchSysCache1(pg_sys::SysCacheIdentifier::RELOID as i32, pg_sys::Datum::from(relation));
        if tuple.is_null() {
            return None;
        }
        let form = pg_sys::GETSTRUCT(tuple).cast::<pg_sys::FormData_pg_class>();
        let facts = Facts {
            owner: (*form).relowner,
            kind: (*form).relkind as u8,
            row_security: (*form).relrowsecurity,
            rules: (*form).relhasrules,
            row_type: (*form).reltype,
        };
        pg_sys::ReleaseSysCache(tuple);
        Some(facts)
    }
}

/// The schema a relation is in.
pub fn schema(relation: Oid) -> Oid {
    // SAFETY: a syscache look-up.
    unsafe { pg_sys::get_rel_namespace(relation) }
}

/// The relation of that name in that schema.
pub fn in_schema(schema: Oid, name: &CStr) -> Option<Oid> {
    // SAFETY: a syscache look-up.
    let oid = unsafe { pg_sys::get_relname_relid(name.as_ptr(), schema) };
    (oid != Oid::INVALID).then_some(oid)
}

/// The relation of that name in the schema of another.
pub fn sibling(of: Oid, name: &str) -> Option<Oid> {
    in_schema(schema(of), &CString::new(name).ok()?)
}

/// The schema of that name.
pub fn schema_named(name: &CStr) -> Option<Oid> {
    // SAFETY: a syscache look-up that answers 0 when there is none.
    let oid = unsafe { pg_sys::get_namespace_oid(name.as_ptr(), true) };
    (oid != Oid::INVALID).then_some(oid)
}

/// The installed extension of that name. Scans pg_extension: remember the answer.
pub fn extension(name: &CStr) -> Option<Oid> {
    // SAFETY: answers 0 when there is none.
    let oid = unsafe { pg_sys::get_extension_oid(name.as_ptr(), true) };
    (oid != Oid::INVALID).then_some(oid)
}

/// schema.relation, quoted where needed; the number in words if it is gone.
pub fn qualified_name(relation: Oid) -> String {
    // SAFETY: palloc'd strings of syscache look-ups; null for a relation that is gone.
    unsafe {
        let name = pg_sys::get_rel_name(relation);
        let schema = pg_sys::get_namespace_name(pg_sys::get_rel_namespace(relation));
        if name.is_null() || schema.is_null() {
            return format!("relation {} (dropped)", relation.to_u32());
        }
        CStr::from_ptr(pg_sys::quote_qualified_identifier(schema, name)).to_string_lossy().into_owned()
    }
}

/// The column's name; `None` if it was dropped.
pub fn column_name(relation: Oid, column: i16) -> Option<String> {
    // SAFETY: palloc'd string, or null with missing_ok; a dropped column has no visible name.
    unsafe {
        let name = pg_sys::get_attname(relation, column, true);
        if name.is_null() {
            return None;
        }
        Some(CStr::from_ptr(name).to_string_lossy().into_owned())
    }
}

/// The number of the column of that name; `None` if there is none.
pub fn column_number(relation: Oid, name: &str) -> Option<i16> {
    let name = CString::new(name).ok()?;
    match scan::column_number(relation, &name) {
        0 => None,
        number => Some(number),
    }
}

/// The column's type.
pub fn column_type(relation: Oid, column: i16) -> ColumnType {
    let mut found = ColumnType { oid: Oid::INVALID, typmod: -1, collation: Oid::INVALID };
    // SAFETY: fills three out-parameters; raises for a column that isn't there.
    unsafe {
        pg_sys::get_atttypetypmodcoll(relation, column, &mut found.oid, &mut found.typmod, &mut found.collation);
    }
    found
}

/// The relations this one inherits from, or is a partition of: direct parents only.
pub fn parents(relation: Oid) -> Vec<Oid> {
    const INHRELID: i16 = 1;
    const INHPARENT: i16 = 2;
    let mut parents = Vec::new();
    scan::rows(
        Oid::from(PG_INHERITS),
        Some(Oid::from(PG_INHERITS_RELID_SEQNO_INDEX)),
        &[Key::Oid(INHRELID, relation)],
        |row| parents.extend(row.get::<Oid>(INHPARENT)),
    );
    parents
}

/// The relations that inherit from this one or are partitions of it: direct children only.
pub fn children(relation: Oid) -> Vec<Oid> {
    const INHRELID: i16 = 1;
    const INHPARENT: i16 = 2;
    let mut children = Vec::new();
    scan::rows(
        Oid::from(PG_INHERITS),
        Some(Oid::from(PG_INHERITS_PARENT_INDEX)),
        &[Key::Oid(INHPARENT, relation)],
        |row| children.extend(row.get::<Oid>(INHRELID)),
    );
    children
}

/// All descendants, the relation itself first.
pub fn with_descendants(relation: Oid) -> Vec<Oid> {
    let mut all = vec![relation];
    let mut next = 0;
    while let Some(parent) = all.get(next).copied() {
        for child in children(parent) {
            if !all.contains(&child) {
                all.push(child);
            }
        }
        next += 1;
    }
    all
}

/// Every materialized view of the database.
pub fn materialized_views() -> Vec<Oid> {
    let class = pg_sys::RelationRelationId;
    let (oid, kind) = (scan::column_number(class, c"oid"), scan::column_number(class, c"relkind"));
    let mut found = Vec::new();
    scan::rows(class, None, &[], |row| {
        if row.get::<i8>(kind) == Some(b'm' as i8) {
            found.extend(row.get::<Oid>(oid));
        }
    });
    found.sort_unstable_by_key(|relation| relation.to_u32());
    found
}

/// Waits for a lock that no reader can hold at the same time, and keeps it until the transaction ends.
pub fn lock_against_readers(relation: Oid) {
    // SAFETY: an ordinary lock request; may raise.
    unsafe { pg_sys::LockRelationOid(relation, pg_sys::AccessExclusiveLock as i32) }
}

/// Tells every session at commit, and this one at its next command, to forget what it knows of the relation, plans included.
pub fn invalidate(relation: Oid) {
    // SAFETY: queues a message; raises if the relation is gone.
    unsafe { pg_sys::CacheInvalidateRelcacheByRelid(relation) }
}

/// The table an index is over; `None` for anything but an index.
pub fn index_table(index: Oid) -> Option<Oid> {
    // SAFETY: a syscache look-up that answers 0 for anything but an index.
    let table = unsafe { pg_sys::IndexGetRelation(index, true) };
    (table != Oid::INVALID).then_some(table)
}

/// The columns of an index's key; `None` if it is no index, or if some of them are expressions.
pub fn key_columns(index: Oid) -> Option<Vec<i16>> {
    // SAFETY: the cache entry is released before returning; indkey is the last field of the fixed part, and has at
    // least indnkeyatts numbers.
    unsafe {
        let tuple = pg_sys::SearchSysCache1(pg_sys::SysCacheIdentifier::INDEXRELID as i32, pg_sys::Datum::from(index));
        if tuple.is_null() {
            return None;
        }
        let form = pg_sys::GETSTRUCT(tuple).cast::<pg_sys::FormData_pg_index>();
        let count = usize::try_from((*form).indnkeyatts).unwrap_or(0);
        let columns = (*form).indkey.values.as_slice(count).to_vec();
        pg_sys::ReleaseSysCache(tuple);
        (!columns.contains(&0)).then_some(columns)
    }
}

/// Whether this transaction holds a lock on a relation that commands take to change it, ANALYZE and REINDEX included.
pub fn is_being_altered(relation: Oid) -> bool {
    // SAFETY: the relcache reference is given back; looking at one's own locks can't raise.
    unsafe {
        let opened = pg_sys::RelationIdGetRelation(relation);
        if opened.is_null() {
            return false;
        }
        let locked = pg_sys::CheckRelationLockedByMe(opened, pg_sys::ShareUpdateExclusiveLock as i32, true);
        pg_sys::RelationClose(opened);
        locked
    }
}

/// Whether a user owns a relation, or acts for its owner.
pub fn owned_by(relation: Oid, user: Oid) -> bool {
    // SAFETY: a syscache look-up.
    facts(relation).is_some_and(|facts| unsafe { pg_sys::has_privs_of_role(user, facts.owner) })
}

/// Whether triggers may fill new rows of a relation before they are stored.
pub fn fills_new_rows(relation: Oid) -> bool {
    // SAFETY: the relcache reference is given back.
    unsafe {
        let opened = pg_sys::RelationIdGetRelation(relation);
        if opened.is_null() {
            return true;
        }
        let triggers = (*opened).trigdesc;
        let fills = !triggers.is_null() && (*triggers).trig_insert_before_row;
        pg_sys::RelationClose(opened);
        fills
    }
}

/// The table an extended statistics object is over; `None` if the object is gone.
pub fn statistics_table(statistics: Oid) -> Option<Oid> {
    const PG_STATISTIC_EXT: u32 = 3381;
    const PG_STATISTIC_EXT_OID_INDEX: u32 = 3380;
    const OID: i16 = 1;
    const STXRELID: i16 = 2;
    let mut table = None;
    scan::rows(
        Oid::from(PG_STATISTIC_EXT),
        Some(Oid::from(PG_STATISTIC_EXT_OID_INDEX)),
        &[Key::Oid(OID, statistics)],
        |row| table = row.get::<Oid>(STXRELID),
    );
    table
}
