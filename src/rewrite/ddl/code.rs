//! Code that a table runs: whose it is, and what changing it would change.

use std::collections::HashSet;

use jitmask_core::model::decide::Subject;
use pgrx::pg_sys::{self, Node, Oid};

use super::parts;
use crate::catalog::extension::Installed;
use crate::catalog::people::people;
use crate::catalog::protection::{self, Class, Protected};
use crate::pg::depend::{self, Object};
use crate::pg::{function, relation, shared, stored};
use crate::rewrite::statement::is_masked_in;
use crate::rewrite::trust::code_in;

/// When code runs that is to be trusted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Runs {
    /// When others write to the table, or read it: as them.
    ForOthers,
    /// In this very command, under the subject's own `search_path` (until 17): what it calls must be settled as well.
    Now,
}

/// The first piece of code in an expression that somebody wrote who is not trusted, named for people.
pub fn strangers(ours: &Installed, expression: *mut Node, runs: Runs) -> Option<String> {
    let people = people(ours);
    let now = shared::clock().time;
    // No login is 0: nobody is trusted for being the one who asks.
    let trusts = |owner: Option<Oid>| owner.is_some_and(|owner| people.trusts(Oid::INVALID, owner, now));
    // SAFETY: an expression that the server has just read.
    let code = unsafe { code_in(expression) };
    let harmless = |called: Oid| {
        if function::is_builtin(called) {
            is_plain(called)
        } else {
            trusts(function::facts(called).map(|facts| facts.owner))
                && (runs == Runs::ForOthers || function::is_settled(called))
        }
    };
    if let Some(called) = code.functions.iter().copied().find(|called| !harmless(*called)) {
        return Some(format!("Function {}", function::name(called)));
    }
    code.types
        .iter()
        .flat_map(|outer| function::domains_in(*outer))
        .find(|domain| !trusts(function::type_owner(*domain)))
        .map(|domain| format!("Domain {}", function::type_name(domain)))
}

/// Whether a built-in function does nothing but give a value that depends on its arguments, the time, a setting or chance.
/// Others run queries or tell other sessions: in a policy or default, as an exempt role that reads or writes the table.
fn is_plain(function: Oid) -> bool {
    const CHANCE_TIME_NUMBER: [&str; 7] =
        ["clock_timestamp", "timeofday", "random", "gen_random_uuid", "uuidv4", "uuidv7", "nextval"];
    if function::is_immutable(function) {
        return true;
    }
    let name = function::bare_name(function);
    // table_to_xml() and its like run queries and are called stable.
    if function::is_stable(function) { !name.contains("_to_xml") } else { CHANCE_TIME_NUMBER.contains(&name.as_str()) }
}

/// A stranger's code that runs over masked columns whenever an index of the table is built or its statistics are
/// gathered.
pub fn in_indexes(ours: &Installed, protected: &Protected) -> Option<String> {
    let parts = parts::indexes_of(protected.relation).into_iter().chain(parts::statistics_of(protected.relation));
    parts
        .filter(|part| part.looks_at(protected))
        .flat_map(|part| part.expressions)
        .find_map(|text| strangers(ours, stored::read(&text), Runs::Now))
}

/// A relation masked for the subject that runs this function: in a check, an index, a trigger, a policy, a default, a
/// masked column's domain, from within an aggregate or operator, over however many steps. Whatever it is handed there, it
/// runs as whoever reads or writes the table.
pub fn reached_by(ours: &Installed, subject: &Subject, function: Oid) -> Option<Oid> {
    let mut seen: HashSet<(Oid, Oid)> = HashSet::new();
    let mut left = vec![(pg_sys::ProcedureRelationId, function)];
    while let Some((class, oid)) = left.pop() {
        if !seen.insert((class, oid)) {
            continue;
        }
        for dependent in depend::dependents(class, oid) {
            let runs_in = parts::relation_of(dependent);
            if let Some(relation) = runs_in
                && is_masked_in(ours, subject, relation)
                && meets(ours, dependent, relation)
            {
                return Some(relation);
            }
            left.extend(leads_on(dependent, runs_in));
        }
    }
    None
}

/// Whether the relation's rows, or those who write to it, meet that code: any part of it, and columns of a type that was
/// made with it only if they are masked.
fn meets(ours: &Installed, part: Object, relation: Oid) -> bool {
    if part.class != pg_sys::RelationRelationId || part.column <= 0 {
        return true;
    }
    let Class::Protected(protected) = protection::class(ours, relation) else { return false };
    i16::try_from(part.column).is_ok_and(|column| protected.column(column).is_some())
}

/// From a dependent on: what may depend on it in turn. A table is where the way ends, but for the type of its rows.
fn leads_on(dependent: Object, runs_in: Option<Oid>) -> Vec<(Oid, Oid)> {
    let mut on = parts::behind(dependent);
    match runs_in.and_then(|relation| Some((relation, relation::facts(relation)?))) {
        None => on.push((dependent.class, dependent.oid)),
        Some((view, facts)) if facts.kind == b'v' => on.push((pg_sys::RelationRelationId, view)),
        Some((_, facts)) if dependent.class == pg_sys::RelationRelationId && dependent.column > 0 => {
            on.push((pg_sys::TypeRelationId, facts.row_type));
        }
        Some(_) => {}
    }
    on
}
