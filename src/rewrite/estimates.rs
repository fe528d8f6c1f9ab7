//! What the planner may know of masked columns: nothing that their values say.
//!
//! A mask stands over the column, and the planner looks through it: the number of groups comes from the column's
//! statistics, row widths from the average length of its values; and an index with the column in its key hands out rows in
//! the order of the raw values, for which a query need not even name it. So while a statement is planned in which something
//! is masked, masked columns have no statistics, and indexes that are ordered by one give their rows in the order of the
//! heap, by way of a bitmap. What the planner may conclude from such an index (that something is unique) it still does.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use pgrx::pg_sys::{self, Bitmapset, IndexOptInfo, List, Node, Oid, PlannerInfo, RelOptInfo, StatisticExtInfo};

use super::rulings;
use crate::catalog::{extension, session};
use crate::pg::local::Local;
use crate::pg::{nesting, raw, relation, tree};

/// The masked columns of a relation.
pub type Columns = Rc<[i16]>;

/// Something was masked in this session. Where nothing ever was, nobody asks any further.
static EVER: Local<Cell<bool>> = Local::new(Cell::new(false));
/// For the role that plans, which within a planner call does not change. Begun anew with each call.
static MASKED: Local<RefCell<Vec<(u32, Oid, Columns)>>> = Local::new(RefCell::new(Vec::new()));

/// In the planner call under way something is masked.
pub fn hide() {
    EVER.set(true);
    MASKED.borrow_mut().clear();
    nesting::update(|depths| depths.hides = true);
}

/// Whether in the planner call under way something is masked.
#[inline]
pub fn hides() -> bool {
    EVER.get() && nesting::depths().hides
}

/// The masked columns of a relation, in a planner call in which something is masked. Grants don't count: who holds one has
/// estimates that are less good.
pub fn masked(relation: Oid) -> Option<Columns> {
    if !hides() {
        return None;
    }
    let ours = extension::installed()?;
    let subject = session::subject();
    let of = |(role, of, _): &&(u32, Oid, Columns)| (*role, *of) == (subject.role, relation);
    let known = MASKED.borrow().iter().find(of).map(|(_, _, columns)| columns.clone());
    let columns = known.unwrap_or_else(|| {
        let protected = rulings::protected(&ours, &[relation]);
        let rulings = rulings::decide(&ours, &subject, protected, false);
        let columns: Columns = rulings
            .relations
            .iter()
            .flat_map(|ruled| ruled.protected.columns.iter().zip(&ruled.rulings))
            .filter(|(_, ruling)| !ruling.raw())
            .map(|(column, _)| column.number)
            .collect();
        MASKED.borrow_mut().push((subject.role, relation, columns.clone()));
        columns
    });
    (!columns.is_empty()).then_some(columns)
}

/// The width to reckon with for a masked column: what its type suggests. `None` for any other.
pub fn width(relation: Oid, column: i16) -> Option<i32> {
    let hidden = masked(relation)?.contains(&column);
    hidden.then(|| {
        let of = relation::column_type(relation, column);
        // SAFETY: looks the type up. It answers at least 1, for 0 would mean: look at the statistics.
        unsafe { pg_sys::get_typavgwidth(of.oid, of.typmod) }.max(1)
    })
}

/// Takes away from what the planner has gathered about a relation what would tell of masked columns.
///
/// # Safety
/// `relation` must be the planner's own, just filled for the relation of that OID.
pub unsafe fn blind(relation: *mut RelOptInfo, oid: Oid) {
    let Some(masked) = masked(oid) else { return };
    // SAFETY: as for the caller; nodes live as long as the planner call.
    unsafe {
        for index in tree::iter::<IndexOptInfo>((*relation).indexlist) {
            if orders_by(index, &masked) {
                (*index).amhasgettuple = false;
                (*index).amcanparallel = false;
            }
        }
        let mut statistics: *mut List = std::ptr::null_mut();
        for object in tree::iter::<StatisticExtInfo>((*relation).statlist) {
            let covers = masked.iter().any(|column| pg_sys::bms_is_member(i32::from(*column), (*object).keys))
                || reads((*object).exprs, (*relation).relid, &masked);
            if !covers {
                statistics = raw::lappend(statistics, object.cast());
            }
        }
        (*relation).statlist = statistics;
    }
}

/// Whether the order of an index, or the choice of rows in it, depends on one of the columns.
unsafe fn orders_by(index: *const IndexOptInfo, columns: &[i16]) -> bool {
    // SAFETY: as for blind(); there are at least as many columns as key columns.
    unsafe {
        let count = usize::try_from((*index).nkeycolumns).unwrap_or(0);
        let plain =
            (0..count).any(|place| i16::try_from(*(*index).indexkeys.add(place)).is_ok_and(|c| columns.contains(&c)));
        let varno = (*(*index).rel).relid;
        plain || reads((*index).indexprs, varno, columns) || reads((*index).indpred, varno, columns)
    }
}

/// Whether expressions read one of the columns, or the whole row.
unsafe fn reads(expressions: *mut List, varno: u32, columns: &[i16]) -> bool {
    if expressions.is_null() {
        return false;
    }
    // SAFETY: as for blind().
    unsafe {
        let mut read: *mut Bitmapset = std::ptr::null_mut();
        pg_sys::pull_varattnos(expressions.cast::<Node>(), varno, &mut read);
        let member =
            |column: i16| pg_sys::bms_is_member(i32::from(column) - pg_sys::FirstLowInvalidHeapAttributeNumber, read);
        member(0) || columns.iter().any(|column| member(*column))
    }
}

/// Whether the statistics of an index's expressions tell of masked columns.
///
/// # Safety
/// `root` must be the planner's own.
pub unsafe fn hides_index(root: *mut PlannerInfo, index: Oid) -> bool {
    if !hides() {
        return false;
    }
    // An index whose table can't be found is not known to be harmless.
    let Some(table) = relation::index_table(index) else { return true };
    let Some(masked) = masked(table) else { return false };
    // SAFETY: as for the caller; the array has simple_rel_array_size places, of which the first is unused.
    unsafe {
        let count = usize::try_from((*root).simple_rel_array_size).unwrap_or(0);
        let relations = (1..count).map(|place| *(*root).simple_rel_array.add(place)).filter(|rel| !rel.is_null());
        let mut found = relations.flat_map(|rel| tree::iter::<IndexOptInfo>((*rel).indexlist));
        found.find(|known| (**known).indexoid == index).is_none_or(|known| orders_by(known, &masked))
    }
}
