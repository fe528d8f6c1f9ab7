//! The differential test can fail: a difference and a leak that are planted are found.

use std::time::Duration;

use jitmask_diff_tests::judge::Kind;
use jitmask_diff_tests::run::{Plan, run};
use jitmask_diff_tests::world::{Plant, World};

fn failures(name: &str, plant: Plant) -> Vec<(Kind, String)> {
    let world = World::new(name, plant);
    let plan = Plan { seed: 7, first: 0, writes: true, count: 400, patience: 2, shrinking: Duration::from_secs(4) };
    let account = run(&world, plan, |_| ());
    account.failures.into_iter().map(|failure| (failure.kind, failure.text)).collect()
}

#[test]
fn a_twin_with_one_other_value_is_noticed() {
    let failures = failures("self_changed", Plant::ChangedValue);
    assert!(failures.iter().any(|(kind, _)| *kind == Kind::Difference), "{failures:?}");
}

#[test]
fn a_column_without_its_policy_is_noticed_and_the_statement_made_small() {
    let failures = failures("self_unprotected", Plant::Unprotected);
    let raw = failures.iter().find(|(kind, _)| *kind == Kind::Raw);
    let (_, text) = raw.unwrap_or_else(|| panic!("{failures:?}"));
    assert!(text.len() < 1000, "{text}");
}

#[test]
fn without_anything_planted_nothing_is_noticed() {
    assert!(failures("self_nothing", Plant::Nothing).is_empty());
}
