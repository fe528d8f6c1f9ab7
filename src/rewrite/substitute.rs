//! Puts masks in the place of protected columns, everywhere in a query tree, in place.
//!
//! A Var of a masked column becomes its mask over that very Var; everything else stays what and where it was, so row
//! locks, ONLY, TABLESAMPLE, system columns and index use on other columns are untouched (engine.md 1.3 to 1.7).
//! The frames of the walk have nothing to drop: an ERROR passes through them.

use std::cell::Cell;
use std::ffi::c_void;

use pgrx::pg_sys::ffi::pg_guard_ffi_boundary;
use pgrx::pg_sys::{self, List, Node, NodeTag, Query, RTEKind, RangeTblEntry, Var};

use super::flow::is_excluded;
use super::levels::{self, Level, grouped, level_above};
pub use super::masked::{Field, Mask, MaskedColumn, MaskedRelation, Spared};
use crate::pg::expr::PLACE;
use crate::pg::relation::ColumnType;
use crate::pg::{compat, raw, tree};

struct Context {
    masks: *const [MaskedRelation],
    /// Entries whose own row security may look at raw values, see [`Spared`].
    raw_quals: *const [(*mut RangeTblEntry, usize)],
    /// Vars that stay as they are.
    raw_vars: *const [*const Var],
    /// See [`Spared`].
    own_rows: *const [*const Query],
    level: *const Level,
    /// While the conditions of a relation's own row security are walked: that relation's entry, and its level. Its
    /// Vars stay raw there; anything nested deeper does not.
    own_quals: Option<(*const Level, i32)>,
}

/// Substitutes in the whole tree, but for what is spared.
///
/// # Safety
/// `query` must be a valid rewritten query tree that may be changed in place.
pub unsafe fn substitute(query: *mut Query, masks: &[MaskedRelation], spared: &Spared) {
    let mut context = Context {
        masks,
        raw_quals: spared.quals,
        raw_vars: spared.vars,
        own_rows: spared.own_rows,
        level: std::ptr::null(),
        own_quals: None,
    };
    let context = (&raw mut context).cast::<c_void>();
    // SAFETY: as for the caller; an ERROR unwinds from here on.
    unsafe {
        pg_guard_ffi_boundary(|| rewrite_level(query, context));
    }
}

#[allow(ffi_unwind_calls, reason = "nothing on this frame needs dropping")]
unsafe extern "C-unwind" fn visit(node: *mut Node, context: *mut c_void) -> *mut Node {
    if node.is_null() {
        return node;
    }
    // SAFETY: `context` is substitute()'s; nodes are checked by tag before they are cast.
    unsafe {
        match tree::tag(node) {
            NodeTag::T_Query => {
                rewrite_level(node.cast(), context);
                node
            }
            NodeTag::T_Var => replace(node.cast(), &*context.cast::<Context>()),
            NodeTag::T_OnConflictExpr => on_conflict(node.cast(), context),
            NodeTag::T_WithCheckOption => check_option(node.cast(), context),
            NodeTag::T_Aggref => aggregate(node, (*node.cast::<pg_sys::Aggref>()).agglevelsup, context),
            NodeTag::T_GroupingFunc => aggregate(node, (*node.cast::<pg_sys::GroupingFunc>()).agglevelsup, context),
            _ => raw::expression_tree_mutator(node, visit, context),
        }
    }
}

/// What names the index of ON CONFLICT, and the columns of EXCLUDED, stays: it names, it does not read (engine.md 1.6).
#[allow(ffi_unwind_calls, reason = "nothing on this frame needs dropping")]
unsafe fn on_conflict(conflict: *mut pg_sys::OnConflictExpr, context: *mut c_void) -> *mut Node {
    // SAFETY: see visit(). The mutator makes a copy of the node; the original is the statement's own and is put right.
    unsafe {
        let (elements, condition, offered) =
            ((*conflict).arbiterElems, (*conflict).arbiterWhere, (*conflict).exclRelTlist);
        (*conflict).arbiterElems = std::ptr::null_mut();
        (*conflict).arbiterWhere = std::ptr::null_mut();
        (*conflict).exclRelTlist = std::ptr::null_mut();
        let changed = raw::expression_tree_mutator(conflict.cast(), visit, context).cast::<pg_sys::OnConflictExpr>();
        for node in [conflict, changed] {
            (*node).arbiterElems = elements;
            (*node).arbiterWhere = condition;
            (*node).exclRelTlist = offered;
        }
        changed.cast()
    }
}

/// Conditions on new rows: those of the target's own row security see its raw values where they may; those of views,
/// WITH CHECK OPTION, never (engine.md 1.7).
#[allow(ffi_unwind_calls, reason = "nothing on this frame needs dropping")]
unsafe fn check_option(option: *mut pg_sys::WithCheckOption, context: *mut c_void) -> *mut Node {
    // SAFETY: see visit(); the level is a live frame of the walk.
    unsafe {
        let outer = (*context.cast::<Context>()).own_quals;
        let level = (*context.cast::<Context>()).level;
        let target = (*(*level).query).resultRelation;
        let entry = usize::try_from(target - 1)
            .map_or(std::ptr::null_mut(), |place| tree::nth::<RangeTblEntry>((*(*level).query).rtable, place));
        let own = (*option).kind != pg_sys::WCOKind::WCO_VIEW_CHECK
            && !entry.is_null()
            && (*(*context.cast::<Context>()).raw_quals).iter().any(|(spared, _)| *spared == entry);
        if own {
            (*context.cast::<Context>()).own_quals = Some((level, target));
        }
        let changed = raw::expression_tree_mutator(option.cast(), visit, context);
        (*context.cast::<Context>()).own_quals = outer;
        changed
    }
}

/// An aggregate: within it, its level's rows are not grouped yet.
#[allow(ffi_unwind_calls, reason = "nothing on this frame needs dropping")]
unsafe fn aggregate(node: *mut Node, above: u32, context: *mut c_void) -> *mut Node {
    // SAFETY: see visit().
    unsafe {
        let level = level_above((*context.cast::<Context>()).level, above);
        if !level.is_null() {
            (*level).aggregates.set((*level).aggregates.get() + 1);
        }
        let changed = raw::expression_tree_mutator(node, visit, context);
        if !level.is_null() {
            (*level).aggregates.set((*level).aggregates.get() - 1);
        }
        changed
    }
}

/// One query level. Conditions that core added to an entry for row security are taken off while the rest is walked.
#[allow(ffi_unwind_calls, reason = "nothing on this frame needs dropping")]
unsafe fn rewrite_level(query: *mut Query, context: *mut c_void) {
    // SAFETY: see substitute(). `level` outlives the walk below it; it is plain data.
    unsafe {
        let parent = (*context.cast::<Context>()).level;
        let outer_quals = (*context.cast::<Context>()).own_quals;
        let targets = (*query).targetList;
        let level = Level { query, parent, grouped: Cell::new(false), aggregates: Cell::new(0), targets };
        (*context.cast::<Context>()).level = &level;
        (*context.cast::<Context>()).own_quals = None;

        let entries = tree::len((*query).rtable);
        let quals = raw::palloc0((entries + 1) * size_of::<*mut List>()).cast::<*mut List>();
        for place in 0..entries {
            let entry = tree::nth::<RangeTblEntry>((*query).rtable, place);
            if let Some((_, own)) =
                (*(*context.cast::<Context>()).raw_quals).iter().find(|(spared, _)| *spared == entry)
            {
                (*quals.add(place), (*entry).securityQuals) = levels::split((*entry).securityQuals, *own);
            }
        }
        let having = (*query).havingQual;
        let sets = !(*query).groupingSets.is_null();
        if sets {
            (*query).targetList = std::ptr::null_mut();
            (*query).havingQual = std::ptr::null_mut();
        }
        raw::query_tree_mutator(query, visit, context, pg_sys::QTW_DONT_COPY_QUERY as i32);
        if sets {
            level.grouped.set(true);
            (*query).targetList = raw::expression_tree_mutator(targets.cast(), visit, context).cast();
            (*query).havingQual = visit(having, context);
            level.grouped.set(false);
        }
        for place in 0..entries {
            let own = *quals.add(place);
            if own.is_null() {
                continue;
            }
            let number = i32::try_from(place + 1).unwrap_or(i32::MAX);
            (*context.cast::<Context>()).own_quals = Some((&level, number));
            let entry = tree::nth::<RangeTblEntry>((*query).rtable, place);
            let own = raw::expression_tree_mutator(own.cast(), visit, context).cast();
            (*entry).securityQuals = levels::joined(own, (*entry).securityQuals);
            (*context.cast::<Context>()).own_quals = None;
        }
        (*context.cast::<Context>()).level = parent;
        (*context.cast::<Context>()).own_quals = outer_quals;
    }
}

unsafe fn masks_of(context: &Context, entry: *const RangeTblEntry) -> Option<&MaskedRelation> {
    // SAFETY: the slice outlives the walk; entries are valid. Transition tables and, from 16 on, views carry a relid
    // too: only RTE_RELATION is a relation.
    unsafe {
        if (*entry).rtekind != RTEKind::RTE_RELATION {
            return None;
        }
        (*context.masks).iter().find(|masked| masked.relation == (*entry).relid)
    }
}

/// What stands in the place of a Var: its mask, a row of masks, or the Var itself.
unsafe fn replace(var: *mut Var, context: &Context) -> *mut Node {
    // SAFETY: levels are linked frames of the walk; a Var's coordinates are valid in a rewritten tree, and checked.
    unsafe {
        if (*context.raw_vars).iter().any(|spared| std::ptr::eq(*spared, var)) {
            return var.cast();
        }
        let level = level_above(context.level, (*var).varlevelsup);
        let number = (*var).varno;
        if level.is_null() || number < 1 {
            return var.cast();
        }
        if (*var).varlevelsup == 0
            && let Some((quals_level, quals_number)) = context.own_quals
            && std::ptr::eq(quals_level, level)
            && quals_number == number
        {
            return var.cast();
        }
        let entry = tree::nth::<RangeTblEntry>((*(*level).query).rtable, (number - 1) as usize);
        let query: *const Query = (*level).query;
        if entry.is_null() || (is_excluded(query, number) && (*context.own_rows).contains(&query)) {
            return var.cast();
        }
        let Some(masked) = masks_of(context, entry) else { return var.cast() };
        if (*var).varattno == 0 {
            return grouped(level, var, whole_row(var, masked), (-1, false));
        }
        match masked.columns.iter().find(|column| column.number == (*var).varattno) {
            Some(column) => {
                let masked = mask_over(var, column, !(*(*level).query).groupingSets.is_null());
                grouped(level, var, masked, (column.length, column.by_value))
            }
            None => var.cast(),
        }
    }
}

/// The mask over a Var. NULL stays NULL: what isn't strict by itself is wrapped, so that the Var (and with it what
/// outer joins do to it) always has a say.
///
/// Where there are GROUPING SETS, up to PostgreSQL 17 a grouped column is found within other expressions by comparing
/// trees after simplification, and casts, negations and ANDs are simplified into what stands around them. A CASE is
/// not: a `solid` mask is one.
///
/// # Safety
/// `var` must be a Var of the column.
pub unsafe fn mask_over(var: *mut Var, column: &MaskedColumn, solid: bool) -> *mut Node {
    // SAFETY: the template is a tree on the shelf, copied before it is changed.
    unsafe {
        let null = || tree::null_constant(column.of, column.length, column.by_value);
        match &column.mask {
            Mask::Null => tree::case(tree::is_null(copy(var)), null(), null(), column.of),
            Mask::Template(template) => {
                let masked = fill(template.expression.0, var.cast());
                if template.strict && !solid {
                    return masked;
                }
                tree::case(tree::is_null(copy(var)), null(), masked, column.of)
            }
            Mask::If { function, of } => {
                let mut arguments: *mut List = std::ptr::null_mut();
                for (number, of) in of {
                    arguments = raw::lappend(arguments, column_beside(var, *number, *of).cast());
                }
                let call = tree::make::<pg_sys::FuncExpr>(NodeTag::T_FuncExpr);
                (*call).funcid = *function;
                (*call).funcresulttype = pg_sys::BOOLOID;
                (*call).args = arguments;
                (*call).location = -1;
                tree::case(call.cast(), copy(var), null(), column.of)
            }
        }
    }
}

/// The row, with masks in the place of masked columns; NULL where an outer join found no row.
unsafe fn whole_row(var: *mut Var, masked: &MaskedRelation) -> *mut Node {
    // SAFETY: fresh nodes; Vars are copies of the whole-row Var pointed at one column each.
    unsafe {
        let row = tree::make::<pg_sys::RowExpr>(NodeTag::T_RowExpr);
        let mut arguments: *mut List = std::ptr::null_mut();
        let mut names: *mut List = std::ptr::null_mut();
        for field in &masked.fields {
            let value = match field.of {
                // As the server itself fills the place of a dropped column in a row.
                None => tree::null_constant(
                    ColumnType { oid: pg_sys::INT4OID, typmod: -1, collation: pg_sys::InvalidOid },
                    4,
                    true,
                ),
                Some(of) => {
                    let part = column_beside(var, field.number, of);
                    match masked.columns.iter().find(|column| column.number == field.number) {
                        Some(column) => mask_over(part, column, false),
                        None => part.cast(),
                    }
                }
            };
            arguments = raw::lappend(arguments, value.cast());
            let name = raw::makeString(raw::pstrdup(field.name.as_ptr()));
            names = raw::lappend(names, name.cast());
        }
        (*row).args = arguments;
        (*row).row_typeid = (*var).vartype;
        (*row).row_format = pg_sys::CoercionForm::COERCE_IMPLICIT_CAST;
        (*row).colnames = names;
        (*row).location = -1;
        let of = ColumnType { oid: (*var).vartype, typmod: -1, collation: pg_sys::InvalidOid };
        tree::case(tree::is_null(copy(var)), tree::null_constant(of, -1, false), row.cast(), of)
    }
}

/// Another column of the row a Var is from.
unsafe fn column_beside(var: *mut Var, number: i16, of: ColumnType) -> *mut Var {
    // SAFETY: a copy is changed, not the Var.
    unsafe {
        let beside = copy(var).cast::<Var>();
        compat::point_at(beside, number);
        (*beside).vartype = of.oid;
        (*beside).vartypmod = of.typmod;
        (*beside).varcollid = of.collation;
        beside
    }
}

unsafe fn copy(var: *mut Var) -> *mut Node {
    // SAFETY: a deep copy in the current context.
    unsafe { raw::copyObjectImpl(var.cast_const().cast()).cast() }
}

/// A copy of a template with the value put into its place.
unsafe fn fill(template: *mut Node, value: *mut Node) -> *mut Node {
    // SAFETY: the mutator copies; the callback looks at Params only.
    unsafe { put(template, value.cast()) }
}

#[allow(ffi_unwind_calls, reason = "nothing on this frame needs dropping")]
unsafe extern "C-unwind" fn put(node: *mut Node, value: *mut c_void) -> *mut Node {
    if node.is_null() {
        return node;
    }
    // SAFETY: `value` is the Var to put in; see fill().
    unsafe {
        if tree::tag(node) == NodeTag::T_Param && (*node.cast::<pg_sys::Param>()).paramid == PLACE {
            return copy(value.cast());
        }
        raw::expression_tree_mutator(node, put, value)
    }
}
