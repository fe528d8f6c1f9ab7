//! Materialized views that hold values of protected columns, or what was computed from them, where they have no label.

use pgrx::pg_sys::Oid;

use super::carried::{self, numbered};
use super::exposures::{Exposure, Protected, Severity, literal, name_of};
use super::extension::Installed;
use super::labels;
use crate::pg::lineage::{Reader, Stored, holds};
use crate::pg::relation;

/// Adds what exposes these columns. `fresh`: they have just been protected, so what was filled from them is raw.
pub fn find(ours: &Installed, columns: &[Protected], fresh: bool, found: &mut Vec<Exposure>) {
    let mut reader = Reader::default();
    let asked = |from: &Stored| columns.iter().find(|one| holds(*from, one.column));
    for view in relation::materialized_views() {
        let lineage = reader.of(view);
        let Some(owner) = relation::facts(view).map(|facts| facts.owner) else { continue };
        for (number, origin) in numbered(&lineage.columns) {
            if labels::text(view, number).is_some() {
                continue;
            }
            let passed = origin.passed.iter().map(|from| (from, Severity::Raw));
            let read = origin.read.iter().map(|from| (from, Severity::Part));
            for (from, severity) in passed.chain(read) {
                if let Some(one) = asked(from) {
                    let raw = fresh || carried::reads_raw(ours, owner, one.column);
                    found.push(column((view, number), owner, one, severity, raw));
                }
            }
        }
        found.extend(lineage.conditions.iter().filter_map(asked).map(|one| rows(view, owner, one)));
    }
}

fn column(place: Stored, owner: Oid, one: &Protected, severity: Severity, raw: bool) -> Exposure {
    let name = name_of(place);
    let what = match severity {
        Severity::Raw => "values of the column",
        Severity::Part | Severity::Hint => "what is computed from the column",
    };
    // The same policy fits what has the same values; for what is computed from them one has to be chosen.
    let same = severity == Severity::Raw && !one.policy.is_empty();
    let policy = if same { one.policy.as_str() } else { "policy" };
    let (severity, shows, remedy) = if raw {
        let call = format!("SELECT * FROM jitmask.attach({}, {});", literal(policy), literal(&name));
        (severity, format!("whoever may read the view sees {what}"), call)
    } else {
        let shows =
            format!("{what}, if it was filled before the policy; its owner is masked, so filling it again mends it");
        (Severity::Hint, shows, format!("REFRESH MATERIALIZED VIEW {};", relation::qualified_name(place.0)))
    };
    Exposure {
        column: one.column,
        kind: "materialized_view",
        object: format!("column {name}"),
        held_by: Some(owner),
        severity,
        shows,
        remedy,
    }
}

fn rows(view: Oid, owner: Oid, one: &Protected) -> Exposure {
    let name = relation::qualified_name(view);
    Exposure {
        column: one.column,
        kind: "materialized_view",
        remedy: format!("Let only those read {name} who may know that, or change its query."),
        object: format!("rows of {name}"),
        held_by: Some(owner),
        severity: Severity::Hint,
        shows: "which rows it has, or how they are grouped, depends on values of the column".to_owned(),
    }
}
