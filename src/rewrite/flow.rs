//! Does a value come from a masked column? Followed from an expression to the columns it is made of: through sub-queries,
//! CTEs, joins, sublinks, functions in FROM, VALUES and RETURNING lists.
//!
//! Only what a value is made of counts, not which rows were chosen for it: `(SELECT name FROM t WHERE ssn = …)` is a name.
//! What is not understood counts as coming from a masked column.

use std::collections::HashMap;
use std::ffi::c_void;

use pgrx::pg_sys::ffi::pg_guard_ffi_boundary;
use pgrx::pg_sys::{
    self, CmdType, CommonTableExpr, List, Node, NodeTag, Oid, Query, RTEKind, RangeTblEntry, SubLink, SubLinkType,
    TargetEntry, Var,
};

use super::substitute::MaskedRelation;
use crate::pg::{compat, raw, tree};

/// A query level, and the one around it.
pub struct Level {
    /// The query.
    pub query: *mut Query,
    /// The query it is part of.
    pub parent: *const Level,
}

/// What is followed, and what was found so far.
pub struct Flow<'a> {
    masks: &'a [MaskedRelation],
    /// Queries whose EXCLUDED holds nothing but what they bring along.
    own_rows: &'a [*const Query],
    /// Outputs of queries: query and column, 0 for any of them.
    known: HashMap<(usize, i16), bool>,
}

struct Context {
    flow: *mut c_void,
    level: *const Level,
    /// The target list an expression stands in: it holds the sub-select of `(a, b) = (SELECT …)`.
    siblings: *mut List,
    /// A Var that is left out: the container of a partial assignment.
    except: *const Var,
    /// In a RETURNING list: columns of the written relation hold what was assigned.
    returning: bool,
}

impl<'a> Flow<'a> {
    /// Follows values to the columns masked by these. `own_rows`: see [`Spared`](super::substitute::Spared).
    pub fn new(masks: &'a [MaskedRelation], own_rows: &'a [*const Query]) -> Self {
        Flow { masks, own_rows, known: HashMap::new() }
    }

    /// Whether the value of an expression that is assigned comes from a masked column.
    ///
    /// # Safety
    /// `expression` must stand in `siblings`, a target list of `level`'s query; `except` null or a Var in it.
    pub unsafe fn reaches(
        &mut self,
        level: *const Level,
        siblings: *mut List,
        expression: *mut Node,
        except: *const Var,
    ) -> bool {
        let mut context = Context { flow: (&raw mut *self).cast(), level, siblings, except, returning: false };
        let context = (&raw mut context).cast::<c_void>();
        // SAFETY: as for the caller; an ERROR unwinds from here on.
        unsafe { pg_guard_ffi_boundary(|| visit(expression, context)) }
    }
}

#[allow(ffi_unwind_calls, reason = "nothing on this frame needs dropping")]
unsafe extern "C-unwind" fn visit(node: *mut Node, context: *mut c_void) -> bool {
    if node.is_null() {
        return false;
    }
    // SAFETY: `context` is a Context of this module; nodes are checked by tag before they are cast.
    unsafe {
        let within = &*context.cast::<Context>();
        match tree::tag(node) {
            NodeTag::T_Var => !std::ptr::eq(node.cast::<Var>(), within.except) && column(node.cast(), within),
            NodeTag::T_Param => multiple(node.cast(), context),
            NodeTag::T_SubLink => {
                let link = node.cast::<SubLink>();
                visit((*link).testexpr, context)
                    || ((*link).subLinkType != SubLinkType::EXISTS_SUBLINK
                        && output((*link).subselect.cast(), 0, within.level, within.flow))
            }
            NodeTag::T_Query => output(node.cast(), 0, within.level, within.flow),
            _ => raw::expression_tree_walker(node, visit, context),
        }
    }
}

/// One column of the sub-select in `(a, b) = (SELECT …)`. Other parameters are the client's, or a function's variables.
#[allow(ffi_unwind_calls, reason = "nothing on this frame needs dropping")]
unsafe fn multiple(param: *mut pg_sys::Param, context: *mut c_void) -> bool {
    // SAFETY: as in visit().
    unsafe {
        if (*param).paramkind != pg_sys::ParamKind::PARAM_MULTIEXPR {
            return false;
        }
        let within = &*context.cast::<Context>();
        let (number, place) = ((*param).paramid >> 16, ((*param).paramid & 0xFFFF) as i16);
        for place_in_list in 0..tree::len(within.siblings) {
            let target = tree::nth::<TargetEntry>(within.siblings, place_in_list);
            let link = (*target).expr.cast::<SubLink>();
            if !link.is_null() && tree::tag(link.cast()) == NodeTag::T_SubLink && (*link).subLinkId == number {
                return output((*link).subselect.cast(), place, within.level, within.flow);
            }
        }
        true
    }
}

/// What a Var stands for.
#[allow(ffi_unwind_calls, reason = "nothing on this frame needs dropping")]
unsafe fn column(var: *const Var, within: &Context) -> bool {
    // SAFETY: as in visit(); levels are frames of the walk, a Var's coordinates are checked.
    unsafe {
        let mut level = within.level;
        for _ in 0..(*var).varlevelsup {
            if level.is_null() {
                return true;
            }
            level = (*level).parent;
        }
        let (number, attribute) = ((*var).varno, (*var).varattno);
        if level.is_null() || number < 1 {
            return true;
        }
        if attribute < 0 {
            return false;
        }
        let query = (*level).query;
        let entry = tree::nth::<RangeTblEntry>((*query).rtable, (number - 1) as usize);
        let mut at = Context {
            flow: within.flow,
            level,
            siblings: std::ptr::null_mut(),
            except: std::ptr::null(),
            returning: false,
        };
        let context = (&raw mut at).cast::<c_void>();
        if entry.is_null() {
            return true;
        }
        match (*entry).rtekind {
            RTEKind::RTE_RELATION if is_excluded(query, number) => {
                let own = (*within.flow.cast::<Flow>()).own_rows.contains(&query.cast_const());
                (!own && masked((*entry).relid, attribute, within.flow))
                    || assigned((*query).targetList, attribute, context)
            }
            RTEKind::RTE_RELATION => {
                masked((*entry).relid, attribute, within.flow)
                    || (within.returning
                        && number == (*query).resultRelation
                        && anything_assigned(query, attribute, context))
            }
            RTEKind::RTE_SUBQUERY => output((*entry).subquery, attribute, level, within.flow),
            RTEKind::RTE_JOIN => one_of((*entry).joinaliasvars, attribute, context),
            RTEKind::RTE_FUNCTION => visit((*entry).functions.cast(), context),
            RTEKind::RTE_TABLEFUNC => visit((*entry).tablefunc.cast(), context),
            RTEKind::RTE_VALUES => {
                let rows = (*entry).values_lists;
                (0..tree::len(rows)).any(|row| one_of(tree::nth::<List>(rows, row), attribute, context))
            }
            RTEKind::RTE_CTE => expression_of_with(entry, attribute, level, within.flow),
            // Rows a trigger was called with: its owner's, as OLD and NEW are.
            RTEKind::RTE_NAMEDTUPLESTORE | RTEKind::RTE_RESULT => false,
            _ => match compat::group_expression(entry, attribute) {
                Some(expression) => visit(expression, context),
                None => true,
            },
        }
    }
}

/// What a list assigns to a column; with 0 to any.
#[allow(ffi_unwind_calls, reason = "nothing on this frame needs dropping")]
unsafe fn assigned(targets: *mut List, attribute: i16, context: *mut c_void) -> bool {
    // SAFETY: as in visit(); the context is of the list's level.
    unsafe {
        (*context.cast::<Context>()).siblings = targets;
        (0..tree::len(targets)).any(|place| {
            let target = tree::nth::<TargetEntry>(targets, place);
            !(*target).resjunk
                && (attribute == 0 || (*target).resno == attribute)
                && visit((*target).expr.cast(), context)
        })
    }
}

/// What a query assigns to a column of the relation it writes to, in any of its lists.
#[allow(ffi_unwind_calls, reason = "nothing on this frame needs dropping")]
unsafe fn anything_assigned(query: *mut Query, attribute: i16, context: *mut c_void) -> bool {
    // SAFETY: as in visit().
    unsafe {
        let conflict = (*query).onConflict;
        assigned((*query).targetList, attribute, context)
            || (!conflict.is_null() && assigned((*conflict).onConflictSet, attribute, context))
            || (0..tree::len((*query).mergeActionList)).any(|place| {
                let action = tree::nth::<pg_sys::MergeAction>((*query).mergeActionList, place);
                assigned((*action).targetList, attribute, context)
            })
    }
}

/// The rows that INSERT … ON CONFLICT offers as EXCLUDED: an entry of the target's, but the values are new.
///
/// # Safety
/// `query` must be valid.
pub unsafe fn is_excluded(query: *const Query, number: i32) -> bool {
    // SAFETY: see above.
    unsafe { !(*query).onConflict.is_null() && (*(*query).onConflict).exclRelIndex == number }
}

unsafe fn masked(relation: Oid, attribute: i16, flow: *mut c_void) -> bool {
    // SAFETY: `flow` is the Flow that began the walk.
    unsafe {
        let flow = &*flow.cast::<Flow>();
        flow.masks
            .iter()
            .filter(|masked| masked.relation == relation)
            .any(|masked| attribute == 0 || masked.columns.iter().any(|column| column.number == attribute))
    }
}

/// The expression at a place of a list, from 1; with 0 any.
#[allow(ffi_unwind_calls, reason = "nothing on this frame needs dropping")]
unsafe fn one_of(list: *mut List, place: i16, context: *mut c_void) -> bool {
    // SAFETY: as in visit(); a list of expressions, nulls where a column was dropped.
    unsafe {
        match usize::try_from(place) {
            Ok(0) => visit(list.cast(), context),
            Ok(place) => visit(tree::nth::<Node>(list, place - 1), context),
            Err(_) => true,
        }
    }
}

#[allow(ffi_unwind_calls, reason = "nothing on this frame needs dropping")]
unsafe fn expression_of_with(
    entry: *const RangeTblEntry,
    attribute: i16,
    mut level: *const Level,
    flow: *mut c_void,
) -> bool {
    // SAFETY: as in visit(); names are C strings.
    unsafe {
        if (*entry).self_reference {
            // What it adds to itself comes from somewhere, and that is looked at.
            return false;
        }
        for _ in 0..(*entry).ctelevelsup {
            if level.is_null() {
                return true;
            }
            level = (*level).parent;
        }
        if level.is_null() {
            return true;
        }
        let name = std::ffi::CStr::from_ptr((*entry).ctename);
        for place in 0..tree::len((*(*level).query).cteList) {
            let with = tree::nth::<CommonTableExpr>((*(*level).query).cteList, place);
            if std::ffi::CStr::from_ptr((*with).ctename) == name {
                // A recursive one may move values from column to column.
                let attribute = if (*with).cterecursive { 0 } else { attribute };
                return output((*with).ctequery.cast(), attribute, level, flow);
            }
        }
        true
    }
}

/// A column that a query puts out, from 1; with 0 any of them.
#[allow(ffi_unwind_calls, reason = "nothing on this frame needs dropping")]
unsafe fn output(query: *mut Query, attribute: i16, parent: *const Level, flow: *mut c_void) -> bool {
    // SAFETY: as in visit(). The map is changed between calls that may raise, never across one.
    unsafe {
        let key = (query as usize, attribute);
        if let Some(known) = (*flow.cast::<Flow>()).known.get(&key) {
            return *known;
        }
        let level = Level { query, parent };
        let mut found = false;
        if !(*query).setOperations.is_null() {
            // The arms are sub-queries in the range table; the target list names the first alone.
            for place in 0..tree::len((*query).rtable) {
                let arm = tree::nth::<RangeTblEntry>((*query).rtable, place);
                found |= (*arm).rtekind == RTEKind::RTE_SUBQUERY
                    && output((*arm).subquery, attribute, &raw const level, flow);
            }
        }
        let returning = (*query).commandType != CmdType::CMD_SELECT;
        let targets = if returning { (*query).returningList } else { (*query).targetList };
        let mut at = Context { flow, level: &raw const level, siblings: targets, except: std::ptr::null(), returning };
        for place in 0..tree::len(targets) {
            let target = tree::nth::<TargetEntry>(targets, place);
            let asked = if attribute == 0 { !(*target).resjunk } else { (*target).resno == attribute };
            found = found || (asked && visit((*target).expr.cast(), (&raw mut at).cast()));
        }
        (*flow.cast::<Flow>()).known.insert(key, found);
        found
    }
}

/// The column of a table that an expression shows unchanged, however many sub-queries and joins are between.
///
/// # Safety
/// As for [`Flow::reaches`].
pub unsafe fn origin(level: &Level, expression: *const Node) -> Option<(Oid, i16)> {
    // SAFETY: as in visit(); levels live on the frames below.
    unsafe {
        let expression = match tree::tag(expression) {
            NodeTag::T_RelabelType => (*expression.cast::<pg_sys::RelabelType>()).arg.cast_const().cast::<Node>(),
            _ => expression,
        };
        if tree::tag(expression) != NodeTag::T_Var {
            return None;
        }
        let var = expression.cast::<Var>();
        let mut at: *const Level = level;
        for _ in 0..(*var).varlevelsup {
            at = (*at).parent;
            if at.is_null() {
                return None;
            }
        }
        let entry = tree::nth::<RangeTblEntry>((*(*at).query).rtable, usize::try_from((*var).varno - 1).ok()?);
        let place = usize::try_from((*var).varattno - 1).ok()?;
        if entry.is_null() {
            return None;
        }
        match (*entry).rtekind {
            RTEKind::RTE_RELATION => Some(((*entry).relid, (*var).varattno)),
            RTEKind::RTE_JOIN => {
                let aliased = tree::nth::<Node>((*entry).joinaliasvars, place);
                if aliased.is_null() { None } else { origin(&*at, aliased) }
            }
            RTEKind::RTE_SUBQUERY if (*(*entry).subquery).setOperations.is_null() => {
                let target = tree::nth::<TargetEntry>((*(*entry).subquery).targetList, place);
                if target.is_null() {
                    return None;
                }
                origin(&Level { query: (*entry).subquery, parent: at }, (*target).expr.cast())
            }
            _ => None,
        }
    }
}
