//! Portals that hold rows in store: they were read at once, and are given out later, past every hook.
//!
//! So it is for what FETCH, EXECUTE and RETURNING put into a portal of the client's, and for cursors that outlive a COMMIT.
//! A watch over such a portal lasts as long as the portal. When its time is over or somebody calls it off while there
//! are rows left, nothing but the end of the session keeps them from the client. The timer of [`super::watch`] asks, in
//! its signal handler: so everything it reads is atomic, or a portal that is known to be there.

use std::ffi::c_void;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicPtr, AtomicU64, AtomicUsize, Ordering};

use pgrx::pg_sys::{self, DestReceiver, MemoryContextCallback, PortalData};

use super::{nesting, raw, shared, watch};

/// More portals with revealed rows than a session has open at a time.
const MOST: usize = 32;
/// More ids than one portal's rows were revealed by.
const MOST_IDS: usize = 16;

struct Entry {
    /// Null in a free entry. Stored last, and cleared first.
    portal: AtomicPtr<PortalData>,
    /// The portal's position that its first stored row has.
    base: AtomicU64,
    until: AtomicI64,
    seen: AtomicU64,
    /// `usize::MAX` if there are too many: then any id counts.
    count: AtomicUsize,
    ids: [AtomicU64; MOST_IDS],
}

static ENTRIES: [Entry; MOST] = [const {
    Entry {
        portal: AtomicPtr::new(std::ptr::null_mut()),
        base: AtomicU64::new(0),
        until: AtomicI64::new(0),
        seen: AtomicU64::new(0),
        count: AtomicUsize::new(0),
        ids: [const { AtomicU64::new(0) }; MOST_IDS],
    }
}; MOST];
/// This process's place among those that say what they have seen, plus one; 0 for none.
static LOOKOUT: AtomicUsize = AtomicUsize::new(0);
static WILL_TIDY: AtomicBool = AtomicBool::new(false);

/// A portal that is being filled, and the destination that its rows go to meanwhile: addresses, only to be compared.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub struct Filled {
    dest: usize,
    portal: usize,
}

impl Filled {
    /// None.
    pub const NONE: Filled = Filled { dest: 0, portal: 0 };
}

/// What a utility statement with this destination fills.
///
/// # Safety
/// `dest` must be null or a valid receiver.
pub unsafe fn target(dest: *mut DestReceiver) -> Option<Filled> {
    // SAFETY: see above.
    unsafe { active_store(dest) }.map(|portal| Filled { dest: dest as usize, portal: portal as usize })
}

/// The portal whose store a run with this destination fills.
///
/// # Safety
/// `dest` must be null or a valid receiver.
pub unsafe fn filled_by(dest: *mut DestReceiver) -> Option<*mut PortalData> {
    let filled = nesting::depths().filled;
    if filled.dest != 0 && filled.dest == dest as usize {
        return Some(filled.portal as *mut PortalData);
    }
    // SAFETY: see above.
    unsafe { active_store(dest) }
}

unsafe fn active_store(dest: *mut DestReceiver) -> Option<*mut PortalData> {
    // SAFETY: as for the callers; the active portal is null or valid.
    unsafe {
        let portal = pg_sys::ActivePortal;
        let stores = !dest.is_null()
            && (*dest).mydest == pg_sys::CommandDest::DestTuplestore
            && !portal.is_null()
            && !(*portal).holdStore.is_null();
        stores.then_some(portal)
    }
}

/// Begins a watch over a portal that is being filled: until `until`, or until one of `ids` is called off after `seen`.
/// False if there are too many portals under watch.
///
/// # Safety
/// `portal` must be valid.
#[must_use]
pub unsafe fn begin(portal: *mut PortalData, until: i64, seen: u64, ids: &[u64]) -> bool {
    let known = find(portal);
    let Some(entry) = known.or_else(|| find(std::ptr::null_mut())) else { return false };
    // SAFETY: the portal is valid; what is allocated in its context lives until gone() is called.
    unsafe {
        if known.is_none() {
            let scrolls = (*portal).cursorOptions & pg_sys::CURSOR_OPT_SCROLL as i32 != 0;
            entry.base.store(if scrolls { 0 } else { (*portal).portalPos }, Ordering::SeqCst);
            entry.until.store(until, Ordering::SeqCst);
            entry.seen.store(seen, Ordering::SeqCst);
            entry.count.store(0, Ordering::SeqCst);
            let callback =
                pg_sys::MemoryContextAllocZero((*portal).portalContext, size_of::<MemoryContextCallback>()).cast();
            *callback = MemoryContextCallback { func: Some(gone), arg: portal.cast(), next: std::ptr::null_mut() };
            pg_sys::MemoryContextRegisterResetCallback((*portal).portalContext, callback);
            if !WILL_TIDY.swap(true, Ordering::SeqCst) {
                pg_sys::before_shmem_exit(Some(tidy), pg_sys::Datum::null());
            }
        }
    }
    entry.until.fetch_min(until, Ordering::SeqCst);
    entry.seen.fetch_min(seen, Ordering::SeqCst);
    for id in ids {
        let count = entry.count.load(Ordering::SeqCst);
        let next = match entry.ids.get(count) {
            Some(slot) => {
                slot.store(*id, Ordering::SeqCst);
                count + 1
            }
            None => usize::MAX,
        };
        entry.count.store(next, Ordering::SeqCst);
    }
    entry.portal.store(portal, Ordering::SeqCst);
    if LOOKOUT.load(Ordering::SeqCst) == 0
        && let Some(place) = shared::take_lookout()
    {
        LOOKOUT.store(place + 1, Ordering::SeqCst);
    }
    watch::publish();
    true
}

/// Rows of one portal's store go into another's: the other is watched as well. False as for [`begin`].
///
/// # Safety
/// `from` must be null or valid, `into` must be what [`target`] said a moment ago.
#[must_use]
pub unsafe fn pass_on(from: *mut PortalData, into: Filled) -> bool {
    let Some(entry) = (!from.is_null()).then(|| find(from)).flatten() else { return true };
    let count = entry.count.load(Ordering::SeqCst);
    let mut ids: Vec<u64> = entry.ids.iter().take(count).map(|id| id.load(Ordering::SeqCst)).collect();
    if count == usize::MAX {
        // One more than fit, and so will the other one have.
        ids.push(0);
    }
    // SAFETY: see above.
    unsafe {
        begin(
            into.portal as *mut PortalData,
            entry.until.load(Ordering::SeqCst),
            entry.seen.load(Ordering::SeqCst),
            &ids,
        )
    }
}

fn find(portal: *mut PortalData) -> Option<&'static Entry> {
    ENTRIES.iter().find(|entry| entry.portal.load(Ordering::SeqCst) == portal)
}

/// Whether any portal is under watch.
pub fn any() -> bool {
    ENTRIES.iter().any(|entry| !entry.portal.load(Ordering::SeqCst).is_null())
}

/// Whether what this portal holds in store may no longer be given out.
pub fn is_over(portal: *mut PortalData) -> bool {
    // SAFETY: reads the clock.
    let now = unsafe { raw::GetCurrentTimestamp() };
    !portal.is_null() && find(portal).is_some_and(|entry| entry.is_over(now))
}

/// Whether some portal still holds rows that may no longer be given out. Fit for a signal handler.
pub fn any_over(now: i64) -> bool {
    ENTRIES.iter().any(|entry| entry.has_rows_left() && entry.is_over(now))
}

/// What was called off before `seen` calls-off is known, and the session is being ended if it has to be. Fit for a signal
/// handler.
pub fn looked_out(seen: u64) {
    if let Some(place) = LOOKOUT.load(Ordering::SeqCst).checked_sub(1) {
        shared::looked_out(place, seen);
    }
}

fn leave_lookout() {
    if let Some(place) = LOOKOUT.swap(0, Ordering::SeqCst).checked_sub(1) {
        shared::leave_lookout(place);
    }
}

impl Entry {
    fn is_over(&self, now: i64) -> bool {
        let count = self.count.load(Ordering::SeqCst);
        let mine =
            |id| count == usize::MAX || self.ids.iter().take(count).any(|slot| slot.load(Ordering::SeqCst) == id);
        now >= self.until.load(Ordering::SeqCst) || shared::called_off_since(self.seen.load(Ordering::SeqCst), mine)
    }

    fn has_rows_left(&self) -> bool {
        let portal = self.portal.load(Ordering::SeqCst);
        if portal.is_null() {
            return false;
        }
        // SAFETY: the entry is cleared when the portal's memory goes; both functions only read a number.
        unsafe {
            let store = (*portal).holdStore;
            if store.is_null() || (*portal).atEnd {
                return false;
            }
            let stored = u64::try_from(raw::tuplestore_tuple_count(store)).unwrap_or(u64::MAX);
            (*portal).portalPos.saturating_sub(self.base.load(Ordering::SeqCst)) < stored
        }
    }
}

/// The portal is being dropped.
unsafe extern "C-unwind" fn gone(portal: *mut c_void) {
    if let Some(entry) = find(portal.cast()) {
        entry.portal.store(std::ptr::null_mut(), Ordering::SeqCst);
        if !any() {
            leave_lookout();
        }
        watch::publish();
    }
}

/// The session ends, perhaps with portals that nobody drops: nobody shall wait for it.
unsafe extern "C-unwind" fn tidy(_code: i32, _argument: pg_sys::Datum) {
    leave_lookout();
}
