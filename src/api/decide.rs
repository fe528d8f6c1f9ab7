//! Deciding: approve, deny (and its alias reject), cancel.
//!
//! Must hold: the client's own statement calls it directly; the login votes, once, and never on its own request; the
//! votes are counted by `jitmask_core`, under a lock on the request, so that two last approvals make one grant; an
//! approval narrows and never widens.

use jitmask_core::model::request::{Outcome, RequestEvent, RequestState, Tally, Vote, VoteKind, decide_votes, next};
use jitmask_core::model::rule::MAX_TEXT;
use pgrx::datum::{Interval, TimestampWithTimeZone};
use pgrx::pg_sys::Oid;
use pgrx::prelude::*;
use serde_json::json;

use super::case::{self, Case};
use super::guard::{self, quoted};
use super::{args, grant, narrow, rules, store};
use crate::audit::trail;
use crate::catalog::session;
use crate::error::{Code, Error, Result, or_raise};

/// Id, state, message, until.
pub type Decided = (i64, String, String, Option<TimestampWithTimeZone>);

#[pg_extern(security_definer)]
fn approve(
    id: Option<i64>,
    comment: default!(Option<&str>, "NULL"),
    duration: default!(Option<Interval>, "NULL"),
    columns: default!(Option<Vec<Option<String>>>, "NULL"),
) -> TableIterator<
    'static,
    (name!(id, i64), name!(state, String), name!(message, String), name!(until, Option<TimestampWithTimeZone>)),
> {
    let body = || {
        guard::decider("approve")?;
        let id = args::given("id", id, "SELECT * FROM jitmask.approve(17);")?;
        let length = args::duration("duration", duration)?;
        let columns = args::list("columns", columns)?;
        if comment.is_some_and(args::looks_like_duration) && length.is_none() {
            return Err(Error::new(Code::BadArgument, "the comment looks like a duration")
                .detail("Taken as a comment, it would approve for as long as was asked.")
                .hint(format!(
                    "SELECT * FROM jitmask.approve({id}, duration => {});",
                    quoted(comment.unwrap_or_default())
                )));
        }
        let mut case = voting(id, comment)?;
        narrow::narrow(&mut case, length, columns.as_deref())?;
        vote(&case, VoteKind::Approve, comment)
    };
    TableIterator::once(or_raise(body()))
}

#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn deny(
    id: Option<i64>,
    comment: default!(Option<&str>, "NULL"),
) -> TableIterator<
    'static,
    (name!(id, i64), name!(state, String), name!(message, String), name!(until, Option<TimestampWithTimeZone>)),
> {
    TableIterator::once(or_raise(denied("deny", id, comment)))
}

#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn reject(
    id: Option<i64>,
    comment: default!(Option<&str>, "NULL"),
) -> TableIterator<
    'static,
    (name!(id, i64), name!(state, String), name!(message, String), name!(until, Option<TimestampWithTimeZone>)),
> {
    TableIterator::once(or_raise(denied("reject", id, comment)))
}

fn denied(function: &str, id: Option<i64>, comment: Option<&str>) -> Result<Decided> {
    guard::decider(function)?;
    let id = args::given("id", id, "SELECT * FROM jitmask.deny(17, 'not without a ticket');")?;
    let case = voting(id, comment)?;
    vote(&case, VoteKind::Deny, comment)
}

#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn cancel(
    id: Option<i64>,
) -> TableIterator<
    'static,
    (name!(id, i64), name!(state, String), name!(message, String), name!(until, Option<TimestampWithTimeZone>)),
> {
    TableIterator::once(or_raise(cancelled(id)))
}

fn cancelled(id: Option<i64>) -> Result<Decided> {
    let caller = guard::decider("cancel")?;
    let id = args::given("id", id, "SELECT * FROM jitmask.cancel(17);")?;
    let case = case::lock(id)?;
    if case.requester != caller.login {
        return Err(Error::new(Code::Privilege, format!("only its requester can cancel request {id}"))
            .detail(format!("It was made by \"{}\".", case.requester_name))
            .hint(format!("Whoever may decide it calls: SELECT * FROM jitmask.deny({id}, 'why');")));
    }
    let state = next(case.state, RequestEvent::Cancel).map_err(|refusal| over(&case, &refusal.to_string()))?;
    settle(&case, state)?;
    trail::record("request_cancelled", Some(id), None, &json!({}))?;
    Ok((id, state.as_str().to_owned(), "taken back; nothing was granted".to_owned(), None))
}

/// The request, locked, if the caller may vote on it now.
fn voting(id: i64, comment: Option<&str>) -> Result<Case> {
    let caller = session::caller();
    if comment.is_some_and(|text| text.len() > MAX_TEXT) {
        return Err(Error::new(Code::BadArgument, format!("the comment is longer than {MAX_TEXT} bytes")));
    }
    guard::personal(caller.login, "vote")?;
    let mut case = case::lock(id)?;
    if case.requester == caller.login {
        return Err(Error::new(Code::Privilege, "nobody decides a request of their own")
            .detail(format!("Request {id} was made by this login, \"{}\".", case.requester_name))
            .hint(format!("To take it back: SELECT * FROM jitmask.cancel({id});")));
    }
    let rule = rules::combined(&case.policies())?;
    // Who has lost the right since the request was made doesn't count, whatever they voted before.
    case.eligible = rules::still(&rule, std::mem::take(&mut case.eligible))?;
    if !case.eligible.contains(&caller.login) {
        return Err(stranger(&case, caller.login));
    }
    if case.state.is_final() {
        return Err(over(&case, &format!("the request is {} already", case.state)));
    }
    Ok(case)
}

fn stranger(case: &Case, login: Oid) -> Error {
    let people: Vec<String> = case.eligible.iter().map(|login| session::role_name(*login)).collect();
    let who = if people.is_empty() { "nobody at present".to_owned() } else { people.join(", ") };
    Error::new(Code::Privilege, format!("login \"{}\" may not decide request {}", session::role_name(login), case.id))
        .detail(format!("It can be decided by: {who}. Who may was fixed when the request was made."))
        .hint("SELECT id, requester, columns FROM jitmask.pending_requests;")
}

/// 55000: the request is not in a state for this.
fn over(case: &Case, why: &str) -> Error {
    Error::new(Code::WrongState, why.to_owned())
        .detail(format!("This is about request {} of \"{}\".", case.id, case.requester_name))
        .hint(format!("SELECT * FROM jitmask.requests WHERE id = {};", case.id))
}

/// Stores the caller's vote, counts, and does what follows.
fn vote(case: &Case, kind: VoteKind, comment: Option<&str>) -> Result<Decided> {
    let login = session::caller().login;
    store_vote(case, login, kind, comment)?;
    let votes = store::write(
        "SELECT voter, vote, revision FROM jitmask.vote WHERE request_id = $1",
        &[case.id.into()],
        |row| {
            let (voter, word): (Oid, String) = (row.need(1)?, row.need(2)?);
            // A word that is neither counts as the one that opens nothing.
            let kind = VoteKind::parse(&word).unwrap_or(VoteKind::Deny);
            Ok(Vote { voter: voter.to_u32(), kind, revision: row.need(3)? })
        },
    )?;
    let eligible: Vec<u32> = case.eligible.iter().map(|login| login.to_u32()).collect();
    let tally =
        decide_votes(&votes, case.revision, &eligible, case.requester.to_u32(), case.quorum, case.deny_threshold);
    let state = next(case.state, RequestEvent::Counted(tally)).map_err(|refusal| over(case, &refusal.to_string()))?;
    let detail = json!({ "comment": comment, "approvals": tally.approvals, "denials": tally.denials });
    trail::record(if kind == VoteKind::Approve { "vote_approve" } else { "vote_deny" }, Some(case.id), None, &detail)?;
    // Written even when nothing changes, so that a voter with an older snapshot fails instead of miscounting.
    settle(case, state)?;
    match tally.outcome {
        Outcome::Approved => grant::start(case),
        Outcome::Denied => {
            trail::record("request_denied", Some(case.id), None, &json!({}))?;
            Ok((case.id, state.as_str().to_owned(), "denied; nothing was granted".to_owned(), None))
        }
        Outcome::Pending => Ok((case.id, state.as_str().to_owned(), so_far(case, kind, &tally), None)),
    }
}

fn so_far(case: &Case, kind: VoteKind, tally: &Tally) -> String {
    match kind {
        VoteKind::Approve => format!("{} of {} approvals", tally.approvals, case.quorum),
        VoteKind::Deny => format!("{} of {} denials", tally.denials, case.deny_threshold),
    }
}

fn store_vote(case: &Case, login: Oid, kind: VoteKind, comment: Option<&str>) -> Result<()> {
    let before = store::write_one(
        "SELECT vote FROM jitmask.vote WHERE request_id = $1 AND voter = $2 AND revision = $3",
        &[case.id.into(), login.into(), case.revision.into()],
        |row| row.need::<String>(1),
    )?;
    // An approval can be turned into a denial, which is the careful direction; nothing else can be said twice.
    if before.as_deref().and_then(VoteKind::parse) == Some(VoteKind::Deny) || before.as_deref() == Some(kind.as_str()) {
        let said = if before.as_deref() == Some("deny") { "denied" } else { "approved" };
        return Err(over(case, &format!("you have {said} request {} already", case.id)));
    }
    store::run(
        "INSERT INTO jitmask.vote (request_id, voter, voter_name, vote, revision, comment)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (request_id, voter, revision)
         DO UPDATE SET vote = excluded.vote, comment = excluded.comment, voted_at = clock_timestamp()",
        &[
            case.id.into(),
            login.into(),
            session::role_name(login).into(),
            kind.as_str().into(),
            case.revision.into(),
            comment.into(),
        ],
    )?;
    Ok(())
}

/// Writes the state of a request, and when and by whom it was decided if it is.
fn settle(case: &Case, state: RequestState) -> Result<()> {
    store::run(
        "UPDATE jitmask.request_
            SET state = $2, duration = $3,
                decided_at = CASE WHEN $4 THEN clock_timestamp() END,
                decided_by_name = CASE WHEN $4 THEN session_user END
          WHERE id = $1",
        &[case.id.into(), state.as_str().into(), args::interval(case.duration)?.into(), state.is_final().into()],
    )?;
    Ok(())
}
