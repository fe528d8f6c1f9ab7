//! Reading and writing jitmask's own tables: the one way from the SQL functions to SPI.
//!
//! For: everything in `api/`. Statements are fixed texts with every relation and function schema-qualified or built in,
//! arguments are bound, and `search_path` is pinned while they run, so that no object of the caller's gets in between.
//! Must hold: "no row" is an answer of its own ([`Option`] or an empty list), never mistaken for a NULL or an error.

use pgrx::Spi;
use pgrx::datum::{DatumWithOid, FromDatum, IntoDatum};
use pgrx::spi::{SpiClient, SpiError, SpiHeapTupleData, SpiTupleTable};

use crate::error::{Code, Error, Result};
use crate::pg::guc;

/// A bound argument; anything that has an SQL type converts into one.
pub type Arg<'a> = DatumWithOid<'a>;

/// One row of an answer.
pub struct Row<'a>(SpiHeapTupleData<'a>);

impl Row<'_> {
    /// The value in column `place` (from 1); `None` is NULL.
    pub fn get<T: FromDatum + IntoDatum>(&self, place: usize) -> Result<Option<T>> {
        self.0.get(place).map_err(unexpected)
    }

    /// The value in column `place` (from 1), which is never NULL.
    pub fn need<T: FromDatum + IntoDatum>(&self, place: usize) -> Result<T> {
        self.get(place)?.ok_or_else(|| broken(&format!("column {place} is NULL")))
    }
}

/// The rows of a statement that changes nothing. Works on a standby and in a read-only transaction.
pub fn read<T>(sql: &str, args: &[Arg<'_>], take: impl FnMut(&Row<'_>) -> Result<T>) -> Result<Vec<T>> {
    pinned(|client| collect(client.select(sql, None, args).map_err(unexpected)?, take))
}

/// The first row of a statement that changes nothing, if there is one.
pub fn read_one<T>(sql: &str, args: &[Arg<'_>], take: impl FnMut(&Row<'_>) -> Result<T>) -> Result<Option<T>> {
    Ok(read(sql, args, take)?.into_iter().next())
}

/// The rows a statement returns that changes something or locks rows.
pub fn write<T>(sql: &str, args: &[Arg<'_>], take: impl FnMut(&Row<'_>) -> Result<T>) -> Result<Vec<T>> {
    pinned(|client| collect(client.update(sql, None, args).map_err(unexpected)?, take))
}

/// The first row a statement returns that changes something or locks rows, if there is one.
pub fn write_one<T>(sql: &str, args: &[Arg<'_>], take: impl FnMut(&Row<'_>) -> Result<T>) -> Result<Option<T>> {
    Ok(write(sql, args, take)?.into_iter().next())
}

/// Runs a statement that changes something; answers how many rows it touched.
pub fn run(sql: &str, args: &[Arg<'_>]) -> Result<usize> {
    pinned(|client| client.update(sql, None, args).map(|table| table.len()).map_err(unexpected))
}

fn pinned<T>(body: impl FnOnce(&mut SpiClient<'_>) -> Result<T>) -> Result<T> {
    guc::with_search_path(c"pg_catalog, pg_temp", || Spi::connect_mut(body))
}

fn collect<T>(table: SpiTupleTable<'_>, mut take: impl FnMut(&Row<'_>) -> Result<T>) -> Result<Vec<T>> {
    table.map(|row| take(&Row(row))).collect()
}

fn unexpected(error: SpiError) -> Error {
    broken(&error.to_string())
}

fn broken(what: &str) -> Error {
    Error::new(Code::WrongState, "jitmask's own tables don't answer as they should")
        .detail(format!("{what}."))
        .hint("Compare SELECT * FROM jitmask.health(); with the version that is installed.")
}
