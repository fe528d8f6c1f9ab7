//! Expressions that pass a value on as it is: casts, COALESCE, CASE, min(), lag() and the like.

use pgrx::pg_sys::{self, CoercionForm, Node, NodeTag, Oid};

use super::{function, tree};

/// Aggregates and window functions of the server that answer one of the values they were given.
const PICKING: [&str; 9] = ["min", "max", "any_value", "lag", "lead", "first_value", "last_value", "nth_value", "mode"];

/// The parts of an expression of which the value may be one, unchanged or merely cast; `None` for an expression that is
/// no such thing: a column, a constant, or something computed.
///
/// # Safety
/// `expression` must be a valid, analysed expression.
pub unsafe fn passed_on(expression: *mut Node) -> Option<Vec<*mut Node>> {
    if expression.is_null() {
        return Some(Vec::new());
    }
    // SAFETY: as for the caller; nodes are checked by tag before they are cast.
    unsafe {
        match tree::tag(expression) {
            NodeTag::T_RelabelType => Some(vec![(*expression.cast::<pg_sys::RelabelType>()).arg.cast()]),
            NodeTag::T_CoerceViaIO => {
                let argument = (*expression.cast::<pg_sys::CoerceViaIO>()).arg.cast::<Node>();
                // The text of a row is several values, and the mask of one of them is none for it.
                (!pg_sys::type_is_rowtype(pg_sys::exprType(argument))).then(|| vec![argument])
            }
            NodeTag::T_CoerceToDomain => Some(vec![(*expression.cast::<pg_sys::CoerceToDomain>()).arg.cast()]),
            NodeTag::T_CollateExpr => Some(vec![(*expression.cast::<pg_sys::CollateExpr>()).arg.cast()]),
            NodeTag::T_ArrayCoerceExpr => Some(vec![(*expression.cast::<pg_sys::ArrayCoerceExpr>()).arg.cast()]),
            NodeTag::T_FuncExpr => {
                let call = expression.cast::<pg_sys::FuncExpr>();
                let cast = matches!(
                    (*call).funcformat,
                    CoercionForm::COERCE_EXPLICIT_CAST | CoercionForm::COERCE_IMPLICIT_CAST
                );
                // The others say how: a length, and whether the cast was written out.
                cast.then(|| tree::iter((*call).args).take(1).collect())
            }
            NodeTag::T_CoalesceExpr => Some(tree::iter((*expression.cast::<pg_sys::CoalesceExpr>()).args).collect()),
            NodeTag::T_MinMaxExpr => Some(tree::iter((*expression.cast::<pg_sys::MinMaxExpr>()).args).collect()),
            NodeTag::T_NullIfExpr => {
                Some(tree::iter((*expression.cast::<pg_sys::NullIfExpr>()).args).take(1).collect())
            }
            NodeTag::T_CaseExpr => {
                let case = expression.cast::<pg_sys::CaseExpr>();
                let mut results: Vec<*mut Node> =
                    tree::iter::<pg_sys::CaseWhen>((*case).args).map(|when| (*when).result.cast()).collect();
                results.push((*case).defresult.cast());
                Some(results)
            }
            NodeTag::T_Aggref => {
                let call = expression.cast::<pg_sys::Aggref>();
                picks((*call).aggfnoid).then(|| {
                    tree::iter::<pg_sys::TargetEntry>((*call).args).map(|entry| (*entry).expr.cast()).collect()
                })
            }
            NodeTag::T_WindowFunc => {
                let call = expression.cast::<pg_sys::WindowFunc>();
                picks((*call).winfnoid).then(|| tree::iter((*call).args).collect())
            }
            _ => None,
        }
    }
}

fn picks(called: Oid) -> bool {
    function::is_builtin(called) && PICKING.contains(&function::bare_name(called).as_str())
}
