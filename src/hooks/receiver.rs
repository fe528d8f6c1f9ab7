//! A destination that looks, before it passes on each row, whether the reveal may go on.
//!
//! Revocation moves the shared generation, expiry is a time: both are one comparison a row. Only when one of them has
//! moved is anything looked up.

use pgrx::pg_sys::{self, DestReceiver, PlannedStmt, TupleTableSlot};

use crate::catalog::session;
use crate::error::or_raise;
use crate::pg::{raw, shared};
use crate::rewrite::check;
use crate::rewrite::stamp::Stamp;

#[repr(C)]
struct Watched {
    public: DestReceiver,
    inner: *mut DestReceiver,
    plan: *mut PlannedStmt,
    generation: u64,
    valid_until: i64,
}

/// Puts a watch in front of a destination, for one run.
///
/// # Safety
/// `inner` and `plan` must outlive the run; the result is allocated in the current memory context.
pub unsafe fn watch(inner: *mut DestReceiver, plan: *mut PlannedStmt, stamp: &Stamp) -> *mut DestReceiver {
    // SAFETY: the struct begins with the public part, as every receiver's does.
    unsafe {
        let watched = raw::palloc0(size_of::<Watched>()).cast::<Watched>();
        (*watched).public = DestReceiver {
            receiveSlot: Some(receive),
            rStartup: Some(startup),
            rShutdown: Some(shutdown),
            rDestroy: Some(destroy),
            mydest: (*inner).mydest,
        };
        (*watched).inner = inner;
        (*watched).plan = plan;
        (*watched).generation = session::generation();
        (*watched).valid_until = stamp.valid_until;
        watched.cast()
    }
}

#[allow(ffi_unwind_calls, reason = "nothing on this frame needs dropping")]
unsafe extern "C-unwind" fn receive(slot: *mut TupleTableSlot, receiver: *mut DestReceiver) -> bool {
    // SAFETY: `receiver` is a Watched; the inner receiver is called as the executor would.
    unsafe {
        let watched = receiver.cast::<Watched>();
        if shared::generation() != (*watched).generation || raw::GetCurrentTimestamp() >= (*watched).valid_until {
            look(watched);
        }
        match (*(*watched).inner).receiveSlot {
            Some(receive) => receive(slot, (*watched).inner),
            None => false,
        }
    }
}

/// Something has moved: raises JM002 if the reveal is over.
#[pgrx::pg_guard]
unsafe extern "C-unwind" fn look(watched: *mut Watched) {
    // SAFETY: as in receive(); the plan is alive while it runs.
    unsafe {
        // A cancel of the watch's own would lose its name on the way through the guard; what is over is said here anyway.
        // An ERROR sets the counter back by itself.
        pg_sys::QueryCancelHoldoffCount += 1;
        if let Some(stamp) = Stamp::read((*watched).plan) {
            or_raise(check::goes_on(&stamp));
        }
        pg_sys::QueryCancelHoldoffCount -= 1;
        (*watched).generation = session::generation();
    }
}

#[allow(ffi_unwind_calls, reason = "nothing on this frame needs dropping")]
unsafe extern "C-unwind" fn startup(receiver: *mut DestReceiver, operation: i32, description: pg_sys::TupleDesc) {
    // SAFETY: as in receive().
    unsafe {
        let inner = (*receiver.cast::<Watched>()).inner;
        if let Some(startup) = (*inner).rStartup {
            startup(inner, operation, description);
        }
    }
}

#[allow(ffi_unwind_calls, reason = "nothing on this frame needs dropping")]
unsafe extern "C-unwind" fn shutdown(receiver: *mut DestReceiver) {
    // SAFETY: as in receive().
    unsafe {
        let inner = (*receiver.cast::<Watched>()).inner;
        if let Some(shutdown) = (*inner).rShutdown {
            shutdown(inner);
        }
    }
}

/// The inner receiver belongs to whoever made it; the watch goes with its memory context.
unsafe extern "C-unwind" fn destroy(_receiver: *mut DestReceiver) {}
