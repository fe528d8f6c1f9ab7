//! Compares what the two sides received. What is not the same must be shown to be legal, by a witness, or it is a failure.
//!
//! A statement may come out in more than one legal way: which of two errors comes first, and whether a row that would
//! raise one is looked at at all, is the planner's choice, and it knows more about the twin's columns than about masks.
//! The witness is one that never sees a raw value: the twin itself under other settings of the planner, or a copy of it
//! under masks that change nothing. Only what these do, too, can be the plan's doing. The copy is asked about errors only:
//! if masking got rows wrong, it would do so there, too.

use crate::script::Script;
use crate::side::{Answer, Outcome, Side};
use crate::world::World;

/// Errors that generated statements raise on purpose: division, overflow, casts that fail, too many rows.
const ON_PURPOSE: [&str; 10] =
    ["22012", "22003", "22P02", "22007", "22008", "21000", "2201E", "22023", "22011", "22026"];

/// Unique indexes that only the masked side has.
const UNIQUE: [&str; 2] = [" of people_mail_idx", " of dept_budget_idx"];

/// Other plans for the same statement.
const PLANS: [&str; 13] = [
    "",
    "SET LOCAL enable_nestloop = off",
    "SET LOCAL enable_hashjoin = off",
    "SET LOCAL enable_mergejoin = off",
    "SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off",
    "SET LOCAL enable_nestloop = off; SET LOCAL enable_hashjoin = off",
    "SET LOCAL enable_hashagg = off",
    "SET LOCAL enable_sort = off",
    "SET LOCAL enable_seqscan = off",
    "SET LOCAL enable_indexscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_indexonlyscan = off",
    "SET LOCAL join_collapse_limit = 1; SET LOCAL from_collapse_limit = 1",
    "SET LOCAL enable_material = off; SET LOCAL enable_memoize = off",
    "SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off; SET LOCAL enable_material = off; SET LOCAL join_collapse_limit = 1",
];

/// The sessions.
pub struct Sides {
    /// Sees masks.
    pub masked: Side,
    /// Sees what is stored, which is the same.
    pub twin: Side,
    /// Sees that through masks that change nothing.
    pub idle: Side,
}

impl Sides {
    /// Connects all of them.
    pub fn open(world: &World) -> Sides {
        Sides { masked: world.masked_side(), twin: world.twin_side(), idle: world.idle_side() }
    }
}

/// What kind of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A raw value was received.
    Raw,
    /// The two sides differ.
    Difference,
    /// A connection broke.
    Crash,
}

/// A reason for which a difference is legal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exclusion {
    /// The twin gives both outcomes, depending on the plan.
    Plan,
    /// A copy of the twin under idle masks does what the masked side does, and the error is one of those raised on purpose.
    PlanOfMasks,
    /// Both sides fail, by different errors of those raised on purpose.
    OtherError,
    /// A masked value was to be stored in a protected column: refused with JM003, as it must be.
    MaskedAssigned,
    /// A unique index on a protected column looks at what is stored; the twin has none.
    Unique,
    /// It took too long on either side.
    Time,
}

impl Exclusion {
    /// All there are.
    pub const ALL: [Exclusion; 6] = [
        Exclusion::Plan,
        Exclusion::PlanOfMasks,
        Exclusion::OtherError,
        Exclusion::MaskedAssigned,
        Exclusion::Unique,
        Exclusion::Time,
    ];

    /// For the report.
    pub fn text(self) -> &'static str {
        match self {
            Exclusion::Plan => "depends on the plan, shown on the twin",
            Exclusion::PlanOfMasks => "depends on the plan, shown on the twin under idle masks",
            Exclusion::OtherError => "both fail on purpose, by different errors",
            Exclusion::MaskedAssigned => "masked value assigned to a protected column: JM003",
            Exclusion::Unique => "unique index on a protected column",
            Exclusion::Time => "took too long",
        }
    }
}

/// What is to be said of a statement.
pub enum Verdict {
    /// The same on both sides; the SQLSTATE, if it was an error.
    Same(Option<String>),
    /// Not the same, for a legal reason.
    Excluded(Exclusion),
    /// Not the same.
    Failed(Kind, String),
}

/// Runs a statement on both sides and compares.
pub fn judge(sides: &mut Sides, script: &Script) -> Verdict {
    let ours = sides.masked.run(script, "");
    let theirs = sides.twin.run(script, "");
    if ours.lost || theirs.lost {
        return Verdict::Failed(Kind::Crash, format!("connection lost: masked {}, twin {}", ours.lost, theirs.lost));
    }
    let raw: Vec<&String> = ours.raw.iter().filter(|value| !theirs.raw.contains(value)).collect();
    if !raw.is_empty() {
        return Verdict::Failed(
            Kind::Raw,
            format!("{} raw values were received: {:?}", raw.len(), raw.iter().take(6).collect::<Vec<_>>()),
        );
    }
    for outcome in [&ours, &theirs] {
        if outcome.error().is_some_and(|(code, _)| code == "57014") {
            return Verdict::Excluded(Exclusion::Time);
        }
    }
    if ours.answers == theirs.answers {
        return Verdict::Same(ours.error().map(|(code, _)| code.to_owned()));
    }
    if script.expects.refusal && ours.error().is_some_and(|(code, _)| code == "JM003") {
        return Verdict::Excluded(Exclusion::MaskedAssigned);
    }
    let unique = |message: &str| UNIQUE.iter().any(|index| message.ends_with(index));
    if ours.error().is_some_and(|(code, message)| code == "23505" && unique(message)) {
        return Verdict::Excluded(Exclusion::Unique);
    }
    let erred = |outcome: &Outcome| outcome.error().map(|(code, _)| code.to_owned());
    let on_purpose = |outcome: &Outcome| erred(outcome).is_none_or(|code| ON_PURPOSE.contains(&code.as_str()));
    if (erred(&ours).is_some() || erred(&theirs).is_some()) && on_purpose(&ours) && on_purpose(&theirs) {
        if PLANS.iter().any(|plan| alike(&sides.twin.run(script, plan), &ours)) {
            return Verdict::Excluded(Exclusion::Plan);
        }
        if PLANS.iter().any(|plan| alike(&sides.idle.run(script, plan), &ours)) {
            return Verdict::Excluded(Exclusion::PlanOfMasks);
        }
        if erred(&ours).is_some() && erred(&theirs).is_some() {
            return Verdict::Excluded(Exclusion::OtherError);
        }
    } else if PLANS.iter().any(|plan| sides.twin.run(script, plan).answers == ours.answers) {
        return Verdict::Excluded(Exclusion::Plan);
    }
    Verdict::Failed(Kind::Difference, difference(&ours, &theirs))
}

/// The same rows, or the same error.
fn alike(one: &Outcome, other: &Outcome) -> bool {
    !one.lost && (one.answers == other.answers || (one.error().is_some() && one.error() == other.error()))
}

/// The first step that differs, shortened.
pub fn difference(ours: &Outcome, theirs: &Outcome) -> String {
    for (step, (one, other)) in ours.answers.iter().zip(&theirs.answers).enumerate() {
        if one != other {
            return format!("step {step}\nmasked: {}\ntwin:   {}", brief(one, other), brief(other, one));
        }
    }
    "a step is missing".to_owned()
}

fn brief(answer: &Answer, other: &Answer) -> String {
    if let Some((code, message)) = &answer.error {
        return format!("ERROR {code}: {message}");
    }
    let mut text = format!("{} rows, {:?}", answer.rows.len(), answer.tags);
    if answer.columns != other.columns {
        text.push_str(&format!(", columns {:?}", answer.columns));
    }
    if answer.notices != other.notices {
        text.push_str(&format!(", notices {:?}", answer.notices.iter().take(6).collect::<Vec<_>>()));
    }
    for row in answer.rows.iter().filter(|row| !other.rows.contains(row)).take(4) {
        text.push_str(&format!("\n        only here: {}", row.chars().take(300).collect::<String>()));
    }
    text
}
