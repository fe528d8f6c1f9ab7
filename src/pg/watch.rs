//! A watch over something that runs: stopped when its time is over or somebody calls it off.
//!
//! A timer looks every few milliseconds; what it finds becomes a query cancel at the next interrupt check, wherever the
//! statement is (in an aggregate, in a user's function), and an error context callback gives that error its own name.
//! The timer's handler runs in a signal: it reads atomics, sets flags, and that is all.

use std::cell::{Cell, RefCell};
use std::ffi::{CString, c_void};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};

use pgrx::pg_sys;

use super::local::Local;
use super::{compat, raw, shared, waiting};

/// How often the timer looks, in milliseconds.
const EVERY: i32 = 5;
/// More ids than one statement has.
const MOST: usize = 64;

static WATCHING: AtomicBool = AtomicBool::new(false);
static OVER: AtomicBool = AtomicBool::new(false);
/// What is over takes the session with it.
static TERMINATES: AtomicBool = AtomicBool::new(false);
/// The session is being ended because something is over.
static ENDING: AtomicBool = AtomicBool::new(false);
static UNTIL: AtomicI64 = AtomicI64::new(i64::MAX);
static SEEN: AtomicU64 = AtomicU64::new(0);
static COUNT: AtomicUsize = AtomicUsize::new(0);
static IDS: [AtomicU64; MOST] = [const { AtomicU64::new(0) }; MOST];

#[derive(Clone)]
struct Watch {
    until: i64,
    seen: u64,
    ids: Vec<u64>,
    terminates: bool,
}

static WATCHES: Local<RefCell<Vec<Watch>>> = Local::new(RefCell::new(Vec::new()));
static SUBTRANSACTIONS: Local<RefCell<Vec<(pg_sys::SubTransactionId, usize)>>> = Local::new(RefCell::new(Vec::new()));

thread_local! {
    static TIMER: Cell<Option<i32>> = const { Cell::new(None) };
    static MESSAGE: RefCell<Option<Message>> = const { RefCell::new(None) };
}

struct Message {
    sqlstate: i32,
    message: CString,
    detail: CString,
    hint: CString,
}

/// What the cancelled statement's error is to say instead.
pub fn say(sqlstate: i32, message: &str, detail: &str, hint: &str) {
    let text = |text: &str| CString::new(text).unwrap_or_default();
    let message = Message { sqlstate, message: text(message), detail: text(detail), hint: text(hint) };
    MESSAGE.with_borrow_mut(|slot| *slot = Some(message));
}

/// Begins a watch: until `until` (microseconds since 2000-01-01 UTC), or until one of `ids` is called off. `seen` is
/// [`shared::called_off_so_far`] as of before it was last known that none was. When it is over, the statement is
/// cancelled, or the session `terminates`.
pub fn begin(until: i64, seen: u64, ids: Vec<u64>, terminates: bool) {
    WATCHES.borrow_mut().push(Watch { until, seen, ids, terminates });
    publish();
}

/// Ends the innermost watch.
pub fn end() {
    WATCHES.borrow_mut().pop();
    publish();
}

/// A transaction has ended: nothing runs any more.
pub fn transaction_ended() {
    SUBTRANSACTIONS.borrow_mut().clear();
    if !WATCHES.borrow().is_empty() {
        WATCHES.borrow_mut().clear();
        publish();
    }
}

/// A subtransaction has started.
pub fn subtransaction_started(id: pg_sys::SubTransactionId) {
    let depth = WATCHES.borrow().len();
    SUBTRANSACTIONS.borrow_mut().push((id, depth));
}

/// A subtransaction has ended; what was begun in an aborted one no longer runs.
pub fn subtransaction_ended(id: pg_sys::SubTransactionId, aborted: bool) {
    let depth = {
        let mut stack = SUBTRANSACTIONS.borrow_mut();
        let Some(place) = stack.iter().rposition(|(known, _)| *known == id) else { return };
        let depth = stack.get(place).map(|(_, depth)| *depth);
        stack.truncate(place);
        depth
    };
    if aborted && let Some(depth) = depth {
        let ended = WATCHES.borrow().len() > depth;
        WATCHES.borrow_mut().truncate(depth);
        // What is over was stopped by an error, and somebody's EXCEPTION block has caught it, below a statement that is
        // still being watched. It must not go on to the next row: there is no error left that could not be caught.
        let goes_on = OVER.load(Ordering::SeqCst) && !WATCHES.borrow().is_empty();
        if goes_on {
            end_session();
        } else if ended {
            publish();
        }
    }
    if aborted {
        // An error that reached the server's main loop has put all timers off.
        keep_timer();
    }
}

/// Ends the session at the next interrupt check, also one within a send to a client that does not read. Fit for a signal
/// handler.
fn end_session() {
    ENDING.store(true, Ordering::SeqCst);
    // SAFETY: sets the flags that the server's own SIGTERM handler sets.
    unsafe {
        pg_sys::ProcDiePending = 1;
        pg_sys::InterruptPending = 1;
    }
}

/// Waits until everybody who holds revealed rows in store has heard what was called off: no statement of theirs would
/// look before those are given out. Not for ever, for a process may be stopped.
pub fn let_others_look() {
    const ROUNDS: i32 = 1000;
    for round in 0..ROUNDS {
        match shared::all_have_seen() {
            Some(true) => return,
            None if round > EVERY * 10 => return,
            Some(false) | None => {}
        }
        // SAFETY: sleeps for a millisecond.
        unsafe { pg_sys::pg_usleep(1000) };
    }
}

/// Puts the union of all watches where the signal handler can read it, and the timer on or off.
pub fn publish() {
    WATCHING.store(false, Ordering::SeqCst);
    let watches = WATCHES.borrow().clone();
    if watches.is_empty() {
        OVER.store(false, Ordering::SeqCst);
    } else {
        UNTIL.store(watches.iter().map(|watch| watch.until).min().unwrap_or(i64::MIN), Ordering::SeqCst);
        SEEN.store(watches.iter().map(|watch| watch.seen).min().unwrap_or(0), Ordering::SeqCst);
        TERMINATES.store(watches.iter().any(|watch| watch.terminates), Ordering::SeqCst);
        let ids = watches.iter().flat_map(|watch| &watch.ids);
        let count = ids.clone().count();
        // More than fit: then any call-off counts.
        COUNT.store(if count > MOST { usize::MAX } else { count }, Ordering::SeqCst);
        ids.zip(&IDS).for_each(|(id, slot)| slot.store(*id, Ordering::SeqCst));
        WATCHING.store(true, Ordering::SeqCst);
    }
    keep_timer();
}

/// The timer is on while there is something to watch, and only then.
fn keep_timer() {
    let needed = WATCHING.load(Ordering::SeqCst) || waiting::any();
    // SAFETY: a timer this process registered, once; the server calls the handler from its own alarm handler.
    unsafe {
        let on = TIMER.get().is_some_and(|timer| raw::get_timeout_active(timer));
        if needed && !on {
            let timer = TIMER.get().unwrap_or_else(|| raw::RegisterTimeout(compat::USER_TIMEOUT, tick));
            TIMER.set(Some(timer));
            let first = raw::GetCurrentTimestamp() + i64::from(EVERY) * 1000;
            raw::enable_timeout_every(timer, first, EVERY);
        } else if !needed
            && on
            && let Some(timer) = TIMER.get()
        {
            raw::disable_timeout(timer, false);
        }
    }
}

/// The timer's handler.
unsafe extern "C-unwind" fn tick() {
    // SAFETY: reads the clock and memory; sets flags as the server's own cancel handler does.
    unsafe {
        let now = raw::GetCurrentTimestamp();
        let seen = shared::called_off_so_far();
        let ending = waiting::any_over(now);
        if ending {
            end_session();
        }
        waiting::looked_out(seen);
        if ending {
            return;
        }
        if !WATCHING.load(Ordering::SeqCst) {
            return;
        }
        let count = COUNT.load(Ordering::SeqCst);
        let mine = |id| count == usize::MAX || IDS.iter().take(count).any(|slot| slot.load(Ordering::SeqCst) == id);
        let over = now >= UNTIL.load(Ordering::SeqCst) || shared::called_off_since(SEEN.load(Ordering::SeqCst), mine);
        if !over {
            return;
        }
        OVER.store(true, Ordering::SeqCst);
        if TERMINATES.load(Ordering::SeqCst) {
            end_session();
        } else {
            pg_sys::QueryCancelPending = 1;
            pg_sys::InterruptPending = 1;
        }
    }
}

/// The error context callback to have on the stack while a watch is on: gives the cancel its name.
pub unsafe extern "C-unwind" fn name_the_cancel(_argument: *mut c_void) {
    // SAFETY: called while an error is composed.
    unsafe {
        if raw::geterrcode() == ERRCODE_QUERY_CANCELED && OVER.load(Ordering::SeqCst) {
            name();
        }
    }
}

/// Gives the end of the session its name. Called while an error is composed.
pub unsafe fn name_the_end() {
    // SAFETY: as for the caller.
    unsafe {
        if raw::geterrcode() == ERRCODE_ADMIN_SHUTDOWN && ENDING.load(Ordering::SeqCst) {
            name();
        }
    }
}

const ERRCODE_QUERY_CANCELED: i32 = pgrx::PgSqlErrorCode::ERRCODE_QUERY_CANCELED as i32;
const ERRCODE_ADMIN_SHUTDOWN: i32 = pgrx::PgSqlErrorCode::ERRCODE_ADMIN_SHUTDOWN as i32;

unsafe fn name() {
    // SAFETY: the err*() functions only store into the error being composed. The texts live in a thread-local that
    // nobody changes meanwhile.
    MESSAGE.with(|slot| unsafe {
        if let Ok(slot) = slot.try_borrow()
            && let Some(message) = slot.as_ref()
        {
            raw::errcode(message.sqlstate);
            raw::errmsg_internal(c"%s".as_ptr(), message.message.as_ptr());
            raw::errdetail_internal(c"%s".as_ptr(), message.detail.as_ptr());
            raw::errhint(c"%s".as_ptr(), message.hint.as_ptr());
        }
    });
}
