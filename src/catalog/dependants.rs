//! What else holds values of a column that has just been protected, or let go: told to whoever did it.
//!
//! For both ways to do that, the functions and the DDL form.

use std::collections::HashSet;

use jitmask_core::model::label::Label;
use pgrx::pg_sys::Oid;

use super::carried::{self, Carried, Views};
use super::exposures::{self, Exposure, Protected, Severity, literal, name_of};
use super::labels;
use crate::error::Result;
use crate::pg::lineage::Stored;
use crate::pg::{relation, report};

/// How many are named in a message; the rest is counted.
const NAMED: usize = 5;

/// A column whose label was changed.
pub struct Change {
    /// The column.
    pub column: Stored,
    /// Its label before, as it was stored.
    pub before: Option<String>,
    /// Its label now.
    pub label: Label,
}

/// Protects what carries the columns straight through, and says so; and warns of what else can show them. Answers the
/// columns that were protected, too.
pub fn protect(changes: &[Change], dry_run: bool) -> Result<Vec<Carried>> {
    let mut labelled: Vec<Carried> = Vec::new();
    let mut kept: Vec<Carried> = Vec::new();
    let mut held: Vec<Protected> = Vec::new();
    let mut generated: Vec<Stored> = Vec::new();
    let views = Views::read();
    for change in changes {
        let ((relid, attnum), label) = (change.column, &change.label);
        let reach = carried::reach(relid, attnum);
        let outcome = carried::follow(&views, &reach, change.before.as_deref(), label, dry_run)?;
        let policy = label.0.first().map(|attachment| attachment.policy.clone()).unwrap_or_default();
        let name = relation::column_name(relid, attnum);
        let same = reach.same.into_iter();
        let (own, copies): (Vec<Stored>, Vec<Stored>) =
            same.partition(|(relid, attnum)| relation::column_name(*relid, *attnum) == name);
        // Those of partitions follow from those of the parent: one line is enough.
        generated.extend(copies.iter().chain(&reach.computed).filter(|place| place.0 == relid));
        let all = own.into_iter().chain(copies).chain(outcome.labelled.iter().map(|carried| carried.column));
        held.extend(all.map(|column| Protected { column, policy: policy.clone() }));
        // What is computed reads as NULL, which no policy of this column says.
        held.extend(reach.computed.into_iter().map(|column| Protected { column, policy: String::new() }));
        labelled.extend(outcome.labelled);
        kept.extend(outcome.kept);
    }
    let changed: HashSet<Stored> = changes.iter().map(|change| change.column).collect();
    generated.retain(|place| !changed.contains(place));
    labelled.retain(|carried| !changed.contains(&carried.column));
    kept.retain(|carried| !changed.contains(&carried.column));
    let would = if dry_run { "would be" } else { "are" };
    if !generated.is_empty() || !labelled.is_empty() {
        let lines = generated.iter().map(|place| format!("{} is generated from it.", name_of(*place)));
        let lines = lines.chain(labelled.iter().map(carries));
        report::notice(
            &format!("other columns that hold its values {would} protected with it"),
            Some(&listed(lines.collect())),
            None,
        );
    }
    if !kept.is_empty() {
        report::notice(
            "materialized views keep labels of their own",
            Some(&listed(kept.iter().map(carries).collect())),
            Some("SELECT * FROM jitmask.masked_columns; attach to them what they should have."),
        );
    }
    let mut found = exposures::of(&held, changes.iter().any(|change| change.before.is_none()))?;
    if dry_run {
        let labelled: Vec<String> = labelled.iter().map(|one| format!("column {}", name_of(one.column))).collect();
        found.retain(|one| !labelled.contains(&one.object));
    }
    warn(changes, found);
    Ok(labelled)
}

fn warn(changes: &[Change], found: Vec<Exposure>) {
    let found: Vec<Exposure> = found.into_iter().filter(|one| one.severity >= Severity::Part).collect();
    if found.is_empty() {
        return;
    }
    let names: Vec<String> = changes.iter().map(|change| name_of(change.column)).collect();
    let what = match names.as_slice() {
        [only] => only.clone(),
        several => format!("these {} columns", several.len()),
    };
    let relations: Vec<Oid> = changes.iter().map(|change| change.column.0).collect();
    let only = relations.first().filter(|first| relations.iter().all(|one| one == *first));
    let only = only.map(|only| format!(" WHERE relation = {}", literal(&relation::qualified_name(*only))));
    let only = only.unwrap_or_default();
    let count = if found.len() == 1 { "one thing".to_owned() } else { format!("{} things", found.len()) };
    let lines = found.iter().map(|one| format!("{}: {}.", one.object, one.shows));
    report::warning(
        &format!("{count} can still show values of {what}"),
        Some(&listed(lines.collect())),
        Some(&format!("SELECT * FROM jitmask.exposures{only};")),
    );
}

/// Says which columns of materialized views keep the label they got with this one, which is protected no more.
pub fn let_go(relid: Oid, attnum: i16) {
    let carriers = Views::read().carriers(&carried::reach(relid, attnum).same);
    let left: Vec<Stored> = carriers
        .iter()
        .map(|carried| carried.column)
        .filter(|(view, column)| labels::text(*view, *column).is_some())
        .collect();
    if !left.is_empty() {
        let columns: Vec<String> = left.iter().map(|place| literal(&name_of(*place))).collect();
        report::notice(
            &format!("materialized views that carry {} stay protected", name_of((relid, attnum))),
            Some(&listed(left.iter().map(|place| format!("{} has a label of its own.", name_of(*place))).collect())),
            Some(&format!("SELECT * FROM jitmask.detach(ARRAY[{}]);", columns.join(", "))),
        );
    }
}

/// One line about a column that carries another.
pub fn carries(carried: &Carried) -> String {
    format!("{} carries {}.", name_of(carried.column), name_of(carried.from))
}

/// Lines, of which the first few are shown.
pub fn listed(mut lines: Vec<String>) -> String {
    let more = lines.len().saturating_sub(NAMED);
    lines.truncate(NAMED);
    if more > 0 {
        lines.push(format!("And {more} more."));
    }
    lines.join("\n")
}
