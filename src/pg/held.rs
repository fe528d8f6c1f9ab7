//! Cursors that outlive their transaction with their rows in store, and may be read only while somebody says so.
//!
//! FETCH passes a hook; a message of the client's that names the cursor as a portal passes none, nor does a FETCH within
//! PL/pgSQL. So such a cursor is shut while no statement runs: the server refuses to run a portal that is not marked as
//! ready (55000). A statement's hook opens those that may be read during it.

use std::cell::{Cell, RefCell};
use std::ffi::c_void;

use pgrx::pg_sys::{self, MemoryContextCallback, Portal, PortalStatus};

use super::local::Local;
use super::nesting;

static PORTALS: Local<RefCell<Vec<Portal>>> = Local::new(RefCell::new(Vec::new()));
static ANY: Local<Cell<bool>> = Local::new(Cell::new(false));

/// From now on, and until it is dropped, the cursor is one of these. False if it was already.
///
/// # Safety
/// `portal` must be valid.
pub unsafe fn note(portal: Portal) -> bool {
    if is(portal) {
        return false;
    }
    // SAFETY: what is allocated in the portal's context lives until gone() is called.
    unsafe {
        let callback: *mut MemoryContextCallback =
            pg_sys::MemoryContextAllocZero((*portal).portalContext, size_of::<MemoryContextCallback>()).cast();
        *callback = MemoryContextCallback { func: Some(gone), arg: portal.cast(), next: std::ptr::null_mut() };
        pg_sys::MemoryContextRegisterResetCallback((*portal).portalContext, callback);
    }
    PORTALS.borrow_mut().push(portal);
    ANY.set(true);
    true
}

/// Whether a portal, by its address, is one of these.
pub fn is(portal: Portal) -> bool {
    PORTALS.borrow().contains(&portal)
}

/// Whether there are any.
#[inline]
pub fn any() -> bool {
    ANY.get()
}

/// Opens one.
pub fn open(portal: Portal) {
    if is(portal) {
        // SAFETY: what is in the list is alive.
        unsafe { mark(portal, PortalStatus::PORTAL_DONE, PortalStatus::PORTAL_READY) };
    }
}

/// Shuts all of them, unless a statement is under way.
#[inline]
pub fn shut_if_idle() {
    if ANY.get() && nesting::depths().level == 0 {
        shut();
    }
}

/// Shuts all of them. Those marked as done are let alone by everybody: an error's clean-up fails what is not ready yet.
pub fn shut() {
    if ANY.get() {
        // SAFETY: as in open().
        unsafe {
            for portal in PORTALS.borrow().iter() {
                mark(*portal, PortalStatus::PORTAL_READY, PortalStatus::PORTAL_DONE);
            }
        }
    }
}

unsafe fn mark(portal: Portal, from: PortalStatus::Type, to: PortalStatus::Type) {
    // SAFETY: as for the callers. One that is being run, or has failed, stays what it is.
    unsafe {
        if (*portal).status == from {
            (*portal).status = to;
        }
    }
}

unsafe extern "C-unwind" fn gone(portal: *mut c_void) {
    let mut portals = PORTALS.borrow_mut();
    portals.retain(|known| *known != portal.cast());
    ANY.set(!portals.is_empty());
}
