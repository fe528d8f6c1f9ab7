//! Ending a grant before its time: revoke, and return_grant for whoever holds it.

use jitmask_core::model::grant::{GrantEvent, GrantState, next};
use jitmask_core::model::request::RequestState;
use pgrx::datum::TimestampWithTimeZone;
use pgrx::prelude::*;
use serde_json::json;

use super::case::{self, Case};
use super::decide::Decided;
use super::{args, guard, rules, store};
use crate::audit::trail;
use crate::catalog::rights;
use crate::catalog::session::{self, Caller};
use crate::error::{Code, Error, Result, or_raise};

const REVOKE: &str = "SELECT * FROM jitmask.revoke(17, 'the ticket is closed');";

#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn revoke(
    id: Option<i64>,
    comment: default!(Option<&str>, "NULL"),
) -> TableIterator<
    'static,
    (name!(id, i64), name!(state, String), name!(message, String), name!(until, Option<TimestampWithTimeZone>)),
> {
    let body = || {
        let caller = guard::decider("revoke")?;
        end(caller, args::given("id", id, REVOKE)?, comment)
    };
    TableIterator::once(or_raise(body()))
}

#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn return_grant(
    id: Option<i64>,
    comment: default!(Option<&str>, "NULL"),
) -> TableIterator<
    'static,
    (name!(id, i64), name!(state, String), name!(message, String), name!(until, Option<TimestampWithTimeZone>)),
> {
    let body = || {
        let caller = guard::decider("return_grant")?;
        let id = args::given("id", id, "SELECT * FROM jitmask.return_grant(17);")?;
        let case = case::lock(id)?;
        if case.requester != caller.login {
            return Err(Error::new(Code::Privilege, format!("grant {id} is not yours to return"))
                .detail(format!("It belongs to \"{}\".", case.requester_name))
                .hint(format!("SELECT * FROM jitmask.revoke({id}, 'why');")));
        }
        end(caller, id, comment)
    };
    TableIterator::once(or_raise(body()))
}

fn end(caller: Caller, id: i64, comment: Option<&str>) -> Result<Decided> {
    // The request's lock is the grant's as well: nobody approves and revokes at once.
    let case = case::lock(id)?;
    let own = case.requester == caller.login;
    if !own && !may_revoke(caller, &case)? {
        return Err(Error::new(
            Code::Privilege,
            format!("login \"{}\" may not revoke grant {id}", session::role_name(caller.login)),
        )
        .detail("Its holder may, whoever could decide the request, and an administrator.")
        .hint("SELECT id, grantee, columns FROM jitmask.active_grants;"));
    }
    let stored = store::write_one(
        "SELECT CASE WHEN state IN ('scheduled', 'active', 'suspended') AND expires_at <= clock_timestamp()
                     THEN 'ended' ELSE state END
           FROM jitmask.grant_ WHERE id = $1 FOR UPDATE",
        &[id.into()],
        |row| row.need::<String>(1),
    )?;
    let Some(word) = stored else { return Err(no_grant(&case, own)) };
    let before = GrantState::parse(&word)
        .ok_or_else(|| Error::new(Code::WrongState, format!("\"{word}\" is no state of a grant")))?;
    let event = if own { GrantEvent::Return } else { GrantEvent::Revoke };
    let state = next(before, event).map_err(|refusal| {
        Error::new(Code::WrongState, refusal.to_string())
            .detail(format!("This is about grant {id} of \"{}\".", case.requester_name))
            .hint(format!("SELECT * FROM jitmask.grants WHERE id = {id};"))
    })?;
    store::run(
        "UPDATE jitmask.grant_ SET state = $2, ended_at = clock_timestamp(), ended_by_name = session_user,
                end_comment = $3 WHERE id = $1",
        &[id.into(), state.as_str().into(), comment.into()],
    )?;
    let event = if own { "grant_returned" } else { "grant_revoked" };
    trail::record(event, Some(id), None, &json!({ "grantee": case.requester_name, "comment": comment }))?;
    let message =
        if own { "given back; reads are masked again" } else { "revoked; its holder's reads are masked again" };
    Ok((id, state.as_str().to_owned(), message.to_owned(), None))
}

fn may_revoke(caller: Caller, case: &Case) -> Result<bool> {
    if session::is_superuser(caller.role) || rights::holds(caller.login, "admin") {
        return Ok(true);
    }
    guard::personal(caller.login, "revoke a grant of somebody else")?;
    if !case.eligible.contains(&caller.login) {
        return Ok(false);
    }
    let rule = rules::combined(&case.policies())?;
    Ok(!rules::still(&rule, vec![caller.login])?.is_empty())
}

/// 55000: there is a request of that id, but no grant.
fn no_grant(case: &Case, own: bool) -> Error {
    let id = case.id;
    let error = Error::new(Code::WrongState, format!("there is no grant {id}"))
        .detail(format!("The request of that id is {}.", case.state));
    match (case.state, own) {
        (RequestState::Pending | RequestState::ChangesRequested, true) => {
            error.hint(format!("SELECT * FROM jitmask.cancel({id});"))
        }
        (RequestState::Pending | RequestState::ChangesRequested, false) => {
            error.hint(format!("SELECT * FROM jitmask.deny({id}, 'why');"))
        }
        _ => error.hint("SELECT * FROM jitmask.active_grants;"),
    }
}
