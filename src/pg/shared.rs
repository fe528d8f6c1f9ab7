//! Shared memory: a counter of committed changes, the latest time anybody has seen, what was called off, and who has
//! heard of that.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use pgrx::prelude::*;
use pgrx::{PGRXSharedMemory, PgAtomic, pg_shmem_init};

use super::raw;

// SAFETY: the names are unique in shared memory: they carry the library's name.
static GENERATION: PgAtomic<AtomicU64> = unsafe { PgAtomic::new(c"jitmask generation") };
// SAFETY: as above.
static LATEST_TIME: PgAtomic<AtomicI64> = unsafe { PgAtomic::new(c"jitmask latest time") };

/// More processes than hold revealed rows in store at a time.
const MOST_LOOKOUTS: usize = 256;

struct Lookouts {
    /// One more than the number of calls-off that were seen; 0 in a free place.
    seen: [AtomicU64; MOST_LOOKOUTS],
}

// SAFETY: nothing but atomic numbers.
unsafe impl PGRXSharedMemory for Lookouts {}

// SAFETY: as above.
static LOOKOUTS: PgAtomic<Lookouts> = unsafe { PgAtomic::new(c"jitmask lookouts") };

/// Makes it look as if somebody had seen this time already.
#[cfg(feature = "pg_test")]
pub fn pretend_seen(time: i64) {
    LATEST_TIME.get().fetch_max(time, Ordering::SeqCst);
}

/// How many calls-off are remembered. A watch looks every few milliseconds; should more than these be called off in
/// between, it takes itself for called off.
const CALLED_OFF: usize = 1024;

struct CalledOff {
    count: AtomicU64,
    ids: [AtomicU64; CALLED_OFF],
}

// SAFETY: nothing but atomic numbers.
unsafe impl PGRXSharedMemory for CalledOff {}

// SAFETY: as above.
static CALLED: PgAtomic<CalledOff> = unsafe { PgAtomic::new(c"jitmask called off") };

/// Reserves the memory. Call once, while the library is being preloaded.
pub fn init() {
    pg_shmem_init!(GENERATION = AtomicU64::new(1));
    pg_shmem_init!(LATEST_TIME = AtomicI64::new(0));
    pg_shmem_init!(LOOKOUTS = Lookouts { seen: [const { AtomicU64::new(0) }; MOST_LOOKOUTS] });
    pg_shmem_init!(CALLED = CalledOff { count: AtomicU64::new(0), ids: [const { AtomicU64::new(0) }; CALLED_OFF] });
}

/// The number of committed changes so far.
pub fn generation() -> u64 {
    GENERATION.get().load(Ordering::SeqCst)
}

/// Counts one more committed change. Call once its invalidation messages have been sent.
pub fn next_generation() {
    GENERATION.get().fetch_add(1, Ordering::SeqCst);
}

/// A reading of the wall clock that never goes back while the server runs.
#[derive(Clone, Copy)]
pub struct Reading {
    /// The latest time seen by anybody, this reading included; microseconds since 2000-01-01 UTC.
    pub time: i64,
    /// The clock shows more than a second less than it once did.
    pub behind: bool,
}

/// Reads the clock. `time` never goes back, so what has run out stays so when somebody sets the clock back.
pub fn clock() -> Reading {
    const TOLERANCE: i64 = 1_000_000;
    // SAFETY: reads the clock; can't raise.
    let now = unsafe { raw::GetCurrentTimestamp() };
    let before = LATEST_TIME.get().fetch_max(now, Ordering::SeqCst);
    Reading { time: now.max(before), behind: now.saturating_add(TOLERANCE) < before }
}

/// Calls something off, for every watch on this id.
pub fn call_off(id: u64) {
    let called = CALLED.get();
    // The count goes up after the id is in place, so whoever sees the count sees the id.
    let place = called.count.load(Ordering::SeqCst);
    if let Some(slot) = called.ids.get((place % CALLED_OFF as u64) as usize) {
        slot.store(id, Ordering::SeqCst);
    }
    called.count.fetch_add(1, Ordering::SeqCst);
}

/// How many things were called off so far.
pub fn called_off_so_far() -> u64 {
    CALLED.get().count.load(Ordering::SeqCst)
}

/// Whether one of the ids was called off since `seen`. Only reads memory: fit for a signal handler.
pub fn called_off_since(seen: u64, is_mine: impl Fn(u64) -> bool) -> bool {
    let called = CALLED.get();
    let now = called.count.load(Ordering::SeqCst);
    if now.wrapping_sub(seen) >= CALLED_OFF as u64 {
        return true;
    }
    (seen..now).any(|place| {
        called.ids.get((place % CALLED_OFF as u64) as usize).is_some_and(|slot| is_mine(slot.load(Ordering::SeqCst)))
    })
}

/// Begins to say what this process has seen of the calls-off: whoever calls something off waits for it. `None` if too
/// many do so already; they are waited for by the clock.
pub fn take_lookout() -> Option<usize> {
    let seen = called_off_so_far() + 1;
    let lookouts = &LOOKOUTS.get().seen;
    lookouts.iter().position(|lookout| lookout.compare_exchange(0, seen, Ordering::SeqCst, Ordering::SeqCst).is_ok())
}

/// Everything called off before `seen` calls-off is known here, and obeyed. Fit for a signal handler.
pub fn looked_out(place: usize, seen: u64) {
    if let Some(lookout) = LOOKOUTS.get().seen.get(place) {
        lookout.store(seen + 1, Ordering::SeqCst);
    }
}

/// Ends what [`take_lookout`] began.
pub fn leave_lookout(place: usize) {
    if let Some(lookout) = LOOKOUTS.get().seen.get(place) {
        lookout.store(0, Ordering::SeqCst);
    }
}

/// Whether everybody has seen what was called off so far; `None` if not all of them can say.
pub fn all_have_seen() -> Option<bool> {
    let now = called_off_so_far();
    let mut taken = 0;
    let late = LOOKOUTS.get().seen.iter().any(|lookout| {
        let seen = lookout.load(Ordering::SeqCst);
        taken += usize::from(seen != 0);
        seen != 0 && seen <= now
    });
    if taken == MOST_LOOKOUTS { None } else { Some(!late) }
}
