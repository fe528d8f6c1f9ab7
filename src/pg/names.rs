//! Names as people write them, resolved as the server would.

use pgrx::pg_sys::{self, Oid};
use std::ffi::{CStr, CString};

use super::roles;

/// A written column name, taken apart and looked up under the current `search_path`.
#[derive(Clone, Debug)]
pub struct Written {
    /// The relation.
    pub relation: Oid,
    /// What stood after the last dot: a column's name, or `*`.
    pub column: String,
}

/// Why a written name leads nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lost {
    /// It is not of the form relation.column or schema.relation.column.
    Form,
    /// There is no such relation; holds the relation's part.
    Relation(String),
}

/// Takes `[schema.]relation.column` apart, quotes and case as in SQL, and finds the relation.
pub fn resolve(written: &str) -> Result<Written, Lost> {
    let star = written.trim_end().strip_suffix(".*");
    let parts = split(star.unwrap_or(written)).ok_or(Lost::Form)?;
    let (relation_parts, column) = match (star, parts.split_last()) {
        (Some(_), Some(_)) => (parts.as_slice(), "*".to_owned()),
        (None, Some((column, rest))) if !rest.is_empty() => (rest, column.clone()),
        _ => return Err(Lost::Form),
    };
    if relation_parts.len() > 2 {
        return Err(Lost::Form);
    }
    let relation = roles::as_outer_user(|| find_relation(relation_parts))
        .ok_or_else(|| Lost::Relation(relation_parts.join(".")))?;
    Ok(Written { relation, column })
}

/// Splits a dotted identifier; unquoted parts are folded to lower case. `None` if it is none.
fn split(written: &str) -> Option<Vec<String>> {
    let text = CString::new(written).ok()?;
    // SAFETY: the server's own splitter writes into a copy it may keep; the list holds pointers into that copy.
    unsafe {
        let copy = pg_sys::pstrdup(text.as_ptr());
        let mut list: *mut pg_sys::List = std::ptr::null_mut();
        if !pg_sys::SplitIdentifierString(copy, b'.' as std::ffi::c_char, &mut list) || list.is_null() {
            return None;
        }
        let names = (0..(*list).length).map(|place| pg_sys::list_nth(list, place).cast::<std::ffi::c_char>());
        Some(names.map(|name| CStr::from_ptr(name).to_string_lossy().into_owned()).collect())
    }
}

fn find_relation(parts: &[String]) -> Option<Oid> {
    let names: Vec<CString> = parts.iter().map(|part| CString::new(part.as_str()).ok()).collect::<Option<_>>()?;
    let (schema, name) = match names.as_slice() {
        [name] => (None, name),
        [schema, name] => (Some(schema), name),
        _ => return None,
    };
    // SAFETY: look-ups by name with missing_ok; pointers live until the calls return.
    unsafe {
        let relation = match schema {
            None => pg_sys::RelnameGetRelid(name.as_ptr()),
            Some(schema) => {
                let schema = pg_sys::LookupExplicitNamespace(schema.as_ptr(), true);
                pg_sys::get_relname_relid(name.as_ptr(), schema)
            }
        };
        (relation != Oid::INVALID).then_some(relation)
    }
}
