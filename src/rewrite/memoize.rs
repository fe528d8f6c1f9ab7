//! Takes out of a finished plan what would compare raw values: Memoize nodes keyed by a protected column.
//!
//! A LATERAL sub-query that names a masked column is handed the value raw, and masks it inside. A Memoize above it
//! remembers results by what was handed down: EXPLAIN ANALYZE tells its hits, and a function in the sub-query can count its
//! calls, so whoever sees only masks would learn which rows hold equal values, their own guess's included. A setting
//! would not do: a function that is called while planning could set it back.
//!
//! Keys that are expressions hold masks. A key that is a value handed down as it is stays only if it is known to be
//! something else than a protected column.

use pgrx::pg_sys::{self, List, Memoize, NestLoop, Node, NodeTag, Plan, PlannedStmt, RTEKind, RangeTblEntry, Var};

use crate::catalog::extension::Installed;
use crate::catalog::protection::{self, Class};
use crate::pg::tree;

/// The nested loops around a node: they hand values down.
struct Above<'a> {
    join: *const NestLoop,
    above: Option<&'a Above<'a>>,
}

/// Takes them out.
///
/// # Safety
/// `plan` must be what the planner just returned, in a statement that masks something.
pub unsafe fn take_out(ours: &Installed, plan: *mut PlannedStmt) {
    // SAFETY: as for the caller, here and below; plans are trees whose nodes are checked by tag before they are cast.
    unsafe {
        visit(ours, plan, (*plan).planTree, None);
        for part in tree::iter::<Plan>((*plan).subplans) {
            visit(ours, plan, part, None);
        }
    }
}

unsafe fn visit(ours: &Installed, whole: *const PlannedStmt, node: *mut Plan, above: Option<&Above>) {
    if node.is_null() {
        return;
    }
    // SAFETY: see take_out().
    unsafe {
        match tree::tag(node.cast()) {
            NodeTag::T_NestLoop => {
                let frame = Above { join: node.cast(), above };
                let inner = (*node).righttree;
                if !inner.is_null()
                    && tree::tag(inner.cast()) == NodeTag::T_Memoize
                    && !harmless(ours, whole, inner.cast(), &frame)
                {
                    // It passes rows on and changes none.
                    (*node).righttree = (*inner).lefttree;
                }
                visit(ours, whole, (*node).lefttree, above);
                visit(ours, whole, (*node).righttree, Some(&frame));
                return;
            }
            NodeTag::T_Append => each(ours, whole, (*node.cast::<pg_sys::Append>()).appendplans, above),
            NodeTag::T_MergeAppend => each(ours, whole, (*node.cast::<pg_sys::MergeAppend>()).mergeplans, above),
            NodeTag::T_SubqueryScan => visit(ours, whole, (*node.cast::<pg_sys::SubqueryScan>()).subplan, above),
            NodeTag::T_CustomScan => each(ours, whole, (*node.cast::<pg_sys::CustomScan>()).custom_plans, above),
            _ => {}
        }
        visit(ours, whole, (*node).lefttree, above);
        visit(ours, whole, (*node).righttree, above);
    }
}

unsafe fn each(ours: &Installed, whole: *const PlannedStmt, nodes: *const List, above: Option<&Above>) {
    // SAFETY: see take_out().
    unsafe {
        for node in tree::iter::<Plan>(nodes) {
            visit(ours, whole, node, above);
        }
    }
}

/// Whether none of the keys can be a protected column's raw value.
unsafe fn harmless(ours: &Installed, whole: *const PlannedStmt, memoize: *const Memoize, frame: &Above) -> bool {
    // SAFETY: see take_out().
    unsafe {
        tree::iter::<Node>((*memoize).param_exprs).all(|key| {
            let mut key = key;
            while tree::tag(key) == NodeTag::T_RelabelType {
                key = (*key.cast::<pg_sys::RelabelType>()).arg.cast();
            }
            if tree::tag(key) != NodeTag::T_Param {
                return true;
            }
            handed_down((*key.cast::<pg_sys::Param>()).paramid, frame).is_some_and(|var| open(ours, whole, var))
        })
    }
}

/// What a nested loop around puts into a parameter.
unsafe fn handed_down(number: i32, frame: &Above) -> Option<*const Var> {
    let mut frame = Some(frame);
    while let Some(Above { join, above }) = frame {
        // SAFETY: see take_out(); the list holds NestLoopParams.
        let found = unsafe {
            tree::iter::<pg_sys::NestLoopParam>((**join).nestParams)
                .find(|param| (**param).paramno == number)
                .map(|param| (*param).paramval)
        };
        if let Some(value) = found {
            // SAFETY: a Var, or a PlaceHolderVar in its place.
            return (unsafe { tree::tag(value.cast()) } == NodeTag::T_Var).then_some(value.cast_const());
        }
        frame = *above;
    }
    None
}

/// Whether a Var is known, by where it was written, to be no protected column: of an unprotected relation, or what a
/// sub-query, function or the like gave, which has seen masks only.
unsafe fn open(ours: &Installed, whole: *const PlannedStmt, var: *const Var) -> bool {
    // SAFETY: see take_out(); the entry is checked to be there.
    unsafe {
        let Some(place) = usize::try_from((*var).varnosyn).ok().and_then(|number| number.checked_sub(1)) else {
            return false;
        };
        let entry = tree::nth::<RangeTblEntry>((*whole).rtable, place);
        if entry.is_null() {
            return false;
        }
        match (*entry).rtekind {
            RTEKind::RTE_RELATION => match protection::class(ours, (*entry).relid) {
                Class::Plain | Class::Own | Class::Toast => true,
                Class::Protected(protected) => {
                    (*var).varattnosyn != 0 && protected.column((*var).varattnosyn).is_none()
                }
                Class::Statistics => false,
            },
            RTEKind::RTE_SUBQUERY
            | RTEKind::RTE_FUNCTION
            | RTEKind::RTE_TABLEFUNC
            | RTEKind::RTE_VALUES
            | RTEKind::RTE_CTE
            | RTEKind::RTE_NAMEDTUPLESTORE => true,
            _ => false,
        }
    }
}
