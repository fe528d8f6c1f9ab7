//! Asking about one column: why, is_masked. They give the engine's own decision, not a second opinion.

use pgrx::datum::TimestampWithTimeZone;
use pgrx::prelude::*;

use super::columns;
use super::{args, guard};
use crate::catalog::session;
use crate::catalog::verdict;
use crate::error::{Code, Error, Result, or_raise};

const WHY: &str = "SELECT * FROM jitmask.why('schema.table.column', role => 'support');";
const IS_MASKED: &str = "SELECT jitmask.is_masked('schema.table.column');";

/// Column, role, masked, because, policy, mask, grant, until.
type Answer =
    (String, String, bool, String, Option<String>, Option<String>, Option<i64>, Option<TimestampWithTimeZone>);

#[pg_extern(security_definer)]
fn why(
    column: Option<&str>,
    role: default!(Option<&str>, "NULL"),
) -> TableIterator<
    'static,
    (
        name!(column, String),
        name!(role, String),
        name!(masked, bool),
        name!(because, String),
        name!(policy, Option<String>),
        name!(mask, Option<String>),
        name!(grant_id, Option<i64>),
        name!(until, Option<TimestampWithTimeZone>),
    ),
> {
    TableIterator::once(or_raise(answer(column, role)))
}

fn answer(column: Option<&str>, role: Option<&str>) -> Result<Answer> {
    let column = columns::find_one(args::said("column", column, WHY)?, WHY)?;
    let caller = session::caller();
    let (login, role) = match role {
        None => (caller.login, caller.role),
        Some(name) => {
            let role = guard::role(name)?;
            let own = session::is_member(caller.login, role) || session::is_member(caller.role, role);
            if !own && !guard::oversees(caller) {
                return Err(Error::new(Code::Privilege, format!("you may not ask about role \"{name}\""))
                    .detail("Anybody may ask about roles of their own; administrators and auditors about all.")
                    .hint(format!("SELECT * FROM jitmask.why({});", guard::quoted(&column.full_name()))));
            }
            (role, role)
        }
    };
    let told = verdict::explain(column.relid, column.attnum, login, role)?;
    Ok((
        column.full_name(),
        session::role_name(role),
        told.masked,
        told.because,
        told.policy,
        told.mask,
        told.grant,
        told.until,
    ))
}

#[pg_extern(security_definer)]
fn is_masked(column: Option<&str>) -> bool {
    let body = || -> Result<bool> {
        let column = columns::find_one(args::said("column", column, IS_MASKED)?, IS_MASKED)?;
        let caller = session::caller();
        Ok(verdict::explain(column.relid, column.attnum, caller.login, caller.role)?.masked)
    };
    or_raise(body())
}
