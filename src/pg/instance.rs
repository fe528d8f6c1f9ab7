//! Which database of which cluster this is.

use pgrx::pg_sys::{self, Oid};

/// The database this session is connected to.
pub fn database() -> Oid {
    // SAFETY: reads a variable set at connection.
    unsafe { pg_sys::MyDatabaseId }
}

/// The cluster's system identifier, as a signed number because SQL has no unsigned one.
pub fn identifier() -> i64 {
    // SAFETY: reads the control data in shared memory.
    unsafe { pg_sys::GetSystemIdentifier() as i64 }
}

/// The server is a standby, or on its way out of recovery.
pub fn in_recovery() -> bool {
    // SAFETY: reads shared memory.
    unsafe { pg_sys::RecoveryInProgress() }
}
