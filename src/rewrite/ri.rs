//! Foreign key checks of the server's own: they need raw keys, whoever owns the table.
//!
//! The flag the server sets for them is inherited by user code below (a trigger on the referencing table, say), so it
//! proves nothing by itself. A query counts as one of the server's only if the flag is set and its tree matches what
//! ri_triggers.c writes, for the columns of one row of pg_constraint (engine.md 1.9).

use pgrx::pg_sys::{self, CmdType, List, Node, NodeTag, Oid, Query, RTEKind, RangeTblEntry, Var};

use super::survey::Survey;
use crate::pg::constraint::{self, ForeignKey};
use crate::pg::{function, nesting, roles, tree};

/// Whether this is a foreign key check.
///
/// # Safety
/// `query` must be a valid rewritten query tree and `survey` its survey.
pub unsafe fn is_foreign_key_check(query: *mut Query, survey: &Survey) -> bool {
    // Code of somebody's that runs below a check inherits the flag, and could send the very same query.
    if !roles::in_foreign_key_check() || nesting::depths().below_check > 0 || survey.queries.len() != 1 {
        return false;
    }
    // SAFETY: as for the caller.
    unsafe {
        let Some(relation) = only_relation(query) else { return false };
        // The server runs its checks as the owner of the relation it looks into.
        if function::relation_owner(relation) != Some(roles::current_user()) {
            return false;
        }
        let Some(conditions) = comparisons(query) else { return false };
        let compared: Vec<i16> = conditions.iter().map(|condition| condition.column).collect();
        let mut keys = constraint::foreign_keys(relation);
        keys.retain(|key| conditions.iter().all(|condition| key.operators.contains(&condition.operator)));
        match (*query).commandType {
            CmdType::CMD_SELECT => {
                is_existence_check(query) && keys.iter().any(|key| key.has_side(relation, &compared))
            }
            CmdType::CMD_DELETE => {
                (*query).returningList.is_null() && keys.iter().any(|key| key.references_from(relation, &compared))
            }
            CmdType::CMD_UPDATE => {
                (*query).returningList.is_null()
                    && keys.iter().any(|key| key.references_from(relation, &compared) && assigns_only(query, key))
            }
            _ => false,
        }
    }
}

/// The one relation of a query that consists of nothing but a scan of it.
unsafe fn only_relation(query: *mut Query) -> Option<Oid> {
    // SAFETY: as for is_foreign_key_check().
    unsafe {
        let q = &*query;
        let plain = q.cteList.is_null()
            && !q.hasSubLinks
            && !q.hasAggs
            && !q.hasWindowFuncs
            && !q.hasTargetSRFs
            && q.groupClause.is_null()
            && q.havingQual.is_null()
            && q.sortClause.is_null()
            && q.distinctClause.is_null()
            && q.limitCount.is_null()
            && q.limitOffset.is_null()
            && q.setOperations.is_null()
            && q.onConflict.is_null()
            && tree::len(q.rtable) == 1
            && !q.jointree.is_null()
            && tree::len((*q.jointree).fromlist) == 1;
        let entry = tree::nth::<RangeTblEntry>(q.rtable, 0);
        if !plain || entry.is_null() || (*entry).rtekind != RTEKind::RTE_RELATION || !(*entry).tablesample.is_null() {
            return None;
        }
        Some((*entry).relid)
    }
}

/// `SELECT 1 FROM … FOR KEY SHARE`.
unsafe fn is_existence_check(query: *mut Query) -> bool {
    // SAFETY: as for is_foreign_key_check().
    unsafe {
        let target = tree::nth::<pg_sys::TargetEntry>((*query).targetList, 0);
        let mark = tree::nth::<pg_sys::RowMarkClause>((*query).rowMarks, 0);
        tree::len((*query).targetList) == 1
            && tree::tag((*target).expr.cast()) == NodeTag::T_Const
            && tree::len((*query).rowMarks) == 1
            && (*mark).strength == pg_sys::LockClauseStrength::LCS_FORKEYSHARE
    }
}

/// A column compared with a parameter.
struct Comparison {
    column: i16,
    operator: Oid,
}

/// The conditions, if each compares a column with a parameter; `None` if there is any other.
unsafe fn comparisons(query: *mut Query) -> Option<Vec<Comparison>> {
    // SAFETY: as for is_foreign_key_check(); nodes are checked by tag before they are cast.
    unsafe {
        let quals = (*(*query).jointree).quals;
        if quals.is_null() {
            return None;
        }
        let single = [quals];
        let conditions: Vec<*mut Node> = if tree::tag(quals) == NodeTag::T_BoolExpr {
            let and = quals.cast::<pg_sys::BoolExpr>();
            if (*and).boolop != pg_sys::BoolExprType::AND_EXPR {
                return None;
            }
            tree::iter::<Node>((*and).args).collect()
        } else {
            single.to_vec()
        };
        conditions.into_iter().map(|condition| comparison(condition)).collect()
    }
}

unsafe fn comparison(condition: *mut Node) -> Option<Comparison> {
    // SAFETY: as for comparisons().
    unsafe {
        if tree::tag(condition) != NodeTag::T_OpExpr {
            return None;
        }
        let operation = condition.cast::<pg_sys::OpExpr>();
        let arguments: *mut List = (*operation).args;
        if tree::len(arguments) != 2 {
            return None;
        }
        let (left, right) = (bare(tree::nth::<Node>(arguments, 0)), bare(tree::nth::<Node>(arguments, 1)));
        let (var, other) = if tree::tag(left) == NodeTag::T_Var { (left, right) } else { (right, left) };
        let fits = tree::tag(var) == NodeTag::T_Var && tree::tag(other) == NodeTag::T_Param;
        fits.then(|| Comparison { column: (*var.cast::<Var>()).varattno, operator: (*operation).opno })
    }
}

/// The expression below relabellings, collations and casts, as ri_triggers.c puts them where types differ.
unsafe fn bare(node: *mut Node) -> *mut Node {
    // SAFETY: as for comparisons().
    unsafe {
        match tree::tag(node) {
            NodeTag::T_RelabelType => bare((*node.cast::<pg_sys::RelabelType>()).arg.cast()),
            NodeTag::T_CollateExpr => bare((*node.cast::<pg_sys::CollateExpr>()).arg.cast()),
            NodeTag::T_FuncExpr => {
                let call = node.cast::<pg_sys::FuncExpr>();
                // A cast somebody wrote would be handed the raw key.
                let cast = (*call).funcformat != pg_sys::CoercionForm::COERCE_EXPLICIT_CALL
                    && function::is_builtin((*call).funcid);
                let first = tree::nth::<Node>((*call).args, 0);
                if cast && !first.is_null() { bare(first) } else { node }
            }
            _ => node,
        }
    }
}

/// Whether an UPDATE assigns the key's columns, and nothing that reads the row.
unsafe fn assigns_only(query: *mut Query, key: &ForeignKey) -> bool {
    // SAFETY: as for is_foreign_key_check().
    unsafe {
        tree::iter::<pg_sys::TargetEntry>((*query).targetList).all(|target| {
            (*target).resjunk
                || (key.columns.contains(&(*target).resno)
                    && !pg_sys::contain_var_clause((*target).expr.cast())
                    && !pg_sys::contain_subplans((*target).expr.cast()))
        })
    }
}
