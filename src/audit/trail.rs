//! One row in `jitmask.audit_log` for every change of state, in the transaction that makes the change.
//!
//! For: every function of `api/` that changes anything; it calls [`record`] once, after the change.
//! Must hold: the row and the change commit or vanish together; no cell value, key or salt goes into `detail`.
//! Who and from where are read by the server itself, so a caller can't write them.

use pgrx::Spi;
use serde_json::Value;

use crate::error::{Code, Error, Result};
use crate::pg::guc;

/// `role` is the setting of SET ROLE, which SECURITY DEFINER does not change; `none` means that it was not used.
const INSERT: &str = "INSERT INTO jitmask.audit_log
      (event, login, effective_role, client_addr, application_name, request_id, object, detail)
    VALUES ($1, session_user,
        CASE WHEN pg_catalog.current_setting('role') = 'none' THEN session_user
             ELSE pg_catalog.current_setting('role') END,
        pg_catalog.inet_client_addr(), pg_catalog.current_setting('application_name'), $2, $3, $4::pg_catalog.jsonb)";

/// Writes one row: what happened, to which request (or grant: they share the id), to which object, and what else to know.
pub fn record(event: &str, request: Option<i64>, object: Option<&str>, detail: &Value) -> Result<()> {
    let detail = detail.to_string();
    guc::with_search_path(c"pg_catalog, pg_temp", || {
        Spi::run_with_args(INSERT, &[event.into(), request.into(), object.into(), detail.as_str().into()])
    })
    .map_err(|error| Error::new(Code::WrongState, "the audit row could not be written").detail(error.to_string()))
}
