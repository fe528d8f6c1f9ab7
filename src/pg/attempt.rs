//! Trying something that may raise, without losing the transaction.

use std::panic::AssertUnwindSafe;

use pgrx::pg_sys;
use pgrx::pg_sys::panic::CaughtError;

/// What an attempt failed with.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The server's message.
    pub message: String,
    /// Its code.
    pub code: pgrx::PgSqlErrorCode,
}

/// Runs `body` in a subtransaction of its own; an ERROR (or a panic) rolls that back and is returned.
///
/// In parallel mode no subtransaction can be started: there an ERROR goes through.
pub fn attempt<T>(body: impl FnOnce() -> T) -> Result<T, Failure> {
    // SAFETY: the pattern of PL/pgSQL's exception block: remember context and owner, run in a subtransaction, put both
    // back; the context stack is restored because the frames that pushed onto it are gone after an ERROR.
    unsafe {
        if pg_sys::IsInParallelMode() {
            return Ok(body());
        }
        let context = pg_sys::CurrentMemoryContext;
        let owner = pg_sys::CurrentResourceOwner;
        let callbacks = pg_sys::error_context_stack;
        pg_sys::BeginInternalSubTransaction(std::ptr::null());
        pg_sys::MemoryContextSwitchTo(context);
        let back = AssertUnwindSafe(move || {
            pg_sys::MemoryContextSwitchTo(context);
            pg_sys::CurrentResourceOwner = owner;
        });
        let failed = AssertUnwindSafe(move |failure: Failure| {
            pg_sys::error_context_stack = callbacks;
            pg_sys::RollbackAndReleaseCurrentSubTransaction();
            Err(failure)
        });
        let result = pgrx::PgTryBuilder::new(AssertUnwindSafe(move || {
            let value = body();
            pg_sys::ReleaseCurrentSubTransaction();
            Ok(value)
        }))
        .catch_others(move |caught| failed(describe(&caught)))
        .execute();
        back();
        result
    }
}

fn describe(caught: &CaughtError) -> Failure {
    match caught {
        CaughtError::PostgresError(report) | CaughtError::ErrorReport(report) => {
            Failure { message: report.message().to_owned(), code: report.sql_error_code() }
        }
        CaughtError::RustPanic { ereport, .. } => {
            Failure { message: ereport.message().to_owned(), code: ereport.sql_error_code() }
        }
    }
}
