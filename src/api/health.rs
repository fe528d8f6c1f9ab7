//! What is broken: health(). Each row names an object, says what is wrong and how to mend it; no row means all is well.
//!
//! For administrators and auditors. Whatever is listed here masks more than it should, or can't be decided; nothing that
//! is broken shows a raw value.

use jitmask_core::model::label::PUBLIC;
use pgrx::prelude::*;

use super::columns::Column;
use super::guard::{self, quoted};
use super::{rules, store};
use crate::catalog::{keys, labels, mask, session, verdict};
use crate::error::{Code, Error, Result, or_raise};
use crate::pg::relation;

/// Object, problem, hint.
type Finding = (String, String, String);

#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn health() -> TableIterator<'static, (name!(object, String), name!(problem, String), name!(hint, String))> {
    let body = || {
        overseer("health")?;
        let mut findings = Vec::new();
        server(&mut findings)?;
        attachments(&mut findings)?;
        people(&mut findings)?;
        Ok(findings)
    };
    TableIterator::new(or_raise(body()))
}

/// 42501 unless the caller may see what concerns others.
pub fn overseer(function: &str) -> Result<()> {
    if guard::oversees(session::caller()) {
        return Ok(());
    }
    Err(Error::new(Code::Privilege, format!("jitmask.{function}() is for administrators and auditors of jitmask"))
        .hint("For one column: SELECT * FROM jitmask.why('schema.table.column');"))
}

fn server(findings: &mut Vec<Finding>) -> Result<()> {
    if let Err(error) = keys::current() {
        let hint = "A superuser calls: SELECT jitmask.create_default_key();".to_owned();
        findings.push(("key default".to_owned(), error.message().to_owned(), hint));
    }
    let libraries = store::read_one("SELECT pg_catalog.current_setting('shared_preload_libraries')", &[], |row| {
        row.need::<String>(1)
    })?;
    let libraries = libraries.unwrap_or_default();
    let last = libraries.rsplit(',').next().map(|name| name.trim().trim_matches('"').to_owned());
    if last.as_deref() != Some("jitmask") {
        findings.push((
            "shared_preload_libraries".to_owned(),
            "jitmask is not the last library, so another one may plan what jitmask does not see".to_owned(),
            "Put jitmask last with ALTER SYSTEM SET shared_preload_libraries, and restart the server.".to_owned(),
        ));
    }
    Ok(())
}

/// Names and masks of all policies.
fn policies() -> Result<Vec<(String, String)>> {
    store::read("SELECT name, mask FROM jitmask.policy ORDER BY name", &[], |row| Ok((row.need(1)?, row.need(2)?)))
}

/// Labels that can't do what they say.
fn attachments(findings: &mut Vec<Finding>) -> Result<()> {
    let caller = session::caller();
    let policies = policies()?;
    for (relid, attnum, text) in labels::all()? {
        let Some(column) = Column::by_number(relid, attnum) else { continue };
        let name = column.full_name();
        let detach = format!("SELECT * FROM jitmask.detach({});", quoted(&name));
        let mut found = |problem: String, hint: &str| findings.push((name.clone(), problem, hint.to_owned()));
        let label = match labels::parse(&text) {
            Ok(label) => label,
            Err(error) => {
                found(format!("{}; the value is NULL", error.message()), &detach);
                continue;
            }
        };
        for attachment in &label.0 {
            let policy = &attachment.policy;
            match policies.iter().find(|(known, _)| known == policy) {
                None => found(
                    format!("policy {policy} does not exist; the value is NULL"),
                    &format!("SELECT * FROM jitmask.create_policy({}, '…');", quoted(policy)),
                ),
                Some((_, mask)) => {
                    let of = relation::column_type(relid, attnum);
                    if let Err(error) = mask::check(mask, of.oid, of.typmod, of.collation) {
                        found(
                            format!("policy {policy}: {}; the value is NULL", error.message()),
                            &format!("SELECT * FROM jitmask.alter_policy({}, mask => '…');", quoted(policy)),
                        );
                    }
                }
            }
            let roles = attachment.to.iter().chain(&attachment.except).filter(|role| *role != PUBLIC);
            for role in roles.filter(|role| session::role_oid(role).is_none()) {
                found(format!("policy {policy} names role {role}, which does not exist"), &detach);
            }
        }
        for parent in relation::parents(relid) {
            let Some(number) = relation::column_number(parent, &column.name) else { continue };
            if !verdict::explain(parent, number, caller.login, caller.role)?.protected
                && let Some(parent) = Column::by_number(parent, number)
            {
                let parent = parent.full_name();
                found(
                    format!("the same values can be read through {parent}, which is not protected"),
                    &format!("SELECT * FROM jitmask.attach('…', {});", quoted(&parent)),
                );
            }
        }
    }
    Ok(())
}

/// Policies nobody could decide about, and entries for roles that are gone.
fn people(findings: &mut Vec<Finding>) -> Result<()> {
    for (name, mask) in policies()? {
        if let Err(error) = mask::check_somehow(&mask) {
            findings.push((
                format!("policy {name}"),
                error.message().to_owned(),
                format!("SELECT * FROM jitmask.alter_policy({}, mask => '…');", quoted(&name)),
            ));
        }
        if mask::shows_everything(&mask) {
            findings.push((
                format!("policy {name}"),
                "it masks nothing: its mask is the value itself".to_owned(),
                format!("SELECT * FROM jitmask.alter_policy({}, mask => 'mask_default(value)');", quoted(&name)),
            ));
        }
        let rule = match rules::combined(std::slice::from_ref(&name)) {
            Ok(rule) => rule,
            Err(error) => {
                findings.push((
                    format!("policy {name}"),
                    error.message().to_owned(),
                    format!("SELECT * FROM jitmask.alter_policy({}, max_duration => '8 hours');", quoted(&name)),
                ));
                continue;
            }
        };
        let people = rules::deciders(&rule, None)?.len();
        if i64::try_from(people).is_ok_and(|people| people < i64::from(rule.quorum)) {
            let problem = format!("a request takes {} approval(s), and {people} login(s) may decide", rule.quorum);
            let hint = if rule.approvers.is_empty() {
                "SELECT * FROM jitmask.grant_right('role', 'approver');".to_owned()
            } else {
                format!("SELECT * FROM jitmask.alter_policy({}, approvers => '{{role}}');", quoted(&name))
            };
            findings.push((format!("policy {name}"), problem, hint));
        }
    }
    let gone = store::read(
        "SELECT kind, role::oid::text FROM (
            SELECT 'right ' || \"right\" AS kind, role FROM jitmask.right_
            UNION ALL SELECT 'exemption', role FROM jitmask.exemption
            UNION ALL SELECT 'trusted owner', role FROM jitmask.trusted_owner
            UNION ALL SELECT 'shared login', role FROM jitmask.shared_login_) AS entries
          WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.oid = entries.role) ORDER BY 1, 2",
        &[],
        |row| Ok((row.need::<String>(1)?, row.need::<String>(2)?)),
    )?;
    for (kind, number) in gone {
        findings.push((
            kind,
            format!("it is for role number {number}, which does not exist any more"),
            "A superuser deletes the row from jitmask's table.".to_owned(),
        ));
    }
    Ok(())
}
