//! A request as stored, loaded for somebody who is about to do something about it.
//!
//! For: approve, deny, cancel, revoke. Must hold: [`lock`] comes first and the clock is read after it, so that of two
//! deciders the second sees what the first did, and nobody decides after the time to decide is over.

use jitmask_core::model::duration;
use jitmask_core::model::request::RequestState;
use pgrx::datum::Interval;
use pgrx::pg_sys::Oid;
use pgrx::spi::quote_identifier;

use super::store;
use crate::error::{Code, Error, Result};

/// A column somebody asked for.
pub struct Asked {
    /// The relation whose label protects it.
    pub relid: Oid,
    /// The column there.
    pub attnum: i16,
    /// schema.table.column as of the request, quoted where needed.
    pub name: String,
    /// The policies attached to it at the time.
    pub policies: Vec<String>,
    /// Nobody who approved has left it out.
    pub approved: bool,
}

/// A request.
pub struct Case {
    /// The id it shares with its grant.
    pub id: i64,
    /// Who asked: a login.
    pub requester: Oid,
    /// Its name then.
    pub requester_name: String,
    /// Where it stands now; one whose time is over is timed out, whatever is stored.
    pub state: RequestState,
    /// Goes up when the requester amends it.
    pub revision: i32,
    /// Approvals needed.
    pub quorum: i32,
    /// Denials that deny.
    pub deny_threshold: i32,
    /// Who could decide when it was made.
    pub eligible: Vec<Oid>,
    /// Microseconds.
    pub duration: i64,
    /// What it is about.
    pub columns: Vec<Asked>,
}

impl Asked {
    /// Whether it is this column.
    pub fn is(&self, (relid, attnum): (Oid, i16)) -> bool {
        self.relid == relid && self.attnum == attnum
    }
}

impl Case {
    /// The policies of all its columns, each once.
    pub fn policies(&self) -> Vec<String> {
        let mut names: Vec<String> = self.columns.iter().flat_map(|asked| asked.policies.clone()).collect();
        names.sort();
        names.dedup();
        names
    }
}

/// Loads a request and keeps others from deciding it until the transaction ends. 42704 if there is none of that id.
pub fn lock(id: i64) -> Result<Case> {
    let locked = store::write("SELECT 1 FROM jitmask.request_ WHERE id = $1 FOR UPDATE", &[id.into()], |_| Ok(()))?;
    if locked.is_empty() {
        return Err(unknown(id));
    }
    // Read again after the wait for the lock: both the row and the clock may have moved on.
    let case = store::write_one(
        "SELECT requester, requester_name,
                CASE WHEN state IN ('pending', 'changes_requested') AND decide_by <= clock_timestamp()
                     THEN 'timed_out' ELSE state END,
                revision, quorum, deny_threshold, eligible, duration
           FROM jitmask.request_ WHERE id = $1",
        &[id.into()],
        |row| {
            let length: Interval = row.need(8)?;
            Ok(Case {
                id,
                requester: row.need(1)?,
                requester_name: row.need(2)?,
                state: state(&row.need::<String>(3)?)?,
                revision: row.need(4)?,
                quorum: row.need(5)?,
                deny_threshold: row.need(6)?,
                eligible: row.need(7)?,
                duration: duration::from_interval(length.months(), length.days(), length.micros())
                    .map_err(|error| broken(id, &error.to_string()))?,
                columns: Vec::new(),
            })
        },
    )?;
    let mut case = case.ok_or_else(|| unknown(id))?;
    case.columns = columns(id)?;
    Ok(case)
}

fn columns(id: i64) -> Result<Vec<Asked>> {
    store::write(
        "SELECT relid, attnum, relation_name, column_name, policy_name, approved
           FROM jitmask.request_column WHERE request_id = $1 ORDER BY relation_name, attnum",
        &[id.into()],
        |row| {
            let (relation, column): (String, String) = (row.need(3)?, row.need(4)?);
            Ok(Asked {
                relid: row.need(1)?,
                attnum: row.need(2)?,
                name: format!("{relation}.{}", quote_identifier(column)),
                policies: row.need::<String>(5)?.split(',').map(str::to_owned).collect(),
                approved: row.need(6)?,
            })
        },
    )
}

fn state(word: &str) -> Result<RequestState> {
    RequestState::parse(word)
        .ok_or_else(|| Error::new(Code::WrongState, format!("\"{word}\" is no state of a request")))
}

/// 42704 for an id nobody has.
pub fn unknown(id: i64) -> Error {
    Error::new(Code::Unknown, format!("there is no request {id}"))
        .hint("SELECT id, requester, columns FROM jitmask.pending_requests;")
}

fn broken(id: i64, why: &str) -> Error {
    Error::new(Code::WrongState, format!("request {id} can't be read")).detail(format!("{why}."))
}
