//! Masking policies: create_policy, alter_policy, drop_policy.

use jitmask_core::model::label::is_policy_name;
use jitmask_core::model::write_back::WriteBack;
use pgrx::datum::Interval;
use pgrx::prelude::*;
use serde_json::json;

use super::columns::Column;
use super::guard::quoted;
use super::rules::{self, Draft};
use super::{args, guard, store};
use crate::audit::trail;
use crate::catalog::{labels, mask, session};
use crate::error::{Code, Error, Result, or_raise};
use crate::pg::{relation, report};

const CREATE: &str = "SELECT * FROM jitmask.create_policy(name => 'ssn_last4', mask => 'mask_partial(value, 0, 4)');";
const ALTER: &str = "SELECT * FROM jitmask.alter_policy('ssn_last4', mask => 'mask_partial(value, 0, 4)');";
const DROP: &str = "SELECT * FROM jitmask.drop_policy('ssn_last4');";

/// A policy's name, its mask, and what became of it.
type Outcome = (String, String, String);

#[allow(clippy::too_many_arguments, reason = "an SQL function with named arguments")]
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn create_policy(
    name: Option<&str>,
    mask: Option<&str>,
    description: default!(Option<&str>, "''"),
    approvers: default!(Option<Vec<Option<String>>>, "'{}'"),
    quorum: default!(Option<i32>, "1"),
    default_duration: default!(Option<Interval>, "NULL"),
    max_duration: default!(Option<Interval>, "'8 hours'"),
    request_ttl: default!(Option<Interval>, "'24 hours'"),
    reason_pattern: default!(Option<String>, "NULL"),
    ticket_pattern: default!(Option<String>, "NULL"),
    purposes: default!(Option<Vec<Option<String>>>, "NULL"),
    write_back: default!(Option<&str>, "NULL"),
) -> TableIterator<'static, (name!(policy, String), name!(mask, String), name!(state, String))> {
    let body = || {
        guard::admin("create_policy")?;
        let draft = Draft {
            approvers: args::list("approvers", approvers)?,
            quorum,
            default_duration,
            max_duration,
            request_ttl,
            reason_pattern,
            ticket_pattern,
            purposes: args::list("purposes", purposes)?,
        };
        let (name, mask) = (args::said("name", name, CREATE)?, args::said("mask", mask, CREATE)?);
        create(name, mask, description.unwrap_or(""), written_back(write_back)?.unwrap_or_default(), draft)
    };
    TableIterator::once(or_raise(body()))
}

fn create(name: &str, mask: &str, description: &str, write_back: WriteBack, draft: Draft) -> Result<Outcome> {
    if !is_policy_name(name) {
        let error = Error::new(Code::BadArgument, format!("\"{name}\" is not a name for a policy"))
            .detail("A name holds lower-case letters, digits and underscores, begins with no digit, and has at most 63 of them.");
        // Both are texts, so the server can't tell when they are swapped.
        let swapped = is_policy_name(mask) && name.contains('(');
        return Err(if swapped {
            error.hint(format!(
                "The name comes first: SELECT * FROM jitmask.create_policy(name => {}, mask => {});",
                quoted(mask),
                quoted(name)
            ))
        } else {
            error.hint(CREATE)
        });
    }
    mask::check_somehow(mask)?;
    let made = store::write_one(
        "INSERT INTO jitmask.policy (name, mask, description, write_back, created_by_name)
              VALUES ($1, $2, $3, $4, session_user)
         ON CONFLICT (name) DO NOTHING RETURNING policy_id",
        &[name.into(), mask.into(), description.into(), write_back.name().into()],
        |row| row.need::<i32>(1),
    )?;
    let Some(policy_id) = made else {
        return Err(Error::new(Code::Duplicate, format!("policy \"{name}\" exists already")).hint(format!(
            "SELECT * FROM jitmask.alter_policy({}, mask => {});",
            quoted(name),
            quoted(mask)
        )));
    };
    rules::create(policy_id, draft)?;
    warn_if_nothing_is_masked(name, mask);
    trail::record(
        "policy_created",
        None,
        Some(name),
        &json!({
            "mask": mask, "write_back": write_back.name(), "rule": rules::described(policy_id)?,
        }),
    )?;
    Ok((name.to_owned(), mask.to_owned(), "created".to_owned()))
}

/// A mask that is the value itself may be meant (raw for some roles by `to_roles`), but hardly by accident.
fn warn_if_nothing_is_masked(name: &str, mask: &str) {
    if mask::shows_everything(mask) {
        report::warning(
            &format!("policy \"{name}\" masks nothing: its mask is the value itself"),
            Some("Whoever it applies to reads raw values, without a grant and without a record."),
            Some(&format!("SELECT * FROM jitmask.alter_policy({}, mask => 'mask_default(value)');", quoted(name))),
        );
    }
}

#[allow(clippy::too_many_arguments, reason = "an SQL function with named arguments")]
#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn alter_policy(
    name: Option<&str>,
    mask: default!(Option<&str>, "NULL"),
    description: default!(Option<&str>, "NULL"),
    approvers: default!(Option<Vec<Option<String>>>, "NULL"),
    quorum: default!(Option<i32>, "NULL"),
    default_duration: default!(Option<Interval>, "NULL"),
    max_duration: default!(Option<Interval>, "NULL"),
    request_ttl: default!(Option<Interval>, "NULL"),
    reason_pattern: default!(Option<String>, "NULL"),
    ticket_pattern: default!(Option<String>, "NULL"),
    purposes: default!(Option<Vec<Option<String>>>, "NULL"),
    write_back: default!(Option<&str>, "NULL"),
) -> TableIterator<'static, (name!(policy, String), name!(mask, String), name!(state, String))> {
    let body = || {
        guard::admin("alter_policy")?;
        let draft = Draft {
            approvers: args::list("approvers", approvers)?,
            quorum,
            default_duration,
            max_duration,
            request_ttl,
            reason_pattern,
            ticket_pattern,
            purposes: args::list("purposes", purposes)?,
        };
        alter(args::said("name", name, ALTER)?, mask, description, written_back(write_back)?, draft)
    };
    TableIterator::once(or_raise(body()))
}

fn alter(
    name: &str,
    mask: Option<&str>,
    description: Option<&str>,
    write_back: Option<WriteBack>,
    draft: Draft,
) -> Result<Outcome> {
    let policy = find(name)?;
    let mask = match mask {
        None => policy.mask.clone(),
        Some(mask) => {
            mask::check_somehow(mask)?;
            warn_if_nothing_is_masked(name, mask);
            for column in attached(name)? {
                let of = relation::column_type(column.relid, column.attnum);
                let fits = |mask: &str| mask::check(mask, of.oid, of.typmod, of.collation);
                // What a materialized view carries may have a type that the mask never fitted: it is NULL.
                if relation::kind(column.relid) != b'm' || fits(&policy.mask).is_ok() {
                    fits(mask)?;
                }
            }
            mask.to_owned()
        }
    };
    store::run(
        "UPDATE jitmask.policy SET mask = $2, description = coalesce($3, description),
                write_back = coalesce($4, write_back), revision = revision + 1
          WHERE policy_id = $1",
        &[policy.id.into(), mask.as_str().into(), description.into(), write_back.map(WriteBack::name).into()],
    )?;
    let before = rules::described(policy.id)?;
    rules::alter(policy.id, draft)?;
    let detail = json!({
        "mask": mask, "mask_before": policy.mask,
        "write_back": write_back.map(WriteBack::name).unwrap_or(&policy.write_back), "write_back_before": policy.write_back,
        "rule": rules::described(policy.id)?, "rule_before": before,
    });
    trail::record("policy_altered", None, Some(name), &detail)?;
    Ok((name.to_owned(), mask, "altered".to_owned()))
}

#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn drop_policy(
    name: Option<&str>,
) -> TableIterator<'static, (name!(policy, String), name!(mask, String), name!(state, String))> {
    let body = || {
        guard::admin("drop_policy")?;
        drop_it(args::said("name", name, DROP)?)
    };
    TableIterator::once(or_raise(body()))
}

fn drop_it(name: &str) -> Result<Outcome> {
    let policy = find(name)?;
    let columns = attached(name)?;
    if !columns.is_empty() {
        let calls: Vec<String> = columns
            .iter()
            .map(|column| format!("SELECT * FROM jitmask.detach({}, {});", quoted(&column.full_name()), quoted(name)))
            .collect();
        return Err(Error::new(Code::InUse, format!("policy \"{name}\" is attached to {} column(s)", columns.len()))
            .detail("Without the policy they would be masked with NULL for everybody.")
            .hint(calls.join(" ")));
    }
    store::run("DELETE FROM jitmask.policy WHERE policy_id = $1", &[policy.id.into()])?;
    trail::record("policy_dropped", None, Some(name), &json!({ "mask": policy.mask }))?;
    Ok((name.to_owned(), policy.mask, "dropped".to_owned()))
}

/// 22023 for what is none of the three.
fn written_back(name: Option<&str>) -> Result<Option<WriteBack>> {
    let Some(name) = name else { return Ok(None) };
    match WriteBack::named(name) {
        Some(write_back) => Ok(Some(write_back)),
        None => Err(Error::new(Code::BadArgument, format!("\"{name}\" is no value for write_back"))
            .detail("keep: a masked value that is written back leaves the stored one as it is. error: it is refused. allow: it is stored.")
            .hint("SELECT * FROM jitmask.alter_policy('ssn_last4', write_back => 'keep');")),
    }
}

/// A policy as stored.
pub struct Policy {
    /// Its number.
    pub id: i32,
    /// Its mask.
    pub mask: String,
    /// What becomes of masked values that are written back, by name.
    pub write_back: String,
}

/// The policy of that name; a row lock keeps it until the transaction ends. 42704 if there is none.
pub fn find(name: &str) -> Result<Policy> {
    let found = store::write_one(
        "SELECT policy_id, mask, write_back FROM jitmask.policy WHERE name = $1 FOR UPDATE",
        &[name.into()],
        |row| Ok(Policy { id: row.need(1)?, mask: row.need(2)?, write_back: row.need(3)? }),
    )?;
    found.ok_or_else(|| {
        Error::new(Code::Unknown, format!("policy \"{name}\" does not exist"))
            .detail("SELECT name FROM jitmask.policies; lists those there are.")
            .hint(format!(
                "SELECT * FROM jitmask.create_policy(name => {}, mask => 'mask_default(value)');",
                quoted(name)
            ))
    })
}

/// The columns that a policy is attached to by a label of their own, as far as their labels can be read.
pub fn attached(name: &str) -> Result<Vec<Column>> {
    let mut columns = Vec::new();
    for (relid, attnum, text) in labels::all()? {
        let Ok(label) = labels::parse(&text) else { continue };
        if label.0.iter().any(|attachment| attachment.policy == name) {
            columns.extend(Column::by_number(relid, attnum));
        }
    }
    columns.sort_by_key(Column::full_name);
    Ok(columns)
}

/// Roles named in a policy's attachments that the caller must not belong to. 42501 for one it does.
pub fn not_oneself(login: pg_sys::Oid, names: &[String], what: &str) -> Result<()> {
    for name in names {
        let role = guard::role(name)?;
        if session::is_member(login, role) {
            return Err(Error::new(Code::Privilege, format!("nobody can {what} a role of their own"))
                .detail(format!("Login \"{}\" belongs to role \"{name}\".", session::role_name(login)))
                .hint("Ask another administrator to make this call."));
        }
    }
    Ok(())
}
