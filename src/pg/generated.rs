//! Columns whose values are computed from other columns of the row, or copied from other relations.

use pgrx::pg_sys::{self, Node, NodeTag, Oid};

use super::tree;

/// A generated column.
pub struct Generated {
    /// Its number.
    pub number: i16,
    /// The columns it is computed from.
    pub sources: Vec<i16>,
    /// It is nothing but a copy of its one source.
    pub copy: bool,
}

/// The generated columns of a relation.
pub fn of(relation: Oid) -> Vec<Generated> {
    // SAFETY: the expressions are read while the relcache reference is held, and are palloc'd copies.
    unsafe {
        let opened = pg_sys::RelationIdGetRelation(relation);
        if opened.is_null() {
            return Vec::new();
        }
        let descriptor = (*opened).rd_att;
        let has_any = !(*descriptor).constr.is_null()
            && ((*(*descriptor).constr).has_generated_stored
                || super::compat::has_virtual_columns((*descriptor).constr));
        let found = if has_any { collect(opened) } else { Vec::new() };
        pg_sys::RelationClose(opened);
        found
    }
}

unsafe fn collect(opened: pg_sys::Relation) -> Vec<Generated> {
    // SAFETY: as in of().
    unsafe {
        let columns = pgrx::PgTupleDesc::from_pg_unchecked((*opened).rd_att);
        let numbers: Vec<i16> = columns
            .iter()
            .filter(|column| column.attgenerated != 0 && !column.attisdropped)
            .map(|column| column.attnum)
            .collect();
        numbers
            .into_iter()
            .map(|number| {
                let expression = pg_sys::build_column_default(opened, i32::from(number));
                if expression.is_null() {
                    // The column is being made this moment. What it will be made from is not known: of everything.
                    return Generated { number, sources: vec![0], copy: false };
                }
                Generated { number, sources: columns_in(expression), copy: is_column(expression) }
            })
            .collect()
    }
}

/// The columns an expression over one relation reads. A whole row is every column; it is given as 0.
unsafe fn columns_in(expression: *mut Node) -> Vec<i16> {
    // SAFETY: a valid expression whose Vars have varno 1.
    unsafe {
        let mut set = std::ptr::null_mut();
        pg_sys::pull_varattnos(expression, 1, &mut set);
        let mut columns = Vec::new();
        let mut member = -1;
        loop {
            member = pg_sys::bms_next_member(set, member);
            if member < 0 {
                return columns;
            }
            columns.extend(i16::try_from(member + pg_sys::FirstLowInvalidHeapAttributeNumber).ok());
        }
    }
}

unsafe fn is_column(expression: *mut Node) -> bool {
    // SAFETY: nodes are checked by tag before they are cast.
    unsafe {
        match tree::tag(expression) {
            NodeTag::T_Var => true,
            NodeTag::T_RelabelType => is_column((*expression.cast::<pg_sys::RelabelType>()).arg.cast()),
            _ => false,
        }
    }
}
