//! The secret that keyed masks use. It never leaves this process (I9): no SQL role reads the table it is in.

use std::rc::Rc;

use super::cache::{Remembered, Source};
use super::extension;
use crate::error::{Code, Error, Result};
use crate::pg::scan;

thread_local! {
    static CURRENT: Remembered<Option<Vec<u8>>> = const { Remembered::new(Source::Keys) };
}

/// The newest version of the key `default`.
///
/// 55000 when there is none: a keyed mask without a key must not fall back to anything guessable.
pub fn current() -> Result<Rc<Option<Vec<u8>>>> {
    let missing = || {
        Error::new(Code::WrongState, "jitmask has no key for keyed masks")
            .hint("Ask an administrator to look at jitmask.health().")
    };
    let installed = extension::installed().ok_or_else(missing)?;
    let key = CURRENT.with(|remembered| remembered.get(|| newest(installed.key)));
    if key.is_none() { Err(missing()) } else { Ok(key) }
}

fn newest(table: pgrx::pg_sys::Oid) -> Option<Vec<u8>> {
    let name = scan::column_number(table, c"name");
    let version = scan::column_number(table, c"version");
    let secret = scan::column_number(table, c"secret");
    let mut newest: Option<(i32, Vec<u8>)> = None;
    scan::rows(table, None, &[], |row| {
        if row.get::<String>(name).as_deref() != Some("default") {
            return;
        }
        if let (Some(version), Some(secret)) = (row.get::<i32>(version), row.get::<Vec<u8>>(secret))
            && newest.as_ref().is_none_or(|(known, _)| version > *known)
        {
            newest = Some((version, secret));
        }
    });
    newest.map(|(_, secret)| secret)
}
