//! Facts about functions.

use pgrx::pg_sys::{self, Oid};
use std::ffi::CStr;

use super::scan::{self, Key};

/// The first OID that initdb can't have given: objects from here on were made by people and extensions.
pub const FIRST_NORMAL: u32 = 16384;

/// Part of the server itself.
pub fn is_builtin(function: Oid) -> bool {
    function.to_u32() < FIRST_NORMAL
}

/// schema.name(argument types), or a number in words if it is gone.
pub fn name(function: Oid) -> String {
    // SAFETY: palloc'd string; format_procedure() answers for missing functions too.
    unsafe { CStr::from_ptr(pg_sys::format_procedure_qualified(function)).to_string_lossy().into_owned() }
}

/// The schema a function is in; 0 if the function is gone.
pub fn schema(function: Oid) -> Oid {
    // SAFETY: a syscache look-up that answers 0 for a function that is gone.
    unsafe { pg_sys::get_func_namespace(function) }
}

/// What pg_proc says of a function.
#[derive(Clone, Copy)]
pub struct Facts {
    /// Its owner.
    pub owner: Oid,
    /// Its result type.
    pub result: Oid,
}

/// Whether it is settled what a function calls: it is compiled, or brings the `search_path` its body is read under.
pub fn is_settled(function: Oid) -> bool {
    const PG_PROC_OID_INDEX: u32 = 2690;
    // Fixed by the server (pg_language.dat).
    const INTERNAL: u32 = 12;
    const C: u32 = 13;
    let table = pg_sys::ProcedureRelationId;
    let number = |name| scan::column_number(table, name);
    let (oid, language, settings) = (number(c"oid"), number(c"prolang"), number(c"proconfig"));
    let mut settled = false;
    scan::rows(table, Some(Oid::from(PG_PROC_OID_INDEX)), &[Key::Oid(oid, function)], |row| {
        settled = row.get::<Oid>(language).is_some_and(|language| [INTERNAL, C].contains(&language.to_u32()))
            || row
                .get::<Vec<String>>(settings)
                .is_some_and(|settings| settings.iter().any(|setting| setting.starts_with("search_path=")));
    });
    settled
}

/// Owner and result type; `None` if the function is gone.
pub fn facts(function: Oid) -> Option<Facts> {
    // SAFETY: the cache entry is released before returning; GETSTRUCT lies behind the tuple header.
    unsafe {
        let tuple = pg_sys::SearchSysCache1(pg_sys::SysCacheIdentifier::PROCOID as i32, pg_sys::Datum::from(function));
        if tuple.is_null() {
            return None;
        }
        let form = pg_sys::GETSTRUCT(tuple).cast::<pg_sys::FormData_pg_proc>();
        let facts = Facts { owner: (*form).proowner, result: (*form).prorettype };
        pg_sys::ReleaseSysCache(tuple);
        Some(facts)
    }
}

/// The owner of a view or table; `None` if it is gone.
pub fn relation_owner(relation: Oid) -> Option<Oid> {
    super::relation::facts(relation).map(|facts| facts.owner)
}

/// The owner of a type; `None` if it is gone.
pub fn type_owner(type_oid: Oid) -> Option<Oid> {
    // SAFETY: as in facts().
    unsafe {
        let tuple = pg_sys::SearchSysCache1(pg_sys::SysCacheIdentifier::TYPEOID as i32, pg_sys::Datum::from(type_oid));
        if tuple.is_null() {
            return None;
        }
        let owner = (*pg_sys::GETSTRUCT(tuple).cast::<pg_sys::FormData_pg_type>()).typowner;
        pg_sys::ReleaseSysCache(tuple);
        Some(owner)
    }
}

/// A type's name, for people.
pub fn type_name(type_oid: Oid) -> String {
    // SAFETY: palloc'd string; answers for missing types too.
    unsafe { CStr::from_ptr(pg_sys::format_type_be(type_oid)).to_string_lossy().into_owned() }
}

/// The types of a function's arguments and of its result.
pub fn signature(function: Oid) -> (Vec<Oid>, Oid) {
    let (mut types, mut count) = (std::ptr::null_mut(), 0);
    // SAFETY: fills two out-parameters with a palloc'd array and its length; raises for a function that is gone.
    unsafe {
        let result = pg_sys::get_func_signature(function, &mut types, &mut count);
        let types = (0..usize::try_from(count).unwrap_or(0)).map(|place| *types.add(place)).collect();
        (types, result)
    }
}

/// The same arguments always give the same result, whatever the settings.
pub fn is_immutable(function: Oid) -> bool {
    // SAFETY: a syscache look-up; raises for a function that is gone.
    unsafe { pg_sys::func_volatile(function) as u8 == pg_sys::PROVOLATILE_IMMUTABLE }
}

/// The same arguments give the same result within one statement.
pub fn is_stable(function: Oid) -> bool {
    // SAFETY: a syscache look-up; raises for a function that is gone.
    unsafe { pg_sys::func_volatile(function) as u8 == pg_sys::PROVOLATILE_STABLE }
}

/// The function of that name and these argument types in a schema.
pub fn find(schema: Oid, name: &CStr, arguments: &[Oid]) -> Option<Oid> {
    // SAFETY: fresh String nodes in a list; the look-up is by exact argument types and misses quietly.
    unsafe {
        let schema = pg_sys::get_namespace_name(schema);
        if schema.is_null() {
            return None;
        }
        let mut names = std::ptr::null_mut();
        for part in [schema.cast_const(), name.as_ptr()] {
            names = pg_sys::lappend(names, super::raw::makeString(pg_sys::pstrdup(part)).cast());
        }
        let count = i32::try_from(arguments.len()).ok()?;
        let found = pg_sys::LookupFuncName(names, count, arguments.as_ptr(), true);
        (found != Oid::INVALID).then_some(found)
    }
}

/// A function's name without its schema; empty if it is gone.
pub fn bare_name(function: Oid) -> String {
    // SAFETY: palloc'd string or null.
    unsafe {
        let name = pg_sys::get_func_name(function);
        if name.is_null() { String::new() } else { CStr::from_ptr(name).to_string_lossy().into_owned() }
    }
}

/// Whether values of `outer` hold values of `domain`: it is that domain, a domain over it, an array of it, or a row with
/// such a column.
pub fn type_contains(outer: Oid, domain: Oid) -> bool {
    domains_in(outer).contains(&domain)
}

/// Every domain that somebody made and whose conditions run when a value of this type is made.
pub fn domains_in(outer: Oid) -> Vec<Oid> {
    let (mut domains, mut seen, mut left) = (Vec::new(), Vec::new(), vec![outer]);
    while let Some(next) = left.pop() {
        if next == Oid::INVALID || is_builtin(next) || seen.contains(&next) {
            continue;
        }
        seen.push(next);
        let Some(made_of) = made_of(next) else { continue };
        if made_of.is_domain {
            domains.push(next);
        }
        left.extend(made_of.types);
        if made_of.relation != Oid::INVALID {
            let columns = super::tuple::columns(made_of.relation);
            left.extend(columns.iter().filter(|column| !column.dropped).map(|column| column.type_oid));
        }
    }
    domains
}

/// What a type is made of.
struct MadeOf {
    is_domain: bool,
    types: Vec<Oid>,
    relation: Oid,
}

fn made_of(type_oid: Oid) -> Option<MadeOf> {
    // SAFETY: as in facts(); the other look-ups answer 0 where there is nothing.
    unsafe {
        let tuple = pg_sys::SearchSysCache1(pg_sys::SysCacheIdentifier::TYPEOID as i32, pg_sys::Datum::from(type_oid));
        if tuple.is_null() {
            return None;
        }
        let form = pg_sys::GETSTRUCT(tuple).cast::<pg_sys::FormData_pg_type>();
        let kind = (*form).typtype as u8;
        let mut made_of = MadeOf {
            is_domain: kind == b'd',
            types: vec![(*form).typbasetype, (*form).typelem],
            relation: (*form).typrelid,
        };
        pg_sys::ReleaseSysCache(tuple);
        match kind {
            b'r' => made_of.types.push(pg_sys::get_range_subtype(type_oid)),
            b'm' => made_of.types.push(pg_sys::get_multirange_range(type_oid)),
            _ => {}
        }
        Some(made_of)
    }
}
