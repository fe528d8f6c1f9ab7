//! Many statements, one after the other, and the account of them.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::generate::generate;
use crate::judge::{Exclusion, Kind, Sides, Verdict, judge};
use crate::shrink::shrink;
use crate::tape::{Node, Tape, seed_of};
use crate::world::World;

/// At most so many statements in a hundred may be excluded.
const EXCLUDED_PERCENT: usize = 5;
/// At least so many in a hundred must return rows and no error, or the test tests little.
const SUCCEEDING_PERCENT: usize = 60;

/// What to run.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// The run's seed.
    pub seed: u64,
    /// The first statement's number.
    pub first: u64,
    /// Whether statements write, too.
    pub writes: bool,
    /// How many.
    pub count: u64,
    /// After so many failures the run stops.
    pub patience: usize,
    /// How long each failing statement may be made smaller.
    pub shrinking: Duration,
}

/// A statement that failed.
pub struct Failure {
    /// Its number.
    pub index: u64,
    /// How.
    pub kind: Kind,
    /// The smallest one like it, and what it did.
    pub text: String,
}

/// What came of a run.
#[derive(Default)]
pub struct Account {
    /// Statements run.
    pub statements: usize,
    /// Those that gave the same on both sides, by SQLSTATE; without an error under "".
    pub same: BTreeMap<String, usize>,
    /// Legal differences.
    pub excluded: BTreeMap<Exclusion, usize>,
    /// Statements with each shape, that succeeded.
    pub shapes: BTreeMap<&'static str, usize>,
    /// Those that failed.
    pub failures: Vec<Failure>,
}

/// Runs statements and keeps account.
pub fn run(world: &World, plan: Plan, mut say: impl FnMut(&str)) -> Account {
    let mut account = Account::default();
    let mut sides = Sides::open(world);
    let start = Instant::now();
    for index in plan.first..plan.first + plan.count {
        let mut tape = Tape::random(seed_of(plan.seed, index));
        let script = generate(&mut tape, plan.writes);
        account.statements += 1;
        match judge(&mut sides, &script) {
            Verdict::Same(error) => {
                if error.is_none() {
                    script.shapes.iter().for_each(|shape| *account.shapes.entry(shape).or_default() += 1);
                }
                *account.same.entry(error.unwrap_or_default()).or_default() += 1;
            }
            Verdict::Excluded(why) => *account.excluded.entry(why).or_default() += 1,
            Verdict::Failed(kind, what) => {
                say(&format!("statement {index} of seed {}: {kind:?}; making it smaller", plan.seed));
                if kind == Kind::Crash {
                    sides = Sides::open(world);
                }
                let text = smallest(world, tape.into_record(), kind, &what, plan, &mut sides);
                say(&format!(
                    "{kind:?}, WRITES={} SEED={} FIRST={index} N=1\n{text}\n",
                    u8::from(plan.writes),
                    plan.seed
                ));
                account.failures.push(Failure { index, kind, text });
                if account.failures.len() >= plan.patience {
                    break;
                }
            }
        }
        if account.statements % 5000 == 0 {
            // Fresh caches, and sessions that don't grow for hours.
            sides = Sides::open(world);
            say(&format!("{} statements, {} s", account.statements, start.elapsed().as_secs()));
        }
    }
    account
}

fn smallest(world: &World, tape: Vec<Node>, kind: Kind, what: &str, plan: Plan, sides: &mut Sides) -> String {
    let mut last = what.to_owned();
    let script = generate(&mut Tape::replay(&tape), plan.writes);
    if !matches!(judge(sides, &script), Verdict::Failed(found, _) if found == kind) {
        let text = script.text();
        return format!("{text}\n{last}\n(not so the second time: it depends on what the session did before)");
    }
    let tape = shrink(tape, plan.shrinking, |candidate| {
        let mut tape = Tape::replay(candidate);
        let script = generate(&mut tape, plan.writes);
        match judge(sides, &script) {
            Verdict::Failed(found, what) => {
                if found == Kind::Crash {
                    *sides = Sides::open(world);
                }
                (found == kind).then(|| {
                    last = what;
                    tape.into_record()
                })
            }
            _ => None,
        }
    });
    let script = generate(&mut Tape::replay(&tape), plan.writes);
    if let Verdict::Failed(_, what) = judge(sides, &script) {
        last = what;
    }
    format!("{}\n{last}", script.text())
}

impl Account {
    /// Excluded statements.
    pub fn excluded(&self) -> usize {
        self.excluded.values().sum()
    }

    /// No more was excluded than may be.
    pub fn few_excluded(&self) -> bool {
        self.excluded() * 100 <= self.statements * EXCLUDED_PERCENT
    }

    /// Enough statements did something.
    pub fn most_succeed(&self) -> bool {
        self.same.get("").copied().unwrap_or(0) * 100 >= self.statements * SUCCEEDING_PERCENT
    }

    /// The figures.
    pub fn report(&self) -> String {
        let mut text = format!("{} statements\n", self.statements);
        for (code, count) in &self.same {
            let what = if code.is_empty() { "same result".to_owned() } else { format!("same error {code}") };
            text.push_str(&format!("  {what:<58}{count:>8}\n"));
        }
        for why in Exclusion::ALL {
            let count = self.excluded.get(&why).copied().unwrap_or(0);
            text.push_str(&format!("  excluded: {:<48}{count:>8}\n", why.text()));
        }
        text.push_str("shapes, in statements that succeeded:\n");
        let shapes: Vec<String> = self.shapes.iter().map(|(shape, count)| format!("{shape} {count}")).collect();
        text.push_str(&format!("  {}\n", shapes.join(", ")));
        text
    }
}
