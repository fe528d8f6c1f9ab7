//! What a masked session assigns to masked columns: found, judged before masks are put in (JM003), kept afterwards.
//!
//! Must hold (I6): nothing masked overwrites something real. A value made of masked ones is refused; one that merely
//! equals the mask of what is stored leaves that as it is; a column assigned to itself, and the container of a partial
//! assignment (`a[2] = …`), stay raw.

use jitmask_core::model::write_back::WriteBack;
use pgrx::pg_sys::{
    CmdType, FieldStore, List, MergeAction, Node, NodeTag, OnConflictAction, Query, QuerySource, RTEKind,
    RangeTblEntry, SubscriptingRef, TargetEntry, Var,
};

use super::flow::{self, Flow, Level};
use super::substitute::{MaskedColumn, MaskedRelation};
use super::survey::Survey;
use crate::error::{Code, Error, Result};
use crate::pg::{relation, tree};

/// What the check found out that later steps need.
#[derive(Default)]
pub struct Writes {
    /// Vars to which no mask is put.
    pub raw: Vec<*const Var>,
    /// Queries whose EXCLUDED holds nothing but what they bring along: no trigger has filled it.
    pub own_rows: Vec<*const Query>,
    /// Assignments by rules that copy the column from another reading of the same table: whether it is the same row, only
    /// the execution can tell.
    pub copies: Vec<Place>,
}

/// Where an assignment stands: its query, the number of its list in [`lists`], its column.
pub type Place = (usize, usize, i16);

/// Judges every assignment to a masked column. JM003 for one that would store a mask.
///
/// # Safety
/// The survey's tree must be valid, and not yet changed.
pub unsafe fn check(masks: &[MaskedRelation], survey: &Survey) -> Result<Writes> {
    let mut writes = Writes::default();
    if !survey.writes {
        return Ok(writes);
    }
    let mut levels: Vec<Level> = Vec::with_capacity(survey.queries.len());
    for (query, parent) in survey.queries.iter().zip(&survey.parents) {
        // Parents come first, and the vector does not move: it has room for all of them.
        let parent = parent.and_then(|parent| levels.get(parent)).map_or(std::ptr::null(), std::ptr::from_ref);
        levels.push(Level { query: *query, parent });
    }
    for query in &survey.queries {
        // SAFETY: as for the caller.
        let Some(masked) = (unsafe { target(*query, masks) }) else { continue };
        let conflict = unsafe { !(**query).onConflict.is_null() };
        if conflict && !relation::with_descendants(masked.relation).into_iter().any(relation::fills_new_rows) {
            writes.own_rows.push(query.cast_const());
        }
    }
    let own_rows = writes.own_rows.clone();
    let mut flow = Flow::new(masks, &own_rows);
    for level in &levels {
        // SAFETY: as for the caller, throughout.
        let Some(masked) = (unsafe { target(level.query, masks) }) else { continue };
        let rule = unsafe { by_rule(level.query) };
        for (number, list) in unsafe { lists(level.query) }.into_iter().enumerate() {
            for assigned in unsafe { assigned(list.targets, masked) } {
                let expression = unsafe { (*assigned.target).expr.cast::<Node>() };
                let mut except: *const Var = std::ptr::null();
                if list.over_stored {
                    if unsafe { offered(level.query, assigned.target) } {
                        // What the INSERT says of it was judged.
                        writes.raw.push(expression.cast());
                        continue;
                    }
                    match unsafe { form(level.query, assigned.target) } {
                        Form::Itself(var) => {
                            writes.raw.push(var);
                            continue;
                        }
                        Form::Part(slot) => {
                            except = unsafe { (*slot).cast() };
                            writes.raw.push(except);
                        }
                        Form::Whole => {}
                    }
                }
                if assigned.column.write_back == WriteBack::Allow
                    || !unsafe { flow.reaches(level, list.targets, expression, except) }
                {
                    continue;
                }
                let same = Some((masked.relation, assigned.column.number));
                if rule && list.over_stored && unsafe { flow::origin(level, expression) } == same {
                    writes.copies.push((level.query as usize, number, assigned.column.number));
                    continue;
                }
                return Err(refused(masked, assigned.column));
            }
        }
    }
    Ok(writes)
}

/// The masked relation a query writes to.
///
/// # Safety
/// `query` must be valid.
pub unsafe fn target(query: *mut Query, masks: &[MaskedRelation]) -> Option<&MaskedRelation> {
    // SAFETY: see above; the number is checked.
    unsafe {
        let place = usize::try_from((*query).resultRelation - 1).ok()?;
        let entry = tree::nth::<RangeTblEntry>((*query).rtable, place);
        if entry.is_null() || (*entry).rtekind != RTEKind::RTE_RELATION {
            return None;
        }
        masks.iter().find(|masked| masked.relation == (*entry).relid)
    }
}

/// A list of assignments.
pub struct Assignments {
    /// The list.
    pub targets: *mut List,
    /// They change a stored row; otherwise they make a new one.
    pub over_stored: bool,
}

/// The lists of assignments of a query, always in the same order.
///
/// # Safety
/// `query` must be valid.
pub unsafe fn lists(query: *mut Query) -> Vec<Assignments> {
    // SAFETY: see above.
    unsafe {
        let mut lists = Vec::new();
        match (*query).commandType {
            CmdType::CMD_INSERT => {
                lists.push(Assignments { targets: (*query).targetList, over_stored: false });
                let conflict = (*query).onConflict;
                if !conflict.is_null() && (*conflict).action == OnConflictAction::ONCONFLICT_UPDATE {
                    lists.push(Assignments { targets: (*conflict).onConflictSet, over_stored: true });
                }
            }
            CmdType::CMD_UPDATE => lists.push(Assignments { targets: (*query).targetList, over_stored: true }),
            CmdType::CMD_MERGE => {
                for action in tree::iter::<MergeAction>((*query).mergeActionList) {
                    lists.push(Assignments {
                        targets: (*action).targetList,
                        over_stored: (*action).commandType == CmdType::CMD_UPDATE,
                    });
                }
            }
            _ => {}
        }
        lists
    }
}

/// One assignment to a masked column.
pub struct Assigned<'a> {
    /// The entry of the list.
    pub target: *mut TargetEntry,
    /// The column.
    pub column: &'a MaskedColumn,
}

/// The assignments to masked columns in a list.
///
/// # Safety
/// `targets` must be a list of the query's.
pub unsafe fn assigned(targets: *mut List, masked: &MaskedRelation) -> Vec<Assigned<'_>> {
    // SAFETY: see above.
    unsafe {
        tree::iter::<TargetEntry>(targets)
            .filter(|target| !(**target).resjunk)
            .filter_map(|target| {
                let column = masked.columns.iter().find(|column| column.number == (*target).resno)?;
                Some(Assigned { target, column })
            })
            .collect()
    }
}

/// How a column is assigned.
pub enum Form {
    /// To itself: the Var.
    Itself(*const Var),
    /// A part of it: where the Var of the whole stands.
    Part(*mut *mut Node),
    /// Anything else.
    Whole,
}

/// Looks at the form of an assignment.
///
/// # Safety
/// `target` must be an assignment of `query`'s to its result relation, over a stored row.
pub unsafe fn form(query: *const Query, target: *mut TargetEntry) -> Form {
    // SAFETY: see above; nodes are checked by tag before they are cast.
    unsafe {
        let column = (*target).resno;
        let own = |node: *const Node| {
            let var = node.cast::<Var>();
            tree::tag(node) == NodeTag::T_Var
                && (*var).varlevelsup == 0
                && (*var).varno == (*query).resultRelation
                && (*var).varattno == column
        };
        let mut slot = (&raw mut (*target).expr).cast::<*mut Node>();
        if own(*slot) {
            return Form::Itself((*slot).cast());
        }
        let mut part = false;
        while !(*slot).is_null() {
            slot = match tree::tag(*slot) {
                NodeTag::T_SubscriptingRef if !(*(*slot).cast::<SubscriptingRef>()).refassgnexpr.is_null() => {
                    part = true;
                    (&raw mut (*(*slot).cast::<SubscriptingRef>()).refexpr).cast()
                }
                NodeTag::T_FieldStore => {
                    part = true;
                    (&raw mut (*(*slot).cast::<FieldStore>()).arg).cast()
                }
                // A domain's value is taken out of the domain, changed and put back.
                NodeTag::T_CoerceToDomain => (&raw mut (*(*slot).cast::<pgrx::pg_sys::CoerceToDomain>()).arg).cast(),
                NodeTag::T_RelabelType => (&raw mut (*(*slot).cast::<pgrx::pg_sys::RelabelType>()).arg).cast(),
                NodeTag::T_Var if part && own(*slot) => return Form::Part(slot),
                _ => return Form::Whole,
            };
        }
        Form::Whole
    }
}

/// Whether a partial assignment can be made to the mask as well, whatever that is: of fields and of single elements of
/// arrays. A path through jsonb may lead nowhere there, and a slice may have no bounds.
///
/// # Safety
/// `expression` must be a valid expression.
pub unsafe fn fits_mask(mut expression: *const Node) -> bool {
    // SAFETY: see above; nodes are checked by tag before they are cast.
    unsafe {
        loop {
            expression = match tree::tag(expression) {
                NodeTag::T_SubscriptingRef => {
                    let part = expression.cast::<SubscriptingRef>();
                    let array = pgrx::pg_sys::get_element_type((*part).refcontainertype) != pgrx::pg_sys::InvalidOid
                        && pgrx::pg_sys::get_typlen((*part).refcontainertype) == -1;
                    if !array || !(*part).reflowerindexpr.is_null() {
                        return false;
                    }
                    (*part).refexpr.cast()
                }
                NodeTag::T_FieldStore => (*expression.cast::<FieldStore>()).arg.cast(),
                NodeTag::T_CoerceToDomain => (*expression.cast::<pgrx::pg_sys::CoerceToDomain>()).arg.cast(),
                NodeTag::T_RelabelType => (*expression.cast::<pgrx::pg_sys::RelabelType>()).arg.cast(),
                _ => return true,
            };
        }
    }
}

/// A column assigned the same column of EXCLUDED.
unsafe fn offered(query: *const Query, target: *const TargetEntry) -> bool {
    // SAFETY: as for check().
    unsafe {
        let var = (*target).expr.cast::<Var>();
        tree::tag(var.cast()) == NodeTag::T_Var
            && (*var).varlevelsup == 0
            && (*var).varattno == (*target).resno
            && flow::is_excluded(query, (*var).varno)
    }
}

/// Made by a rule out of the client's statement: columns the client did not mention are there as copies.
unsafe fn by_rule(query: *const Query) -> bool {
    // SAFETY: as for check().
    unsafe {
        matches!(
            (*query).querySource,
            QuerySource::QSRC_INSTEAD_RULE | QuerySource::QSRC_QUAL_INSTEAD_RULE | QuerySource::QSRC_NON_INSTEAD_RULE
        )
    }
}

fn refused(masked: &MaskedRelation, column: &MaskedColumn) -> Error {
    let table = relation::qualified_name(masked.relation);
    let name = relation::column_name(masked.relation, column.number).unwrap_or_default();
    let error = Error::new(
        Code::MaskedAssignment,
        format!("column {name} of {table} can't be assigned what is made of masked values"),
    )
    .detail("What is masked for you would be stored as if it were real.");
    error.hint(match &column.policy {
        Some(policy) => format!(
            "Leave the column out, or assign a value of your own. To store masked values all the same, an administrator \
             may call: SELECT * FROM jitmask.alter_policy('{policy}', write_back => 'allow');"
        ),
        None => "Leave the column out, or assign a value of your own.".to_owned(),
    })
}
