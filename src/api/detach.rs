//! Taking policies off columns: detach. Live grants on such a column end with it.

use jitmask_core::model::label::Label;
use pgrx::prelude::*;
use serde_json::json;

use super::args;
use super::columns::{self, Column};
use super::guard::{self, quoted};
use crate::audit::trail;
use crate::catalog::session::Caller;
use crate::catalog::{dependants, endings, labels, verdict};
use crate::error::{Code, Error, Result, or_raise};

const DETACH: &str = "SELECT * FROM jitmask.detach('schema.table.column', policy => 'ssn_last4');";

/// Column, policy, state, and whether it is still protected.
type Outcome = (String, String, String);

#[pg_extern(security_definer)]
fn detach(
    column: Option<&str>,
    policy: default!(Option<&str>, "NULL"),
) -> TableIterator<'static, (name!(column, String), name!(policy, String), name!(state, String))> {
    let body = || {
        let caller = guard::admin("detach")?;
        let columns = vec![args::said("column", column, DETACH)?.to_owned()];
        detach_all(caller, &columns, policy)
    };
    TableIterator::new(or_raise(body()))
}

#[pg_extern(name = "detach", security_definer)]
fn detach_many(
    columns: Option<Vec<Option<String>>>,
    policy: default!(Option<&str>, "NULL"),
) -> TableIterator<'static, (name!(column, String), name!(policy, String), name!(state, String))> {
    let body = || {
        let caller = guard::admin("detach")?;
        let columns = args::given("columns", args::list("columns", columns)?, DETACH)?;
        detach_all(caller, &columns, policy)
    };
    TableIterator::new(or_raise(body()))
}

fn detach_all(caller: Caller, written: &[String], policy: Option<&str>) -> Result<Vec<Outcome>> {
    let mut outcomes = Vec::new();
    for (column, explicit) in columns::find_all(written, DETACH)? {
        let labelled = crate::pg::seclabel::of_columns(column.relid, labels::PROVIDER)
            .into_iter()
            .find(|(attnum, _)| *attnum == column.attnum);
        let Some((_, text)) = labelled else {
            // `table.*` means those that have one.
            if explicit {
                return Err(not_attached(&column, policy, caller));
            }
            continue;
        };
        detach_one(caller, &column, &text, policy, explicit, &mut outcomes)?;
    }
    if outcomes.is_empty() {
        return Err(Error::new(Code::Unknown, "no policy is attached to any of these columns")
            .hint("SELECT * FROM jitmask.masked_columns;"));
    }
    Ok(outcomes)
}

fn detach_one(
    caller: Caller,
    column: &Column,
    text: &str,
    policy: Option<&str>,
    explicit: bool,
    outcomes: &mut Vec<Outcome>,
) -> Result<()> {
    let name = column.full_name();
    let (gone, kept) = match (labels::parse(text), policy) {
        (Ok(label), Some(policy)) => label.0.into_iter().partition(|attachment| attachment.policy == policy),
        (Ok(label), None) => (label.0, Vec::new()),
        // A label nobody can read masks with NULL; taking it off as a whole is how to repair that.
        (Err(_), None) => (Vec::new(), Vec::new()),
        (Err(error), Some(_)) => {
            return Err(error.hint(format!("SELECT * FROM jitmask.detach({});", quoted(&name))));
        }
    };
    if gone.is_empty() && policy.is_some() {
        return if explicit { Err(not_attached(column, policy, caller)) } else { Ok(()) };
    }
    let label = (!kept.is_empty()).then_some(Label(kept));
    labels::set(column.relid, column.attnum, label.as_ref())?;
    let endings = endings::end_grants(column.relid, column.attnum, "the policy was detached")?;
    for id in &endings.ended {
        trail::record("grant_ended", Some(*id), None, &json!({ "why": "the policy was detached" }))?;
    }
    let ended = endings.touched;
    let names: Vec<&str> = gone.iter().map(|attachment| attachment.policy.as_str()).collect();
    trail::record("policy_detached", None, Some(&name), &json!({ "policies": names, "grants": ended }))?;
    let protected = verdict::explain(column.relid, column.attnum, caller.login, caller.role)?.protected;
    dependants::let_go(column.relid, column.attnum);
    let state = if protected { "detached; still protected" } else { "detached; no longer protected" };
    outcomes.push((name, names.join(", "), state.to_owned()));
    Ok(())
}

fn not_attached(column: &Column, policy: Option<&str>, caller: Caller) -> Error {
    let name = column.full_name();
    let inherited = verdict::explain(column.relid, column.attnum, caller.login, caller.role)
        .is_ok_and(|explanation| explanation.protected);
    let message = match policy {
        Some(policy) => format!("policy \"{policy}\" is not attached to {name}"),
        None => format!("no policy is attached to {name}"),
    };
    let error = Error::new(Code::Unknown, message)
        .hint(format!("SELECT * FROM jitmask.masked_columns WHERE \"column\" = {};", quoted(&name)));
    if inherited {
        return error
            .detail("It is protected by another policy, or through a table it inherits from or is a partition of.");
    }
    error
}
