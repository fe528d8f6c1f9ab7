//! The rules of policies as stored: read for a request, written by create_policy and alter_policy.

use jitmask_core::model::duration;
use jitmask_core::model::pattern;
use jitmask_core::model::rule::{self, Combined, Rule};
use pgrx::datum::Interval;
use pgrx::pg_sys::Oid;
use serde_json::{Value, json};

use super::store::{self, Row};
use super::{args, guard};
use crate::catalog::session;
use crate::error::{Code, Error, Result};

/// What create_policy and alter_policy may say about a rule; `None` leaves it as it is (or at its default).
#[derive(Default)]
pub struct Draft {
    /// Names of roles.
    pub approvers: Option<Vec<String>>,
    /// Approvals needed.
    pub quorum: Option<i32>,
    /// Duration of a grant when the request names none.
    pub default_duration: Option<Interval>,
    /// Longest duration.
    pub max_duration: Option<Interval>,
    /// Time to decide.
    pub request_ttl: Option<Interval>,
    /// What a reason has to match; an empty text takes the pattern away.
    pub reason_pattern: Option<String>,
    /// What a ticket has to match; an empty text takes the pattern away.
    pub ticket_pattern: Option<String>,
    /// The purposes there are; an empty list takes them away.
    pub purposes: Option<Vec<String>>,
}

/// The most approvals a rule can ask for: the same as in the table.
const MAX_QUORUM: i32 = 20;

/// A rule in words, for the audit.
pub fn described(policy_id: i32) -> Result<Value> {
    let rule = of_policy(policy_id)?;
    let approvers: Vec<String> = rule.approvers.iter().map(|role| session::role_name(Oid::from(*role))).collect();
    Ok(json!({
        "approvers": approvers, "quorum": rule.quorum, "deny_threshold": rule.deny_threshold,
        "default_duration": duration::human(rule.default_duration), "max_duration": duration::human(rule.max_duration),
        "request_ttl": duration::human(rule.request_ttl), "reason_pattern": rule.reason_pattern,
        "ticket_pattern": rule.ticket_pattern, "purposes": rule.purposes,
    }))
}

/// What stands in a new policy's rule where nothing is said.
fn fresh() -> Rule {
    Rule {
        approvers: Vec::new(),
        quorum: 1,
        deny_threshold: 1,
        default_duration: duration::HOUR,
        max_duration: 8 * duration::HOUR,
        request_ttl: duration::DAY,
        reason_pattern: None,
        ticket_pattern: None,
        purposes: None,
    }
}

/// Stores the rule of a new policy.
pub fn create(policy_id: i32, draft: Draft) -> Result<()> {
    let unsaid = draft.default_duration.is_none();
    let mut rule = changed(fresh(), draft)?;
    if unsaid {
        rule.default_duration = rule.default_duration.min(rule.max_duration);
    }
    check(&rule)?;
    store::run("INSERT INTO jitmask.rule (policy_id) VALUES ($1)", &[policy_id.into()])?;
    save(policy_id, rule)
}

/// Changes the rule of a policy. A shorter maximum shortens the default with it.
pub fn alter(policy_id: i32, draft: Draft) -> Result<()> {
    let unsaid = draft.default_duration.is_none();
    let mut rule = changed(of_policy(policy_id)?, draft)?;
    if unsaid {
        rule.default_duration = rule.default_duration.min(rule.max_duration);
    }
    check(&rule)?;
    save(policy_id, rule)
}

fn changed(mut rule: Rule, draft: Draft) -> Result<Rule> {
    if let Some(names) = draft.approvers {
        rule.approvers = args::roles(&names)?.into_iter().map(Oid::to_u32).collect();
    }
    if let Some(quorum) = draft.quorum {
        rule.quorum = quorum;
    }
    for (name, given, place) in [
        ("default_duration", draft.default_duration, &mut rule.default_duration),
        ("max_duration", draft.max_duration, &mut rule.max_duration),
        ("request_ttl", draft.request_ttl, &mut rule.request_ttl),
    ] {
        if let Some(length) = args::duration(name, given)? {
            *place = length;
        }
    }
    let filled = |text: String| (!text.is_empty()).then_some(text);
    if let Some(text) = draft.reason_pattern {
        rule.reason_pattern = filled(text);
    }
    if let Some(text) = draft.ticket_pattern {
        rule.ticket_pattern = filled(text);
    }
    if let Some(purposes) = draft.purposes {
        rule.purposes = (!purposes.is_empty()).then_some(purposes);
    }
    Ok(rule)
}

/// 22023 for a rule no request could ever satisfy, or that says nothing.
fn check(rule: &Rule) -> Result<()> {
    let bad = |message: String| Error::new(Code::BadArgument, message);
    if !(1..=MAX_QUORUM).contains(&rule.quorum) {
        return Err(bad(format!("a quorum of {} is not possible", rule.quorum))
            .hint(format!("quorum => 1, and at most {MAX_QUORUM}")));
    }
    if rule.default_duration > rule.max_duration {
        let max = duration::human(rule.max_duration);
        return Err(bad("the default duration is longer than the maximum".to_owned())
            .detail(format!("The maximum is {max}."))
            .hint(format!("default_duration => '{max}'")));
    }
    for (name, pattern) in [("reason_pattern", &rule.reason_pattern), ("ticket_pattern", &rule.ticket_pattern)] {
        if let Some(Err(error)) = pattern.as_deref().map(pattern::check) {
            return Err(
                bad(format!("argument \"{name}\" can't be used: {error}")).hint(format!("{name} => '[A-Z]+-[0-9]+'"))
            );
        }
    }
    if rule.purposes.iter().flatten().any(|purpose| purpose.trim().is_empty()) {
        return Err(bad("a purpose must not be empty".to_owned()).hint("purposes => ARRAY['support', 'fraud']"));
    }
    Ok(())
}

fn save(policy_id: i32, rule: Rule) -> Result<()> {
    let approvers: Vec<Oid> = rule.approvers.into_iter().map(Oid::from).collect();
    store::run(
        "UPDATE jitmask.rule SET approvers = $2::oid[]::regrole[], quorum = $3, default_duration = $4,
                max_duration = $5, request_ttl = $6, reason_pattern = $7, ticket_pattern = $8, purposes = $9
          WHERE policy_id = $1 AND relid IS NULL",
        &[
            policy_id.into(),
            approvers.into(),
            rule.quorum.into(),
            args::interval(rule.default_duration)?.into(),
            args::interval(rule.max_duration)?.into(),
            args::interval(rule.request_ttl)?.into(),
            rule.reason_pattern.into(),
            rule.ticket_pattern.into(),
            rule.purposes.into(),
        ],
    )?;
    Ok(())
}

const COLUMNS: &str = "r.approvers::oid[], r.quorum, r.deny_threshold, r.default_duration, r.max_duration,
    r.request_ttl, r.reason_pattern, r.ticket_pattern, r.purposes, p.name";

/// The policy's own rule.
fn of_policy(policy_id: i32) -> Result<Rule> {
    let sql = format!(
        "SELECT {COLUMNS} FROM jitmask.rule r JOIN jitmask.policy p USING (policy_id)
          WHERE policy_id = $1 AND r.relid IS NULL"
    );
    store::read_one(&sql, &[policy_id.into()], from_row)?
        .ok_or_else(|| Error::new(Code::WrongState, format!("policy number {policy_id} has no rule")))
}

/// The strictest combination of the rules of several policies. 55000 if one of them can't be found.
pub fn combined(policies: &[String]) -> Result<Combined> {
    let sql = format!(
        "SELECT {COLUMNS} FROM jitmask.rule r JOIN jitmask.policy p USING (policy_id)
          WHERE p.name = ANY ($1) AND r.relid IS NULL"
    );
    let names: Vec<String> = policies.to_vec();
    let rules = store::read(&sql, &[names.into()], |row| Ok((row.need::<String>(10)?, from_row(row)?)))?;
    if let Some(missing) = policies.iter().find(|name| rules.iter().all(|(known, _)| known != *name)) {
        return Err(Error::new(Code::WrongState, format!("policy \"{missing}\" does not exist any more"))
            .detail("Without it nobody can tell who may decide.")
            .hint("Tell an administrator; SELECT * FROM jitmask.health(); lists what is broken."));
    }
    let rules: Vec<Rule> = rules.into_iter().map(|(_, rule)| rule).collect();
    rule::strictest(&rules).ok_or_else(|| Error::new(Code::WrongState, "no policy says who may decide this"))
}

fn from_row(row: &Row<'_>) -> Result<Rule> {
    let length = |place: usize| -> Result<i64> {
        let interval: Interval = row.need(place)?;
        duration::from_interval(interval.months(), interval.days(), interval.micros()).map_err(|error| {
            Error::new(Code::WrongState, "the rule of a policy holds a duration that is none")
                .detail(format!("{error}."))
        })
    };
    Ok(Rule {
        approvers: row.need::<Vec<Oid>>(1)?.into_iter().map(Oid::to_u32).collect(),
        quorum: row.need(2)?,
        deny_threshold: row.need(3)?,
        default_duration: length(4)?,
        max_duration: length(5)?,
        request_ttl: length(6)?,
        reason_pattern: row.get(7)?,
        ticket_pattern: row.get(8)?,
        purposes: row.get(9)?,
    })
}

/// The logins that may decide a request by `requester` (by anybody, if `None`): those who satisfy every rule, each a person
/// of their own.
pub fn deciders(rule: &Combined, requester: Option<Oid>) -> Result<Vec<Oid>> {
    let logins = store::read(
        "SELECT a.oid FROM pg_catalog.pg_authid a
          WHERE a.rolcanlogin AND a.oid IS DISTINCT FROM $1
            AND NOT EXISTS (SELECT FROM jitmask.shared_login_ s WHERE s.role = a.oid)
          ORDER BY a.rolname",
        &[requester.into()],
        |row| row.need::<Oid>(1),
    )?;
    still(rule, logins)
}

/// Those of `logins` who satisfy the rule as of now.
pub fn still(rule: &Combined, logins: Vec<Oid>) -> Result<Vec<Oid>> {
    let holders = guard::holders("approver")?;
    let member = session::is_member;
    let may = |login: &Oid| {
        let holds_right = holders.iter().any(|role| member(*login, *role));
        rule.may_decide(holds_right, |role| member(*login, Oid::from(role)))
    };
    Ok(logins.into_iter().filter(may).collect())
}
