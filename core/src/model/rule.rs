//! The rule a request has to satisfy: who may decide it, how many of them, for how long, and what it has to say.
//!
//! For: `request` (check first, then fix the eligible people), `approve` (which may only shorten), and `create_policy`,
//! which refuses a pattern that would not work later.
//! Must hold: a request over columns of several policies satisfies the rule of each of them, so [`strictest`] never
//! allows what one of them alone forbids; an empty list of approvers means holders of the right `approver`, and
//! combining lists never leads back to it.

use std::collections::BTreeSet;

use thiserror::Error;

use super::duration::human;
use super::pattern;
pub use super::pattern::{MAX_TEXT, PatternError};

/// A role or login: its OID.
pub type RoleId = u32;

/// The rule of one policy or attachment, as stored. Durations are microseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Roles whose members may decide; empty: whoever holds the right `approver`.
    pub approvers: Vec<RoleId>,
    /// Approvals needed.
    pub quorum: i32,
    /// Denials that deny.
    pub deny_threshold: i32,
    /// Duration of a grant when the request names none.
    pub default_duration: i64,
    /// Longest duration.
    pub max_duration: i64,
    /// Time to decide.
    pub request_ttl: i64,
    /// What the reason has to match, whole.
    pub reason_pattern: Option<String>,
    /// What the ticket has to match, whole; if set, there has to be one.
    pub ticket_pattern: Option<String>,
    /// The purposes there are; if set, one of them has to be named.
    pub purposes: Option<Vec<String>>,
}

/// What several rules come to together; made by [`strictest`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Combined {
    /// A decider holds the right `approver` (some rule names no approvers of its own).
    pub needs_right: bool,
    /// A decider is a member of at least one role of each of these lists.
    pub approvers: Vec<Vec<RoleId>>,
    /// Approvals needed, 1 at least.
    pub quorum: i32,
    /// Denials that deny, 1 at least.
    pub deny_threshold: i32,
    /// Never more than `max_duration`.
    pub default_duration: i64,
    /// Longest duration.
    pub max_duration: i64,
    /// Time to decide.
    pub request_ttl: i64,
    /// The reason matches each of them.
    pub reason_patterns: Vec<String>,
    /// The ticket matches each of them.
    pub ticket_patterns: Vec<String>,
    /// The purposes that suit all; an empty list suits nobody.
    pub purposes: Option<Vec<String>>,
}

impl Combined {
    /// Whether a person may decide: `holds_right` is about the right `approver`, `is_member` about that person.
    pub fn may_decide(&self, holds_right: bool, is_member: impl Fn(RoleId) -> bool) -> bool {
        let somebody = self.needs_right || !self.approvers.is_empty();
        somebody
            && (holds_right || !self.needs_right)
            && self.approvers.iter().all(|list| list.iter().any(|&role| is_member(role)))
    }
}

/// Why a request does not satisfy the rule. `Display` is for people: lower case, no full stop; the texts a person wrote
/// are not repeated.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RuleRefusal {
    /// No reason, or nothing but blanks.
    #[error("a request needs a reason")]
    ReasonMissing,
    /// The reason does not match a pattern of the policy.
    #[error("the reason does not match the pattern {0:?}")]
    ReasonUnfit(String),
    /// A pattern wants a ticket, and there is none.
    #[error("a ticket is needed that matches the pattern {0:?}")]
    TicketMissing(String),
    /// The ticket does not match a pattern of the policy.
    #[error("the ticket does not match the pattern {0:?}")]
    TicketUnfit(String),
    /// The policy lists purposes, and the request names none.
    #[error("a purpose is needed, one of: {0}")]
    PurposeMissing(String),
    /// The purpose is none of those listed.
    #[error("the purpose is not one of: {0}")]
    PurposeUnfit(String),
    /// The policies have no purpose in common.
    #[error("no purpose is allowed by all the policies of these columns: request them one by one")]
    NoCommonPurpose,
    /// Zero or negative.
    #[error("a duration has to be longer than nothing")]
    DurationNotPositive,
    /// Above the maximum (microseconds).
    #[error("the duration is longer than the maximum of {}", human(*.max))]
    DurationTooLong {
        /// The maximum, for the hint.
        max: i64,
    },
    /// One of the texts is longer than [`MAX_TEXT`].
    #[error("the {0} is longer than {MAX_TEXT} bytes")]
    TextTooLong(&'static str),
    /// A stored pattern does not work, so nothing can match it.
    #[error(transparent)]
    Pattern(#[from] PatternError),
}

/// The strictest combination of `rules`; `None` if there is none, and then nothing may be requested.
pub fn strictest(rules: &[Rule]) -> Option<Combined> {
    let max_duration = rules.iter().map(|rule| rule.max_duration).min()?;
    let default_duration = rules.iter().map(|rule| rule.default_duration).min()?;
    let lists: BTreeSet<Vec<RoleId>> = rules
        .iter()
        .filter(|rule| !rule.approvers.is_empty())
        .map(|rule| sorted(rule.approvers.iter().copied()))
        .collect();
    Some(Combined {
        needs_right: rules.iter().any(|rule| rule.approvers.is_empty()),
        approvers: lists.into_iter().collect(),
        quorum: rules.iter().map(|rule| rule.quorum).max()?.max(1),
        deny_threshold: rules.iter().map(|rule| rule.deny_threshold).min()?.max(1),
        default_duration: default_duration.min(max_duration),
        max_duration,
        request_ttl: rules.iter().map(|rule| rule.request_ttl).min()?,
        reason_patterns: sorted(rules.iter().filter_map(|rule| rule.reason_pattern.clone())),
        ticket_patterns: sorted(rules.iter().filter_map(|rule| rule.ticket_pattern.clone())),
        purposes: rules
            .iter()
            .filter_map(|rule| rule.purposes.as_ref())
            .map(|list| list.iter().cloned().collect::<BTreeSet<_>>())
            .reduce(|a, b| a.intersection(&b).cloned().collect())
            .map(|set| set.into_iter().collect()),
    })
}

/// Each item once, in order, so that equal rules compare equal.
fn sorted<T: Ord>(items: impl Iterator<Item = T>) -> Vec<T> {
    items.collect::<BTreeSet<T>>().into_iter().collect()
}

/// Checks what a request says against `rule`; answers its duration in microseconds, the rule's default
/// if it names none.
pub fn check_request(
    rule: &Combined,
    reason: &str,
    ticket: Option<&str>,
    purpose: Option<&str>,
    duration: Option<i64>,
) -> Result<i64, RuleRefusal> {
    let given = |text: Option<&str>| text.filter(|text| !text.trim().is_empty()).map(str::to_owned);
    let (ticket, purpose) = (given(ticket), given(purpose));
    let texts = [("reason", Some(reason)), ("ticket", ticket.as_deref()), ("purpose", purpose.as_deref())];
    for (what, text) in texts {
        if text.is_some_and(|text| text.len() > MAX_TEXT) {
            return Err(RuleRefusal::TextTooLong(what));
        }
    }
    if reason.trim().is_empty() {
        return Err(RuleRefusal::ReasonMissing);
    }
    for wanted in &rule.reason_patterns {
        if !pattern::matches(wanted, reason)? {
            return Err(RuleRefusal::ReasonUnfit(wanted.clone()));
        }
    }
    for wanted in &rule.ticket_patterns {
        let Some(ticket) = &ticket else {
            return Err(RuleRefusal::TicketMissing(wanted.clone()));
        };
        if !pattern::matches(wanted, ticket)? {
            return Err(RuleRefusal::TicketUnfit(wanted.clone()));
        }
    }
    if let Some(allowed) = &rule.purposes {
        if allowed.is_empty() {
            return Err(RuleRefusal::NoCommonPurpose);
        }
        match &purpose {
            None => return Err(RuleRefusal::PurposeMissing(allowed.join(", "))),
            Some(named) if !allowed.contains(named) => return Err(RuleRefusal::PurposeUnfit(allowed.join(", "))),
            Some(_) => {}
        }
    }
    check_duration(rule, duration)
}

/// The duration asked for, or the default; above the maximum is refused, not cut.
fn check_duration(rule: &Combined, duration: Option<i64>) -> Result<i64, RuleRefusal> {
    let duration = duration.unwrap_or(rule.default_duration);
    if duration > rule.max_duration {
        return Err(RuleRefusal::DurationTooLong { max: rule.max_duration });
    }
    if duration <= 0 { Err(RuleRefusal::DurationNotPositive) } else { Ok(duration) }
}

#[cfg(test)]
#[path = "rule_tests.rs"]
mod tests;
