//! Asking for raw values: request.
//!
//! Anybody may call it, from anywhere; who asks is the login. Everything that could be wrong is told at once and with the
//! call to make instead, because whoever asks is in a hurry and no administrator.

use jitmask_core::model::duration;
use jitmask_core::model::rule::{self, Combined, MAX_TEXT, RuleRefusal};
use pgrx::datum::{Interval, TimestampWithTimeZone};
use pgrx::pg_sys::Oid;
use pgrx::prelude::*;
use serde_json::json;

use super::asking::{self, Target};
use super::{args, columns, guard, rules, store, sweep};
use crate::audit::trail;
use crate::catalog::session;
use crate::error::{Code, Error, Result, or_raise};

const REQUEST: &str = "SELECT * FROM jitmask.request(columns => 'schema.table.column', \
                       reason => 'why you need it', duration => '30 minutes');";

/// Id, state, columns, deciders, needed, decide_by, message.
type Outcome = (i64, String, Vec<String>, Vec<String>, i32, TimestampWithTimeZone, String);

/// What somebody says about a request.
struct Words<'a> {
    reason: &'a str,
    duration: Option<i64>,
    ticket: Option<&'a str>,
    purpose: Option<&'a str>,
}

#[pg_extern(security_definer)]
fn request(
    columns: Option<&str>,
    reason: Option<&str>,
    duration: default!(Option<Interval>, "NULL"),
    ticket: default!(Option<&str>, "NULL"),
    purpose: default!(Option<&str>, "NULL"),
) -> TableIterator<
    'static,
    (
        name!(id, i64),
        name!(state, String),
        name!(columns, Vec<String>),
        name!(deciders, Vec<String>),
        name!(needed, i32),
        name!(decide_by, TimestampWithTimeZone),
        name!(message, String),
    ),
> {
    let body = || {
        guard::writable("request")?;
        let written = vec![args::said("columns", columns, REQUEST)?.to_owned()];
        ask(&written, words(reason, duration, ticket, purpose)?)
    };
    TableIterator::once(or_raise(body()))
}

#[pg_extern(name = "request", security_definer)]
fn request_many(
    columns: Option<Vec<Option<String>>>,
    reason: Option<&str>,
    duration: default!(Option<Interval>, "NULL"),
    ticket: default!(Option<&str>, "NULL"),
    purpose: default!(Option<&str>, "NULL"),
) -> TableIterator<
    'static,
    (
        name!(id, i64),
        name!(state, String),
        name!(columns, Vec<String>),
        name!(deciders, Vec<String>),
        name!(needed, i32),
        name!(decide_by, TimestampWithTimeZone),
        name!(message, String),
    ),
> {
    let body = || {
        guard::writable("request")?;
        let written = args::given("columns", args::list("columns", columns)?, REQUEST)?;
        ask(&written, words(reason, duration, ticket, purpose)?)
    };
    TableIterator::once(or_raise(body()))
}

fn words<'a>(
    reason: Option<&'a str>,
    duration: Option<Interval>,
    ticket: Option<&'a str>,
    purpose: Option<&'a str>,
) -> Result<Words<'a>> {
    let reason = args::said("reason", reason, REQUEST)?;
    if args::looks_like_duration(reason) {
        return Err(Error::new(Code::BadArgument, "the reason looks like a duration")
            .detail("The arguments are, in this order: columns, reason, duration, ticket, purpose.")
            .hint(REQUEST));
    }
    Ok(Words { reason, duration: args::duration("duration", duration)?, ticket, purpose })
}

fn ask(written: &[String], words: Words<'_>) -> Result<Outcome> {
    let caller = session::caller();
    guard::personal(caller.login, "request anything")?;
    let targets = asking::targets(caller, written, REQUEST).map_err(|error| swapped(error, written, words.reason))?;
    let mut policies: Vec<String> = targets.iter().flat_map(|target| target.policies.clone()).collect();
    policies.sort();
    policies.dedup();
    let rule = rules::combined(&policies)?;
    let length = rule::check_request(&rule, words.reason, words.ticket, words.purpose, words.duration)
        .map_err(|refusal| unfit(&refusal, &policies, &targets))?;
    let eligible = rules::deciders(&rule, Some(caller.login))?;
    if i64::try_from(eligible.len()).is_ok_and(|people| people < i64::from(rule.quorum)) {
        return Err(nobody(&rule, &policies, &eligible));
    }
    sweep::overdue()?;
    let (id, decide_by) = insert(caller.login, &rule, &words, length, &eligible)?;
    for target in &targets {
        let column = &target.column;
        store::run(
            "INSERT INTO jitmask.request_column
                (request_id, relid, attnum, relation_name, column_name, policy_name) VALUES ($1, $2, $3, $4, $5, $6)",
            &[
                id.into(),
                column.relid.into(),
                column.attnum.into(),
                column.relation.as_str().into(),
                column.name.as_str().into(),
                target.policies.join(",").into(),
            ],
        )?;
    }
    let names: Vec<String> = targets.iter().map(|target| target.column.full_name()).collect();
    let people: Vec<String> = eligible.iter().map(|login| session::role_name(*login)).collect();
    let detail = json!({
        "columns": names, "reason": words.reason, "ticket": words.ticket, "purpose": words.purpose,
        "duration": duration::human(length), "deciders": people, "needed": rule.quorum,
    });
    trail::record("request_created", Some(id), None, &detail)?;
    let message = format!(
        "waiting for {} approval{}; then raw values for {}",
        rule.quorum,
        if rule.quorum == 1 { "" } else { "s" },
        duration::human(length)
    );
    Ok((id, "pending".to_owned(), names, people, rule.quorum, decide_by, message))
}

fn insert(
    login: Oid,
    rule: &Combined,
    words: &Words<'_>,
    length: i64,
    eligible: &[Oid],
) -> Result<(i64, TimestampWithTimeZone)> {
    let made = store::write_one(
        "INSERT INTO jitmask.request_ (requester, requester_name, state, reason, ticket, purpose, duration, quorum,
                                       deny_threshold, eligible, decide_by)
         VALUES ($1, $2, 'pending', $3, $4, $5, $6, $7, $8, $9, clock_timestamp() + $10) RETURNING id, decide_by",
        &[
            login.into(),
            session::role_name(login).into(),
            words.reason.into(),
            words.ticket.into(),
            words.purpose.into(),
            args::interval(length)?.into(),
            rule.quorum.into(),
            rule.deny_threshold.into(),
            eligible.to_vec().into(),
            args::interval(rule.request_ttl)?.into(),
        ],
        |row| Ok((row.need(1)?, row.need(2)?)),
    )?;
    made.ok_or_else(|| Error::new(Code::WrongState, "the request was not stored"))
}

/// If the reason is a column's name where the column's name is none, they are the wrong way round.
fn swapped(error: Error, written: &[String], reason: &str) -> Error {
    let [only] = written else { return error };
    if columns::find(only, REQUEST).is_ok() || columns::find(reason, REQUEST).is_err() {
        return error;
    }
    Error::new(Code::BadArgument, "the arguments are in the wrong order")
        .detail("The reason is the name of a column, and the columns are not. First come the columns, then the reason.")
        .hint(format!(
            "SELECT * FROM jitmask.request(columns => {}, reason => {});",
            guard::quoted(reason),
            guard::quoted(only)
        ))
}

fn unfit(refusal: &RuleRefusal, policies: &[String], targets: &[Target]) -> Error {
    let example = |argument: &str| {
        let names: Vec<String> = targets.iter().map(|target| guard::quoted(&target.column.full_name())).collect();
        let columns = match names.as_slice() {
            [only] => only.clone(),
            several => format!("ARRAY[{}]", several.join(", ")),
        };
        format!("SELECT * FROM jitmask.request(columns => {columns}, {argument});")
    };
    let hint = match refusal {
        RuleRefusal::DurationTooLong { max } => {
            example(&format!("reason => '…', duration => '{}'", duration::human(*max)))
        }
        RuleRefusal::DurationNotPositive => example("reason => '…', duration => '30 minutes'"),
        RuleRefusal::TicketMissing(_) | RuleRefusal::TicketUnfit(_) => example("reason => '…', ticket => '…'"),
        RuleRefusal::PurposeMissing(_) | RuleRefusal::PurposeUnfit(_) => example("reason => '…', purpose => '…'"),
        RuleRefusal::NoCommonPurpose => "Request the columns of each policy by themselves.".to_owned(),
        RuleRefusal::TextTooLong(_) => format!("Say it in at most {MAX_TEXT} bytes."),
        RuleRefusal::Pattern(_) => "Tell an administrator: jitmask.alter_policy() can mend it.".to_owned(),
        RuleRefusal::ReasonMissing | RuleRefusal::ReasonUnfit(_) => example("reason => 'why you need it'"),
    };
    Error::new(Code::BadArgument, refusal.to_string())
        .detail(format!("This is what the masking policy demands: {}.", policies.join(", ")))
        .hint(hint)
}

fn nobody(rule: &Combined, policies: &[String], eligible: &[Oid]) -> Error {
    let policy = policies.first().map(String::as_str).unwrap_or_default();
    let hint = if rule.approvers.is_empty() {
        "An administrator can name somebody: SELECT * FROM jitmask.grant_right('role', 'approver');".to_owned()
    } else {
        format!(
            "An administrator can name others: SELECT * FROM jitmask.alter_policy({}, approvers => '{{role}}');",
            guard::quoted(policy)
        )
    };
    Error::new(Code::WrongState, "there are not enough people who could approve this")
        .detail(format!(
            "It takes {} approval(s) of other people, and {} login(s) besides yours may decide (policy {}).",
            rule.quorum,
            eligible.len(),
            policies.join(", ")
        ))
        .hint(hint)
}
