//! Labels: where a policy is attached to a column, as a SECURITY LABEL of the provider `jitmask`.

use std::ffi::{CStr, CString};

use jitmask_core::model::label::Label;
use pgrx::pg_sys::Oid;

use super::session;
use crate::error::{Code, Error, Result};
use crate::pg::{relation, seclabel};

/// The label provider's name.
pub const PROVIDER: &CStr = c"jitmask";

/// The column's own label. 55000 if what is stored can't be read.
pub fn get(relid: Oid, attnum: i16) -> Result<Option<Label>> {
    let found = seclabel::of_columns(relid, PROVIDER).into_iter().find(|(column, _)| *column == attnum);
    match found {
        None => Ok(None),
        Some((_, text)) => parse(&text).map(Some),
    }
}

/// Puts a label on a column, or takes it off. Nobody reads the relation from here until the transaction ends: no
/// statement straddles a change of policy.
pub fn set(relid: Oid, attnum: i16, label: Option<&Label>) -> Result<()> {
    let text = label.map(Label::canonical).map(CString::new).transpose();
    let text = text.map_err(|_| Error::new(Code::BadArgument, "a label can't hold a NUL character"))?;
    set_text(relid, attnum, text.as_deref());
    Ok(())
}

/// The same with the label's text, which is not read.
pub fn set_text(relid: Oid, attnum: i16, text: Option<&CStr>) {
    for relation in relation::with_descendants(relid) {
        relation::lock_against_readers(relation);
    }
    seclabel::set_on_column(relid, attnum, PROVIDER, text);
    announce(relid);
}

/// The text of a column's own label.
pub fn text(relid: Oid, attnum: i16) -> Option<String> {
    seclabel::of_columns(relid, PROVIDER).into_iter().find(|(column, _)| *column == attnum).map(|(_, text)| text)
}

/// Tells everybody that the labels of a relation have changed.
pub fn announce(relid: Oid) {
    for relation in relation::with_descendants(relid) {
        relation::invalidate(relation);
    }
    session::changed();
}

/// Every label of the database, as stored: relation, column, text.
pub fn all() -> Result<Vec<(Oid, i16, String)>> {
    Ok(seclabel::everywhere(PROVIDER))
}

/// Reads a label's text. 22023 with the reason if it can't be read.
pub fn parse(text: &str) -> Result<Label> {
    Label::parse(text).map_err(|error| {
        Error::new(Code::BadArgument, format!("this is not a label of jitmask: {error}"))
            .hint("Write the name of a policy, or use jitmask.attach('policy', 'schema.table.column').")
    })
}
