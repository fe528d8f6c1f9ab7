//! Waiting for a decision: wait_for.
//!
//! Must hold: it sees what others commit while it waits, whatever snapshot its statement has, takes no transaction id and
//! no lock, and can be interrupted. Hence plain scans of the tables instead of SPI, and the server's own pg_sleep.

use std::ffi::CStr;

use jitmask_core::model::request::RequestState;
use pgrx::datum::{Interval, TimestampWithTimeZone};
use pgrx::pg_sys::Oid;
use pgrx::prelude::*;

use super::decide::Decided;
use super::{args, case, guard, store};
use crate::catalog::session;
use crate::error::{Code, Error, Result, or_raise};
use crate::pg::relation;
use crate::pg::scan::{self, Key};
use crate::pg::shared;

const WAIT: &str = "SELECT * FROM jitmask.wait_for(17, timeout => '30 seconds');";
/// How long to sleep between two looks, in microseconds: shorter than people notice, long enough to cost nothing.
const STEP: i64 = 200_000;

#[pg_extern(security_definer)]
#[search_path(pg_catalog, pg_temp)]
fn wait_for(
    id: Option<i64>,
    timeout: default!(Option<Interval>, "'30 seconds'"),
) -> TableIterator<
    'static,
    (name!(id, i64), name!(state, String), name!(message, String), name!(until, Option<TimestampWithTimeZone>)),
> {
    let body = || {
        let id = args::given("id", id, WAIT)?;
        let timeout = args::given("timeout", args::duration("timeout", timeout)?, WAIT)?;
        wait(id, timeout)
    };
    TableIterator::once(or_raise(body()))
}

fn wait(id: i64, timeout: i64) -> Result<Decided> {
    let isolation = store::read_one("SELECT pg_catalog.current_setting('transaction_isolation')", &[], |row| {
        row.need::<String>(1)
    })?;
    if isolation.as_deref() != Some("read committed") {
        return Err(Error::new(Code::WrongState, "jitmask.wait_for() needs isolation level READ COMMITTED")
            .detail("Under a stricter level this transaction would not see what is decided while it waits.")
            .hint("BEGIN ISOLATION LEVEL READ COMMITTED; or call it outside a transaction block."));
    }
    let tables = Tables::find()?;
    allowed(id)?;
    let deadline = shared::clock().time.saturating_add(timeout);
    loop {
        let Some((state, decide_by)) = tables.request(id) else { return Err(case::unknown(id)) };
        let now = shared::clock().time;
        match RequestState::parse(&state) {
            Some(RequestState::Pending | RequestState::ChangesRequested) if now >= decide_by => {
                return Ok((id, RequestState::TimedOut.as_str().to_owned(), "not decided in time".to_owned(), None));
            }
            Some(RequestState::Pending | RequestState::ChangesRequested) if now >= deadline => {
                return Ok((id, state, "not decided yet; you can wait again".to_owned(), None));
            }
            Some(RequestState::Pending | RequestState::ChangesRequested) => sleep(STEP.min(deadline - now))?,
            Some(RequestState::Approved) => return tables.grant(id, now),
            _ => return Ok((id, state.clone(), format!("{}; nothing was granted", state.replace('_', " ")), None)),
        }
    }
}

fn sleep(micros: i64) -> Result<()> {
    store::read("SELECT pg_catalog.pg_sleep($1::float8 / 1000000)", &[micros.into()], |_| Ok(())).map(|_| ())
}

/// 42704 if there is no such request, 42501 if it is none of the caller's business, 55000 if waiting would be in vain.
fn allowed(id: i64) -> Result<()> {
    let caller = session::caller();
    let found = store::read_one(
        "SELECT requester = $2, $2 = ANY (eligible),
                coalesce(xmin = pg_catalog.pg_current_xact_id_if_assigned()::xid, false)
           FROM jitmask.request_ WHERE id = $1",
        &[id.into(), caller.login.into()],
        |row| Ok((row.need::<bool>(1)?, row.need::<bool>(2)?, row.need::<bool>(3)?)),
    )?;
    let Some((own, decides, uncommitted)) = found else { return Err(case::unknown(id)) };
    if uncommitted {
        return Err(Error::new(Code::WrongState, format!("nobody can see request {id} yet"))
            .detail("It was made in this transaction, which is still open.")
            .hint(format!("COMMIT; SELECT * FROM jitmask.wait_for({id});")));
    }
    if own || decides || guard::oversees(caller) {
        return Ok(());
    }
    Err(Error::new(Code::Privilege, format!("request {id} is not yours"))
        .detail("Its requester can wait for it, who may decide it, administrators and auditors.")
        .hint("SELECT * FROM jitmask.my_requests;"))
}

/// The tables looked at, and their primary keys.
struct Tables {
    request: (Oid, Oid),
    grant: (Oid, Oid),
}

impl Tables {
    fn find() -> Result<Tables> {
        let pair = |table: &CStr, key: &CStr| -> Option<(Oid, Oid)> {
            let schema = relation::schema_named(c"jitmask")?;
            Some((relation::in_schema(schema, table)?, relation::in_schema(schema, key)?))
        };
        let found = pair(c"request_", c"request__pkey").zip(pair(c"grant_", c"grant__pkey"));
        let (request, grant) = found.ok_or_else(|| Error::new(Code::WrongState, "jitmask's tables are not there"))?;
        Ok(Tables { request, grant })
    }

    /// State and end of the time to decide, as committed by now.
    fn request(&self, id: i64) -> Option<(String, i64)> {
        let (table, index) = self.request;
        let number = |name| scan::column_number(table, name);
        let (key, state, decide_by) = (number(c"id"), number(c"state"), number(c"decide_by"));
        let mut found = None;
        scan::rows(table, Some(index), &[Key::BigInt(key, id)], |row| {
            found = row.get::<String>(state).zip(row.get::<i64>(decide_by));
        });
        found
    }

    /// The grant of an approved request.
    fn grant(&self, id: i64, now: i64) -> Result<Decided> {
        let (table, index) = self.grant;
        let number = |name| scan::column_number(table, name);
        let (key, state, expires_at) = (number(c"id"), number(c"state"), number(c"expires_at"));
        let mut found = None;
        scan::rows(table, Some(index), &[Key::BigInt(key, id)], |row| {
            found = row.get::<String>(state).zip(row.get::<i64>(expires_at));
        });
        let (state, expires_at) =
            found.ok_or_else(|| Error::new(Code::WrongState, format!("request {id} is approved and has no grant")))?;
        let until = TimestampWithTimeZone::try_from(expires_at).ok();
        if state != "active" {
            return Ok((id, state.clone(), format!("approved; the grant is {state}"), until));
        }
        if now >= expires_at {
            return Ok((id, "ended".to_owned(), "approved; the grant has run out".to_owned(), until));
        }
        let text =
            store::read_one("SELECT date_trunc('second', $1)::text", &[until.into()], |row| row.get::<String>(1))?;
        Ok((id, state, format!("active until {}", text.flatten().unwrap_or_default()), until))
    }
}
