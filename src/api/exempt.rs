//! Standing exemptions: exempt, unexempt. An exempt role reads raw values without asking, so nobody exempts themselves.

use pgrx::datum::TimestampWithTimeZone;
use pgrx::prelude::*;
use serde_json::json;

use super::guard::{self, quoted};
use super::{args, policy, store};
use crate::audit::trail;
use crate::catalog::session::Caller;
use crate::error::{Code, Error, Result, or_raise};

const EXEMPT: &str =
    "SELECT * FROM jitmask.exempt(role => 'etl', reason => 'loads the warehouse', until => '2030-01-01');";
const UNEXEMPT: &str = "SELECT * FROM jitmask.unexempt('etl');";

/// Role, state, until, message.
type Outcome = (String, String, Option<TimestampWithTimeZone>, String);

#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn exempt(
    role: Option<&str>,
    reason: Option<&str>,
    until: default!(Option<TimestampWithTimeZone>, "NULL"),
    inherit: default!(Option<bool>, "false"),
) -> TableIterator<
    'static,
    (name!(role, String), name!(state, String), name!(until, Option<TimestampWithTimeZone>), name!(message, String)),
> {
    let body = || {
        let caller = guard::admin("exempt")?;
        let role = args::said("role", role, EXEMPT)?;
        let reason = args::said("reason", reason, EXEMPT)?;
        give(caller, role, reason, until, inherit.unwrap_or(false))
    };
    TableIterator::once(or_raise(body()))
}

fn give(
    caller: Caller,
    name: &str,
    reason: &str,
    until: Option<TimestampWithTimeZone>,
    inherit: bool,
) -> Result<Outcome> {
    let role = guard::role(name)?;
    policy::not_oneself(caller.login, &[name.to_owned()], "exempt")?;
    let future = store::read_one("SELECT coalesce($1 > clock_timestamp(), true)", &[until.into()], |row| row.need(1))?;
    if future != Some(true) {
        return Err(Error::new(Code::BadArgument, "an exemption can't end in the past").hint(EXEMPT));
    }
    store::run(
        "INSERT INTO jitmask.exemption (role, inherit, reason, until, granted_by_name)
         VALUES ($1, $2, $3, $4, session_user)
         ON CONFLICT (role) DO UPDATE SET inherit = excluded.inherit, reason = excluded.reason, until = excluded.until,
            granted_by_name = excluded.granted_by_name, granted_at = clock_timestamp()",
        &[role.into(), inherit.into(), reason.into(), until.into()],
    )?;
    let until_text = store::read_one("SELECT $1::text", &[until.into()], |row| row.get::<String>(1))?.flatten();
    trail::record(
        "role_exempted",
        None,
        Some(name),
        &json!({ "reason": reason, "until": until_text, "inherit": inherit }),
    )?;
    let whom = if inherit { "the role and its members read" } else { "the role reads" };
    let end = until_text.map_or_else(|| "until it is taken back".to_owned(), |text| format!("until {text}"));
    Ok((name.to_owned(), "exempt".to_owned(), until, format!("{whom} raw values {end}")))
}

#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn unexempt(
    role: Option<&str>,
) -> TableIterator<
    'static,
    (name!(role, String), name!(state, String), name!(until, Option<TimestampWithTimeZone>), name!(message, String)),
> {
    let body = || {
        guard::admin("unexempt")?;
        take_back(args::said("role", role, UNEXEMPT)?)
    };
    TableIterator::once(or_raise(body()))
}

fn take_back(name: &str) -> Result<Outcome> {
    let role = guard::role(name)?;
    if store::run("DELETE FROM jitmask.exemption WHERE role = $1", &[role.into()])? == 0 {
        return Err(Error::new(Code::Unknown, format!("role \"{name}\" is not exempt"))
            .detail("A superuser is exempt without being listed, and so is who a policy leaves out (except_roles).")
            .hint(format!("SELECT * FROM jitmask.why('schema.table.column', {});", quoted(name))));
    }
    trail::record("role_unexempted", None, Some(name), &json!({}))?;
    Ok((name.to_owned(), "not exempt".to_owned(), None, "the role's reads are masked from now on".to_owned()))
}
