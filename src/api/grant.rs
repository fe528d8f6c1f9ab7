//! What an approved request turns into: a grant of the same id.
//!
//! For: the last approval. Must hold: the grant begins when it is approved and lasts for the approved duration by the wall
//! clock, not by the start of the transaction; it names columns by number and carries where it was given, so that no
//! copy of this database or cluster brings it along.

use jitmask_core::model::duration;
use pgrx::datum::TimestampWithTimeZone;
use serde_json::json;

use super::asking;
use super::case::{Asked, Case};
use super::columns::Column;
use super::decide::Decided;
use super::{args, store};
use crate::audit::trail;
use crate::error::{Code, Error, Result};
use crate::pg::instance;

/// Starts the grant of a request that has just been approved.
pub fn start(case: &Case) -> Result<Decided> {
    let exists = store::read("SELECT 1 FROM pg_catalog.pg_roles WHERE oid = $1", &[case.requester.into()], |_| Ok(()))?;
    if exists.is_empty() {
        return Err(Error::new(Code::WrongState, format!("login \"{}\" does not exist any more", case.requester_name))
            .hint(format!("SELECT * FROM jitmask.deny({}, 'the login is gone');", case.id)));
    }
    let approved: Vec<&Asked> = case.columns.iter().filter(|asked| asked.approved).collect();
    let columns: Vec<&Asked> = approved.into_iter().filter(|asked| still_there(asked)).collect();
    if columns.is_empty() {
        return Err(Error::new(Code::WrongState, "none of the columns is protected any more")
            .detail(format!("They were when request {} was made; there is nothing left to grant.", case.id))
            .hint(format!("SELECT * FROM jitmask.deny({}, 'nothing left to grant');", case.id)));
    }
    let (until, until_text) = insert(case)?;
    let mut names = Vec::with_capacity(columns.len());
    for asked in columns {
        unchanged(case, asked)?;
        store::run(
            "INSERT INTO jitmask.grant_column (grant_id, relid, attnum, policy_id, policy_revision)
             SELECT $1, $2, $3, p.policy_id, p.revision
               FROM (SELECT) AS one LEFT JOIN jitmask.policy p ON p.name = $4",
            &[
                case.id.into(),
                asked.relid.into(),
                asked.attnum.into(),
                asked.policies.first().map(String::as_str).into(),
            ],
        )?;
        names.push(asked.name.clone());
    }
    let detail = json!({
        "grantee": case.requester_name, "columns": names, "duration": duration::human(case.duration),
        "until": until_text,
    });
    trail::record("grant_started", Some(case.id), None, &detail)?;
    Ok((case.id, "active".to_owned(), format!("active until {until_text}"), Some(until)))
}

fn insert(case: &Case) -> Result<(TimestampWithTimeZone, String)> {
    let made = store::write_one(
        "WITH clock AS MATERIALIZED (SELECT clock_timestamp() AS now)
         INSERT INTO jitmask.grant_ (id, grantee, grantee_name, state, starts_at, expires_at, approved_at, database,
                                     system_identifier)
         SELECT $1, $2, $3, 'active', now, now + $4, now, $5, $6 FROM clock
         RETURNING expires_at, date_trunc('second', expires_at)::text",
        &[
            case.id.into(),
            case.requester.into(),
            case.requester_name.as_str().into(),
            args::interval(case.duration)?.into(),
            instance::database().into(),
            instance::identifier().into(),
        ],
        |row| Ok((row.need(1)?, row.need(2)?)),
    )?;
    made.ok_or_else(|| Error::new(Code::WrongState, "the grant was not stored"))
}

/// Whether the column exists and carries a label.
fn still_there(asked: &Asked) -> bool {
    Column::by_number(asked.relid, asked.attnum).is_some_and(|column| {
        asking::protectors(&column)
            .is_ok_and(|by| by.iter().any(|target| asked.is((target.column.relid, target.column.attnum))))
    })
}

/// 55000 if a policy was attached to the column that nobody has been asked about.
fn unchanged(case: &Case, asked: &Asked) -> Result<()> {
    let Some(column) = Column::by_number(asked.relid, asked.attnum) else { return Ok(()) };
    let known = case.policies();
    for target in asking::protectors(&column)? {
        if let Some(new) = target.policies.iter().find(|policy| !known.contains(policy)) {
            return Err(Error::new(Code::WrongState, format!("policy \"{new}\" was attached to {} since", asked.name))
                .detail(format!("Request {} was made under other rules.", case.id))
                .hint(format!("SELECT * FROM jitmask.deny({}, 'please ask again');", case.id)));
        }
    }
    Ok(())
}
