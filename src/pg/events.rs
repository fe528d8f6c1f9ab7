//! Moments at which the server calls back: changes in the catalogs, ends of transactions.
//!
//! Each kind can be listened to once, with a plain function. The functions run inside the server's own bookkeeping:
//! they may change numbers and drop what they own, but not look anything up, raise, or call the server.

use std::cell::Cell;
use std::ffi::c_void;

use pgrx::pg_sys::{self, Oid};

use super::local::Local;
use super::{composing, held, nesting, raw, watch};

static RELATION: Local<Cell<Option<fn(Oid)>>> = Local::new(Cell::new(None));
static FUNCTION: Local<Cell<Option<fn()>>> = Local::new(Cell::new(None));
static ROLE: Local<Cell<Option<fn()>>> = Local::new(Cell::new(None));
static SCHEMA: Local<Cell<Option<fn()>>> = Local::new(Cell::new(None));
static TRANSACTION: Local<Cell<Option<fn()>>> = Local::new(Cell::new(None));
static COMMITTED: Local<Cell<Option<fn()>>> = Local::new(Cell::new(None));
static ABORTED: Local<Cell<Option<fn()>>> = Local::new(Cell::new(None));
static PREPARE: Local<Cell<Option<fn()>>> = Local::new(Cell::new(None));

/// What to call.
pub struct Listeners {
    /// A relation has changed; 0 means that any may have.
    pub relation_changed: fn(Oid),
    /// Some function has changed.
    pub function_changed: fn(),
    /// Some role, or who is a member of which, has changed.
    pub role_changed: fn(),
    /// Some schema has changed.
    pub schema_changed: fn(),
    /// A transaction has ended, either way.
    pub transaction_ended: fn(),
    /// A transaction has committed, is visible, and its invalidation messages are out.
    pub committed: fn(),
    /// A transaction has been rolled back.
    pub aborted: fn(),
    /// PREPARE TRANSACTION is about to happen. This one may raise.
    pub preparing: fn(),
}

/// Registers the listeners in this backend. Once per process: the server knows no unregistering.
pub fn listen(listeners: Listeners) {
    RELATION.set(Some(listeners.relation_changed));
    FUNCTION.set(Some(listeners.function_changed));
    ROLE.set(Some(listeners.role_changed));
    SCHEMA.set(Some(listeners.schema_changed));
    TRANSACTION.set(Some(listeners.transaction_ended));
    COMMITTED.set(Some(listeners.committed));
    ABORTED.set(Some(listeners.aborted));
    PREPARE.set(Some(listeners.preparing));
    let nothing = pg_sys::Datum::null();
    // SAFETY: the callbacks live as long as the process.
    unsafe {
        pg_sys::CacheRegisterRelcacheCallback(Some(relation_changed), nothing);
        pg_sys::CacheRegisterSyscacheCallback(
            pg_sys::SysCacheIdentifier::PROCOID as i32,
            Some(function_changed),
            nothing,
        );
        pg_sys::CacheRegisterSyscacheCallback(
            pg_sys::SysCacheIdentifier::NAMESPACEOID as i32,
            Some(schema_changed),
            nothing,
        );
        for roles in [pg_sys::SysCacheIdentifier::AUTHOID, pg_sys::SysCacheIdentifier::AUTHMEMROLEMEM] {
            pg_sys::CacheRegisterSyscacheCallback(roles as i32, Some(role_changed), nothing);
        }
        pg_sys::RegisterXactCallback(Some(transaction_event), std::ptr::null_mut());
        pg_sys::RegisterSubXactCallback(Some(subtransaction_event), std::ptr::null_mut());
        pg_sys::RegisterResourceReleaseCallback(Some(release_event), std::ptr::null_mut());
    }
}

/// Reads the invalidation messages that other sessions have sent.
pub fn accept_invalidations() {
    // SAFETY: may be called wherever a lock may be taken: it is what taking a lock does.
    unsafe { pg_sys::AcceptInvalidationMessages() }
}

/// Whether catalogs can be read: inside a transaction that has not failed.
pub fn in_live_transaction() -> bool {
    // SAFETY: reads a variable; can't raise.
    unsafe { raw::IsTransactionState() }
}

unsafe extern "C-unwind" fn relation_changed(_: pg_sys::Datum, relation: Oid) {
    if let Some(listener) = RELATION.get() {
        listener(relation);
    }
}

unsafe extern "C-unwind" fn function_changed(_: pg_sys::Datum, _: i32, _: u32) {
    if let Some(listener) = FUNCTION.get() {
        listener();
    }
}

unsafe extern "C-unwind" fn role_changed(_: pg_sys::Datum, _: i32, _: u32) {
    if let Some(listener) = ROLE.get() {
        listener();
    }
}

unsafe extern "C-unwind" fn schema_changed(_: pg_sys::Datum, _: i32, _: u32) {
    if let Some(listener) = SCHEMA.get() {
        listener();
    }
}

/// Those that are called at the end of a transaction change numbers, and no more: only the way into PREPARE is guarded.
unsafe extern "C-unwind" fn transaction_event(event: pg_sys::XactEvent::Type, _: *mut c_void) {
    use pg_sys::XactEvent::*;
    match event {
        XACT_EVENT_COMMIT | XACT_EVENT_ABORT | XACT_EVENT_PREPARE => {
            nesting::transaction_ended();
            watch::transaction_ended();
            if let Some(listener) = TRANSACTION.get() {
                listener();
            }
            if event == XACT_EVENT_ABORT {
                after_error();
                if let Some(listener) = ABORTED.get() {
                    listener();
                }
            }
        }
        // By now cursors WITH HOLD are filled.
        XACT_EVENT_PRE_COMMIT => held::shut_if_idle(),
        // SAFETY: called by the server.
        XACT_EVENT_PRE_PREPARE => unsafe { prepare() },
        _ => {}
    }
}

/// The error may have reached the server's main loop, which leaves no statement under way, whatever `nesting` thinks: it
/// can't tell before the next message of the client's.
fn after_error() {
    if composing::stay() {
        held::shut();
    }
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn prepare() {
    if let Some(listener) = PREPARE.get() {
        listener();
    }
}

unsafe extern "C-unwind" fn subtransaction_event(
    event: pg_sys::SubXactEvent::Type,
    id: pg_sys::SubTransactionId,
    _: pg_sys::SubTransactionId,
    _: *mut c_void,
) {
    use pg_sys::SubXactEvent::*;
    match event {
        SUBXACT_EVENT_START_SUB => watch::subtransaction_started(id),
        SUBXACT_EVENT_COMMIT_SUB => watch::subtransaction_ended(id, false),
        SUBXACT_EVENT_ABORT_SUB => {
            after_error();
            watch::subtransaction_ended(id, true);
        }
        _ => {}
    }
}

/// Locks are released after the commit became visible and its invalidation messages were sent, and before the client
/// hears of it: the one moment at which others, told to look, see everything.
unsafe extern "C-unwind" fn release_event(
    phase: pg_sys::ResourceReleasePhase::Type,
    commit: bool,
    top_level: bool,
    _: *mut c_void,
) {
    if phase == pg_sys::ResourceReleasePhase::RESOURCE_RELEASE_LOCKS
        && commit
        && top_level
        && let Some(listener) = COMMITTED.get()
    {
        listener();
    }
}
