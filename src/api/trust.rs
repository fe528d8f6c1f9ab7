//! Code that is trusted: owners whose code may see what a grant reveals, functions that masks may call.
//!
//! Trusting an owner trusts whatever it will ever write, so it is an administrator's decision, with a reason, on record.

use pgrx::prelude::*;
use serde_json::json;

use super::{args, guard, store};
use crate::audit::trail;
use crate::error::{Code, Error, Result, or_raise};
use crate::pg::function;

const OWNER: &str = "SELECT * FROM jitmask.trust_owner(role => 'app_owner', reason => 'reviewed code');";
const FUNCTION: &str =
    "SELECT * FROM jitmask.trust_function(func => 'crm.mask_iban(text)', reason => 'reviewed, raises on no input');";

/// What, state.
type Outcome = (String, String);

#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn trust_owner(
    role: Option<&str>,
    reason: Option<&str>,
) -> TableIterator<'static, (name!(role, String), name!(state, String))> {
    let body = || -> Result<Outcome> {
        guard::admin("trust_owner")?;
        let (name, reason) = (args::said("role", role, OWNER)?, args::said("reason", reason, OWNER)?);
        store::run(
            "INSERT INTO jitmask.trusted_owner (role, reason, granted_by_name) VALUES ($1, $2, session_user)
             ON CONFLICT (role) DO UPDATE SET reason = excluded.reason",
            &[guard::role(name)?.into(), reason.into()],
        )?;
        trail::record("owner_trusted", None, Some(name), &json!({ "reason": reason }))?;
        Ok((name.to_owned(), "trusted".to_owned()))
    };
    TableIterator::once(or_raise(body()))
}

#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn untrust_owner(role: Option<&str>) -> TableIterator<'static, (name!(role, String), name!(state, String))> {
    let body = || -> Result<Outcome> {
        guard::admin("untrust_owner")?;
        let name = args::said("role", role, OWNER)?;
        let role = guard::role(name)?;
        if store::run("DELETE FROM jitmask.trusted_owner WHERE role = $1", &[role.into()])? == 0 {
            return Err(Error::new(Code::Unknown, format!("role \"{name}\" is not listed as a trusted owner"))
                .hint("SELECT * FROM jitmask.status() WHERE name = 'trusted owners';"));
        }
        trail::record("owner_untrusted", None, Some(name), &json!({}))?;
        Ok((name.to_owned(), "not trusted".to_owned()))
    };
    TableIterator::once(or_raise(body()))
}

#[pg_extern(security_definer)]
fn trust_function(
    func: Option<&str>,
    reason: Option<&str>,
) -> TableIterator<'static, (name!(func, String), name!(state, String))> {
    let body = || -> Result<Outcome> {
        guard::admin("trust_function")?;
        let (written, reason) = (args::said("func", func, FUNCTION)?, args::said("reason", reason, FUNCTION)?);
        let found = find(written)?;
        store::run(
            "INSERT INTO jitmask.trusted_function (func, reason, granted_by_name) VALUES ($1, $2, session_user)
             ON CONFLICT (func) DO UPDATE SET reason = excluded.reason",
            &[found.into(), reason.into()],
        )?;
        let name = function::name(found);
        trail::record("function_trusted", None, Some(&name), &json!({ "reason": reason }))?;
        Ok((name, "trusted".to_owned()))
    };
    TableIterator::once(or_raise(body()))
}

#[pg_extern(security_definer)]
fn untrust_function(func: Option<&str>) -> TableIterator<'static, (name!(func, String), name!(state, String))> {
    let body = || -> Result<Outcome> {
        guard::admin("untrust_function")?;
        let found = find(args::said("func", func, FUNCTION)?)?;
        let name = function::name(found);
        if store::run("DELETE FROM jitmask.trusted_function WHERE func = $1", &[found.into()])? == 0 {
            return Err(Error::new(Code::Unknown, format!("function {name} is not listed as trusted")).hint(FUNCTION));
        }
        trail::record("function_untrusted", None, Some(&name), &json!({}))?;
        Ok((name, "not trusted".to_owned()))
    };
    TableIterator::once(or_raise(body()))
}

/// A function by its name and argument types. The name has to carry its schema: search_path is pinned for this.
fn find(written: &str) -> Result<pg_sys::Oid> {
    let found = store::read_one("SELECT pg_catalog.to_regprocedure($1)::oid", &[written.into()], |row| row.get(1))?;
    found.flatten().ok_or_else(|| {
        Error::new(Code::Unknown, format!("function \"{written}\" does not exist"))
            .detail("A function is written with its schema and argument types.")
            .hint(FUNCTION)
    })
}
