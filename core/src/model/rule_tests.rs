//! What rules promise, each test named by the promise.

use super::*;
use crate::model::duration::{DAY, HOUR, MINUTE};
use proptest::prelude::*;

fn rule() -> Rule {
    Rule {
        approvers: vec![],
        quorum: 1,
        deny_threshold: 1,
        default_duration: HOUR,
        max_duration: 8 * HOUR,
        request_ttl: DAY,
        reason_pattern: None,
        ticket_pattern: None,
        purposes: None,
    }
}

fn check(rules: &[Rule], reason: &str, ticket: Option<&str>, purpose: Option<&str>) -> Result<i64, RuleRefusal> {
    check_request(&strictest(rules).unwrap(), reason, ticket, purpose, None)
}

#[test]
fn without_any_rule_there_is_nothing_to_satisfy() {
    assert_eq!(strictest(&[]), None);
}

#[test]
fn the_strictest_of_each_wins() {
    let one = Rule { quorum: 2, deny_threshold: 3, max_duration: 30 * MINUTE, ..rule() };
    let two = Rule { deny_threshold: 2, default_duration: 2 * HOUR, request_ttl: HOUR, ..rule() };
    let combined = strictest(&[one, two]).unwrap();
    assert_eq!((combined.quorum, combined.deny_threshold), (2, 2));
    assert_eq!((combined.default_duration, combined.max_duration), (30 * MINUTE, 30 * MINUTE));
    assert_eq!(combined.request_ttl, HOUR);
}

#[test]
fn lists_without_a_common_role_do_not_open_the_door_to_everybody() {
    let (hr, privacy) = (Rule { approvers: vec![10], ..rule() }, Rule { approvers: vec![20], ..rule() });
    let combined = strictest(&[hr.clone(), privacy]).unwrap();
    assert!(!combined.may_decide(true, |role| role == 10));
    assert!(combined.may_decide(false, |role| role == 10 || role == 20));
    let with_holders = strictest(&[hr, rule()]).unwrap();
    assert!(!with_holders.may_decide(false, |_| true));
    assert!(!with_holders.may_decide(true, |_| false));
    assert!(with_holders.may_decide(true, |role| role == 10));
}

#[test]
fn a_reason_is_always_needed() {
    assert_eq!(check(&[rule()], " \n", None, None), Err(RuleRefusal::ReasonMissing));
    assert_eq!(check(&[rule()], "x", None, None), Ok(HOUR));
    let long = "x".repeat(MAX_TEXT + 1);
    assert_eq!(check(&[rule()], &long, None, None), Err(RuleRefusal::TextTooLong("reason")));
    assert_eq!(check(&[rule()], "x", Some(&long), None), Err(RuleRefusal::TextTooLong("ticket")));
    assert_eq!(check(&[rule()], "x", None, Some(&long)), Err(RuleRefusal::TextTooLong("purpose")));
}

#[test]
fn patterns_of_all_rules_hold_for_the_whole_text() {
    let reason = Rule { reason_pattern: Some("(?s).{10,}".into()), ..rule() };
    let ticket = Rule { ticket_pattern: Some(r"OPS-\d+".into()), ..rule() };
    let both = [reason, ticket];
    assert_eq!(check(&both, "short", Some("OPS-1"), None), Err(RuleRefusal::ReasonUnfit("(?s).{10,}".into())));
    assert_eq!(check(&both, "long enough", None, None), Err(RuleRefusal::TicketMissing(r"OPS-\d+".into())));
    assert_eq!(check(&both, "long enough", Some(" "), None), Err(RuleRefusal::TicketMissing(r"OPS-\d+".into())));
    assert_eq!(check(&both, "long enough", Some("OPS-1x"), None), Err(RuleRefusal::TicketUnfit(r"OPS-\d+".into())));
    assert_eq!(check(&both, "long enough", Some("OPS-1"), None), Ok(HOUR));
}

#[test]
fn a_broken_pattern_refuses() {
    let broken = Rule { ticket_pattern: Some("(".into()), ..rule() };
    assert!(matches!(check(&[broken], "x", Some("y"), None), Err(RuleRefusal::Pattern(_))));
}

#[test]
fn the_purpose_is_one_that_suits_all() {
    let purposes = |list: &[&str]| Rule { purposes: Some(list.iter().map(|&p| p.to_owned()).collect()), ..rule() };
    let both = [purposes(&["fraud", "support"]), purposes(&["support", "billing"]), rule()];
    assert_eq!(check(&both, "x", None, Some("support")), Ok(HOUR));
    assert_eq!(check(&both, "x", None, Some("fraud")), Err(RuleRefusal::PurposeUnfit("support".into())));
    assert_eq!(check(&both, "x", None, None), Err(RuleRefusal::PurposeMissing("support".into())));
    let none = [purposes(&["fraud"]), purposes(&["billing"])];
    assert_eq!(check(&none, "x", None, Some("fraud")), Err(RuleRefusal::NoCommonPurpose));
}

#[test]
fn durations_are_positive_and_at_most_the_maximum() {
    let rule = strictest(&[rule()]).unwrap();
    let check = |duration| check_request(&rule, "x", None, None, Some(duration));
    assert_eq!(check(8 * HOUR), Ok(8 * HOUR));
    let refusal = check(8 * HOUR + 1).unwrap_err();
    assert_eq!(refusal, RuleRefusal::DurationTooLong { max: 8 * HOUR });
    assert_eq!(refusal.to_string(), "the duration is longer than the maximum of 8 hours");
    assert_eq!(check(0), Err(RuleRefusal::DurationNotPositive));
    assert_eq!(check(i64::MIN), Err(RuleRefusal::DurationNotPositive));
}

fn rules() -> impl Strategy<Value = Vec<Rule>> {
    let pattern = || prop::option::of("[ab]\\|[ab]|a\\+|\\.\\*");
    let purposes = prop::option::of(prop::collection::vec("[pq]", 0..3));
    let one =
        (prop::collection::vec(1..5u32, 0..3), 1..4i32, 1..4i32, 1..9i64, 1..9i64, pattern(), pattern(), purposes)
            .prop_map(|(approvers, quorum, deny_threshold, default, max, reason_pattern, ticket_pattern, purposes)| {
                Rule {
                    approvers,
                    quorum,
                    deny_threshold,
                    default_duration: default,
                    max_duration: max,
                    request_ttl: default,
                    reason_pattern,
                    ticket_pattern,
                    purposes,
                }
            });
    prop::collection::vec(one, 1..4)
}

proptest! {
    #[test]
    fn all_together_allow_exactly_what_each_alone_allows(
        rules in rules(), reason in "[ab ]{0,3}", ticket in prop::option::of("[ab]{0,2}"),
        purpose in prop::option::of("[pqr]"), duration in -1..10i64
    ) {
        let ok = |rules: &[Rule]| {
            let rule = strictest(rules).unwrap();
            check_request(&rule, &reason, ticket.as_deref(), purpose.as_deref(), Some(duration)).is_ok()
        };
        let each = rules.iter().all(|rule| ok(std::slice::from_ref(rule)));
        prop_assert_eq!(ok(&rules), each);
    }

    #[test]
    fn deciders_of_all_together_are_deciders_of_each(
        rules in rules(), holds in any::<bool>(), member in prop::collection::vec(1..5u32, 0..3)
    ) {
        let may = |rules: &[Rule]| strictest(rules).unwrap().may_decide(holds, |role| member.contains(&role));
        prop_assert_eq!(may(&rules), rules.iter().all(|rule| may(std::slice::from_ref(rule))));
    }

    #[test]
    fn the_order_of_rules_does_not_matter(rules in rules()) {
        let backwards: Vec<_> = rules.iter().rev().cloned().collect();
        prop_assert_eq!(strictest(&rules), strictest(&backwards));
    }

    #[test]
    fn the_default_duration_is_always_allowed(rules in rules()) {
        let rule = strictest(&rules).unwrap();
        let rule = Combined { reason_patterns: vec![], ticket_patterns: vec![], purposes: None, ..rule };
        prop_assert_eq!(check_request(&rule, "x", None, None, None), Ok(rule.default_duration));
    }
}
