//! What is to be masked in a tree, and what is left out.

use std::ffi::CString;

use jitmask_core::model::write_back::WriteBack;
use pgrx::pg_sys::{Oid, Query, RangeTblEntry, Var};

use crate::catalog::mask::Template;
use crate::pg::relation::ColumnType;

/// What to do with one column.
pub struct MaskedColumn {
    /// Its number.
    pub number: i16,
    /// What its values are.
    pub of: ColumnType,
    /// Stored length of the type, for NULL constants.
    pub length: i16,
    /// Passed by value, likewise.
    pub by_value: bool,
    /// What stands in its place.
    pub mask: Mask,
    /// What becomes of it when it is written back.
    pub write_back: WriteBack,
    /// The policy, where one applies.
    pub policy: Option<String>,
}

/// What stands in the place of a column.
pub enum Mask {
    /// NULL.
    Null,
    /// An expression over the value.
    Template(Template),
    /// The value where a function of other columns of the same row says yes, else NULL.
    If {
        /// The function; gives a boolean.
        function: Oid,
        /// The columns it is called with.
        of: Vec<(i16, ColumnType)>,
    },
}

/// One column of a relation, as a row of it needs them all.
pub struct Field {
    /// Its number.
    pub number: i16,
    /// What its values are; `None` for a column that was dropped.
    pub of: Option<ColumnType>,
    /// Its name.
    pub name: CString,
}

/// A relation of which at least one column is masked.
pub struct MaskedRelation {
    /// The relation.
    pub relation: Oid,
    /// Its masked columns.
    pub columns: Vec<MaskedColumn>,
    /// All its columns.
    pub fields: Vec<Field>,
}

/// What stays raw.
#[derive(Default)]
pub struct Spared<'a> {
    /// Entries of which the conditions that row security added look at raw values; they are the first so many, views'
    /// follow.
    pub quals: &'a [(*mut RangeTblEntry, usize)],
    /// Vars.
    pub vars: &'a [*const Var],
    /// Queries whose EXCLUDED holds nothing but what they bring along.
    pub own_rows: &'a [*const Query],
}
