//! Rights in this database: grant_right, revoke_right; and marking logins as shared: shared_login.

use pgrx::prelude::*;
use serde_json::json;

use super::guard::{self, RIGHTS, quoted};
use super::{args, store};
use crate::audit::trail;
use crate::error::{Code, Error, Result, or_raise};

const GRANT: &str = "SELECT * FROM jitmask.grant_right(role => 'data_protection', \"right\" => 'approver');";
const REVOKE: &str = "SELECT * FROM jitmask.revoke_right(role => 'data_protection', \"right\" => 'approver');";
const SHARED: &str = "SELECT * FROM jitmask.shared_login(role => 'webapp', shared => true);";

/// Role, right, state.
type Outcome = (String, String, String);

#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn grant_right(
    role: Option<&str>,
    right: Option<&str>,
) -> TableIterator<'static, (name!(role, String), name!(right, String), name!(state, String))> {
    let body = || {
        guard::admin("grant_right")?;
        give(args::said("role", role, GRANT)?, args::said("right", right, GRANT)?)
    };
    TableIterator::once(or_raise(body()))
}

fn give(name: &str, right: &str) -> Result<Outcome> {
    let role = known(name, right)?;
    let made = store::run(
        "INSERT INTO jitmask.right_ (role, \"right\", granted_by_name) VALUES ($1, $2, session_user)
         ON CONFLICT DO NOTHING",
        &[role.into(), right.into()],
    )?;
    let state = if made > 0 {
        trail::record("right_granted", None, Some(name), &json!({ "right": right }))?;
        "granted"
    } else {
        "held already"
    };
    Ok((name.to_owned(), right.to_owned(), state.to_owned()))
}

#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn revoke_right(
    role: Option<&str>,
    right: Option<&str>,
) -> TableIterator<'static, (name!(role, String), name!(right, String), name!(state, String))> {
    let body = || {
        guard::admin("revoke_right")?;
        take_back(args::said("role", role, REVOKE)?, args::said("right", right, REVOKE)?)
    };
    TableIterator::once(or_raise(body()))
}

fn take_back(name: &str, right: &str) -> Result<Outcome> {
    let role = known(name, right)?;
    let gone =
        store::run("DELETE FROM jitmask.right_ WHERE role = $1 AND \"right\" = $2", &[role.into(), right.into()])?;
    if gone == 0 {
        return Err(Error::new(Code::Unknown, format!("role \"{name}\" was not given the right {right}"))
            .detail("It may hold it as a member of a role that was.")
            .hint("SELECT * FROM jitmask.status() WHERE name LIKE 'right %';"));
    }
    trail::record("right_revoked", None, Some(name), &json!({ "right": right }))?;
    Ok((name.to_owned(), right.to_owned(), "revoked".to_owned()))
}

/// The role of that name, if the right is one.
fn known(name: &str, right: &str) -> Result<pg_sys::Oid> {
    if !RIGHTS.contains(&right) {
        let error = Error::new(Code::BadArgument, format!("there is no right \"{right}\""))
            .detail(format!("The rights are: {}.", RIGHTS.join(", ")));
        return Err(if RIGHTS.contains(&name) {
            error.hint(format!(
                "The role comes first: SELECT * FROM jitmask.grant_right(role => {}, \"right\" => {});",
                quoted(right),
                quoted(name)
            ))
        } else {
            error.hint(GRANT)
        });
    }
    guard::role(name)
}

#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn shared_login(
    role: Option<&str>,
    shared: default!(Option<bool>, "true"),
    reason: default!(Option<&str>, "NULL"),
) -> TableIterator<'static, (name!(role, String), name!(state, String), name!(message, String))> {
    let body = || {
        guard::admin("shared_login")?;
        mark(args::said("role", role, SHARED)?, args::given("shared", shared, SHARED)?, reason)
    };
    TableIterator::once(or_raise(body()))
}

fn mark(name: &str, shared: bool, reason: Option<&str>) -> Result<Outcome> {
    let role = guard::role(name)?;
    if shared {
        store::run(
            "INSERT INTO jitmask.shared_login_ (role, reason, granted_by_name) VALUES ($1, $2, session_user)
             ON CONFLICT (role) DO UPDATE SET reason = excluded.reason",
            &[role.into(), reason.into()],
        )?;
        let ended = store::write(
            "UPDATE jitmask.grant_ SET state = 'ended', ended_at = clock_timestamp(), ended_by_name = session_user,
                    end_comment = 'the login is shared'
              WHERE grantee = $1 AND state IN ('scheduled', 'active', 'suspended') RETURNING id",
            &[role.into()],
            |row| row.need::<i64>(1),
        )?;
        trail::record("login_shared", None, Some(name), &json!({ "reason": reason, "grants": ended }))?;
        let message = "it can neither request nor vote nor hold grants";
        return Ok((name.to_owned(), "shared".to_owned(), message.to_owned()));
    }
    if store::run("DELETE FROM jitmask.shared_login_ WHERE role = $1", &[role.into()])? == 0 {
        return Err(Error::new(Code::Unknown, format!("login \"{name}\" is not marked as shared")).hint(SHARED));
    }
    trail::record("login_unshared", None, Some(name), &json!({}))?;
    Ok((name.to_owned(), "personal".to_owned(), "it stands for one person again".to_owned()))
}
