//! After masks were put in: assignments over stored rows are wrapped so that writing back what was read changes nothing.
//!
//! The wrapping is a call of one function with the new value, the mask of the stored one and the stored one itself: a CASE
//! would evaluate the new value twice (engine.md 3.2).

use std::ffi::CStr;

use jitmask_core::model::write_back::WriteBack;
use pgrx::pg_sys::{self, CoercionForm, FuncExpr, List, Node, NodeTag, Oid, Query, Var};

use super::substitute::{MaskedColumn, MaskedRelation, mask_over};
use super::survey::Survey;
use super::writes::{self, Form, Writes};
use crate::catalog::extension::Installed;
use crate::error::{Code, Error, Result};
use crate::pg::{function, raw, tree};

/// Wraps every assignment over a stored row to a masked column, but for those to itself.
///
/// # Safety
/// The survey's tree must be valid, its masks put in, and `writes` what the check of it found.
pub unsafe fn apply(ours: &Installed, masks: &[MaskedRelation], survey: &Survey, writes: &Writes) -> Result<()> {
    if !survey.writes {
        return Ok(());
    }
    let any = pg_sys::ANYELEMENTOID;
    for query in &survey.queries {
        // SAFETY: as for the caller, throughout.
        let Some(masked) = (unsafe { writes::target(*query, masks) }) else { continue };
        for (number, list) in unsafe { writes::lists(*query) }.into_iter().enumerate() {
            if !list.over_stored {
                continue;
            }
            for assigned in unsafe { writes::assigned(list.targets, masked) } {
                let copy = writes.copies.contains(&(*query as usize, number, assigned.column.number));
                let mode = match assigned.column.write_back {
                    WriteBack::Allow => continue,
                    _ if copy => c"copy",
                    WriteBack::Keep => c"keep",
                    WriteBack::Error => c"error",
                };
                unsafe {
                    let expression = &raw mut (*assigned.target).expr;
                    match writes::form(*query, assigned.target) {
                        Form::Itself(_) => {}
                        Form::Part(slot) => {
                            // What would be put together twice must not give two different results; and what is made
                            // anew each time is no value that was read.
                            if !pg_sys::contain_volatile_functions((*expression).cast())
                                && writes::fits_mask((*expression).cast())
                            {
                                let keep = helper(ours, c"keep_part", &[any, any, any, any, pg_sys::TEXTOID])?;
                                let shown = with_shown((*expression).cast(), slot, *query, assigned.column);
                                *expression =
                                    call(keep, &[(*expression).cast(), shown], *query, assigned.column, mode).cast();
                            }
                        }
                        Form::Whole => {
                            let keep = helper(ours, c"keep", &[any, any, any, pg_sys::TEXTOID])?;
                            *expression = call(keep, &[(*expression).cast()], *query, assigned.column, mode).cast();
                        }
                    }
                }
            }
        }
    }
    Ok(())
}

fn helper(ours: &Installed, name: &CStr, arguments: &[Oid]) -> Result<Oid> {
    function::find(ours.schema, name, arguments).ok_or_else(|| {
        Error::new(Code::Unprepared, format!("function jitmask.{} is missing", name.to_string_lossy()))
            .detail("Without it a masked session could overwrite what it does not see.")
            .hint("ALTER EXTENSION jitmask UPDATE;")
    })
}

/// The same partial assignment, made to what the session sees in place of what is stored.
unsafe fn with_shown(
    expression: *mut Node,
    slot: *mut *mut Node,
    query: *mut Query,
    column: &MaskedColumn,
) -> *mut Node {
    // SAFETY: as for apply(); the slot is put back as it was after the copy was made.
    unsafe {
        let stored = *slot;
        *slot = mask_over(stored_var(query, column), column, false);
        let copy = raw::copyObjectImpl(expression.cast_const().cast()).cast();
        *slot = stored;
        copy
    }
}

unsafe fn call(
    function: Oid,
    values: &[*mut Node],
    query: *mut Query,
    column: &MaskedColumn,
    mode: &CStr,
) -> *mut FuncExpr {
    // SAFETY: fresh nodes.
    unsafe {
        let mut arguments: *mut List = std::ptr::null_mut();
        for value in values {
            arguments = raw::lappend(arguments, value.cast());
        }
        arguments = raw::lappend(arguments, mask_over(stored_var(query, column), column, false).cast());
        arguments = raw::lappend(arguments, stored_var(query, column).cast());
        arguments = raw::lappend(arguments, tree::text_constant(mode).cast());
        let call = tree::make::<FuncExpr>(NodeTag::T_FuncExpr);
        (*call).funcid = function;
        (*call).funcresulttype = column.of.oid;
        (*call).funcformat = CoercionForm::COERCE_EXPLICIT_CALL;
        (*call).funccollid = column.of.collation;
        (*call).inputcollid = column.of.collation;
        (*call).args = arguments;
        (*call).location = -1;
        call
    }
}

/// The column of the stored row.
unsafe fn stored_var(query: *mut Query, column: &MaskedColumn) -> *mut Var {
    // SAFETY: a fresh Var of the result relation, as the parser makes them.
    unsafe {
        pg_sys::makeVar((*query).resultRelation, column.number, column.of.oid, column.of.typmod, column.of.collation, 0)
    }
}
