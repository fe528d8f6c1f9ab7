//! Runs the differential test: N statements of SEED, from number FIRST on. See `pg_test_config/diff.sh`.

use std::process::ExitCode;
use std::time::Duration;

use jitmask_diff_tests::judge::Kind;
use jitmask_diff_tests::run::{Plan, run};
use jitmask_diff_tests::world::{Plant, World};

fn number(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) if !text.is_empty() => text.parse().unwrap_or_else(|_| panic!("{name}={text} is not a number")),
        _ => default,
    }
}

fn main() -> ExitCode {
    // A lost connection is judged, not shouted about.
    std::panic::set_hook(Box::new(|info| eprintln!("{info}")));
    let plan = Plan {
        seed: number("SEED", 20_240_601),
        first: number("FIRST", 0),
        writes: number("WRITES", 1) != 0,
        count: number("N", 2000),
        patience: usize::try_from(number("FAILURES", 5)).unwrap(),
        shrinking: Duration::from_secs(number("SHRINK_SECONDS", 40)),
    };
    println!("SEED={} FIRST={} N={} WRITES={}", plan.seed, plan.first, plan.count, u8::from(plan.writes));
    let world = World::new(&format!("run_{}", std::process::id()), Plant::Nothing);
    let account = run(&world, plan, |text| println!("{text}"));
    if std::env::var_os("KEEP").is_some() {
        world.keep();
    }
    print!("{}", account.report());
    let none = |kind: Kind| account.failures.iter().all(|failure| failure.kind != kind);
    let checks = [
        ("the masked side received no raw value", none(Kind::Raw)),
        ("both sides behaved the same", none(Kind::Difference)),
        ("no connection broke", none(Kind::Crash)),
        ("at most 5 of 100 statements were excluded", plan.count < 100 || account.few_excluded()),
        ("most statements succeeded", plan.count < 100 || account.most_succeed()),
    ];
    for (what, holds) in checks {
        println!("{what:<60} {}", if holds { "ok" } else { "FAILED" });
    }
    let passed = checks.iter().filter(|(_, holds)| *holds).count();
    println!("diff: {passed} passed, {} failed", checks.len() - passed);
    if passed == checks.len() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
