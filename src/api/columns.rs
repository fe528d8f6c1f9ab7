//! Columns as people write them: `schema.table.column`, `table.column`, quoted where needed, or `table.*`.
//!
//! For: attach, detach, request, approve, why, is_masked. Names are looked up in the caller's own `search_path`, as in
//! any statement of theirs; from there on everything goes by number.

use pgrx::pg_sys::Oid;
use pgrx::spi::quote_identifier;

use super::store;
use crate::error::{Code, Error, Result};
use crate::pg::names::{self, Lost};
use crate::pg::relation;

/// A column that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its relation.
    pub relid: Oid,
    /// Its number, 1 or more.
    pub attnum: i16,
    /// schema.table, quoted where needed.
    pub relation: String,
    /// Its name, as stored.
    pub name: String,
}

impl Column {
    /// schema.table.column, quoted where needed: what every function takes.
    pub fn full_name(&self) -> String {
        format!("{}.{}", self.relation, quote_identifier(&self.name))
    }

    /// The column of that number; `None` if it was dropped.
    pub fn by_number(relid: Oid, attnum: i16) -> Option<Column> {
        let name = relation::column_name(relid, attnum)?;
        Some(Column { relid, attnum, relation: relation::qualified_name(relid), name })
    }
}

/// What somebody wrote, found.
pub struct Found {
    /// One column; with `star` all of the relation's.
    pub columns: Vec<Column>,
    /// It was written as `table.*`.
    pub star: bool,
}

/// Finds what is written. 22023 if it is no name of a column, 42704 or 42703 if there is none such.
///
/// `example` is the call to show in the HINT.
pub fn find(written: &str, example: &str) -> Result<Found> {
    let found = names::resolve(written).map_err(|lost| match lost {
        Lost::Form => Error::new(Code::BadArgument, format!("\"{written}\" is not the name of a column"))
            .detail("A column is written schema.table.column or table.column; schema.table.* means all of them.")
            .hint(example.to_owned()),
        Lost::Relation(relation) => Error::new(Code::Unknown, format!("relation \"{relation}\" does not exist"))
            .detail("Names without a schema are looked up in your search_path.")
            .hint(example.to_owned()),
    })?;
    let relid = found.relation;
    if found.column == "*" {
        let columns = all(relid)?;
        return Ok(Found { columns, star: true });
    }
    let column = match relation::column_number(relid, &found.column) {
        Some(attnum) if attnum > 0 => Column::by_number(relid, attnum),
        _ => None,
    };
    let column = column.ok_or_else(|| unknown(relid, &found.column, example))?;
    Ok(Found { columns: vec![column], star: false })
}

/// Finds several, each column once, in the order written; also whether each was written out rather than as `table.*`.
pub fn find_all(written: &[String], example: &str) -> Result<Vec<(Column, bool)>> {
    if written.is_empty() {
        return Err(Error::new(Code::BadArgument, "no column is named").hint(example.to_owned()));
    }
    let mut columns: Vec<(Column, bool)> = Vec::new();
    for name in written {
        let found = find(name, example)?;
        for column in found.columns {
            match columns.iter_mut().find(|(known, _)| *known == column) {
                Some((_, explicit)) => *explicit |= !found.star,
                None => columns.push((column, !found.star)),
            }
        }
    }
    Ok(columns)
}

/// Finds exactly one.
pub fn find_one(written: &str, example: &str) -> Result<Column> {
    let found = find(written, example)?;
    match (found.star, found.columns.into_iter().next()) {
        (false, Some(column)) => Ok(column),
        _ => {
            Err(Error::new(Code::BadArgument, format!("\"{written}\" is more than one column"))
                .hint(example.to_owned()))
        }
    }
}

fn all(relid: Oid) -> Result<Vec<Column>> {
    let relation = relation::qualified_name(relid);
    store::read(
        "SELECT attnum, attname::text FROM pg_catalog.pg_attribute
          WHERE attrelid = $1 AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
        &[relid.into()],
        |row| Ok(Column { relid, attnum: row.need(1)?, relation: relation.clone(), name: row.need(2)? }),
    )
}

fn unknown(relid: Oid, name: &str, example: &str) -> Error {
    const SHOWN: usize = 30;
    let relation = relation::qualified_name(relid);
    let error = Error::new(Code::UnknownColumn, format!("column \"{name}\" of relation {relation} does not exist"))
        .hint(example.to_owned());
    let names: Vec<String> = all(relid).unwrap_or_default().into_iter().map(|column| column.name).collect();
    let shown: Vec<&str> = names.iter().take(SHOWN).map(String::as_str).collect();
    let more = if names.len() > SHOWN { ", …" } else { "" };
    error.detail(format!("Its columns are: {}{more}.", shown.join(", ")))
}
