//! Putting policies on columns and taking them off: attach, detach.
//!
//! Must hold: everything is checked before the first label is written; a column whose values can be read unmasked
//! through its parent is not protected alone; whoever held a grant on a detached column holds it no more.

use jitmask_core::model::label::{Attachment, Label, LabelError, PUBLIC};
use pgrx::prelude::*;
use serde_json::json;

use super::columns::{self, Column};
use super::guard::{self, quoted};
use super::policy::{self, Policy};
use super::{args, readers};
use crate::audit::trail;
use crate::catalog::dependants::{self, Change};
use crate::catalog::session::Caller;
use crate::catalog::{exposures, labels, mask, verdict};
use crate::error::{Code, Error, Result, or_raise};
use crate::pg::function::FIRST_NORMAL;
use crate::pg::relation;

const ATTACH: &str = "SELECT * FROM jitmask.attach(policy => 'ssn_last4', \"column\" => 'schema.table.column');";

/// Column, policy, mask, state; for a dry run also who can read it and who is at it now.
type Outcome = (String, String, String, String, Option<Vec<String>>, Option<Vec<String>>);

/// What `attach` was asked to do, but for the columns.
struct Wish {
    attachment: Attachment,
    dry_run: bool,
}

#[allow(clippy::too_many_arguments, reason = "an SQL function with named arguments")]
#[pg_extern(security_definer)]
fn attach(
    policy: Option<&str>,
    column: Option<&str>,
    to_roles: default!(Option<Vec<Option<String>>>, "'{public}'"),
    except_roles: default!(Option<Vec<Option<String>>>, "'{}'"),
    priority: default!(Option<i32>, "0"),
    when_expr: default!(Option<&str>, "NULL"),
    dry_run: default!(Option<bool>, "false"),
) -> TableIterator<
    'static,
    (
        name!(column, String),
        name!(policy, String),
        name!(mask, String),
        name!(state, String),
        name!(readers, Option<Vec<String>>),
        name!(sessions, Option<Vec<String>>),
    ),
> {
    let body = || {
        let caller = guard::admin("attach")?;
        let columns = vec![args::said("column", column, ATTACH)?.to_owned()];
        let wish = wish(policy, to_roles, except_roles, priority, when_expr, dry_run)?;
        attach_all(caller, &columns, &wish)
    };
    TableIterator::new(or_raise(body()))
}

#[allow(clippy::too_many_arguments, reason = "an SQL function with named arguments")]
#[pg_extern(name = "attach", security_definer)]
fn attach_many(
    policy: Option<&str>,
    columns: Option<Vec<Option<String>>>,
    to_roles: default!(Option<Vec<Option<String>>>, "'{public}'"),
    except_roles: default!(Option<Vec<Option<String>>>, "'{}'"),
    priority: default!(Option<i32>, "0"),
    when_expr: default!(Option<&str>, "NULL"),
    dry_run: default!(Option<bool>, "false"),
) -> TableIterator<
    'static,
    (
        name!(column, String),
        name!(policy, String),
        name!(mask, String),
        name!(state, String),
        name!(readers, Option<Vec<String>>),
        name!(sessions, Option<Vec<String>>),
    ),
> {
    let body = || {
        let caller = guard::admin("attach")?;
        let columns = args::given("columns", args::list("columns", columns)?, ATTACH)?;
        let wish = wish(policy, to_roles, except_roles, priority, when_expr, dry_run)?;
        attach_all(caller, &columns, &wish)
    };
    TableIterator::new(or_raise(body()))
}

fn wish(
    policy: Option<&str>,
    to_roles: Option<Vec<Option<String>>>,
    except_roles: Option<Vec<Option<String>>>,
    priority: Option<i32>,
    when_expr: Option<&str>,
    dry_run: Option<bool>,
) -> Result<Wish> {
    if when_expr.is_some() {
        return Err(Error::new(Code::NotSupported, "conditions on rows are not supported yet")
            .hint("Leave out when_expr: the mask then holds for every row."));
    }
    let attachment = Attachment {
        policy: args::said("policy", policy, ATTACH)?.to_owned(),
        to: args::list("to_roles", to_roles)?.unwrap_or_else(|| vec![PUBLIC.to_owned()]),
        except: args::list("except_roles", except_roles)?.unwrap_or_default(),
        priority: priority.unwrap_or(0),
    };
    Ok(Wish { attachment, dry_run: dry_run.unwrap_or(false) })
}

fn attach_all(caller: Caller, written: &[String], wish: &Wish) -> Result<Vec<Outcome>> {
    let policy = known_policy(&wish.attachment.policy, written)?;
    let columns: Vec<Column> = columns::find_all(written, ATTACH)?.into_iter().map(|(column, _)| column).collect();
    for role in wish.attachment.to.iter().filter(|role| *role != PUBLIC) {
        guard::role(role)?;
    }
    policy::not_oneself(caller.login, &wish.attachment.except, "leave out of a policy")?;
    let mut labelled = Vec::with_capacity(columns.len());
    for column in &columns {
        check_place(column, &columns, caller)?;
        let of = relation::column_type(column.relid, column.attnum);
        mask::check(&policy.mask, of.oid, of.typmod, of.collation)
            .map_err(|error| error.more(format!("The column is {}.", column.full_name())))?;
        let before = labels::text(column.relid, column.attnum);
        let mut label = labels::get(column.relid, column.attnum)?.unwrap_or_default();
        label.add(wish.attachment.clone()).map_err(|error| no_room(column, &error))?;
        labelled.push((column, Change { column: (column.relid, column.attnum), before, label }));
    }
    let outcomes: Result<Vec<Outcome>> =
        labelled.iter().map(|(column, change)| attach_one(column, &change.label, &policy, wish)).collect();
    let changes: Vec<Change> = labelled.into_iter().map(|(_, change)| change).collect();
    for carried in dependants::protect(&changes, wish.dry_run)? {
        if !wish.dry_run {
            let detail = json!({ "policy": wish.attachment.policy, "carries": exposures::name_of(carried.from) });
            trail::record("policy_attached", None, Some(&exposures::name_of(carried.column)), &detail)?;
        }
    }
    outcomes
}

fn attach_one(column: &Column, label: &Label, policy: &Policy, wish: &Wish) -> Result<Outcome> {
    let (name, attachment) = (column.full_name(), &wish.attachment);
    if wish.dry_run {
        let readers = readers::roles(column)?;
        let sessions = readers::sessions(column)?;
        let state = "would be attached".to_owned();
        return Ok((name, attachment.policy.clone(), policy.mask.clone(), state, Some(readers), Some(sessions)));
    }
    labels::set(column.relid, column.attnum, Some(label))?;
    let detail = json!({
        "policy": attachment.policy, "mask": policy.mask, "to": attachment.to, "except": attachment.except,
        "priority": attachment.priority,
    });
    trail::record("policy_attached", None, Some(&name), &detail)?;
    Ok((name, attachment.policy.clone(), policy.mask.clone(), "attached".to_owned(), None, None))
}

/// The policy; if there is none, but one is named where the columns belong, the hint says so.
fn known_policy(name: &str, written: &[String]) -> Result<Policy> {
    policy::find(name).map_err(|error| match written {
        [only] if name.contains('.') && policy::find(only).is_ok() => error.hint(format!(
            "The policy comes first: SELECT * FROM jitmask.attach(policy => {}, \"column\" => {});",
            quoted(only),
            quoted(name)
        )),
        _ => error,
    })
}

/// Refuses what can't be protected by a label of its own.
fn check_place(column: &Column, along: &[Column], caller: Caller) -> Result<()> {
    let name = column.full_name();
    let refused = |why: &str, hint: String| {
        Err(Error::new(Code::BadArgument, format!("{name} can't be protected")).detail(why.to_owned()).hint(hint))
    };
    match relation::kind(column.relid) {
        b'r' | b'p' | b'm' | b'f' => {}
        b'v' => {
            return refused(
                "It is a column of a view. Views show what the tables below them show to whoever asks, masks included.",
                "Attach the policy to the column of the table that the view reads.".to_owned(),
            );
        }
        _ => return refused("It is not a column of a table.", ATTACH.to_owned()),
    }
    let ours = relation::schema_named(c"jitmask") == Some(relation::schema(column.relid));
    if ours || column.relid.to_u32() < FIRST_NORMAL {
        return refused("It belongs to the server's or jitmask's own tables.", ATTACH.to_owned());
    }
    let family = relation::with_descendants(column.relid);
    // Every way to the values, past this relation: its parents, and other parents of its children.
    for parent in family.iter().flat_map(|member| relation::parents(*member)) {
        if family.contains(&parent) {
            continue;
        }
        let Some(attnum) = relation::column_number(parent, &column.name) else { continue };
        let protected = verdict::explain(parent, attnum, caller.login, caller.role)?.protected
            || along
                .iter()
                .any(|other| other.name == column.name && relation::with_descendants(other.relid).contains(&parent));
        let relid = parent;
        if let (false, Some(parent)) = (protected, Column::by_number(parent, attnum)) {
            let parent = parent.full_name();
            return refused(
                &format!("The same values can be read through {parent}, which is not protected."),
                if relation::parents(column.relid).contains(&relid) {
                    format!("Attach the policy there, and it covers this one: \"column\" => {}", quoted(&parent))
                } else {
                    let (here, there) = (quoted(&name), quoted(&parent));
                    format!("Protect both at once: SELECT * FROM jitmask.attach('policy', ARRAY[{here}, {there}]);")
                },
            );
        }
    }
    Ok(())
}

fn no_room(column: &Column, error: &LabelError) -> Error {
    let name = column.full_name();
    let refused = Error::new(Code::BadArgument, error.to_string()).detail(format!("The column is {name}."));
    match error {
        LabelError::DuplicatePolicy(policy) => Error::new(
            Code::Duplicate,
            format!("policy \"{policy}\" is attached to {name} already"),
        )
        .hint(format!("SELECT * FROM jitmask.detach({}, {});", quoted(&name), quoted(policy))),
        LabelError::SamePriority(_, _, priority) => Error::new(Code::Duplicate, error.to_string())
            .detail(format!("The column is {name}."))
            .hint(format!("Say which of them wins: priority => {}", priority.saturating_add(1))),
        LabelError::ToNobody(_) => refused.hint("to_roles => '{public}'"),
        LabelError::ExceptEverybody(policy) => {
            refused.hint(format!("SELECT * FROM jitmask.detach({}, {});", quoted(&name), quoted(policy)))
        }
        _ => refused.hint(ATTACH),
    }
}
